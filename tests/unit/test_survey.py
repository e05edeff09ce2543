"""The stage that measures samples beside all others: rows, names that clash, order, no label."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from aggressors.collate import collate
from aggressors.contracts import Settings
from aggressors.sources.table import open_tables
from aggressors.stages import survey
from aggressors.stages.protocol import Context

SETTINGS = Settings()
CONTEXT = Context(SETTINGS)


def ran(populations, *, shard=1_000, **options):
    """Tables of a run over tables of predictions, up to and with the survey."""
    source = open_tables(
        {name: pa.table(columns) for name, columns in populations.items()}, **options
    )
    shards = [
        (name, source.shard(name, start, min(start + shard, n), SETTINGS, lambda _: None).tables)
        for name, n in source.populations.items()
        for start in range(0, n, shard)
    ]
    tables = collate(shards, SETTINGS, source.task)
    wanted = (*survey.STAGE.inputs, *survey.STAGE.optional)
    read = {name: tables[name] for name in wanted if name in tables}
    return tables | survey.run(read, CONTEXT)


def table(n=200, prefix="v", **columns):
    return {
        "sample_id": [f"{prefix}{row:04d}" for row in range(n)],
        "label": ["cat", "dog"] * (n // 2),
        "prediction": ["cat", "cat", "dog", "dog"] * (n // 4),
        **columns,
    }


def own(n=200, seed=0):
    rng = np.random.default_rng(seed)
    hour = rng.normal(12, 2, n)
    hour[3] = 40
    site = rng.choice(["north", "south"], n).tolist()
    site[7] = "moon"
    operator = rng.choice(["a", "b", "c"], n).tolist()
    site[5] = operator[5] = operator[9] = None
    return {"hour": hour.tolist(), "site": site, "operator": operator}


def column(tables, name):
    return np.array(tables["metadata"][name].to_pylist(), dtype=object)


def built_in(tables):
    rows = tables["metadata_fields"].to_pylist()
    return [row["field"] for row in rows if row["source"] == "built-in"]


def test_rows_of_metadata_are_measured_by_the_fields_of_the_user():
    tables = ran({"validation": table(**own())})
    missing, score = column(tables, "missing_values"), column(tables, "outlier_score")
    assert [row for row in range(200) if missing[row]] == [5, 9]
    assert missing[5] == 2
    assert set(np.argsort(score.astype(float))[-2:]) == {3, 7}
    assert built_in(tables) == ["missing_values", "outlier_score"]
    kinds = {row["field"]: row["kind"] for row in tables["metadata_fields"].to_pylist()}
    assert kinds["site"] == "category"
    assert kinds["outlier_score"] == "number"
    assert tables["metadata"].column_names == ["row_id", *kinds]


def test_samples_of_other_populations_count_too_and_fields_that_are_not_there_are_missing():
    given = own()
    some = {"hour": given["hour"][:20], "site": given["site"][:20]}
    tables = ran({"validation": table(**given), "unlabeled": table(20, "u", **some)})
    missing = column(tables, "missing_values")
    assert missing[200:].tolist() == [2 if row == 5 else 1 for row in range(20)]
    twins = column(tables, "row_duplicates")
    assert np.flatnonzero(twins).tolist() == [5, 9, 205, 209]  # else `operator` tells them apart
    del given["operator"]
    tables = ran({"validation": table(**given), "unlabeled": table(20, "u", **some)})
    assert column(tables, "row_duplicates").tolist() == [1] * 20 + [0] * 180 + [1] * 20


def test_equal_rows_are_counted_unless_most_have_a_twin():
    hour = np.arange(200.0)
    hour[50:60] = 50
    hour[60], hour[61] = 0.0, -0.0
    hour[0] = 300
    found = column(ran({"validation": table(hour=hour.tolist())}), "row_duplicates")
    assert found[50:62].tolist() == [9] * 10 + [1] * 2
    assert found[62:].sum() == 0
    tables = ran({"validation": table(site=["north", "south"] * 100)})
    assert "row_duplicates" not in built_in(tables)


def test_a_time_that_is_missing_counts_once_not_with_its_period_and_time_of_day():
    start = datetime(2024, 6, 1)
    taken = [start + timedelta(hours=17 * row) for row in range(200)]
    taken[4] = taken[5] = None
    tables = ran({"validation": table(**own(), taken=taken)})
    names = set(tables["metadata"].column_names)
    assert {"taken_month", "taken_time_of_day"} <= names
    missing = column(tables, "missing_values")
    assert (missing[4], missing[5]) == (1, 3)  # row 5 lacks two fields more


def test_missing_values_of_one_field_alone_say_nothing_more():
    given = own() | {"operator": ["a"] * 200}
    given["site"] = [site or "north" for site in given["site"]]
    given["hour"][0] = None
    assert built_in(ran({"validation": table(**given)})) == ["outlier_score"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"town": ["here"] * 200},  # does not vary
        {"town": [None] * 199 + ["here"]},
        {"plate": [f"B-{row}" for row in range(200)]},  # an identifier is always unusual
    ],
)
def test_one_field_that_varies_is_as_unusual_as_it_says_itself(more):
    hour = own()["hour"]
    assert "outlier_score" not in built_in(ran({"validation": table(hour=hour, **more)}))
    both = table(hour=hour, site=["north"] * 199 + ["moon"], **more)
    assert "outlier_score" in built_in(ran({"validation": both}))


def again(tables, added, rule=None, odd=()):
    """Tables with fields added as `adding` does it, and the rows measured anew."""
    metadata = tables["metadata"]
    for name, values in added.items():
        metadata = metadata.append_column(name, pa.array(values))
    described = tables["metadata_fields"].to_pylist()
    described += [
        {"field": name, "kind": "category" if isinstance(values[1], str) else "number",
         "unit": "", "source": "added", "missing": sum(value is None for value in values)}
        for name, values in added.items()
    ]  # fmt: skip
    fields = pa.Table.from_pylist(described, tables["metadata_fields"].schema)
    rules = [json.dumps({"filter": rule}), None, json.dumps({"filter": None}), *odd]
    given = {
        "metadata": metadata, "metadata_fields": fields, "concepts": pa.table({"rule": rules}),
        "media": tables["media"].select(["kind"]),
    }  # fmt: skip
    return survey.AGAIN.run(given, CONTEXT)


ADDED = {
    "rain": [float(row % 9) if row % 8 else None for row in range(200)],
    "zone": ["x" if row % 50 else "y" for row in range(200)],
}


@pytest.mark.parametrize("first", [{}, {"hour": own()["hour"]}, own()])
def test_rows_are_measured_again_as_if_the_added_fields_had_been_there(first):
    expected = ran({"validation": table(**first, **ADDED)})
    found = again(ran({"validation": table(**first)}), ADDED)
    measures = built_in(expected)
    assert "outlier_score" in measures
    assert built_in(found) == measures
    for name in measures:
        assert column(found, name).tolist() == column(expected, name).tolist()
    rows = {row["field"]: row for row in found["metadata_fields"].to_pylist()}
    wanted = {row["field"]: row for row in expected["metadata_fields"].to_pylist()}
    assert {name: rows[name] for name in measures} == {name: wanted[name] for name in measures}
    assert found["metadata"].column_names == ["row_id", *rows]
    assert list(rows)[-len(measures) :] == measures


def test_what_names_a_group_stays_as_it_was():
    before = ran({"validation": table(**own())})
    kept = again(before, ADDED, "hour < 3 and not outlier_score > 2.5")
    assert column(kept, "outlier_score").tolist() == column(before, "outlier_score").tolist()
    assert column(kept, "missing_values").tolist() != column(before, "missing_values").tolist()
    fresh = again(before, ADDED, "hour < 3")
    assert column(fresh, "outlier_score").tolist() != column(before, "outlier_score").tolist()


@pytest.mark.parametrize(
    "rule",
    ["[1]", '"x"', '{"filter": 3}', '{"filter": ["hour < 3"]}', '{"filter": "hour <"}', "{",
     "3", "[" * 100_000],
)  # fmt: skip
def test_an_odd_rule_of_a_strangers_run_speaks_of_nothing(rule):
    before = ran({"validation": table(**own())})
    found = again(before, ADDED, "not outlier_score > 2.5", odd=[rule])
    expected = again(before, ADDED, "not outlier_score > 2.5")
    assert found["metadata"].equals(expected["metadata"])


def test_what_is_measured_on_texts_is_left_alone_where_fields_are_added():
    texts = ["the sky is blue", "the sky is grey", "The sky is blue!", ""] * 50
    texts[2] = "the sky is cerulean"
    before = ran({"validation": table(text=texts, **own())})
    after = again(before, ADDED)
    for name in ("text_duplicates", "rare_words"):
        assert after["metadata"][name].equals(before["metadata"][name])


def test_an_added_field_named_as_a_measure_wins():
    before = ran({"validation": table(hour=own()["hour"])})
    found = again(before, {"Outlier_Score": ["a", "b"] * 100, "zone": ADDED["zone"]})
    assert "outlier_score" not in built_in(found)
    assert column(found, "Outlier_Score")[:2].tolist() == ["a", "b"]


def test_rows_that_lack_everything_have_no_score():
    hour, site = [1.0, 2.0, 9.0] * 66 + [None] * 2, ["n", "s", "n"] * 66 + [None] * 2
    tables = ran({"validation": table(hour=hour, site=site)})
    assert column(tables, "outlier_score")[-2:].tolist() == [None, None]
    assert column(tables, "missing_values")[-2:].tolist() == [2, 2]


def test_constant_fields_and_fields_without_a_value_bring_nothing():
    tables = ran({"validation": table(hour=[1] * 200, site=pa.nulls(200), weather=["dry"] * 200)})
    assert built_in(tables) == []
    assert built_in(ran({"validation": table()})) == []


def test_the_users_fields_win_over_those_of_the_run():
    texts = ["One.", "Two? Три", "never", "One!"] * 50
    mine = {"Symmetry": ["a", "b"] * 100, "rare_words": ["x", "y"] * 100, "script": [1, 2] * 100}
    tables = ran({"validation": table(text=texts, **mine)})
    assert column(tables, "rare_words")[:2].tolist() == ["x", "y"]
    assert column(tables, "script")[:2].tolist() == [1, 2]
    assert not {"symmetry", "rare_words", "script"} & set(built_in(tables))
    assert {"text_duplicates", "questions", "negations"} <= set(built_in(tables))
    sources = {row["field"]: row["source"] for row in tables["metadata_fields"].to_pylist()}
    assert sources["Symmetry"] == sources["rare_words"] == sources["script"] == "table"


def test_texts_are_measured_beside_their_metadata():
    texts = ["the sky is blue", "the sky is grey", "The sky is blue!", ""] * 50
    texts[2] = "the sky is cerulean"
    tables = ran({"validation": table(text=texts, hour=list(range(200)))})
    assert column(tables, "text_duplicates")[:4].tolist() == [98, 49, 0, 49]
    assert column(tables, "rare_words")[2] == pytest.approx(1 / 4)
    assert column(tables, "rare_words")[3] is None
    assert "row_duplicates" not in built_in(tables)  # a text is no row of metadata


def test_neither_order_nor_shards_nor_labels_nor_losses_matter():
    texts = [f"text {row % 40} says word{'abcdefghij'[row % 10]}" for row in range(200)]
    whole = table(text=texts, **own())
    expected = ran({"validation": whole})
    order = np.random.default_rng(0).permutation(200)
    moved = {name: [values[row] for row in order] for name, values in whole.items()}
    assert ran({"validation": moved}, shard=33)["metadata"].equals(expected["metadata"])
    other = whole | {"label": whole["label"][::-1], "prediction": whole["prediction"][::-1]}
    assert ran({"validation": other})["metadata"].equals(expected["metadata"])
    assert "samples" not in (*survey.STAGE.inputs, *survey.STAGE.optional)
