"""Which of the first hundred reviewed members have a wrong label, under several orders."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from os import environ
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import KFold, cross_val_predict

from aggressors.stages.clues import Scene
from aggressors.stages.correlate import members_by_concept
from aggressors.stages.frame import Frame
from aggressors.stages.suspects import Doubt, to_relabel
from bench.discovery.plantings import flat
from bench.solve.cases import Case, cache_folder, case
from bench.solve.measured import FOUND, best_match, context_of, mask

BUDGET = 100
NOISY = ("noisy", "alike")
FEWEST = 20  # wrong labels below which a case says little
HERE = Path(__file__).parent


def reviewed(split: str) -> dict:
    """Shares of what a perfect order would show, by order."""
    seeds = sorted(int(file.stem) for file in (cache_folder() / split).glob("*.pickle"))
    rows = [row for seed in seeds for row in _case(case(split, seed))]
    found = [row for row in rows if row["members"] == "found"]
    return {
        "all": _mean(found),
        "alike": _mean([row for row in found if row["kind"] == "alike"]),
        "true": _mean([row for row in rows if row["members"] == "true"]),
        "cases": [{key: value for key, value in row.items()} for row in rows],
    }


def _case(one: Case) -> list[dict]:
    noisy = [name for name, kind in one.kinds.items() if kind in NOISY]
    if not noisy:
        return []
    frame = Frame.from_tables(one.tables, context_of(one))
    doubt = Doubt.of(frame, Scene.of(frame).neighbourhood)
    peers = {**true_labels(one, frame, doubt), "confident learning (cleanlab)": cleanlab(frame)}
    found = members_by_concept(one.tables)
    out = []
    for name in noisy:
        f1, concept = best_match(one, name)
        groups = {"true": one.members[name]}
        if f1 >= FOUND:
            groups["found"] = mask(found[concept], len(frame))
        for members, member in groups.items():
            if int((one.wrong & member).sum()) >= FEWEST:
                out.append({"seed": one.seed, "kind": one.kinds[name], "members": members,
                            **_orders(one, frame, member, doubt, peers)})  # fmt: skip
    return out


def _orders(
    one: Case, frame: Frame, member: NDArray[np.bool_], doubt: Doubt,
    peers: dict[str, NDArray[np.float64] | None],
) -> dict:  # fmt: skip
    place = {str(key): row for row, key in enumerate(frame.sample_id)}
    listed = to_relabel(member, frame, doubt)[:BUDGET]
    ours = np.array([place[suspect.sample_id] for suspect in listed], dtype=np.int64)
    at = np.flatnonzero(member & np.isfinite(frame.loss))
    best = min(BUDGET, int(one.wrong[at].sum()))
    rng = np.random.default_rng(one.seed)
    scores = {
        "loss": frame.loss,
        "neighbours that disagree, members among them": doubt.near.other,
        "at random": rng.random(len(frame)),
    } | {name: score for name, score in peers.items() if score is not None}
    out = {"ours": float(one.wrong[ours].sum() / best)}
    for name, score in scores.items():
        first = at[np.argsort(-np.nan_to_num(score[at], nan=-1), kind="stable")][:BUDGET]
        out[name] = float(one.wrong[first].sum() / best)
    hit = [suspect.suggested == one.true[place[suspect.sample_id]] for suspect in listed
           if one.wrong[place[suspect.sample_id]]]  # fmt: skip
    return out | {"suggested": float(np.mean(hit)) if hit else None}


def true_labels(one: Case, frame: Frame, doubt: Doubt) -> dict[str, NDArray[np.float64] | None]:
    """How likely another class is by a forest that learned the true labels of other samples.

    It shows what the aim takes: where classes look alike, the truth elsewhere is not enough.
    """
    true = np.array([frame.classes.index(name) for name in one.true])
    every = np.arange(len(true))
    pixels = np.concatenate([flat(one.worlds[name].pictures) for name in ("train", "validation")])
    seen = {"its positions": doubt.near.z, "its pixels": pixels}
    out: dict[str, NDArray[np.float64] | None] = {}
    for name, values in seen.items():
        forest = ExtraTreesClassifier(100, min_samples_leaf=2, random_state=one.seed)
        folds = KFold(3, shuffle=True, random_state=one.seed)
        p = cross_val_predict(forest, values, true, cv=folds, method="predict_proba")
        own = p[every, frame.label].copy()
        p[every, frame.label] = 0
        out[f"taught with the true labels of others, by {name}"] = p.max(axis=1) - own
    return out


def cleanlab(frame: Frame) -> NDArray[np.float64] | None:
    """Scores (n,) of the package, NaN where there is no label; None without it."""
    python = environ.get("CLEANLAB_PYTHON")
    if not python:
        print("no $CLEANLAB_PYTHON: confident learning is left out", file=sys.stderr)
        return None
    known = np.flatnonzero((frame.label >= 0) & np.isfinite(frame.loss))
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "given.npz", Path(folder) / "out.npy"
        np.savez(given, label=frame.label[known], p=frame.probabilities[known])
        command = [python, str(HERE / "cleanlab_scores.py"), str(given), str(out)]
        subprocess.run(command, check=True, capture_output=True)
        scores = np.full(len(frame), np.nan)
        scores[known] = np.load(out)
    return scores


def _mean(rows: list[dict]) -> dict:
    """Means with 95 % intervals over cases."""
    out: dict = {"n": len(rows)}
    if not rows:
        return out
    rng = np.random.default_rng(0)
    for name in rows[0]:
        if name in ("seed", "kind", "members"):
            continue
        values = np.array([row[name] for row in rows if row[name] is not None])
        if not len(values):
            continue
        drawn = values[rng.integers(0, len(values), (2_000, len(values)))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        out[name] = [round(float(each), 3) for each in (values.mean(), low, high)]
    return out
