"""The maps of Explore with a real mouse and keyboard, from afar and near."""

from __future__ import annotations

import math

import pytest
from tests.browser.looking import query, until_in_sight

pytestmark = pytest.mark.browser


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
