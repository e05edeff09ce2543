"""The stage that explains: which samples, for which classes, and what is kept of the maps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from aggressors.contracts import Settings
from aggressors.errors import SettingsError, StageError
from aggressors.stages.explain import STAGE
from aggressors.stages.protocol import Context
from explaining import CLASSES, Bright, concepts, explained, members_of

KINDS = [
    ("core", "prediction"),
    ("members", "prediction"),
    ("same_label_well_predicted", "prediction"),
    ("rest", "prediction"),
    ("core_mispredicted", "prediction"),
    ("core_mispredicted", "label"),
    ("rest_mispredicted", "prediction"),
    ("rest_mispredicted", "label"),
]


def test_explains_each_representative_and_each_kind_of_mean(discovered):
    out = explained(discovered)
    shown = set(discovered["representatives"]["sample_id"].to_pylist())
    assert shown <= set(out["heatmaps"]["sample_id"].to_pylist())
    pairs = [(row["sample_id"], row["of"]) for row in out["heatmaps"].to_pylist()]
    assert len(set(pairs)) == len(pairs)
    for concept in concepts(discovered):
        kinds = [
            (row["of"], row["target"])
            for row in out["mean_maps"].to_pylist()
            if row["concept_id"] == concept
        ]
        # Where the rest makes no such mistakes, there is nothing to compare these with.
        assert kinds in (KINDS, KINDS[:-2])
    (facts,) = out["explanation"].to_pylist()
    assert facts == {"method": "grad-cam", "layer": "conv", "reason": None}


def test_a_mistake_is_explained_for_its_true_class_too(discovered):
    out = explained(discovered)
    samples = {row["sample_id"]: row for row in discovered["samples"].to_pylist()}
    found = {}
    for row in out["heatmaps"].to_pylist():
        found.setdefault(row["sample_id"], {})[row["of"]] = row["target"]
    assert any(len(of) == 2 for of in found.values())
    for name, of in found.items():
        one = samples[name]
        assert of["prediction"] == one["prediction"]
        assert of.get("label") == (one["label"] if one["label"] != one["prediction"] else None)


def test_each_sample_is_explained_once_and_each_batch_for_one_number_of_classes(discovered):
    source = Bright()
    explained(discovered, source, batch_size=50)
    places = [place for _, positions, _, _ in source.asked for place in positions]
    assert len(set(places)) == len(places)
    for _, positions, targets, method in source.asked:
        assert len(positions) == len(targets) <= 50
        assert len({len(codes) for codes in targets}) == 1
        assert method == "grad-cam"


def test_scale_keeps_the_magnitude(discovered):
    rows = {name: row for row, name in enumerate(discovered["samples"]["sample_id"].to_pylist())}
    for row in explained(discovered)["heatmaps"].to_pylist():
        pixels = np.frombuffer(row["pixels"], np.uint8).reshape(row["height"], row["width"])
        if row["of"] == "label":
            assert pixels.tolist() == [[255, 0, 0], [0, 0, 0]]
            assert row["scale"] == 1
        else:
            assert pixels.tolist() == [[0, 0, 0], [0, 0, 255]]
            assert row["scale"] == rows[row["sample_id"]] + 1


def test_every_sample_weighs_alike_in_a_mean_map(discovered):
    """Maps of sum 1 have a mean of sum 1, however far their magnitudes lie apart."""
    out = explained(discovered, heatmap_samples=2_000)
    for concept in concepts(discovered):
        means = {
            row["of"]: row
            for row in out["mean_maps"].to_pylist()
            if (row["concept_id"], row["target"]) == (concept, "prediction")
        }
        assert {row["scale"] for row in means.values()} == {1.0}
        assert means["members"]["n"] == len(members_of(discovered, concept))
        assert [*means["members"]["pixels"]] == [0, 0, 0, 0, 0, 255]


def test_a_mean_map_is_the_mean_of_shares(discovered):
    class Split(Bright):  # half of the samples look left, half right, with any magnitude
        def heatmaps(self, population, positions, targets, method):
            maps = np.zeros((len(positions), len(targets[0]), 1, 2), dtype=np.float32)
            for place, position in enumerate(positions):
                maps[place, :, 0, position % 2] = 1 + position
            return maps

    out = explained(discovered, Split(), heatmap_samples=2_000)
    rows = {name: row for row, name in enumerate(discovered["samples"]["sample_id"].to_pylist())}
    for concept in concepts(discovered):
        odd = np.mean([(rows[m["sample_id"]] + 1) % 2 for m in members_of(discovered, concept)])
        (mean,) = (
            row
            for row in out["mean_maps"].to_pylist()
            if row["concept_id"] == concept and row["of"] == "members"
        )
        values = np.frombuffer(mean["pixels"], np.uint8) / 255 * mean["scale"]
        np.testing.assert_allclose(values, [1 - odd, odd], atol=0.5 / 255)


def test_maps_without_attribution_are_left_out(discovered):
    class Blind(Bright):
        def heatmaps(self, population, positions, targets, method):
            maps = super().heatmaps(population, positions, targets, method)
            maps[[place % 2 == 0 for place in positions]] = 0
            return maps

    out = explained(discovered, Blind(), heatmap_samples=2_000)
    rows = {name: row for row, name in enumerate(discovered["samples"]["sample_id"].to_pylist())}
    concept = concepts(discovered)[0]
    odd = sum((rows[m["sample_id"]] + 1) % 2 for m in members_of(discovered, concept))
    (mean,) = (
        row
        for row in out["mean_maps"].to_pylist()
        if row["concept_id"] == concept and row["of"] == "members"
    )
    assert mean["n"] == odd
    numbers = {
        row["measure"]: row["n"]
        for row in out["attention"].to_pylist()
        if row["concept_id"] == concept and row["of"] == "members"
    }
    assert numbers["border"] == numbers["concentration"] == odd
    assert numbers["strength"] == len(members_of(discovered, concept))


def test_a_layer_that_shows_nothing_says_so(discovered):
    class Dark(Bright):
        def heatmaps(self, population, positions, targets, method):
            return 0 * super().heatmaps(population, positions, targets, method)

    out = explained(discovered, Dark())
    (facts,) = out["explanation"].to_pylist()
    assert facts["reason"].startswith("No map of layer 'conv' shows anything")
    assert not out["heatmaps"].num_rows + out["mean_maps"].num_rows + out["attention"].num_rows


def test_a_model_that_knows_no_classes_has_no_map_of_the_true_one(discovered):
    out = explained(discovered, heatmap_method="eigencam")
    assert set(out["mean_maps"]["target"].to_pylist()) == {"prediction"}
    assert "core_mispredicted" not in out["mean_maps"]["of"].to_pylist()


def test_maps_that_change_their_size_say_where_and_what_to_do(discovered):
    class Growing(Bright):
        def heatmaps(self, population, positions, targets, method):
            shape = (len(positions), len(targets[0]), 2, 2 + len(self.asked))
            self.asked.append(positions)
            return np.ones(shape, dtype=np.float32)

    with pytest.raises(
        StageError,
        match=r"'explain' failed at 50 samples of validation: maps of layer 'conv' have 2 × 3 "
        r"cells here and had 2 × 2 before.* Let the datasets give images of one size",
    ):
        explained(discovered, Growing(), batch_size=50)


def test_maps_of_another_size_that_are_averaged_down_to_one_are_fine(discovered):
    class Growing(Bright):
        def heatmaps(self, population, positions, targets, method):
            side = 8 * (1 + len(self.asked))
            self.asked.append(positions)
            return np.ones((len(positions), len(targets[0]), side, side), dtype=np.float32)

    out = explained(discovered, Growing(), batch_size=50, heatmap_cells=4)
    assert set(out["mean_maps"]["height"].to_pylist()) == {4}


def test_the_positions_of_samples_are_needed_with_a_model_only():
    assert "positions" not in STAGE.inputs
    assert "positions" in STAGE.optional


def test_at_most_so_many_samples_are_averaged(discovered):
    out = explained(discovered, heatmap_samples=7)
    assert max(out["mean_maps"]["n"].to_pylist()) == 7
    assert max(out["attention"]["n"].to_pylist()) == 7


def test_at_most_so_many_heatmaps_are_kept_representatives_first(discovered):
    shown = discovered["representatives"]["sample_id"].to_pylist()
    all_of_them = explained(discovered)["heatmaps"]
    few = explained(discovered, heatmaps_kept=20)
    kept = set(few["heatmaps"]["sample_id"].to_pylist())
    assert len(kept) == 20
    assert kept <= set(shown)
    assert len(set(all_of_them["sample_id"].to_pylist())) > 20
    # What is averaged does not depend on what is kept.
    assert few["mean_maps"] == explained(discovered)["mean_maps"]
    assert explained(discovered, heatmaps_kept=0)["heatmaps"].num_rows == 0


def test_large_maps_are_averaged_down(discovered):
    class Fine(Bright):
        def heatmaps(self, population, positions, targets, method):
            maps = np.zeros((len(positions), len(targets[0]), 56, 28), dtype=np.float32)
            maps[:, :, 0, :2] = 4
            return maps

    out = explained(discovered, Fine())
    row = out["heatmaps"].to_pylist()[0]
    assert (row["height"], row["width"], row["scale"]) == (28, 14, 2)  # half of each new cell
    assert row["pixels"] == b"\xff" + bytes(28 * 14 - 1)
    small = explained(discovered, Fine(), heatmap_cells=4)["heatmaps"].to_pylist()[0]
    assert (small["height"], small["width"]) == (4, 2)


def test_eigencam_has_no_map_of_the_true_class(discovered):
    source = Bright()
    out = explained(discovered, source, heatmap_method="eigencam")
    assert {method for *_, method in source.asked} == {"eigencam"}
    assert {len(codes) for _, _, targets, _ in source.asked for codes in targets} == {1}
    assert set(out["heatmaps"]["of"].to_pylist()) == {"prediction"}
    assert set(out["heatmaps"]["method"].to_pylist()) == {"eigencam"}
    assert "distance" not in out["attention"]["measure"].to_pylist()


def test_the_tables_do_not_depend_on_the_size_of_a_batch(discovered):
    key = [("sample_id", "ascending"), ("of", "ascending")]
    whole = explained(discovered, batch_size=256)
    for size in (1, 7):
        parts = explained(discovered, batch_size=size)
        assert parts["mean_maps"] == whole["mean_maps"]
        assert parts["attention"] == whole["attention"]
        assert parts["heatmaps"].sort_by(key) == whole["heatmaps"].sort_by(key)


def test_a_method_that_is_not_there_names_the_nearest():
    with pytest.raises(
        SettingsError, match=r"one of grad-cam, .*got 'GradCam\+\+'; the nearest is 'gr"
    ):
        Settings(heatmap_method="GradCam++")
    with pytest.raises(SettingsError, match="'heatmap_method' must be text; got 3"):
        Settings(heatmap_method=3)


def test_a_table_source_has_empty_maps(discovered):
    out = STAGE.run(discovered, Context(Settings(), CLASSES))
    assert {name: table.num_rows for name, table in out.items()} == dict.fromkeys(STAGE.outputs, 0)


def test_a_model_without_a_map_says_why(discovered):
    class Flat(Bright):
        heatmap_layer, no_heatmaps = None, "The model has no convolution."

    out = explained(discovered, Flat())
    assert out["explanation"].to_pylist() == [
        {"method": "grad-cam", "layer": None, "reason": "The model has no convolution."}
    ]
    assert not out["heatmaps"].num_rows


def test_a_run_without_an_aggressor_says_so(discovered):
    nothing = discovered | {"aggressors": discovered["aggressors"].slice(0, 0)}
    out = explained(nothing)
    assert "no aggressor" in out["explanation"]["reason"][0].as_py()
    assert pc.sum(pa.array([out[name].num_rows for name in STAGE.outputs])).as_py() == 1


def test_a_failing_model_names_the_samples(discovered):
    class Fails(Bright):
        def heatmaps(self, population, positions, targets, method):
            raise RuntimeError("no map")

    with pytest.raises(StageError, match=r"'explain' failed at .* validation.*no map"):
        explained(discovered, Fails())
