"""Gathered heatmaps -> the tables `mean_maps` and `attention`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.errors import InputError
from aggressors.stages.drawn import MAPPED, MISTAKEN
from aggressors.stages.frame import Frame, IntArray
from aggressors.stages.tables import rows
from aggressors.stats.attention import difference_of, mean_of

INSIDE = ("core", "members")
WELL = "same_label_well_predicted"

Mean = tuple[int, str, int, NDArray[np.float64]]


def pixels(heat: NDArray[np.floating], scale: float) -> dict[str, object]:
    """Quantise a map of 0 or more to bytes; `scale` is what 255 stands for."""
    share = heat / scale if scale > 0 else np.zeros_like(heat)
    quantised = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    height, width = heat.shape
    return {"height": height, "width": width, "scale": scale, "pixels": quantised.tobytes()}


def mean_maps_table(means: Iterable[Mean], method: str) -> pa.Table:
    """Write the mean maps of each concept on one scale."""
    found = [mean for mean in means if mean[1] in MAPPED]
    scales: dict[int, float] = {}
    for concept, _, _, mean in found:
        scales[concept] = max(scales.get(concept, 0.0), float(mean.max()))
    records = [
        {"concept_id": concept, "of": of, "method": method, "target": "prediction", "n": n}
        | pixels(mean, scales[concept])
        for concept, of, n, mean in found
    ]
    return rows("mean_maps", records)


def attention_table(
    sets: Mapping[int, Mapping[str, IntArray]],
    wanted: IntArray,
    measured: Mapping[str, NDArray[np.float64]],
    frame: Frame,
) -> pa.Table:
    """Average the numbers of each set, and compare members with others.

    Parameters
    ----------
    sets : rows by set, by concept.
    wanted : (w,) rows that were explained, ascending.
    measured : (w,) numbers of these by measure; NaN where a sample has none.
    """
    records = [
        {"concept_id": concept, "measure": measure, **record}
        for concept, chosen in sorted(sets.items())
        for measure, value in measured.items()
        for record in _compared(chosen, wanted, measure, value, frame)
    ]
    return rows("attention", records)


def _compared(
    chosen: Mapping[str, IntArray],
    wanted: IntArray,
    measure: str,
    value: NDArray[np.float64],
    frame: Frame,
) -> Iterator[dict[str, object]]:
    """One record a set that has the measure; the first two sets against their reference."""
    reference = MISTAKEN if measure == "distance" else WELL
    drawn: dict[str, IntArray] = {}
    for of in (*INSIDE, reference) + (() if reference == MISTAKEN else ("rest",)):
        known = chosen[of][np.isfinite(value[np.searchsorted(wanted, chosen[of])])]
        if len(known):
            drawn[of] = known

    def values(of: str) -> NDArray[np.float64]:
        return value[np.searchsorted(wanted, drawn[of])]

    def groups(of: str) -> IntArray | None:
        return None if frame.group is None else frame.group[drawn[of]]

    level = frame.settings.level
    for of in drawn:
        record: dict[str, object] = {"of": of, "value": float(values(of).mean())}
        record["n"] = len(drawn[of])
        try:
            mean = mean_of(values(of), groups(of), level=level)
            record |= {"low": mean.low, "high": mean.high}
        except InputError:
            pass  # one sample, or one group of them, has no interval
        if of in INSIDE and reference in drawn:
            one, other = groups(of), groups(reference)
            both = None if one is None or other is None else (one, other)
            gap = difference_of(values(of), values(reference), both, level=level)
            record["reference"] = reference
            record["difference"] = float(values(of).mean() - values(reference).mean())
            if gap is not None:
                record |= {"difference_low": gap.low, "difference_high": gap.high}
        yield record
