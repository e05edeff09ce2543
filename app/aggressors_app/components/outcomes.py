"""How the model did in the filter: what it confuses, how sure it is, and how loss is spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import streamlit as st

from aggressors.queries.drift import Pair
from aggressors.queries.grammar import format_filter, parse
from aggressors.stats.calibration import Calibration
from aggressors.stats.claims import FEWEST
from aggressors_app import cached, charts, chips, drift_words, picking, state
from aggressors_app.components.breakdowns import bounds, labeled_only, ranged
from aggressors_app.components.chart import chart
from aggressors_app.components.contrast import series
from aggressors_app.components.listing import Column, Meter, Number, Row, Text, listing
from aggressors_app.format import count, in_filter, number, share

MOST_CLASSES = 20  # in the matrix
MOST_MISTAKES = 10  # in the list
ECE = (
    "Expected calibration error: over bins of equally many samples, the mean distance between how "
    "sure the model is and how often it is right, each bin weighted by its samples. A perfectly "
    "calibrated model would show what chance gives. Intervals are Wilson's."
)

WHOLE = ":gray[the filter chooses nothing but populations, so there are no others to compare with]"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Labels against predictions: the cells of the classes shown, and how many classes there are.

    `n` samples in all cells of all classes, `wrong` of them mistaken.
    """

    cells: tuple[charts.Mistake, ...]
    classes: tuple[str, ...]
    n_classes: int
    n: int
    wrong: int


def matrix(found: pa.Table, most: int = MOST_CLASSES) -> Matrix:
    """Arrange the counts of `queries.concept.confusion`.

    Parameters
    ----------
    most : classes to show: those in the most mistakes, in the order of their names' first row.
    """
    label, prediction = (
        np.asarray(found[name].to_pylist(), dtype=object) for name in ("label", "prediction")
    )
    n = found["n"].to_numpy()
    classes = list(dict.fromkeys([*label, *sorted(set(prediction))]))
    mistaken = label != prediction
    places = {name: place for place, name in enumerate(classes)}
    involved = np.zeros(len(classes))
    for side in (label, prediction):
        codes = np.array([places[name] for name in side], dtype=np.int64)
        np.add.at(involved, codes[mistaken], n[mistaken])
    kept = set(np.argsort(-involved, kind="stable")[:most])
    shown = [name for name in classes if places[name] in kept]
    cells = [
        charts.Mistake(row["label"], row["prediction"], row["n"], row["share"])
        for row in found.to_pylist()
        if places[row["label"]] in kept and places[row["prediction"]] in kept
    ]
    return Matrix(tuple(cells), tuple(shown), len(classes), int(n.sum()), int(n[mistaken].sum()))


def confusions(run_id: str, filter: str) -> None:
    """Show labels against predictions in the filter, and the most frequent mistakes."""
    table = cached.confusion(run_id, filter, None)
    if not table.num_rows:
        st.caption("No labeled sample in the filter.")
        return
    found = matrix(table)
    part = len(found.classes) < found.n_classes
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(
            "confusion",
            charts.confusion_matrix(
                found.cells, found.classes, charts.palette(st.context.theme.type)
            ),
            table,
            title="Labels against predictions",
            scope=in_filter(found.n, cached.count(run_id, filter)),
            marks=[_mistake(cell.label, cell.prediction) for cell in found.cells],
            said=f"**{count(found.wrong)}** of {count(found.n)} samples are named wrongly "
            ":gray[· shares are of the label"
            + (f" · {len(found.classes)} of {found.n_classes} classes, in the most mistakes"
               if part else "")
            + "]",
        )  # fmt: skip
    with right:
        _mistakes(table, found.wrong)


def _mistake(label: str, prediction: str) -> picking.Change:
    return picking.every(picking.one_of("label", label), picking.one_of("prediction", prediction))


def _mistakes(table: pa.Table, wrong: int) -> None:
    """List the most frequent mistakes; a click shows their samples."""
    rows = [row for row in table.to_pylist() if row["label"] != row["prediction"]]
    rows = sorted(rows, key=lambda row: -row["n"])[:MOST_MISTAKES]
    if not rows:
        st.caption("No mistake in the filter.")
        return
    by_row = {f"{place}": row for place, row in enumerate(rows)}

    def open_samples(row_id: str) -> None:
        if row_id in by_row:
            change = _mistake(by_row[row_id]["label"], by_row[row_id]["prediction"])
            state.change(filter=format_filter(change(parse(state.read().filter))))

    listing(
        "mistakes",
        (
            Column("Most frequent mistakes", width="52%"),
            Column("Of all mistakes"),
            Column("n", right=True),
        ),
        [
            Row(
                row_id,
                (
                    Text(f"{row['label']} › {row['prediction']}"),
                    Meter(
                        row["n"] / wrong, share(row["n"] / wrong, 0),
                        max=rows[0]["n"] / wrong, color="red",
                    ),
                    Number(count(row["n"])),
                ),
            )
            for row_id, row in by_row.items()
        ],
        label="Most frequent mistakes",
        on_choose=open_samples,
        height=420,
    )  # fmt: skip


