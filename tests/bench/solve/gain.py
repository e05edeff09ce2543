"""Report the bench of the gain: from the lines of `gain_train` to figures, a page and a picture.

The steps, of which the second wants a GPU or hours:
`python -m bench.solve.gain_plan --split reporting --seeds 5`
`python -m bench.solve.gain_train build/bench-solve/gain/reporting --out build/gain-reporting.jsonl`
`python -m bench.solve.gain build/gain-reporting.jsonl --developing build/gain-developing.jsonl`
with `PYTHONPATH=tests:engine`. What is judged, and how, stands in `gain_judge`.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.discovery.judge import Interval, interval
from bench.solve.gain_judge import Judged, Line, ahead, default_weight, judged, of_ceiling
from bench.solve.gain_page import draw, page
from bench.solve.gain_slices import WIDE
from bench.solve.page import write_section

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "tests" / "bench" / "results" / "solve_gain.json"
PAGE = ROOT / "docs" / "benchmarks" / "solve.md"
OURS = "ours 100"
ARMS = ("ours 50", OURS, "ours 200", "centroid", "core-set", "entropy", "random", "ceiling")
OTHERS = ("centroid", "core-set", "entropy", "random")
TRADE = tuple((arm, weight) for arm in (OURS, "random") for weight in (1.0, 2.0, 3.0, 5.0, 10.0))
DECIDING = tuple((arm, weight) for arm in (OURS, "random") for weight in (3.0, 5.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, help="what gain_train wrote for the reporting split")
    parser.add_argument("--developing", type=Path, required=True, help="the same for developing")
    parser.add_argument("--machine", default="", help="on which the models were trained")
    given = parser.parse_args()
    result = report(read(given.lines), read(given.developing), given.machine)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    PAGE.with_name("solve-gain.svg").write_text(draw(result))
    write_section(PAGE, "gain", page(result))
    print(page(result))


def read(file: Path) -> list[Line]:
    return [json.loads(line) for line in file.read_text().splitlines() if line.strip()]


def report(lines: Sequence[Line], developing: Sequence[Line], machine: str = "") -> dict:
    """All figures, as they go to the results; the wide slices apart."""
    (lines, wide), (developing, _) = _apart(lines), _apart(developing)
    weight = default_weight(judged(developing, DECIDING)[0])
    arms, left_out = judged(lines, [(name, weight) for name in ARMS])
    main_arms = {name: arms[(name, weight)] for name in ARMS}
    ours = main_arms[OURS]
    facts = _facts(lines, ours.cells.tolist())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine or f"{platform.machine()}, {platform.system()}",
        "engine": sorted({str(line["engine"]) for line in lines}),
        "split": lines[0]["split"],
        "settings": len(set(ours.settings)),
        "cells": len(ours.settings),
        "seeds": _least_and_most(ours),
        "models": len(lines),
        "left_out": left_out,
        "not_found": sorted(cell for cell, fact in facts.items() if not fact["found"]),
        "default_weight": weight,
        "arms": {name: _figures(arm, main_arms) for name, arm in main_arms.items()},
        "ahead_of": {name: _ahead(ours, main_arms[name]) for name in OTHERS},
        "weights": _weights(judged(lines, TRADE)[0]),
        "developing": _weights(judged(developing, DECIDING)[0]),
        "known": _known(lines, weight),
        "by_kind": _by_kind(facts, main_arms),
        "by_match": _by_match(facts, main_arms),
        "by_setting": _by_setting(facts, main_arms),
        "wide": _wide(wide, weight),
    }


def _facts(lines: Sequence[Line], cells: Sequence[str]) -> dict[str, Line]:
    """Return the line of each cell before anything was labeled."""
    before = {str(line["cell"]): line for line in lines if line["arm"] == "before"}
    return {cell: before[cell] for cell in cells}


def _apart(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    names = {each.name for slices in WIDE.values() for each in slices}
    return (
        [line for line in lines if line["slice"] not in names],
        [line for line in lines if line["slice"] in names],
    )


def _wide(lines: Sequence[Line], weight: float) -> dict[str, object]:
    """What is closed of slices that befall all classes, by those arms that were trained."""
    arms, _ = judged(lines, [(name, weight) for name in ARMS])
    return {
        "cells": len(arms[(OURS, weight)].settings) if arms else 0,
        "closed": {
            name: _told(interval(arms[(name, weight)].capped, arms[(name, weight)].settings))
            for name in ARMS
            if (name, weight) in arms
        },
    }


def _figures(arm: Judged, arms: dict[str, Judged]) -> dict[str, object]:
    ceiling, random = arms["ceiling"], arms["random"]
    known = arm.hits[np.isfinite(arm.hits)]
    return {
        "closed": _told(interval(arm.capped, arm.settings)),
        "closed_uncapped": _told(interval(arm.closed, arm.settings)),
        "closed_of_aggressor": _told(interval(np.clip(arm.of_aggressor, -1, 1), arm.settings)),
        "share_of_ceiling": _told(of_ceiling(arm, ceiling)),
        "hits": round(float(known.mean()), 3),
        "rest_points": _told(interval(arm.rest_change, arm.settings)),
        "lost_against_random": _told(interval(100 * (random.rest - arm.rest), arm.settings)),
    }


def _ahead(ours: Judged, other: Judged) -> dict[str, object]:
    difference, won, lost = ahead(ours, other)
    return {"closed": _told(difference), "settings_won": won, "settings_lost": lost}


def _least_and_most(arm: Judged) -> list[int]:
    """Fewest and most cells of a setting."""
    counts = np.unique(arm.settings, return_counts=True)[1]
    return [int(counts.min()), int(counts.max())]


def _known(lines: Sequence[Line], weight: float) -> dict[str, object]:
    """Beside each other: the aggressor as found, and had the search found just the slice."""
    arms, _ = judged(lines, [(OURS, weight), ("known", weight)])
    return {
        "cells": len(arms[(OURS, weight)].settings) if arms else 0,
        **{name: _told(interval(arm.capped, arm.settings)) for (name, _), arm in arms.items()},
    }


def _weights(arms: dict[tuple[str, float], Judged]) -> dict[str, object]:
    """The trade: what each weight of the added samples closes, and costs elsewhere."""
    found = {}
    for (name, weight), arm in sorted(arms.items(), key=lambda each: each[0][1]):
        if name == OURS:
            random = arms[("random", weight)]
            found[f"{weight:g}"] = {
                "closed": _told(interval(arm.capped, arm.settings)),
                "rest_points": _told(interval(arm.rest_change, arm.settings)),
                "lost_against_random": _told(
                    interval(100 * (random.rest - arm.rest), arm.settings)
                ),
            }
    return found


def _by_kind(facts: dict[str, Line], arms: dict[str, Judged]) -> dict[str, object]:
    kinds = np.array([str(fact["kind"]) for fact in facts.values()])
    return {kind: _means(arms, kinds == kind) for kind in sorted(set(kinds))}


def _by_match(facts: dict[str, Line], arms: dict[str, Judged]) -> dict[str, object]:
    """Figures apart for cells whose aggressor matches the slice well (F1) and for the others."""
    f1 = np.array([float(fact["f1"]) for fact in facts.values()])
    parts = {"F1 at least .7": f1 >= 0.7, "F1 below .7": f1 < 0.7}
    return {name: _means(arms, part) for name, part in parts.items() if part.any()}


def _by_setting(facts: dict[str, Line], arms: dict[str, Judged]) -> list[dict[str, object]]:
    ours, rows = arms[OURS], []
    for name in dict.fromkeys(ours.settings.tolist()):
        own = ours.settings == name
        before = [fact for fact in facts.values() if fact["slice"] == name]
        rows.append({
            "setting": name, "kind": before[0]["kind"],
            "gap": round(float(np.mean([b["rest"] - b["inside"] for b in before])), 3),
            "f1": round(float(np.mean([b["f1"] for b in before])), 3),
            "hits": round(float(np.nanmean(ours.hits[own])), 3),
            "rest_points": round(float(ours.rest_change[own].mean()), 2),
            **_means(arms, own),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (row["kind"], row["setting"]))


def _means(arms: dict[str, Judged], own: np.ndarray) -> dict[str, object]:
    """Mean closed of each arm over some of the cells."""
    closed = {name: round(float(arm.capped[own].mean()), 3) for name, arm in arms.items()}
    return {"cells": int(own.sum()), "closed": closed}


def _told(value: Interval) -> list[float]:
    return [round(each, 3) for each in (value.value, value.low, value.high)]


if __name__ == "__main__":
    main()
