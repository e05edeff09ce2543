"""Tasks for Label Studio, with the model's answer as a prediction, and the matching interface.

Formats: labelstud.io/guide/tasks and /guide/predictions. An original is named by its path below the
folder that Label Studio serves (LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT). It serves what lies in a
folder of that one which was added as a storage, never what lies in it directly: a media root is
such a folder, so its own name stands first. A sample without an original carries its thumbnail in
the task. The order of the list stands in `rank` (1 is first) and in `priority` (higher is first),
by both of which the Data Manager sorts.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import BinaryIO
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from aggressors.export.job import Job
from aggressors.export.media import IMAGES
from aggressors.export.table import line, rows

_OF_GROUP = ("queue", "candidates")  # lists of samples that are sought for a group
_ASKED = '  <Header size="5" value="Is it such a sample as was looked for?"/>'
LARGEST_UPLOAD = 250 * 1_024 * 1_024  # bytes; DATA_UPLOAD_MAX_MEMORY_SIZE of Label Studio
_SERVED = "/data/local-files/?d="
# Its short exports put the answer, named `label`, and these beside the data in one object or row: a
# label that a sample had before would pass for an answer where there is none.
_RENAMED = {"label": "known_label"} | {
    name: f"metadata.{name}"
    for name in (
        "known_label", "image", "id", "annotator", "annotation_id", "created_at", "updated_at",
        "lead_time", "of_group",
    )
}  # fmt: skip
_LEFT_OUT = {"uri", "text", "thumbnail", "kind"}  # shown by the task itself
Row = Mapping[str, object]


def write(job: Job) -> tuple[str, ...]:
    """Write the tasks, the interface and, where asked for, the pictures."""
    with job.sink.file(job.name) as stream:
        size = _tasks(job, stream)
    with job.sink.file("config.xml") as stream:
        stream.write(interface(job.pictured, job.classes, of_group=job.what in _OF_GROUP))
    remarks = job.pictures.remarks() + _serving(job)
    if size > LARGEST_UPLOAD:
        remarks += (
            f"Label Studio takes files of up to {LARGEST_UPLOAD / 1e6:.0f} MB, and this one has "
            f"{size / 1e6:,.0f} MB. Use --count, or keep the pictures out of it with --media copy.",
        )
    return remarks


def _serving(job: Job) -> tuple[str, ...]:
    """Say what Label Studio has to be told before it shows pictures that are files."""
    said = "Label Studio shows them with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true, "
    if job.media == "copy" and job.pictured:
        return (
            f"Pictures are files. {said}LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the exported "
            f"folder, and the folder {IMAGES} in it added as a local storage.",
        )
    return tuple(
        f"Originals are named by their paths. {said}"
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root.parent}, and {root} added as a local "
        "storage."
        for root in job.pictures.used
    )


def _tasks(job: Job, stream: BinaryIO) -> int:
    """One task a row and line, in the order of the list, as a JSON array; gives its size."""
    size = stream.write(b"[")
    separator = b"\n"
    for page in job.pages():
        for row in rows(page):
            size += stream.write(separator + line(_task(job, row))[:-1])
            separator = b",\n"
    return size + stream.write(b"\n]\n" if size > 1 else b"]\n")


def interface(pictured: bool, classes: Sequence[str], *, of_group: bool = False) -> bytes:
    """Describe the labeling interface: all classes a task may answer with, and what is shown.

    The answer stands first, for a picture may fill the window.

    Parameters
    ----------
    of_group : also ask, though no answer is needed, whether it is such a sample as was looked for.
    """
    kind = _kind(pictured)
    shown = "Image" if pictured else "Text"
    if classes:
        answer = _choices("label", kind, classes)
    else:
        answer = f'  <Number name="label" toName="{kind}"/>'
    asked = f"{_ASKED}\n{_choices('of_group', kind, ('yes', 'no'))}\n" if of_group else ""
    return (
        f'<View>\n{answer}\n{asked}  <{shown} name="{kind}" value="${kind}"/>\n</View>\n'
    ).encode()


def _choices(name: str, kind: str, values: Sequence[str]) -> str:
    choices = "\n".join(f"    <Choice value={quoteattr(value)}/>" for value in values)
    return (
        f'  <Choices name="{name}" toName="{kind}" choice="single" showInLine="true">\n'
        f"{choices}\n  </Choices>"
    )


def _kind(pictured: bool) -> str:
    return "image" if pictured else "text"


def _task(job: Job, row: Row) -> dict[str, object]:
    kind = _kind(job.pictured)
    data = {_RENAMED.get(name, name): value for name, value in row.items() if name not in _LEFT_OUT}
    data.setdefault("priority", _priority(row["rank"], len(job.listing)))
    data[kind] = _image(job, row) if job.pictured else _text(row)
    task: dict[str, object] = {"data": data}
    if prediction := _prediction(job, row, kind):
        task["predictions"] = [prediction]
    return task


def _priority(rank: object, total: int) -> float:
    """Tell the order to a tool that takes the highest first: 1 for the first, above 0 for all."""
    return round(1 - (int(str(rank)) - 1) / total, 9)


def _prediction(job: Job, row: Row, kind: str) -> dict[str, object] | None:
    model = job.listing.run.info.model_name
    answer, score = row.get("suggested"), None
    if answer is None:
        answer, score = row["prediction"], row["confidence"]
    else:
        model = f"{model} (suggested)"
    if answer is None:
        return None
    classified = bool(job.classes)
    prediction: dict[str, object] = {
        "model_version": model,
        "result": [
            {
                "id": f"{row['rank']}",
                "from_name": "label",
                "to_name": kind,
                "type": "choices" if classified else "number",
                "value": {"choices": [answer]} if classified else {"number": answer},
            }
        ],
    }
    return prediction if score is None else prediction | {"score": score}


def _image(job: Job, row: Row) -> str:
    if job.media == "copy":
        copied = job.pictures.copy(row, job.sink)
        return f"{_SERVED}{IMAGES}/{quote(copied[0])}" if copied else ""
    path = job.pictures.reference(row) if job.media == "reference" else None
    return _SERVED + quote(path) if path else _embedded(row["thumbnail"])


def _embedded(thumbnail: object) -> str:
    if not isinstance(thumbnail, bytes):
        return ""
    kind = "png" if thumbnail.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(thumbnail).decode('ascii')}"


def _text(row: Row) -> str:
    if isinstance(row["text"], str):
        return row["text"]
    shown = {name: value for name, value in row.items() if name not in _LEFT_OUT}
    return "\n".join(f"{name}: {value}" for name, value in shown.items() if value is not None)
