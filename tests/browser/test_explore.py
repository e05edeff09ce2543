"""Explore with a real mouse and keyboard: the map from afar and near, and the sample browser."""

from __future__ import annotations

import math
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from aggressors.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def stage(page, place: int = 0):
    canvas = page.locator("canvas[role=img]").nth(place)
    canvas.scroll_into_view_if_needed()
    return canvas, canvas.bounding_box()


def in_view(page) -> str:
    return page.locator(".scope").first.inner_text()


def zoom(window, canvas, times: int) -> None:
    canvas.focus()
    for _ in range(times):
        window.page.keyboard.press("+")
    window.page.wait_for_url("**view=**")
    window.settle()


def sent(page) -> list[int]:
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda f: sizes.append(len(f))))
    return sizes


def test_zooming_in_shows_samples_that_open_with_a_click(visit):
    window = visit(height=1100)
    page = window.page
    sizes = sent(page)
    window.open("explore?f=all")
    whole = in_view(page)
    assert whole.endswith("samples in view")
    assert " of " not in whole
    canvas, box = stage(page)
    sizes.clear()
    zoom(window, canvas, 3)
    assert sum(sizes) < 1_000_000
    assert " of " in in_view(page)
    # Whatever lies near the middle: try places on a fine net until a sample answers.
    page.get_by_role("button", name="Pan", exact=True).click()
    found = ""
    for step in range(1, 400):
        angle, radius = 2.4 * step, 4.5 * math.sqrt(step)
        x = box["x"] + box["width"] / 2 + radius * math.cos(angle)
        y = box["y"] + box["height"] / 2 + radius * math.sin(angle)
        page.mouse.move(x, y)
        tip = page.locator(".tip:not([hidden])")
        if tip.count() and not tip.first.inner_text().startswith("Aggressor"):
            found = tip.first.locator(".first").inner_text()
            page.mouse.down()
            page.mouse.up()
            break
    assert found
    page.wait_for_url("**sample=**")
    window.settle()
    assert query(page.url)["sample"] == found
    assert found in page.locator(".st-key-browser_panel").inner_text()
    until_in_sight(page, ".st-key-browser_panel")
    assert "view" in query(page.url)


def test_keys_move_the_map_and_escape_shows_everything(visit):
    window = visit(height=1100)
    page = window.page
    window.open("explore?f=population+%3D+test")
    whole = in_view(page)
    canvas, _ = stage(page)
    zoom(window, canvas, 1)
    first = query(page.url)["view"]
    page.keyboard.press("ArrowRight")
    page.wait_for_function("first => !decodeURIComponent(location.href).includes(first)", arg=first)
    window.settle()
    x0, x1, *_ = map(float, query(page.url)["view"].split(","))
    was0, was1, *_ = map(float, first.split(","))
    assert x0 - was0 == pytest.approx(0.12 * (was1 - was0), rel=1e-3)
    assert x1 - x0 == pytest.approx(was1 - was0, rel=1e-3)
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "view=" not in url)
    window.settle()
    assert in_view(page) == whole
    label = canvas.get_attribute("aria-label")
    assert label.startswith(f"Map coloured by label: {whole}. ")
    assert "Escape" in label


def test_each_map_takes_its_own_colour_and_one_can_fill_the_width(visit):
    window = visit(height=1100)
    page = window.page
    window.open("explore?f=all")
    page.get_by_role("combobox", name="Colour of map 1").select_option("hour")
    window.settle()
    page.get_by_role("combobox", name="Colour of map 2").select_option(":density")
    window.settle()
    assert (query(page.url)["color"], query(page.url)["color2"]) == ("hour", ":density")
    _, narrow = stage(page)
    page.get_by_role("button", name="One map").click()
    window.settle()
    assert page.locator("canvas[role=img]").count() == 1
    assert stage(page)[1]["width"] > 1.8 * narrow["width"]
    page.get_by_role("button", name="Two maps").click()
    window.settle()
    assert page.locator("canvas[role=img]").count() == 2


def test_a_category_of_the_legend_becomes_a_chip(visit):
    window = visit(height=1100)
    page = window.page
    window.open("explore?f=population+%3D+test")
    page.locator(".legend button.entry", has_text="coat").click()
    page.wait_for_url("**label+%3D+coat**")
    window.settle()
    assert "coat" in page.locator(".st-key-filters").inner_text()
    page.locator(".legend button.entry", has_text="coat").click()
    page.wait_for_url(lambda url: "coat" not in url)


def test_a_box_becomes_a_chip_and_is_cleared(visit):
    window = visit(height=1100)
    page = window.page
    window.open("explore?f=population+%3D+test")
    page.get_by_role("button", name="Box", exact=True).click()
    _, box = stage(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 90, y - 130)
    page.mouse.down()
    page.mouse.move(x, y, steps=4)
    page.mouse.move(x + 90, y + 130, steps=4)
    page.mouse.up()
    page.wait_for_url("**map+in+*")
    window.settle()
    assert "region on the map" in page.locator(".st-key-filters").inner_text()
    page.get_by_role("button", name="Clear region").click()
    page.wait_for_url(lambda url: "map+in" not in url)


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


