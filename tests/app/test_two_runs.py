"""Two runs side by side on Track: where they differ, the samples that broke, and saving a group."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.reading import component, shown

import aggressors as ag
from aggressors.cli.common import open_workspace
from aggressors.comparing import compare
from aggressors.contracts import Verdict
from aggressors.errors import WorkspaceError
from aggressors.gate import History, RunPoint, TrackedTest
from aggressors.store.saved_tests import list_tests
from aggressors.store.workspace import Workspace
from aggressors_app import actions, cached, state
from aggressors_app.cached import comparing
from aggressors_app.components import (
    got_worse,
    save_test,
    two_runs,
    verdicts,
    where_changed,
    working,
)
from aggressors_app.format import share
from versions import publish_version

V3 = {"run": "v3-0000", "f": "population = validation", "view": "runs"}


@pytest.fixture(scope="session")
def sought_once(tmp_path_factory) -> Path:
    """v2, which does well at dusk, and v3, which does not: compared, and without a test."""
    workspace = Workspace.open(tmp_path_factory.mktemp("sought") / "w", create=True)
    publish_version(workspace, "v2", day=1, solved=("dusk",), noise=1)
    publish_version(workspace, "v3", day=2, noise=2)
    assert compare(workspace, "v3", "v2").worse
    return workspace.root


@pytest.fixture
def sought(sought_once, tmp_path) -> Path:
    return Path(shutil.copytree(sought_once, tmp_path / "sought"))


def rows(app) -> dict:
    return {row["id"]: row for row in component(app, "where_changed")["rows"]}


def text(app) -> str:
    return shown(app).replace("\\", "")


def test_the_accepted_run_stands_beside_the_new_one(opened, planted_versions):
    app = opened(planted_versions, "track", **V3)
    assert not app.exception
    assert not app.error
    # dusk was solved by v2, the other test never: one run each, and the first of them wins.
    history = cached.history()
    assert app.selectbox(key="two_runs_against").value == two_runs.accepted(history, "v3-0000")
    app = opened(planted_versions, "track", **V3, against="v2-0000")
    assert "v3 against" in text(app)
    assert "on the same 900 validation samples" in text(app)
    found = rows(app)
    assert found["all"]["cells"][0]["text"] == "All 900 samples"
    slugs = [one.test.slug for one in history.tests]
    assert {f"test:{slug}" for slug in slugs} <= set(found)
    assert {row["group"] for row in found.values() if row["id"].startswith("aggressor:")}
    dusk = found[f"test:{next(slug for slug in slugs if slug.startswith('brightness'))}"]
    meter = dusk["cells"][1]
    assert meter["color"] == "red"
    assert 0 < meter["low"] < meter["value"] < meter["high"]
    tops = {row["cells"][1]["max"] for row in found.values()}
    assert len(tops) == 1  # all bars on one scale
    labels = app.segmented_control(key="turned_which").options
    assert [label.split()[0] for label in labels] == ["Broke", "Fixed", "Worse", "Better"]


def test_a_place_in_the_address_shows_its_samples_under_both_models(opened, planted_versions):
    slug = next(one.slug for one in saved_in(planted_versions) if one.slug.startswith("brightness"))
    app = opened(
        planted_versions, "track", **V3, against="v2-0000", on=f"test:{slug}", turn="worse"
    )
    assert not app.exception
    assert component(app, "where_changed")["chosen"] == f"test:{slug}"
    verdict = next(one for one in cached.history().tests if one.test.slug == slug).verdicts
    figures = {one["name"]: one for one in component(app, "turned_figures")["figures"]}
    assert figures["Error"]["value"] == share(verdict["v3-0000"].value)
    assert f"{verdict['v3-0000'].n} samples" in text(app)
    tiles = component(app, "turned_grid")["items"]
    changes = [float(tile["lines"][0][1]) for tile in tiles]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] > 0
    for tile in tiles:
        assert [line[0].split(":")[0] for line in tile["lines"][1:]] == ["v2", "v3"]
    app = opened(
        planted_versions, "track", **V3, against="v2-0000", on=f"test:{slug}", turn="worse",
        page="2", sample=tiles[0]["id"],
    )  # fmt: skip
    assert not app.exception
    others = component(app, "turned_grid")["items"]
    assert {tile["id"] for tile in tiles}.isdisjoint(tile["id"] for tile in others)
    assert app.query_params["on"] == f"test:{slug}"
    assert component(app, "turned_sample_facts")


def test_the_filter_narrows_what_is_compared(opened, planted_versions):
    params = V3 | {"f": "population = test and brightness < 0.3"}
    app = opened(planted_versions, "track", **params, against="v2-0000")
    assert not app.exception
    here = rows(app)["all"]["cells"][0]["text"]
    n = int(here.split()[0])
    assert here == f"{n} samples in the filter"
    assert 0 < n < 450
    app = opened(planted_versions, "track", **(V3 | {"f": "none"}), against="v2-0000")
    assert not app.exception
    assert "No sample of it is in both runs" in text(app)


def test_many_tests_by_error_show_what_their_verdicts_say(opened, planted_versions, monkeypatch):
    monkeypatch.setattr(where_changed, "MOST_ASKED", 0)
    app = opened(planted_versions, "track", **V3, against="v2-0000")
    assert not app.exception
    (row,) = (row for row in rows(app).values() if row["id"].startswith("test:brightness"))
    assert row["cells"][0]["sub"].startswith("error 0.00\xa0→\xa00.707")
    assert row["cells"][1]["text"] == "–"


def test_a_click_on_a_verdict_leads_to_the_samples_of_that_test(
    opened, planted_versions, monkeypatch
):
    app = opened(planted_versions, "track")
    matrix = component(app, "matrix")
    acts = {row["id"]: [cell["act"] for cell in row["cells"][2:]] for row in matrix["rows"]}
    slug = next(name for name in acts if name.startswith("brightness"))
    assert acts[slug] == ["", "v2-0000", "v3-0000"]  # v1 is its baseline
    went: list = []
    monkeypatch.setattr(verdicts.placing, "switch", lambda run: went.append(run))
    monkeypatch.setattr(verdicts.state, "change", lambda **local: went.append(local))
    history = cached.history()
    verdicts.beside(history, "v3-0000", slug)
    assert went[0] == "v3-0000"
    assert {name: went[1][name] for name in ("view", "against", "on")} == {
        "view": "runs", "against": "v2-0000", "on": f"test:{slug}",
    }  # fmt: skip
    for run, test in (("nowhere", slug), ("v3-0000", "no-test")):  # the browser may send anything
        verdicts.beside(history, run, test)
    assert len(went) == 2


def test_what_got_worse_is_called_out_and_saved_with_a_click(opened, sought):
    app = opened(sought, "track", **V3)
    assert not app.exception
    groups = {name: row for name, row in rows(app).items() if name.startswith("worse:")}
    assert groups
    assert {row["group"] for row in groups.values()} == {"Got worse, and no test covers it"}
    assert all(row["cells"][2]["buttons"][0]["act"] == "save" for row in groups.values())
    kept = compare(open_workspace(str(sought)), "v3", "v2")
    warned = [one.value for one in app.warning]
    assert bool(warned) == bool(kept.hidden)
    test = save_via(app, "worse:1")
    assert test.title == kept.worse[0].group.name
    app.run()
    assert "Saved as" in app.success[0].value
    after = rows(app)
    assert after["worse:1"]["group"] == "Worse, and covered by a test"
    assert after["worse:1"]["cells"][2]["buttons"][0]["icon"] == "saved"
    assert f"test:{test.slug}" in after
    order = [name for name in after if name.startswith("worse:")]
    assert order.index("worse:1") >= sum(
        row["group"].startswith("Got") for row in after.values()
    )  # covered ones last
    assert f"v3 fails 1 of {len(saved_in(sought))} saved test" in text(app)


def test_a_group_that_got_worse_shows_the_numbers_it_was_found_with(opened, sought):
    group = compare(open_workspace(str(sought)), "v3", "v2").worse[0].group
    app = opened(sought, "track", **V3, on=f"worse:{group.rank}")
    assert not app.exception
    found = comparing.change("v3-0000", "v2-0000", f"worse:{group.rank}")
    assert (found.n, found.low, found.high) == (group.n_confirm, group.low, group.high)
    assert f"{group.n_confirm} samples" in text(app)


def save_via(app, place):
    """Do what a click on the row's button does, with the session of the page."""
    made = []
    keep = save_test.actions.save_worse
    rank = int(place.split(":")[1])
    made.append(keep("v3-0000", "v2-0000", rank))
    app.session_state[save_test.NOTICE] = (True, f"Saved as {made[0].slug}")
    return made[0]


