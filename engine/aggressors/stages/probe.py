"""Stage `probe`: which transformation makes clean samples fail as the members of an aggressor do.

A few hundred clean samples are transformed in a few ways, and the model judges them again: a
transformation that an aggressor suffers from takes them where its members lie in the embedding, and
their loss with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aggressors.contracts import POPULATIONS
from aggressors.snippets import SWAP, TRANSFORMS
from aggressors.stages.correlate import members_by_concept
from aggressors.stages.frame import BoolArray, Frame, IntArray
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.whitened import by_hash
from aggressors.stats.diagnosis import Probe
from aggressors.stats.probing import Seen, Shifted, Way, probed

if TYPE_CHECKING:
    from torch import Tensor

    from aggressors.sources.torch_source import TorchSource

EACH = 48  # clean samples drawn for an aggressor, with its shares of labels
MOST = 400  # clean samples in all
LEAST = 16
SHARE = 0.5  # of the samples of the run: most that the model judges again
TOLD = 5  # transformations that are told of an aggressor
SCHEMA = pa.schema(
    [("concept_id", pa.int32()), ("transform", pa.string())]
    + [(name, pa.float64()) for name in ("strength", "moved", "low", "high", "alike")]
    + [("n", pa.int64())]
)


def probe(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Try transformations on clean samples; the table is empty without a model of images."""
    source = context.source
    if source is None or not tables["aggressors"].num_rows or "positions" not in tables:
        return {"probes": SCHEMA.empty_table()}
    frame = Frame.from_tables(tables, context)
    if frame.embedding is None:
        return {"probes": SCHEMA.empty_table()}
    members = _members(tables, len(frame))
    drawn = {concept: _clean(frame, member) for concept, member in members.items()}
    drawn = {concept: rows for concept, rows in drawn.items() if len(rows) >= LEAST}
    wanted = _within(frame, drawn)
    tried = _Tried.of(frame, tables, source, wanted)
    if tried is None:
        return {"probes": SCHEMA.empty_table()}
    records = []
    for name, strength in context.progress(_ways(), len(_ways()), "probe"):
        tried.change(name, strength)
    for concept, rows in drawn.items():
        rows = rows[np.isin(rows, wanted)]
        if len(rows) < LEAST:
            continue
        found = tried.told(members[concept], rows)
        records += [_record(concept, one) for one in found[:TOLD]]
    return {"probes": pa.Table.from_pylist(records, SCHEMA)}


def probes_of(table: pa.Table | None) -> dict[int, tuple[Probe, ...]]:
    """Read what was tried, by concept, the best first."""
    from aggressors.stats.intervals import Interval

    found: dict[int, tuple[Probe, ...]] = {}
    for row in table.to_pylist() if table is not None else ():
        moved = Interval(row["moved"], row["low"], row["high"])
        one = Probe(row["transform"], row["strength"], moved, row["alike"], row["n"])
        found[row["concept_id"]] = (*found.get(row["concept_id"], ()), one)
    return found


def _record(concept: int, one: Probe) -> dict[str, object]:
    return {
        "concept_id": concept, "transform": one.transform, "strength": one.strength,
        "moved": one.moved.value, "low": one.moved.low, "high": one.moved.high,
        "alike": one.alike, "n": one.n,
    }  # fmt: skip


def _ways() -> list[tuple[str, float]]:
    return [(name, strength) for name, one in TRANSFORMS.items() for strength in one.strengths]


def _members(tables: Tables, n: int) -> dict[int, BoolArray]:
    found = members_by_concept(tables)
    out = {}
    for row in tables["aggressors"].sort_by("rank").to_pylist():
        member = np.zeros(n, dtype=np.bool_)
        member[found[row["concept_id"]]] = True
        out[row["concept_id"]] = member
    return out


def _clean(frame: Frame, member: BoolArray) -> IntArray:
    """Analysed samples that the model handles well, as often of each label as the members are."""
    known = frame.analysed & np.isfinite(frame.loss)
    inside = member & known
    if not inside.any():
        return np.zeros(0, dtype=np.int64)
    good = known & ~member & (frame.loss <= np.median(frame.loss[known & ~member]))
    if frame.classes:
        good = known & ~member & (frame.label == frame.prediction)
    order = np.flatnonzero(good)
    order = order[by_hash(frame.sample_id[order])]
    if not frame.classes:
        return np.sort(order[:EACH])
    share = np.bincount(frame.label[inside], minlength=len(frame.classes)) / inside.sum()
    chosen = [
        order[frame.label[order] == code][: round(EACH * part)]
        for code, part in enumerate(share)
        if part > 0
    ]
    return np.sort(np.concatenate(chosen))


