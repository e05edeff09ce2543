"""Stage correlate on planted data: the cause is found, named and sorted from class effects."""

import json

import pyarrow as pa
import pytest

from aggressors.stages.correlate import STAGE
from aggressors.stages.tables import schema
from aggressors.store.schema import BY_NAME
from told import run, shuffled, told

DUSK, BLURRED, SWAPPED = 1, 2, 3
FURTHER = ("mutual-information", "missing")


@pytest.fixture(scope="module")
def found():
    return by_key(run(STAGE, told())["correlations"].to_pylist())


def by_key(records, *further):
    """Rows of the field's own statistic, or of a further one."""
    return {
        (r["concept_id"], r["field"], r["target"], r["stratum"]): r
        for r in records
        if r["statistic"] in further or (not further and r["statistic"] not in FURTHER)
    }


def strongest(found, concept, target="membership", stratum="label"):
    own = [r for key, r in found.items() if (key[0], key[2], key[3]) == (concept, target, stratum)]
    return sorted(own, key=lambda r: -abs(r["effect"]))


def test_table_has_the_columns_of_the_schema(found):
    table = run(STAGE, told())["correlations"]
    assert table.schema == schema("correlations")
    assert table.column_names == [column.name for column in BY_NAME["correlations"].columns]


@pytest.mark.parametrize(
    ("concept", "field"), [(DUSK, "brightness"), (BLURRED, "sharpness"), (SWAPPED, "operator")]
)
def test_the_planted_cause_comes_first(found, concept, field):
    first = strongest(found, concept)[0]
    assert first["field"] == field
    assert first["q_value"] < 1e-6
    assert -1 <= first["low"] <= first["effect"] <= first["high"] <= 1


def test_sentence_says_what_the_table_says(found):
    detail = json.loads(found[DUSK, "brightness", "membership", "all"]["detail"])
    assert detail["sentence"].startswith("low brightness: 100 % of members below 0.25, 0 % of the ")
    assert detail["sentence"].endswith("; defining: 100 % of all below 0.25 are members")
    assert detail["filter"] == "brightness < 0.25"
    assert detail["inside_share"] == 1
    assert detail["outside_share"] == 0
    assert len(detail["inside"]) == len(detail["outside"]) == 5
    operator = json.loads(found[SWAPPED, "operator", "membership", "all"]["detail"])
    assert operator["top"][0]["value"] == "op-4"
    assert operator["sentence"].startswith("operator = op-4: 100 % of members, ")


def test_effects_stay_in_range_and_all_fields_are_there(found):
    assert {key[1] for key in found} == {
        "brightness", "sharpness", "hour", "station", "operator", "label",
    }  # fmt: skip
    for record in found.values():
        assert -1 <= record["low"] <= record["effect"] <= record["high"] <= 1
        assert record["target"] in ("membership", "loss")
        assert 0 <= record["q_value"] <= 1
    assert not [key for key in found if key[1] == "label" and key[3] == "label"]
    assert {key[2] for key in found if key[0] == -1} == {"loss"}


def test_darkness_goes_with_loss_over_all_samples(found):
    record = found[-1, "brightness", "loss", "label"]
    assert record["high"] < 0
    detail = json.loads(record["detail"])
    assert set(detail["populations"]) == {"train", "test", "unlabeled"}
    assert detail["populations"]["train"]["high"] < 0  # validation is darker than train
    assert detail["populations"]["test"]["low"] < 0 < detail["populations"]["test"]["high"]
    assert detail["bins"][0]["mean_loss"] > 2 * detail["bins"][-1]["mean_loss"]


def test_rows_do_not_depend_on_the_order_of_samples(found):
    again = by_key(run(STAGE, told(), **shuffled(told()))["correlations"].to_pylist())
    for record in again.values():
        key = (record["concept_id"], record["field"], record["target"], record["stratum"])
        assert record["effect"] == pytest.approx(found[key]["effect"], abs=1e-9)
        assert record["detail"] == found[key]["detail"] or record["target"] == "loss"


def test_identifiers_and_countless_categories_are_left_out():
    planted = told()
    n = planted.tables["samples"].num_rows
    metadata = planted.tables["metadata"]
    metadata = metadata.append_column("serial", pa.array([f"s{row}" for row in range(n)]))
    metadata = metadata.append_column("batch", pa.array([f"b{row % 300}" for row in range(n)]))
    fields = planted.tables["metadata_fields"].to_pylist()
    for name, kind in (("serial", "identifier"), ("batch", "category")):
        fields.append({**fields[0], "field": name, "kind": kind, "missing": 0})
    described = pa.Table.from_pylist(fields, schema=planted.tables["metadata_fields"].schema)
    records = run(STAGE, planted, metadata=metadata, metadata_fields=described)["correlations"]
    assert not {"serial", "batch"} & set(records["field"].to_pylist())


def test_without_concepts_only_all_samples_are_related():
    planted = told()
    empty = {name: planted.tables[name].slice(0, 0) for name in ("concepts", "assignments")}
    records = run(STAGE, planted, **empty)["correlations"]
    assert set(records["concept_id"].to_pylist()) == {-1}


def test_without_an_analysed_sample_the_table_is_empty():
    planted = told()
    samples = planted.tables["samples"]
    at = samples.schema.get_field_index("fold")
    nobody = samples.set_column(at, "fold", pa.nulls(len(samples), samples["fold"].type))
    assert run(STAGE, planted, samples=nobody)["correlations"].num_rows == 0
