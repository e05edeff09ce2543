"""What a team decided about aggressors: `triage/<slug>.json`, one decision a file, and its members.

A decision is written once and never rewritten: to decide otherwise is a further file, and the last
one holds. So any number of dashboards and command lines decide at once without a lock. The ids of
the members stand beside, in `triage/<samples>.parquet`, shared by all decisions about the same
group; by them the group is known in a later run, also where its own run is gone.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError, UsageError
from aggressors.store.files import atomic_write, place_new
from aggressors.store.read import is_run_id
from aggressors.store.records import Unreadable, as_json, list_records, one_line, read_record
from aggressors.store.workspace import Workspace, check_slug, is_slug

Word = Literal["new", "accepted", "dismissed", "being-fixed", "fixed"]
WORDS: tuple[Word, ...] = get_args(Word)
DISMISSED: Word = "dismissed"  # the one that hides, and so the one that needs a reason
VERSION = 1
LONGEST_WHY = 500  # characters

_MEND = "Correct it, or remove the file; then the decision before it holds."

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one aggressor, at one moment.

    Parameters
    ----------
    slug : name of its file.
    word : what was decided; `new` takes back what was decided before.
    why : the reason; never empty where it is dismissed.
    author : who decided.
    created_at : when, ISO 8601 in UTC.
    run_id, run_name : the run on which it was decided.
    model_run : the run of the model; another one only where metadata was added to that.
    model_created_at : when the model was run first, which tells which model is a later one.
    task : of that run; the aggressors of another task are others.
    rank, name, rule : of the aggressor in that run; the rule is '' where none describes it.
    members : number of its members in the analysed population.
    samples : name of the Parquet file that holds their ids.
    follows : slug of the decision that held for the aggressor before; '' for the first.
    schema_version : version of this format.
    """

    slug: str
    word: str
    why: str
    author: str
    created_at: str
    run_id: str
    run_name: str
    model_run: str
    model_created_at: str
    task: str
    rank: int
    name: str
    rule: str
    members: int
    samples: str
    follows: str
    schema_version: int = VERSION


def list_decisions(workspace: Workspace) -> tuple[list[Decision], list[Unreadable]]:
    """All decisions, the oldest first, and those whose files are wrong."""
    found, wrong = list_records(workspace.triage, lambda slug: read_decision(workspace, slug))
    return sorted(found, key=lambda one: (moment(one.created_at), one.slug)), wrong