def _within(frame: Frame, drawn: dict[int, IntArray]) -> IntArray:
    """Rows to transform: no more than are allowed, those of the first aggressors first."""
    allowed = min(MOST, int(SHARE * len(frame) / (len(_ways()) + 1)))
    found: list[int] = []
    for rows in drawn.values():
        found += [row for row in rows.tolist() if row not in found]
    return np.sort(np.array(found[: max(allowed, EACH)], dtype=np.int64))


@dataclass(eq=False)
class _Tried:
    """The transformed samples `rows` (m,), and what the model made of them.

    `before` and each of `after` hold losses (m,) and positions (m, d) by transformation.
    """

    frame: Frame
    tables: Tables
    source: TorchSource
    rows: IntArray
    inputs: Tensor
    targets: Tensor
    before: Seen
    after: dict[Way, Seen]

    @classmethod
    def of(cls, frame: Frame, tables: Tables, source: TorchSource, rows: IntArray) -> _Tried | None:
        """Read the samples; None where there are too few, or they are no images."""
        if len(rows) < LEAST:
            return None
        inputs = source.inputs(_population(frame, rows), _positions(tables, rows))
        from aggressors.sources.changes import is_image

        if not is_image(inputs):
            return None
        targets = source.targets(_population(frame, rows), _positions(tables, rows))
        before = source.judged(inputs, targets, frame.settings.batch_size)
        return cls(frame, tables, source, rows, inputs, targets, before, {})

    def change(self, name: str, strength: float) -> None:
        """Transform all samples in one way."""
        from aggressors.sources.changes import Range, change

        within = Range.of(self.inputs)
        changed = change(name, self.inputs, strength, within)
        self.after[name, strength] = self._judged(changed, self.targets)

    def told(self, member: BoolArray, rows: IntArray) -> list[Probe]:
        """Tell what each way does to the clean `rows` of an aggressor, the best first."""
        at = np.searchsorted(self.rows, rows)
        inside = member & self.frame.analysed & np.isfinite(self.frame.loss)
        ways = {**{way: (loss[at], z[at]) for way, (loss, z) in self.after.items()},
                **dict(self._swapped(inside, rows, at))}  # fmt: skip
        assert self.frame.embedding is not None
        shifted = Shifted(
            self.before[0][at],
            self.before[1][at],
            self.frame.loss[inside],
            self.frame.embedding[inside],
            self.frame.embedding[self.frame.analysed].std(axis=0),
        )
        return probed(shifted, ways)

    def _swapped(
        self, inside: BoolArray, rows: IntArray, at: IntArray
    ) -> Iterator[tuple[Way, Seen]]:
        """Give each clean sample places of samples of the class that members are taken for."""
        from aggressors.sources.changes import Range, swap, swaps

        donors = self._donors(inside, rows)
        if donors is None:
            return
        within, own = Range.of(self.inputs), self.inputs[at]
        theirs = self.source.inputs(
            _population(self.frame, donors), _positions(self.tables, donors)
        )
        for name in swaps():
            changed = swap(name.removeprefix(SWAP), own, theirs, within)
            yield (name, 1.0), self._judged(changed, self.targets[at])

    def _donors(self, inside: BoolArray, rows: IntArray) -> IntArray | None:
        """Well handled analysed samples of the most frequent wrong answer, one for each row."""
        frame = self.frame
        wrong = inside & (frame.label != frame.prediction) & (frame.prediction >= 0)
        if not frame.classes or not wrong.any():
            return None
        named = int(np.bincount(frame.prediction[wrong]).argmax())
        good = np.flatnonzero(
            frame.analysed & ~inside & (frame.label == named) & (frame.prediction == named)
        )
        return np.resize(good[by_hash(frame.sample_id[good])], len(rows)) if len(good) else None

    def _judged(self, inputs: Tensor, targets: Tensor) -> Seen:
        return self.source.judged(inputs, targets, self.frame.settings.batch_size)


def _population(frame: Frame, rows: IntArray) -> str:
    return POPULATIONS[int(frame.population[rows[0]])]


def _positions(tables: Tables, rows: IntArray) -> list[int]:
    return list(tables["positions"]["position"].take(pa.array(rows)).to_pylist())


STAGE = Stage(
    name="probe",
    inputs=("samples", "metadata", "metadata_fields", "concepts", "assignments", "aggressors"),
    outputs=("probes",),
    run=probe,
    optional=("embeddings", "positions", "metrics"),
)
