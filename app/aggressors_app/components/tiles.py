"""Arrow rows of samples -> tiles of the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from aggressors.queries.telling import excerpt
from aggressors_app.components.grid import Heat, Tile
from aggressors_app.format import MISSING, answer, number, share

EXCERPT = 420  # characters of a text in a tile


def tiles_of(
    found: pa.Table,
    *,
    flags: Mapping[str, str] | None = None,
    narrow: bool = False,
    words: Mapping[str, float] | None = None,
) -> list[Tile]:
    """Turn a table of `queries.cards` into tiles.

    Parameters
    ----------
    flags : a word for the corner of some samples, by sample_id.
    narrow : True gives truth, other prediction and loss a line each.
    words : weights of the words to mark in texts, of which the part that holds most is shown.
    """
    flags, words = flags or {}, words or {}
    return [_tile(row, flags.get(row["sample_id"], ""), narrow, words) for row in found.to_pylist()]


def width_of(tiles: Sequence[Tile], picture: int) -> int:
    """Least width of a tile in pixels: words need more room than a `picture`."""
    if not tiles or any(tile.picture for tile in tiles):
        return picture
    return max(picture, 210 if any(tile.text for tile in tiles) else 150)


def _tile(row: dict[str, Any], flag: str, narrow: bool, words: Mapping[str, float]) -> Tile:
    heat = None
    if row.get("heatmap") is not None:
        heat = Heat(
            row["heatmap_height"], row["heatmap_width"], row["heatmap"], row["label_heatmap"]
        )
    truth, other, loss = _said(row)
    what = f"{truth} › {other}" if other else truth
    wrong = row["correct"] is False
    stacked = ((truth, "", False), (other and f"› {other}", "", wrong), ("", loss, False))
    alike = row.get("alike") or 0
    return Tile(
        id=row["sample_id"],
        picture=row["thumbnail"],
        text="" if row["thumbnail"] else excerpt(row["text"] or "", words, EXCERPT),
        lines=tuple(filter(_says, stacked)) if narrow else ((what, loss, wrong),),
        title=f"{row['sample_id']} · {row['population']} · {what}",
        heat=heat,
        flag=flag,
        alike=f"+{alike} alike" if alike else "",
        words=tuple(words),
        values=tuple((one["name"], one["value"], one["odd"]) for one in row.get("about") or ()),
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
