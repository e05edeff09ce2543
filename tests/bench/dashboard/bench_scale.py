"""The dashboard at one million samples, held against its bars; see `run.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.mark.bench
@pytest.mark.timeout(1_800)
def test_a_million_samples_stay_immediate():
    import run

    found = run.measure(run.MILLION, run.generate.CACHE, repetitions=20, parts=run.PARTS)
    print(json.dumps(found, indent=1))
    assert not found["missed"]
