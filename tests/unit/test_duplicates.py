"""Near-duplicates: what counts as near, against all pairs, in any order, in a crowd."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from aggressors.sources.pictures import read_picture
from aggressors.stages import describe_image
from aggressors.stages.describe import describe
from aggressors.stages.measure import Whole
from aggressors.stats.duplicates import CROWD, equal_counts, mixed, near_counts

CLOTHES = Path(__file__).parents[2] / "data" / "clothes" / "validation.parquet"
NEAR = {"cells": 64, "unit": 1 / 64, "share": 0.1, "least": 0.5, "further": 4.0}


def by_all_pairs(prints):
    """The definition of `near_counts`, with no search."""
    levels = prints / 64
    cells, further = levels[:, :64], levels[:, 64:]
    allowed = np.maximum(0.1 * cells.std(axis=1), 0.5)
    apart = np.sqrt(((cells[:, None] - cells[None]) ** 2).mean(axis=2))
    near = apart <= np.minimum(allowed[:, None], allowed[None])
    near &= (np.abs(further[:, None] - further[None]) <= 4).all(axis=2)
    return np.minimum(near.sum(axis=1) - 1, CROWD)


def scattered(n, seed):
    """Prints of n unlike images that vary in few ways, as real ones do."""
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(n, 12)) @ rng.normal(size=(12, 64)) * 12 + 128
    colours = rng.uniform(250, 262, (n, 2))
    return np.hstack([cells.clip(0, 255), colours])


def as_prints(levels):
    return np.rint(levels * 64).astype(np.uint16)


def test_counts_equal_those_of_all_pairs():
    levels = scattered(600, 0)
    rng = np.random.default_rng(1)
    copies = levels[:300] + rng.normal(0, 1, (300, 66)) * rng.uniform(0, 8, (300, 1))
    prints = as_prints(np.vstack([levels, copies.clip(0, 300), levels[:40]]))
    expected = by_all_pairs(prints)
    assert 150 < (expected > 0).sum() < 700
    np.testing.assert_array_equal(near_counts(prints, **NEAR), expected)


def test_no_order_of_rows_changes_the_counts():
    levels = scattered(2_000, 2)
    levels[1_000:1_500] = levels[7] + np.random.default_rng(3).normal(0, 1, (500, 66))
    prints = as_prints(levels)
    order = np.random.default_rng(4).permutation(len(prints))
    counts = near_counts(prints, **NEAR)
    np.testing.assert_array_equal(near_counts(prints[order], **NEAR), counts[order])
    assert (counts[1_000:1_500] == CROWD).all()


def test_images_without_contrast_are_near_by_brightness():
    levels = np.full((6, 66), 256.0)
    levels[:, :64] = np.array([0, 0.3, 0.9, 100, 100, 255])[:, None]
    np.testing.assert_array_equal(near_counts(as_prints(levels), **NEAR), [1, 1, 0, 1, 1, 0])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_very_few(n):
    prints = np.full((n, 66), 9, dtype=np.uint16)
    assert near_counts(prints, **NEAR).tolist() == [n - 1] * n


def test_keys_tell_rows_apart():
    columns = np.random.default_rng(0).integers(0, 3, (3, 500), dtype=np.uint64)
    keys = np.zeros(500, dtype=np.uint64)
    for column in columns:
        keys = mixed(keys, column)
    rows = [tuple(row) for row in columns.T]
    assert equal_counts(keys).tolist() == [rows.count(row) - 1 for row in rows]
    swapped = mixed(mixed(np.zeros(500, dtype=np.uint64), columns[1]), columns[0])
    straight = mixed(mixed(np.zeros(500, dtype=np.uint64), columns[0]), columns[1])
    assert ((swapped == straight) == (columns[0] == columns[1])).all()


# --- On photographs ---


def photographs(n):
    column = pq.read_table(CLOTHES, columns=["image"])["image"].slice(0, n)
    return [Image.open(io.BytesIO(each)).convert("RGB") for each in column.to_pylist()]


def encoded(image, quality=90):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def counted(images):
    pictures = [
        None if each is None else read_picture(each, str(place), 96)
        for place, each in enumerate(images)
    ]
    prints = describe(pictures, [None] * len(images)).prints
    columns = {name: pa.chunked_array([column]) for name, column in prints.items()}
    texts = pa.chunked_array([pa.nulls(len(images), pa.string())])
    whole = Whole(texts, columns, (), np.zeros(len(images), dtype=bool))
    return describe_image.compare(whole)["near_duplicates"]


def test_different_photographs_are_not_near():
    assert counted([encoded(image) for image in photographs(800)]).sum() == 0


@pytest.mark.parametrize(
    ("change", "least", "most"),
    [
        (lambda image: encoded(image, 70), 0.97, 1),
        (lambda image: encoded(image.resize((160, 160))), 0.97, 1),
        (lambda image: encoded(image.resize((40, 40))), 0.9, 1),
        (lambda image: encoded(ImageOps.mirror(image)), 0, 0.05),
        (lambda image: encoded(image.rotate(90)), 0, 0.05),
        (lambda image: encoded(image.crop((4, 4, 60, 60))), 0, 0.05),
        (lambda image: encoded(image.point(lambda level: level * 0.7)), 0, 0.05),
        (lambda image: encoded(Image.merge("RGB", image.split()[::-1])), 0, 0.7),
    ],
    ids=["saved", "larger", "smaller", "mirrored", "turned", "cropped", "darker", "recoloured"],
)
def test_what_counts_as_a_near_duplicate(change, least, most):
    images = photographs(200)
    found = counted([encoded(image) for image in images] + [change(image) for image in images])
    assert least <= (found[:200] > 0).mean() <= most


def test_images_that_are_missing_or_tiny_have_no_count():
    tiny = Image.new("RGB", (1, 1), (9, 9, 9))
    black = np.zeros((12, 12, 3), dtype=np.uint8)
    found = counted([None, tiny, black, black, np.full((40, 12, 3), 255, np.uint8), None])
    np.testing.assert_array_equal(found, [np.nan, np.nan, 1, 1, 0, np.nan])
