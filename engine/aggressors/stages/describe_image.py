"""Measurements of an image that need no model: light, colour, sharpness, texture, symmetry.

Images of more than `WHOLE` pixels are measured on a sample of them, so that a large one costs
little more than a small one: mean colours on whole rows, what neighbouring pixels tell on tiles,
all else on a regular grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.stages.measure import Batch, Measure, Measured, Values, Whole
from aggressors.stats.duplicates import CROWD, near_counts

if TYPE_CHECKING:
    from aggressors.sources.pictures import Picture

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB
Floats = NDArray[np.float32]

NAME = "image"
MEASURES = (
    Measure("brightness", "share", "mean luma, 0 black to 1 white (ITU-R BT.601 weights)"),
    Measure("contrast", "share", "standard deviation of luma"),
    Measure("sharpness", "", "variance of the Laplacian of luma x 1,000 (Pech-Pacheco 2000)"),
    Measure("noise", "share", "standard deviation of the sensor noise in luma (Immerkaer 1996)"),
    Measure("edge_density", "share", "share of pixels whose luma gradient exceeds 0.1 a pixel"),
    Measure("texture_energy", "share", "mean standard deviation of luma inside 8 x 8 blocks"),
    Measure("entropy", "bits", "Shannon entropy of luma in 32 levels"),
    Measure(
        "symmetry",
        "share",
        "share of the variance of luma that is alike left and right: 1 for a picture that equals "
        "its mirror image, 0.5 for one unlike it, 0 for its negative",
    ),
    Measure(
        "colourfulness", "", "spread and mean of the opponent colours (Hasler, Suesstrunk 2003)"
    ),
    Measure("saturation", "share", "mean HSV saturation"),
    Measure("warmth", "share", "mean red minus mean blue, -1 to 1"),
    Measure("tint", "share", "mean green minus the mean of red and blue, -1 to 1"),
    Measure(
        "foreground", "share", "share of pixels unlike the border's mean colour (by 0.2 or more)"
    ),
    Measure("border_brightness", "share", "mean of the border's colour channels"),
    Measure("border_warmth", "share", "red minus blue of the border, -1 to 1"),
    Measure("width", "px", "width of the original"),
    Measure("height", "px", "height of the original"),
    Measure("aspect", "", "width divided by height"),
    Measure(
        "near_duplicates",
        "samples",
        f"other images of the run that look nearly the same, up to {CROWD}: shrunk to 8 x 8, their "
        "luma differs by a tenth of its standard deviation at most (root mean square) and their "
        "mean colour by 4 of 255; so a copy that is resized or saved anew counts, one that is "
        "cropped, turned or of another exposure does not",
    ),
)

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
WHOLE = 2_048  # pixels up to which an image is measured whole
_GRID = 640  # pixels of the grid, about
_TILES = 16  # tiles of 8 x 16 pixels, about
_TILE = 8, 16
_BLOCK = 8
_CHUNK = 1 << 17  # sampled pixels measured at a time, so that the work stays in the cache
_LEVELS = 32
_UNLIKE = 0.2 * 255
_CELLS = 8  # rows and columns of a print
_STEPS = 64  # of a print, in one level of 255
_OFFSET = 256  # levels added to a difference of colours, so that no print is 0
_NEAR = 0.1  # root mean square difference of two prints, in standard deviations of luma
_NEAR_LEVELS = 0.5  # the same in levels of 255, for images without contrast
_NEAR_COLOUR = 4.0  # difference of mean colours, in levels of 255


def read(batch: Batch) -> Sequence[Picture | None]:
    """Images are measured as decoded."""
    return batch.pictures


def measure(items: Sequence[Picture]) -> Measured:
    """Measure images of any sizes.

    Returns
    -------
    One (n,) float32 a measure, but for `near_duplicates`, and prints (n, 66); both are NaN or 0
    for images below 3 x 3 pixels, of which only the size is known.
    """
    n = len(items)
    names = [entry.name for entry in MEASURES if entry.name != "near_duplicates"]
    values = {name: np.full(n, np.nan, dtype=np.float32) for name in names}
    prints = np.zeros((n, _CELLS * _CELLS + 2), dtype=np.uint16)
    sizes = np.array([item.size for item in items], dtype=np.float32).reshape(-1, 2)
    values["width"], values["height"] = sizes.T
    values["aspect"] = sizes[:, 0] / sizes[:, 1]
    for (height, width, _), places in _by_shape([item.pixels for item in items]).items():
        if min(height, width) < 3:
            continue
        step = max(1, _CHUNK // min(height * width, WHOLE))
        for start in range(0, len(places), step):
            chunk = np.array(places[start : start + step])
            stack = np.stack([items[place].pixels for place in chunk])
            grid, strips = _grid(stack), _strips(stack)
            exact = height * width <= WHOLE or height < _CELLS * 8
            mean = grid.mean if exact else _mean_colour(strips)
            for name, found in {
                **_tone(mean),
                **_light(grid),
                **_colour(grid),
                **_ground(stack, grid),
                **_detail(_tiles(stack)),
            }.items():
                values[name][chunk] = found
            prints[chunk] = _prints(strips, mean)
    return Measured(values, prints)


def compare(whole: Whole) -> Mapping[str, Values]:
    """Count near-duplicates over the run."""
    if NAME not in whole.prints:
        return {}
    column = whole.prints[NAME]
    known = np.flatnonzero(column.is_valid().to_numpy())
    prints = _unpacked(column.drop_null())
    seen = prints.any(axis=1)  # else below 3 x 3 pixels
    counts = np.full(len(whole), np.nan)
    counts[known[seen]] = near_counts(
        prints[seen],
        cells=_CELLS * _CELLS,
        unit=1 / _STEPS,
        share=_NEAR,
        least=_NEAR_LEVELS,
        further=_NEAR_COLOUR,
    )
    return {"near_duplicates": counts}


def _unpacked(column: pa.ChunkedArray) -> NDArray[np.uint16]:
    """(n, 66) prints of a column without NULL."""
    width = column.type.byte_width // 2
    parts = [
        np.frombuffer(chunk.buffers()[1], dtype=np.uint16).reshape(-1, width)[
            chunk.offset : chunk.offset + len(chunk)
        ]
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty((0, width), dtype=np.uint16)


def _by_shape(images: Sequence[Pixels]) -> dict[tuple[int, ...], list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(image.shape, []).append(place)
    return groups


# --- On the grid ---


class _Grid(NamedTuple):
    """Pixels of n images of one shape, in levels of 0 to 255.

    `planes` is (n, 3, p) uint8, `mean` (n, 3), `centred` (n, 3, p) their difference; `luma` is
    (n, rows, columns), centred as well, and mirrored columns stand at mirrored places.
    """

    planes: NDArray[np.uint8]
    mean: Floats
    centred: Floats
    luma: Floats


def _grid(stack: NDArray[np.uint8]) -> _Grid:
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
    return _Grid(planes, mean, centred, luma)


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


def _light(grid: _Grid) -> dict[str, Floats]:
    """Measure what luma tells."""
    luma, mean = grid.luma, grid.mean @ LUMA
    n, _, columns = luma.shape
    flat = luma.reshape(n, -1)
    energy = _products(flat, flat)
    half = columns // 2
    mirrored = 2 * np.einsum("nij,nij->n", luma[:, :, :half], luma[:, :, : -half - 1 : -1])
    if columns % 2:
        mirrored += np.einsum("ni,ni->n", luma[:, :, half], luma[:, :, half])
    plain = energy <= 1e-3 * flat.shape[1]  # rounding aside, all of one level
    alike = np.divide(mirrored, energy, out=np.ones(n, np.float32), where=~plain)
    return {
        "contrast": np.sqrt(energy / flat.shape[1]) / 255,
        "entropy": _entropy(flat, mean),
        "symmetry": (1 + alike) / 2,
    }


def _products(left: Floats, right: Floats) -> Floats:
    """Scalar product of each row of (n, p) with that of another."""
    return np.asarray(np.einsum("ij,ij->i", left, right))


def _entropy(flat: Floats, mean: Floats) -> Floats:
    """Shannon entropy of (n, p) luma less its mean."""
    n, p = flat.shape
    levels = ((flat + mean[:, None]) * np.float32(_LEVELS / 255)).clip(0, _LEVELS - 1)
    codes = levels.astype(np.uint8) + np.arange(0, n * _LEVELS, _LEVELS)[:, None]
    share = np.bincount(codes.ravel(), minlength=n * _LEVELS).reshape(n, _LEVELS) / p
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    return np.asarray(-(share * logs).sum(axis=1), dtype=np.float32)


def _colour(grid: _Grid) -> dict[str, Floats]:
    """Measure what colour tells."""
    red, green, blue = (grid.centred[:, channel] for channel in range(3))
    p = red.shape[1]
    opponents = red - green, (red + green) * np.float32(0.5) - blue
    spread = np.sqrt(sum(_products(each, each) for each in opponents) / p)
    means = grid.mean.T
    centre = np.hypot(means[0] - means[1], (means[0] + means[1]) / 2 - means[2])
    planes = [grid.planes[:, channel] for channel in range(3)]
    brightest = np.maximum(np.maximum(planes[0], planes[1]), planes[2])
    darkest = np.minimum(np.minimum(planes[0], planes[1]), planes[2])
    np.maximum(brightest, 1, out=brightest, where=brightest == 0)
    grey = darkest / brightest.astype(np.float32)
    grey[brightest <= 1] = 0
    return {
        "colourfulness": spread + np.float32(0.3) * centre,
        "saturation": 1 - grey.mean(axis=1),
    }


def _ground(stack: NDArray[np.uint8], grid: _Grid) -> dict[str, Floats]:
    """Measure the border of (n, h, w, 3), and what stands out from it."""
    n = len(stack)
    edges = np.concatenate(
        [stack[:, 0], stack[:, -1], stack[:, 1:-1, 0], stack[:, 1:-1, -1]], axis=1
    )  # (n, pixels, 3)
    folded = np.tile(np.eye(3, dtype=np.float32), (edges.shape[1], 1))
    border = edges.reshape(n, -1).astype(np.float32) @ folded / np.float32(edges.shape[1])
    low = (np.floor(border - _UNLIKE) + 1).clip(0, 255)  # least level that is alike, and the most
    high = (np.ceil(border + _UNLIKE) - 1).clip(0, 255)
    above = grid.planes - low.astype(np.uint8)[:, :, None]  # below `low` it wraps to a large one
    unlike = (above > (high - low).astype(np.uint8)[:, :, None]).any(axis=1)
    return {
        "foreground": _mean(unlike.view(np.uint8)),
        "border_brightness": border.mean(axis=1) / 255,
        "border_warmth": (border[:, 0] - border[:, 2]) / 255,
    }


def _mean(values: NDArray[Any]) -> Floats:
    """Mean of (n, p) over its rows."""
    return np.asarray(values.mean(axis=1, dtype=np.float32))


# --- On strips ---


def _strips(stack: NDArray[np.uint8]) -> Floats:
    """(n, 8, w x 3) sums of eight rows in each eighth of the height of (n, h, w, 3).

    Of images below 64 pixels some rows count more than once.
    """
    n, height, width, _ = stack.shape
    rows = ((np.arange(_CELLS * 8) + 0.5) * height / (_CELLS * 8)).astype(np.intp)
    seen = stack[:, rows].reshape(n, _CELLS, 8, width * 3)
    summed: NDArray[np.uint16] = np.add.reduce(seen, axis=2, dtype=np.uint16)
    return summed.astype(np.float32)


def _mean_colour(strips: Floats) -> Floats:
    """(n, 3) mean red, green and blue."""
    width = strips.shape[2] // 3
    folded = np.tile(np.eye(3, dtype=np.float32), (width, 1)) / np.float32(width * _CELLS * 8)
    return np.asarray(strips.sum(axis=1) @ folded)


def _tone(mean: Floats) -> dict[str, Floats]:
    """Measure what the mean colour (n, 3) tells."""
    red, green, blue = mean.T / 255
    return {
        "brightness": mean @ LUMA / 255,
        "warmth": red - blue,
        "tint": green - (red + blue) / 2,
    }


def _prints(strips: Floats, mean: Floats) -> NDArray[np.uint16]:
    """(n, 66) mean luma in 8 x 8 cells, and how red and blue differ from it, in 1/64 of a level."""
    n, _, columns = strips.shape
    cells = (strips @ _folding(columns // 3)).reshape(n, -1)
    offset = mean[:, ::2] - (mean @ LUMA)[:, None] + _OFFSET
    levels: Floats = np.hstack([cells, offset])
    return np.rint(levels * _STEPS).astype(np.uint16)


@lru_cache(maxsize=512)
def _folding(width: int) -> Floats:
    """(width x 3, 8) weights that make eight cells of luma of the sum of eight rows of pixels."""
    bounds = np.linspace(0, width, _CELLS + 1)
    pixels = np.arange(width)[:, None]
    covered = np.minimum(bounds[1:], pixels + 1) - np.maximum(bounds[:-1], pixels)
    share = covered.clip(0) / width  # (width, 8) of 1/8
    return np.asarray((share[:, None] * LUMA[:, None]).reshape(-1, _CELLS), dtype=np.float32)


# --- On tiles ---


def _tiles(stack: NDArray[np.uint8]) -> Floats:
    """Luma (rows, columns, n, tiles) in [0, 1] of a regular choice of tiles, or of the whole.

    Images and tiles come last, so that every step over pixels runs along memory.
    """
    n, height, width, _ = stack.shape
    if height * width <= WHOLE:
        tiles, high, wide = stack, height, width
    else:
        high, wide = min(_TILE[0], height), min(_TILE[1], width)
        down, across = height // high, width // wide
        thinning = max(1.0, down * across / _TILES)
        step = min(across, max(1, round((thinning * across / down) ** 0.5)))
        skip = max(1, int(thinning / step))
        cut = stack[:, : down * high, : across * wide].reshape(n, down, high, across, wide, 3)
        tiles = cut[:, skip // 2 :: skip, :, step // 2 :: step].transpose(0, 1, 3, 2, 4, 5)
    luma: Floats = tiles.reshape(-1, 3).astype(np.float32) @ (LUMA / np.float32(255))
    return np.ascontiguousarray(luma.reshape(-1, high * wide).T).reshape(high, wide, n, -1)


def _detail(luma: Floats) -> dict[str, Floats]:
    """Measure what neighbouring pixels tell; `luma` is (rows, columns, n, tiles)."""
    middle = luma[1:-1]
    centre = middle[:, 1:-1]
    vertical = luma[:-2] + luma[2:]
    vertical -= middle
    vertical -= middle  # second difference
    laplacian = middle[:, 2:] + middle[:, :-2]
    laplacian -= centre
    laplacian -= centre
    laplacian += vertical[:, 1:-1]
    mixed = vertical[:, 2:] + vertical[:, :-2]
    mixed -= vertical[:, 1:-1]
    mixed -= vertical[:, 1:-1]
    rise = luma[2:, 1:-1] - luma[:-2, 1:-1]
    run = middle[:, 2:] - middle[:, :-2]
    rise *= rise
    run *= run
    rise += run
    steep = rise > np.float32((2 * 0.1) ** 2)  # they span two pixels
    mean = _per_image(laplacian)
    np.abs(mixed, out=mixed)
    return {
        "sharpness": (_per_image(laplacian * laplacian) - mean * mean) * 1_000,
        "noise": _per_image(mixed) * np.float32(np.sqrt(np.pi / 2) / 6),
        "edge_density": _per_image(steep),
        "texture_energy": _texture(luma),
    }


def _per_image(values: NDArray[Any]) -> Floats:
    """Mean of (rows, columns, n, tiles) over all but n."""
    rows, columns, _, tiles = values.shape
    total = values.sum(axis=(0, 1), dtype=np.float32).sum(axis=1)
    return np.asarray(total / np.float32(rows * columns * tiles))


def _texture(luma: Floats) -> Floats:
    high, wide, n, tiles = luma.shape
    block = min(_BLOCK, high, wide)
    rows, columns = high // block, wide // block
    luma = luma[: rows * block, : columns * block]
    blocks = luma.reshape(rows, block, columns, block, n * tiles)
    mean = blocks.mean(axis=(1, 3))
    square = np.einsum("ribjm,ribjm->rbm", blocks, blocks) / np.float32(block * block)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    return _per_image(deviation.reshape(rows, columns, n, tiles))
