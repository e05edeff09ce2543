"""Fetch unlabeled samples like an aggressor's members, as the analyst wishes, while they look on.

The run holds the candidates with the chance that each is such a sample, how much it would teach
and where it lies; here they are ordered anew, and what the queue would yield is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import EVERYTHING, Filter
from aggressors.errors import RunCorrupt, UsageError
from aggressors.queries.cards import MAX_ROWS
from aggressors.queries.masks import mask
from aggressors.queries.scope import fetch, fetch_rows
from aggressors.stats.beliefs import Beliefs, beliefs, doubt_of, mixed, tilted
from aggressors.stats.spreading import depth_held, spread
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

PILOT = 20  # answers that measure a queue
WIDE = 0.3  # an interval of the expected share that is wider asks for a pilot
FARTHEST = 4.0  # where classes take turns, a queue is drawn from so many times its length
VARIED = "; chosen for variety"
_STOCK = """
    SELECT s.row_id, c.sample_id, c.similarity, c.chance, c.informative, c.position, c.reason,
        s.prediction::VARCHAR AS prediction
    FROM candidates c JOIN samples s USING (sample_id)
    WHERE c.concept_id = $concept ORDER BY c.rank
"""
_FAILING = "SELECT n_core / nullif(n_known, 0) FROM aggressors WHERE concept_id = $concept"


@dataclass(frozen=True, slots=True)
class Wish:
    """What an analyst wants of a queue.

    Parameters
    ----------
    budget : samples to label, 1 to `cards.MAX_ROWS`.
    variety : 0 takes the likeliest first; at 1, a tenth of the expected share may go for variety.
    even : take the predicted classes in turn.
    filter : the candidates in scope.
    without : ids that are left out, such as those queued already.
    more_like, less_like : ids of candidates that are such samples, and that are not.
    at_least : the precision below which the cut-off lies, in (0, 1].

    Raises
    ------
    UsageError : a value out of range, or an id in both lists.
    """

    budget: int = 100
    variety: float = 0.5
    even: bool = False
    filter: Filter = EVERYTHING
    without: frozenset[str] = frozenset()
    more_like: tuple[str, ...] = ()
    less_like: tuple[str, ...] = ()
    at_least: float = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.budget <= MAX_ROWS:
            raise UsageError(f"A queue takes 1 to {MAX_ROWS:,} samples; got {self.budget}.")
        if not 0 <= self.variety <= 1:
            raise UsageError(f"Variety goes from 0 to 1; got {self.variety:g}.")
        if not 0 < self.at_least <= 1:
            raise UsageError(f"A precision lies above 0 and up to 1; got {self.at_least:g}.")
        if both := sorted({*self.more_like} & {*self.less_like}):
            raise UsageError(
                f"Sample {both[0]!r} is picked both as such a sample and as none. Pick one."
            )


@dataclass(frozen=True, slots=True)
class Promise:
    """What share of a queue will be such samples: expected, in [`low`, `high`].

    `measured` counts the answers about candidates of its aggressor that stand behind it;
    `needs_pilot` says whether some should be labeled before all, and `why` in a sentence, '' where
    not.
    """

    expected: float
    low: float
    high: float
    measured: int
    needs_pilot: bool
    why: str


@dataclass(frozen=True, eq=False)
class Fetched:
    """A queue, in the order to label it.

    Parameters
    ----------
    found : row_id, sample_id, rank (1 = first), similarity (nats), chance, reason.
    promise : of this queue; None where it is empty.
    chances : of all candidates in scope that are neither left out nor answered, falling.
    at_least : the precision that was asked for.
    """

    found: pa.Table
    promise: Promise | None
    chances: FloatArray
    at_least: float

    @property
    def available(self) -> int:
        """Candidates in scope that are neither left out nor answered."""
        return len(self.chances)

    @property
    def cutoff(self) -> int:
        """How many of those available keep the precision that was asked for."""
        return self.reach(self.at_least)

    def reach(self, at_least: float) -> int:
        """How many of those available, the likeliest first, have a mean chance of so much."""
        share = np.cumsum(self.chances) / np.arange(1, self.available + 1)
        return int(np.flatnonzero(share >= at_least).max(initial=-1) + 1)


@dataclass(frozen=True, eq=False)
class _Stock:
    """The n stored candidates of a concept; `kind` (n,) codes the predicted class."""

    row: IntArray
    similarity: FloatArray
    chance: FloatArray
    informative: FloatArray
    z: NDArray[np.float32]
    kind: IntArray
    failing: float  # share of the members that fail, NaN where nobody knows
    ids: tuple[str, ...]
    reasons: tuple[str, ...]
    place: Mapping[str, int] = field(repr=False)

    @property
    def nbytes(self) -> int:
        words = sum(map(len, self.ids)) * 2 + sum(map(len, self.reasons))
        return self.z.nbytes + words + 200 * len(self.ids)


def fetched(
    run: RunFile,
    concept_id: int,
    wish: Wish | None = None,
    answers: Mapping[str, bool] | None = None,
) -> Fetched:
    """Order the candidates of a concept as wished, and say what they promise.

    Parameters
    ----------
    answers : by id, whether candidates that were labeled are such samples; they move the chance of
        the others and come no more. What answers no candidate of this concept is passed over.

    Raises
    ------
    UsageError : a picked example is no candidate of the concept.
    """
    wish = wish or Wish()
    stock = _stock(run, concept_id)
    more, less = (_picked(stock, ids, concept_id) for ids in (wish.more_like, wish.less_like))
    belief = _believed(
        stock, _known(stock, answers or {}), tilted(stock.chance, stock.z, more, less)
    )
    inside = np.setdiff1d(_in_scope(run, stock, wish), belief.seen)
    if len(inside) == 0:
        nothing = _table(stock, inside, belief.chance, [])
        return Fetched(nothing, None, belief.chance[inside], wish.at_least)
    inside = inside[np.argsort(-belief.chance[inside], kind="stable")]
    taken = _chosen(stock, belief, inside, wish)
    plain = set(inside[: len(taken)].tolist())
    reasons = _reasons(stock, taken, plain, wish, belief)
    return Fetched(
        _table(stock, taken, belief.chance, reasons),
        _promise(run, stock, belief, taken),
        belief.chance[inside],
        wish.at_least,
    )


def examples(run: RunFile, concept_id: int, sample_ids: Sequence[str]) -> tuple[str, ...]:
    """Give those of some ids that are candidates of a concept, which alone may be picked."""
    place = _stock(run, concept_id).place
    return tuple(one for one in sample_ids if one in place)


def promised(
    run: RunFile,
    concept_id: int,
    sample_ids: Sequence[str],
    answers: Mapping[str, bool] | None = None,
) -> Promise | None:
    """Say what share of a queue will be such samples, given the answers so far.

    Parameters
    ----------
    sample_ids : of the queue; what is no candidate of the concept is passed over.
    answers : by id, whether those labeled are such samples; those outside the queue help too.

    Returns
    -------
    None where no candidate of the concept is in the queue.
    """
    stock = _stock(run, concept_id)
    queue = _places(stock, sample_ids)
    if len(queue) == 0:
        return None
    return _promise(run, stock, _believed(stock, _known(stock, answers or {})), queue)


def pilot(
    run: RunFile, concept_id: int, sample_ids: Sequence[str], count: int = PILOT
) -> list[str]:
    """Choose the samples of a queue to label first, so that they measure all of it.

    They lie evenly along the chance that each is such a sample, as the whole queue does.
    """
    stock = _stock(run, concept_id)
    queue = _places(stock, sample_ids)
    if len(queue) <= count:
        return [stock.ids[place] for place in queue]
    order = queue[np.argsort(-stock.chance[queue], kind="stable")]
    middle = (np.arange(count) + 0.5) * len(order) / count
    return [stock.ids[place] for place in order[middle.astype(np.int64)]]


def _stock(run: RunFile, concept_id: int) -> _Stock:
    return held.get(run, f"stock {concept_id}", lambda: _read(run, concept_id))


def _read(run: RunFile, concept_id: int) -> _Stock:
    table = fetch(run, _STOCK, params={"concept": concept_id})
    numbers = {
        name: np.nan_to_num(table[name].to_numpy(zero_copy_only=False).astype(np.float64))
        for name in ("similarity", "chance", "informative")
    }
    classes = np.array(table["prediction"].fill_null("").to_pylist(), dtype=object)
    ids = tuple(table["sample_id"].to_pylist())
    failing = fetch_rows(run, _FAILING, params={"concept": concept_id})
    return _Stock(
        failing=float(failing[0][0]) if failing and failing[0][0] is not None else float("nan"),
        row=table["row_id"].to_numpy(),
        z=_positions(run, table["position"].to_pylist()),
        kind=np.unique(classes, return_inverse=True)[1].astype(np.int64),
        ids=ids,
        reasons=tuple(said or "" for said in table["reason"].to_pylist()),
        place={sample_id: at for at, sample_id in enumerate(ids)},
        **numbers,
    )


def _positions(run: RunFile, raw: list[bytes | None]) -> NDArray[np.float32]:
    """(n, p) positions; all the same where none is stored, so that nothing is near or far."""
    known = {len(each or b"") for each in raw}
    if not raw or known == {0}:
        return np.zeros((len(raw), 1), dtype=np.float32)
    if len(known) > 1 or known.pop() % 4:
        raise RunCorrupt(f"Positions of candidates in {run.path} differ in length. Run it again.")
    z = np.frombuffer(b"".join(each or b"" for each in raw), dtype="<f4").reshape(len(raw), -1)
    if not np.isfinite(z).all():
        raise RunCorrupt(f"Positions of candidates in {run.path} are no numbers. Run it again.")
    return z


def _picked(stock: _Stock, sample_ids: Sequence[str], concept_id: int) -> IntArray:
    for sample_id in sample_ids:
        if sample_id not in stock.place:
            raise UsageError(
                f"Sample {sample_id!r} is no candidate of concept {concept_id}, so that nothing "
                "can be more or less like it. Pick among the candidates."
            )
    return _places(stock, sample_ids)


def _known(stock: _Stock, answers: Mapping[str, bool]) -> dict[int, bool]:
    return {stock.place[key]: bool(hit) for key, hit in answers.items() if key in stock.place}


def _places(stock: _Stock, sample_ids: Sequence[str]) -> IntArray:
    there = [stock.place[key] for key in dict.fromkeys(sample_ids) if key in stock.place]
    return np.array(there, dtype=np.int64)


def _believed(stock: _Stock, said: Mapping[int, bool], chance: FloatArray | None = None) -> Beliefs:
    seen = np.array(sorted(said), dtype=np.int64)
    truth = np.array([said[place] for place in seen.tolist()], dtype=np.bool_)
    prior = stock.chance if chance is None else chance
    return beliefs(prior, stock.z, seen, truth, doubt=doubt_of(stock.failing))


def _in_scope(run: RunFile, stock: _Stock, wish: Wish) -> IntArray:
    through = mask(run, wish.filter)
    kept = np.ones(len(stock.row), np.bool_) if through is None else through[stock.row].copy()
    kept[_places(stock, [*wish.without, *wish.less_like])] = False
    return np.flatnonzero(kept)


def _chosen(stock: _Stock, belief: Beliefs, inside: IntArray, wish: Wish) -> IntArray:
    """Places taken, in order, from those inside, the likeliest of which come first."""
    chance = belief.chance[inside]
    count = min(wish.budget, len(inside))
    reach = FARTHEST if wish.even else 1 + wish.variety  # few of a class are among the likeliest
    depth = int(min(np.ceil(reach * count), len(inside)))
    if not wish.even:
        depth = depth_held(chance[:depth], count, wish.variety)
    near = inside[:depth]
    worth = chance[:depth] * (1 + wish.variety * stock.informative[near])
    kind = stock.kind[near] if wish.even else None
    order, _ = spread(stock.z[near], worth, count, variety=wish.variety, reach=reach, kind=kind)
    return near[order]


def _promise(run: RunFile, stock: _Stock, belief: Beliefs, queue: IntArray) -> Promise:
    settings = run.info.settings
    share = belief.share(queue, level=settings.level, seed=settings.seed)
    measured = len(belief.seen)
    why = ""
    if measured < min(PILOT, len(queue)) and share.high - share.low > WIDE:
        why = (
            f"Label {PILOT} spread over this queue first: from {share.low:.0%} to {share.high:.0%} "
            "of it may be such samples"
        )
        if mixed(stock.failing):
            why += (
                f". Only {stock.failing:.0%} of the aggressor's members fail, so that it may be "
                "mixed with samples of another kind"
            )
        why += "."
    return Promise(share.expected, share.low, share.high, measured, bool(why), why)


def _reasons(
    stock: _Stock, taken: IntArray, plain: set[int], wish: Wish, belief: Beliefs
) -> list[str]:
    """Say why each was chosen; what chance alone would not have taken is there for variety."""
    picked = _places(stock, wish.more_like)
    said = []
    for place in taken.tolist():
        reason = stock.reasons[place].removesuffix(VARIED)
        if len(picked) and place not in set(picked.tolist()):
            gaps = np.linalg.norm(stock.z[picked] - stock.z[place], axis=1)
            best = int(np.argmin(gaps))
            if belief.chance[place] > stock.chance[place]:
                reason += f"; likelier for {stock.ids[picked[best]]}, which you picked"
        said.append(reason if place in plain else reason + VARIED)
    return said


def _table(stock: _Stock, taken: IntArray, chance: FloatArray, reasons: list[str]) -> pa.Table:
    return pa.table({
        "row_id": pa.array(stock.row[taken], pa.int64()),
        "sample_id": pa.array([stock.ids[place] for place in taken], pa.string()),
        "rank": pa.array(np.arange(1, len(taken) + 1), pa.int32()),
        "similarity": pa.array(stock.similarity[taken], pa.float64()),
        "chance": pa.array(chance[taken], pa.float64()),
        "reason": pa.array(reasons, pa.string()),
    })  # fmt: skip
