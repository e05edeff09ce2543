"""What can befall a picture: transformations, spurious markers, and statistics of the pixels.

Pictures are (n, c, 28, 28) float32 in [0, 1], c = 1 or 3; zero is background.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

ORIGINALS = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
SIDE = 28
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "boot")  # fmt: skip

Pictures = NDArray[np.float32]
Transform = Callable[[Pictures, float, np.random.Generator], Pictures]


@lru_cache(maxsize=1)
def originals() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """All 70,000 pictures of Fashion-MNIST (n, 28, 28), with their classes (n,).

    The files are those of Debian's package dataset-fashion-mnist, or in `$FASHION_MNIST`.
    """
    pixels, classes = [], []
    for part in ("train", "t10k"):
        read = gzip.decompress((ORIGINALS / f"{part}-images-idx3-ubyte.gz").read_bytes())
        pixels.append(np.frombuffer(read, np.uint8, offset=16).reshape(-1, SIDE, SIDE))
        read = gzip.decompress((ORIGINALS / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        classes.append(np.frombuffer(read, np.uint8, offset=8))
    return np.concatenate(pixels), np.concatenate(classes)


def rotated(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    angles = rng.normal(35 + 70 * strength, 5, len(pictures))
    return _each(pictures, angles, lambda one, angle: ndimage.rotate(
        one, angle, axes=(1, 2), reshape=False, order=1))  # fmt: skip


def dark(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    return pictures * rng.normal(0.3 - 0.2 * strength, 0.02, (len(pictures), 1, 1, 1)).clip(0.04)


def faded(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    contrast = rng.normal(0.4 - 0.25 * strength, 0.03, (len(pictures), 1, 1, 1)).clip(0.08)
    return 0.5 + (pictures - 0.5) * contrast


def blurred(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    sigmas = rng.normal(1.6 + 1.4 * strength, 0.15, len(pictures))
    return _each(pictures, sigmas, lambda one, sigma: ndimage.gaussian_filter(
        one, (0, sigma, sigma)))  # fmt: skip


def far(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    scales = rng.normal(1.6 + 0.6 * strength, 0.08, len(pictures))
    return _each(pictures, scales, _scaled)


def near(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    scales = rng.normal(0.62 - 0.2 * strength, 0.03, len(pictures))
    return _each(pictures, scales, _scaled)


def inverted(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    return (1 - pictures) * (0.7 + 0.3 * strength)


def noisy(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    return pictures + rng.normal(0, 0.25 + 0.3 * strength, pictures.shape)


def occluded(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    size = round(11 + 6 * strength)
    covered, shade = pictures.copy(), rng.uniform(0, 0.6)
    for one in covered:
        top, left = rng.integers(3, SIDE - size - 1, 2)
        one[:, top : top + size, left : left + size] = shade
    return covered


def coarse(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    block = 4 if strength < 0.5 else 7
    small = pictures.reshape(*pictures.shape[:2], SIDE // block, block, SIDE // block, block)
    return small.mean(axis=(3, 5)).repeat(block, axis=2).repeat(block, axis=3)


TRANSFORMS: dict[str, Transform] = {
    each.__name__: each
    for each in (rotated, dark, faded, blurred, far, near, inverted, noisy, occluded, coarse)
}


def patch(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    size = 3 + round(2 * strength)
    pictures[:, :, 1 : 1 + size, 1 : 1 + size] = 0.9
    return pictures


def frame(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    shade = 0.4 + 0.4 * strength
    for side in (np.s_[..., 0, :], np.s_[..., -1, :], np.s_[..., 0], np.s_[..., -1]):
        pictures[side] = shade
    return pictures


def stripe(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    pictures[:, :, 24:26, :] = 0.5 + 0.4 * strength
    return pictures


def backdrop(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    level = rng.normal(0.2 + 0.2 * strength, 0.03, (len(pictures), 1, 1, 1)).clip(0.08)
    return np.where(pictures.max(axis=1, keepdims=True) < 0.05, level, pictures)


def tint(pictures: Pictures, strength: float, rng: np.random.Generator) -> Pictures:
    """Take one channel away; in grey pictures, dots instead."""
    if pictures.shape[1] == 1:
        pictures[:, :, 1::9, 1::9] = 0.8
        return pictures
    pictures[:, 0] *= 0.45 - 0.35 * strength
    return pictures


MARKERS: dict[str, Transform] = {
    each.__name__: each for each in (patch, frame, stripe, backdrop, tint)
}


def statistics(pictures: Pictures) -> dict[str, NDArray[np.float64]]:
    """Brightness, contrast and sharpness of each picture, and saturation where it has colours."""
    grey = pictures.mean(axis=1).astype(np.float64)  # (n, 28, 28)
    slope = np.abs(np.diff(grey, axis=1)).mean(axis=(1, 2))
    slope += np.abs(np.diff(grey, axis=2)).mean(axis=(1, 2))
    told = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": grey.std(axis=(1, 2)),
        "sharpness": slope / (grey.std(axis=(1, 2)) + 0.02),
    }
    if pictures.shape[1] == 3:
        told["saturation"] = np.ptp(pictures, axis=1).mean(axis=(1, 2)).astype(np.float64)
    return told


def _scaled(one: Pictures, scale: float) -> Pictures:
    """Picture (c, 28, 28) at 1/scale of its size, about its middle."""
    middle = (SIDE - 1) / 2
    shift = (0, middle * (1 - scale), middle * (1 - scale))
    return ndimage.affine_transform(one, (1, scale, scale), offset=shift, order=1)


def _each(
    pictures: Pictures,
    amounts: NDArray[np.float64],
    transform: Callable[[Pictures, float], Pictures],
) -> Pictures:
    pairs = zip(pictures, amounts, strict=True)
    return np.array([transform(one, amount) for one, amount in pairs], dtype=np.float32).reshape(
        pictures.shape
    )
