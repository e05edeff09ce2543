"""Where the model looks: heatmaps of samples, and their mean inside an aggressor and outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import POPULATIONS
from aggressors.errors import AggressorsError, StageError
from aggressors.sources.protocol import Explains
from aggressors.stages.frame import BoolArray, Frame, IntArray
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import empty, rows

METHOD = "grad-cam"
Floats = NDArray[np.float32]


def explain(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Explain the prediction of representatives and of a sample of members and others.

    Each mean map averages unscaled heatmaps of at most `heatmap_samples` samples of the analysed
    population: `core` (members whose loss exceeds the rest's core quantile), `members`,
    `same_label_well_predicted` (others with a label that members have, predicted right), `rest`.

    Returns
    -------
    `heatmaps` and `mean_maps`; empty where the source has no model or the model no map.
    """
    source = context.source
    if source is None or not source.explains or not tables["aggressors"].num_rows:
        return {"heatmaps": empty("heatmaps"), "mean_maps": empty("mean_maps")}
    frame = Frame.from_tables(tables, context)
    draw = _Draw(frame)
    sets = {
        concept: draw.sets(_member(tables, concept, len(frame)))
        for concept in sorted(tables["aggressors"]["concept_id"].to_pylist())
    }
    shown = _rows_of(frame, tables["representatives"]["sample_id"].to_pylist())
    drawn = [places for chosen in sets.values() for places in chosen.values()]
    wanted = np.unique(np.concatenate([shown, *drawn]))
    positions = tables["positions"]["position"].to_numpy().astype(np.int64)
    maps = _explained(source, frame, wanted, positions[wanted], context)
    return {
        "heatmaps": _heatmaps(frame, wanted, maps),
        "mean_maps": _mean_maps(sets, wanted, maps),
    }


def _member(tables: Tables, concept: int, n: int) -> BoolArray:
    assigned = tables["assignments"]
    inside = assigned["concept_id"].to_numpy() == concept
    member = np.zeros(n, dtype=np.bool_)
    member[assigned["row_id"].to_numpy()[inside]] = True
    return member


def _rows_of(frame: Frame, sample_ids: Sequence[str]) -> IntArray:
    wanted = set(sample_ids)
    return np.flatnonzero(np.array([name in wanted for name in frame.sample_id], dtype=np.bool_))


class _Draw:
    """Draws samples by a hash of their id: the same ones whatever the order of rows."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.known = frame.analysed & np.isfinite(frame.signal)
        found = np.flatnonzero(self.known)
        seed = str(frame.settings.seed).encode()
        keys = [
            blake2b(name.encode(), digest_size=8, key=seed).digest()
            for name in frame.sample_id[found]
        ]
        self.order = found[np.argsort(np.array(keys, dtype="S8"), kind="stable")]

    def sets(self, member: BoolArray) -> dict[str, IntArray]:
        """Choose the rows that each mean map of a concept averages."""
        frame = self.frame
        rest = self.known & ~member
        right = (frame.label == frame.prediction) & (frame.label >= 0)
        labels = np.unique(frame.label[self.known & member])
        chosen = {
            "core": self.known & member & self._failing(rest),
            "members": member,
            "same_label_well_predicted": rest & right & np.isin(frame.label, labels),
            "rest": rest,
        }
        return {name: self._first(those) for name, those in chosen.items()}

    def _failing(self, rest: BoolArray) -> BoolArray:
        signal, settings = self.frame.signal, self.frame.settings
        if not rest.any():
            return self.known
        bar = np.quantile(signal[rest], settings.core_quantile)
        return np.asarray(np.nan_to_num(signal, nan=-np.inf) > bar)

    def _first(self, those: BoolArray) -> IntArray:
        return self.order[those[self.order]][: self.frame.settings.heatmap_samples]


def _explained(
    source: Explains, frame: Frame, wanted: IntArray, positions: IntArray, context: Context
) -> Floats:
    """Unscaled maps (len(wanted), rows, columns) of the predictions, batch by batch."""
    size = frame.settings.batch_size
    batches = [
        (name, part[start : start + size])
        for code, name in enumerate(POPULATIONS)
        for part in [np.flatnonzero(frame.population[wanted] == code)]
        for start in range(0, len(part), size)
    ]
    found: list[Floats] = []
    for population, batch in context.progress(batches, len(batches), "explain"):
        targets = frame.prediction[wanted[batch]].tolist() if frame.classes else None
        try:
            found.append(source.heatmaps(population, positions[batch].tolist(), targets))
        except AggressorsError:
            raise
        except Exception as error:
            raise StageError(
                "explain",
                f"{len(batch)} samples of {population}",
                f"Grad-CAM raised {type(error).__name__}: {error}. Set heatmap_layer to a layer "
                "whose output is a map of the image.",
            ) from error
    return np.concatenate(found)  # populations and rows both ascend, as in `wanted`


def _heatmaps(frame: Frame, wanted: IntArray, maps: Floats) -> pa.Table:
    records = []
    for row, heat in zip(wanted.tolist(), maps, strict=True):
        code = int(frame.prediction[row])
        target = frame.classes[code] if code >= 0 else "prediction"
        records.append(
            {
                "sample_id": frame.sample_id[row],
                "method": METHOD,
                "target": target,
                **_pixels(heat, float(heat.max())),
            }
        )
    return rows("heatmaps", records)


def _mean_maps(
    sets: Mapping[int, Mapping[str, IntArray]], wanted: IntArray, maps: Floats
) -> pa.Table:
    records = []
    for concept, chosen in sets.items():
        means = {
            name: maps[np.searchsorted(wanted, places)].mean(axis=0)
            for name, places in chosen.items()
            if len(places)
        }
        scale = max((float(mean.max()) for mean in means.values()), default=0.0)
        records += [
            {
                "concept_id": concept,
                "of": name,
                "method": METHOD,
                "target": "prediction",
                "n": len(chosen[name]),
                **_pixels(mean, scale),
            }
            for name, mean in means.items()
        ]
    return rows("mean_maps", records)


def _pixels(heat: Floats, scale: float) -> dict[str, object]:
    """Quantise a map of 0 or more to bytes; `scale` is what 255 stands for."""
    share = heat / scale if scale > 0 else np.zeros_like(heat)
    pixels = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    height, width = heat.shape
    return {"height": height, "width": width, "scale": scale, "pixels": pixels.tobytes()}


STAGE = Stage(
    name="explain",
    inputs=(
        "samples",
        "metadata",
        "metadata_fields",
        "assignments",
        "aggressors",
        "representatives",
        "positions",
    ),
    outputs=("heatmaps", "mean_maps"),
    run=explain,
    optional=("positions", "metrics"),
)
