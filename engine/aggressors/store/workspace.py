"""The folder that holds runs and user state: plain files, no lock, each written whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from aggressors.contracts import RunSummary
from aggressors.errors import RunCorrupt, RunNotFound, StoreError, UsageError, WorkspaceError
from aggressors.store.files import atomic_write, explained

# Arrow and DuckDB are loaded where a file is read: a command that only finds its workspace, such as
# the one that starts the dashboard, answers sooner.
if TYPE_CHECKING:
    from aggressors.store.label_queues import LabelQueue, QueueSummary
    from aggressors.store.marks import MarkKind, Marks

__all__ = [
    "BrokenRun",
    "Workspace",
    "atomic_write",
    "called",
    "check_slug",
    "is_path",
    "is_slug",
    "stands_alone",
    "versions",
]

VARIABLE = "AGGRESSORS_WORKSPACE"
DEFAULT = "aggressors-workspace"

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_RESERVED = {"con", "prn", "aux", "nul"} | {
    f"{device}{n}" for device in ("com", "lpt") for n in range(10)
}


@dataclass(frozen=True, slots=True)
class BrokenRun:
    """A file in `runs/` that cannot be opened, with the sentence that says why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace; `Workspace.open` checks that it is there."""

    root: Path

    @classmethod
    def open(cls, path: Path | str | None = None, *, create: bool = False) -> Workspace:
        """Return the workspace at `path`, else at $AGGRESSORS_WORKSPACE, else the default.

        The default is ./aggressors-workspace.

        Raises
        ------
        WorkspaceError : it is not there, is no folder, or cannot be made.
        """
        root = Path(path or os.environ.get(VARIABLE) or DEFAULT)
        if root.exists() and not root.is_dir():
            raise WorkspaceError(
                f"The workspace {root} is a file; name a folder with --workspace DIR."
            )
        if not root.exists():
            if not create:
                raise WorkspaceError(
                    f"There is no workspace {root}. `aggressors run` or `aggressors demo` makes "
                    "one; --workspace DIR names another."
                )
            with explained(root):
                root.mkdir(parents=True)
        return cls(root)

    @property
    def runs(self) -> Path:
        """Immutable run files; their listing is the catalogue."""
        return self.root / "runs"

    @property
    def work(self) -> Path:
        """Shards and tables of runs that are not published yet."""
        return self.root / "work"

    @property
    def tests(self) -> Path:
        """Saved tests."""
        return self.root / "tests"

    @property
    def verdicts(self) -> Path:
        """Results of the saved tests by run."""
        return self.root / "verdicts"

    @property
    def worsened(self) -> Path:
        """What got worse from one run to another."""
        return self.root / "worsened"

    @property
    def labels(self) -> Path:
        """Label queues."""
        return self.root / "labels"

    @property
    def marks(self) -> Path:
        """What people said of samples."""
        return self.root / "marks"

    @property
    def hypotheses(self) -> Path:
        """Saved hypotheses."""
        return self.root / "hypotheses"

    @property
    def handmade(self) -> Path:
        """Selections that people keep by name."""
        return self.root / "handmade"

    @property
    def triage(self) -> Path:
        """What was decided about aggressors."""
        return self.root / "triage"

    @property
    def filters(self) -> Path:
        """Saved filters, and long ones by digest."""
        return self.root / "filters"

    # --- Runs ---

    def catalogue(self) -> tuple[list[RunSummary], list[BrokenRun]]:
        """List published runs, newest first, and the files that cannot be opened."""
        from aggressors.store.summaries import read_summaries

        paths = [path for path in self.runs.glob("*.duckdb") if not path.name.startswith(".")]
        known = read_summaries(paths)
        read = [_listed(path, known.get(path)) for path in sorted(paths)]
        found = [entry for entry in read if isinstance(entry, RunSummary)]
        broken = [entry for entry in read if isinstance(entry, BrokenRun)]
        found.sort(key=lambda run: (run.created_at, run.run_id), reverse=True)
        return found, broken

    def run_path(self, run_id: str) -> Path:
        """Where the run of this id is, or will be, published."""
        return self.runs / f"{run_id}.duckdb"

    def resolve(self, run: str = "latest") -> Path:
        """Path of the run called `run`: latest, an id, a name (its newest), or a path.

        The latest is that of the newest model; metadata that was added since makes none.

        Raises
        ------
        RunNotFound : nothing answers to it; lists the nearest names.
        RunCorrupt : the file of this id cannot be opened.
        """
        found, broken = self.catalogue()
        if run == "latest" and (last := latest(found)):
            return Path(last.path)
        if known := called(run, found):
            return Path(known.path)
        if is_path(run) and Path(run).is_file():
            return Path(run)
        for one in broken:
            if Path(one.path).stem == run:
                raise RunCorrupt(one.reason)
        raise RunNotFound(self._no_run(run, found, broken))

    def is_run(self, run: str) -> bool:
        """Tell whether a published run has this id or name."""
        return called(run, self.catalogue()[0]) is not None

    def _no_run(self, run: str, found: list[RunSummary], broken: list[BrokenRun]) -> str:
        if is_path(run):
            return f"There is no run file {run}. `aggressors runs` lists what there is."
        begun = self._unfinished()
        if run in begun:
            return f"Run {run!r} is not finished. The command that began it continues it."
        files = "1 file" if len(broken) == 1 else f"{len(broken)} files"
        unreadable = f" {files} there cannot be opened." if broken else ""
        if not found:
            if begun:
                one = "1 run is" if len(begun) == 1 else f"{len(begun)} runs are"
                unreadable += f" {one} not finished; the command that began it continues it."
            return (
                f"The workspace {self.root} has no published run.{unreadable} "
                "`aggressors run`, `aggressors ingest` or `aggressors demo` makes one."
            )
        names = list(dict.fromkeys(entry.name for entry in found))
        ids = [entry.run_id for entry in found]
        nearest = get_close_matches(run, [*names, *ids], n=3) or names[:3]
        listed = ", ".join(repr(name) for name in nearest)
        return (
            f"No run {run!r} in {self.root}; the nearest are {listed}.{unreadable} "
            "`aggressors runs` lists them all."
        )

    def _unfinished(self) -> list[str]:
        """Ids of runs that were begun and are not published."""
        if not self.work.is_dir():
            return []
        folders = (path.name for path in self.work.iterdir() if path.is_dir())
        return sorted(name for name in folders if not self.run_path(name).is_file())

    # --- Label queues ---

    def queues(self) -> list[str]:
        """Names of the label queues, sorted."""
        from aggressors.store.label_queues import siblings

        return [one.name for one in siblings(self.labels)]

    def label_queue(self, name: str) -> LabelQueue:
        """Return a label queue, which need not be there yet; raises UsageError for no slug."""
        from aggressors.store.label_queues import LabelQueue

        return LabelQueue(self.labels / check_slug(name))

    def found_queue(self, name: str) -> LabelQueue:
        """Return a label queue that is there; raises UsageError with the nearest name."""
        found, names = self.label_queue(name), self.queues()
        if name in names:
            return found
        near = get_close_matches(name, names, n=1)
        nearest = f" The nearest is {near[0]!r}." if near else ""
        known = ", ".join(names) or "none"
        raise UsageError(f"There is no label queue {name!r}; there are: {known}.{nearest}")

    def label_queues(self) -> list[QueueSummary]:
        """Sum up all label queues, by name."""
        from aggressors.store.label_queues import summaries

        return summaries(self.labels)

    # --- Marks ---

    def append_marks(
        self,
        sample_ids: Sequence[str],
        mark: MarkKind,
        *,
        run_id: str,
        undone: bool = False,
        group: str = "",
        concept_id: int | None = None,
    ) -> Path:
        """Mark samples, or undo it; raises as `store.marks.write` does."""
        from aggressors.store.marks import write

        return write(
            self.marks, sample_ids, mark,
            undone=undone, group=group, run_id=run_id, concept_id=concept_id,
        )  # fmt: skip

    def read_marks(self) -> Marks:
        """Read the marks that hold, and a sentence for each file that cannot be read."""
        from aggressors.store.marks import read

        return read(self.marks)


class _Line(Protocol):
    """What orders runs over time: a summary, or what is left of a run in `verdicts/`."""

    @property
    def run_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def created_at(self) -> str: ...
    @property
    def derived_from(self) -> str: ...


Line = TypeVar("Line", bound=_Line)


def called(run: str, runs: Iterable[Line]) -> Line | None:
    """Find the run of an id, else the newest of a name."""
    known = (one for one in runs if run in (one.run_id, one.name))
    return max(known, key=lambda one: (one.run_id == run, one.created_at, one.run_id), default=None)


def latest(runs: Sequence[Line]) -> Line | None:
    """Find the run of the newest model; metadata that was added since makes none."""
    leads = versions(runs)
    own = (one for one in runs if leads[one.run_id] == one.run_id)
    return max(own, key=lambda one: (one.created_at, one.run_id), default=None)


def versions(runs: Iterable[_Line]) -> dict[str, str]:
    """Tell for each run which one stands for its model where runs are compared over time.

    A derived run holds the predictions of the run it comes from, so that one stands for both. Where
    that one is not there, the oldest of those derived from it does.
    """
    alike: dict[str, list[_Line]] = {}
    for run in runs:
        alike.setdefault(run.derived_from or run.run_id, []).append(run)
    found = {}
    for origin, group in alike.items():
        first = min(group, key=lambda run: (run.run_id != origin, run.created_at, run.run_id))
        found.update({run.run_id: first.run_id for run in group})
    return found


def is_path(run: str) -> bool:
    """Tell whether a RUN looks like the path of a run file."""
    return run.endswith(".duckdb") or os.sep in run


def stands_alone(run: str, workspace: Path | str | None) -> bool:
    """Tell whether a RUN is a run file that needs no workspace: a path that is no run's name."""
    if workspace is not None or not is_path(run):
        return False
    try:
        return not Workspace.open().is_run(run)
    except WorkspaceError:
        return True


def _listed(path: Path, known: RunSummary | None) -> RunSummary | BrokenRun:
    from aggressors.store.read import check_file_name, read_summary

    try:
        found = known or read_summary(path)
        check_file_name(path, found.run_id)
        return found
    except StoreError as error:
        return BrokenRun(str(path), str(error))


def is_slug(slug: str) -> bool:
    """Tell whether `check_slug` lets a name through."""
    return bool(_SLUG.fullmatch(slug)) and slug not in _RESERVED


def check_slug(slug: str) -> str:
    """Return `slug` if it can name a file or folder anywhere.

    Raises
    ------
    UsageError : anything but 1 to 64 of a-z, 0-9 and inner hyphens, or a name Windows reserves.
    """
    if not is_slug(slug):
        near = re.sub(r"[^a-z0-9]+", "-", slug.lower())[:64].strip("-") or "low-light"
        near = f"{near}-1" if near in _RESERVED else near
        raise UsageError(
            f"{slug!r} is no slug: use 1 to 64 of a-z, 0-9 and hyphens inside, such as {near!r}."
        )
    return slug
