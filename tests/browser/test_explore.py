"""Explore with a real mouse and keyboard: the sample browser, its panel and the card."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.looking import query, until_in_sight

from aggressors.store.workspace import Workspace

pytestmark = pytest.mark.browser


def test_keys_turn_pages_and_walk_through_samples(visit):
    window = visit(height=1200)
    page = window.page
    window.open("explore?f=all&per=24")
    grid = page.get_by_role("grid", name="Samples")
    tiles = grid.locator(".tile")
    tiles.first.click()
    window.settle()
    first = query(page.url)["sample"]
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: f"sample={first}" not in url)
    window.settle()
    assert tiles.nth(1).get_attribute("aria-selected") == "true"
    page.keyboard.press("PageDown")
    page.wait_for_url("**page=2**")
    window.settle()
    page.keyboard.press("PageDown")
    page.wait_for_url("**page=3**")
    window.settle()
    page.keyboard.press("Control+End")
    page.wait_for_url(lambda url: int(query(url).get("page", "1")) > 3)
    window.settle()
    last = int(query(page.url)["page"])
    page.keyboard.press("PageUp")
    page.wait_for_url(f"**page={last - 1}**")
    window.settle()
    page.keyboard.press("Control+Home")
    page.wait_for_url(lambda url: "page=" not in url)
    window.settle()
    page.keyboard.press("End")
    window.settle()
    assert tiles.last.get_attribute("aria-selected") == "true"


def test_a_key_marks_the_sample_that_the_panel_shows(visit, workspace):
    window = visit(height=1200)
    page = window.page
    window.open("explore?f=population+%3D+validation&per=24")
    before = Workspace(workspace).read_marks().held
    tiles = page.get_by_role("grid", name="Samples").locator(".tile")
    tiles.first.click()
    window.settle()
    chosen = query(page.url)["sample"]
    page.keyboard.press("PageDown")
    page.wait_for_url("**page=2**")
    window.settle()
    page.keyboard.press("w")  # the panel shows one of another page: first it follows
    page.wait_for_url(lambda url: query(url).get("sample", chosen) != chosen)
    window.settle()
    assert Workspace(workspace).read_marks().held == before
    page.keyboard.press("w")
    page.get_by_role("grid", name="Samples").locator(".flag", has_text="label wrong").wait_for()
    window.settle()
    (mark,) = Workspace(workspace).read_marks().held[len(before) :]
    assert mark.sample_id == query(page.url)["sample"]
    page.keyboard.press("w")  # and takes it back
    window.settle()


@pytest.mark.parametrize("layout", ["tiles", "rows"])
def test_the_chosen_sample_and_its_panel_are_in_sight(visit, layout):
    window = visit(width=1024, height=768)
    page = window.page
    window.open(f"explore?f=all&layout={layout}")
    grid = page.get_by_role("grid", name="Samples")
    lines = grid.locator(".tile" if layout == "tiles" else "tr.line")
    for place in (30, 44):
        lines.nth(place).scroll_into_view_if_needed()
        lines.nth(place).click()
        window.settle()
        until_in_sight(page, ".st-key-browser_panel")
        page.wait_for_timeout(600)  # whatever still moves
        box = lines.nth(place).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 768 + 1
        panel = page.locator(".st-key-browser_panel").bounding_box()
        assert 0 <= panel["y"] <= 40
    window.check()


def test_a_link_to_a_sample_opens_at_the_top_of_the_page(visit):
    window = visit()
    page = window.page
    window.open("explore?f=all")
    tile = page.get_by_role("grid", name="Samples").locator(".tile").first
    sample = tile.get_attribute("title").split(" · ")[0]
    other = visit()
    other.open(f"explore?f=all&sample={sample}")
    other.page.locator(".st-key-browser_panel").wait_for()
    other.page.wait_for_timeout(600)
    assert other.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_a_heatmap_that_is_put_on_in_the_panel_is_on_in_the_grid(demo_visit):
    window = demo_visit(height=1300)
    page = window.page
    window.open("explore?f=population+%3D+validation")
    toggles = page.get_by_role("button", name="Heatmap", exact=True)
    page.get_by_role("grid", name="Samples").locator(".tile").first.click()
    window.settle()
    assert [one.get_attribute("aria-pressed") for one in toggles.all()] == ["false", "false"]
    toggles.last.click()
    page.wait_for_url("**heat=70**")
    window.settle()
    assert [one.get_attribute("aria-pressed") for one in toggles.all()] == ["true", "true"]


def test_samples_like_the_chosen_one_open_with_a_click(visit):
    window = visit(height=1300)
    page = window.page
    window.open("explore?f=all")
    page.get_by_role("grid", name="Samples").locator(".tile").first.click()
    window.settle()
    panel = page.locator(".st-key-browser_panel").bounding_box()
    grid = page.get_by_role("grid", name="Samples").bounding_box()
    assert panel["x"] >= grid["x"] + grid["width"]  # beside, not below
    alike = page.get_by_role("grid", name="Most alike").locator(".tile").first
    wanted = alike.get_attribute("title").split(" · ")[0]
    alike.click()
    page.wait_for_url(f"**sample={wanted}**")


def test_rows_sort_by_their_heads(visit):
    window = visit(height=1100)
    page = window.page
    window.open("explore?f=population+%3D+test&layout=rows")
    table = page.get_by_role("grid", name="Samples")
    table.get_by_role("button", name="sample_id").click()
    page.wait_for_url("**sort=sample_id**")
    window.settle()

    def ids():
        table = page.get_by_role("grid", name="Samples")
        return table.locator("tr.line td:first-child").all_inner_texts()

    assert ids() == sorted(ids())  # names start with A
    assert len(ids()) == 48
    page.get_by_role("grid", name="Samples").get_by_role("button", name="sample_id").click()
    page.wait_for_url("**order=down**")
    window.settle()
    assert ids() == sorted(ids(), reverse=True)


@pytest.fixture
def queue(workspace: Path):
    """The label queue, which other visits find as it was."""
    folder = workspace / "labels" / "to-label"
    before = set(folder.glob("*.parquet"))
    yield lambda: Workspace.open(workspace).label_queue("to-label").rows()["sample_id"].to_pylist()
    for path in set(folder.glob("*.parquet")) - before:
        path.unlink()


def test_an_unlabeled_sample_is_queued_by_key(visit, queue):
    window = visit(height=1200)
    page = window.page
    window.open("explore?f=population+%3D+unlabeled")
    before = queue()
    tiles = page.get_by_role("grid", name="Samples").locator(".tile")
    tiles.first.wait_for()
    shown = {tile.get_attribute("title").split(" · ")[0]: tile for tile in tiles.all()}
    sample = next(name for name in shown if name not in before)
    shown[sample].click()
    window.settle()
    page.keyboard.press("a")
    page.get_by_role("button", name="In the label queue").wait_for()
    window.settle()
    assert queue() == [*before, sample]


CLAIM = "f=population+%3D+validation+and+brightness+%3C+0.3&a=1"
# Charts grow after the script has run, so that both places have to be read at one time.
CLOSES_UP = """() => {
    const end = document.querySelector("[data-testid=stTabs]").getBoundingClientRect().bottom;
    const next = document.querySelector(".st-key-browser_bar").getBoundingClientRect().top;
    return next - end >= 0 && next - end < 40;
}"""


@pytest.mark.parametrize("width", [1440, 1024])
@pytest.mark.parametrize("tab", ["map", "compare&show=confusion"])
def test_the_card_leaves_no_hole_and_stays_in_sight(visit, width, tab):
    window = visit(width=width)
    page = window.page
    window.open(f"explore?{CLAIM}&tab={tab}")
    page.wait_for_function(CLOSES_UP, timeout=15_000)
    card = page.locator(".st-key-hypothesis")
    page.locator(".st-key-browser_list .tile").last.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    place = card.bounding_box()
    assert place["y"] + place["height"] > 200
    assert place["y"] < page.viewport_size["height"] / 2
    cut = "(frame) => frame.scrollWidth - frame.clientWidth"
    for key in ("hypothesis_figures", "hypothesis_gaps"):
        assert page.locator(f".st-key-{key} .scroll").evaluate(cut) <= 1
    if "confusion" in tab:
        assert page.locator(".st-key-mistakes .scroll").evaluate(cut) <= 1
        matrix = page.locator(".st-key-figure_confusion").bounding_box()
        assert matrix["width"] > 480


def test_keeping_a_claim_closes_the_box_and_says_so(visit, workspace):
    window = visit()
    page = window.page
    window.open(f"explore?{CLAIM}")
    page.locator(".st-key-hypothesis_keep button").click()
    page.get_by_label("Hypothesis", exact=True).fill("too dark")
    page.get_by_role("button", name="Keep it").click()
    try:
        page.locator(".st-key-hypothesis").get_by_text("Kept as too dark").wait_for()
        window.settle()
        assert page.get_by_role("button", name="Keep it").count() == 0
        assert page.locator("[data-testid=stPopoverBody]").count() == 0
    finally:
        (workspace / "hypotheses" / "too-dark.json").unlink()
