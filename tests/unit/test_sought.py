"""Error trees and worst pairs: what was planted is found, what is chance is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggressors.contracts import EVERYTHING
from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.sought import error_tree, worst_pairs
from gridded import agrees, gridded, planted
from queried import queried

N = 2_000


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    run = planted(tmp_path_factory.mktemp("runs"))
    yield run
    run.close()


@pytest.fixture(scope="module")
def awkward(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found.run
    found.run.close()


def test_the_tree_finds_a_planted_interaction(kitchen):
    found = error_tree(kitchen, EVERYTHING)
    worst = max(found.nodes, key=lambda node: node.figures.error_rate)
    text = format_filter(worst.claim)
    assert "room = kitchen" in text
    assert "light <" in text
    assert worst.figures.error_rate > 0.4
    assert {node.field for node in found.nodes} <= {"", "room", "light", "label"}


def test_nodes_part_the_scope_and_their_failures_add_up(kitchen):
    found = error_tree(kitchen, EVERYTHING)
    root, children = found.nodes[0], {}
    assert (root.parent, root.depth, root.field) == (-1, 0, "")
    assert root.figures.n == N
    assert root.figures.error_share == 1.0
    for node in found.nodes[1:]:
        children.setdefault(node.parent, []).append(node)
    assert children
    for parent, (worse, better) in children.items():
        whole = found.nodes[parent]
        assert worse.depth == whole.depth + 1 <= 3
        assert worse.figures.n + better.figures.n == whole.figures.n
        assert worse.figures.error_rate >= better.figures.error_rate
        assert worse.figures.error_share + better.figures.error_share == pytest.approx(
            whole.figures.error_share
        )


@pytest.mark.parametrize("scope", ["all", "room = kitchen", "light < 0.5 and not room is missing"])
def test_each_node_is_the_filter_that_holds_it(kitchen, scope):
    filter = parse(scope)
    for node in error_tree(kitchen, filter).nodes:
        assert agrees(kitchen, filter, node.claim, node.figures.n)


def test_the_half_that_judges_chooses_no_question(tmp_path):
    """Were the confirm half read, its other pattern would draw the tree."""
    n = 2_000
    fold = [("discover", "confirm")[at % 2] for at in range(n)]
    left = ["a" if at % 4 < 2 else "b" for at in range(n)]
    right = ["a" if at % 3 == 0 else "b" for at in range(n)]
    wrong = [
        (one if half == "discover" else other) == "a"
        for half, one, other in zip(fold, left, right, strict=True)
    ]
    with gridded(
        tmp_path, {"left": left, "right": right}, loss=[float(one) for one in wrong], fold=fold,
        label=["x"] * n, prediction=["y" if one else "x" for one in wrong],
    ) as run:  # fmt: skip
        found = error_tree(run, EVERYTHING)
        assert found.unseen
        assert found.chosen_on == n / 2
        assert {node.field for node in found.nodes} == {"", "left"}
        assert found.nodes[0].figures.n == n  # counted on all
        judged = error_tree(run, parse("fold = confirm"))
        assert not judged.unseen
        assert {node.field for node in judged.nodes} == {"", "right"}


def test_chance_alone_grows_no_tree_and_makes_no_pair(tmp_path_factory):
    grown = paired = 0
    for seed in range(10):
        with planted(tmp_path_factory.mktemp("runs"), seed=seed, strength=0.0, n=1_000) as run:
            grown += len(error_tree(run, EVERYTHING).nodes) > 1
            paired += len(worst_pairs(run, EVERYTHING).found) > 0
    assert grown <= 2
    assert paired <= 2


def test_worst_pairs_hold_the_planted_one_first(kitchen):
    found = worst_pairs(kitchen, EVERYTHING)
    first = found.found[0]
    assert {part.field for part in first.parts} == {"light", "room"}
    assert "room = kitchen" in format_filter(first.claim)
    assert 0 < first.excess < first.figures.mean
    assert found.looked_at > 50
    assert found.unseen


def test_a_field_that_says_nothing_makes_no_pair_of_one_that_does(tmp_path):
    rng = np.random.default_rng(2)
    n = 3_000
    light, noise = rng.random(n), rng.normal(size=n)
    loss = rng.exponential(0.2, n) + 2.0 * (light < 0.2)
    with gridded(
        tmp_path, {"light": light.tolist(), "noise": noise.tolist()}, loss=loss.tolist()
    ) as run:
        assert worst_pairs(run, EVERYTHING).found == ()


@pytest.mark.parametrize("scope", ["all", "room = kitchen", "light < 0.8"])
def test_each_pair_is_the_filter_that_holds_it(kitchen, scope):
    filter = parse(scope)
    found = worst_pairs(kitchen, filter).found
    assert all(agrees(kitchen, filter, pair.claim, pair.figures.n) for pair in found)


@pytest.mark.parametrize("scope", ["none", "population = unlabeled", "population = train"])
def test_where_nothing_is_to_compare_the_root_stands_alone(awkward, scope):
    filter = parse(scope)
    tree = error_tree(awkward, filter)
    assert tree.nodes[0].claim == EVERYTHING
    assert all(agrees(awkward, filter, node.claim, node.figures.n) for node in tree.nodes)
    found = worst_pairs(awkward, filter)
    assert all(agrees(awkward, filter, pair.claim, pair.figures.n) for pair in found.found)
    if scope == "none":
        assert tree.nodes[0].figures.n == 0
        assert tree.nodes[0].figures.error_share is None
        assert found.looked_at == 0


@pytest.mark.parametrize("predicted", ["x", "y"])
def test_where_all_or_none_are_wrong_nothing_is_parted(tmp_path, predicted):
    n = 300
    room = ["a", "b", "c"] * 100
    with gridded(
        tmp_path, {"room": room}, loss=[1.0] * n, label=["x"] * n, prediction=[predicted] * n
    ) as run:
        assert len(error_tree(run, EVERYTHING).nodes) == 1
        assert worst_pairs(run, EVERYTHING).found == ()


def test_regression_and_metrics_grow_a_tree_of_what_is_worst(tmp_path):
    n = 1_200
    light = [at % 100 / 100 for at in range(n)]
    iou = [0.2 if value < 0.24 else 0.9 - at % 7 / 100 for at, value in enumerate(light)]
    truth = [float(at % 9) for at in range(n)]
    with gridded(
        tmp_path, {"light": light}, loss=truth, label=truth, prediction=truth, metric=iou,
        signal="1 - iou", task="regression",
    ) as run:  # fmt: skip
        found = error_tree(run, EVERYTHING)
    assert found.failing == "failing"
    assert format_filter(found.nodes[1].claim) == "light < 0.24"
    assert found.nodes[1].figures.error_rate == 1.0
    assert found.nodes[1].figures.error_share == pytest.approx(1.0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["all", "light < 0.6", "room = küche"]))
def test_any_tree_and_any_pairs_agree_with_their_filters(tmp_path_factory, seed, scope):
    rng = np.random.default_rng(seed)
    n = 400
    light = np.where(rng.random(n) < 0.1, np.nan, np.round(rng.random(n), rng.integers(1, 4)))
    room = rng.choice(["küche", 'a "q"', "not", "7", "true"], n)
    fields = {
        "light": [None if np.isnan(value) else value for value in light.tolist()],
        "room": np.where(rng.random(n) < 0.2, None, room).tolist(),
        "hour": rng.integers(0, 4, n).astype(float).tolist(),
    }  # fmt: skip
    wrong = rng.random(n) < np.where((np.nan_to_num(light) < 0.4) & (room != "not"), 0.8, 0.1)
    label = rng.choice(["x", "y"], n)
    with gridded(
        tmp_path_factory.mktemp("runs"), fields, loss=(rng.random(n) + wrong).tolist(),
        label=[None if at % 9 == 0 else str(one) for at, one in enumerate(label)],
        prediction=np.where(wrong, "z", label).tolist(),
        weight=rng.choice([0.5, 1.0, 2.0], n).tolist(),
    ) as run:  # fmt: skip
        filter = parse(scope)
        for node in error_tree(run, filter).nodes:
            assert agrees(run, filter, node.claim, node.figures.n)
        for pair in worst_pairs(run, filter).found:
            assert agrees(run, filter, pair.claim, pair.figures.n)
