"""The demo data are what their README says, and can be rebuilt."""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CLOTHES = Path(__file__).parents[2] / "data" / "clothes"
POPULATIONS = ("train", "validation", "test", "unlabeled")
MOST_BYTES = 25_000_000


@pytest.fixture(scope="module")
def scripts():
    """The data's scripts by name; they import one another as files of one folder."""
    names = ("classes", "backgrounds", "scenes", "story", "build")
    before = {name: sys.modules.pop(name, None) for name in names}
    sys.path.insert(0, str(CLOTHES))
    try:
        yield {name: __import__(name) for name in names}
    finally:
        sys.path.remove(str(CLOTHES))
        for name in names:
            sys.modules.pop(name, None)
            if before[name] is not None:
                sys.modules[name] = before[name]


@pytest.fixture(scope="module")
def tables():
    return {name: pq.read_table(CLOTHES / f"{name}.parquet") for name in POPULATIONS}


@pytest.fixture(scope="module")
def truth():
    return pq.read_table(CLOTHES / "truth.parquet")


@pytest.fixture(scope="module")
def readme():
    return (CLOTHES / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def metrics():
    return json.loads((CLOTHES / "models" / "metrics.json").read_text())


def truth_of(population: pa.Table, truth: pa.Table) -> dict[str, np.ndarray]:
    """The planted truth of one population, in its order."""
    rows = dict(zip(truth["sample_id"].to_pylist(), range(len(truth)), strict=True))
    order = [rows[sample_id] for sample_id in population["sample_id"].to_pylist()]
    return {name: truth[name].to_numpy()[order] for name in truth.column_names}


def test_the_files_fit_a_wheel_and_match_their_checksums(scripts):
    assert sum(path.stat().st_size for path in CLOTHES.glob("*.parquet")) < MOST_BYTES
    assert scripts["build"].differing(CLOTHES) == []


def test_no_column_tells_what_is_planted(tables):
    for name, table in tables.items():
        assert set(table.column_names) == {
            *("sample_id", "image", "label", "station", "hour", "camera", "operator")
        }
        unlabeled = len(table) if name == "unlabeled" else 0
        assert table["label"].null_count == unlabeled
        assert sum(table[c].null_count for c in table.column_names if c != "label") == 0


def test_each_sample_has_one_id_and_one_truth(tables, truth):
    sample_ids = [key for table in tables.values() for key in table["sample_id"].to_pylist()]
    assert len(set(sample_ids)) == len(sample_ids)
    assert sample_ids == truth["sample_id"].to_pylist()
    assert sum(truth[name].null_count for name in truth.column_names) == 0


def test_no_original_is_used_twice(truth):
    used = Counter(zip(truth["source"].to_pylist(), truth["original"].to_pylist(), strict=True))
    assert max(used.values()) == 1


def test_labels_are_wrong_exactly_where_the_truth_says_so(tables, truth):
    for name in ("train", "validation", "test"):
        planted = truth_of(tables[name], truth)
        wrong = np.array(tables[name]["label"].to_pylist()) != planted["true_label"]
        assert (wrong == planted["label_flipped"]).all()
        operators = np.array(tables[name]["operator"].to_pylist())[wrong]
        assert set(operators) == {"op-07"}


def test_the_readme_tells_the_planted_shares(tables, truth, readme):
    for name, table in tables.items():
        planted = truth_of(table, truth)
        bag = planted["true_label"] == "bag"
        cells = [
            f"{name}",
            f"{len(table):,}",
            *(f"{100 * planted[group].mean():.1f} %" for group in ("dusk", "red_carpet")),
            f"{100 * planted['red_carpet'][bag].mean():.0f} %",
            f"{100 * planted['label_flipped'].mean():.1f} %",
        ]
        assert f"| {' | '.join(cells)} |" in readme


def test_columns_hint_at_dusk_without_telling_it(tables, truth):
    table = tables["validation"]
    dusk = truth_of(table, truth)["dusk"]
    late = table["hour"].to_numpy() >= 17
    outdoor = np.isin(table["station"].to_numpy(), ["riverside", "market-square"])
    assert dusk[late & outdoor].mean() < 0.85
    assert not dusk[late & ~outdoor].any()
    assert dusk[~late].any()


def test_a_scene_depends_on_its_seed_alone(scripts):
    scenes = scripts["scenes"]
    garment = np.zeros((28, 28), np.uint8)
    garment[6:22, 8:20] = 120
    for background in scripts["backgrounds"].PAINTERS:
        scene = scenes.Scene(background, camera="phone", dusk=background == "foliage")
        first, second, other = (
            scenes.to_jpeg(scenes.compose(garment, scene, np.random.default_rng(seed)))
            for seed in (5, 5, 6)
        )
        assert first == second != other


def test_rebuilt_samples_are_the_stored_bytes(scripts, tables):
    build = scripts["build"]
    if not build.ORIGINALS.is_dir():
        pytest.skip(f"Fashion-MNIST is not in {build.ORIGINALS}: install dataset-fashion-mnist")
    written_with = json.loads((CLOTHES / "checksums.json").read_text())["versions"]
    if build.versions() != written_with:
        pytest.skip(f"the stored bytes were written with {written_with}")
    for population, told, images in build.intakes(build.ORIGINALS):
        stored = tables[population.name].to_pylist()
        for row in range(3, len(told), len(told) // 6):
            assert build.photograph(told[row], images) == stored[row]["image"]
            assert told[row].sample_id == stored[row]["sample_id"]


def test_new_labels_are_right_and_of_unlabeled_samples(tables, truth):
    labels = pq.read_table(CLOTHES / "labels" / "v2.parquet").to_pylist()
    true_label = dict(
        zip(truth["sample_id"].to_pylist(), truth["true_label"].to_pylist(), strict=True)
    )
    sample_ids = {row["sample_id"] for row in labels}
    assert len(sample_ids) == len(labels)
    assert sample_ids <= set(tables["unlabeled"]["sample_id"].to_pylist())
    assert all(row["label"] == true_label[row["sample_id"]] for row in labels)


def test_the_models_tell_the_story(metrics):
    v1, v2, v3 = (metrics[version]["validation"] for version in ("v1", "v2", "v3"))
    assert 0.78 <= v1["all"]["accuracy"] <= 0.86
    assert v1["dusk"]["accuracy"] <= v1["not_dusk"]["accuracy"] - 0.25
    assert v1["red_carpet_without_bags"]["mean_loss"] > 1.5 * v1["all"]["mean_loss"]
    assert v1["label_flipped"]["mean_loss"] > 2 * v1["all"]["mean_loss"]
    assert v2["dusk"]["mean_loss"] - v2["not_dusk"]["mean_loss"] < 0.5 * v2["all"]["mean_loss"]
    assert v3["all"]["accuracy"] > v2["all"]["accuracy"]
    assert v3["all"]["mean_loss"] < v2["all"]["mean_loss"]
    assert v3["not_dusk"]["mean_loss"] < v2["not_dusk"]["mean_loss"]
    assert v3["dusk"]["mean_loss"] > v2["dusk"]["mean_loss"] + 0.25


@pytest.mark.torch
def test_each_version_is_integrated_with_what_it_was_trained_on():
    pytest.importorskip("torch")
    from aggressors.demo import integration_of

    n_new = len(pq.read_table(CLOTHES / "labels" / "v2.parquet"))
    v1, v2 = (integration_of(version).datasets for version in ("v1", "v2"))
    assert len(v2["train"]) - len(v1["train"]) == n_new
    assert len(v1["unlabeled"]) - len(v2["unlabeled"]) == n_new
    fresh = v2["train"][len(v2["train"]) - 1]
    assert fresh.label is not None
    assert tuple(fresh.input.shape) == (3, 64, 64)
