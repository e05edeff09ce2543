"""Which pixels of an image are measured: all of a small one; of a large one a grid, strips, tiles.

So a large image costs little more than a small one. Mean colours are taken on strips of rows, what
neighbouring pixels tell on tiles, and all else on the grid.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
WHOLE = 2_048  # pixels up to which an image is measured whole
CELLS = 8  # strips of an image, of eight rows each
_GRID = 450  # pixels of the grid, about
_TILES = 10, 24  # tiles of 8 x 16 pixels, about: of 64 x 64 pixels, and of large images
_TILE = 8, 16


class Grid(NamedTuple):
    """Pixels of n images of one shape, in levels of 0 to 255.

    `planes` is (n, 3, p) uint8, `mean` (n, 3), `centred` (n, 3, p) their difference; `luma` is
    (n, rows, columns), centred as well, and mirrored columns stand at mirrored places.
    """

    planes: NDArray[np.uint8]
    mean: Floats
    centred: Floats
    luma: Floats


def grid_of(stack: NDArray[np.uint8]) -> Grid:
    """Thin (n, h, w, 3) to a regular grid that covers the image."""
    n, height, width, _ = stack.shape
    across, down = _steps(height, width)
    seen = stack[:, down // 2 :: down, _columns(width, across)]
    rows, columns = seen.shape[1:3]
    planes = np.ascontiguousarray(seen.transpose(0, 3, 1, 2)).reshape(n, 3, -1)
    centred = planes.astype(np.float32)
    mean = centred.mean(axis=2)
    centred -= mean[:, :, None]
    luma = (LUMA @ centred).reshape(n, rows, columns)
    return Grid(planes, mean, centred, luma)


@lru_cache(maxsize=512)
def _steps(height: int, width: int) -> tuple[int, int]:
    """Every how many columns and rows the grid has one; an odd number of columns (see below)."""
    if height * width <= WHOLE:
        return 1, 1
    thinning = height * width / _GRID
    wanted = min(thinning**0.5, width / 16)
    across = 1 + 2 * max(0, round((wanted - 1) / 2))
    return across, max(1, min(int(thinning / across), height // 16))


@lru_cache(maxsize=512)
def _columns(width: int, step: int) -> slice:
    """Every step-th column, centred, so that the grid's mirror image is the mirror image's grid.

    That needs as many columns as are odd or even with the width, if the step is odd.
    """
    count = 1 + (width - 1) // step
    count -= (width - count) % 2
    first = (width - 1 - (count - 1) * step) // 2
    return slice(first, first + (count - 1) * step + 1, step)


def strips_of(stack: NDArray[np.uint8]) -> Floats:
    """(n, 8, w x 3) sums of eight rows in each eighth of the height of (n, h, w, 3).

    Of images below 64 pixels some rows count more than once.
    """
    n, height, width, _ = stack.shape
    if height != CELLS * 8:
        rows = ((np.arange(CELLS * 8) + 0.5) * height / (CELLS * 8)).astype(np.intp)
        stack = stack[:, rows]
    seen = stack.reshape(n, CELLS, 8, width * 3)
    summed: NDArray[np.uint16] = np.add.reduce(seen, axis=2, dtype=np.uint16)
    return summed.astype(np.float32)


def tiles_of(stack: NDArray[np.uint8]) -> Floats:
    """Luma (rows, columns, n, tiles) in [0, 1] of a regular choice of tiles, or of the whole.

    Images and tiles come last, so that every step over pixels runs along memory.
    """
    n, height, width, _ = stack.shape
    if height * width <= WHOLE:
        luma: Floats = stack.reshape(-1, 3).astype(np.float32) @ (LUMA / np.float32(255))
        return np.ascontiguousarray(luma.reshape(n, -1).T).reshape(height, width, n, 1)
    high, wide = min(_TILE[0], height), min(_TILE[1], width)
    down, across = height // high, width // wide
    thinning = max(1.0, down * across / min(max(_TILES[0], height * width // 400), _TILES[1]))
    step = min(across, max(1, round((thinning * across / down) ** 0.5)))
    skip = max(1, int(thinning / step))
    cut = stack[:, : down * high, : across * wide].reshape(n, down, high, across, wide * 3)
    tiles = cut[:, skip // 2 :: skip, :, step // 2 :: step].transpose(2, 0, 1, 3, 4)
    rows = tiles.astype(np.float32, order="C").reshape(high, -1, wide * 3)
    return np.asarray(_weights(wide).T @ rows.transpose(0, 2, 1)).reshape(high, wide, n, -1)


@lru_cache(maxsize=16)
def _weights(wide: int) -> Floats:
    """(wide x 3, wide) by which a row of pixels becomes luma and is turned, in one product."""
    return np.asarray(np.kron(np.eye(wide), LUMA[:, None] / 255), dtype=np.float32)
