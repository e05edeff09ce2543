"""What a slicer is: it proposes groups on the discover half, and each can be applied anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np

from aggressors.contracts import Condition
from aggressors.errors import InputError
from aggressors.slicing.cutting import Cutting
from aggressors.slicing.literals import holds, literals
from aggressors.slicing.points import BoolArray, Float32Array, FloatArray, Partition, Points
from aggressors.slicing.told import label_usual

T = TypeVar("T")


class Region(Protocol):
    """A part of the input side."""

    def holds(self, points: Points) -> BoolArray:
        """(n,) True for the samples that lie in it."""
        ...


@dataclass(frozen=True, eq=False)
class Cells:
    """The union of the `chosen` ((c,) bool) cells of a partition."""

    partition: Partition
    chosen: BoolArray

    def holds(self, points: Points) -> BoolArray:
        """(n,) True where the nearest centroid is chosen."""
        return self.chosen[points.cells(self.partition)]

    @property
    def label_means(self) -> FloatArray | None:
        """Means that are taken off positions first, if any."""
        return self.partition.label_means


def label_means_of(region: Region) -> FloatArray | None:
    """(k, d) means that a region takes off positions first, None where it takes none."""
    means: FloatArray | None = getattr(region, "label_means", None)
    return means


def across_labels(region: Region) -> bool:
    """Whether a region lies among positions less the mean of their label."""
    return label_means_of(region) is not None


@dataclass(frozen=True, eq=False)
class InSpace:
    """A region of a further space, such as that of an earlier layer."""

    space: str
    region: Region

    def holds(self, points: Points) -> BoolArray:
        """(n,) True where the sample lies in the region of that space."""
        return self.region.holds(points.seen_in(self.space))

    @property
    def label_means(self) -> FloatArray | None:
        """Means that are taken off positions there first, if any."""
        return label_means_of(self.region)


@dataclass(frozen=True, eq=False)
class Proposal:
    """A group to be tested: a region, within some labels or across all.

    Parameters
    ----------
    found_by : the slicer's name, shown to the user.
    region : where its members lie.
    labels : codes of which every member carries one; none means that any label will do.
    """

    found_by: str
    region: Region
    labels: tuple[int, ...] = ()

    @property
    def space(self) -> str:
        """The further space it lies in; '' for the main one."""
        return self.region.space if isinstance(self.region, InSpace) else ""

    def strength(self, points: Points) -> FloatArray:
        """(n,) in [0, 1]: 1 for a member, 0 for the rest.

        Between them only where the label is unknown: then its predicted probability.
        """
        inside = self.region.holds(points).astype(np.float64)
        return inside * points.share_of_labels(self.labels) if self.labels else inside

    def members(self, points: Points) -> BoolArray:
        """(n,) True where the strength is at least one half."""
        return np.asarray(self.strength(points) >= 0.5)


@dataclass(frozen=True, slots=True)
class Limits:
    """Fewest and most members of a proposal on the samples it is found on."""

    smallest: int
    largest: int

    def allow(self, n: float) -> bool:
        """Whether a group of this size may be proposed."""
        return self.smallest <= n <= self.largest


@dataclass(frozen=True, eq=False)
class Sight:
    """What a slicer may see.

    Parameters
    ----------
    points : (n,) samples of the discover half, in canonical order.
    signal : (n,) finite, theirs; what is high where the model is bad.
    everyone : samples of both halves, for where they lie; what they lose stays hidden.
    limits : sizes allowed, counted in `points`.
    """

    points: Points
    signal: FloatArray
    everyone: Points
    limits: Limits
    _proposed: dict[str, list[Proposal]] = field(default_factory=dict, repr=False)
    _computed: dict[Any, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def excess(self) -> FloatArray:
        """(n,) the signal less the mean of its label."""
        return self.signal - label_usual(self.signal, self.points.label)

    @cached_property
    def conditions(self) -> list[Condition]:
        """Readable conditions, with thresholds by everyone."""
        return literals(self.everyone, 2 * self.limits.smallest)

    @cached_property
    def masks(self) -> Float32Array:
        """(m, n) float32, 1 where each of the conditions holds."""
        return np.array([holds(each, self.points) for each in self.conditions], dtype=np.float32)

    @cached_property
    def cutting(self) -> Cutting:
        """Cells among everyone, for slicers to share its tree."""
        return Cutting(self.everyone.space)

    def once(self, compute: Callable[[Sight], T]) -> T:
        """Compute something of these samples, once for all slicers that need it."""
        if compute not in self._computed:
            self._computed[compute] = compute(self)
        found: T = self._computed[compute]
        return found

    def seen_in(self, name: str) -> Sight:
        """Look at the same samples, with the same signal, where they lie in a further space."""
        points, everyone = self.points.seen_in(name), self.everyone.seen_in(name)
        return Sight(points, self.signal, everyone, self.limits)

    def proposals_of(self, slicer: Slicer) -> list[Proposal]:
        """Ask a slicer, once."""
        if slicer.name not in self._proposed:
            found = list(slicer.propose(self))
            for each in found:
                if not isinstance(each, Proposal):
                    raise InputError(
                        f"Slicer {slicer.name!r} must propose a list of Proposal; it has a "
                        f"{type(each).__name__} in it."
                    )
            self._proposed[slicer.name] = found
        return self._proposed[slicer.name]

    @property
    def dimensions(self) -> int:
        """Dimensions of the space; 0 where there is none."""
        return int(self.points.space.shape[1])


class Slicer(Protocol):
    """Proposes groups in which the signal looks high; never judges them."""

    @property
    def name(self) -> str:
        """Shown to the user as `found_by`."""
        ...

    def propose(self, sight: Sight) -> list[Proposal]:
        """Find groups by the discover half; nothing is drawn at random."""
        ...
