"""What each action is expected to win: a share of all loss, and how that is known."""

from __future__ import annotations

from aggressors.contracts import Action
from aggressors.stats.diagnosis import Evidence, Win
from aggressors.stats.intervals import Interval
from aggressors.stats.reasons import verified
from aggressors.words import percent

# Share of the gap that 100 labeled candidates closed on samples held out, where the action was to
# collect: docs/benchmarks/solve.md.
CLOSED = Interval(0.75, 0.62, 0.87)
CLOSED_BY = 100


def expected_win(action: Action, e: Evidence, *, fits: bool) -> Win:
    """Expect what following an action takes off the loss of the analysed population.

    Parameters
    ----------
    action : what is done about the aggressor.
    e : its evidence.
    fits : whether the evidence speaks for it; what it would win otherwise was not measured.

    Notes
    -----
    Nothing is promised that was not measured: relabeling and removing are worked out from the
    losses of the suspects themselves, collecting from the bench, augmenting from the part of the
    gap that the transformation makes in clean samples; a changed model is unknown.
    """
    if action == "relabel":
        how = "the loss of the members with the labels suggested"
        return _measured(action, e.relabeled, e, how, fits=fits)
    if action == "remove":
        how = "the loss of the members without those listed"
        return _measured(action, e.removed, e, how, fits=fits)
    if action == "collect":
        return _of_collecting(e, fits=fits)
    if action == "augment":
        return _of_augmenting(e)
    return Win(action, None, None, None, "unknown until the model is changed")


def _measured(action: Action, found: Interval | None, e: Evidence, how: str, *, fits: bool) -> Win:
    """Count what the suspects cost, up to what the whole aggressor does, as for all actions."""
    judged = e.disagreement if action == "relabel" else e.unreadable
    if found is None and judged is None:
        what = "labels" if action == "relabel" else "inputs"
        return Win(action, None, None, None, f"unknown: {what} could not be judged")
    if not fits or (found is not None and found.value <= 0):
        return Win(action, None, None, None, "unknown: too little speaks for it")
    if found is None:
        return Win(action, None, None, None, "unknown: no sample is suspected")
    most = found.high if e.impact is None else max(e.impact, 0.0)
    value, low, high = (min(max(one, 0.0), most) for one in _bounds(found))
    return Win(action, value, low, high, f"worked out from {how}")


def _of_collecting(e: Evidence, *, fits: bool) -> Win:
    if e.impact is None:
        return Win("collect", None, None, None, "unknown: the gap has no size")
    if not fits and e.coverage is None and e.share_train is None:
        return Win("collect", None, None, None, "unknown: there is no train to compare with")
    if not fits:
        return Win("collect", None, None, None, "unknown: train does not lack such samples")
    how = (
        f"{CLOSED_BY} labels closed {percent(CLOSED.value)} of such gaps "
        f"({percent(CLOSED.low)} to {percent(CLOSED.high)}) in the bench"
    )
    return _times("collect", e.impact, CLOSED, how)


def _of_augmenting(e: Evidence) -> Win:
    if not e.probes:
        return Win("augment", None, None, None, "unknown: no transformation was tried")
    best = verified(e)
    if best is None or e.impact is None:
        return Win("augment", None, None, None, "unknown: no transformation was found that does it")
    part = Interval(*(min(max(one, 0.0), 1.0) for one in _bounds(best.moved)))
    how = (
        f"at most: on clean samples the transformation makes {percent(part.value)} of the gap, "
        "which training on it may close"
    )
    return _times("augment", e.impact, part, how)


def _times(action: Action, impact: float, part: Interval, how: str) -> Win:
    value, low, high = (impact * one for one in _bounds(part))
    return Win(action, value, low, high, how)


def _bounds(found: Interval) -> tuple[float, float, float]:
    return found.value, found.low, found.high
