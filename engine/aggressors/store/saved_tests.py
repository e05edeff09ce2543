"""Saved tests as files: `tests/<slug>.json` to read and review, `tests/<slug>.parquet` its samples.

Both belong to the user: they are written once and never rewritten.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aggressors.contracts import BUILT_IN_SIGNALS, TASKS, Signal
from aggressors.errors import FilterError, InputError, SettingsError, UsageError
from aggressors.queries.grammar import parse
from aggressors.store.files import WRITING_SECONDS, explained, is_taken, place_new
from aggressors.store.records import Unreadable, as_json, list_records, read_record
from aggressors.store.workspace import Workspace, check_slug

VERSION = 2
MIN_SAMPLES = 10  # below, no interval is worth its name

SAMPLES = pa.schema([("sample_id", pa.string()), ("label", pa.string()), ("signal", pa.float64())])


@dataclass(frozen=True, slots=True)
class SavedTest:
    """An aggressor, or any group, frozen as a test that later runs must pass.

    Parameters
    ----------
    slug : name of its files.
    title : what a person calls the group.
    why : why it was saved, in a sentence.
    signal : what is compared per sample, as the setting `signal` of that run.
    margin : by how much the mean signal may be worse than under the baseline, in its unit.
    margin_origin : where the margin comes from, in words.
    rule : text of the filter that describes the group; '' where there is none. Samples that match
        it without being frozen are kept out of the rest that the group is compared with.
    samples : number of frozen samples.
    source_run_id, source_run_name : the run it was saved on, whose signals are frozen too.
    task, loss_name : of that run; a run of another task or loss cannot be compared.
    created_at : when it was saved, ISO 8601 in UTC.
    digest : of the file with its samples, so that another one is noticed; '' in tests of version 1.
    schema_version : version of this format.
    """

    slug: str
    title: str
    why: str
    signal: str
    margin: float
    margin_origin: str
    rule: str
    samples: int
    source_run_id: str
    source_run_name: str
    task: str
    loss_name: str
    created_at: str
    digest: str = ""
    schema_version: int = VERSION

    @property
    def key(self) -> str:
        """Digest of what a run's measurement depends on; an edited margin or title is not."""
        parts = [self.slug, self.created_at, self.signal, self.rule, self.source_run_id]
        if self.digest:  # verdicts of version 1 are known by the others alone
            parts += [self.digest, self.task, self.loss_name]
        return _digest(json.dumps(parts).encode())


def list_tests(workspace: Workspace) -> tuple[list[SavedTest], list[Unreadable]]:
    """All saved tests by slug, and those whose files are wrong."""
    return list_records(workspace.tests, lambda slug: read_test(workspace, slug))


