"""What the grid makes of a text: text nodes, and the words marked that the engine reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import aggressors_app.components.mount as mount
from aggressors.tokens import places

pytestmark = pytest.mark.browser

TEXTS = [
    "I never got my REFUND, never!",
    "Don\u2019t panic, it's e-mail; error 404 in b2b_login x² ½",
    "Straße ÉTÉ e\u0301te\u0301 İstanbul ΣΊΣΥΦΟΣ",
    "पानी नहीं है। مرحبا بالعالم 환불을 원합니다",
    "Привет, как дела? 'quoted' ''twice'' rock'n'roll",
    '<img src=x onerror="window.broken = 1"> </mark><script>window.broken = 1</script> &amp; **b**',
]


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page that has the component's code."""
    context = browser.new_context()
    opened = context.new_page()
    opened.set_content("<div id=host><div class=root></div></div>")
    folder = mount._HERE
    code = "".join((folder / name).read_text(encoding="utf-8") for name in ("base.js", "grid.js"))
    opened.add_script_tag(
        type="module", content=code.replace("export default function", "window.mount = function")
    )
    opened.wait_for_function("() => window.mount")
    yield opened
    context.close()


def drawn(page: Any, *, text: str = "", words: list[str] = (), values: list[Any] = ()) -> Any:
    """Text of the only tile's view, and what is marked in it."""
    item = {
        "id": "s<b>1", "src": "", "text": text, "lines": [], "title": "", "flag": "", "alike": "",
        "done": False, "small": False, "heat": None, "words": list(words), "values": list(values),
    }  # fmt: skip
    data = {
        "label": "x", "items": [item], "chosen": "", "actions": {}, "keys": [], "caption": "",
        "empty": "", "tile": 100, "heat": 0, "plain": True, "reading": False,
        "columns": [],
    }  # fmt: skip
    return page.evaluate(
        """data => {
            const parentElement = document.querySelector("#host");
            window.mount({ data, parentElement, setTriggerValue() {} });
            const view = parentElement.querySelector(".view");
            const marks = [...view.querySelectorAll("mark")].map(one => one.textContent);
            const tags = [...new Set([...view.querySelectorAll("*")].map(one => one.tagName))];
            return { text: view.textContent, marks, tags, broken: window.broken ?? 0 };
        }""",
        data,
    )


@pytest.mark.parametrize("text", TEXTS)
def test_it_reads_the_words_that_the_engine_reads(page, text):
    found = drawn(page, text=text, words=[word for _, _, word in places(text)])
    assert found["marks"] == [text[start:end] for start, end, _ in places(text)]
    assert found["text"] == text
    assert set(found["tags"]) == {"DIV", "MARK"}
    assert not found["broken"]


def test_only_the_words_of_the_list_are_marked(page):
    found = drawn(page, text=TEXTS[0], words=["never", "refund", "fund", "<b>"])
    assert found["marks"] == ["never", "REFUND", "never"]
    assert drawn(page, text=TEXTS[0])["marks"] == []


def test_values_of_a_row_are_text_and_only_the_odd_ones_marked(page):
    values = [["age", "99", True], ["<i>job</i>", "<b>cook</b>", False]]
    found = drawn(page, values=values)
    assert found["marks"] == ["99"]
    assert found["text"] == "s<b>1age 99<i>job</i> <b>cook</b>"
    assert set(found["tags"]) == {"DIV", "SPAN", "MARK"}


@pytest.mark.parametrize("width", [210, 320, 430])
def test_a_tile_is_as_high_as_its_text(page, width):
    folder = mount._HERE
    for name in ("base.css", "grid.css"):
        page.add_style_tag(content=(folder / name).read_text(encoding="utf-8"))
    page.evaluate("width => { document.querySelector('#host').style.width = `${width}px`; }", width)
    heights = {}
    for n in (5, 60, 600):
        drawn(page, text="oil prices " * n)
        box = "one => one.getBoundingClientRect().height"
        view, text = (page.locator(name).evaluate(box) for name in (".view", ".view .text"))
        assert 0 <= view - text <= 20
        assert text % 16 == 0  # no line is cut in two
        heights[n] = text
    assert heights[5] < heights[60] <= heights[600] <= 208
