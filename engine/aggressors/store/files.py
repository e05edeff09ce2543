"""Files that appear whole or not at all, and the sentences for when they cannot be written."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from stat import S_ISREG

from aggressors.errors import WorkspaceError

TEMPORARY = ".tmp"
WORKSPACE, OUT = "--workspace DIR", "--out FILE"  # options that name the place of a file
STALE_SECONDS = 3_600.0  # no writer pauses that long, so such a leftover is of a killed process

_NEXT_STEP = {
    errno.ENOSPC: "Free some space, or use another place with {option}, then type the same "
    "command again",
    errno.EDQUOT: "Free some of your quota, or use another place with {option}, then type the same "
    "command again",
    errno.EFBIG: "Raise the limit on the size of a file (ulimit -f), then type the same command "
    "again",
    errno.EROFS: "Use a place that can be written with {option}",
    errno.EACCES: "Change its permissions, or use another place with {option}",
    errno.EPERM: "Change its permissions, or use another place with {option}",
}

WRITING_SECONDS = 60.0  # between the steps of a new file lie milliseconds

# What a file system says that has no hard links, such as that of a memory stick or a share.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

KNOWN_ERRORS = tuple(_NEXT_STEP)


def write_error(path: Path, error: OSError, option: str = WORKSPACE) -> WorkspaceError:
    """Explain a failed write: place, reason and what to do; `option` is what names the place."""
    # Arrow gives the number, and a sentence with the temporary name in place of the system's word.
    reason = (error.strerror or (os.strerror(error.errno) if error.errno else str(error))).lower()
    step = _NEXT_STEP.get(error.errno or 0, "Use another place with {option}")
    return WorkspaceError(f"Cannot write {path}: {reason}. {step.format(option=option)}.")


@contextmanager
def explained(path: Path, option: str = WORKSPACE) -> Iterator[None]:
    """Turn an OSError of the body into a WorkspaceError about `path`, which `option` names."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error, option) from error


@contextmanager
def beside(path: Path, option: str = WORKSPACE) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` if the body succeeds and vanishes if it fails.

    The file is fsynced, renamed, and the folder fsynced, so that `path` is the old file or the
    new one at every moment, also through a crash.

    Raises
    ------
    WorkspaceError : the place cannot be written, the disk is full; names both and what to do.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        with explained(path, option):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            fsync(temporary)
            os.replace(temporary, path)
            fsync(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def folder_beside(path: Path, option: str = WORKSPACE) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` if the body succeeds and vanishes if it fails.

    Raises
    ------
    WorkspaceError : the place cannot be written, or is a file or a folder that holds something.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        with explained(path, option):
            temporary.mkdir(parents=True)
            yield temporary
            if hasattr(os, "sync"):
                os.sync()  # once; a thousand files one by one take far longer
            os.replace(temporary, path)
            fsync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def place_new(path: Path, content: bytes) -> bool:
    """Write a whole file under a name that is free; False, and nothing is done, where it is taken.

    Of several writers of one name, in whatever process, exactly one gets True. The file appears
    whole, but where the file system has no hard links: there it is empty at first. An empty file
    that a killed process left so is free a minute later, see `is_taken`.

    Raises
    ------
    WorkspaceError : the place cannot be written, the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            fsync(temporary)
            try:
                _take_name(temporary, path)
            except FileExistsError:
                return False
            fsync(path.parent)
            return True
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def is_taken(path: Path) -> bool:
    """Whether a name stands for a file, or for one that is just being written."""
    try:
        state = path.lstat()
    except FileNotFoundError:
        return False
    empty = S_ISREG(state.st_mode) and state.st_size == 0
    return not (empty and time.time() - state.st_mtime > WRITING_SECONDS)


def _take_name(temporary: Path, path: Path) -> None:
    """Give a file its name, unless that is taken; raises FileExistsError."""
    if os.name == "nt":
        os.rename(temporary, path)
        return
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        _take_over(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))  # taken, and empty until the replacing
        except FileExistsError:
            _take_over(temporary, path)
        else:
            os.replace(temporary, path)


def _take_over(temporary: Path, path: Path) -> None:
    """Replace an empty file that was left behind; raises FileExistsError where it is none.

    Of several that try, the lock lets one through; who comes later finds the file replaced.
    """
    import fcntl  # not on Windows, which renames to a free name only

    if is_taken(path):
        raise FileExistsError(path)
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FileExistsError(path) from error
        if is_taken(path):
            raise FileExistsError(path)
        os.replace(temporary, path)


def atomic_write(path: Path, content: bytes, option: str = WORKSPACE) -> None:
    """Write a whole file so that no reader ever sees a part of it; raises WorkspaceError."""
    with beside(path, option) as temporary:
        temporary.write_bytes(content)


def below(root: Path, relative: str) -> Path | None:
    """Where `relative` leads below `root`, links followed; None where it leaves, or is no path.

    The file need not exist. `relative` may come from a stranger.
    """
    base = root.resolve()
    try:
        path = (base / relative).resolve()
    except (OSError, ValueError):  # a NUL byte, a loop of links
        return None
    return path if path.is_relative_to(base) else None


def fsync(path: Path) -> None:
    """Make a file's content, or a folder's listing, survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no handle on a folder's listing
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_of(path: Path, *, older_than: float = STALE_SECONDS) -> None:
    """Remove what killed processes left of one file or folder, `older_than` seconds old."""
    limit = time.time() - older_than
    for leftover in path.parent.glob(f".{escape(path.name)}.{'[0-9a-f]' * 8}{TEMPORARY}"):
        with suppress(OSError):
            if leftover.lstat().st_mtime > limit:
                continue
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def sweep(folder: Path, *, older_than: float = STALE_SECONDS) -> None:
    """Remove temporary files that killed processes left in `folder`, `older_than` seconds old."""
    limit = time.time() - older_than
    for leftover in folder.glob(f".*{TEMPORARY}*"):
        with suppress(OSError):
            if leftover.is_file() and leftover.stat().st_mtime <= limit:
                leftover.unlink()