def test_only_a_rank_that_is_there_is_saved(opened, sought, monkeypatch):
    opened(sought, "track", **V3)
    saved = []
    monkeypatch.setattr(where_changed, "save_worse", lambda *what: saved.append(what))
    for act, place in (("save", "worse:1"), ("save", "worse:x"), ("", "worse:1"), ("save", "all")):
        where_changed._act("v3-0000", "v2-0000", act, place)
    assert saved == [("v3-0000", "v2-0000", 1)]
    told: dict = {}
    monkeypatch.setattr(save_test.st, "session_state", told)
    save_test.save_worse("v3-0000", "v2-0000", 999)
    fine, said = told[save_test.NOTICE]
    assert not fine
    assert "no group of rank 999" in said


def test_a_pair_that_was_never_compared_is_compared_with_a_click(opened, planted, monkeypatch):
    app = opened(planted, "track", **V3, against="v1-0000")
    assert not app.exception
    assert "was not sought yet" in text(app)
    assert not app.code
    shown_on_the_way = []
    said = working._said
    monkeypatch.setattr(
        working, "_said", lambda *line: shown_on_the_way.append(said(*line)) or said(*line)
    )
    app.button(key="seek_worse").click().run(timeout=240)
    assert not app.exception
    assert not app.error
    assert {*shown_on_the_way} & {*got_worse.STEPS.values()}
    assert "was not sought yet" not in text(app)
    found = compare(open_workspace(str(planted)), "v3", "v1")
    assert len(found.worse) == sum(name.startswith("worse:") for name in rows(app))
    assert app.query_params["against"] in ("v1-0000", ["v1-0000"])


