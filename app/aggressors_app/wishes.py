"""What an analyst wants of a label queue, as the address holds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from aggressors.errors import UsageError
from aggressors.queries.fetching import Wish
from aggressors.queries.grammar import parse
from aggressors_app import state

BUDGET, VARIETY, EVEN, MORE, LESS = "budget", "variety", "even", "more", "less"
_APART = "\n"  # between picked ids
_MOST_PICKS = 40


def wish(view: state.View, scope: str, without: Collection[str]) -> Wish:
    """Read the wish from the address.

    Parameters
    ----------
    scope : filter of the candidates.
    without : ids that are queued already.

    Raises
    ------
    FilterError : the filter cannot be read.
    """
    more, less = picked(view, MORE), picked(view, LESS)
    return Wish(
        budget=view.number(BUDGET, 100, 1, 1_000),
        variety=view.number(VARIETY, 50, 0, 100) / 100,
        even=view.get(EVEN, "") == "1",
        filter=parse(scope),
        without=frozenset(without),
        more_like=tuple(one for one in more if one not in less),
        less_like=less,
    )


def picked(view: state.View, name: str) -> tuple[str, ...]:
    """Ids of the examples that were picked, in their order."""
    found = dict.fromkeys(one for one in view.get(name, "").split(_APART) if one)
    return tuple(found)[:_MOST_PICKS]


def known(wished: Wish, candidates: Collection[str]) -> tuple[Wish, tuple[str, ...]]:
    """Leave out picked examples that are no candidates, and name them: an address may be old."""
    gone = [one for one in (*wished.more_like, *wished.less_like) if one not in candidates]
    if not gone:
        return wished, ()
    more, less = (
        tuple(one for one in ids if one in candidates)
        for ids in (wished.more_like, wished.less_like)
    )
    return replace(wished, more_like=more, less_like=less), tuple(gone)


def pick(sample_id: str, name: str) -> None:
    """Pick an example, or take it back; for callbacks.

    Raises
    ------
    UsageError : too many are picked.
    """
    view = state.read()
    other = LESS if name == MORE else MORE
    chosen = list(picked(view, name))
    if sample_id in chosen:
        chosen.remove(sample_id)
    elif len(chosen) == _MOST_PICKS:
        raise UsageError(f"At most {_MOST_PICKS} examples of a kind are picked. Take some back.")
    else:
        chosen.append(sample_id)
    rest = [one for one in picked(view, other) if one != sample_id]
    set_to({name: _APART.join(chosen), other: _APART.join(rest)})


def forget_picks() -> None:
    """Take all examples back; for callbacks."""
    set_to({MORE: None, LESS: None})


def set_to(values: Mapping[str, str | None]) -> None:
    """Change what is wished, by name, and start at the first page again; for callbacks."""
    named: dict[str, Any] = dict(values)
    state.change(page=None, **named)
