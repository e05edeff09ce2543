"""Which aggressors there are, how severe, and how the run does as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import (
    EVERYTHING,
    FEWEST_TO_CONFIRM,
    Aggressor,
    DiscoveryFacts,
    Filter,
)
from aggressors.queries.columns import column, numbers
from aggressors.queries.masks import BoolArray, mask
from aggressors.queries.masks import where as holds
from aggressors.queries.names import FieldRef, resolve
from aggressors.queries.scope import fetch, fetch_rows
from aggressors.queries.signals import signal_sql
from aggressors.store.held import held, once_a_run

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
EVERYONE = -1  # in the place of a concept_id: all samples
_TAIL = 0.995  # quantile of the signal at which a histogram ends; its last bin holds the rest


@dataclass(frozen=True, slots=True)
class PopulationTotals:
    """Totals of one population; means are weighted, and None where nothing is labeled.

    `n` samples, `n_labeled` of them with a loss; `mean_loss` in units of the loss; `error_rate`
    the share of wrong predictions, None for regression.
    """

    population: str
    n: int
    n_labeled: int
    mean_loss: float | None
    error_rate: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals over everything a filter lets through, and by population; see PopulationTotals."""

    n: int
    n_labeled: int
    mean_loss: float | None
    error_rate: float | None
    populations: tuple[PopulationTotals, ...]

    def of(self, population: str) -> PopulationTotals:
        """Totals of one population, zero where the filter leaves none of it."""
        for entry in self.populations:
            if entry.population == population:
                return entry
        return PopulationTotals(population, 0, 0, None, None)


@dataclass(frozen=True, slots=True)
class Explained:
    """What the confirmed aggressors account for together.

    `n` samples of the analysed population lie in at least one of them; `gap` is their mean signal
    minus that of the rest, on the confirm half; `share` of it all would vanish if they became like
    the rest.
    """

    n: int
    gap: float
    share: float


def totals(run: RunFile, filter: Filter = EVERYTHING) -> Totals:
    """Count samples and average loss and error, altogether and by population."""
    through = mask(run, filter)
    weight, loss = _weight(run), _weighted_loss(run)
    labeled, wrong, judged = (holds(run, sql) for sql in (_LABELED, _WRONG, _JUDGED))
    found = []
    for name, span in _spans(run).items():
        inside = None if through is None else through[span]
        n = span.stop - span.start if inside is None else int(np.count_nonzero(inside))
        if n:
            known, bad, either = (_joined(inside, part, span) for part in (labeled, wrong, judged))
            sums = (
                n if known is None else int(np.count_nonzero(known)),
                _sum(loss[span], known),
                _sum(weight[span], known),
                _sum(weight[span], bad),
                _sum(weight[span], either),
            )
            found.append((name, n, sums))
    judge = bool(run.classes)
    whole = [sum(part[place] for _, _, part in found) for place in range(5)]
    return Totals(
        n=sum(n for _, n, _ in found),
        n_labeled=int(whole[0]),
        mean_loss=_ratio(whole[1], whole[2]),
        error_rate=_ratio(whole[3], whole[4]) if judge else None,
        populations=tuple(
            PopulationTotals(
                name, n, part[0], _ratio(part[1], part[2]),
                _ratio(part[3], part[4]) if judge else None,
            )
            for name, n, part in found
        ),
    )  # fmt: skip


_LABELED = "s.loss IS NOT NULL"
_WRONG = "s.label <> s.prediction"
_JUDGED = "s.label IS NOT NULL AND s.prediction IS NOT NULL"


def _spans(run: RunFile) -> dict[str, slice]:
    """Where each population stands: samples are ordered by it."""
    spans, start = {}, 0
    for name, n in run.populations.items():
        spans[name] = slice(start, start + n)
        start += n
    return spans


def _weight(run: RunFile) -> FloatArray:
    return held.get(run, "weight", lambda: numbers(column(run, resolve(run, "weight"))))


def _weighted_loss(run: RunFile) -> FloatArray:
    """(n,) weight times loss, 0 where there is no loss."""

    def make() -> FloatArray:
        loss = numbers(column(run, resolve(run, "loss")))
        return np.where(np.isnan(loss), 0.0, loss * _weight(run))

    return held.get(run, "weighted loss", make)


def _joined(inside: BoolArray | None, further: BoolArray | None, span: slice) -> BoolArray | None:
    if further is None:
        return inside
    return further[span] if inside is None else inside & further[span]


