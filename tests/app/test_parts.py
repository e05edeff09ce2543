"""Chips, charts and words: pure functions."""

from __future__ import annotations

import json

import altair
import numpy as np
import pytest

from aggressors.queries.cards import data_uri
from aggressors.queries.findings import Finding
from aggressors.queries.grammar import format_filter, parse
from aggressors_app import charts, chips
from aggressors_app.components import breakdowns
from aggressors_app.components.confusion import summed
from aggressors_app.components.linked_map import Layer, Scene, pack
from aggressors_app.format import exact, interval, number, of, plain, share, signed, typeset


def text(filter) -> str:
    return format_filter(filter)


# --- Chips ---


def test_values_replace_each_other_and_leave_the_rest():
    filter = parse("population = test and label = coat and hour > 18")
    assert chips.values(filter, "label") == ("coat",)
    wider = chips.with_values(filter, "label", ["coat", "shirt"])
    assert text(wider) == "population = test and hour > 18 and label in (coat, shirt)"
    assert text(chips.with_values(wider, "label", [])) == "population = test and hour > 18"


def test_limits_take_the_tightest_claim():
    filter = parse("hour >= 8 and hour > 9 and hour <= 20 and hour < 18")
    assert chips.limits(filter, "hour") == (9.0, 18.0)
    assert text(chips.with_limits(filter, "hour", None, 12)) == "hour <= 12"
    assert text(chips.with_limits(filter, "hour", 9, 12)) == "hour > 9 and hour <= 12"
    assert text(chips.with_limits(filter, "hour", None, None)) == "all"


def test_a_region_is_drawn_once():
    filter = chips.with_region(parse("label = coat"), [(0, 0), (1, 0), (1, 1.5)])
    assert chips.region(filter) == ((0.0, 0.0), (1.0, 0.0), (1.0, 1.5))
    again = chips.with_region(filter, [(2, 2), (3, 2), (3, 3)])
    assert text(again) == "label = coat and map in (2, 2, 3, 2, 3, 3)"
    assert text(chips.with_region(again, [])) == "label = coat"


@pytest.mark.parametrize(
    ("filter", "field", "summary"),
    [
        ("label = coat", "label", "coat"),
        ("label in (a, b, c)", "label", "a, b +1"),
        ("hour >= 8 and hour <= 12.5", "hour", "8 – 12.5"),
        ("hour < 5", "hour", "< 5"),
        ("hour > 17", "hour", "> 17"),
        ("hour >= 8 and hour > 8 and hour <= 9", "hour", "> 8, ≤ 9"),
        ("brightness <= 0.1745", "brightness", "≤ 0.1745"),
        ("hour is missing", "hour", "missing"),
        ("label = coat", "hour", ""),
    ],
)
def test_a_control_says_what_it_is_limited_to(filter, field, summary):
    assert chips.summary(parse(filter), field) == summary


def test_claims_without_a_control_are_left_over():
    filter = parse("label = coat and (hour < 3 or hour > 20) and not label = shirt")
    left = [chips.describe(part) for part in chips.others(filter, ["label", "hour"])]
    assert left == ["hour < 3 or hour > 20", "not: label = shirt"]


def test_rare_mistakes_are_summed_up_and_none_is_dropped():
    names = "abcdefghij"
    found = [
        {"label": label, "prediction": name, "n": place + 1}
        for place, (label, name) in enumerate(
            [("a", name) for name in names] + [("b", "b"), ("c", "c")]
        )
    ]
    rows = summed(found)
    assert sum(n for _, n, _ in rows) == sum(row["n"] for row in found)
    assert rows[0] == ("a › j", 10, False)
    assert [words for words, _, _ in rows[-2:]] == ["6 other mistakes", "named as labeled"]
    assert summed(found[:2]) == [("a › b", 2, False), ("a", 1, True)]


# --- Charts ---

BINS = [
    charts.Bin("low", 10, 0.4, 0.3, 0.5, 0.0, 1.0),
    charts.Bin("high", 12, 1.4, 1.1, 1.8, 1.0, 2.0),
]
GROUPS = [charts.Series("in", (0.2, 0.8)), charts.Series("out", (0.5, 0.5))]
LIGHT, DARK = charts.palette("light"), charts.palette("dark")
SPECS = {
    "number": charts.loss_by_number(BINS, "hour", 0.7, LIGHT),
    "category": charts.loss_by_category(BINS, "label", 0.7, DARK),
    "steps": charts.compare_shares(["a", "b"], GROUPS, "hour", LIGHT, edges=[0, 1, 2]),
    "bars": charts.compare_shares(["a", "b"], GROUPS, "label", LIGHT, pair=("#111111", "#222222")),
    "runs": charts.over_runs([charts.Point("v1", 1.0, 0.9, 1.1, "pass")], "loss", DARK),
}


@pytest.mark.parametrize("name", SPECS)
def test_every_chart_is_valid_vega_lite(name):
    chart = altair.Chart.from_dict(SPECS[name], validate=True)
    assert chart.to_dict(validate=True)["$schema"]


