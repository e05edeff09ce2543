import numpy as np
import pyarrow as pa
import pytest

from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError, UsageError
from aggressors.queries.cards import cards
from aggressors.queries.fields import fields, values
from aggressors.queries.grammar import parse
from aggressors.queries.listing import WHATS, listing
from aggressors.queries.samples import inside, members, metadata, sample, samples_page
from aggressors.queries.solve import (
    action,
    candidate_count,
    candidates,
    suspect_counts,
    suspects,
    yields,
)
from queried import ODD, queried


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


def test_a_page_keeps_the_order_of_a_field_and_then_of_the_run(data):
    order = data.frame.sort_values(["brightness", "row_id"], ascending=[False, True])
    first = samples_page(data.run, order_by="brightness", descending=True, limit=7)
    second = samples_page(data.run, order_by="brightness", descending=True, offset=7, limit=7)
    rows = first["row_id"].to_pylist() + second["row_id"].to_pylist()
    assert rows == order["row_id"].tolist()[:14]
    assert first["brightness"].to_pylist() == order["brightness"].tolist()[:7]


def test_missing_values_come_last_either_way(data):
    known = data.frame["brightness"].notna().sum()
    for descending in (False, True):
        page = samples_page(data.run, EVERYTHING, "brightness", descending, int(known), 60)
        assert page["brightness"].null_count == page.num_rows == len(data.frame) - known


def test_a_page_can_follow_any_field_with_a_value(data):
    for name in ("label", "operator", "note", ODD, "correct", "sample_id", "row_id"):
        page = samples_page(data.run, parse("population = test"), name, limit=500)
        assert sorted(page["row_id"].to_pylist()) == list(range(180, 230))
        assert not pa.types.is_dictionary(page.schema.field("label").type)
    with pytest.raises(FilterError, match="no value to show"):
        samples_page(data.run, order_by="aggressor")
    with pytest.raises(FilterError, match="nearest is 'hour'"):
        samples_page(data.run, order_by="hours")


@pytest.mark.parametrize(("offset", "limit"), [(-1, 5), (0, 0), (0, 10**6)])
def test_a_page_is_bounded(data, offset, limit):
    with pytest.raises(UsageError, match="A page needs"):
        samples_page(data.run, offset=offset, limit=limit)


def test_metadata_of_a_few_samples_keeps_their_order(data):
    names = ["brightness", "operator", ODD]
    found = metadata(data.run, [7, 3, 7], names)
    assert found.column_names == names
    frame = data.frame.set_index("row_id")
    for name in names:
        expected = [None if value != value else value for value in frame.loc[[7, 3, 7], name]]
        assert found[name].to_pylist() == expected
    assert metadata(data.run, [], names).num_rows == 0


def test_an_empty_page(data):
    page = samples_page(data.run, parse("none"), heatmaps=True)
    assert page.num_rows == 0
    assert {"thumbnail", "heatmap", "sample_id"} < set(page.column_names)


def test_members_come_surest_first_and_carry_the_score(data):
    page = members(data.run, 2, limit=500)
    assert sorted(page["row_id"].to_pylist()) == data.members[5].tolist()
    score = page["score"].to_pylist()
    assert score == sorted(score, reverse=True)
    worst = members(data.run, 2, parse("population = test"), "loss", limit=3)
    frame = data.frame.iloc[data.members[5]]
    frame = frame[frame["population"] == "test"].sort_values(
        ["loss", "row_id"], ascending=[False, True]
    )
    assert worst["row_id"].to_pylist() == frame["row_id"].tolist()[:3]
    with pytest.raises(UsageError, match="no aggressor of rank 9; the ranks are 1 to 3"):
        members(data.run, 9)


def test_inside_is_a_filter(data):
    page = samples_page(data.run, inside(2, parse("population = test")), limit=500)
    expected = [row for row in data.members[5] if 180 <= row < 230]
    assert page["row_id"].to_pylist() == expected


def test_cards_keep_the_given_order_and_columns(data):
    found = pa.table({"row_id": [5, 3, 4], "loss": [9.0, 8.0, 7.0], "why": ["a", "b", "c"]})
    shown = cards(data.run, found)
    assert shown["row_id"].to_pylist() == [5, 3, 4]
    assert shown["loss"].to_pylist() == [9.0, 8.0, 7.0]
    assert shown["sample_id"].to_pylist() == [data.frame["sample_id"][row] for row in (5, 3, 4)]
    correct = [bool(data.frame["label"][row] == data.frame["prediction"][row]) for row in (5, 3, 4)]
    assert shown["correct"].to_pylist() == correct


def test_one_sample_in_full(data):
    row = int(data.members[1][0])
    facts = data.frame.iloc[row]
    found = sample(data.run, facts["sample_id"])
    assert (found.row_id, found.label, found.loss) == (row, facts["label"], facts["loss"])
    assert {entry.name: entry.value for entry in found.metadata}[ODD] == facts[ODD]
    assert [entry.unit for entry in found.metadata if entry.name == "hour"] == ["h"]
    assert found.aggressors[0].rank == 1
    assert found.heatmap is not None
    assert (found.heatmap.height, found.heatmap.width, found.heatmap.scale) == (2, 3, 0.5)
    assert sample(data.run, data.frame["sample_id"][3]).metrics[0].name == "margin"
    with pytest.raises(FilterError, match="no sample 'nobody'"):
        sample(data.run, "nobody")


