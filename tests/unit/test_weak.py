"""Grids: cells against hand-computed figures, and each cell against its own filter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError, UsageError
from aggressors.queries.columns import OTHER
from aggressors.queries.grammar import parse
from aggressors.queries.samples import count
from aggressors.queries.weak import grid
from gridded import agrees, gridded
from queried import ODD, queried

ROOMS = ("küche", "bad und WC", 'a "quoted" one', "not", "7", "=x()")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Eight samples: two rooms, a number without a value here and there, one unlabeled."""
    run = gridded(
        tmp_path_factory.mktemp("runs"),
        {
            "room": ["a", "a", "b", "b", "b", None, "a", "b"],
            "light": [1.0, 2.0, 1.0, None, 2.0, 2.0, 1.0, 1.0],
        },
        loss=[1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 2.0, None],
        weight=[1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 3.0, 1.0],
        label=["x", "x", "y", "y", "x", "y", "x", None],
        prediction=["x", "y", "x", "y", "y", "y", "x", "x"],
    )
    yield run
    run.close()


def cells_of(found):
    """Cells by the words of their parts."""
    words = [
        ["missing" if part.is_missing else part.value or part.low or "least" for part in parts]
        for parts in found.parts
    ]
    return {
        tuple(axis[at] for axis, at in zip(words, cell.places, strict=True)): cell
        for cell in found.cells
    }


def test_a_grid_of_two_fields_holds_the_means_and_errors_of_hand(small):
    found = grid(small, EVERYTHING, ["room", "light"])
    cells = cells_of(found)
    assert {name: cell.figures.n for name, cell in cells.items()} == {
        ("b", "least"): 2, ("b", 2.0): 1, ("b", "missing"): 1,
        ("a", "least"): 2, ("a", 2.0): 1, ("missing", 2.0): 1,
    }  # fmt: skip
    dark = cells["a", "least"].figures  # losses 1 and 2 with weights 1 and 3, both right
    assert (dark.n, dark.n_known) == (2, 2)
    assert dark.mean == pytest.approx(1.75)
    assert (dark.error_rate, dark.error_share) == (0.0, 0.0)
    one = cells["b", "least"].figures  # a loss of 5 that is wrong, and a sample without label
    assert (one.n, one.n_known, one.mean, one.low) == (2, 1, 5.0, None)
    assert (one.error_rate, one.error_share) == (1.0, pytest.approx(2 / 4))  # of weight 1 + 2 + 1
    whole = found.whole
    assert (whole.n, whole.n_known) == (8, 7)
    assert whole.mean == pytest.approx((1 + 3 + 10 + 7 + 9 + 11 + 6) / 10)
    assert whole.error_rate == pytest.approx(4 / 10)
    assert found.failing == "wrong"


def test_the_interval_of_equal_weights_is_that_of_student(tmp_path):
    losses = np.random.default_rng(0).exponential(size=40)
    with gridded(tmp_path, {"room": ["a"] * 25 + ["b"] * 15}, loss=losses.tolist()) as run:
        cell = cells_of(grid(run, EVERYTHING, ["room"]))["a",].figures
    low, high = scipy_stats.t.interval(
        0.95, 24, losses[:25].mean(), scipy_stats.sem(losses[:25])
    )  # fmt: skip
    assert (cell.low, cell.high) == (pytest.approx(low), pytest.approx(high))


def test_what_is_in_scope_is_divided_and_nothing_else(small):
    found = grid(small, parse("population = validation and label = x"), ["room"])
    assert {name: cell.figures.n for name, cell in cells_of(found).items()} == {
        ("a",): 3,
        ("b",): 1,
    }
    assert found.whole.n == 4


def test_rare_categories_stand_together(tmp_path):
    rooms = [f"room {at % 14}" for at in range(100)]
    with gridded(tmp_path, {"room": rooms}, loss=[1.0] * 100) as run:
        found = grid(run, EVERYTHING, ["room"], top=3)
        assert [part.value for part in found.parts[0]] == [
            "room 0",
            "room 1",
            "room 10",
            OTHER,
            None,
        ]
        assert all(agrees(run, EVERYTHING, cell.claim, cell.figures.n) for cell in found.cells)
        assert sum(cell.figures.n for cell in found.cells) == 100


