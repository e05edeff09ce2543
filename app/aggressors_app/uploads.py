"""Hand an upload to the `aggressors` command line, which checks it and publishes what comes of it.

The upload is untrusted: it lies in a folder of its own under a name of ours, and only its ending is
taken from the name that it came with. The command is a process of its own, so that the dashboard
loads nothing of the engine, and stopping it leaves nothing half made.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from aggressors.errors import AggressorsError, InputError

ENDINGS = ("csv", "parquet", "jsonl")
LARGEST = 50  # MB; a table of two columns and a million rows has about 25
SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody uploaded; `name` is only shown, but for its ending."""

    name: str
    content: bytes

    @property
    def ending(self) -> str:
        """Ending that decides how it is read; raises InputError for any other."""
        ending = self.name.rpartition(".")[2].lower()
        if ending not in ENDINGS:
            raise InputError(f"{self.name!r:.80} must end in .{', .'.join(ENDINGS)}. Convert it.")
        return ending


def check(upload: Upload, n_samples: int) -> None:
    """Refuse what is too large to be read, before anything reads it.

    Raises
    ------
    InputError : too many bytes, another ending, or a Parquet file that claims more rows than the
        run has samples: a few bytes of it may stand for any number.
    """
    if len(upload.content) > LARGEST * 1_000_000:
        raise InputError(
            f"The table has {len(upload.content) / 1e6:,.0f} MB; at most {LARGEST} MB can be "
            "uploaded. Type `aggressors add-metadata RUN TABLE` instead."
        )
    if upload.ending != "parquet":
        return
    from pyarrow import parquet

    try:
        rows = parquet.read_metadata(BytesIO(upload.content)).num_rows
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"The table cannot be read as Parquet: {reason}. Save it again."
        ) from error
    if rows > 2 * n_samples + 1_000:  # some doubles and strangers are listed; such a number is not
        raise InputError(
            f"The table has {rows:,} rows, and the run {n_samples:,} samples. "
            "Keep one row for each sample."
        )


def adding(upload: Upload, run_id: str, workspace: Path, name: str) -> Generator[str, None, str]:
    """Add the fields of an upload to a run; yields how far it is, and returns the derived run's id.

    Closing the iterator ends the process; then nothing was published.

    Raises
    ------
    AggressorsError : what the command line refused, as it said it.
    """
    with TemporaryDirectory(prefix="aggressors-") as folder:
        table = Path(folder) / f"table.{upload.ending}"
        table.write_bytes(upload.content)
        command = [
            sys.executable, "-P", "-m", "aggressors", "add-metadata", "--json",
            f"--workspace={workspace.resolve()}", *([f"--name={name}"] if name else []),
            "--", run_id, str(table),
        ]  # fmt: skip
        out, told = Path(folder) / "out", Path(folder) / "told"
        with (
            out.open("wb") as stdout,
            told.open("wb") as stderr,
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=folder
            ) as process,
        ):
            try:
                yield from _lines(process, told)
            finally:
                process.kill()
        if process.returncode:
            reason = _reason(told.read_text(encoding="utf-8", errors="replace"))
            raise AggressorsError(reason.replace(str(table), "The table"))
        return str(json.loads(out.read_text(encoding="utf-8"))["run_id"])


def _lines(process: subprocess.Popen[bytes], told: Path) -> Iterator[str]:
    """Yield the newest line of a process, again and again until it has ended."""
    while True:
        ended = True
        try:
            process.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            ended = False
        lines = told.read_text(encoding="utf-8", errors="replace").splitlines()
        yield lines[-1] if lines else "check: started"
        if ended:
            return


def _reason(told: str) -> str:
    """Return what a command said last: a sentence, or a heading with one problem a line."""
    lines = told.rstrip().splitlines() or [
        "The command ended without a word. Try it in a terminal."
    ]
    first = len(lines) - 1
    while first > 0 and lines[first].startswith("- "):
        first -= 1
    return "\n".join(lines[first:])
