"""Stage `retrieve`: unlabeled samples like an aggressor's members, in the order to label them.

A sample scores by how much nearer it lies to members than to anything else that is labeled, in a
whitened space of the embedding (of metadata, where there is none; of a further space, where the
group was found in one). Train samples outside the group count as the rest; those inside it do not,
or a group that train covers well would push its own kind away. The first part of the queue is
spread out so that it does not hold one sample many times, as deep as the expected precision allows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from aggressors.stages.correlate import members_by_concept
from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.pool import K, Pool, Scored, pool_of, scores
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import rows
from aggressors.stages.whitened import Floats
from aggressors.stats.beliefs import Share, beliefs, doubt_of
from aggressors.stats.density import chances
from aggressors.stats.neighbours import nearest
from aggressors.stats.spreading import depth_held, spread

VARIETY = 0.5
FIRST = 10  # the precision of so many is held as far down as samples are spread out
MOST_SPREAD = 1_000
COUNTS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, eq=False)
class Queue:
    """Unlabeled samples in the order to label them, and what they promise.

    `place` (q,) are places in the pool; `score`, `chance` (to be a member), `informative` and
    `priority` (q,) are theirs; `like` (q,) is the place of the nearest member among the labeled.
    """

    place: IntArray
    score: FloatArray
    chance: FloatArray
    informative: FloatArray
    priority: FloatArray
    like: IntArray
    spread: int  # the first so many are spread out
    promise: dict[int, Share]  # by how many of the first are labeled


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
            pool = pool_of(frame, here)
        if pool is None:
            continue
        assigned = np.zeros(len(frame), dtype=np.bool_)
        assigned[members[concept]] = True
        inside = assigned[pool.labeled[pool.analysed]]
        if not inside.any() or inside.all():
            continue
        scored = scores(pool, assigned[pool.labeled], frame.settings.candidates)
        queue = _queue(pool, scored, inside, frame)
        if queue is not None:
            candidates += _candidate_rows(concept, frame, pool, queue, assigned)
            yields += _yield_rows(concept, queue)
    for found in (candidates, yields):
        found.sort(key=lambda row: concepts.index(row["concept_id"]))
    return {"candidates": rows("candidates", candidates), "yields": rows("yields", yields)}


def _spaces_of(concepts: pa.Table) -> dict[int, str]:
    """Name the further space in which each concept was found; '' for the main one."""
    rules = zip(concepts["concept_id"].to_pylist(), concepts["rule"].to_pylist(), strict=True)
    return {concept: str(json.loads(rule).get("space", "")) for concept, rule in rules}


def _queue(pool: Pool, scored: Scored, inside: BoolArray, frame: Frame) -> Queue | None:
    """Rank the best, without copies; spread out the part that is precise throughout.

    Returns None where every unlabeled sample is a copy of a labeled one.
    """
    settings = frame.settings
    order = _distinct(pool, scored, settings.candidates)
    if len(order) == 0:
        return None
    place, score = scored.place[order], scored.score[order]
    chance = chances(scored.own[inside], scored.own[~inside], scored.whole, score)
    depth = min(depth_held(chance, min(FIRST, len(order)), VARIETY), MOST_SPREAD)
    like, informative = _informative(frame, pool, place, inside)
    worth = chance[:depth] * (1 + VARIETY * informative[:depth])
    head, gain = spread(
        pool.z_unlabeled[place[:depth]], worth, depth, variety=VARIETY, reach=1 + VARIETY
    )
    by = np.concatenate([head, np.arange(depth, len(order))])
    tail = chance[depth:] * gain[-1] / max(float(chance[head[-1]]), 1e-12)
    priority = np.minimum.accumulate(np.concatenate([gain, tail]))
    return Queue(
        place[by], score[by], chance[by], informative[by],
        priority / max(float(priority[0]), 1e-12), like[by], depth,
        _promise(
            chance[by], pool.z_unlabeled[place[by]], depth, frame,
            doubt_of(_failing(frame, pool, inside)),
        ),
    )  # fmt: skip


def _failing(frame: Frame, pool: Pool, inside: BoolArray) -> float:
    """Share of the analysed members that fail; NaN where nothing is known of them."""
    analysed = pool.labeled[pool.analysed]
    rest = np.zeros(len(frame), dtype=np.bool_)
    rest[analysed[~inside]] = True
    known = np.isfinite(frame.signal[analysed[inside]])
    if not known.any() or not np.isfinite(frame.signal[rest]).any():
        return float("nan")
    return float(frame.failing(rest)[analysed[inside]][known].mean())


def _promise(
    chance: FloatArray, z: Floats, depth: int, frame: Frame, doubt: float
) -> dict[int, Share]:
    """Share of such samples among the first ones, by how many.

    Within the spread part any first few are as precise as the whole of it.
    """
    nothing = np.empty(0, np.int64), np.empty(0, np.bool_)
    belief = beliefs(chance, z, *nothing, doubt=doubt)
    counts = [*(each for each in COUNTS if each < len(chance)), len(chance)]
    settings, found = frame.settings, {}
    for count in counts:
        queue = np.linspace(0, max(depth, count) - 1, count).astype(np.int64)
        found[count] = belief.share(queue, level=settings.level, seed=settings.seed)
    return found


def _informative(
    frame: Frame, pool: Pool, place: IntArray, inside: BoolArray
) -> tuple[IntArray, FloatArray]:
    """Nearest member, among the labeled, and how much each would teach, in [0, 1].

    That is the mean rank of two: how bad the signal of the nearest members is, and how unsure the
    model is, where it gives probabilities.
    """
    member = pool.analysed[inside]
    near = nearest(pool.z_unlabeled[place], pool.z_labeled[member], K).index
    signal = np.nan_to_num(frame.signal[pool.labeled[member]], nan=0.0)
    there = near >= 0
    found = np.where(there, signal[np.maximum(near, 0)], 0).sum(axis=1) / there.sum(axis=1)
    ranks = [_rank(found)]
    if frame.probabilities is not None:
        sure = frame.probabilities[pool.unlabeled[place]].max(axis=1)
        ranks.append(_rank(-np.nan_to_num(sure.astype(np.float64), nan=1.0)))
    return member[near[:, 0]], np.mean(ranks, axis=0)


def _rank(value: FloatArray) -> FloatArray:
    """(n,) rank in [0, 1], ties at their mean; 0.5 for one alone."""
    if len(value) == 1:
        return np.full(1, 0.5)
    _, place, count = np.unique(value, return_inverse=True, return_counts=True)
    below = np.cumsum(count) - count
    return np.asarray((below + (count - 1) / 2)[place] / (len(value) - 1))


def _distinct(pool: Pool, scored: Scored, wanted: int) -> IntArray:
    """First `wanted` by score, without copies of labeled samples or of earlier ones."""
    order = np.argsort(-scored.score, kind="stable")
    order = order[~scored.copy[order]][: 2 * wanted]
    if pool.duplicate == 0 or len(order) < 2:
        return order[:wanted]
    z = pool.z_unlabeled[scored.place[order]]
    near = nearest(z, z, min(8, len(z)), own=np.arange(len(z)))
    kept = np.ones(len(order), dtype=np.bool_)
    for place in np.flatnonzero(near.distance[:, 0] <= pool.duplicate).tolist():
        earlier = near.index[place][near.distance[place] <= pool.duplicate]
        earlier = earlier[earlier < place]
        kept[place] = not kept[earlier].any()
    return order[kept][:wanted]


def _candidate_rows(
    concept: int, frame: Frame, pool: Pool, queue: Queue, assigned: BoolArray
) -> list[dict[str, object]]:
    row = pool.unlabeled[queue.place]
    like = frame.sample_id[pool.labeled[queue.like]]
    position = pool.z_unlabeled[queue.place].astype("<f4")
    return [
        {
            "concept_id": concept,
            "sample_id": frame.sample_id[at],
            "rank": n + 1,
            "similarity": float(queue.score[n]),
            "chance": float(queue.chance[n]),
            "informative": float(queue.informative[n]),
            "priority": float(queue.priority[n]),
            "position": position[n].tobytes(),
            "reason": _reason(
                float(queue.score[n]), str(like[n]), _belief(frame, int(at)),
                bool(assigned[at]), spread=n < queue.spread,
            ),
        }
        for n, at in enumerate(row.tolist())
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
    return [
        {"concept_id": concept, "count": count, **asdict(share)}
        for count, share in queue.promise.items()
    ]


STAGE = Stage(
    name="retrieve",
    inputs=("samples", "metadata", "metadata_fields", "concepts", "assignments", "aggressors"),
    outputs=("candidates", "yields"),
    run=retrieve,
    optional=("embeddings", "spaces", "probabilities"),
)
