"""Saved tests x run -> verdicts: what continuous testing is for code.

A test freezes the samples of a group. Each later run is compared on the same samples with the run
that solved the test, else with the run it was saved on. Works where only `tests/` and `verdicts/`
of a workspace are at hand, beside the run to judge.
"""
# A little over 400 lines: saving a test and judging it share what a group is.

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.carrying import finder_on
from aggressors.contracts import Condition, Filter, TestState, Verdict
from aggressors.errors import InputError, RunCorrupt, RunNotFound, UsageError, WorkspaceError
from aggressors.judging import default_margin, measure, signals_of, verdict_of
from aggressors.ledger import Ledger
from aggressors.queries.grammar import expand, fields_of, format_filter, parse
from aggressors.queries.judged import held_out, matching
from aggressors.queries.overview import aggressors
from aggressors.queries.samples import concept_of_rank
from aggressors.queries.worsened import members_of
from aggressors.store.baselines import two_runs
from aggressors.store.read import RunFile, open_run
from aggressors.store.records import Unreadable
from aggressors.store.saved_tests import (
    MIN_SAMPLES,
    SavedTest,
    list_tests,
    read_test,
    write_numbered,
    write_test,
)
from aggressors.store.workspace import Workspace, check_slug
from aggressors.store.worsened import Worsened, read_worsened
from aggressors.words import number, spoken

