"""Moments as fields that a group can share: the period that a sample is of, and its time of day.

A moment tells samples apart, so that none could ever be a cause; a week of bad weather, or the
night, can be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

MOST_PERIODS = 40  # of the finest calendar unit that is told
PERIODS = {  # ISO 8601, so that the order of names is that of time
    "hour": "%Y-%m-%d %H:00",
    "day": "%Y-%m-%d",
    "month": "%Y-%m",
    "year": "%Y",
}
TIME_OF_DAY = "time_of_day"  # in hours since midnight
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)")


def with_periods(tables: Mapping[str, pa.Table], taken: Iterable[str] = ()) -> dict[str, pa.Table]:
    """Add the period and the time of day of each column of moments.

    Parameters
    ----------
    tables : which get the same new columns, so that they can be compared.
    taken : columns that are no metadata.

    Returns
    -------
    The tables; a column `taken` of times, dates or ISO 8601 texts stays and has beside it
    `taken_day` (or hour, month, year: the finest of which there are at most `MOST_PERIODS`) and
    `taken_time_of_day` in hours, where the times differ. Times of a known zone are told in it,
    texts with an offset in UTC. Names that exist, in whatever case, are left alone.
    """
    found = dict(tables)
    names = dict.fromkeys(name for table in tables.values() for name in table.column_names)
    there = {name.casefold() for name in names}
    for name in (name for name in names if name not in set(taken)):
        moments = {
            key: None if name not in table.column_names else _moments(table[name])
            for key, table in tables.items()
        }
        if any(each is None and name in tables[key].column_names for key, each in moments.items()):
            continue
        told = _told(pa.chunked_array([
            chunk for each in moments.values() if each is not None for chunk in each.chunks
        ], _MOMENT))  # fmt: skip
        for suffix in (each for each in told if f"{name}_{each}".casefold() not in there):
            for key, each in moments.items():
                if each is not None:
                    column = _hours(each) if suffix == TIME_OF_DAY else _period(each, suffix)
                    found[key] = found[key].append_column(f"{name}_{suffix}", column)
    return found


def units_of(names: Iterable[str]) -> dict[str, str]:
    """Units of the columns that `with_periods` adds, by name."""
    return {name: "h" for name in added_beside(names) if name.endswith(TIME_OF_DAY)}


def added_beside(names: Iterable[str]) -> frozenset[str]:
    """Those of the names that `with_periods` gives to columns beside others of them."""
    known = frozenset(names)
    suffixes = [f"_{suffix}" for suffix in (*PERIODS, TIME_OF_DAY)]
    return frozenset(
        name
        for name in known
        if any(name.endswith(end) and name.removesuffix(end) in known for end in suffixes)
    )


_MOMENT = pa.timestamp("us")


def _moments(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Local times of a column; None where it holds something else."""
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            first = next(
                (chunk[0].as_py() for chunk in column.drop_null().chunks if len(chunk)), ""
            )
            if not (found := _ISO.match(first)):
                return None
            zoned = _ZONED.search(first, found.end())
            kind = pa.timestamp("us", "UTC") if zoned else _MOMENT
            return column.cast(pa.string()).cast(kind).cast(_MOMENT)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            column = pc.local_timestamp(column)
        elif not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            return None
        return column.cast(_MOMENT, safe=False)
    except pa.ArrowException:  # not all of it is time
        return None


def _told(moments: pa.ChunkedArray) -> list[str]:
    """Choose what tells groups of samples: a period of a few, and hours that differ."""
    distinct = {
        unit: pc.count_distinct(pc.floor_temporal(moments, unit=unit)).as_py()
        for unit in reversed(PERIODS)
    }
    most = max((n for n in distinct.values() if n <= MOST_PERIODS), default=0)
    # of units that tell as many periods, the coarsest: a date has no hour
    told = [next(unit for unit, n in distinct.items() if n == most)] if most > 1 else []
    if pc.count_distinct(_hours(moments)).as_py() > 1:
        told.append(TIME_OF_DAY)
    return told


def _period(moments: pa.ChunkedArray, unit: str) -> pa.ChunkedArray:
    return pc.strftime(pc.floor_temporal(moments, unit=unit), format=PERIODS[unit])


def _hours(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    minutes = pc.add(pc.multiply(pc.hour(moments), 60), pc.minute(moments))
    return pc.divide(minutes.cast(pa.float64()), 60.0)
