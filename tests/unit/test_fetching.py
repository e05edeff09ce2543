"""Queues fetched for the page: what is wished is what comes, and what it promises is told."""

import re
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from aggressors.errors import RunCorrupt, UsageError
from aggressors.queries import fetching
from aggressors.queries.fetching import PILOT, Wish, examples, fetched, pilot, promised
from aggressors.queries.grammar import parse
from aggressors.stages.retrieve import STAGE
from aggressors.stages.tables import rows
from aggressors.store.publish import publish
from aggressors.store.read import open_run
from aggressors.store.schema import TABLES
from queried import queried
from told import run as run_stage
from told import told

DUSK = 1


@pytest.fixture(scope="module")
def planted():
    return told()


@pytest.fixture(scope="module")
def dusk(planted, tmp_path_factory):
    """A published run with the candidates of the stage, and the ids that are truly dusk."""
    folder = tmp_path_factory.mktemp("runs")
    tables = planted.tables | run_stage(STAGE, planted)
    info = queried(folder / "info").run.info
    known = {table.name for table in TABLES}
    tables = {name: table for name, table in tables.items() if name in known}
    aggressors = tables["aggressors"].to_pylist()
    tables["aggressors"] = rows(
        "aggressors", [one | {"action": "collect", "n_core": one["n"]} for one in aggressors]
    )
    path = publish(tables, info, planted.classes, folder)
    with open_run(path) as run:
        yield run, planted.truth["dusk"]


def ids(found):
    return found.found["sample_id"].to_pylist()


def precision(found, truth):
    return np.mean([sample_id in truth for sample_id in ids(found)])


def test_a_queue_has_its_budget_and_its_reasons(dusk):
    run, truth = dusk
    found = fetched(run, DUSK, Wish(budget=50))
    assert len(set(ids(found))) == 50
    assert found.found["rank"].to_pylist() == list(range(1, 51))
    assert precision(found, truth) > 0.9
    for reason in found.found["reason"].to_pylist():
        assert re.search(
            "near(er)? to (members|the rest).*; most like validation-.*; the model says", reason
        )
    assert found.available == 1_000
    assert 0 <= found.promise.low <= found.promise.expected <= found.promise.high <= 1


def test_equal_wishes_give_equal_queues(dusk):
    run, _ = dusk
    wish = Wish(budget=80, variety=0.7, even=True)
    first, second = (fetched(run, DUSK, wish) for _ in range(2))
    assert first.found.equals(second.found)
    assert first.promise == second.promise


def test_without_variety_the_likeliest_come_first(dusk):
    run, _ = dusk
    found = fetched(run, DUSK, Wish(budget=200, variety=0))
    chance = found.found["chance"].to_pylist()
    assert chance == sorted(chance, reverse=True)
    assert not any("variety" in reason for reason in found.found["reason"].to_pylist())


def test_variety_takes_samples_farther_apart_and_says_so(dusk):
    run, _ = dusk
    plain, varied = (fetched(run, DUSK, Wish(budget=30, variety=v)) for v in (0, 1))
    assert spacing(run, varied) > spacing(run, plain)
    new = set(ids(varied)) - set(ids(plain))
    assert new
    for row in varied.found.to_pylist():
        assert row["reason"].endswith("; chosen for variety") == (row["sample_id"] in new)


def spacing(run, found):
    """Mean distance of each in a queue to its nearest."""
    raw = dict(
        run.cursor().execute(
            "SELECT sample_id, position FROM candidates WHERE concept_id = 1"
        ).fetchall()
    )  # fmt: skip
    z = np.array([np.frombuffer(raw[each], "<f4") for each in ids(found)])
    gaps = np.linalg.norm(z[:, None] - z[None], axis=2) + 1e9 * np.eye(len(z))
    return gaps.min(axis=1).mean()


