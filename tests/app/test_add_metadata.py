"""The dialog that adds metadata: what it publishes, opens and refuses, and what it never trusts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from streamlit.testing.v1 import AppTest
from tests.app.reading import component, shown

from aggressors import gate
from aggressors.errors import InputError, WorkspaceError
from aggressors.store.workspace import Workspace
from aggressors_app import actions, cached, commands, uploads
from aggressors_app.uploads import Upload


def ids_of(workspace: Path, run_id: str = "v1-0000") -> list[str]:
    from aggressors.store.read import open_run

    with open_run(Workspace(workspace).run_path(run_id)) as run:
        return [row[0] for row in run.cursor().execute("SELECT sample_id FROM samples").fetchall()]


def csv(workspace: Path, name: str = "vegetation.csv", field: str = "vegetation") -> Upload:
    rows = [f"{one},{place % 2}" for place, one in enumerate(ids_of(workspace)) if place % 7]
    return Upload(name, "\n".join([f"sample_id,{field}", *rows]).encode())


def finish(working) -> tuple[str, list[str]]:
    """What a generator of `actions` returns, and what it yields on the way."""
    told = []
    while True:
        try:
            told.append(next(working))
        except StopIteration as done:
            return done.value, told


def dialog() -> None:
    """A page with the dialog's function behind a button, since AppTest cannot upload."""
    import streamlit as st

    from aggressors_app import state
    from aggressors_app.components.add_metadata import add
    from aggressors_app.uploads import Upload

    if "view" not in st.session_state:
        state.write(state.View("v1-0000", "label = coat", 2, {"show": "central"}))
    st.caption(repr(state.read()))
    if st.button("go", key="go"):
        add("v1-0000", Upload(*st.session_state["sent"]), st.session_state.get("name", ""))


@pytest.fixture
def sending(planted, monkeypatch):
    """Send a file as the dialog does."""
    cached.forget()
    monkeypatch.delenv("AGGRESSORS_RUN", raising=False)
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))

    def send(upload: Upload, name: str = "") -> AppTest:
        app = AppTest.from_function(dialog, default_timeout=120)
        app.session_state["sent"] = (upload.name, upload.content)
        app.session_state["name"] = name
        app.run()
        return app.button(key="go").click().run()

    yield send
    cached.forget()


def test_the_button_stands_beside_what_they_share(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="1")
    assert not app.button(key="add_metadata").disabled
    app.button(key="add_metadata").click().run()
    assert not app.exception
    assert "a column for each new field" in shown(app)
    assert app.button(key="add_metadata_send").disabled


