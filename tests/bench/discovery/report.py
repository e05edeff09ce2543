"""The page with its table and plot, and the same figures as JSON."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.discovery.figures import Figures
from bench.discovery.judge import Interval
from bench.discovery.peers import PEERS
from bench.discovery.plot import draw
from bench.discovery.scale import Size

AIMS = "recovered ≥ .92, F1 ≥ .80, precision@10 ≥ .97, no kind or source below .85"


@dataclass(frozen=True)
class Bench:
    """Everything that one run of the bench has measured.

    Parameters
    ----------
    methods : all that were run, with their settings.
    failed : reason by title of each peer that could not be run.
    sizes : cost by number of samples; empty where not measured.
    """

    split: str
    engine: str
    date: str
    machine: str
    methods: list[str]
    figures: list[Figures]
    failed: dict[str, str]
    sizes: list[Size]


def bench(
    split: str,
    engine: str,
    methods: Sequence[str],
    figures: list[Figures],
    failed: Mapping[str, str],
    sizes: Sequence[Size],
) -> Bench:
    """Date the figures."""
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    today = datetime.now(UTC).date().isoformat()
    return Bench(split, engine, today, machine, list(methods), figures, dict(failed), list(sizes))


def write_json(measured: Bench, path: Path) -> None:
    """Write every figure; what is unknown is null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(asdict(measured)), indent=2, ensure_ascii=False) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


def write_page(measured: Bench, path: Path) -> None:
    """Write the page, and its plot beside it as SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plot = path.with_suffix(".svg")
    plot.write_text(draw(measured.figures))
    ours, *peers = measured.figures
    parts = [
        _opening(measured),
        f"![Recovered by kind and source]({plot.name})",
        _table(measured.figures),
        _ours(ours),
        _sizes(measured.sizes),
        _method(peers, measured),
    ]
    path.write_text("\n\n".join(part for part in parts if part) + "\n")


def _opening(measured: Bench) -> str:
    ours, *peers = measured.figures
    best = (
        f", the best peer {_number(peers[0].recovered.value)} ({peers[0].title})" if peers else ""
    )
    return (
        "# How much of what is planted does discovery find?\n\n"
        "<!-- written by `make bench-discovery`; do not edit -->\n\n"
        f"{ours.slices} slices were planted in {ours.settings} settings on images, text and "
        "tables: groups that are rare in training, that break a spurious correlation, or whose "
        f"labels are noisy. The first five aggressors hold {_number(ours.recovered.value)} of "
        f"them (F1 at least 0.5){best}. The aims: {AIMS}.\n\n"
        f"Split *{measured.split}*, engine {measured.engine}, {measured.date}, {measured.machine}."
    )


def _table(figures: Sequence[Figures]) -> str:
    head = (
        "| method | recovered | beside natural | F1 | p@10 | p@100 | of twenty | duplicates "
        "| nulls with an alarm | ours ahead by | seconds |\n" + "|---" * 11 + "|"
    )
    return "\n".join([head, *(_row(each) for each in figures)])


def _row(own: Figures) -> str:
    cells = [
        own.title if own.ahead else f"**{own.title}**",
        _with_interval(own.recovered),
        _number(own.beside.value),
        _number(own.f1.value),
        _number(own.p10.value),
        _number(own.p100.value),
        _number(own.of_twenty.value),
        f"{own.duplicates.value:.0%}",
        f"{own.alarms} of {own.nulls}",
        _with_interval(own.ahead) if own.ahead else "",
        f"{own.seconds:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _ours(own: Figures) -> str:
    parts = " · ".join(f"{name} {_with_interval(value)}" for name, value in own.groups.items())
    lines = [
        f"- Recovered by part: {parts}.",
        f"- Of the recovered slices, {own.named.value:.0%} carry a rule as their name; counted "
        f"again by other code, its precision is {_number(own.rule_precision.value)} and its "
        f"recall {_number(own.rule_recall.value)} for the members.",
        f"- {own.reported:.1f} aggressors are reported in a setting; at most "
        f"{own.most_seconds:.1f} processor seconds go by.",
    ]
    if own.agreement:
        agreed = ", ".join(
            f"{_with_interval(value)} over {what}" for what, value in own.agreement.items()
        )
        lines.insert(2, f"- Agreement of the first five (mean best-match Jaccard): {agreed}.")
    return "## Ours in detail\n\n" + "\n".join(lines)


def _sizes(sizes: Sequence[Size]) -> str:
    if not sizes:
        return ""
    head = (
        "| samples × 128 | processor seconds | peak memory | planted recovered |\n|---|---|---|---|"
    )
    rows = [
        f"| {each.n:,} | {each.seconds:.1f} | {each.peak_mib / 1024:.2f} GiB | "
        f"{each.recovered} of {each.planted} |"
        for each in sizes
    ]
    return "## Size\n\n" + "\n".join([head, *rows])


def _method(peers: Sequence[Figures], measured: Bench) -> str:
    lines = [
        "- A slice counts if it can be found: accuracy inside at least .10 lower, 30 samples, a "
        "probe that knows the truth reaches F1 .6, and a twin model trained without the planting "
        "does not fail there too.",
        "- Recovered: one of the first five groups has F1 ≥ .5 with the slice; of twenty: any; "
        "beside natural: of the first five that are no natural weakness, on which the twin fails "
        "at least half as much, which are true findings too. "
        "Precision@10 and @100 are of the matched group's surest members, over recovered slices. "
        "A duplicate overlaps an earlier one of the first five with Jaccard ≥ .5. Intervals, "
        "95 %, resample settings.",
        "- Nulls: embedding, metadata and text dealt out anew against label, prediction and loss. "
        "An alarm is anything found by a method's own criterion; where its authors have none, "
        "p < .05 on the same samples.",
        "- Each peer is told by the best of its settings in this very split: "
        + ", ".join(f"{each.title} ({each.method.partition(':')[2]})" for each in peers)
        + ". Peers that search metadata are given clusters of the embedding as columns, and their "
        "overlaps are removed. How they are installed: tests/bench/discovery/peers/README.md.",
        f"- Run were: {', '.join(measured.methods)}.",
        *(f"- Not measured: {title} ({why})." for title, why in _missing(measured).items()),
    ]
    return "## How it is measured\n\n" + "\n".join(lines)


def _missing(measured: Bench) -> dict[str, str]:
    """Reason by title of each peer that has no row."""
    told = {each.title for each in measured.figures} | set(measured.failed)
    left = {peer.title: "not run this time" for peer in PEERS.values() if peer.title not in told}
    return measured.failed | left


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else ""


def _with_interval(own: Interval) -> str:
    return f"{_number(own.value)} [{_number(own.low)}, {_number(own.high)}]"
