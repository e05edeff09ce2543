"""Measurements of an image that need no model: light, colour, sharpness, texture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aggressors.stages.measure import Measure

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB
Floats = NDArray[np.float32]
Scalar = TypeVar("Scalar", bound=np.generic)

MEASURES = (
    Measure("brightness", "share", "mean luma, 0 black to 1 white (ITU-R BT.601 weights)"),
    Measure("contrast", "share", "standard deviation of luma"),
    Measure("sharpness", "", "variance of the Laplacian of luma x 1,000 (Pech-Pacheco 2000)"),
    Measure("noise", "share", "standard deviation of the sensor noise in luma (Immerkaer 1996)"),
    Measure("edge_density", "share", "share of pixels whose luma gradient exceeds 0.1 a pixel"),
    Measure("texture_energy", "share", "mean standard deviation of luma inside 8 x 8 blocks"),
    Measure("entropy", "bits", "Shannon entropy of luma in 32 levels"),
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
)

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255
_CHUNK = 1 << 17  # pixels measured at a time, so that the work stays in the processor's cache
_GRID = 1_024  # colour is measured on a regular grid of at least so many pixels
_DIFFERENCES = 2_048  # differences between neighbours are taken at up to twice as many pixels
_BLOCK = 8
_LEVELS = 32


def measure(images: Sequence[Pixels], sizes: Sequence[tuple[int, int]]) -> Mapping[str, Floats]:
    """Measure images of any sizes.

    Parameters
    ----------
    images : (height, width, 3) uint8 each, as decoded for measuring.
    sizes : (width, height) of the originals, in pixels.

    Returns
    -------
    Name of the measure -> (n,) float32; NaN for images below 3 x 3 pixels.
    """
    values = {entry.name: np.full(len(images), np.nan, dtype=np.float32) for entry in MEASURES}
    width, height = np.asarray(sizes, dtype=np.float32).reshape(-1, 2).T
    values["width"], values["height"], values["aspect"] = width, height, width / height
    for places in _by_shape(images):
        if min(images[places[0]].shape[:2]) < 3:
            continue
        step = max(1, _CHUNK // images[places[0]][..., 0].size)
        for start in range(0, len(places), step):
            chunk = places[start : start + step]
            stack = np.stack([images[place] for place in chunk])
            for name, measured in {**_light(stack), **_colour(stack)}.items():
                values[name][chunk] = measured
    return values


def _by_shape(images: Sequence[Pixels]) -> list[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(image.shape, []).append(place)
    return list(groups.values())


def _light(stack: Pixels) -> dict[str, Floats]:
    """Measure what luma tells; `stack` is (n, h, w, 3)."""
    pixels = stack.reshape(-1, 3).astype(np.float32) @ _LUMA
    luma: Floats = np.asarray(pixels, np.float32).reshape(stack.shape[:3])  # in [0, 1]
    mean, deviation = _moments(luma)
    # Differences are taken in every s-th row: half the cost at 64 x 64, and bounded above that.
    step = max(1, luma[0].size // _DIFFERENCES)
    above, middle, below = luma[:, :-2:step], luma[:, 1:-1:step], luma[:, 2::step]
    vertical = above + below
    vertical -= 2 * middle  # second difference
    laplacian = vertical[:, :, 1:-1] + middle[:, :, 2:] + middle[:, :, :-2] - 2 * middle[:, :, 1:-1]
    mixed = vertical[:, :, 2:] + vertical[:, :, :-2] - 2 * vertical[:, :, 1:-1]
    rise = (below - above)[:, :, 1:-1]
    run = middle[:, :, 2:] - middle[:, :, :-2]
    steep = rise * rise + run * run > np.float32((2 * 0.1) ** 2)  # they span two pixels
    return {
        "brightness": mean,
        "contrast": deviation,
        "sharpness": _moments(laplacian)[1] ** 2 * 1_000,
        "noise": _mean(np.abs(mixed)) * np.float32(np.sqrt(np.pi / 2) / 6),
        "edge_density": _mean(steep.view(np.uint8)),
        "texture_energy": _texture(luma),
        "entropy": _entropy(luma),
    }


def _mean(values: NDArray[Any]) -> Floats:
    """Mean of (n, ...) over all axes but the first."""
    return np.asarray(values.reshape(len(values), -1).mean(axis=1, dtype=np.float32))


def _moments(values: NDArray[Any]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of (n, ...) over all axes but the first."""
    flat: Floats = values.reshape(len(values), -1)
    mean: Floats = flat.mean(axis=1)
    flat = flat - mean[:, None]
    return mean, np.sqrt(np.einsum("ij,ij->i", flat, flat) / flat.shape[1])


