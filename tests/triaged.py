"""Runs of one model after another with the aggressors that a test wants, for triage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aggressors.stages.tables import rows
from aggressors.store.workspace import Workspace
from versions import analysed, publish_tables, without


def validation_ids() -> list[str]:
    """Ids of the validation samples of every planted version, in the order of the run."""
    samples = analysed()[1]["samples"].to_pylist()
    return [one["sample_id"] for one in samples if one["population"] == "validation"]


def publish_groups(
    workspace: Workspace,
    name: str,
    groups: Sequence[Sequence[str]],
    *,
    day: int,
    drop: Sequence[str] = (),
    **info: str,
) -> Path:
    """Publish a version whose aggressors, by rank, are these groups of sample ids.

    drop : sample ids that the run lacks.
    """
    tables = dict(analysed()[1])
    if drop:
        tables = without(tables, set(drop))
    place = {one: at for at, one in enumerate(tables["samples"]["sample_id"].to_pylist())}
    tables["concepts"] = rows("concepts", [_concept(at) for at in range(1, len(groups) + 1)])
    tables["assignments"] = rows(
        "assignments",
        [
            {"concept_id": at, "row_id": place[one], "sample_id": one, "score": 0.9}
            for at, group in enumerate(groups, start=1)
            for one in group
        ],
    )
    judged = {"gap": 1.5, "gap_low": 1.2, "gap_high": 1.8, "q_value": 1e-6}
    where = {"population": "validation", "fold": "confirm"}
    tables["concept_stats"] = rows(
        "concept_stats",
        [{"concept_id": at, **where, **judged} for at in range(1, len(groups) + 1)],
    )
    tables["aggressors"] = rows(
        "aggressors", [_aggressor(at, len(group)) for at, group in enumerate(groups, start=1)]
    )
    return publish_tables(workspace, tables, name, day=day, **info)


def _concept(at: int) -> Mapping[str, object]:
    return {"concept_id": at, "name": f"group {at}", "rule": "{}", "level": 0}


def _aggressor(at: int, n: int) -> Mapping[str, object]:
    return {
        "concept_id": at, "rank": at, "name": f"group {at}", "status": "confirmed",
        "severity": 1.2, "impact": 0.1, "n": n, "n_known": n, "n_core": n // 2,
        "action": "collect", "reasons": "[]",
    }  # fmt: skip
