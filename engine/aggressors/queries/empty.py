"""Why a list of samples is empty, in a sentence that says what to do next."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from aggressors.contracts import EVERYTHING, Filter
from aggressors.queries.fetching import Wish, fetched
from aggressors.queries.grammar import format_filter
from aggressors.queries.listing import What, listed
from aggressors.queries.names import concepts_by_rank
from aggressors.queries.samples import concept_of_rank
from aggressors.words import counted

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

_NONE = {
    "candidates": "has no candidate: no unlabeled sample is like its members",
    "members": "has no member",
    "representatives": "has no representative",
    "suspects": "has no suspect: neither the labels nor the inputs of its members look wrong",
}


def no_candidate(
    run: RunFile, rank: int, scope: Filter = EVERYTHING, passed_over: Collection[str] = ()
) -> str:
    """Say why no candidate of an aggressor is left to queue.

    Parameters
    ----------
    scope : filter of the candidates.
    passed_over : sample ids that are in a label queue.

    Raises
    ------
    UsageError : no aggressor has this rank. FilterError : an unknown field.
    """
    concept = concept_of_rank(run, rank)
    inside = fetched(run, concept, Wish(filter=scope)).available
    if not inside:
        return no_row(run, "candidates", rank, scope)
    left = fetched(run, concept, Wish(filter=scope, without=frozenset(passed_over))).available
    if left:
        return ""
    through = "" if scope == EVERYTHING else " that the filter lets through"
    return (
        f"All {counted(inside, 'candidate')} of aggressor {rank}{through} stand in label queues "
        "already. Label those first, or take what another queue holds with --again."
    )


def no_row(run: RunFile, what: What, rank: int | None, filter: Filter = EVERYTHING) -> str:
    """Say why a list of a run has no sample; '' where it has one, or is not of the run alone.

    Raises
    ------
    UsageError : no aggressor has this rank. FilterError : an unknown field.
    """
    if what in ("queue", "marks") or len(listed(run, what, rank, filter)):
        return ""
    whole = len(listed(run, what, rank))
    if whole:
        return (
            f"The filter {format_filter(filter)} lets none of the {counted(whole, 'sample')} "
            "through. Leave it out, or write another one."
        )
    name = f"Run {run.info.name!r}"
    if what == "candidates" and not run.populations.get("unlabeled"):
        return (
            f"{name} has no unlabeled samples, of which candidates are chosen. Give it some: "
            "`unlabeled=` in the integration file, or `aggressors ingest --unlabeled FILE`."
        )
    if not concepts_by_rank(run):
        return f"{name} has no aggressor, and so nothing of one."
    if rank is None:
        return f"No aggressor of run {run.info.name!r} {_NONE[what]}."
    return f"Aggressor {rank} of run {run.info.name!r} {_NONE[what]}. Name another one."
