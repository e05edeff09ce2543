"""Why a list is empty, told for each list that may be."""

import pytest

from aggressors.errors import UsageError
from aggressors.queries.empty import no_candidate, no_row
from aggressors.queries.fetching import fetched
from aggressors.queries.grammar import parse
from aggressors.queries.samples import concept_of_rank
from aggressors.store.read import open_run
from planted import tiny_run
from queried import queried


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


def test_what_is_there_needs_no_reason(run):
    assert no_candidate(run, 1) == ""
    for what in ("candidates", "members", "samples", "queue", "marks"):
        assert no_row(run, what, None) == ""


def test_a_filter_that_lets_nothing_through_is_named(run):
    nothing = parse("brightness > 99")
    told = no_candidate(run, 1, nothing)
    n = fetched(run, concept_of_rank(run, 1)).available
    assert told.startswith(f"The filter brightness > 99 lets none of the {n} samples through.")
    assert no_row(run, "samples", None, nothing).startswith("The filter brightness > 99 lets none")


def test_what_is_queued_already_is_told_with_its_scope(run):
    all_of_it = fetched(run, concept_of_rank(run, 1)).found["sample_id"].to_pylist()
    assert len(all_of_it) > 1
    assert no_candidate(run, 1, passed_over=all_of_it[1:]) == ""
    told = no_candidate(run, 1, passed_over=all_of_it)
    assert told.startswith(f"All {len(all_of_it)} candidates of aggressor 1 stand in label queues")
    told = no_candidate(run, 1, parse("brightness < 99"), all_of_it)
    assert "that the filter lets through stand in label queues" in told


def test_a_rank_that_is_none_is_refused(run):
    with pytest.raises(UsageError, match="no aggressor of rank 99"):
        no_candidate(run, 99)


def test_an_aggressor_without_is_told_apart_from_a_run_without(run, tmp_path):
    with open_run(tiny_run(tmp_path)) as tiny:
        assert "'tiny' has no unlabeled samples, of which" in no_row(tiny, "candidates", None)
        assert no_row(tiny, "members", None).startswith("Run 'tiny' has no aggressor")
    assert "Aggressor 2 of run 'v1' has no candidate: no unlabeled" in no_candidate(run, 2)
    assert "Aggressor 1 of run 'v1' has no suspect: neither" in no_row(run, "suspects", 1)
    assert "Aggressor 2 of run 'v1' has no representative." in no_row(run, "representatives", 2)
