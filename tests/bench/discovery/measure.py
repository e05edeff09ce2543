"""Processor time and memory of one search."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def timed(search: Callable[[], T]) -> tuple[T, float]:
    """Run a search; what it returns, and its processor seconds."""
    began = time.process_time()
    found = search()
    return found, time.process_time() - began


def peak_mib() -> float:
    """Most resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
