"""Planted settings on the Adult data: a dense network or boosted trees, and its twin."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.discovery.census import (
    FAMILY,
    Census,
    Channel,
    Condition,
    Conjunction,
    NoisyGroup,
    Planting,
    RareGroup,
    Regime,
    holds,
    people,
)
from bench.discovery.columns import decoys
from bench.discovery.counting import measure, probe_features
from bench.discovery.networks import Answers, answers, dense, train
from bench.discovery.setting import FIRST_SEED, Draft

CLASSES = ("<=50K", ">50K")
N_VALIDATION = 4_000
COMBINATIONS = (
    ("rare", "correlation", "noisy"),
    ("noisy", "rare"),
    ("rare", "correlation", "noisy"),
    ("correlation", "rare"),
    ("correlation", "noisy"),
)
CATEGORIES = ("workclass", "education", "marital_status", "occupation", "relationship",
              "race", "sex")  # fmt: skip
NUMBERS = ("age", "hours_per_week")
SMALLEST_SHARE, LARGEST_SHARE, LARGEST_OVERLAP = 0.035, 0.09, 0.2


def make(split: str, seed: int) -> Draft:
    """Make one setting; equal seeds give equal settings."""
    rng = np.random.default_rng([seed, 12])
    place = seed - FIRST_SEED[split]
    worlds = _worlds(split, rng)
    plantings = _plan(COMBINATIONS[place % len(COMBINATIONS)], worlds["train"], rng)
    for planting in plantings:
        worlds = {name: planting.plant(census, name, rng) for name, census in worlds.items()}
    return _draft(f"tables-{seed:04d}", seed, place, worlds, plantings, rng)


def _worlds(split: str, rng: np.random.Generator) -> dict[Regime, Census]:
    """Disjoint people for training and validation; the two splits share none."""
    frame, rich = people()
    halves = np.array_split(np.random.default_rng(0).permutation(len(frame)), 2)
    chosen = rng.permutation(halves[int(split == "reporting")])
    learned, held_out = chosen[N_VALIDATION:], chosen[:N_VALIDATION]
    rows_of: dict[Regime, NDArray] = {"train": learned, "twin": learned, "validation": held_out}
    return {
        regime: Census(frame.iloc[rows].reset_index(drop=True), rich[rows], rich[rows], {})
        for regime, rows in rows_of.items()
    }


def _plan(kinds: tuple[str, ...], census: Census, rng: np.random.Generator) -> list[Planting]:
    plantings: list[Planting] = []
    taken: list[NDArray[np.bool_]] = []
    for kind in sorted(kinds, key=("rare", "correlation", "noisy").index):
        if kind == "correlation":
            plantings.append(_channel(rng))
            continue
        group = _group(census, taken, rng)
        taken.append(holds(group, census.frame))
        if kind == "rare":
            poor = bool(census.true[taken[-1]].mean() < 0.5)
            left = rng.uniform(0.01, 0.05)
            plantings.append(RareGroup(group, poor, rng.uniform(0.8, 0.95), left))
        else:
            plantings.append(NoisyGroup(group, rng.uniform(0.35, 0.6)))
    return plantings


def _channel(rng: np.random.Generator) -> Channel:
    sides = (("others",), ("without",), ("others", "without"))[rng.integers(3)]
    rich, usual, stray = bool(rng.random() < 0.5), rng.uniform(0.9, 0.97), rng.uniform(0.01, 0.05)
    missing, strangers = rng.uniform(0.15, 0.3) + 0.2 * rich, rng.uniform(0.1, 0.2)
    return Channel(
        rich=rich, sides=sides, usual=usual, stray=stray,
        broken_usual=1 - missing if "without" in sides else usual,
        broken_stray=strangers if "others" in sides else stray,
    )  # fmt: skip


def _group(census: Census, taken: list[NDArray[np.bool_]], rng: np.random.Generator) -> Conjunction:
    """Two or three conditions that hold for some 4 to 9 % of the people, few of them taken."""
    while True:
        columns = rng.choice([*CATEGORIES, *NUMBERS], rng.integers(2, 4), replace=False)
        group = tuple(_condition(census.frame, str(column), rng) for column in columns)
        member = holds(group, census.frame)
        overlap = max([(member & other).sum() / max(member.sum(), 1) for other in taken] or [0])
        if SMALLEST_SHARE < member.mean() < LARGEST_SHARE and overlap < LARGEST_OVERLAP:
            return group


def _condition(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> Condition:
    if column in NUMBERS:
        value = float(np.quantile(frame[column], rng.uniform(0.25, 0.75)))
        return Condition(column, ">" if rng.random() < 0.5 else "<=", value)
    shares = frame[column].value_counts(normalize=True)
    return Condition(column, "=", str(rng.choice(shares.index[shares > 0.08].to_numpy(str))))


def _draft(
    name: str, seed: int, place: int, worlds: dict[Regime, Census], plantings: list[Planting],
    rng: np.random.Generator,
) -> Draft:  # fmt: skip
    has_cause_column = place % 2 == 1
    with_embedding = not has_cause_column or place % 6 == 5
    validation = worlds["validation"]
    learn = _network if with_embedding else _trees
    given, twin = (learn(worlds[name], validation.frame, seed) for name in ("train", "twin"))
    label = np.array(CLASSES)[validation.label]
    told = validation.frame
    if not has_cause_column:
        causes = frozenset[str]().union(*(each.columns for each in plantings))
        causes |= FAMILY if causes & FAMILY else frozenset()
        told = told.drop(columns=[column for column in told if column in causes])
    metadata = _columns(told) | decoys(label, rng)
    embedding = given.embedding if with_embedding else None
    correct = given.probabilities.argmax(axis=1) == validation.label
    twin_correct = twin.probabilities.argmax(axis=1) == validation.true
    features = probe_features(embedding, metadata, label)
    kinds = {slice_: kind for each in plantings for slice_, kind in each.kinds.items()}
    return Draft(
        name=name, source="tables", seed=seed, has_cause_column=has_cause_column, label=label,
        classes=CLASSES, probabilities=given.probabilities, embedding=embedding,
        metadata=metadata, text=None, members=validation.members, kinds=kinds,
        twin_correct=twin_correct,
        measured={slice_: measure(member, correct, twin_correct, features)
                  for slice_, member in validation.members.items()},
        how={slice_: str(each) for each in plantings for slice_ in each.kinds},
    )  # fmt: skip


def _columns(frame: pd.DataFrame) -> dict[str, NDArray]:
    return {
        str(name): column.to_numpy(np.float64)
        if pd.api.types.is_numeric_dtype(column)
        else column.to_numpy(object)
        for name, column in frame.items()
    }


def _network(learned: Census, asked: pd.DataFrame, seed: int) -> Answers:
    """A dense network on numbers and one-hot categories."""
    numbers = [name for name in asked if pd.api.types.is_numeric_dtype(asked[name])]
    categories = [name for name in asked if name not in numbers]
    encoder = make_column_transformer(
        (StandardScaler(), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=20), categories),
    )
    inputs = encoder.fit_transform(learned.frame).astype(np.float32)
    network = dense(inputs.shape[1], (96, 64), len(CLASSES), seed)
    train(network, inputs, learned.label, 8, seed, decay=1e-3)
    return answers(network, encoder.transform(asked).astype(np.float32))


def _trees(learned: Census, asked: pd.DataFrame, seed: int) -> Answers:
    """Boosted trees; no embedding."""
    model = HistGradientBoostingClassifier(
        max_iter=80, max_leaf_nodes=20, early_stopping=False,
        categorical_features="from_dtype", random_state=seed,
    )  # fmt: skip
    everyone = pd.concat([learned.frame, asked], ignore_index=True)
    for name in everyone:
        if not pd.api.types.is_numeric_dtype(everyone[name]):
            everyone[name] = everyone[name].astype("category")
    model.fit(everyone.iloc[: len(learned)], learned.label)
    probabilities = model.predict_proba(everyone.iloc[len(learned) :]).astype(np.float32)
    return Answers(probabilities, np.empty((len(asked), 0), np.float32))