def until_in_sight(page, selector: str) -> None:
    """Wait until the upper end of something lies in the upper half of the window."""
    page.wait_for_function(
        """selector => {
            const { top } = document.querySelector(selector).getBoundingClientRect();
            return top >= 0 && top <= window.innerHeight / 2;
        }""",
        arg=selector,
    )


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


def test_a_heatmap_that_is_put_on_in_the_panel_is_on_in_the_grid(visit):
    window = visit(height=1300)
    page = window.page
    window.open("explore?f=population+%3D+validation")
    toggles = page.get_by_role("button", name="Heatmap", exact=True)
    if not toggles.count():
        pytest.skip("This workspace has no heatmaps.")
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
    tile = page.get_by_role("grid", name="Samples").locator(".tile").nth(5)
    sample = tile.get_attribute("title").split(" · ")[0]
    tile.click()
    window.settle()
    page.keyboard.press("a")
    page.get_by_role("button", name="In the label queue").wait_for()
    window.settle()
    assert queue() == [*before, sample]


def drawn_marks(canvas) -> list[dict]:
    """Circles with the ranks of aggressors, as one map has drawn them."""
    return canvas.evaluate(
        "(canvas) => canvas.getRootNode().querySelector('.root').maps.panels[0].marks"
        ".map(({ name, x, y, r }) => ({ name, x, y, r }))"
    )


def spread_marks(canvas, places: list[tuple[float, float]], rings: int) -> list[dict]:
    """What the map makes of aggressors at these places, of which one is chosen."""
    return canvas.evaluate(
        """(canvas, [places, rings]) => {
          const maps = canvas.getRootNode().querySelector('.root').maps;
          const [x0, x1, y0, y1] = maps.view;
          const ring = [[x0, y0], [x1, y0], [x1, y1]];
          maps.data.outlines = places.map(([u, v], i) => ({
            name: String(i + 1), title: "", rings: i + 1 === rings ? [ring] : [],
            middle: [x0 + u * (x1 - x0), y0 + v * (y1 - y0)],
          }));
          maps.draw();
          return maps.panels[0].marks.map(({ name, x, y, r, at }) => ({ name, x, y, r, at }));
        }""",
        [places, rings],
    )


def test_numbers_of_aggressors_never_cover_one_another(visit):
    window = visit(height=1100)
    page = window.page
    window.open("explore?f=all")
    canvas, _ = stage(page)
    assert {"1", "2"} <= {mark["name"] for mark in drawn_marks(canvas)}
    middle, corner = [(0.5, 0.5)] * 5, [(0.001, 0.999)] * 2
    marks = spread_marks(canvas, [*middle, *corner, (0.9, 0.1)], rings=3)
    for place, one in enumerate(marks):
        for other in marks[place + 1 :]:
            apart = math.hypot(one["x"] - other["x"], one["y"] - other["y"])
            assert apart >= one["r"] + other["r"]
    at = {mark["name"]: mark for mark in marks}
    assert set(at) == {"1", "2", "3", "4", "5", "6", "7", "8"}
    assert [at["3"]["x"], at["3"]["y"]] == at["3"]["at"]  # the chosen one stays
    assert [at["8"]["x"], at["8"]["y"]] == at["8"]["at"]
    assert [at["1"]["x"], at["1"]["y"]] != at["1"]["at"]
    assert at["7"]["x"] >= at["7"]["r"]  # beside the one in the corner, but in sight
    assert at["7"]["y"] >= at["7"]["r"]
    # Of a hundred in one place only as many as there is room for, the first ranks.
    crowd = spread_marks(canvas, [(0.5, 0.5)] * 100, rings=1)
    assert 15 < len(crowd) < 100
    assert max(int(mark["name"]) for mark in crowd) == len(crowd)


def test_the_wheel_stops_at_the_full_view(visit):
    window = visit(height=1100)
    page = window.page
    window.open("explore?f=all")
    canvas, box = stage(page)
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
    view = "(canvas) => canvas.getRootNode().querySelector('.root').maps.view"
    whole = canvas.evaluate(view)
    page.mouse.wheel(0, 400)
    window.settle()
    assert canvas.evaluate(view) == whole
    assert "view" not in query(page.url)
    for _ in range(4):
        page.mouse.wheel(0, -400)
    page.wait_for_url("**view=**")
    window.settle()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.wheel(0, 120)
    page.wait_for_timeout(50)
    x0, x1, y0, y1 = canvas.evaluate(view)
    assert whole[0] <= x0 < x1 <= whole[1]
    assert whole[2] <= y0 < y1 <= whole[3]
    for _ in range(9):
        page.mouse.wheel(0, 400)
    page.wait_for_url(lambda url: "view=" not in url)
    window.settle()
    assert canvas.evaluate(view) == whole


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
