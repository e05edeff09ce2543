"""What a person needs to see of a few samples: facts, picture or text, and the heatmap.

Other questions find out which samples, in which order, and hand over a short table with a column
`row_id`; `cards` looks everything else up by position.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.queries.scope import fetch

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MAX_ROWS = 10_000  # of one page; a longer list is an export

_FACTS = """
    SELECT s.row_id, s.sample_id, s.population::VARCHAR AS population, s.fold::VARCHAR AS fold,
        {label} AS label, {prediction} AS prediction, {correct} AS correct,
        s.confidence, s.loss, x.kind, x.uri, x.text, x.thumbnail
    FROM (SELECT unnest($rows::BIGINT[]) AS place) o
    JOIN samples s ON s.rowid = o.place  -- looked up where they stand, not sought by value
    LEFT JOIN (SELECT * FROM media WHERE row_id IN (SELECT unnest($rows::BIGINT[]))) x
        ON x.row_id = s.row_id
"""
_HEATMAPS = """
    SELECT p.sample_id, p.method AS heatmap_method, p.target AS heatmap_target,
        p.height AS heatmap_height, p.width AS heatmap_width,
        p.scale AS heatmap_scale, p.pixels AS heatmap,
        t.target AS heatmap_label, t.pixels AS label_heatmap
    FROM heatmaps p LEFT JOIN heatmaps t ON t.sample_id = p.sample_id AND t.of = 'label'
        AND t.height = p.height AND t.width = p.width
    WHERE p.of = 'prediction' AND p.sample_id IN (SELECT unnest($ids))
"""


def cards(run: RunFile, found: pa.Table, *, heatmaps: bool = False) -> pa.Table:
    """Add sample facts and media to a short table of samples, in its order.

    Parameters
    ----------
    found : a column `row_id` without NULL, and any others, which stay as they are and come first.
    heatmaps : also add `heatmap` (bytes, one a cell), its method, target, height, width and scale,
        and `label_heatmap` with its target; NULL where the sample has none.

    Returns
    -------
    row_id, the other columns of `found`, then sample_id, population, fold, label, prediction,
    correct, confidence, loss, kind, uri, text, thumbnail.
    """
    rows = found["row_id"].to_pylist()
    shown = _facts(run, rows)
    if heatmaps:
        shown = _joined(
            shown,
            fetch(run, _HEATMAPS, params={"ids": shown["sample_id"].to_pylist()}),
            "sample_id",
        )
    own = [name for name in found.column_names if name != "row_id"]
    shown = shown.drop_columns([name for name in own if name in shown.column_names])
    return _joined(found.select(["row_id", *own]), shown, "row_id")


def media_type(picture: bytes) -> str:
    """Type of a picture by its first bytes; '' for anything but JPEG and PNG."""
    if picture.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/png" if picture.startswith(b"\x89PNG\r\n\x1a\n") else ""


def data_uri(picture: bytes | None) -> str:
    """JPEG or PNG bytes as a data URI; '' for anything else, which a stranger may have put in."""
    if not picture or not (kind := media_type(picture)):
        return ""
    return f"data:{kind};base64,{b64encode(picture).decode()}"


def row_ids(run: RunFile, sample_ids: list[str]) -> dict[str, int]:
    """Positions of samples by their ids; unknown ids are left out."""
    sql = "SELECT sample_id, row_id FROM samples WHERE sample_id IN (SELECT unnest($ids))"
    table = fetch(run, sql, params={"ids": sample_ids})
    return dict(zip(table["sample_id"].to_pylist(), table["row_id"].to_pylist(), strict=True))


def _facts(run: RunFile, rows: list[int]) -> pa.Table:
    as_text = "s.{0}::VARCHAR" if run.classes else "s.{0}"
    return fetch(
        run,
        _FACTS,
        params={"rows": list(dict.fromkeys(rows))},
        label=as_text.replace("{0}", "label"),
        prediction=as_text.replace("{0}", "prediction"),
        correct="s.label = s.prediction" if run.classes else "NULL::BOOLEAN",
    )


def _joined(left: pa.Table, right: pa.Table, key: str) -> pa.Table:
    """Add the columns of `right` to `left` by a key, keeping the order of `left`."""
    place = {value: at for at, value in enumerate(right[key].to_pylist())}
    taken = right.take(pa.array([place.get(value) for value in left[key].to_pylist()], pa.int64()))
    for name in right.column_names:
        if name != key:
            left = left.append_column(name, taken[name])
    return left
