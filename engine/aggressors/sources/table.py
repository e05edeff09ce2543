"""A table of predictions as a source of the run: no model, and no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.collate import repeated
from aggressors.contracts import POPULATIONS, Settings
from aggressors.errors import TableError
from aggressors.sources import fields
from aggressors.sources.files import digest_of_table, read_table
from aggressors.sources.media import media_table
from aggressors.sources.metrics import check_metrics, metric_columns, metrics_table
from aggressors.sources.pictures import Picture, read_picture
from aggressors.sources.protocol import Shard
from aggressors.sources.roles import Columns, missing
from aggressors.sources.scoring import Scored, class_names, infer_task, loss_name, score
from aggressors.sources.spaces import PREFIX
from aggressors.sources.times import units_of, with_periods
from aggressors.stages.describe import SOURCE, UNITS, Described, describe, without
from aggressors.store.files import below


@dataclass(frozen=True, slots=True)
class _Population:
    """One table with its roles; `scored` are the columns that every run has."""

    name: str
    table: pa.Table
    roles: Mapping[str, str]
    scored: Scored
    metrics: Mapping[str, NDArray[np.float64]]
    metadata: Mapping[str, pa.ChunkedArray]

    def values(self, role: str, start: int, stop: int) -> list[Any] | None:
        """Values of a role in a range of rows; None where the table does not have it."""
        if role not in self.roles:
            return None
        return list(self.table[self.roles[role]].slice(start, stop - start).to_pylist())


class TableSource:
    """Slices of tables that `open_tables` has checked; see `protocol.Source`."""

    def __init__(
        self,
        populations: Sequence[_Population],
        *,
        task: str,
        classes: Sequence[str],
        loss_name: str,
        model_name: str,
        digest: str,
        media_root: Path | None,
    ) -> None:
        self.task = task
        self.classes = tuple(classes)
        self.loss_name = loss_name
        self.model_name = model_name
        self.model_digest = digest
        self.populations = {entry.name: entry.table.num_rows for entry in populations}
        self.metrics = tuple(dict.fromkeys(name for entry in populations for name in entry.metrics))
        self._media_root = media_root
        self._tables = {entry.name: entry for entry in populations}

    def digest(self) -> str:
        """SHA-256 over tables, roles of columns and classes; the name is only a label.

        Of images behind paths it takes size and time of change.
        """
        roles = [(entry.name, sorted(entry.roles.items())) for entry in self._tables.values()]
        facts = repr((self.model_digest, self.task, self.classes, roles, self.metrics))
        digest = sha256(facts.encode())
        for entry in self._tables.values():
            for path in self._files(entry):
                found = path.stat() if path is not None and path.is_file() else None
                state = (found.st_size, found.st_mtime_ns) if found is not None else None
                digest.update(f"{path} {state}".encode(errors="surrogatepass"))
        return digest.hexdigest()

    def _files(self, entry: _Population) -> Iterator[Path | None]:
        """Where the images of a population lie, for those that are paths."""
        if self._media_root is None or "image" not in entry.roles:
            return
        column = entry.table[entry.roles["image"]]
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            return
        for uri in column.to_pylist():
            if isinstance(uri, str):
                yield below(self._media_root, uri)

    def shard(
        self,
        population: str,
        start: int,
        stop: int,
        settings: Settings,
        advance: Callable[[int], None],
    ) -> Shard:
        """Take rows [start, stop) and measure their images and texts.

        Raises
        ------
        TableError : an image path is not below the media root.
        InputError : an image cannot be decoded.
        """
        entry, n = self._tables[population], stop - start
        tables = {name: table.slice(start, n) for name, table in entry.scored.tables().items()}
        media, described = self._described(entry, start, stop, settings.thumbnail)
        tables["metrics"] = metrics_table(
            entry.scored.sample_id.slice(start, n),
            {name: values[start:stop] for name, values in entry.metrics.items()},
        )
        own = {name: column.slice(start, n) for name, column in entry.metadata.items()}
        measured = without(described.fields, own)
        tables["media"] = media
        tables["metadata"] = pa.table({fields.SPACER: pa.nulls(n), **measured, **own})
        tables["fingerprints"] = pa.table({fields.SPACER: pa.nulls(n), **described.prints})
        tables["metadata_fields"] = pa.concat_tables(
            [fields.declared(measured, SOURCE, UNITS), fields.declared(own, "table", units_of(own))]
        )
        advance(n)
        return Shard(tables)

    def _described(
        self, entry: _Population, start: int, stop: int, longest: int
    ) -> tuple[pa.Table, Described]:
        ids = entry.scored.sample_id.slice(start, stop - start).to_pylist()
        images = entry.values("image", start, stop) or [None] * len(ids)
        texts = entry.values("text", start, stop) or [None] * len(ids)
        pictures: list[Picture | None] = []
        uris: list[str | None] = []
        for sample_id, image in zip(ids, images, strict=True):
            uri = image if isinstance(image, str) else None
            encoded = self._fetch(uri, sample_id) if uri is not None else image
            pictures.append(None if encoded is None else read_picture(encoded, sample_id, longest))
            uris.append(uri)
        return media_table(pictures, texts, uris), describe(pictures, texts)

    def _fetch(self, uri: str, sample_id: str) -> bytes:
        """Read the image at a path below the media root, and nowhere else."""
        if self._media_root is None:
            raise TableError(
                f"The image of sample {sample_id!r} is the path {uri!r}, and no media root is "
                "given. Pass --media-root with the folder below which images may be read."
            )
        root = self._media_root.resolve()
        path = below(root, uri)
        if path is None:
            raise TableError(
                f"The image path {uri!r} of sample {sample_id!r} leaves the media root {root}. "
                "Pass a --media-root that contains it, or correct the path."
            )
        if not path.is_file():
            raise TableError(
                f"The image {uri!r} of sample {sample_id!r} is not below the media root {root}. "
                "Correct the path or the --media-root."
            )
        return path.read_bytes()


def open_tables(
    tables: Mapping[str, Any],
    *,
    columns: Columns | None = None,
    classes: Sequence[str] = (),
    task: str | None = None,
    media_root: str | Path | None = None,
    model_name: str = "table",
) -> TableSource:
    """Read and check one table a population.

    Parameters
    ----------
    tables : by population; a path (Parquet, CSV, JSON lines) or an Arrow, pandas or polars table.
    columns : the roles of columns whose names are not those of the roles.
    classes : names in the order of `probabilities`; default the sorted names found.
    task : classification or regression; default by the type of the labels.
    media_root : folder below which image paths may be read.
    model_name : label of the model on screen.

    Raises
    ------
    TableError : a table cannot be read, or a column is missing, wrong or contradicts another.
    """
    columns = columns or Columns()
    given = _known(tables)
    text = [columns.name("sample_id"), columns.name("group")]
    arrow = {name: read_table(table, f"Table {name!r}", text) for name, table in given.items()}
    _check_names(arrow)
    roles = {name: columns.found(table, repr(name)) for name, table in arrow.items()}
    _check_roles(roles, arrow, columns)
    check_metrics(columns.metric, arrow)
    digests = [f"{name} {digest_of_table(given[name], arrow[name])}" for name in arrow]
    taken = {*columns.metric, *(column for found in roles.values() for column in found.values())}
    arrow = with_periods(arrow, taken)
    task = task or infer_task(arrow, roles, classes)
    names = class_names(arrow, roles, classes) if task == "classification" else ()
    populations = [
        _population(name, table, roles[name], columns.metric, task, names)
        for name, table in arrow.items()
    ]
    _check_ids(populations)
    _check_lengths(populations)
    return TableSource(
        populations,
        task=task,
        classes=names,
        loss_name=loss_name(roles["validation"], task),
        model_name=model_name,
        digest=sha256("\n".join(digests).encode()).hexdigest(),
        media_root=Path(media_root) if media_root is not None else None,
    )


def _population(
    name: str,
    table: pa.Table,
    roles: Mapping[str, str],
    metrics: Sequence[str],
    task: str,
    classes: Sequence[str],
) -> _Population:
    scored = score(name, table, roles, task, classes)
    measured: dict[str, NDArray[np.float64]] = {}
    if name != "unlabeled":
        measured = metric_columns(metrics, name, table) | scored.metrics(classes)
    taken = {*roles.values(), *metrics}
    return _Population(name, table, roles, scored, measured, _metadata(name, table, taken))


def _known(tables: Mapping[str, Any]) -> dict[str, Any]:
    for name in tables:
        if name not in POPULATIONS:
            near = get_close_matches(name, POPULATIONS, n=1)
            hint = f"the nearest is {near[0]!r}" if near else f"they are {', '.join(POPULATIONS)}"
            raise TableError(f"There is no population {name!r}; {hint}.")
    if "validation" not in tables:
        raise TableError(
            "There is no 'validation' table, in which aggressors are found. Pass --validation FILE."
        )
    return {name: tables[name] for name in POPULATIONS if name in tables}


def _check_names(tables: Mapping[str, pa.Table]) -> None:
    for name, table in tables.items():
        for column, count in Counter(table.column_names).items():
            if count > 1:
                raise TableError(
                    f"Table {name!r} has {count} columns {column!r}. Rename or drop all but one."
                )


def _check_roles(
    roles: Mapping[str, Mapping[str, str]], tables: Mapping[str, pa.Table], columns: Columns
) -> None:
    for name, table in tables.items():
        if table.num_rows == 0:
            raise TableError(f"Table {name!r} has no rows. Give it samples or leave it out.")
        if "sample_id" not in roles[name]:
            raise missing("sample_id", columns.name("sample_id"), table.column_names, repr(name))
        if name == "unlabeled" or "loss" in roles[name]:
            continue
        if "label" not in roles[name]:
            raise missing("label", columns.name("label"), table.column_names, repr(name))
        if not {"prediction", "probabilities"} & set(roles[name]):
            raise TableError(
                f"Table {name!r} has a label but neither loss, prediction nor probabilities, so "
                "nothing tells what the model got wrong. Add one of these columns."
            )
    _check_alike(roles)


def _check_alike(roles: Mapping[str, Mapping[str, str]]) -> None:
    """Vectors stand for all populations or for none; losses for all that are labeled."""
    further = {role for found in roles.values() for role in found if role.startswith(PREFIX)}
    for role in ("embedding", *sorted(further), "probabilities", "loss"):
        judged = [name for name in roles if role != "loss" or name != "unlabeled"]
        without = [name for name in judged if role not in roles[name]]
        if without and len(without) < len(judged):
            with_it = next(name for name in judged if role in roles[name])
            raise TableError(
                f"Table {with_it!r} has a column {roles[with_it][role]!r}, table {without[0]!r} "
                f"has none. Give {role} for all populations or for none."
            )


def _check_ids(populations: Sequence[_Population]) -> None:
    ids = pa.chunked_array(
        [chunk for entry in populations for chunk in entry.scored.sample_id.chunks], pa.string()
    )
    if again := repeated(ids):
        raise TableError(
            f"sample_id {again[0]!r} and {len(again) - 1} others stand more than once. "
            "Every sample needs an id of its own, also over populations."
        )


def _check_lengths(populations: Sequence[_Population]) -> None:
    """Embeddings and the vectors of each further space have one length over all populations."""
    expected = _vectors_of(populations[0])
    for entry in populations[1:]:
        for what, vectors in _vectors_of(entry).items():
            if vectors.type != expected[what].type:
                raise TableError(
                    f"The {what} of {entry.name!r} have {vectors.type.list_size} values, those of "
                    f"{populations[0].name!r} {expected[what].type.list_size}. Use one model for "
                    "all."
                )


def _vectors_of(entry: _Population) -> dict[str, pa.Array]:
    """Columns of vectors by what they are called in messages; the same for all populations."""
    spaces = {f"vectors of space {name!r}": each for name, each in entry.scored.spaces.items()}
    main = entry.scored.embedding
    return spaces if main is None else {"embeddings": main, **spaces}


def _metadata(name: str, table: pa.Table, taken: Collection[str]) -> dict[str, pa.ChunkedArray]:
    """Columns without a role: numbers as float64, everything else as text."""
    others = [column for column in table.column_names if column not in taken]
    fields.check_names(others, f"Table {name!r}")
    return {column: _field(name, column, table[column]) for column in others}


def _field(name: str, column: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    found = fields.from_column(values)
    if found is None:
        raise TableError(
            f"Column {column!r} of {name!r} holds {values.type}, which is no metadata field (a "
            "number, text, truth value or time). Leave it out, or tell its role with --columns."
        )
    return found