def _sum(values: FloatArray, chosen: BoolArray | None) -> float:
    return float(values.sum() if chosen is None else values @ chosen)


@once_a_run
def aggressors(run: RunFile) -> tuple[Aggressor, ...]:
    """List the aggressors in the order of their rank, confirmed and tentative.

    Gap, interval and q-value are those of the confirm half.
    """
    sql = """
        SELECT g.rank, g.concept_id, g.name, g.status, g.severity, g.impact, g.n, g.n_known,
            g.n_core, t.gap, t.gap_low, t.gap_high, t.q_value, g.action,
            c.rule ->> '$.filter' AS rule, p.rank AS part_of
        FROM aggressors g
        JOIN concepts c USING (concept_id)
        LEFT JOIN concept_stats t ON t.concept_id = g.concept_id AND t.fold = 'confirm'
            AND t.population::VARCHAR = $analysed
        LEFT JOIN aggressors p ON p.concept_id = c.parent_id
        ORDER BY g.rank
    """
    rows = fetch(run, sql, params={"analysed": run.info.settings.analysed}).to_pylist()
    return tuple(Aggressor(**(row | {"rule": row["rule"] or ""})) for row in rows)


def in_scope(run: RunFile, filter: Filter = EVERYTHING) -> pa.Table:
    """How much of each aggressor a filter leaves, in the analysed population.

    Returns
    -------
    concept_id, rank, n (all members), n_scope (those the filter lets through), and the weighted
    mean_loss and error_rate of those of them for which it is known, NULL where there is none, by
    rank; error_rate is NULL for regression.
    """
    through = mask(run, filter)
    weight, loss = _weight(run), _weighted_loss(run)
    labeled, wrong, judged = (holds(run, sql) for sql in (_LABELED, _WRONG, _JUDGED))
    found = []
    ranked = "SELECT concept_id, rank, n FROM aggressors ORDER BY rank"
    for concept_id, rank, n in fetch_rows(run, ranked):
        rows = _members(run, concept_id)
        rows = rows if through is None else rows[through[rows]]
        known, bad, either = (_those(rows, part) for part in (labeled, wrong, judged))
        found.append(
            {
                "concept_id": concept_id,
                "rank": rank,
                "n": n,
                "n_scope": len(rows),
                "mean_loss": _ratio(loss[known].sum(), weight[known].sum()),
                "error_rate": _ratio(weight[bad].sum(), weight[either].sum())
                if run.classes
                else None,
            }
        )
    return pa.Table.from_pylist(found, schema=_IN_SCOPE)


_IN_SCOPE = pa.schema(
    [
        ("concept_id", pa.int32()),
        ("rank", pa.int32()),
        ("n", pa.int64()),
        ("n_scope", pa.int64()),
        ("mean_loss", pa.float64()),
        ("error_rate", pa.float64()),
    ]
)


def _those(rows: IntArray, holding: BoolArray | None) -> IntArray:
    return rows if holding is None else rows[holding[rows]]


def _members(run: RunFile, concept_id: int) -> IntArray:
    """Positions of the members of a concept in the analysed population, in their order."""
    sql = """
        SELECT a.row_id FROM assignments a JOIN samples s ON s.rowid = a.row_id
        WHERE a.concept_id = $concept AND s.population = $analysed ORDER BY a.row_id
    """

    def make() -> IntArray:
        asked = {"concept": concept_id, "analysed": run.info.settings.analysed}
        return np.array(fetch(run, sql, params=asked)["row_id"].to_numpy(), dtype=np.int64)

    return held.get(run, f"members {concept_id}", make)


