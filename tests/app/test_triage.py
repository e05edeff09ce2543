"""Triage on the pages: one click, a reason to dismiss, hidden and counted, announced when back."""

from __future__ import annotations

import shutil

import pytest
from tests.app.reading import component, planted_aggressors, shown

from aggressors.store.read import open_run
from aggressors.store.triage import list_decisions
from aggressors.store.workspace import Workspace
from aggressors.triage import decide
from aggressors_app import actions, cached
from aggressors_app.components import triage as on_page

CARD, PAGE = "insights_triage", "aggressor_triage"


def say(planted, run, rank, word, why=""):
    place = Workspace(planted)
    with open_run(place.resolve(run)) as opened:
        return decide(opened, place, rank, word, why=why, by="ana")


def kept(planted):
    return [(one.rank, one.word, one.why) for one in list_decisions(Workspace(planted))[0]]


def control(app, key):
    """The control of the words: what is chosen on it."""
    (found,) = [group for group in app.segmented_control if group.key == key]
    return found


def choose(app, key, word):
    control(app, key).set_value(word).run()
    assert not app.exception
    return app


def listed(app):
    return [row["id"] for row in component(app, "ranking")["rows"]]


def team(app):
    """Words in the column Team by rank; None where there is no such column."""
    ranking = component(app, "ranking")
    titles = [column["title"] for column in ranking["columns"]]
    if "Team" not in titles:
        return None
    cells = {row["id"]: row["cells"][titles.index("Team")] for row in ranking["rows"]}
    return {rank: cell and cell["text"] for rank, cell in cells.items()}


@pytest.mark.parametrize(("page", "key"), [("insights", CARD), ("aggressor", PAGE)])
def test_one_click_decides_and_another_takes_it_back(opened, planted, page, key):
    app = opened(planted, page, run="v1-0000", a="2")
    assert control(app, key).value is None
    choose(app, key, "accepted")
    assert kept(planted) == [(2, "accepted", "")]
    assert control(app, key).value == "accepted"
    assert "accepted by " in shown(app)
    choose(app, key, None)
    assert kept(planted)[-1] == (2, "new", "")
    assert control(app, key).value is None
    assert "taken back by " in shown(app)
    again = opened(planted, page, run="v1-0000", a="1")
    assert control(again, key).value is None


def test_to_dismiss_asks_why_and_nothing_is_kept_before(opened, planted):
    app = opened(planted, "aggressor", run="v1-0000", a="2")
    choose(app, PAGE, "dismissed")
    assert kept(planted) == []
    assert control(app, PAGE).value == "dismissed"
    app.button(key="FormSubmitter:aggressor_triage_reason-Dismiss").click().run()
    assert "needs a reason" in shown(app)
    assert kept(planted) == []
    app.text_input(key="aggressor_triage_why").set_value("blurred *on purpose*")
    app.button(key="FormSubmitter:aggressor_triage_reason-Dismiss").click().run()
    assert kept(planted) == [(2, "dismissed", "blurred *on purpose*")]
    assert "blurred \\*on purpose\\*" in shown(app)
    assert not [one for one in app.text_input if one.key == "aggressor_triage_why"]


def test_a_question_for_the_reason_can_be_left(opened, planted):
    app = opened(planted, "aggressor", run="v1-0000", a="2")
    choose(app, PAGE, "dismissed")
    choose(app, PAGE, None)  # a second click on it
    assert kept(planted) == []
    choose(app, PAGE, "dismissed")
    choose(app, PAGE, "being-fixed")
    assert kept(planted) == [(2, "being-fixed", "")]
    assert control(app, PAGE).value == "being-fixed"


def test_the_dismissed_are_hidden_counted_and_shown_on_demand(opened, planted):
    before = opened(planted, "insights", run="v1-0000")
    everyone, figures = listed(before), component(before, "run_metrics")
    assert team(before) is None
    say(planted, "v1", 1, "dismissed", "noise")
    say(planted, "v1", 2, "accepted")
    app = opened(planted, "insights", run="v1-0000")
    assert listed(app) == [rank for rank in everyone if rank != "1"]
    assert component(app, "ranking")["chosen"] == "2"  # the first that is shown
    assert team(app)["2"] == "accepted"
    assert component(app, "run_metrics") == figures
    button = app.button(key="triage_hidden")
    assert button.label == "1 dismissed · show"
    button.click().run()
    assert listed(app) == everyone
    assert team(app)["1"] == "dismissed"
    assert app.button(key="triage_hidden").label == "1 dismissed · hide"
    assert app.query_params["dismissed"] == "shown"


