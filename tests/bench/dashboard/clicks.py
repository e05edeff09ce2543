"""The interactions that analysts make most, in a real browser: from the click to the paint.

The page itself keeps the time: from the first pointer or wheel event to two frames after the last
run of the script that it set off has ended.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from interactions import at

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
# Tells the page of each message of the server. A quick run starts and ends between two frames, so
# that the app's own mark of a running script never shows it.
LISTEN = """
window.WebSocket = class extends window.WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", () => window.bench?.moved(true));
  }
};
"""
# `began` at the event, `done` two frames after the last message, or change of the page after one.
ARM = """() => {
  window.bench?.observer.disconnect();
  const bench = window.bench = {began: null, answered: false, done: null};
  const begin = () => { bench.began ??= performance.now(); };
  for (const kind of ["pointerup", "wheel", "keydown"])
    document.addEventListener(kind, begin, {capture: true, once: true});
  bench.moved = (answer) => {
    if (bench.began === null || !(answer || bench.answered)) return;
    bench.answered = true;
    requestAnimationFrame(() => requestAnimationFrame(() => { bench.done = performance.now(); }));
  };
  bench.observer = new MutationObserver(() => bench.moved(false));
  bench.observer.observe(document.body, {attributes: true, childList: true, subtree: true});
}"""
DONE = """() => bench.done && performance.now() - bench.done > 400 &&
  document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]") !== null"""
TAKEN = "() => bench.done - bench.began"

Act = Callable[[], object]


class Analyst:
    """One tab of the dashboard, whose bytes are counted."""

    def __init__(self, page: Any, address: str, run: str) -> None:
        self.page, self.received = page, 0
        self.home = f"{address}/explore?run={run}&f=population+%3D+validation"
        self.rng = np.random.default_rng(11)
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        page.goto(self.home)
        page.wait_for_selector(SETTLED)
        page.wait_for_timeout(3000)

    def _count(self, frame: bytes | str) -> None:
        self.received += len(frame)

    def timed(self, act: Act) -> tuple[float, float]:
        """Milliseconds from an act to its painted answer, and kilobytes that came."""
        before = self.received
        self.page.evaluate(ARM)
        act()
        until = time.monotonic() + 30
        while not self.page.evaluate(DONE):
            if time.monotonic() > until:
                raise TimeoutError(
                    f"nothing was painted after {act}: {self.page.evaluate('() => bench')}"
                )
            self.page.wait_for_timeout(20)
        return float(self.page.evaluate(TAKEN)), (self.received - before) / 1024

    # --- What is done, in this order, each round ---

    def acts(self) -> Iterator[tuple[str, Act]]:
        """Name each interaction with what does it."""
        filters = self.page.locator(".st-key-filters")
        yield "map: zoom with the wheel", self._zoom
        yield "map: lasso", self._lasso
        yield "filter: clear", lambda: filters.get_by_text("Clear").click()
        for name in ("test", "validation"):
            yield (
                "filter: population",
                lambda name=name: filters.get_by_text(name, exact=True).click(),
            )
        yield "explore: Compare", lambda: self._tab("Compare")
        yield "explore: Map", lambda: self._tab("Map")
        yield "samples: next page", self._next_page
        yield "go to Aggressor", lambda: self._step("Aggressor")
        yield "go to Solve", lambda: self._step("Solve")
        yield "solve: another budget", self._budget
        yield "solve: choose a candidate", self._candidate
        yield "solve: more like this", self._more_like
        yield "go to Insights", lambda: self._step("Insights")
        yield "choose an aggressor", self._choose
        yield "go to Explore", lambda: self._step("Explore")

    def _canvas(self) -> tuple[float, float, float]:
        canvas = self.page.locator("canvas[role=img]").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["height"]

    def _zoom(self) -> None:
        x, y, size = self._canvas()
        dx, dy = self.rng.uniform(-0.2, 0.2, 2) * size
        self.page.mouse.move(x + dx, y + dy)
        # Beyond all of it there is no way out.
        self.page.mouse.wheel(0, 240 if "view=" in self.page.url else -240)

    def _lasso(self) -> None:
        x, y, size = self._canvas()
        radius = size * float(self.rng.uniform(0.2, 0.45))
        self.page.mouse.move(x + radius, y)
        self.page.mouse.down()
        for step in range(40):
            angle = 2 * math.pi * step / 40
            self.page.mouse.move(x + radius * math.cos(angle), y + radius * math.sin(angle))
        self.page.mouse.up()

    def _tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def _step(self, name: str) -> None:
        self.page.get_by_role("link", name=name).first.click()

    def _next_page(self) -> None:
        self.page.get_by_role("button", name="Next page").last.click()

    def _budget(self) -> None:
        number = self.page.get_by_label("Samples to label")
        number.fill(str(self.rng.integers(20, 1_000)))
        number.press("Enter")

    def _candidate(self) -> None:
        tiles = self.page.get_by_role("grid", name="Candidates").locator(".tile")
        tiles.nth(int(self.rng.integers(8))).click()

    def _more_like(self) -> None:
        self.page.get_by_role("button", name="More like this").click()

    def _choose(self) -> None:
        rows = self.page.get_by_role("grid", name="Aggressors, ranked").locator("tr.pick")
        chosen = self.page.locator("tr.pick[aria-selected=true]")
        name = chosen.first.inner_text() if chosen.count() else ""
        texts = rows.all_inner_texts()
        rows.nth(next((at for at, text in enumerate(texts) if text != name), 0)).click()


def measure(address: str, run: str, rounds: int) -> dict[str, Any]:
    """p50 and p95 of each interaction, after one round that warms both sides."""
    from chromium import FLAGS, find_browser
    from playwright.sync_api import sync_playwright

    taken: dict[str, list[tuple[float, float]]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 1200})
        context.add_init_script(LISTEN)
        page = context.new_page()
        analyst = Analyst(page, address, run)
        for number in range(rounds + 1):
            for name, act in analyst.acts():
                found = analyst.timed(act)
                if number:
                    taken.setdefault(name, []).append(found)
        browser.close()
    return {
        name: {
            "n": len(found),
            "p50_ms": round(at([ms for ms, _ in found], 0.5)),
            "p95_ms": round(at([ms for ms, _ in found], 0.95)),
            "most_kb": round(max(kb for _, kb in found), 1),
        }
        for name, found in taken.items()
    }
