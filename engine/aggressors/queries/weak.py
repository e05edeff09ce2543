"""How each cell of one or two fields does: a grid laid over the samples in scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aggressors.contracts import Filter
from aggressors.errors import FilterError, UsageError
from aggressors.queries.columns import numbers, read
from aggressors.queries.fields import values
from aggressors.queries.grammar import both
from aggressors.queries.measured import (
    Axis,
    Failing,
    Figures,
    Measured,
    centre_of,
    figures_of,
    one_in,
    whole_of,
)
from aggressors.queries.names import FieldRef, categories, resolve_value
from aggressors.queries.parts import Part, category_parts, missing, number_parts
from aggressors.queries.signals import signal_sql
from aggressors.stats.cells import Cells
from aggressors.stats.cuts import short_cuts

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST_COUNTED = 300  # values of an ENUM that are counted one by one
LAID_ON = 20_000  # samples on which numbers are cut; all samples are then counted


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: the place of its part on each field, its figures, and the filter that holds it."""

    places: tuple[int, ...]
    figures: Figures
    claim: Filter


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of one or two fields; empty ones are left out.

    Parameters
    ----------
    fields : names of the fields.
    parts : the parts of each.
    cells : those that hold a sample.
    whole : figures of all samples in scope.
    fewest : samples with a known signal from which on a cell can be judged.
    failing : what fails: a wrong prediction, or a signal beyond that of most samples.
    """

    fields: tuple[str, ...]
    parts: tuple[tuple[Part, ...], ...]
    cells: tuple[Cell, ...]
    whole: Figures
    fewest: int
    failing: Failing


def grid(
    run: RunFile, filter: Filter, fields: Sequence[str], *, bins: int = 8, top: int = 10
) -> Grid:
    """Divide the samples in scope by one or two fields.

    Parameters
    ----------
    fields : one or two numbers or categories.
    bins : most parts of a number, of about the same size.
    top : most categories, the most frequent; the others stand together. No value is a part too.

    Raises
    ------
    FilterError : an unknown field, or one that is neither number nor category.
    UsageError : not one or two fields, or the same twice.
    """
    if not 1 <= len(fields) <= 2 or len(set(fields)) < len(fields):
        raise UsageError(f"A grid takes one field or two different ones; got {list(fields)}.")
    refs = [_divisible(run, name) for name in fields]
    signal = FieldRef("signal", "number", signal_sql(run))
    sampled = read(run, filter, [*refs, signal], where=one_in(run, filter, LAID_ON))
    measured = Measured.over(run, filter, centre_of(numbers(sampled[-1])))
    axes = [
        _axis(run, filter, ref, numbers(column) if ref.kind == "number" else None, bins, top)
        for ref, column in zip(refs, sampled, strict=False)
    ]
    cells, parts = _merged(measured.by(axes), axes, top)
    code = np.flatnonzero(cells.n)
    places = np.column_stack(np.unravel_index(code, [len(known) for known in parts]))
    figures = figures_of(cells.take(code), cells, run.info.settings.level)
    return Grid(
        tuple(fields),
        tuple(tuple(known) for known in parts),
        tuple(
            Cell(
                tuple(place),
                each,
                both(*(known[at].claim for known, at in zip(parts, place, strict=True))),
            )
            for place, each in zip(places.tolist(), figures, strict=True)
        ),
        whole_of(cells, run.info.settings.level),
        run.info.settings.min_size,
        measured.failing,
    )


def _divisible(run: RunFile, name: str) -> FieldRef:
    ref = resolve_value(run, name)
    if ref.kind not in ("number", "category"):
        raise FilterError(
            f"A grid divides samples by numbers and categories; {name!r} is of kind {ref.kind}."
        )
    return ref


def _axis(
    run: RunFile, filter: Filter, ref: FieldRef, number: np.ndarray | None, bins: int, top: int
) -> Axis:
    if number is not None:
        cuts = short_cuts(np.sort(number[np.isfinite(number)]), bins)
        return _of_parts(number_parts(ref.name, cuts.tolist()), ref.name)
    names = categories(run, ref)
    if names is not None and len(names) <= MOST_COUNTED and ref.name != "correct":
        return Axis(len(names) + 1, ref=ref, names=names)
    known = values(run, ref.name, limit=top + 1, filter=filter)["value"].to_pylist()
    return _of_parts(category_parts(ref.name, known[:top], more=len(known) > top), ref.name)


def _of_parts(parts: Sequence[Part], name: str) -> Axis:
    return Axis(len(parts) + 1, (*parts, missing(name)))


def _merged(cells: Cells, axes: Sequence[Axis], top: int) -> tuple[Cells, list[Sequence[Part]]]:
    """Join all but the most frequent values of an ENUM; with the parts of each axis."""
    places = np.unravel_index(np.arange(len(cells)), [axis.size for axis in axes])
    into: list[np.ndarray] = []
    parts: list[Sequence[Part]] = []
    for axis, place in zip(axes, places, strict=True):
        if axis.ref is None:
            known, code = axis.parts, np.arange(axis.size)
        else:
            known, code = _frequent(axis, np.bincount(place, cells.n, axis.size), top)
        parts.append(known)
        into.append(code[place])
    shape = [len(known) for known in parts]
    return cells.joined(np.ravel_multi_index(into, shape), int(np.prod(shape))), parts


def _frequent(axis: Axis, n: np.ndarray, top: int) -> tuple[tuple[Part, ...], np.ndarray]:
    """Parts of an ENUM whose values hold `n` samples, and the part of each value."""
    assert axis.ref is not None  # as only an ENUM is counted by value
    order = np.argsort(-n[:-1], kind="stable")
    used = order[: np.count_nonzero(n[:-1])]
    kept, more = used[:top], len(used) > top
    name = axis.ref.name
    parts = category_parts(name, [axis.names[at] for at in kept], more=more)
    code = np.full(axis.size, len(kept))
    code[kept], code[-1] = np.arange(len(kept)), len(parts)
    return (*parts, missing(name)), code