def read_decision(workspace: Workspace, slug: str) -> Decision:
    """Read and check one decision, and that its members are there.

    Raises
    ------
    InputError : no such decision, or one edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    path = workspace.triage / f"{check_slug(slug)}.json"
    one = read_record(path, Decision, "decision", _MEND)
    _check_values(one, path)
    read_members(workspace, one)
    return one


def write_decision(workspace: Workspace, decision: Decision, sample_ids: list[str]) -> Decision:
    """Write a new decision under a name of its own; the members first, so that it is seen whole.

    Parameters
    ----------
    decision : its slug, members and samples are filled in.
    sample_ids : ids of the members in the analysed population.

    Raises
    ------
    UsageError : a word that is none, no reason where one is needed, or one that is too long.
    WorkspaceError : the workspace cannot be written.
    """
    why = check_said(decision.word, decision.why)
    ids = sorted(set(sample_ids))
    samples = sha256("\n".join(ids).encode()).hexdigest()[:16]
    members = _members_file(workspace, samples)
    if not _holds(members, len(ids)):
        atomic_write(members, _parquet(ids))
    time = f"{moment(decision.created_at):%Y%m%d-%H%M%S}"
    while True:
        # The time is for people; the token keeps two apart, also those of two branches of git.
        slug = f"{time}-{decision.word}-{secrets.token_hex(4)}"
        made = replace(decision, slug=slug, why=why, members=len(ids), samples=samples)
        if place_new(workspace.triage / f"{slug}.json", as_json(made)):
            return made


def check_said(word: str, why: str) -> str:
    """Return a reason as it is kept, if word and reason can be.

    Raises
    ------
    UsageError : no such word; dismissed without a reason; a reason that is too long.
    InputError : a reason that is no text.
    """
    if word not in WORDS:
        raise UsageError(f"There is no word {word!r} for an aggressor; use {', '.join(WORDS)}.")
    why = one_line(why)
    if word == DISMISSED and not why:
        raise UsageError(
            "To dismiss an aggressor hides it from everybody, so it needs a reason. Say why."
        )
    if len(why) > LONGEST_WHY:
        raise UsageError(
            f"The reason has {len(why):,} characters; at most {LONGEST_WHY} are kept. Shorten it."
        )
    return why


def read_members(workspace: Workspace, one: Decision) -> Hashes:
    """(members,) ids of a decision's members, hashed as DuckDB does, sorted.

    Raises
    ------
    InputError : the file is not there, damaged, or holds others; names it and the decision's file.
    """
    path = _members_file(workspace, one.samples)
    named = workspace.triage / f"{one.slug}.json"
    try:
        state = path.stat()
        found = _hashes(path, state.st_mtime_ns, state.st_size)
    except FileNotFoundError as error:
        raise InputError(
            f"{named}: 'samples' is {one.samples!r}, but there is no {path.name} beside it. "
            "Restore it, for instance with `git checkout`, or remove the decision."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}, the members of {named.name}, cannot be read: {error}. Restore it, for "
            "instance with `git checkout`, or remove the decision."
        ) from error
    if len(found) != one.members:
        raise InputError(
            f"{named}: 'members' is {one.members} but {path.name} holds {len(found)}. {_MEND}"
        )
    return found


def moment(iso: str) -> datetime:
    """Time of an ISO 8601 text; one without a zone is in UTC."""
    time = datetime.fromisoformat(iso)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _members_file(workspace: Workspace, samples: str) -> Path:
    return workspace.triage / f"{samples}.parquet"


def _holds(path: Path, members: int) -> bool:
    """Whether the file is there, and whole: what was damaged is written again."""
    try:
        state = path.stat()
        return len(_hashes(path, state.st_mtime_ns, state.st_size)) == members
    except (OSError, ValueError):
        return False


def _parquet(ids: list[str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    content = BytesIO()
    parquet.write_table(pa.table({"sample_id": pa.array(ids, pa.string())}), content)
    return content.getvalue()


# Hashes are of this version of DuckDB, so that they are computed and never kept on disk.
@lru_cache(maxsize=256)
def _hashes(path: Path, changed: int, size: int) -> Hashes:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            if "sample_id" not in file.schema_arrow.names:
                raise ValueError("it has no column sample_id")
            ids = file.read(["sample_id"]).cast(pa.schema([("sample_id", pa.string())]))
    except pa.ArrowException as error:
        raise ValueError(str(error).partition("\n")[0].rstrip(".")) from error
    if ids["sample_id"].null_count:
        raise ValueError("a sample_id is missing")
    found = np.unique(_hashing(ids))
    found.flags.writeable = False  # it is kept, and handed out
    return found


def _hashing(ids: Any) -> Hashes:
    with _memory().cursor() as cursor:
        cursor.register("ids", ids)
        return np.asarray(cursor.sql("SELECT hash(sample_id) AS h FROM ids").fetchnumpy()["h"])


@lru_cache(maxsize=1)
def _memory() -> Any:
    import duckdb

    return duckdb.connect(":memory:", config={"enable_external_access": "false"})


def _check_values(one: Decision, path: Path) -> None:
    if one.slug != path.stem:
        raise InputError(
            f"{path}: 'slug' is {one.slug!r} but the file is called {path.stem!r}. {_MEND}"
        )
    try:
        check_said(one.word, one.why)
    except UsageError as error:
        field = "why" if one.word in WORDS else "word"
        raise InputError(f"{path}: {field!r} cannot be used: {error} {_MEND}") from error
    for name, value in (
        ("created_at", one.created_at),
        ("model_created_at", one.model_created_at),
    ):
        try:
            moment(value)
        except ValueError as error:
            raise InputError(
                f"{path}: {name!r} must be a time such as 2026-11-01T12:00:00+00:00; got "
                f"{value!r}. {_MEND}"
            ) from error
    for name, value in (("run_id", one.run_id), ("model_run", one.model_run)):
        if not is_run_id(value):
            raise InputError(
                f"{path}: {name!r} must be the id of a run; got {value!r:.80}. {_MEND}"
            )
    if not is_slug(one.samples):
        raise InputError(
            f"{path}: 'samples' must be the name of a Parquet file beside it, without its ending; "
            f"got {one.samples!r}. {_MEND}"
        )
    if one.schema_version < 1:
        raise InputError(f"{path}: 'schema_version' must be 1; got {one.schema_version}. {_MEND}")
