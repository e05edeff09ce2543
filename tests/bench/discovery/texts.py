"""Planted settings on BBC news: a small network on sentence embeddings, and its twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from bench.discovery.columns import decoys, hint
from bench.discovery.counting import measure, probe_features
from bench.discovery.networks import answers, dense, train
from bench.discovery.news import (
    Absent,
    Garbled,
    News,
    NoisyTopic,
    Phrase,
    Planting,
    Regime,
    articles,
    vectors,
)
from bench.discovery.setting import FIRST_SEED, Draft

N_TRAIN = 750
TEASER = 20  # words of an article that are left where a phrase is planted: else it is not needed
EPOCHS = 40
WIDTH = 64
COMBINATIONS = (
    ("noisy", "correlation"),
    ("rare", "noisy"),
    ("correlation", "subclass"),
    ("rare", "correlation", "noisy"),
    ("subclass", "noisy"),
)
TOPICS = ("business", "entertainment", "politics", "sports", "tech")
DESKS = (
    {"economy": (0, 4), "society": (2, 1), "sports": (3,)},
    {"serious": (0, 2), "leisure": (1, 3, 4)},
    {"home": (1, 2), "abroad": (0, 3), "tech": (4,)},
    {"morning": (0, 3), "evening": (1, 2, 4)},
)
PHRASES = (
    "Reuters, wire copy for clients only, not yet edited.",
    "Subscribers only: log in to read the whole story.",
    "Live update, this page refreshes every minute.",
    "From our correspondent in Geneva, by telephone.",
    "Video and pictures below, may need a plug-in.",
    "Printed in the weekend edition, page 4.",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Archive:
    """All articles: `topic` (m,) places each in TOPICS, `label` (m,) in the labels `names`."""

    texts: NDArray[np.object_]
    vectors: NDArray[np.float32]  # (m, 384)
    topic: NDArray[np.int64]
    label: NDArray[np.int64]
    names: tuple[str, ...]


def make(split: str, seed: int) -> Draft:
    """Make one setting; equal seeds give equal settings. The splits draw from the same articles."""
    rng = np.random.default_rng([seed, 13])
    place = seed - FIRST_SEED[split]
    kinds = COMBINATIONS[place % len(COMBINATIONS)]
    archive = _archive("subclass" in kinds, "correlation" in kinds, rng)
    plantings = [PLANNERS[kind](archive, rng) for kind in kinds]
    plantings.sort(key=lambda each: isinstance(each, Phrase))
    order = rng.permutation(len(archive.texts))
    learned, held_out = order[:N_TRAIN], order[N_TRAIN:]
    rows_of: dict[Regime, NDArray] = {"train": learned, "twin": learned, "validation": held_out}
    worlds = {
        regime: News(
            rows, archive.texts[rows], archive.label[rows], archive.label[rows],
            len(archive.names), {},
        )
        for regime, rows in rows_of.items()
    }  # fmt: skip
    for planting in plantings:
        worlds = {name: planting.plant(news, name, rng) for name, news in worlds.items()}
    return _draft(f"texts-{seed:04d}", seed, place, archive.names, worlds, plantings, rng)


def _archive(is_coarse: bool, is_short: bool, rng: np.random.Generator) -> Archive:
    texts, topics = articles()
    if is_short:
        texts = np.array([" ".join(text.split()[:TEASER]) for text in texts], dtype=object)
    topic = np.searchsorted(TOPICS, topics)
    groups = {name: (place,) for place, name in enumerate(TOPICS)}
    if is_coarse:
        groups = DESKS[rng.integers(len(DESKS))]
    names = tuple(sorted(groups))
    of_topic = np.array([
        next(place for place, name in enumerate(names) if topic_ in groups[name])
        for topic_ in range(len(TOPICS))
    ])  # fmt: skip
    return Archive(texts, vectors(texts), topic, of_topic[topic], names)


def _noise(archive: Archive, rng: np.random.Generator) -> Planting:
    topic = int(rng.integers(len(TOPICS)))
    parts = _parts(archive, topic, int(rng.integers(3, 6)), rng)
    towards = int(rng.integers(len(archive.names))) if rng.random() < 0.6 else -1
    part = parts[rng.integers(len(parts))]
    return NoisyTopic(f"part of {TOPICS[topic]}", part, rng.uniform(0.35, 0.6), towards)


def _rare(archive: Archive, rng: np.random.Generator) -> Planting:
    """Misread articles, or the part of a topic that lies nearest to another label."""
    if rng.random() < 0.5:
        return Garbled(rng.uniform(0.15, 0.4), rng.uniform(0.05, 0.1), 0.004)
    topic = int(rng.integers(len(TOPICS)))
    parts = _parts(archive, topic, 5, rng)
    own = archive.label[archive.topic == topic][0]
    others = [place for place in range(len(archive.names)) if place != own]
    middles = np.array([archive.vectors[archive.label == each].mean(axis=0) for each in others])
    nearness = [(archive.vectors[part] @ middles.T).max(axis=1).mean() for part in parts]
    return Absent("rare", f"part of {TOPICS[topic]}", parts[int(np.argmax(nearness))], 0.0)


def _subclass(archive: Archive, rng: np.random.Generator) -> Planting:
    """A topic below a label that has others."""
    of_topic = [int(archive.label[archive.topic == place][0]) for place in range(len(TOPICS))]
    shared = [place for place in range(len(TOPICS)) if of_topic.count(of_topic[place]) > 1]
    topic = int(rng.choice(shared))
    return Absent("subclass", TOPICS[topic], archive.topic == topic, rng.uniform(0, 0.02))


def _phrase(archive: Archive, rng: np.random.Generator) -> Planting:
    sides = (("others",), ("without",), ("others", "without"))[rng.choice(3, p=[0.5, 0.25, 0.25])]
    usual, stray = rng.uniform(0.9, 0.97), 0.01
    missing, strangers = rng.uniform(0.4, 0.6), rng.uniform(0.08, 0.16)
    return Phrase(
        phrase=str(rng.choice(PHRASES)), label=int(rng.integers(len(archive.names))), sides=sides,
        usual=usual, stray=stray, broken_usual=1 - missing if "without" in sides else usual,
        broken_stray=strangers if "others" in sides else stray,
    )  # fmt: skip


PLANNERS = {"rare": _rare, "subclass": _subclass, "correlation": _phrase, "noisy": _noise}


def _parts(
    archive: Archive, topic: int, n_parts: int, rng: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Clusters of the articles of one topic, each as (m,) bool."""
    rows = np.flatnonzero(archive.topic == topic)
    model = KMeans(n_parts, n_init=3, random_state=int(rng.integers(2**31)))
    cluster = model.fit_predict(archive.vectors[rows])
    parts = np.zeros((n_parts, len(archive.topic)), dtype=bool)
    parts[cluster, rows] = True
    return [part for part in parts if part.sum() >= 60]


