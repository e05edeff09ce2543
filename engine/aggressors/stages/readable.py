"""How well an input can be read, by what is measured of it."""

from __future__ import annotations

import numpy as np

from aggressors.stages.frame import BoolArray, Field, FloatArray, Frame

WORST = 0.01  # share of the rest that is as bad


def readability(frame: Frame) -> dict[str, FloatArray]:
    """Measures (n,) of which a low value means that an input can hardly be read.

    By what is wrong with it then. Flat inputs have a low contrast or count of words; noise has a
    Laplacian that is large for its contrast (for white noise the ratio of the variances is 20, for
    natural images far below 1), blur one that is small; a row of a table has few values.
    """
    numbers = _numbers(frame)
    named = (("contrast", "flat"), ("words", "short"))
    measures = {kind: numbers[name] for name, kind in named if name in numbers}
    if "contrast" in numbers and "sharpness" in numbers:
        measures |= {"noisy": -_detail(numbers), "blurred": _detail(numbers)}
    if len(frame.fields) > 1:
        measures["incomplete"] = np.mean([_known(entry) for entry in frame.fields], axis=0)
    return measures


def looks(frame: Frame) -> dict[str, FloatArray]:
    """Measures (n,) that are low for an input of bad quality, which can be read nevertheless."""
    numbers = _numbers(frame)
    measures: dict[str, FloatArray] = {}
    if "brightness" in numbers:
        measures |= {"dark": numbers["brightness"], "bright": -numbers["brightness"]}
    if "entropy" in numbers:
        measures["uniform"] = numbers["entropy"]
    return measures


def below(measure: FloatArray, rest: BoolArray) -> BoolArray:
    """(n,) whether a measure is lower than of 99 % of the rest."""
    known = measure[rest & ~np.isnan(measure)]
    if not len(known):
        return np.zeros(len(measure), dtype=np.bool_)
    return np.asarray(measure < np.quantile(known, WORST))


def _numbers(frame: Frame) -> dict[str, FloatArray]:
    return {entry.name: entry.numbers for entry in frame.fields if entry.numbers is not None}


def _detail(numbers: dict[str, FloatArray]) -> FloatArray:
    """Variance of the Laplacian for the contrast."""
    detail = numbers["sharpness"] / np.maximum(numbers["contrast"], 1e-4) ** 2
    return np.asarray(detail, dtype=np.float64)


def _known(entry: Field) -> BoolArray:
    if entry.numbers is not None:
        return ~np.isnan(entry.numbers)
    assert entry.codes is not None
    return np.asarray(entry.codes >= 0)
