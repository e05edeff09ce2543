"""Samples that belong together: how alike they are, and what that costs."""

import numpy as np
import pytest

from aggressors.stats.association import coded, cramers_v, rank_biserial, ranked, spearman
from aggressors.stats.clustering import Clusters
from aggressors.stats.information import in_bins, mutual_information


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
    assert widened == pytest.approx(10)
    ten = rank_biserial(ranked(copies), np.flatnonzero(inside), inflation=widened)
    assert ten.value == pytest.approx(once.value)
    assert ten.p_value == pytest.approx(once.p_value, rel=0.05)
    assert ten.high - ten.low == pytest.approx(once.high - once.low, rel=0.05)


def effect_of_noise(kind, clusters, rng):
    """A field of the video, unrelated to which frames fail: p-values with clusters and without."""
    video = clusters.code
    member = (rng.random(100) < 0.2)[video] & (rng.random(len(video)) < 0.8)
    inside = np.flatnonzero(member)
    if kind == "category":
        codes = rng.integers(0, 4, 100)[video]
        test, given = cramers_v, (coded(codes, 4), inside)
        likeness = clusters.likeness_of_codes(codes)
    else:
        x = rng.normal(size=100)[video] + 0.3 * rng.normal(size=len(video))
        likeness = clusters.likeness(x)
        test, given = {
            "number": (rank_biserial, (ranked(x), inside)),
            "information": (mutual_information, (in_bins(ranked(x)), inside)),
            "loss": (spearman, (ranked(x), ranked(member + rng.random(len(video))))),
        }[kind]
    widened = clusters.inflation(likeness, clusters.likeness(member.astype(float)))
    return test(*given, inflation=widened).p_value, test(*given).p_value


@pytest.mark.parametrize("kind", ["number", "category", "information", "loss"])
def test_noise_that_is_alike_within_videos_is_not_called_significant(kind):
    rng = np.random.default_rng(4)
    clusters = Clusters.of(np.repeat(np.arange(100), 20))
    found = np.array([effect_of_noise(kind, clusters, rng) for _ in range(200)])
    called, naive = (found <= 0.05).sum(axis=0)
    assert naive > 80  # of 200: what would be claimed if frames were samples of their own
    assert called <= 20  # 5 % of 200 are 10, and three standard errors more are 19
