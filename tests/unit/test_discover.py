"""The stage on planted data: what it finds, what it claims, and what it must not depend on."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import planted
from aggressors.contracts import Settings
from aggressors.queries.grammar import parse
from aggressors.slicing.find import CEILING_JUDGED, ceiling_of
from aggressors.stages.discover import OUTPUTS
from aggressors.stages.tables import schema
from aggressors.stats.severity import loss_gap
from discovering import discover, members, overlap


@pytest.fixture(scope="module")
def data():
    return planted.planted_tables()


@pytest.fixture(scope="module")
def found(data):
    return discover(data.tables)


def test_every_planted_slice_is_among_the_first_five(data, found):
    for population in ("validation", "test"):
        for name, (score, rank) in overlap(found, data.truth, population).items():
            assert score >= 0.7, (population, name, rank)


def test_they_are_confirmed_and_named_for_what_they_are(found):
    first = found["aggressors"].to_pylist()[:3]
    assert {row["status"] for row in first} == {"confirmed"}
    names = [row["name"] for row in first]
    assert any(name.startswith("brightness <") for name in names)
    assert any(name.startswith("shirt · sharpness <") for name in names)
    assert "boot · operator = op-4" in names


@pytest.mark.parametrize("name", OUTPUTS)
def test_tables_have_the_schema(found, name):
    assert found[name].schema.equals(schema(name))
    assert found[name].num_rows > 0


def test_claims_come_from_the_confirm_half(data, found):
    samples = data.tables["samples"].to_pandas()
    confirm = samples[samples.fold == "confirm"]
    bound = ceiling_of(samples[samples.fold == "discover"].loss.to_numpy(), CEILING_JUDGED)
    total = samples[samples.population == "validation"].loss.sum()
    stats = found["concept_stats"].to_pandas()
    for row in found["aggressors"].to_pylist():
        inside = confirm.sample_id.isin(members(found, row["concept_id"], "validation"))
        gap = loss_gap(confirm.loss.to_numpy(), inside.to_numpy())
        told = stats[(stats.concept_id == row["concept_id"]) & (stats.fold == "confirm")].iloc[0]
        assert (told.gap, told.gap_low) == pytest.approx((gap.value, gap.low))
        assert row["severity"] == pytest.approx(gap.low)
        assert told.p_value <= told.q_value
        assert row["impact"] == pytest.approx(row["n"] * gap.value / total)
        if row["status"] == "confirmed":
            assert told.q_value <= 0.05
            assert gap.low > 0
            cut = np.minimum(confirm.loss, bound)
            tamed = loss_gap(cut.to_numpy(), inside.to_numpy())
            assert gap.low > 0.25 * confirm.loss.mean() or tamed.low > 0.25 * cut.mean()


def test_tentative_ones_come_last_and_are_few(found):
    status = found["aggressors"]["status"].to_pylist()
    assert status == sorted(status)
    assert status.count("tentative") <= 5


def test_stats_stand_for_every_population(found):
    pairs = found["concept_stats"].select(["population", "fold"]).to_pylist()
    assert {(row["population"], row["fold"]) for row in pairs} == {
        ("train", "both"),
        ("validation", "discover"),
        ("validation", "confirm"),
        ("validation", "both"),
        ("test", "both"),
        ("unlabeled", "both"),
    }
    unlabeled = found["concept_stats"].filter(pc.field("population") == "unlabeled")
    assert unlabeled["mean_loss"].null_count == unlabeled.num_rows
    assert pc.sum(unlabeled["n"]).as_py() > 0


def test_the_rule_counts_precision_and_recall_over_the_composition(data, found):
    samples = data.tables["samples"].to_pandas().merge(data.tables["metadata"].to_pandas())
    analysed = samples[samples.population == "validation"]
    row = next(row for row in found["concepts"].to_pylist() if row["name"].startswith("boot"))
    rule = json.loads(row["rule"])
    assert parse(rule["filter"]) == parse("label = boot and operator = op-4")
    held = set(analysed[(analysed.label == "boot") & (analysed.operator == "op-4")].sample_id)
    inside = members(found, row["concept_id"], "validation")
    assert rule["precision"] == pytest.approx(len(held & inside) / len(held), abs=1e-4)
    assert rule["recall"] == pytest.approx(len(held & inside) / len(inside), abs=1e-4)
    assert found["search"]["tested"][0].as_py() > rule["merged"] >= 1
    assert 0.05 < rule["coherence"] <= 1
    assert rule["fdr"] <= 0.05
    assert 0 < rule["n_confirm"] < len(inside)


def test_parents_contain_their_children(found):
    concepts = {row["concept_id"]: row for row in found["concepts"].to_pylist()}
    for row in concepts.values():
        if row["parent_id"] is None:
            assert row["level"] == 0
            continue
        assert row["level"] == concepts[row["parent_id"]]["level"] + 1
        inner = members(found, row["concept_id"], "validation")
        assert len(inner & members(found, row["parent_id"], "validation")) >= 0.8 * len(inner)


def test_scores_say_how_sure(found):
    scores = np.array(found["assignments"]["score"])
    assert scores.min() >= 0.5
    assert scores.max() <= 1
    assert np.ptp(scores) > 0.1


def test_representatives(data, found):
    loss = dict(
        zip(
            data.tables["samples"]["sample_id"].to_pylist(),
            data.tables["samples"]["loss"].to_pylist(),
            strict=True,
        )
    )
    for concept_id in found["concepts"]["concept_id"].to_pylist():
        inside = members(found, concept_id, "validation")
        rows = found["representatives"].filter(pc.field("concept_id") == concept_id).to_pylist()
        chosen = {reason: [] for reason in ("central", "worst", "diverse", "counter")}
        for row in sorted(rows, key=lambda row: row["rank"]):
            chosen[row["reason"]].append(row["sample_id"])
        assert all(len(set(ids)) == 12 for ids in chosen.values())
        assert {*chosen["central"], *chosen["worst"], *chosen["diverse"]} <= inside
        assert not inside & set(chosen["counter"])
        worst = [loss[name] for name in chosen["worst"]]
        assert worst == sorted(worst, reverse=True)
        assert max(loss[name] for name in chosen["counter"]) < np.median(worst)


# --- What it must not depend on ---


def records(table):
    return sorted(table.to_pylist(), key=lambda row: json.dumps(row, default=str, sort_keys=True))


def test_same_seed_same_tables(data, found):
    again = discover(data.tables)
    assert all(again[name].equals(found[name]) for name in OUTPUTS)


def test_the_order_of_the_rows_does_not_matter(data, found):
    n = data.tables["samples"].num_rows
    order = pa.array(np.random.default_rng(0).permutation(n))
    shuffled = {
        name: table.take(order) if table.num_rows == n else table
        for name, table in data.tables.items()
    }
    again = discover(shuffled)
    assert again["concepts"].equals(found["concepts"])
    assert again["representatives"].equals(found["representatives"])
    for here, there in zip(
        *(each["aggressors"].to_pylist() for each in (found, again)), strict=True
    ):
        assert there == pytest.approx(here)
    keys = ["concept_id", "sample_id"]
    sort = [(key, "ascending") for key in keys]
    here, there = (each["assignments"].sort_by(sort) for each in (found, again))
    assert here.select(keys).equals(there.select(keys))
    np.testing.assert_allclose(here["score"], there["score"], atol=1e-6)


def test_membership_depends_on_neither_prediction_nor_loss(data, found):
    """With other losses and predictions outside the analysed population, the same members."""
    samples = data.tables["samples"]
    analysed = pc.equal(samples["population"], "validation")
    labeled = pc.is_valid(samples["label"])
    other = pc.and_(labeled, pc.invert(analysed))
    loss = pc.if_else(other, pc.subtract(9.0, samples["loss"]), samples["loss"])
    wrong = pc.if_else(labeled, pa.scalar("boot"), samples["prediction"])
    changed = samples.set_column(samples.schema.get_field_index("loss"), "loss", loss)
    changed = changed.set_column(samples.schema.get_field_index("prediction"), "prediction", wrong)
    known = labeled.to_numpy()
    vectors = data.tables["probabilities"]["vector"].combine_chunks()
    flat = np.array(vectors.flatten()).reshape(len(known), -1)
    flat[known] = np.roll(flat[known], 1, axis=1)
    probabilities = pa.table(
        {"row_id": data.tables["probabilities"]["row_id"], "vector": flat.tolist()}
    )
    again = discover({**data.tables, "samples": changed, "probabilities": probabilities})
    assert again["assignments"].equals(found["assignments"])


def test_unlabeled_samples_join_by_predicted_label(data, found):
    """A concept inside a label takes the unlabeled samples that the model gives that label."""
    row = next(row for row in found["concepts"].to_pylist() if row["name"].startswith("boot"))
    samples = data.tables["samples"].to_pandas().merge(data.tables["metadata"].to_pandas())
    taken = samples[samples.sample_id.isin(members(found, row["concept_id"], "unlabeled"))]
    assert len(taken) > 20
    assert set(taken.operator) == {"op-4"}
    assert set(taken.prediction) == {"boot"}


# --- Where there is nothing, or little ---


def test_a_shuffled_loss_confirms_nothing(data):
    samples = data.tables["samples"]
    rows = np.flatnonzero(pc.equal(samples["population"], "validation").to_numpy())
    place = samples.schema.get_field_index("loss")
    loss = samples["loss"].to_numpy()
    alarms = []
    for seed in range(20):
        shuffled = loss.copy()
        shuffled[rows] = np.random.default_rng(seed).permutation(loss[rows])
        column = pa.array(shuffled, from_pandas=True)
        tables = {**data.tables, "samples": samples.set_column(place, "loss", column)}
        alarms += [
            (seed, row["name"])
            for row in discover(tables)["aggressors"].to_pylist()
            if row["status"] == "confirmed"
        ]
    assert alarms == []


def test_a_sound_model_has_no_aggressor():
    sound = planted.planted_tables(seed=4, slices=())
    assert "confirmed" not in discover(sound.tables)["aggressors"]["status"].to_pylist()


def test_without_embeddings_metadata_carries_the_search(data):
    tables = {name: table for name, table in data.tables.items() if name != "embeddings"}
    for name, (score, rank) in overlap(discover(tables), data.truth, "validation").items():
        assert score >= 0.7, (name, rank)


def test_with_no_metadata_the_embedding_carries_it(data):
    bare = {
        **data.tables,
        "metadata": data.tables["metadata"].select(["row_id"]),
        "metadata_fields": data.tables["metadata_fields"].slice(0, 0),
    }
    found = discover(bare)
    scores = overlap(found, data.truth, "validation")
    assert scores["dusk"][0] >= 0.6
    assert scores["blurred-shirt"][0] >= 0.7
    assert all("<" not in name for name in found["aggressors"]["name"].to_pylist())


def test_regression_has_no_labels(data):
    samples = data.tables["samples"]
    nothing = pa.nulls(samples.num_rows, pa.string())
    for name in ("label", "prediction"):
        samples = samples.set_column(samples.schema.get_field_index(name), name, nothing)
    tables = {**data.tables, "samples": samples}
    del tables["probabilities"]
    found = discover(tables, classes=(), task="regression")
    assert overlap(found, data.truth, "validation")["dusk"][0] >= 0.7


def test_one_class(data):
    samples = data.tables["samples"]
    one = pa.array(["boot"] * samples.num_rows)
    place = samples.schema.get_field_index("label")
    tables = {**data.tables, "samples": samples.set_column(place, "label", one)}
    del tables["probabilities"]
    found = discover(tables, classes=("boot",))
    assert found["aggressors"].num_rows > 0
    assert not any(name.startswith("boot") for name in found["aggressors"]["name"].to_pylist())


@pytest.mark.parametrize("n", [8, 30, 90])
def test_too_little_data_gives_empty_tables_of_the_right_schema(n):
    tiny = planted.planted_tables(n=n)
    found = discover(tiny.tables)
    for name in OUTPUTS:
        assert found[name].schema.equals(schema(name))
    assert found["aggressors"].num_rows == 0
    assert found["search"].num_rows == 1


def test_settings_are_followed(data):
    strict = discover(data.tables, settings=replace(Settings(), max_aggressors=1, level=0.99))
    assert strict["aggressors"]["status"].to_pylist().count("confirmed") == 1
    error = discover(data.tables, settings=Settings(signal="error"))
    stats = error["concept_stats"].filter(pc.field("fold") == "confirm")
    assert 0 < pc.max(stats["mean_loss"]).as_py() <= 1
