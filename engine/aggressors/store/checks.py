"""What must hold in every run file; checked once, just before it appears."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from aggressors.errors import StageError
from aggressors.store.schema import TABLES
from aggressors.store.sql import identifier


@dataclass(frozen=True, slots=True)
class Check:
    """A query that counts the rows of `table` which break the rule that `rule` states."""

    table: str
    rule: str
    sql: str


def check_tables(database: duckdb.DuckDBPyConnection) -> None:
    """Raise StageError for the first rule that a row breaks."""
    for check in _checks():
        found = database.execute(check.sql).fetchone()
        if found and found[0]:
            raise StageError(
                "publish",
                check.table,
                f"{found[0]} rows break the rule that {check.rule}. "
                "Nothing was published; please report this.",
            )


def _checks() -> Iterator[Check]:
    yield from _SAMPLES
    for table in TABLES:
        columns = {column.name for column in table.columns}
        if table.positional and table.name != "samples":
            yield _positional(table.name)
        if table.name in ("samples", "concepts"):
            continue
        if "row_id" in columns and not table.positional:
            yield _row_exists(table.name, both="sample_id" in columns)
        elif "sample_id" in columns:
            yield _sample_exists(table.name)
        if "concept_id" in columns:
            yield _concept_exists(table.name)
    yield from _CONCEPTS


_SAMPLES = (
    Check(
        "samples",
        "every sample_id is there and unique",
        "SELECT count(*) - count(DISTINCT sample_id) FROM samples",
    ),
    Check(
        "samples",
        "row_id is the position",
        "SELECT count(*) FROM samples WHERE row_id IS DISTINCT FROM rowid",
    ),
    Check(
        "samples",
        "rows are ordered by population and sample_id",
        "SELECT count(*) FROM (SELECT population, sample_id, lag(population) OVER w AS before,"
        " lag(sample_id) OVER w AS id_before FROM samples WINDOW w AS (ORDER BY row_id))"
        " WHERE population < before OR (population = before AND sample_id < id_before)",
    ),
    Check(
        "samples",
        "a finite loss is there unless the sample is unlabeled",
        "SELECT count(*) FROM samples WHERE NOT isfinite(loss)"
        " OR (loss IS NULL) <> (population = 'unlabeled')",
    ),
    Check(
        "metadata_fields",
        "every field has its column in metadata",
        "SELECT count(*) FROM metadata_fields WHERE field NOT IN"
        " (SELECT column_name FROM duckdb_columns() WHERE table_name = 'metadata')",
    ),
)

_CONCEPTS = (
    Check(
        "assignments",
        "score lies in [0.5, 1]",
        "SELECT count(*) FROM assignments WHERE score IS NULL OR score NOT BETWEEN 0.5 AND 1",
    ),
    Check(
        "assignments",
        "a sample belongs to a concept once",
        "SELECT count(*) - count(DISTINCT (concept_id, row_id)) FROM assignments",
    ),
    Check(
        "concepts",
        "concept_id is unique",
        "SELECT count(*) - count(DISTINCT concept_id) FROM concepts",
    ),
    Check(
        "concepts",
        "a parent is a concept",
        "SELECT count(*) FROM concepts WHERE parent_id NOT IN (SELECT concept_id FROM concepts)",
    ),
    Check(
        "aggressors",
        "ranks are 1, 2, 3 and so on",
        "SELECT count(*) FROM (SELECT rank, row_number() OVER (ORDER BY rank) AS expected"
        " FROM aggressors) WHERE rank IS DISTINCT FROM expected",
    ),
)


def _positional(table: str) -> Check:
    """Require the rows of `samples`, or, for vectors that a source lacks, none."""
    name = identifier(table)
    missing = f"(SELECT count(*) FROM samples) - (SELECT count(*) FROM {name})"  # noqa: S608
    if table == "embeddings":
        missing = f"CASE WHEN (SELECT count(*) FROM {name}) = 0 THEN 0 ELSE {missing} END"  # noqa: S608
    return Check(
        table,
        "it stands in the rows of samples",
        f"SELECT abs({missing}) + (SELECT count(*) FROM {name}"  # noqa: S608
        " WHERE row_id IS DISTINCT FROM rowid)",
    )


def _row_exists(table: str, *, both: bool) -> Check:
    same = " AND samples.sample_id = child.sample_id" if both else ""
    return Check(
        table,
        "row_id and sample_id are those of a sample",
        f"SELECT count(*) FROM {identifier(table)} AS child"  # noqa: S608
        f" ANTI JOIN samples ON samples.row_id = child.row_id{same}",
    )


def _sample_exists(table: str) -> Check:
    return Check(
        table,
        "sample_id is that of a sample",
        f"SELECT count(*) FROM {identifier(table)} AS child"  # noqa: S608
        " ANTI JOIN samples ON samples.sample_id = child.sample_id",
    )


def _concept_exists(table: str) -> Check:
    everything = " WHERE child.concept_id <> -1" if table == "correlations" else ""
    return Check(
        table,
        "concept_id is that of a concept",
        f"SELECT count(*) FROM (SELECT * FROM {identifier(table)} AS child{everything}) AS child"  # noqa: S608
        " ANTI JOIN concepts ON concepts.concept_id = child.concept_id",
    )
