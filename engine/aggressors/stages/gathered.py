"""What is gathered from heatmaps, batch by batch, so that no more is held than is averaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import MAPPED, MISLED, MISTAKEN
from aggressors.errors import StageError
from aggressors.stages.attended import Mean, pixels
from aggressors.stages.frame import Frame, IntArray
from aggressors.stats.attention import border_share, concentration, distance, shares

Floats = NDArray[np.float64]
Sets = Mapping[int, Mapping[str, IntArray]]
MEASURES = ("concentration", "border", "strength", "distance")


@dataclass(frozen=True)
class Batch:
    """Rows of one population, all explained for the same number of classes."""

    population: str
    rows: IntArray
    both: bool  # the true class too

    def __str__(self) -> str:
        """Write it as messages say it."""
        n = len(self.rows)
        return f"{n} sample{'s' * (n != 1)} of {self.population}"


class _Sum:
    """Sum of shares over each of (s,) sets, and how many maps are in it."""

    def __init__(self, n_sets: int, n_cells: int) -> None:
        self.total: Floats = np.zeros((n_sets, n_cells))
        self.count: Floats = np.zeros(n_sets)

    def add(self, member: object, share: Floats) -> None:
        """Add (n, cells) shares by a sparse (s, n) matrix of who is in which set."""
        self.total += np.asarray(member @ share)  # type: ignore[operator]
        self.count += member.sum(axis=1)  # type: ignore[attr-defined]


@dataclass
class Gathered:
    """Sums of maps over each set, numbers of each sample, and the heatmaps that are kept.

    Parameters
    ----------
    wanted : (w,) rows that are explained, ascending.
    keep : rows whose heatmaps are kept, ascending.
    layer : whose maps they are, for messages.
    """

    frame: Frame
    wanted: IntArray
    keep: IntArray
    sets: Sets
    layer: str
    records: list[dict[str, object]] = field(default_factory=list)
    measured: dict[str, Floats] = field(default_factory=dict)
    shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        from scipy.sparse import csc_array

        places = [np.searchsorted(self.wanted, chosen) for _, _, chosen in self._each()]
        columns = np.concatenate([np.empty(0, np.int64), *places])
        which = np.repeat(np.arange(len(places)), [len(each) for each in places])
        self._member = csc_array(
            (np.ones(len(columns)), (which, columns)), shape=(len(places), len(self.wanted))
        )
        self.measured = {name: np.full(len(self.wanted), np.nan) for name in MEASURES}

    def _each(self) -> Iterator[tuple[int, str, IntArray]]:
        for concept, chosen in self.sets.items():
            for of, places in chosen.items():
                yield concept, of, places

    @property
    def shows_anything(self) -> bool:
        """Whether any map that is averaged has any attribution."""
        return self.shape is not None and bool(self._predicted.count.any())

    def add(self, batch: Batch, maps: Floats) -> None:
        """Take in the maps of a batch, (n, 1 or 2, rows, columns).

        Raises
        ------
        StageError : they have another size than those before.
        """
        self._measure_up(batch, (maps.shape[2], maps.shape[3]))
        at = np.searchsorted(self.wanted, batch.rows)
        share = shares(maps[:, 0])
        self.measured["concentration"][at] = concentration(share)
        self.measured["border"][at] = border_share(share)
        self.measured["strength"][at] = maps[:, 0].mean(axis=(1, 2))
        self._sum(self._predicted, at, share)
        if batch.both:
            other = shares(maps[:, 1])
            apart = distance(share, other)
            self.measured["distance"][at] = apart
            both = np.isfinite(apart)  # so that the two means are over the same samples
            self._sum(self._misled, at[both], share[both])
            self._sum(self._true, at[both], other[both])
        self._keep(batch, maps)

    def _measure_up(self, batch: Batch, shape: tuple[int, int]) -> None:
        if self.shape is None:
            self.shape = shape
            self._predicted, self._misled, self._true = (
                _Sum(self._member.shape[0], shape[0] * shape[1]) for _ in range(3)
            )
        if shape != self.shape:
            (rows, columns), (before, across) = shape, self.shape
            raise StageError(
                "explain",
                str(batch),
                f"maps of layer {self.layer!r} have {rows} × {columns} cells here and had "
                f"{before} × {across} before, so that no mean can be taken. Let the datasets give "
                "images of one size, or set heatmap_layer to one whose output keeps its size.",
            )

    def _sum(self, sums: _Sum, at: IntArray, share: Floats) -> None:
        flat = share.reshape(len(share), sums.total.shape[1])
        shows = np.isfinite(flat[:, 0])
        sums.add(self._member[:, at[shows]], flat[shows])

    def _keep(self, batch: Batch, maps: Floats) -> None:
        frame, method = self.frame, self.frame.settings.heatmap_method
        for which in np.flatnonzero(np.isin(batch.rows, self.keep)):
            row = int(batch.rows[which])
            for of, heat, codes in zip(
                ("prediction", "label"), maps[which], (frame.prediction, frame.label), strict=False
            ):
                target = frame.classes[codes[row]] if frame.classes else "prediction"
                facts = {"sample_id": frame.sample_id[row], "method": method, "of": of}
                self.records.append(facts | {"target": target} | pixels(heat, float(heat.max())))

    def means(self) -> Iterator[Mean]:
        """Mean share of each set with a map: for the predicted class, and for both of mistakes."""
        if self.shape is None:
            return
        mistakes = (MISLED, MISTAKEN)
        parts: tuple[tuple[str, _Sum, Sequence[str]], ...] = (
            ("prediction", self._predicted, MAPPED),
            ("prediction", self._misled, mistakes),
            ("label", self._true, mistakes),
        )
        for place, (concept, of, _) in enumerate(self._each()):
            for target, sums, shown in parts:
                if of in shown and (count := sums.count[place]):
                    mean = (sums.total[place] / count).reshape(self.shape)
                    yield concept, of, target, int(count), mean
