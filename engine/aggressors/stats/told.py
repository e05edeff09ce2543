"""Reasons and wins as a run file keeps them: JSON written by a stage, read without trust."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from sys import float_info
from typing import get_args

from aggressors.contracts import Action
from aggressors.stats.diagnosis import Reason, Recommendation, Win
from aggressors.stats.reasons import WIN

_NUMBERS = ("value", "reference", "low", "high", "strength", "alike", "n")
_NEEDED = frozenset({"action", "evidence", "value", "reference", "weight"})
_ALL = frozenset(field.name for field in fields(Reason))
_ALWAYS = _NEEDED | {"sentence"}


def written(advice: Recommendation) -> str:
    """Write the reasons, then what each action is expected to win, in the order of the actions."""
    wins = [Reason(one.action, WIN, one.share, None, 0.0, one.how, one.low, one.high)
            for one in advice.wins]  # fmt: skip
    return json.dumps([
        {key: value for key, value in asdict(one).items() if key in _ALWAYS or value is not None}
        for one in (*advice.reasons, *wins)
    ])  # fmt: skip


def read(text: str | None) -> tuple[Reason, ...]:
    """Read all that was written but odd entries, since the file may come from a stranger."""
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, list):
        return ()
    return tuple(Reason(**{"sentence": "", **one}) for one in found if _is_reason(one))


def apart(told: tuple[Reason, ...]) -> tuple[tuple[Reason, ...], tuple[Win, ...]]:
    """Part what was written into the reasons and the wins, each in its order."""
    wins = tuple(
        Win(one.action, one.value, one.low, one.high, one.sentence)
        for one in told
        if one.evidence == WIN
    )
    return tuple(one for one in told if one.evidence != WIN), wins


def _is_reason(one: object) -> bool:
    if not isinstance(one, dict) or not _NEEDED <= one.keys() <= _ALL:
        return False
    return (
        one["action"] in get_args(Action)
        and all(isinstance(one.get(name, ""), str) for name in ("evidence", "sentence"))
        and all(one.get(name) is None or _is_number(one[name]) for name in _NUMBERS)
        and _is_number(one["weight"])
    )


def _is_number(value: object) -> bool:
    """Whether it is a finite number; NaN is in no range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= float_info.max
