"""A run in a few facts and one sentence, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aggressors.contracts import Aggressor, DiscoveryFacts, RunInfo
from aggressors.queries.attention import attention_by_concept
from aggressors.queries.overview import (
    Explained,
    PopulationTotals,
    aggressors,
    discovery_facts,
    loss_explained,
    totals,
)
from aggressors.store.read import RunFile
from aggressors.words import attention_sentence, counted, derivation, nothing_found, number, spoken


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run amounts to.

    `analysed` are the totals of the population in which aggressors are found; `explained` what the
    confirmed ones account for together; `facts` how the search went; `origin` says what a derived
    run is derived from, '' for a run of its own.
    """

    info: RunInfo
    analysed: PopulationTotals
    explained: Explained
    facts: DiscoveryFacts
    aggressors: tuple[Aggressor, ...]
    origin: str = ""
    looks: Mapping[int, str] = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()

    @property
    def confirmed(self) -> tuple[Aggressor, ...]:
        """Aggressors that hold on samples they were not found on, by rank."""
        return tuple(one for one in self.aggressors if one.status == "confirmed")

    @property
    def tentative(self) -> tuple[Aggressor, ...]:
        """Those with too few samples to tell, by rank."""
        return tuple(one for one in self.aggressors if one.status != "confirmed")

    @property
    def performance(self) -> str:
        """How the model does on average, such as `accuracy 83.1%, mean loss 0.54 on 3,400 …`."""
        parts = []
        if self.analysed.error_rate is not None:
            parts.append(f"accuracy {1 - self.analysed.error_rate:.1%}")
        if self.analysed.mean_loss is not None:
            parts.append(f"mean {self.info.loss_name} {number(self.analysed.mean_loss)}")
        text = ", ".join(parts) or "no labels"
        return f"{text} on {counted(self.analysed.n_labeled, f'{self.analysed.population} sample')}"

    @property
    def bottom_line(self) -> str:
        """What to take away, in a sentence."""
        ranks = {one.rank for one in self.confirmed}
        parts = sum(one.part_of in ranks for one in self.confirmed)
        wholes = len(self.confirmed) - parts
        if not self.confirmed:
            return nothing_found(self.facts, self.info.settings.signal)[1]
        shown = [one for one in self.confirmed if one.rank not in self.hidden]
        first = f"first of all {shown[0].name}" if shown else "all of them dismissed"
        covers, them = (
            ("It covers", "it") if len(self.confirmed) == 1 else ("Together they cover", "they")
        )
        groups = "1 group does" if wholes == 1 else f"{wholes} groups do"
        within = f" (and {counted(parts, 'part')} of them)" if parts else ""
        together = (
            f" {covers} {counted(self.explained.n, 'sample')}; "
            f"{self.explained.share:.0%} of all {spoken(self.info.settings.signal)} would vanish "
            f"if {them} did like the rest."
        )
        return f"{groups} worse than the rest{within}, {first}.{together}"


def summarize(run: RunFile) -> Summary:
    """Gather the facts of a run."""
    analysed = run.info.settings.analysed
    found, numbers = aggressors(run), attention_by_concept(run)
    looks = {one.rank: attention_sentence(numbers.get(one.concept_id, ())) for one in found}
    return Summary(
        info=run.info,
        analysed=totals(run).of(analysed),
        explained=loss_explained(run),
        facts=discovery_facts(run),
        aggressors=found,
        origin=derivation(run.info.derived_from_name, run.added),
        looks={rank: said for rank, said in looks.items() if said},
    )