def test_too_many_values_for_an_enum_are_divided_too(tmp_path):
    rooms = [f"room {at}" for at in range(700)] + ["hall"] * 50 + [None] * 5
    with gridded(tmp_path, {"room": rooms}, loss=[1.0] * len(rooms)) as run:
        found = grid(run, EVERYTHING, ["room"], top=2)
        cells = {name: cell.figures.n for name, cell in cells_of(found).items()}
        assert cells == {("hall",): 50, ("room 0",): 1, (OTHER,): 699, ("missing",): 5}
        assert all(agrees(run, EVERYTHING, cell.claim, cell.figures.n) for cell in found.cells)


@pytest.mark.parametrize("scope", ["all", "population = validation", "none", "hour > 3"])
@pytest.mark.parametrize(
    "fields",
    [("brightness",), ("operator", "hour"), (ODD, "operator"), ("label", "brightness"),
     ("prediction", "population"), ("confidence", "correct"), ("fold", "weight")],
)  # fmt: skip
def test_each_cell_is_the_filter_that_holds_it(data, scope, fields):
    filter = parse(scope)
    found = grid(data.run, filter, fields, bins=6, top=3)
    assert all(agrees(data.run, filter, cell.claim, cell.figures.n) for cell in found.cells)
    total = count(data.run, filter)
    assert sum(cell.figures.n for cell in found.cells) == total == found.whole.n
    if scope != "none":
        shares = sum(cell.figures.error_share or 0 for cell in found.cells)
        assert shares == pytest.approx(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


numbers = st.one_of(st.none(), st.sampled_from([0.0, -1.5, 1e-9, 2.0, 1e12]), st.floats(-5, 5))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(numbers, st.one_of(st.none(), st.sampled_from(ROOMS)), st.floats(0, 9)),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_cells_part_any_samples_exactly(tmp_path_factory, samples, bins, top):
    light, room, loss = map(list, zip(*samples, strict=True))
    fields = {"light": light, "room": [*room[:-1], room[-1] or ROOMS[0]]}
    with gridded(tmp_path_factory.mktemp("runs"), fields, loss=loss) as run:
        for chosen in (["light", "room"], ["room"], ["light"]):
            found = grid(run, EVERYTHING, chosen, bins=bins, top=top)
            assert sum(cell.figures.n for cell in found.cells) == len(samples)
            assert all(agrees(run, EVERYTHING, cell.claim, cell.figures.n) for cell in found.cells)


def test_of_a_regression_fails_what_is_beyond_most_of_the_population(tmp_path):
    loss = [float(at) for at in range(100)]
    room = ["a"] * 50 + ["b"] * 50
    with gridded(
        tmp_path, {"room": room}, loss=loss, task="regression", label=loss, prediction=loss
    ) as run:
        found = grid(run, EVERYTHING, ["room"])
    cells = {name: cell.figures for name, cell in cells_of(found).items()}
    assert found.failing == "failing"
    assert cells["b",].error_rate == pytest.approx(10 / 50)  # 90 to 99 are above the bar of 89.1
    assert (cells["b",].error_share, cells["a",].error_share) == (1.0, 0.0)


def test_of_a_metric_fails_what_is_worst_in_it(tmp_path):
    iou = [0.9] * 60 + [0.1] * 4
    room = ["a"] * 60 + ["b"] * 4
    with gridded(
        tmp_path, {"room": room}, loss=[1.0] * 64, label=["x"] * 64, prediction=["x"] * 64,
        metric=iou, signal="1 - iou",
    ) as run:  # fmt: skip
        found = grid(run, EVERYTHING, ["room"])
    cells = {name: cell.figures for name, cell in cells_of(found).items()}
    assert cells["b",].mean == pytest.approx(0.9)
    assert (cells["b",].error_rate, cells["a",].error_rate) == (1.0, 0.0)


def test_where_nothing_is_labeled_cells_have_counts_alone(tmp_path):
    with gridded(tmp_path, {"room": ["a", "b", "a"]}, loss=[None] * 3) as run:
        found = grid(run, EVERYTHING, ["room"])
    assert [cell.figures.n for cell in found.cells] == [2, 1]
    assert {(one.figures.mean, one.figures.error_rate) for one in found.cells} == {(None, None)}


@pytest.mark.parametrize("fields", [[], ["hour", "hour"], ["hour", "operator", "brightness"]])
def test_a_grid_takes_one_or_two_fields(data, fields):
    with pytest.raises(UsageError, match="one field or two"):
        grid(data.run, EVERYTHING, fields)


@pytest.mark.parametrize("field", ["note", "sample_id", "nonsense", "map"])
def test_a_field_that_parts_nothing_is_refused(data, field):
    with pytest.raises(FilterError):
        grid(data.run, EVERYTHING, [field])
