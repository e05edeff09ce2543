"""Measure methods on the planted settings of a split.

`PYTHONPATH=tests:engine python -m bench.discovery.run --split developing --methods ours,kmeans`
prints one line for each planted slice and a summary by kind and source. `--nulls 2` adds two nulls
a setting. `--stability` adds agreement over seeds, splits and resampled rows. `--out FILE` keeps
everything as JSON and `--page FILE` writes the page with its table and plot.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

from bench.discovery.lines import lines, print_lines, print_summary
from bench.discovery.peers import PEERS, named
from bench.discovery.results import OURS, Ask, Failed, Results
from bench.discovery.setting import SPLITS, Setting, cache_folder, settings
from bench.discovery.variants import Variant


def main() -> None:
    """Read the arguments, measure and print."""
    asked = _arguments()
    chosen = [each for each in settings(asked.split) if asked.only in each.name]
    if not chosen:
        sys.exit(f"There are no settings in {cache_folder() / asked.split}; generate them first.")
    results = Results(cache_folder() / "results", asked.peers_python)
    for method in asked.methods:
        try:
            measure(method, chosen, results, asked.nulls, quiet=asked.quiet)
        except Failed as failed:
            print(f"\nnot measured: {failed}")


def measure(
    method: str, chosen: Sequence[Setting], results: Results, nulls: int, quiet: bool = False
) -> None:
    """Print what one method finds in the settings, and its alarms on nulls."""
    found = results.reports([Ask(method, each.folder) for each in chosen])
    reports = {ask.folder.name: report for ask, report in found.items()}
    judged = lines(chosen, reports)
    if not quiet:
        print_lines(judged)
    asks = null_asks(method, chosen, nulls)
    print_summary(method, judged, reports, list(results.reports(asks).values()))


def null_asks(method: str, chosen: Sequence[Setting], nulls: int) -> list[Ask]:
    """Ask for `nulls` nulls of each setting."""
    return [
        Ask(method, each.folder, Variant("null", number))
        for each in chosen
        for number in range(1, nulls + 1)
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=SPLITS, default="developing")
    parser.add_argument("--methods", type=_methods, default=[OURS])
    parser.add_argument("--nulls", type=int, default=0, help="nulls of each setting")
    parser.add_argument("--only", default="", help="settings whose name contains this")
    parser.add_argument("--quiet", action="store_true", help="summaries only")
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
