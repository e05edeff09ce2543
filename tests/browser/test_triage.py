"""Triage with a mouse, on Insights and on the Aggressor page: decide, hide, count, and undo."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.looking import query, table

from aggressors.store.triage import list_decisions
from aggressors.store.workspace import Workspace

pytestmark = pytest.mark.browser
CONTROL = {"": "insights_triage", "aggressor": "aggressor_triage"}


@pytest.fixture
def decided(workspace: Path):
    """What was decided by now, as pairs of rank and word; other visits find all new."""
    place = Workspace(workspace)
    before = set(place.triage.glob("*"))
    yield lambda: [(one.rank, one.word, one.why) for one in list_decisions(place)[0]]
    for path in set(place.triage.glob("*")) - before:
        path.unlink()


def control(page, path: str, word: str):
    return page.locator(f".st-key-{CONTROL[path]}").get_by_role("radio", name=word, exact=True)


def listed(page) -> list[str]:
    """Ranks in the list of aggressors."""
    rows = table(page, "Aggressors, ranked").locator("tr.pick")
    rows.first.wait_for()
    return [text.split()[0] for text in rows.all_inner_texts()]


@pytest.mark.parametrize("path", CONTROL)
def test_a_click_decides_and_the_same_again_takes_back(visit, decided, path):
    window = visit(height=1200)
    page = window.page
    window.open(f"{path}?a=2")
    control(page, path, "being fixed").click()
    page.get_by_text("being fixed by ").wait_for()
    window.settle()
    expect(control(page, path, "being fixed")).to_be_checked()
    assert decided() == [(2, "being-fixed", "")]
    window.go("Insights" if path else "Aggressor")  # told on the other page, too
    page.get_by_text("being fixed by ").wait_for()
    window.go("Aggressor" if path else "Insights")
    control(page, path, "being fixed").click()
    page.get_by_text("taken back by ").wait_for()
    window.settle()
    expect(control(page, path, "being fixed")).not_to_be_checked()
    assert decided()[-1] == (2, "new", "")


@pytest.mark.parametrize("path", CONTROL)
def test_a_dismissed_one_is_hidden_counted_and_comes_back(visit, decided, path):
    window = visit(height=1200)
    page = window.page
    window.open()
    everyone = listed(page)
    window.open(f"{path}?a=2")
    control(page, path, "dismissed").click()
    page.get_by_label("Why is it dismissed?").fill("photographed so on purpose")
    assert decided() == []
    page.get_by_role("button", name="Dismiss", exact=True).click()
    page.get_by_text("photographed so on purpose").wait_for()
    window.settle()
    assert decided() == [(2, "dismissed", "photographed so on purpose")]
    window.go("Insights")
    assert listed(page) == [rank for rank in everyone if rank != "2"]
    page.get_by_role("button", name="1 dismissed · show").click()
    window.settle()
    assert listed(page) == everyone
    assert query(page.url)["dismissed"] == "shown"

    # The same word once more takes it back, and nothing is left to count.
    window.open(f"{path}?a=2&dismissed=shown")
    control(page, path, "dismissed").click()
    page.get_by_text("taken back by ").wait_for()
    window.settle()
    window.open()
    assert listed(page) == everyone
    assert page.get_by_role("button", name="dismissed · ").count() == 0