def test_why_nothing_was_sought_is_a_sentence(opened, planted, monkeypatch):
    app = opened(planted, "track", **V3, against="v1-0000")
    (planted / "worsened").write_text("a file where the folder would be")
    app.button(key="seek_worse").click().run(timeout=240)
    assert not app.exception
    (said,) = [one.value for one in app.error]
    assert "worsened" in said
    assert said.endswith(".")
    assert "was not sought yet" in text(app)


def test_where_nothing_can_be_kept_the_page_says_what_to_type(
    opened, planted_versions, monkeypatch
):
    monkeypatch.setattr(actions.os, "access", lambda *place: False)
    app = opened(planted_versions, "track", **V3, against="v1-0000")
    assert not app.exception
    assert "was not sought yet" in text(app)
    assert "seek_worse" not in {one.key for one in app.button}
    (typed,) = [code.value for code in app.code]
    assert shlex.split(typed) == [
        "aggressors", "compare", "v3", "--baseline", "v1", "--workspace", str(planted_versions),
    ]  # fmt: skip


def test_a_single_run_file_keeps_nothing(opened, planted_versions, monkeypatch):
    opened(planted_versions, "track", **V3)
    assert actions.may_seek_worse()
    monkeypatch.setenv("AGGRESSORS_RUN", str(planted_versions / "runs" / "v3-0000.duckdb"))
    assert not actions.may_seek_worse()
    with pytest.raises(WorkspaceError, match="no place for what got worse"):
        next(actions.seek_worse("v3-0000", "v1-0000"))


def test_a_run_is_named_by_its_id_where_a_newer_one_has_its_name(
    opened, planted_versions, monkeypatch
):
    opened(planted_versions, "track", **V3)
    assert got_worse._called("v3-0000") == "v3"
    known = cached.catalogue()
    newer = replace(known.runs[0], run_id="v3-1111")
    both = replace(known, runs=(newer, *known.runs))
    monkeypatch.setattr(got_worse.cached, "catalogue", lambda: both)
    assert got_worse._called("v3-0000") == "v3-0000"


@pytest.mark.parametrize(
    "place", ["test:gone", "worse:7", "aggressor:99", "gone:x", "x", "test:.."]
)
def test_a_place_that_is_not_there_is_said_and_all_samples_are_shown(
    opened, planted_versions, place
):
    app = opened(planted_versions, "track", **V3, against="v2-0000", on=place)
    assert not app.exception
    assert "is not there for these two runs" in text(app)
    assert component(app, "where_changed")["chosen"] == "all"


def test_what_the_address_names_wrongly_falls_back(opened, planted_versions):
    app = opened(planted_versions, "track", **V3, against="v3-0000", turn="sideways", page="999999")
    assert not app.exception
    assert app.selectbox(key="two_runs_against").value in ("v1-0000", "v2-0000")
    app = opened(planted_versions, "track", **(V3 | {"view": "elsewhere"}))
    assert component(app, "matrix")


