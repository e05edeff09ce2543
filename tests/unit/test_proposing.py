"""What the slicers beyond plain clusters propose, and which shapes are no group."""

import numpy as np
import pytest

from aggressors.contracts import Condition
from aggressors.queries.grammar import format_filter, parse
from aggressors.slicing.literals import Rule, as_filter
from aggressors.slicing.mixed import Both, MixedSlicer
from aggressors.slicing.points import Points
from aggressors.slicing.protocol import Limits, Proposal, Sight
from aggressors.slicing.rank import choose
from aggressors.slicing.seeds import seeds
from aggressors.slicing.shallow import ShallowTreeSlicer
from aggressors.slicing.shape import shape
from aggressors.stages.frame import Field

N = 1_200
LIMITS = Limits(25, 400)


def number(name, values):
    return Field(name, "number", "", np.asarray(values, dtype=float), None, ())


def f1(one, two):
    return 2 * (one & two).sum() / (one.sum() + two.sum())


def propose(slicer, data, signal, limits):
    return slicer.propose(Sight(data, signal, data, limits))


def in_one_label(fields, space=None):
    n = len(fields[0].numbers)
    space = np.zeros((n, 0)) if space is None else space
    return Points(space, np.zeros(n, dtype=np.int64), None, ("coat",), tuple(fields))


def test_a_tree_finds_what_lies_in_the_middle_of_a_field():
    rng = np.random.default_rng(0)
    speed, noise = rng.uniform(0, 10, N), rng.normal(size=N)
    middle = (speed >= 4) & (speed < 6)
    data = in_one_label([number("speed", speed), number("noise", noise)])
    found = propose(ShallowTreeSlicer(), data, rng.normal(middle, 0.3), Limits(25, 400))
    best = max(found, key=lambda each: f1(each.members(data), middle))
    assert f1(best.members(data), middle) > 0.97
    assert {(each.field, each.op) for each in best.region.conditions} == {
        ("speed", "<"),
        ("speed", ">="),
    }


def test_a_tree_reads_whole_numbers_missing_ones_and_categories():
    rng = np.random.default_rng(1)
    doors = rng.integers(1, 7, N).astype(float)
    doors[:100] = np.nan
    site = Field("site", "category", "", None, rng.integers(-1, 3, N), ("a", "b", "c"))
    bad = (doors >= 4) & (site.codes == 2)
    data = in_one_label([number("doors", doors), site])
    found = propose(ShallowTreeSlicer(), data, rng.normal(bad, 0.2), Limits(25, 400))
    best = max(found, key=lambda each: f1(each.members(data), bad))
    assert f1(best.members(data), bad) == 1
    said = {(each.field, each.op, each.values) for each in best.region.conditions}
    assert said == {("doors", ">=", (4,)), ("site", "=", ("c",))}


def test_a_tree_survives_numbers_beyond_single_precision():
    rng = np.random.default_rng(2)
    odd = rng.normal(size=N)
    odd[:3] = [np.inf, -np.inf, 1e300]
    data = in_one_label([number("odd", odd)])
    found = propose(ShallowTreeSlicer(), data, rng.normal(odd > 1, 0.2), Limits(25, 400))
    bounds = [value for each in found for said in each.region.conditions for value in said.values]
    assert bounds
    assert np.isfinite(bounds).all()


@pytest.mark.parametrize("bad", ["missing", "known"])
def test_a_tree_says_that_a_value_is_missing(bad):
    rng = np.random.default_rng(8)
    missing = rng.random(N) < (0.2 if bad == "missing" else 0.8)
    speed = np.where(missing, np.nan, rng.random(N))
    signal = rng.normal(missing if bad == "missing" else ~missing, 0.2)
    found = propose(ShallowTreeSlicer(), in_one_label([number("speed", speed)]), signal, LIMITS)
    said = [said for each in found for said in each.region.conditions]
    assert all(np.isfinite(each.values).all() for each in said)
    if bad == "missing":
        assert Condition("speed", "missing") in said
    for each in found:
        parse(format_filter(as_filter(each.region.conditions)))


