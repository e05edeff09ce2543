"""Chips, charts and words: pure functions."""

from __future__ import annotations

import json
from types import SimpleNamespace

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

LONG_ID = "validation/2026-11-27/frame-000001.jpg"


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
        ("hour is not missing", "hour", "known"),
        ("not label = coat", "label", "not coat"),
        ("not label in (a, b, c)", "label", "not a, b +1"),
        (f"sample_id in ({LONG_ID}, b)", "sample_id", f"{LONG_ID[:23]}…, b"),
        ("not sample_id in (a, b, c, d)", "sample_id", "not 4 listed"),
        ("label = coat", "hour", ""),
    ],
)
def test_a_control_says_what_it_is_limited_to(filter, field, summary):
    assert chips.summary(parse(filter), field) == summary


def test_claims_without_a_control_are_left_over():
    filter = parse("label = coat and (hour < 3 or hour > 20) and not label = shirt")
    left = [chips.describe(part) for part in chips.others(filter, ["label", "hour"])]
    assert left == ["hour < 3 or hour > 20", "not: label = shirt"]


@pytest.mark.parametrize(
    ("filter", "shown"),
    [
        ("map in (0, 0, 1, 0, 1, 1.5)", "region on the map"),
        ("aggressor = 2", "aggressor 2"),
        ("not aggressor in (1, 2)", "not: aggressors 1, 2"),
        ("aggressor in (1, 2, 3, 4)", "4 aggressors"),
        ("loss_quantile > 0.95", "worst 5\u202f% by loss"),
        ("loss_quantile <= 0.1", "best 10\u202f% by loss"),
        ("sample_id in (a, b, c)", "sample_id in (a, b, c)"),
        (f"sample_id in ({', '.join(f's{n}' for n in range(4120))})", "4,120 samples listed"),
        ("group_id in (a, b, c, d)", "4 values of group_id listed"),
        (f'note contains "{"x" * 90}"', f"note contains {'x' * 28}…"),
        ("hour < 3 or not label = coat", "hour < 3 or not label = coat"),
    ],
)
def test_a_chip_is_short_whatever_it_stands_for(filter, shown):
    assert chips.describe(parse(filter)) == shown


def test_what_is_excluded_is_chosen_again_as_such():
    filter = chips.with_values(parse("hour > 18"), "label", ["coat", "shirt"], exclude=True)
    assert text(filter) == "hour > 18 and not label in (coat, shirt)"
    assert chips.excluded(filter, "label") == ("coat", "shirt")
    assert chips.values(filter, "label") == ()
    assert text(chips.with_values(filter, "label", ["coat"])) == "hour > 18 and label = coat"
    assert text(chips.with_values(filter, "label", [], exclude=True)) == "hour > 18"


def test_of_several_claims_about_a_field_none_is_hidden():
    """A control shows one kind of claim at once; the others stand beside it as chips."""
    for filter, left in (
        ("label in (a, b) and label in (b, c)", ["label in (b, c)"]),
        ("not label = a and not label = b", ["not: label = b"]),
        ("hour is not missing and hour > 3", ["not: hour is missing"]),
        ("not population = train and population in (test, train)", ["not: population = train"]),
    ):
        parts = chips.others(parse(filter), ("label", "hour", "population"))
        assert [chips.describe(part) for part in parts] == left


def test_missing_values_and_the_worst_are_limits_too():
    filter = chips.with_missing(parse("hour > 3 and label = a"), "hour", True)
    assert text(filter) == "label = a and hour is missing"
    assert chips.is_missing(filter, "hour") is True
    filter = chips.with_missing(filter, "hour", False)
    assert text(filter) == "label = a and not hour is missing"
    assert chips.is_missing(filter, "hour") is False
    assert text(chips.with_missing(filter, "hour", None)) == "label = a"
    filter = chips.with_worst(filter, 0.05)
    assert chips.worst(filter) == 0.05
    assert text(chips.with_worst(filter, 0.1)).endswith("loss_quantile > 0.9")
    assert chips.worst(chips.with_worst(filter, None)) is None


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
GROUPS = [charts.Series("in", (0.2, 0.8), (2, 8)), charts.Series("out", (0.5, 0.5), (50, 50))]
CELLS = [charts.Cell("a", "c", 40, 0.5, False), charts.Cell("b", "c", 3, 9.0, True)]
MISTAKES = [charts.Mistake("a", "a", 9, 0.9), charts.Mistake("a", "b", 1, 0.1)]
RELIABLE = [
    charts.Reliability(0.4, 0.7, 30, 0.55, 0.5, 0.3, 0.7),
    charts.Reliability(0.7, 1.0, 30, 0.9, 0.8, 0.6, 0.9),
]
LIGHT, DARK = charts.palette("light"), charts.palette("dark")
SPECS = {
    "number": charts.loss_by_number(BINS, "hour", 0.7, LIGHT),
    "category": charts.loss_by_category(BINS, "label", 0.7, DARK),
    "steps": charts.compare_shares(["a", "b"], GROUPS, "hour", LIGHT, bounds=[(0, 1), (1, 2)]),
    "bars": charts.compare_shares(["a", "b"], GROUPS, "label", LIGHT, pair=("#111111", "#222222")),
    "two": charts.loss_by_two(CELLS, ("x", ["a", "b"]), ("y", ["c"]), LIGHT),
    "one cell": charts.loss_by_two(CELLS[:1], ("x", ["a"]), ("y", ["c"]), DARK),
    "confusion": charts.confusion_matrix(MISTAKES, ["a", "b"], DARK),
    "calibration": charts.reliability(RELIABLE, LIGHT),
    "runs": charts.over_runs([charts.Point("v1", 1.0, 0.9, 1.1, "pass")], "loss", DARK),
}


