"""Does a queue hold what it should, and does it promise what it holds?

`PYTHONPATH=tests:engine python -m bench.solve.retrieval --split reporting --seeds 1`: every planted
setting, with its members as discovery found them and as they are, at two rates of the slice among
the unlabeled. The stage `retrieve` runs, the run is published, and queues are fetched as the page
fetches them. What is done is kept on disk by the digest of the code; `--write` makes the report.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import aggressors
from aggressors.contracts import RunInfo, Settings
from aggressors.queries.fetching import PILOT, Wish, fetched, pilot, promised
from aggressors.stages.retrieve import retrieve
from aggressors.stages.tables import rows
from aggressors.store.publish import publish
from aggressors.store.read import RunFile, open_run
from aggressors.store.schema import SCHEMA_VERSION, TABLES
from bench.solve.ran import READ, Ran, _read, _tables, run
from bench.solve.setting import Setting, cells, make

RATES = (0.02, 0.005)
BUDGETS = (50, 100, 200)
PICKS, AMONG, TURNS = 5, 200, 3  # examples of either kind, from so many candidates; times tried
CODE = (
    "stages/pool.py",
    "stages/retrieve.py",
    "stages/whitened.py",
    "stats",
    "queries/fetching.py",
)
Tables = Mapping[str, pa.Table]
Bools = NDArray[np.bool_]


def judged(split: str, seed: int, planted: object) -> list[dict[str, object]]:
    """Judge the queues of one setting: a record for each rate and kind of members."""
    setting = make(split, seed, planted)  # type: ignore[arg-type]
    file = setting.folder / f"retrieval-{digest()}.json"
    if not file.exists():
        ran = run(setting)
        records = []
        for rate in RATES:
            records += _at_rate(ran, make(split, seed, setting.slice, rate))
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        partial.write_text(json.dumps(records))
        partial.rename(file)
    return json.loads(file.read_text())  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def digest() -> str:
    """Hash what decides about the figures."""
    home = Path(aggressors.__file__).parent
    files = [Path(__file__)]
    for name in CODE:
        files += sorted((home / name).glob("*.py")) if (home / name).is_dir() else [home / name]
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _at_rate(ran: Ran, setting: Setting) -> list[dict[str, object]]:
    """Judge found and true members, with the unlabeled of another setting of the same model."""
    parts = {name: setting.populations[name] for name in READ}
    tables, context = _read(setting, _tables(setting, parts))
    ids = np.array(tables["samples"]["sample_id"].to_pylist())
    row_of = {sample_id: row for row, sample_id in enumerate(ids.tolist())}
    unlabeled = setting.populations["unlabeled"].member
    truth = {f"unlabeled-{place:05d}" for place in np.flatnonzero(unlabeled)}
    own = np.array(ran.tables["samples"]["sample_id"].to_pylist())
    labeled = ~ran.of("unlabeled")
    kinds = {"true": own[ran.truth & labeled]}
    if ran.concept is not None:
        kinds["found"] = own[ran.members(ran.concept) & labeled]
    records = []
    for kind, members in kinds.items():
        at = np.array([row_of[sample_id] for sample_id in members.tolist()])
        given = {**tables, **_one(ran, ids, at, kind)}
        out = retrieve(given, context)
        with tempfile.TemporaryDirectory() as folder:
            path = publish(
                {name: each for name, each in {**given, **out}.items() if name in _known()},
                _info(), setting.names, Path(folder),
            )  # fmt: skip
            with open_run(path) as file:
                record = _judged(file, truth)
        record |= _peers(tables, ids, at, truth)
        records.append(
            {"slice": setting.slice.name, "kind": setting.slice.kind, "seed": setting.seed,
             "rate": setting.share, "members": kind, "f1": ran.f1, "precision": ran.precision,
             "recall": ran.recall, **record}
        )  # fmt: skip
    return records


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(table.name for table in TABLES)


def _one(
    ran: Ran, ids: NDArray[np.str_], member: NDArray[np.int64], kind: str
) -> dict[str, pa.Table]:
    """Tables in which a group is the only aggressor, id 1."""
    facts = {"n": len(member), "n_known": len(member), "n_core": len(member)}
    if kind == "found":
        records = ran.tables["aggressors"].filter(
            pc.equal(ran.tables["aggressors"]["concept_id"], ran.concept)
        )
        facts = {name: records[name][0].as_py() for name in facts}
    return {
        "concepts": rows("concepts", [{"concept_id": 1, "name": "g", "rule": "{}", "level": 0}]),
        "assignments": rows(
            "assignments",
            [
                {"concept_id": 1, "row_id": row, "sample_id": ids[row], "score": 1.0}
                for row in member.tolist()
            ],
        ),
        "aggressors": rows("aggressors", [
            {"concept_id": 1, "rank": 1, "name": "g", "status": "confirmed", "severity": 0.1,
             "impact": 0.1, "gap": 1.0, "gap_low": 0.9, "gap_high": 1.1, "q_value": 0.0,
             "action": "collect", "reasons": "[]", **facts}
        ]),
    }  # fmt: skip


def _info() -> RunInfo:
    return RunInfo(
        "bench", "bench", SCHEMA_VERSION, "2026-11-01T12:00:00+00:00", "m", "0", "0",
        "classification", "cross_entropy", Settings(), 0, "0",
    )  # fmt: skip


def _judged(file: RunFile, truth: set[str]) -> dict[str, object]:
    """Precision and promises of fetched queues, before and after a pilot, and of re-ranking."""
    record: dict[str, object] = {}
    for budget in BUDGETS:
        found = fetched(file, 1, Wish(budget=budget))
        queue = found.found["sample_id"].to_pylist()
        first = pilot(file, 1, queue, PILOT)
        told = {sample_id: sample_id in truth for sample_id in first}
        before, after = found.promise, promised(file, 1, queue, told)
        assert before is not None
        assert after is not None
        record[f"at_{budget}"] = {
            "share": float(np.mean([sample_id in truth for sample_id in queue])),
            "before": [before.expected, before.low, before.high],
            "after": [after.expected, after.low, after.high],
            "needs_pilot": before.needs_pilot,
        }
    stored = file.cursor().execute(
        "SELECT sample_id FROM candidates WHERE concept_id = 1 ORDER BY rank LIMIT 50"
    ).fetchall()  # fmt: skip
    record["stored_at_50"] = float(np.mean([row[0] in truth for row in stored]))
    record["picks"] = _picked(file, truth)
    return record


def _picked(file: RunFile, truth: set[str]) -> list[list[float]]:
    """Precision of the 50 likeliest that were not picked, before and after the picks."""
    order = fetched(file, 1, Wish(budget=1_000, variety=0)).found["sample_id"].to_pylist()
    hits = [sample_id for sample_id in order[:AMONG] if sample_id in truth]
    misses = [sample_id for sample_id in order[:AMONG] if sample_id not in truth]
    if min(len(hits), len(misses)) < PICKS:
        return []
    pairs = []
    for turn in range(TURNS):
        rng = np.random.default_rng(turn)
        more, less = (
            tuple(rng.choice(one, PICKS, replace=False).tolist()) for one in (hits, misses)
        )
        wish = {"budget": 50, "variety": 0.0, "without": frozenset(more + less)}
        shares = [
            float(
                np.mean([sample_id in truth for sample_id in each.found["sample_id"].to_pylist()])
            )
            for each in (
                fetched(file, 1, Wish(**wish)),
                fetched(file, 1, Wish(**wish, more_like=more, less_like=less)),
            )
        ]
        pairs.append(shares)
    return pairs


def _peers(
    tables: Tables, ids: NDArray[np.str_], member: NDArray[np.int64], truth: set[str]
) -> dict[str, float]:
    """Precision at 50 by cosine to the mean vector of the members: plain, and centred."""
    flat = tables["embeddings"]["vector"].combine_chunks().flatten().to_numpy()
    vectors = flat.reshape(len(ids), -1).astype(np.float64)
    population = np.array(tables["samples"]["population"].to_pylist())
    inside = member[population[member] == "validation"]
    pool = np.flatnonzero(population == "unlabeled")
    centre = vectors[population != "unlabeled"].mean(axis=0)
    found = {}
    for name, moved in (("cosine", vectors), ("cosine_centred", vectors - centre)):
        length = np.linalg.norm(moved, axis=1, keepdims=True)
        likeness = (moved / np.maximum(length, 1e-12))[pool] @ moved[inside].mean(axis=0)
        first = ids[pool[np.argsort(-likeness, kind="stable")[:50]]]
        found[name] = float(np.mean([sample_id in truth for sample_id in first.tolist()]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("developing", "reporting"), default="developing")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--part", default="0/1", help="which of how many, as 0/2")
    parser.add_argument("--write", action="store_true", help="the report, from what is done")
    given = parser.parse_args()
    own, of = (int(each) for each in given.part.split("/"))
    records = []
    for place, (split, seed, planted) in enumerate(cells(given.split, given.seeds)):
        if place % of == own:
            for record in judged(split, seed, planted):
                records.append(record)
                print(
                    f"{record['slice']}-{record['seed']} {record['members']} {record['rate']:g}:",
                    f"{record['at_50']['share']:.2f}",  # type: ignore[index]
                    f"cosine {record['cosine']:.2f}", flush=True,
                )  # fmt: skip
    if given.write:
        from bench.solve.retrieval_report import write

        write(records, given.split)


if __name__ == "__main__":
    main()
