"""Which samples a test freezes: an aggressor, a hypothesis, a filter, or what got worse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from aggressors.carrying import on_run
from aggressors.contracts import Condition, Filter
from aggressors.errors import InputError, UsageError
from aggressors.queries.grammar import fields_of, format_filter, parse
from aggressors.queries.overview import aggressors
from aggressors.queries.samples import concept_of_rank
from aggressors.queries.worsened import members_of
from aggressors.store.baselines import two_runs
from aggressors.store.hypotheses import read_hypothesis
from aggressors.store.read import RunFile, open_run
from aggressors.store.workspace import Workspace
from aggressors.store.worsened import Worsened, read_worsened
from aggressors.words import number, spoken

_LONGEST_TITLE = 200  # characters, of a filter that may list thousands of samples


@dataclass(frozen=True, slots=True)
class Group:
    """What is frozen: members by filter, all of them or only those that judge.

    Parameters
    ----------
    signal : by which they got worse, so that a test by another one might not see it; '' else.
    """

    title: str
    why: str
    members: Filter
    rule: str
    only_judges: bool
    signal: str = ""


def of_aggressor(run: RunFile, rank: int) -> Group:
    """Take the members of an aggressor."""
    concept_id = concept_of_rank(run, rank)
    one = next(one for one in aggressors(run) if one.concept_id == concept_id)
    why = (
        f"Aggressor {rank} of run {run.info.name}: mean {spoken(run.info.settings.signal)} is "
        f"{number(one.gap)} above the rest ({number(one.gap_low)} to {number(one.gap_high)}), "
        f"{one.impact:.1%} of all of it."
    )
    return Group(one.name, why, Condition("aggressor", "=", (rank,)), one.rule, True)


# What only this run can answer, so that it describes no other run's samples.
_LOCAL = {"aggressor", "concept", "row_id", "map", "map_x", "map_y", "population", "fold"}
_FOUND = {"aggressor", "concept"}  # groups that were sought on one half of the samples
_JUDGED_BY_MODEL = {"loss", "loss_quantile", "correct", "confidence"}


def of_filter(run: RunFile, where: str) -> Group:
    """Take what a filter lets through; raises FilterError, or InputError for one on the model."""
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
    found_on = bool(names & _FOUND)
    return Group(title, why, filter, "" if names & _LOCAL else text, found_on)


def of_hypothesis(run: RunFile, workspace: Workspace, slug: str) -> Group:
    """Take what a kept hypothesis speaks of, in the words of this run."""
    kept = read_hypothesis(workspace, slug)
    claim = format_filter(on_run(parse(kept.filter), kept.run_id, run, workspace))
    explains = f" to explain aggressor {kept.aggressor}" if kept.aggressor is not None else ""
    by = f" of {kept.author}" if kept.author else ""
    why = f"Saved from the hypothesis{by} made on run {kept.run_id}{explains}: {kept.title}."
    return replace(of_filter(run, claim), title=kept.title, why=why)


def of_worse(
    workspace: Workspace, path: Path, baseline: Path | str | None, rank: int
) -> tuple[Path, Group]:
    """Take a group that got worse, and the run under which it was better.

    Raises
    ------
    UsageError : the two runs were not compared yet, or there is no such rank.
    """
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
    judging = Condition("sample_id", "in", tuple(members_of(members, rank)))
    return accepted, Group(one.name, why, judging, one.rule, True, found.signal)


def _no_worse(found: Worsened, rank: int) -> str:
    n = len(found.groups)
    there = f"there are {n}, from 1 on" if n else "nothing got surely worse"
    return (
        f"There is no group of rank {rank} on which run {found.run_name!r} is worse than "
        f"{found.baseline_name!r}; {there}."
    )
