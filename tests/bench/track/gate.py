"""How often does a check block a model without a change, and how often does it see a regression?

    PYTHONPATH=tests python -m bench.track.gate MODELS.npz --split reporting
    PYTHONPATH=tests python -m bench.track.gate          # writes the page from the result

MODELS.npz holds networks of one recipe and other seeds, from `bench.track.retrain`; those that are
reported have seeds from 200 on. Two of them are an accepted model and a new one without a change.
Saved tests are the n samples nearest to an anchor in the embedding of a further network, which
judges nothing. A regression is planted by breaking samples that were right: they get the loss of
samples that the new network gets wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aggressors.judging import (
    CERTAINTY,
    LEVEL,
    decided,
    default_margin,
    margin_share,
    surely_worse,
)
from aggressors.stats.intervals import wilson
from aggressors.stats.paired import chance_difference, paired_difference
from bench.track.gate_page import write_page

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "tests" / "bench" / "results" / "track_gate.json"
SEED = {"developing": 1, "reporting": 2}
TESTS = (1, 10, 50)
SIZES = (50, 200, 1_000)
MARGINS = (0.0, 0.025, 0.05, 0.1, 0.2)  # of the gap or the mean, whichever is more
LOST = (0.05, 0.1, 0.15, 0.2, 0.3)  # of accuracy
GAP = 0.3  # in accuracy of the aggressor that a test of the second part was saved for
SIGNALS = ("loss", "error")
SHARES = {name: margin_share(name)[0] for name in SIGNALS}

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Counts = defaultdict[tuple[str | float | int, ...], list[bool]]


@dataclass(frozen=True)
class Networks:
    """Answers (m, n) of m networks about n samples, and (n, d) positions by one more of them."""

    loss: Floats
    error: Floats
    z: Floats

    @classmethod
    def read(cls, file: Path) -> Networks:
        with np.load(file) as kept:
            error = (kept["prediction"] != kept["label"]).astype(np.float64)
            return cls(kept["loss"][1:], error[1:], kept["embedding"][0].astype(np.float64))

    def signal(self, name: str) -> Floats:
        return self.loss if name == "loss" else self.error

    def two(self, rng: np.random.Generator) -> tuple[int, int]:
        accepted, new = rng.choice(len(self.loss), 2, replace=False)
        return int(accepted), int(new)

    def groups(self, count: int, rng: np.random.Generator) -> Rows:
        """(count, 1,000) samples nearest to as many anchors, the nearest first."""
        anchors = self.z[rng.choice(len(self.z), count, replace=False)]
        away = (self.z**2).sum(axis=1) - 2 * anchors @ self.z.T
        near = np.argpartition(away, max(SIZES), axis=1)[:, : max(SIZES)]
        order = np.argsort(np.take_along_axis(away, near, axis=1), axis=1)
        return np.asarray(np.take_along_axis(near, order, axis=1))


def false_blocks(networks: Networks, trials: int, rng: np.random.Generator) -> list[dict]:
    """Share of new models without a change that are blocked, by signal, number and size of tests.

    Each of `trials` draws two networks and 50 tests; 1 and 10 are the first of them. `kind` is
    seed, the two networks as they are; or lot, where they change places on each sample by lot, so
    that neither is worse anywhere.
    """
    counts: Counts = defaultdict(list)
    for _ in range(trials):
        accepted, new = networks.two(rng)
        groups = networks.groups(max(TESTS), rng)
        swapped = rng.random(networks.loss.shape[1]) < 0.5
        for signal in SIGNALS:
            values = networks.signal(signal)
            old, later = values[accepted], values[new]
            lot = np.where(swapped, later, old), np.where(swapped, old, later)
            for kind, (reference, value) in (("seed", (old, later)), ("lot", lot)):
                for n in SIZES:
                    _check(counts, (kind, signal, n), value, reference, groups[:, :n])
    names = ("kind", "signal", "n", "tests", "margin")
    return [
        dict(zip(names, key, strict=True)) | {"blocked": _share(seen)}
        for key, seen in counts.items()
    ]


def _check(
    counts: Counts, key: tuple[str, str, int], value: Floats, reference: Floats, groups: Rows
) -> None:
    """Note for each number of tests and margin whether a check of these groups is blocked."""
    stakes = [_stake(key[1], reference, rows) for rows in groups]
    for tests in TESTS:
        figures = [_figures(value[rows], reference[rows], tests) for rows in groups[:tests]]
        for share in MARGINS:
            blocked = any(
                surely_worse(*one, share * stake)
                for one, stake in zip(figures, stakes[:tests], strict=True)
            )
            counts[(*key, tests, share)].append(blocked)


def _stake(signal: str, reference: Floats, rows: Rows) -> float:
    """What the default margin of a test of these rows is a share of."""
    outside = (reference.sum() - reference[rows].sum()) / (len(reference) - len(rows))
    gap = float(reference[rows].mean() - outside)
    return _whole(signal, gap, reference)


def _whole(signal: str, gap: float, reference: Floats) -> float:
    return default_margin(signal, gap, reference)[0] / SHARES[signal]


def _figures(value: Floats, reference: Floats, tests: int) -> tuple[float, float]:
    """Compute the change of a test's mean, and what chance makes of it: what no margin changes."""
    chance = chance_difference(value, reference, certainty=CERTAINTY, n_tests=tests)
    return float((value - reference).mean()), chance


