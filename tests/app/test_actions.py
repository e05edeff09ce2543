"""What a person does on a page: save a test, claim a hypothesis, export."""

from __future__ import annotations

import csv
import io

import pytest
from tests.app.reading import component, shown

from aggressors import gate
from aggressors.errors import WorkspaceError
from aggressors.queries.grammar import parse
from aggressors.store.workspace import Workspace
from aggressors_app import actions, cached, charts, picking, state
from aggressors_app.components import chart, hypotheses


def test_saving_an_aggressor_makes_a_test_and_judges_every_run(opened, planted):
    app = opened(planted, "aggressor", run="v3-0000", f="all", a="1")
    app.button(key="aggressor_save").click().run()
    assert "Saved as" in app.success[0].value
    assert "may pass unseen" in app.success[0].value  # what it could notice with its samples
    tests = gate.history(Workspace.open(planted)).tests
    assert len(tests) == 3
    assert all(len(tracked.verdicts) == 3 for tracked in tests)


def test_a_filter_is_saved_as_a_test_under_its_name(opened, planted):
    app = opened(planted, "track", run="v1-0000", f="brightness < 0.2")
    app.text_input(key="save_slug").set_value("dim")
    next(button for button in app.button if "Save the filter" in button.label).click().run()
    assert (planted / "tests" / "dim.json").is_file()
    assert not app.exception


def test_a_finding_is_kept_as_a_hypothesis_and_offered_as_a_filter(opened, planted, monkeypatch):
    app = opened(planted, "aggressor", run="v1-0000", f="population = test", a="1")
    rows = component(app, "findings")["rows"]
    assert [button["icon"] for button in rows[0]["cells"][3]["buttons"]] == ["explore", "save"]
    found = cached.findings("v1-0000", _concept("v1-0000", 1), "membership").found[0]
    made = actions.save_hypothesis("v1-0000", 1, found.head, found.filter)
    assert (planted / "hypotheses" / f"{made.slug}.json").is_file()
    app.run()
    rows = component(app, "findings")["rows"]
    assert rows[0]["cells"][3]["buttons"][1]["icon"] == "saved"
    assert rows[0]["cells"][3]["buttons"][1]["disabled"]
    (kept,) = component(app, "hypotheses")["rows"]
    assert kept["id"] == made.slug
    assert "v1, aggressor 1" in str(kept["cells"])
    app.selectbox(key="filter_saved").set_value(f"Hypothesis: {made.slug}").run()
    assert parse(app.query_params["f"]) == parse(f"population = test and {found.filter}")
    actions.remove_hypothesis(made.slug)
    app.run()
    assert not app.exception
    with pytest.raises(AssertionError):
        component(app, "hypotheses")


def test_a_hypothesis_about_fields_that_a_run_lacks_is_listed_but_leads_nowhere(opened, planted):
    opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    made = actions.save_hypothesis("v1-0000", 1, "It rains", "hour > 3")
    path = planted / "hypotheses" / f"{made.slug}.json"
    path.write_text(path.read_text().replace("hour >", "rain >").replace("v1-0000", "another"))
    cached.forget()
    app = opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    (kept,) = component(app, "hypotheses")["rows"]
    explore, save, remove = kept["cells"][4]["buttons"]
    assert explore["disabled"]
    assert save["disabled"]
    assert "no field 'rain'" in explore["help"]
    assert not remove["disabled"]
    assert not app.exception
    assert all(box.key != "filter_saved" for box in app.selectbox)


def test_a_hypothesis_is_saved_as_a_test_with_one_click(opened, planted, monkeypatch):
    opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    made = actions.save_hypothesis("v1-0000", 1, "Too dark", "brightness < 0.2")
    cached.forget()
    app = opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    (kept,) = component(app, "hypotheses")["rows"]
    assert [one["act"] for one in kept["cells"][4]["buttons"]] == ["explore", "save", "remove"]
    said = []
    monkeypatch.setattr(hypotheses.st, "toast", lambda text, **more: said.append(text))
    hypotheses._save("v1-0000", made.slug)
    tests = {one.test.slug: one.test for one in gate.history(Workspace.open(planted)).tests}
    assert tests["too-dark"].title == "Too dark"
    assert "may pass unseen" in said[0]
    hypotheses._save("v1-0000", "gone")
    assert "There is no hypothesis 'gone'" in said[1]


def test_an_unreadable_hypothesis_is_named_and_the_page_stays(opened, planted):
    (planted / "hypotheses").mkdir()
    (planted / "hypotheses" / "odd.json").write_text("{")
    app = opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    assert "is not valid JSON" in shown(app)
    assert not app.exception


def test_a_single_run_file_keeps_no_hypotheses(opened, planted, monkeypatch):
    app = opened(planted, "aggressor", run="v1-0000", f="all", a="1")
    monkeypatch.setenv("AGGRESSORS_RUN", str(planted / "runs" / "v1-0000.duckdb"))
    cached.forget()
    app.run()
    buttons = component(app, "findings")["rows"][0]["cells"][3]["buttons"]
    assert buttons[1]["disabled"]
    assert not buttons[0]["disabled"]
    with pytest.raises(WorkspaceError, match="has no hypotheses"):
        actions.save_hypothesis("v1-0000", 1, "x", "brightness < 0.2")


def _concept(run_id, rank):
    return next(one.concept_id for one in cached.aggressors(run_id) if one.rank == rank)


def test_a_filter_on_errors_is_refused_as_a_test_with_the_reason(opened, planted):
    app = opened(planted, "track", run="v1-0000", f="correct = no")
    next(button for button in app.button if "Save the filter" in button.label).click().run()
    assert "would freeze the errors of one model" in app.error[0].value


@pytest.mark.parametrize("format", ["csv", "parquet", "jsonl", "label-studio"])
def test_what_is_selected_is_exported(opened, planted_versions, monkeypatch, format):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(planted_versions))
    made = actions.exported("v1-0000", "samples", format, "population = test and label = coat")
    assert made.rows == cached.count("v1-0000", "population = test and label = coat") > 0
    if format == "csv":
        rows = list(csv.DictReader(io.StringIO(made.content.decode())))
        assert len(rows) == made.rows
        assert {row["label"] for row in rows} == {"coat"}


def test_a_click_on_a_mark_limits_the_filter(monkeypatch):
    changed = []
    monkeypatch.setattr(chart.state, "change", lambda **change: changed.append(change["filter"]))
    monkeypatch.setattr(chart.state, "read", lambda: state.View(filter="label = coat"))
    marks = [picking.one_of("operator", "op-1"), picking.missing("operator")]
    for sent in ([{"mark": 1}], [{"mark": 0}], [], [{"mark": 2}], [{"mark": -1}], [{"mark": "0"}]):
        monkeypatch.setattr(
            chart.st, "session_state", {"bars": {"selection": {charts.SELECTION: sent}}}
        )
        chart._picked("bars", chart._limiting(marks))
    assert changed == ["label = coat and operator is missing", "label = coat and operator = op-1"]
