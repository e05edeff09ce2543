"""What an export is: one or more files, saved so that they appear whole or not at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from aggressors.store.files import OUT, atomic_write, beside

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same rows give the same bytes, whenever they are exported


@dataclass(frozen=True, slots=True)
class File:
    """One file of an export."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Exported:
    """An export of `rows` samples: `main` and what belongs beside it.

    `populations` counts the rows of each population.
    """

    rows: int
    main: File
    beside: tuple[File, ...] = ()
    populations: Mapping[str, int] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        """Name to offer for a download: of the file, or of a zip where there are several."""
        return f"{Path(self.main.name).stem}.zip" if self.beside else self.main.name

    @property
    def content(self) -> bytes:
        """What to download: the file, or a zip where there are several."""
        return self._zipped() if self.beside else self.main.content

    def save(self, out: Path | str) -> tuple[Path, ...]:
        """Write to `out`, with further files beside it, or all of them in it if it is a `.zip`.

        Returns
        -------
        The files written.

        Raises
        ------
        WorkspaceError : the place cannot be written; nothing is there then.
        """
        out = Path(out)
        if self.beside and out.suffix.lower() == ".zip":
            atomic_write(out, self._zipped(), OUT)
            return (out,)
        files = {out: self.main}
        files |= {out.with_name(f"{out.stem}-{file.name}"): file for file in self.beside}
        with ExitStack() as all_written:  # before the first of them appears
            for path, file in files.items():
                all_written.enter_context(beside(path, OUT)).write_bytes(file.content)
        return tuple(files)

    def _zipped(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in (self.main, *self.beside):
                archive.writestr(zipfile.ZipInfo(file.name, _EPOCH), file.content)
        return buffer.getvalue()
