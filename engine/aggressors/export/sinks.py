"""Where the files of an export go: beside each other, into a folder, a zip, or memory.

Each appears whole or not at all; a file is written as a stream.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from aggressors.store.files import OUT, beside, explained, folder_beside

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same rows give the same bytes, whenever they are exported
_HELD = 8_000_000  # bytes of a file of a zip that stay in memory before they go to a disk


class Sink(Protocol):
    """Takes the files of an export, each under its name; a name may have a folder before it."""

    def file(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a new file; several may be open at a time."""
        ...


class InMemory:
    """Keeps the files, by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Open a new file."""
        stream = io.BytesIO()
        yield stream
        self.files[name] = stream.getvalue()


class Beside:
    """The first file is `out`; each further one stands beside it, with the name of `out` before.

    All of them appear when the `with` ends, or none.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._open = ExitStack()
        self.paths: list[Path] = []

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._open.__exit__(kind, error, trace)

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Open a new file."""
        out = self._out
        path = out.with_name(f"{out.stem}-{name}") if self.paths else out
        temporary = self._open.enter_context(beside(path, OUT))
        self.paths.append(path)
        with explained(path, OUT), temporary.open("wb") as stream:
            yield stream


class Folder:
    """All files in one folder, that appears when all of them are written."""

    def __init__(self, folder: Path, out: Path) -> None:
        self._folder, self._out = folder, out

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Open a new file."""
        path = self._folder / name
        with explained(self._out / name, OUT):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                yield stream


@contextmanager
def as_folder(out: Path) -> Iterator[Folder]:
    """Make the folder `out`, whole or not at all; raises WorkspaceError."""
    with folder_beside(out, OUT) as temporary:
        yield Folder(temporary, out)


class Zip:
    """All files in one zip that is written to a stream."""

    def __init__(self, stream: BinaryIO, scratch: Path | None = None) -> None:
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)
        self._scratch = scratch

    def __enter__(self) -> Zip:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._archive.close()
            return
        with suppress(OSError, ValueError):  # a full disk, a member half written
            self._archive.close()

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Open a new file; it goes into the zip when it is closed, for only one can at a time."""
        with tempfile.SpooledTemporaryFile(
            _HELD, dir=None if self._scratch is None else str(self._scratch)
        ) as held:
            yield held  # type: ignore[misc]  # SpooledTemporaryFile has all of BinaryIO
            held.seek(0)
            with self._archive.open(_entry(name), "w", force_zip64=True) as packed:
                shutil.copyfileobj(held, packed, 1 << 20)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    # A picture is compressed already.
    packs = name.endswith((".jpg", ".png", ".gif", ".webp"))
    entry.compress_type = zipfile.ZIP_STORED if packs else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


@contextmanager
def as_zip(out: Path) -> Iterator[Zip]:
    """Write the zip `out`, whole or not at all; raises WorkspaceError."""
    with (
        beside(out, OUT) as temporary,
        temporary.open("wb") as stream,
        Zip(stream, out.parent) as sink,
    ):
        yield sink
