"""A click on a cell of the grid, a node of the tree and a pair, with a real mouse."""

from __future__ import annotations

import csv
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from tests.browser.test_charts import SVG, taken

from aggressors.store.handmade import list_handmade
from aggressors.store.workspace import Workspace

pytestmark = pytest.mark.browser
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
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.35 * box["height"])
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


def places(page, figure: str, name: str) -> list[dict[str, str]]:
    called, path = taken(page, figure, "Data (CSV)")
    assert called == f"{name}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    page.keyboard.press("Escape")
    return rows


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_places_are_taken_away_as_data_and_as_pictures(visit, scheme):
    from PIL import Image

    window = visit(height=1200, scheme=scheme)
    page = window.page
    window.open(f"{START}&gx=brightness&gy=hour")
    cells = places(page, "figure_grid", "mean-loss-by-brightness-and-hour")
    assert all("brightness" in row["where"] and "hour" in row["where"] for row in cells)
    nodes = places(page, "figure_tree", "error-tree")
    assert nodes[0]["where"] == "all"
    assert sum(int(row["n"]) for row in cells) == int(nodes[0]["n"])
    pairs = places(page, "figure_pairs", "worst-pairs")
    listed = page.get_by_role("grid", name="Worst pairs").get_by_role("row").count() - 1
    assert len(pairs) == listed >= 1

    for figure, legend, drawn in (
        ("figure_grid", "mean loss", len(cells)), ("figure_tree", "error rate", len(nodes)),
    ):  # fmt: skip
        _, path = taken(page, figure, "Picture (SVG)")
        text = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert "localhost" not in text
        words = [element.text for element in root.iter(f"{SVG}text")]
        assert "population = validation" in words[1]
        assert "samples ·" in words[1]
        assert legend in words
        assert len(words) > drawn
        _, path = taken(page, figure, "Picture (PNG)")
        with Image.open(path) as image:
            assert image.size[0] > 600
            assert len(image.convert("RGB").getcolors(1 << 24)) > 50
        page.keyboard.press("Escape")
    window.check()
