"""Many tests at once."""

from __future__ import annotations

import numpy as np

from aggressors.errors import InputError
from aggressors.stats.intervals import FloatArray


def benjamini_hochberg(p: FloatArray) -> FloatArray:
    """Turn p-values into `q`, the false discovery rate at which each test would be called.

    Parameters
    ----------
    p : (m,) p-values in [0, 1]; m may be 0.

    Returns
    -------
    (m,) q-values in [0, 1], in the order of `p`; q >= p and monotone in p.

    Raises
    ------
    InputError : a p-value outside [0, 1], or NaN.

    Source: Benjamini and Hochberg 1995.
    """
    p = _checked(p)
    m = len(p)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * m / np.arange(1, m + 1)
    q = np.empty(m)
    q[order] = np.minimum.accumulate(stepped[::-1])[::-1]
    return np.clip(q, p, 1.0)  # rounding must not put q below p


def holm(p: FloatArray) -> FloatArray:
    """Turn p-values into the chance at which each would be called, were all tests to hold at once.

    What falls below a bound holds with no error at all with that confidence, so the share of false
    ones among them stays below it too, however the tests depend on each other.

    Parameters
    ----------
    p : (m,) p-values in [0, 1]; m may be 0.

    Returns
    -------
    (m,) adjusted p-values in [0, 1], in the order of `p`; at least those of Benjamini and Hochberg.

    Raises
    ------
    InputError : a p-value outside [0, 1], or NaN.

    Source: Holm 1979.
    """
    p = _checked(p)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(stepped)
    return np.clip(adjusted, p, 1.0)


def simultaneous_level(level: float, n_tests: int) -> float:
    """Coverage of each of `n_tests` intervals such that all hold together at `level`.

    Raises
    ------
    InputError : n_tests below 1.

    Source: Bonferroni's inequality.
    """
    if n_tests < 1:
        raise InputError(f"'n_tests' must be at least 1; got {n_tests}.")
    return 1 - (1 - level) / n_tests


def _checked(p: FloatArray) -> FloatArray:
    p = np.asarray(p, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("p-values must lie in [0, 1]; got NaN or a value outside.")
    return p
