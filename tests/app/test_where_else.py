"""The tab "Where else", and hand-made groups: what is shown, and what a click does."""

from __future__ import annotations

import json
from dataclasses import replace

import altair
import pytest
from tests.app.reading import component, shown

from aggressors.errors import WorkspaceError
from aggressors.queries.grammar import both, format_filter, parse
from aggressors.queries.parts import number_parts
from aggressors.store.handmade import keep_handmade, list_handmade
from aggressors.store.workspace import Workspace
from aggressors_app import actions, cached, charts, part_words, weak_charts
from aggressors_app.charts import colors as inks
from aggressors_app.components import error_tree, places, weak_grid
from aggressors_app.components import handmade as handmade_component
from aggressors_app.weak_charts import parts as weak_parts
from gridded import gridded

VALIDATION = "population = validation"


@pytest.fixture
def where(opened, planted_versions):
    def open_tab(filter=VALIDATION, workspace=planted_versions, run="v3-0000", **more):
        return opened(workspace, "explore", run=run, f=filter, tab="where", **more)

    return open_tab


def charts_of(app):
    """Specifications of the charts on a page, by the start of their keys."""
    found = {}

    def look(element):
        proto = getattr(element, "proto", None)
        spec = getattr(proto, "spec", "")
        if spec and "vega" in type(proto).__name__.lower():
            found[proto.id] = spec
        for child in getattr(element, "children", {}).values():
            look(child)

    for element in app.main:
        look(element)
    return found


def test_the_tab_shows_a_grid_pairs_and_a_tree(where):
    app = where()
    assert not app.exception
    assert not app.error
    titles = [element.value for element in app.markdown]
    assert {"**Grid**", "**Worst pairs**", "**Error tree**"} <= set(titles)
    assert "Ideas, not findings" in shown(app)
    keys = " ".join(charts_of(app))
    assert "grid_" in keys
    assert "error_tree" in keys


@pytest.mark.parametrize(
    "filter",
    ["none", "all", "population = unlabeled", "population = train", "hour > 1000",
     "population = validation and fold = confirm", "loss > 1"],
)  # fmt: skip
def test_any_scope_is_told(where, filter):
    app = where(filter)
    assert not app.exception
    assert not app.error
    if filter == "population = unlabeled":
        assert shown(app).count("No labeled sample in the filter.") == 2  # grid and tree
    if filter in ("none", "hour > 1000"):
        assert "No sample passes the filter" in shown(app)
        assert "No labeled sample in the filter" in shown(app)


@pytest.mark.parametrize("world", ["tiny", "barren"])
def test_a_run_with_little_to_say_has_the_tab_too(opened, request, world):
    app = opened(request.getfixturevalue(world), "explore", tab="where")
    assert not app.exception
    assert not app.error


def regression(folder):
    n = 800
    light = [at % 100 / 100 for at in range(n)]
    truth = [float(at % 9) for at in range(n)]
    loss = [4.0 + at % 3 if value < 0.2 else 0.1 * (at % 5) for at, value in enumerate(light)]
    return gridded(
        folder, {"light": light, "<b>": ["x", "y"] * 400}, loss=loss, label=truth,
        prediction=truth, task="regression",
    )  # fmt: skip


def test_a_regression_is_told_in_its_own_words(opened, tmp_path):
    place = Workspace.open(tmp_path / "w", create=True)
    regression(place.runs).close()
    app = opened(place.root, "explore", tab="where")
    assert not app.exception
    assert not app.error
    tree = cached.error_tree("g000000000000", VALIDATION)
    assert error_tree.boxes(tree)[1].title == "light < 0.2"
    assert error_tree.boxes(tree)[1].second.startswith("failing ")
    assert error_tree.boxes(tree)[1].third.endswith("of all that fail")


def test_a_run_file_alone_has_the_tab_but_keeps_nothing(opened, tmp_path, monkeypatch):
    run = regression(tmp_path / "runs")
    run.close()
    app = opened(tmp_path, "explore", tab="where")
    monkeypatch.setenv("AGGRESSORS_RUN", str(run.path))
    app.run()
    assert not app.exception
    assert cached.workspace() is None
    assert cached.handmade() == ((), ())
    with pytest.raises(WorkspaceError, match="keeps no groups"):
        actions.keep_handmade("g000000000000", "x", "light < 0.2", "")


