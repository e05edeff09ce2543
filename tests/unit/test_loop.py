"""What came of a label queue: shares by hand, and who tells."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from aggressors.queries.fetching import promised
from aggressors.queries.grammar import parse
from aggressors.queries.loop import _under, loop, such
from aggressors.queries.queued import picks
from aggressors.store.label_queues import NOT_OF_GROUP, UNUSABLE
from aggressors.store.marks import Mark
from aggressors.store.workspace import Workspace
from queried import queried

CANDIDATES = [f"unlabeled-{place:04d}" for place in range(299, 269, -1)]  # of rank 1, in order


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


@pytest.fixture
def queue(tmp_path, data):
    found = Workspace.open(tmp_path, create=True).label_queue("dusk")
    found.add(picks(data.run, CANDIDATES, rank=1))
    return found


def test_the_labeler_is_believed_first(data, queue):
    queue.mark(CANDIDATES[:3], "rejected", why=NOT_OF_GROUP)
    queue.mark(CANDIDATES[3:4], "rejected", why=UNUSABLE)
    queue.mark(CANDIDATES[4:6], "labeled", labels="coat", of_group=[True, False])
    queue.mark(CANDIDATES[6:7], "labeled", labels="coat", of_group=True)
    marks = [
        Mark(CANDIDATES[6], "not-of-group", "group 1", "r", 1, "2026-01-01"),
        Mark(CANDIDATES[7], "not-of-group", "group 1", "r", 1, "2026-01-01"),  # did not come back
        Mark(CANDIDATES[5], "not-of-group", "another group", "r", 1, "2026-01-01"),
    ]
    found = such(queue.rows(), data.run, marks)
    assert found == {
        **dict.fromkeys(CANDIDATES[:3], (False, "labeler")),
        CANDIDATES[4]: (True, "labeler"),
        CANDIDATES[5]: (False, "labeler"),
        CANDIDATES[6]: (False, "labeler"),
    }


def test_the_rule_that_defines_a_group_tells_what_nobody_said(data, queue, monkeypatch):
    rule = parse("brightness < 0.3 and label in (coat, shirt)")
    monkeypatch.setattr("aggressors.queries.loop._rule", lambda run, concept: rule)
    labels = ["coat", "shirt", "wide boot"] * 10
    queue.mark(CANDIDATES, "labeled", labels=labels)
    frame = data.frame.set_index("sample_id")
    expected = {
        one: (bool(frame.loc[one, "brightness"] < 0.3) and label != "wide boot", "rule")
        for one, label in zip(CANDIDATES, labels, strict=True)
    }
    assert len({hit for hit, _ in expected.values()}) == 2
    assert such(queue.rows(), data.run) == expected


def test_only_a_rule_without_exceptions_defines_its_group(data, queue):
    # That of the planted run has recall 0.9, so that the engine's own word is all there is.
    queue.mark(CANDIDATES, "labeled", labels="coat")
    found = such(queue.rows(), data.run)
    members = set(data.frame["sample_id"].iloc[data.members[1]])
    assert found == {one: (one in members, "engine") for one in CANDIDATES}


def test_who_was_asked_and_kept_a_sample_said_yes(data, queue):
    queue.mark(CANDIDATES[:1], "rejected", why=NOT_OF_GROUP)
    queue.mark(CANDIDATES[1:4], "labeled", labels="coat")
    found = such(queue.rows(), data.run)
    assert [found[one] for one in CANDIDATES[:4]] == [(False, "labeler"), *[(True, "kept")] * 3]


@pytest.mark.parametrize(
    ("rule", "label", "left"),
    [
        ("label = coat", "coat", True),
        ("label = coat", "shirt", False),
        ("label != coat", "shirt", True),
        ("label in (coat, shirt)", "shirt", True),
        ("not label = coat", "coat", False),
        ("label = coat or label = shirt", "shirt", True),
        ("label is missing", "coat", False),
        ("label != coat", "coat", False),
    ],
)
def test_what_a_rule_says_of_the_label_is_decided(data, rule, label, left):
    from aggressors.queries.masks import rows

    decided = _under(parse(rule), label)
    assert (len(rows(data.run, decided)) > 0) is left


def test_a_queue_is_summed_up(data, queue):
    queue.mark(CANDIDATES[:2], "rejected", why=NOT_OF_GROUP)
    queue.mark(CANDIDATES[2:3], "rejected", why=UNUSABLE)
    queue.mark(CANDIDATES[3:10], "labeled", labels="coat", of_group=True)
    found = loop(queue.rows(), data.run)
    assert (found.total, found.done, found.elsewhere) == (30, 10, 0)
    (part,) = found.parts
    assert (part.aggressor, part.group, part.total) == (1, "group 1", 30)
    assert part.states == {"queued": 20, "exported": 0, "labeled": 7, "rejected": 3}
    came = part.came
    assert (came.n, came.such, came.unknown, came.told) == (9, 7, 1, {"labeler": 9})
    by_hand = binomtest(7, 9).proportion_ci(method="wilson")
    assert came.share is not None
    assert (came.share.value, came.share.low, came.share.high) == pytest.approx(
        (7 / 9, by_hand.low, by_hand.high)
    )
    ranks = np.array([1, 2, 4, 5, 6, 7, 8, 9, 10])  # the third tells nothing
    assert came.expected == pytest.approx((1 - ranks / 40).mean())
    assert part.answers == dict.fromkeys(CANDIDATES[:2], False) | dict.fromkeys(
        CANDIDATES[3:10], True
    )
    assert part.expected == promised(data.run, 1, CANDIDATES)
    assert part.now == promised(data.run, 1, CANDIDATES, part.answers)
    assert part.now != part.expected
    assert found.came == came


def test_the_pilot_is_spread_over_the_queue(data, queue):
    found = loop(queue.rows(), data.run).parts[0].pilot
    assert found is not None
    assert (len(set(found.sample_ids)), found.done, found.complete) == (20, 0, False)
    places = [CANDIDATES.index(one) for one in found.sample_ids]
    assert (min(places), max(places)) == (0, 29)
    queue.mark(found.sample_ids[:5], "rejected", why=NOT_OF_GROUP)
    queue.mark(found.sample_ids[5:], "labeled", labels="coat", of_group=True)
    found = loop(queue.rows(), data.run).parts[0].pilot
    assert found is not None
    assert found.complete
    assert (found.came.n, found.came.such) == (20, 15)


def test_an_empty_queue_and_one_of_no_aggressor(data, tmp_path):
    queue = Workspace.open(tmp_path, create=True).label_queue("mixed")
    empty = loop(queue.rows(), data.run)
    assert (empty.total, empty.parts, empty.came.share) == (0, (), None)
    queue.add(picks(data.run, CANDIDATES[:2]))
    queue.add(pa.table({"sample_id": ["x"], "run_id": ["another"], "aggressor": [7]}))
    queue.mark(["x", CANDIDATES[0]], "labeled", labels="coat")
    found = loop(queue.rows(), data.run)
    assert (found.total, found.done, found.elsewhere) == (3, 2, 1)
    (part,) = found.parts
    assert (part.aggressor, part.group, part.pilot, part.expected) == (None, "", None, None)
    assert (part.came.n, part.came.unknown) == (0, 1)  # such as what?


def test_a_rank_that_the_run_has_no_more_is_no_error(data, queue):
    run_id = data.run.info.run_id
    queue.add(pa.table({"sample_id": ["x"], "run_id": [run_id], "aggressor": [99]}))
    queue.mark(["x"], "labeled", labels="coat")
    part = loop(queue.rows(), data.run).parts[-1]
    assert (part.aggressor, part.group, part.total, part.expected) == (99, "", 1, None)
    assert (part.came.n, part.came.unknown) == (0, 1)
