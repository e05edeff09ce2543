"""Marks on the pages: said, taken back, shown on the next visit, counted and exported."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet
from tests.app.reading import component, shown

from aggressors import adding
from aggressors.queries.marks import groups
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors_app import actions, cached
from aggressors_app.components import marking

GRID = "aggressor_grid_worst"


def tiles(app, key=GRID):
    return {item["id"]: item for item in component(app, key)["items"]}


def chosen_worst(opened, planted, **params):
    """The page of the first aggressor, with its worst sample chosen."""
    app = opened(planted, "aggressor", run="v1-0000", f="all", a="1", **params)
    first = next(iter(tiles(app)))
    return opened(planted, "aggressor", run="v1-0000", f="all", a="1", sample=first), first


def counted(app):
    """Labels of the menus that count marks."""
    labels = [block.proto.popover.label for block in app.get("popover")]
    return [label for label in labels if "marked" in label]


def held(planted):
    return [one.about for one in Workspace(planted).read_marks().held]


def test_a_mark_is_kept_flagged_counted_and_taken_back(opened, planted):
    app, first = chosen_worst(opened, planted)
    assert counted(app) == []
    app.button(key="aggressor_sample_label-wrong").click().run()
    assert held(planted) == [(first, "label-wrong", "")]
    assert tiles(app)[first]["flag"] == "label wrong"
    app.button(key="aggressor_sample_not-of-group").click().run()
    assert tiles(app)[first]["flag"] == "label wrong · not of group"
    assert counted(app) == ["1 marked"]
    concept_id = cached.aggressors("v1-0000")[0].concept_id
    group = groups(cached.run_file("v1-0000"))[concept_id]
    assert (first, "not-of-group", group) in held(planted)
    app.button(key="aggressor_sample_label-wrong").click().run()
    assert tiles(app)[first]["flag"] == "not of group"
    assert len(held(planted)) == 1


def test_marks_show_on_the_next_visit_and_in_the_next_run(opened, planted):
    app, first = chosen_worst(opened, planted)
    app.button(key="aggressor_sample_label-wrong").click().run()
    app.button(key="aggressor_sample_not-of-group").click().run()
    again = opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    assert tiles(again)[first]["flag"] == "label wrong · not of group"
    # The label is wrong in any group and run; the group is another one.
    ranks = [one.rank for one in cached.aggressors("v1-0000")]
    flags = marking.flags("v1-0000", cached.marks(), cached.aggressors("v1-0000")[len(ranks) - 1])
    assert flags[first] == "label wrong"
    page = opened(planted, "explore", run="v3-0000", f=f"sample_id = {first}")
    assert tiles(page, "browser_grid")[first]["flag"] == "label wrong"


def derived(planted: Path, name: str = "vegetation", run: str = "v1-0000") -> str:
    """Id of the run with a field added."""
    place = Workspace(planted)
    with open_run(place.run_path(run)) as parent:
        ids = [
            row[0] for row in parent.cursor().execute("SELECT sample_id FROM samples").fetchall()
        ]
    table = pa.table({"sample_id": ids, name: [len(one) + n % 7 for n, one in enumerate(ids)]})
    return adding.add_metadata(place.run_path(run), table, place).run_id


def without_rules(planted: Path, run: str = "v1-0000") -> None:
    """Let no rule describe the groups of a run, so that they stand for themselves."""
    with duckdb.connect(str(planted / "runs" / f"{run}.duckdb")) as database:
        database.execute("UPDATE concepts SET rule = '{}'")


@pytest.mark.parametrize("ruled", [True, False])
def test_a_mark_holds_in_the_runs_with_added_metadata_and_the_other_way_round(
    opened, planted, ruled
):
    if not ruled:
        without_rules(planted)
    first_step = derived(planted)
    second_step = derived(planted, "lamps", first_step)
    app, here = chosen_worst(opened, planted)
    there = list(tiles(app))[1]
    app.button(key="aggressor_sample_not-of-group").click().run()
    marking.mark_by_key(
        second_step, cached.aggressors(second_step)[0], "not of group", there, cached.marks()
    )
    for run in ("v1-0000", first_step, second_step):
        again = opened(planted, "aggressor", run=run, f="all", a="1")
        assert {tiles(again)[one]["flag"] for one in (here, there)} == {"not of group"}, run
        assert counted(again) == ["2 marked"]
        rows = list(csv.DictReader(io.StringIO(
            actions.exported(run, "marks", "csv", "", 1).content.decode()
        )))  # fmt: skip
        assert [(row["aggressor"], row["run_id"]) for row in rows] == [("1", "v1-0000")] * 2
    if not ruled:
        other = opened(planted, "aggressor", run="v3-0000", f="all", a="1")
        assert counted(other) == []
    marking.mark_by_key(
        first_step, cached.aggressors(first_step)[0], "not of group", here, cached.marks()
    )
    assert [one for one, *_ in held(planted)] == [there]


def test_a_wrong_label_of_a_counter_example_counts_where_metadata_was_added(opened, planted):
    run = derived(planted)
    app = opened(planted, "aggressor", run=run, f="all", a="1", show="counter")
    alike = next(iter(tiles(app, "aggressor_grid_counter")))
    marking.mark_by_key(run, cached.aggressors(run)[0], "label wrong", alike, cached.marks())
    for each in (run, "v1-0000"):
        assert counted(opened(planted, "aggressor", run=each, f="all", a="1")) == ["1 marked"]


def test_a_hypothesis_of_the_model_is_one_of_the_run_with_added_metadata(opened, planted):
    run = derived(planted)
    opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    one = cached.aggressors("v1-0000")[0]
    found = cached.findings("v1-0000", one.concept_id, "membership").found[0]
    actions.save_hypothesis("v1-0000", one.rank, found.head, found.filter)
    other = opened(planted, "aggressor", run="v3-0000", f="all", a="1")
    assert [row["muted"] for row in component(other, "hypotheses")["rows"]] == [True]
    app = opened(planted, "aggressor", run=run, f="all", a="1")
    assert [row["muted"] for row in component(app, "hypotheses")["rows"]] == [False]
    rows = component(app, "findings")["rows"]
    icons = [[button["icon"] for button in row["cells"][-1]["buttons"]] for row in rows]
    assert sum("saved" in each for each in icons) == 1


def test_a_recommendation_says_what_of_it_is_the_models(opened, planted):
    run = derived(planted)
    said = "all other evidence, candidates and suspects are those of v1"
    assert said in shown(opened(planted, "solve", run=run, f="all", a="1"))
    assert said not in shown(opened(planted, "solve", run="v1-0000", f="all", a="1"))


def test_marks_are_read_once_until_another_window_marks(opened, planted, monkeypatch):
    read = []
    whole = Workspace.read_marks
    monkeypatch.setattr(Workspace, "read_marks", lambda self: read.append(1) or whole(self))
    app, first = chosen_worst(opened, planted)
    app.button(key="aggressor_sample_label-wrong").click().run()
    app.run()
    read.clear()
    app.run()
    assert tiles(app)[first]["flag"] == "label wrong"
    assert not read
    other = list(tiles(app))[1]
    Workspace(planted).append_marks([other], "label-wrong", run_id="v3-0000")
    app.run()
    assert tiles(app)[other]["flag"] == "label wrong"
    assert counted(app) == ["2 marked"]
    assert len(read) == 1


def test_two_windows_that_mark_the_same_agree(opened, planted):
    app, first = chosen_worst(opened, planted)
    other = chosen_worst(opened, planted)[0]
    button = "aggressor_sample_label-wrong"
    app.button(key=button).click().run()
    other.button(key=button).click().run()  # it shows no mark yet
    assert held(planted) == [(first, "label-wrong", "")]
    app.button(key=button).click().run()
    other.button(key=button).click().run()  # it still shows the mark
    assert held(planted) == []


def test_a_batch_that_is_edited_by_hand_is_read_again(opened, planted):
    app, first = chosen_worst(opened, planted)
    app.button(key="aggressor_sample_label-wrong").click().run()
    (path,) = (planted / "marks").glob("*.parquet")
    batch = parquet.read_table(path).to_pandas()
    parquet.write_table(pa.Table.from_pandas(batch.assign(undone=True)), path)
    app.run()
    assert tiles(app)[first]["flag"] == ""


def test_no_key_calls_a_label_wrong_where_none_is(opened, planted):
    labeled = opened(planted, "explore", run="v1-0000", f="population = test")
    assert component(labeled, "browser_grid")["actions"] == {"w": "label wrong"}
    pool = opened(planted, "explore", run="v1-0000", f="population = unlabeled")
    assert component(pool, "browser_grid")["items"]
    assert component(pool, "browser_grid")["actions"] == {"a": "add to queue"}


def test_the_keys_of_the_grid_mark_and_take_back(opened, planted, monkeypatch):
    app = opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    assert component(app, GRID)["actions"] == {"w": "label wrong", "n": "not of group"}
    explore = opened(planted, "explore", run="v1-0000", f="population = test")
    assert component(explore, "browser_grid")["actions"] == {"w": "label wrong"}
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    one, first = cached.aggressors("v1-0000")[0], next(iter(tiles(app)))
    marking.mark_by_key("v1-0000", one, "not of group", first, cached.marks())
    assert [mark for _, mark, _ in held(planted)] == ["not-of-group"]
    marking.mark_by_key("v1-0000", one, "not of group", first, cached.marks())
    marking.mark_by_key("v1-0000", one, "no such word", first, cached.marks())
    assert held(planted) == []


def test_what_was_marked_is_exported(opened, planted):
    app, first = chosen_worst(opened, planted)
    app.button(key="aggressor_sample_not-of-group").click().run()
    made = actions.exported("v1-0000", "marks", "csv", "", 1)
    (row,) = csv.DictReader(io.StringIO(made.content.decode()))
    assert (row["sample_id"], row["mark"], row["aggressor"]) == (first, "not-of-group", "1")
    assert (row["run_id"], row["concept_id"]) == (
        "v1-0000",
        str(cached.aggressors("v1-0000")[0].concept_id),
    )


def test_a_damaged_file_is_told_and_the_rest_still_shows(opened, planted):
    app, first = chosen_worst(opened, planted)
    app.button(key="aggressor_sample_label-wrong").click().run()
    for name in "abcde":
        (planted / "marks" / f"{name}.parquet").write_bytes(b"PAR1")
    app.run()
    assert not app.exception
    assert tiles(app)[first]["flag"] == "label wrong"
    told = [error.value for error in app.error]
    assert len(told) == 4
    assert "no batch of marks" in told[0]
    assert "2 more files" in told[-1]


def test_a_mark_that_cannot_be_kept_is_told(opened, planted):
    app, first = chosen_worst(opened, planted)
    (planted / "marks").write_text("in the way")
    app.button(key="aggressor_sample_label-wrong").click().run()
    assert "Cannot write" in app.error[0].value
    assert tiles(app)[first]["flag"] == ""
    app.run()
    assert not app.error


def test_unlabeled_samples_have_no_label_that_could_be_wrong(opened, planted, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    page = opened(planted, "explore", run="v1-0000", f="population = unlabeled")
    first = next(iter(tiles(page, "browser_grid")))
    page = opened(planted, "explore", run="v1-0000", f="population = unlabeled", sample=first)
    assert not [button for button in page.button if button.label == "Label wrong"]
    from streamlit import session_state

    marking.say("v1-0000", None, first, "label-wrong", undo=False)
    assert "no label that could be wrong" in session_state.pop(marking.PROBLEM)
    marking.say("v1-0000", None, "of another run", "label-wrong", undo=False)
    assert session_state.pop(marking.PROBLEM)
    assert held(planted) == []


def test_a_single_run_file_keeps_no_marks(opened, planted_versions, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_RUN", str(planted_versions / "runs" / "v1-0000.duckdb"))
    app = opened(planted_versions, "aggressor", a="1")
    first = next(iter(tiles(app)))
    app = opened(planted_versions, "aggressor", a="1", sample=first)
    assert component(app, GRID)["actions"] == {}
    assert app.button(key="aggressor_sample_label-wrong").disabled
    with pytest.raises(Exception, match="keeps no marks"):
        actions.set_mark("v1-0000", first, "label-wrong", undo=False)
    assert cached.marks().held == ()


# --- What is marked in a text and in a row ---

EVIL = "<img src=x onerror=alert(1)> **refund** _never_ $x$"


@pytest.fixture
def written(tmp_path):
    """A run of texts with telling words, and one of bare rows."""
    from tests.app.worlds import N

    from aggressors.stages.tables import rows
    from aggressors.store.schema import BY_NAME
    from analysed import analyse
    from planted import planted_tables
    from versions import publish_tables

    tables = {
        name: table for name, table in analyse(planted_tables(n=N)).items() if name in BY_NAME
    }
    ids = tables["samples"]["sample_id"].to_pylist()
    assigned = tables["assignments"].filter(pc.field("concept_id") == 1)
    members = assigned["row_id"].to_pylist()
    texts = {row: f"{EVIL} number {row}" for row in members}
    tables = tables | {
        "representatives": rows(
            "representatives",
            [
                {"concept_id": 1, "reason": "worst", "rank": place + 1, "alike": 3 - 3 * place,
                 "sample_id": ids[members[place]]}
                for place in (0, 1)
            ],
        ),
        "words": rows(
            "words",
            [
                {
                    "concept_id": 1, "rank": rank, "word": word, "z": 5.0, "q_value": 0.001,
                    "n_inside": 12, "of_inside": 20, "n_outside": n, "of_outside": 100,
                    "stratum": "label",
                }
                for rank, (word, n) in enumerate((("refund", 5), ("never", 0)), start=1)
            ],
        ),
    }  # fmt: skip
    place = Workspace.open(tmp_path / "written", create=True)
    media = [
        {"row_id": row, "sample_id": ids[row], "kind": "text", "text": texts.get(row, "usual text")}
        for row in range(len(ids))
    ]
    publish_tables(place, tables | {"media": rows("media", media)}, "texts", day=1)
    far = pa.array([99.0 if row == members[0] else 12.0 + row % 5 for row in range(len(ids))])
    at = tables["metadata"].schema.get_field_index("hour")
    odd = tables["metadata"].set_column(at, "hour", far)
    bare = tables | {"media": rows("media", []), "metadata": odd, "words": rows("words", [])}
    publish_tables(place, bare, "rows", day=2)
    return place.root


def test_a_text_comes_as_text_with_its_telling_words_beside(opened, written):
    app = opened(written, "aggressor", run="texts-0000", f="all", a="1")
    first = component(app, GRID)["items"][0]
    assert EVIL in first["text"]
    assert sorted(first["words"]) == ["never", "refund"]
    assert first["alike"] == "+3 alike"
    assert component(app, GRID)["items"][1]["alike"] == ""
    assert "Telling words" in shown(app)
    badges = [element.value for element in app.markdown if "refund" in element.value]
    assert any("12×" in badge for badge in badges)
    app = opened(written, "aggressor", run="texts-0000", f="all", a="1", sample=first["id"])
    card = component(app, "aggressor_sample_text")
    assert card["reading"]
    assert EVIL in card["items"][0]["text"]
    assert "onerror" not in shown(app)  # the text goes to the component alone


def test_a_row_comes_as_its_values_with_the_unusual_ones_marked(opened, written):
    app = opened(written, "aggressor", run="rows-0000", f="all", a="1")
    first = component(app, GRID)["items"][0]
    assert first["values"][0] == ["hour", "99 h", True]
    measured = {"outlier_score", "missing_values", "row_duplicates"}
    assert measured & set(cached.run_file("rows-0000").fields)
    for tile in component(app, GRID)["items"]:
        assert len(tile["values"]) >= 2
        assert not measured & {name for name, _, _ in tile["values"]}
    assert "Telling words" not in shown(app)
    app = opened(written, "aggressor", run="rows-0000", f="all", a="1", sample=first["id"])
    rows = component(app, "aggressor_sample_metadata")["rows"]
    assert rows[0]["cells"][0]["sub"].startswith("hour · top 0.0")
    assert rows[0]["cells"][1] == {
        "text": "99 h", "color": "orange", "sub": "99 h", "act": "", "kind": "mark",
    }  # fmt: skip
