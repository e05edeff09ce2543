"""Samples that belong together: how alike they are, and what that costs."""

import numpy as np
import pytest

from aggressors.contracts import Settings
from aggressors.stages.associate import analysed, relate
from aggressors.stages.frame import Field
from aggressors.stats.association import rank_biserial, ranked
from aggressors.stats.clustering import Clusters


def test_samples_that_stand_alone_are_no_clusters():
    assert Clusters.of(np.arange(5)) is None
    assert Clusters.of(np.array([7, 7, 3])).size.tolist() == [1, 2]


def test_likeness_is_that_of_analysis_of_variance():
    clusters = Clusters.of(np.array([0, 0, 0, 1, 1, 1, 2, 2, 2]))
    values = np.array([9.0, 10, 11, 4, 6, 5, 1, 2, 3])
    # by hand: means 10, 5, 2; between 3 * (4.333^2 + .667^2 + 3.667^2) / 2 = 49, within 6 / 6 = 1
    assert clusters.likeness(values) == pytest.approx((49 - 1) / (49 + 2 * 1))


def test_likeness_of_codes_is_agreement_beyond_chance():
    clusters = Clusters.of(np.array([0, 0, 1, 1, 2, 2]))
    codes = np.array([0, 0, 1, 1, 0, 1])
    # two of three pairs agree, half would by chance
    assert clusters.likeness_of_codes(codes) == pytest.approx((2 / 3 - 1 / 2) / (1 / 2))


@pytest.mark.parametrize(
    "values",
    [
        np.full(6, np.nan),
        np.full(6, 3.0),
        np.array([1.0, np.nan, np.nan, 2.0, np.nan, np.nan]),
        np.array([1.0, -1, 1, -1, 1, -1]),
    ],
)
def test_likeness_is_zero_where_nothing_can_be_told(values):
    clusters = Clusters.of(np.array([0, 0, 1, 1, 2, 2]))
    assert clusters.likeness(values) == 0
    assert clusters.likeness_of_codes(np.full(6, -1)) == 0
    assert clusters.likeness_of_codes(np.zeros(6, dtype=np.int64)) == 0


def test_copies_of_samples_prove_no_more_than_the_samples():
    rng = np.random.default_rng(3)
    x, member = rng.normal(size=200), rng.random(200) < 0.3
    x[member] += 0.4
    once = rank_biserial(ranked(x), np.flatnonzero(member))
    copies, group = np.repeat(x, 10), np.repeat(np.arange(200), 10)
    inside = np.repeat(member, 10)
    clusters = Clusters.of(group)
    widened = clusters.inflation(clusters.likeness(copies), clusters.likeness(inside.astype(float)))
    assert widened == pytest.approx(10, rel=0.02)  # a little more: 200 samples tell how alike
    ten = rank_biserial(ranked(copies), np.flatnonzero(inside), inflation=widened)
    assert ten.value == pytest.approx(once.value)
    assert ten.p_value == pytest.approx(once.p_value, rel=0.05)
    assert ten.high - ten.low == pytest.approx(once.high - once.low, rel=0.05)


VIDEO = np.repeat(np.arange(120), 20)


def noise_called(loss_of, member_of, trials=150):
    """Shares of trials in which a field of the video, related to nothing, has p <= 0.05.

    By target, statistic and stratum; the labels differ, and each video has one.
    """
    rng = np.random.default_rng(4)
    called = {}
    for _ in range(trials):
        label = rng.integers(0, 4, 120)[VIDEO]
        member, loss = member_of(label, rng), loss_of(label, rng)
        x = rng.normal(size=120)[VIDEO] + 0.3 * rng.normal(size=len(VIDEO))
        codes = rng.integers(0, 4, 120)[VIDEO]
        fields = (
            Field("x", "number", "", x, None, ()),
            Field("site", "category", "", None, codes, ("a", "b", "c", "d")),
            Field("gap", "number", "", np.where(codes == 0, np.nan, x), None, ()),
        )
        data = analysed(loss, label, Clusters.of(VIDEO), {1: np.flatnonzero(member)}, Settings())
        for field in fields:
            for concept, found in relate(field, data):
                key = (concept, field.name, found.target, found.effect.statistic, found.stratum)
                called.setdefault(key, []).append(found.effect.p_value <= 0.05)
    return {key: np.mean(each) for key, each in called.items() if len(each) > trials / 2}


def bad_videos(label, rng):
    """Members: most frames of a fifth of the videos, of two labels."""
    bad = (rng.random(120) < 0.3)[VIDEO] & (label < 2)
    return bad & (rng.random(len(VIDEO)) < 0.8)


@pytest.mark.parametrize(
    "loss_of",
    [
        lambda label, rng: np.exp(2 * (rng.normal(size=120)[VIDEO] + 0.5 * rng.normal(size=2_400))),
        lambda label, rng: 4.0 * label + rng.exponential(size=120)[VIDEO] + rng.random(2_400),
    ],
    ids=["heavy tails", "hard labels"],
)
def test_noise_that_is_alike_within_videos_is_not_called_significant(loss_of):
    called = noise_called(loss_of, bad_videos)
    assert len(called) >= 20
    # 5 % of 150 trials, and four standard errors more, are 12 %
    assert {key: share for key, share in called.items() if share > 0.12} == {}


def test_frames_that_pass_for_samples_would_call_much_noise():
    rng = np.random.default_rng(4)
    found = []
    for _ in range(100):
        x = rng.normal(size=120)[VIDEO]
        label = rng.integers(0, 4, 120)[VIDEO]
        found.append(rank_biserial(ranked(x), np.flatnonzero(bad_videos(label, rng))).p_value)
    assert np.mean(np.array(found) <= 0.05) > 0.4
