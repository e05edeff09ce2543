"""Reports by method, remembered in the cache, so that a rerun measures only what changed.

A report is kept under the method's digest and the setting's, and is never stale.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from bench.discovery.groups import Report, read_reports, write_reports
from bench.discovery.peers import PEERS
from bench.discovery.setting import read_setting
from bench.discovery.variants import PLANTED, Variant

OURS = "ours"
TESTS = Path(__file__).resolve().parents[2]
TOGETHER = 8  # settings in one process of a peer
LONGEST = 1_800  # seconds for these


@dataclass(frozen=True)
class Ask:
    """One method on one setting."""

    method: str
    folder: Path
    variant: Variant = PLANTED
    seed: int = 0


class Failed(Exception):
    """A method could not be run."""


@dataclass(frozen=True)
class Results:
    """Reports below `root`; peers run in `peers_python`."""

    root: Path
    peers_python: str = sys.executable

    def reports(self, asks: Sequence[Ask]) -> dict[Ask, Report]:
        """Reports to all that is asked, computing what is missing.

        Raises
        ------
        Failed : a method could not be run.
        """
        missing = [ask for ask in asks if not self._path(ask).exists()]
        self._ours([ask for ask in missing if ask.method == OURS])
        for together in _together([ask for ask in missing if ask.method != OURS]):
            self._peer(together)
        return {ask: read_reports(self._path(ask))[ask.folder.name] for ask in asks}

    def _path(self, ask: Ask) -> Path:
        method = f"{ask.method.replace(':', '-')}/{_digest_of_method(ask.method)}"
        setting = f"{ask.folder.parent.name}/{ask.folder.name}-{_digest_of_setting(ask.folder)}"
        return self.root / method / setting / f"{ask.variant}-seed{ask.seed}.parquet"

    def _ours(self, asks: Sequence[Ask]) -> None:
        from bench.discovery import ours

        for ask in asks:
            report = ours.find(ask.variant.of(read_setting(ask.folder)), ask.seed)
            write_reports(self._path(ask), [ask.folder.name], [report])

    def _peer(self, asks: Sequence[Ask]) -> None:
        """Run one peer on some settings, of one variant and seed, in a process of its own."""
        first = asks[0]
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "groups.parquet"
            told = [f"--method={first.method}", f"--variant={first.variant}"]
            told += [f"--seed={first.seed}", f"--out={out}"]
            folders = [str(ask.folder) for ask in asks]
            command = [
                self.peers_python,
                "-m",
                "bench.discovery.peers.run",
                *told,
                "--settings",
                *folders,
            ]
            paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
            environment = os.environ | {"PYTHONPATH": paths}
            try:
                done = subprocess.run(
                    command, env=environment, stderr=subprocess.PIPE, text=True, timeout=LONGEST
                )
            except subprocess.TimeoutExpired:
                raise Failed(f"{first.method}: not done in {LONGEST} seconds") from None
            if done.returncode:
                raise Failed(f"{first.method}: {_last_line(done.stderr)}")
            reports = read_reports(out)
        for ask in asks:
            write_reports(self._path(ask), [ask.folder.name], [reports[ask.folder.name]])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _together(asks: Sequence[Ask]) -> Iterator[list[Ask]]:
    """Split by method, variant and seed, then into pieces that one process does."""
    batches: dict[tuple[str, str, int], list[Ask]] = {}
    for ask in asks:
        batches.setdefault((ask.method, str(ask.variant), ask.seed), []).append(ask)
    for batch in batches.values():
        yield from (batch[start : start + TOGETHER] for start in range(0, len(batch), TOGETHER))


@cache
def _digest_of_method(method: str) -> str:
    if method != OURS:
        return PEERS[method].digest()
    from bench.discovery import ours

    return ours.digest()


@cache
def _digest_of_setting(folder: Path) -> str:
    return sha256((folder / "validation.parquet").read_bytes()).hexdigest()[:12]


def engine_digest() -> str:
    """Digest of the engine's search that is measured."""
    return _digest_of_method(OURS)
