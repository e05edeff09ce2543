"""Run the `aggressors` command line as a process of its own, and watch it.

So the dashboard loads nothing of the engine, and stopping the process leaves nothing half made.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from aggressors.errors import AggressorsError

SECONDS_BETWEEN_LOOKS = 0.2
KILLED = (
    "The command was ended from outside, as by a machine short of memory. Nothing is half made; "
    "try again, or in a terminal."
)


def running(arguments: Sequence[str]) -> Generator[str, None, str]:
    """Run a verb; yields the newest line of how far it is, and returns what it printed.

    Closing the iterator ends the process.

    Raises
    ------
    AggressorsError : what the command line refused, as it said it.
    """
    with TemporaryDirectory(prefix="aggressors-") as folder:
        out, told = Path(folder) / "out", Path(folder) / "told"
        with (
            out.open("wb") as stdout,
            told.open("wb") as stderr,
            subprocess.Popen(
                [sys.executable, "-P", "-m", "aggressors", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=folder,
            ) as process,
        ):
            try:
                yield from _lines(process, told)
            finally:
                process.kill()
        if process.returncode:
            last = told.read_text(encoding="utf-8", errors="replace")
            raise AggressorsError(reason(last) if process.returncode > 0 else KILLED)
        return out.read_text(encoding="utf-8")


def _lines(process: subprocess.Popen[bytes], told: Path) -> Iterator[str]:
    """Yield the newest line of a process, '' before the first, until it has ended."""
    while True:
        ended = True
        try:
            process.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            ended = False
        lines = told.read_text(encoding="utf-8", errors="replace").splitlines()
        yield lines[-1] if lines else ""
        if ended:
            return


def reason(told: str) -> str:
    """Return what a command said last: a sentence, or a heading with one problem a line."""
    lines = told.rstrip().splitlines() or [
        "The command ended without a word. Try it in a terminal."
    ]
    first = len(lines) - 1
    while first > 0 and lines[first].startswith("- "):
        first -= 1
    return "\n".join(lines[first:])
