"""The run beside the accepted one, on the page."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.queries.fates import FATES, Fated
from aggressors.queries.paired import Change
from aggressors.queries.worsened import Told, accuracy_change, mean_change
from aggressors.report.against import Against
from aggressors.report.charts import scale_of, whisker
from aggressors.report.figures import quantity, signed, span
from aggressors.report.markup import Html, el, html
from aggressors.report.saying import uncapped
from aggressors.words import counted, typeset


def section(found: Against, signal: str, run_id: str) -> Html:
    """Show what changed as a whole, what got worse, and what became of each aggressor."""
    parts: list[Html | None] = [
        el("h2", f"Against {found.baseline_name}", id="against"),
        el("p", typeset(_whole(found.whole, signal))),
        el("p", el("b", typeset(found.hidden))) if found.hidden else None,
        *_worse(found, signal, run_id),
        *_fates(found.aggressors, signal),
    ]
    return el("section", *parts)


def _whole(change: Change, signal: str) -> str:
    text = f"On the same {change.n:,} samples: {uncapped(mean_change(change, signal))}."
    turned = accuracy_change(change)
    return f"{text} {turned}." if turned else text


def _worse(found: Against, signal: str, run_id: str) -> list[Html]:
    title = el("h3", "What got worse")
    if found.sought is None:
        typed = f"aggressors compare {run_id} --baseline {found.baseline_id}"
        return [
            title,
            el("p", "It was not sought yet: ", el("code", typed), " finds it.", class_="quiet"),
        ]
    if not found.worse:
        tested = counted(found.sought.tested, "group")
        return [title, el("p", f"None of {tested} tested is surely worse.", class_="quiet")]
    legend = (
        f"Sought on {found.sought.n_discover:,} samples, confirmed on {found.sought.n_confirm:,} "
        f"others, from which all figures come."
    )
    ends = scale_of([each for one in found.worse for each in (one.group.low, one.group.high)])
    head = el(
        "tr", el("th", "#", class_="n", scope="col"), el("th", "Group", scope="col"),
        el("th", typeset(f"Worse by, in {signal} (95 %)"), scope="col", colspan=2),
        el("th", "Mean", class_="n", scope="col"), el("th", "Broke/fixed", class_="n", scope="col"),
        el("th", "n", class_="n", scope="col"), el("th", "Test", scope="col"),
    )  # fmt: skip
    rows = [_worse_row(one, ends) for one in found.worse]
    table = el("table", el("thead", head), el("tbody", *rows), class_="worse")
    return [title, el("div", table, class_="wide"), el("p", legend, class_="quiet")]


def _worse_row(one: Told, ends: tuple[float, float]) -> Html:
    group, covered = one.group, one.covered_by
    also = None
    if group.aggressor is not None:
        also = el("small", "is ", el("a", f"aggressor {group.aggressor}",
                                     href=f"#a{group.aggressor}"))  # fmt: skip
    turned = "–" if group.broke is None else f"{group.broke:,}/{group.fixed:,}"
    if covered is not None:
        test = el("td", el("a", covered.slug, href=f"#t-{covered.slug}"))
    else:
        test = el("td", el("b", "none", class_="wrong"))
    return el(
        "tr",
        el("td", group.rank, class_="n"),
        el("th", typeset(group.name), also, scope="row"),
        el("td", whisker(group.difference, group.low, group.high, ends, width=110)),
        el("td", signed(group.difference), el("small", span(group.low, group.high)),
           class_="n aside"),
        el("td", f"{quantity(group.reference)} → {quantity(group.value)}", class_="n"),
        el("td", turned, class_="n"),
        el("td", f"{group.n_confirm:,}", class_="n"),
        test,
    )  # fmt: skip


def _fates(found: Sequence[Fated], signal: str) -> list[Html]:
    """List what became of the aggressors, the new ones first; folded away where they are many."""
    if not found:
        return []
    ordered = sorted(found, key=lambda one: FATES.index(one.fate))
    counts = [
        f"{sum(one.fate == fate for one in found):,} {fate}"
        for fate in FATES
        if any(one.fate == fate for one in found)
    ]
    head = el(
        "tr", el("th", "", scope="col"), el("th", "Aggressor", scope="col"),
        el("th", typeset(f"Change in {signal} (95 %)"), class_="n", scope="col"),
        el("th", "n", class_="n", scope="col"),
    )  # fmt: skip
    table = el("table", el("thead", head), el("tbody", *map(_fate_row, ordered)))
    return [
        el("h3", "What became of the aggressors"),
        el("details", el("summary", ", ".join(counts)), el("div", table, class_="wide fates")),
    ]


def _fate_row(one: Fated) -> Html:
    change = one.change
    change_said = "too few to say"
    if change.difference is not None:
        change_said = f"{signed(change.difference)} ({span(change.low, change.high)})"
    if one.rank is None:
        name = html(typeset(one.name), el("small", f"was {one.other_rank}"))
    else:
        name = html(el("a", f"{one.rank} ", typeset(one.name), href=f"#a{one.rank}"),
                    el("small", f"was {one.other_rank} {typeset(one.other_name or '')}")
                    if one.other_rank is not None else None)  # fmt: skip
    return el(
        "tr",
        el(
            "td",
            "shrunk: surely loses less" if one.fate == "shrunk" else one.fate,
            class_=f"fate {one.fate}",
        ),
        el("th", name, scope="row"),
        el("td", change_said, class_="n"),
        el("td", f"{change.n:,}", class_="n"),
    )