def test_runs_of_one_name_keep_their_own_places():
    names = ["v1", 'v"2', "v1"]
    points = [charts.Point(name, float(value), None, None) for value, name in enumerate(names)]
    spec = charts.over_runs(points, "loss", LIGHT)
    altair.Chart.from_dict(spec, validate=True)
    (x,) = {json.dumps(layer["encoding"]["x"]) for layer in spec["layer"]}
    at = json.loads(x)["field"]
    assert [row[at] for row in spec["data"]["values"]] == [0, 1, 2]
    label = json.loads(x)["axis"]["labelExpr"]
    assert json.loads(label.removesuffix("[datum.value]")) == names


def luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("colors", "paper"), [(LIGHT, "#fcfcfe"), (DARK, "#0f1017")])
def test_marks_stand_out_from_the_page(colors, paper):
    for color in (colors.bad, colors.good, colors.ours, colors.ink):
        assert contrast(color, paper) >= 4
    for color in (*colors.categories, colors.rest):
        assert contrast(color, paper) >= 2.4


# --- Words ---


def test_numbers_are_short_and_comparable():
    assert [number(value) for value in (0, 0.0452, 0.334, 1.3, 14.25, 212.4, 12_345.6)] == [
        "0.00", "0.045", "0.334", "1.30", "14.2", "212", "12,346",
    ]  # fmt: skip
    assert number(None) == number(float("nan")) == "–"
    assert (number(-0.2), signed(0.2), signed(-0.2)) == ("−0.200", "+0.200", "−0.200")
    assert (number(3, "h"), number(-0.0)) == ("3.00 h", "0.00")
    assert (share(0.0716), share(0.5, 0)) == ("7.2\u202f%", "50\u202f%")
    assert (number(1.25e-4), number(-0.00098), number(2e-9)) == ("0.000125", "−0.00098", "2.0e−09")
    assert [exact(value) for value in (18.0, 0.5, 1200.0, "op-1", None)] == [
        "18", "0.5", "1,200", "op-1", "–",
    ]  # fmt: skip
    assert typeset("tint < -0.1 · op-1") == "tint < −0.1 · op-1"
    assert typeset("hour >= 17: 8.5% of members, 3 % of the rest") == (
        "hour ≥ 17: 8.5\u202f% of members, 3\u202f% of the rest"
    )
    assert interval(1, 2) == "1.00 – 2.00"
    assert interval(-1, 2) == "−1.00 to 2.00"
    assert (of(47, 412), of(3, 3)) == ("47 of 412 samples", "3 samples")


def test_text_from_data_is_never_markup():
    assert plain("<b>[x](http://evil) $y$ :red[z]") == (
        "\\<b\\>\\[x\\]\\(http\\://\u2060evil\\) \\$y\\$ \\:red\\[z\\]"
    )
    assert plain("WWW.evil.com a@b.org &amp;") == "WWW\u2060.evil.com a@\u2060b.org \\&amp;"


def test_only_pictures_become_data_uris():
    assert data_uri(b"\xff\xd8\xff\xe0rest").startswith("data:image/jpeg;base64,")
    assert data_uri(b"\x89PNG\r\n\x1a\nrest").startswith("data:image/png;base64,")
    assert data_uri(b"<svg onload=alert(1)>") == data_uri(None) == data_uri(b"") == ""


@pytest.mark.parametrize(("most", "width"), [(3, 1), (300, 2), (70_000, 4)])
def test_a_map_is_its_header_its_pixels_and_its_counts(most, width):
    layer = Layer("loss", "loss", b"\x00\x01\x02\x03", ("#000000", "#ffffff"))
    box = (0.0, 1.0, 0.0, 1.0)
    scene = Scene(run="r", size=(2, 2), view=box, bins=box, home=box)
    counts = np.array([[0, 1], [2, most]])
    packed = pack([layer, layer], counts, scene)
    length = int.from_bytes(packed[:4], "little")
    assert json.loads(packed[4 : 4 + length])["counted"] == width
    assert packed[4 + length : 12 + length] == layer.pixels * 2
    assert np.frombuffer(packed[12 + length :], f"<u{width}").tolist() == [0, 1, 2, most]


def finding(kind, title, effect):
    return Finding(
        kind, title, "", "missing", "label", effect, effect - 0.1, effect + 0.1, 0.001, 500, "",
        f"no {title}", f"no {title}: worse", "",
    )  # fmt: skip


@pytest.fixture
def strongest(monkeypatch):
    """Rows of the fields that go with loss, what is chosen, and what a click changes."""
    found = (
        finding("missing", "site", 0.4), finding("missing", "operator", 0.3),
        finding("field", "site", -0.2), finding("shape", "hour", 0.2),
    )  # fmt: skip
    shown, changed = {}, []
    monkeypatch.setattr(
        breakdowns.cached, "findings", lambda *_: type("Findings", (), {"found": found})
    )
    monkeypatch.setattr(
        breakdowns, "listing",
        lambda key, columns, rows, **more: shown.update(rows=rows, **more),
    )  # fmt: skip
    monkeypatch.setattr(breakdowns.state, "change", lambda **change: changed.append(change))
    breakdowns._strongest("run", "site")
    return shown, changed


def test_each_field_that_goes_with_loss_has_a_row_of_its_own(strongest):
    shown, changed = strongest
    ids = [row.id for row in shown["rows"]]
    assert len(set(ids)) == 4
    assert all(ids)
    assert shown["chosen"] == ids[2]
    for row in ids:
        shown["on_choose"](row)
    assert [change["field"] for change in changed] == ["site", "operator", "site", "hour"]
    shown["on_choose"]("nonsense")
    assert len(changed) == 4