def words(networks: Networks, trials: int, rng: np.random.Generator) -> list[dict]:
    """Shares of the verdicts of single tests of a model without a change, as one of ten."""
    seen: Counts = defaultdict(list)
    for _ in range(trials):
        accepted, new = networks.two(rng)
        rows = networks.groups(1, rng)[0]
        for signal in SIGNALS:
            value = networks.signal(signal)
            for n in SIZES:
                margin = SHARES[signal] * _stake(signal, value[accepted], rows[:n])
                pair = value[new][rows[:n]], value[accepted][rows[:n]]
                change = paired_difference(*pair, level=LEVEL)
                word = decided(change, _figures(*pair, 10)[1], margin)
                for each in ("pass", "inconclusive", "fail"):
                    seen[(signal, n, each)].append(word == each)
    names = ("signal", "n", "word")
    return [
        dict(zip(names, key, strict=True)) | {"share": _share(hits)} for key, hits in seen.items()
    ]


def caught(networks: Networks, trials: int, rng: np.random.Generator) -> list[dict]:
    """Share of planted regressions that fail their test, by signal, size, loss and margin."""
    out = []
    for n in SIZES:
        for lost in LOST:
            seen: Counts = defaultdict(list)
            for _ in range(trials):
                for signal, value, reference, stake in _regressed(networks, n, lost, rng):
                    for tests in TESTS:
                        figures = _figures(value, reference, tests)
                        for share in MARGINS:
                            hit = surely_worse(*figures, share * stake)
                            seen[(signal, tests, share)].append(hit)
            out += [
                {"signal": signal, "n": n, "lost": lost, "tests": tests, "margin": share,
                 "caught": _share(hits)}
                for (signal, tests, share), hits in seen.items()
            ]  # fmt: skip
    return out


def _regressed(
    networks: Networks, n: int, lost: float, rng: np.random.Generator
) -> Iterator[tuple[str, Floats, Floats, float]]:
    """Break samples of one test so that the new network loses `lost` of its accuracy there.

    Gives the signal, its values under the new and the accepted network, and what is at stake.
    """
    accepted, new = networks.two(rng)
    wrong_loss = networks.loss[new][networks.error[new] > 0]
    while True:  # a group that has so much to lose
        rows = networks.groups(1, rng)[0, :n]
        right = rows[networks.error[new][rows] == 0]
        if len(right) >= lost * n:
            break
    loss, error = networks.loss[new].copy(), networks.error[new].copy()
    broken = rng.choice(right, round(lost * n), replace=False)
    loss[broken], error[broken] = rng.choice(wrong_loss, len(broken)), 1.0
    right_loss = networks.loss[new][networks.error[new] == 0].mean()
    gap = {"loss": GAP * float(wrong_loss.mean() - right_loss), "error": GAP}
    for signal, value in (("loss", loss), ("error", error)):
        reference = networks.signal(signal)[accepted]
        yield signal, value[rows], reference[rows], _whole(signal, gap[signal], reference)


def seeds_alone(networks: Networks, draws: int, rng: np.random.Generator) -> dict:
    """By how much another seed moves the mean of the 1,000 nearest samples, over what is at stake.

    Quantiles of the change.
    """
    moved: dict[str, list[float]] = {signal: [] for signal in SIGNALS}
    for _ in range(draws):
        accepted, new = networks.two(rng)
        rows = networks.groups(1, rng)[0]
        for signal in SIGNALS:
            value = networks.signal(signal)
            change = value[new][rows].mean() - value[accepted][rows].mean()
            moved[signal].append(float(change) / _stake(signal, value[accepted], rows))
    return {
        signal: {str(q): round(float(np.quantile(each, q)), 3) for q in (0.5, 0.75, 0.9, 0.95)}
        for signal, each in moved.items()
    }


def _share(true: Sequence[bool]) -> list[float]:
    """Share with its 95 % interval (Wilson)."""
    share, n = np.array([np.mean(true)]), np.array([float(len(true))])
    low, high = wilson(share, n, level=0.95)
    return [round(float(one[0]), 4) for one in (share, low, high)]


def measured(networks: Networks, split: str, trials: int) -> dict:
    """Everything that the page tells."""
    rng = np.random.default_rng([SEED[split], 29])
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
        "split": split,
        "networks": len(networks.loss),
        "samples": len(networks.z),
        "accuracy": round(float(1 - networks.error.mean()), 3),
        "trials": trials,
        "default_margin": SHARES,
        "seeds_alone": seeds_alone(networks, trials, rng),
        "words": words(networks, trials, rng),
        "caught": caught(networks, trials, rng),
        "false_blocks": false_blocks(networks, trials, rng),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="?", help="without: the page, from the result")
    parser.add_argument("--split", choices=SEED, default="developing")
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    if asked.models:
        result = measured(Networks.read(asked.models), asked.split, asked.trials)
        asked.out.write_text(json.dumps(result, indent=1) + "\n")
    else:
        write_page(json.loads(RESULT.read_text()))


if __name__ == "__main__":
    main()
