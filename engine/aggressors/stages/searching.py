"""The search over a frame: on a part of each half, applied to all samples, named and ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import Settings
from aggressors.slicing.concept import Reference, parts_last
from aggressors.slicing.confirm import Bar, Half
from aggressors.slicing.find import Finding, Search, find
from aggressors.slicing.name import Description, describe, distinct, name_of
from aggressors.slicing.points import BoolArray, FloatArray, IntArray, Points
from aggressors.slicing.protocol import Slicer
from aggressors.slicing.space import Space, metadata_vectors
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Tables

MAX_SEARCHED = 10_000  # samples of each half among which groups are sought
MAX_DESCRIBED = 20_000  # analysed samples over which a name's precision and recall are counted
MAX_REFERENCE = 4_096  # analysed samples among which a member's neighbours are counted


@dataclass(frozen=True, eq=False)
class Reported:
    """One finding applied to all n samples: (n,) members, (members,) score."""

    finding: Finding
    member: BoolArray
    score: FloatArray
    description: Description


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search found, confirmed first, and the samples it was found among.

    `points` holds all n samples; `order` (a,) the rows that were analysed, by their ids; of them
    `n_discover` were searched and `n_confirm` judged.
    """

    search: Search
    reported: list[Reported]
    points: Points
    order: IntArray
    n_discover: int
    n_confirm: int

    @property
    def tested(self) -> int:
        """How many groups were tested."""
        return 0 if self.search.tested is None else len(self.search.tested)

    def members(self) -> BoolArray:
        """(m, a) members of each group among the analysed."""
        return np.array([each.member[self.order] for each in self.reported], dtype=np.bool_)

    def names(self) -> list[str]:
        """Name each group by its rule, no two alike."""
        composition = self.points.take(self.order)
        return distinct(
            [
                name_of(each.description, member, composition, each.finding.concept.space)
                for each, member in zip(self.reported, self.members(), strict=True)
            ]
        )


def search(
    frame: Frame,
    own_fields: frozenset[str],
    slicers: Sequence[Slicer] = (),
    bar: Bar | None = None,
    settings: Settings | None = None,
) -> Searched:
    """Search the analysed samples whose signal is known.

    Parameters
    ----------
    own_fields : those that the user brought, which names prefer.
    slicers, bar : see `find`; settings default to the frame's.
    """
    settings = settings or frame.settings
    usable = frame.analysed & np.isfinite(frame.signal)
    order = _canonical(frame, np.flatnonzero(usable))
    halves = order[frame.discover[order]], order[frame.confirm[order]]
    searched, judging = (rows[_sampled(frame, len(rows), MAX_SEARCHED)] for rows in halves)
    points = _points(frame, np.concatenate([searched, judging]))
    found = find(
        _half(frame, points.take(searched), searched),
        _half(frame, points.take(judging), judging),
        settings,
        slicers,
        bar,
    )
    reported = [_applied(each, frame, points, order, own_fields) for each in found.findings]
    if reported and len(judging) < len(halves[1]):
        reported = _settled(reported, found, frame, halves[1])
    return Searched(found, _ranked(reported, frame), points, order, len(searched), len(judging))


def own_fields(tables: Tables) -> frozenset[str]:
    """Name the metadata fields that the user brought."""
    described = tables["metadata_fields"]
    pairs = zip(described["field"].to_pylist(), described["source"].to_pylist(), strict=True)
    return frozenset(field for field, source in pairs if source != "built-in")


def _canonical(frame: Frame, found: IntArray) -> IntArray:
    """Sort rows by their ids, so that the order of the tables does not matter."""
    ids = frame.sample_id[found]
    if len(ids) < 2 or bool(np.all(ids[:-1] <= ids[1:])):
        return found
    return found[np.argsort(ids, kind="stable")]


def _sampled(frame: Frame, n: int, most: int) -> IntArray:
    """At most `most` of n positions, ascending, drawn with the run's seed."""
    if n <= most:
        return np.arange(n)
    drawn = np.random.default_rng(frame.settings.seed).choice(n, most, replace=False)
    return np.sort(drawn)


def _points(frame: Frame, fit: IntArray) -> Points:
    """All samples, placed in spaces fitted on the rows `fit`."""
    vectors = frame.embedding
    if vectors is None:
        vectors = metadata_vectors(frame.fields, len(frame), fit).astype(np.float32)
    placed, *further = (
        _placed(each, fit, frame.settings.pca) for each in (vectors, *frame.spaces.values())
    )
    others = dict(zip(frame.spaces, further, strict=True))
    return Points(placed, frame.label, frame.probabilities, frame.classes, frame.fields, others)


def _placed(vectors: NDArray[np.float32], fit: IntArray, dimensions: int) -> FloatArray:
    """(n, p) positions of (n, d) vectors."""
    if not len(fit) or not vectors.shape[1]:
        return np.empty((len(vectors), 0))
    return Space.fit(vectors[fit], dimensions).place(vectors)


def _half(frame: Frame, points: Points, rows: IntArray) -> Half:
    group = None if frame.group is None else frame.group[rows]
    return Half(points, frame.signal[rows], frame.weight[rows], group)


def _settled(
    reported: list[Reported], search: Search, frame: Frame, rows: IntArray
) -> list[Reported]:
    """Judge by the whole half what was found with a part of it."""
    bare = Points(np.empty((len(rows), 0)), frame.label[rows], None, frame.classes, ())
    whole = _half(frame, bare, rows)
    return [
        replace(each, finding=search.settled(each.finding, each.member[rows], whole))
        for each in reported
    ]


def _applied(
    finding: Finding, frame: Frame, points: Points, order: IntArray, own: frozenset[str]
) -> Reported:
    reference = Reference(points.take(order[_sampled(frame, len(order), MAX_REFERENCE)]))
    member, score = reference.score(finding.concept, points)
    composition = order[_sampled(frame, len(order), MAX_DESCRIBED)]
    description = describe(
        member[composition], points.take(composition), own=own, best=finding.concept.best
    )
    return Reported(finding, member, score, description)


def _ranked(reported: list[Reported], frame: Frame) -> list[Reported]:
    """Put confirmed before tentative and, within each, parts after the wholes."""
    confirmed = [each for each in reported if each.finding.status == "confirmed"]
    tentative = [each for each in reported if each.finding.status == "tentative"]
    found = []
    for group in (confirmed, tentative):
        members = np.array([each.member[frame.analysed] for each in group], dtype=np.bool_)
        found += [group[place] for place in parts_last(members)] if group else []
    return found
