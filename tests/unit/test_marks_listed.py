"""Marks as a list of a run: which groups they are about, and what is exported."""

import csv
import io

import pyarrow as pa
import pytest

from aggressors.errors import UsageError
from aggressors.export import export
from aggressors.queries import marks as marking
from aggressors.queries.listing import listing
from aggressors.store.marks import Mark
from queried import queried
from versions import analysed, publish_tables


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return queried(tmp_path_factory.mktemp("runs"))


def mark(sample_id, kind="label-wrong", group="", run_id="other", concept_id=None):
    return Mark(sample_id, kind, group, run_id, concept_id, "2026-11-27T10:00:00+00:00")


def held(data):
    """One mark of each kind that matters for concept 1, and those that do not."""
    ids = data.frame["sample_id"].to_numpy()
    member = ids[data.members[1][0]]
    others = [row for row in range(len(ids)) if row not in set(data.members[1])]
    here = data.run.info.run_id
    return [
        mark(member),  # the label of a member, marked wherever
        mark(ids[others[0]], run_id=here, concept_id=1),  # of a counter-example, marked here
        mark(ids[others[1]], run_id=here, concept_id=2),  # about another aggressor
        mark(ids[others[2]], "not-of-group", "group 1", concept_id=9),  # the group, in another run
        mark(member, "not-of-group", "group 2", here, 2),
        mark("of-another-run"),
    ]


def test_a_group_that_a_rule_describes_is_known_by_its_name(data):
    assert marking.groups(data.run) == {1: "group 1", 2: "group 2", 5: "group 5"}


def test_a_group_without_a_rule_stands_for_itself_in_this_run(tmp_path):
    from aggressors.stages.tables import rows
    from aggressors.store.read import open_run
    from aggressors.store.workspace import Workspace

    _, tables = analysed()
    bare = rows("concepts", [{"concept_id": 1, "name": "a region", "rule": "{}", "level": 0}])
    place = Workspace.open(tmp_path / "w", create=True)
    publish_tables(place, tables | {"concepts": bare}, "v1", day=1)
    with open_run(place.resolve("v1")) as run:
        assert marking.groups(run) == {1: "brightness < 0.25 [v1-0000]"}


def test_a_group_belongs_to_the_model_where_metadata_was_added(tmp_path):
    from dataclasses import replace

    from aggressors import adding
    from aggressors.stages.tables import rows
    from aggressors.store.read import open_run
    from aggressors.store.workspace import Workspace

    _, tables = analysed()
    bare = rows("concepts", [{"concept_id": 1, "name": "a region", "rule": "{}", "level": 0}])
    place = Workspace.open(tmp_path / "w", create=True)
    publish_tables(place, tables | {"concepts": bare}, "v1", day=1)
    ids = tables["samples"]["sample_id"].to_pylist()
    for step, run in enumerate(("v1", "v1 + rain 0")):
        table = pa.table({"sample_id": ids, f"rain {step}": list(range(len(ids)))})
        done = adding.add_metadata(place.resolve(run), table, place)
        with open_run(done.path) as derived:
            assert marking.groups(derived) == {1: "brightness < 0.25 [v1-0000]"}
            made = marking.place_of(derived, "not-of-group", 1)
            assert made == marking.Place("brightness < 0.25 [v1-0000]", "v1-0000", 1)
            assert marking.place_of(derived, "label-wrong", 1) == replace(made, group="")
            with pytest.raises(UsageError, match="no concept 7"):
                marking.place_of(derived, "not-of-group", 7)


def test_marks_by_sample_are_those_of_the_group_on_screen(data):
    marks = held(data)
    member = marks[0].sample_id
    assert marking.by_sample(marks, "group 2")[member] == ("label-wrong", "not-of-group")
    assert marking.by_sample(marks, "group 1")[member] == ("label-wrong",)
    assert marking.by_sample(marks)[member] == ("label-wrong",)
    assert marks[3].sample_id not in marking.by_sample(marks)


def test_all_marks_of_samples_of_the_run_are_listed_in_their_order(data):
    table = marking.as_table(data.run, held(data))
    found = listing(data.run, "marks", marks=table).to_pylist()
    assert [row["rank"] for row in found] == [1, 2, 3, 4, 5]
    assert [row["mark"] for row in found] == ["label-wrong"] * 3 + ["not-of-group"] * 2
    ranks = {row["concept_id"]: row["rank"] for row in _aggressors(data.run)}
    assert [row["aggressor"] for row in found] == [None] * 3 + [ranks[1], ranks[2]]
    assert found[1]["run_id"] == data.run.info.run_id
    assert found[0]["created"] == "2026-11-27T10:00:00+00:00"
    assert {"brightness", "label", "loss"} <= set(found[0])


def _aggressors(run):
    from aggressors.queries.overview import aggressors

    return [{"concept_id": one.concept_id, "rank": one.rank} for one in aggressors(run)]


def test_marks_about_one_aggressor(data):
    marks = held(data)
    rank = next(one["rank"] for one in _aggressors(data.run) if one["concept_id"] == 1)
    table = marking.as_table(data.run, marks)
    found = listing(data.run, "marks", rank, marks=table)["sample_id"].to_pylist()
    assert found == [marks[0].sample_id, marks[1].sample_id, marks[3].sample_id]
    assert marking.count(data.run, table, 1) == 3
    assert marking.count(data.run, marking.as_table(data.run, []), 1) == 0


def test_marks_are_exported_as_a_spreadsheet_reads_them(data):
    table = marking.as_table(data.run, held(data))
    made = export(data.run, "marks", format="csv", marks=table)
    rows = list(csv.DictReader(io.StringIO(made.content.decode())))
    assert len(rows) == made.rows == 5
    assert {"sample_id", "mark", "run_id", "concept_id", "aggressor", "created"} <= set(rows[0])
    assert export(data.run, "marks", format="csv").rows == 0


def test_representatives_say_what_they_show_and_for_how_many_they_stand(data):
    rank = next(one["rank"] for one in _aggressors(data.run) if one["concept_id"] == 1)
    rows = listing(data.run, "representatives", rank).to_pylist()
    assert [(row["reason"], row["alike"]) for row in rows] == [("central", 3)] * 4 + [
        ("worst", 3)
    ] * 2
