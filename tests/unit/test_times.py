"""Moments become periods and times of day, which groups of samples can share."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from aggressors.sources.times import MOST_PERIODS, with_periods

START = datetime(2024, 9, 1, 13, 30)


def periods(values, **more):
    table = pa.table({"sample_id": [str(at) for at in range(len(values))], "taken": values, **more})
    found = with_periods({"validation": table}, ["sample_id"])["validation"]
    assert found.select(table.column_names).equals(table)
    return {name: found[name].to_pylist() for name in found.column_names[table.num_columns :]}


@pytest.mark.parametrize(
    ("step", "n", "name", "first", "second"),
    [
        (timedelta(minutes=20), 40, "taken_hour", "2024-09-01 13:00", "2024-09-01 13:00"),
        (timedelta(days=1), 40, "taken_day", "2024-09-01", "2024-09-02"),
        (timedelta(days=20), 50, "taken_month", "2024-09", "2024-09"),
        (timedelta(days=400), 40, "taken_year", "2024", "2025"),
    ],
)
def test_the_finest_period_of_few_is_told(step, n, name, first, second):
    found = periods([START + step * at for at in range(n)])
    assert found[name][:2] == [first, second]
    assert len(set(found[name])) <= MOST_PERIODS
    assert {key for key in found if key != "taken_time_of_day"} == {name}


def test_hours_are_told_where_they_differ():
    found = periods([START, None, START + timedelta(hours=13)])
    assert found["taken_time_of_day"] == [13.5, None, 2.5]
    assert "taken_time_of_day" not in periods([START, START + timedelta(days=1)])


@pytest.mark.parametrize(
    "values",
    [
        [date(2024, 9, 1), date(2024, 9, 3), None],
        ["2024-09-01", "2024-09-03", None],
        pa.array([START, START + timedelta(days=2), None], pa.timestamp("ns")),
        pa.array([START, START + timedelta(days=2), None], pa.timestamp("s", "UTC")),
        ["2024-09-01T13:30:00Z", "2024-09-03 15:30:00+02:00", None],
        ["2024-09-01 13:30", "2024-09-03 13:30", None],
    ],
)
def test_dates_times_zones_and_iso_texts_are_moments(values):
    assert periods(values)["taken_day"] == ["2024-09-01", "2024-09-03", None]


def test_a_known_zone_is_told_in_its_own_time():
    berlin = pa.array([START.replace(tzinfo=UTC), None], pa.timestamp("us", "Europe/Berlin"))
    later = pa.array([START.replace(tzinfo=UTC), START.replace(hour=22, tzinfo=UTC)],
                     pa.timestamp("us", "Europe/Berlin"))  # fmt: skip
    assert periods(berlin) == {}
    assert periods(later)["taken_time_of_day"] == [15.5, 0.5]


@pytest.mark.parametrize(
    "values",
    [
        ["2024-09-01", "not yet", None],
        ["2024-99-99", "2024-09-01", None],
        [1.7e9, 1.8e9, None],
        pa.nulls(3),
        pa.nulls(3, pa.timestamp("us")),
        [START, START, START],
        [True, False, None],
    ],
)
def test_what_is_no_moment_or_does_not_differ_adds_nothing(values):
    assert periods(values) == {}


def test_all_tables_get_the_same_columns_and_names_that_exist_are_left_alone():
    one = pa.table({"taken": [START], "taken_day": ["mine"]})
    other = pa.table({"taken": [START + timedelta(days=1, hours=2)]})
    empty = pa.table({"id": ["x"]})
    found = with_periods({"train": one, "test": other, "unlabeled": empty})
    assert found["train"].column_names == ["taken", "taken_day", "taken_time_of_day"]
    assert found["test"].column_names == ["taken", "taken_time_of_day"]
    assert found["unlabeled"].equals(empty)
    cased = pa.table({"t": [START, START + timedelta(days=1, hours=2)], "T_Day": ["a", "b"]})
    found = with_periods({"validation": cased})["validation"]
    assert found.column_names == ["t", "T_Day", "t_time_of_day"]
    mixed = with_periods(
        {"train": pa.table({"taken": [START]}), "test": pa.table({"taken": ["x"]})}
    )
    assert [table.column_names for table in mixed.values()] == [["taken"], ["taken"]]