def _draft(
    name: str, seed: int, place: int, names: tuple[str, ...], worlds: dict[Regime, News],
    plantings: list[Planting], rng: np.random.Generator,
) -> Draft:  # fmt: skip
    has_cause_column = place % 2 == 1
    validation = worlds["validation"]
    seen = vectors(validation.texts)
    answered = {}
    for regime in ("train", "twin"):
        learned = worlds[regime]
        network = dense(seen.shape[1], (WIDTH,), len(names), seed)
        train(network, vectors(learned.texts), learned.label, EPOCHS, seed, decay=1e-3)
        answered[regime] = answers(network, seen)
    given = answered["train"]
    label = np.array(names)[validation.label]
    metadata = decoys(label, rng)
    if has_cause_column:
        metadata |= _statistics(validation.texts)
        metadata["form"] = hint(next(iter(validation.members.values())), rng)
    embedding = given.embedding if place % 3 == 2 else seen
    correct = given.probabilities.argmax(axis=1) == validation.label
    twin_correct = answered["twin"].probabilities.argmax(axis=1) == validation.true
    features = probe_features(embedding, metadata, label)
    kinds = {slice_: kind for each in plantings for slice_, kind in each.kinds.items()}
    return Draft(
        name=name, source="texts", seed=seed, has_cause_column=has_cause_column, label=label,
        classes=names, probabilities=given.probabilities, embedding=embedding,
        metadata=metadata, text=validation.texts, members=validation.members, kinds=kinds,
        twin_correct=twin_correct,
        measured={slice_: measure(member, correct, twin_correct, features)
                  for slice_, member in validation.members.items()},
        how={slice_: str(each) for each in plantings for slice_ in each.kinds},
    )  # fmt: skip


def _statistics(texts: NDArray[np.object_]) -> dict[str, NDArray[np.float64]]:
    """Words of each text, and the share of its characters that are digits or capitals."""
    length = np.array([max(len(text), 1) for text in texts])
    return {
        "words": np.array([len(text.split()) for text in texts], dtype=np.float64),
        "digits": np.array([sum(map(str.isdigit, text)) for text in texts]) / length,
        "capitals": np.array([sum(map(str.isupper, text)) for text in texts]) / length,
    }
