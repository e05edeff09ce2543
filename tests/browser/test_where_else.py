"""A click on a cell of the grid, a node of the tree and a pair, with a real mouse."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from aggressors.store.handmade import list_handmade
from aggressors.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
START = "explore?f=population+%3D+validation&tab=where"


def claims(page) -> str:
    page.wait_for_url("**validation+and+**")
    return parse_qs(urlsplit(page.url).query)["f"][0].removeprefix("population = validation and ")


def test_places_become_the_filter_and_a_group_is_kept(visit, workspace):
    window = visit(height=1200)
    page = window.page
    window.open(f"{START}&gx=brightness&gy=hour")
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    box = chart.bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
    told = claims(page)
    assert "brightness" in told
    assert "hour" in told
    window.settle()

    window.open(START)
    tree = page.locator("[data-testid=stVegaLiteChart]").nth(1)
    tree.scroll_into_view_if_needed()
    box = tree.bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.1 * box["height"])
    told = claims(page)
    window.settle()

    page.get_by_role("button", name="Keep as group").click()
    page.get_by_label("Name", exact=True).fill("seen in the tree")
    page.get_by_role("button", name="Keep as hand-made group").click()
    page.get_by_role("table", name="Hand-made groups").get_by_text("seen in the tree").wait_for()
    (kept,) = list_handmade(Workspace.open(workspace))[0]
    assert (kept.name, kept.filter) == ("seen in the tree", told)
    window.settle()
    page.get_by_role("button", name="Forget this group").click()
    page.get_by_role("table", name="Hand-made groups").wait_for(state="detached")
    window.check()
