"""A hypothesis put to the half of the data on which nothing was sought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import POPULATIONS, Filter
from aggressors.errors import FilterError
from aggressors.queries.columns import encode, joined, numbers
from aggressors.queries.grammar import fields_of
from aggressors.queries.names import FieldRef, resolve, resolve_value
from aggressors.queries.samples import concept_of_rank
from aggressors.queries.scope import fetch, scope
from aggressors.queries.signals import signal_sql
from aggressors.stats.claims import FEWEST, Tested, gap_within, judge_claim
from aggressors.stats.evidence import binned
from aggressors.stats.intervals import BoolArray, Interval
from aggressors.stats.reshuffle import Reshuffled, reshuffle
from aggressors.stats.severity import failing
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

OUTCOMES = frozenset(  # fields of every run that say how the model did, or what was found
    ("loss", "loss_quantile", "correct", "prediction", "confidence", "aggressor", "concept", "fold")
)
BINS = 5  # of equal size, into which a confounder that is a number is cut
CONFIRM = "confirm"

_SAMPLES = """
    SELECT s.population, (s.fold = 'confirm') IS TRUE AS judges, {signal} AS signal, s.group_id,
        ({where}) IS TRUE AS held, s.row_id IN ({members}) AS member {strata}
    FROM {source} WHERE isfinite({signal}) ORDER BY s.row_id
"""
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
    everyone = _read(run, claim, group, confounders)
    judging = everyone.where(everyone.judges)
    dealt = None
    if judging.group is None and min(judging.held.sum(), (~judging.held).sum()) >= FEWEST:
        dealt = reshuffle(judging.signal, judging.held, judging.stratum, seed=run.info.seed)
    analysed, level = run.info.settings.analysed, run.info.settings.level
    places = [_in_population(judging, analysed, CONFIRM, level)]
    for name in POPULATIONS:
        if name != analysed and name in everyone.populations:
            part = everyone.where(everyone.population == everyone.populations.index(name))
            if len(part.held):
                places.append(_in_population(part, name, "", level))
    return Judged(_tested(run, judging), dealt, tuple(places), tuple(confounders))


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
class _Samples:
    """(n,) what is known of the samples that are looked at; `population` counts `populations`."""

    populations: tuple[str, ...]
    population: NDArray[np.int64]
    judges: BoolArray
    signal: NDArray[np.float64]
    held: BoolArray
    member: BoolArray
    stratum: NDArray[np.int64]
    group: NDArray[np.int64] | None

    def where(self, rows: BoolArray) -> _Samples:
        return _Samples(
            populations=self.populations,
            population=self.population[rows],
            judges=self.judges[rows],
            signal=self.signal[rows],
            held=self.held[rows],
            member=self.member[rows],
            stratum=self.stratum[rows],
            group=None if self.group is None else self.group[rows],
        )


def _read(run: RunFile, claim: Filter, group: Group, confounders: Sequence[str]) -> _Samples:
    refs = [resolve(run, "label"), *(resolve_value(run, name) for name in confounders)]
    held = scope(run, claim, *refs)
    found = fetch(
        run,
        _SAMPLES,
        held,
        {"members": group if isinstance(group, int) else list(group)},
        members=_OF_CONCEPT if isinstance(group, int) else _OF_SAMPLES,
        signal=signal_sql(run),
        strata="".join(f", {ref.sql} AS {identifier(f'c{at}')}" for at, ref in enumerate(refs)),
    )
    population, names = encode(found["population"])
    flags = {name: numbers(found[name]) > 0 for name in ("judges", "held", "member")}
    return _Samples(
        populations=tuple(names.to_pylist()),
        population=population,
        signal=numbers(found["signal"]),
        stratum=_strata([found[f"c{at}"] for at in range(len(refs))], refs),
        group=joined(found["group_id"]),
        **flags,
    )


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


def _strata(columns: Sequence[pa.ChunkedArray], refs: Sequence[FieldRef]) -> NDArray[np.int64]:
    """(n,) codes of the label and all confounders together; no value is a stratum of its own."""
    together = np.zeros(len(columns[0]), dtype=np.int64)
    for column, ref in zip(columns, refs, strict=True):
        if ref.kind == "number":
            values = numbers(column)
            code = binned(values, ~np.isnan(values), BINS)
        else:
            code = encode(column)[0]
        both = together * (int(code.max(initial=0)) + 2) + code + 1
        # numbered anew each time, so that many confounders fit in 64 bits
        together = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return together
