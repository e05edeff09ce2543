"""Runs without classes, without findings, without fields; and names that look like SQL."""

import dataclasses
import json

import pyarrow as pa
import pytest

from aggressors.contracts import EVERYTHING, Condition, RunInfo, Settings
from aggressors.errors import FilterError
from aggressors.export import FORMATS, WHATS, export
from aggressors.queries import concept, explore, fields, maps, overview, samples, solve, track
from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.listing import listing
from aggressors.stages.tables import rows, table
from aggressors.store.publish import publish
from aggressors.store.read import open_run
from aggressors.store.schema import SCHEMA_VERSION

EVIL = '{where} {source}"; DROP TABLE samples; --'


def publish_small(folder, *, task, label, prediction, metadata=()):
    """Publish six samples, four of them labeled, and nothing found."""
    n = len(label)
    ids = [f"s{place}" for place in range(n)]
    tables = {
        "samples": table(
            "samples",
            row_id=range(n),
            sample_id=ids,
            population=["validation" if value is not None else "unlabeled" for value in label],
            fold=["discover", "confirm", "discover", "confirm", None, None],
            label=[None] * n,
            prediction=[None] * n,
            confidence=[None] * n,
            loss=[0.5 if value is not None else None for value in label],
            weight=[1.0] * n,
            group_id=[None] * n,
            map_x=[None] * n,
            map_y=[None] * n,
        ),
        "metadata": pa.table(
            {"row_id": pa.array(range(n), pa.int64())} | {name: values for name, values in metadata}
        ),
        "metadata_fields": rows(
            "metadata_fields",
            [
                {"field": name, "kind": "number", "unit": "", "source": "table", "missing": 0}
                for name, _ in metadata
            ],
        ),
    }
    kind = pa.float64() if task == "regression" else pa.string()
    for name, values in (("label", label), ("prediction", prediction)):
        place = tables["samples"].column_names.index(name)
        tables["samples"] = tables["samples"].set_column(place, name, pa.array(values, kind))
    info = RunInfo(
        "c" * 16, "small", SCHEMA_VERSION, "2026-11-01T12:00:00+00:00", "net", "m", "d", task,
        "squared-error", Settings(), 0, "0.1.0",
    )  # fmt: skip
    classes = () if task == "regression" else ("coat", "shirt")
    return open_run(publish(tables, info, classes, folder))


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    with publish_small(
        tmp_path_factory.mktemp("runs"),
        task="regression",
        label=[1.0, 2.0, 3.0, 4.0, None, None],
        prediction=[1.0, 2.5, 3.5, 4.0, 5.0, 6.0],
    ) as run:
        yield run


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    with publish_small(
        tmp_path_factory.mktemp("runs"),
        task="classification",
        label=["coat", "shirt", "coat", "coat", None, None],
        prediction=["coat"] * 6,
        metadata=[(EVIL, [0.0, 1.0, 2.0, 3.0, 4.0, None]), ("label", [9.0] * 6)],
    ) as run:
        yield run


def test_regression_compares_labels_as_numbers(regression):
    assert samples.count(regression, parse("label >= 2 and prediction < 4")) == 2
    with pytest.raises(FilterError, match="no field 'correct'"):
        samples.count(regression, parse("correct = no"))
    page = samples.samples_page(regression, order_by="label", descending=True).to_pylist()
    assert [row["label"] for row in page] == [4.0, 3.0, 2.0, 1.0, None, None]
    assert {row["correct"] for row in page} == {None}
    assert samples.sample(regression, "s1").prediction == 2.5


def test_regression_has_no_error_and_no_confusion(regression):
    found = overview.totals(regression)
    assert (found.n, found.n_labeled, found.mean_loss, found.error_rate) == (6, 4, 0.5, None)
    assert concept.confusion(regression).num_rows == 0
    assert explore.reliability(regression, EVERYTHING) is None
    by_label = explore.field_vs_loss(regression, EVERYTHING, "label", bins=2)
    assert sum(by_label["n"].to_pylist()) == 4
    task = json.loads(export(regression, "samples", format="label-studio").main.content)[0]
    assert task["predictions"][0]["result"][0]["value"] == {"number": 1.0}


@pytest.mark.parametrize("name", ["regression", "named"])
def test_a_run_in_which_nothing_was_found_answers_everything(name, request):
    run = request.getfixturevalue(name)
    assert overview.aggressors(run) == ()
    assert overview.in_scope(run).num_rows == 0
    assert overview.loss_explained(run) == overview.Explained(0, 0.0, 0.0)
    assert set(overview.loss_histograms(run)["concept_id"].to_pylist()) == {overview.EVERYONE}
    facts = overview.discovery_facts(run)
    assert (facts.tested, facts.confirmed, facts.n_confirm) == (None, 0, 2)
    assert concept.associations(run, overview.EVERYONE, "loss").num_rows == 0
    assert concept.representatives(run, 1).num_rows == 0
    assert maps.outlines(run) == ()
    assert maps.map_bins(run, color_by="loss", size=4).count.sum() == 0  # no sample has a place
    assert maps.extent(run) == maps.View(0.0, 0.0, 1.0, 1.0)
    assert solve.candidates(run, 1, parse("loss > 0")).num_rows == 0
    assert track.matched(run, run).num_rows == 0
    assert track.timeline([run])["explained"].to_pylist() == [0.0]
    assert samples.sample(run, "s5").thumbnail is None
    assert {entry.name for entry in fields.fields(run)} >= {"population", "loss"}
    for what in WHATS:
        for format in (name for name, one in FORMATS.items() if not one.of_images):
            rows_expected = 6 if what == "samples" else 0
            assert export(run, what, format=format).rows == rows_expected


def test_a_field_named_like_sql_is_only_a_name(named):
    filter = Condition(EVIL, ">=", (2,))
    assert parse(format_filter(filter)) == filter
    assert samples.count(named, filter) == 3
    page = samples.samples_page(named, filter, EVIL, descending=True)
    assert page[EVIL].to_pylist() == [4.0, 3.0, 2.0]
    assert explore.field_vs_loss(named, EVERYTHING, EVIL)["n"].to_pylist() == [1, 1, 1, 1]
    assert explore.reliability(named, EVERYTHING) is None  # no confidence
    assert maps.map_bins(named, filter, EVIL, size=2).field == EVIL
    assert listing(named, "samples", filter=filter)[EVIL].to_pylist() == [2.0, 3.0, 4.0]
    assert samples.count(named) == 6  # the table is still there


def test_a_metadata_field_does_not_hide_a_built_in_one(named):
    assert samples.count(named, parse("label = coat")) == 3
    listed = listing(named, "samples")
    assert listed["label"].to_pylist()[:2] == ["coat", "shirt"]
    assert listed["metadata.label"].to_pylist()[:2] == [9.0, 9.0]


def test_records_cannot_be_changed(named):
    with pytest.raises(dataclasses.FrozenInstanceError):
        overview.totals(named).n = 7
