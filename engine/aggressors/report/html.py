"""A run as one self-contained HTML page: bottom line first, light and dark, printable."""

from __future__ import annotations

from datetime import datetime
from html import escape

from aggressors.contracts import Aggressor, Verdict
from aggressors.queries.cards import data_uri
from aggressors.queries.telling import Telling
from aggressors.queries.unusual import Odd
from aggressors.report.cards import Card, Shown
from aggressors.report.style import STYLE
from aggressors.summary import Summary
from aggressors.tokens import places
from aggressors.words import (
    ADVICE,
    counted,
    failing_of,
    how_unusual,
    number,
    spoken,
    times,
    without_value,
)

WORDS = 8  # telling words a card
KINDS = {
    "worst": "Its worst samples",
    "central": "Central: nearest to the middle of the group",
    "diverse": "Diverse: as unlike each other as members can be",
    "counter": "Counter-examples: similar, but handled well",
}


def page(summary: Summary, cards: tuple[Card, ...], verdicts: tuple[Verdict, ...]) -> str:
    """Write the page; every text from data is escaped, and nothing is fetched."""
    info = summary.info
    confirmed = [card for card in cards if card.aggressor.status == "confirmed"]
    tentative = [card for card in cards if card.aggressor.status != "confirmed"]
    body = [
        _head(summary),
        _tiles(summary),
        _ranking(summary) if confirmed else "",
        _tests(verdicts) if verdicts else "",
        *(_card(card, spoken(info.settings.signal)) for card in confirmed),
        "<h2>Tentative</h2><p class=quiet>Too few samples to confirm; counted nowhere.</p>"
        if tentative
        else "",
        *(_card(card, spoken(info.settings.signal)) for card in tentative),
        _foot(summary),
    ]
    title = escape(f"{info.name} · aggressors")
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        # Nothing may be fetched or run, whatever a run file holds.
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(body)}</main></body></html>\n"
    )


def _head(summary: Summary) -> str:
    info = summary.info
    when = datetime.fromisoformat(info.created_at).strftime("%d %B %Y, %H:%M UTC")
    origin = f" · {summary.origin}" if summary.origin else ""
    return (
        f"<header><p class=quiet>{escape(info.model_name)} · run {escape(info.run_id)} · "
        f"{escape(when)}{escape(origin)}</p><h1>{escape(info.name)}</h1>"
        f"<p class=line>{escape(summary.bottom_line)}</p></header>"
    )


def _tiles(summary: Summary) -> str:
    analysed = summary.analysed
    wrong = analysed.error_rate
    tiles = [
        *([] if wrong is None else [("Accuracy", f"{1 - wrong:.1%}")]),
        (f"Mean {summary.info.loss_name}", number(analysed.mean_loss)),
        ("Confirmed aggressors", str(len(summary.confirmed))),
        (
            f"Of all {spoken(summary.info.settings.signal)} explained",
            f"{summary.explained.share:.0%}",
        ),
        (f"{analysed.population.capitalize()} samples", f"{analysed.n_labeled:,}"),
    ]
    shown = "".join(
        f"<div class=tile><b>{escape(value)}</b><span>{escape(title)}</span></div>"
        for title, value in tiles
    )
    return f"<section class=tiles>{shown}</section>"


