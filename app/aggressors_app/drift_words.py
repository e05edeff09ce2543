"""How two groups differ in a field, in one line: the effect first."""

from __future__ import annotations

from aggressors.stats.drift import Drift
from aggressors.words import bounded_p_value
from aggressors_app.format import count, interval, number, of, plain

CERTAIN = 0.05
_NUMBER = (
    "Effect: how much more often a sample of {left} has the higher value than one of {right}, from "
    "−1 to 1 (rank-biserial, Cliff's delta). KS: largest difference of the cumulative shares. PSI: "
    "population stability index, {right} being expected; below 0.1 small, from 0.25 large."
)
_CATEGORY = (
    "Effect: Cramér's V, from 0 to 1. JS: Jensen-Shannon divergence, from 0 where the shares are "
    "equal to 1 where nothing is shared. χ²: chi-square of the counts, which grows with them."
)


def said(drift: Drift, left: str, right: str) -> str:
    """Markdown of the effect with interval, and the drift figures.

    Parameters
    ----------
    left, right : names of the groups, as plain text.
    """
    effect = f"effect **{number(drift.effect)}**"
    within = f":gray[({interval(drift.low, drift.high)})]"
    figures = " · ".join(f"{name} **{value}**{word}" for name, value, word in _figures(drift))
    if drift.p_value > CERTAIN:
        return f"**No more than chance** · {effect} {within} · {figures}"
    if drift.statistic == "cramers-v":
        return f"{drift.size.capitalize()} {effect} {within} · {figures}"
    word = "higher" if drift.effect > 0 else "lower"
    if drift.size == "negligible":
        return f"Negligible {effect} {within} · {figures}"
    first = plain(left[:1].upper() + left[1:])
    return f"{first} is **{word}** · {drift.size} {effect} {within} · {figures}"


def drawn(drift: Drift, left: int, right: int) -> str:
    """Say how many samples the figures rest on, where these are drawn from the two groups.

    Parameters
    ----------
    left, right : samples of each group with a value, which the bars count.
    """
    if drift.statistic == "cramers-v" or (drift.n_left, drift.n_right) == (left, right):
        return ""
    pairs = ((drift.n_left, left), (drift.n_right, right))
    told = " and ".join(of(used, n, "").strip() for used, n in pairs)
    return f" :gray[· figures from {told}]"


def short(drift: Drift) -> str:
    """Give the same figures for a row of a list, as plain text."""
    figures = " · ".join(f"{name} {value}" for name, value, _ in _figures(drift))
    return f"effect {number(drift.effect)} · {figures}"


def help(drift: Drift, left: str, right: str) -> str:
    """Say what the figures mean, on what they rest, and the p-value."""
    text = _NUMBER if drift.statistic == "rank-biserial" else _CATEGORY
    meaning = text.format(left=plain(left), right=plain(right))
    test = "Kolmogorov-Smirnov" if drift.statistic == "rank-biserial" else "chi-square"
    chance = bounded_p_value(drift.p_value, 0.001)
    return (
        f"{meaning} p {chance} ({test}), on {count(drift.n_left)} and {count(drift.n_right)} "
        "samples with a value."
    )


def _figures(drift: Drift) -> list[tuple[str, str, str]]:
    if drift.psi is not None:
        word = f" :gray[{drift.shift}]"
        return [("KS", number(drift.distance), ""), ("PSI", number(drift.psi), word)]
    chi_square = number(drift.chi_square)
    return [("JS", number(drift.distance), ""), ("χ²", chi_square, "")]
