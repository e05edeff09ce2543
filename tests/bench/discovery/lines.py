"""Judged slices as rows, and the summaries that developing and reporting both print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.discovery.counting import is_natural
from bench.discovery.groups import Report
from bench.discovery.judge import Interval, Judged, duplicates, interval, judge
from bench.discovery.setting import Setting


@dataclass(frozen=True)
class Line:
    """One planted slice under one method."""

    setting: str
    source: str
    slice: str
    kind: str
    counts: bool
    has_cause_column: bool
    n: int
    judged: Judged


def lines(settings: Iterable[Setting], reports: Mapping[str, Report]) -> list[Line]:
    """Judge each planted slice of each setting against the report on it."""
    found = []
    for setting in settings:
        groups = reports[setting.name].groups
        correct = setting.label == setting.prediction
        natural = [is_natural(each.member, correct, setting.twin_correct) for each in groups]
        found += [
            Line(
                setting.name,
                setting.source,
                planted.name,
                planted.kind,
                planted.counts,
                setting.has_cause_column,
                int(planted.member.sum()),
                judge(groups, planted.member, natural),
            )
            for planted in setting.slices
        ]
    return found


def mean(lines: Sequence[Line], measure: Callable[[Judged], float]) -> Interval:
    """Mean of a measure over planted slices, with an interval over settings."""
    values = np.array([measure(line.judged) for line in lines], dtype=float)
    return interval(values, np.array([line.setting for line in lines]))


def recovered(lines: Sequence[Line]) -> Interval:
    """Share of the slices that the first five hold."""
    return mean(lines, lambda judged: judged.recovered)


def precision(lines: Sequence[Line], count: int) -> Interval:
    """Mean precision at 10 or 100 of the matched group, over the recovered slices."""
    chosen = [line for line in lines if line.judged.recovered]
    return mean(chosen, lambda judged: judged.p10 if count == 10 else judged.p100)


def by(lines: Sequence[Line], key: Callable[[Line], str]) -> dict[str, list[Line]]:
    """Split the lines, in the order of the keys."""
    names = sorted({key(line) for line in lines})
    return {name: [line for line in lines if key(line) == name] for name in names}


def print_lines(lines: Iterable[Line]) -> None:
    """Print one line for each planted slice."""
    head = f"{'setting':34} {'source':7} {'slice':26} {'kind':12} {'n':>5} counts"
    print(f"{head}    F1 rank  p@10 | F1 of 6-20, rank")
    for line in lines:
        own = line.judged
        told = f"{line.setting:34} {line.source:7} {line.slice:26} {line.kind:12} {line.n:5d}"
        told += f" {'yes' if line.counts else 'no ':6}  {own.f1:.2f} {own.rank or '-':>4}"
        told += f"  {own.p10:.2f} | {own.later_f1:.2f} {own.later_rank or '-':>3}"
        print(told + ("" if own.recovered or not line.counts else "  MISSED"))


def print_summary(
    method: str, lines: Sequence[Line], reports: Mapping[str, Report], nulls: Sequence[Report]
) -> None:
    """Print recovery by kind, source and cause column, over the slices that count."""
    counted = [line for line in lines if line.counts]
    print(f"\n{method}: {len(counted)} slices count in {len(reports)} settings")
    if not counted:
        return
    cause = by(counted, lambda line: "with cause" if line.has_cause_column else "without cause")
    kinds, sources = by(counted, lambda line: line.kind), by(counted, lambda line: line.source)
    print(f"{'':16} {'n':>4}  recovered           F1    p@10  p@100  of twenty  beside natural")
    for name, chosen in {"all": counted, **kinds, **sources, **cause}.items():
        share = recovered(chosen)
        twenty = mean(chosen, lambda own: own.recovered or own.later_f1 >= 0.5).value
        print(
            f"{name:16} {len(chosen):4d}  {share.value:.3f} [{share.low:.2f}, {share.high:.2f}]  "
            f"{mean(chosen, lambda own: own.f1).value:.3f}  {precision(chosen, 10).value:.3f}  "
            f"{precision(chosen, 100).value:.3f}  {twenty:.3f}  "
            f"{mean(chosen, lambda own: own.recovered_beside).value:.3f}"
        )
    again = np.mean([duplicates(report.groups) for report in reports.values()])
    named = mean(counted, lambda own: np.isfinite(own.rule_precision))
    print(f"duplicates {again:.3f} · named {named.value:.2f} · alarms on nulls "
          f"{sum(report.alarm for report in nulls)} of {len(nulls)} · reported "
          f"{np.mean([len(report.groups) for report in reports.values()]):.1f} · cpu-seconds "
          f"{np.median([report.seconds for report in reports.values()]):.2f} median, "
          f"{np.max([report.seconds for report in reports.values()]):.2f} most")  # fmt: skip
