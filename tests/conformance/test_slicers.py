"""What every slicer must do, whatever its method."""

import numpy as np
import pytest

from aggressors.slicing.find import SLICERS
from aggressors.slicing.points import Points
from aggressors.slicing.protocol import Limits, Sight
from aggressors.stages.frame import Field

LIMITS = Limits(smallest=25, largest=160)
every_slicer = pytest.mark.parametrize("slicer", SLICERS, ids=lambda slicer: slicer.name)


def sample(n=640, seed=0, *, label=True, d=6, labels=3):
    rng = np.random.default_rng(seed)
    code = rng.integers(0, labels, n)
    light = rng.random(n)
    space = rng.normal(size=(n, d))
    if d:
        space[:, 0] += 3 * code
        space[:, 1] += 4 * (light < 0.15)
    probabilities = rng.dirichlet(np.ones(labels), n).astype(np.float32)
    fields = (
        Field("light", "number", "", light, None, ()),
        Field("station", "category", "", None, rng.integers(-1, 3, n), ("a", "b", "c")),
    )
    points = Points(
        space, code if label else np.full(n, -1), probabilities, tuple("xyz")[:labels], fields
    )
    return points, rng.exponential(1, n) + 2 * (light < 0.15)


def propose(slicer, points, signal):
    everyone = points.join(sample(len(points), seed=5, d=points.space.shape[1],
                                  labels=len(points.classes))[0])  # fmt: skip
    return slicer.propose(Sight(points, signal, everyone, LIMITS))


@every_slicer
def test_proposals_keep_the_limits(slicer):
    points, signal = sample()
    proposals = propose(slicer, points, signal)
    assert proposals
    for proposal in proposals:
        assert LIMITS.allow(proposal.members(points).sum()), proposal
        assert proposal.found_by


@every_slicer
def test_proposals_are_the_same_each_time(slicer):
    points, signal = sample()
    other, _ = sample(seed=9)
    first = propose(slicer, points, signal)
    second = propose(slicer, sample()[0], signal)
    assert len(first) == len(second)
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.members(other), two.members(other))


@every_slicer
def test_a_proposal_applies_to_any_sample_one_by_one(slicer):
    points, signal = sample()
    new, _ = sample(seed=1)
    for proposal in propose(slicer, points, signal)[::7]:
        together = proposal.strength(new)
        apart = [proposal.strength(new.take(np.array([row])))[0] for row in range(20)]
        np.testing.assert_allclose(together[:20], apart)


@every_slicer
def test_prediction_plays_no_part_where_the_label_is_known(slicer):
    points, signal = sample()
    opposite = np.roll(points.probabilities, 1, axis=1)
    changed = Points(points.space, points.label, opposite, points.classes, points.fields)
    here, there = (propose(slicer, each, signal) for each in (points, changed))
    assert len(here) == len(there)
    for one, two in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.members(points), two.members(changed))


@every_slicer
def test_unlabeled_samples_are_members_as_surely_as_they_carry_the_label(slicer):
    points, signal = sample()
    new, _ = sample(seed=2)
    unlabeled = Points(new.space, np.full(len(new), -1), new.probabilities, new.classes, new.fields)
    for proposal in propose(slicer, points, signal):
        inside = proposal.region.holds(new)
        strength = proposal.strength(unlabeled)
        if not proposal.labels:
            np.testing.assert_array_equal(strength, proposal.region.holds(unlabeled))
        else:
            share = new.probabilities[:, proposal.labels].sum(axis=1)
            np.testing.assert_allclose(strength, inside * share, rtol=1e-6)


@every_slicer
@pytest.mark.parametrize(
    "shape", [{"n": 0}, {"n": 20}, {"label": False}, {"d": 0}, {"labels": 1}], ids=str
)
def test_unusual_data_raises_nothing(slicer, shape):
    points, signal = sample(**shape)
    for proposal in propose(slicer, points, signal):
        assert LIMITS.allow(proposal.members(points).sum())


@every_slicer
@pytest.mark.parametrize("varies", ["nothing", "the label alone"])
def test_samples_that_all_lie_in_one_place(slicer, varies):
    points, _ = sample()
    places = points.label[:, None] * (varies != "nothing") + np.ones_like(points.space)
    same = Points(places, points.label, None, points.classes, points.fields)
    for proposal in slicer.propose(Sight(same, np.ones(len(same)), same, LIMITS)):
        assert LIMITS.allow(proposal.members(same).sum())
