"""Metadata as it comes: nothing in a column of a table breaks a run, or the page that shows it."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

import aggressors as ag
from aggressors.errors import AggressorsError
from aggressors.queries.findings import findings
from aggressors.queries.grammar import parse
from aggressors.queries.samples import count
from aggressors.store.read import open_run

N = 700
SQL, QUOTED, UNICODE = "select", 'a "quoted" name; DROP TABLE samples --', "Beleuchtung 光 µ"
DAYS = [datetime.date(2026, 1, 1) + datetime.timedelta(days=int(day)) for day in range(20)]


def columns(rng, bad):
    """Fields of every odd kind, of which three go with `bad`."""
    n = len(bad)
    moment = datetime.datetime(2026, 1, 1)
    return {
        "constant": ["same"] * n,
        "zero": np.zeros(n),
        "nothing": pa.nulls(n),
        "day": pa.array([DAYS[day] for day in rng.integers(0, 20, n)]),
        "moment": pa.array([moment + datetime.timedelta(seconds=7 * k) for k in range(n)]),
        "flag": np.where(rng.random(n) < 0.5, "true", "false"),
        "truth": rng.random(n) < 0.5,
        SQL: np.where(bad, rng.normal(3, 1, n), rng.normal(0, 1, n)),
        QUOTED: np.where(bad & (rng.random(n) < 0.9), 'x" OR 1=1', "it's fine"),
        UNICODE: np.where(bad & (rng.random(n) < 0.9), "düster 🌑", "hell"),
        "group by": rng.integers(0, 9, n),
        "infinite": np.where(rng.random(n) < 0.1, np.inf, rng.normal(size=n)),
        "file": [f"/data/{k:06d}.png" for k in range(n)],
        "serial": np.arange(n),
        "missing there": pa.array(np.where(bad, np.nan, 1.0 + rng.random(n)), from_pandas=True),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    rng = np.random.default_rng(0)
    bad = rng.random(N) < 0.2
    label = rng.choice(["cat", "dog"], N)
    table = pa.table(
        {
            "sample_id": [f"v{k}" for k in range(N)],
            "label": label,
            "prediction": np.where(bad, np.where(label == "cat", "dog", "cat"), label),
            **columns(rng, bad),
        }
    )
    with ag.analyze(table, workspace=tmp_path_factory.mktemp("odd")) as made, \
            open_run(made.path) as opened:  # fmt: skip
        yield opened


def test_every_finding_carries_a_filter_that_this_run_understands(run):
    everything = [(-1, "loss"), *((c, t) for c in (1,) for t in ("membership", "loss"))]
    seen = set()
    for concept, target in everything:
        for one in findings(run, concept, target).found:
            seen.add(one.title)
            if one.filter:
                assert 0 < count(run, parse(one.filter)) <= N, one.filter
    assert {SQL, QUOTED, UNICODE} <= seen


def test_what_tells_nothing_is_set_aside_with_its_reason(run):
    reasons = {one.field: one.reason for one in findings(run, 1).aside}
    expected = {
        "constant": "one value", "zero": "one value", "nothing": "no value",
        "moment": "identifier", "file": "identifier", "serial": "identifier",
    }  # fmt: skip
    assert {name: reasons.get(name) for name in expected} == expected
    assert not {"day", "flag", "truth", "group by", SQL, QUOTED, UNICODE} & {
        name for name, reason in reasons.items() if reason != "redundant"
    }


def test_a_field_that_is_missing_inside_is_named_as_such(run):
    found = findings(run, -1, "loss").found
    gap = next(one for one in found if one.kind == "missing")
    assert gap.title == "missing there"
    assert gap.filter == '"missing there" is missing'


@pytest.mark.parametrize("mixed", [[1, "two"], [True, 3.5], [["a", "list"], "text"], [{"a": 1}, 2]])
def test_mixed_types_in_one_column_are_refused_in_a_sentence(tmp_path, mixed):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "sample_id": [f"v{k}" for k in range(40)],
            "label": ["a", "b"] * 20,
            "prediction": ["a", "a"] * 20,
            "odd": pandas.Series((mixed * 20)[:40], dtype=object),
        }
    )
    with pytest.raises(AggressorsError, match="odd"):
        ag.analyze(frame, workspace=tmp_path)
