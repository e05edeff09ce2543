"""Add metadata to a published run: a derived run beside it, with its correlations anew.

The model is not run again. What the engine found stays as it is (see docs/decisions/0011): groups,
names and candidates are those of the parent, and evidence that no field can give.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aggressors import progress as show
from aggressors.contracts import RunInfo, Verdict
from aggressors.errors import AggressorsError, StageError, WorkspaceError
from aggressors.published import already_published, is_published
from aggressors.queries.names import known_fields
from aggressors.runner import ID_LENGTH, engine_version
from aggressors.sources.added import Added, Known, read_added
from aggressors.stages.describe import SOURCE as BUILT_IN
from aggressors.stages.protocol import Context, Stage
from aggressors.stages.survey import ROW_MEASURES
from aggressors.store.derive import derive, read_tables, sample_ids
from aggressors.store.read import RunFile, open_run, read_summary
from aggressors.store.schema import SCHEMA_VERSION
from aggressors.store.workspace import Workspace
from aggressors.words import counted, listed

if TYPE_CHECKING:
    from aggressors.sources.seen import Function

# What reads metadata, and whose other inputs are in the run file: module and name of each stage.
ANEW = (("survey", "AGAIN"), ("correlate", "STAGE"), ("diagnose", "AGAIN"))
KIND_ONLY = {"media": ("kind",)}  # pictures and texts are not looked at again


@dataclass(frozen=True, slots=True)
class AddResult:
    """A derived run; `missing` counts the samples without a value by field, of `samples` in all.

    `aggressors` counts the confirmed, `seconds` is wall time of this call.
    """

    run_id: str
    name: str
    path: str
    aggressors: int
    seconds: float
    verdicts: tuple[Verdict, ...]
    derived_from: str
    derived_from_name: str
    added: tuple[str, ...]
    missing: Mapping[str, int]
    samples: int


def add_metadata(
    run: Path,
    given: Any,
    workspace: Workspace,
    *,
    name: str | None = None,
    progress: show.Progress | None = None,
) -> AddResult:
    """Publish a run derived from another, with the fields of a table, and judge it in saved tests.

    The run id is a digest of the parent and the values, so that the same values again return what
    was published at once.

    Parameters
    ----------
    run : the parent's file, which is never changed.
    given : a table with `sample_id` and a column a field; see `sources.added.read_added`.
    name : label of the derived run; default the parent's with the names of the fields.

    Raises
    ------
    TableError : the table does not fit the run, with everything that is wrong.
    StoreError : the parent cannot be read, or the workspace not be written.
    """
    return _add(run, lambda parent, told: given, "The table", workspace, name, progress)


def add_seen(
    run: Path,
    function: Function,
    workspace: Workspace,
    *,
    media_root: str | Path | None = None,
    name: str | None = None,
    progress: show.Progress | None = None,
) -> AddResult:
    """Publish a derived run with what a function reads from each sample's image or text.

    Parameters
    ----------
    function, media_root : see `sources.seen.see`.
    run, workspace, name : as in `add_metadata`.

    Raises
    ------
    InputError : the function raises, or returns what is no value; names the sample.
    TableError, StoreError : as `add_metadata` does.
    """
    from aggressors.sources.seen import see

    def values(parent: RunFile, told: show.Progress) -> pa.Table:
        with told.step("look", sum(parent.populations.values())) as advance:
            return see(parent, function, media_root, advance)

    return _add(run, values, "The function", workspace, name, progress)


def _add(
    run: Path,
    values: Callable[[RunFile, show.Progress], Any],
    what: str,
    workspace: Workspace,
    name: str | None,
    progress: show.Progress | None,
) -> AddResult:
    started, told = time.perf_counter(), progress or show.Silent()
    with open_run(run) as parent:
        reserved = [ref.name for ref in known_fields(parent).values() if not ref.needs_metadata]
        own = {field.name: field.source for field in parent.fields.values()}
        known = Known(parent.info.name, sample_ids(parent), own, reserved)
        added = read_added(values(parent, told), known, what)
        digest = _digest(parent, added)
        path = workspace.run_path(digest[:ID_LENGTH])
        if is_published(path, told):
            told.say(already_published(path, name))
        else:
            _tell_missing(added, told)
            info = _derived_info(parent, digest, name or default_name(parent.info.name, added))
            _publish(parent, info, added, digest, workspace, told)
    from aggressors.gate import evaluate_run

    verdicts = tuple(evaluate_run(workspace, path))
    summary = read_summary(path)
    return AddResult(
        run_id=summary.run_id,
        name=summary.name,
        path=str(path),
        aggressors=summary.aggressors,
        seconds=time.perf_counter() - started,
        verdicts=verdicts,
        derived_from=summary.derived_from,
        derived_from_name=summary.derived_from_name,
        added=added.names,
        missing=_missing(added),
        samples=summary.samples,
    )


def default_name(parent: str, added: Added) -> str:
    """Name a derived run: v1 + vegetation."""
    return f"{parent} + {listed(added.names)}"


def _digest(parent: RunFile, added: Added) -> str:
    inputs = {
        "parent": parent.info.run_id,
        "added": added.digest(),
        "engine": engine_version(),
        "schema": SCHEMA_VERSION,
    }
    return sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _derived_info(parent: RunFile, digest: str, name: str) -> RunInfo:
    """Facts of the derived run: those of its model, and where it comes from."""
    info = parent.info
    return replace(
        info,
        run_id=digest[:ID_LENGTH],
        name=name,
        schema_version=SCHEMA_VERSION,
        created_at=datetime.now(UTC).isoformat(),
        engine_version=engine_version(),
        derived_from=info.model_run,
        derived_from_name=info.derived_from_name or info.name,
    )


def _missing(added: Added) -> dict[str, int]:
    rows = added.described.to_pylist()
    return {row["field"]: row["missing"] for row in rows}


def _tell_missing(added: Added, told: show.Progress) -> None:
    for field, missing in _missing(added).items():
        if missing:
            told.say(
                f"{field}: {counted(missing, 'sample')} of {added.metadata.num_rows:,} without a "
                "value, which counts as missing"
            )


# --- What is made anew ---


def _publish(
    parent: RunFile,
    info: RunInfo,
    added: Added,
    digest: str,
    workspace: Workspace,
    told: show.Progress,
) -> None:
    described = _described(parent, added)
    made, spent = _anew(parent, added, described, told)
    stages = _stages(parent, digest, len(added.metadata), spent)
    columns = _new_columns(made.pop("metadata"), made["metadata_fields"], added)
    fresh = {**made, "stages": stages}
    with told.step("publish", 1) as advance:
        try:
            derive(parent, info, fresh, columns, workspace.runs)
        except WorkspaceError:  # unless another process published the same meanwhile
            if not is_published(workspace.run_path(info.run_id), told):
                raise
        advance(1)


def _described(parent: RunFile, added: Added) -> pa.Table:
    """All fields as a run lists them: the user's own and the added ones by name, then built-in."""
    own = read_tables(parent, ["metadata_fields"])["metadata_fields"]
    rows = [*own.to_pylist(), *added.described.to_pylist()]
    place = {name: rank for rank, name in enumerate(own["field"].to_pylist())}
    rows.sort(
        key=lambda row: (
            row["source"] == BUILT_IN,
            place[row["field"]] if row["source"] == BUILT_IN else 0,
            row["field"],
        )
    )
    return pa.Table.from_pylist(rows, own.schema)


