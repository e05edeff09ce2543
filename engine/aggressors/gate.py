"""Saved tests x run -> verdicts: what continuous testing is for code.

A test freezes the samples of a group. Each later run is compared on the same samples with the run
that solved the test, else with the run it was saved on. Works where only `tests/` and `verdicts/`
of a workspace are at hand, beside the run to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aggressors.contracts import TestState, Verdict
from aggressors.errors import (
    InputError,
    RunCorrupt,
    RunNotFound,
    StoreError,
    UsageError,
    WorkspaceError,
)
from aggressors.judging import verdict_of
from aggressors.ledger import Ledger
from aggressors.saving import Promise, promised, save_test, told_twice
from aggressors.store.read import read_summary
from aggressors.store.records import Unreadable
from aggressors.store.saved_tests import SavedTest, list_tests, read_test
from aggressors.store.verdicts import Entry, RunRecord
from aggressors.store.workspace import Workspace, called, latest

__all__ = [
    "CheckResult",
    "History",
    "Promise",
    "RunPoint",
    "SavedTest",
    "TrackedTest",
    "Unreadable",
    "Verdicts",
    "check",
    "evaluate_run",
    "history",
    "list_tests",
    "promise",
    "read_test",
    "save_test",
    "told_twice",
]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All saved tests against one run.

    `baseline` is the run id that was asked for, None where each test has its own. `passed` is
    False when a test failed or, if strict, was inconclusive or missing, or there is none.
    `unreadable` are test files that could not be used; `unwritten` says why the verdicts could not
    be kept, and `forgotten` that there were none of earlier runs; '' where all is well.
    """

    run_id: str
    run_name: str
    baseline: str | None
    passed: bool
    verdicts: tuple[Verdict, ...]
    unreadable: tuple[Unreadable, ...] = ()
    unwritten: str = ""
    forgotten: str = ""


@dataclass(frozen=True, slots=True)
class RunPoint:
    """One run of a history; `version` is the one that stands for its model, often itself."""

    run_id: str
    name: str
    created_at: str
    version: str


