"""What every source must keep to, whatever it reads."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from aggressors.collate import BY_ROW, collate
from aggressors.contracts import POPULATIONS, Settings
from aggressors.sources.table import open_tables
from planted import PlantedSource

SETTINGS = Settings(batch_size=7)
CLASSES = ("cat", "dog", "eel")
SIZES = {"train": 12, "validation": 30, "unlabeled": 9}
SAMPLES = {"sample_id", "label", "prediction", "confidence", "loss", "weight", "group_id"}


def picture(seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def torch_source():
    import torch
    from torch import nn

    import aggressors as ag
    from aggressors.sources.checking import open_torch

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    datasets = {
        name: [
            ag.Sample(
                f"{name}-{i}",
                torch.from_numpy(np.random.default_rng([i, size]).normal(size=(3, 8, 8))).float(),
                None if name == "unlabeled" else CLASSES[i % 3],
                picture(i) if i % 4 else None,
                {"hour": i % 24, "station": "ab"[i % 2], "odd": i % 2 == 1} if i % 5 else {},
                group=f"g{i // 3}",
            )
            for i in range(size)
        ]
        for name, size in SIZES.items()
    }
    return open_torch(ag.Integration(model, datasets, CLASSES), SETTINGS)


def table_source():
    rng = np.random.default_rng(0)
    tables = {}
    for name, size in SIZES.items():
        chances = rng.dirichlet(np.ones(3), size)
        tables[name] = pa.table(
            {
                "sample_id": [f"{name}-{i}" for i in range(size)],
                "label": [CLASSES[i % 3] for i in range(size)],
                "probabilities": list(chances),
                "embedding": list(rng.normal(size=(size, 5))),
                "image": [picture(i) if i % 4 else None for i in range(size)],
                "hour": [i % 24 for i in range(size)],
                "group": [f"g{i // 3}" for i in range(size)],
            }
        )
    return open_tables(tables)


def bare_table_source():
    rows = {"sample_id": ["a", "b", "c"], "label": ["x", "y", "y"], "prediction": ["x", "x", "y"]}
    return open_tables({"validation": pa.table(rows)})


def planted_source():
    return PlantedSource(n=40)


MAKERS = [
    pytest.param(torch_source, marks=pytest.mark.torch),
    table_source,
    bare_table_source,
    planted_source,
]


@pytest.fixture(params=MAKERS, scope="module")
def make(request):
    return request.param


@pytest.fixture(scope="module")
def source(make):
    return make()


def shard(source, population, start=0, stop=None):
    size = source.populations[population] if stop is None else stop
    return source.shard(population, start, size, SETTINGS, lambda count: None)


def test_says_what_it_is(source):
    assert source.task in ("classification", "regression")
    assert bool(source.classes) == (source.task == "classification")
    for text in (source.model_name, source.loss_name):
        assert isinstance(text, str)
        assert text
    assert len(source.model_digest) == len(source.digest()) == 64


def test_populations_are_in_order_and_not_empty(source):
    names = list(source.populations)
    assert names == [name for name in POPULATIONS if name in names]
    assert "validation" in names
    assert min(source.populations.values()) > 0


def test_the_digest_is_the_same_for_the_same_input(make, source):
    assert make().digest() == source.digest()


def test_every_table_has_a_row_a_sample(source):
    for population, size in source.populations.items():
        tables = shard(source, population).tables
        assert set(tables["samples"].column_names) == SAMPLES
        assert "media" in tables
        for name in BY_ROW:
            if name in tables:
                assert tables[name].num_rows == size, name


def test_progress_counts_every_sample(source):
    counts = []
    source.shard("validation", 1, source.populations["validation"], SETTINGS, counts.append)
    assert sum(counts) == source.populations["validation"] - 1


def test_only_unlabeled_samples_lack_a_loss(source):
    for population in source.populations:
        samples = shard(source, population).tables["samples"]
        loss = samples["loss"].to_pylist()
        if population == "unlabeled":
            assert set(loss) == set(samples["label"].to_pylist()) == {None}
        else:
            assert np.isfinite(loss).all()


def test_shards_do_not_change_the_collated_tables(source):
    whole = [(name, shard(source, name).tables) for name in source.populations]
    cut = [
        (name, shard(source, name, start, min(start + 2, size)).tables)
        for name, size in source.populations.items()
        for start in range(0, size, 2)
    ]
    expected = collate(whole, SETTINGS, source.task)
    found = collate(cut[::-1], SETTINGS, source.task)
    assert set(found) == set(expected)
    for name, table in expected.items():
        assert found[name].num_rows == table.num_rows
        assert found[name].column_names == table.column_names
        for column in table.column_names:
            _assert_same(found[name][column].to_pylist(), table[column].to_pylist())


def _assert_same(found, expected):
    """Equal, but for rounding: a model's sums depend on the size of its batches."""
    if found == expected:
        return
    assert [value is None for value in found] == [value is None for value in expected]
    numbers = [
        np.array([value for value in values if value is not None], dtype=np.float64)
        for values in (found, expected)
    ]
    np.testing.assert_allclose(*numbers, rtol=1e-4, atol=1e-6)


def test_positions_lead_back_to_the_samples(source):
    tables = shard(source, "validation", 1, 3).tables
    if "positions" in tables:
        assert tables["positions"]["position"].to_pylist() == [1, 2]
