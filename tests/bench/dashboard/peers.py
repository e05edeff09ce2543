"""The same questions put to pandas and numpy with the frame already in memory, in the same run.

A filter, an aggregate under it, a histogram under it and a map binned under it: what an analyst
writes in a notebook. Ours starts from the run file with nothing remembered but the columns that
earlier questions read, which is what pandas has in memory too.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from interactions import Draw, at

from aggressors.queries import explore, maps, overview
from aggressors.queries.grammar import parse
from aggressors.store.read import RunFile

CELLS = 200
COLUMNS = ("population", "loss", "map_x", "map_y")


def compare(run: RunFile, repetitions: int, seed: int) -> dict[str, Any]:
    """p50 in ms of each question, ours and theirs in turns, and their ratio."""
    frame = _frame(run)
    questions: dict[str, tuple[Any, Any]] = {
        "filter and aggregate": (_our_totals, _their_totals),
        "histogram": (_our_histogram, _their_histogram),
        "binned map": (_our_map, _their_map),
        "all three of one filter": (_our_all, _their_all),
    }
    found = {}
    for name, (ours, theirs) in questions.items():
        draw = Draw(seed)
        taken: tuple[list[float], list[float]] = ([], [])
        for repetition in range(repetitions + 1):
            low = float(draw.rng.uniform(0.2, 0.45))
            for side, ask, of in ((taken[0], ours, run), (taken[1], theirs, frame)):
                began = time.perf_counter()
                ask(of, low)
                if repetition:
                    side.append(1000 * (time.perf_counter() - began))
        mine, other = (at(side, 0.5) for side in taken)
        found[name] = {
            "ours_ms": round(mine, 1), "pandas_ms": round(other, 1), "ratio": round(mine / other, 2)
        }  # fmt: skip
    return found


def _frame(run: RunFile) -> pd.DataFrame:
    sql = (
        "SELECT s.population, s.loss, s.map_x, s.map_y, m.vegetation, m.brightness"
        " FROM samples s POSITIONAL JOIN metadata m"
    )
    return run.cursor().sql(sql).to_arrow_table().to_pandas()


def _claim(low: float) -> str:
    return f"vegetation >= {low:.6f} and vegetation < {low + 0.3:.6f}"


def _chosen(frame: pd.DataFrame, low: float) -> pd.DataFrame:
    within = (frame["vegetation"] >= low) & (frame["vegetation"] < low + 0.3)
    return frame.loc[within, ["population", "loss", "map_x", "map_y", "brightness"]]


def _our_totals(run: RunFile, low: float) -> object:
    return overview.totals(run, parse(_claim(low)))


def _their_totals(frame: pd.DataFrame, low: float) -> object:
    grouped = _chosen(frame, low).groupby("population", observed=True)["loss"]
    return grouped.agg(["size", "count", "mean"])


def _our_histogram(run: RunFile, low: float) -> object:
    return explore.field_vs_loss(run, parse(_claim(low)), "brightness")


def _their_histogram(frame: pd.DataFrame, low: float) -> object:
    value = _chosen(frame, low)["brightness"].to_numpy()
    return np.histogram(value, bins=20, range=tuple(np.quantile(value, (0.005, 0.995))))


def _our_map(run: RunFile, low: float) -> object:
    return maps.map_bins(run, parse(_claim(low)), "loss", maps.View(-15, -15, 15, 15), CELLS)


def _their_map(frame: pd.DataFrame, low: float) -> object:
    chosen = _chosen(frame, low)
    chosen = chosen[chosen["loss"].notna()]
    x, y = chosen["map_x"].to_numpy(), chosen["map_y"].to_numpy()
    limits = [[-15, 15], [-15, 15]]
    n, _, _ = np.histogram2d(y, x, bins=CELLS, range=limits)
    total, _, _ = np.histogram2d(y, x, bins=CELLS, range=limits, weights=chosen["loss"].to_numpy())
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / n


def _our_all(run: RunFile, low: float) -> None:
    for ask in (_our_totals, _our_histogram, _our_map):
        ask(run, low)


def _their_all(frame: pd.DataFrame, low: float) -> None:
    for ask in (_their_totals, _their_histogram, _their_map):
        ask(frame, low)