def test_what_is_dismissed_on_its_card_stays_in_sight(opened, planted):
    app = opened(planted, "insights", run="v1-0000")
    choose(app, CARD, "dismissed")
    app.text_input(key="insights_triage_why").set_value("noise")
    app.button(key="FormSubmitter:insights_triage_reason-Dismiss").click().run()
    assert "1" not in listed(app)
    assert control(app, CARD).value == "dismissed"
    choose(app, CARD, None)
    assert "1" in listed(app)


def test_where_all_are_dismissed_the_page_says_so(opened, planted):
    found = planted_aggressors(planted)
    for one in found:
        say(planted, "v1", one.rank, "dismissed", "noise")
    app = opened(planted, "insights", run="v1-0000")
    assert not app.exception
    assert "Every aggressor of this run is dismissed." in shown(app)
    assert app.button(key="triage_hidden").label == f"{len(found)} dismissed · show"


def test_a_fixed_one_that_is_back_is_announced_and_leads_to_it(opened, planted):
    say(planted, "v1", 2, "fixed")
    assert "back" not in shown(opened(planted, "insights", run="v1-0000"))
    app = opened(planted, "insights", run="v3-0000")
    assert "A fixed aggressor is back" in shown(app)
    assert team(app)["2"] == "back"
    app.button(key="triage_back_2").click().run()
    assert app.query_params["a"] == "2"
    page = opened(planted, "aggressor", run="v3-0000", a="2")
    assert control(page, PAGE).value is None
    assert "fixed by ana on v1" in shown(page)
    choose(page, PAGE, "being-fixed")
    assert "A fixed aggressor is back" not in shown(opened(planted, "insights", run="v3-0000"))


def test_an_earlier_runs_decision_says_how_much_is_the_same(opened, planted):
    say(planted, "v1", 1, "accepted")
    page = opened(planted, "aggressor", run="v3-0000", a="1")
    assert control(page, PAGE).value == "accepted"
    assert "the same samples" in shown(page)


def test_queueing_and_solve_are_what_they_were(opened, planted):
    say(planted, "v1", 1, "dismissed", "noise")
    app = opened(planted, "solve", run="v1-0000", a="1")
    assert not app.exception
    assert not [group for group in app.segmented_control if group.key in (CARD, PAGE)]


def test_a_run_file_on_its_own_has_no_control(opened, planted, tmp_path, monkeypatch):
    sent = tmp_path / "sent.duckdb"
    shutil.copy(planted / "runs" / "v1-0000.duckdb", sent)
    monkeypatch.setenv("AGGRESSORS_RUN", str(sent))
    for page in ("insights", "aggressor"):
        app = opened(planted, page)
        assert not app.exception
        assert not [group for group in app.segmented_control if group.key in (CARD, PAGE)]
    assert cached.triage("v1-0000").found == ()
    with pytest.raises(on_page.AggressorsError, match="keeps no decisions"):
        actions.decide("v1-0000", 1, "accepted")


def test_a_file_that_cannot_be_read_is_named(opened, planted):
    say(planted, "v1", 1, "accepted")
    (planted / "triage" / "odd.json").write_text("{")
    app = opened(planted, "insights", run="v1-0000")
    assert "odd" in shown(app)
    assert team(app)["1"] == "accepted"


def test_a_decision_of_another_window_is_seen(opened, planted):
    app = opened(planted, "insights", run="v1-0000")
    say(planted, "v1", 1, "dismissed", "noise")
    app.run()
    assert "1" not in listed(app)


def test_a_run_that_is_gone_does_no_harm(opened, planted):
    say(planted, "v1", 1, "accepted")
    (planted / "runs" / "v1-0000.duckdb").unlink()
    app = opened(planted, "insights", run="v3-0000")
    assert not app.exception
    assert team(app)["1"] == "accepted"


def test_a_workspace_that_cannot_be_written_says_so(opened, planted):
    app = opened(planted, "aggressor", run="v1-0000", a="1")
    (planted / "triage").write_text("a file where the folder should be")
    choose(app, PAGE, "accepted")
    assert "Cannot write" in shown(app)