def test_even_takes_classes_in_turn(dusk):
    run, _ = dusk
    where = {row[0]: row[1] for row in run.cursor().execute(
        "SELECT sample_id, prediction::VARCHAR FROM samples"
    ).fetchall()}  # fmt: skip
    found = fetched(run, DUSK, Wish(budget=40, even=True, variety=0.5))
    plain = fetched(run, DUSK, Wish(budget=40, variety=0.5))
    counts, before = (
        np.unique([where[each] for each in ids(one)], return_counts=True)[1]
        for one in (found, plain)
    )
    assert counts.max() - counts.min() <= before.max() - before.min()
    assert len(counts) >= len(before)


def test_what_is_left_out_does_not_come(dusk):
    run, _ = dusk
    first = fetched(run, DUSK, Wish(budget=60))
    second = fetched(run, DUSK, Wish(budget=60, without=frozenset(ids(first))))
    assert not set(ids(first)) & set(ids(second))
    assert second.available == first.available - 60
    everything = frozenset(ids(fetched(run, DUSK, Wish(budget=1_000))))
    empty = fetched(run, DUSK, Wish(without=everything))
    assert (empty.found.num_rows, empty.available, empty.promise, empty.cutoff) == (0, 0, None, 0)


def test_the_filter_holds(dusk):
    run, _ = dusk
    told = dict(
        run.cursor().execute("SELECT sample_id, prediction::VARCHAR FROM samples").fetchall()
    )
    wanted = told[ids(fetched(run, DUSK))[0]]
    found = fetched(run, DUSK, Wish(filter=parse(f"prediction = {wanted}")))
    assert found.found.num_rows > 0
    assert {told[each] for each in ids(found)} == {wanted}


def test_more_like_these_not_like_those(dusk):
    """Of a mixed queue, picks of one kind bring more of it."""
    run, truth = dusk
    order = ids(fetched(run, DUSK, Wish(budget=1_000, variety=0)))
    late = order[60:]
    yes = tuple(each for each in late if each in truth)[:5]
    no = tuple(each for each in late if each not in truth)[:5]
    assert (len(yes), len(no)) == (5, 5)
    top = frozenset(order[:60])
    before = fetched(run, DUSK, Wish(budget=50, variety=0, without=top))
    after = fetched(run, DUSK, Wish(budget=50, variety=0, without=top, more_like=yes, less_like=no))
    assert precision(after, truth) >= precision(before, truth)
    assert not set(no) & set(ids(after))
    picked = fetched(run, DUSK, Wish(budget=50, without=top, more_like=yes))
    said = [row["reason"] for row in picked.found.to_pylist() if row["sample_id"] not in yes]
    assert any("which you picked" in reason for reason in said)


def test_examples_are_candidates_alone_in_their_order(dusk):
    run, _ = dusk
    first, second = ids(fetched(run, DUSK, Wish(budget=2)))
    assert examples(run, DUSK, (second, "nobody", first)) == (second, first)
    with pytest.raises(UsageError, match="is no candidate"):  # the engine refuses; pages pass over
        fetched(run, DUSK, Wish(more_like=("nobody",)))


def test_answers_move_the_promise_and_narrow_it(dusk):
    run, _ = dusk
    queue = ids(fetched(run, DUSK, Wish(budget=100)))
    first = pilot(run, DUSK, queue)
    assert len(first) == len(set(first)) == PILOT
    assert set(first) <= set(queue)
    before = promised(run, DUSK, queue)
    bad = promised(run, DUSK, queue, dict.fromkeys(first, False))
    good = promised(run, DUSK, queue, dict.fromkeys(first, True))
    assert bad.expected < before.expected
    assert bad.expected < 0.4 < good.expected
    assert good.high - good.low < 0.3
    assert (before.measured, bad.measured) == (0, PILOT)
    assert not bad.needs_pilot
    assert bad.why == ""


