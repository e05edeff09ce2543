"""The map of Explore: what it is told, what a click does, and where a later run's map lies."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest
from tests.app.reading import coloured_by, component, map_header, shown
from tests.app.worlds import turned_workspace

from aggressors.queries.grammar import parse
from aggressors.queries.points import DENSITY, ERROR
from aggressors.stats.alignment import STAYS, Similarity
from aggressors.store.kept_filters import list_filters, save_filter
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors_app import cached, chips, placing, state
from aggressors_app.components import explore_map, map_layers

RUN = "v1-0000"


@pytest.fixture
def workspace(planted_versions, monkeypatch, opened):
    """The planted runs, for questions without a page."""
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted_versions))
    return planted_versions


@pytest.fixture
def address(monkeypatch):
    """A view that callbacks read and change, without a browser."""
    held: dict[str, state.View] = {}
    monkeypatch.setattr(state, "read", lambda: held["view"])
    monkeypatch.setattr(state, "write", lambda view: held.update(view=view))
    monkeypatch.setattr(explore_map.st, "session_state", {})
    held["view"] = state.View(RUN, "population = validation")
    return held


def test_every_sample_in_view_is_a_dot_with_its_own_colour(opened, planted_versions):
    app = opened(planted_versions, "explore", run=RUN, f="population = test")
    told = map_header(app)
    packed = component(app, "explore_map")
    width, height = told["size"]
    length = int.from_bytes(packed[:4], "little")
    assert coloured_by(app) == ["label", "loss"]
    assert len(packed) == 4 + length + (2 + told["counted"]) * width * height
    assert len(packed) < 1_000_000
    assert told["scope"] == "450 samples in view"
    dots, (label, loss) = told["dots"], told["layers"]
    assert len(set(dots["ids"])) == 450
    named = [label["categories"][code - 1] for code in dots["codes"][0]]
    assert named == dots["values"][0]
    assert dots["codes"][1] == sorted(dots["codes"][1], reverse=True)  # the worst in front
    assert float(loss["range"][0]) < float(loss["range"][1])
    assert {line["name"] for line in told["outlines"]} >= {"1", "2"}
    assert sum(bool(line["rings"]) for line in told["outlines"]) == 1


def test_many_samples_are_cells_with_their_counts(opened, planted_versions):
    app = opened(planted_versions, "explore", run=RUN, f="all")
    told, packed = map_header(app), component(app, "explore_map")
    assert told["dots"] is None
    assert told["scope"] == "3,150 samples in view"
    cells = np.prod(told["size"])
    counts = np.frombuffer(packed[-int(cells) * told["counted"] :], f"<u{told['counted']}")
    assert counts.sum() == 3_150
    pixels = np.frombuffer(packed[: -len(counts) * told["counted"]], np.uint8)[-2 * cells :]
    assert ((pixels[:cells] > 0) == (counts > 0)).all()


def test_both_maps_take_any_colour_and_one_can_stand_alone(opened, planted_versions):
    two = opened(planted_versions, "explore", run=RUN, f="all", color="hour", color2=DENSITY)
    hour, density = map_header(two)["layers"]
    assert (hour["name"], hour["unit"], density["log"]) == ("hour", "h", True)
    one = opened(planted_versions, "explore", run=RUN, f="all", color=ERROR, maps="1")
    (error,) = map_header(one)["layers"]
    assert (error["title"], error["unit"]) == ("error rate", "%")
    assert error["high"].endswith("%")
    assert "Highest at the" in error["told"]
    odd = opened(planted_versions, "explore", run=RUN, f="all", color="sample_id", view="nan,1")
    assert coloured_by(odd) == ["label", "loss"]


@pytest.mark.parametrize(
    "shown", ["nan,1,0,1", "1,0,0,1", "0,1e-300,0,1", "-1e300,1e300,0,1", "0,inf,0,1", "1,2,3", "x"]
)
def test_a_view_from_a_stranger_shows_everything(workspace, address, shown):
    view = state.View(RUN, "all", None, {"view": shown})
    assert explore_map._shown(view) == explore_map._whole(RUN)


def test_pictures_are_sent_only_where_few_samples_are_in_view(opened, planted_versions):
    app = opened(planted_versions, "explore", run=RUN, f="population = test and label = coat")
    dots = map_header(app)["dots"]
    assert len(dots["ids"]) > map_layers.PICTURES
    assert dots["pictures"] == {}
    few = "population = test and label = coat and hour < 9"
    app = opened(planted_versions, "explore", run=RUN, f=few)
    dots = map_header(app)["dots"]
    assert 0 < len(dots["ids"]) == len(dots["pictures"]) <= map_layers.PICTURES
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in dots["pictures"].values())


def test_a_filter_that_nothing_passes_leaves_the_map_and_its_shadow(opened, planted_versions):
    app = opened(planted_versions, "explore", run=RUN, f="population = test and loss > 1e9")
    told, packed = map_header(app), component(app, "explore_map")
    assert told["scope"] == "0 samples in view"
    assert packed.count(bytes([map_layers.SHADOW])) > 300
    assert not app.exception


def test_the_chosen_sample_is_ringed(opened, planted_versions, workspace):
    sample = cached.page(RUN, "population = test", "loss", True, 0, 1)["sample_id"][0].as_py()
    app = opened(planted_versions, "explore", run=RUN, f="population = test", sample=sample)
    found = cached.sample(RUN, sample)
    assert map_header(app)["chosen"] == pytest.approx([found.map_x, found.map_y])


def test_a_category_of_the_legend_limits_the_filter_and_lifts_it(workspace, address):
    explore_map._picked("label", "coat")
    assert address["view"].filter == "population = validation and label = coat"
    explore_map._picked("label", "coat")
    assert address["view"].filter == "population = validation"
    explore_map._picked("hour", "3")
    explore_map._picked("no such field", "3")
    assert address["view"].filter == "population = validation"


def test_what_the_maps_show_is_in_the_address(workspace, address):
    explore_map._colored(0, "hour")
    explore_map._colored(1, DENSITY)
    explore_map._moved((0.0, 1.5, -2.0, 2.0))
    assert dict(address["view"].local) == {
        "color": "hour", "color2": DENSITY, "view": "0,1.5,-2,2",
    }  # fmt: skip
    explore_map._moved(None)
    assert "view" not in address["view"].local


# --- Alignment ---

TURN = Similarity(0, -2, 2, 0, 10, 1)
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


def test_runs_of_the_same_samples_lie_on_the_oldest(workspace):
    assert cached.placed("v1-0000") == cached.places.Placed(STAYS, "v1-0000")
    for run in ("v2-0000", "v3-0000"):
        found = cached.placed(run)
        assert found.first == "v1-0000"
        assert (found.by.xx, found.by.yy, found.by.x0) == pytest.approx((1, 1, 0), abs=1e-5)


def test_a_region_means_what_is_seen_inside_it_and_stays_there_in_another_run():
    assert placing.stored(placing.shown(SQUARE, TURN), TURN) == SQUARE
    assert placing.shown(SQUARE, TURN) == ((10, 1), (10, 3), (8, 3))


def test_a_region_drawn_on_a_turned_map_holds_the_samples_seen_inside(
    workspace, address, monkeypatch
):
    monkeypatch.setattr(cached, "placed", lambda run: cached.places.Placed(TURN, RUN))
    run = cached.run_file(RUN)
    rows = cached.page(RUN, "population = test", "row_id", False, 0, 450)["row_id"].to_pylist()
    with run.asking() as cursor:
        places = dict(
            (row, (x, y))
            for row, x, y in cursor.execute("SELECT row_id, map_x, map_y FROM samples").fetchall()
        )
    x, y = TURN.of(*np.array([places[row] for row in rows]).T)
    middle = (np.median(x), np.median(y))
    box = (middle[0] - 0.7, middle[0] + 0.9, middle[1] - 1.1, middle[1] + 0.4)
    seen = int(((x >= box[0]) & (x < box[1]) & (y >= box[2]) & (y < box[3])).sum())
    address["view"] = state.View(RUN, "population = test")
    explore_map._drawn(((box[0], box[2]), (box[1], box[2]), (box[1], box[3]), (box[0], box[3])))
    assert cached.count(RUN, address["view"].filter) == seen > 0
    assert chips.region(parse(address["view"].filter)) is not None


def test_switching_the_run_keeps_the_region_where_it_is_drawn(workspace, address, monkeypatch):
    at = {"v1-0000": STAYS, "v2-0000": TURN}
    monkeypatch.setattr(cached, "placed", lambda run: cached.places.Placed(at[run], RUN))
    address["view"] = state.View(RUN, "map in (10, 1, 10, 3, 8, 3)")
    placing.switch("v2-0000")
    assert address["view"].run == "v2-0000"
    assert address["view"].filter == "map in (0, 0, 1, 0, 1, 1)"
    placing.switch("v1-0000")
    assert address["view"].filter == "map in (10, 1, 10, 3, 8, 3)"
    address["view"] = state.View(RUN, "brightness <")
    placing.switch("v2-0000")
    assert address["view"].filter == "brightness <"


# --- Another run ---


@pytest.fixture(scope="module")
def turned_versions(tmp_path_factory):
    """v1, and v2 with a turned map and its first two aggressors swapped."""
    return turned_workspace(tmp_path_factory.mktemp("turned"))


def switched(app) -> str:
    return "\n".join(one.value.replace("\\", "") for one in app.caption if "sync_alt" in one.value)


def test_the_aggressor_in_focus_is_followed_by_its_samples(opened, turned_versions):
    filter = "population = validation and aggressor = 1"
    app = opened(turned_versions, "explore", run=RUN, f=filter, a="1")
    names = {one.rank: one.name for one in cached.aggressors(RUN)}
    app.selectbox(key="run_picker").set_value("v2-0000").run()
    assert not app.exception
    assert (app.query_params["run"], app.query_params["a"]) == ("v2-0000", "2")
    assert app.query_params["f"] == "population = validation and aggressor = 2"
    assert {one.rank: one.name for one in cached.aggressors("v2-0000")}[2] == names[1]
    assert "Aggressor 1 of v1 is aggressor 2 of v2: 100" in switched(app)
    app.selectbox(key="run_picker").set_value(RUN).run()
    assert (app.query_params["a"], app.query_params["f"]) == ("1", filter)


def test_another_aggressor_of_the_same_rank_is_told(opened, turned_versions, monkeypatch):
    app = opened(turned_versions, "explore", run=RUN, f="population = validation", a="1")
    alike = pa.table({"rank": [1], "other_rank": [1], "concept_id": [0], "other_concept_id": [0],
                      "overlap": [0.62]})  # fmt: skip
    monkeypatch.setattr(cached, "matched", lambda here, there: alike)
    app.selectbox(key="run_picker").set_value("v2-0000").run()
    assert "Aggressor 1 of v1 is aggressor 1 of v2: 62" in switched(app)
    app.button_group(key="filter_population").set_value("test").run()
    assert not switched(app)


def test_an_aggressor_without_a_counterpart_leaves_focus_and_filter(
    opened, turned_versions, monkeypatch
):
    filter = "population = validation and aggressor = 1 and map in (0, 0, 9, 0, 9, 9)"
    app = opened(turned_versions, "explore", run=RUN, f=filter, a="1")
    alone = pa.table({"rank": [1], "other_rank": pa.array([None], pa.int64()),
                      "concept_id": [0], "other_concept_id": pa.array([None], pa.int64()),
                      "overlap": pa.array([None], pa.float64())})  # fmt: skip
    monkeypatch.setattr(cached, "matched", lambda here, there: alone)
    monkeypatch.setattr(cached, "placed", lambda run: cached.places.Placed(STAYS, run))
    app.selectbox(key="run_picker").set_value("v2-0000").run()
    assert not app.exception
    assert "a" not in app.query_params
    assert app.query_params["f"] == "population = validation"
    said = switched(app)
    assert "Aggressor 1 of v1 has no counterpart in v2" in said
    assert "Left out of the filter: aggressor 1 and region on the map of v1; their maps" in said


def test_a_saved_region_is_put_where_it_lies_on_this_run(opened, turned_versions, tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(turned_versions, folder)
    with open_run(folder / "runs" / f"{RUN}.duckdb") as run, run.asking() as cursor:
        middle = round(cursor.execute("SELECT median(map_x) FROM samples").fetchall()[0][0], 3)
    left = f"population = test and map in (-99, -99, {middle}, -99, {middle}, 99, -99, 99)"
    app = opened(folder, "explore", run=RUN, f=left)
    app.text_input(key="filter_name").set_value("corner")
    app.button[[one.label for one in app.button].index("Save")].click().run()
    (kept,) = list_filters(Workspace(folder))[0]
    assert kept.run_id == RUN
    held = cached.count(RUN, kept.filter)
    assert 0 < held < 450
    there = opened(folder, "explore", run="v2-0000", f="@corner")
    assert not there.exception
    corner = map_header(there)["region"][0]
    assert corner == pytest.approx((-99, -99), abs=0.05)  # drawn where it was drawn on v1
    assert f"**{held} samples** in the filter" in shown(there)
    chosen = opened(folder, "explore", run="v2-0000", f="all")
    chosen.selectbox(key="filter_saved").set_value("Filter: corner").run()
    assert cached.count("v2-0000", chosen.query_params["f"]) == held
    assert "Saved as `@corner`" in shown(chosen)


def test_a_saved_region_of_a_map_that_lies_elsewhere_is_refused(
    opened, turned_versions, tmp_path, monkeypatch
):
    folder = tmp_path / "own"
    shutil.copytree(turned_versions, folder)
    save_filter(Workspace(folder), "corner", "map in (-9, -9, 9, -9, 0, 9)", run_id=RUN)
    monkeypatch.setattr(cached, "placed", lambda run: cached.places.Placed(STAYS, run))
    app = opened(folder, "explore", run="v2-0000", f="@corner")
    assert not app.exception
    said = app.error[0].value.replace("\\", "")
    assert "a region of the map on the run v1, which has no counterpart on this one" in said
    assert "Choose the run v1 for it" in said
    app = opened(folder, "explore", run="v2-0000", f="all")
    assert "1 more cannot be asked of this run" in shown(app)
