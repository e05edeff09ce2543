"""Planted settings of the bench of Solve: what is planted where, and which aggressor matches it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from bench.discovery.pictures import ORIGINALS
from bench.solve.ran import best_match
from bench.solve.setting import SIZES, Setting, make
from bench.solve.slices import RARE, SLICES, Marker, Slice, Subclass

needs_pictures = pytest.mark.skipif(
    not ORIGINALS.exists(), reason="Fashion-MNIST is not installed; set FASHION_MNIST"
)


@pytest.fixture(scope="module", params=["turned", "dresses", "patch-others", "frame-without"])
def setting(request: pytest.FixtureRequest) -> Setting:
    return make("developing", 1, request.param)


@needs_pictures
def test_populations_have_their_sizes_and_shares_and_no_original_in_common(
    setting: Setting,
) -> None:
    shares = {**RARE, "unlabeled": 0.02}
    for name, part in setting.populations.items():
        assert len(part) == SIZES[name]
        assert part.member.sum() == round(shares[name] * SIZES[name])
    originals = np.concatenate([part.original for part in setting.populations.values()])
    assert len(np.unique(originals)) == len(originals)


@needs_pictures
def test_the_unlabeled_share_changes_the_unlabeled_only() -> None:
    usual, rare = make("developing", 2, "turned"), make("developing", 2, "turned", share=0.005)
    assert rare.populations["unlabeled"].member.sum() == 100
    for name in ("train", "validation", "held_out"):
        one, other = usual.populations[name], rare.populations[name]
        np.testing.assert_array_equal(one.pictures, other.pictures)
        np.testing.assert_array_equal(one.label, other.label)


@needs_pictures
def test_equal_seeds_give_equal_settings_and_others_do_not() -> None:
    one, same, other = (make("developing", seed, "dresses") for seed in (1, 1, 2))
    rows = [each.populations["train"].original for each in (one, same, other)]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).any()


@needs_pictures
def test_a_marker_goes_with_its_label_in_training_and_not_inside_the_slice() -> None:
    part = make("developing", 1, "patch-others").populations["train"]
    marked = part.pictures[:, 0, 1:4, 1:4].min(axis=(1, 2)) > 200
    own = part.true == 8
    assert marked[own].mean() > 0.95
    assert marked[~own].sum() == part.member.sum() == 14
    assert marked[part.member].all()


def test_splits_share_no_slice() -> None:
    planted = {
        split: {repr((each.planting, each.labels)) for each in slices}
        for split, slices in SLICES.items()
    }
    assert not planted["developing"] & planted["reporting"]
    names = [each.name for slices in SLICES.values() for each in slices]
    assert len(set(names)) == len(names)


def test_kinds() -> None:
    assert Slice("x", Subclass(3)).kind == "subclass"
    assert Slice("x", Marker("patch", 1, "others")).kind == "shortcut-others"


def test_the_best_match_is_by_f1_in_the_analysed_and_prefers_confirmed() -> None:
    found = {
        "concepts": pa.table({"concept_id": [1, 2, 3]}),
        "assignments": pa.table(
            {"concept_id": [1, 1, 2, 2, 2, 3, 3], "row_id": [0, 3, 0, 1, 4, 0, 1]}
        ),
        "aggressors": pa.table(
            {
                "concept_id": [1, 2, 3],
                "rank": [1, 2, 3],
                "status": ["confirmed"] * 2 + ["tentative"],
            }
        ),
    }
    wanted = np.array([1, 1, 0, 0, 1], dtype=bool)
    analysed = np.array([1, 1, 1, 1, 0], dtype=bool)
    # 1: one hit of two, of two wanted, F1 1/2. 2: both hits, row 4 not analysed, F1 1.
    assert best_match(found, wanted, analysed) == (2, 1.0, 1.0, 1.0)
    only_tentative = {**found, "aggressors": found["aggressors"].slice(2)}
    assert best_match(only_tentative, wanted, analysed)[0] == 3
    none = {**found, "aggressors": found["aggressors"].slice(0, 0)}
    assert best_match(none, wanted, analysed) == (None, 0.0, 0.0, 0.0)
