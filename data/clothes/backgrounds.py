"""Procedural floors and walls on which a garment is photographed.

Every painter takes a random generator and returns a (SIDE, SIDE, 3) float64 albedo in
display values, [0, 1]. All arithmetic is float64: the last bits of float32 differ between
processors, and would flip pixels after rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

Floats = NDArray[np.float64]
TIMBERS = ((0.62, 0.43, 0.26), (0.72, 0.55, 0.37), (0.45, 0.29, 0.18), (0.60, 0.50, 0.40))
SIDE = 128  # twice the side of the finished photograph, so that edges come out smooth


@cache
def _stretch(n_knots: int) -> Floats:
    """Cubic interpolation from `n_knots` values to SIDE values, as a (SIDE, n_knots) matrix."""
    factor = SIDE / n_knots
    return ndimage.zoom(np.eye(n_knots), (factor, 1), order=3, mode="nearest", grid_mode=True)


def smooth_noise(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    """(SIDE, SIDE) noise of mean 0 and deviation about 0.6, with `rows` x `columns` knots."""
    return _stretch(rows) @ rng.standard_normal((rows, columns)) @ _stretch(columns).T


def _cloud(rng: np.random.Generator) -> Floats:
    """(SIDE, SIDE) noise on four scales, the coarse ones strongest."""
    cloud = np.zeros((SIDE, SIDE))
    for knots, strength in ((3, 0.5), (7, 0.3), (18, 0.2), (48, 0.12)):
        cloud += smooth_noise(rng, knots, knots) * strength
    return cloud


def _tinted(colour: tuple[float, float, float], shade: Floats) -> Floats:
    return np.clip(np.array(colour) * shade[..., None], 0, 1)


def studio(rng: np.random.Generator) -> Floats:
    """Paint a paper sweep: wall above, table below, a soft bend between."""
    whiteness = rng.uniform(0.80, 0.93)
    paper = whiteness * np.array([1.0, rng.uniform(0.97, 1.0), rng.uniform(0.91, 1.0)])
    height = np.linspace(0, 1, SIDE)[:, None]
    bend = 1 / (1 + np.exp(-(height - rng.uniform(0.55, 0.8)) * 18))
    shade = 1 - rng.uniform(0.02, 0.10) * bend + 0.012 * _cloud(rng)
    return _tinted(tuple(paper), shade)


def concrete(rng: np.random.Generator) -> Floats:
    """Paint stained cement with pores and, in every third picture, a joint between two slabs."""
    shade = 0.58 + rng.uniform(-0.10, 0.10) + 0.09 * _cloud(rng)
    shade += 0.02 * rng.standard_normal((SIDE, SIDE))
    pores = ndimage.gaussian_filter((rng.random((SIDE, SIDE)) < 0.012).astype(float), 0.7)
    shade -= 0.45 * pores
    if rng.random() < 1 / 3:
        row = rng.integers(8, SIDE - 8)
        shade[row : row + 3] *= np.array([0.62, 0.5, 0.75])[:, None]
        shade[row + 3 :] *= rng.uniform(0.93, 1.05)
    tone = rng.uniform(-0.03, 0.04)
    return _tinted((1 + tone, 1.0, 0.98 - tone), shade)


def wood(rng: np.random.Generator) -> Floats:
    """Paint boards side by side, each with its own tone and its own grain."""
    albedo = np.empty((SIDE, SIDE, 3))
    base = np.array(TIMBERS[rng.integers(len(TIMBERS))])
    grain = smooth_noise(rng, 40, 4) * 0.6 + smooth_noise(rng, 100, 7) * 0.4
    grain += smooth_noise(rng, 9, 3) * 0.5
    board = int(rng.integers(26, 44))
    start = -int(rng.integers(0, board))
    for top in range(start, SIDE, board):
        rows = slice(max(top, 0), min(top + board, SIDE))
        tone = base * rng.uniform(0.86, 1.12) + rng.normal(0, 0.008, 3)
        own_grain = np.roll(grain, int(rng.integers(SIDE)), axis=1)[rows]
        albedo[rows] = tone * (1 + 0.13 * own_grain[..., None])
        if top > 0:
            albedo[top : top + 2] *= 0.45
    if rng.random() < 0.5:
        albedo = albedo.swapaxes(0, 1)
    return np.clip(albedo, 0, 1)


def _carpet(colour: tuple[float, float, float]) -> Callable[[np.random.Generator], Floats]:
    def painter(rng: np.random.Generator) -> Floats:
        """Paint short pile: fine tufts, and the strokes that a vacuum cleaner leaves."""
        tufts = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), (1.1, 0.8)) / 0.33
        strokes = np.tanh(2 * smooth_noise(rng, 3, 7))
        shade = rng.uniform(0.88, 1.10) + 0.15 * tufts + 0.05 * strokes
        dye = np.array(colour) * rng.uniform(0.975, 1.025, 3)
        return _tinted(tuple(dye), shade)

    return painter


def foliage(rng: np.random.Generator) -> Floats:
    """Paint a hedge: leaves laid over one another, the upper ones lighter."""
    scale = 2
    canvas = Image.new("RGB", (SIDE * scale, SIDE * scale), (26, 40, 18))
    draw = ImageDraw.Draw(canvas)
    n_leaves = 420
    centres = rng.uniform(-8, SIDE + 8, (n_leaves, 2))
    lengths = rng.uniform(5, 11, n_leaves)
    angles = rng.uniform(0, np.pi, n_leaves)
    along = np.linspace(0, 2 * np.pi, 12)
    season = rng.uniform(-0.08, 0.14)
    for depth, (centre, length, angle) in enumerate(zip(centres, lengths, angles, strict=True)):
        lit = 0.35 + 0.5 * depth / n_leaves + rng.normal(0, 0.07)
        leaf = np.stack([np.cos(along) * length, np.sin(along) * length * 0.42])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        outline = ((turn @ leaf).T + centre) * scale
        hue = np.array([0.42 + season + rng.normal(0, 0.05), 0.62, 0.24])
        green = np.clip(hue * lit * 255, 0, 255)
        draw.polygon([tuple(point) for point in outline], fill=tuple(int(part) for part in green))
    small = canvas.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64) / 255 * (1 + 0.08 * _cloud(rng)[..., None])


PAINTERS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "studio": studio,
    "concrete": concrete,
    "wood": wood,
    "foliage": foliage,
    "red carpet": _carpet((0.58, 0.19, 0.19)),
    "blue carpet": _carpet((0.20, 0.28, 0.50)),
    "grey carpet": _carpet((0.46, 0.46, 0.47)),
    "green carpet": _carpet((0.27, 0.41, 0.30)),
    "beige carpet": _carpet((0.72, 0.64, 0.52)),
}
