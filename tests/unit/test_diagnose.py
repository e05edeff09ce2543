"""Stage diagnose: the planted cause decides the action, and the flipped labels come first."""

import json
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from aggressors.stages.clues import Scene
from aggressors.stages.diagnose import AGAIN, STAGE
from aggressors.stages.shortcuts import strongest
from aggressors.stages.tables import schema
from aggressors.stats.diagnosis import Reason
from told import run, shuffled, told

DUSK, BLURRED, SWAPPED = 1, 2, 3


def actions(tables):
    aggressors = tables["aggressors"]
    return dict(
        zip(aggressors["concept_id"].to_pylist(), aggressors["action"].to_pylist(), strict=True)
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_planted_cause_decides_the_action(seed):
    found = actions(run(STAGE, told(seed=seed)))
    assert found == {DUSK: "collect", BLURRED: "review_model", SWAPPED: "relabel"}


def test_tables_have_the_columns_of_the_schema():
    tables = run(STAGE, told())
    assert tables["aggressors"].schema == schema("aggressors")
    assert tables["suspects"].schema == schema("suspects")
    before = told().tables["aggressors"]
    for name in set(before.column_names) - {"action", "reasons"}:
        assert tables["aggressors"][name].equals(before[name])


def test_reasons_are_ordered_and_in_words():
    aggressors = run(STAGE, told())["aggressors"].to_pylist()
    for record in aggressors:
        reasons = json.loads(record["reasons"])
        assert reasons[0]["action"] == record["action"]
        for reason in reasons:
            assert {
                "action", "evidence", "value", "reference", "weight", "sentence",
            } <= set(reason) <= {field.name for field in fields(Reason)}  # fmt: skip
            assert -1 <= reason["weight"] <= 1
            assert reason["sentence"]
    dusk = {reason["evidence"]: reason for reason in json.loads(aggressors[0]["reasons"])}
    assert dusk["share_train"]["value"] < 0.02
    assert dusk["share_train"]["reference"] > 0.1
    assert dusk["coverage"]["value"] > 0.09


def test_flipped_labels_come_first():
    planted = told()
    suspects = [r for r in run(STAGE, planted)["suspects"].to_pylist() if r["kind"] == "relabel"]
    first = [r for r in suspects if r["concept_id"] == SWAPPED][:40]
    actual = {}
    for population in planted.source.populations:
        world = planted.source.world(population)
        actual.update(zip(world.ids.tolist(), world.actual.tolist(), strict=True))
    right = [planted.classes[actual[r["sample_id"]]] == r["suggested"] for r in first]
    assert np.mean(right) > 0.95
    assert [r["rank"] for r in first] == list(range(1, 41))
    assert "labeled boot" in first[0]["reason"]
    assert not any(r["sample_id"].startswith("unlabeled") for r in suspects)


def test_members_that_fail_and_the_samples_outside_are_asked_about_labels():
    reasons = json.loads(run(STAGE, told())["aggressors"].to_pylist()[2]["reasons"])
    found = {reason["evidence"]: reason for reason in reasons}
    assert found["confident_failing"]["value"] > found["confident"]["value"]
    assert found["outside"]["value"] > 0.5
    for name in ("confident_failing", "outside"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]


def test_members_of_several_classes_that_pass_for_another_are_told_from_those_of_one():
    """Around members of 0 and 1 lie only samples of 2, which the model says they are."""
    rng = np.random.default_rng(0)
    n = 60
    z = rng.normal(size=(4 * n, 2)).astype(np.float32) + np.repeat([0, 0, 20, 40], n)[:, None]
    label = np.repeat([0, 2, 0, 1], n)
    label[: n // 2] = 1
    member = np.arange(4 * n) < n
    frame = SimpleNamespace(
        sample_id=np.arange(4 * n).astype(str).astype(object), label=label,
        prediction=np.where(member, 2, label),
    )  # fmt: skip
    near = SimpleNamespace(z=z, rows=np.arange(4 * n))
    scene = SimpleNamespace(frame=frame, neighbourhood=near, analysed=np.ones(4 * n, dtype=bool))
    measured, bounds = Scene._outside(scene, member)
    assert measured == {"outside": 1.0, "passing": 1.0}
    assert bounds["passing"] == (1.0, 1.0)
    frame.label = np.where(member, 0, label)
    assert Scene._outside(scene, member)[0] == {"outside": 1.0, "passing": None}
    frame.prediction = frame.label
    assert Scene._outside(scene, member) == ({}, {})


def test_row_order_does_not_matter():
    one, other = run(STAGE, told()), run(STAGE, told(), **shuffled(told()))
    assert actions(one) == actions(other)
    ids = [tables["suspects"]["sample_id"].to_numpy() for tables in (one, other)]
    assert set(ids[0]) == set(ids[1])
    assert (ids[0] == ids[1]).mean() > 0.95  # a rounding may swap two neighbours in rank


@pytest.mark.parametrize("missing", [("embeddings",), ("embeddings", "probabilities")])
def test_with_less_to_go_by_it_says_so(missing):
    tables = run(STAGE, told(), **dict.fromkeys(missing))
    reasons = json.loads(tables["aggressors"]["reasons"][0].as_py())
    assert actions(tables)[DUSK] == "collect"
    assert not [one for one in tables["suspects"].to_pylist() if one["kind"] == "relabel"]
    assert {"disagreement", "ordinary"}.isdisjoint(reason["evidence"] for reason in reasons)
    if len(missing) == 2:
        assert "confident" not in {reason["evidence"] for reason in reasons}


def test_without_train_coverage_is_unknown():
    planted = told(with_populations=("validation", "unlabeled"))
    record = run(STAGE, planted)["aggressors"].to_pylist()[0]
    reasons = {reason["evidence"]: reason for reason in json.loads(record["reasons"])}
    assert reasons["coverage"]["value"] is None
    assert "share_train" not in reasons
    assert record["action"] not in ("collect", "augment")


def test_bad_inputs_are_listed_for_removal():
    planted = told(slices=("dusk",))
    inside = np.isin(
        planted.tables["samples"]["sample_id"].to_pylist(), sorted(planted.truth["dusk"])
    )
    rng = np.random.default_rng(0)
    contrast = np.where(
        inside & (rng.random(len(inside)) < 0.8), 0.001, rng.uniform(0.1, 0.3, len(inside))
    )
    metadata = planted.tables["metadata"].append_column("contrast", [contrast])
    fields = planted.tables["metadata_fields"].to_pylist()
    fields.append({**fields[0], "field": "contrast", "kind": "number"})
    described = type(metadata).from_pylist(fields, schema=planted.tables["metadata_fields"].schema)
    tables = run(STAGE, _well_covered(planted), metadata=metadata, metadata_fields=described)
    assert actions(tables)[DUSK] == "remove"
    suspects = [r for r in tables["suspects"].to_pylist() if r["kind"] == "remove"]
    assert len(suspects) > 50
    assert {r["sample_id"] for r in suspects} <= planted.truth["dusk"]
    assert all(r["suggested"] is None for r in suspects)


def test_a_shortcut_is_told_from_what_train_holds_as_well():
    """Class 0 lies on red in train; here members of class 0 off red fail, and are rare there."""
    n = 400
    label = np.repeat([0, 1], n)
    train = np.arange(2 * n) % 2 == 0
    chance = np.random.default_rng(0).random(2 * n)
    red = np.where(label == 0, np.where(train, chance < 0.95, chance < 0.6), chance < 0.05)
    member = (label == 0) & ~red
    frame = SimpleNamespace(classes=("bag", "boot"), label=label, prediction=np.ones(2 * n))
    found = strongest(frame, {"carpet": red.astype(np.int64)}, member, ~train, train)
    assert (found.field, found.klass) == ("carpet", "bag")
    assert found.strength > 0.7
    assert found.shortfall > 1.5
    as_frequent = np.where(label == 0, chance < 0.8, chance < 0.05)
    cells = {"carpet": as_frequent.astype(np.int64)}
    found = strongest(frame, cells, (label == 0) & ~as_frequent, ~train, train)
    assert found.strength > 0.42
    assert abs(found.shortfall) < 0.4


def _well_covered(planted):
    """The same without train, so that the group is not rare there."""
    from dataclasses import replace

    samples = planted.tables["samples"]
    at = samples.schema.get_field_index("population")
    moved = ["test" if name == "train" else name for name in samples["population"].to_pylist()]
    changed = samples.set_column(at, "population", [np.array(moved, dtype=object).tolist()])
    return replace(planted, tables={**planted.tables, "samples": changed})


def test_nothing_found_leaves_both_tables_empty():
    planted = told()
    tables = run(STAGE, planted, aggressors=planted.tables["aggressors"].slice(0, 0))
    assert tables["aggressors"].num_rows == tables["suspects"].num_rows == 0
    assert tables["suspects"].schema == schema("suspects")


# --- After a field was added ---


def with_field(planted, name, values, source):
    metadata = planted.tables["metadata"].append_column(name, pa.array(values))
    fields = planted.tables["metadata_fields"].to_pylist()
    fields.append({**fields[0], "field": name, "kind": "category", "source": source, "unit": ""})
    described = pa.Table.from_pylist(fields, planted.tables["metadata_fields"].schema)
    return {"metadata": metadata, "metadata_fields": described}


def backdrop(planted, share=0.97):
    """A field that tells coats in train; the members of the swapped group break that."""
    samples = planted.tables["samples"].to_pylist()
    rng = np.random.default_rng(5)
    values = []
    for row in samples:
        of_class = str(row["label"]) == planted.classes[0]
        broken = row["sample_id"] in planted.truth["dusk"] and row["population"] != "train"
        usual = of_class != broken
        values.append("wood" if usual == (rng.random() < share) else "steel")
    return values


def reasons_of(tables):
    return [
        (one["action"], {each["evidence"]: each for each in json.loads(one["reasons"])})
        for one in tables["aggressors"].to_pylist()
    ]


def same(found, expected):
    for (action, here), (wanted, there) in zip(found, expected, strict=True):
        assert action == wanted
        assert list(here) == list(there)
        for evidence, one in here.items():
            other = there[evidence]
            for number in ("value", "reference", "weight"):
                assert one[number] == pytest.approx(other[number]), evidence
            assert one["sentence"] == other["sentence"]


@pytest.mark.parametrize("cause", [True, False])
def test_an_added_field_is_judged_as_if_it_had_been_there(cause):
    planted = told()
    values = backdrop(planted) if cause else ["a", "b", "c"] * (len(backdrop(planted)) // 3)
    values += [None] * (planted.tables["samples"].num_rows - len(values))
    before = run(STAGE, planted)
    whole = run(STAGE, planted, **with_field(planted, "backdrop", values, "table"))
    given = with_field(planted, "backdrop", values, "added")
    after = run(AGAIN, planted, aggressors=before["aggressors"], **given)
    same(reasons_of(after), reasons_of(whole))
    strength = {
        name: reasons_of(tables)[0][1]["shortcut"]["value"]
        for name, tables in (("before", before), ("after", after))
    }
    if cause:
        assert strength["after"] > 0.42 > strength["before"]
        assert "backdrop tells" in reasons_of(after)[0][1]["shortcut"]["sentence"]


def test_an_added_field_can_turn_the_recommendation_and_needs_no_embeddings():
    planted = told()
    before = run(STAGE, planted)
    given = with_field(planted, "backdrop", backdrop(planted, 1.0), "added")
    after = run(AGAIN, planted, aggressors=before["aggressors"], **given)
    assert "embeddings" not in {*AGAIN.inputs, *AGAIN.optional}
    assert actions(before)[DUSK] == "collect"
    assert actions(after)[DUSK] == "augment"
    assert actions(after)[BLURRED] == actions(before)[BLURRED]


def reason(**changed):
    told = {"action": "remove", "evidence": "unreadable", "value": 0.0, "reference": 0.0,
            "weight": 0.0, "sentence": "none"}  # fmt: skip
    return json.dumps([told | changed])


ODD = [
    "[]", None, "{", '[{"action": "collect"}]', '[{"x": 1}]', "3", "[1]", '"x"', '{"action": 1}',
    "[" * 100_000, reason(value="x"), reason(reference="y"), reason(evidence=["unreadable"]),
    reason(evidence="coverage", value="x"), reason(evidence="shortcut", value="x"),
    reason(evidence="coverage", value=float("nan")), reason(value=10**400), reason(value=True),
    reason(evidence="shortcut", value=float("nan")), reason(sentence=None), reason(weight=None),
    reason(action=["remove"]), reason(action="<b>"), reason(more=1),
]  # fmt: skip


def test_an_odd_reason_takes_none_of_the_others_away():
    planted = told()
    before = run(STAGE, planted)["aggressors"].to_pylist()
    for one in before:
        one["reasons"] = json.dumps(json.loads(one["reasons"]) + json.loads(reason(value="x")))
    given = with_field(planted, "backdrop", backdrop(planted, 1.0), "added")
    schema_of = planted.tables["aggressors"].schema
    odd = run(AGAIN, planted, aggressors=pa.Table.from_pylist(before, schema_of), **given)
    sound = run(AGAIN, planted, aggressors=run(STAGE, planted)["aggressors"], **given)
    assert actions(odd) == actions(sound)
    assert reasons_of(odd)[0] == reasons_of(sound)[0]  # the first was diagnosed again


@pytest.mark.parametrize("reasons", ODD)
def test_odd_reasons_of_a_strangers_run_do_not_stop_it(reasons):
    planted = told()
    strange = [one | {"reasons": reasons} for one in planted.tables["aggressors"].to_pylist()]
    given = with_field(planted, "backdrop", backdrop(planted), "added")
    strange = pa.Table.from_pylist(strange, planted.tables["aggressors"].schema)
    after = run(AGAIN, planted, aggressors=strange, **given)
    assert actions(after)[DUSK] == "augment"


def test_samples_that_an_added_table_leaves_out_are_no_bad_inputs():
    planted = told()
    before = run(STAGE, planted)
    ids = planted.tables["samples"]["sample_id"].to_pylist()
    values = [None if one in planted.truth["dusk"] else "ab"[n % 2] for n, one in enumerate(ids)]
    given = with_field(planted, "note", values, "added")
    after = run(AGAIN, planted, aggressors=before["aggressors"], **given)
    assert actions(after) == actions(before)
    was, now = (reasons_of(tables)[0][1]["unreadable"] for tables in (before, after))
    assert now == was
