"""The filter lives in the address: controls write it, links restore it, Back undoes it."""

from __future__ import annotations

import pytest
from tests.app.reading import PAGES, shown

from aggressors_app import state


def test_the_first_view_is_the_analysed_population_of_the_newest_run(opened, planted_versions):
    app = opened(planted_versions)
    assert app.query_params == {"run": "v3-0000", "f": "population = validation"}


def test_a_population_goes_into_the_address_and_through_all_pages(opened, planted_versions):
    app = opened(planted_versions)
    app.button_group(key="filter_population").set_value("test").run()
    assert app.query_params["f"] == "population = test"
    for page in PAGES[1:]:
        app.switch_page(f"app_pages/{page}.py").run()
        assert app.query_params["f"] == "population = test"
        assert "450 of 3,150 samples" in shown(app)


def test_back_and_forward_lead_to_what_the_address_says(opened, planted_versions):
    app = opened(planted_versions, run="v1-0000", f="population = validation")
    for population in ("train", "test"):
        app.button_group(key="filter_population").set_value(population).run()
    for population in ("train", "validation", "train", "test"):  # Back twice, Forward twice
        app.query_params["f"] = f"population = {population}"
        app.run()
        assert app.button_group(key="filter_population").value == population
        assert app.query_params["f"] == f"population = {population}"


def test_a_link_that_is_no_filter_can_be_corrected(opened, planted_versions):
    app = opened(planted_versions, run="v1-0000", f="brightness < 0.2 and label = nope")
    assert "no value 'nope'" in app.error[0].value.replace("\\", "")
    box = app.text_input(key="filter_to_mend")
    assert box.value == "brightness < 0.2 and label = nope"
    box.set_value("brightness < 0.2 and label = coat").run()
    assert not app.error
    assert app.query_params["f"] == "brightness < 0.2 and label = coat"


def test_a_category_and_a_range_join_the_filter(opened, planted_versions):
    app = opened(planted_versions, f="brightness <= 0.9", run="v1-0000")
    app.multiselect(key="filter_set_label").set_value(["coat", "shirt"]).run()
    assert app.query_params["f"] == "brightness <= 0.9 and label in (coat, shirt)"
    low, _ = app.slider(key="filter_range_brightness").value
    app.slider(key="filter_range_brightness").set_value((low, 0.5)).run()
    assert app.query_params["f"] == "label in (coat, shirt) and brightness <= 0.5"
    app.button(key="filter_free_label").click().run()
    assert app.query_params["f"] == "brightness <= 0.5"
    app.button(key="filter_clear").click().run()
    assert app.query_params["f"] == "population = validation"


def test_a_claim_that_no_control_shows_is_a_chip_that_can_be_removed(opened, planted_versions):
    filter = "population = validation and (label = coat or hour > 18)"
    app = opened(planted_versions, run="v1-0000", f=filter)
    chip = app.button(key="filter_chip_1")
    assert "coat or hour" in chip.label
    chip.click().run()
    assert app.query_params["f"] == "population = validation"


def test_a_typed_filter_is_checked_before_it_is_taken(opened, planted_versions):
    app = opened(planted_versions)
    app.text_input(key="filter_typed").set_value("brightnes < 0.2").run()
    assert "the nearest is 'brightness'" in app.error[0].value
    assert app.query_params["f"] == "population = validation"
    assert app.text_input(key="filter_typed").value == "brightnes < 0.2"  # to be corrected
    app.text_input(key="filter_typed").set_value("brightness < 0.2 or label = coat").run()
    assert not app.error
    assert app.query_params["f"] == "brightness < 0.2 or label = coat"


def test_a_word_to_be_contained_is_taken_letter_by_letter(opened, planted_versions):
    app = opened(planted_versions, run="v1-0000", f="all")
    app.selectbox(key="filter_field").set_value("sample_id").run()
    app.text_input(key="filter_text_sample_id").set_value('a "b\\" or').run()
    assert app.query_params["f"] == r'sample_id contains "a \"b\\\" or"'
    assert not app.error


def test_a_filter_that_cannot_be_read_says_why_and_can_be_cleared(opened, planted_versions):
    app = opened(planted_versions, run="v1-0000", f="brightness <")
    assert "expected a value" in app.error[0].value
    app.button[-1].click().run()
    assert not app.error
    assert app.query_params["f"] == "population = validation"


@pytest.mark.parametrize("page", PAGES)
def test_a_filter_that_nothing_passes_breaks_no_page(opened, planted_versions, page):
    app = opened(planted_versions, page, run="v1-0000", f="none")
    assert not app.exception
    assert "0 of 3,150 samples" in shown(app)


def test_another_run_keeps_the_filter(opened, planted_versions):
    app = opened(planted_versions, f="label = coat", run="v1-0000")
    app.selectbox(key="run_picker").set_value("v2-0000").run()
    assert app.query_params == {"run": "v2-0000", "f": "label = coat"}


def test_what_a_page_remembers_is_in_its_link(opened, planted_versions):
    app = opened(planted_versions, "explore", run="v1-0000", f="all")
    app.selectbox(key="browser_sort").set_value("brightness").run()
    link = dict(app.query_params)
    assert link["sort"] == "brightness"
    other = opened(planted_versions, "explore", **link)
    assert other.selectbox(key="browser_sort").value == "brightness"


def test_an_address_from_a_stranger_is_bounded():
    long = {"f": "x" * 9_000, "run": "r", "a": "-1", "page": "²"}
    many = {f"p{place}": "1" for place in range(100)}
    view = state.parse(long | many)
    assert (len(view.filter), view.run, view.aggressor) == (9_000, "r", None)  # is refused later
    assert len(view.local) == state.MOST
    assert view.number("page", 1, 1, 9) == 1


def test_a_view_survives_its_address():
    view = state.View("r1", "label = coat", 3, {"sort": "loss", "page": "2"})
    assert state.parse(view.params()) == view


def test_links_to_other_pages_carry_what_is_held_still(opened, planted_versions):
    app = opened(
        planted_versions, "explore", run="v1-0000", f="brightness < 0.3", a="1", hold="hour",
        color="hour",
    )  # fmt: skip
    links = [link.proto.query_string for link in app.get("page_link")]
    assert len(links) == len(PAGES)
    assert all("hold=hour" in query for query in links)
    assert not any("color=" in query for query in links)  # of the page itself
