"""Hand an upload to the `aggressors` command line, which checks it and publishes what comes of it.

The upload is untrusted: it lies in a folder of its own under a name of ours, and only its ending is
taken from the name that it came with.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from aggressors.errors import AggressorsError, InputError
from aggressors_app.commands import running

ENDINGS = ("csv", "parquet", "jsonl")
LARGEST = 50  # MB; a table of two columns and a million rows has about 25


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
        named = [f"--name={name}"] if name else []
        place = f"--workspace={workspace.resolve()}"
        try:
            told = yield from running(
                ["add-metadata", "--json", place, *named, "--", run_id, str(table)]
            )
        except AggressorsError as error:
            raise AggressorsError(str(error).replace(str(table), "The table")) from error
        return str(json.loads(told)["run_id"])