def _ranking(summary: Summary) -> str:
    top = max(one.gap_high for one in summary.confirmed)
    rows = "".join(
        f"<tr><td class=n>{one.rank}</td><td><a href='#a{one.rank}'>{escape(one.name)}</a></td>"
        f"<td class=bar>{_interval(one, top)}</td><td class=n>{number(one.gap)}</td>"
        f"<td class=n>{one.impact:.1%}</td><td class=n>{one.n_core:,}/{one.n_known:,}</td>"
        f"<td>{escape(one.action.replace('_', ' '))}</td></tr>"
        for one in summary.confirmed
    )
    signal = escape(spoken(summary.info.settings.signal))
    return (
        "<h2>Ranking</h2><div class=wide><table><thead><tr><th class=n>#</th><th>Aggressor</th>"
        f"<th>Gap in {signal}, 95 %</th><th class=n>Gap</th><th class=n>Impact</th>"
        f"<th class=n>{failing_of(summary.confirmed)}</th><th>Next</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _interval(one: Aggressor, top: float) -> str:
    """Draw severity as a bar, and the interval of the gap as a line over it."""
    scale = 150 / top if top > 0 else 0.0
    low, mid, high = (
        max(0.0, min(150.0, value * scale)) for value in (one.gap_low, one.gap, one.gap_high)
    )
    return (
        f"<svg width=156 height=16 role=img aria-label='{number(one.gap_low)} to "
        f"{number(one.gap_high)}'><rect class=sev x=0 y=3 width={low:.1f} height=10 rx=2 />"
        f"<line class=ci x1={low:.1f} x2={high:.1f} y1=8 y2=8 />"
        f"<circle class=ci cx={mid:.1f} cy=8 r=3 /></svg>"
    )


def _tests(verdicts: tuple[Verdict, ...]) -> str:
    rows = "".join(
        f"<li><span class='pill {escape(one.verdict)}'>{escape(one.verdict)}</span> "
        f"<b>{escape(one.slug)}</b> <span class=quiet>{escape(one.state)}</span><br>"
        f"{escape(one.reason)}</li>"
        for one in verdicts
    )
    return f"<h2>Saved tests</h2><ul class=tests>{rows}</ul>"


def _card(card: Card, signal: str) -> str:
    one = card.aggressor
    gaps = escape(without_value(one, signal))
    unknown = gaps and f"; {gaps}"
    rule = ""
    if card.precision is not None and card.recall is not None:
        rule = (
            f"<p class=quiet>The name is a rule: {card.precision:.0%} of the samples it describes "
            f"are members, and it covers {card.recall:.0%} of them.</p>"
        )
    return (
        f"<article id=a{one.rank}><h2><span class=rank>{one.rank}</span> {escape(one.name)}</h2>"
        f"<p>Mean {escape(signal)} is <b>{number(one.gap)}</b> above the rest "
        f"({number(one.gap_low)} to {number(one.gap_high)}). "
        f"<b>{one.n_core:,}</b> of {one.n_known:,} members fail{unknown}. {one.impact:.1%} of all "
        f"{escape(signal)} would vanish if they did like the rest.</p>{rule}"
        f"<p class=quiet>{escape(card.how_found)}</p>"
        f"{_part_of(one)}"
        f"{_samples(card)}<div class=columns>{_findings(card)}{_action(card)}</div>"
        f"{_maps(card)}</article>"
    )


def _part_of(one: Aggressor) -> str:
    if one.part_of is None:
        return ""
    return (
        f"<p class=quiet>It is a part of <a href='#a{one.part_of}'>aggressor {one.part_of}</a>.</p>"
    )


def _samples(card: Card) -> str:
    parts = []
    for reason, title in KINDS.items():
        shown = [sample for sample in card.samples if sample.reason == reason]
        if shown:
            tiles = "".join(_sample(sample, card.telling) for sample in shown)
            parts.append(f"<h3>{title}</h3><div class=grid>{tiles}</div>")
    return "".join(parts)


def _sample(sample: Shown, telling: Telling) -> str:
    if sample.picture is not None:
        seen = f"<img alt='{escape(sample.sample_id)}' src='{data_uri(sample.picture)}'>"
    elif sample.text:
        seen = f"<div class=words>{_marked(sample.text, telling)}</div>"
    else:
        values = "".join(map(_value, sample.values))
        seen = f"<div class=words>{escape(sample.sample_id)}{values}</div>"
    wrong = " class=wrong" if sample.label != sample.prediction else ""
    loss = "" if sample.loss is None else f"<span class=quiet>{number(sample.loss)}</span>"
    alike = f"<br><span class=quiet>+{sample.alike:,} alike</span>" if sample.alike else ""
    wide = " class=wide-tile" if sample.picture is None else ""
    return (
        f"<figure{wide} title='{escape(sample.sample_id)}'>{seen}<figcaption>{escape(sample.label)}"
        f"<br><span{wrong}>→ {escape(sample.prediction)}</span> {loss}{alike}</figcaption></figure>"
    )


def _marked(text: str, telling: Telling) -> str:
    """Escape a text, with its telling words inside <mark>."""
    parts, at = [], 0
    for start, end, word in places(text):
        if word in telling.weights:
            parts.append(f"{escape(text[at:start])}<mark>{escape(text[start:end])}</mark>")
            at = end
    return "".join([*parts, escape(text[at:])])


def _value(one: Odd) -> str:
    value = "missing" if one.value is None else one.value
    shown = escape(number(value) if isinstance(value, float) else str(value))
    how = f" <span class=quiet>{escape(how_unusual(one.found.side, one.found.tail))}</span>"
    marked = f"<mark>{shown}</mark>{how}" if one.marked else shown
    return f"<br>{escape(one.field)} {marked}"


def _words(telling: Telling) -> str:
    if not telling.words:
        return ""
    shown = ", ".join(f"{escape(one.word)} ({times(one.times)})" for one in telling.words[:WORDS])
    others = "others of the same labels" if telling.within_label else "the rest"
    return f"<p>Words that tell these texts from {others}: {shown}.</p>"


def _findings(card: Card) -> str:
    if not card.findings and not card.telling.words:
        return ""
    rows = "".join(
        f"<li><b>{escape(one.field)}</b> <span class=quiet>{one.effect:+.2f} "
        f"({one.low:+.2f} to {one.high:+.2f})</span>"
        f"<i class=meter><i style='width:{100 * min(abs(one.effect), 1):.0f}%'></i></i>"
        f"{escape(one.sentence)}</li>"
        for one in card.findings
    )
    words = _words(card.telling)
    return f"<section><h3>What they share</h3><ul class=finds>{rows}</ul>{words}</section>"


def _action(card: Card) -> str:
    one = card.aggressor
    parts = [f"<p><b>{escape(ADVICE[one.action])}</b></p>"]
    if card.reasons:
        parts.append("".join(f"<li>{escape(reason)}</li>" for reason in card.reasons[:5]))
        parts[-1] = f"<ul>{parts[-1]}</ul>"
    if card.expected is not None:
        parts.append(
            f"<p>Of the first {card.expected.count:,} unlabeled candidates "
            f"{card.expected.expected:.0%} are expected to be such samples "
            f"({card.expected.low:.0%} to {card.expected.high:.0%}).</p>"
        )
    if card.suspects:
        parts.append(
            f"<p>{counted(card.suspects, 'sample')} to review are listed, the most doubtful.</p>"
        )
    return f"<section><h3>What to do</h3>{''.join(parts)}</section>"


def _maps(card: Card) -> str:
    if not card.maps and not card.looks:
        return ""
    said = f"<p>{escape(card.looks)}</p>" if card.looks else ""
    shown = "".join(
        f"<figure><img alt='' src='{data_uri(one.picture)}'><figcaption>{escape(one.title)}"
        f"<br><span class=quiet>n {one.n:,}</span></figcaption></figure>"
        for one in card.maps
    )
    grid = f"<div class=grid>{shown}</div>" if shown else ""
    return f"<h3>Where the model looks, on average</h3>{said}{grid}"


def _foot(summary: Summary) -> str:
    facts, info = summary.facts, summary.info
    tested = f"{facts.tested:,} groups were tested. " if facts.tested else ""
    return (
        f"<footer class=quiet><p>{tested}Groups are found on {facts.n_discover:,} samples and "
        f"judged on {facts.n_confirm:,} others; confirmed at a false discovery rate of "
        f"{facts.fdr:.0%}. Severity is the lower bound of the gap. Seed {info.seed}, aggressors "
        f"{escape(info.engine_version)}.</p></footer>"
    )