def _new_columns(metadata: pa.Table, described: pa.Table, added: Added) -> pa.Table:
    """Take the columns that the parent does not have, or has with other values."""
    built_in = {row["field"] for row in described.to_pylist() if row["source"] == BUILT_IN}
    columns = added.metadata
    for name in sorted(built_in & ROW_MEASURES):
        columns = columns.append_column(name, metadata[name])
    return columns


def _anew(
    parent: RunFile, added: Added, described: pa.Table, told: show.Progress
) -> tuple[dict[str, pa.Table], dict[str, tuple[int, float]]]:
    """Run the stages that read metadata; returns their tables, and rows and seconds by stage."""
    stages: list[Stage] = [
        getattr(import_module(f"aggressors.stages.{module}"), name) for module, name in ANEW
    ]
    read = {name for stage in stages for name in (*stage.inputs, *stage.optional)}
    tables = read_tables(parent, sorted(read), KIND_ONLY)
    metadata = tables["metadata"]
    for name in added.names:
        metadata = metadata.append_column(name, added.metadata[name])
    tables |= {"metadata": metadata, "metadata_fields": described}
    info = parent.info
    context = Context(
        settings=info.settings,
        classes=parent.classes,
        task=info.task,
        progress=lambda items, total, what: show.track(told, items, total, what),
    )
    made: dict[str, pa.Table] = {}
    spent: dict[str, tuple[int, float]] = {}
    for stage in stages:
        started = time.perf_counter()
        with told.step(stage.name, 1) as advance:
            outputs = _run(stage, tables, context)
            advance(1)
        tables |= outputs
        made |= outputs
        rows = sum(table.num_rows for table in outputs.values())
        spent[stage.name] = (rows, time.perf_counter() - started)
    return made, spent


def _run(stage: Stage, tables: Mapping[str, pa.Table], context: Context) -> dict[str, pa.Table]:
    wanted = {*stage.inputs, *stage.optional}
    try:
        return stage.run({name: tables[name] for name in wanted}, context)
    except AggressorsError:
        raise
    except Exception as error:
        raise StageError(
            stage.name,
            "all samples",
            f"{type(error).__name__}: {error}. Nothing was published; type the same command with "
            "--debug for the traceback, and please report it.",
        ) from error


def _stages(
    parent: RunFile, digest: str, n_samples: int, spent: Mapping[str, tuple[int, float]]
) -> pa.Table:
    """List what the parent computed and is kept, then what is new."""
    done = read_tables(parent, ["stages"])["stages"]
    rows = [row for row in done.to_pylist() if row["stage"] not in (*spent, "publish")]
    rows.append({"stage": "add", "input_digest": digest, "rows": n_samples, "seconds": 0.0})
    rows += [
        {"stage": stage, "input_digest": digest, "rows": count, "seconds": seconds}
        for stage, (count, seconds) in spent.items()
    ]
    return pa.Table.from_pylist(rows, done.schema)
