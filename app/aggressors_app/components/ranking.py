"""The ranked table of aggressors; the tentative ones stand apart."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Aggressor
from aggressors.words import ACTION_NAMES
from aggressors_app import cached, state
from aggressors_app.components.aggressor_card import ACTION_COLORS
from aggressors_app.components.listing import (
    Badge,
    Column,
    Histogram,
    Meter,
    Number,
    Row,
    Text,
    listing,
)
from aggressors_app.format import count, interval, number, of, share

HEIGHT = 384  # pixels: the card below stays in sight
COLUMNS = (
    Column("#", width="36px"),
    Column("Aggressor", width="26%"),
    Column(
        "Severity",
        help="By how much mean loss is higher inside than in the rest, with its interval. "
        "The solid part is the lower bound, by which the severity is ranked.",
    ),
    Column("Impact", help="Share of all loss that would vanish if it became like the rest"),
    Column("Samples", right=True, help="Members in the analysed population"),
    Column("Loss", help="How loss is spread inside (red) and over all samples (grey)"),
    Column("Action"),
)
TENTATIVE = "Tentative: not confirmed on unseen samples, counted nowhere"


def ranking(run_id: str, filter: str, found: Sequence[Aggressor], *, chosen: int) -> None:
    """Show the aggressors by rank; choosing one puts it in focus, opening one travels to it."""
    within = {row["rank"]: row["n_scope"] for row in cached.in_scope(run_id, filter).to_pylist()}
    histograms = cached.histograms(run_id, filter)
    severest = max(one.gap_high for one in found) or 1.0
    widest = max(max(one.impact for one in found), 0.01)
    listing(
        "ranking",
        COLUMNS,
        [
            _row(
                one,
                within.get(one.rank, one.n),
                Histogram(
                    histograms.get(one.concept_id, ()),
                    histograms.get(-1, ()),
                    "Loss inside against all samples",
                ),
                severest,
                widest,
            )
            for one in sorted(found, key=lambda one: (one.status != "confirmed", one.rank))
        ],
        label="Aggressors, worst first",
        chosen=str(chosen),
        on_choose=_choose,
        on_open=_open,
        height=HEIGHT,
    )


def _row(one: Aggressor, within: int, loss: Histogram, severest: float, widest: float) -> Row:
    """One aggressor: `within` members pass the filter; the bars end at `severest` and `widest`."""
    confirmed = one.status == "confirmed"
    severity = Meter(
        one.gap,
        number(one.gap),
        low=one.gap_low,
        high=one.gap_high,
        min=min(0.0, one.gap_low),
        max=severest,
        sub=interval(one.gap_low, one.gap_high),
        color="red",
    )
    return Row(
        str(one.rank),
        (
            Number(str(one.rank)),
            Text(one.name, sub=of(one.n_core, one.n, "fail"), strong=True),
            severity,
            Meter(one.impact, share(one.impact), max=widest),
            Text(count(one.n), sub="" if within == one.n else f"{count(within)} in filter"),
            loss,
            Badge(ACTION_NAMES[one.action], ACTION_COLORS[one.action]),
        ),
        group="" if confirmed else TENTATIVE,
        muted=not confirmed,
    )


def _choose(rank: str) -> None:
    state.change(aggressor=int(rank))


def _open(rank: str) -> None:
    state.change(aggressor=int(rank))
    state.go("aggressor")