def loss_explained(run: RunFile) -> Explained:
    """Share of the signal that would vanish if every confirmed aggressor became like the rest.

    Impact over the union of the members: their summed weight in both halves, times the gap of the
    confirm half, divided by the summed signal of the population, which is counted from the least
    signal where that is negative.
    """
    sql = """
        WITH known AS (
            SELECT s.row_id, s.weight, s.fold, {signal} AS signal
            FROM samples s WHERE s.population = $analysed
        )
        SELECT row_id IN (SELECT row_id FROM assignments WHERE concept_id IN (
                SELECT concept_id FROM aggressors WHERE status = 'confirmed')) AS inside,
            count(*) AS n, sum(weight) AS weight, sum(weight * signal) AS signal,
            sum(weight) FILTER (fold = 'confirm') AS confirm_weight,
            sum(weight * signal) FILTER (fold = 'confirm') AS confirm_signal,
            least(min(signal), 0) AS floor
        FROM known WHERE signal IS NOT NULL GROUP BY inside
    """
    rows = fetch_rows(
        run, sql, params={"analysed": run.info.settings.analysed}, signal=signal_sql(run)
    )
    sides = {bool(inside): values for inside, *values in rows}
    if True not in sides or False not in sides:
        return Explained(0, 0.0, 0.0)
    inside, rest = sides[True], sides[False]
    total = inside[2] + rest[2] - min(inside[5], rest[5]) * (inside[1] + rest[1])
    inside_mean, rest_mean = _ratio(inside[4], inside[3]), _ratio(rest[4], rest[3])
    if inside_mean is None or rest_mean is None or total <= 0:
        return Explained(inside[0], 0.0, 0.0)
    gap = inside_mean - rest_mean
    return Explained(inside[0], gap, inside[1] * gap / total)


def loss_histograms(run: RunFile, filter: Filter = EVERYTHING, bins: int = 24) -> pa.Table:
    """Signal of the analysed population, and of each aggressor in it, over the same bins.

    Returns
    -------
    concept_id (-1 for all), bin from 0, low, high, n; every concept has all `bins` rows. The last
    bin also holds the few values above it.
    """
    signal = numbers(column(run, FieldRef("signal", "number", signal_sql(run))))
    through, span = mask(run, filter), _spans(run).get(run.info.settings.analysed, slice(0, 0))
    ours = signal[span] if through is None else signal[span][through[span]]
    ours = ours[~np.isnan(ours)]
    if not len(ours):
        return _histogram_table({}, np.zeros(bins + 1))
    low, high = float(ours.min()), float(np.quantile(ours, _TAIL))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)

    def counted(value: FloatArray) -> IntArray:
        place = np.clip(np.floor((value - low) / (edges[1] - edges[0])), 0, bins - 1)
        return np.bincount(place.astype(np.int64), minlength=bins)

    counts = {EVERYONE: counted(ours)}
    for entry in aggressors(run):
        rows = _members(run, entry.concept_id)
        value = signal[rows if through is None else rows[through[rows]]]
        counts[entry.concept_id] = counted(value[~np.isnan(value)])
    return _histogram_table(counts, edges)


def _histogram_table(counts: dict[int, np.ndarray], edges: np.ndarray) -> pa.Table:
    bins = len(edges) - 1
    concepts = np.repeat(np.array(list(counts), dtype=np.int32), bins)
    n = np.concatenate(list(counts.values())) if counts else np.zeros(0, dtype=np.int64)
    return pa.table(
        {
            "concept_id": pa.array(concepts, pa.int32()),
            "bin": pa.array(np.tile(np.arange(bins), len(counts)), pa.int32()),
            "low": pa.array(np.tile(edges[:-1], len(counts)), pa.float64()),
            "high": pa.array(np.tile(edges[1:], len(counts)), pa.float64()),
            "n": pa.array(n, pa.int64()),
        }
    )


def discovery_facts(run: RunFile) -> DiscoveryFacts:
    """How many groups were tested and confirmed, and on how many samples."""
    sql = """
        SELECT (SELECT max(tested) FROM search),
            (SELECT count(*) FROM aggressors WHERE status = 'confirmed'),
            (SELECT count(*) FROM aggressors WHERE status = 'tentative'),
            (SELECT count(*) FROM samples WHERE fold = 'discover'),
            (SELECT count(*) FROM samples WHERE fold = 'confirm'),
            (SELECT coalesce(min(v.signal) < max(v.signal), false)
                FROM (SELECT {signal} AS signal FROM samples s WHERE s.fold IS NOT NULL) v)
    """
    settings = run.info.settings
    # A group has at least `min_size` members in its half, and at most `max_share` of it.
    share = min(settings.max_share, 0.5)
    found = fetch_rows(run, sql, signal=signal_sql(run))[0]
    tested, confirmed, tentative, n_discover, n_confirm, varies = found
    return DiscoveryFacts(
        tested,
        settings.fdr,
        confirmed,
        tentative,
        n_discover,
        n_confirm,
        max(FEWEST_TO_CONFIRM, round(2 * settings.min_size / share) if share > 0 else 0),
        bool(run.fields or run.dimensions),
        varies,
    )


def _ratio(total: float | None, weight: float | None) -> float | None:
    return None if total is None or not weight else float(total / weight)
