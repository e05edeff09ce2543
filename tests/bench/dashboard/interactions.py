"""What clicks on every page ask of a run, with values drawn anew so that nothing is remembered.

Each interaction is one call of `aggressors.queries` as the pages make it. `draw` gives it a filter
or field of the kind that its name says; two draws of a sequence are practically never the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from aggressors.queries import (
    alike,
    claims,
    concept,
    drift,
    explore,
    fetching,
    fields,
    findings,
    handmade,
    maps,
    overview,
    points,
    samples,
    solve,
    sought,
    unusual,
    weak,
)
from aggressors.queries.grammar import parse
from aggressors.store.read import RunFile

Ask = Callable[[RunFile, "Draw"], Any]
NUMBERS = ("vegetation", "brightness", "contrast", "speed", "exposure")
LASSO = 24  # corners
FEW_CATEGORIES, MANY_CATEGORIES = (1, 2, 4, 5, 6, 8), (9, 10, 11)


class Draw:
    """Filters and fields, another one each time."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def number(self) -> str:
        """A field that is a number without missing values."""
        return str(self.rng.choice(NUMBERS))

    def category(self) -> str:
        """A field of 3 to 24 values."""
        return f"cat {self.rng.choice(FEW_CATEGORIES):02d}"

    def wide_category(self) -> str:
        """A field of 40 to 400 values."""
        return f"cat {self.rng.choice(MANY_CATEGORIES):02d}"

    def interval(self) -> str:
        """A claim that vegetation lies in a range, about half of all samples."""
        low = float(self.rng.uniform(0.2, 0.45))
        return f"vegetation >= {low:.6f} and vegetation < {low + 0.3:.6f}"

    def some(self) -> str:
        """A claim about three values of a category, and one more that makes it another claim."""
        chosen = self.rng.choice(12, 3, replace=False)
        values = ", ".join(f'"value 6-{value:03d}"' for value in chosen)
        return f'"cat 06" in ({values}) and row_id != {self.rng.integers(1 << 30)}'

    def text(self) -> str:
        """A claim about words of a text."""
        return f'note contains "rain {self.rng.integers(1000)}"'

    def scene(self) -> str:
        """A claim about one of 100,000 values, which occurs in 100,000 rows as well."""
        return f'scene = "scene {int(10_000 * self.rng.random() ** 2):06d}"'

    def quantile(self) -> str:
        """A claim that a loss is among the highest."""
        return f"loss_quantile > {self.rng.uniform(0.5, 0.99):.6f}"

    def member(self) -> str:
        """A claim that a sample is of an aggressor, and bright or not."""
        return f"aggressor = {self.rng.integers(1, 4)} and brightness > {self.rng.random() / 4:.6f}"

    def lasso(self) -> str:
        """A region around some classes' clouds, as a hand draws it."""
        angle = np.sort(self.rng.uniform(0, 2 * np.pi, LASSO))
        radius = self.rng.uniform(3, 6, LASSO)
        middle = self.rng.uniform(0, 2 * np.pi)
        x = 10 * np.cos(middle) + radius * np.cos(angle)
        y = 10 * np.sin(middle) + radius * np.sin(angle)
        corners = ", ".join(f"{value:.4f}" for point in zip(x, y, strict=True) for value in point)
        return f"map in ({corners})"

    def several(self) -> str:
        """Claims joined by or, with one denied."""
        low = self.rng.uniform(0.6, 0.9)
        return (
            f'(vegetation > {low:.6f} or "cat 05" = "value 5-003") and not (hour < 6)'
            ' and not ("number 00" is missing)'
        )

    def view(self, run: RunFile) -> maps.View:
        """The whole map, moved a little, as after a pan."""
        whole = maps.View(-15, -15, 15, 15)
        x, y = self.rng.uniform(-1, 1, 2)
        return maps.View(whole.x0 + x, whole.y0 + y, whole.x1 + x, whole.y1 + y)

    def zoomed(self) -> maps.View:
        """A tenth of the map's width."""
        x, y = self.rng.uniform(-9, 6, 2)
        return maps.View(x, y, x + 3, y + 3)


