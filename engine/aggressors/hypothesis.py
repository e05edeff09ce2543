"""Hypotheses that were kept, put to a run: the one they were made on, or any later one."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from aggressors.carrying import on_run as claim_on_run
from aggressors.errors import AggressorsError, RunNotFound
from aggressors.queries.claims import Judged, group_in, judged
from aggressors.queries.grammar import parse
from aggressors.store.hypotheses import Hypothesis
from aggressors.store.read import RunFile, open_run
from aggressors.store.workspace import Workspace
from aggressors.words import NOT_JUDGED, spoken, support_sentence


@dataclass(frozen=True, slots=True)
class OnRun:
    """A hypothesis on a run.

    Parameters
    ----------
    judged : None where it cannot be judged there; then `sentence` says why.
    sentence : what the data say of it.
    """

    hypothesis: Hypothesis
    judged: Judged | None
    sentence: str

    @property
    def support(self) -> str:
        """The verdict in a word or two."""
        return NOT_JUDGED if self.judged is None else self.judged.tested.support


def on_run(one: Hypothesis, run: RunFile, workspace: Workspace) -> OnRun:
    """Judge a hypothesis on a run, by the samples that were the aggressor where it was made."""
    if one.aggressor is None:
        return OnRun(one, None, "It is about all samples, and explains no aggressor.")
    try:
        with _original(one, run, workspace) as original:
            group = group_in(run, original, one.aggressor)
        claim = claim_on_run(parse(one.filter), one.run_id, run, workspace)
        found = judged(run, claim, group, one.confounders)
    except RunNotFound:
        said = f"The run on which it was made, {one.run_id!r}, is not in the workspace."
        return OnRun(one, None, said)
    except AggressorsError as error:
        return OnRun(one, None, str(error))
    whose = "" if original.info.run_id == run.info.run_id else f" of {original.info.name}"
    named = f"aggressor {one.aggressor}{whose}"
    signal = spoken(run.info.settings.signal)
    return OnRun(one, found, support_sentence(found.tested, signal, named, one.confounders))


def _original(
    one: Hypothesis, run: RunFile, workspace: Workspace
) -> RunFile | nullcontext[RunFile]:
    if one.run_id == run.info.run_id:
        return nullcontext(run)
    return open_run(workspace.resolve(one.run_id))
