"""Saved tests in a report: the verdicts of its run, those of all runs, and whose samples they hold.

A run file that lies outside of the workspace is judged all the same, and stands last.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import Aggressor, Condition, Verdict
from aggressors.errors import InputError
from aggressors.gate import CheckResult, History, Promise, RunPoint, TrackedTest, check, history
from aggressors.queries.judged import held_out, matching
from aggressors.queries.worsened import Covering, covering, samples_of_tests
from aggressors.saving import promised
from aggressors.store.read import RunFile
from aggressors.store.workspace import Workspace

MOSTLY = 0.5  # share of a test's samples in an aggressor from which the test is about it


@dataclass(frozen=True, slots=True)
class Tests:
    """All saved tests of a workspace, as a run sees them.

    Parameters
    ----------
    promises : by slug, what each could notice with its number of samples.
    held : by rank of an aggressor, the tests that hold its samples, the best first.
    """

    result: CheckResult
    history: History
    promises: Mapping[str, Promise]
    held: Mapping[int, tuple[Covering, ...]]

    def tracked(self, slug: str) -> TrackedTest | None:
        """Find a test over all runs."""
        return next((one for one in self.history.tests if one.test.slug == slug), None)

    def verdict(self, slug: str) -> Verdict | None:
        """Find the verdict of this run."""
        return next((one for one in self.result.verdicts if one.slug == slug), None)

    @property
    def elsewhere(self) -> tuple[TrackedTest, ...]:
        """Tests that hold the samples of no aggressor of the run."""
        known = {one.slug for found in self.held.values() for one in found}
        return tuple(one for one in self.history.tests if one.test.slug not in known)


def tests(run: RunFile, workspace: Workspace, aggressors: tuple[Aggressor, ...]) -> Tests:
    """Judge a run in all saved tests, and tell which tests hold the samples of which aggressor.

    Raises
    ------
    StoreError : the run file was taken away meanwhile.
    """
    result = check(workspace, run.path)
    past = _with_run(history(workspace), run, result)
    promises = {}
    for tracked in past.tests:
        with suppress(InputError):  # its files are gone, which the check says
            promises[tracked.test.slug] = promised(
                workspace, tracked.test, tracked.verdicts, len(past.tests)
            )
    return Tests(result, past, promises, _held(run, workspace, aggressors))


def _with_run(past: History, run: RunFile, result: CheckResult) -> History:
    """Add a run that is not kept in the workspace, as the last one."""
    if past.point(run.info.run_id) is not None:
        return past
    point = RunPoint(run.info.run_id, run.info.name, run.info.created_at, run.info.run_id)
    own = {one.slug: one for one in result.verdicts}
    return replace(
        past,
        runs=(*past.runs, point),
        tests=tuple(
            replace(one, verdicts={**one.verdicts, point.run_id: own[one.test.slug]})
            if one.test.slug in own
            else one
            for one in past.tests
        ),
    )


def _held(
    run: RunFile, workspace: Workspace, aggressors: tuple[Aggressor, ...]
) -> dict[int, tuple[Covering, ...]]:
    """List by rank the tests that would notice a worse aggressor, or are mostly about it."""
    saved = samples_of_tests(workspace)
    if not saved:
        return {}
    table = held_out(run)
    table = table.filter(table["judges"])
    rows, ids = table["row_id"], table["sample_id"].combine_chunks()
    found = {}
    for one in aggressors:
        inside = matching(run, Condition("aggressor", "=", (one.rank,)))
        samples = ids.filter(pc.is_in(rows, value_set=pa.array(inside)).combine_chunks())
        shared = covering(samples, saved)
        found[one.rank] = tuple(each for each in shared if each.covers or each.of_test >= MOSTLY)
    return found
