"""Codes of groups, such as strata."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SPARSE = 4  # times as many possible codes as samples, from which sorting is cheaper than counting


def renumbered(code: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) codes 0, 1, 2, … in place of any (n,) codes, in their order and without gaps."""
    if not len(code):
        return np.empty(0, dtype=np.int64)
    low, high = int(code.min()), int(code.max())
    if high - low > _SPARSE * len(code) + 1_000:
        return np.unique(code, return_inverse=True)[1].astype(np.int64)
    there = np.zeros(high - low + 1, dtype=np.bool_)
    there[code - low] = True
    return (np.cumsum(there) - 1)[code - low]
