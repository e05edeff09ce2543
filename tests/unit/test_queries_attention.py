"""Where the model looks inside an aggressor: maps on one scale, their difference, and words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from aggressors.contracts import Attention
from aggressors.queries import attention as attended
from aggressors.queries.concept import representatives
from aggressors.queries.samples import sample
from aggressors.words import attention_sentence, is_clear
from queried import queried


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return queried(tmp_path_factory.mktemp("run"))


BORDER = Attention("core", "border", 0.37, 0.33, 0.41, 40, "same_label_well_predicted",
                   0.19, 0.14, 0.24)  # fmt: skip


def test_numbers_come_as_they_stand_in_the_run(data):
    found = attended.attention(data.run, 1)
    assert [one.of for one in found] == ["core", "members", "rest", "same_label_well_predicted"]
    core = found[0]
    assert (core.value, core.n, core.reference) == (0.37, 40, "same_label_well_predicted")
    assert core.difference_low == pytest.approx(0.14)
    assert (found[2].reference, found[2].difference) == ("", None)
    assert attended.attention(data.run, 2) == ()


def test_the_explanation_names_layer_and_method(data):
    assert attended.explanation(data.run) == attended.Explanation("grad-cam", "features", "")


def test_cards_carry_the_map_of_the_true_class(data):
    rows = [row for row in representatives(data.run, 1).to_pylist() if row["heatmap"]]
    both = [row for row in rows if row["label_heatmap"]]
    assert len(rows) == 2
    assert [(row["heatmap"], row["label_heatmap"]) for row in both] == [
        (bytes(range(6)), bytes(range(6, 12)))
    ]
    assert (both[0]["heatmap_target"], both[0]["heatmap_label"]) == ("coat", "boot")
    found = sample(data.run, both[0]["sample_id"]).heatmap
    assert (found.target, found.label, found.label_pixels) == ("coat", "boot", bytes(range(6, 12)))


def rows_of(**pixels):
    """Mean maps as the query gives them, each 1 x the length of its pixels."""
    return pa.Table.from_pylist(
        [{"of": of, "method": "grad-cam", "target": "prediction", "n": 5, "height": 1,
          "width": len(given), "scale": 1.0, "pixels": bytes(given)}
         for of, given in pixels.items()]
    )  # fmt: skip


@pytest.fixture
def told(monkeypatch):
    def look(table):
        monkeypatch.setattr(attended, "mean_maps", lambda run, concept: table)
        return attended.looks(SimpleNamespace(), 1)

    return look


def test_maps_are_multiples_of_an_even_spread(told):
    found = told(rows_of(core=[0, 200, 0, 200], same_label_well_predicted=[50, 50, 50, 50]))
    assert found.maps[0].cells.tolist() == [[0, 2, 0, 2]]
    assert found.maps[1].cells.tolist() == [[1, 1, 1, 1]]
    assert found.differs == "core"
    assert found.difference.tolist() == [[-1, 1, -1, 1]]


def test_all_members_stand_in_where_none_fails(told):
    found = told(rows_of(members=[0, 2], same_label_well_predicted=[1, 1]))
    assert (found.differs, found.difference.tolist()) == ("members", [[-1, 1]])
    assert told(rows_of(members=[0, 2], rest=[1, 1])).difference is None


def test_maps_of_a_strange_file_are_left_out(told):
    good = rows_of(core=[0, 3], rest=[1, 1]).to_pylist()
    wrong = [
        {"of": "members", "pixels": b"\x01"},  # fewer bytes than cells
        {"of": "members", "height": -1, "width": -2},
        {"of": "members", "height": 1_000_000, "width": 1_000_000},
        {"of": "members", "pixels": None},
        {"of": "members", "height": None},
        {"of": "members", "height": 2, "width": 1},  # not the grid of the others
        {"of": "members", "pixels": b"\x00\x00"},  # nothing to see
        {"of": "<script>"},
        {"of": None},
    ]
    for part in wrong:
        found = told(pa.Table.from_pylist([*good, good[0] | part]))
        assert [one.of for one in found.maps] == ["core", "rest"], part
        assert all(np.isfinite(one.cells).all() for one in found.maps)


def test_mistakes_have_a_map_for_both_classes(told):
    given = [
        {"of": of, "method": "grad-cam", "target": target, "n": 7, "height": 1, "width": 2,
         "scale": 1.0, "pixels": bytes(pixels)}
        for of, target, pixels in (
            ("core", "prediction", [5, 15]),
            ("core_mispredicted", "prediction", [0, 10]),
            ("core_mispredicted", "label", [10, 10]),
            ("rest_mispredicted", "label", [10, 10]),  # without its other half
        )
    ]  # fmt: skip
    found = told(pa.Table.from_pylist(given))
    assert [one.of for one in found.maps] == ["core"]
    (one,) = found.misled
    assert (one.of, one.n) == ("core_mispredicted", 7)
    assert (one.predicted.tolist(), one.true.tolist()) == ([[0, 2]], [[1, 1]])
    assert one.difference.tolist() == [[-1, 1]]


def test_numbers_that_cannot_be_are_left_out(tmp_path):
    """A run file may come from a stranger; a number of it must not stop a page."""
    from aggressors.stages.tables import rows
    from aggressors.store.read import open_run
    from aggressors.store.workspace import Workspace
    from versions import analysed, publish_tables

    good = {
        "concept_id": 1, "of": "core", "measure": "border", "value": 0.4, "low": 0.3, "high": 0.5,
        "n": 40, "reference": "same_label_well_predicted", "difference": 0.2,
        "difference_low": 0.1, "difference_high": 0.3,
    }  # fmt: skip
    nan, inf = float("nan"), float("inf")
    wrong = [
        {"of": None}, {"measure": None}, {"value": None}, {"value": nan}, {"value": 1e308},
        {"n": None}, {"n": 0}, {"n": -3},
    ]  # fmt: skip
    partly = [
        {"low": nan}, {"high": None}, {"low": -1e308}, {"difference": inf},
        {"difference": None}, {"difference_low": -1e308}, {"difference_high": nan},
    ]  # fmt: skip
    strong = good | {"measure": "strength", "value": 1e300, "difference": 1e300}
    _, given = analysed()
    place = Workspace.open(tmp_path / "w", create=True)
    made = [strong, *(good | part for part in (*wrong, *partly))]
    publish_tables(place, given | {"attention": rows("attention", made)}, "v1", day=1)
    with open_run(place.resolve("v1")) as opened:
        found = attended.attention(opened, 1)
    assert len(found) == 1 + len(partly)
    assert [one.value for one in found if one.measure == "strength"] == [1e300]
    rest = [one for one in found if one.measure == "border"]
    assert sum(one.low is None and one.high is None for one in rest) == 3
    assert sum(one.difference is None and not one.reference for one in rest) == 2
    assert sum(one.difference_low is None and one.difference_high is None for one in rest) == 4
    for one in rest:
        for value in (one.low, one.high, one.difference, one.difference_low, one.difference_high):
            assert value is None or round(100 * value) < 1e6


# --- Words ---


def test_the_clearest_difference_is_told_with_its_numbers():
    even = replace(BORDER, measure="concentration", value=0.3, difference=0.05)
    assert attention_sentence([even, BORDER]) == (
        "Failing members: 37 % of the attention in the border, 18 % for the same labels handled "
        "well."
    )
    far = Attention("members", "distance", 0.6, 0.5, 0.7, 30, "rest_mispredicted", 0.3, 0.2, 0.4)
    assert attention_sentence([BORDER, far]) == (
        "Where members are mistaken, 60 % of the attention lies elsewhere than for the true class; "
        "30 % in other mistakes with their labels."
    )
    less = replace(BORDER, of="members", measure="concentration", value=0.25, difference=-0.2,
                   difference_low=-0.3, difference_high=-0.1)  # fmt: skip
    assert attention_sentence([less]) == (
        "Members: 25 % of the attention in a tenth of the picture, 45 % for the same labels "
        "handled well."
    )


@pytest.mark.parametrize(
    ("low", "high", "clear"),
    [(0.03, 0.2, True), (0.01, 0.2, False), (-0.2, -0.03, True), (-0.1, 0.1, False),
     (None, None, False)],
)  # fmt: skip
def test_a_difference_is_clear_where_all_of_its_interval_is(low, high, clear):
    one = replace(BORDER, difference_low=low, difference_high=high)
    assert is_clear(one) == clear
    assert bool(attention_sentence([one])) == clear


def test_strength_has_a_unit_of_its_own_and_is_no_share():
    one = replace(BORDER, measure="strength", difference_low=0.001, difference_high=0.002)
    assert is_clear(one)
    assert attention_sentence([one]) == ""
    assert attention_sentence([replace(BORDER, measure="unheard of")]) == ""
