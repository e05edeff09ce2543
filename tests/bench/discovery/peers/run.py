"""Run one peer on settings and write its groups: one process, in the peer's own environment.

`python -m bench.discovery.peers.run --method kmeans:few --settings FOLDER... --out groups.parquet`
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from bench.discovery.groups import MOST_REPORTED, Report, write_reports
from bench.discovery.measure import peak_mib, timed
from bench.discovery.peers import PEERS
from bench.discovery.setting import read_setting
from bench.discovery.variants import Variant


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", required=True, choices=sorted(PEERS))
    parser.add_argument("--settings", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variant", type=Variant.parse, default=Variant())
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    peer, reports = PEERS[asked.method], []
    for folder in asked.settings:
        setting = asked.variant.of(read_setting(folder))
        groups, seconds = timed(partial(peer.find, setting, asked.seed))
        listed = tuple(groups[:MOST_REPORTED])
        reports.append(Report(listed, len(setting), seconds, peak_mib()))
    write_reports(asked.out, [folder.name for folder in asked.settings], reports)


if __name__ == "__main__":
    main()