def calibrated(run_id: str, filter: str) -> None:
    """Show how sure the model is against how often it is right."""
    found = cached.reliability(run_id, filter)
    if found is None:
        st.caption("No labeled sample in the filter has a confidence.")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        bins = [
            charts.Reliability(*values)
            for values in zip(
                found.start.tolist(), found.end.tolist(), found.n.tolist(),
                found.confidence.tolist(), found.accuracy.tolist(), found.low.tolist(),
                found.high.tolist(), strict=True,
            )
        ]  # fmt: skip
        marks = [
            picking.between("confidence", one.start, one.end, below=one is not bins[-1])
            for one in bins
        ]
        chart(
            "calibration",
            charts.reliability(bins, charts.palette(st.context.theme.type)),
            _reliability_table(found),
            title="How often it is right, by how sure it is",
            scope=in_filter(sum(one.n for one in bins), cached.count(run_id, filter)),
            marks=labeled_only(run_id, filter, marks),
            said=calibration_said(found),
            help=ECE,
        )
    with right:
        _worst_bins(bins)


def calibration_said(found: Calibration) -> str:
    """Say in a line how sure the model is, and how often right."""
    gap = found.mean_confidence - found.mean_accuracy
    verdict = "over" if gap > 0 else "under"
    sure = f"{share(found.mean_confidence)} sure, {share(found.mean_accuracy)} right"
    judged = f"**{verdict.capitalize()}confident** by {share(abs(gap))}"
    if found.n.sum() < FEWEST:
        judged = "**Too few samples to tell**"
    elif found.error <= 1.5 * found.by_chance:
        judged = "**No more than chance**"
    return (
        f"{judged} · {sure} · ECE **{number(found.error)}** "
        f":gray[({number(found.by_chance)} by chance)]"
    )


def _worst_bins(bins: Sequence[charts.Reliability]) -> None:
    """List the bins in which confidence and accuracy lie furthest apart."""
    ordered = sorted(bins, key=lambda one: -abs(one.confidence - one.accuracy) * one.n)
    by_row = {f"{place}": one for place, one in enumerate(ordered[:8])}
    widest = max(abs(one.confidence - end) for one in bins for end in (one.low, one.high))

    def open_samples(row_id: str) -> None:
        if row_id in by_row:
            one = by_row[row_id]
            change = picking.between("confidence", one.start, one.end, below=one is not bins[-1])
            state.change(filter=format_filter(change(parse(state.read().filter))))

    listing(
        "worst_bins",
        (
            Column("Furthest apart", width="40%"),
            Column("Too sure by", help="Mean confidence minus accuracy, in the bin"),
            Column("n", right=True),
        ),
        [
            Row(
                row_id,
                (
                    Text(
                        f"{share(one.start)} – {share(one.end)}",
                        sub=f"{share(one.confidence)} sure, {share(one.accuracy)} right",
                    ),
                    Meter(
                        one.confidence - one.accuracy, share(one.confidence - one.accuracy),
                        low=one.confidence - one.high, high=one.confidence - one.low,
                        min=-widest, max=widest,
                        color="red" if one.confidence > one.accuracy else "green",
                    ),
                    Number(count(one.n)),
                ),
            )
            for row_id, one in by_row.items()
        ],
        label="Bins furthest from calibrated",
        on_choose=open_samples,
        height=420,
    )  # fmt: skip


def _reliability_table(found: Calibration) -> pa.Table:
    names = ("start", "end", "n", "confidence", "accuracy", "low", "high")
    return pa.table({name: pa.array(getattr(found, name)) for name in names})


def loss_spread(run_id: str, filter: str) -> None:
    """Show how the loss is spread in the filter, against the same populations without it."""
    chosen = parse(filter)
    whole = chips.only_populations(chosen)
    found = cached.compared(run_id, Pair(whole, chosen, whole=True), "loss")
    rows = found.rows.to_pylist()
    if found.drift is None:
        st.caption("No labeled sample in the filter.")
        return
    narrowed = format_filter(whole) != format_filter(chosen)
    groups = series(rows, "in the filter", "all")
    shown = groups if narrowed else groups[:1]
    marks = picking.of_rows("loss", rows)
    everyone = [picking.every(lambda _: whole, mark) for mark in marks]
    spec = charts.compare_shares(
        [ranged(row["low"], row["high"]) for row in rows],
        shown,
        "loss",
        charts.palette(st.context.theme.type),
        bounds=bounds(rows),
    )
    chart(
        "loss_spread",
        spec,
        found.rows.rename_columns(
            ["value", "low", "high", "samples in the filter", "samples of all",
             "share in the filter", "share of all"]
        ),
        title="How the loss is spread",
        scope=in_filter(sum(groups[0].counts), cached.count(run_id, filter)),
        marks=[
            change
            for both in zip(marks, everyone, strict=True)
            for change in both[: len(shown)]
        ],
        said=drift_words.said(found.drift, "loss in the filter", "all loss")
        + drift_words.drawn(found.drift, groups[0].n, groups[1].n)
        if narrowed
        else WHOLE,
        help=drift_words.help(found.drift, "the filter", "all") if narrowed else None,
    )  # fmt: skip