# --- Fields ---


def test_fields_tell_range_and_top_values(data):
    found = {entry.name: entry for entry in fields(data.run)}
    bright = data.frame["brightness"]
    assert (found["brightness"].low, found["brightness"].high) == (bright.min(), bright.max())
    assert found["brightness"].missing == bright.isna().sum()
    assert found["hour"].unit == "h"
    assert found["operator"].distinct == 5
    counts = data.frame["operator"].value_counts()
    assert found["operator"].top[0] in counts.index[counts == counts.max()]
    assert found["note"].top == ()
    assert "aggressor" not in found


def test_values_are_searched_not_listed(data):
    found = values(data.run, "sample_id", "TEST", limit=4)
    assert found["value"].to_pylist() == [f"test-{row:04d}" for row in range(180, 184)]
    coats = values(data.run, "label", filter=parse("label = coat"))
    assert coats["value"].to_pylist() == ["coat"]
    assert coats["n"].to_pylist() == [(data.frame["label"] == "coat").sum()]


# --- Solve ---


def test_candidates_come_in_order(data):
    rows = candidates(data.run, 1, offset=1, limit=3).to_pylist()
    assert [row["sample_id"] for row in rows] == [f"unlabeled-{n:04d}" for n in (298, 297, 296)]
    assert [row["rank"] for row in rows] == [2, 3, 4]
    assert rows[0]["reason"] == "near the core"
    assert candidate_count(data.run, 1) == 30
    late = parse("hour > 12")
    expected = data.frame.iloc[270:].query("hour > 12")["row_id"].tolist()[::-1]
    found = candidates(data.run, 1, late, limit=60)
    assert found["row_id"].to_pylist() == expected
    assert candidate_count(data.run, 1, late) == len(expected)
    assert candidate_count(data.run, 5) == candidates(data.run, 5).num_rows == 0


def test_suspects_action_and_yields(data):
    rows = suspects(data.run, 2).to_pylist()
    counted = [row["suspicion"] for row in rows]
    assert suspect_counts(data.run, 2) == {one: counted.count(one) for one in counted}
    assert suspect_counts(data.run, 1) == {}
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert (rows[0]["suspicion"], rows[0]["suggested"], rows[0]["kind"]) == (
        "relabel", "shirt", "image",
    )  # fmt: skip
    assert action(data.run, 1).action == "collect"
    assert action(data.run, 1).reasons[0].reference == 0.1
    assert yields(data.run, 1).to_pylist() == [
        {"count": 10, "expected": 0.9, "low": 0.7, "high": 1.0}
    ]
    with pytest.raises(UsageError, match="no aggressor"):
        action(data.run, 77)


# --- Lists to take elsewhere ---


def test_a_list_has_metadata_and_a_rank_that_is_its_order(data):
    rows = listing(data.run, "samples", filter=parse("population = test")).to_pylist()
    frame = data.frame[data.frame["population"] == "test"]
    assert [row["sample_id"] for row in rows] == frame["sample_id"].tolist()
    assert [row["rank"] for row in rows] == list(range(1, 51))
    assert [row[ODD] for row in rows] == frame[ODD].tolist()
    assert [row["operator"] for row in rows] == [
        None if value is None or value is np.nan else value for value in frame["operator"]
    ]


def test_lists_of_one_aggressor_and_of_all(data):
    one = listing(data.run, "members", 2)
    assert set(one["aggressor"].to_pylist()) == {2}
    assert one.num_rows == len(data.members[5])
    everyone = listing(data.run, "members")
    assert everyone["aggressor"].to_pylist() == sorted(everyone["aggressor"].to_pylist())
    assert everyone.num_rows == sum(map(len, data.members.values()))
    narrowed = listing(data.run, "samples", 2, parse("population = train"))
    assert narrowed["sample_id"].to_pylist() == [
        data.frame["sample_id"][row] for row in data.members[5] if row < 60
    ]


def test_a_queue_keeps_its_order_and_drops_what_it_does_not_know(data):
    asked = ["test-0200", "nobody", "train-0001", "test-0200"]
    found = listing(data.run, "queue", queue=asked)
    assert found["sample_id"].to_pylist() == ["test-0200", "train-0001"]
    assert found["rank"].to_pylist() == [1, 2]
    assert listing(data.run, "queue").num_rows == 0


def test_every_list_is_counted_and_checked(data):
    for what in WHATS:
        assert listing(data.run, what, count=2, queue=["test-0200"]).num_rows <= 2
    with pytest.raises(UsageError, match="no list 'everything'"):
        listing(data.run, "everything")
    with pytest.raises(UsageError, match="at least 1"):
        listing(data.run, "samples", count=0)
