"""The evidence about each planted slice, as discovered and with its true members."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import aggressors
from aggressors.contracts import Settings
from aggressors.stages.clues import Scene
from aggressors.stages.correlate import members_by_concept
from aggressors.stages.frame import Frame
from aggressors.stages.probe import STAGE as PROBE
from aggressors.stages.probe import probes_of
from aggressors.stages.protocol import Context
from aggressors.stages.tables import rows
from aggressors.stats.diagnosis import Evidence
from bench.solve.cases import Case, cache_folder, case
from bench.solve.causes import RIGHT

FOUND = 0.3  # F1 from which a slice counts as discovered
SHAPING = ("stages", "stats", "snippets.py", "sources/changes.py")


@dataclass(frozen=True, eq=False)
class Measured:
    """One planted slice: `f1` of the aggressor that is most like it, and the evidence of both.

    `found` is None where no aggressor is like it; `gap` is its gap in loss in validation.
    """

    seed: int
    split: str
    name: str
    kind: str
    recorded: bool
    n: int
    gap: float
    f1: float
    found: Evidence | None
    true: Evidence

    @property
    def right(self) -> str:
        return RIGHT[self.kind]


def measured(split: str, seed: int) -> list[Measured]:
    """Measure a case, or read what was measured by the same engine."""
    path = cache_folder() / f"{split}-measured" / f"{seed}-{_digest()}.pickle"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(_measure(case(split, seed)), protocol=5))
    return pickle.loads(path.read_bytes())


def best_match(one: Case, name: str) -> tuple[float, int]:
    """F1 over validation of the reported aggressor that is most like a slice, and its concept."""
    analysed = _analysed(one)
    truth = one.members[name] & analysed
    found = members_by_concept(one.tables)
    scores = []
    for row in one.tables["aggressors"].to_pylist():
        member = mask(found[row["concept_id"]], len(analysed)) & analysed
        f1 = 2 * (member & truth).sum() / max(member.sum() + truth.sum(), 1)
        scores.append((float(f1), int(row["concept_id"])))
    return max(scores, default=(0.0, -1))


def mask(at: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    member = np.zeros(n, dtype=bool)
    member[at] = True
    return member


def context_of(one: Case) -> Context:
    source = one.source()
    return Context(Settings(seed=one.seed), source.classes, source.task, source=source)


def _measure(one: Case) -> list[Measured]:
    context = context_of(one)
    frame = Frame.from_tables(one.tables, context)
    scene, found = Scene.of(frame), members_by_concept(one.tables)
    analysed = scene.analysed
    sought = {}  # concept by (slice, found or true)
    asked, assigned = [], []
    for place, name in enumerate(one.members):
        f1, concept = best_match(one, name)
        groups = {("true", name): np.flatnonzero(one.members[name])}
        if f1 >= FOUND:
            groups["found", name] = found[concept]
        for way, (key, at) in enumerate(groups.items()):
            sought[key] = 10 * place + way, at
            asked.append({"concept_id": 10 * place + way, "rank": len(asked) + 1})
            assigned += [{"concept_id": 10 * place + way, "row_id": row} for row in at.tolist()]
    concepts = [{"concept_id": row["concept_id"]} for row in asked]
    tables = {**one.tables, "aggressors": rows("aggressors", asked),
              "concepts": rows("concepts", concepts),
              "assignments": rows("assignments", assigned)}  # fmt: skip
    probes = probes_of(PROBE.run(tables, context)["probes"])
    out = []
    for name, kind in one.kinds.items():
        told = {
            way: replace(scene.evidence(mask(at, len(frame))), probes=probes.get(concept, ()),
                         impact=0.1)
            for (way, of), (concept, at) in sought.items()
            if of == name
        }  # fmt: skip
        inside = one.members[name] & analysed
        gap = frame.loss[inside].mean() - frame.loss[analysed & ~inside].mean()
        out.append(
            Measured(one.seed, one.split, name, kind, one.recorded, int(inside.sum()), float(gap),
                     best_match(one, name)[0], told.get("found"), told["true"])
        )  # fmt: skip
    return out


def _analysed(one: Case) -> NDArray[np.bool_]:
    return np.array(one.tables["samples"]["population"].to_pylist()) == "validation"


def _digest() -> str:
    root = Path(aggressors.__file__).parent
    skipped = {"recommend.py", "reasons.py", "winning.py", "told.py", "suspects.py", "saved.py",
               "noisy_labels.py", "kernel_ridge.py",
               "diagnose.py"}  # fmt: skip
    files = [file for part in SHAPING for file in sorted((root / part).rglob("*.py"))
             or [root / part]]  # fmt: skip
    text = b"\0".join(file.read_bytes() for file in files if file.name not in skipped)
    return sha256(text + Path(__file__).read_bytes()).hexdigest()[:10]
