"""Charts in a real browser: a click opens the samples behind a mark, and files are taken away."""

from __future__ import annotations

import csv
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.browser

COMPARE = "explore?f=population+%3D+validation&a=1&tab=compare"
PAPER = {"light": (252, 252, 254), "dark": (15, 16, 23)}
SVG = "{http://www.w3.org/2000/svg}"


def filter_of(page) -> str:
    return parse_qs(urlsplit(page.url).query)["f"][0]


def taken(page, figure: str, name: str) -> tuple[str, Path]:
    """Choose one line of a chart's menu; the name of the file and where it is."""
    if not page.get_by_role("button", name=name).count():
        page.locator(f".st-key-{figure}_take button").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return download.value.suggested_filename, Path(download.value.path())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_is_taken_away_as_data_and_as_pictures(visit, scheme):
    from PIL import Image

    window = visit(height=1200, scheme=scheme)
    page = window.page
    window.open(f"{COMPARE}&field=operator&second=hour")
    name, path = taken(page, "figure_against_loss_two", "Data (CSV)")
    assert name == "mean-loss-by-operator-and-hour.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    n = sum(int(row["n"]) for row in rows)
    operators = {row["operator value"] for row in rows} - {"(other)"}
    assert len(operators) >= 4
    assert all(name.startswith("op-") for name in operators)

    name, path = taken(page, "figure_against_loss_two", "Picture (SVG)")
    assert name.endswith(".svg")
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert "localhost" not in text  # neither links nor the address of the page
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert words[:2] == [
        f"Mean loss by operator and hour · {n:,} samples in the filter",
        "population = validation",
    ]
    assert operators <= {*words}
    assert "@font-face" in text

    name, path = taken(page, "figure_against_loss_two", "Picture (PNG)")
    assert name.endswith(".png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width > 1_000
        assert image.convert("RGB").getpixel((2, 2)) == PAPER[scheme]
        assert len(image.convert("RGB").getcolors(1 << 24)) > 50  # more than paper


def test_the_picture_of_an_svg_opens_by_itself(visit, browser, tmp_path):
    window = visit(height=1200)
    window.open(f"{COMPARE}&show=confusion")
    _, path = taken(window.page, "figure_confusion", "Picture (SVG)")
    copy = tmp_path / "matrix.svg"
    copy.write_bytes(path.read_bytes())
    page = browser.new_page()
    page.goto(copy.as_uri())
    assert page.locator("svg svg .mark-rect path").count() > 4
    page.close()


def test_a_picture_asked_for_too_early_waits_for_its_chart(visit):
    window = visit(height=1200)
    page = window.page
    window.open(f"{COMPARE}&show=confusion")
    chart = page.locator(".st-key-figure_confusion svg.marks").first
    chart.evaluate("svg => { window.late = svg; svg.classList.remove('marks') }")  # not painted yet
    page.locator(".st-key-figure_confusion_take button").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Picture (SVG)").click()
        page.get_by_text("Drawing …").wait_for()
        page.evaluate("window.late.classList.add('marks')")
    assert download.value.suggested_filename.endswith(".svg")


def test_the_map_is_taken_away_with_its_legend(visit):
    from PIL import Image

    window = visit(height=1200, scheme="dark")
    window.open("explore?f=population+%3D+validation&a=1&color=label")
    _, path = taken(window.page, "figure_map", "Picture (PNG)")
    with Image.open(path) as image:
        assert image.convert("RGB").getpixel((2, 2)) == PAPER["dark"]
        foot = image.convert("RGB").crop((0, image.height - 40, image.width // 2, image.height))
        assert len(foot.getcolors(1 << 24)) > 4
    _, path = taken(window.page, "figure_map", "Data (CSV)")
    with path.open(newline="", encoding="utf-8") as file:
        assert sum(int(row["n"]) for row in csv.DictReader(file)) > 800


@pytest.mark.parametrize(
    ("address", "figure", "mark", "claims"),
    [
        ("field=brightness", "against_loss", "point", ["brightness >="]),
        ("field=operator&second=label", "against_loss_two", "rect mark", ["operator =", "label ="]),
        ("show=inside&inside_field=operator", "inside", "bar", ["operator =", "aggressor = 1"]),
        ("show=datasets&datasets_field=station", "datasets", "bar", ["station =", "population ="]),
        ("show=confusion", "confusion", "rect mark", ["label =", "prediction ="]),
        ("show=calibration", "calibration", "point", ["confidence >="]),
        ("show=spread", "loss_spread", "bar", ["loss >="]),
    ],
)
def test_a_click_on_a_mark_opens_its_samples(visit, address, figure, mark, claims):
    window = visit(height=1200)
    page = window.page
    window.open(f"{COMPARE}&{address}")
    # Those of the counts at a chart's foot are no marks of their own.
    marks = page.locator(f".st-key-figure_{figure} svg.marks [aria-roledescription='{mark}']")
    before = filter_of(page)
    marks.first.click(force=True)
    page.wait_for_function(
        "before => new URLSearchParams(location.search).get('f') !== before", arg=before
    )
    window.settle()
    said = filter_of(page)
    for claim in claims:
        assert claim in said
    window.check()
