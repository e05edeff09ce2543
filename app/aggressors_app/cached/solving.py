"""What to do about an aggressor, and what would come of it."""

from __future__ import annotations

import pyarrow as pa

from aggressors.queries import cards, fetching, handover
from aggressors.queries.fetching import Fetched, Wish
from aggressors.queries.grammar import parse
from aggressors.queries.handover import Advice
from aggressors_app.about import with_facts
from aggressors_app.cached.answers import prominent, yardsticks
from aggressors_app.cached.runs import remember, run_file

Answers = tuple[tuple[str, bool], ...]


@remember
def fetched(run_id: str, concept_id: int, wish: Wish, answers: Answers = ()) -> Fetched:
    """Choose candidates as wished; `answers` say of labeled ones whether they are such samples."""
    return fetching.fetched(run_file(run_id), concept_id, wish, dict(answers))


@remember
def examples(run_id: str, concept_id: int, sample_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Give those of some ids that are candidates of an aggressor."""
    return fetching.examples(run_file(run_id), concept_id, sample_ids)


@remember
def pilot(run_id: str, concept_id: int, sample_ids: tuple[str, ...]) -> list[str]:
    """Choose those of a queue to label first, so that they measure all of it."""
    return fetching.pilot(run_file(run_id), concept_id, sample_ids)


@remember
def ranked(run_id: str, concept_id: int) -> tuple[Advice, ...]:
    """Rank all actions, the first to take first."""
    return handover.ranked(run_file(run_id), concept_id)


@remember
def recording(run_id: str, concept_id: int) -> handover.Recording:
    """Say what to record in the field."""
    return handover.recording(run_file(run_id), concept_id)


@remember
def augmentation(run_id: str, concept_id: int) -> handover.Augmentation:
    """Say what to vary in training, with code for it."""
    return handover.augmentation(run_file(run_id), concept_id)


@remember
def review(run_id: str, concept_id: int, filter: str) -> handover.Review:
    """Compare mistakes, confidence and attention of the members with those of the rest."""
    return handover.review(run_file(run_id), concept_id, parse(filter))


@remember
def pictured(run_id: str, row_ids: tuple[int, ...]) -> pa.Table:
    """Give some samples with what stands on their cards, in this order."""
    run = run_file(run_id)
    found = cards.cards(run, pa.table({"row_id": pa.array(row_ids, pa.int64())}))
    return with_facts(run, found, prominent(run_id), lambda: yardsticks(run_id))


@remember
def thumbnails_of(run_id: str, sample_ids: tuple[str, ...]) -> dict[str, bytes | None]:
    """Give the pictures of some samples; None where there is none."""
    run = run_file(run_id)
    rows = list(cards.row_ids(run, list(sample_ids)).values())
    found = cards.cards(run, pa.table({"row_id": pa.array(rows, pa.int64())}))
    return dict(zip(found["sample_id"].to_pylist(), found["thumbnail"].to_pylist(), strict=True))
