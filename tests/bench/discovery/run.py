"""Measure methods on the planted settings of a split.

`PYTHONPATH=tests:engine python -m bench.discovery.run --split developing --methods ours,kmeans`
prints one line for each planted slice and a summary by kind and source. `--nulls 2` adds two nulls
a setting. `--out FILE` keeps all figures as JSON and `--page FILE` writes the page with its table
and plot; these add agreement over seeds, splits and resampled rows, and, with `--scale`, cost by
size.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from bench.discovery.figures import figures, null_asks, planted_reports
from bench.discovery.lines import lines, print_lines, print_summary
from bench.discovery.peers import PEERS, named
from bench.discovery.report import bench, write_json, write_page
from bench.discovery.results import OURS, Failed, Results, engine_digest
from bench.discovery.scale import SIZES, measure_all
from bench.discovery.setting import SPLITS, Setting, cache_folder, settings


def main() -> None:
    """Read the arguments, measure and print."""
    asked = _arguments()
    chosen = [each for each in settings(asked.split) if asked.only in each.name]
    if not chosen:
        sys.exit(f"There are no settings in {cache_folder() / asked.split}; generate them first.")
    results = Results(cache_folder() / "results", asked.peers_python)
    for method in asked.methods:
        try:
            show(method, chosen, results, asked)
        except Failed as failed:
            print(f"\nnot measured: {failed}", flush=True)
    if asked.out or asked.page:
        _report(asked, chosen, results)


def show(
    method: str, chosen: Sequence[Setting], results: Results, asked: argparse.Namespace
) -> None:
    """Print what one method finds in the settings, and ours with its alarms on nulls."""
    reports = planted_reports(method, chosen, results)
    judged = lines(chosen, reports)
    if not asked.quiet:
        print_lines(judged)
    nulls = results.reports(null_asks(method, chosen, asked.nulls, asked.peer_nulls))
    print_summary(method, judged, reports, list(nulls.values()))
    sys.stdout.flush()


def _report(asked: argparse.Namespace, chosen: Sequence[Setting], results: Results) -> None:
    told, failed = figures(
        asked.methods,
        chosen,
        results,
        nulls=asked.nulls,
        peer_nulls=asked.peer_nulls,
        stability=True,
    )
    sizes = measure_all(SIZES) if asked.scale else []
    measured = bench(asked.split, engine_digest(), asked.methods, told, failed, sizes)
    if asked.out:
        write_json(measured, asked.out)
    if asked.page:
        write_page(measured, asked.page)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=SPLITS, default="developing")
    parser.add_argument(
        "--methods", type=_methods, default=[OURS], help="ours, kmeans, kmeans:few, …, or all"
    )
    parser.add_argument("--nulls", type=int, default=0, help="nulls of each setting, for ours")
    parser.add_argument("--peer-nulls", type=int, default=0, help="nulls in all, for each peer")
    parser.add_argument("--only", default="", help="settings whose name contains this")
    parser.add_argument("--quiet", action="store_true", help="summaries only")
    parser.add_argument("--out", type=Path, help="JSON with every figure")
    parser.add_argument("--page", type=Path, help="page with the table; the plot lies beside it")
    parser.add_argument("--scale", action="store_true", help="measure cost by size too")
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("AGGRESSORS_BENCH_PEERS", sys.executable),
        help="Python that has the peers' packages; default $AGGRESSORS_BENCH_PEERS",
    )
    return parser.parse_args()


def _methods(text: str) -> list[str]:
    """`ours`, `kmeans` (all its settings), `kmeans:few`, `all`."""
    words = [OURS, *PEERS] if text == "all" else text.split(",")
    return [name for word in words for name in ([word] if word == OURS else named(word))]


if __name__ == "__main__":
    main()
