"""What a filter says of one run, put into the words of another."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tests.app.worlds import turned_workspace

import aggressors as ag
from aggressors import carrying, hypothesis
from aggressors.carrying import Counterparts, Placed, between, carried, finder_on
from aggressors.cli import cli
from aggressors.errors import FilterError
from aggressors.queries.grammar import expand, format_filter, parse
from aggressors.queries.samples import count, samples_page
from aggressors.stats.alignment import STAYS, Similarity
from aggressors.store.hypotheses import save_hypothesis
from aggressors.store.kept_filters import read_filter, save_filter
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace

TURN = Similarity(0, -2, 2, 0, 10, 1)
TO = Counterparts(TURN, {1: 3, 2: 1}, {70: 8})


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("all", "all"),
        ("label = coat and loss > 1", "label = coat and loss > 1"),
        ("map in (0, 0, 1, 0, 1, 1)", "map in (10, 1, 10, 3, 8, 3)"),
        (
            "label = coat and not map in (0, 0, 1, 0, 1, 1) and loss > 1",
            "label = coat and not map in (10, 1, 10, 3, 8, 3) and loss > 1",
        ),
        ("aggressor = 1", "aggressor = 3"),
        ("not aggressor in (1, 2) or concept = 70", "not aggressor in (3, 1) or concept = 8"),
        ("map is missing", "map is missing"),
        ("aggressor is missing", "aggressor is missing"),
    ],
)
def test_places_are_moved_and_aggressors_follow_their_samples(here, there):
    assert carried(parse(here), TO) == (parse(there), ())
    own = here not in ("all", "label = coat and loss > 1")
    assert carrying.speaks_of_a_run(parse(here)) is own


@pytest.mark.parametrize(
    ("filter", "left"),
    [
        ("aggressor = 4", "aggressor = 4"),
        ("aggressor in (1, 4)", "aggressor in (1, 4)"),
        ("map_x < 3", "map_x < 3"),  # a turned map has other axes
        ("loss > 2 or aggressor = 4", "loss > 2 or aggressor = 4"),
    ],
)
def test_what_has_no_counterpart_is_left_out_whole(filter, left):
    whole = parse(f"label = coat and ({filter})")
    kept, gone = carried(whole, TO)
    assert format_filter(kept) == "label = coat"
    assert [format_filter(part) for part in gone] == [left]
    with pytest.raises(FilterError, match=r"on the run v1, which has no counterpart"):
        carrying.strictly(whole, TO, "v1")


def test_a_map_that_does_not_lie_on_the_other_carries_no_place():
    apart = between(Placed(STAYS, "a"), Placed(TURN, "b"))
    assert apart is None
    filter = parse("map in (0, 0, 1, 0, 1, 1) and label = coat")
    assert carried(filter, Counterparts(apart))[0] == parse("label = coat")
    assert between(Placed(TURN, "a"), Placed(TURN, "a")).point(3, 4) == pytest.approx((3, 4))
    assert between(Placed(STAYS, "a"), Placed(TURN, "a")).point(10, 1) == pytest.approx((0, 0))


# --- In a workspace ---


@pytest.fixture(scope="module")
def turned(tmp_path_factory) -> Workspace:
    """v1, and v2 with the same samples, a turned map, and its first two aggressors swapped."""
    return Workspace.open(turned_workspace(tmp_path_factory.mktemp("turned")))


def quarter(run) -> str:
    """The samples at the lower left of a map, as a region of it."""
    sql = "SELECT min(map_x) - 1, min(map_y) - 1, median(map_x), median(map_y) FROM samples"
    with run.asking() as cursor:
        x0, y0, x1, y1 = (round(value, 4) for value in cursor.execute(sql).fetchall()[0])
    return f"map in ({x0}, {y0}, {x1}, {y0}, {x1}, {y1}, {x0}, {y1})"


def ids(run, filter) -> set[str]:
    found = samples_page(run, filter, "row_id", False, 0, max(1, count(run, filter)))
    return set(found["sample_id"].to_pylist())


def test_a_saved_region_holds_the_same_samples_on_a_run_with_a_turned_map(turned):
    with open_run(turned.resolve("v1")) as one, open_run(turned.resolve("v2")) as two:
        region = quarter(one)
        seen = ids(one, parse(region))
        assert 200 < len(seen) < 2_000
        assert ids(two, parse(region)) != seen  # the same numbers mean another place there
        save_filter(turned, "corner", region, run_id="v1-0000")
        assert ids(one, parse(expand("@corner", finder_on(one, turned)))) == seen
        there = ids(two, parse(expand("@corner", finder_on(two, turned))))
        assert len(there ^ seen) <= 0.005 * len(seen)  # but for the last digit of a corner


def test_a_saved_aggressor_keeps_its_samples_and_plain_filters_stay(turned):
    with open_run(turned.resolve("v1")) as one, open_run(turned.resolve("v2")) as two:
        save_filter(turned, "the first", "aggressor = 1 and label != coat", run_id="v1-0000")
        save_filter(turned, "plain", "hour >= 17")
        assert expand("@the-first", finder_on(one, turned)) == "aggressor = 1 and label != coat"
        assert expand("@the-first", finder_on(two, turned)) == "aggressor = 2 and label != coat"
        assert expand("@plain", finder_on(two, turned)) == "hour >= 17"


def test_what_has_no_counterpart_is_refused_with_the_run_to_choose(turned):
    save_filter(turned, "ninth", "aggressor = 99", run_id="v1-0000")
    save_filter(turned, "gone", "aggressor = 1", run_id="v0-0000")
    with open_run(turned.resolve("v2")) as run:
        with pytest.raises(FilterError, match="Choose the run v1-0000 for it"):
            expand("@ninth", finder_on(run, turned))
        with pytest.raises(FilterError, match="@gone speaks of the run v0-0000, which is not in"):
            expand("@gone", finder_on(run, turned))


def test_python_the_command_line_and_saved_tests_read_it_so(turned, tmp_path):
    with open_run(turned.resolve("v1")) as one:
        region = quarter(one)
        seen = ids(one, parse(f"{region} and population = validation"))
    save_filter(turned, "at the left", region, run_id="v1-0000")
    with ag.open_run("v2", workspace=turned.root) as run:
        found = run.samples("@at-the-left and population = validation")["sample_id"].to_pylist()
    assert len(set(found) ^ seen) <= 0.01 * len(seen)
    out = tmp_path / "left.csv"
    called = CliRunner().invoke(
        cli,
        ["export", "v2", "--what", "samples", "--where", "@at-the-left and population = validation",
         "--format", "csv", "--out", str(out), "--workspace", str(turned.root)],
    )  # fmt: skip
    assert called.exit_code == 0, called.output
    assert len(out.read_text().splitlines()) == len(found) + 1


def test_a_hypothesis_about_a_region_is_judged_where_it_lies_now(turned):
    with open_run(turned.resolve("v1")) as one, open_run(turned.resolve("v2")) as two:
        kept = save_hypothesis(
            turned, title="corner", filter=quarter(one), run_id="v1-0000", aggressor=1
        )
        here, there = (hypothesis.on_run(kept, run, turned) for run in (one, two))
        assert here.judged is not None
        assert there.judged is not None
        apart = here.judged.tested.n_claim - there.judged.tested.n_claim
        assert abs(apart) <= 0.02 * here.judged.tested.n_claim


def test_a_filter_of_version_1_speaks_of_no_run(turned):
    made = save_filter(turned, "old one", "hour >= 3")
    path = turned.filters / f"{made.slug}.json"
    old = json.loads(path.read_text()) | {"schema_version": 1}
    del old["run_id"]
    path.write_text(json.dumps(old))
    assert read_filter(turned, made.slug) == made
