"""What got worse between two runs, beside the tests that the workspace has now; nothing is sought.

The search is the engine's (`aggressors.worsening`); here is read what it found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.errors import InputError
from aggressors.queries.paired import Change
from aggressors.store.saved_tests import SavedTest, list_tests, read_samples
from aggressors.store.workspace import Workspace
from aggressors.store.worsened import WorseGroup, Worsened, read_worsened
from aggressors.words import counted, number, spoken

COVERED = 0.5  # share of a group's samples in one test, from which it covers the group
OF_TEST = 0.2  # share of the test that they must be: among many others their worsening drowns


@dataclass(frozen=True, slots=True)
class Covering:
    """A saved test that holds samples of a group.

    `share` of the group's samples that a test could freeze are in it, `of_test` is their share of
    its samples; `covers` where both are large enough for the test to notice.
    """

    slug: str
    title: str
    share: float
    of_test: float

    @property
    def covers(self) -> bool:
        """Whether the test would notice that the group got worse."""
        return self.share >= COVERED and self.of_test >= OF_TEST


@dataclass(frozen=True, slots=True)
class Told:
    """A group that got worse, and the saved tests that hold some of its samples, the best first."""

    group: WorseGroup
    tests: tuple[Covering, ...] = ()

    @property
    def covered_by(self) -> Covering | None:
        """The test that covers the group, if any."""
        return next((one for one in self.tests if one.covers), None)


def known(
    workspace: Workspace, run_id: str, baseline_id: str
) -> tuple[Worsened, tuple[Told, ...]] | None:
    """Read what was found for two runs, as `told` puts it; None where it never was."""
    found = read_worsened(workspace, run_id, baseline_id)
    return None if found is None else (found[0], told(workspace, *found))


def told(workspace: Workspace, found: Worsened, members: pa.Table) -> tuple[Told, ...]:
    """Put the groups that no test covers first, each by rank, with the tests that hold it.

    Tests whose files are wrong are left out; `gate.check` names them.
    """
    judging = members.filter(members["judges"])
    samples = {
        group.rank: judging.filter(pc.equal(judging["rank"], group.rank))["sample_id"]
        for group in found.groups
    }
    tests = samples_of_tests(workspace) if found.groups else []
    rows = [
        Told(group, covering(samples[group.rank].combine_chunks(), tests)) for group in found.groups
    ]
    return tuple(sorted(rows, key=lambda one: (one.covered_by is not None, one.group.rank)))


def members_of(members: pa.Table, rank: int, *, judges_only: bool = True) -> list[str]:
    """Ids of the members of one group, sorted; by default without those it was found on."""
    inside = pc.equal(members["rank"], rank)
    if judges_only:
        inside = pc.and_(inside, members["judges"])
    return sorted(members.filter(inside)["sample_id"].to_pylist())


def mean_change(change: Change, what: str) -> str:
    """Say how the mean of a signal, called `what`, changed, and whether that is sure."""
    text = f"Mean {what} {number(change.value)} against {number(change.reference)}"
    if change.difference is None or change.low is None or change.high is None:
        return text
    span = f"{change.difference:+.3g} ({change.low:+.3g} to {change.high:+.3g})"
    verdict = "worse" if change.low > 0 else "better" if change.high < 0 else "no clear change"
    return f"{text}: {verdict}, {span}"


def accuracy_change(change: Change) -> str:
    """Say how many answers are right under both runs, and which turned; '' where none is known."""
    if change.broke is None or change.errors is None or change.other_errors is None:
        return ""
    return (
        f"Accuracy {1 - change.errors:.1%} against {1 - change.other_errors:.1%}: "
        f"{change.broke:,} right before and wrong now, {change.fixed:,} the reverse"
    )


def hidden(change: Change, told: Sequence[Told], signal: str) -> str:
    """Say in words that the mean does not show what got worse; '' where it does, or nothing did."""
    if not told or change.difference is None or change.low is None or change.low > 0:
        return ""
    what, worse = spoken(signal), counted(len(told), "group")
    verb = "is" if len(told) == 1 else "are"
    if change.high is not None and change.high < 0:
        mean = f"Mean {what} is better by {number(-change.difference)}"
    else:
        mean = f"Mean {what} is not surely worse"
    uncovered = sum(one.covered_by is None for one in told)
    tests = f", {_of(uncovered, len(told))}covered by no test" if uncovered else ""
    them = "it" if len(told) == 1 else "them"
    return f"{mean}, yet {worse} {verb} surely worse{tests}: the mean hides {them}."


def _of(part: int, whole: int) -> str:
    if part == whole:
        return "" if whole == 1 else "all "
    return f"{part} of them "


def samples_of_tests(workspace: Workspace) -> list[tuple[SavedTest, pa.Array]]:
    """All saved tests with the ids of their samples; those whose files are wrong are left out."""
    found = []
    for test in list_tests(workspace)[0]:
        try:
            ids = read_samples(workspace, test)["sample_id"].combine_chunks()
        except InputError:
            continue
        found.append((test, ids))
    return found


def covering(
    samples: pa.Array, tests: Sequence[tuple[SavedTest, pa.Array]]
) -> tuple[Covering, ...]:
    """Tell which tests hold some of a group's samples, those that cover it first.

    Parameters
    ----------
    samples : ids of the samples of the group that a test could freeze.
    tests : what `samples_of_tests` gives.
    """
    rows = []
    for test, ids in tests:
        shared = int(np.count_nonzero(pc.is_in(samples, value_set=ids)))
        if shared:
            rows.append(Covering(test.slug, test.title, shared / len(samples), shared / len(ids)))
    return tuple(sorted(rows, key=lambda one: (not one.covers, -one.share, one.slug)))
