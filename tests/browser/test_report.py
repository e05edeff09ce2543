"""The page of a report in a real browser: nothing runs, it fits, and it prints."""

import pytest

from aggressors import gate
from aggressors.store.workspace import Workspace
from reported import EVIL, detailed, written
from versions import publish_tables, publish_version

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    place = Workspace.open(folder / "workspace", create=True)
    publish_tables(place, detailed(), EVIL, day=1, model_name=EVIL, run_id="evil-0000")
    publish_version(place, "v2", day=2, solved=("dusk",))
    gate.save_test(place, "evil-0000", aggressor=1, slug="dusk", title=EVIL, why=EVIL)
    written(place, "evil-0000", folder / "report.html")
    return (folder / "report.html").as_uri()


@pytest.fixture
def opened(browser, address):
    """Open a page at a width in a colour scheme; at the end nothing may have gone wrong."""
    pages, problems, asked = [], [], set()

    def new(width=1440, scheme="light", address=address):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"script: {error}"))
        page.on("request", lambda request: problems.append(request.url) if _outside(request) else 0)
        asked.add(address)
        page.goto(address)
        return page

    def _outside(request):
        return request.url.partition("#")[0] not in asked and not request.url.startswith("data:")

    yield new
    for page in pages:
        page.close()
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_text_is_shown_and_nothing_is_fetched_or_run(opened, scheme):
    page = opened(scheme=scheme)
    assert page.title() == f"{EVIL} · aggressors"
    assert page.locator("h1").inner_text() == EVIL
    assert page.locator("script").count() == 0


@pytest.mark.parametrize("width", [420, 1024, 1440])
def test_it_fits_the_window(opened, width):
    page = opened(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_link_of_the_table_leads_to_the_card_and_pictures_are_drawn(opened):
    page = opened()
    page.locator(".ranking tbody a").first.click()
    page.wait_for_function(
        "Math.abs(document.querySelector('#a1').getBoundingClientRect().top) < 60"
    )
    drawn = page.locator("#a1 svg.pic").first.bounding_box()
    assert drawn["width"] > 60
    assert drawn["width"] == pytest.approx(drawn["height"], abs=1)


def test_paper_is_light_and_shows_what_is_folded_away(opened):
    page = opened(scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    folded = page.locator("details h4").first
    assert not folded.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert dark != "rgb(255, 255, 255)"
    assert folded.bounding_box()["height"] > 5
    assert not page.locator("nav").is_visible()
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(25, 26, 44)"


def test_it_prints_a_page_for_each_aggressor_at_least(opened):
    pdf = opened().pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") >= 2


def test_a_whole_workspace_makes_a_page_that_can_be_sent(opened, workspace, tmp_path):
    out = tmp_path / "latest.html"
    written(Workspace.open(workspace), "latest", out)
    assert out.stat().st_size < 15_000_000
    page = opened(address=out.as_uri())
    listed = page.locator(".ranking tbody th a").count()
    assert page.locator("article").count() == listed >= 1
