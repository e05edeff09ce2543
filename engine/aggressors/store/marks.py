"""What people say of samples while they look: label wrong, not of this group, a tag.

Each click is a batch of its own in `marks/`, written beside and renamed, and never changed: an undo
is a further batch, and the last word on a sample holds. So dashboards that are open at once need no
lock, and none overwrites another's marks.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from aggressors.errors import UsageError, WorkspaceError
from aggressors.store.files import beside

MarkKind = Literal["label-wrong", "not-of-group", "tag"]
MARKS: tuple[MarkKind, ...] = get_args(MarkKind)
_ALONE = "label-wrong"  # the only mark that is about nothing but the sample
LONGEST_TAG = 40  # characters
_COLUMNS = ("sample_id", "mark", "undone", "group", "run_id", "concept_id", "created")


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark that holds.

    Parameters
    ----------
    mark : `label-wrong` and `tag` are said of the sample, in whatever run; `not-of-group` of the
        sample and a group.
    group : names the group in every run that has it, see `queries.marks.groups`; or is the tag; ''
        for `label-wrong`.
    run_id : the run of the model whose samples were on screen, also where metadata was added to it.
    concept_id : the concept that was on screen; None where there was no group.
    created : time of the mark, ISO 8601 in UTC.
    """

    sample_id: str
    mark: MarkKind
    group: str
    run_id: str
    concept_id: int | None
    created: str

    @property
    def about(self) -> tuple[str, str, str]:
        """What the mark is about: a later one about the same takes its place."""
        return self.sample_id, self.mark, self.group


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks that hold, oldest first, and a sentence for each file that cannot be read."""

    held: tuple[Mark, ...]
    broken: tuple[str, ...]


def write(
    folder: Path,
    sample_ids: Sequence[str],
    mark: MarkKind,
    *,
    undone: bool,
    group: str,
    run_id: str,
    concept_id: int | None,
) -> Path:
    """Add a batch: the same mark, or its undoing, for some samples.

    Raises
    ------
    UsageError : an unknown mark, no sample, a group where none belongs or none where one does, or
        a tag that is too long.
    WorkspaceError : the folder cannot be written.
    """
    if mark not in MARKS:
        raise UsageError(f"There is no mark {mark!r}; there are {', '.join(MARKS)}.")
    if not sample_ids:
        raise UsageError("A mark needs at least one sample.")
    if bool(group) != (mark != _ALONE):
        what = "name" if mark == "tag" else "group"
        raise UsageError(f"A mark {mark!r} {'has no' if group else 'needs a'} {what}.")
    if mark == "tag" and (len(group) > LONGEST_TAG or not group.isprintable()):
        raise UsageError(
            f"A tag has 1 to {LONGEST_TAG} printable characters; got {group[:60]!r}. Shorten it."
        )
    import pyarrow as pa
    from pyarrow import parquet

    n = len(sample_ids)
    batch = pa.table(
        {
            "sample_id": pa.array(sample_ids, pa.string()),
            "mark": pa.array([mark] * n, pa.string()),
            "undone": pa.array([undone] * n, pa.bool_()),
            "group": pa.array([group] * n, pa.string()),
            "run_id": pa.array([run_id] * n, pa.string()),
            "concept_id": pa.array([concept_id] * n, pa.int32()),
            "created": pa.array([datetime.now(UTC)] * n, pa.timestamp("us", "UTC")),
        }
    )
    # The time orders batches; the token keeps two of the same nanosecond apart.
    path = folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
    with beside(path) as temporary:
        parquet.write_table(batch, temporary)
    return path


def read(folder: Path) -> Marks:
    """Read the marks that hold: of all batches in order, the last word about each sample."""
    held: dict[tuple[str, str, str], Mark] = {}
    broken: list[str] = []
    for path in sorted(folder.glob("*.parquet")):
        if path.name.startswith("."):
            continue
        try:
            state = path.stat()
            batch = _batch(path, state.st_mtime_ns, state.st_size)
        except OSError:  # it was moved away meanwhile
            continue
        except WorkspaceError as error:
            broken.append(str(error))
            continue
        for mark, undone in batch:
            held.pop(mark.about, None)
            if not undone:
                held[mark.about] = mark
    return Marks(tuple(held.values()), tuple(broken))


@lru_cache(maxsize=20_000)
def _batch(path: Path, changed: int, size: int) -> tuple[tuple[Mark, bool], ...]:
    """Read one batch; kept, since a batch is never changed."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            if lacking := [name for name in _COLUMNS if name not in file.schema_arrow.names]:
                raise ValueError(f"it has no column {lacking[0]}")
            rows = file.read(list(_COLUMNS)).to_pylist()
        return tuple(_mark(row) for row in rows)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise WorkspaceError(
            f"{path} is no batch of marks ({reason}). Move it away; the other batches stay."
        ) from error


def _mark(row: dict[str, object]) -> tuple[Mark, bool]:
    sample_id, mark, created = row["sample_id"], row["mark"], row["created"]
    concept_id, group = row["concept_id"], row["group"]
    if isinstance(concept_id, float):  # as pandas writes whole numbers of which some are missing
        if math.isnan(concept_id):
            concept_id = None
        elif concept_id.is_integer():
            concept_id = int(concept_id)
    if not isinstance(sample_id, str) or mark not in MARKS:
        raise ValueError(f"it says {mark!r} of {sample_id!r}")
    if not isinstance(created, datetime) or not isinstance(concept_id, int | None):
        raise ValueError(f"created is {created!r} and concept_id {concept_id!r}")
    if bool(group) != (mark != _ALONE):
        raise ValueError(
            f"it says {mark} of {sample_id!r} {'with' if group else 'without'} a group"
        )
    time = created if created.tzinfo else created.replace(tzinfo=UTC)
    found = Mark(
        sample_id, mark, str(group or ""), str(row["run_id"] or ""), concept_id,
        time.astimezone(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    return found, bool(row["undone"])
