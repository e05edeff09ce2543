"""Arrow rows of samples -> tiles of the grid."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from aggressors_app.components.grid import Heat, Tile
from aggressors_app.format import MISSING, answer, number, share


def tiles_of(
    found: pa.Table, *, flags: dict[str, str] | None = None, narrow: bool = False
) -> list[Tile]:
    """Turn a table of `queries.cards` into tiles.

    Parameters
    ----------
    flags : a word for the corner of some samples, by sample_id.
    narrow : True gives truth, other prediction and loss a line each.
    """
    flags = flags or {}
    return [_tile(row, flags.get(row["sample_id"], ""), narrow) for row in found.to_pylist()]


def _tile(row: dict[str, Any], flag: str, narrow: bool) -> Tile:
    heat = None
    if row.get("heatmap") is not None:
        heat = Heat(row["heatmap_height"], row["heatmap_width"], row["heatmap"])
    truth, other, loss = _said(row)
    what = f"{truth} › {other}" if other else truth
    wrong = row["correct"] is False
    stacked = ((truth, "", False), (other and f"› {other}", "", wrong), ("", loss, False))
    return Tile(
        id=row["sample_id"],
        picture=row["thumbnail"],
        text=row["text"] or row.get("about") or "",
        lines=tuple(filter(_says, stacked)) if narrow else ((what, loss, wrong),),
        title=f"{row['sample_id']} · {row['population']} · {what}",
        heat=heat,
        flag=flag,
    )


def _says(line: tuple[str, str, bool]) -> bool:
    return bool(line[0] or line[1])


def _said(row: dict[str, Any]) -> tuple[str, str, str]:
    """Truth, the prediction where it differs, and loss (confidence where nothing is labeled)."""
    label, prediction = answer(row["label"]), answer(row["prediction"])
    if row["loss"] is None:
        return prediction, "", "" if row["confidence"] is None else share(row["confidence"], 0)
    loss = number(row["loss"])
    if row["label"] is None or row["prediction"] is None:
        known = label if row["label"] is not None else prediction
        return ("loss" if known == MISSING else known), "", loss
    return label, "" if row["correct"] else prediction, loss
