"""Processor time and memory of one search."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

from bench.discovery.groups import MOST_REPORTED, Groups, Report


def measured(search: Callable[[], tuple[Groups, int]], n: int) -> Report:
    """Run a search over n samples that returns groups and how many proposals it tested."""
    began = time.process_time()
    groups, tested = search()
    seconds = time.process_time() - began
    return Report(tuple(groups[:MOST_REPORTED]), n, seconds, peak_mib(), tested)


def peak_mib() -> float:
    """Most resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
