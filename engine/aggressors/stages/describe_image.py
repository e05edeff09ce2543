"""Measurements of an image that need no model: light, colour, sharpness, texture, symmetry.

Large images are measured on a part of their pixels, see `pixels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.stages.measure import Batch, Measure, Measured, Values, Whole
from aggressors.stages.pixels import CELLS, LUMA, WHOLE, Floats, Grid, grid_of, strips_of, tiles_of
from aggressors.stats.duplicates import CROWD, near_counts

if TYPE_CHECKING:
    from aggressors.sources.pictures import Picture

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB

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

_BLOCK = 8
_CHUNK = 1 << 18  # pixels measured at a time, so that the work stays in the cache
_LEVELS = 32
_UNLIKE = 0.2 * 255
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
    _keep_memory()
    n = len(items)
    names = [entry.name for entry in MEASURES if entry.name != "near_duplicates"]
    values = {name: np.full(n, np.nan, dtype=np.float32) for name in names}
    prints = np.zeros((n, CELLS * CELLS + 2), dtype=np.uint16)
    sizes = np.array([item.size for item in items], dtype=np.float32).reshape(-1, 2)
    values["width"], values["height"] = sizes.T
    values["aspect"] = sizes[:, 0] / sizes[:, 1]
    for (height, width, _), places in _by_shape([item.pixels for item in items]).items():
        if min(height, width) < 3:
            continue
        step = max(1, _CHUNK // min(height * width, 8 * WHOLE))
        for start in range(0, len(places), step):
            chunk = np.array(places[start : start + step])
            stack = np.stack([items[place].pixels for place in chunk])
            grid, strips = grid_of(stack), strips_of(stack)
            exact = height * width <= WHOLE or height < CELLS * 8
            mean = grid.mean if exact else _mean_colour(strips)
            for name, found in {
                **_tone(mean),
                **_light(grid),
                **_colour(grid),
                **_ground(stack, grid),
                **_detail(tiles_of(stack)),
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
        cells=CELLS * CELLS,
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


@lru_cache(maxsize=1)
def _keep_memory() -> None:
    """Let glibc keep up to 32 MB of freed memory, instead of giving back what is needed next.

    Freeing a block raises the sizes from which it does so (mallopt(3), M_MMAP_THRESHOLD); else the
    pages of each chunk are faulted in anew, which can take longer than to measure it.
    """
    np.empty(1 << 24, dtype=np.uint8)


def _by_shape(images: Sequence[Pixels]) -> dict[tuple[int, ...], list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(image.shape, []).append(place)
    return groups


# --- On the grid ---


def _light(grid: Grid) -> dict[str, Floats]:
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
    levels = (flat + mean[:, None]) * np.float32(_LEVELS / 255.001)  # below 32, rounding included
    codes = levels.astype(np.uint32) + np.arange(0, n * _LEVELS, _LEVELS, dtype=np.uint32)[:, None]
    share = np.bincount(codes.ravel(), minlength=n * _LEVELS).reshape(n, _LEVELS) / p
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    return np.asarray(-(share * logs).sum(axis=1), dtype=np.float32)


def _colour(grid: Grid) -> dict[str, Floats]:
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
    saturation = (brightest - darkest) / np.maximum(brightest, 1).astype(np.float32)
    return {
        "colourfulness": spread + np.float32(0.3) * centre,
        "saturation": _mean(saturation),
    }


def _ground(stack: NDArray[np.uint8], grid: Grid) -> dict[str, Floats]:
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


def _mean_colour(strips: Floats) -> Floats:
    """(n, 3) mean red, green and blue."""
    width = strips.shape[2] // 3
    folded = np.tile(np.eye(3, dtype=np.float32), (width, 1)) / np.float32(width * CELLS * 8)
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
    bounds = np.linspace(0, width, CELLS + 1)
    pixels = np.arange(width)[:, None]
    covered = np.minimum(bounds[1:], pixels + 1) - np.maximum(bounds[:-1], pixels)
    share = covered.clip(0) / width  # (width, 8) of 1/8
    return np.asarray((share[:, None] * LUMA[:, None]).reshape(-1, CELLS), dtype=np.float32)


# --- On tiles ---


def _detail(luma: Floats) -> dict[str, Floats]:
    """Measure what neighbouring pixels tell; `luma` is (rows, columns, n, tiles)."""
    rows, columns, n, tiles = luma.shape
    middle = luma[1:-1]
    centre = middle[:, 1:-1]
    each = np.empty((4, rows - 2, columns - 2, n, tiles), dtype=np.float32)
    laplacian, square, mixed, steep = each
    vertical = luma[:-2] + luma[2:]
    vertical -= middle
    vertical -= middle  # second difference
    np.add(middle[:, 2:], middle[:, :-2], out=laplacian)
    laplacian -= centre
    laplacian -= centre
    laplacian += vertical[:, 1:-1]
    np.multiply(laplacian, laplacian, out=square)
    np.add(vertical[:, 2:], vertical[:, :-2], out=mixed)
    mixed -= vertical[:, 1:-1]
    mixed -= vertical[:, 1:-1]
    np.abs(mixed, out=mixed)
    rise = luma[2:, 1:-1] - luma[:-2, 1:-1]
    run = middle[:, 2:] - middle[:, :-2]
    rise *= rise
    run *= run
    rise += run
    np.greater(rise, np.float32((2 * 0.1) ** 2), out=steep)  # they span two pixels
    means = each.reshape(4, -1, n, tiles).mean(axis=1).mean(axis=2)  # (4, n)
    return {
        "sharpness": (means[1] - means[0] * means[0]) * 1_000,
        "noise": means[2] * np.float32(np.sqrt(np.pi / 2) / 6),
        "edge_density": means[3],
        "texture_energy": _texture(luma),
    }


def _texture(luma: Floats) -> Floats:
    high, wide, n, tiles = luma.shape
    block = min(_BLOCK, high, wide)
    rows, columns = high // block, wide // block
    luma = luma[: rows * block, : columns * block]
    blocks = luma.reshape(rows, block, columns, block, n * tiles)
    mean = np.einsum("ribjm->rbm", blocks) / np.float32(block * block)
    square = np.einsum("ribjm,ribjm->rbm", blocks, blocks) / np.float32(block * block)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray(deviation.reshape(-1, n, tiles).mean(axis=(0, 2)))
