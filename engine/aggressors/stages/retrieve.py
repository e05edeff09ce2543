"""Stage `retrieve`: unlabeled samples like an aggressor's members, in the order to label them.

A sample scores by how much nearer it lies to members than to anything else that is labeled, in a
whitened space of the embedding (of metadata, where there is none; of a further space, where the
group was found in one). Train samples outside the group count as the rest; those inside it do not,
or a group that train covers well would push its own kind away. The first part of the queue is
spread out so that it does not hold one sample many times, as deep as the expected precision allows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from aggressors.stages.correlate import members_by_concept
from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import rows
from aggressors.stages.whitened import Floats, capped, whitened
from aggressors.stats.density import Yield, expected_yield, log_ratio, mean_to
from aggressors.stats.neighbours import Neighbours, nearest

K = 5  # nearest members
K_REST = 10  # nearest others: they are many, so that a few lie close by chance
LISTED = 64  # neighbours kept for all concepts, among which each finds its nearest others
DUPLICATE = 0.1  # of the median distance to the nearest labeled sample
PRECISION_HELD = 0.95
COUNTS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, eq=False)
class Pool:
    """Whitened positions and the neighbours that all concepts share.

    `unlabeled` (u,) and `labeled` (b,) are rows of the frame, the latter of train and the analysed
    population; `analysed` (a,) are places in `labeled`. `z_*` are positions; `near_*` the nearest
    labeled samples of the unlabeled and of the analysed.
    """

    unlabeled: IntArray
    labeled: IntArray
    analysed: IntArray
    z_unlabeled: Floats
    z_labeled: Floats
    near_unlabeled: Neighbours
    near_analysed: Neighbours

    @property
    def z_analysed(self) -> Floats:
        """(a, p) positions of the analysed."""
        return self.z_labeled[self.analysed]

    @property
    def duplicate(self) -> float:
        """Distance below which two samples show the same."""
        return DUPLICATE * float(np.median(self.near_analysed.distance[:, 0]))


@dataclass(frozen=True, eq=False)
class Queue:
    """Places in the pool in the order to label them, their priorities, and what they promise."""

    order: IntArray
    priority: FloatArray
    spread: int  # the first so many are spread out
    counts: IntArray
    promise: Yield


def retrieve(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Fill `candidates` and `yields`; both empty without unlabeled samples or aggressors."""
    frame = Frame.from_tables(tables, context)
    concepts = tables["aggressors"]["concept_id"].to_pylist()
    spaces = _spaces_of(tables["concepts"])
    members = members_by_concept(tables)
    candidates: list[dict[str, object]] = []
    yields: list[dict[str, object]] = []
    pool, here = None, None
    ordered = sorted(concepts, key=lambda concept: spaces[concept])
    for concept in context.progress(ordered, len(ordered), "retrieve"):
        if spaces[concept] != here:  # one pool at a time: it is large
            here = spaces[concept]
            pool = _pool(frame, here)
        if pool is None:
            continue
        assigned = np.zeros(len(frame), dtype=np.bool_)
        assigned[members[concept]] = True
        inside = assigned[pool.labeled[pool.analysed]]
        if not inside.any() or inside.all():
            continue
        score, own_score = scores(pool, assigned[pool.labeled])
        queue = _queue(pool, score, own_score, inside, frame)
        if queue is None:
            continue
        nearest_member = nearest(
            pool.z_unlabeled[queue.order], pool.z_analysed[inside], 1
        ).index[:, 0]  # fmt: skip
        like = frame.sample_id[pool.labeled[pool.analysed[inside]][nearest_member]]
        candidates += _candidate_rows(concept, frame, pool, queue, score, like, assigned)
        yields += _yield_rows(concept, queue)
    for found in (candidates, yields):
        found.sort(key=lambda row: concepts.index(row["concept_id"]))
    return {"candidates": rows("candidates", candidates), "yields": rows("yields", yields)}


def _spaces_of(concepts: pa.Table) -> dict[int, str]:
    """Name the further space in which each concept was found; '' for the main one."""
    rules = zip(concepts["concept_id"].to_pylist(), concepts["rule"].to_pylist(), strict=True)
    return {concept: str(json.loads(rule).get("space", "")) for concept, rule in rules}


