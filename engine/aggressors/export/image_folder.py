"""An image folder as the Hugging Face library `datasets` reads it.

Format: huggingface.co/docs/datasets/image_dataset. One folder a population, with the pictures and a
`metadata.parquet` beside them. It is no `metadata.jsonl`, of which the library guesses the types,
for each split by itself, and refuses splits that differ: a label is text in one and missing from
all of another. In `file_name` the rank stands first, for the library sorts by name. README.md
declares the splits, since of a folder `unlabeled` the library would not know.
"""

from __future__ import annotations

from contextlib import ExitStack

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aggressors.contracts import POPULATIONS
from aggressors.export.job import Job
from aggressors.export.table import copied

_LEFT_OUT = ("thumbnail", "kind", "uri")
_OWN = {"file_name", "image"}  # columns that the library reads or makes


def write(job: Job) -> tuple[str, ...]:
    """Write pictures, metadata and the declaration of splits; gives what is to be said."""
    named = list(job.listing.populations)
    with job.sink.file(job.name) as stream:
        stream.write(_declaration(named))
    names, schema = _columns(job.listing.schema)
    with ExitStack() as open_files:
        metadata = {
            name: open_files.enter_context(
                pq.ParquetWriter(
                    open_files.enter_context(job.sink.file(f"{name}/metadata.parquet")), schema
                )
            )
            for name in named
        }
        for page in job.pages():
            for name, rows in _by_population(job, page, names, schema):
                metadata[name].write_table(rows)
    return job.pictures.remarks(left_out=True)


def _columns(listed: pa.Schema) -> tuple[list[str], pa.Schema]:
    """Columns to take of a list, and the schema of the metadata."""
    names = [name for name in listed.names if name not in _LEFT_OUT]
    shown = [f"metadata.{name}" if name in _OWN else name for name in names]
    fields = zip(shown, (listed.field(name).type for name in names), strict=True)
    return names, pa.schema([("file_name", pa.string()), *fields])


def _by_population(
    job: Job, page: pa.Table, names: list[str], schema: pa.Schema
) -> list[tuple[str, pa.Table]]:
    """Write the pictures of a page; gives the rows that have one, by population."""
    files = pa.array(copied(job, page, lambda row: str(row["population"])), pa.string())
    rows = pa.table([files, *page.select(names).columns], schema=schema)
    rows = rows.filter(pc.is_valid(rows["file_name"]))
    found = {name: rows.filter(pc.equal(rows["population"], name)) for name in POPULATIONS}
    return [(name, part) for name, part in found.items() if part.num_rows]


def _declaration(splits: list[str]) -> bytes:
    """Tell the library which folder is which split."""
    if not splits:
        return b"---\nconfigs: []\n---\n"
    lines = ["---", "configs:", "- config_name: default", "  drop_labels: true", "  data_files:"]
    for name in splits:
        lines += [f"  - split: {name}", f"    path: {name}/**"]
    return ("\n".join([*lines, "---"]) + "\n").encode()
