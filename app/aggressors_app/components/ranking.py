"""The ranked table of aggressors; the tentative ones stand apart."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Aggressor
from aggressors.queries.grammar import parse
from aggressors.queries.triage import BACK
from aggressors.words import ACTION_NAMES, STATES, without_value
from aggressors_app import cached, chips, state
from aggressors_app.components.aggressor_card import ACTION_COLORS, fails
from aggressors_app.components.listing import (
    Badge,
    Cell,
    Color,
    Column,
    Histogram,
    Meter,
    Number,
    Row,
    Text,
    listing,
)
from aggressors_app.format import count, number, of, share, titled

HEIGHT = 384  # pixels: the card below stays in sight
TENTATIVE = "Tentative: not confirmed on unseen samples, counted nowhere"


def ranked(run_id: str) -> str:
    """Say what the order of the aggressors follows."""
    what = cached.signal(run_id)
    return (
        f"Ranked by size, excess {what} and how well the members hang together; {what} that an "
        "aggressor before it explains counts half"
    )


def _columns(run_id: str, *, triaged: bool) -> tuple[Column, ...]:
    what = cached.signal(run_id)
    team = (Column("Team", help="What the team decided"),) if triaged else ()
    return (
        Column("#", width="36px", help=ranked(run_id)),
        Column("Aggressor", width="26%", help=fails(run_id)),
        Column(
            "Severity",
            help=f"The gap to the rest is how much higher mean {what} is inside; the severity is "
            "its lower bound, where the solid bar ends.",
        ),
        Column("Impact", help=f"Share of all {what} that would vanish if it became like the rest"),
        Column("Samples", right=True, help="Members in the analysed population"),
        Column(titled(what), help=f"How {what} is spread inside (red) and over all samples (grey)"),
        Column("Action"),
        *team,
    )


def ranking(run_id: str, filter: str, found: Sequence[Aggressor], *, chosen: int) -> None:
    """Show the aggressors by rank; choosing one puts it in focus, opening one travels to it."""
    scope = cached.in_scope(run_id, filter).to_pylist() if _analysed(run_id, filter) else []
    within = {row["rank"]: row["n_scope"] for row in scope}
    histograms = cached.histograms(run_id, filter)
    what = cached.signal(run_id)
    severest = max(one.gap_high for one in found) or 1.0
    widest = max(max(one.impact for one in found), 0.01)
    known = {one.aggressor.rank: one.word for one in cached.triage(run_id).found}
    triaged = any(known.get(one.rank, "new") != "new" for one in found)
    listing(
        "ranking",
        _columns(run_id, triaged=triaged),
        [
            _row(
                one,
                _place(one, what),
                within.get(one.rank, one.n),
                Histogram(
                    histograms.get(one.concept_id, ()),
                    histograms.get(-1, ()),
                    f"{titled(what)} inside against all samples",
                ),
                severest,
                widest,
                _team(known[one.rank]) if triaged else (),
            )
            for one in sorted(found, key=lambda one: (one.status != "confirmed", one.rank))
        ],
        label="Aggressors, ranked",
        chosen=str(chosen),
        on_choose=_choose,
        on_open=_open,
        height=HEIGHT,
    )


def _analysed(run_id: str, filter: str) -> bool:
    """Whether the filter lets the analysed population through, whose members are counted."""
    chosen = chips.values(parse(filter), chips.POPULATION)
    return not chosen or cached.run_file(run_id).info.settings.analysed in chosen


def _team(word: str) -> tuple[Cell, ...]:
    """Cell with what was decided; empty where nothing was."""
    quiet: Color = "red" if word == BACK else "gray"
    return (None if word == "new" else Badge(STATES[word], quiet),)


def _row(
    one: Aggressor,
    place: str,
    within: int,
    spread: Histogram,
    severest: float,
    widest: float,
    team: tuple[Cell, ...],
) -> Row:
    """One aggressor.

    Parameters
    ----------
    within : members that pass the filter.
    severest, widest : where the bars end.
    team : cell with what was decided, in a list that has one.
    """
    confirmed = one.status == "confirmed"
    severity = Meter(
        one.gap,
        number(one.severity),
        low=one.gap_low,
        high=one.gap_high,
        min=min(0.0, one.gap_low),
        max=severest,
        sub=f"gap to the rest {number(one.gap)}",
        color="red",
    )
    return Row(
        str(one.rank),
        (
            Number(str(one.rank)),
            Text(one.name, sub=place, strong=True),
            severity,
            Meter(one.impact, share(one.impact), max=widest),
            Text(count(one.n), sub="" if within == one.n else f"{count(within)} in filter"),
            spread,
            Badge(ACTION_NAMES[one.action], ACTION_COLORS[one.action]),
            *team,
        ),
        group="" if confirmed else TENTATIVE,
        muted=not confirmed,
    )


def _place(one: Aggressor, what: str) -> str:
    """How many fail, how many cannot be judged, and the larger aggressor it belongs to."""
    unknown = without_value(one, what)
    whole = "" if one.part_of is None else f"part of #{one.part_of}"
    return " · ".join(filter(None, (of(one.n_core, one.n_known, "fail"), unknown, whole)))


def _choose(rank: str) -> None:
    state.change(aggressor=int(rank))


def _open(rank: str) -> None:
    state.change(aggressor=int(rank))
    state.go("aggressor")
