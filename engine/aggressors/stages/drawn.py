"""Which samples are explained: the sets that are compared, and whose heatmaps are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

from aggressors.contracts import MAPPED, MISLED, MISTAKEN, WELL
from aggressors.stages.frame import BoolArray, Frame, IntArray
from aggressors.stats.matching import matched_counts


class Draw:
    """Draws samples by a hash of their id: the same ones whatever the order of rows.

    Sets of different concepts overlap as far as they can, so that few samples are explained.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.known = frame.analysed & np.isfinite(frame.signal)
        found = np.flatnonzero(self.known)
        seed = str(frame.settings.seed).encode()
        keys = [
            blake2b(name.encode(), digest_size=8, key=seed).digest()
            for name in frame.sample_id[found]
        ]
        self.order = found[np.argsort(np.array(keys, dtype="S8"), kind="stable")]
        named = (frame.label >= 0) & (frame.prediction >= 0)
        self.right = named & (frame.label == frame.prediction)
        self.wrong = named & ~self.right

    def sets(self, member: BoolArray) -> dict[str, IntArray]:
        """Choose the rows of each set of a concept, at most `heatmap_samples` each.

        Core are members that fail, see `Frame.failing`. What they are compared with
        has their labels, each in the proportion that it has among them, or the mix of labels would
        pose as a difference: with those who are predicted right, and mistakes with the mistakes of
        the rest. Where no member fails, all members are compared (see `compared`).
        """
        rest = self.known & ~member
        failing = self.frame.failing(rest) if rest.any() else self.known
        core = self._first(self.known & member & failing)
        chosen = {"core": core, "members": self._first(self.known & member)}
        inside = chosen[compared(chosen)]
        return chosen | {
            WELL: self._alike(inside, rest & self.right),
            "rest": self._first(rest),
            MISLED: core[self.wrong[core]],
            MISTAKEN: self._alike(inside[self.wrong[inside]], rest & self.wrong),
        }

    def _alike(self, those: IntArray, others: BoolArray) -> IntArray:
        """Take the first of `others` with the labels of `those`, in the same proportions."""
        label = self.frame.label
        n_labels = int(label.max(initial=-1)) + 2
        wanted, there = (
            np.bincount(label[rows] + 1, minlength=n_labels)
            for rows in (those, np.flatnonzero(others))
        )
        wanted[0] = 0  # samples without a label
        drawn = matched_counts(wanted, there, self.frame.settings.heatmap_samples)
        parts = [
            self._ordered(others & (label == code - 1))[: drawn[code]]
            for code in np.flatnonzero(drawn)
        ]
        return np.concatenate([self.order[:0], *parts])

    def _first(self, those: BoolArray) -> IntArray:
        return self._ordered(those)[: self.frame.settings.heatmap_samples]

    def _ordered(self, those: BoolArray) -> IntArray:
        return self.order[those[self.order]]


def compared(chosen: Mapping[str, IntArray]) -> str:
    """Name the set that is compared with others: the failing members, or all where none fails."""
    return "core" if len(chosen["core"]) else "members"


def kept(sets: Mapping[int, Mapping[str, IntArray]], shown: IntArray, most: int) -> IntArray:
    """Choose whose heatmaps are kept: representatives, then failing members, others last.

    Parameters
    ----------
    sets : rows of each set, by concept in the order of the ranking.
    shown : rows of the representatives in that order, repeats allowed.
    """
    ordered = [shown, *(chosen[of] for of in (*MAPPED, MISTAKEN) for chosen in sets.values())]
    rows, first = np.unique(np.concatenate(ordered), return_index=True)
    return np.sort(rows[np.argsort(first, kind="stable")][:most])


def rows_of(frame: Frame, sample_ids: Sequence[str]) -> IntArray:
    """Rows of samples in the order of their ids, repeats included."""
    place = {name: row for row, name in enumerate(frame.sample_id)}
    return np.array([place[name] for name in sample_ids], dtype=np.int64)
