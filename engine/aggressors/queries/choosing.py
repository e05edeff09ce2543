"""The samples in scope that choose questions and cells, with their fields cut into parts.

Where the scope holds samples on which nothing has been sought (the confirm half), these are left
out, so that the test of a hypothesis may use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aggressors.contracts import Filter
from aggressors.queries.columns import Column, FloatArray, most_frequent, numbers, scan
from aggressors.queries.drawn import comparable, counted, drawn
from aggressors.queries.grammar import both
from aggressors.queries.masks import where
from aggressors.queries.measured import Measured, one_in
from aggressors.queries.names import FieldRef
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

MOST = 25_000  # samples that choose
FEWEST = 10_000  # of those that are drawn of every run; more are read where fewer are in scope
LAID_ON = 10_000  # samples by which numbers are cut
JUDGING = "s.fold IS NOT DISTINCT FROM 'confirm'"
_Read: TypeAlias = tuple[Sequence[Column], bool]  # and whether none of them judges
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
    columns: tuple[Column, ...]
    signal: FloatArray
    weight: FloatArray
    wrong: FloatArray
    always_there: Mapping[str, bool]
    unseen: bool

    def cut(self, *, bins: int, top: int) -> Chosen:
        """Cut the fields of the samples into parts.

        Parameters
        ----------
        bins, top : most parts of a number, and most categories; the others stand together.
        """
        coded, parts = [], []
        for ref, column in zip(self.refs, self.columns, strict=True):
            found = _cut(ref, column, bins, top)
            if found is not None:
                coded.append(found[0])
                parts.append(found[1])
        return Chosen(
            self.signal, self.weight, self.wrong, coded, parts, self.always_there, self.unseen
        )  # fmt: skip


def sampled(run: RunFile, filter: Filter) -> Sample:
    """Read at most about `MOST` samples of the scope, the same each time."""
    refs = [ref for ref in comparable(run) if ref.name != "prediction"]
    named = [*refs, *(ref for ref in counted(run) if ref.name != "row_id")]
    columns, unseen = _of_drawn(run, filter, named) or _of_all(run, filter, named)
    there = {ref.name: ref.needs_metadata and not run.fields[ref.name].missing for ref in refs}
    there["label"] = bool(fetch_rows(run, _COMPLETE, scope(run, filter))[0][0])
    last = [numbers(column) for column in columns[-3:]]
    return Sample(tuple(refs), tuple(columns[:-3]), last[0], last[1], last[2], there, unseen)


def _of_drawn(run: RunFile, filter: Filter, refs: Sequence[FieldRef]) -> _Read | None:
    """Take them from those that are drawn of every run; None where too few of these are in scope.

    Of a run that is drawn as a whole, no others could be read.
    """
    from_run = drawn(run)
    known = from_run.inside(run, filter) & np.isfinite(numbers(from_run.columns[signal_sql(run)]))
    judging = where(run, JUDGING)
    unseen = known if judging is None else known & ~judging[from_run.row]
    if not from_run.whole and unseen.sum() < FEWEST:
        return None
    of_unseen = bool(unseen.any())
    rows = np.flatnonzero(unseen if of_unseen else known)
    rows = rows[:: -(-len(rows) // MOST) or 1]
    return [from_run.take(ref, rows) for ref in refs], of_unseen


def _of_all(run: RunFile, filter: Filter, refs: Sequence[FieldRef]) -> _Read:
    """Read them from the file, where few are in scope."""
    known = f"isfinite({signal_sql(run)})"
    within = scope(run, filter, *refs)
    columns = scan(run, within, refs, one_in(run, filter, MOST, f"NOT ({JUDGING}) AND {known}"))
    if len(columns[0]):
        return columns, True
    # The scope lies in the half that judges.
    return scan(run, within, refs, one_in(run, filter, MOST, known)), False


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


def _cut(ref: FieldRef, column: Column, bins: int, top: int) -> tuple[Coded, list[Part]] | None:
    """Cut a field into parts, and code the samples; None where it parts none of them."""
    if ref.kind == "number":
        value = numbers(column)
        known = value[np.isfinite(value)]
        cuts = short_cuts(np.sort(known[:: len(known) // LAID_ON + 1]), bins)
        parts = number_parts(ref.name, cuts.tolist())
        code = part_of(value, cuts)
    else:
        code, names, _ = most_frequent(column, top)
        # Where a sample was read, it may have missed a rare category.
        parts = category_parts(ref.name, names, more=True) if names else []
    k = len(parts)
    code = np.where(code < 0, k, code)
    if len(code) == 0 or (code == code[0]).all():
        return None
    return Coded(code, k, ref.kind == "number"), [*parts, missing(ref.name)]
