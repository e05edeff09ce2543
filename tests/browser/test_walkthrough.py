"""The walkthrough of the guide, walked: each claim is on its page, and each picture is taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.browser.looking import choose_option, click_verdict, picture, query, table
from tests.browser.retelling import DOCS, Page, numbers

from aggressors.cli import cli

pytestmark = [pytest.mark.browser, pytest.mark.torch]
LARGEST = 200_000  # bytes of a picture


def typed(workspace: Path, *words: str, code: int = 0) -> str:
    """What a command prints, whose exit code has to be `code`."""
    done = CliRunner().invoke(cli, [*words, "--workspace", str(workspace)])
    assert done.exit_code == code, f"{words}: exit {done.exit_code}\n{done.stderr}"
    return done.stdout


def figure(page, name: str) -> str:
    """A large figure with what stands below it."""
    return page.locator(".figure", has_text=name).first.inner_text()


def test_the_walkthrough(demo_visit, demo):
    window, told = demo_visit(height=1400), Page("walkthrough.md")
    steps = (found, explained, tried, labeled, solved, broken, caught)
    taken = [path.name for step in steps for path in step(window, told, demo)]
    assert told.left() == [], "figures of the walkthrough that no step checks"
    assert taken == told.pictures


def test_its_pictures_are_there_and_small():
    for name in Page("walkthrough.md").pictures:
        assert (DOCS / "pictures" / name).stat().st_size < LARGEST, name


def found(window, told, demo):
    page = window.page
    window.open()
    choose_option(page, "run_picker", "v1 ·")
    window.settle()
    told.says("wrong on # %", figure(page, "Error"), "Error # %")
    told.says("of # photographs", figure(page, "Samples"), "Samples #", exactly=True)
    told.says("# groups of photographs were tested", page.inner_text("body"), "# groups tested")
    card = page.locator(".st-key-card").locator("xpath=ancestor::*[@data-testid='stColumn'][1]")
    told.says("Mean loss is # inside and # in the rest", card.inner_text())
    told.says("# % of all loss would vanish", card.inner_text())
    first = table(page, "Aggressors, ranked").locator("tr.pick .name").first
    assert first.inner_text() in told.code
    worst = page.get_by_role("grid", name="Its worst samples")
    yield picture(page, "walkthrough-1-found", card, worst)


def explained(window, told, demo):
    page = window.page
    page.locator(".st-key-travel_aggressor").get_by_role("button").click()
    page.wait_for_url("**/aggressor?*")
    window.settle()
    shared = table(page, "What the members share").inner_text()
    told.says(
        "Low brightness: # % of them lie below the cut, and # % of the rest",
        re.sub(r"(?<=below )[\d.]+", "the cut", shared),
        "low brightness # % of members below the cut, # % of the rest",
    )
    told.says(
        "# % of its attention is on the border of the picture; "
        "where it handles the same classes well, # % is",
        page.inner_text("body"),
        "Failing members: # % of the attention in the border, # % for the same labels",
    )
    yield picture(
        page, "walkthrough-2-explained", page.get_by_role("img", name="Difference, "), below=8
    )


def tried(window, told, demo):
    page = window.page
    page.get_by_role("button", name="Open Explore with this claim: low brightness").click()
    page.wait_for_url("**/explore?*")
    window.settle()
    for field in ("station", "hour"):
        choose_option(page, "hypothesis_hold", field)
        page.wait_for_url(f"**hold=*{field}*")
        window.settle()
    page.keyboard.press("Escape")
    card = page.locator(".st-key-hypothesis")
    assert "Supported" in card.inner_text()
    assert query(page.url)["f"] == "population = validation and brightness < 0.2"
    gaps = table(page, "Gap of the claim in each population").inner_text()
    told.says("still lose # more (# to #", gaps, "# (# – #) · judges")
    explains = table(page, "What the claim explains").inner_text()
    in_share = explains[explains.index("gap to others alike") :].split("\n", 1)[1]
    told.says("explains # % of the gap", in_share, "# %")
    yield picture(page, "walkthrough-3-tested", card)
    late = "test-hypothesis v1 --aggressor 1 --claim"
    assert typed(demo, *late.split(), "hour >= 17").startswith("Partly\n")
    page.locator(".st-key-hypothesis_keep button").click()
    page.get_by_label("Hypothesis", exact=True).fill("too dark")
    page.get_by_role("button", name="Keep it").click()
    card.get_by_text("Kept as too dark").wait_for()
    page.locator(".st-key-filters").get_by_text("Clear").click()
    window.settle()


def labeled(window, told, demo):
    page = window.page
    window.go("Solve")
    told.says(
        "# % of the training pictures are like these, and # % of what comes in now",
        page.inner_text("body"),
        "# % of train belongs to the group, # % of the population analysed",
    )
    page.get_by_role("tab", name="Label queue").click()
    window.settle()
    queued = figure(page, "Queued for it")
    told.says("fetched # unlabeled photographs", queued, "Queued for it #", exactly=True)
    assert "of 240" in figure(page, "Came back")
    such = figure(page, "Such samples")
    told.says("expected that # % would be such pictures", such, "expected # %")
    told.says("Of those that came back, # % are", such, "Such samples # %")
    told.says("closed by # %", figure(page, "Gap closed"), "Gap closed # %")
    assert "by v2" in figure(page, "Gap closed")
    rows = table(page, "Label queue").locator("tbody tr")
    yield picture(page, "walkthrough-4-labeled", rows.nth(2), below=0)


def solved(window, told, demo):
    page = window.page
    window.go("Track")
    click_verdict(page, "dusk", "v2", "pass")
    window.settle()
    page.locator(".st-key-turned_which").get_by_text("Fixed").click()
    page.wait_for_url("**turn=fixed**")
    window.settle()
    places = table(page, "Where the two runs differ")
    dusk = places.locator("tr.pick", has_text="dusk").first.inner_text()
    told.says(": # samples on which", dusk, "# samples")
    told.says("mean loss # → #", dusk, "# → #")
    told.says("# % of them wrong, # points", figure(page, "Error"), "Error # % ▼ −# points")
    turned = page.locator(".st-key-turned_which").inner_text()
    told.says("# photographs are fixed", turned, "Fixed #")
    told.says(", # broke", turned, "Broke #")
    tiles = page.get_by_role("grid", name="Fixed samples").locator(".tile")
    yield picture(page, "walkthrough-5-solved", tiles.nth(9), since=places, below=8)


def broken(window, told, demo):
    page = window.page
    window.go("Runs")
    runs = table(page, "Runs, newest first").locator("tr.pick")
    runs.first.click()
    window.settle()
    v3, v2 = (runs.nth(row).locator("td").all_inner_texts() for row in (0, 1))
    assert (v3[0][:2], v2[0][:2]) == ("v3", "v2")
    said = f"loss {v2[1]} → {v3[1]}, error {v2[3]} → {v3[3]}"
    told.says("Mean loss # → #, error # % → # %", said, "loss # → #, error # % → # %")
    before, after, *errors = numbers("loss # → #, error # % → # %", said)
    assert after <= before  # the mean is no worse
    assert errors[1] < errors[0]
    yield picture(page, "walkthrough-6-broken", page.locator(".st-key-figure_runs_loss"))


def caught(window, told, demo):
    page = window.page
    told.shows("aggressors check v3", typed(demo, "check", "v3", code=1))
    assert told.printed("echo $?") == "1\n"
    window.go("Track")
    assert "v3 fails 1 of 1 saved test" in page.locator(".st-key-track_bar").inner_text()
    yield picture(page, "walkthrough-7-caught", page.locator(".st-key-figure_test_gaps"), below=0)
    typed(demo, "compare", "v3")
    click_verdict(page, "dusk", "v3", "fail")
    window.settle()
    turned = page.locator(".st-key-turned_which").inner_text()
    told.says("# photographs were right under v2 and are wrong under v3", turned, "Broke #")
    mistake = table(page, "Mistakes made more or less often").locator(
        "tr", has_text="ankle boot › sneaker"
    )
    told.says("made more often by #", mistake.inner_text(), "sneaker #")
    hidden = "# groups are surely worse"
    told.says(hidden, page.inner_text("body"), f"yet {hidden}")
    tiles = page.get_by_role("grid", name="Broke samples").locator(".tile")
    yield picture(page, "walkthrough-8-broke", tiles.nth(14), below=8)
