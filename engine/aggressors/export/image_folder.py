"""An image folder as the Hugging Face library `datasets` reads it.

Format: huggingface.co/docs/datasets/image_dataset. One folder a population, with the pictures and a
`metadata.jsonl` beside them, in whose `file_name` the rank stands first: the library sorts by name.
README.md declares the splits, for of a folder `unlabeled` the library would not know.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import BinaryIO

from aggressors.contracts import POPULATIONS
from aggressors.errors import UsageError
from aggressors.export.job import Job
from aggressors.export.table import line, rows

_LEFT_OUT = {"thumbnail", "kind", "uri"}
_OWN = {"file_name", "image"}  # columns that the library makes or reads


def write(job: Job) -> tuple[str, ...]:
    """Write pictures, metadata and the declaration of splits; gives what is to be said."""
    if not job.pictured:
        raise UsageError(
            f"An image folder needs images, and {job.listing.run.info.name} has none. "
            "Export it as csv, parquet, jsonl or label-studio."
        )
    named = [name for name in POPULATIONS if name in job.listing.populations]
    with job.sink.file(job.name) as stream:
        stream.write(_declaration(named))
    with ExitStack() as open_files:
        metadata: dict[str, BinaryIO] = {
            name: open_files.enter_context(job.sink.file(f"{name}/metadata.jsonl"))
            for name in named
        }
        for page in job.pages():
            for row in rows(page, whole=False):
                copied = job.pictures.copy(row, job.sink, row["population"])
                if copied is not None:
                    shown = {"file_name": copied[0]} | {
                        f"metadata.{name}" if name in _OWN else name: value
                        for name, value in row.items()
                        if name not in _LEFT_OUT
                    }
                    metadata[row["population"]].write(line(shown))
    return job.pictures.remarks()


def _declaration(splits: list[str]) -> bytes:
    """Tell the library which folder is which split."""
    if not splits:
        return b"---\nconfigs: []\n---\n"
    lines = ["---", "configs:", "- config_name: default", "  drop_labels: true", "  data_files:"]
    for name in splits:
        lines += [f"  - split: {name}", f"    path: {name}/**"]
    return ("\n".join([*lines, "---"]) + "\n").encode()
