"""Train and search all settings of a split, so that the benches find them on disk.

`PYTHONPATH=tests:engine python -m bench.solve.prepare --split reporting --seeds 5`; a minute a
setting at most. Several may run at once with different `--part`.
"""

from __future__ import annotations

import argparse
import time

from bench.solve.ran import run
from bench.solve.setting import SHARE, cells, make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("developing", "reporting"), default="developing")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--share", type=float, default=SHARE, help="of the slice in the unlabeled")
    parser.add_argument("--part", default="0/1", help="which of how many, as 0/2")
    given = parser.parse_args()
    own, of = (int(each) for each in given.part.split("/"))
    for place, (split, seed, planted) in enumerate(cells(given.split, given.seeds)):
        if place % of == own:
            start = time.perf_counter()
            ran = run(make(split, seed, planted, given.share))
            seconds = time.perf_counter() - start
            print(
                f"{ran.setting.name} {planted.kind} concept {ran.concept} f1 {ran.f1:.2f} "
                f"precision {ran.precision:.2f} recall {ran.recall:.2f} {seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
