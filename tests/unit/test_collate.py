"""Joining shards: one order, two halves, and what only shows once all samples are together."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors.collate import collate, fold_of
from aggressors.contracts import Settings
from aggressors.errors import InputError
from planted import PlantedSource, planted_tables

Shards = list[tuple[str, dict[str, pa.Table]]]
SETTINGS = Settings()


def _shards(size: int = 40, source: PlantedSource | None = None) -> Shards:
    source = source or PlantedSource(n=100)
    return [
        (name, dict(source.shard(name, start, min(start + size, n), SETTINGS, _ignore).tables))
        for name, n in source.populations.items()
        for start in range(0, n, size)
    ]


def _ignore(count: int) -> None:
    """Progress that nobody watches."""


def _joined(shards: Shards, task: str = "classification") -> dict[str, pa.Table]:
    return collate(shards, SETTINGS, task)


def _set(shards: Shards, shard: int, table: str, column: str, row: int, value: object) -> Shards:
    old = shards[shard][1][table]
    values = old[column].to_pylist()
    values[row] = value
    place = old.column_names.index(column)
    changed = old.set_column(place, column, pa.array(values, old.schema.field(column).type))
    shards[shard][1][table] = changed
    return shards


def test_samples_stand_by_population_and_id_with_their_position() -> None:
    tables = _joined(_shards())
    samples = tables["samples"]
    assert samples["row_id"].to_pylist() == list(range(350))
    rank = {"train": 0, "validation": 1, "test": 2, "unlabeled": 3}
    keys = [
        (rank[row["population"]], row["sample_id"])
        for row in samples.select(["population", "sample_id"]).to_pylist()
    ]
    assert keys == sorted(keys)
    for name in ("metadata", "media", "embeddings", "probabilities"):
        assert tables[name]["row_id"].to_pylist() == list(range(350))
    assert tables["media"]["sample_id"] == samples["sample_id"]
    assert tables["embeddings"]["vector"].type == pa.list_(pa.float32(), 16)


@pytest.mark.parametrize("size", [7, 100])
def test_neither_size_nor_order_of_shards_nor_of_samples_matters(size: int) -> None:
    expected = _joined(_shards())
    rng = np.random.default_rng(1)
    shards = []
    for population, tables in _shards(size):
        order = rng.permutation(tables["samples"].num_rows)
        moved = {
            name: table if name in ("metrics", "metadata_fields") else table.take(order)
            for name, table in tables.items()
        }
        shards.append((population, moved))
    rng.shuffle(shards)
    found = _joined(shards)
    assert found.keys() == expected.keys()
    for name, table in expected.items():
        assert found[name].to_pylist() == table.to_pylist(), name


# --- Halves ---


def test_the_half_of_a_sample_never_changes() -> None:
    """Saved tests judge on the confirm half, so these values are for all versions."""
    folds = [fold_of(key) for key in ("a", "b", "c", "validation-000001", "Zürich", "")]
    assert folds == ["confirm", "discover", "discover", "confirm", "confirm", "confirm"]


def test_halves_are_about_equal_and_in_the_analysed_population_only() -> None:
    samples = planted_tables(n=1_000).tables["samples"].to_pandas()
    analysed = samples[samples["population"] == "validation"]
    assert 450 < (analysed["fold"] == "discover").sum() < 550
    assert analysed["fold"].notna().all()
    assert samples[samples["population"] != "validation"]["fold"].isna().all()


@given(st.text(min_size=1), st.text(min_size=1))
def test_samples_of_a_group_share_a_half(group: str, sample_id: str) -> None:
    shard = {
        "samples": pa.table(
            {
                "sample_id": pa.array([sample_id, sample_id + "2"]),
                "label": pa.nulls(2, pa.string()),
                "prediction": pa.nulls(2, pa.string()),
                "confidence": pa.nulls(2, pa.float32()),
                "loss": [0.5, 1.0],
                "weight": pa.array([1.0, 1.0], pa.float32()),
                "group_id": [group, group],
            }
        )
    }
    folds = _joined([("validation", shard)])["samples"]["fold"].to_pylist()
    assert folds == [fold_of(group)] * 2


# --- What is not acceptable ---


def test_a_repeated_id_names_it_and_where() -> None:
    shards = _set(_shards(), 0, "samples", "sample_id", 3, "validation-000005")
    with pytest.raises(InputError, match=r"'validation-000005' is used 2 times") as caught:
        _joined(shards)
    assert "train, validation" in str(caught.value)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), None])
def test_a_loss_that_is_no_number_names_the_sample(loss: float | None) -> None:
    shards = _set(_shards(), 0, "samples", "loss", 3, loss)
    sample_id = shards[0][1]["samples"]["sample_id"][3].as_py()
    with pytest.raises(InputError, match=rf"loss of sample '{sample_id}' in 'train' is"):
        _joined(shards)


def test_one_class_only_is_refused_but_not_in_regression() -> None:
    shards = _shards()
    for _, tables in shards:
        samples = tables["samples"]
        place = samples.column_names.index("label")
        same = pa.array(["coat"] * samples.num_rows)
        tables["samples"] = samples.set_column(place, "label", same)
    with pytest.raises(InputError, match=r"All 100 samples of 'validation' have the label 'coat'"):
        _joined(shards)
    assert _joined(shards, "regression")["samples"].num_rows == 350


def test_no_samples_in_the_analysed_population_names_it() -> None:
    shards = [entry for entry in _shards() if entry[0] != "validation"]
    with pytest.raises(InputError, match=r"Population 'validation', in which .* is empty"):
        _joined(shards)
    with pytest.raises(InputError, match="no samples"):
        _joined([])


def test_vectors_of_two_lengths_name_the_sample() -> None:
    shards = _shards()
    for _, tables in shards:
        vectors = tables["embeddings"]["vector"].to_pylist()
        tables["embeddings"] = pa.table({"vector": pa.array(vectors, pa.list_(pa.float32()))})
    _set(shards, 1, "embeddings", "vector", 2, [1.0, 2.0])
    with pytest.raises(InputError, match=r"embeddings of sample '.*' has 2 values; .* has 16"):
        _joined(shards)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_vectors_with_a_value_that_is_no_number_name_the_sample(value: float | None) -> None:
    shards = _shards()
    sample_id = shards[1][1]["samples"]["sample_id"][2].as_py()
    _set(shards, 1, "embeddings", "vector", 2, [1.0] * 15 + [value])
    with pytest.raises(InputError, match=sample_id):
        _joined(shards)


def test_a_table_for_some_populations_only_is_refused() -> None:
    shards = _shards()
    del shards[0][1]["embeddings"]
    with pytest.raises(InputError, match=r"'embeddings' has 310 rows for 350 samples"):
        _joined(shards)


def test_a_run_without_metadata_media_or_vectors_is_whole() -> None:
    shards = [(name, {"samples": tables["samples"]}) for name, tables in _shards()]
    tables = _joined(shards)
    assert tables["metadata"].column_names == ["row_id"]
    assert tables["metadata"].num_rows == 350
    assert tables["metadata_fields"].num_rows == 0
    assert tables["metrics"].num_rows == 0
