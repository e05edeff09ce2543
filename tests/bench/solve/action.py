"""Is the first action the right one? And do the first hundred suspects hold the wrong labels?

    python -m bench.solve.cases developing 14     # once; then settling 36 and reporting 36
    python -m bench.solve.action                  # measure, judge, write JSON and the page

with `PYTHONPATH=tests:engine`. `$CORRUPTIONS_PYTHON` is a Python with the package
`imagecorruptions`, `$CLEANLAB_PYTHON` one with `cleanlab`; neither is needed by the product. Rules
and thresholds were settled on the developing and the settling cases together; seeds and kinds of
corruption of the reporting ones are others, and none of them was looked at before.
`--settling` judges the former alone and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

import numpy as np

from aggressors.contracts import Action
from aggressors.stats.diagnosis import Evidence
from aggressors.stats.recommend import recommend
from bench.solve.action_page import ACTIONS, page
from bench.solve.cases import cache_folder
from bench.solve.crossed import FOLDS, crossed
from bench.solve.measured import Measured, measured
from bench.solve.page import write_section
from bench.solve.relabeling import reviewed

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "tests" / "bench" / "results" / "solve_action.json"
PAGE = ROOT / "docs" / "benchmarks" / "solve.md"
AN_AGGRESSOR = 0.1  # nats of loss above the rest, below which what was planted is no aggressor
NUMBERS = (
    "coverage", "crowding", "share_train", "share_analysed", "shortcut", "shortcut_shortfall",
    "unreadable", "unreadable_rest", "skill", "one_sided", "ordinary", "label_entropy",
    "prediction_entropy", "disagreement", "disagreement_rest", "confident", "confident_rest",
    "confident_failing", "outside", "passing", "ambiguity", "ambiguity_rest", "gap_train", "gap",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-relabel", action="store_true")
    parser.add_argument("--settling", action="store_true")
    asked = parser.parse_args()
    settled = [*_slices("developing"), *_slices("settling")]
    figures = {"settled": judged(settled, settled)}
    figures["settled"]["crossed"] = {
        name: _figures(crossed(_counted(settled), folds)) for name, folds in FOLDS.items()
    }
    if asked.settling:
        print(json.dumps(figures, indent=1))
        return
    figures["reporting"] = judged(_slices("reporting"), settled)
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()}, {cpu_count()} cores, shared",
        "action": figures,
    }
    if not asked.without_relabel:
        splits = ("reporting",)
        result["relabel"] = {split: reviewed(split) for split in splits}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    write_section(PAGE, "action", page(result))
    print(page(result))


def judged(slices: Sequence[Measured], settled: Sequence[Measured]) -> dict:
    """All figures of one split, beside what learns from the cases that rules are settled on."""
    counted = _counted(slices)
    found = [one for one in counted if one.found is not None]
    told = {
        "found": [(one, ranked(one.found)) for one in found],
        "true": [(one, ranked(one.true)) for one in counted],
        "shortcuts without their column": [(one, ranked(_unrecorded(one.found))) for one in found],
        "without what was tried on clean samples": [
            (one, ranked(replace(one.found, probes=()))) for one in found
        ],
    }
    learned = {
        "logistic regression, other cases of this split": _leaving_out(found),
    }
    if slices is not settled:
        learned["logistic regression, from what rules are settled on"] = _from(settled, found)
    figures = {name: _figures(each) for name, each in (told | learned).items()}
    return {
        "settings": len({one.seed for one in slices}),
        "planted": len(slices),
        "aggressors": len(counted),
        "discovered": len(found),
        "figures": figures,
        "fair": _figures([each for each in told["found"] if each[0].f1 >= 0.5]),
        "pure": _figures([each for each in told["found"] if each[0].f1 >= 0.7]),
        "one slice an aggressor": _figures(
            [each for each in told["found"] if not _is_shared(each[0], found)]
        ),
        "confusion": _confusion(told["found"]),
        "kinds": {
            kind: _figures([each for each in told["found"] if each[0].kind == kind])
            for kind in sorted({one.kind for one in found})
        },
        "either of collect and augment for rare and shortcut": _figures(told["found"], either=True),
    }


def ranked(evidence: Evidence) -> tuple[Action, ...]:
    return recommend(evidence).actions


def _counted(slices: Sequence[Measured]) -> list[Measured]:
    return [one for one in slices if one.gap >= AN_AGGRESSOR]


def _is_shared(one: Measured, found: Sequence[Measured]) -> bool:
    """Whether the aggressor that is most like a slice is more like another slice."""
    return any(
        other.seed == one.seed
        and other.f1 > one.f1
        and (other.found.gap, other.found.share_analysed)
        == (one.found.gap, one.found.share_analysed)
        for other in found
    )


def _slices(split: str) -> list[Measured]:
    seeds = sorted(int(file.stem) for file in (cache_folder() / split).glob("*.pickle"))
    return [one for seed in seeds for one in measured(split, seed)]


def _unrecorded(evidence: Evidence) -> Evidence:
    return replace(evidence, shortcut=None, shortcut_shortfall=None)


Told = tuple[Measured, Sequence[str]]


def _figures(told: Sequence[Told], *, either: bool = False) -> dict:
    """Shares with intervals that resample settings."""
    alike = {"collect", "augment"}

    def right(one: Measured, actions: Sequence[str]) -> bool:
        return one.right in actions or (either and one.right in alike and bool({*actions} & alike))

    ways: dict[str, Callable[[Told], bool]] = {
        "first": lambda each: right(each[0], each[1][:1]),
        "two": lambda each: right(each[0], each[1][:2]),
    }
    return {"n": len(told)} | {
        name: _share([(each[0].seed, way(each)) for each in told]) for name, way in ways.items()
    }


def _share(told: Sequence[tuple[int, bool]], draws: int = 2_000) -> list[float] | None:
    """Share that is true, with a 95 % interval over resampled settings."""
    if not told:
        return None
    seeds = sorted({seed for seed, _ in told})
    right = np.array([sum(good for seed, good in told if seed == one) for one in seeds])
    count = np.array([sum(seed == one for seed, _ in told) for one in seeds])
    drawn = np.random.default_rng(0).integers(0, len(seeds), (draws, len(seeds)))
    shares = right[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return [round(float(value), 3) for value in (right.sum() / count.sum(), low, high)]


def _confusion(told: Sequence[Told]) -> dict[str, dict[str, int]]:
    counts = Counter((one.right, actions[0]) for one, actions in told)
    return {right: {first: counts[right, first] for first in ACTIONS} for right in ACTIONS}


# --- Learned on the same evidence ---


def _features(one: Evidence) -> list[float]:
    found = [getattr(one, name) for name in NUMBERS]
    best = one.probes[0] if one.probes else None
    found += [0.0, 0.0, 0.0] if best is None else [
        best.moved.value, best.alike, float(best.transform.startswith("swap-"))
    ]  # fmt: skip
    return [0.0 if value is None else float(value) for value in found]


def _leaving_out(slices: Sequence[Measured]) -> list[Told]:
    out: list[Told] = []
    for seed in sorted({one.seed for one in slices}):
        others = [one for one in slices if one.seed != seed]
        out += _learned(others, [one for one in slices if one.seed == seed])
    return out


def _from(settled: Sequence[Measured], slices: Sequence[Measured]) -> list[Told]:
    known = [one for one in _counted(settled) if one.found is not None]
    return _learned(known, slices)


def _learned(known: Sequence[Measured], asked: Sequence[Measured]) -> list[Told]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    both = [(one.found, one.right) for one in known] + [(one.true, one.right) for one in known]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000, C=0.3))
    model.fit([_features(evidence) for evidence, _ in both], [right for _, right in both])
    if not asked:
        return []
    p = model.predict_proba([_features(one.found) for one in asked])
    order = np.argsort(-p, axis=1)
    return [
        (one, [str(model.classes_[at]) for at in places])
        for one, places in zip(asked, order, strict=True)
    ]


if __name__ == "__main__":
    main()