def _pool(frame: Frame, space: str) -> Pool | None:
    unlabeled = np.flatnonzero(frame.in_population("unlabeled"))
    analysed = np.flatnonzero(frame.analysed)
    train = np.flatnonzero(frame.in_population("train") & ~frame.analysed)
    if len(unlabeled) == 0 or len(analysed) == 0:
        return None
    z = whitened(frame, np.concatenate([train, analysed]), space)
    if z is None:
        return None
    train = capped(frame, train)
    labeled = np.concatenate([train, capped(frame, analysed)])
    place = np.arange(len(train), len(labeled))
    return Pool(
        unlabeled,
        labeled,
        place,
        z[unlabeled],
        z[labeled],
        nearest(z[unlabeled], z[labeled], LISTED),
        nearest(z[labeled[place]], z[labeled], LISTED, own=place),
    )


def scores(pool: Pool, member: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Score the unlabeled, and the analysed as if each were left out of its own group.

    Parameters
    ----------
    member : (labeled,) which of the labeled are members; those of train only leave the rest.

    Returns
    -------
    (unlabeled,) and (analysed,) log ratios, in nats.
    """
    inside = member[pool.analysed]
    own = np.full(len(inside), -1)
    own[inside] = np.arange(int(inside.sum()))
    z_m = pool.z_analysed[inside]
    near_u = nearest(pool.z_unlabeled, z_m, K).mean_distance(K)
    near_a = nearest(pool.z_analysed, z_m, K, own=own).mean_distance(K)
    rest_u = mean_to(pool.near_unlabeled, ~member, pool.z_unlabeled, pool.z_labeled, K_REST)
    rest_a = mean_to(
        pool.near_analysed, ~member, pool.z_analysed, pool.z_labeled, K_REST, pool.analysed
    )
    return log_ratio(near_u, rest_u), log_ratio(near_a, rest_a)


def _queue(
    pool: Pool, score: FloatArray, own_score: FloatArray, inside: BoolArray, frame: Frame
) -> Queue | None:
    """Rank the best, without copies; spread out the part that is precise throughout.

    Returns None where every unlabeled sample is a copy of a labeled one.
    """
    settings = frame.settings
    order = _distinct(pool, np.argsort(-score, kind="stable"), settings.candidates)
    if len(order) == 0:
        return None
    ranked = score[order]

    def promised(counts: IntArray, reach: IntArray) -> Yield:
        return expected_yield(
            own_score[inside], own_score[~inside], score, ranked[reach - 1], counts,
            level=settings.level, seed=settings.seed,
        )  # fmt: skip

    steps = _steps(len(order))
    expected = promised(steps, steps).expected
    depth = int(steps[expected >= PRECISION_HELD * expected[0]].max())  # expected falls
    chance = _chance(steps, expected, len(order))
    head, gain = _spread(pool.z_unlabeled[order[:depth]], chance[:depth])
    tail = chance[depth:] * gain[-1] / max(float(chance[depth - 1]), 1e-12)
    priority = np.minimum.accumulate(np.concatenate([gain, tail]))
    counts = _counts(len(order))
    return Queue(
        np.concatenate([order[:depth][head], order[depth:]]),
        priority / max(float(priority[0]), 1e-12),
        depth,
        counts,
        # within the spread part any first few are as precise as the whole of it
        promised(counts, np.maximum(counts, depth)),
    )


def _counts(n: int) -> IntArray:
    counts = [count for count in COUNTS if count < n]
    return np.array([*counts, n], dtype=np.int64)


def _steps(n: int) -> IntArray:
    """Sizes at which a queue of n is judged: growing by a fifth, with all shown counts."""
    growing = np.ceil(10 * 1.2 ** np.arange(60)).astype(np.int64)
    return np.unique(np.concatenate([growing[growing < n], _counts(n)]))


def _chance(steps: IntArray, expected: FloatArray, n: int) -> FloatArray:
    """(n,) expected chance that each in the queue is a member; falling along it."""
    found = np.maximum.accumulate(steps * expected)
    marginal = np.diff(found, prepend=0.0) / np.diff(steps, prepend=0)
    middle = steps - np.diff(steps, prepend=0) / 2
    falling = np.minimum.accumulate(marginal)
    return np.asarray(np.interp(np.arange(n) + 0.5, middle, falling), dtype=np.float64)


def _distinct(pool: Pool, order: IntArray, wanted: int) -> IntArray:
    """Take the first `wanted` of an order, without copies of labeled samples or of earlier ones."""
    first = pool.near_unlabeled.distance[:, 0] > pool.duplicate
    order = order[first[order] | (pool.duplicate == 0)][: 2 * wanted]
    if pool.duplicate == 0 or len(order) < 2:
        return order[:wanted]
    z = pool.z_unlabeled[order]
    near = nearest(z, z, min(8, len(z)), own=np.arange(len(z)))
    kept = np.ones(len(order), dtype=np.bool_)
    for place in np.flatnonzero(near.distance[:, 0] <= pool.duplicate).tolist():
        earlier = near.index[place][near.distance[place] <= pool.duplicate]
        earlier = earlier[earlier < place]
        kept[place] = not kept[earlier].any()
    return order[kept][:wanted]


def _spread(z: Floats, chance: FloatArray) -> tuple[IntArray, FloatArray]:
    """Order that takes the most by chance x sqrt(distance to what is taken), and that product.

    Distances count up to the median between two of them, so that only crowding is held against
    a sample. The product never rises along the order, since what is taken only grows.
    """
    n = len(z)
    some = z[:: max(1, n // 200)]
    gaps = np.linalg.norm(some[:, None] - some[None], axis=2)
    unit = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 1.0
    distance = np.ones(n)
    taken, gain = np.empty(n, dtype=np.int64), np.empty(n)
    left = np.ones(n, dtype=np.bool_)
    for turn in range(n):
        worth = np.where(left, chance * np.sqrt(distance), -1.0)
        taken[turn] = best = int(np.argmax(worth))
        gain[turn] = worth[best]
        left[best] = False
        distance = np.minimum(distance, np.linalg.norm(z - z[best], axis=1) / unit)
    return taken, gain


def _candidate_rows(
    concept: int, frame: Frame, pool: Pool, queue: Queue, score: FloatArray,
    like: np.ndarray, assigned: BoolArray,
) -> list[dict[str, object]]:  # fmt: skip
    row = pool.unlabeled[queue.order]
    return [
        {
            "concept_id": concept,
            "sample_id": frame.sample_id[at],
            "rank": place + 1,
            "similarity": float(score[queue.order[place]]),
            "priority": float(queue.priority[place]),
            "reason": _reason(
                float(score[queue.order[place]]), str(like[place]), _belief(frame, int(at)),
                bool(assigned[at]), spread=place < queue.spread,
            ),
        }
        for place, at in enumerate(row.tolist())
    ]  # fmt: skip


def _belief(frame: Frame, row: int) -> str:
    """Say what the model thinks of a sample, as the end of a sentence."""
    if frame.prediction[row] < 0:
        return ""
    name = frame.classes[frame.prediction[row]]
    if frame.probabilities is None:
        return f"; the model says {name}"
    return f"; the model says {name} ({100 * float(frame.probabilities[row].max()):.0f} %)"


def _reason(score: float, like: str, belief: str, meets: bool, *, spread: bool) -> str:
    ratio = float(np.exp(abs(score)))
    if ratio < 1.05:
        nearer = "as near to members as to the rest"
    elif score > 0:
        nearer = f"{ratio:.1f} times nearer to members than to the rest"
    else:
        nearer = f"{ratio:.1f} times nearer to the rest than to members"
    named = ", and within the group's own bounds" if meets else ""
    varied = "; chosen for variety" if spread else ""
    return f"{nearer}{named}; most like {like}{belief}{varied}"


def _yield_rows(concept: int, queue: Queue) -> list[dict[str, object]]:
    promise = queue.promise
    return [
        {"concept_id": concept, "count": count, "expected": expected, "low": low, "high": high}
        for count, expected, low, high in zip(
            queue.counts.tolist(),
            promise.expected.tolist(),
            promise.low.tolist(),
            promise.high.tolist(),
            strict=True,
        )
    ]


STAGE = Stage(
    name="retrieve",
    inputs=("samples", "metadata", "metadata_fields", "concepts", "assignments", "aggressors"),
    outputs=("candidates", "yields"),
    run=retrieve,
    optional=("embeddings", "spaces", "probabilities"),
)
