"""Samples drawn of a run: always the same, and the same answers as those read from the file."""

import numpy as np
import pytest

from aggressors.contracts import EVERYTHING
from aggressors.queries import choosing, drawn, drift, sought
from aggressors.queries.columns import numbers
from aggressors.queries.grammar import parse
from aggressors.queries.masks import rows
from aggressors.queries.names import resolve
from aggressors.queries.stored import column
from aggressors.store.held import Held
from gridded import gridded, planted
from queried import ODD, queried

FEW = 150


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found.run
    found.run.close()


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    found = planted(tmp_path_factory.mktemp("runs"))
    yield found
    found.close()


@pytest.fixture(autouse=True)
def afresh(monkeypatch):
    """Nothing is drawn yet."""
    monkeypatch.setattr(drawn, "held", Held())


@pytest.fixture
def few(monkeypatch):
    """Fewer are drawn than a run has, and too few for any question."""
    monkeypatch.setattr(drawn, "held", Held())
    monkeypatch.setattr(drawn, "MOST", FEW)


def test_a_small_run_is_drawn_as_a_whole(run):
    found = drawn.drawn(run)
    assert found.whole
    assert found.row.tolist() == list(range(sum(run.populations.values())))
    for name in ("brightness", ODD, "operator", "label"):
        ref = resolve(run, name)
        assert found.take(ref, found.row).to_pylist() == column(run, ref).to_pylist()
    assert found.nbytes > 8 * len(found.row)


def test_a_large_run_is_drawn_from_in_its_order_and_always_alike(kitchen, few, monkeypatch):
    first = drawn.drawn(kitchen)
    monkeypatch.setattr(drawn, "held", Held())
    again = drawn.drawn(kitchen)
    assert not first.whole
    assert len(first.row) == pytest.approx(FEW, rel=0.4)
    assert (np.diff(first.row) > 0).all()
    assert first.row.tolist() == again.row.tolist()
    light = resolve(kitchen, "light")
    expected = numbers(column(kitchen, light))[first.row]
    np.testing.assert_array_equal(numbers(first.columns[light.sql]), expected)


def test_bytes_bound_how_many_are_drawn(kitchen, monkeypatch):
    monkeypatch.setattr(drawn, "MOST_BYTES", 8_000)
    assert len(drawn.drawn(kitchen).row) < 200


@pytest.mark.parametrize("text", ["all", "light < 0.4", 'room = "kitchen" and not light > 0.5'])
def test_those_inside_a_filter_are_those_of_the_run(kitchen, few, text):
    found, filter = drawn.drawn(kitchen), parse(text)
    assert found.row[found.inside(kitchen, filter)].tolist() == sorted(
        {*found.row.tolist()} & {*rows(kitchen, filter).tolist()}
    )


@pytest.mark.parametrize("text", ["all", "light < 0.6", "population = validation"])
def test_tree_and_pairs_are_those_of_the_file(kitchen, text, request):
    filter = parse(text)
    of_drawn = sought.error_tree(kitchen, filter), sought.worst_pairs(kitchen, filter)
    request.getfixturevalue("few")
    assert sought.error_tree(kitchen, filter) == of_drawn[0]
    assert sought.worst_pairs(kitchen, filter) == of_drawn[1]


def test_differences_are_those_of_the_file(run, request):
    pairs = [
        drift.inside_outside(EVERYTHING, 1),
        drift.datasets(parse("brightness < 0.6"), "operator", "op-1", "op-2"),
        drift.Pair(EVERYTHING, parse("population = test"), whole=True),
    ]
    of_drawn = [drift.differences(run, pair).to_pylist() for pair in pairs]
    request.getfixturevalue("few")
    for pair, expected in zip(pairs, of_drawn, strict=True):
        found = drift.differences(run, pair).to_pylist()
        assert [row.pop("field") for row in found] == [row.pop("field") for row in expected]
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other)


def test_enough_drawn_samples_spare_the_file(kitchen, few, monkeypatch):
    monkeypatch.setattr(choosing, "FEWEST", 50)
    monkeypatch.setattr(choosing, "_of_all", lambda *_: pytest.fail("the file was read"))
    found = sought.error_tree(kitchen, EVERYTHING)
    assert 50 <= found.chosen_on <= len(drawn.drawn(kitchen).row)


def test_metadata_named_like_what_is_counted_is_kept_apart(tmp_path):
    n = 80
    fields = {"signal": [float(at) for at in range(n)], "weight": ["heavy", "light"] * (n // 2)}
    run = gridded(tmp_path, fields, loss=[1.0] * n, label=["x"] * n, prediction=["x"] * n)
    found = drawn.drawn(run)
    assert found.take(resolve(run, "signal"), np.arange(3)).to_pylist() == [0.0, 1.0, 2.0]
    assert {ref.name for ref in drawn.comparable(run)} >= {"signal"}
    run.close()
