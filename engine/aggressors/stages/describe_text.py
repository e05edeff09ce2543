"""Measurements of a text that need no model: length, case, punctuation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aggressors.stages.measure import Measure

MEASURES = (
    Measure("characters", "characters", "length of the text"),
    Measure("words", "words", "pieces between white space"),
    Measure("word_length", "characters", "mean length of a word"),
    Measure("uppercase", "share", "share of letters in upper case"),
    Measure("digits", "share", "share of characters that are digits"),
    Measure("punctuation", "share", "share of characters neither letter, digit nor white space"),
    Measure("repetition", "share", "1 - distinct words / words, case ignored"),
)


def measure(texts: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
    """Measure texts; name -> (n,) float32, NaN where a share has nothing to be a share of."""
    values = np.array([_measure(text) for text in texts], dtype=np.float32)
    columns = values.reshape(-1, len(MEASURES)).T
    return {entry.name: column for entry, column in zip(MEASURES, columns, strict=True)}


def _measure(text: str) -> tuple[float, ...]:
    words = text.split()
    letters = sum(map(str.isalpha, text))
    digits = sum(map(str.isdigit, text))
    spaces = sum(map(str.isspace, text))
    return (
        len(text),
        len(words),
        _share(sum(map(len, words)), len(words)),
        _share(sum(map(str.isupper, text)), letters),
        _share(digits, len(text)),
        _share(len(text) - letters - digits - spaces, len(text)),
        1 - _share(len({word.casefold() for word in words}), len(words)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
