"""COCO: images, annotations and categories, for tools that read the format of object detection.

Format: cocodataset.org/#format-data. A label of a run is one of a whole image, and no box is known:
an annotation names image and category, and has no `bbox`, `area` or `segmentation`, rather than a
box that nobody drew. Names of files are those of Datumaro, which calls this kind "labels". A list
that is made to be labeled or reviewed has no annotations.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from typing import BinaryIO, cast

from aggressors.export.job import Job
from aggressors.export.media import Picture, referenced
from aggressors.export.table import line, rows
from aggressors.queries.listing import What
from aggressors.words import counted

_TRUSTED: frozenset[What] = frozenset({"members", "representatives", "samples"})
_LEFT_OUT = {"rank", "sample_id", "uri", "text", "thumbnail", "kind"}
_HELD = 8_000_000  # bytes of annotations that stay in memory

Row = Mapping[str, object]


def write(job: Job) -> tuple[str, ...]:
    """Write the document and, where asked for, the pictures beside it; gives what is to be said."""
    with (
        tempfile.SpooledTemporaryFile(_HELD) as held,
        job.sink.file(job.name) as stream,
    ):
        annotations = cast("BinaryIO", held)
        unnamed = _document(job, stream, annotations)
    said = job.pictures.remarks(left_out=True)
    if unnamed:
        said += (
            f"{counted(unnamed, 'sample')} without a path of an original "
            f"{'is' if unnamed == 1 else 'are'} not in the file; --media copy or thumbnail takes "
            "the small pictures of the run.",
        )
    return said


def _document(job: Job, stream: BinaryIO, annotations: BinaryIO) -> int:
    """Write everything; gives how many rows have no picture to name."""
    info = job.listing.run.info
    head = {
        "description": f"{job.what} of {info.name}, a run of {info.model_name}",
        "date_created": info.created_at,
        "contributor": f"aggressors {info.engine_version}",
    }
    ids = {name: number for number, name in enumerate(job.classes, start=1)}
    stream.write(b'{"info": ' + line(head)[:-1] + b',\n"licenses": [],\n"categories": ')
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    stream.write(line(categories)[:-1] + b',\n"images": [')
    separator, written, unnamed = b"\n", 0, 0
    for page in job.pages():
        for row in rows(page):
            image = _image(job, row)
            if image is None:
                unnamed += not job.copies
                continue
            stream.write(separator + line(image)[:-1])
            separator = b",\n"
            label = row["label"]
            if job.what in _TRUSTED and label in ids:
                written += 1
                annotation = {"id": written, "image_id": image["id"], "category_id": ids[label]}
                annotations.write((b"\n" if written == 1 else b",\n") + line(annotation)[:-1])
    stream.write(b'\n],\n"annotations": [')
    annotations.seek(0)
    shutil.copyfileobj(annotations, stream, 1 << 20)
    stream.write(b"\n]}\n")
    return unnamed


def _image(job: Job, row: Row) -> dict[str, object] | None:
    """Describe one image; its id is the rank."""
    picture: Picture | None = None
    if job.copies:
        copied = job.pictures.copy(row, job.sink)
        if copied is None:
            return None
        name, picture = copied
    else:
        known = referenced(row["uri"])
        if known is None:
            return None
        name = known
    size = job.pictures.size(picture, row["uri"])
    return {
        "id": row["rank"],
        "file_name": name,
        **({} if size is None else {"width": size[0], "height": size[1]}),
        "rank": row["rank"],
        "sample_id": row["sample_id"],
        "attributes": {name: value for name, value in row.items() if name not in _LEFT_OUT},
    }
