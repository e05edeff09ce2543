"""Weak places that the engine looks for in the samples in scope: an error tree, and worst pairs.

Both are ideas, not findings. Questions and cells are chosen by a sample that leaves out the half
that judges hypotheses (see `choosing`); figures are then counted over all samples in scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aggressors.contracts import Filter
from aggressors.queries.choosing import Chosen, Sample, sampled
from aggressors.queries.filters import compile_filters
from aggressors.queries.grammar import both
from aggressors.queries.measured import Failing, Figures, Measured, centre_of, figures_in
from aggressors.queries.parts import Part, narrowed
from aggressors.stats.error_tree import Coded, Node, grow
from aggressors.stats.pairs import worst_pairs as search

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MANY_VALUES = 200  # categories from which on a field is not asked for
MOST_PAIRS = 20  # shown; which of them a sample is in are the bits of one number


@dataclass(frozen=True, slots=True)
class Branch:
    """One node of an error tree.

    Parameters
    ----------
    parent : place of its parent; -1 for the root.
    depth : questions above it.
    field : the field that parts it from its sibling; '' for the root.
    step : what it claims beyond its parent.
    claim : what it claims in all, beside the filter.
    figures : over all samples in scope.
    """

    parent: int
    depth: int
    field: str
    step: Filter
    claim: Filter
    figures: Figures


@dataclass(frozen=True, slots=True)
class ErrorTree:
    """Nodes, parents first and the worse of two children before the other.

    Parameters
    ----------
    chosen_on : samples that chose the questions.
    unseen : whether none of them is of the half that judges hypotheses.
    fields : how many fields could be asked for.
    failing : what fails.
    """

    nodes: tuple[Branch, ...]
    chosen_on: int
    unseen: bool
    fields: int
    failing: Failing


@dataclass(frozen=True, slots=True)
class WeakPair:
    """A cell of two fields that is worse than either of its parts.

    `excess` is a lower bound of its mean signal above that of the others, on the samples that
    chose it, over all cells looked at; `figures` are over all samples in scope.
    """

    parts: tuple[Part, Part]
    claim: Filter
    excess: float
    figures: Figures


@dataclass(frozen=True, slots=True)
class WeakPairs:
    """Pairs, the worst first, of all `looked_at` cells with `fewest` samples or more."""

    found: tuple[WeakPair, ...]
    looked_at: int
    fewest: int
    chosen_on: int
    unseen: bool
    failing: Failing


def error_tree(
    run: RunFile, filter: Filter, *, depth: int = 3, bins: int = 16, sample: Sample | None = None
) -> ErrorTree:
    """Part failing samples in scope from others, by questions about metadata and the label.

    Parameters
    ----------
    depth : questions from the root to a leaf, at most; from 1 to 5.
    bins : parts of a number between which a question may cut.
    sample : what `sampled` reads for this run and filter, where it is at hand.
    """
    depth = min(max(depth, 1), 5)
    chosen = (sample or sampled(run, filter)).cut(bins=bins, top=MANY_VALUES)
    measured = Measured.over(run, filter, centre_of(chosen.signal))
    fails = chosen.fails(measured)
    known = np.isfinite(fails)
    nodes = grow(
        [Coded(each.code[known], each.k, each.ordered) for each in chosen.coded],
        fails[known] > 0,
        chosen.weight[known],
        depth=depth,
        fewest=run.info.settings.min_size,
    )
    steps = [chosen.step(node) for node in nodes]
    figures = _node_figures(measured, nodes, steps)
    return ErrorTree(
        _branches(chosen, nodes, steps, figures),
        int(known.sum()),
        chosen.unseen,
        len(chosen.coded),
        measured.failing,
    )


def worst_pairs(
    run: RunFile,
    filter: Filter,
    *,
    limit: int = 8,
    bins: int = 5,
    top: int = 30,
    sample: Sample | None = None,
) -> WeakPairs:
    """Look through the cells of all pairs of metadata fields and the label, in scope.

    Parameters
    ----------
    limit : pairs returned, at most; no more than `MOST_PAIRS`.
    bins, top : most parts of a number, and most categories; the others stand together.
    sample : what `sampled` reads for this run and filter, where it is at hand.
    """
    chosen = (sample or sampled(run, filter)).cut(bins=bins, top=top)
    measured = Measured.over(run, filter, centre_of(chosen.signal))
    known = np.isfinite(chosen.signal)
    searched = search(
        [Coded(each.code[known], each.k, each.ordered) for each in chosen.coded],
        chosen.signal[known],
        chosen.weight[known],
        fewest=run.info.settings.min_size,
        limit=min(limit, MOST_PAIRS),
        level=run.info.settings.level,
    )
    picked = [
        tuple(
            chosen.parts[field][place]
            for field, place in zip(pair.fields, pair.parts, strict=True)
        )
        for pair in searched.found
    ]  # fmt: skip
    claims = [both(one.claim, other.claim) for one, other in picked]
    figures = _claim_figures(measured, claims)
    return WeakPairs(
        tuple(
            WeakPair((parts[0], parts[1]), claim, pair.excess, each)
            for parts, claim, pair, each in zip(
                picked, claims, searched.found, figures, strict=True
            )
        ),
        searched.looked_at,
        run.info.settings.min_size,
        int(known.sum()),
        chosen.unseen,
        measured.failing,
    )  # fmt: skip


# --- Figures over all samples in scope ---


def _node_figures(
    measured: Measured, nodes: Sequence[Node], steps: Sequence[Filter]
) -> list[Figures]:
    """Figures of all nodes: each sample is counted in its leaf, and a node sums its leaves."""
    inner = {node.parent for node in nodes}
    asked = [place for place, node in enumerate(nodes) if node.holds and node.question]
    whole, *found = compile_filters(
        [measured.filter, *(steps[place] for place in asked)], measured.run
    )
    test = {place: one.sql for place, one in zip(asked, found, strict=True)}
    children: dict[int, list[int]] = {}
    for place, node in enumerate(nodes[1:], start=1):
        children.setdefault(node.parent, []).append(place)

    def code(place: int) -> str:
        if place not in inner:
            return str(place)
        met, other = children[place]
        return f"CASE WHEN {test[met]} THEN {code(met)} ELSE {code(other)} END"

    sums = np.zeros((len(nodes), 9))
    for leaf, *values in measured.rows(whole, found, code=f"({code(0)})::INTEGER"):
        place = int(leaf)
        while place >= 0:
            sums[place] += values
            place = nodes[place].parent
    cells = measured.cells(sums)
    return figures_in(cells, float(cells.failed[0]), measured.run.info.settings.level)


def _branches(
    chosen: Chosen, nodes: Sequence[Node], steps: Sequence[Filter], figures: Sequence[Figures]
) -> tuple[Branch, ...]:
    """Order the nodes: parents first, and the worse of two children before the other."""
    children: dict[int, list[int]] = {}
    for place, node in enumerate(nodes):
        children.setdefault(node.parent, []).append(place)
    for known in children.values():
        known.sort(key=lambda place: -(figures[place].error_rate or 0.0))
    found: list[Branch] = []

    def add(place: int, parent: int, depth: int, claim: Filter) -> None:
        question = nodes[place].question
        field = "" if question is None else chosen.parts[question.field][0].field
        claim = narrowed(claim, steps[place])
        found.append(Branch(parent, depth, field, steps[place], claim, figures[place]))
        at = len(found) - 1
        for child in children.get(place, ()):
            add(child, at, depth + 1, claim)

    add(0, -1, 0, both())
    return tuple(found)


def _claim_figures(measured: Measured, claims: Sequence[Filter]) -> list[Figures]:
    """Figures of claims that may overlap, each asked for by itself in one query."""
    if not claims:
        return []
    whole, *found = compile_filters([measured.filter, *claims], measured.run)
    bits = (f"({one.sql} IS TRUE)::INTEGER * {1 << at}" for at, one in enumerate(found))
    rows = np.array(measured.rows(whole, found, code=" + ".join(bits)), dtype=np.float64)
    held = rows[:, 0].astype(np.int64)[:, None] >> np.arange(len(claims)) & 1
    cells = measured.cells(held.T @ rows[:, 1:])
    failed = float(rows[:, -1].sum())
    return figures_in(cells, failed, measured.run.info.settings.level)
