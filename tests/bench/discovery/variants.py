"""The settings a method is run on: as planted, as a null, split otherwise, resampled.

A variant's text is `planted`, or `null-3`, `split-1`, `resampled-2`, the number being its seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.discovery.groups import BoolArray, Group
from bench.discovery.setting import Setting, shuffled

KINDS = ("planted", "null", "split", "resampled")


@dataclass(frozen=True)
class Variant:
    """One way to present a setting."""

    kind: str = "planted"
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Read the text form."""
        kind, _, number = text.partition("-")
        if kind not in KINDS:
            raise ValueError(f"There is no variant {text!r}; the kinds are {', '.join(KINDS)}.")
        return cls(kind, int(number or 0))

    def __str__(self) -> str:
        return self.kind if self.kind == "planted" else f"{self.kind}-{self.number}"

    def of(self, setting: Setting) -> Setting:
        """Present the setting so."""
        if self.kind == "null":
            return shuffled(setting, self.number)
        if self.kind == "split":
            # Samples fall into halves by a hash of their id.
            ids = tuple(f"{self.number}.{sample_id}" for sample_id in setting.sample_ids)
            return replace(setting, sample_ids=ids)
        if self.kind == "resampled":
            return _taken(setting, self.drawn(len(setting)))
        return setting

    def drawn(self, n: int) -> NDArray[np.int64]:
        """(n,) row of the setting behind each row of the variant."""
        if self.kind != "resampled":
            return np.arange(n)
        return np.random.default_rng([self.number, 11]).integers(0, n, n)

    def on_original(self, groups: Sequence[Group], n: int) -> tuple[list[BoolArray], BoolArray]:
        """Members among the setting's own rows, and which of those rows the variant holds."""
        rows = self.drawn(n)
        members = []
        for group in groups:
            member = np.zeros(n, dtype=bool)
            member[rows[group.member]] = True
            members.append(member)
        return members, np.bincount(rows, minlength=n) > 0


PLANTED = Variant()


def _taken(setting: Setting, rows: NDArray[np.int64]) -> Setting:
    """Rows of a setting, repeated ones too, each under an id of its own."""
    ids = tuple(f"{place:06d}.{setting.sample_ids[row]}" for place, row in enumerate(rows))
    return replace(
        setting,
        sample_ids=ids,
        label=setting.label[rows],
        prediction=setting.prediction[rows],
        probabilities=setting.probabilities[rows],
        loss=setting.loss[rows],
        embedding=None if setting.embedding is None else setting.embedding[rows],
        metadata={name: column[rows] for name, column in setting.metadata.items()},
        text=None if setting.text is None else setting.text[rows],
        twin_correct=setting.twin_correct[rows],
        slices=tuple(replace(each, member=each.member[rows]) for each in setting.slices),
    )