def test_the_fields_of_the_grid_are_in_the_address(where):
    app = where(gx="hour", gy=weak_grid.NONE)
    assert app.selectbox(key="where_gx").value == "hour"
    assert any("grid_hour" in key for key in charts_of(app))
    app.selectbox(key="where_gy").select("brightness").run()
    assert app.query_params["gy"] == "brightness"
    assert not app.exception
    strange = where(gx="'; DROP", gy="loss")
    assert not strange.exception
    assert strange.selectbox(key="where_gx").value in weak_grid.divisible("v3-0000")


def test_a_click_on_a_cell_or_node_makes_exactly_its_samples_the_filter(where, monkeypatch):
    where()
    run = "v3-0000"
    found = cached.grid(run, VALIDATION, ("brightness", "hour"))
    tree = cached.error_tree(run, VALIDATION)
    assert len(tree.nodes) > 1
    known = [(one.claim, one.figures.n) for one in (*found.cells, *tree.nodes)]
    known += [(one.claim, one.figures.n) for one in cached.worst_pairs(run, VALIDATION).found]
    made = {}
    view = places.state.View(run, VALIDATION)
    monkeypatch.setattr(places.state, "read", lambda: view)
    monkeypatch.setattr(places.state, "change", made.update)
    for claim, n in known:
        places.limit_to(claim)
        assert cached.count(run, made["filter"]) == n


def test_drawn_cells_and_boxes_are_those_that_were_counted(where):
    where()
    run = "v3-0000"
    found = cached.grid(run, VALIDATION, ("brightness", "label"))
    spec = weak_grid.grid_spec(run, found)
    drawn = spec["data"]["values"]
    assert [one["at"] for one in drawn] == list(range(len(found.cells)))
    few = [cell.figures.n_known < found.fewest for cell in found.cells]
    assert [one["few"] for one in drawn] == few
    assert any(few) or min(cell.figures.n_known for cell in found.cells) >= found.fewest
    assert all(one["text"].startswith("n ") == one["few"] for one in drawn)
    tree = cached.error_tree(run, VALIDATION)
    boxes = error_tree.boxes(tree)
    leaves = {node.parent for node in tree.nodes}
    rows = sorted(
        (box.top, box.bottom) for at, box in enumerate(boxes) if at not in leaves
    )  # fmt: skip
    assert rows == [(at, at + 1) for at in range(len(rows))]  # each leaf has a row of its own
    assert (boxes[0].top, boxes[0].bottom) == (0, len(rows))


def test_titles_say_how_many_samples_they_speak_of(where):
    told = shown(where())
    everyone = sum(cached.run_file("v3-0000").populations.values())
    scope = f"{cached.count('v3-0000', VALIDATION):,} of {everyone:,} samples"
    pairs, tree = (
        cached.worst_pairs("v3-0000", VALIDATION),
        cached.error_tree("v3-0000", VALIDATION),
    )
    lines = told.splitlines()
    assert scope in lines
    assert f"{scope} · sought on {pairs.chosen_on:,} of them · most surely worse first" in lines
    assert f"{scope} · questions chosen on {tree.chosen_on:,} of them" in told
    assert f"**Samples** :gray[{scope}]" in told


def test_a_download_holds_each_place_as_a_filter_with_its_figures(where):
    where()
    found = cached.grid("v3-0000", VALIDATION, ("brightness", "hour"))
    table = places.table_of([(cell.claim, cell.figures) for cell in found.cells])
    assert table.num_rows == len(found.cells)
    for row in table.slice(0, 5).to_pylist():
        within = format_filter(both(parse(VALIDATION), parse(row["where"])))
        assert cached.count("v3-0000", within) == row["n"]


# --- Charts and words, as pure functions ---


FEW = 'fewer than 20 "samples"'


def cells(*means):
    return [
        weak_charts.GridCell(at, 0, mean, "0.5", "where", "12", "0.5", "1 %", "2 %")
        for at, mean in enumerate(means)
    ]


@pytest.mark.parametrize("colors", [charts.LIGHT, charts.DARK])
@pytest.mark.parametrize("means", [(), (None,), (0.2, None, 0.9), (0.3, 0.3)])
def test_grids_are_valid_vega_lite_whatever_is_known(colors, means):
    labels = [f'"{at}" \\ <b>' for at in range(len(means))]
    spec = weak_charts.grid(
        cells(*means), labels, [""], ("a.b[0]", ""), colors, ("a", "b", "c"), FEW
    )
    altair.Chart.from_dict(spec, validate=True)
    known = [one for one in spec["data"]["values"] if not one["few"]]
    assert len(known) == sum(mean is not None for mean in means)


