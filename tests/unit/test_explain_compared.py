"""The stage that explains: members against others, in what is compared and in how they look."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggressors.contracts import Settings
from aggressors.stages.drawn import Draw
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context
from explaining import CLASSES, Bright, concepts, explained, members_of


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
