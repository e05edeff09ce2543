"""How many others are the same, or nearly: counted over a million samples without all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Floats = NDArray[np.float32]
Keys = NDArray[np.uint64]

CROWD = 20  # near-duplicates up to which they are counted
_BITS = 64
_ORDERS = 8  # orders in which neighbours are sought
_DIFFERENT = 8  # bits by which two near ones differ at most
_BLOCK = 65_536
_SEED = 20_020_519  # of the directions: the same in every run, so that counts are


def mixed(keys: Keys, column: NDArray[np.unsignedinteger]) -> Keys:
    """(n,) keys of rows with one more column: equal for equal rows, else only by accident.

    Source: the finaliser of splitmix64 (Steele, Lea and Flood 2014) after each column; any two of a
    million rows share a key with a chance of 3e-8.
    """
    keys = keys ^ column
    keys += np.uint64(0x9E3779B97F4A7C15)
    keys ^= keys >> np.uint64(30)
    keys *= np.uint64(0xBF58476D1CE4E5B9)
    keys ^= keys >> np.uint64(27)
    keys *= np.uint64(0x94D049BB133111EB)
    keys ^= keys >> np.uint64(31)
    return keys


def equal_counts(keys: Keys) -> IntArray:
    """(n,) how many others have the same key."""
    _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(counts[place] - 1, dtype=np.int64)


def near_counts(
    prints: NDArray[np.uint16],
    *,
    cells: int,
    unit: float,
    share: float,
    least: float,
    further: float,
) -> IntArray:
    """(n,) how many others are near, up to `CROWD`.

    Two prints are near if their first `cells` values differ by at most `share` of the smaller of
    their standard deviations (root mean square), or by `least`, and each other value by at most
    `further`.

    Parameters
    ----------
    prints : (n, d) whole numbers.
    cells : how many of the d values make the picture.
    unit : size of one step of a print, in the unit of `least` and `further`.

    Notes
    -----
    Equal prints are counted first. Of the rest, each gets a code of 64 bits, the signs of random
    projections of its standardised cells, by which near ones differ little (Charikar 2002). They
    are sorted by the code turned by 0, 8, … 56 bits, and each is compared with the next `CROWD`
    in each order (Manku, Jain and Das Sarma 2007). Time is n log n. What is counted is near;
    among very many that are almost near, a few that are can be missed.
    """
    keys = np.zeros(len(prints), dtype=np.uint64)
    for column in prints.T:
        keys = mixed(keys, column)
    _, first, place, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    bank = _Bank.of(prints[first], cells, unit, share, least, further)
    near = np.zeros(len(first), dtype=np.int64)
    for left, right in bank.pairs():
        near += np.bincount(left, weights=counts[right], minlength=len(near)).astype(np.int64)
        near += np.bincount(right, weights=counts[left], minlength=len(near)).astype(np.int64)
    return np.asarray(np.minimum((near + counts - 1)[place], CROWD))


@dataclass(frozen=True, slots=True)
class _Bank:
    """m distinct prints (m, d), with (m,) mean and allowed difference of cells, and codes."""

    prints: NDArray[np.uint16]
    cells: int
    unit: float
    further: float
    mean: Floats
    allowed: Floats
    codes: Keys

    @classmethod
    def of(
        cls,
        prints: NDArray[np.uint16],
        cells: int,
        unit: float,
        share: float,
        least: float,
        further: float,
    ) -> _Bank:
        directions = np.random.default_rng(_SEED).normal(size=(cells, _BITS)).astype(np.float32)
        mean, deviation = np.empty((2, len(prints)), dtype=np.float32)
        codes = np.empty(len(prints), dtype=np.uint64)
        for start in range(0, len(prints), _BLOCK):
            part = slice(start, start + _BLOCK)
            values = prints[part, :cells] * np.float32(unit)
            mean[part] = values.mean(axis=1)
            values -= mean[part, None]
            deviation[part] = np.sqrt(np.einsum("ij,ij->i", values, values) / np.float32(cells))
            bits = np.packbits(values @ directions > 0, axis=1, bitorder="little")
            codes[part] = bits.view(np.uint64)[:, 0]
        allowed = np.maximum(deviation * np.float32(share), np.float32(least))
        return cls(prints, cells, unit, further, mean, allowed, codes)

    def pairs(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Pairs of places that are near, each once: at the first order in which it is close."""
        ranks: list[NDArray[np.int32]] = []
        by_mean = np.argsort(self.mean, kind="stable")  # for equal codes, as without contrast
        for turn in range(0, _BITS, _BITS // _ORDERS):
            turned = self.codes << np.uint64(turn)
            if turn:
                turned |= self.codes >> np.uint64(_BITS - turn)
            order = by_mean[np.argsort(turned[by_mean], kind="stable")]
            codes, mean, allowed = self.codes[order], self.mean[order], self.allowed[order]
            for ahead in range(1, min(CROWD, len(order) - 1) + 1):
                close = np.bitwise_count(codes[:-ahead] ^ codes[ahead:]) <= _DIFFERENT
                close &= np.abs(mean[:-ahead] - mean[ahead:]) <= allowed[ahead:]
                place = np.flatnonzero(close)
                left, right = order[place], order[place + ahead]
                for rank in ranks:
                    new = np.abs(rank[left] - rank[right]) > CROWD
                    left, right = left[new], right[new]
                near = self._are_near(left, right)
                yield left[near], right[near]
            rank = np.empty(len(order), dtype=np.int32)
            rank[order] = np.arange(len(order), dtype=np.int32)
            ranks.append(rank)

    def _are_near(self, left: IntArray, right: IntArray) -> NDArray[np.bool_]:
        """(p,) whether the pairs are near, by the definition of `near_counts`."""
        near = np.empty(len(left), dtype=np.bool_)
        for start in range(0, len(left), _BLOCK):
            one, other = left[start : start + _BLOCK], right[start : start + _BLOCK]
            apart = self.prints[one].astype(np.float32)
            apart -= self.prints[other]
            apart *= np.float32(self.unit)
            cells, further = apart[:, : self.cells], apart[:, self.cells :]
            square = np.einsum("ij,ij->i", cells, cells) / np.float32(self.cells)
            limit = np.minimum(self.allowed[one], self.allowed[other])
            alike = (square <= limit * limit) & (np.abs(further) <= self.further).all(axis=1)
            near[start : start + _BLOCK] = alike
        return near