def test_a_single_run_file_has_no_place_for_a_derived_one(opened, planted, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_RUN", str(planted / "runs" / "v1-0000.duckdb"))
    app = opened(planted, "aggressor", f="all", a="1")
    assert app.button(key="add_metadata").disabled
    with pytest.raises(WorkspaceError, match="no place for a derived run"):
        next(actions.add_metadata("v1-0000", Upload("a.csv", b""), ""))


def test_success_opens_the_derived_run_with_the_same_view(sending, opened, planted):
    app = sending(csv(planted))
    assert not app.error
    (derived,) = [run for run in cached.catalogue().runs if run.derived_from]
    assert (derived.name, derived.added) == ("v1 + vegetation", ("vegetation",))
    view = app.caption[0].value
    assert f"run='{derived.run_id}', filter='label = coat', aggressor=2" in view
    assert "'show': 'central'" in view

    app = opened(planted, "aggressor", run=derived.run_id, f="all", a="1")
    text = shown(app)
    assert "Derived from v1, with vegetation added\\." not in text
    assert "Derived from v1, with vegetation added." in text
    answer = text.split("with vegetation added.")[1].splitlines()[1]  # however weak it is
    assert "vegetation" in answer
    assert "; effect " in answer
    assert answer.endswith("samples have no value.")
    assert not app.exception


def test_each_added_field_is_answered_the_strongest_first(sending, opened, planted):
    from aggressors.store.read import open_run

    with open_run(Workspace(planted).run_path("v1-0000")) as run:
        members = set(
            sample
            for (sample,) in run.cursor().execute(
                "SELECT sample_id FROM assignments a JOIN aggressors USING (concept_id)"
                " WHERE rank = 1"
            ).fetchall()
        )  # fmt: skip
    ids = ids_of(planted)
    rng = np.random.default_rng(3)
    noise = rng.permutation(len(ids)) * 0.37
    rows = [
        f"{one},{noise[place]},same,{int(one in members)},{rng.random()}"
        for place, one in enumerate(ids)
    ]
    header = "sample_id,another,constant,the_cause,zz"
    app = sending(Upload("many.csv", "\n".join([header, *rows]).encode()))
    assert not app.error
    (derived,) = [run for run in cached.catalogue().runs if run.derived_from]
    page = opened(planted, "aggressor", run=derived.run_id, f="all", a="1")
    text = shown(page).replace("\\", "").replace("\u202f", " ")
    cause, *weak, more = text.split("added.")[1].splitlines()[1:5]
    assert cause.startswith("the_cause = 1: 100 % of members, ")
    assert {line.split(":")[0] for line in weak} == {"another", "zz"}
    assert all("no relation found beyond chance; effect" in line for line in weak)
    assert more.startswith("Also added: constant.")


def test_a_name_is_taken_as_it_is(sending, planted):
    sending(csv(planted), "--debug 'x'; <b>")
    assert [run.name for run in cached.catalogue().runs if run.derived_from] == ["--debug 'x'; <b>"]


def test_problems_are_listed_as_text_and_nothing_is_published(sending, planted):
    bad = "sample_id,label,<b>bold</b>\nx1,1,\n**x2**,1,\n**x2**,1,\n"
    app = sending(Upload("bad.csv", bad.encode()))
    (error,) = app.error
    head, *problems = error.value.split("\n")
    assert head == "The table cannot be added to run 'v1', for it has 4 problems\\:"
    assert len(problems) == 4
    assert all(line.startswith("- ") for line in problems)
    assert "\\<b\\>bold" in error.value
    assert "\\*\\*x2\\*\\*" in error.value
    assert not [run for run in cached.catalogue().runs if run.derived_from]
    assert "run='v1-0000'" in app.caption[0].value


@pytest.mark.parametrize(
    ("upload", "says"),
    [
        (Upload("a.py", b"print(1)"), "must end in"),
        (Upload("noending", b"sample_id"), "must end in"),
        (Upload("a.parquet", b"PAR1 but no table"), "cannot be read as Parquet"),
        (Upload("a.csv", b""), "The table cannot be read as csv"),
        (Upload("a.csv", b"sample_id,\xff\xfe\n1,\xff\n"), "The table is not UTF"),
        (Upload("a.jsonl", b"{"), "The table cannot be read as jsonl"),
        (Upload("../../../etc/passwd", b"x"), "must end in"),
    ],
)
def test_files_that_are_no_table_are_refused(sending, upload, says):
    app = sending(upload)
    assert says in app.error[0].value.replace("\\", "")
    assert "/tmp" not in app.error[0].value


def test_what_is_too_large_is_not_even_looked_at(planted, opened, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    monkeypatch.setattr(commands.subprocess, "Popen", None)
    large = Upload("a.csv", b"x" * (uploads.LARGEST * 1_000_000 + 1))
    with pytest.raises(InputError, match="has 50 MB; at most 50 MB"):
        next(actions.add_metadata("v1-0000", large, ""))
    # 20 million rows that all say the same are a few kilobytes.
    same = pa.DictionaryArray.from_arrays(np.zeros(20_000_000, dtype=np.int8), ["a"])
    file = io.BytesIO()
    parquet.write_table(pa.table({"sample_id": same}), file)
    assert len(file.getvalue()) < 100_000
    with pytest.raises(InputError, match="has 20,000,000 rows, and the run"):
        next(actions.add_metadata("v1-0000", Upload("a.parquet", file.getvalue()), ""))


def test_an_upload_lies_under_a_name_of_ours_and_is_gone_afterwards(
    planted, opened, monkeypatch, tmp_path
):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen = []
    popen = commands.subprocess.Popen

    def noted(command, **more):
        seen.append(command)
        return popen(command, **more)

    monkeypatch.setattr(commands.subprocess, "Popen", noted)
    name = "../../x'; rm -rf $HOME; .csv"
    run_id, told = finish(actions.add_metadata("v1-0000", csv(planted, name), ""))
    (command,) = seen
    assert isinstance(command, list)
    path = Path(command[-1])
    assert (path.name, path.parent.parent) == ("table.csv", tmp_path)
    assert not list(tmp_path.glob("aggressors-*"))
    assert any(line.startswith("publish") for line in told)
    assert cached.run_file(run_id).added == ("vegetation",)


def test_leaving_ends_the_work_and_nothing_is_published(planted, opened, monkeypatch, tmp_path):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    processes = []
    popen = commands.subprocess.Popen

    def noted(command, **more):
        processes.append(popen(command, **more))
        return processes[-1]

    monkeypatch.setattr(commands.subprocess, "Popen", noted)
    working = actions.add_metadata("v1-0000", csv(planted), "")
    next(working)
    working.close()
    assert processes[0].returncode is not None
    assert not [run for run in cached.catalogue().runs if run.derived_from]
    assert not list(tmp_path.glob("aggressors-*"))


def test_only_the_last_thing_said_is_the_reason():
    told = "a: started\ncorrelate: done in 1 s\nThe table has 2 problems:\n- one\n- two\n"
    assert commands.reason(told) == "The table has 2 problems:\n- one\n- two"
    assert commands.reason("publish: started\nThe disk is full.") == "The disk is full."
    assert "without a word" in commands.reason("")


# --- Where runs are compared over time ---


@pytest.fixture
def derived(planted, opened, monkeypatch) -> str:
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted))
    run_id, _ = finish(actions.add_metadata("v2-0000", csv(planted), ""))
    return run_id