@pytest.mark.parametrize("name", SPECS)
def test_every_chart_is_valid_vega_lite(name):
    chart = altair.Chart.from_dict(SPECS[name], validate=True)
    assert chart.to_dict(validate=True)["$schema"]


def test_a_bar_of_a_few_samples_is_pale_and_stretches_no_axis():
    bins = [charts.Bin("most", 90, 1.0, 0.9, 1.1), charts.Bin("one", 1, 9.0, few=True)]
    spec = charts.loss_by_category(bins, "station", 0.7, LIGHT)
    assert [row["few"] for row in spec["data"]["values"]] == [False, True]
    bar = spec["layer"][0]
    assert bar["encoding"]["opacity"]["condition"] == {"test": "datum.few", "value": 0.25}
    assert bar["encoding"]["x"]["scale"]["domainMax"] == pytest.approx(1.18 * 1.1)
    alone = charts.loss_by_category(bins[1:], "station", 0.7, LIGHT)
    assert alone["layer"][0]["encoding"]["x"]["scale"]["domainMax"] == pytest.approx(1.18 * 9)


def marked(spec):
    """Rows of the layer that takes clicks."""
    layers = [spec, *spec.get("layer", [])]
    layers += [inner for layer in layers[1:] for inner in layer.get("layer", [])]
    (clicked,) = [layer for layer in layers if "params" in layer]
    assert clicked["params"][0]["select"]["fields"] == [charts.MARK]
    return spec["data"]["values"]


@pytest.mark.parametrize("name", SPECS)
def test_every_mark_has_a_number_of_its_own(name):
    numbers = [row[charts.MARK] for row in marked(SPECS[name])]
    assert sorted(numbers) == list(range(len(numbers)))


def test_bars_of_two_groups_are_numbered_bin_by_bin():
    rows = {row[charts.MARK]: row for row in marked(SPECS["bars"])}
    assert [(rows[i]["label"], rows[i]["group"], rows[i]["n"]) for i in range(4)] == [
        ("a", "in (10)", 2), ("a", "out (100)", 50), ("b", "in (10)", 8), ("b", "out (100)", 50),
    ]  # fmt: skip


def test_cells_with_few_samples_are_hatched_and_shape_no_colour():
    spec = SPECS["two"]
    colour = spec["layer"][0]["encoding"]["color"]
    assert colour["scale"]["domain"] == [0.5, 1.5]  # not the 9.0 of three samples
    assert colour["condition"] == {"test": "datum.few", "value": LIGHT.empty}
    assert spec["layer"][1]["transform"] == [{"filter": "datum.few"}]
    assert [row["shown"] for row in spec["data"]["values"]] == ["0.500", ""]


def test_the_area_of_the_counts_is_the_samples():
    strip = SPECS["number"]["layer"][0]
    rows = strip["data"]["values"]
    assert [row["height"] * (row["end"] - row["start"]) for row in rows] == [10, 12]


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
    assert (share(0.0716), share(0.5, 0), share(-0.063)) == (
        "7.2\u202f%", "50\u202f%", "−6.3\u202f%",
    )  # fmt: skip
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
    run = SimpleNamespace(
        info=SimpleNamespace(settings=SimpleNamespace(analysed="validation")),
        populations={"validation": 900},
    )
    monkeypatch.setattr(breakdowns.cached, "run_file", lambda run_id: run)
    breakdowns._strongest("run", "population = validation", "site")
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
