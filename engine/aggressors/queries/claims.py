"""A hypothesis put to the half of the data on which nothing was sought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import POPULATIONS, Filter
from aggressors.errors import FilterError
from aggressors.queries.columns import column, encode, joined, numbers
from aggressors.queries.grammar import fields_of
from aggressors.queries.masks import mask
from aggressors.queries.masks import where as holds
from aggressors.queries.names import FieldRef, resolve, resolve_value
from aggressors.queries.samples import concept_of_rank
from aggressors.queries.scope import fetch
from aggressors.queries.signals import signal_sql
from aggressors.stats.claims import FEWEST, Tested, gap_within, judge_claim
from aggressors.stats.codes import renumbered
from aggressors.stats.evidence import binned
from aggressors.stats.intervals import BoolArray, Interval
from aggressors.stats.reshuffle import Decks, Reshuffled, reshuffle, shuffled
from aggressors.stats.severity import failing
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

OUTCOMES = frozenset(  # fields of every run that say how the model did, or what was found
    ("loss", "loss_quantile", "correct", "prediction", "confidence", "aggressor", "concept", "fold")
)
BINS = 5  # of equal size, into which a confounder that is a number is cut
CONFIRM = "confirm"
_POPULATION = {name: f"s.population = '{name}'" for name in POPULATIONS}

_OF_CONCEPT = "SELECT row_id FROM assignments WHERE concept_id = $members"
_OF_SAMPLES = "SELECT row_id FROM samples WHERE sample_id IN (SELECT unnest($members))"
_MEMBERS = "SELECT sample_id FROM assignments WHERE concept_id = $concept"

Group = int | tuple[str, ...]  # a concept, or the ids of its members in another run


@dataclass(frozen=True, slots=True)
class InPopulation:
    """Gap of a claim in one population, within its strata.

    Parameters
    ----------
    fold : the half of the analysed population that judges; '' for all of another population.
    n : samples that the claim holds for.
    gap : None where too few have others of their stratum.
    """

    population: str
    fold: str
    n: int
    gap: Interval | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the data say of a hypothesis: of the group, by chance, and elsewhere.

    Parameters
    ----------
    reshuffled : None where no stratum has samples on both sides, or where samples belong together,
        which cannot change places one by one.
    populations : those with a known signal, the one that judges first.
    """

    tested: Tested
    reshuffled: Reshuffled | None
    populations: tuple[InPopulation, ...]
    confounders: tuple[str, ...]


def judged(run: RunFile, claim: Filter, group: Group, confounders: Sequence[str] = ()) -> Judged:
    """Test whether a claim is why a group fails, and how it does in every population.

    The confirm half of the analysed population judges: on the other half the group was found.

    Parameters
    ----------
    claim : the hypothesis.
    group : a concept of this run, or the ids of its members where it is of another.
    confounders : fields that may pose as the cause, beside the label; numbers are cut into fifths.

    Raises
    ------
    FilterError : the claim or a confounder is no field of the run, or is about how the model did.
    """
    if outcomes := sorted((fields_of(claim) | {*confounders}) & OUTCOMES):
        raise FilterError(
            f"A claim about {outcomes[0]!r} says how the model did, not why. Claim something of "
            "the samples: metadata, the label or a region of the map."
        )
    everyone = _Everyone(
        numbers(column(run, FieldRef("signal", "number", signal_sql(run)))),
        mask(run, claim),
        _member(run, group),
        _strata(run, confounders),
    )
    judging = _read(run, everyone, "s.fold = 'confirm'")
    dealt = None
    if judging.group is None and min(judging.held.sum(), (~judging.held).sum()) >= FEWEST:
        dealt = reshuffle(_decks(run, judging, confounders), judging.held)
    analysed, level = run.info.settings.analysed, run.info.settings.level
    places = [_in_population(judging, analysed, CONFIRM, level)]
    for name in POPULATIONS:
        if name != analysed and name in run.populations:
            part = _read(run, everyone, _POPULATION[name])
            if len(part.held):
                places.append(_in_population(part, name, "", level))
    return Judged(_tested(run, judging), dealt, tuple(places), tuple(confounders))


def _decks(run: RunFile, judging: _Samples, confounders: Sequence[str]) -> Decks:
    """Shuffle the judging samples within label and confounders, once for all claims."""

    def make() -> Decks:
        return shuffled(judging.signal, judging.stratum, seed=run.info.seed)

    return held.get(run, f"decks {list(confounders)}", make)


