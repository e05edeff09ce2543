"""The card beside the tabs of Explore: what the data say of the claims in the filter."""

from __future__ import annotations

import pytest
from tests.app.reading import component

from aggressors.store.hypotheses import list_hypotheses
from aggressors.store.workspace import Workspace
from aggressors_app.format import when

CLAIM = "population = validation and brightness < 0.3"


def rows(app, key):
    return {row["id"]: row["cells"] for row in component(app, key)["rows"]}


def test_a_claim_is_judged_beside_every_tab(opened, planted_versions):
    for tab in ("map", "compare"):
        app = opened(planted_versions, "explore", run="v1-0000", f=CLAIM, a="1", tab=tab)
        assert not app.exception
        figures = rows(app, "hypothesis_figures")
        assert list(figures) == ["Covers", "High loss", "Explains", "Unexplained", "p-value"]
        assert figures["Covers"][1]["text"].endswith("%")
        gaps = rows(app, "hypothesis_gaps")
        assert next(iter(gaps)) == "validation, the half that judges"


def test_what_is_left_of_too_few_members_is_not_nothing(opened, planted_versions):
    app = opened(planted_versions, "explore", run="v1-0000", f=f"{CLAIM} and hour = 3", a="1")
    assert rows(app, "hypothesis_figures")["Unexplained"][1]["text"] != "none left"


def test_the_rule_of_an_aggressor_is_put_to_the_test_with_one_click(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v1-0000", f="population = validation", a="1")
    app.button("travel_explore").click().run()
    assert "brightness" in app.query_params["f"]
    assert "Covers" in rows(app, "hypothesis_figures")


@pytest.mark.parametrize(
    "filter", ["all", "none", "population = train", "loss > 1", "aggressor = 1"]
)
def test_what_claims_nothing_of_the_samples_has_no_card(opened, planted_versions, filter):
    app = opened(planted_versions, "explore", run="v1-0000", f=filter, a="1")
    assert not app.exception
    assert not [box for box in app.multiselect if box.key == "hypothesis_hold"]
    why = [one.value for one in app.caption if "says how the model did, not why" in one.value]
    assert len(why) == (filter in ("loss > 1", "aggressor = 1"))


def test_what_is_held_still_is_in_the_address_and_changes_the_answer(opened, planted_versions):
    app = opened(planted_versions, "explore", run="v1-0000", f=CLAIM, a="1")
    alone = rows(app, "hypothesis_gaps")
    app.multiselect("hypothesis_hold").set_value(["hour"]).run()
    assert app.query_params["hold"] == "hour"
    assert rows(app, "hypothesis_gaps") != alone


@pytest.mark.parametrize(
    "hold", ["loss", "no such field", "brightness", "hour,,hour';--", "x" * 99]
)
def test_a_stranger_s_address_holds_only_what_can_be_held(opened, planted_versions, hold):
    app = opened(planted_versions, "explore", run="v1-0000", f=CLAIM, a="1", hold=hold)
    assert not app.exception
    assert not app.error
    assert app.multiselect("hypothesis_hold").value in ([], ["hour"])


def test_it_is_kept_with_its_author_and_judged_on_the_page_of_the_aggressor(opened, planted):
    app = opened(planted, "explore", run="v1-0000", f=CLAIM, a="1", hold="hour")
    app.text_input("hypothesis_title").set_value("too dark")
    app.text_input("hypothesis_author").set_value("Ann")
    app.button("hypothesis_save").click().run()
    (kept,) = list_hypotheses(Workspace(planted))[0]
    assert (kept.title, kept.author, kept.filter) == ("too dark", "Ann", "brightness < 0.3")
    assert (kept.aggressor, kept.confounders) == (1, ("hour",))
    again = opened(planted, "explore", run="v1-0000", f="all", a="1")
    again.selectbox("filter_saved").set_value("Hypothesis: too-dark").run()
    assert again.query_params["hold"] == "hour"
    page = opened(planted, "aggressor", run="v2-0000", f="all", a="1")
    (row,) = component(page, "hypotheses")["rows"]
    assert row["cells"][0]["sub"] == "brightness < 0.3 · hour held still · Ann"
    assert row["cells"][1]["text"] in ("supported", "partly", "not supported", "too few samples")


def test_what_is_kept_already_is_said_with_its_title_and_not_offered_again(opened, planted):
    def card(**more):
        return opened(planted, "explore", run="v1-0000", f=CLAIM, a="1", **more)

    app = card()
    app.text_input("hypothesis_title").set_value("too *dark*")
    app.text_input("hypothesis_author").set_value("Ann")
    app.button("hypothesis_save").click().run()
    for page in (app, card()):
        (said,) = [text.value for text in page.caption if "Kept as" in text.value]
        (kept,) = list_hypotheses(Workspace(planted))[0]
        assert f"Kept as **too \\*dark\\*** by Ann, {when(kept.created_at)}" in said
        assert all(button.key != "hypothesis_save" for button in page.button)
    other = card(hold="hour")  # the same claim with other fields held still is another one
    assert any(button.key == "hypothesis_save" for button in other.button)
    later = opened(planted, "explore", run="v2-0000", f=CLAIM, a="1")
    assert any(button.key == "hypothesis_save" for button in later.button)


def test_the_title_offered_is_that_of_the_claim_on_screen(opened, planted):
    app = opened(planted, "explore", run="v1-0000", f=CLAIM, a="1")
    app.text_input(key="filter_typed").set_value("brightness < 0.25").run()
    assert app.text_input("hypothesis_title").value == "brightness < 0.25"


def test_each_gap_says_to_whom_it_is_and_a_high_loss_is_no_error(opened, planted_versions):
    app = opened(planted_versions, "explore", run="v1-0000", f=CLAIM, a="1")
    figures = rows(app, "hypothesis_figures")
    assert "gap to others alike, 1." in figures["Explains"][0]["sub"]
    assert component(app, "hypothesis_gaps")["columns"][0]["title"] == "Gap to others alike"
    told = [text.value for text in app.markdown if text.value.startswith("**Does it explain")]
    assert len(told) == 1
    assert "fail" not in f"{told} {figures}".lower()