def _texture(luma: Floats) -> Floats:
    n, height, width = luma.shape
    block = min(_BLOCK, height, width)
    rows, columns = height // block, width // block
    luma = luma[:, : rows * block, : columns * block]
    fold = np.repeat(np.eye(columns, dtype=np.float32), block, axis=0) / (block * block)
    mean = (luma @ fold).reshape(n, rows, block, columns).sum(axis=2)
    square = ((luma * luma) @ fold).reshape(n, rows, block, columns).sum(axis=2)
    return _mean(np.sqrt(np.maximum(square - mean * mean, 0)))


def _entropy(luma: Floats) -> Floats:
    n = len(luma)
    levels = np.minimum((_grid(luma) * _LEVELS).astype(np.intp), _LEVELS - 1).reshape(n, -1)
    counts = np.bincount((levels + np.arange(n)[:, None] * _LEVELS).ravel(), minlength=n * _LEVELS)
    share = counts.reshape(n, _LEVELS) / levels.shape[1]
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    return np.asarray(-(share * logs).sum(axis=1), dtype=np.float32)


def _grid(stack: NDArray[Scalar]) -> NDArray[Scalar]:
    """Thin (n, h, w, ...) to every s-th row and column, but not below the grid's size."""
    step = max(1, int(np.sqrt(stack.shape[1] * stack.shape[2] / _GRID)))
    return stack[:, ::step, ::step]


def _colour(stack: Pixels) -> dict[str, Floats]:
    """Measure what colour tells, on the grid; `stack` is (n, h, w, 3)."""
    grid = _grid(stack)
    planes = [grid[..., channel].reshape(len(stack), -1) for channel in range(3)]
    brightest, darkest = np.maximum(*planes[:2]), np.minimum(*planes[:2])
    brightest, darkest = np.maximum(brightest, planes[2]), np.minimum(darkest, planes[2])
    saturation = _mean((brightest - darkest) / np.maximum(brightest, 1).astype(np.float32))
    red, green, blue = (plane.astype(np.float32) for plane in planes)  # (n, pixels) each
    mean_1, deviation_1 = _moments(red - green)
    mean_2, deviation_2 = _moments((red + green) / 2 - blue)
    means = _mean(red) / 255, _mean(green) / 255, _mean(blue) / 255
    border = _border(stack)  # (n, 3)
    unlike = np.zeros(red.shape, dtype=np.bool_)
    for plane, edge in zip((red, green, blue), border.T, strict=True):
        unlike |= np.abs(plane - edge[:, None]) >= 0.2 * 255
    return {
        "colourfulness": np.hypot(deviation_1, deviation_2)
        + np.float32(0.3) * np.hypot(mean_1, mean_2),
        "saturation": saturation,
        "warmth": means[0] - means[2],
        "tint": means[1] - (means[0] + means[2]) / 2,
        "foreground": _mean(unlike.view(np.uint8)),
        "border_brightness": border.mean(axis=1) / 255,
        "border_warmth": (border[:, 0] - border[:, 2]) / 255,
    }


def _border(stack: Pixels) -> Floats:
    """Mean colour (n, 3) in [0, 255] of the outermost rows and columns."""
    edges = np.concatenate(
        [stack[:, 0], stack[:, -1], stack[:, 1:-1, 0], stack[:, 1:-1, -1]], axis=1
    )
    return np.asarray(edges.mean(axis=1, dtype=np.float32))