@pytest.mark.parametrize(
    ("chance", "failing", "asked", "mixed"),
    [(0.0, 1.0, False, False), (0.0, 0.3, False, False), (0.4, 1.0, True, False),
     (0.4, 0.3, True, True)],
)  # fmt: skip
def test_a_pilot_is_asked_for_where_the_share_is_in_doubt(dusk, chance, failing, asked, mixed):
    """A group of which few members fail is in more doubt; that alone asks for no pilot."""
    run, _ = dusk
    stock = fetching._stock(run, DUSK)
    stock = replace(stock, failing=failing, chance=np.full_like(stock.chance, chance))
    found = fetching._promise(run, stock, fetching._believed(stock, {}), np.arange(100))
    assert found.needs_pilot == asked == (found.high - found.low > fetching.WIDE)
    assert ("of it may be such samples" in found.why) == asked
    assert ("Only 30% of the aggressor's members fail" in found.why) == mixed


def test_what_was_answered_comes_no_more_and_still_measures(dusk):
    run, _ = dusk
    first = ids(fetched(run, DUSK, Wish(budget=20)))
    before = fetched(run, DUSK, Wish(budget=50))
    after = fetched(run, DUSK, Wish(budget=50), dict.fromkeys(first, False))
    assert not set(first) & set(ids(after))
    assert after.promise.measured == 20
    assert after.promise.expected < before.promise.expected


def test_all_answers_leave_nothing_to_expect(dusk):
    run, truth = dusk
    queue = ids(fetched(run, DUSK, Wish(budget=30)))
    told_all = promised(run, DUSK, queue, {each: each in truth for each in queue})
    share = np.mean([each in truth for each in queue])
    assert told_all.expected == told_all.low == told_all.high == pytest.approx(share)


def test_what_is_no_candidate_is_passed_over(dusk):
    run, _ = dusk
    assert promised(run, DUSK, ["nobody"]) is None
    assert promised(run, DUSK, []) is None
    assert pilot(run, DUSK, ["nobody"]) == []
    with pytest.raises(UsageError, match="'nobody' is no candidate"):
        fetched(run, DUSK, Wish(more_like=("nobody",)))


def test_the_cutoff_falls_as_the_precision_rises(dusk):
    run, _ = dusk
    cuts = [fetched(run, DUSK, Wish(at_least=share)).cutoff for share in (0.2, 0.5, 0.8, 0.99)]
    assert cuts == sorted(cuts, reverse=True)
    assert cuts[0] > 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"budget": 0}, "1 to 10,000"),
        ({"variety": 1.5}, "from 0 to 1"),
        ({"at_least": 0}, "above 0"),
        ({"more_like": ("a",), "less_like": ("a",)}, "'a' is picked both"),
    ],
)
def test_a_wish_out_of_range_is_refused(given, says):
    with pytest.raises(UsageError, match=says):
        Wish(**given)


def test_a_concept_without_candidates_gives_an_empty_queue(dusk):
    run, _ = dusk
    assert fetched(run, 77).found.num_rows == 0


@pytest.mark.parametrize("raw", [b"\x00\x00\x80", np.array([np.nan, 1], "<f4").tobytes()])
def test_a_damaged_position_is_named(tmp_path, raw):
    data = queried(tmp_path)
    path = data.run.path
    data.run.close()
    with duckdb.connect(str(path)) as db:
        db.execute("UPDATE candidates SET position = ? WHERE rank = 3", [raw])
    with open_run(path) as run, pytest.raises(RunCorrupt, match="Positions of candidates"):
        fetched(run, 1)


def test_candidates_without_a_position_keep_their_order(tmp_path):
    data = queried(tmp_path)
    path = data.run.path
    data.run.close()
    with duckdb.connect(str(path)) as db:
        db.execute("UPDATE candidates SET position = NULL")
    with open_run(path) as run:
        chance = fetched(run, 1, Wish(budget=10, variety=0)).found["chance"].to_pylist()
    assert chance == sorted(chance, reverse=True)