def _count(claim: Callable[[Draw], str]) -> Ask:
    return lambda run, draw: samples.count(run, parse(claim(draw)))


def _totals(claim: Callable[[Draw], str]) -> Ask:
    return lambda run, draw: overview.totals(run, parse(claim(draw)))


def _map(
    claim: Callable[[Draw], str],
    color: Callable[[Draw], str | None],
    *,
    zoomed: bool = False,
) -> Ask:
    def ask(run: RunFile, draw: Draw) -> maps.MapBins:
        view = draw.zoomed() if zoomed else draw.view(run)
        return maps.map_bins(run, parse(claim(draw)), color(draw), view, 200)

    return ask


def _page(claim: Callable[[Draw], str], order: Callable[[Draw], str], offset: float = 0) -> Ask:
    def ask(run: RunFile, draw: Draw) -> Any:
        skipped = int(offset * sum(run.populations.values()) * draw.rng.uniform(0.9, 1))
        descending = bool(draw.rng.integers(2))
        return samples.samples_page(
            run, parse(claim(draw)), order(draw), descending, skipped, 60, heatmaps=True
        )

    return ask


def _everything(draw: Draw) -> str:
    """Every sample, in words that no earlier question used."""
    return f"row_id != {draw.rng.integers(1 << 30) + (1 << 40)}"


def _claim(draw: Draw) -> str:
    low = draw.rng.uniform(0.8, 0.95)
    return f"vegetation > {low:.6f}"


def _datasets(draw: Draw) -> drift.Pair:
    left, right = draw.rng.choice(["train", "validation", "test"], 2, replace=False)
    return drift.datasets(parse(_everything(draw)), "population", str(left), str(right))


def _members(draw: Draw) -> drift.Pair:
    return drift.inside_outside(parse(_everything(draw)), _aggressor(draw))


def _grid(fields_of: Callable[[Draw], tuple[str, ...]]) -> Ask:
    return lambda run, draw: weak.grid(run, parse(_everything(draw)), fields_of(draw))


def _two_numbers(draw: Draw) -> tuple[str, ...]:
    return tuple(str(name) for name in draw.rng.choice(NUMBERS, 2, replace=False))


def _sought(ask: Callable[..., Any]) -> Ask:
    return lambda run, draw: ask(run, parse(draw.interval()))


def _dots(run: RunFile, draw: Draw) -> Any:
    colors = [points.color_of(run, name) for name in ("label", points.SIGNAL)]
    x, y = draw.rng.uniform(-9, 6, 2)
    return points.points(
        run, parse(_everything(draw)), colors, view=maps.View(x, y, x + 0.2, y + 0.2)
    )


def _listed(draw: Draw) -> str:
    """A list of 20,000 samples, as somebody pastes it."""
    ids = draw.rng.choice(300_000, 20_000, replace=False)
    return f"sample_id in ({', '.join(f'train-{one:09d}' for one in ids)})"


def _sample(run: RunFile, draw: Draw) -> Any:
    validation = 3 * sum(run.populations.values()) // 10
    return samples.sample(run, f"validation-{validation + draw.rng.integers(1000):09d}")


def _aggressor(draw: Draw) -> int:
    return int(draw.rng.integers(1, 4))


def candidates(run: RunFile) -> tuple[str, ...]:
    """Ids of the first candidates, the same of every aggressor, as `generate.py` lays them down."""
    total, unlabeled = sum(run.populations.values()), run.populations["unlabeled"]
    return tuple(f"unlabeled-{total - unlabeled + at:09d}" for at in range(min(unlabeled, 100)))


def _queue(run: RunFile, draw: Draw) -> Any:
    wish = fetching.Wish(
        budget=int(draw.rng.integers(10, 1_001)),
        variety=float(draw.rng.random()),
        even=bool(draw.rng.integers(2)),
        filter=parse(_everything(draw)),
    )
    return fetching.fetched(run, 1, wish)


