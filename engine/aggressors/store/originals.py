"""Full-size media beside a run: found below the folders named on the command line, nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aggressors.store.files import below

IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF")
LARGEST_ORIGINAL = 30_000_000  # bytes


def find_original(uri: str, roots: Sequence[Path]) -> Path | None:
    """Where the full-size image of a sample lies, or None where no root holds it.

    Parameters
    ----------
    uri : path below a media root, as the run file gives it; a stranger may have written it.
    roots : folders named on the command line; nothing outside them is found, links included.
    """
    for root in roots:
        path = below(root, uri)
        try:
            if path is not None and path.is_file() and path.stat().st_size <= LARGEST_ORIGINAL:
                return path
        except OSError:  # a name longer than the file system takes, a folder that is closed to us
            continue
    return None


def read_original(uri: str, roots: Sequence[Path]) -> bytes | None:
    """Full-size image of a sample, or None where no root holds it; see `find_original`."""
    path = find_original(uri, roots)
    try:
        content = b"" if path is None else path.read_bytes()
    except OSError:
        return None
    return content if content.startswith(IMAGE_STARTS) else None
