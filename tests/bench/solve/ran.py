"""A setting as the product sees it: a user's tables, read and searched by the engine's own stages.

Whichever engine Python imports runs. What it finds is kept on disk by the digest of the code that
searches; other stages run on `Ran.tables` as they are now.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggressors.collate import collate
from aggressors.contracts import Settings
from aggressors.sources.table import open_tables
from aggressors.stages.correlate import members_by_concept
from aggressors.stages.discover import OUTPUTS
from aggressors.stages.discover import run as discover
from aggressors.stages.protocol import Context
from bench.solve.model import answers_of
from bench.solve.setting import BoolArray, IntArray, Population, Setting

READ = ("train", "validation", "unlabeled")  # the populations that a user hands in
TEST = "test"  # what held out is called where it is handed in too
Tables = Mapping[str, pa.Table]


@dataclass(frozen=True, eq=False)
class Ran:
    """A searched setting; arrays of n samples are in the order of `tables["samples"]`.

    Attributes
    ----------
    tables : the work tables, and what `discover` adds.
    population : (n,) str.
    place : (n,) of each in its population of the setting.
    truth : (n,) bool, the planted slice.
    true : (n,) right labels, as places in `setting.names`.
    concept : of the aggressor that best matches the slice in validation; None where none is found.
    f1, precision, recall : of that match.
    """

    setting: Setting
    tables: Tables
    context: Context
    population: NDArray[np.str_]
    place: IntArray
    truth: BoolArray
    true: IntArray
    concept: int | None
    f1: float
    precision: float
    recall: float

    def __len__(self) -> int:
        return len(self.truth)

    def of(self, population: str) -> BoolArray:
        """(n,) bool, which samples are of a population."""
        return self.population == population

    def members(self, concept: int) -> BoolArray:
        """(n,) bool, the members of a concept in all populations."""
        inside = np.zeros(len(self), dtype=bool)
        inside[members_by_concept(self.tables)[concept]] = True
        return inside

    def only(self, concept: int) -> dict[str, pa.Table]:
        """Tables in which this aggressor is the only one: stages after discovery are quicker."""
        own = pc.equal(self.tables["aggressors"]["concept_id"], concept)
        return {**self.tables, "aggressors": self.tables["aggressors"].filter(own)}

    def known(self) -> dict[str, pa.Table]:
        """Tables in which the slice itself is the only aggressor, id 1, with its true members."""
        from aggressors.stages.tables import rows

        inside = np.flatnonzero(self.truth & ~self.of("unlabeled")).tolist()
        assigned = [{"concept_id": 1, "row_id": row, "score": 1.0} for row in inside]
        return {
            **self.tables,
            "concepts": rows("concepts", [{"concept_id": 1, "rule": "{}"}]),
            "assignments": rows("assignments", assigned),
            "aggressors": rows("aggressors", [{"concept_id": 1, "rank": 1}]),
        }


def run(setting: Setting, held_out: bool = False) -> Ran:
    """Train the model, hand its answers to the engine, and search; what is on disk is taken.

    With `held_out` that population is handed in as `test`: the engine says which of its samples
    are members, and takes nothing else from it.
    """
    parts = {name: setting.populations[name] for name in READ}
    if held_out:
        parts[TEST] = setting.populations["held_out"]
    tables, context = _read(setting, _tables(setting, parts))
    found = _found(setting, tables, context)
    population = np.array(tables["samples"]["population"].to_pylist())
    ids = tables["samples"]["sample_id"].to_pylist()
    place = np.array([int(each.rpartition("-")[2]) for each in ids])
    truth, true = np.zeros(len(ids), dtype=bool), np.zeros(len(ids), dtype=np.int64)
    for name, part in parts.items():
        own = population == name
        truth[own], true[own] = part.member[place[own]], part.true[place[own]]
    own = population == "validation"
    concept, f1, precision, recall = best_match(found, truth, own)
    return Ran(
        setting, {**tables, **found}, context, population, place, truth, true,
        concept, f1, precision, recall,
    )  # fmt: skip


def best_match(
    found: Tables, wanted: BoolArray, analysed: BoolArray
) -> tuple[int | None, float, float, float]:
    """Concept, F1, precision and recall of the aggressor that best matches the wanted samples.

    Confirmed ones come first; tentative ones are asked only where none is confirmed.
    """
    records = found["aggressors"].to_pylist()
    confirmed = [each for each in records if each["status"] == "confirmed"]
    members, n = members_by_concept(found), int((wanted & analysed).sum())
    best: tuple[int | None, float, float, float] = (None, 0.0, 0.0, 0.0)
    for record in sorted(confirmed or records, key=lambda each: each["rank"]):
        inside = np.zeros(len(wanted), dtype=bool)
        inside[members[record["concept_id"]]] = True
        inside &= analysed
        hits = int((inside & wanted).sum())
        precision, recall = hits / max(int(inside.sum()), 1), hits / max(n, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-12)
        if best[0] is None or f1 > best[1]:
            best = (record["concept_id"], f1, precision, recall)
    return best


@lru_cache(maxsize=1)
def search_digest() -> str:
    """Hash the source of every module of the engine that reading and searching import."""
    code = (
        "import sys, aggressors.sources.table, aggressors.collate, aggressors.stages.discover\n"
        "print(*sorted(m.__file__ for n, m in sys.modules.items()"
        " if n.split('.')[0] == 'aggressors' and m.__file__), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    text = b"\0".join(Path(file).read_bytes() for file in done.stdout.split())
    return sha256(text).hexdigest()[:12]


def _read(setting: Setting, given: Tables) -> tuple[dict[str, pa.Table], Context]:
    settings = Settings(seed=setting.seed)
    source = open_tables(given, classes=setting.names)
    shards = [
        (name, source.shard(name, 0, table.num_rows, settings, lambda count: None).tables)
        for name, table in given.items()
    ]
    return collate(shards, settings, source.task), Context(settings, source.classes, source.task)


def _tables(setting: Setting, parts: Mapping[str, Population]) -> dict[str, pa.Table]:
    """Build the tables that a user would hand in."""
    names = np.array(setting.names, dtype=object)
    tables = {}
    for name, part in parts.items():
        answers = answers_of(setting, "held_out" if name == TEST else name)
        columns: dict[str, object] = {
            "sample_id": [f"{name}-{place:05d}" for place in range(len(part))],
            "prediction": pa.array(names[answers.probabilities.argmax(axis=1)], pa.string()),
            "probabilities": _vectors(answers.probabilities),
            "embedding": _vectors(answers.embedding),
        }
        if name != "unlabeled":
            columns["label"] = pa.array(names[part.label], pa.string())
        columns |= {key: pa.array(column) for key, column in part.columns.items()}
        tables[name] = pa.table(columns)
    return tables


def _found(setting: Setting, tables: Tables, context: Context) -> dict[str, pa.Table]:
    tested = (np.array(tables["samples"]["population"].to_pylist()) == TEST).any()
    folder = setting.folder / f"found-{search_digest()}{'-test' if tested else ''}"
    if not folder.exists():
        found = discover(tables, context)
        partial = folder.with_name(f".{folder.name}.{os.getpid()}")
        partial.mkdir(parents=True, exist_ok=True)
        for name, table in found.items():
            pq.write_table(table, partial / f"{name}.parquet")
        partial.rename(folder)
    return {name: pq.read_table(folder / f"{name}.parquet") for name in OUTPUTS}


def _vectors(rows: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])
