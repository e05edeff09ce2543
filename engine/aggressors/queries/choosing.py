"""The samples in scope that choose questions and cells, with their fields cut into parts.

Where the scope holds samples on which nothing has been sought (the confirm half), these are left
out, so that the test of a hypothesis may use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aggressors.contracts import Filter
from aggressors.queries.columns import FloatArray, most_frequent, numbers, scan
from aggressors.queries.grammar import both
from aggressors.queries.measured import Measured, one_in
from aggressors.queries.names import FieldRef, known_fields
from aggressors.queries.parts import (
    Part,
    category_parts,
    missing,
    number_parts,
    opposite,
    union,
)
from aggressors.queries.scope import fetch_rows, scope
from aggressors.queries.signals import signal_sql
from aggressors.stats.cuts import part_of, short_cuts
from aggressors.stats.error_tree import Coded, Node, Question

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST = 40_000  # samples that choose
LAID_ON = 10_000  # of them by which numbers are cut
UNSEEN = "s.fold IS DISTINCT FROM 'confirm'"
_COMPLETE = "SELECT count(*) = count(s.label) FROM {source} WHERE {where}"


@dataclass(frozen=True)
class Sample:
    """The n samples read, whose signal is known, with every field that may be asked for.

    Parameters
    ----------
    refs, columns : the label and metadata that are numbers or categories, in row order.
    signal, weight : (n,).
    wrong : (n,) 1 where the prediction is wrong, 0 where right, NaN where unknown.
    always_there : by name, whether no sample in scope lacks a value of a field.
    unseen : whether none of them is of the half that judges hypotheses.
    """

    refs: tuple[FieldRef, ...]
    columns: tuple[pa.ChunkedArray, ...]
    signal: FloatArray
    weight: FloatArray
    wrong: FloatArray
    always_there: Mapping[str, bool]
    unseen: bool

    def cut(self, most: int, *, bins: int, top: int) -> Chosen:
        """Cut the fields of at most `most` of the samples into parts.

        Parameters
        ----------
        bins, top : most parts of a number, and most categories; the others stand together.
        """
        step = -(-len(self.signal) // most) or 1
        coded, parts = [], []
        for ref, column in zip(self.refs, self.columns, strict=True):
            found = _cut(ref, column, bins, top, step)
            if found is not None:
                coded.append(found[0])
                parts.append(found[1])
        return Chosen(
            self.signal[::step], self.weight[::step], self.wrong[::step], coded, parts,
            self.always_there, self.unseen,
        )  # fmt: skip


def sampled(run: RunFile, filter: Filter) -> Sample:
    """Read at most about `MOST` samples of the scope, the same each time."""
    refs = [
        ref
        for ref in known_fields(run).values()
        if ref.kind in ("number", "category") and (ref.needs_metadata or ref.name == "label")
    ]
    signal = FieldRef("signal", "number", signal_sql(run))
    weight = FieldRef("weight", "number", "s.weight")
    wrong = "(s.label <> s.prediction)::DOUBLE" if run.classes else "NULL::DOUBLE"
    shown = [*refs, signal, weight, FieldRef("wrong", "number", wrong)]
    known = f"isfinite({signal.sql})"
    within = scope(run, filter, *shown)
    columns = scan(run, within, shown, one_in(run, filter, MOST, f"{UNSEEN} AND {known}"))
    unseen = len(columns[0]) > 0
    if not unseen:  # the scope lies in the half that judges
        columns = scan(run, within, shown, one_in(run, filter, MOST, known))
    there = {ref.name: ref.needs_metadata and not run.fields[ref.name].missing for ref in refs}
    there["label"] = bool(fetch_rows(run, _COMPLETE, scope(run, filter))[0][0])
    last = [numbers(column) for column in columns[-3:]]
    return Sample(tuple(refs), tuple(columns[:-3]), last[0], last[1], last[2], there, unseen)


@dataclass(frozen=True)
class Chosen:
    """Samples that choose, each field that parts them cut into parts, the missing one last."""

    signal: FloatArray
    weight: FloatArray
    wrong: FloatArray
    coded: list[Coded]
    parts: list[list[Part]]
    always_there: Mapping[str, bool]
    unseen: bool

    def fails(self, measured: Measured) -> FloatArray:
        """(n,) 1 where a sample fails, 0 where not, NaN where unknown."""
        if measured.failing == "wrong":
            return self.wrong
        bar = measured.params.get("bar", np.nan)
        beyond = self.signal > bar if "> $bar" in measured.fails else self.signal >= bar
        return np.where(np.isfinite(self.signal) & np.isfinite(bar), beyond, np.nan)

    def step(self, node: Node) -> Filter:
        """Filter that a node claims beyond its parent."""
        if node.question is None:
            return both()
        claim = self.claim(node.question)
        if node.holds:
            return claim
        name = self.parts[node.question.field][0].field
        return opposite(claim, always_there=self.always_there[name])

    def claim(self, question: Question) -> Filter:
        """Filter of the samples for which a question holds."""
        return union(self.parts[question.field], question.codes)


def _cut(
    ref: FieldRef, column: pa.ChunkedArray, bins: int, top: int, step: int
) -> tuple[Coded, list[Part]] | None:
    """Cut a field into parts, and code one sample in `step`; None where it parts none of them."""
    if ref.kind == "number":
        value = numbers(column)[::step]
        known = value[np.isfinite(value)]
        cuts = short_cuts(np.sort(known[:: len(known) // LAID_ON + 1]), bins)
        parts = number_parts(ref.name, cuts.tolist())
        code = part_of(value, cuts)
    else:
        code, names, _ = most_frequent(column, top)
        # Where a sample was read, it may have missed a rare category.
        code, parts = code[::step], category_parts(ref.name, names, more=True) if names else []
    k = len(parts)
    code = np.where(code < 0, k, code)
    if len(code) == 0 or (code == code[0]).all():
        return None
    return Coded(code, k, ref.kind == "number"), [*parts, missing(ref.name)]
