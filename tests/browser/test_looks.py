"""Every page, light and dark, wide and narrow: no error, no stranger, and a picture of it."""

from __future__ import annotations

import pytest
from tests.browser.looking import RESULTS

pytestmark = pytest.mark.browser
PAGES = ("insights", "aggressor", "explore", "solve", "track", "runs")
HEIGHTS = {1440: 900, 1024: 768}


@pytest.mark.parametrize("width", HEIGHTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_whole(visit, scheme, width):
    window = visit(width=width, height=HEIGHTS[width], scheme=scheme)
    RESULTS.mkdir(exist_ok=True)
    for name in PAGES:
        window.open("" if name == "insights" else name)
        window.page.wait_for_timeout(400)
        window.check()
        wide = window.page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is wider than the window"
        background = window.page.locator("[data-testid=stApp]").evaluate(
            "one => getComputedStyle(one).backgroundColor"
        )
        assert (sum(map(int, background[4:-1].split(","))) < 200) == (scheme == "dark")
        window.page.screenshot(path=RESULTS / f"{name}-{scheme}-{width}.png")
