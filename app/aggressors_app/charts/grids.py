"""Two things at once: mean loss by two fields, labels against predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts.colors import Palette
from aggressors_app.charts.parts import MARK, Spec, pick, values
from aggressors_app.format import THIN, count, number, share

_HATCH = "M-1,1L1,-1M-1,0.2L0.2,-1M-0.2,1L1,-0.2"
_PALE, _DARK = "#ffffff", "#191a2c"
_ROOMY = 13  # classes up to which a cell has room for a figure


@dataclass(frozen=True, slots=True)
class Cell:
    """Mean loss of `n` samples that share a value of two fields; `few` are too few to judge."""

    across: str
    up: str
    n: int
    mean: float
    few: bool


def loss_by_two(
    cells: Sequence[Cell],
    across: tuple[str, Sequence[str]],
    up: tuple[str, Sequence[str]],
    colors: Palette,
    loss: str = "mean loss",
) -> Spec:
    """Mean loss by two fields: one cell a pair of values, hatched where there are too few.

    Parameters
    ----------
    across, up : name of each field, and its values in order, from the left and from the top.
    """
    limits = _limits(cells)
    rows = [_row_of_two(place, cell, limits, colors) for place, cell in enumerate(cells)]
    x, y = _axes(across, up, angle=-30 if any(len(name) > 14 for name in across[1]) else 0)
    tooltip = [
        {"field": "across", "title": across[0]},
        {"field": "up", "title": up[0]},
        {"field": "mean", "title": loss, "format": ".3f"},
        {"field": "n", "title": "samples", "format": ","},
    ]
    shown: Spec = {"x": x, "y": y, "tooltip": tooltip}
    return {
        "data": values(rows),
        "height": {"step": 34},
        "layer": [
            _judged_cells(shown, limits, colors, loss),
            _hatching(shown, colors),
            _figures(shown, dy=-6),
            _figures(shown, "counted", dy=8, size=9.5, opacity=0.75),
        ],
    }


def _limits(cells: Sequence[Cell]) -> tuple[float, float]:
    """Give the ends of the colours: the least and the largest mean that can be judged."""
    judged = [cell.mean for cell in cells if not cell.few]
    low, high = min(judged, default=0.0), max(judged, default=1.0)
    return low, high if high > low else low + 1


def _row_of_two(place: int, cell: Cell, limits: tuple[float, float], colors: Palette) -> Spec:
    low, high = limits
    return {
        "across": cell.across, "up": cell.up, "n": cell.n, "mean": cell.mean, MARK: place,
        "few": cell.few, "shown": "" if cell.few else number(cell.mean),
        "counted": "" if cell.few else count(cell.n),
        "pale": not cell.few and _pale((cell.mean - low) / (high - low), colors),
    }  # fmt: skip


def _judged_cells(shown: Spec, limits: tuple[float, float], colors: Palette, loss: str) -> Spec:
    """Draw every cell; those with too few samples have no colour of their own."""
    color: Spec = {
        "field": "mean", "type": "quantitative", "title": loss,
        "scale": {"range": list(colors.loss_ramp), "domain": list(limits)},
        "legend": {"gradientLength": 140, "format": ".2~f"},
    }  # fmt: skip
    few = {"test": "datum.few", "value": colors.empty}
    return {
        "params": pick(),
        "mark": {"type": "rect", "cursor": "pointer"},
        "encoding": shown | {"color": {"condition": few, **color}},
    }


def _hatching(shown: Spec, colors: Palette) -> Spec:
    """Hatch the cells with too few samples."""
    return {
        "transform": [{"filter": "datum.few"}],
        "mark": {
            "type": "point", "shape": _HATCH, "size": 420, "stroke": colors.rest,
            "strokeWidth": 1, "opacity": 0.7, "cursor": "pointer",
        },
        "encoding": shown,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mistake:
    """How often a label is called a prediction: `n` times, which is `share` of the label."""

    label: str
    prediction: str
    n: int
    share: float


def confusion_matrix(cells: Sequence[Mistake], classes: Sequence[str], colors: Palette) -> Spec:
    """Labels against predictions; mistakes in colour, what is right in grey."""
    wrong = [cell.share for cell in cells if cell.label != cell.prediction]
    most = max(wrong, default=0.0) or 1.0
    rows = [
        {
            "across": cell.prediction, "up": cell.label, "n": cell.n, "share": cell.share,
            "right": cell.label == cell.prediction, MARK: place, "shown": _whole(cell.share),
            "pale": _is_dark(colors.empty)
            if cell.label == cell.prediction
            else _pale(cell.share / most, colors),
        }
        for place, cell in enumerate(cells)
    ]  # fmt: skip
    x, y = _axes(("prediction", classes), ("label", classes), angle=-40)
    tooltip = [
        {"field": "up", "title": "label"},
        {"field": "across", "title": "prediction"},
        {"field": "shown", "title": "of the label"},
        {"field": "n", "title": "samples", "format": ","},
    ]
    color: Spec = {
        "field": "share", "type": "quantitative",
        "scale": {"range": list(colors.loss_ramp), "domain": [0, most]},
        "legend": None,
    }  # fmt: skip
    cell: Spec = {
        "params": pick(),
        "mark": {"type": "rect", "cursor": "pointer"},
        "encoding": {
            "x": x, "y": y, "tooltip": tooltip,
            "color": {"condition": {"test": "datum.right", "value": colors.empty}, **color},
        },
    }  # fmt: skip
    figures = [_figures({"x": x, "y": y, "tooltip": tooltip})] if len(classes) <= _ROOMY else []
    step = 30 if len(classes) <= _ROOMY else 20
    return {"data": values(rows), "height": {"step": step}, "layer": [cell, *figures]}


def _axes(
    across: tuple[str, Sequence[str]], up: tuple[str, Sequence[str]], *, angle: int
) -> tuple[Spec, Spec]:
    quiet = {
        "ticks": False,
        "domain": False,
        "grid": False,
        "labelOverlap": False,
        "labelFlush": False,
    }
    gap = {"paddingInner": 0.05, "paddingOuter": 0}
    x: Spec = {
        "field": "across", "type": "nominal", "title": across[0], "sort": list(across[1]),
        "scale": {"domain": list(across[1]), **gap},
        "axis": {**quiet, "labelAngle": angle, "labelLimit": 110},
    }  # fmt: skip
    y: Spec = {
        "field": "up", "type": "nominal", "title": up[0], "sort": list(up[1]),
        "scale": {"domain": list(up[1]), **gap}, "axis": {**quiet, "labelLimit": 150},
    }  # fmt: skip
    return x, y


def _figures(
    cell: Spec, field: str = "shown", *, dy: float = 0, size: float = 11, opacity: float = 1
) -> Spec:
    return {
        "mark": {
            "type": "text", "fontSize": size, "dy": dy, "opacity": opacity, "cursor": "pointer",
        },
        "encoding": {
            **cell, "text": {"field": field, "type": "nominal"},
            # Values, not a scale, which would be merged with that of the cells.
            "color": {"condition": {"test": "datum.pale", "value": _PALE}, "value": _DARK},
        },
    }  # fmt: skip


def _pale(place: float, colors: Palette) -> bool:
    """Whether a figure must be pale to be read at this place, 0 to 1, of the ramp of loss."""
    stops = colors.loss_ramp
    return _is_dark(stops[min(int(max(place, 0.0) * len(stops)), len(stops) - 1)])


def _whole(value: float) -> str:
    """Share in whole percents; what is not nothing is not 0."""
    return f"<1{THIN}%" if 0 < value < 0.005 else share(value, 0)


def _is_dark(color: str) -> bool:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return 0.3 * red + 0.59 * green + 0.11 * blue < 140
