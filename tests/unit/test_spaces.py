"""Further latent spaces of a table: read, searched, told, and refused."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import planted
import spaced
from aggressors import runner, words
from aggressors.collate import collate
from aggressors.contracts import Provenance, Settings
from aggressors.errors import InputError, StageError, TableError, UsageError
from aggressors.queries.concept import concept
from aggressors.slicing.clusters import ACROSS_LABELS
from aggressors.slicing.confirm import Half
from aggressors.slicing.find import find
from aggressors.slicing.points import Points
from aggressors.slicing.protocol import InSpace, Proposal, across_labels
from aggressors.slicing.shape import shape
from aggressors.sources.roles import Columns
from aggressors.sources.table import open_tables
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context
from aggressors.stages.retrieve import STAGE as RETRIEVE
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from calling import call
from discovering import discover


def work_tables(tables, order=None):
    """What the engine knows of tables after its batch stages."""
    source = open_tables(tables)
    shards = [
        (name, source.shard(name, 0, size, Settings(), lambda count: None).tables)
        for name, size in source.populations.items()
    ]
    return collate(shards, Settings(), source.task)


def look_of(table, values):
    place = table.schema.get_field_index("embedding_look")
    return table.set_column(place, "embedding_look", values)


@pytest.fixture(scope="module")
def tables():
    return work_tables({"validation": spaced.table()})


@pytest.fixture(scope="module")
def found(tables):
    return discover(tables, spaced.CLASSES)


def rules(found):
    return [json.loads(text) for text in found["concepts"]["rule"].to_pylist()]


# --- Found ---


def test_a_group_that_only_its_looks_tell_apart_is_found_there(found):
    first = found["aggressors"].to_pylist()[0]
    assert first["status"] == "confirmed"
    assert rules(found)[0]["space"] == "look"
    rows = found["assignments"].to_pylist()
    inside = {row["sample_id"] for row in rows if row["concept_id"] == first["concept_id"]}
    dark = {name for name in spaced.table()["sample_id"].to_pylist() if name.endswith("-dark")}
    assert len(inside & dark) / len(inside | dark) > 0.9


def test_without_that_space_it_is_not_found():
    table = spaced.table().drop_columns(["embedding_look"])
    status = discover(work_tables({"validation": table}), spaced.CLASSES)["aggressors"]["status"]
    assert "confirmed" not in status.to_pylist()


def test_its_representatives_lie_together_there(tables, found):
    shown = found["representatives"].to_pylist()
    central = [row["sample_id"] for row in shown if row["reason"] == "central"][:5]
    assert all(name.endswith("-dark") for name in central)


def test_the_order_of_rows_and_columns_changes_nothing(found):
    table = spaced.table()
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    again = discover(
        work_tables({"validation": shuffled.select(sorted(table.column_names, reverse=True))}),
        spaced.CLASSES,
    )
    for name, expected in found.items():
        assert again[name].equals(expected), name


def test_the_order_of_spaces_is_that_of_their_names():
    frames = []
    for names in (("a", "b"), ("b", "a")):
        more = {f"embedding_{name}": "embedding_look" for name in names}
        tables = work_tables({"validation": spaced.table(60, **more)})
        frames.append(Frame.from_tables(tables, Context(Settings(), spaced.CLASSES)))
    assert [list(frame.spaces) for frame in frames] == [["a", "b", "look"]] * 2


def test_a_space_in_which_nothing_varies_changes_nothing():
    data = planted.planted_tables(n=600)
    n = data.tables["samples"].num_rows
    same = pa.array([[1.0, 2.0]] * n, pa.list_(pa.float32(), 2))
    row_id = data.tables["samples"]["row_id"]
    more = data.tables | {"spaces": pa.table({"row_id": row_id, "flat": same})}
    plain, again = discover(data.tables), discover(more)
    for name, expected in plain.items():
        assert again[name].equals(expected), name
    assert all("space" not in rule for rule in rules(plain))


def test_candidates_of_a_group_are_sought_where_it_was_found():
    tables = work_tables(
        {name: spaced.table(population=name) for name in ("validation", "unlabeled")}
    )
    tables |= discover(tables, spaced.CLASSES)
    context = Context(Settings(), spaced.CLASSES)
    first = [
        row["sample_id"].endswith("-dark")
        for row in RETRIEVE.run(tables, context)["candidates"].to_pylist()
        if row["concept_id"] == 1 and row["rank"] <= 30
    ]
    assert np.mean(first) > 0.9
    del tables["spaces"]  # what they look like is out of sight
    blind = RETRIEVE.run(tables, context)["candidates"].to_pylist()[:30]
    assert np.mean([row["sample_id"].endswith("-dark") for row in blind]) < 0.5


# --- The pieces ---


class Right:
    """A region of whatever space it is asked about."""

    label_means = None

    def holds(self, points):
        return points.space[:, 0] > 0


def points(n=400):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n)
    others = {"look": rng.normal(size=(n, 2)) + 6 * (label[:, None] == 0) * [0, 1]}
    return Points(rng.normal(size=(n, 3)), label, None, ("a", "b"), (), others)


def test_a_region_of_a_space_holds_what_lies_there():
    data = points()
    proposal = Proposal("mine", InSpace("look", Right()))
    assert (proposal.space, Proposal("mine", Right()).space) == ("look", "")
    expected = data.others["look"][:, 0] > 0
    np.testing.assert_array_equal(proposal.members(data), expected)
    rows = np.array([5, 3, 8])
    np.testing.assert_array_equal(proposal.members(data.take(rows)), expected[rows])
    np.testing.assert_array_equal(proposal.members(data.join(data)), np.tile(expected, 2))
    assert data.seen_in("look") is data.seen_in("look")  # so that cells are computed once
    assert data.seen_in("") is data


def test_an_unknown_space_says_which_there_are():
    with pytest.raises(InputError, match=r"space 'loook'; the nearest is 'look'"):
        points().seen_in("loook")


def test_shape_is_judged_in_the_space_of_the_proposal():
    data = points()
    proposals = [Proposal("x", Right()), Proposal("x", InSpace("look", Right()))]
    members = np.array([proposals[1].members(data)] * 2)
    main, look = shape(proposals, members, data).factor
    there = shape(proposals[:1], members[:1], data.seen_in("look")).factor
    assert look == there[0] > 3 * main


def test_purity_is_that_of_the_main_space():
    data = points()  # labels lie apart in the looks, and mixed in the main space
    label = Proposal("x", InSpace("look", Right()), (0,)), Proposal("x", Right(), (0,))
    members = label[0].members(data)[None]
    mixed = shape([label[0]], members, data).factor[0]
    pure = shape([label[1]], members, data.seen_in("look")).factor[0]
    assert mixed == pytest.approx(pure / 2, rel=0.2)


def test_a_region_across_labels_stays_one_in_its_space():
    data = points()
    signal = np.where(data.others["look"][:, 0] > 1, 2.0, 0.0)
    settings = Settings(materiality=0.1)
    asked = find(Half(data, signal, np.ones(len(data))), Half(data, signal, np.ones(len(data))),
                 settings)  # fmt: skip
    assert asked.tested is not None
    kinds = [each for each in asked.tested.proposals if each.found_by == ACROSS_LABELS.name]
    assert {each.space for each in kinds} >= {"look"}
    assert all(across_labels(each.region) for each in kinds)
    assert not across_labels(InSpace("look", object()))


def test_a_slicer_of_ones_own_is_asked_once_and_sees_all_spaces(tables):
    asked = []

    class Mine:
        name = "mine"

        def propose(self, sight):
            asked.append(list(sight.points.others))
            return [Proposal(self.name, InSpace("look", Right()))]

    discover(tables, spaced.CLASSES, slicers=(Mine(),))
    assert asked == [["look"]]


def test_words_name_the_space():
    said = [words.how_found(Provenance(name, "look"), 1.0) for name in words.SEARCHES]
    assert all("the look space" in sentence for sentence in said)
    assert said[0] == "Found by the search for clusters of the look space."
    assert words.how_found(Provenance("inside one label", "look"), 1.0) == (
        "Found by the search for regions inside one label, in the look space."
    )


# --- From end to end ---


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """A workspace with the run `v1` of a Parquet file with `embedding_look`."""
    root = tmp_path_factory.mktemp("spaces")
    pq.write_table(spaced.table(), root / "looks.parquet")
    done = call("ingest", "--validation", root / "looks.parquet", "--name", "v1", at=root / "w")
    assert done.exit_code == 0, done.stderr
    return Workspace.open(root / "w")


def test_a_table_with_a_further_space_says_where_a_group_was_found(ingested, tmp_path):
    path = next(ingested.runs.glob("*.duckdb"))
    with open_run(path) as run:
        assert concept(run, 1).found.space == "look"
        names = run.cursor().execute("SELECT table_name FROM duckdb_tables()").fetchall()
        assert ("spaces",) not in names  # nothing asks for it, and it is large
    page = tmp_path / "report.html"
    assert call("report", "v1", "--out", page, at=ingested.root).exit_code == 0
    assert "the look space" in page.read_text()


def test_a_run_that_was_stopped_goes_on_with_its_spaces(ingested, tmp_path):
    class Stopped:
        """The same tables, until one shard fails."""

        def __init__(self, source, fails):
            self.source, self.fails = source, fails

        def __getattr__(self, name):
            return getattr(self.source, name)

        def shard(self, population, start, *more):
            if start >= self.fails:
                raise OSError("unplugged")
            return self.source.shard(population, start, *more)

    workspace = Workspace.open(tmp_path / "w", create=True)
    settings = Settings(shard_size=500)
    with pytest.raises(StageError, match="unplugged"):
        runner.run(Stopped(open_tables({"validation": spaced.table()}), 500), workspace,
                   settings=settings)  # fmt: skip
    again = spaced.table()
    first = Stopped(open_tables({"validation": again}), 10_000)
    read = []
    shard = first.source.shard
    first.source.shard = lambda *call: read.append(call[1]) or shard(*call)
    done = runner.run(first, workspace, settings=settings)
    assert read == [500]  # the first shard is not read again
    with open_run(done.path) as run, open_run(next(ingested.runs.glob("*.duckdb"))) as whole:
        for name in ("concepts", "assignments", "aggressors"):
            sql = f"SELECT * FROM {name}"  # noqa: S608
            assert run.cursor().execute(sql).fetchall() == whole.cursor().execute(sql).fetchall()


# --- Read and refused ---


def test_columns_can_be_named_and_csv_lists_are_read(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(
        "sample_id,label,prediction,embedding,clip,embedding_look,embedding_kind,embedding_norm\n"
        'a,x,x,"[1, 2]","[3]","[4, 5]",resnet,0.5\n'
        'b,y,x,"[1, 3]","[4]","[5, 5]",vit,0.7\n'
    )
    source = open_tables({"validation": path}, columns=Columns.parse(["embedding_clip=clip"]))
    tables = source.shard("validation", 0, 2, Settings(), lambda count: None).tables
    assert tables["spaces"].column_names == ["clip", "look"]
    assert tables["spaces"]["look"].to_pylist() == [[4, 5], [5, 5]]
    # What holds no lists is a metadata field, as any other column.
    assert tables["metadata"]["embedding_kind"].to_pylist() == ["resnet", "vit"]
    assert tables["metadata"]["embedding_norm"].to_pylist() == [0.5, 0.7]


def ragged(value):
    rows = spaced.table(4)["embedding_look"].to_pylist()
    return pa.array([*rows[:2], value, rows[3]], pa.list_(pa.float64()))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([1.0, 2.0], r"'embedding_look' of sample 'validation-2\S*' .* has 2 values; .* 5"),
        ([], r"is an empty list \(1 such samples\)"),
        (None, r"is missing \(1 such samples\)"),
        ([1.0, 2.0, 3.0, 4.0, float("nan")], "missing, NaN or infinite value"),
        ([1.0, 2.0, 3.0, 4.0, None], "missing, NaN or infinite value"),
        ([1.0, 2.0, 3.0, 4.0, 1e300], "holds a value beyond 3.4e38"),
    ],
)
def test_vectors_that_cannot_be_used_name_column_and_sample(value, says):
    with pytest.raises(TableError, match=says):
        open_tables({"validation": look_of(spaced.table(4), ragged(value))})


@pytest.mark.parametrize("text", ["0.1 0.9", "1, 3", "-.5;2", "1e-3\t2", "[0.1 0.9]"])
def test_vectors_in_a_csv_that_are_no_lists_are_refused(text, tmp_path):
    path = tmp_path / "v.csv"
    header = "sample_id,label,prediction,embedding,embedding_look"
    path.write_text(f'{header}\na,x,x,"[1, 2]","{text}"\n')
    with pytest.raises(TableError, match=r"'embedding_look' .* Write lists as \[0\.1, 0\.9\]"):
        open_tables({"validation": path})


def test_a_space_stands_for_all_populations_in_one_length():
    whole, part = spaced.table(8), spaced.table(8, population="test")
    with pytest.raises(TableError, match="'embedding_look', table 'test' has none"):
        open_tables({"validation": whole, "test": part.drop_columns(["embedding_look"])})
    short = look_of(part, pa.array([[1.0]] * 8))
    with pytest.raises(TableError, match=r"space 'look' of 'test' have 1 values, .* 5"):
        open_tables({"validation": whole, "test": short})


def test_a_space_needs_a_plain_name_and_an_embedding_beside_it():
    table = spaced.table(8)
    for name, says in (("embedding_my-look", "'my-look'"), ("embedding_row_id", "'row_id'")):
        with pytest.raises(TableError, match=says):
            open_tables({"validation": table.append_column(name, table["embedding_look"])})
    alone = table.drop_columns(["embedding"])
    with pytest.raises(TableError, match="no embedding beside it"):
        open_tables({"validation": alone})
    columns = Columns(embedding="embedding_look")
    shard = open_tables({"validation": alone}, columns=columns).shard(
        "validation", 0, 8, Settings(), lambda count: None
    )
    assert "spaces" not in shard.tables
    with pytest.raises(TableError, match=r"Columns\(spaces=\{'look': 'embedding_look'\}\)"):
        open_tables({"validation": table}, columns=Columns(spaces={"look": "embeding_look"}))
    with pytest.raises(UsageError, match="plain word"):
        Columns.parse(["embedding_my look=x"])


def test_shards_that_disagree_name_the_space():
    source = open_tables({"validation": spaced.table(8)})
    tables = source.shard("validation", 0, 8, Settings(), lambda count: None).tables
    other = open_tables({"validation": look_of(spaced.table(8, population="test"),
                                               pa.array([[1.0]] * 8))})  # fmt: skip
    more = other.shard("validation", 0, 8, Settings(), lambda count: None).tables
    with pytest.raises(InputError, match="vectors of space 'look' of sample"):
        collate([("validation", tables), ("test", more)], Settings(), "classification")
