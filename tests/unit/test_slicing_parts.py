"""The pieces of the search, each against a case worked out by hand or another library."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from aggressors.contracts import Condition
from aggressors.slicing.clusters import SMOOTHING, smoothed, ward_nodes
from aggressors.slicing.concept import levels, parents, parts_last
from aggressors.slicing.confirm import GapBar, Half, confirm, worth_testing
from aggressors.slicing.cutting import MAX_TREE, Cutting
from aggressors.slicing.literals import Rule, holds, literals, readable, spoken
from aggressors.slicing.name import describe, distinct, name_of
from aggressors.slicing.points import Points, nearest, neighbours
from aggressors.slicing.protocol import Limits, Proposal, Sight
from aggressors.slicing.rank import choose
from aggressors.slicing.rules import RuleSlicer
from aggressors.slicing.space import Space, metadata_vectors
from aggressors.slicing.told import Told
from aggressors.stages.frame import Field


def number(name, values):
    return Field(name, "number", "", np.asarray(values, dtype=float), None, ())


def category(name, values, kind="category"):
    names = sorted({value for value in values if value is not None})
    codes = [-1 if value is None else names.index(value) for value in values]
    return Field(name, kind, "", None, np.array(codes), tuple(names))


def points(*fields, space=None, label=None, classes=("coat", "shirt"), probabilities=None):
    n = (
        len(fields[0].numbers if fields and fields[0].numbers is not None else fields[0].codes)
        if (fields)
        else len(space)
    )
    return Points(
        np.zeros((n, 0)) if space is None else np.asarray(space, dtype=float),
        np.full(n, -1) if label is None else np.asarray(label),
        probabilities,
        classes,
        fields,
    )


# --- Space ---


def test_space_evens_its_axes_out_but_not_wholly():
    vectors = np.random.default_rng(0).normal(size=(4_000, 3)) * [9, 4, 1]
    spread = Space.fit(vectors, 3).place(vectors).std(axis=0)
    np.testing.assert_allclose(spread / spread[-1], [3, 2, 1], rtol=0.05)  # the square roots
    assert (spread**2).mean() == pytest.approx(1)


def test_space_drops_what_does_not_vary():
    vectors = np.column_stack([np.arange(10.0), np.ones(10), np.zeros(10)])
    assert Space.fit(vectors, 3).place(vectors).shape == (10, 1)
    assert Space.fit(np.ones((10, 3)), 3).place(np.ones((4, 3))).shape == (4, 0)


def test_metadata_makes_a_space_of_its_own():
    fields = (
        number("brightness", [0, 2, np.nan, 4]),
        category("station", ["a", "b", "a", None]),
        category("note", ["x", "y", "z", "w"], kind="text"),
    )
    vectors = metadata_vectors(fields, 4, np.arange(4))
    assert vectors.shape == (4, 3)  # one number, two stations; text is left out
    assert vectors[2, 0] == 0  # missing stands at the mean
    np.testing.assert_array_equal(vectors[:, 1:], [[1, 0], [0, 1], [1, 0], [0, 0]])


def test_neighbours_are_the_nearest():
    rng = np.random.default_rng(1)
    space = rng.normal(size=(50, 3))
    found = neighbours(space, space, 4, exclude=np.arange(50))
    distance = np.linalg.norm(space[:, None] - space[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    np.testing.assert_array_equal(np.sort(found), np.sort(np.argsort(distance)[:, :4]))
    assert neighbours(space[:1], space[:1], 4, exclude=np.array([0])).shape == (1, 0)


def test_nearest_centroid():
    np.testing.assert_array_equal(
        nearest(np.array([[0.0], [4], [6]]), np.array([[5.0], [1]])), [1, 0, 0]
    )


# --- Clusters ---


def test_ward_tree_equals_scipys_for_cells_of_one_sample():
    position = np.random.default_rng(2).normal(size=(25, 3))
    ours = {frozenset(np.flatnonzero(node)) for node in ward_nodes(position, np.ones(25, int))}
    members = {place: frozenset([place]) for place in range(25)}
    for step, (one, two, _, _) in enumerate(linkage(position, "ward")):
        members[25 + step] = members[int(one)] | members[int(two)]
    assert ours == set(members.values())


def test_ward_weighs_cells_by_their_size():
    # Joining 0 and 1 costs 100*100/200*1 = 50, 1 and 2 only 100*1/101*4 = 3.96.
    nodes = list(ward_nodes(np.array([[0.0], [1.0], [3.0]]), np.array([100, 100, 1])))
    np.testing.assert_array_equal(nodes[3], [False, True, True])


def test_a_cut_survives_repeated_positions():
    partition, counts = Cutting(np.repeat([[0.0], [9.0]], 20, axis=0)).cells(8)
    assert sorted(counts) == [20, 20]
    assert len(partition.centroids) == 2


def test_a_cut_finds_islands_whatever_the_order_of_the_rows():
    rng = np.random.default_rng(12)
    centres = rng.uniform(0, 50, (6, 3))
    space = np.repeat(centres, MAX_TREE, axis=0) + rng.normal(0, 0.1, (6 * MAX_TREE, 3))
    for order in (np.arange(len(space)), rng.permutation(len(space))):
        partition, sizes = Cutting(space[order]).cells(6)
        assert sizes.tolist() == [MAX_TREE] * 6
        found = partition.centroids[nearest(centres, partition.centroids)]
        np.testing.assert_allclose(found, centres, atol=0.05)


def test_smoothing_takes_the_nearest_samples():
    space = np.arange(3.0 * SMOOTHING)[:, None]
    loss = (np.arange(3 * SMOOTHING) < SMOOTHING) * 1.0
    places = np.array([[SMOOTHING / 2], [3.0 * SMOOTHING]])
    np.testing.assert_allclose(smoothed(places, space, loss), [1, 0], atol=0.05)


# --- Literals ---


def test_thresholds_are_readable():
    assert readable(0.18342, 0.6, whole=False) == 0.18
    assert readable(1234.567, 900, whole=False) == 1230
    assert readable(2019.2, 8, whole=True) == 2019
    assert spoken(Condition("brightness", "<", (0.18,))) == "brightness < 0.18"
    assert spoken(Condition("label", "=", ("shirt",))) == "shirt"
    assert spoken(Condition("label", "in", ("coat", "shirt"))) == "coat or shirt"
    assert spoken(Condition("station", "missing")) == "no station"


def test_conditions_and_missing_values():
    data = points(
        number("light", [0.1, 0.5, np.nan]),
        category("station", ["north", None, "dock"]),
        category("note", ["a Dark alley", None, "sun"], kind="text"),
        label=[0, 1, -1],
    )

    def met(name, op, *values):
        return holds(Condition(name, op, values), data).tolist()

    assert met("light", "<", 0.5) == [True, False, False]
    assert met("light", ">=", 0.5) == [False, True, False]
    assert met("light", "missing") == [False, False, True]
    assert met("station", "=", "dock") == [False, False, True]
    assert met("station", "missing") == [False, True, False]
    assert met("note", "contains", "dark") == [True, False, False]
    assert met("label", "=", "coat") == [True, False, False]


def test_literals_leave_out_rare_and_universal_conditions():
    data = points(
        category("station", ["a"] * 30 + ["b"] * 10 + ["c"] * 2),
        category("id", [f"s{place}" for place in range(42)], kind="identifier"),
        category("note", ["blurred picture"] * 12 + ["fine"] * 30, kind="text"),
        number("hour", [8] * 21 + [20] * 21),
    )
    found = {spoken(each) for each in literals(data, 10)}
    assert {"station = a", "station = b", "note contains blurred", "hour < 20"} <= found
    assert not any("station = c" in each or "id" in each.split() for each in found)


# --- Confirm, rank ---


def test_repeats_and_good_groups_are_not_tested():
    label = np.repeat([0, 1], 30)
    half = Half(points(space=np.zeros((60, 0)), label=label), label + 0.0, np.ones(60))
    worse, same, better = (
        Proposal("a", Rule(()), (1,)),
        Proposal("b", Rule((Condition("label", "=", ("shirt",)),))),
        Proposal("a", Rule(()), (0,)),
    )
    kept, members = worth_testing(
        [worse, same, better], half, Limits(10, 60), GapBar(0.05, 0.25, 0.95)
    )
    assert kept == [worse]
    np.testing.assert_array_equal(members[0], label == 1)


def test_the_bar_needs_certainty_and_matter():
    rng = np.random.default_rng(3)
    light = np.repeat([0.2, 0.8], 200)
    half = Half(points(number("light", light)), rng.normal(1 + light / 3, 0.1), np.ones(400))
    proposal = [Proposal("a", Rule((Condition("light", ">=", (0.5,)),)))]
    for material, passes in ((0.1, True), (0.3, False)):
        tested = confirm(proposal, np.ones((1, 1), bool), half, GapBar(0.05, material, 0.95), 10)
        assert tested.confirmed.tolist() == [passes]


def test_a_hard_label_confirms_nothing_and_a_part_that_is_worse_than_it_does():
    rng = np.random.default_rng(13)
    label, light = np.repeat([0, 1], 200), np.tile([0.2, 0.8], 200)
    data = points(number("light", light), label=label)
    rule = Rule((Condition("light", ">=", (0.5,)),))
    proposals = [Proposal("a", Rule(()), (1,)), Proposal("a", rule, (1,))]
    for excess, passes in ((0.0, [False, False]), (1.0, [False, True])):
        signal = rng.normal(label + excess * label * (light > 0.5), 0.2)
        half = Half(data, signal, np.ones(400))
        tested = confirm(proposals, np.ones((2, 1), bool), half, GapBar(0.001, 0.1, 0.95), 10)
        assert tested.confirmed.tolist() == passes


def test_a_part_that_is_as_bad_as_its_whole_is_no_news():
    rng = np.random.default_rng(4)
    whole, worse, alike = np.arange(400) < 100, np.arange(400) < 30, np.arange(400) % 100 < 30
    alike &= whole
    signal = rng.normal(whole + 1.0 * worse, 0.2)
    told = Told(signal)
    told.add(whole)
    assert told.leaves_open(worse)
    even = Told(rng.normal(whole + 0.0, 0.2))
    even.add(whole)
    assert not even.leaves_open(alike)
    assert not even.leaves_open(whole | (np.arange(400) > 350))  # bad in a known part alone


def test_a_part_of_a_label_must_be_worse_than_the_label():
    rng = np.random.default_rng(9)
    label = np.repeat([0, 1], 200)
    part = (label == 1) & (np.arange(400) % 3 == 0)
    alike = Told(rng.normal(label, 0.2))
    assert alike.leaves_open(part)
    assert not alike.leaves_open(part, label)
    assert alike.leaves_open(label == 1, label)  # the whole label has only others to compare with
    assert Told(rng.normal(label + 0.5 * part, 0.2)).leaves_open(part, label)


def test_choose_takes_each_story_once():
    rng = np.random.default_rng(5)
    n = 600
    one, two = np.arange(n) < 80, (np.arange(n) >= 300) & (np.arange(n) < 360)
    nearly_one = one.copy()
    nearly_one[:10] = False
    signal = rng.normal(1 + 2.0 * one + 1.0 * two, 0.3)
    none = np.empty((0, n), dtype=bool)
    groups = np.array([nearly_one, two, one])
    picks = choose(groups, signal, np.ones(3), 10, none, lambda told, place: True)
    assert [pick.best for pick in picks] == [2, 1]
    assert set(picks[0].voters) == {0, 2}
    assert picks[0].votes.sum() == pytest.approx(1)
    picks = choose(groups, signal, np.ones(3), 10, groups[:1], lambda told, place: True)
    assert [pick.best for pick in picks] == [1]  # the first story is told
    picks = choose(groups, signal, np.ones(3), 10, none, lambda told, place: place != 1)
    assert [pick.best for pick in picks] == [2]


def test_parents_levels_and_order():
    rows = np.arange(100)
    groups = np.array([rows < 40, rows < 20, rows < 8, rows >= 60, (rows >= 15) & (rows < 25)])
    parent = parents(groups)
    assert parent == [None, 0, 1, None, 0]
    assert levels(parent) == [0, 1, 2, 0, 1]
    assert parts_last(groups) == [0, 3, 1, 2, 4]
    assert parts_last(groups[[1, 0]]) == [0, 1]  # a part that ranked first stays first
    both = np.array([rows < 30, (rows >= 30) & (rows < 60), (rows >= 15) & (rows < 45), rows >= 50])
    assert parts_last(both) == [0, 1, 3, 2]  # it lies in the first two together


# --- Names ---


def test_the_shortest_rule_names_a_group():
    rng = np.random.default_rng(6)
    light, label = rng.random(800), rng.integers(0, 2, 800)
    station = rng.choice(["north", "south"], 800).tolist()
    data = points(number("light", light), category("station", station), label=label)
    member = (light < 0.18) & (label == 1)
    found = describe(member, data, own={"station"})
    assert name_of(found, member, data) == "shirt · light < 0.18"
    held = Rule(found.conditions).holds(data)
    assert found.precision == pytest.approx((held & member).sum() / held.sum())
    assert found.recall == pytest.approx((held & member).sum() / member.sum())


def test_users_own_fields_are_preferred():
    dark = np.arange(200) < 40
    data = points(
        number("brightness", np.where(dark, 0.1, 0.9)),
        category("time", np.where(dark, "dusk", "day").tolist()),
    )
    assert name_of(describe(dark, data, own={"time"}), dark, data) == "time = dusk"
    assert name_of(describe(dark, data, own={"brightness"}), dark, data).startswith("brightness <")


@pytest.mark.parametrize(
    ("shares", "space", "name"),
    [
        ([0.1, 0.1, 0.1], "", "unnamed region across labels"),
        ([0.1, 0.1, 0.1], "look", "unnamed region of look across labels"),
        ([0.3, 0.0, 0.0], "", "unnamed region near shirt"),
        ([0.31, 0.3, 0.0], "", "unnamed region near shirt or boot"),
    ],
)
def test_an_unnamed_region_lies_near_labels_only_where_they_are_frequent_in_it(shares, space, name):
    label = np.arange(3_000) % 3
    member = np.random.default_rng(7).random(3_000) < np.array(shares)[label]
    data = points(space=np.zeros((3_000, 0)), label=label, classes=("shirt", "boot", "coat"))
    assert name_of(describe(member, data, own=()), member, data, space) == name


def test_a_group_that_nothing_describes_says_so():
    rng = np.random.default_rng(7)
    label = rng.integers(0, 2, 400)
    member = rng.random(400) < np.where(label == 1, 0.3, 0.05)
    data = points(number("light", rng.random(400)), label=label)
    assert name_of(describe(member, data, own=()), member, data) == "unnamed region near shirt"
    unlabeled = points(number("light", rng.random(400)))
    assert name_of(describe(member, unlabeled, own=()), member, unlabeled) == "unnamed region"


def test_equal_names_are_told_apart():
    assert distinct(["a", "b", "a"]) == ["a", "b", "a (2)"]


# --- Rules ---


def test_of_two_rules_that_fit_alike_the_one_that_reads_easily_is_taken():
    rng = np.random.default_rng(10)
    dark = np.arange(300) < 45
    data = points(
        number("entropy", np.where(dark, 1.0, 3.0) + 0.1 * rng.random(300)),
        number("brightness", np.where(dark, 0.1, 0.5) + 0.1 * rng.random(300)),
    )
    signal = rng.normal(1 + 2.0 * dark, 0.1)
    best = RuleSlicer().propose(Sight(data, signal, data, Limits(20, 100)))[0]
    assert [each.field for each in best.region.conditions] == ["brightness"]
    np.testing.assert_array_equal(best.members(data), dark)


def test_two_labels_that_lie_together_are_searched_together():
    rng = np.random.default_rng(11)
    label = rng.integers(0, 3, 600)
    operator = rng.choice(["a", "b", "c", "d"], 600)
    careless = (operator == "d") & (label > 0)
    data = points(
        category("operator", operator.tolist()),
        space=np.array([[0.0], [5.0], [6.0]])[label] + rng.normal(0, 0.1, (600, 1)),
        label=label,
        classes=("bag", "coat", "shirt"),
    )
    signal = rng.normal(careless, 0.2)
    found = RuleSlicer().propose(Sight(data, signal, data, Limits(25, 300)))
    pair = [each for each in found if each.labels == (1, 2)]
    assert any((each.members(data) == careless).all() for each in pair)
    assert not [each for each in found if each.labels == (0, 2)]