def test_a_region_is_cut_down_to_what_fails_in_it():
    rng = np.random.default_rng(3)
    island = np.arange(N) < 300
    space = rng.normal(size=(N, 4)) + 6 * island[:, None]
    speed = rng.uniform(0, 10, N)
    bad = island & (speed < 3)
    label = (np.arange(N) % 2).astype(np.int64)
    data = Points(space, label, None, ("coat", "bag"), (number("speed", speed),))
    found = propose(MixedSlicer(), data, rng.normal(2.0 * bad, 0.3), Limits(25, 400))
    best = max(found, key=lambda each: f1(each.members(data), bad))
    assert f1(best.members(data), bad) > 0.85
    assert best.members(data)[~bad].sum() < 10
    assert [each.field for each in best.region.rule.conditions] == ["speed"]
    assert (best.region.region.holds(data) & ~best.members(data)).any()


def test_a_condition_that_changes_nothing_is_not_added():
    rng = np.random.default_rng(4)
    island = np.arange(N) < 300
    space = rng.normal(size=(N, 4)) + 6 * island[:, None]
    label = (np.arange(N) % 2).astype(np.int64)
    data = Points(space, label, None, ("coat", "bag"), (number("speed", rng.uniform(size=N)),))
    sight = Sight(data, 2.0 * island, data, Limits(25, 400))
    assert any(f1(member, island) > 0.9 for _, member in seeds(sight))
    for each in MixedSlicer().propose(sight):
        whole = Proposal("", each.region.region, each.labels).members(data)
        assert not (whole & island == whole).all()  # where all fail alike no part fails more


class Given:
    """A region that holds the given samples."""

    def __init__(self, member):
        self.member = member

    def holds(self, points):
        return self.member


def test_a_grab_bag_has_no_score_and_a_rule_need_not_lie_together():
    rng = np.random.default_rng(5)
    space = rng.normal(size=(600, 3))
    data = Points(space, np.zeros(600, dtype=np.int64), None, ("coat",), ())
    together, scattered = space[:, 0] > 1, rng.random(600) < 0.15
    shapes = shape(
        [Proposal("own", Given(together)), Proposal("own", Given(scattered))],
        np.array([together, scattered]),
        data,
    )
    assert shapes.coherence[0] > 0.6
    assert shapes.factor[0] > 0.1
    assert abs(shapes.coherence[1] - scattered.mean()) < 0.05
    assert shapes.factor[1] == 0
    as_rule = shape([Proposal("rule", Rule(()))], scattered[None], data)
    assert as_rule.factor[0] > 0


def test_a_part_inside_a_label_gives_way_to_a_whole_that_is_as_bad():
    rng = np.random.default_rng(6)
    n = 900
    whole, part = np.arange(n) < 120, np.arange(n) < 50
    none = np.empty((0, n), dtype=bool)

    def first(excess_outside, shape_of_whole=0.3, told_already=None):
        signal = rng.normal(1.0 * part + excess_outside * (whole & ~part), 0.2)
        groups, shapes = np.array([part, whole]), np.array([1.0, shape_of_whole])
        inside = np.array([True, False])

        def is_news(told, place):
            return place != told_already

        return choose(groups, signal, shapes, 1, none, is_news, inside_labels=inside)[0].best

    assert first(0.9) == 1
    assert first(0.1) == 0
    assert first(0.9, shape_of_whole=0.0) == 0  # a grab-bag is no whole
    assert first(0.9, told_already=1) == 0


def test_both_lies_where_its_region_lies():
    rng = np.random.default_rng(7)
    speed, half = rng.uniform(size=50), np.arange(50) < 25
    data = in_one_label([number("speed", speed)], rng.normal(size=(50, 2)))
    both = Both(Given(half), Rule((Condition("speed", "<", (0.5,)),)))
    np.testing.assert_array_equal(both.holds(data), half & (speed < 0.5))
    assert both.label_means is None
    centred = Given(half)
    centred.label_means = np.zeros((1, 2))
    assert Both(centred, Rule(())).label_means is centred.label_means


def test_without_labels_bad_regions_are_cut_down_too():
    rng = np.random.default_rng(9)
    island = np.arange(N) < 300
    space, speed = rng.normal(size=(N, 4)) + 6 * island[:, None], rng.uniform(0, 10, N)
    bad = island & (speed < 3)
    data = Points(space, np.full(N, -1), None, (), (number("speed", speed),))
    found = propose(MixedSlicer(), data, rng.normal(2.0 * bad, 0.3), LIMITS)
    assert max(f1(each.members(data), bad) for each in found) > 0.85