def test_another_run_keeps_a_test_and_forgets_what_is_of_the_pair(monkeypatch):
    kept = {}
    monkeypatch.setattr(two_runs.state, "change", lambda **local: kept.update(local))
    for place, left in (("test:dusk", "test:dusk"), ("worse:1", None), ("gone:2", None)):
        monkeypatch.setattr(
            two_runs.state, "read", lambda place=place: state.View(local={"on": place})
        )
        two_runs._against("v1-0000")
        assert kept["on"] == left
        assert kept["against"] == "v1-0000"


def test_one_run_alone_has_nothing_beside_it(opened, tiny):
    app = opened(tiny, "track", view="runs")
    assert not app.exception
    assert "One run stands alone" in shown(app)


def test_an_empty_workspace_and_a_single_file_say_what_they_lack(
    opened, no_runs, planted_versions, monkeypatch
):
    app = opened(no_runs, "track", view="runs")
    assert "No run yet" in shown(app)
    monkeypatch.setenv("AGGRESSORS_RUN", str(planted_versions / "runs" / "v1-0000.duckdb"))
    app = opened(planted_versions, "track", view="runs")
    assert not app.exception
    assert "A single run file has no saved tests" in shown(app)


def test_two_runs_stand_beside_each_other_without_a_test(opened, sought):
    app = opened(sought, "track", run="v3-0000", f="population = validation")
    assert "No saved test yet" in shown(app)
    app.segmented_control(key="track_view").set_value("runs").run()
    assert app.query_params["view"] == "runs"
    assert app.selectbox(key="two_runs_against").value == "v2-0000"
    assert "Saved tests" not in {row["group"] for row in rows(app).values()}


def test_runs_of_other_samples_or_another_task_get_a_sentence(opened, tmp_path):
    rng = np.random.default_rng(0)

    def ingest(name, *, start=0, numbers=False):
        label = rng.normal(size=80) if numbers else rng.choice(["a", "b"], 80)
        prediction = label + 1 if numbers else rng.choice(["a", "b"], 80)
        ids = [f"s{place}" for place in range(start, start + 80)]
        table = pa.table({"sample_id": ids, "label": label, "prediction": prediction})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        ag.analyze(tmp_path / f"{name}.parquet", workspace=tmp_path / "w", name=name)
        return cached_id(tmp_path / "w", name)

    here, apart = ingest("here"), ingest("apart", start=1_000)
    numbers = ingest("numbers", numbers=True)
    for other, said in ((apart, "share no labeled sample"), (numbers, "they do not compare")):
        app = opened(tmp_path / "w", "track", run=here, f="all", view="runs", against=other)
        assert not app.exception
        assert not app.error
        assert "These two runs do not compare" in text(app)
        assert said in text(app)
        assert "--baseline" not in text(app)  # there is a control for it
    app = opened(tmp_path / "w", "track", run=here, f="all", view="runs", against=numbers)
    assert app.selectbox(key="two_runs_against").options[0].startswith("apart")  # alike first


def test_a_regression_counts_worse_and_better(opened, tmp_path):
    label = np.random.default_rng(0).normal(size=160)
    for name, by in (("one", 0.1), ("two", 0.4)):
        prediction = label + np.where(np.arange(160) < 40, by, 0.2)
        ids = [f"s{place}" for place in range(160)]
        table = pa.table({"sample_id": ids, "label": label, "prediction": prediction})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        ag.analyze(tmp_path / f"{name}.parquet", workspace=tmp_path / "w", name=name)
    app = opened(tmp_path / "w", "track", run="two", f="all", view="runs")
    assert not app.exception
    assert app.segmented_control(key="turned_which").options == ["Worse 40", "Better 0"]
    assert [one["name"] for one in component(app, "turned_figures")["figures"]] == ["Mean loss"]


def test_the_accepted_run_is_the_baseline_of_most_tests():
    def tracked(baseline):
        verdict = Verdict("x", "open", "pass", 9, 0, 0, 0, 0, 0, "", baseline=baseline)
        return TrackedTest(None, {"v3": verdict})

    points = tuple(RunPoint(name, name, "", name) for name in ("v1", "v2", "v3"))
    tests = tuple(tracked(one) for one in ("v1", "v2", "v2", "v3", ""))
    assert two_runs.accepted(History(points, tests, ()), "v3") == "v2"
    assert two_runs.accepted(History(points, (), ()), "v3") == ""


def saved_in(root):
    return list_tests(Workspace.open(root))[0]


def cached_id(root, name):
    return next(one.run_id for one in Workspace.open(root).catalogue()[0] if one.name == name)