def legends(spec):
    """Each legend of a chart by its channel; None where the channel has none."""
    return {
        channel: encoding.get("legend")
        for layer in spec["layer"]
        for channel, encoding in layer["encoding"].items()
        if channel in ("color", "shape")
    }


def drawn(means):
    labels = [str(at) for at in range(len(means))]
    names = ("mean loss", "error", "share")
    return weak_charts.grid(cells(*means), labels, [""], ("x", ""), charts.LIGHT, names, FEW)


def test_the_legend_says_which_loss_a_colour_is_and_what_hatches_mean():
    spec = drawn((0.2, None, 0.9))
    color = spec["layer"][0]["encoding"]["color"]
    assert color["legend"]["title"] == "mean loss"
    assert color["scale"]["domain"][0] == 0.2
    assert color["scale"]["domain"][-1] == pytest.approx(0.9)
    assert len(color["scale"]["domain"]) == len(color["scale"]["range"])
    assert color["condition"] == {"test": "datum.few", "value": charts.LIGHT.empty}
    (named,) = [layer for layer in spec["layer"] if "shape" in layer["encoding"]]
    assert named["encoding"]["shape"]["scale"]["domain"] == [FEW]
    assert json.loads(named["transform"][1]["calculate"]) == FEW


def test_a_legend_says_nothing_that_is_not_drawn():
    assert "shape" not in legends(drawn((0.2, 0.9)))
    assert legends(drawn((0.3, 0.3)))["color"] is None
    assert legends(drawn((None,)))["color"] is None


def test_cells_that_are_nearly_alike_look_alike():
    labels = ["a", "b"]
    names = ("mean loss", "error", "share")
    spec = weak_charts.grid(
        cells(0.48, 0.50), labels, [""], ("x", ""), charts.LIGHT, names, FEW, apart=0.12
    )
    domain = spec["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert [domain[0], domain[-1]] == pytest.approx([0.48, 0.60])
    shades = weak_parts.Shades.over([0.2, None, 0.9], ("#000000", "#ffffff"), 0.5)
    assert (shades.low, shades.high) == (0.2, 0.9)  # far apart already
    assert shades.of(0.55) == "#808080"


def test_labels_stand_in_the_middle_of_their_cells():
    spec = drawn((0.2, 0.9))
    assert spec["layer"][0]["encoding"]["x"]["axis"]["labelFlush"] is False


def test_trees_are_valid_vega_lite():
    box = weak_charts.TreeBox(0, 0, 2, 0.5, None, "all", "n", "", "all")
    empty = weak_charts.TreeBox(1, 0, 1, None, None, "x", "n", "", "x")
    spec = weak_charts.tree([box, empty], 3, charts.LIGHT, ("error", "share"))
    altair.Chart.from_dict(spec, validate=True)
    assert spec["height"] == 2 * weak_charts.LEAF
    assert legends(spec)["color"] is None
    worse = replace(box, rate=0.9)
    spec = weak_charts.tree([box, worse, empty], 3, charts.LIGHT, ("error rate", "share"))
    altair.Chart.from_dict(spec, validate=True)
    assert legends(spec)["color"]["title"] == "error rate"


def test_ink_stands_out_on_every_colour_of_the_ramps():
    for colors in (charts.LIGHT, charts.DARK):
        for step in range(21):
            fill = inks.blend(step / 20, colors.loss_ramp)
            one, other = sorted(
                (inks.luminance(color) for color in (fill, inks.ink_on(fill))),
                reverse=True,
            )
            assert (one + 0.05) / (other + 0.05) >= 4.0  # AA asks 4.5 of small, 3 of large text
    assert inks.blend(0.5, ("#000000", "#ffffff")) == "#808080"


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("light < 0.25", "light < 0.25"),
        ("light >= 2 and light < 4", "light: 2 – 4"),
        ("not light < 0.25", "light ≥ 0.25 or missing"),
        ("not light is missing", "light has a value"),
        ("light is missing", "light is missing"),
        ("room = küche", "room is küche"),
        ("room != küche", "room is not küche"),
        ("not room = küche", "room is not küche"),
        ("room in (a, b, c, d, e, f)", "room: a, b, c, d +2"),
        ("not room in (a, b)", "room is none of a, b"),
        ("light < 1 or room = a", "light < 1 or room is a"),
        ("light < 1 and room = a", "light < 1 · room is a"),
        ("not (light < 1 and room = a)", "not: light < 1 and room = a"),
    ],
)
def test_claims_are_said_in_words(claim, words):
    assert part_words.said(parse(claim)) == words


