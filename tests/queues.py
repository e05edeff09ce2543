"""Samples for label queues, and what stands in one."""

from __future__ import annotations

import pyarrow as pa

from aggressors.store.label_queues import LabelQueue


def chosen(*ids: str, rank: int = 1, group: str = "dusk", **more: object) -> pa.Table:
    n = len(ids)
    columns = {"sample_id": list(ids), "run_id": ["r1"] * n, "aggressor": [rank] * n}
    return pa.table(
        columns | {"group": [group] * n} | {key: [one] * n for key, one in more.items()}
    )


def ids(queue: LabelQueue, *states: str) -> list[str]:
    return queue.rows(*states)["sample_id"].to_pylist()


def states(queue: LabelQueue) -> dict[str, str]:
    rows = queue.rows()
    return dict(zip(rows["sample_id"].to_pylist(), rows["state"].to_pylist(), strict=True))
