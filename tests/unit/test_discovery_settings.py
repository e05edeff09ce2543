"""Planted settings of the discovery bench: which slices count, reading back, and nulls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.discovery import counting
from bench.discovery.setting import Draft, Setting, read_setting, settings, shuffled, write_setting

N = 200


def draft() -> Draft:
    rng = np.random.default_rng(0)
    member = np.arange(N) < 40
    label = np.where(np.arange(N) % 2 == 0, "coat", "shirt")
    metadata = {
        "hour": rng.normal(size=N),
        "station": np.where(member, "north", "south").astype(object),
    }
    measured = counting.measure(
        member, ~member, np.ones(N, bool), counting.probe_features(None, metadata, label)
    )
    return Draft(
        name="images-0001", source="images", seed=1, has_cause_column=True, label=label,
        classes=("coat", "shirt"), probabilities=np.tile(np.float32([0.25, 0.75]), (N, 1)),
        embedding=rng.normal(size=(N, 8)).astype(np.float32), metadata=metadata, text=None,
        members={"rare": member}, twin_correct=np.ones(N, bool), kinds={"rare": "rare"},
        measured={"rare": measured}, how={"rare": "north"},
    )  # fmt: skip


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    write_setting(draft(), tmp_path / "developing" / "images-0001")
    (found,) = settings("developing", tmp_path)
    return found


def test_a_setting_is_read_as_it_was_written(setting: Setting) -> None:
    written = draft()
    assert (setting.name, setting.source, setting.split) == ("images-0001", "images", "developing")
    assert setting.label.tolist() == written.label.tolist()
    assert setting.embedding is not None
    assert np.array_equal(setting.embedding, written.embedding)
    assert np.array_equal(setting.metadata["hour"], written.metadata["hour"])
    assert setting.metadata["station"].tolist() == written.metadata["station"].tolist()
    (planted,) = setting.slices
    assert np.array_equal(planted.member, written.members["rare"])
    assert (planted.kind, planted.counts, planted.reason) == ("rare", True, "")


def test_loss_and_prediction_follow_the_probabilities(setting: Setting) -> None:
    expected = np.where(setting.label == "coat", -np.log(0.25), -np.log(0.75))
    assert np.allclose(setting.loss, expected)
    assert set(setting.prediction) == {"shirt"}


def test_an_unfinished_setting_is_not_listed(setting: Setting, tmp_path: Path) -> None:
    folder = tmp_path / "developing" / "images-0002.partial"
    folder.mkdir()
    (folder / "setting.json").write_text("{}")
    assert [each.name for each in settings("developing", tmp_path)] == ["images-0001"]
    assert read_setting(setting.folder).sample_ids == setting.sample_ids


def test_a_null_deals_out_whole_rows_anew(setting: Setting) -> None:
    null = shuffled(setting, 5)
    assert null.slices == ()
    assert null.loss is setting.loss
    assert null.embedding is not None
    assert setting.embedding is not None
    order = [
        int(np.flatnonzero((setting.embedding == row).all(axis=1))[0]) for row in null.embedding
    ]
    assert sorted(order) == list(range(N))
    assert order != list(range(N))
    assert np.array_equal(null.metadata["hour"], setting.metadata["hour"][order])
    assert np.array_equal(null.metadata["station"], setting.metadata["station"][order])


def test_nulls_follow_their_seed(setting: Setting) -> None:
    first, again, other = (shuffled(setting, seed).metadata["hour"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("n", "gap", "twin_gap", "reason"),
    [
        (29, 0.5, 0.0, "29 samples only"),
        (30, 0.09, 0.0, "accuracy is lower by 0.090 only"),
        (30, 0.2, 0.1, "the twin fails there too: by 0.100 of 0.200"),
        (30, 0.2, 0.099, ""),
        (30, 0.1, -0.3, ""),
    ],
)
def test_a_slice_counts_where_only_the_planting_makes_it_fail(
    n: int, gap: float, twin_gap: float, reason: str
) -> None:
    assert counting.why_not(n, gap, twin_gap) == reason


def test_a_slice_that_nothing_tells_does_not_count() -> None:
    rng = np.random.default_rng(0)
    member = np.arange(N) < 40
    features = rng.normal(size=(N, 3))
    measured = counting.measure(member, ~member, np.ones(N, bool), features)
    assert not measured.counts
    assert "probe" in measured.reason
    assert measured.probe_f1 is not None
    assert measured.probe_f1 < 0.6


def test_best_f1_takes_equal_scores_together() -> None:
    member = np.array([True, False, True, False])
    assert counting.best_f1(np.array([0.9, 0.1, 0.8, 0.2]), member) == 1
    assert counting.best_f1(np.array([0.5, 0.5, 0.5, 0.5]), member) == pytest.approx(2 / 3)


def test_accuracies_are_told_apart() -> None:
    member = np.array([True, True, False, False])
    correct = np.array([True, False, True, True])
    assert counting.accuracies(member, correct) == (0.5, 1.0)
    assert counting.accuracies(np.ones(4, bool), correct) == (0.75, 1.0)