def test_parts_are_labelled_by_their_bounds():
    labels = [part_words.label_of(part) for part in number_parts("x", [0.5, 2.0])]
    assert labels == ["< 0.5", "0.5 – 2", "≥ 2"]
    assert part_words.label_of(number_parts("x", [])[0]) == "any value"


# --- Hand-made groups ---


def test_keeping_the_filter_lists_it_apart_and_counts_it_nowhere(opened, planted):
    app = opened(planted, "explore", run="v1-0000", f=f"{VALIDATION} and hour >= 20", tab="where")
    assert "Hand-made" not in shown(app)
    actions.keep_handmade("v1-0000", "evenings <b>", f"{VALIDATION} and hour >= 20", "Ada")
    app.run()
    rows = component(app, "handmade")["rows"]
    name, badge, *_ = rows[0]["cells"]
    assert (name["text"], name["sub"]) == ("evenings <b>", "hour ≥ 20")
    assert badge["text"] == "hand-made"
    insights = opened(planted, run="v1-0000", f=VALIDATION)
    assert component(insights, "handmade")["rows"][0]["cells"][1]["text"] == "hand-made"
    ranked = component(insights, "ranking")["rows"]
    assert len(ranked) == len(cached.aggressors("v1-0000"))
    assert "evenings" not in str(ranked)
    assert not insights.exception


def test_a_group_of_the_map_is_not_listed_in_another_run(opened, planted):
    place = Workspace.open(planted)
    keep_handmade(
        place, name="corner", filter="map in (0, 0, 5, 0, 5, 5)", run_id="v1-0000"
    )  # fmt: skip
    app = opened(planted, "explore", run="v2-0000", f=VALIDATION, tab="where")
    assert "1 more cannot be told in this run" in shown(app)
    there = opened(planted, "explore", run="v1-0000", f=VALIDATION, tab="where")
    assert len(component(there, "handmade")["rows"]) == 1


def test_a_broken_file_is_told_beside_the_others(opened, planted):
    place = Workspace.open(planted)
    keep_handmade(place, name="late", filter="hour >= 20", run_id="v1-0000")
    (place.handmade / "bad.json").write_text("{", encoding="utf-8")
    app = opened(planted, "explore", run="v1-0000", f=VALIDATION, tab="where")
    assert "not valid JSON" in shown(app)
    assert len(component(app, "handmade")["rows"]) == 1


def test_a_group_becomes_the_filter_a_test_or_nothing(opened, planted, monkeypatch):
    place = Workspace.open(planted)
    made = keep_handmade(place, name="late", filter="hour >= 20", run_id="v1-0000")
    opened(planted, "explore", run="v1-0000", f="population = test and label = a", tab="where")
    changed, gone = {}, []
    state = handmade_component.state
    monkeypatch.setattr(state, "read", lambda: state.View("v1-0000", "population = test"))
    monkeypatch.setattr(state, "change", changed.update)
    monkeypatch.setattr(state, "go", gone.append)
    handmade_component._explore(made, travels=True)
    assert changed["filter"] == format_filter(both(parse("population = test"), parse("hour >= 20")))
    assert gone == ["explore"]
    handmade_component._explore(made, travels=False)
    assert gone == ["explore"]
    handmade_component._save("v1-0000", made)
    assert (planted / "tests" / "late.json").is_file()
    handmade_component._remove(made)
    assert list_handmade(place) == ([], [])


def test_figures_are_told_with_how_sure_they_are(opened, planted):
    opened(planted, "explore", run="v1-0000", f=VALIDATION, tab="where")
    told = handmade_component.told("v1-0000", cached.measure("v1-0000", "brightness < 0.3"))
    assert "in the half that judges" in told
    few = handmade_component.told("v1-0000", cached.measure("v1-0000", "hour > 1000"))
    assert few == "0 validation samples. The half that judges holds too few of them to compare."
