"""Words that are more frequent in one set of texts than in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from aggressors.errors import InputError
from aggressors.stats.intervals import FloatArray
from aggressors.stats.multiple import benjamini_hochberg

PRIOR_SHARE = 0.05  # weight of the prior, as a share of all words counted


@dataclass(frozen=True, slots=True)
class LogOdds:
    """How much more frequent each of m words is inside than outside.

    `value` (m,) difference of the log-odds, positive where the word is over-represented; `z` (m,)
    the same in standard errors; `q_value` (m,) one-sided test of over-representation, over the m
    words (Benjamini and Hochberg 1995).
    """

    value: FloatArray
    z: FloatArray
    q_value: FloatArray


def log_odds(
    inside: FloatArray, outside: FloatArray, *, prior_share: float = PRIOR_SHARE
) -> LogOdds:
    """Compare word counts by log-odds with an informative Dirichlet prior.

    The prior says that a word is as frequent on both sides as in both together, and weighs as much
    as `prior_share` of all words counted. So a word that one side lacks has finite odds, and a rare
    word needs more to be called. With 0.05, planted words are found and none is in simulations from
    30 texts against 2,000 to 2,000 against 2,000.

    Parameters
    ----------
    inside, outside : (m,) counts of each word, 0 or more. Texts that hold a word are what should be
        counted: the variance takes counts as independent, and a text repeats its words.
    prior_share : above 0.

    Raises
    ------
    InputError : counts of different lengths, negative or not finite; a word that stands on neither
        side; a prior that is not above 0.

    Source: Monroe, Colaresi and Quinn 2008, Fightin' Words, eq. 16, 20 and 22.
    """
    inside, outside = (np.asarray(side, dtype=np.float64) for side in (inside, outside))
    if inside.shape != outside.shape or inside.ndim != 1:
        raise InputError(
            f"Counts must be two rows of one length; got {inside.shape} and {outside.shape}."
        )
    both = inside + outside
    if not (np.isfinite(both).all() and (inside >= 0).all() and (outside >= 0).all()):
        raise InputError("Counts of words must be finite and 0 or more.")
    if (both == 0).any():
        raise InputError("A word that stands on neither side cannot be compared; leave it out.")
    if not prior_share > 0:
        raise InputError(f"'prior_share' must be above 0; got {prior_share}.")
    if len(both) < 2:  # of one word alone, both sides consist
        return LogOdds(np.zeros(len(both)), np.zeros(len(both)), np.ones(len(both)))
    prior = prior_share * both
    value = _logit(inside + prior) - _logit(outside + prior)
    z = value / np.sqrt(1 / (inside + prior) + 1 / (outside + prior))
    return LogOdds(value, z, benjamini_hochberg(np.asarray(ndtr(-z))))


def _logit(count: FloatArray) -> FloatArray:
    """(m,) log-odds of each word among all words of its side."""
    return np.asarray(np.log(count) - np.log(count.sum() - count))
