"""Take samples elsewhere: one writer a format behind a small registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.contracts import EVERYTHING, Filter
from aggressors.errors import UsageError
from aggressors.export import coco, image_folder, label_studio, table
from aggressors.export.files import Exported, File, Shape
from aggressors.export.job import Job
from aggressors.export.media import MEDIA, Media, Pictures
from aggressors.export.sinks import Sink
from aggressors.progress import Advance
from aggressors.queries.listing import WHATS, What, listed
from aggressors.queries.points import has_pictures

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

__all__ = [
    "FORMATS", "MEDIA", "WHATS", "Exported", "File", "Format", "Media", "Shape", "export",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what people call it, the ending of its main file, and what writes it.

    Parameters
    ----------
    write : writes all files and gives what is to be said of them.
    media : what may become of the pictures, the usual choice first, and what the export then is on
        a disk.
    inside : name of the main file where the export is a folder.
    pictures : whether its rows need thumbnails even where media are referenced.
    of_images : whether it is one of images, and nothing else.
    """

    title: str
    ending: str
    write: Callable[[Job], tuple[str, ...]]
    media: Mapping[Media, Shape]
    inside: str
    pictures: bool = False
    of_images: bool = False

    def choice(self, media: Media | None) -> Media:
        """Give the choice, or the usual one; raises UsageError where the format cannot do it."""
        if media is not None and media not in self.media:
            raise UsageError(
                f"The format {self.title} cannot {media} its media; it can "
                f"{' or '.join(self.media)}."
            )
        return next(iter(self.media)) if media is None else media

    @property
    def download(self) -> str:
        """Ending of a download."""
        return self.ending if self.media[self.choice(None)] is Shape.FILE else "zip"


def export(
    run: RunFile,
    what: What,
    aggressor: int | None = None,
    filter: Filter = EVERYTHING,
    format: str = "csv",
    count: int | None = None,
    *,
    queue: Sequence[str] | pa.Table = (),
    marks: pa.Table | None = None,
    media: Media | None = None,
    media_roots: Sequence[Path] = (),
) -> Exported:
    """Export a list of samples; the order is that of the column `rank`.

    Nothing is written before it is saved, or its content is asked for; the run stays open so long.

    Parameters
    ----------
    what : candidates, members, representatives, samples, queue, suspects or marks.
    aggressor : rank of an aggressor; None for all.
    filter : keeps the samples that it lets through.
    format : one of `FORMATS`.
    count : at most so many rows.
    queue : for `queue`, the samples of a label queue in its order: ids, or rows of `LabelQueue.of`.
    marks : for `marks`, those of a workspace, as `queries.marks.as_table` gives them.
    media : reference (the path of the original), copy (a file beside) or thumbnail (the small
        picture of the run); None for what is usual in the format.
    media_roots : folders below which originals may be read; none else is.

    Raises
    ------
    UsageError : an unknown list, format, rank or choice of media. FilterError : an unknown field or
    category.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no format {format!r}; there are {', '.join(FORMATS)}.")
    chosen = FORMATS[format]
    choice = chosen.choice(media)
    rows = listed(
        run, what, aggressor, filter, count,
        queue=queue, marks=marks, thumbnails=chosen.pictures or choice != "reference",
    )  # fmt: skip
    pictured = has_pictures(run)
    if chosen.of_images and not pictured:
        others = ", ".join(name for name, one in FORMATS.items() if not one.of_images)
        raise UsageError(
            f"{chosen.title} is a format of images, and the run {run.info.name!r} has none. "
            f"Take one of {others}."
        )
    stem, shape = _stem(run.info.name, what, aggressor), chosen.media[choice]
    name = chosen.inside if shape is Shape.FOLDER else f"{stem}.{chosen.ending}"

    def write(sink: Sink, advance: Advance) -> tuple[str, ...]:
        pictures = Pictures(choice, media_roots, len(rows))
        return chosen.write(Job(what, rows, choice, pictures, name, pictured, sink, advance))

    return Exported(rows, stem, name, shape, write)


def _stem(run_name: str, what: str, aggressor: int | None) -> str:
    """File name without ending; nothing of the run's name can leave the folder."""
    safe = re.sub(r"[^A-Za-z0-9-]+", "-", run_name).strip("-")[:40] or "run"
    return "-".join([safe, what] + ([f"aggressor-{aggressor}"] if aggressor is not None else []))


_TABLE: dict[Media, Shape] = {
    "reference": Shape.FILE,
    "copy": Shape.FOLDER,
    "thumbnail": Shape.FOLDER,
}
_TASKS: dict[Media, Shape] = {
    "reference": Shape.FILES,
    "copy": Shape.FOLDER,
    "thumbnail": Shape.FILES,
}
_COCO: dict[Media, Shape] = {
    "copy": Shape.FOLDER,
    "thumbnail": Shape.FOLDER,
    "reference": Shape.FILE,
}
_IMAGES: dict[Media, Shape] = {"copy": Shape.FOLDER, "thumbnail": Shape.FOLDER}
# A new format is one function and one line below.
FORMATS: dict[str, Format] = {
    "csv": Format("CSV", "csv", table.writer(table.write_csv), _TABLE, "samples.csv"),
    "parquet": Format(
        "Parquet", "parquet", table.writer(table.write_parquet), _TABLE, "samples.parquet"
    ),
    "jsonl": Format(
        "JSON lines", "jsonl", table.writer(table.write_jsonl), _TABLE, "samples.jsonl"
    ),
    "label-studio": Format(
        "Label Studio", "json", label_studio.write, _TASKS, "tasks.json", pictures=True
    ),
    "coco": Format(
        "COCO", "json", coco.write, _COCO, "annotations/labels_default.json", of_images=True
    ),
    "hf-imagefolder": Format(
        "Hugging Face image folder", "zip", image_folder.write, _IMAGES, "README.md", of_images=True
    ),
}
