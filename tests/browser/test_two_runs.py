"""Two runs side by side, on the real demo: three clicks to what a new model broke, and back."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from tests.browser.looking import choose_option, click_verdict, query, table

from aggressors.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.torch]


@pytest.fixture
def runs(demo):
    """Ids of the runs by name."""
    return {name: Workspace(demo).resolve(name).stem for name in ("v1", "v2", "v3")}


def samples(page, name: str) -> dict[str, list[str]]:
    """Samples of a grid by id: the label, the change, and what each run calls it."""
    tiles = page.get_by_role("grid", name=name).locator(".tile")
    tiles.first.wait_for()
    ids = [text.split(" · ")[0] for text in tiles.evaluate_all("all => all.map(one => one.title)")]
    return dict(zip(ids, (text.split("\n") for text in tiles.all_inner_texts()), strict=True))


def chosen(page) -> str:
    """What the place is called whose samples are shown."""
    places = table(page, "Where the two runs differ")
    return places.locator("tr[aria-selected=true]").locator(".name, .word").inner_text()


def test_three_clicks_lead_from_a_new_model_to_what_it_broke(demo_visit, demo, runs):
    window = demo_visit()
    page = window.page
    window.open(f"?run={runs['v3']}")
    window.go("Track")
    click_verdict(page, "dusk", "v3", "fail")
    window.settle()
    seen = query(page.url)
    assert (seen["run"], seen["against"]) == (runs["v3"], runs["v2"])
    assert seen["on"] == "test:dusk"
    broke = samples(page, "Broke samples")
    frozen = pq.read_table(demo / "tests" / "dusk.parquet")["sample_id"].to_pylist()
    assert broke.keys() <= set(frozen)
    for label, _, v2, v3 in broke.values():
        assert v2 == f"v2: {label}"
        assert v3.startswith("v3: ")
        assert v3 != f"v3: {label}"
    page.get_by_role("grid", name="Broke samples").locator(".tile").first.click()
    page.get_by_role("table", name="Facts of the sample").wait_for()
    assert query(page.url)["sample"] == next(iter(broke))


def test_another_run_a_group_and_what_was_fixed_stand_in_the_address(demo_visit, runs):
    window = demo_visit()
    page = window.page
    window.open(f"track?run={runs['v3']}")
    page.locator(".st-key-track_view").get_by_text("Two runs").click()
    page.wait_for_url("**view=runs**")
    window.settle()
    assert chosen(page).startswith("All 3,600")
    choose_option(page, "two_runs_against", "v1 ·")
    page.wait_for_url(f"**against={runs['v1']}**")
    window.settle()
    table(page, "Where the two runs differ").locator("tr.pick").last.click()
    page.wait_for_url("**on=**")
    window.settle()
    place, group = query(page.url)["on"], chosen(page)
    assert not place.startswith("test:")
    page.locator(".st-key-turned_which").get_by_text("Better").click()
    page.wait_for_url("**turn=better**")
    window.settle()
    better = samples(page, "Better samples")
    assert all(change.startswith("−") for _, change, *_ in better.values())

    # The address shows the same elsewhere, and Back takes one step at a time.
    other = demo_visit(scheme="dark")
    other.open(page.url.removeprefix(f"{window.server}/"))
    assert samples(other.page, "Better samples") == better
    assert chosen(other.page) == group
    for expected in ({"on": place}, {"against": runs["v1"]}, {"view": "runs"}):
        page.go_back()
        window.settle()
        seen = query(page.url)
        assert "turn" not in seen
        assert seen.items() >= expected.items()
    assert "against" not in seen
    assert chosen(page).startswith("All 3,600")
