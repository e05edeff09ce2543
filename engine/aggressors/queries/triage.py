"""What the team decided about the aggressors of a run, found again by the samples they share.

Decisions about one aggressor make a chain: each names the one that held before. A chain belongs to
at most one aggressor of a run, and the newest decision of it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import Aggressor
from aggressors.queries.overview import aggressors
from aggressors.queries.scope import fetch
from aggressors.queries.track import FloatArray, Hashes, Members, analysed, members, paired
from aggressors.queries.track import overlaps as overlaps_of
from aggressors.store.held import held
from aggressors.store.triage import DISMISSED, Decision, moment

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

State = Literal["new", "accepted", "dismissed", "being-fixed", "fixed", "back"]
BACK: State = "back"


@dataclass(frozen=True, slots=True)
class Triaged:
    """One aggressor of a run, and what was decided about it.

    Parameters
    ----------
    word : `new` where nothing is decided; `back` where it was fixed and a later model has it again.
    decision : the one that holds; None where there is none. Where it is `back`, the one that says
        `fixed`.
    overlap : share of the samples that it has in common with the group that was decided about, in
        [0, 1]; 1 on the run of the decision.
    """

    aggressor: Aggressor
    word: State
    decision: Decision | None = None
    overlap: float | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether lists leave it out, and count it."""
        return self.word == DISMISSED


# The columns that every list of aggressors has of its triage.
TOLD = ("triage", "triage_why", "triage_by", "triage_at", "triage_run")


def told(run: RunFile, found: Sequence[Triaged] | None) -> list[dict[str, object]]:
    """Aggressors by rank as `aggressors show --json` lists them, the dismissed ones among them.

    Parameters
    ----------
    found : None without a workspace; then nothing is known of what was decided.
    """
    if found is None:
        return [asdict(one) | dict.fromkeys(TOLD) for one in aggressors(run)]
    return [asdict(one.aggressor) | _told(one) for one in found]


def _told(one: Triaged) -> dict[str, str | None]:
    said = one.decision
    if said is None:
        return {**dict.fromkeys(TOLD), "triage": one.word}
    values = (one.word, said.why, said.author, said.created_at, said.run_name)
    return dict(zip(TOLD, values, strict=True))


def member_ids(run: RunFile, concept_id: int) -> list[str]:
    """Ids of a concept's members in the analysed population."""
    sql = """
        SELECT s.sample_id FROM assignments a JOIN samples s ON s.row_id = a.row_id
        WHERE a.concept_id = $concept AND s.population = $analysed
    """
    params = {"concept": concept_id, "analysed": run.info.settings.analysed}
    found: list[str] = fetch(run, sql, params=params)["sample_id"].to_pylist()
    return found


def overlaps(run: RunFile, groups: Sequence[Hashes], other: RunFile | None) -> FloatArray:
    """Overlap of each aggressor with groups of one other run, among the samples in both.

    Parameters
    ----------
    groups : sorted hashes of the members of each group, all of one run.
    other : that run; None where it is gone, or is of the same model. Then all samples of this run
        count as samples of it.

    Returns
    -------
    (aggressors, groups) in [0, 1].
    """
    digests = [f"{len(one)}:{int(np.bitwise_xor.reduce(one))}" for one in groups]
    key = f"triage overlap {other and other.info.run_id} {digests}"
    return held.get(run, key, lambda: _overlaps(run, groups, other))


def _overlaps(run: RunFile, groups: Sequence[Hashes], other: RunFile | None) -> FloatArray:
    left = _members(run)
    if other is not None:
        left = left.among(held.get(other, "analysed hashes", lambda: analysed(other)))
    place = np.repeat(np.arange(len(groups)), [len(one) for one in groups])
    right = Members(len(groups), place, np.concatenate(groups)).in_order()
    right = right.among(held.get(run, "analysed hashes", lambda: analysed(run)))
    return overlaps_of(left, right).share


def _members(run: RunFile) -> Members:
    """Members of the aggressors of a run, kept, as each other model is compared with them."""

    def both() -> NDArray[np.uint64]:
        found = members(run, aggressors(run))
        return np.stack([found.group.astype(np.uint64), found.sample])

    group, sample = held.get(run, "hashes of the members", both)
    return Members(len(aggressors(run)), group.astype(np.int64), sample)


def triaged(
    run: RunFile, decisions: Sequence[Decision], overlap: FloatArray, model_at: datetime
) -> tuple[Triaged, ...]:
    """Tell for each aggressor of a run, by rank, what was decided about it.

    Parameters
    ----------
    decisions : of runs of the same task.
    overlap : (aggressors, decisions) in [0, 1].
    model_at : when the model of this run was run first.
    """
    found = aggressors(run)
    known = chains(decisions)
    pairs: dict[int, int] = {}
    if known and found:
        of_chain = np.stack([overlap[:, chain].max(axis=1) for chain in known], axis=1)
        pairs = paired(of_chain)
    return tuple(
        _triaged(run, one, holding([decisions[at] for at in known[pairs[row]]]), model_at,
                 float(of_chain[row, pairs[row]]))
        if row in pairs
        else Triaged(one, "new")
        for row, one in enumerate(found)
    )  # fmt: skip


def _triaged(
    run: RunFile, one: Aggressor, said: Decision, model_at: datetime, overlap: float
) -> Triaged:
    later = said.model_run != run.info.model_run and moment(said.model_created_at) < model_at
    word: State = BACK if said.word == "fixed" and later else said.word  # type: ignore[assignment]
    return Triaged(one, word, said, overlap)


def chains(decisions: Sequence[Decision]) -> list[list[int]]:
    """Places of the decisions about one aggressor, for each that was decided about.

    Two belong together where one follows the other, or both are about the same aggressor of the
    same model, as when two people decide at once. The chain that was decided about last comes
    first.
    """
    leads = list(range(len(decisions)))

    def lead(at: int) -> int:
        while leads[at] != at:
            leads[at] = leads[leads[at]]
            at = leads[at]
        return at

    first: dict[object, int] = {one.slug: at for at, one in enumerate(decisions)}
    for at, one in enumerate(decisions):
        same = first.setdefault((one.model_run, one.rank), at)
        for other in (same, first.get(one.follows, at)):
            leads[lead(at)] = lead(other)
    found: dict[int, list[int]] = {}
    for at in range(len(decisions)):
        found.setdefault(lead(at), []).append(at)
    return sorted(
        found.values(), key=lambda chain: max(_age(decisions[at]) for at in chain), reverse=True
    )


def holding(chain: Sequence[Decision]) -> Decision:
    """Choose the decision of a chain that holds: the newest of those that none follows.

    What follows another was made by somebody who saw it, whatever the clocks of their machines say.
    """
    followed = {one.follows for one in chain}
    last = [one for one in chain if one.slug not in followed]
    return max(last or chain, key=_age)  # in a file edited by hand all may follow each other


def _age(one: Decision) -> tuple[datetime, str]:
    return moment(one.created_at), one.slug
