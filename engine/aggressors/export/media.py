"""Pictures of an export: originals below a media root, else the small ones of the run file."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from aggressors.export.sinks import Sink
from aggressors.store.read import find_original, read_original
from aggressors.words import counted

Media = Literal["reference", "copy", "thumbnail"]
MEDIA: tuple[Media, ...] = get_args(Media)
IMAGES = "images"  # the folder of copied pictures

_LONGEST_PATH = 4_096  # characters; no file system takes more
_LONGEST_STEM = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENDINGS = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n": "png", b"GIF8": "gif"}
_READ = ("JPEG", "PNG", "GIF", "WEBP")

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of one picture; `ending` without a dot."""

    content: bytes
    ending: str


class Pictures:
    """Finds the picture of a row, and counts what was found.

    Parameters
    ----------
    roots : folders named by the user; nothing outside them is read.
    total : rows of the list; so many digits has the prefix of a name.
    """

    def __init__(self, media: Media, roots: Sequence[Path], total: int) -> None:
        self._media, self._roots = media, tuple(roots)
        self._digits = max(6, len(str(total)))
        self.used: list[Path] = []  # roots below which a referenced original lies
        self.thumbnails = 0
        self.missing = 0
        self.unmeasured = 0

    def copy(self, row: Row, sink: Sink, folder: str = IMAGES) -> tuple[str, Picture] | None:
        """Write the picture of a row; gives its name in `folder`, or None where there is none.

        The name starts with the rank, so that a tool which sorts by name keeps the order.
        """
        picture = self._found(row)
        if picture is None:
            self.missing += 1
            return None
        name = f"{row['rank']:0{self._digits}d}-{_stem(str(row['sample_id']))}.{picture.ending}"
        with sink.file(f"{folder}/{name}") as stream:
            stream.write(picture.content)
        return name, picture

    def _found(self, row: Row) -> Picture | None:
        uri, thumbnail = row["uri"], row["thumbnail"]
        if self._media == "copy" and isinstance(uri, str):
            original = read_original(uri, self._roots)
            if original and (picture := _picture(original)):
                return picture
        if not isinstance(thumbnail, bytes) or not (picture := _picture(thumbnail)):
            return None
        self.thumbnails += 1
        return picture

    def reference(self, row: Row) -> str | None:
        """Path of the original of a row, below the folder above its media root.

        Where no media root is named, it is the path that the run gives; see `referenced`.
        """
        uri = referenced(row["uri"])
        if uri is None or not self._roots:
            return uri
        for root in self._roots:
            if find_original(uri, [root]) is not None:
                full = root.resolve()
                if full not in self.used:
                    self.used.append(full)
                return f"{full.name}/{uri}"
        self.thumbnails += 1
        return None

    def size(self, picture: Picture | None, uri: object = None) -> tuple[int, int] | None:
        """Width and height in pixels, of a picture or of the original that a path leads to."""
        if picture is not None:
            size = _size(io.BytesIO(picture.content))
        else:
            path = find_original(uri, self._roots) if isinstance(uri, str) else None
            size = None if path is None else _size(path)
        self.unmeasured += size is None
        return size

    def remarks(self, *, left_out: bool = False) -> tuple[str, ...]:
        """Say where no original, or no picture, was found.

        Parameters
        ----------
        left_out : the format has no place for a sample without a picture.
        """
        said = []
        if self.thumbnails and self._media != "thumbnail":
            said.append(
                f"{counted(self.thumbnails, 'sample')} went with the small picture of the run, "
                "since no original lies below a --media-root."
            )
        if self.missing:
            out = ", and so no place in this format" if left_out else ""
            said.append(f"{counted(self.missing, 'sample')} had no picture{out}.")
        if self.unmeasured:
            why = (
                "no original lies below a --media-root"
                if self._media == "reference"
                else "the file cannot be read"
            )
            said.append(
                f"{counted(self.unmeasured, 'picture')} went without width and height, since {why}."
            )
        return tuple(said)


def referenced(uri: object) -> str | None:
    """Path of an original as a tool may be told it: below its folder, or None. A stranger's text.

    Whether the file is there is for the tool to see, that has folders of its own.
    """
    if not isinstance(uri, str) or not uri or len(uri) > _LONGEST_PATH or _CONTROL.search(uri):
        return None
    path = PurePosixPath(uri.replace("\\", "/"))
    return None if path.is_absolute() or ".." in path.parts else uri


def _picture(content: bytes) -> Picture | None:
    for start, ending in _ENDINGS.items():
        if content.startswith(start):
            return Picture(content, ending)
    is_webp = content.startswith(b"RIFF") and content[8:12] == b"WEBP"
    return Picture(content, "webp") if is_webp else None


def _size(source: Path | io.BytesIO) -> tuple[int, int] | None:
    """Read the header, and no pixel."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source, formats=_READ) as image:
                return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _stem(sample_id: str) -> str:
    """Keep of an id what can stand in a file name anywhere, and leads nowhere."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", sample_id).strip("-")[:_LONGEST_STEM] or "sample"
