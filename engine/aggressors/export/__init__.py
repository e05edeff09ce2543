"""Take samples elsewhere: one writer a format behind a small registry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.contracts import EVERYTHING, POPULATIONS, Filter
from aggressors.errors import UsageError
from aggressors.export import label_studio, table
from aggressors.export.files import Exported, File
from aggressors.queries.listing import WHATS, What, listing

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

__all__ = ["FORMATS", "WHATS", "Exported", "File", "Format", "export"]

Writer = Callable[[pa.Table, "RunFile", str], Exported]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what people call it, the ending of a download, and what writes it.

    `pictures` asks for thumbnails in the rows.
    """

    title: str
    ending: str
    write: Writer
    pictures: bool = False


def export(
    run: RunFile,
    what: What,
    aggressor: int | None = None,
    filter: Filter = EVERYTHING,
    format: str = "csv",
    count: int | None = None,
    *,
    queue: Sequence[str] = (),
    marks: pa.Table | None = None,
) -> Exported:
    """Export a list of samples; the order is that of the column `rank`.

    Parameters
    ----------
    what : candidates, members, representatives, samples, queue, suspects or marks.
    aggressor : rank of an aggressor; None for all.
    filter : keeps the samples that it lets through.
    format : one of `FORMATS`.
    count : at most so many rows.
    queue : for `queue`, the sample ids of a label queue in its order.
    marks : for `marks`, those of a workspace, as `queries.marks.as_table` gives them.

    Raises
    ------
    UsageError : an unknown list, format or rank. FilterError : an unknown field or category.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no format {format!r}; there are {', '.join(FORMATS)}.")
    chosen = FORMATS[format]
    rows = listing(
        run, what, aggressor, filter, count,
        queue=queue, marks=marks, thumbnails=chosen.pictures,
    )  # fmt: skip
    exported = chosen.write(rows, run, _stem(run.info.name, what, aggressor))
    counts = Counter(rows["population"].to_pylist())
    known = {name: counts[name] for name in POPULATIONS if name in counts}
    return replace(exported, populations=known)


def _stem(run_name: str, what: str, aggressor: int | None) -> str:
    """File name without ending; nothing of the run's name can leave the folder."""
    safe = re.sub(r"[^A-Za-z0-9-]+", "-", run_name).strip("-")[:40] or "run"
    return "-".join([safe, what] + ([f"aggressor-{aggressor}"] if aggressor is not None else []))


def _csv(rows: pa.Table, run: RunFile, stem: str) -> Exported:
    return Exported(rows.num_rows, File(f"{stem}.csv", table.csv(rows)))


def _parquet(rows: pa.Table, run: RunFile, stem: str) -> Exported:
    return Exported(rows.num_rows, File(f"{stem}.parquet", table.parquet(rows)))


def _jsonl(rows: pa.Table, run: RunFile, stem: str) -> Exported:
    return Exported(rows.num_rows, File(f"{stem}.jsonl", table.jsonl(rows)))


def _label_studio(rows: pa.Table, run: RunFile, stem: str) -> Exported:
    return Exported(
        rows.num_rows,
        File(f"{stem}.json", label_studio.tasks(rows, run.classes, run.info.model_name)),
        (File("config.xml", label_studio.interface(rows, run.classes)),),
    )


# A new format is one function here and one line below.
FORMATS: dict[str, Format] = {
    "csv": Format("CSV", "csv", _csv),
    "parquet": Format("Parquet", "parquet", _parquet),
    "jsonl": Format("JSON lines", "jsonl", _jsonl),
    "label-studio": Format("Label Studio", "zip", _label_studio, pictures=True),
}
