"""Tables of metadata that do not fit a run: refused with everything that is wrong with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import aggressors as ag
from aggressors.sources.added import Known, read_added


def known(ids=("a", "b", "c"), **fields):
    return Known("v1", pa.chunked_array([list(ids)]), fields, ["aggressor", "correct", "loss"])


def refused(table, **fields):
    with pytest.raises(ag.TableError) as found:
        read_added(table, known(**fields))
    head, *problems = str(found.value).split("\n- ")
    counted = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    assert head == f"The table cannot be added to run 'v1', for it has {counted}:"
    return problems


def test_ids_that_the_run_does_not_have_or_that_stand_twice_are_counted_and_shown():
    table = pa.table(
        {
            "sample_id": ["a", "b", "b", "c", "c", None, "", *(f"x{n}" for n in range(5)), "x0"],
            "rain": list(range(13)),
        }
    )
    assert refused(table) == [
        "2 rows have no 'sample_id', the first is row 6. Fill it in.",
        "3 ids stand more than once: 'b', 'c' and 'x0'. Keep one row for each sample.",
        "5 ids belong to no sample of the run: 'x0', 'x1', 'x2' and 2 more; its ids are like 'a'. "
        "Correct them, or leave these rows out.",
    ]


def test_names_that_are_taken_are_refused_whatever_their_case():
    columns = ("label", "Loss", "aggressor", "CORRECT", "brightness", "HOUR", "rain", "Rain", " ")
    table = pa.table({"sample_id": ["a"], **{name: [1.5] for name in columns}})
    assert refused(table, brightness="built-in", hour="table") == [
        "It has a field 'label', which is a column of every run. Rename the field.",
        "It has a field 'Loss', which is a column of every run. Rename the field.",
        "It has the fields 'rain' and 'Rain', which differ in case only. Rename one of them.",
        "It has a field named ' '. Give it a printable name.",
        "A filter reads 'aggressor' in its own way. Rename the column.",
        "A filter reads 'CORRECT' in its own way. Rename the column.",
        "The run has a field 'brightness' already (built-in). Rename the column, or leave it out.",
        "The run has a field 'HOUR' already, as 'hour' (table). Rename the column, or leave it "
        "out.",
    ]


def test_columns_that_are_no_field_are_refused():
    table = pa.table(
        {
            "sample_id": ["a", "b"],
            "boxes": [[1.0], [2.0]],
            "both": [{"x": 1}, {"x": 2}],
            "bytes": [b"\xff", b"\xfe"],
            "nothing": pa.nulls(2),
            "never": [float("nan"), float("inf")],
        }
    )
    end = "which is no metadata field (a number, text, truth value or time). Convert it, or leave"
    assert refused(table) == [
        f"Column 'boxes' holds list<item: double>, {end} it out.",
        f"Column 'both' holds struct<x: int64>, {end} it out.",
        f"Column 'bytes' holds binary, {end} it out.",
        "Column 'nothing' has no value in any row. Fill it in, or leave it out.",
        "Column 'never' has no value in any row. Fill it in, or leave it out.",
    ]


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        (pa.table({"sample_id": ["a"]}), ["It has no column beside 'sample_id'. Add one"]),
        (
            pa.table({"sample_id": pa.array([], pa.string()), "rain": pa.array([], pa.int64())}),
            ["It has no rows. Give it one"],
        ),
        (
            pa.table({"sampel_id": ["a"], "rain": [1]}),
            ["It has no column 'sample_id'; the nearest is 'sampel_id'. Name"],
        ),
        (pa.table({"q": ["a"]}), ["It has no column 'sample_id'; it has 'q'. Name the column"]),
        (
            pa.table([["a"], [1], [2]], names=["sample_id", "rain", "rain"]),
            ["It has 2 columns 'rain'. Rename or drop all but one."],
        ),
        (
            pa.table([["a"], ["a"], [2]], names=["sample_id", "sample_id", "rain"]),
            ["It has 2 columns 'sample_id'. Rename or drop all but one."],
        ),
        (
            pa.table({"sample_id": [["a"]], "rain": [1]}),
            ["Column 'sample_id' holds list<item: string>. Give each sample's id as text."],
        ),
        (
            pa.table({"sample_id": pa.array([], pa.string())}),
            ["It has no rows.", "It has no column beside 'sample_id'."],
        ),
        (
            pa.table({"sample_id": ["q"], **{f"c{place}": [1] for place in range(1_001)}}),
            ["It has 1,001 new columns, and at most 1,000 can be added at once. Choose those"],
        ),
        (pa.table({}), ["It has no rows.", "It has no column beside", "It has no column 'sample"]),
    ],
)  # fmt: skip
def test_tables_without_what_is_needed_are_refused(table, problems):
    found = refused(table)
    assert len(found) == len(problems)
    for one, start in zip(found, problems, strict=True):
        assert one.startswith(start)


def test_kinds_are_settled_as_those_of_any_field():
    n = 200
    ids = [f"s{place}" for place in range(n)]
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "count": [None if place % 2 else place for place in range(n)],
            "yes": [place % 3 == 0 for place in range(n)],
            "when": pd.date_range("2026-01-01", periods=n).where(np.arange(n) % 4 != 0),
            "remark": [f"the note of person {place}" for place in range(n)],
            "plate": [f"B-{place}" for place in range(n)],
            "zone": pd.Categorical(["north", "south"] * (n // 2)),
            "same": 1,
        }
    )
    found = read_added(table, known(ids)).described.to_pylist()
    assert {row["field"]: (row["kind"], row["missing"]) for row in found} == {
        "count": ("number", 100),
        "yes": ("category", 0),
        "when": ("identifier", 50),
        "when_month": ("category", 50),
        "remark": ("text", 0),
        "plate": ("identifier", 0),
        "zone": ("category", 0),
        "same": ("number", 0),
    }
    assert {row["source"] for row in found} == {"added"}


def test_numeric_ids_match_those_of_a_run_by_their_text():
    table = pa.table({"sample_id": [3, 1], "rain": [0.5, 0.25]})
    found = read_added(table, known(["1", "2", "3"])).metadata
    assert found["rain"].to_pylist() == [0.25, None, 0.5]
