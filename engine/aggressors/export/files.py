"""What an export is: one or more files, written as a stream, whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from aggressors.export.sinks import Beside, InMemory, Sink, Zip, as_folder, as_zip
from aggressors.progress import Advance, Progress, Silent
from aggressors.queries.listing import Listing
from aggressors.store.files import sweep_of

Writing = Callable[[Sink, Advance], tuple[str, ...]]


class Shape(Enum):
    """What an export is on a disk: one file, a few beside each other, or a folder."""

    FILE = "file"
    FILES = "files"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class File:
    """One file of an export."""

    name: str
    content: bytes


class Exported:
    """An export of `rows` samples, written when it is saved or its content is asked for.

    Parameters
    ----------
    rows : the list.
    stem, name : of a download, without its ending; of the main file.
    write : writes all files into a sink, and gives what is to be said of them.
    """

    def __init__(self, rows: Listing, stem: str, name: str, shape: Shape, write: Writing) -> None:
        self.rows = len(rows)
        self.populations: Mapping[str, int] = rows.populations
        self.shape = shape
        self.remarks: tuple[str, ...] = ()  # of what was written last, such as a missing picture
        self._stem, self._name = stem, name
        self._writing = write

    @property
    def filename(self) -> str:
        """Name to offer for a download: of the file, or of a zip where there are several."""
        return self._name if self.shape is Shape.FILE else f"{self._stem}.zip"

    @property
    def content(self) -> bytes:
        """What to download: the file, or a zip where there are several."""
        if self.shape is Shape.FILE:
            return self.main.content
        stream = io.BytesIO()
        self._zip_to(stream)
        return stream.getvalue()

    @property
    def main(self) -> File:
        """The file itself, or the one that the others belong to."""
        return self.files[0]

    @property
    def beside(self) -> tuple[File, ...]:
        """The other files."""
        return self.files[1:]

    @cached_property
    def files(self) -> tuple[File, ...]:
        """All files, in memory; the main one first."""
        sink = InMemory()
        self._write(sink)
        rest = [File(name, content) for name, content in sink.files.items() if name != self._name]
        return (File(self._name, sink.files[self._name]), *rest)

    def save(self, out: Path | str, progress: Progress | None = None) -> tuple[Path, ...]:
        """Write to `out`.

        One file is `out`. Of several each stands beside it, or all of them in it if it is a `.zip`.
        A folder is `out`, or a zip if it is a `.zip`.

        Returns
        -------
        The files written, or the folder.

        Raises
        ------
        WorkspaceError : the place cannot be written; nothing is there then.
        """
        out = Path(out)
        sweep_of(out)
        if self.shape is not Shape.FILE and out.suffix.lower() == ".zip":
            with as_zip(out) as packed:
                self._write(packed, progress)
            return (out,)
        if self.shape is Shape.FOLDER:
            with as_folder(out) as folder:
                self._write(folder, progress)
            return (out,)
        with Beside(out) as files:
            self._write(files, progress)
        return tuple(files.paths)

    def _zip_to(self, stream: BinaryIO) -> None:
        with Zip(stream) as sink:
            self._write(sink)

    def _write(self, sink: Sink, progress: Progress | None = None) -> None:
        with (progress or Silent()).step("Exporting", self.rows) as advance:
            self.remarks = self._writing(sink, advance)
