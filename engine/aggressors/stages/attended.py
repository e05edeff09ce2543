"""Gathered heatmaps -> the tables `mean_maps` and `attention`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import INSIDE, MAPPED, MISTAKEN, WELL
from aggressors.errors import InputError
from aggressors.stages.drawn import compared
from aggressors.stages.frame import Frame, IntArray
from aggressors.stages.tables import rows
from aggressors.stats.attention import difference_of, mean_of
from aggressors.stats.multiple import simultaneous_level

# Concept, set, prediction or label, number of maps, and their mean (rows, columns).
Mean = tuple[int, str, str, int, NDArray[np.float64]]


def pixels(heat: NDArray[np.floating], scale: float) -> dict[str, object]:
    """Quantise a map of 0 or more to bytes; `scale` is what 255 stands for."""
    share = heat / scale if scale > 0 else np.zeros_like(heat)
    quantised = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    height, width = heat.shape
    return {"height": height, "width": width, "scale": scale, "pixels": quantised.tobytes()}


def mean_maps_table(means: Iterable[Mean], method: str) -> pa.Table:
    """Write the mean maps of each concept on one scale."""
    found = list(means)
    scales: dict[int, float] = {}
    for concept, *_, mean in found:
        scales[concept] = max(scales.get(concept, 0.0), float(mean.max()))
    records = [
        {"concept_id": concept, "of": of, "method": method, "target": target, "n": n}
        | pixels(mean, scales[concept])
        for concept, of, target, n, mean in found
    ]
    return rows("mean_maps", records)


def attention_table(
    sets: Mapping[int, Mapping[str, IntArray]],
    wanted: IntArray,
    measured: Mapping[str, NDArray[np.float64]],
    frame: Frame,
) -> pa.Table:
    """Average the numbers of each set, and compare the failing members with others.

    The differences of one concept hold together at the level of the settings, for the largest of
    them is told (Bonferroni).

    Parameters
    ----------
    sets : rows by set, by concept.
    wanted : (w,) rows that were explained, ascending.
    measured : (w,) numbers of these by measure; NaN where a sample has none.
    """
    records = []
    for concept, chosen in sorted(sets.items()):
        measures = [
            _Measure(name, _known(chosen, wanted, name, value), frame)
            for name, value in measured.items()
        ]
        inside = compared(chosen)
        n_compared = sum(one.compares(inside) for one in measures)
        level = simultaneous_level(frame.settings.level, max(1, n_compared))
        records += [
            {"concept_id": concept, **record}
            for one in measures
            for record in one.told(inside, level)
        ]
    return rows("attention", records)


Known = Mapping[str, tuple[IntArray, NDArray[np.float64]]]


def _known(
    chosen: Mapping[str, IntArray], wanted: IntArray, measure: str, value: NDArray[np.float64]
) -> Known:
    """Rows and numbers by set, of those sets that have this measure."""
    shown = (*INSIDE, MISTAKEN) if measure == "distance" else MAPPED
    found = {}
    for of in shown:
        numbers = value[np.searchsorted(wanted, chosen[of])]
        has = np.isfinite(numbers)
        if has.any():
            found[of] = (chosen[of][has], numbers[has])
    return found


@dataclass(frozen=True)
class _Measure:
    """One measure of one concept, by set."""

    name: str
    known: Known
    frame: Frame

    @property
    def reference(self) -> str:
        return MISTAKEN if self.name == "distance" else WELL

    def compares(self, inside: str) -> bool:
        return inside in self.known and self.reference in self.known

    def told(self, inside: str, level: float) -> Iterator[dict[str, object]]:
        """One record a set; `inside` against its reference, with an interval of that level."""
        for of, (_, numbers) in self.known.items():
            record: dict[str, object] = {"of": of, "measure": self.name, "n": len(numbers)}
            record["value"] = float(numbers.mean())
            try:
                mean = mean_of(numbers, self._groups(of), level=self.frame.settings.level)
                record |= {"low": mean.low, "high": mean.high}
            except InputError:
                pass  # one sample, or one group of them, has no interval
            if of == inside and self.compares(inside):
                record |= self._against(inside, level)
            yield record

    def _groups(self, of: str) -> IntArray | None:
        return None if self.frame.group is None else self.frame.group[self.known[of][0]]

    def _against(self, inside: str, level: float) -> dict[str, object]:
        ours, theirs = self.known[inside][1], self.known[self.reference][1]
        one, other = self._groups(inside), self._groups(self.reference)
        both = None if one is None or other is None else (one, other)
        gap = difference_of(ours, theirs, both, level=level)
        found: dict[str, object] = {
            "reference": self.reference,
            "difference": float(ours.mean() - theirs.mean()),
        }
        if gap is not None:
            found |= {"difference_low": gap.low, "difference_high": gap.high}
        return found
