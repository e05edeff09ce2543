"""The sample browser: pages, layouts, the panel of one sample, what is like it, and the queue."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.reading import component, shown

import aggressors as ag
from aggressors.queries import marks as marking
from aggressors.store.workspace import Workspace
from aggressors_app import actions, cached, state
from aggressors_app.components import browser, queueing, tagging
from aggressors_app.components import grid as sample_grid
from aggressors_app.components import heat as heating
from aggressors_app.components.pager import MANY

RUN = "v1-0000"


def grid(app):
    return component(app, "browser_grid")


@pytest.fixture
def address(monkeypatch, planted, opened):
    """A view that callbacks read and change, without a browser."""
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    held = {"view": state.View(RUN, "all")}
    monkeypatch.setattr(state, "read", lambda: held["view"])
    monkeypatch.setattr(state, "write", lambda view: held.update(view=view))
    return held


def test_any_page_is_typed_and_any_size_keeps_what_is_on_screen(opened, planted_versions):
    app = opened(planted_versions, "explore", run=RUN, f="all", page="12")
    assert len(grid(app)["items"]) == browser.PER_PAGE
    first = grid(app)["items"][0]["id"]
    app.number_input(key="browser_page_typed").set_value(66).run()
    assert app.query_params["page"] == "66"
    assert len(grid(app)["items"]) == 3_150 - 65 * 48
    app.number_input(key="browser_page_typed").set_value(12).run()
    app.selectbox(key="browser_per").set_value(24).run()
    assert (app.query_params["per"], app.query_params["page"]) == ("24", "23")
    assert grid(app)["items"][0]["id"] == first
    few = opened(planted_versions, "explore", run=RUN, f="population = test and label = coat")
    assert len(grid(few)["items"]) * MANY >= 48
    assert not [one for one in few.number_input if one.key == "browser_page_typed"]


def test_missing_values_are_last_in_both_orders(opened, planted_versions):
    for order in ("down", "up"):
        app = opened(
            planted_versions, "explore", run=RUN, f="all", sort="loss", order=order, page="66"
        )
        assert [item["lines"][0][0] for item in grid(app)["items"]]
        last = cached.page(RUN, "all", "loss", order == "down", 3_100, 48)
        assert last["loss"].null_count == last.num_rows


def test_heatmaps_are_as_strong_as_the_link_says(opened, planted_versions):
    assert grid(opened(planted_versions, "explore", run=RUN, f="all", heat="65"))["heat"] == 65
    assert grid(opened(planted_versions, "explore", run=RUN, f="all", heat="x"))["heat"] == 0


def test_rows_have_the_columns_one_chooses(opened, planted_versions):
    app = opened(
        planted_versions, "explore", run=RUN, f="population = test", layout="rows",
        columns="hour,nothing,station",
    )  # fmt: skip
    told = grid(app)
    assert [column["name"] for column in told["columns"]] == [
        "sample_id", "label", "prediction", "loss", "hour", "station",
    ]  # fmt: skip
    assert [column["order"] for column in told["columns"]].index("down") == 3
    found = cached.page(RUN, "population = test", "loss", True, 0, 48).to_pylist()
    for item, row in zip(told["items"], found, strict=True):
        assert item["cells"][0] == [row["sample_id"], ""]
        assert item["cells"][1] == [row["label"], ""]
        assert item["cells"][2] == [row["prediction"], "" if row["correct"] else "wrong"]
    app.multiselect(key="browser_columns").set_value(["operator"]).run()
    assert app.query_params["columns"] == "operator"
    everyone = opened(planted_versions, "explore", run=RUN, f="all", layout="rows")
    assert grid(everyone)["columns"][1]["name"] == "population"


def test_a_column_sorts_and_turns_round(address):
    browser._sorted("hour", browser.Order("loss", descending=True))
    assert dict(address["view"].local) == {"sort": "hour"}
    browser._sorted("hour", browser.Order("hour", descending=True))
    assert dict(address["view"].local) == {"sort": "hour", "order": "up"}
    browser._sorted("hour", browser.Order("hour", descending=False))
    assert dict(address["view"].local) == {"sort": "hour"}
    browser._sorted("sample_id", browser.Order("hour", descending=True))
    browser._sorted("sample_id", browser.Order("sample_id", descending=False))
    assert dict(address["view"].local) == {"sort": "sample_id", "order": "down"}


def test_nothing_labeled_is_not_sorted_by_what_a_label_tells(opened, planted_versions):
    app = opened(planted_versions, "explore", run=RUN, f="population = unlabeled", sort="loss")
    box = app.selectbox(key="browser_sort")
    assert not set(box.options) & {"loss", "loss_quantile", "correct", "label"}
    assert box.value == "confidence"
    sure = [float(item["lines"][0][1].rstrip("%\u202f ")) for item in grid(app)["items"]]
    assert sure == sorted(sure)  # the least sure first
    labeled = opened(planted_versions, "explore", run=RUN, f="population = test")
    assert {"loss", "label"} <= set(labeled.selectbox(key="browser_sort").options)
    assert labeled.selectbox(key="browser_sort").value == "loss"


def test_heatmaps_are_one_state_in_grid_and_panel(opened, planted, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    found = cached.page(RUN, "all", "loss", True, 0, 200).to_pylist()
    seen = next(row["sample_id"] for row in found if row["thumbnail"])
    for heat in ("", "65"):
        app = opened(planted, "explore", run=RUN, f="all", heat=heat, layout="rows", sample=seen)
        panel = component(app, "browser_sample_picture")
        assert grid(app)["heat"] == panel["heat"] == int(heat or 0)
        assert panel["heats"]  # what is set there is reported, and so holds in the grid too


def test_how_strong_heatmaps_are_is_in_the_address(address):
    heating.keep_heat(30)
    assert dict(address["view"].local) == {"heat": "30"}
    heating.keep_heat(0)
    assert not address["view"].local


def test_texts_and_tables_have_rows(opened, tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "sample_id": [f"s{place}" for place in range(60)],
            "text": [f"a word and {place} more {'<b>' * (place % 2)}" * 40 for place in range(60)],
            "hour": rng.integers(0, 24, 60),
            "loss": rng.gamma(1, 1, 60),
        }
    )
    pq.write_table(table, tmp_path / "texts.parquet")
    ag.analyze(tmp_path / "texts.parquet", workspace=tmp_path / "w")
    app = opened(tmp_path / "w", "explore", layout="rows", sample="s3")
    told = grid(app)
    assert told["columns"][-1]["wide"]
    text = dict(zip(table["sample_id"].to_pylist(), table["text"].to_pylist(), strict=True))
    for item in told["items"]:
        assert text[item["id"]].startswith(item["cells"][-1][0])
        assert len(item["cells"][-1][0]) == 600
    assert component(app, "browser_sample_text")["items"][0]["text"] == text["s3"]


def test_the_panel_shows_everything_of_a_sample(opened, planted_versions, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted_versions))
    row = cached.page(RUN, "aggressor = 1", "loss", True, 0, 1).to_pylist()[0]
    app = opened(planted_versions, "explore", run=RUN, f="all", sample=row["sample_id"])
    memberships = component(app, "browser_sample_memberships")["rows"]
    assert "1" in {one["id"] for one in memberships}
    metadata = {one["id"] for one in component(app, "browser_sample_metadata")["rows"]}
    assert metadata >= set(cached.run_file(RUN).fields)
    alike = [item["id"] for item in component(app, "browser_sample_alike")["items"]]
    found = cached.alike(RUN, row["row_id"], 12)
    assert alike == found["sample_id"].to_pylist()
    assert row["sample_id"] not in alike
    assert len(alike) == 12


def test_unlabeled_samples_are_queued_by_key_and_button(opened, planted):
    pool = {"run": RUN, "f": "population = unlabeled"}
    app = opened(planted, "explore", **pool)
    assert grid(app)["actions"] == {"a": "add to queue"}
    first, second = (item["id"] for item in grid(app)["items"][:2])
    app = opened(planted, "explore", **pool, sample=first)
    app.button(key="browser_sample_queue").click().run()
    flags = {item["id"]: item["flag"] for item in grid(app)["items"]}
    assert (flags[first], flags[second]) == ("queued", "")
    assert app.button(key="browser_sample_queue").disabled
    queue = Workspace.open(planted).label_queue("to-label").rows()
    assert queue.select(["sample_id", "aggressor"]).to_pylist() == [
        {"sample_id": first, "aggressor": None}
    ]
    queueing.add_unlabeled(RUN, second)
    queueing.add_unlabeled(RUN, second)
    queueing.add_unlabeled(RUN, "no such sample")
    assert queueing.queued() == [first, second]


def test_labeled_samples_are_not_queued(opened, planted):
    app = opened(planted, "explore", run=RUN, f="population = test")
    assert "a" not in grid(app)["actions"]
    labeled = grid(app)["items"][0]["id"]
    queueing.add_unlabeled(RUN, labeled)
    assert queueing.queued() == []
    app = opened(planted, "explore", run=RUN, f="population = test", sample=labeled)
    assert not [one for one in app.button if one.key == "browser_sample_queue"]


def test_a_sample_that_is_not_there_is_told_beside_the_grid(opened, planted_versions):
    app = opened(planted_versions, "explore", run=RUN, f="all", sample="nobody")
    assert not app.exception
    assert "There is no sample" in shown(app)
    assert grid(app)["items"]


def test_tags_are_given_shown_filtered_by_and_taken_back(opened, planted):
    app = opened(planted, "explore", run=RUN, f="population = test")
    first, second = (item["id"] for item in grid(app)["items"][:2])
    app = opened(planted, "explore", run=RUN, f="population = test", sample=first)
    app.multiselect(key="browser_sample_tags").set_value(["  dark   photo ", "odd"]).run()
    assert grid(app)["items"][0]["flag"] == "dark photo · odd"
    held = [(one.sample_id, one.group) for one in Workspace.open(planted).read_marks().held]
    assert held == [(first, "dark photo"), (first, "odd")]
    app = opened(planted, "explore", run=RUN, f="population = test", sample=second)
    app.multiselect(key="browser_sample_tags").set_value(["odd"]).run()
    menu = [button for button in app.button if (button.key or "").startswith("browser_tag_")]
    assert [button.label for button in menu] == ["odd :gray[2]", "dark photo :gray[1]"]
    menu[0].click().run()
    assert {item["id"] for item in grid(app)["items"]} == {first, second}
    app = opened(planted, "explore", run=RUN, f="population = test", sample=first)
    app.multiselect(key="browser_sample_tags").set_value([]).run()
    assert [one.sample_id for one in Workspace.open(planted).read_marks().held] == [second]
    app.multiselect(key="browser_sample_tags").set_value(["x" * 41]).run()
    assert "1 to 40 printable characters" in app.error[0].value


def test_tags_are_exported_and_are_no_marks_of_a_group(opened, planted, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    one = cached.aggressors(RUN)[0]
    group = cached.group(RUN, one.concept_id)
    sample = cached.page(RUN, "aggressor = 1", "loss", True, 0, 1)["sample_id"][0].as_py()
    actions.set_mark(RUN, sample, "tag", undo=False, tag=group[:40])
    assert marking.by_sample(cached.marks().held, group) == {}
    rows = actions.exported(RUN, "marks", "csv", "").content.decode()
    assert f"tag: {group[:40]}" in rows
    assert actions.exported(RUN, "marks", "csv", "", 1).rows == 0


def test_a_filter_by_tag_leaves_other_claims():
    assert tagging.tagged("population = test and hour > 3", ["a", "b c"]) == (
        'hour > 3 and sample_id in (a, "b c")'
    )


@pytest.mark.parametrize(
    ("read", "value", "told"),
    [
        (sample_grid._text, "s1", ["s1"]),
        (sample_grid._text, 3, []),
        (sample_grid._pages, -1, [-1]),
        (sample_grid._pages, "last", [10**9]),
        (sample_grid._pages, 7, []),
        (sample_grid._pages, ["first"], []),
        (sample_grid._percent, 64.6, [65]),
        (sample_grid._percent, -3, [0]),
        (sample_grid._percent, float("inf"), [100]),
        (sample_grid._percent, float("nan"), []),
        (sample_grid._percent, "50", []),
    ],
)
def test_what_a_browser_reports_is_read_or_left(read, value, told):
    found = []
    read(value, found.append)
    assert found == told
    read(value, None)


def test_the_page_scrolls_to_a_sample_that_was_chosen_and_not_to_one_in_a_link(
    opened, planted_versions, monkeypatch
):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted_versions))
    one, other = cached.page(RUN, "all", "loss", True, 0, 2)["sample_id"].to_pylist()
    app = opened(planted_versions, "explore", run=RUN, f="all", sample=one)

    def leads(sample):
        app.query_params["sample"] = sample
        app.run()
        told = component(app, "browser_panel_in_sight")
        assert told["shows"] == sample
        return told["leads"]

    assert not component(app, "browser_panel_in_sight")["leads"]
    assert not leads(one)
    assert leads(other)
    app.button(key="browser_sample_close").click().run()
    assert leads(one)  # closed, and chosen again