def _queue_more_like(run: RunFile, draw: Draw) -> Any:
    """A queue with examples, of the kinds that the page offers."""
    chosen = draw.rng.choice(candidates(run), 6, replace=False).tolist()
    wish = fetching.Wish(
        more_like=tuple(chosen[:4]),
        less_like=tuple(chosen[4:]),
        filter=parse(_everything(draw)),
    )
    return fetching.fetched(run, 1, wish)


INTERACTIONS: dict[str, Ask] = {
    "count, range": _count(Draw.interval),
    "count, set of values": _count(Draw.some),
    "count, text contains": _count(Draw.text),
    "count, one of 100,000 values": _count(Draw.scene),
    "count, loss quantile": _count(Draw.quantile),
    "count, aggressor": _count(Draw.member),
    "count, lasso": _count(Draw.lasso),
    "count, or and not": _count(Draw.several),
    "totals, everything": _totals(_everything),
    "totals, range": _totals(Draw.interval),
    "totals, lasso": _totals(Draw.lasso),
    "map, density": _map(_everything, lambda draw: None),
    "map, number": _map(_everything, Draw.number),
    "map, category": _map(_everything, Draw.category),
    "map, 100,000 values": _map(_everything, lambda draw: "scene"),
    "map, label": _map(_everything, lambda draw: "label"),
    "map, loss": _map(_everything, lambda draw: "loss"),
    "map, loss, range": _map(Draw.interval, lambda draw: "loss"),
    "map, loss, lasso": _map(Draw.lasso, lambda draw: "loss"),
    "map, loss, zoomed": _map(_everything, lambda draw: "loss", zoomed=True),
    "map, category, zoomed": _map(_everything, Draw.category, zoomed=True),
    "field against loss, number": lambda run, draw: explore.field_vs_loss(
        run, parse(_everything(draw)), draw.number(), bins=16, top=14
    ),
    "field against loss, category": lambda run, draw: explore.field_vs_loss(
        run, parse(_everything(draw)), draw.wide_category(), bins=16, top=14
    ),
    "field against loss, 100,000 values": lambda run, draw: explore.field_vs_loss(
        run, parse(_everything(draw)), "scene", bins=16, top=14
    ),
    "field against loss, number, range": lambda run, draw: explore.field_vs_loss(
        run, parse(draw.interval()), draw.number(), bins=16, top=14
    ),
    "two fields against loss, numbers": lambda run, draw: explore.fields_vs_loss(
        run, parse(_everything(draw)), *_two_numbers(draw)
    ),
    "two fields against loss, categories": lambda run, draw: explore.fields_vs_loss(
        run, parse(_everything(draw)), draw.category(), draw.wide_category()
    ),
    "inside and outside, number": lambda run, draw: drift.compared(
        run, _members(draw), draw.number()
    ),
    "inside and outside, category": lambda run, draw: drift.compared(
        run, _members(draw), draw.wide_category()
    ),
    "compare datasets, number": lambda run, draw: drift.compared(
        run, _datasets(draw), draw.number()
    ),
    "compare datasets, category": lambda run, draw: drift.compared(
        run, _datasets(draw), draw.category()
    ),
    "differences of all fields": lambda run, draw: drift.differences(run, _datasets(draw)),
    "differences of an aggressor": lambda run, draw: drift.differences(run, _members(draw)),
    "calibration": lambda run, draw: explore.reliability(run, parse(_everything(draw))),
    "grid over a number and a category": _grid(lambda draw: (draw.number(), draw.category())),
    "grid over two numbers": _grid(lambda draw: _two_numbers(draw)),
    "error tree": _sought(sought.error_tree),
    "worst pairs": _sought(sought.worst_pairs),
    "measure a hand-made group": lambda run, draw: handmade.measured(run, parse(draw.interval())),
    "map, single samples": _dots,
    "count, list of 20,000 samples": _count(_listed),
    "most alike": lambda run, draw: alike.alike(
        run, int(draw.rng.integers(sum(run.populations.values())))
    ),
    "confusion": lambda run, draw: concept.confusion(run, parse(_everything(draw))),
    "confusion in an aggressor": lambda run, draw: concept.confusion(
        run, parse(draw.interval()), _aggressor(draw)
    ),
    "page, by loss": _page(_everything, lambda draw: "loss"),
    "page, by another field": _page(_everything, Draw.number),
    "page, range, by loss": _page(Draw.interval, lambda draw: "loss"),
    "page, deep, as they stand": _page(_everything, lambda draw: "row_id", 0.9),
    "page, deep, by loss": _page(_everything, lambda draw: "loss", 0.5),
    "members, by score": lambda run, draw: samples.members(
        run, _aggressor(draw), parse(draw.interval()), heatmaps=True
    ),
    "one sample": _sample,
    "search in a category": lambda run, draw: fields.values(
        run, draw.wide_category(), str(draw.rng.integers(400)), 50
    ),
    "search in 100,000 values": lambda run, draw: fields.values(
        run, "scene", str(draw.rng.integers(1000)), 50
    ),
    "aggressors in scope": lambda run, draw: overview.in_scope(run, parse(draw.interval())),
    "histograms of the loss": lambda run, draw: overview.loss_histograms(
        run, parse(draw.interval()), 10
    ),
    "candidates in scope": lambda run, draw: solve.candidates(
        run, 1, parse(draw.interval()), 0, 60
    ),
    "queue of another budget": _queue,
    "queue, more like these": _queue_more_like,
    "findings": lambda run, draw: findings.findings(run, _aggressor(draw), "membership"),
    "hypothesis": lambda run, draw: claims.judged(run, parse(_claim(draw)), 1),
    "hypothesis, two confounders": lambda run, draw: claims.judged(
        run, parse(_claim(draw)), 1, ("brightness", "cat 06")
    ),
}
# Answers that hold for a run whatever the filter: asked once, then remembered for everybody.
ONCE: dict[str, Ask] = {
    "extent of the map": lambda run, draw: maps.extent(run),
    "whether there is a map": lambda run, draw: maps.has_map(run),
    "outlines of the aggressors": lambda run, draw: maps.outlines(run, cells=32),
    "fields and their ranges": lambda run, draw: fields.fields(run),
    "loss explained": lambda run, draw: overview.loss_explained(run),
    "how the search went": lambda run, draw: overview.discovery_facts(run),
    "what values are compared with": lambda run, draw: unusual.yardsticks(run),
}
HYPOTHESIS = "hypothesis"  # how the names begin that have a bar of their own