class Verdicts(Mapping[str, Verdict]):
    """Verdict of one test by run id, each put into words when it is asked for: a page shows few."""

    def __init__(self, test: SavedTest, entries: Mapping[str, tuple[Entry, TestState]]) -> None:
        self._test, self._entries = test, entries
        self._told: dict[str, Verdict] = {}

    def __getitem__(self, run_id: str) -> Verdict:
        entry, state = self._entries[run_id]
        if run_id not in self._told:
            self._told[run_id] = verdict_of(self._test, entry, state, run_id=run_id)
        return self._told[run_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(frozen=True, slots=True)
class TrackedTest:
    """One test over all runs: verdict by run id, oldest run first, derived ones after their own."""

    test: SavedTest
    verdicts: Mapping[str, Verdict]

    @property
    def state(self) -> TestState:
        """State after the newest run."""
        *_, newest = ("", *self.verdicts)
        return self.verdicts[newest].state if newest else "open"


@dataclass(frozen=True, slots=True)
class History:
    """All tests over all runs, oldest run first.

    `derived` are the runs to which metadata was added: they have verdicts, and are no later models.
    """

    runs: tuple[RunPoint, ...]
    tests: tuple[TrackedTest, ...]
    unreadable: tuple[Unreadable, ...]
    derived: tuple[RunPoint, ...] = ()

    def point(self, run_id: str) -> RunPoint | None:
        """Find a run, derived or not."""
        return next((one for one in (*self.runs, *self.derived) if one.run_id == run_id), None)


# --- Judging ---


def check(
    workspace: Workspace,
    run: Path | str = "latest",
    baseline: Path | str | None = None,
    strict: bool = False,
) -> CheckResult:
    """Judge one run in all saved tests; verdicts that other runs lack are computed first.

    Parameters
    ----------
    run, baseline : latest, a run id, a run's name or a path; a run that only has its verdicts
        left answers to its id and name. `baseline` replaces the baseline of every test.
    strict : inconclusive and missing verdicts do not pass either, nor does a run without tests.

    Raises
    ------
    StoreError : the run is not there or cannot be read.
    UsageError : the baseline is the run itself.
    """
    ledger = Ledger.open(workspace)
    ledger.update()
    run_id = _enter(ledger, run)
    override = _enter(ledger, baseline) if baseline is not None else None
    if override == run_id:
        raise UsageError(f"The baseline {str(baseline)!r} is the run itself; name another one.")
    verdicts = _verdicts(ledger, run_id, override)
    unwritten = _kept(ledger)
    allowed = {"pass"} if strict else {"pass", "inconclusive", "missing"}
    passed = all(verdict.verdict in allowed for verdict in verdicts)
    return CheckResult(
        run_id,
        ledger.records[run_id].name,
        override,
        passed and not (strict and not verdicts),
        tuple(verdicts),
        tuple(ledger.unreadable),
        unwritten,
        _forgotten(ledger, run_id),
    )


def _forgotten(ledger: Ledger, run_id: str) -> str:
    """Say that there are no verdicts of other runs, which decide what this one is held to."""
    sources = {test.source_run_id for test in ledger.tests.values()}
    if not sources or run_id in sources or ledger.records.keys() - {run_id}:
        return ""
    return (
        f"{ledger.workspace.verdicts} has no verdict of another run, so this one is held to "
        "the run that each test was saved on, as if none had solved it since. Commit verdicts/ "
        "beside tests/, or restore it."
    )


def _kept(ledger: Ledger) -> str:
    """Write what changed; say why it cannot be, for the verdicts stand all the same."""
    try:
        ledger.write()
    except WorkspaceError as error:
        return str(error)
    return ""


def evaluate_run(workspace: Workspace, run_path: Path) -> list[Verdict]:
    """Judge a newly published run; raises WorkspaceError where its verdicts cannot be written."""
    result = check(workspace, run_path)
    if result.unwritten:
        raise WorkspaceError(result.unwritten)
    return list(result.verdicts)


def history(workspace: Workspace) -> History:
    """Verdict and state of all tests over all runs, for a page.

    Missing verdicts are computed, and written if the workspace can be written.
    """
    ledger = Ledger.open(workspace)
    ledger.update()
    _kept(ledger)
    tests = [
        TrackedTest(ledger.tests[slug], Verdicts(ledger.tests[slug], entries))
        for slug, entries in ledger.histories().items()
    ]
    leads = ledger.versions()
    points = [
        RunPoint(one.run_id, one.name, one.created_at, leads[one.run_id])
        for one in ledger.in_order()
    ]
    return History(
        tuple(one for one in points if one.version == one.run_id),
        tuple(tests),
        tuple(ledger.unreadable),
        tuple(one for one in points if one.version != one.run_id),
    )


def promise(workspace: Workspace, test: SavedTest, past: History | None = None) -> Promise:
    """Smallest regression that a saved test could notice with its number of samples.

    Parameters
    ----------
    past : the history of the workspace, read where None.

    Raises
    ------
    InputError : the test's files are gone or damaged.
    """
    past = past or history(workspace)
    for tracked in past.tests:
        if tracked.test.slug == test.slug:
            return promised(workspace, test, tracked.verdicts, len(past.tests))
    raise InputError(f"There is no readable saved test {test.slug!r} in {workspace.tests}.")


def _enter(ledger: Ledger, run: Path | str) -> str:
    """Id of a run, which is in the ledger afterwards."""
    try:
        if isinstance(run, Path):
            path = run
        elif run == "latest":
            path = _latest(ledger)
        else:
            path = _measured(ledger, run) or ledger.workspace.resolve(run)
    except (RunNotFound, RunCorrupt):
        if record := called(str(run), ledger.records.values()):
            return record.run_id
        raise
    inside = path.resolve().parent == ledger.workspace.runs.resolve()
    if inside and path.stem in ledger.records and ledger.is_complete(path.stem):
        return path.stem
    return ledger.add(path, keep=inside).run_id


def _latest(ledger: Ledger) -> Path:
    """Path of the run of the newest model; raises StoreError where it cannot be told."""
    place = ledger.workspace
    last = latest(_at_hand(ledger))
    if last is None:
        path = place.resolve("latest")
    else:
        read_summary(path := place.run_path(last.run_id))
    _refuse_later_damage(place, path)
    return path


def _measured(ledger: Ledger, run: str) -> Path | None:
    """Find a run by its id or name, where its file was measured."""
    found = called(run, _at_hand(ledger))
    return ledger.workspace.run_path(found.run_id) if found else None


def _at_hand(ledger: Ledger) -> list[RunRecord]:
    """List runs by what was read of their files already; to list them anew opens every file."""
    if not ledger.tests:  # then nothing was read that was not read before
        return []
    place = ledger.workspace
    return [one for one in ledger.records.values() if place.run_path(one.run_id).is_file()]


def _refuse_later_damage(workspace: Workspace, latest: Path) -> None:
    """Refuse to judge the last run that can be opened where one that cannot came after it.

    Else a new run that was cut short would pass by the verdicts of the one before.
    """
    for path in workspace.runs.glob("*.duckdb"):
        if path.name.startswith(".") or path.stat().st_mtime_ns <= latest.stat().st_mtime_ns:
            continue
        try:
            read_summary(path)
        except StoreError as error:
            raise RunCorrupt(
                f"The latest run cannot be told, for a later file cannot be opened: {error} "
                "Name the run to judge, or remove that file."
            ) from error


def _verdicts(ledger: Ledger, run_id: str, override: str | None) -> list[Verdict]:
    ledger.compare_fully(run_id)
    others = ledger.against(run_id, override) if override else {}
    histories = ledger.histories()
    found = []
    for slug, test in ledger.tests.items():
        known = histories[slug].get(run_id)
        if known is None:
            found.append(_unmeasured(test, ledger.records[run_id].name))
            continue
        entry, state = known
        found.append(verdict_of(test, others.get(slug, entry), state, run_id=run_id))
    return found


def _unmeasured(test: SavedTest, name: str) -> Verdict:
    reason = f"Run {name!r} was never measured in this test, and its file is not at hand."
    return Verdict(
        test.slug, "open", "missing", 0, None, None, None, None, None, reason,
        test.title, test.signal, test.margin, test.margin_origin,
    )  # fmt: skip
