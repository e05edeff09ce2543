"""The product as a user runs it: `aggressors ingest --validation`, up to its discovery.

Whichever engine Python imports is measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from bench.discovery.measure import peak_mib, timed
from bench.discovery.rules import columns_of, counted
from bench.discovery.setting import Setting

SEARCH = ("slicing", "stages", "stats", "sources", "collate.py", "contracts.py")
HERE = Path(__file__).parent
Tables = Mapping[str, pa.Table]


def find(setting: Setting, seed: int = 0) -> Report:
    """Confirmed aggressors in rank order, as the product's defaults give them."""
    table = table_of(setting)
    (tables, found), seconds = timed(lambda: search(table, seed))
    groups = _groups(tables, found, setting.sample_ids)
    return Report(groups, len(setting), seconds, peak_mib(), _tested(found))


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


def search(table: pa.Table, seed: int) -> tuple[Tables, Tables]:
    """Read the table and run the discovery; the work tables, and what is found in them."""
    settings = Settings(seed=seed)
    source = open_tables({"validation": table})
    shard = source.shard("validation", 0, table.num_rows, settings, lambda count: None)
    tables = collate([("validation", shard.tables)], settings, source.task)
    return tables, discover(tables, Context(settings, source.classes, source.task))


def digest() -> str:
    """Hash everything in the engine that shapes what discovery finds, and how it is read here."""
    root = Path(aggressors.__file__).parent
    files = [file for part in SEARCH for file in _sources(root / part)]
    text = [str(file.relative_to(root)).encode() + file.read_bytes() for file in files]
    text += [(HERE / name).read_bytes() for name in ("ours.py", "rules.py")]
    return sha256(b"\0".join(text)).hexdigest()[:12]


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _groups(tables: Tables, found: Tables, ids: tuple[str, ...]) -> tuple[Group, ...]:
    """Confirmed aggressors over the rows of `ids`."""
    place = {sample_id: row for row, sample_id in enumerate(ids)}
    order = np.array([place[each] for each in tables["samples"]["sample_id"].to_pylist()])
    assigned, columns = found["assignments"], columns_of(tables)
    concept, row_id = assigned["concept_id"].to_numpy(), assigned["row_id"].to_numpy()
    score = assigned["score"].to_numpy()
    rules = {row["concept_id"]: json.loads(row["rule"]) for row in found["concepts"].to_pylist()}
    confirmed = [row for row in found["aggressors"].to_pylist() if row["status"] == "confirmed"]
    groups = []
    for row in sorted(confirmed, key=lambda row: row["rank"])[:MOST_REPORTED]:
        own = concept == row["concept_id"]
        inside, scores = np.zeros(len(ids), dtype=bool), np.zeros(len(ids))
        inside[row_id[own]] = True
        told = counted(rules[row["concept_id"]].get("filter"), inside, columns)
        member = np.zeros(len(ids), dtype=bool)
        member[order[row_id[own]]], scores[order[row_id[own]]] = True, score[own]
        groups.append(Group(member, scores, True, row["name"], *told))
    return tuple(groups)


def _tested(found: Tables) -> int:
    return int(found["search"]["tested"][0].as_py())


def _vectors(rows: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])