def group_in(run: RunFile, original: RunFile, rank: int) -> Group:
    """Find the group of a hypothesis in a run: the same samples, whatever was found in this one.

    Parameters
    ----------
    original, rank : the run on which it was made, and the rank of its aggressor there.

    Raises
    ------
    UsageError : no aggressor of `original` has this rank.
    """
    concept = concept_of_rank(original, rank)
    if original.info.run_id == run.info.run_id:
        return concept
    found = fetch(original, _MEMBERS, params={"concept": concept})
    return tuple(found["sample_id"].to_pylist())


@dataclass(frozen=True, slots=True, eq=False)
class _Everyone:
    """(n,) of every sample of the run; `through` is None where the claim holds for all."""

    signal: NDArray[np.float64]
    through: BoolArray | None
    member: BoolArray
    stratum: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """(n,) what is known of some samples, all with a signal."""

    signal: NDArray[np.float64]
    held: BoolArray
    member: BoolArray
    stratum: NDArray[np.int64]
    group: NDArray[np.int64] | None


def _read(run: RunFile, everyone: _Everyone, part: str) -> _Samples:
    """Take the samples of a part of the run that have a signal.

    Parameters
    ----------
    part : a condition of this module over `s`.
    """

    def make() -> NDArray[np.int64]:
        known, there = np.isfinite(everyone.signal), holds(run, part)
        return np.flatnonzero(known if there is None else known & there)

    rows = held.get(run, f"known where {part}", make)  # only the signal says, and a run has one
    through = everyone.through
    return _Samples(
        signal=everyone.signal[rows],
        held=np.ones(len(rows), dtype=np.bool_) if through is None else through[rows],
        member=everyone.member[rows],
        stratum=everyone.stratum[rows],
        group=_together(run, rows),
    )


def _member(run: RunFile, group: Group) -> BoolArray:
    """(n,) True for the samples of a group."""
    found = fetch(
        run,
        _OF_CONCEPT if isinstance(group, int) else _OF_SAMPLES,
        params={"members": group if isinstance(group, int) else list(group)},
    )
    member = np.zeros(sum(run.populations.values()), dtype=np.bool_)
    member[found["row_id"].to_numpy()] = True
    return member


def _together(run: RunFile, known: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """(n,) codes of the known samples that belong together; None where each stands alone."""
    given = holds(run, "s.group_id IS NOT NULL")
    if given is not None and not given[known].any():
        return None
    return joined(column(run, resolve(run, "group_id")).take(known))


def _tested(run: RunFile, samples: _Samples) -> Tested:
    rest = samples.signal[~samples.member]
    quantile = run.info.settings.core_quantile
    fails = failing(samples.signal, rest, quantile) if len(rest) else ~samples.member
    return judge_claim(
        samples.held,
        samples.member,
        fails,
        samples.signal,
        samples.stratum,
        group=samples.group,
        level=run.info.settings.level,
    )


def _in_population(samples: _Samples, population: str, fold: str, level: float) -> InPopulation:
    held, n = samples.held, int(samples.held.sum())
    gap = None
    if min(n, len(held) - n) >= FEWEST:
        gap = gap_within(samples.signal, held, samples.stratum, group=samples.group, level=level)
    return InPopulation(population, fold, n, gap)


def _strata(run: RunFile, confounders: Sequence[str]) -> NDArray[np.int64]:
    """(n,) codes of the label and all confounders together, of every sample of the run.

    No value is a stratum of its own; numbers are cut where the samples with a signal are.
    """
    refs = [resolve(run, "label"), *(resolve_value(run, name) for name in confounders)]

    def make() -> NDArray[np.int64]:
        known = np.isfinite(numbers(column(run, FieldRef("signal", "number", signal_sql(run)))))
        together = np.zeros(len(known), dtype=np.int64)
        for ref in refs:
            values = column(run, ref)
            if ref.kind == "number":
                value = numbers(values)
                code = binned(value, known & ~np.isnan(value), BINS)
            else:
                code = encode(values)[0]
            # numbered anew each time, so that many confounders fit in 64 bits
            together = renumbered(together * (int(code.max(initial=0)) + 2) + code + 1)
        return together

    return held.get(run, f"strata {[ref.sql for ref in refs]}", make)
