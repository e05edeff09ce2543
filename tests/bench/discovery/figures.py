"""What the report tells of each method: measures over planted slices, with intervals over settings.

A method with several settings is told by the one that recovers most in the reported split itself,
which favours it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.discovery.groups import Report
from bench.discovery.judge import Interval, agreement, duplicates, interval, paired
from bench.discovery.lines import Line, by, lines, mean, precision, recovered
from bench.discovery.peers import PEERS
from bench.discovery.results import OURS, Ask, Failed, Results
from bench.discovery.setting import Setting
from bench.discovery.variants import Variant

VARIANTS: dict[str, tuple[tuple[Variant, int], ...]] = {
    "seeds": ((Variant(), 1), (Variant(), 2)),
    "splits": ((Variant("split", 1), 0), (Variant("split", 2), 0)),
    "resampled rows": ((Variant("resampled", 1), 0), (Variant("resampled", 2), 0)),
}


@dataclass(frozen=True)
class Figures:
    """One method over all planted slices that count.

    Parameters
    ----------
    method, title : the name that commands know, and the one that readers do.
    recovered, f1, of_twenty : over slices; beside : recovered where natural weaknesses take no
        place among the five; p10, p100 and the rule's over the recovered ones.
    groups : share recovered by kind, by source, with and without a column for the cause.
    named : share of the recovered slices whose matched group has a rule.
    ahead : share that ours recovers minus this method's, over the same slices; None for ours.
    agreement : of the first five, by what is varied; empty where not measured.
    """

    method: str
    title: str
    slices: int
    settings: int
    recovered: Interval
    beside: Interval
    of_twenty: Interval
    f1: Interval
    p10: Interval
    p100: Interval
    groups: dict[str, Interval]
    duplicates: Interval
    nulls: int
    alarms: int
    named: Interval
    rule_precision: Interval
    rule_recall: Interval
    ahead: Interval | None
    agreement: dict[str, Interval]
    reported: float
    seconds: float
    most_seconds: float


def figures(
    methods: Sequence[str],
    chosen: Sequence[Setting],
    results: Results,
    *,
    nulls: int,
    peer_nulls: int,
    stability: bool,
) -> tuple[list[Figures], dict[str, str]]:
    """Measure every method, ours first and then the peers by what they recover.

    Parameters
    ----------
    nulls : nulls of each setting for ours.
    peer_nulls : nulls in all for each peer, one a setting.
    stability : whether to measure agreement, of ours only.

    Returns
    -------
    Figures, one a title, and the reason by title where a method could not be run.
    """
    judged: dict[str, list[Line]] = {}
    failed: dict[str, str] = {}
    for method in dict.fromkeys([OURS, *methods]):
        try:
            judged[method] = lines(chosen, planted_reports(method, chosen, results))
        except Failed as reason:
            failed[title_of(method)] = str(reason)
    told = []
    for method in _best(judged):
        asks = null_asks(method, chosen, nulls, peer_nulls)
        told.append(
            _told(
                method,
                judged,
                planted_reports(method, chosen, results),
                list(results.reports(asks).values()),
                _agreements(method, chosen, results) if stability and method == OURS else {},
            )
        )
    ours, peers = told[0], sorted(told[1:], key=lambda each: -each.recovered.value)
    known = {each.title for each in told}
    return [ours, *peers], {name: why for name, why in failed.items() if name not in known}


def planted_reports(method: str, chosen: Sequence[Setting], results: Results) -> dict[str, Report]:
    """Report of a method on each setting as planted, by the setting's name."""
    found = results.reports([Ask(method, each.folder) for each in chosen])
    return {ask.folder.name: report for ask, report in found.items()}


def null_asks(method: str, chosen: Sequence[Setting], nulls: int, peer_nulls: int) -> list[Ask]:
    """Ask for the nulls of a method; a peer's are dealt over sources as the settings are."""
    if method == OURS:
        numbers = range(1, nulls + 1)
        return [Ask(method, each.folder, Variant("null", n)) for each in chosen for n in numbers]
    places = np.unique(np.linspace(0, len(chosen) - 1, min(peer_nulls, len(chosen))).round())
    return [Ask(method, chosen[int(place)].folder, Variant("null", 1)) for place in places]


