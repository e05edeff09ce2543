"""Which aggressors there are, how severe, and how the run does as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aggressors.contracts import (
    EVERYTHING,
    FEWEST_TO_CONFIRM,
    Aggressor,
    DiscoveryFacts,
    Filter,
)
from aggressors.queries.scope import fetch, fetch_rows, scope
from aggressors.queries.signals import signal_sql

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

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


_TOTALS = """
    SELECT s.population::VARCHAR AS population, count(*) AS n, count(s.loss) AS n_labeled,
        sum(s.weight * s.loss) AS loss,
        sum(s.weight) FILTER (s.loss IS NOT NULL) AS weight,
        sum(s.weight * (s.label <> s.prediction)::INTEGER) AS errors,
        sum(s.weight) FILTER (s.label IS NOT NULL AND s.prediction IS NOT NULL) AS judged
    FROM {source} WHERE {where} GROUP BY s.population ORDER BY s.population
"""


def totals(run: RunFile, filter: Filter = EVERYTHING) -> Totals:
    """Count samples and average loss and error, altogether and by population."""
    rows = fetch_rows(run, _TOTALS, scope(run, filter))
    judge = bool(run.classes)
    populations = tuple(
        PopulationTotals(
            name, n, labeled, _ratio(loss, weight), _ratio(wrong, judged) if judge else None
        )
        for name, n, labeled, loss, weight, wrong, judged in rows
    )
    sums = [sum(row[place] or 0 for row in rows) for place in range(1, 7)]
    return Totals(
        n=int(sums[0]),
        n_labeled=int(sums[1]),
        mean_loss=_ratio(sums[2], sums[3]),
        error_rate=_ratio(sums[4], sums[5]) if judge else None,
        populations=populations,
    )


def aggressors(run: RunFile) -> list[Aggressor]:
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
    return [Aggressor(**(row | {"rule": row["rule"] or ""})) for row in rows]


def in_scope(run: RunFile, filter: Filter = EVERYTHING) -> pa.Table:
    """How much of each aggressor a filter leaves, in the analysed population.

    Returns
    -------
    concept_id, rank, n (all members), n_scope (those the filter lets through), and their weighted
    mean_loss and error_rate, by rank; error_rate is NULL for regression.
    """
    sql = """
        SELECT g.concept_id, g.rank, g.n, count(p.row_id) AS n_scope,
            sum(p.weight * p.loss) / sum(p.weight) AS mean_loss,
            sum(p.weight * p.wrong) / sum(p.weight) AS error_rate
        FROM aggressors g
        LEFT JOIN (
            SELECT a.concept_id, s.row_id, s.weight, s.loss, {wrong} AS wrong
            FROM {source} JOIN assignments a ON a.row_id = s.row_id
            WHERE s.population = $analysed AND {where}
        ) p USING (concept_id)
        GROUP BY ALL ORDER BY g.rank
    """
    return fetch(
        run,
        sql,
        scope(run, filter),
        {"analysed": run.info.settings.analysed},
        wrong="(s.label <> s.prediction)::INTEGER" if run.classes else "NULL::INTEGER",
    )


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
    ranges = """
        WITH known AS (
            SELECT {signal} AS signal FROM {source} WHERE s.population = $analysed AND {where}
        )
        SELECT min(signal), quantile_cont(signal, $tail) FROM known
    """
    within = scope(run, filter)
    analysed = {"analysed": run.info.settings.analysed}
    signal = signal_sql(run)
    low, high = fetch_rows(run, ranges, within, analysed | {"tail": _TAIL}, signal=signal)[0]
    if low is None:
        return _histogram_table({}, np.zeros(bins + 1))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    sql = """
        WITH known AS (
            SELECT s.row_id, {signal} AS signal
            FROM {source} WHERE s.population = $analysed AND {where}
        ), binned AS (
            SELECT row_id, greatest(0, least($bins - 1, floor((signal - $low) / $width)))::INTEGER
                AS bin
            FROM known WHERE signal IS NOT NULL
        )
        SELECT {everyone} AS concept_id, bin, count(*) AS n FROM binned GROUP BY bin
        UNION ALL
        SELECT a.concept_id, b.bin, count(*) AS n
        FROM aggressors g JOIN assignments a USING (concept_id) JOIN binned b USING (row_id)
        GROUP BY a.concept_id, b.bin
    """
    params = analysed | {"bins": bins, "low": low, "width": float(edges[1] - edges[0])}
    counts = {EVERYONE: np.zeros(bins, dtype=np.int64)}
    counts |= {entry.concept_id: np.zeros(bins, dtype=np.int64) for entry in aggressors(run)}
    parts = {"everyone": str(EVERYONE), "signal": signal}
    for concept_id, place, n in fetch_rows(run, sql, within, params, **parts):
        counts[concept_id][place] = n
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
