"""What a method reports about a setting, and how it travels between two Pythons: one Parquet file.

Imports numpy and pyarrow only, so that a peer's environment needs nothing of ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

MOST_REPORTED = 20


@dataclass(frozen=True, eq=False)
class Group:
    """One reported group over the n samples of a setting.

    Parameters
    ----------
    member : (n,) bool.
    score : (n,) float64, higher for surer members; what it holds outside does not count.
    found : whether the method's own criterion calls it a finding; one on a null is an alarm.
    name : how the method describes it, empty where it does not.
    rule_precision, rule_recall : of that description for the members, NaN where there is none.
    """

    member: BoolArray
    score: FloatArray
    found: bool = True
    name: str = ""
    rule_precision: float = float("nan")
    rule_recall: float = float("nan")


Groups = list[Group]


@dataclass(frozen=True, eq=False)
class Report:
    """What one method says about one setting of n samples, best group first.

    Parameters
    ----------
    seconds : of processor time, imports and reading left out.
    peak_mib : most resident memory of the process so far.
    tested : how many proposals the method says it tested, 0 where it does not say.
    """

    groups: tuple[Group, ...]
    n: int
    seconds: float
    peak_mib: float
    tested: int = 0

    @property
    def alarm(self) -> bool:
        """Whether anything was found, by the method's own criterion."""
        return any(group.found for group in self.groups)


_GROUP = pa.struct(
    [
        ("rows", pa.list_(pa.int32())),
        ("score", pa.list_(pa.float32())),
        ("found", pa.bool_()),
        ("name", pa.string()),
        ("rule_precision", pa.float64()),
        ("rule_recall", pa.float64()),
    ]
)
_REPORTS = pa.schema(
    [
        ("setting", pa.string()),
        ("groups", pa.list_(_GROUP)),
        ("n", pa.int64()),
        ("seconds", pa.float64()),
        ("peak_mib", pa.float64()),
        ("tested", pa.int64()),
    ]
)


def write_reports(path: Path, names: Sequence[str], reports: Iterable[Report]) -> None:
    """Write the reports on the named settings, whole or not at all."""
    rows = [
        {
            "setting": name,
            "groups": [_stored(group) for group in report.groups],
            "n": report.n,
            "seconds": report.seconds,
            "peak_mib": report.peak_mib,
            "tested": report.tested,
        }
        for name, report in zip(names, reports, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    pq.write_table(pa.Table.from_pylist(rows, schema=_REPORTS), beside)
    beside.replace(path)


def read_reports(path: Path) -> dict[str, Report]:
    """Read what `write_reports` wrote, by setting."""
    return {row["setting"]: _restored(row) for row in pq.read_table(path).to_pylist()}


def _stored(group: Group) -> dict[str, object]:
    rows = np.flatnonzero(group.member)
    return {
        "rows": rows.astype(np.int32),
        "score": group.score[rows].astype(np.float32),
        "found": bool(group.found),
        "name": group.name,
        "rule_precision": group.rule_precision,
        "rule_recall": group.rule_recall,
    }


def _restored(row: dict) -> Report:
    groups = []
    for stored in row["groups"]:
        member, score = np.zeros(row["n"], dtype=bool), np.zeros(row["n"])
        member[stored["rows"]], score[stored["rows"]] = True, stored["score"]
        told = (stored[key] for key in ("found", "name", "rule_precision", "rule_recall"))
        groups.append(Group(member, score, *told))
    return Report(tuple(groups), row["n"], row["seconds"], row["peak_mib"], row["tested"])
