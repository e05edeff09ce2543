"""The summaries of many runs at once, as a list of runs shows them.

To open a file by itself, DuckDB starts anew and lists its functions, which takes ten times as long
as reading it. Here many files are attached to one connection, read-only, beside which nothing can
be reached. A file that is left out, for whatever reason, is to be opened by itself, which says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb

from aggressors.contracts import RunSummary
from aggressors.errors import StoreError
from aggressors.store.read import CONFIG, summary_of
from aggressors.store.sound import (
    Connection,
    Stamp,
    check_kind,
    check_length,
    check_name,
    check_tables,
    check_version,
    computing,
    lengths,
    note_sound,
    tables_of,
)

AT_ONCE = 100  # files that are held open together
_BESIDE = ("", ".wal", ".wal.checkpoint", ".wal.recovery")  # what DuckDB looks for to open a file
_LAST = ("enable_external_access", "lock_configuration")  # settings after which no other is taken


def read_summaries(paths: Sequence[Path]) -> dict[Path, RunSummary]:
    """Sum up those of some run files that are sound; each is as `read_summary` would have it."""
    found: dict[Path, RunSummary] = {}
    for start in range(0, len(paths), AT_ONCE):
        here = {path: place for path in paths[start : start + AT_ONCE] if (place := _place(path))}
        with suppress(duckdb.Error):
            found |= _together(here)
    return found


def _place(path: Path) -> Path | None:
    """Where a file lies, if it can be attached; a path can only be written into the statement."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        place = path.resolve()
        check_name(place)
    except (OSError, RuntimeError, StoreError):
        return None
    return None if "'" in str(place) else place


def _together(files: Mapping[Path, Path]) -> dict[Path, RunSummary]:
    places = {f"r{at}": place for at, place in enumerate(files.values())}
    with _closed_to_all_but(list(places.values())) as connection:
        stamps = {name: _attach(connection, name, path) for name, path in places.items()}
        refused = computing(connection)
        for name in refused:  # to list its columns, DuckDB would look into what it computes
            connection.execute(f"DETACH {name}")
        tables, expected = tables_of(connection), lengths(connection)
        found = {}
        for name, path in zip(places, files, strict=True):
            if (stamp := stamps[name]) and name not in refused:
                with suppress(StoreError, duckdb.Error, OSError):
                    check_length(path, expected[name])
                    connection.execute(f"USE {name}")
                    check_version(connection, path)
                    check_tables(tables.get(name, {}), path)
                    note_sound(stamp)
                    found[path] = summary_of(connection, path)
    return found


def _closed_to_all_but(paths: Sequence[Path]) -> Connection:
    """Connect to nothing yet; only these files can ever be reached."""
    connection = duckdb.connect(
        config={name: value for name, value in CONFIG.items() if name not in _LAST}
    )
    allowed = [f"{path}{ending}" for path in paths for ending in _BESIDE]
    connection.execute("SET allowed_paths = ?", [allowed])
    for name in _LAST:
        connection.execute(f"SET {name} = '{CONFIG[name]}'")
    return connection


def _attach(connection: Connection, name: str, path: Path) -> Stamp | None:
    with suppress(StoreError, duckdb.Error, OSError):
        check_kind(path)
        stamp = Stamp.of(path)
        connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY, TYPE duckdb)")
        return stamp
    return None