def title_of(method: str) -> str:
    """Name of a method as readers know it."""
    return "Aggressors" if method == OURS else PEERS[method].title


def counted(judged: Sequence[Line]) -> list[Line]:
    """Lines of the slices that count."""
    return [line for line in judged if line.counts]


def _best(judged: Mapping[str, list[Line]]) -> list[str]:
    best: dict[str, str] = {}
    for method in judged:
        title = title_of(method)
        if title not in best or _share(judged[method]) > _share(judged[best[title]]):
            best[title] = method
    return list(best.values())


def _share(judged: Sequence[Line]) -> tuple[float, float]:
    own = counted(judged)
    return recovered(own).value, mean(own, lambda line: line.f1).value


def _told(
    method: str,
    judged: Mapping[str, list[Line]],
    reports: Mapping[str, Report],
    nulls: Sequence[Report],
    agreements: dict[str, Interval],
) -> Figures:
    own = counted(judged[method])
    matched = [line for line in own if line.judged.recovered]
    names = np.array(list(reports))
    again = np.array([duplicates(report.groups) for report in reports.values()])
    seconds = [report.seconds for report in reports.values()]
    return Figures(
        method=method,
        title=title_of(method),
        slices=len(own),
        settings=len(reports),
        recovered=recovered(own),
        beside=mean(own, lambda each: each.recovered_beside),
        of_twenty=mean(own, lambda each: each.recovered or each.later_f1 >= 0.5),
        f1=mean(own, lambda each: each.f1),
        p10=precision(own, 10),
        p100=precision(own, 100),
        groups={name: recovered(part) for name, part in _parts(own).items()},
        duplicates=interval(again, names),
        nulls=len(nulls),
        alarms=sum(report.alarm for report in nulls),
        named=mean(matched, lambda each: np.isfinite(each.rule_precision)),
        rule_precision=mean(matched, lambda each: each.rule_precision),
        rule_recall=mean(matched, lambda each: each.rule_recall),
        ahead=None if method == OURS else _ahead(counted(judged[OURS]), own),
        agreement=agreements,
        reported=float(np.mean([len(report.groups) for report in reports.values()])),
        seconds=float(np.median(seconds)),
        most_seconds=float(np.max(seconds)),
    )


def _parts(own: Sequence[Line]) -> dict[str, list[Line]]:
    keys: tuple[Callable[[Line], str], ...] = (
        lambda line: line.kind,
        lambda line: line.source,
        lambda line: "with a cause column" if line.has_cause_column else "without one",
    )
    return {name: part for key in keys for name, part in by(own, key).items()}


def _ahead(ours: Sequence[Line], theirs: Sequence[Line]) -> Interval:
    shares = [
        np.array([line.judged.recovered for line in side], dtype=float) for side in (ours, theirs)
    ]
    return paired(*shares, np.array([line.setting for line in ours]))


def _agreements(method: str, chosen: Sequence[Setting], results: Results) -> dict[str, Interval]:
    """Agreement of the first five with the plain report, mean over variants of each setting."""
    names = np.array([each.name for each in chosen])
    plain = planted_reports(method, chosen, results)
    found = {}
    for what, variants in VARIANTS.items():
        values = [
            np.mean([_agreed(plain[each.name], each, method, results, *one) for one in variants])
            for each in chosen
        ]
        found[what] = interval(np.array(values), names)
    return found


def _agreed(
    plain: Report, setting: Setting, method: str, results: Results, variant: Variant, seed: int
) -> float:
    ask = Ask(method, setting.folder, variant, seed)
    other = results.reports([ask])[ask]
    members, held = variant.on_original(other.groups, len(setting))
    own = [group.member[held] for group in plain.groups]
    return agreement(own, [member[held] for member in members])
