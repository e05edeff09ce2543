"""Tasks for Label Studio, with the model's answer as a prediction, and the matching interface.

Formats: labelstud.io/guide/tasks and /guide/predictions. An original that lies below a media root
is named by its path below the folder that Label Studio serves
(LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true); a
sample that has none carries its thumbnail in the task.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import pyarrow as pa

from aggressors.export.table import plain, rows

_SERVED = "/data/local-files/?d="
_LEFT_OUT = {"uri", "text", "thumbnail", "kind"}  # shown by the task itself
Row = Mapping[str, object]


def tasks(table: pa.Table, classes: Sequence[str], model_name: str) -> bytes:
    """One task a row and line, in the order of the table, as a JSON array.

    Parameters
    ----------
    table : as `queries.listing` gives it, with thumbnails.
    classes : empty where the model predicts a number.
    """
    kind = _kind(table)
    buffer = io.BytesIO()
    for place, row in enumerate(rows(table)):
        task = _task(row, kind, bool(classes), model_name)
        line = json.dumps(task, ensure_ascii=False)
        buffer.write(f"{',' if place else '['}\n{line}".encode())
    return buffer.getvalue() + (b"\n]\n" if table.num_rows else b"[]\n")


def interface(table: pa.Table, classes: Sequence[str]) -> bytes:
    """Describe the labeling interface: what is shown, and all classes a task may answer with."""
    kind = _kind(table)
    shown = "Image" if kind == "image" else "Text"
    if classes:
        choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in classes)
        answer = (
            f'  <Choices name="label" toName="{kind}" choice="single" showInLine="true">\n'
            f"{choices}\n  </Choices>"
        )
    else:
        answer = f'  <Number name="label" toName="{kind}"/>'
    return (f'<View>\n  <{shown} name="{kind}" value="${kind}"/>\n{answer}\n</View>\n').encode()


def _kind(table: pa.Table) -> str:
    """Tell what a person looks at: image if there is one, else text."""
    pictures = table.num_rows == 0 or table["thumbnail"].null_count < table.num_rows
    return "image" if pictures else "text"


def _task(row: Row, kind: str, classified: bool, model_name: str) -> dict[str, object]:
    data = {name: plain(value) for name, value in row.items() if name not in _LEFT_OUT}
    data[kind] = _image(row) if kind == "image" else _text(row)
    task: dict[str, object] = {"data": data}
    answer, score = row.get("suggested"), None
    if answer is None:
        answer, score = row["prediction"], plain(row["confidence"])
    else:
        model_name = f"{model_name} (suggested)"
    if answer is not None:
        prediction: dict[str, object] = {
            "model_version": model_name,
            "result": [
                {
                    "id": f"{row['rank']}",
                    "from_name": "label",
                    "to_name": kind,
                    "type": "choices" if classified else "number",
                    "value": {"choices": [answer]} if classified else {"number": plain(answer)},
                }
            ],
        }
        task["predictions"] = [prediction if score is None else prediction | {"score": score}]
    return task


def _image(row: Row) -> str:
    uri, thumbnail = row["uri"], row["thumbnail"]
    if isinstance(uri, str) and uri:
        return _SERVED + quote(uri)
    if not isinstance(thumbnail, bytes):
        return ""
    kind = "png" if thumbnail.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(thumbnail).decode('ascii')}"


def _text(row: Row) -> str:
    if isinstance(row["text"], str):
        return row["text"]
    shown = {name: plain(value) for name, value in row.items() if name not in _LEFT_OUT}
    return "\n".join(f"{name}: {value}" for name, value in shown.items() if value is not None)