@dataclass(frozen=True)
class Taken:
    """How long one call took, in seconds of the clock and of this process's CPU."""

    wall: float
    cpu: float


def measure(run: RunFile, repetitions: int, seed: int, only: str = "") -> dict[str, dict[str, Any]]:
    """Time every interaction; one call goes first, as a served dashboard is warm."""
    return {
        name: summary([_timed(ask, run, draw) for _ in range(repetitions)])
        for name, ask, draw in _all(run, seed, only)
    }


def _all(run: RunFile, seed: int, only: str) -> Iterator[tuple[str, Ask, Draw]]:
    for place, (name, ask) in enumerate((INTERACTIONS | ONCE).items()):
        if only in name:
            draw = Draw(seed + place)
            ask(run, draw)
            yield name, ask, draw


def _timed(ask: Ask, run: RunFile, draw: Draw) -> Taken:
    began, cpu = time.perf_counter(), time.process_time()
    ask(run, draw)
    return Taken(time.perf_counter() - began, time.process_time() - cpu)


def summary(taken: list[Taken]) -> dict[str, Any]:
    """p50 and p95 in milliseconds."""
    wall = sorted(1000 * one.wall for one in taken)
    cpu = sorted(1000 * one.cpu for one in taken)
    return {
        "p50_ms": round(at(wall, 0.5), 1),
        "p95_ms": round(at(wall, 0.95), 1),
        "cpu_p50_ms": round(at(cpu, 0.5), 1),
        "n": len(taken),
        "load": round(os.getloadavg()[0], 1),
    }


def at(ordered: list[float], share: float) -> float:
    """The value below which a share of them lies, interpolated."""
    return float(np.quantile(ordered, share))
