"""Finished work on disk, so that a run killed at any moment continues: one folder a piece."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aggressors.errors import WorkspaceError
from aggressors.store.files import STALE_SECONDS, TEMPORARY, explained, fsync

_FACTS = "facts.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a finished piece: digest of what it was made from, wall time by stage."""

    input_digest: str
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of work below one folder; each is a folder of Parquet files that appears whole.

    A shard, or the outputs of a stage, is one piece. Two processes that finish the same piece
    write the same tables; the first to rename wins.
    """

    root: Path

    def sweep(self, *, older_than: float = STALE_SECONDS) -> None:
        """Remove what killed processes left half written, `older_than` seconds ago."""
        limit = time.time() - older_than
        for leftover in self.root.rglob(f"*{TEMPORARY}"):
            with suppress(OSError):
                if leftover.stat().st_mtime <= limit:
                    shutil.rmtree(leftover, ignore_errors=True)

    def write(self, piece: str, tables: Mapping[str, pa.Table], facts: Facts) -> None:
        """Write a piece, replacing an older one; raises WorkspaceError where that is impossible."""
        target = self.root / piece
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}{TEMPORARY}")
        try:
            with explained(target):
                temporary.mkdir(parents=True)
                for name, table in tables.items():
                    pq.write_table(table, temporary / f"{name}.parquet", compression="zstd")
                    fsync(temporary / f"{name}.parquet")
                (temporary / _FACTS).write_text(json.dumps(asdict(facts)))
                fsync(temporary / _FACTS)
                # It ends where another was faster, or once placed: a third that moves it aside
                # puts the same in its place.
                while not self.is_finished(piece, facts.input_digest):
                    if _replace(target, temporary):
                        break
                fsync(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def is_finished(self, piece: str, input_digest: str) -> bool:
        """Tell whether a piece is there, made from the same input."""
        facts = self.facts(piece)
        return facts is not None and facts.input_digest == input_digest

    def facts(self, piece: str) -> Facts | None:
        """Facts of a finished piece; None where there is none, or it cannot be used."""
        try:
            return Facts(**json.loads((self.root / piece / _FACTS).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def read(self, piece: str, names: Iterable[str] | None = None) -> dict[str, pa.Table]:
        """Tables of a finished piece by name, or those of `names` that it has.

        Raises
        ------
        WorkspaceError : the piece is gone, as when another process has published the run.
        """
        folder = self.root / piece
        wanted = set(names) if names is not None else None
        if self.facts(piece) is None:
            raise WorkspaceError(f"{folder} is gone. Type the same command again.")
        with explained(folder):
            return {
                path.stem: pq.read_table(path, partitioning=None)
                for path in sorted(folder.glob("*.parquet"))
                if wanted is None or path.stem in wanted
            }


def _replace(target: Path, temporary: Path) -> bool:
    """Put a folder in the place of another; False where a third takes that place in between.

    A folder cannot be renamed onto a full one, and removing that one is not atomic: a writer
    that is faster could lose half of what it has just put there. So the old one moves aside.
    """
    aside = target.with_name(f"{target.name}.{secrets.token_hex(4)}{TEMPORARY}")
    with suppress(FileNotFoundError):
        os.replace(target, aside)
        shutil.rmtree(aside, ignore_errors=True)
    try:
        os.replace(temporary, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True
