"""A run as a short Markdown text for a ticket: bottom line, ranking, what to do, where it looks."""

from __future__ import annotations

from aggressors.contracts import Verdict
from aggressors.export.verdicts import escaped
from aggressors.report.cards import Card
from aggressors.summary import Summary
from aggressors.words import ADVICE, counted, failing_of, number, spoken


def ticket(summary: Summary, cards: tuple[Card, ...], verdicts: tuple[Verdict, ...]) -> str:
    """Write the text; actions are quantified checkboxes."""
    info = summary.info
    origin = f", {summary.origin}" if summary.origin else ""
    confirmed = [card for card in cards if card.aggressor.status == "confirmed"]
    lines = [
        f"## {escaped(info.name)}: {escaped(summary.bottom_line)}",
        "",
        f"Model {escaped(info.model_name)}, {escaped(summary.performance)}. Run `{info.run_id}`"
        f"{escaped(origin)}.",
        "",
    ]
    if confirmed:
        signal = escaped(spoken(info.settings.signal))
        failing = failing_of(summary.confirmed).lower()
        lines += [
            f"| # | aggressor | gap in {signal} (95 %) | impact | {failing} |",
            "| ---: | --- | --- | ---: | ---: |",
        ]
    for card in confirmed:
        one = card.aggressor
        lines.append(
            f"| {one.rank} | {escaped(one.name)} | {number(one.gap)} ({number(one.gap_low)} to "
            f"{number(one.gap_high)}) | {one.impact:.1%} | {one.n_core:,}/{one.n_known:,} |"
        )
    if confirmed:
        lines += ["", "### What to do", ""]
        lines += [f"- [ ] {_task(card)}" for card in confirmed]
    if looks := [card for card in confirmed if card.looks]:
        lines += ["", "### Where the model looks", ""]
        lines += [f"- **{escaped(card.aggressor.name)}**: {escaped(card.looks)}" for card in looks]
    if summary.tentative:
        count = len(summary.tentative)
        lines += ["", f"{count} more {'is' if count == 1 else 'are'} tentative and not counted."]
    if verdicts:
        lines += ["", "### Saved tests", ""]
        lines += [
            f"- **{one.verdict}** `{one.slug}` ({one.state}): {escaped(one.reason)}"
            for one in verdicts
        ]
    return "\n".join([*lines, ""])


def _task(card: Card) -> str:
    one = card.aggressor
    text = f"**{escaped(one.name)}**: {ADVICE[one.action]}"
    if one.action in ("collect", "augment") and card.expected is not None:
        text += (
            f" Of the first {card.expected.count:,} candidates {card.expected.expected:.0%} are "
            f"expected to be such ({card.expected.low:.0%} to {card.expected.high:.0%})."
        )
    if one.action in ("relabel", "remove") and card.suspects:
        text += f" {counted(card.suspects, 'sample')} to review are listed, the most doubtful."
    return text
