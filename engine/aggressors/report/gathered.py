"""Everything that a report says, as plain data: from the run file, and from its workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aggressors.contracts import Aggressor
from aggressors.progress import Progress
from aggressors.queries.overview import loss_histograms
from aggressors.queries.triage import BACK, Triaged
from aggressors.queries.unusual import yardsticks
from aggressors.report.against import Against, against
from aggressors.report.cards import Card, card
from aggressors.report.claimed import Claims, claims
from aggressors.report.pictures import Gallery
from aggressors.report.tested import Tests, tests
from aggressors.store.read import RunFile
from aggressors.store.workspace import Workspace
from aggressors.summary import Summary, summarize
from aggressors.triage import triage


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A run, and what its workspace knows of it.

    Parameters
    ----------
    summary : its `hidden` are the dismissed.
    cards : of all aggressors that were not dismissed, by rank.
    decided : what the team decided, by rank; empty for a run file on its own.
    tests : None for a run file on its own.
    against : None without an earlier model to compare with.
    claims : hypotheses, by the aggressor that they are to explain.
    gallery : the pictures that the cards name.
    troubles : files of the workspace that cannot be used.
    alone : whether the run file stands alone.
    """

    summary: Summary
    cards: tuple[Card, ...]
    decided: Mapping[int, Triaged]
    tests: Tests | None
    against: Against | None
    claims: Claims
    gallery: Gallery
    troubles: tuple[str, ...]
    alone: bool

    @property
    def dismissed(self) -> tuple[Triaged, ...]:
        """Aggressors that the team dismissed, by rank."""
        return tuple(one for one in self.decided.values() if one.is_hidden)

    @property
    def back(self) -> tuple[Triaged, ...]:
        """Aggressors that were fixed, and that this later model has again."""
        return tuple(one for one in self.decided.values() if one.word == BACK)

    @property
    def confirmed(self) -> tuple[Card, ...]:
        """Cards of the confirmed aggressors."""
        return tuple(one for one in self.cards if one.aggressor.status == "confirmed")

    @property
    def tentative(self) -> tuple[Card, ...]:
        """Cards of those with too few samples to tell."""
        return tuple(one for one in self.cards if one.aggressor.status != "confirmed")


def gather(
    run: RunFile, workspace: Workspace | None, progress: Progress, *, pictures: bool
) -> Report:
    """Gather a report.

    Parameters
    ----------
    workspace : None where the run file stands alone.
    pictures : whether samples and maps are shown; a text for a ticket has none.
    """
    summary = summarize(run)
    known = triage(run, workspace) if workspace else None
    decided = {one.aggressor.rank: one for one in known.found} if known else {}
    dismissed = frozenset(rank for rank, one in decided.items() if one.is_hidden)
    summary = replace(summary, hidden=dismissed)
    shown = tuple(one for one in summary.aggressors if one.rank not in dismissed)
    found = tests(run, workspace, shown) if workspace else None
    told = claims(run, workspace) if workspace else Claims()
    gallery = Gallery()
    unreadable = [*(known.unreadable if known else ()), *(found.result.unreadable if found else ())]
    return Report(
        summary=summary,
        cards=_cards(run, summary, shown, gallery if pictures else None, progress),
        decided=decided,
        tests=found,
        against=against(run, workspace) if workspace else None,
        claims=told,
        gallery=gallery,
        troubles=(*(f"{one.slug}: {one.reason}" for one in unreadable), *told.unreadable),
        alone=workspace is None,
    )


def _cards(
    run: RunFile,
    summary: Summary,
    shown: tuple[Aggressor, ...],
    gallery: Gallery | None,
    progress: Progress,
) -> tuple[Card, ...]:
    by = yardsticks(run) if gallery is not None else {}
    histograms = loss_histograms(run).to_pylist() if gallery is not None else []
    cards = []
    with progress.step("report", len(shown)) as advance:
        for one in shown:
            said = summary.looks.get(one.rank, "")
            cards.append(card(run, one, said, histograms, by, gallery))
            advance(1)
    return tuple(cards)
