"""Draws contact-sheet.jpg of the README: what is handed in, and what is planted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

HERE = Path(__file__).resolve().parent
COLUMNS = 16
ZOOM = 1.5
GAP = 6  # pixels between one kind and the next


def rows_of(kind: str, n_rows: int) -> Image.Image:
    """Lay out the first pictures of one kind: plain, dusk, red_carpet or label_flipped."""
    pictures = pq.read_table(HERE / "validation.parquet", columns=["sample_id", "image"])
    planted = {row["sample_id"]: row for row in pq.read_table(HERE / "truth.parquet").to_pylist()}
    names = ("dusk", "red_carpet", "label_flipped")
    chosen = [
        row["image"]
        for row in pictures.to_pylist()
        if [name for name in names if planted[row["sample_id"]][name]]
        == ([] if kind == "plain" else [kind])
    ][: COLUMNS * n_rows]
    pixels = np.stack([np.asarray(Image.open(BytesIO(image))) for image in chosen])
    side = pixels.shape[1]
    grid = pixels.reshape(n_rows, COLUMNS, side, side, 3).swapaxes(1, 2)
    return Image.fromarray(grid.reshape(n_rows * side, COLUMNS * side, 3))


def main() -> None:
    """Stack the kinds on white."""
    strips = [
        rows_of(kind, n_rows)
        for kind, n_rows in (("plain", 5), ("dusk", 1), ("red_carpet", 1), ("label_flipped", 1))
    ]
    height = sum(strip.height + GAP for strip in strips) - GAP
    sheet = Image.new("RGB", (strips[0].width, height), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height + GAP
    size = (round(sheet.width * ZOOM), round(sheet.height * ZOOM))
    sheet.resize(size, Image.Resampling.LANCZOS).save(HERE / "contact-sheet.jpg", quality=85)


if __name__ == "__main__":
    main()
