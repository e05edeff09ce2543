"""Parts of the report: markup that escapes by itself, pictures, and small charts."""

import io
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aggressors.report.cards import spread
from aggressors.report.charts import Point, over_runs, whisker
from aggressors.report.markup import Html, el, html
from aggressors.report.pictures import HEAVY, LONGEST, Gallery, mean_map, overlay
from reported import EVIL, picture


class Read(HTMLParser):
    def __init__(self, markup):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"))


@given(TEXTS, TEXTS)
def test_whatever_text_is_put_in_comes_out_as_text(words, value):
    found = Read(el("p", words, [words, None], title=value))
    assert found.tags == [("p", {"title": value})]
    assert found.words == words + words


def test_markup_is_not_escaped_again_and_empty_attributes_are_left_out():
    inner = el("b", EVIL)
    assert html("a < b", inner, 3) == f"a &lt; b{inner}3"
    assert isinstance(html(EVIL), Html)
    assert el("br", class_="x", hidden=True, open=False, id=None) == '<br class="x" hidden>'


def test_the_same_picture_is_held_once_and_large_ones_are_drawn_smaller():
    gallery = Gallery()
    first, again, other = (gallery.add(picture(shade)) for shade in (10, 10, 200))
    assert first == again != other
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 600, 3), np.uint8))
    file = io.BytesIO()
    noise.save(file, "PNG")
    large = gallery.add(file.getvalue())
    assert large is not None
    assert max(large.width, large.height) == LONGEST
    assert len(gallery.content[large.key]) < 2 * HEAVY < len(file.getvalue())


@pytest.mark.parametrize("content", [b"", None, b"GIF89a", b"<svg>", b"\xff\xd8\xff" + b"x" * 50])
def test_what_is_no_picture_is_not_held(content):
    gallery = Gallery()
    assert gallery.add(content) is None
    assert gallery.content == {}
    assert gallery.left_out == 0


def test_a_heatmap_is_strongest_where_the_model_looks_most():
    drawn = overlay(bytes([0, 0, 0, 255]), 2, 2)
    shown = np.asarray(Image.open(io.BytesIO(drawn.content)).convert("RGBA"))
    assert shown[-1, -1, 3] > 240 > 60 > shown[0, 0, 3]
    assert shown[-1, -1, 0] > shown[0, 0, 0]


@pytest.mark.parametrize(
    ("pixels", "height", "width"),
    [(None, 2, 2), (b"abc", 2, 2), (b"", 0, 0), (b"abcd", None, 2), (b"x" * 10**6, 1000, 1000)],
)
def test_a_heatmap_that_cannot_be_is_not_drawn(pixels, height, width):
    assert overlay(pixels, height, width) is None


def test_mean_maps_go_from_dark_to_light():
    drawn = mean_map(np.array([[0.0, 1.0]]))
    shown = np.asarray(Image.open(io.BytesIO(drawn.content)).convert("L"), dtype=int)
    assert shown[0, 0] < 40 < 200 < shown[0, -1]


def test_charts_say_in_words_what_they_show():
    assert 'aria-label="−0.5 (−0.9 to −0.1)"' in whisker(-0.5, -0.9, -0.1, (-1, 1))
    points = [
        Point(EVIL, 1.0, None, None, None, "baseline"),
        Point("v2", None, None, None, None, "missing"),
        Point("v3", 1.5, 1.4, 1.6, 1.1, "fail", here=True),
    ]
    found = Read(over_runs(points, EVIL))
    assert found.tags[0][1]["aria-label"] == EVIL
    assert [tag for tag, _ in found.tags].count("circle") == 3
    assert sum(attributes.get("class") == "limit" for _, attributes in found.tags) == 1
    assert "✕" in found.words


def test_the_spread_of_the_rest_is_that_of_all_less_the_members():
    rows = [
        {"concept_id": concept, "low": low, "high": low + 1.0, "n": n}
        for concept, counts in ((-1, (8, 4)), (1, (2, 2)))
        for low, n in zip((0.0, 1.0), counts, strict=True)
    ]
    found = spread(rows, 1)
    np.testing.assert_allclose(found.inside, [0.5, 0.5])
    np.testing.assert_allclose(found.rest, [0.75, 0.25])
    assert (found.low, found.high) == (0.0, 2.0)
    assert spread(rows, 2) is None
