"""How often does a check block a model without a change, and how often does it see a regression?

    PYTHONPATH=tests python -m bench.track.gate MODELS.npz [--split reporting] [--write]

MODELS.npz holds networks of one recipe and other seeds, from `bench.track.retrain`; those that are
reported have seeds from 100 on. Two of them are an accepted model and a new one without a change.
Saved tests are the n samples nearest to an anchor in the embedding of a further network, which
judges nothing. A regression is planted by breaking samples that were right: they get the loss of
samples that the new network gets wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aggressors.judging import MARGIN_SHARE, Pairs, compare, default_margin
from aggressors.stats.intervals import wilson
from aggressors.store.saved_tests import SavedTest
from aggressors.store.verdicts import Comparison
from bench.track.gate_page import write_page

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "tests" / "bench" / "results" / "track_gate.json"
SEED = {"developing": 1, "reporting": 2}
TESTS = (1, 10, 50)
SIZES = (50, 200, 1_000)
MARGINS = (0.0, 0.05, 0.1, 0.2, 0.3)
LOST = (0.05, 0.1, 0.15, 0.2, 0.3)  # of accuracy
GAP = 0.3  # in accuracy of the aggressor that a test of the second part was saved for
SIGNALS = ("loss", "error")

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


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

    def groups(self, count: int, n: int, rng: np.random.Generator) -> list[Rows]:
        """Draw `count` groups of the n samples nearest to an anchor."""
        anchors = rng.choice(len(self.z), count, replace=False)
        return [np.argsort(np.linalg.norm(self.z - self.z[one], axis=1))[:n] for one in anchors]


def false_blocks(networks: Networks, trials: int, rng: np.random.Generator) -> list[dict]:
    """Share of new models without a change that are blocked, by signal, number and size of tests.

    Each of `trials` draws two networks and 50 tests; 1 and 10 are the first of them.
    """
    out = []
    for signal in SIGNALS:
        for n in SIZES:
            drawn = [_unchanged(networks, signal, n, rng) for _ in range(trials)]
            for count in TESTS:
                for share in MARGINS:
                    blocked = [_fails(tests[:count], share) for tests in drawn]
                    out.append({"signal": signal, "n": n, "tests": count, "margin": share,
                                "blocked": _share(blocked)})  # fmt: skip
    return out


@dataclass(frozen=True)
class Drawn:
    """One saved test under two networks; its margin is a share of `stake`, a gap or a mean."""

    pairs: Pairs
    stake: float


def _unchanged(networks: Networks, signal: str, n: int, rng: np.random.Generator) -> list[Drawn]:
    accepted, new = networks.two(rng)
    value = networks.signal(signal)
    tests = []
    for rows in networks.groups(max(TESTS), n, rng):
        rest = np.delete(value[accepted], rows)
        gap = float(value[accepted][rows].mean() - rest.mean())
        material = gap > 0.25 * value[accepted].mean()
        margin, _ = default_margin(gap, value[accepted], material=material)
        pairs = Pairs(value[new][rows], value[accepted][rows], 0)
        tests.append(Drawn(pairs, margin / MARGIN_SHARE))
    return tests


def _fails(tests: Sequence[Drawn], share: float) -> bool:
    return any(_judged(one.pairs, share * one.stake, len(tests)).verdict == "fail" for one in tests)


def caught(networks: Networks, trials: int, rng: np.random.Generator) -> list[dict]:
    """Share of planted regressions that fail their test, by signal, size, loss and margin."""
    out = []
    for signal in SIGNALS:
        for n in SIZES:
            for lost in LOST:
                drawn = [_regressed(networks, signal, n, lost, rng) for _ in range(trials)]
                for count in TESTS:
                    for share in MARGINS:
                        seen = [
                            _judged(one.pairs, share * one.stake, count).verdict == "fail"
                            for one in drawn
                        ]
                        out.append({"signal": signal, "n": n, "lost": lost, "tests": count,
                                    "margin": share, "caught": _share(seen)})  # fmt: skip
    return out


def _regressed(
    networks: Networks, signal: str, n: int, lost: float, rng: np.random.Generator
) -> Drawn:
    """Break samples of one test so that the new network loses `lost` of its accuracy there."""
    accepted, new = networks.two(rng)
    wrong_loss = networks.loss[new][networks.error[new] > 0]
    while True:  # a group that has so much to lose
        rows = networks.groups(1, n, rng)[0]
        right = rows[networks.error[new][rows] == 0]
        if len(right) >= lost * n:
            break
    loss, error = networks.loss[new].copy(), networks.error[new].copy()
    broken = rng.choice(right, round(lost * n), replace=False)
    loss[broken], error[broken] = rng.choice(wrong_loss, len(broken)), 1.0
    value = loss if signal == "loss" else error
    right_loss = networks.loss[new][networks.error[new] == 0].mean()
    stake = GAP * (wrong_loss.mean() - right_loss) if signal == "loss" else GAP
    return Drawn(Pairs(value[rows], networks.signal(signal)[accepted][rows], 0), float(stake))


def seeds_alone(networks: Networks, draws: int, rng: np.random.Generator) -> dict:
    """By how much another seed moves the mean of the 1,000 nearest samples, over what is at stake.

    Quantiles of the absolute change as a share of the gap, among groups with a material gap.
    """
    out = {}
    for signal in SIGNALS:
        value, moved = networks.signal(signal), []
        while len(moved) < draws:
            accepted, new = networks.two(rng)
            rows = networks.groups(1, max(SIZES), rng)[0]
            gap = value[accepted][rows].mean() - np.delete(value[accepted], rows).mean()
            if gap > 0.25 * value[accepted].mean():
                moved.append(abs(value[new][rows].mean() - value[accepted][rows].mean()) / gap)
        out[signal] = {str(q): round(float(np.quantile(moved, q)), 3) for q in (0.5, 0.9, 0.95)}
    return out


def _judged(pairs: Pairs, margin: float, count: int) -> Comparison:
    test = SavedTest("t", "t", "", "loss", margin, "", "", len(pairs.value), "a", "a",
                     "classification", "cross-entropy", "2026-01-01")  # fmt: skip
    return compare(test, pairs, baseline="a", baseline_name="a", n_tests=count)


def _share(true: Sequence[bool]) -> list[float]:
    """Share with its 95 % interval (Wilson)."""
    share, n = np.array([np.mean(true)]), np.array([float(len(true))])
    low, high = wilson(share, n, level=0.95)
    return [round(float(one[0]), 4) for one in (share, low, high)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("--split", choices=SEED, default="developing")
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    networks = Networks.read(asked.models)
    rng = np.random.default_rng([SEED[asked.split], 29])
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
        "split": asked.split,
        "networks": len(networks.loss),
        "samples": len(networks.z),
        "accuracy": round(float(1 - networks.error.mean()), 3),
        "trials": asked.trials,
        "default_margin": MARGIN_SHARE,
        "seeds_alone": seeds_alone(networks, asked.trials, rng),
        "false_blocks": false_blocks(networks, asked.trials, rng),
        "caught": caught(networks, asked.trials, rng),
    }
    if asked.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(write_page(result, write=asked.write))


if __name__ == "__main__":
    main()
