"""The stage that explains: which samples, for which classes, and what is kept of the maps."""
# Over 400 lines: all of it stands on the one model and run of the fixture.

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats

from aggressors.contracts import Settings
from aggressors.errors import SettingsError, StageError
from aggressors.stages.discover import STAGE as DISCOVER
from aggressors.stages.drawn import Draw
from aggressors.stages.explain import STAGE, explain
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context
from planted import planted_tables

CLASSES = ("boot", "coat", "shirt", "trouser")
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


class Bright:
    """Explains a sample's first class by a map whose lower right cell is its position."""

    heatmap_layer, no_heatmaps = "conv", ""

    def __init__(self):
        self.asked = []

    def heatmaps(self, population, positions, targets, method):
        self.asked.append((population, list(positions), targets, method))
        maps = np.zeros((len(positions), len(targets[0]), 2, 3), dtype=np.float32)
        maps[:, 0, 1, 2] = positions
        maps[:, 1:, 0, 0] = 1
        return maps


@pytest.fixture(scope="module")
def discovered():
    tables = dict(planted_tables(1_200).tables)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables.update(DISCOVER.run(tables, Context(Settings(), CLASSES)))
    assert tables["aggressors"].num_rows >= 2
    n = tables["samples"].num_rows
    tables["positions"] = pa.table({"row_id": range(n), "position": range(1, n + 1)})
    return tables


def explained(tables, source=None, **settings):
    return explain(tables, Context(Settings(**settings), CLASSES, source=source or Bright()))


def concepts(tables):
    return tables["aggressors"]["concept_id"].to_pylist()


