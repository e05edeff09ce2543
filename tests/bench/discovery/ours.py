"""The product as a user runs it: `aggressors ingest --validation`, up to its discovery.

Whichever engine Python imports is measured.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

import aggressors
from aggressors.collate import collate
from aggressors.contracts import Settings
from aggressors.sources.table import open_tables
from aggressors.stages.discover import run as discover
from aggressors.stages.protocol import Context
from bench.discovery.groups import MOST_REPORTED, Group, Report
from bench.discovery.measure import measured
from bench.discovery.setting import Setting

SEARCH = ("slicing", "stages", "stats", "sources", "collate.py", "contracts.py")


def find(setting: Setting, seed: int = 0) -> Report:
    """Confirmed aggressors in rank order, as the product's defaults give them."""
    table = table_of(setting)
    return measured(lambda: _found(table, setting.sample_ids, seed), len(setting))


def table_of(setting: Setting) -> pa.Table:
    """Build the table that a user would hand in."""
    columns: dict[str, object] = {
        "sample_id": pa.array(setting.sample_ids, pa.string()),
        "label": pa.array(setting.label, pa.string()),
        "prediction": pa.array(setting.prediction, pa.string()),
        "probabilities": _vectors(setting.probabilities),
        "loss": pa.array(setting.loss),
    }
    if setting.embedding is not None:
        columns["embedding"] = _vectors(setting.embedding)
    if setting.text is not None:
        columns["text"] = pa.array(setting.text, pa.string())
    for name, column in setting.metadata.items():
        columns[name] = pa.array(column, from_pandas=True)
    return pa.table(columns)


def digest() -> str:
    """Hash everything in the engine that shapes what discovery finds."""
    root = Path(aggressors.__file__).parent
    files = [file for part in SEARCH for file in _sources(root / part)]
    text = b"\0".join(str(file.relative_to(root)).encode() + file.read_bytes() for file in files)
    return sha256(text).hexdigest()[:12]


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _found(table: pa.Table, ids: tuple[str, ...], seed: int) -> tuple[list[Group], int]:
    settings = Settings(seed=seed)
    source = open_tables({"validation": table})
    shard = source.shard("validation", 0, table.num_rows, settings, lambda count: None)
    tables = collate([("validation", shard.tables)], settings, source.task)
    found = discover(tables, Context(settings, source.classes, source.task))
    return _groups(found, ids)


def _groups(found: dict[str, pa.Table], ids: tuple[str, ...]) -> tuple[list[Group], int]:
    """Confirmed aggressors over the rows of `ids`, and how many proposals were tested."""
    place = {sample_id: row for row, sample_id in enumerate(ids)}
    assigned = found["assignments"]
    rows = np.array([place[each] for each in assigned["sample_id"].to_pylist()], dtype=np.int64)
    concept, score = assigned["concept_id"].to_numpy(), assigned["score"].to_numpy()
    rules = {row["concept_id"]: json.loads(row["rule"]) for row in found["concepts"].to_pylist()}
    confirmed = [row for row in found["aggressors"].to_pylist() if row["status"] == "confirmed"]
    groups = []
    for row in sorted(confirmed, key=lambda row: row["rank"])[:MOST_REPORTED]:
        own, rule = concept == row["concept_id"], rules[row["concept_id"]]
        members, scores = np.zeros(len(ids), dtype=bool), np.zeros(len(ids))
        members[rows[own]], scores[rows[own]] = True, score[own]
        told = (_number(rule.get(key)) for key in ("precision", "recall"))
        groups.append(Group(members, scores, True, row["name"], *told))
    tested = max((rule.get("proposals_tested") or 0 for rule in rules.values()), default=0)
    return groups, tested


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _vectors(rows: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])
