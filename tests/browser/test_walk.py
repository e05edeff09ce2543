"""The way of an analyst through the steps, with a real mouse and keyboard."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.browser.looking import query

from aggressors.store.workspace import Workspace

pytestmark = pytest.mark.browser


def lasso(page) -> None:
    """Draw a circle over the middle of the first map."""
    canvas = page.locator("canvas[role=img]").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    radius = box["height"] * 0.45
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(48):
        angle = 2 * math.pi * step / 48
        page.mouse.move(x + radius * math.cos(angle), y + radius * math.sin(angle))
    page.mouse.up()


def test_from_the_ranking_to_a_saved_test(visit, workspace: Path):
    window = visit(height=1200)
    page = window.page

    # Insights: the second of the ranking, by keyboard, then opened.
    window.open()
    rows = page.get_by_role("grid", name="Aggressors, ranked").locator("tr.pick")
    rows.first.click()
    window.settle()
    page.keyboard.press("ArrowDown")
    window.settle()
    second = rows.nth(1).locator(".name").inner_text()
    assert query(page.url)["a"] == "2"
    page.keyboard.press("Enter")
    page.wait_for_url("**/aggressor?*")
    window.settle()

    # Aggressor: what the members share becomes a claim in the filter of Explore.
    assert second in page.locator(".st-key-focus").inner_text()
    shared = page.get_by_role("table", name="What the members share").locator("tbody tr").first
    about = f"Open Explore with this claim: {shared.locator('.name').inner_text()}"
    page.get_by_role("button", name=about, exact=True).click()
    page.wait_for_url("**/explore?*")
    window.settle()
    assert query(page.url)["f"].startswith("population = validation and ")

    # Explore: a region joins the filter, and what is selected is downloaded.
    lasso(page)
    page.wait_for_url("**map+in+*")
    window.settle()
    page.locator(".st-key-browser_bar").get_by_text("Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        exported = list(csv.DictReader(file))
    counted = page.locator(".st-key-filters").inner_text()
    assert f"{len(exported):,} of" in counted
    assert {row["population"] for row in exported} == {"validation"}
    page.keyboard.press("Escape")
    page.locator(".st-key-filters").get_by_text("Clear").click()
    window.settle()

    # Solve: one sample is queued by key, one is to be avoided, and the queue is downloaded.
    queue = Workspace.open(workspace).label_queue("to-label")
    waiting = queue.waiting()
    n = queue.rows().num_rows + 1
    window.go("Solve")
    page.get_by_role("tab", name="Collect").click()
    window.settle()
    tiles = page.get_by_role("grid", name="Candidates").locator(".tile")
    first = tiles.first.get_attribute("title").split(" · ")[0]
    tiles.first.click()
    window.settle()
    page.keyboard.press("a")
    page.get_by_text(f"Label queue · {n}").wait_for()
    window.settle()
    avoided = tiles.first.get_attribute("title").split(" · ")[0]
    tiles.first.click()
    window.settle()
    page.keyboard.press("x")
    page.get_by_text("1 example to avoid").wait_for()
    window.settle()
    titles = tiles.evaluate_all("all => all.map(tile => tile.title)")
    assert not [title for title in titles if title.startswith((f"{first} ", f"{avoided} "))]
    assert queue.waiting() == [*waiting, first]
    page.get_by_text(f"Label queue · {n}").click()
    window.settle()
    page.locator(".st-key-queue_bar").get_by_text("Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        assert [row["sample_id"] for row in csv.DictReader(file)] == [*waiting, first]
    assert queue.rows("queued").num_rows == 0
    page.keyboard.press("Escape")

    # Track: the aggressor becomes a test, judged in every run.
    before = len(list((workspace / "tests").glob("*.json")))
    window.go("Track")
    page.get_by_text("Save a test").click()
    page.get_by_role("button", name="Save as test").click()
    page.get_by_text("Saved as").first.wait_for()
    window.settle()
    assert len(list((workspace / "tests").glob("*.json"))) == before + 1
    matrix = page.get_by_role("grid", name="Saved tests by run")
    assert matrix.locator("tr.pick").count() == before + 1
    assert window.problems == []


def test_back_and_forward_undo_and_redo_a_filter(visit):
    window = visit()
    page = window.page
    window.open()
    page.locator(".st-key-filters").get_by_text("test", exact=True).click()
    page.wait_for_url("**population+%3D+test**")
    window.settle()
    window.go("Explore")
    page.go_back()
    window.settle()
    assert urlsplit(page.url).path == "/"
    page.go_back()
    window.settle()
    assert query(page.url)["f"] == "population = validation"
    page.go_forward()
    window.settle()
    assert query(page.url)["f"] == "population = test"


def test_a_link_opened_elsewhere_shows_the_same_view(visit):
    from playwright.sync_api import expect

    window = visit(height=1200)
    page = window.page
    window.open()
    page.locator(".st-key-filters").get_by_text("train", exact=True).click()
    page.wait_for_url("**population+%3D+train**")
    window.settle()
    window.go("Explore")
    page.locator(".st-key-browser_order button >> visible=true").click()
    window.settle()
    grid = page.get_by_role("grid", name="Samples").locator(".tile")
    grid.nth(3).click()
    page.wait_for_url("**sample=**")
    window.settle()

    other = visit(height=1200, scheme="dark")
    other.open(page.url.removeprefix(window.server + "/"))
    for part in (".st-key-filters", ".st-key-scope", ".st-key-browser_bar"):
        expect(other.page.locator(part)).to_have_text(page.locator(part).text_content())
    titles = "tiles => tiles.map(tile => [tile.title, tile.ariaSelected])"
    shown = other.page.get_by_role("grid", name="Samples").locator(".tile")
    assert shown.evaluate_all(titles) == grid.evaluate_all(titles)


def test_a_heatmap_shows_either_class_or_how_they_differ(visit):
    from playwright.sync_api import expect

    window = visit(height=1200)
    page = window.page
    window.open("aggressor")
    drawn = page.locator(".tile canvas").first
    pixels = (
        "one => Array.from(one.getContext('2d').getImageData(0, 0, one.width, one.height).data)"
    )
    group = page.get_by_role("group", name="Class that the heatmap explains").first
    predicted = drawn.evaluate(pixels)
    group.get_by_role("button", name="True class").click()
    true = drawn.evaluate(pixels)
    opacity = drawn.evaluate("one => getComputedStyle(one).opacity")
    assert float(opacity) == pytest.approx(0.7)  # one click shows it
    group.get_by_role("button", name="Difference").click()
    difference = drawn.evaluate(pixels)
    expect(group.get_by_role("button", name="Difference")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("more for the predicted class").first).to_be_visible()
    assert len({tuple(predicted), tuple(true), tuple(difference)}) == 3
    group.get_by_role("button", name="Predicted").click()
    assert drawn.evaluate(pixels) == predicted


def test_the_first_screen_shows_where_the_model_looks(visit):
    from playwright.sync_api import expect

    page = (window := visit(width=1440, height=900)).page
    window.open("aggressor")
    for name in ("Failing, ", "Difference, "):
        drawn = page.get_by_role("img", name=name)
        expect(drawn).to_be_visible()
        box = drawn.bounding_box()
        assert box["y"] + box["height"] <= 900


def test_the_true_class_has_maps_of_its_own(visit):
    from playwright.sync_api import expect

    window = visit(height=1600)
    window.open("aggressor")
    window.page.get_by_text("Against the true class").click()
    expect(window.page.get_by_role("img", name="True class, failing")).to_be_visible()
    assert "look=true" in window.page.url


def test_mean_maps_are_drawn_on_one_scale(visit):
    from playwright.sync_api import expect

    window = visit(height=1600)
    page = window.page
    window.open("aggressor")
    expect(page.get_by_role("img", name="Failing, ")).to_be_visible()
    colours = (
        "one => new Set(new Uint32Array(one.getContext('2d')"
        ".getImageData(0, 0, one.width, one.height).data.buffer)).size"
    )
    names = ("Failing", "All", "Same label", "The rest", "Difference")
    boxes = []
    for name in names:
        canvas = page.get_by_role("img", name=f"{name}, ")
        assert name == "Difference" or canvas.evaluate(colours) > 4
        boxes.append(canvas.bounding_box())
    assert len({round(box["y"]) for box in boxes}) == 1
    widths = [box["width"] for box in boxes]
    assert max(widths) - min(widths) <= 2


def test_the_heatmap_slider_moves_in_the_browser(visit):
    window = visit(height=1200)
    page = window.page
    frames = []

    def listen(socket) -> None:
        socket.on("framereceived", lambda frame: frames.append(frame))

    page.on("websocket", listen)
    window.open("aggressor")
    seen = len(frames)
    slider = page.get_by_role("slider", name="Heatmap opacity").first
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    opacity = page.locator(".tile canvas").first.evaluate("one => getComputedStyle(one).opacity")
    assert float(opacity) == pytest.approx(0.1)
    assert len(frames) == seen
    page.wait_for_url("**heat=10**")  # told once, when it stands still
    window.settle()
    assert slider.input_value() == "10"


def test_marks_with_mouse_and_keys(visit, workspace: Path):
    window = visit(height=1200)
    page = window.page
    window.open("aggressor")
    grid = page.get_by_role("grid", name="Worst samples")
    first = grid.locator(".tile").first
    sample = first.get_attribute("title").split(" · ")[0]
    before = len(Workspace(workspace).read_marks().held)

    # By key: W marks, N marks too, W again takes the first back.
    first.click()
    window.settle()
    page.keyboard.press("w")
    grid.locator(".flag", has_text="label wrong").wait_for()
    window.settle()
    page.keyboard.press("n")
    grid.locator(".flag", has_text="label wrong · not of group").wait_for()
    window.settle()
    page.keyboard.press("w")
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some(one => one.shadowRoot?.querySelector("
        "'.flag')?.textContent === 'not of group')"
    )
    window.settle()
    marks = Workspace(workspace).read_marks().held[before:]
    assert [(one.sample_id, one.mark) for one in marks] == [(sample, "not-of-group")]

    # The count on the page exports them.
    page.locator(".st-key-representatives_bar").get_by_text("1 marked").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        assert [row["sample_id"] for row in csv.DictReader(file)] == [sample]
    page.keyboard.press("Escape")

    # The button in the card takes it back, Escape closes the card, and a new visit shows none.
    page.get_by_role("button", name="Not of this group").click()
    window.settle()
    assert query(page.url)["sample"] == sample
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Not of this group").wait_for(state="detached")
    assert "sample" not in query(page.url)
    again = visit(height=1200)
    again.open("aggressor")
    assert again.page.get_by_role("grid", name="Worst samples").locator(".flag").count() == 0
    assert len(Workspace(workspace).read_marks().held) == before
