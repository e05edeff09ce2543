"""From evidence to ranked actions: a short list of rules, each with its reason in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import log
from typing import Any

from aggressors.contracts import Action
from aggressors.snippets import SWAP, is_known
from aggressors.stats.diagnosis import Evidence, Probe, Quality, Reason, Recommendation
from aggressors.stats.intervals import Interval
from aggressors.stats.reasons import (
    ALIKE,
    BROKEN,
    COVERED,
    CROWDED,
    DISAGREEMENT,
    MOVED,
    ONE_SIDED,
    ORDINARY,
    PROBE,
    QUALITY,
    SHORT,
    SHORTCUT,
    UNREADABLE,
    WIN,
    confident_part,
    distance_part,
    evident,
    failing_part,
    no_other_cause,
    outside_part,
    passes,
    share_part,
)
from aggressors.stats.winning import expected_win

__all__ = ["Evidence", "Reason", "Recommendation", "recommend", "remembering"]


def recommend(evidence: Evidence) -> Recommendation:
    """Choose the action that the evidence speaks for, by rules in a fixed order.

    Notes
    -----
    1. A field that tells a class in train fails on the members, or a place of another class put
       into clean samples makes members of them, or members of several classes look like what the
       model takes them for, of which it is sure; and train holds few of them: `augment`.
    2. Train holds fewer of the members, and lies farther from them than from the rest: `collect`.
    3. Neighbours contradict the labels more often than elsewhere; so does the model with
       confidence, above all those of the members that fail, and so do the samples outside the
       group. What cannot be read leaves the model unsure: `relabel`.
    4. Inputs are unreadable, or so close together that the model sees them as one, over several
       labels: `remove`.
    5. Else `review_model`: hard, and nothing that was measured explains it.

    The other actions follow by how near their rule came; `augment` follows `collect`, since what is
    rare cannot be told for sure from what breaks a shortcut that no field tells.
    """
    strength = _strengths(evidence)
    fits = [action for action in strength if strength[action] > 1]
    first: Action = fits[0] if fits else "review_model"
    others = sorted(
        (action for action in strength if action != first),
        key=lambda action: (first != "collect" or action != "augment", -strength[action]),
    )
    reasons = evident(evidence)
    if first == "review_model":
        reasons.append(no_other_cause(evidence, strength))
    reasons.sort(
        key=lambda reason: (reason.action != first, reason.value is None, -abs(reason.weight))
    )
    actions = (first, *others)
    wins = tuple(expected_win(action, evidence, fits=strength[action] > 1) for action in actions)
    return Recommendation(actions, tuple(reasons), wins)


def remembering(measured: Evidence, reasons: Iterable[Reason]) -> Evidence:
    """Fill in what takes embeddings, probabilities, a model or all fields, as reasons have it.

    Parameters
    ----------
    measured : the same aggressor, looked at again with less to go by.
    reasons : those that were given when all of it was there.
    """
    told = tuple(reasons)
    by_name = {reason.evidence: reason for reason in told}
    known: dict[str, Any] = {}
    for name, here in (
        ("unreadable", "unreadable"),
        ("disagreement", "disagreement"),
        ("confident", "confident"),
        ("ambiguity", "ambiguity"),
        ("leakage", "leaked"),
    ):
        if one := by_name.get(name):
            known |= {here: one.value, f"{here}_rest": one.reference or 0.0}
    for name in ("ordinary", "crowding", "confident_failing", "outside", "passing"):
        if one := by_name.get(name):
            known[name] = one.value
    if (one := by_name.get("coverage")) and one.value is not None and one.value > 0:
        known["coverage"] = log(one.value)
    known["quality"] = tuple(_qualities(told))
    known["probes"] = tuple(_probes(told))
    known["relabeled"] = _won(told, "relabel")
    known["removed"] = _won(told, "remove")
    bounds = {one.evidence: (one.low, one.high) for one in told
              if one.low is not None and one.high is not None}  # fmt: skip
    return replace(measured, bounds={**bounds, **measured.bounds}, **known)


def _qualities(reasons: Iterable[Reason]) -> Iterator[Quality]:
    for one in reasons:
        interval = _interval(one)
        if one.evidence.startswith(QUALITY) and interval is not None:
            yield Quality(one.evidence.removeprefix(QUALITY), interval, one.reference or 0.0)


def _probes(reasons: Iterable[Reason]) -> Iterator[Probe]:
    for one in reasons:
        transform, interval = one.evidence.removeprefix(PROBE), _interval(one)
        if not one.evidence.startswith(PROBE) or interval is None or not is_known(transform):
            continue
        if one.strength is not None and one.alike is not None:
            yield Probe(transform, one.strength, interval, one.alike, one.n or 0)


def _won(reasons: Iterable[Reason], action: Action) -> Interval | None:
    found = (one for one in reasons if one.evidence == WIN and one.action == action)
    return next((_interval(one) for one in found), None)


def _interval(one: Reason) -> Interval | None:
    if one.value is None or one.low is None or one.high is None:
        return None
    return Interval(one.value, one.low, one.high)


def _strengths(e: Evidence) -> dict[Action, float]:
    """How far each rule is met, in the order in which they are asked; above 1 = met."""
    rare = _rarity(e)
    broken = (e.shortcut or 0.0) / SHORTCUT
    unreadable = (e.unreadable or 0.0) / UNREADABLE
    if e.crowding is not None and e.unreadable is not None:
        # What cannot be read looks the same to the model, whatever it shows.
        unreadable = max(unreadable, e.crowding / CROWDED)
    if e.one_sided is not None and e.one_sided >= ONE_SIDED:
        unreadable = min(unreadable, SHORT)
    unseen = max(rare, (e.shortcut_shortfall or 0.0) / BROKEN)
    return {
        "augment": max(min(unseen, broken), min(rare, max(_swapped(e), passes(e)))),
        "collect": rare,
        "relabel": _mislabeled(e),
        "remove": unreadable,
        "review_model": 0.5,
    }


def _swapped(e: Evidence) -> float:
    """How far a place of another class, put into clean samples, makes members of them.

    It tells a shortcut where no field is recorded for it.
    """
    best = next(iter(e.probes), None)
    if best is None or not best.transform.startswith(SWAP) or best.moved.low < MOVED:
        return 0.0
    return best.alike / ALIKE


def _rarity(e: Evidence) -> float:
    """How far train lacks the members: by its distance and by its share, as far as known."""
    found = (distance_part(e) or 0.0) + (share_part(e) or 0.0)
    if e.coverage is not None and e.coverage < COVERED:
        found = min(found, SHORT)
    return max(found, 0.0)


def _mislabeled(e: Evidence) -> float:
    """How surely neighbours and the model contradict the labels."""
    if e.disagreement is None:
        return 0.0
    neighbours = (e.disagreement - e.disagreement_rest) / DISAGREEMENT
    doubt = sum(part(e) or 0.0 for part in (confident_part, failing_part, outside_part))
    if e.confident is None:
        doubt = (e.ordinary or 0.0) / ORDINARY
    return max(min(neighbours, doubt), 0.0)
