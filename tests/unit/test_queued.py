"""Samples of a run on their way into a label queue, and out of it."""

import pytest

from aggressors.errors import UsageError
from aggressors.queries.grammar import parse
from aggressors.queries.listing import listing
from aggressors.queries.queued import held_here, picks
from aggressors.store.workspace import Workspace
from queried import queried


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


def ids(*places):
    return [f"unlabeled-{place:04d}" for place in places]


def test_candidates_are_described_in_the_order_given(data):
    # The candidates of concept 1, which has rank 1, are the unlabeled samples from the last one on.
    found = picks(data.run, ids(298, 299, 298, 230), rank=1).to_pylist()
    assert [row["sample_id"] for row in found] == ids(298, 299, 230)
    first = {
        "run_id": data.run.info.run_id, "aggressor": 1, "group": "group 1",
        "reason": "near the core", "priority": 0.5,
    }  # fmt: skip
    assert {key: found[0][key] for key in first} == first
    assert found[0]["expected"] == pytest.approx(1 - 2 / 40)
    assert found[0]["similarity"] == pytest.approx(2.8)
    nothing = {"similarity": None, "priority": None, "expected": None, "reason": None}
    assert {key: found[2][key] for key in nothing} == nothing  # not among its candidates
    assert found[2]["group"] == "group 1"


def test_samples_may_be_chosen_for_no_aggressor(data):
    (found,) = picks(data.run, ids(299)).to_pylist()
    assert (found["aggressor"], found["group"], found["expected"]) == (None, "", None)


@pytest.mark.parametrize(
    ("given", "rank", "says"),
    [
        (["unlabeled-0299", "gone"], 1, "no sample 'gone'"),
        (["train-0001"], 1, "has a label for sample 'train-0001'"),
        (["unlabeled-0299"], 9, "9"),
    ],
)
def test_what_cannot_be_queued_is_told(data, given, rank, says):
    with pytest.raises(UsageError, match=says):
        picks(data.run, given, rank)


def test_an_export_takes_what_the_run_has_in_the_order_of_the_queue(data):
    queue = ["of-another-run", *ids(299, 240, 297)]
    assert held_here(data.run, queue) == ids(299, 240, 297)
    assert held_here(data.run, queue, count=2) == ids(299, 240)
    of_one = held_here(data.run, queue, rank=1)  # its members and candidates
    member = set(data.frame["sample_id"].iloc[data.members[1]])
    assert of_one == [one for one in ids(299, 240, 297) if one != ids(240)[0] or one in member]
    dark = held_here(data.run, queue, filter=parse("brightness < 0.3"))
    bright = held_here(data.run, queue, filter=parse("not brightness < 0.3"))
    assert sorted(dark + bright) == sorted(ids(299, 240, 297))
    assert held_here(data.run, []) == []


def test_rows_of_a_queue_tell_for_which_aggressor_and_why(data, tmp_path):
    queue = Workspace.open(tmp_path, create=True).label_queue("dusk")
    queue.add(picks(data.run, ids(298, 299), rank=1))
    queue.add(picks(data.run, ids(230)))
    assert queue.of([*ids(230), "gone", *ids(299)])["sample_id"].to_pylist() == ids(230, 299)
    found = listing(data.run, "queue", queue=queue.of(ids(230, 299, 230))).to_pylist()
    assert [(row["rank"], row["sample_id"], row["aggressor"], row["reason"]) for row in found] == [
        (1, ids(230)[0], None, None),
        (2, ids(299)[0], 1, "near the core"),
    ]
    bare = listing(data.run, "queue", queue=ids(299))
    assert not {"aggressor", "reason"} & set(bare.column_names)