def read_test(workspace: Workspace, slug: str) -> SavedTest:
    """Read and check one saved test.

    Raises
    ------
    InputError : no such test, or a file edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    path = workspace.tests / f"{check_slug(slug)}.json"
    test = read_record(path, SavedTest, "saved test", _RESTORE)
    _check_values(test, path)
    samples = _samples_file(path)
    try:
        with pq.ParquetFile(samples) as file:
            rows, schema = file.metadata.num_rows, file.schema_arrow
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{samples} of {path.name} cannot be read: {error}. {_RESTORE}") from error
    for column in SAMPLES:
        if column.name not in schema.names or schema.field(column.name).type != column.type:
            raise InputError(f"{samples} needs a column {column.name!r} of type {column.type}.")
    held = (schema.metadata or {}).get(_SIGNAL, test.signal.encode())
    if held != test.signal.encode():
        raise InputError(
            f"{path}: 'signal' is {test.signal!r} but {samples.name} holds "
            f"{held.decode(errors='replace')!r}. {_RESTORE}"
        )
    if rows != test.samples:
        raise InputError(
            f"{path}: 'samples' is {test.samples} but {samples.name} holds {rows}. {_RESTORE}"
        )
    return test


def read_samples(workspace: Workspace, test: SavedTest) -> pa.Table:
    """(sample_id, label, signal) of a test's frozen samples, sorted by sample_id.

    Raises
    ------
    InputError : the file is damaged or another than was saved, or a sample stands twice, has no id
        or no finite signal.
    """
    path = workspace.tests / f"{test.slug}.parquet"
    try:
        content = path.read_bytes()
        with pq.ParquetFile(BytesIO(content)) as file:
            found = file.read(columns=SAMPLES.names, use_threads=False)
        table = found.select(SAMPLES.names).sort_by("sample_id")
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read: {error}. {_RESTORE}") from error
    ids = table["sample_id"]
    if ids.null_count or pc.count_distinct(ids).as_py() != len(ids):
        raise InputError(f"{path}: 'sample_id' must be there and unique. {_RESTORE}")
    signal = table["signal"]
    if signal.null_count or not pc.all(pc.is_finite(signal)).as_py():
        raise InputError(f"{path}: 'signal' must be finite. {_RESTORE}")
    if test.digest and _digest(content) != test.digest:
        raise InputError(f"{path} is not the file that was saved with {test.slug}.json. {_RESTORE}")
    return table


def write_test(workspace: Workspace, test: SavedTest, samples: pa.Table) -> SavedTest:
    """Write a new test, and return it with the digest of its samples.

    The samples are written first, so that a test that can be seen is whole.

    Raises
    ------
    UsageError : the slug is taken, or no slug.
    WorkspaceError : the workspace cannot be written.
    """
    sealed, content = _sealed(test, samples)
    if not _placed(workspace, sealed, content):
        raise UsageError(
            f"There is a saved test {test.slug!r} already, and tests are never rewritten. "
            "Choose another name with --slug."
        )
    return sealed


def write_numbered(
    workspace: Workspace, test: SavedTest, samples: pa.Table, wanted: str
) -> SavedTest:
    """Write a new test as `wanted`, or the first of `wanted-2`, `wanted-3`, … that is free.

    Raises
    ------
    UsageError : `wanted` is no slug, or ten thousand tests are called so.
    WorkspaceError : the workspace cannot be written.
    """
    sealed, content = _sealed(test, samples)
    for number in range(1, 10_000):
        slug = wanted if number == 1 else f"{wanted[:58]}-{number}"
        named = replace(sealed, slug=slug)
        if _placed(workspace, named, content):
            return named
    raise UsageError(f"Too many saved tests are called {wanted!r}; choose a name with --slug.")


def _sealed(test: SavedTest, samples: pa.Table) -> tuple[SavedTest, bytes]:
    """Give the file of a test's samples, and the test with its digest."""
    file = BytesIO()
    schema = SAMPLES.with_metadata({_SIGNAL: test.signal.encode()})
    pq.write_table(samples.select(SAMPLES.names).cast(schema), file)
    content = file.getvalue()
    return replace(test, digest=_digest(content)), content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _placed(workspace: Workspace, test: SavedTest, samples: bytes) -> bool:
    """Write both files of a test, unless another has its name or is just taking it."""
    path = workspace.tests / f"{check_slug(test.slug)}.json"
    if is_taken(path):
        return False
    file = _samples_file(path)
    if not place_new(file, samples):
        if is_taken(path) or not _left_behind(file):
            return False
        with explained(file):
            file.unlink(missing_ok=True)
        if not place_new(file, samples):
            return False
    return place_new(path, as_json(test))


def _left_behind(samples: Path) -> bool:
    """Whether samples without a test are of a process that was killed, not of one that writes."""
    try:
        return time.time() - samples.stat().st_mtime > WRITING_SECONDS
    except FileNotFoundError:
        return True


def _samples_file(path: Path) -> Path:
    return path.with_suffix(".parquet")


_SIGNAL = b"signal"  # which one the samples hold, so that no edit makes it another
_RESTORE = "Undo the edit, for instance with `git checkout`, or save the test again."


def _check_values(test: SavedTest, path: Path) -> None:
    if test.slug != path.stem:
        raise InputError(f"{path}: 'slug' is {test.slug!r} but the file is called {path.stem!r}.")
    if not _is_signal(test.signal):
        raise InputError(
            f"{path}: 'signal' must be {', '.join(BUILT_IN_SIGNALS)}, or a metric such as wer or "
            f"1 - iou; got {test.signal!r}. {_RESTORE}"
        )
    if not (math.isfinite(test.margin) and test.margin >= 0):
        raise InputError(f"{path}: 'margin' must be at least 0 and finite; got {test.margin}.")
    if test.samples < MIN_SAMPLES:
        raise InputError(f"{path}: 'samples' must be at least {MIN_SAMPLES}; got {test.samples}.")
    if test.schema_version < 1:
        raise InputError(
            f"{path}: 'schema_version' must be 1 to {VERSION}; got {test.schema_version}."
        )
    for name in ("title", "source_run_id", "loss_name"):
        if not getattr(test, name).strip():
            raise InputError(f"{path}: {name!r} is empty. {_RESTORE}")
    if test.task not in TASKS:
        raise InputError(
            f"{path}: 'task' must be {' or '.join(TASKS)}; got {test.task!r}. {_RESTORE}"
        )
    try:
        datetime.fromisoformat(test.created_at)
    except ValueError as error:
        raise InputError(
            f"{path}: 'created_at' must be a date in ISO 8601; got {test.created_at!r}. {_RESTORE}"
        ) from error
    try:
        parse(test.rule)
    except FilterError as error:
        raise InputError(f"{path}: 'rule' cannot be read: {error}") from error


def _is_signal(text: str) -> bool:
    """Whether a signal is written as runs write it."""
    try:
        return str(Signal.parse(text)) == text
    except SettingsError:
        return False
