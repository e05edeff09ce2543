"""A small published run with every awkward thing in it, and the same rows as a pandas frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from aggressors.contracts import POPULATIONS, Filter, RunInfo, Settings
from aggressors.queries.columns import read
from aggressors.queries.names import resolve
from aggressors.queries.scope import fetch, scope
from aggressors.stages.tables import rows, table
from aggressors.stats.alignment import STAYS, Similarity
from aggressors.store.publish import publish
from aggressors.store.read import RunFile, open_run
from aggressors.store.schema import SCHEMA_VERSION

CLASSES = ("coat", "shirt", "wide boot")
SIZES = {"train": 60, "validation": 120, "test": 50, "unlabeled": 70}
ODD = 'odd "name", with = signs'
OPERATORS = ("op-1", "op-2", "7", "true", "=evil()")
CREATED = "2026-11-01T12:00:00+00:00"


@dataclass(frozen=True)
class Queried:
    """`frame` holds samples and metadata side by side; `members` row ids by concept."""

    run: RunFile
    frame: pd.DataFrame
    members: dict[int, np.ndarray]


def queried(
    folder: Path,
    *,
    seed: int = 0,
    run_id: str = "a" * 16,
    name: str = "v1",
    other: Mapping[str, Sequence[object]] | None = None,
    turn: Similarity = STAYS,
    prefix: str = "",
    reasons: Sequence[object] | None = None,
) -> Queried:
    """Publish the run into `folder` and open it.

    `other` are columns in the place of its own, `turn` moves its map, `prefix` its ids, `reasons`
    are those of each aggressor.
    """
    frame = _frame(np.random.default_rng(seed))
    for column, values in (other or {}).items():
        frame[column] = pd.Series(list(values), dtype=object)
    frame["map_x"], frame["map_y"] = turn.of(frame["map_x"], frame["map_y"])
    frame["sample_id"] = prefix + frame["sample_id"]
    members = {
        1: np.flatnonzero((frame["brightness"] < 0.3).to_numpy()),
        2: np.flatnonzero((frame["operator"] == "op-1").to_numpy()),
        5: np.flatnonzero((frame["row_id"] % 11 == 0).to_numpy()),
    }
    info = RunInfo(
        run_id, name, SCHEMA_VERSION, CREATED, "net", "m", "d", "classification", "cross-entropy",
        Settings(), 0, "0.1.0",
    )  # fmt: skip
    tables = _tables(frame, members)
    if reasons is not None:
        found = tables["aggressors"].to_pylist()
        told = [{**one, "reasons": json.dumps(list(reasons))} for one in found]
        tables["aggressors"] = rows("aggressors", told)
    path = publish(tables, info, CLASSES, folder)
    return Queried(open_run(path), frame, members)


def found_rows(run: RunFile, filter: Filter) -> tuple[list[int], list[int]]:
    """Row ids that a filter lets through, in order: as one SQL predicate, and from held arrays."""
    ids = "SELECT s.row_id FROM {source} WHERE {where} ORDER BY s.row_id"
    by_sql = fetch(run, ids, scope(run, filter))["row_id"]
    (held,) = read(run, filter, [resolve(run, "row_id")])
    return by_sql.to_pylist(), sorted(held.to_pylist())


def _frame(rng: np.random.Generator) -> pd.DataFrame:
    population = np.repeat(list(SIZES), list(SIZES.values()))
    n = len(population)
    labeled = population != "unlabeled"
    label = np.array(CLASSES, dtype=object)[rng.integers(0, 3, n)]
    prediction = np.where(rng.random(n) < 0.7, label, np.array(CLASSES)[rng.integers(0, 3, n)])
    # Rounded, so that equal losses occur.
    loss = np.round(rng.exponential(0.5, n), 2)
    brightness = np.round(rng.random(n), 3)
    brightness[rng.random(n) < 0.1] = np.nan
    operator = np.array(OPERATORS, dtype=object)[rng.integers(0, len(OPERATORS), n)]
    operator[rng.random(n) < 0.15] = None
    return pd.DataFrame(
        {
            "row_id": np.arange(n),
            "sample_id": [f"{name}-{place:04d}" for place, name in enumerate(population)],
            "population": population,
            "fold": np.where(
                population == "validation", np.where(np.arange(n) % 2, "confirm", "discover"), None
            ),
            "label": np.where(labeled, label, None),
            "prediction": prediction,
            "confidence": rng.random(n).astype(np.float32).astype(float),
            "loss": np.where(labeled, loss, np.nan),
            "weight": rng.choice([0.5, 1.0, 2.0], n),
            "group_id": np.where(
                np.arange(n) % 3 == 0, None, "g" + pd.Series(np.arange(n) // 4).astype(str)
            ),
            "map_x": rng.normal(0, 3, n).astype(np.float32).astype(float),
            "map_y": rng.normal(0, 3, n).astype(np.float32).astype(float),
            "brightness": brightness,
            "hour": rng.integers(0, 24, n).astype(float),
            "operator": operator,
            "note": np.where(
                np.arange(n) % 5 == 0,
                None,
                "Note 100% _of_ " + pd.Series(np.arange(n) % 9).astype(str),
            ),
            ODD: np.round(rng.normal(0, 1, n), 2),
        }
    ).astype({"label": object, "fold": object, "group_id": object, "note": object})


FIELDS = (
    ("brightness", "number", "", "built-in"),
    ("hour", "number", "h", "integration"),
    ("operator", "category", "", "integration"),
    ("note", "text", "", "table"),
    (ODD, "number", "", "table"),
)


def _tables(frame: pd.DataFrame, members: dict[int, np.ndarray]) -> dict[str, pa.Table]:
    def column(name: str) -> list[object]:
        return [None if pd.isna(value) else value for value in frame[name]]

    def measured(name: str) -> pa.Array | list[object]:
        # NaN stays NaN, as in a table of pandas that nobody cleaned.
        return pa.array(frame[name], from_pandas=False) if name == "hour" else column(name)

    ids = frame["sample_id"].to_numpy()
    samples = [
        "row_id",
        "sample_id",
        "population",
        "fold",
        "label",
        "prediction",
        "confidence",
        "loss",
        "weight",
        "group_id",
        "map_x",
        "map_y",
    ]
    unlabeled = np.flatnonzero((frame["population"] == "unlabeled").to_numpy())
    ranked = [1, 5, 2]
    judged = [_stats(frame, concept, rows_) for concept, rows_ in members.items()]
    return {
        "samples": table("samples", **{name: column(name) for name in samples}),
        "metadata": pa.table({"row_id": pa.array(frame["row_id"], pa.int64())}
                             | {name: measured(name) for name, *_ in FIELDS}),
        "metadata_fields": rows("metadata_fields", [
            {"field": name, "kind": kind, "unit": unit, "source": source,
             "missing": int(frame[name].isna().sum())}
            for name, kind, unit, source in FIELDS
        ]),
        "media": rows("media", [
            {"row_id": row, "sample_id": ids[row], "kind": "image", "uri": f"{ids[row]}.jpg",
             "thumbnail": b"\xff\xd8\xff" + ids[row].encode()}
            for row in range(0, len(ids), 1)
        ]),
        "metrics": rows("metrics", [{"row_id": 3, "metric": "margin", "value": 0.25}]),
        "search": rows("search", [{"n_discover": 60, "n_confirm": 60, "tested": 321}]),
        "concepts": rows("concepts", [
            {"concept_id": concept, "name": f"group {concept}", "level": 0,
             "rule": json.dumps({"filter": "brightness < 0.3", "precision": 1.0, "recall": 0.9,
                                 "found_by": "rules", "coherence": 0.68})}
            for concept in members
        ]),
        "assignments": rows("assignments", [
            {"concept_id": concept, "row_id": row, "sample_id": ids[row],
             "score": 0.5 + (row % 50) / 100}
            for concept, found in members.items() for row in found
        ]),
        "concept_stats": rows("concept_stats", judged),
        "aggressors": rows("aggressors", [
            {"concept_id": concept, "rank": rank, "name": f"group {concept}",
             "status": "tentative" if rank == 3 else "confirmed", "severity": 0.1, "impact": 0.2,
             "n": (n := int((frame["population"].iloc[members[concept]] == "validation").sum())),
             "n_known": n, "n_core": 3, "action": "collect",
             "reasons": json.dumps([{"action": "collect", "evidence": "share of training",
                                     "value": 0.01, "reference": 0.1, "weight": 0.7}])}
            for rank, concept in enumerate(ranked, start=1)
        ]),
        "correlations": rows("correlations", _correlations()),
        "representatives": rows("representatives", [
            {"concept_id": 1, "reason": reason, "rank": rank, "sample_id": ids[row], "alike": 3}
            for reason, chosen in (("central", members[1][:4][::-1]), ("worst", members[1][4:6]))
            for rank, row in enumerate(chosen, start=1)
        ]),
        "heatmaps": rows("heatmaps", [
            {"sample_id": ids[row], "method": "grad-cam", "of": of, "target": target, "height": 2,
             "width": 3, "scale": scale, "pixels": pixels}
            for row, of, target, scale, pixels in (
                (members[1][0], "prediction", "coat", 0.5, bytes(range(6))),
                (members[1][0], "label", "boot", 0.25, bytes(range(6, 12))),
                (members[1][1], "prediction", "coat", 0.5, bytes(range(6))),
            )
        ]),
        "explanation": rows("explanation", [
            {"method": "grad-cam", "layer": "features", "reason": None}
        ]),
        "mean_maps": rows("mean_maps", [
            {"concept_id": 1, "of": of, "method": "grad-cam", "target": "prediction", "n": 5,
             "height": 1, "width": 2, "scale": 1.0, "pixels": b"\x00\xff"}
            for of in ("rest", "core")
        ]),
        "attention": rows("attention", [
            {"concept_id": 1, "of": of, "measure": "border", "value": value, "low": value - 0.04,
             "high": value + 0.04, "n": 40, "reference": reference, "difference": difference,
             "difference_low": difference and difference - 0.05,
             "difference_high": difference and difference + 0.05}
            for of, value, reference, difference in (
                ("rest", 0.2, None, None),
                ("same_label_well_predicted", 0.18, None, None),
                ("members", 0.3, "same_label_well_predicted", 0.12),
                ("core", 0.37, "same_label_well_predicted", 0.19),
            )
        ]),
        "candidates": rows("candidates", [
            {"concept_id": 1, "sample_id": ids[row], "rank": rank, "similarity": 3.0 - rank / 10,
             "chance": 1 - rank / 40, "informative": rank / 40, "priority": 1 / rank,
             "position": np.array([rank, rank % 3], "<f4").tobytes(), "reason": "near the core"}
            for rank, row in enumerate(unlabeled[::-1][:30], start=1)
        ]),
        "suspects": rows("suspects", [
            {"concept_id": 2, "sample_id": ids[row], "rank": rank, "kind": "relabel",
             "suggested": "shirt", "reason": "=its neighbours are shirts"}
            for rank, row in enumerate(members[2][:3][::-1], start=1)
        ]),
        "yields": rows("yields", [
            {"concept_id": 1, "count": 10, "expected": 0.9, "low": 0.7, "high": 1.0}
        ]),
    }  # fmt: skip


def _stats(frame: pd.DataFrame, concept: int, found: np.ndarray) -> dict[str, object]:
    inside = np.zeros(len(frame), dtype=bool)
    inside[found] = True
    judged = (frame["fold"] == "confirm").to_numpy()
    loss = frame["loss"].to_numpy()
    mean, rest = loss[judged & inside].mean(), loss[judged & ~inside].mean()
    return {
        "concept_id": concept, "population": "validation", "fold": "confirm",
        "n": int((judged & inside).sum()), "mean_loss": mean, "rest_loss": rest,
        "gap": mean - rest, "gap_low": mean - rest - 0.1, "gap_high": mean - rest + 0.1,
        "p_value": 0.01, "q_value": 0.02, "severity": mean - rest - 0.1, "impact": 0.2,
    }  # fmt: skip


def _correlations() -> list[dict[str, object]]:
    found = [
        ("brightness", "all", -0.4), ("brightness", "label", -0.9), ("operator", "all", 0.5),
        ("operator", "label", 0.2), ("label", "all", 0.6),
    ]  # fmt: skip
    return [
        {
            "concept_id": 1, "field": field, "target": "membership", "stratum": stratum,
            "statistic": "rank-biserial", "effect": effect, "low": effect - 0.1,
            "high": effect + 0.1, "q_value": 0.001, "n": 100,
            "detail": json.dumps({"sentence": f"{field} differs"}),
        }
        for field, stratum, effect in found
    ]  # fmt: skip


assert tuple(SIZES) == POPULATIONS