def test_the_dashboard_opens_with_the_newest_model_not_with_what_was_derived(
    derived, opened, planted
):
    app = opened(planted)
    assert app.query_params["run"] == "v3-0000"
    names = app.selectbox(key="run_picker").options
    assert [name.split(" · ")[0] for name in names] == ["v2 + vegetation", "v3", "v2", "v1"]


def test_figures_are_compared_with_the_model_before_its_own(derived, opened, planted):
    assert [run.name for run in cached.older(derived)] == ["v1"]
    assert cached.before(derived) == cached.before("v2-0000")
    assert [run.name for run in cached.older("v3-0000")] == ["v2", "v1"]
    own = component(opened(planted, run="v2-0000", f="all"), "run_metrics")
    assert component(opened(planted, run=derived, f="all"), "run_metrics") == own
    assert "since v1" in json.dumps(own)


def test_runs_say_what_is_derived_and_show_no_change_for_it(derived, opened, planted):
    app = opened(planted, "runs", run=derived, f="all")
    rows = {row["id"]: row["cells"] for row in component(app, "runs")["rows"]}
    assert list(rows) == [derived, "v3-0000", "v2-0000", "v1-0000"]
    assert rows[derived][0]["sub"] == "derived from v2, with vegetation added"
    assert rows[derived][2]["text"] == "–"
    assert "−" in rows["v2-0000"][2]["text"]
    assert rows["v3-0000"][2]["text"].startswith("+")  # still against v2
    fates = component(app, "fates")
    assert fates["columns"][0]["title"] == "Since v1"


def test_track_has_a_column_a_model_and_marks_that_of_a_derived_run(derived, opened, planted):
    gate.history(Workspace.open(planted))
    app = opened(planted, "track", run=derived, f="all")
    assert "v2 \\+ vegetation fails none of 2 saved tests" in shown(app)
    columns = [column["title"] for column in component(app, "matrix")["columns"]]
    assert columns == ["Test", "State", "v1", "v2 ◂", "v3"]
    assert [row["id"] for row in component(app, "one_test")["rows"]] == [
        "v3-0000", "v2-0000", "v1-0000",
    ]  # fmt: skip
