"""Grids and rows of the map's queries -> bytes, colours and words of the map component."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.queries.cards import data_uri
from aggressors.queries.columns import OTHER
from aggressors.queries.maps import MAX_COLOURS, BoolArray, MapBins
from aggressors.queries.points import DENSITY, ERROR, SIGNAL
from aggressors_app import cached
from aggressors_app.charts import Palette
from aggressors_app.components.linked_map import Dots, Layer, Options
from aggressors_app.format import MISSING, answer, count, number, share

SHADOW = 255  # byte of a bin that only the filter empties, or that has no value
STEPS = 254  # bytes of a ramp, from 1
PICTURES = 60  # samples in view, up to which their pictures are shown
HEAVIEST = 480_000  # bytes of pictures in one answer
_NAMES = {DENSITY: "density", ERROR: "error rate"}
_PLACES = (("lower", "middle", "upper"), ("left", "middle", "right"))


@dataclass(frozen=True, slots=True)
class Scale:
    """How one map turns values into bytes: `names` of a category, or the limits of a number."""

    name: str
    title: str
    colors: tuple[str, ...]
    names: tuple[str, ...] | None = None
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    percent: bool = False


def options(run_id: str) -> Options:
    """Everything that can colour a map, in groups."""
    run, known = cached.run_file(run_id), cached.field_list(run_id)
    usable = [name for name, one in known.items() if one.kind in ("number", "category")]
    first = [DENSITY]
    if run.info.settings.signal not in ("loss", "error"):
        first.append(SIGNAL)
    first += [name for name in ("loss",) if name in usable]
    first += [ERROR] if run.classes and "correct" in usable else []
    own = [name for name in usable if name not in run.fields and name != "loss"]
    groups = (
        ("Samples in a place", first),
        ("Of the sample", own),
        ("Metadata", [name for name in usable if name in run.fields]),
    )
    return [(group, [(name, title(run_id, name)) for name in names]) for group, names in groups]


def title(run_id: str, name: str) -> str:
    """Say what colours a map."""
    if name == SIGNAL:
        return cached.signal(run_id)
    return _NAMES.get(name, name)


def is_blank(bins: MapBins) -> bool:
    """Whether no sample has a value."""
    if bins.dominant is not None:
        return not (bins.dominant >= 0).any()
    return bins.mean is not None and not np.isfinite(bins.mean).any()


def scale(run_id: str, name: str, everywhere: MapBins, here: MapBins, colors: Palette) -> Scale:
    """Choose the colours of a map.

    A value keeps its colour wherever one looks: limits are those of the whole map. Only density has
    those of the view, as cells of any size hold fewer the closer one looks.
    """
    words = title(run_id, name)
    if here.dominant is not None:
        names = here.categories
        return Scale(name, words, _colors_of(run_id, name, names, colors), names or ("",))
    if here.mean is None:
        most = max(2.0, float(here.count.max(initial=0)))
        return Scale(name, words, colors.ramp, low=1.0, high=most)
    bad = name in ("loss", ERROR, SIGNAL)
    known = cached.field_list(run_id).get(name)
    return Scale(
        name,
        words,
        colors.loss_ramp if bad else colors.ramp,
        low=everywhere.low or 0.0,
        high=everywhere.high or 0.0,
        unit=known.unit if known and known.unit not in ("loss", "share") else "",
        percent=name in (ERROR, "confidence"),
    )


def layer(
    scale: Scale,
    here: MapBins,
    everyone: BoolArray,
    picked: tuple[str, ...] | None,
    *,
    dotted: bool,
) -> Layer:
    """Turn the grids of a view into one map; `dotted` leaves the samples to the dots."""
    pixels = np.where(everyone & (here.count == 0), SHADOW, 0).astype(np.uint8)
    if not dotted:
        pixels[here.count > 0] = SHADOW  # samples without a value
        filled, codes = _codes_of_bins(scale, here)
        pixels[filled] = codes
    log = scale.name == DENSITY
    ends = not scale.names and here.count.any() and not is_blank(here)
    return Layer(
        name=scale.name,
        title=scale.title,
        pixels=np.flipud(pixels).tobytes(),
        colors=scale.colors,
        categories=scale.names,
        range=(scale.low, scale.high),
        low=_said(scale, scale.low) if ends else "",
        high=_said(scale, scale.high) if ends else "",
        log=log,
        unit="%" if scale.percent else scale.unit,
        note=_note(scale, here, dotted=dotted),
        told=_told(scale, here),
        picked=picked if scale.names else None,
    )


def _codes_of_bins(scale: Scale, here: MapBins) -> tuple[BoolArray, NDArray[np.uint8]]:
    if here.dominant is not None:
        filled = here.dominant >= 0
        return filled, (here.dominant[filled] + 1).astype(np.uint8)
    if here.mean is None:
        filled = here.count > 0
        value = np.log(here.count[filled])
        return filled, _steps(value, 0.0, math.log(scale.high))
    filled = np.isfinite(here.mean)
    return filled, _steps(here.mean[filled], scale.low, scale.high)


def _steps(value: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    at = np.clip((value - low) / ((high - low) or 1.0), 0, 1)
    return (1 + np.round((STEPS - 1) * at)).astype(np.uint8)


def _said(scale: Scale, value: float) -> str:
    if scale.name == DENSITY:
        return count(value)
    return share(value, 0) if scale.percent else number(round(value, 3), scale.unit)


def _note(scale: Scale, here: MapBins, *, dotted: bool) -> str:
    if not here.count.any():
        return "no sample in view"
    if is_blank(here):
        return "no sample here has a value"
    if scale.name == DENSITY:
        return "each dot is a sample" if dotted else "samples per cell, log scale"
    if scale.names:
        return "" if dotted else "most frequent in each cell"
    return "" if dotted else "mean of each cell"


def _told(scale: Scale, here: MapBins) -> str:
    """Put a map into a sentence."""
    if is_blank(here) or not here.count.any():
        return "No sample in view has a value."
    if here.dominant is not None:
        held = [
            int(here.count[here.dominant == code].sum()) for code in range(len(scale.names or ()))
        ]
        ranked = sorted(zip(held, scale.names or (), strict=True), reverse=True)[:3]
        total = max(1, sum(held))
        parts = [f"{name} {share(n / total, 0)}" for n, name in ranked if n]
        return f"Cells by their most frequent value: {', '.join(parts)}."
    value = here.count.astype(float) if here.mean is None else here.mean.astype(float)
    what = "Most samples" if here.mean is None else "Highest"
    return (
        f"From {_said(scale, scale.low)} to {_said(scale, scale.high)}. {what} at the "
        f"{_where(value, here.count)}."
    )


def _where(value: NDArray[np.float64], n: NDArray[np.int32]) -> str:
    """Name the ninth of the view with the highest mean, of those that hold some samples."""
    known = np.where(np.isfinite(value), n, 0)
    best, at = -np.inf, (1, 1)
    for row, rows in enumerate(np.array_split(np.arange(len(value)), 3)):
        for column, columns in enumerate(np.array_split(np.arange(len(value)), 3)):
            held = known[np.ix_(rows, columns)]
            if held.sum() < max(1, 0.01 * known.sum()):
                continue
            part = np.nan_to_num(value[np.ix_(rows, columns)])
            mean = float((part * held).sum() / held.sum())
            if mean > best:
                best, at = mean, (row, column)
    up, across = _PLACES[0][at[0]], _PLACES[1][at[1]]
    return "centre" if up == across == "middle" else f"{up} {across}"


def _colors_of(run_id: str, field: str, names: tuple[str, ...], colors: Palette) -> tuple[str, ...]:
    """Give each category the same colour under every filter."""
    classes = cached.run_file(run_id).classes
    order = list(classes) if field in ("label", "prediction") else []
    order += [name for name, _ in cached.field_values(run_id, field, MAX_COLOURS)]
    places = {name: place for place, name in enumerate(dict.fromkeys(order))}
    wheel = colors.categories
    return tuple(
        wheel[places[name] % len(wheel)] if name in places else colors.rest for name in names
    ) or (colors.rest,)


# --- Single samples ---


def dots(run_id: str, found: pa.Table, scales: Sequence[Scale], signal: str) -> Dots:
    """Turn the rows of `points` into dots; pictures where few are in view."""
    rows = found.to_pylist()
    codes, values = [], []
    for place, one in enumerate(scales):
        column = found[f"c{place}"].to_pylist()
        codes.append([_code(one, value) for value in column])
        values.append([_value(one, value) for value in column])
    return Dots(
        x=[float(f"{row['x']:.6g}") for row in rows],
        y=[float(f"{row['y']:.6g}") for row in rows],
        ids=[row["sample_id"] for row in rows],
        told=[_lines(row) for row in rows],
        codes=codes,
        values=values,
        pictures=_pictures(run_id, [row["row_id"] for row in rows]),
    )


def _code(scale: Scale, value: str | float | None) -> int:
    if scale.name == DENSITY:
        return STEPS // 2 + 1
    if value is None:
        return 0
    if scale.names is None:
        return int(_steps(np.array([float(value)]), scale.low, scale.high)[0])
    if value in scale.names:
        return scale.names.index(str(value)) + 1
    return scale.names.index(OTHER) + 1 if OTHER in scale.names else 0


def _value(scale: Scale, value: str | float | None) -> str:
    if scale.name == DENSITY:
        return ""
    if isinstance(value, float):
        return share(value, 0) if scale.percent else number(value, scale.unit)
    return MISSING if value is None else str(value)


def _lines(row: dict[str, Any]) -> list[str]:
    label, prediction = answer(row["label"]), answer(row["prediction"])
    same = label == prediction or prediction == MISSING
    lines = [row["sample_id"], label if same else f"{label} › {prediction}"]
    if label == MISSING:
        lines[1] = "" if prediction == MISSING else f"predicted {prediction}"
    if row["loss"] is not None:
        lines.append(f"loss {number(row['loss'])}")
    return [line for line in lines if line]


def _pictures(run_id: str, row_ids: Sequence[int]) -> dict[int, str]:
    if len(row_ids) > PICTURES:
        return {}
    found, left = cached.thumbnails(run_id, tuple(row_ids)), HEAVIEST
    shown = {}
    for place, row in enumerate(row_ids):
        picture = found.get(row, b"")
        left -= len(picture)
        if picture and left >= 0 and (uri := data_uri(picture)):
            shown[place] = uri
    return shown


def cells(bins: MapBins) -> pa.Table:
    """Give the cells of a map that hold samples, with the field that colours them.

    Returns
    -------
    x, y (middle of the cell), n, and the mean of a number, or the most frequent category.
    """
    row, column = np.nonzero(bins.count)
    view, (rows, columns) = bins.view, bins.count.shape
    table = {
        "x": view.x0 + (column + 0.5) * (view.x1 - view.x0) / columns,
        "y": view.y0 + (row + 0.5) * (view.y1 - view.y0) / rows,
        "n": bins.count[row, column],
    }
    if bins.dominant is not None:
        names = np.array([*bins.categories, None], dtype=object)  # -1 is the last: unknown
        table[f"most frequent {bins.field}"] = names[bins.dominant[row, column]]
    elif bins.mean is not None:
        table[f"mean {bins.field}"] = bins.mean[row, column]
    return pa.table(table)