__all__ = [
    "CheckResult",
    "History",
    "RunPoint",
    "SavedTest",
    "TrackedTest",
    "Unreadable",
    "check",
    "evaluate_run",
    "history",
    "list_tests",
    "read_test",
    "save_test",
]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All saved tests against one run.

    `baseline` is the run id that was asked for, None where each test has its own. `passed` is
    False when a test failed or, if strict, was inconclusive or missing, or there is none.
    `unreadable` are test files that could not be used; `unwritten` says why the verdicts could not
    be kept, '' where they were.
    """

    run_id: str
    run_name: str
    baseline: str | None
    passed: bool
    verdicts: tuple[Verdict, ...]
    unreadable: tuple[Unreadable, ...] = ()
    unwritten: str = ""


@dataclass(frozen=True, slots=True)
class RunPoint:
    """One run of a history; `version` is the one that stands for its model, often itself."""

    run_id: str
    name: str
    created_at: str
    version: str


@dataclass(frozen=True, slots=True)
class TrackedTest:
    """One test over all runs: verdict by run id, oldest run first, derived ones after their own."""

    test: SavedTest
    verdicts: dict[str, Verdict]

    @property
    def state(self) -> TestState:
        """State after the newest run."""
        return list(self.verdicts.values())[-1].state if self.verdicts else "open"


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
    tests = []
    for test in ledger.tests.values():
        verdicts = {
            run_id: verdict_of(test, entry, state, run_id=run_id)
            for run_id, (entry, state) in ledger.history(test).items()
        }
        tests.append(TrackedTest(test, verdicts))
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


def _enter(ledger: Ledger, run: Path | str) -> str:
    """Id of a run, which is in the ledger afterwards."""
    try:
        path = run if isinstance(run, Path) else ledger.workspace.resolve(run)
    except (RunNotFound, RunCorrupt):
        for record in reversed(ledger.in_order()):
            if str(run) in (record.run_id, record.name):
                return record.run_id
        raise
    inside = path.resolve().parent == ledger.workspace.runs.resolve()
    if inside and path.stem in ledger.records and _is_complete(ledger, path.stem):
        return path.stem
    return ledger.add(path, keep=inside).run_id


def _is_complete(ledger: Ledger, run_id: str) -> bool:
    return all(run_id in ledger.history(test) for test in ledger.tests.values())


def _verdicts(ledger: Ledger, run_id: str, override: str | None) -> list[Verdict]:
    ledger.compare_fully(run_id)
    others = ledger.against(run_id, override) if override else {}
    found = []
    for slug, test in ledger.tests.items():
        known = ledger.history(test).get(run_id)
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


# --- Saving ---


def save_test(
    workspace: Workspace,
    run: Path | str,
    *,
    aggressor: int | None = None,
    where: str | None = None,
    worse: int | None = None,
    baseline: Path | str | None = None,
    slug: str | None = None,
    title: str | None = None,
    why: str | None = None,
) -> SavedTest:
    """Freeze an aggressor, or any filter, as a test, and judge every published run in it.

    The frozen samples are held-out ones; of a group that was sought only those it was not found on.
    What got worse is frozen as it was under the baseline, so that the run itself fails the test.

    Parameters
    ----------
    run : the run whose samples and signals are frozen.
    aggressor : rank of an aggressor; or
    where : text of a filter on the input side (metadata, label or prediction); "@dusk" stands for
        the filter that the workspace keeps as dusk; or
    worse : rank of a group on which the run is worse than `baseline`, by default the model before
        it; `comparing.compare` has found it.
    slug : name of the test's files; made from the title where None.
    title, why : for people; made from the aggressor or filter where None.

    Raises
    ------
    UsageError : not exactly one of `aggressor`, `where` and `worse`, no such rank, nothing compared
        yet, a taken or bad slug.
    InputError : too few samples, or a filter on what the model did.
    FilterError : a filter that cannot be read.
    """
    if sum(one is not None for one in (aggressor, where, worse)) != 1:
        raise UsageError(
            "A test is saved from an aggressor, from a filter or from what got worse: name one."
        )
    if slug is not None:
        check_slug(slug)
    path = run if isinstance(run, Path) else workspace.resolve(run)
    if worse is not None:
        path, worse_group = _group_of_worse(workspace, path, baseline, worse)
    with open_run(path) as opened:
        if worse is not None:
            group = worse_group
        elif aggressor is not None:
            group = _group_of_aggressor(opened, aggressor)
        else:
            assert where is not None
            group = _group_of_filter(opened, expand(where, finder_on(opened, workspace)))
        test, samples = _freeze(opened, group)
    test = replace(test, slug=slug or "", title=title or test.title, why=why or test.why)
    if slug is None:
        test = write_numbered(workspace, test, samples, _slug(title or group.title))
    else:
        write_test(workspace, test, samples)
    ledger = Ledger.open(workspace)
    ledger.update()
    ledger.write()
    return test


@dataclass(frozen=True, slots=True)
class _Group:
    """What is frozen: members by filter, all of them or only those that judge."""

    title: str
    why: str
    members: Filter
    rule: str
    only_judges: bool


def _group_of_aggressor(run: RunFile, rank: int) -> _Group:
    concept_id = concept_of_rank(run, rank)
    one = next(one for one in aggressors(run) if one.concept_id == concept_id)
    why = (
        f"Aggressor {rank} of run {run.info.name}: mean {spoken(run.info.settings.signal)} is "
        f"{number(one.gap)} above the rest ({number(one.gap_low)} to {number(one.gap_high)}), "
        f"{one.impact:.1%} of all of it."
    )
    return _Group(one.name, why, Condition("aggressor", "=", (rank,)), one.rule, True)


def _group_of_worse(
    workspace: Workspace, path: Path, baseline: Path | str | None, rank: int
) -> tuple[Path, _Group]:
    """Find a group that got worse, and the run under which it was better."""
    path, accepted = two_runs(workspace, path, baseline)
    with open_run(path) as run, open_run(accepted) as other:
        ids, names = (run.info.run_id, other.info.run_id), (run.info.name, other.info.name)
    known = read_worsened(workspace, *ids)
    if known is None:
        raise UsageError(
            f"Run {names[0]!r} was not compared with {names[1]!r} yet. Type "
            f"`aggressors compare {names[0]} --baseline {names[1]}` first."
        )
    found, members = known
    one = next((group for group in found.groups if group.rank == rank), None)
    if one is None:
        raise UsageError(_no_worse(found, rank))
    why = (
        f"Worse in run {names[0]} than in {names[1]}: mean {spoken(found.signal)} "
        f"{number(one.value)} against {number(one.reference)}, a difference of "
        f"{number(one.difference)} ({number(one.low)} to {number(one.high)}) on "
        f"{one.n_confirm:,} samples that the group was not found on."
    )
    judging = tuple(members_of(members, rank))
    return accepted, _Group(one.name, why, Condition("sample_id", "in", judging), one.rule, True)


def _no_worse(found: Worsened, rank: int) -> str:
    n = len(found.groups)
    there = f"there are {n}, from 1 on" if n else "nothing got surely worse"
    return (
        f"There is no group of rank {rank} on which run {found.run_name!r} is worse than "
        f"{found.baseline_name!r}; {there}."
    )


# What only this run can answer, so that it describes no other run's samples.
_LOCAL = {"aggressor", "concept", "row_id", "map", "map_x", "map_y", "population", "fold"}
_LONGEST_TITLE = 200  # characters, of a filter that may list thousands of samples
_JUDGED_BY_MODEL = {"loss", "loss_quantile", "correct", "confidence"}


def _group_of_filter(run: RunFile, where: str) -> _Group:
    filter = parse(where)
    names = fields_of(filter)
    if names & _JUDGED_BY_MODEL or {"label", "prediction"} <= names:
        what = ", ".join(sorted(names & (_JUDGED_BY_MODEL | {"label", "prediction"})))
        raise InputError(
            f"A test on {what} would freeze the errors of one model, which every other model beats "
            "by chance. Describe the group by its input: metadata, and label or prediction."
        )
    text = format_filter(filter)
    why = f"Saved from a filter on run {run.info.name}."
    title = text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"
    return _Group(title, why, filter, "" if names & _LOCAL else text, False)


def _freeze(run: RunFile, group: _Group) -> tuple[SavedTest, pa.Table]:
    """Measure the group in its own run, and set the margin by what is at stake there."""
    info = run.info
    signal = info.settings.signal
    table = held_out(run, [signal])
    table = table.filter(pc.is_valid(table[signal]))
    rows = table["row_id"].to_numpy(zero_copy_only=False)
    judges = np.asarray(table["judges"].to_numpy(zero_copy_only=False), dtype=np.bool_)
    member = np.isin(rows, matching(run, group.members))
    if group.only_judges:
        member &= judges
    n = int(member.sum())
    if n < MIN_SAMPLES:
        raise InputError(
            f"{group.title!r} has {n} labeled samples outside training in run {info.name!r}"
            f"{' that it was not found on' if group.only_judges else ''}; "
            f"a test needs at least {MIN_SAMPLES}. Choose a wider group."
        )
    samples = pa.table(
        {
            "sample_id": table["sample_id"].filter(pa.array(member)),
            "label": table["label"].filter(pa.array(member)),
            "signal": table[signal].filter(pa.array(member)),
        }
    ).sort_by("sample_id")
    test = _described(run, group, n)
    judged = signals_of(table, signal)
    found = measure(
        test,
        signals_of(samples, "signal"),
        judged,
        judges,
        in_training=0,
        materiality=info.settings.materiality,
        is_source=True,
    )
    margin, origin = default_margin(found.gap or 0.0, judged.value, material=found.material)
    return replace(test, margin=margin, margin_origin=origin), samples


def _described(run: RunFile, group: _Group, n_samples: int) -> SavedTest:
    """Everything about a test but its names and its margin.

    Later models are held to the run of a model, whose predictions a derived run has.
    """
    info = run.info
    return SavedTest(
        slug="",
        title=group.title,
        why=group.why,
        signal=info.settings.signal,
        margin=0.0,
        margin_origin="",
        rule=group.rule,
        samples=n_samples,
        source_run_id=info.model_run,
        source_run_name=info.derived_from_name or info.name,
        task=info.task,
        loss_name=info.loss_name,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _slug(title: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower())[:48].strip("-") or "test"
    try:
        return check_slug(plain)
    except UsageError:  # a name that some system reserves
        return f"{plain}-test"
