"""How much nearer each unlabeled sample lies to a group than to everything else that is labeled.

Up to `EXACT` unlabeled samples are all scored. Of more, a coarse score by a few thousand labeled
ones picks those that may become candidates, and others drawn at random stand for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.whitened import Floats, capped, whitened
from aggressors.stats.density import log_ratio, mean_to
from aggressors.stats.neighbours import Neighbours, nearest

K = 5  # nearest members
K_REST = 10  # nearest others: they are many, so that a few lie close by chance
LISTED = 32  # neighbours kept for all concepts, among which each finds its nearest others
DUPLICATE = 0.1  # of the median distance to the nearest labeled sample
EXACT = 50_000  # unlabeled samples that are all scored
DRAWN = 10_000  # of more than that, so many stand for those that no coarse score picks
PICKED = 3  # times the candidates wanted
COARSE = 2_000  # labeled samples by which a coarse score is made


@dataclass(frozen=True, eq=False)
class Pool:
    """Whitened positions and the neighbours that all concepts share.

    `unlabeled` (u,) and `labeled` (b,) are rows of the frame, the latter of train and the analysed
    population; `analysed` (a,) are places in `labeled`. `z_*` are positions. `near_drawn` are the
    nearest labeled samples of `drawn`, places in `unlabeled`; `near_analysed` those of the
    analysed; `near_coarse` the nearest of `coarse`, places in `labeled`, to each unlabeled one,
    None where all unlabeled are drawn.
    """

    unlabeled: IntArray
    labeled: IntArray
    analysed: IntArray
    z_unlabeled: Floats
    z_labeled: Floats
    drawn: IntArray
    near_drawn: Neighbours
    near_analysed: Neighbours
    coarse: IntArray
    near_coarse: Neighbours | None

    @property
    def z_analysed(self) -> Floats:
        """(a, p) positions of the analysed."""
        return self.z_labeled[self.analysed]

    @property
    def duplicate(self) -> float:
        """Distance below which two samples show the same."""
        return DUPLICATE * float(np.median(self.near_analysed.distance[:, 0]))


@dataclass(frozen=True, eq=False)
class Scored:
    """Log ratios, in nats.

    `place` (s,) are places among the unlabeled, `score` (s,) theirs, and `copy` (s,) whether one
    lies on a labeled sample; `whole` (u,) holds as many scores as there are unlabeled samples,
    spread as theirs are; `own` (a,) those of the analysed, each left out of its own group.
    """

    place: IntArray
    score: FloatArray
    copy: BoolArray
    whole: FloatArray
    own: FloatArray


def pool_of(frame: Frame, space: str) -> Pool | None:
    """Place all samples in a space; None without unlabeled ones, or anything to go by."""
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
    z_unlabeled, z_labeled = z[unlabeled], z[labeled]
    drawn, coarse, near_coarse = np.arange(len(unlabeled)), np.arange(0), None
    if len(unlabeled) > EXACT:
        drawn = np.searchsorted(unlabeled, capped(frame, unlabeled, DRAWN))
        coarse = np.flatnonzero(np.isin(labeled, capped(frame, labeled, COARSE)))
        near_coarse = nearest(z_unlabeled, z_labeled[coarse], 1)
    return Pool(
        unlabeled, labeled, place, z_unlabeled, z_labeled,
        drawn, nearest(z_unlabeled[drawn], z_labeled, LISTED),
        nearest(z_labeled[place], z_labeled, LISTED, own=place),
        coarse, near_coarse,
    )  # fmt: skip


def scores(pool: Pool, member: BoolArray, wanted: int) -> Scored:
    """Score the unlabeled that may be candidates, and the analysed.

    Parameters
    ----------
    member : (labeled,) which of the labeled are members; those of train only leave the rest.
    wanted : candidates that are wanted.
    """
    inside = member[pool.analysed]
    own = np.full(len(inside), -1)
    own[inside] = np.arange(int(inside.sum()))
    members = pool.z_analysed[inside]
    own_score = log_ratio(
        nearest(pool.z_analysed, members, K, own=own).mean_distance(K),
        mean_to(
            pool.near_analysed, ~member, pool.z_analysed, pool.z_labeled, K_REST, pool.analysed
        ),
    )  # fmt: skip
    drawn = _exact(pool, pool.drawn, pool.near_drawn, members, member)
    if pool.near_coarse is None:
        return Scored(pool.drawn, drawn, _copies(pool, pool.near_drawn), drawn, own_score)
    picked = _picked(pool, pool.near_coarse, members, member, PICKED * wanted)
    near = nearest(pool.z_unlabeled[picked], pool.z_labeled, K_REST + K)
    score = _exact(pool, picked, near, members, member)
    others = drawn[~np.isin(pool.drawn, picked)]
    left = len(pool.unlabeled) - len(picked)
    whole = np.concatenate([score, np.resize(others, left)]) if len(others) else score
    return Scored(picked, score, _copies(pool, near), whole, own_score)


def _exact(
    pool: Pool, place: IntArray, near: Neighbours, members: Floats, member: BoolArray
) -> FloatArray:
    z = pool.z_unlabeled[place]
    return log_ratio(
        nearest(z, members, K).mean_distance(K),
        mean_to(near, ~member, z, pool.z_labeled, K_REST),
    )


def _picked(
    pool: Pool, near: Neighbours, members: Floats, member: BoolArray, most: int
) -> IntArray:
    """Places of the unlabeled that score best by some of the members and some of the rest."""
    some = members[:: -(-len(members) // COARSE)]
    rest = mean_to(near, ~member[pool.coarse], pool.z_unlabeled, pool.z_labeled[pool.coarse], 1)
    rough = log_ratio(nearest(pool.z_unlabeled, some, 1).mean_distance(1), rest)
    if len(rough) <= most:
        return np.arange(len(rough))
    return np.sort(np.argpartition(-rough, most)[:most])


def _copies(pool: Pool, near: Neighbours) -> BoolArray:
    return np.asarray((near.distance[:, 0] <= pool.duplicate) & (pool.duplicate > 0))
