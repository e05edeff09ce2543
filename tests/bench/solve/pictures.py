"""Further things that befall pictures, beside those of the discovery bench; none loses much.

Pictures are (n, c, 28, 28) float32 in [0, 1]; zero is background.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from bench.discovery.pictures import SIDE, TRANSFORMS, Pictures, Transform


def turned(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Turn by a quarter, to the left."""
    return np.rot90(pictures, axes=(2, 3)).copy()


def flipped(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Set upside down."""
    return pictures[:, :, ::-1].copy()


def cut(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Leave out the lower half."""
    kept = pictures.copy()
    kept[:, :, SIDE // 2 :] = 0
    return kept


def rolled(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Slide sideways by half a picture; what leaves on the right comes in on the left."""
    return np.roll(pictures, SIDE // 2, axis=3)


def swapped(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Exchange the upper and the lower half."""
    return np.roll(pictures, SIDE // 2, axis=2)


def leaning(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Slant, as seen from the side."""
    slant = 0.6 + 0.5 * strength
    matrix, middle = np.array([[1.0, 0.0], [slant, 1.0]]), (SIDE - 1) / 2
    offset = np.full(2, middle) - matrix @ np.full(2, middle)
    leant = [ndimage.affine_transform(one, matrix, offset, order=1) for one in pictures[:, 0]]
    return np.repeat(np.array(leant, dtype=np.float32)[:, None], pictures.shape[1], axis=1)


BEFALLS: dict[str, Transform] = TRANSFORMS | {
    each.__name__: each for each in (turned, flipped, cut, rolled, swapped, leaning)
}
