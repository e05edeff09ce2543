"""The search from end to end: propose on one half, confirm on the other, rank, gather, relate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aggressors.contracts import FEWEST_TO_CONFIRM, Settings, Status
from aggressors.slicing.clusters import ACROSS_LABELS, InsideLabelSlicer, KMeansSlicer, TreeSlicer
from aggressors.slicing.concept import Concept, alone, concept_of
from aggressors.slicing.confirm import Bar, GapBar, Half, Tested, confirm, retest, worth_testing
from aggressors.slicing.directions import DirectionSlicer
from aggressors.slicing.literals import Rule
from aggressors.slicing.mixed import MixedSlicer
from aggressors.slicing.name import clarity
from aggressors.slicing.points import BoolArray, FloatArray, Points
from aggressors.slicing.protocol import InSpace, Limits, Proposal, Sight, Slicer
from aggressors.slicing.rank import Pick, choose
from aggressors.slicing.rules import RuleSlicer
from aggressors.slicing.shallow import ShallowTreeSlicer
from aggressors.slicing.shape import shape
from aggressors.slicing.told import NEWS_IN_PART, Told
from aggressors.stats.severity import Gap, floor_of

BY_POSITION: tuple[Slicer, ...] = (
    KMeansSlicer(),
    TreeSlicer(),
    ACROSS_LABELS,
    InsideLabelSlicer(),
    DirectionSlicer(),
    MixedSlicer(),
)
SLICERS: tuple[Slicer, ...] = (*BY_POSITION, RuleSlicer(), ShallowTreeSlicer())
MAX_TENTATIVE = 5
UNCLEAR = 0.7  # what is left of the score of a group that nothing readable describes
CEILING = 4.0  # times the mean signal, where it is cut while searching
CEILING_JUDGED = 2.0  # and while judging, where a terrible group could hide the next
OUTLIER = 0.99  # quantile of the signal beyond which it does not count for that mean


@dataclass(frozen=True, eq=False)
class Finding:
    """A group to report, with what the confirm half says of it.

    `merged` counts the proposals that tell its story; `coherence` is the share of a member's
    neighbours that are members, see `shape.shape`; NaN without a space.
    """

    concept: Concept
    status: Status
    gap: Gap
    q_value: float
    merged: int
    coherence: float


@dataclass(frozen=True, eq=False)
class Search:
    """Groups to report, best first, confirmed before tentative, with what judges further ones."""

    findings: list[Finding]
    tested: Tested | None = None
    bar: Bar | None = None

    def settled(self, finding: Finding, member: BoolArray, whole: Half) -> Finding:
        """Judge a finding anew by all samples of the half of which the search saw a part.

        Parameters
        ----------
        member : (n,) who belongs to it among the samples of `whole`.
        """
        assert self.tested is not None
        assert self.bar is not None
        again = retest(member, whole, self.tested, self.bar)
        if again is None:
            return finding
        gap, q_value, passes = again
        status: Status = "confirmed" if passes else "tentative"
        return replace(finding, gap=gap, q_value=q_value, status=status)


def find(
    discover: Half,
    confirm_half: Half,
    settings: Settings,
    own: Sequence[Slicer] = (),
    bar: Bar | None = None,
) -> Search:
    """Search for groups that underperform.

    Parameters
    ----------
    discover, confirm_half : the two halves, each in canonical order.
    settings : sizes, false discovery rate, materiality, most aggressors.
    own : the user's slicers, which are asked before the built-in ones.
    bar : what a group must pass; default a gap to the rest that is material.
    """
    halves = len(discover.signal), len(confirm_half.signal)
    limits = Limits(settings.min_size, int(settings.max_share * halves[0]))
    if min(halves) < 2 * limits.smallest:
        return Search([])
    bar = bar or _gap_bar(discover.signal, sum(halves), settings)
    cut = bar.sought(discover.signal)
    everyone = discover.points.join(confirm_half.points)
    sight = Sight(discover.points, cut, everyone, limits)
    proposals = [each for slicer in (*own, *SLICERS) for each in sight.proposals_of(slicer)]
    proposals += [
        each for name in sorted(discover.points.others) for each in _in_space(name, sight)
    ]
    kept, members = worth_testing(proposals, discover, limits, bar)
    tested = confirm(kept, members, confirm_half, bar, limits.smallest // 2)
    ranking = _Ranking.of(discover.points, cut, tested, bar)
    found = _confirmed(ranking, confirm_half, tested, bar, settings.max_aggressors)
    return Search(found + _tentative(ranking, tested, found), tested, bar)


def _gap_bar(signal: FloatArray, n_samples: int, settings: Settings) -> GapBar:
    """Set the bar by the (n,) signal of the discover half; `n_samples` there are in both."""
    return GapBar(
        settings.fdr,
        settings.materiality,
        settings.level,
        ceiling_of(signal, CEILING_JUDGED),
        n_samples >= FEWEST_TO_CONFIRM,
        ceiling_of(signal, CEILING),
    )


def _in_space(name: str, sight: Sight) -> Iterator[Proposal]:
    """Ask again, in a further space, those that go by position."""
    there = sight.seen_in(name)
    for slicer in BY_POSITION:
        for each in there.proposals_of(slicer):
            yield replace(each, region=InSpace(name, each.region))


def ceiling_of(signal: FloatArray, times: float) -> float:
    """Where (n,) signal is cut, so that a few terrible samples do not outweigh all others."""
    floor = floor_of(signal)
    usual = float(np.minimum(signal, np.quantile(signal, OUTLIER)).mean()) - floor
    return floor + times * usual if usual > 0 else float(signal.max(initial=floor))


@dataclass(frozen=True, eq=False)
class _Ranking:
    """The discover half, by which what has passed is ranked: the other half judges it.

    `members` (m, n), `signal` (n,) cut, of which `usual` is no news; `shapes` (m,) as in
    `shape.shape`, lowered where nothing readable describes a group; 0 where it did not pass.
    `coherence` (m,), likewise.
    """

    points: Points
    members: BoolArray
    signal: FloatArray
    usual: FloatArray | None
    shapes: FloatArray
    coherence: FloatArray

    @classmethod
    def of(cls, points: Points, signal: FloatArray, tested: Tested, bar: Bar) -> _Ranking:
        passed = np.flatnonzero(tested.confirmed | tested.tentative)
        proposals = [tested.proposals[place] for place in passed]
        members = tested.discover
        clear = clarity(members[passed], points)
        clear[[isinstance(each.region, Rule) for each in proposals]] = 1.0
        judged = shape(proposals, members[passed], points)
        shapes, coherence = np.zeros((2, len(tested)))
        shapes[passed] = judged.factor * (UNCLEAR + (1 - UNCLEAR) * clear)
        coherence[passed] = judged.coherence
        usual = bar.usual(signal, points.label)
        return cls(points, members, signal, usual, shapes, coherence)

    def picks(self, tested: Tested, rows: BoolArray, taken: BoolArray, most: int) -> list[Pick]:
        """Choose among the proposals in `rows`; places are those among all proposals."""
        places = np.flatnonzero(rows)
        if not len(places) or most <= 0:
            return []
        members, label = self.members[places], self.points.label

        def is_news(told: Told, place: int) -> bool:
            member, codes = members[place], tested.proposals[places[place]].labels
            if not codes:
                return told.leaves_open(member)
            return told.leaves_open(member, label) and all(
                told.leaves_open(member & (label == code), label, NEWS_IN_PART) for code in codes
            )

        shapes = self.shapes[places]
        inside = np.array([bool(tested.proposals[place].labels) for place in places])
        picks = choose(members, self.signal, shapes, most, taken, is_news, self.usual, inside)
        return [Pick(int(places[p.best]), places[p.voters], p.votes) for p in picks]


def _confirmed(ranking: _Ranking, half: Half, tested: Tested, bar: Bar, most: int) -> list[Finding]:
    found = []
    none = np.empty((0, len(ranking.signal)), dtype=np.bool_)
    for pick in ranking.picks(tested, tested.confirmed, none, most):
        concept = concept_of(pick, tested.proposals)
        again = retest(concept.members(half.points), half, tested, bar)
        gap, q_value = tested.gaps[pick.best], float(tested.q_value[pick.best])
        if again is not None and again[2]:
            gap, q_value, _ = again
        else:  # the vote lost it: keep the best alone
            concept = alone(tested.proposals[pick.best])
        merged, coherence = len(pick.voters), float(ranking.coherence[pick.best])
        found.append(Finding(concept, "confirmed", gap, q_value, merged, coherence))
    return found


def _tentative(ranking: _Ranking, tested: Tested, confirmed: list[Finding]) -> list[Finding]:
    taken = np.array([each.concept.members(ranking.points) for each in confirmed], dtype=np.bool_)
    taken = taken.reshape(len(confirmed), len(ranking.signal))
    picks = ranking.picks(tested, tested.tentative, taken, MAX_TENTATIVE)
    return [
        Finding(
            alone(tested.proposals[pick.best]),
            "tentative",
            tested.gaps[pick.best],
            float(tested.q_value[pick.best]),
            len(pick.voters),
            float(ranking.coherence[pick.best]),
        )
        for pick in picks
    ]