def members_of(tables, concept):
    samples = tables["samples"].to_pylist()
    return [
        samples[row["row_id"]]
        for row in tables["assignments"].to_pylist()
        if row["concept_id"] == concept and samples[row["row_id"]]["population"] == "validation"
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


def drawn(tables, member, **settings):
    frame = Frame.from_tables(tables, Context(Settings(**settings), CLASSES))
    return frame, Draw(frame).sets(member)


def shares_of_labels(frame, chosen):
    return np.bincount(frame.label[chosen], minlength=len(CLASSES)) / len(chosen)


def test_the_comparison_has_the_labels_of_the_failing_members(discovered):
    """Of coats and shirts that are members, the shirts fail: only shirts are compared with."""
    frame, _ = drawn(discovered, np.zeros(discovered["samples"].num_rows, dtype=bool))
    coat, shirt = CLASSES.index("coat"), CLASSES.index("shirt")
    easy = np.flatnonzero(frame.analysed & (frame.label == coat))
    easy = easy[np.argsort(frame.signal[easy])][:40]
    hard = np.flatnonzero(frame.analysed & (frame.label == shirt))
    hard = hard[np.argsort(-frame.signal[hard])][:20]
    member = np.isin(np.arange(len(frame)), [*easy, *hard])
    _, sets = drawn(discovered, member, heatmap_samples=60)
    np.testing.assert_allclose(shares_of_labels(frame, sets["members"])[coat], 40 / 60)
    assert set(frame.label[sets["core"]]) == {shirt}
    well = sets["same_label_well_predicted"]
    assert set(frame.label[well]) == {shirt}
    assert len(well) > 20
    assert (frame.label == frame.prediction)[well].all()
    assert not member[well].any()


def test_the_comparison_has_labels_in_the_proportions_of_those_compared(discovered):
    place = np.arange(discovered["samples"].num_rows)
    for concept in concepts(discovered):
        inside = [m["sample_id"] for m in members_of(discovered, concept)]
        member = np.isin(discovered["samples"]["sample_id"].to_pylist(), inside)
        member &= place % 2 == 0  # so that the rest makes the same mistakes
        frame, sets = drawn(discovered, member, heatmap_samples=60)
        right = frame.label == frame.prediction
        wrong = sets["core"][~right[sets["core"]]]
        np.testing.assert_array_equal(sets["core_mispredicted"], wrong)
        for compared, reference, kind in (
            (sets["core"], sets["same_label_well_predicted"], right),
            (wrong, sets["rest_mispredicted"], ~right),
        ):
            assert kind[reference].all()
            assert not member[reference].any()
            assert 5 < len(reference) <= 60
            wanted, found = (shares_of_labels(frame, rows) for rows in (compared, reference))
            # Labels may fall short that a tenth of those compared have together.
            assert np.abs(wanted - found).sum() <= 2 * (0.1 + len(CLASSES) / len(reference))


def test_where_no_member_fails_all_of_them_are_compared(discovered):
    frame, _ = drawn(discovered, np.zeros(discovered["samples"].num_rows, dtype=bool))
    best = np.flatnonzero(frame.analysed)
    best = best[np.argsort(frame.signal[best])][:50]
    member = np.isin(np.arange(len(frame)), best)
    _, sets = drawn(discovered, member, heatmap_samples=100)
    assert not len(sets["core"])
    assert set(frame.label[sets["same_label_well_predicted"]]) == set(frame.label[best])
    assert not len(sets["core_mispredicted"])


def test_mistakes_are_averaged_for_both_classes_over_the_same_samples(discovered):
    """Predicted classes look at one cell, true ones at two; some true ones show nothing."""

    class Mistaken(Bright):
        def heatmaps(self, population, positions, targets, method):
            maps = np.zeros((len(positions), len(targets[0]), 1, 3), dtype=np.float32)
            maps[:, 0, 0, 0] = 3
            for place, position in enumerate(positions):
                maps[place, 1:, 0, 1:] = position % 3
            return maps

    out = explained(discovered, Mistaken(), heatmap_samples=2_000)
    rows = {name: row for row, name in enumerate(discovered["samples"]["sample_id"].to_pylist())}
    for concept in concepts(discovered):
        inside = members_of(discovered, concept)
        names = {m["sample_id"] for m in inside}
        rest = [
            row["loss"]
            for row in discovered["samples"].to_pylist()
            if row["population"] == "validation" and row["sample_id"] not in names
        ]
        least = np.quantile(rest, Settings().core_quantile)
        shown = [
            m
            for m in inside
            if m["loss"] > least
            and m["label"] != m["prediction"]
            and (rows[m["sample_id"]] + 1) % 3
        ]
        found = {
            row["target"]: row
            for row in out["mean_maps"].to_pylist()
            if (row["concept_id"], row["of"]) == (concept, "core_mispredicted")
        }
        assert {row["n"] for row in found.values()} == {len(shown)}
        assert {row["scale"] for row in found.values()} == {1.0}
        assert [*found["prediction"]["pixels"]] == [255, 0, 0]
        assert [*found["label"]["pixels"]] == [0, 128, 128]


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


def test_attention_compares_members_with_others(discovered):
    """Members look at the border and are mistaken by another cell; the others look inside."""
    concept = concepts(discovered)[0]
    rows = {name: row for row, name in enumerate(discovered["samples"]["sample_id"].to_pylist())}
    inside = {rows[m["sample_id"]] + 1 for m in members_of(discovered, concept)}

    class Planted(Bright):
        def heatmaps(self, population, positions, targets, method):
            maps = np.zeros((len(positions), len(targets[0]), 8, 8), dtype=np.float32)
            for place, position in enumerate(positions):
                if position in inside:
                    maps[place, 0, 0, 3] = 1  # in the border, in one cell
                    maps[place, 1:, 0, 3:5] = 1  # half of it elsewhere
                else:
                    maps[place, :, 2:6, 2:6] = 1  # 16 cells alike
            return maps

    out = explained(discovered, Planted(), heatmap_samples=2_000)["attention"]
    found = {
        (row["of"], row["measure"]): row for row in out.to_pylist() if row["concept_id"] == concept
    }
    border = found["core", "border"]
    assert (border["value"], border["low"], border["high"]) == (1, 1, 1)
    assert border["reference"] == "same_label_well_predicted"
    assert border["difference"] == 1
    assert border["difference_low"] == pytest.approx(1)
    assert found["members", "border"]["value"] == 1
    assert found["members", "border"]["reference"] is None  # the labels are those of core
    assert found["same_label_well_predicted", "border"]["value"] == 0
    assert found["same_label_well_predicted", "border"]["reference"] is None
    assert found["core", "concentration"]["value"] == 1
    assert found["rest", "concentration"]["value"] == pytest.approx(6.4 / 16)
    distance = found["core", "distance"]
    assert distance["value"] == pytest.approx(0.5)
    assert distance["reference"] == "rest_mispredicted"
    assert distance["difference"] == pytest.approx(0.5)
    assert found["rest_mispredicted", "distance"]["value"] == 0
    assert ("same_label_well_predicted", "distance") not in found
    assert found["rest", "strength"]["value"] == pytest.approx(16 / 64)
    assert found["members", "distance"]["n"] == sum(
        m["label"] != m["prediction"] for m in members_of(discovered, concept)
    )


def test_differences_of_one_aggressor_hold_together(discovered):
    """Four are compared, so that each has Welch's interval at 1 - 0.05 / 4."""

    class Random(Bright):
        def heatmaps(self, population, positions, targets, method):
            shape = (len(targets[0]), 4, 4)
            return np.array(
                [np.random.default_rng(position).gamma(2, size=shape) for position in positions]
            )

    concept = concepts(discovered)[0]
    out = explained(discovered, Random(), heatmap_samples=2_000)["attention"]
    inside = [m["sample_id"] for m in members_of(discovered, concept)]
    member = np.isin(discovered["samples"]["sample_id"].to_pylist(), inside)
    frame, sets = drawn(discovered, member, heatmap_samples=2_000)

    def strength(rows):  # positions count from 1, predictions are asked first
        n = 1 + (frame.label[rows] != frame.prediction[rows]).astype(int)
        return [
            np.random.default_rng(int(row) + 1).gamma(2, size=(m, 4, 4))[0].mean()
            for row, m in zip(rows, n, strict=True)
        ]

    found = {
        (row["of"], row["measure"]): row for row in out.to_pylist() if row["concept_id"] == concept
    }
    compared = [row for row in found.values() if row["reference"]]
    assert {row["of"] for row in compared} == {"core"}
    assert len(compared) == 4
    ours, theirs = strength(sets["core"]), strength(sets["same_label_well_predicted"])
    test = stats.ttest_ind(ours, theirs, equal_var=False)
    told = found["core", "strength"]
    assert told["difference"] == pytest.approx(np.mean(ours) - np.mean(theirs), rel=1e-5)
    np.testing.assert_allclose(
        (told["difference_low"], told["difference_high"]),
        test.confidence_interval(1 - 0.05 / 4),
        rtol=1e-5,
    )
    alone = stats.t.interval(0.95, len(ours) - 1, np.mean(ours), stats.sem(ours))
    np.testing.assert_allclose((told["low"], told["high"]), alone, rtol=1e-5)


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
