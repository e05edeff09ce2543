"""Filters under a name, and those that are too long for an address."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest
from tests.app.reading import PAGES, shown

from aggressors.queries.grammar import parse
from aggressors.store.hypotheses import save_hypothesis
from aggressors.store.kept_filters import find, keep, list_filters, save_filter
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors_app import state


def said(text):
    """Text as a person reads it, without what keeps it from being Markdown."""
    return text.replace("\\", "").replace("\u2060", "")


def ids(workspace, n):
    with open_run(workspace / "runs" / "v1-0000.duckdb") as run:
        sql = "SELECT sample_id FROM samples WHERE population = 'validation' ORDER BY 1 LIMIT $n"
        return [row for (row,) in run.cursor().execute(sql, {"n": n}).fetchall()]


def listed(workspace, n=400):
    return f"sample_id in ({', '.join(ids(workspace, n))})"


def test_a_filter_is_saved_under_a_name_and_chosen_again(opened, planted):
    app = opened(planted, run="v1-0000", f="label = coat and hour > 18")
    app.text_input(key="filter_name").set_value("Dusk coats")
    app.button[[one.label for one in app.button].index("Save")].click().run()
    assert find(Workspace(planted), "dusk-coats") == "label = coat and hour > 18"
    assert "`@dusk-coats`" in shown(app)
    app.button(key="filter_clear").click().run()
    app.selectbox(key="filter_saved").set_value("Filter: dusk-coats").run()
    assert app.query_params["f"] == "label = coat and hour > 18"
    app.button(key="filter_forget").click().run()
    assert list_filters(Workspace(planted)) == ([], [])
    assert app.query_params["f"] == "label = coat and hour > 18"
    assert not app.exception


def test_hypotheses_of_one_title_are_told_apart_by_their_claims(opened, planted):
    for claim in ("brightness < 0.2", "brightness < 0.4"):
        save_hypothesis(
            Workspace(planted), title="too dark", filter=claim, run_id="v1-0000", aggressor=1
        )
    app = opened(planted, run="v1-0000", f="label = coat")
    told = [said(one) for one in app.selectbox(key="filter_saved").options]
    assert told == [
        "Hypothesis: too dark · brightness < 0.4", "Hypothesis: too dark · brightness < 0.2",
    ]  # fmt: skip


def test_a_taken_name_is_refused_with_what_has_it(opened, planted):
    save_filter(Workspace(planted), "dusk", "hour > 17")
    app = opened(planted, run="v1-0000", f="label = coat")
    app.text_input(key="filter_name").set_value("Dusk")
    app.button[[one.label for one in app.button].index("Save")].click().run()
    assert "saved as @dusk already: hour > 17" in said(app.error[0].value)
    assert find(Workspace(planted), "dusk") == "hour > 17"


def test_a_filter_about_fields_that_the_run_lacks_is_not_offered(opened, planted):
    save_filter(Workspace(planted), "rain", "rain > 1")
    app = opened(planted, run="v1-0000", f="label = coat")
    assert all(box.key != "filter_saved" for box in app.selectbox)
    assert "1 more cannot be asked of this run: it lacks a field" in shown(app)


def test_a_name_in_a_link_stands_for_its_filter(opened, planted):
    save_filter(Workspace(planted), "dusk", "hour > 17")
    app = opened(planted, "explore", run="v1-0000", f="@dusk and population = validation")
    assert not app.exception
    assert not app.error
    assert app.query_params["f"] == "@dusk and population = validation"
    assert app.slider(key="filter_range_hour").value[0] > 0
    app.text_input(key="filter_typed").set_value("not @dusk").run()
    assert app.query_params["f"] == "not hour > 17"


def test_a_list_of_samples_goes_by_its_digest_through_all_pages(opened, planted):
    app = opened(planted, run="v1-0000", f="population = validation")
    app.selectbox(key="filter_field").set_value("sample_id").run()
    pasted = "\n".join([*ids(planted, 400), "no-such-sample"])
    app.text_area(key="filter_pasted_sample_id").set_value(pasted)
    app.button[[one.label for one in app.button].index("Keep only these")].click().run()
    link = app.query_params["f"]
    assert len(link) == 17
    assert link.startswith("@")
    text = find(Workspace(planted), link[1:])
    assert len(parse(text).parts[1].values) == 401
    assert "400 of 401 listed in this run; not found: no-such-sample" in said(shown(app))
    for page in PAGES[1:]:
        app.switch_page(f"app_pages/{page}.py").run()
        assert not app.exception
        assert app.query_params["f"] == link
        assert "400 of 3,150 samples" in shown(app)
    other = opened(planted, "explore", run="v1-0000", f=link)  # a colleague opens the link
    assert "400 of 3,150 samples" in shown(other)
    assert other.text_input(key="filter_typed").value == link  # never the whole list
    other.multiselect(key="filter_set_label").set_value(["coat"]).run()
    assert other.query_params["f"] not in (link, "")
    assert "listed" in shown(other)


def test_a_list_of_strangers_is_refused(opened, planted):
    app = opened(planted, run="v1-0000", f="population = validation")
    app.selectbox(key="filter_field").set_value("sample_id").run()
    app.text_area(key="filter_pasted_sample_id").set_value("a, b")
    app.button[[one.label for one in app.button].index("Keep only these")].click().run()
    assert "None of the 2 listed values is in this run" in app.error[0].value
    assert app.query_params["f"] == "population = validation"


def test_where_nothing_can_be_kept_a_long_filter_stays_in_the_address_while_it_fits(
    opened, planted_versions, monkeypatch
):
    from aggressors_app import cached

    monkeypatch.setenv("AGGRESSORS_RUN", str(planted_versions / "runs" / "v1-0000.duckdb"))
    cached.forget()
    app = opened(planted_versions, f="all")
    monkeypatch.setenv("AGGRESSORS_RUN", str(planted_versions / "runs" / "v1-0000.duckdb"))
    app.run()
    middle = listed(planted_versions, 150)
    assert state.LONG < len(quote_plus(middle)) <= state.LONGEST
    app.text_input(key="filter_typed").set_value(middle).run()
    assert app.query_params["f"] == middle
    app.text_input(key="filter_typed").set_value(listed(planted_versions, 600)).run()
    assert not app.exception
    assert "600 of 3,150 samples" in shown(app)
    assert "link to this view does not carry its filter. A single run file" in said(shown(app))


def test_a_folder_that_cannot_be_written_loses_no_filter(opened, planted):
    (planted / "filters").write_text("a file")
    app = opened(planted, run="v1-0000", f="all")
    app.text_input(key="filter_typed").set_value(listed(planted, 600)).run()
    assert not app.exception
    assert "600 of 3,150 samples" in shown(app)
    assert "Cannot write" in shown(app)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("filter", "sentence"),
    [
        ("@0123456789abcdef", "does not keep the filter @0123456789abcdef"),
        ("@dusk", "no saved filter @dusk"),
        ("@../../etc/passwd", "names no saved filter"),
        ("@odd", "is not valid JSON"),
        ("@dusk and", "no saved filter @dusk"),
    ],
)
def test_a_link_to_a_filter_that_is_not_there_says_so(opened, planted, page, filter, sentence):
    (planted / "filters").mkdir()
    (planted / "filters" / "odd.json").write_text("{")
    app = opened(planted, page, run="v1-0000", f=filter)
    assert not app.exception
    assert sentence in said(app.error[0].value)
    app.button[-1].click().run()
    assert app.query_params["f"] == "population = validation"


def test_a_damaged_list_is_named_and_nothing_of_it_is_shown(opened, planted):
    made = keep(Workspace(planted), listed(planted))
    path = planted / "filters" / f"{made.slug}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"filter": "hour > 3"}))
    app = opened(planted, run="v1-0000", f=f"@{made.slug}")
    assert "'filter' was changed" in said(app.error[0].value)
