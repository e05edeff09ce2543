"""Single samples in a part of the map, and the samples most like one."""

import numpy as np
import pytest

from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError, UsageError
from aggressors.queries.alike import alike
from aggressors.queries.grammar import parse
from aggressors.queries.maps import View
from aggressors.queries.points import DENSITY, ERROR, SIGNAL, color_of, points, thumbnails
from aggressors.stats.alignment import Similarity
from aggressors.store.read import open_run
from planted import planted_run
from queried import queried


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    with found.run:
        yield found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with open_run(planted_run(tmp_path_factory.mktemp("planted"), n=200)) as run:
        yield run


def test_the_samples_in_view_are_read_with_their_values(data):
    view = View(-1, -1, 2, 2)
    colors = [color_of(data.run, name) for name in ("brightness", "operator", DENSITY)]
    found = points(data.run, parse("population = test"), colors, view=view).table
    wanted = data.frame.query(
        "population == 'test' and -1 <= map_x < 2 and -1 <= map_y < 2"
    ).sort_values(["loss", "row_id"], ascending=[False, True])
    assert found["row_id"].to_pylist() == wanted["row_id"].tolist()
    assert found["sample_id"].to_pylist() == wanted["sample_id"].tolist()
    assert np.allclose(found["x"], wanted["map_x"])
    assert np.allclose(found["c0"].to_pandas(), wanted["brightness"], equal_nan=True)
    assert found["c1"].to_pylist() == [
        None if value is None else value for value in wanted["operator"]
    ]
    assert set(found["c2"].to_pylist()) == {None}


def test_a_map_that_is_moved_is_cut_where_it_is_seen(data):
    placed = Similarity(0, -2, 2, 0, 10, 1)
    x, y = placed.of(data.frame["map_x"], data.frame["map_y"])
    inside = (x >= 8) & (x < 11) & (y >= 0) & (y < 4)
    found = points(data.run, view=View(8, 0, 11, 4), placed=placed).table
    assert sorted(found["row_id"].to_pylist()) == data.frame["row_id"][inside].tolist()
    assert len(found) > 5
    assert found["x"].to_pylist() == pytest.approx([x[row] for row in found["row_id"].to_pylist()])


def test_the_worst_come_first_and_no_more_than_asked(data):
    found = points(data.run, view=View(-99, -99, 99, 99), most=5).table
    losses = data.frame["loss"].sort_values(ascending=False)
    assert found["loss"].to_pylist() == pytest.approx(losses.head(5).tolist())
    with pytest.raises(UsageError, match="points can be read"):
        points(data.run, view=View(0, 0, 1, 1), most=0)


def test_maps_are_coloured_by_the_signal_and_by_errors(data):
    assert color_of(data.run, DENSITY) is None
    colors = [color_of(data.run, SIGNAL), color_of(data.run, ERROR)]
    found = points(data.run, EVERYTHING, colors, view=View(-99, -99, 99, 99)).table.to_pandas()
    frame = data.frame.set_index("row_id").loc[found["row_id"]]
    assert np.allclose(found["c0"], frame["loss"], equal_nan=True)
    wrong = np.where(frame["label"].isna(), np.nan, frame["label"] != frame["prediction"])
    assert np.allclose(found["c1"], wrong.astype(float), equal_nan=True)
    with pytest.raises(FilterError, match="no field"):
        color_of(data.run, ":other")


def test_pictures_are_read_for_those_that_have_one(run):
    found = thumbnails(run, [3, 1, 10**9])
    assert sorted(found) == [1, 3]
    assert found[1].startswith(b"\xff\xd8")
    assert thumbnails(run, []) == {}


def vectors(run):
    with run.asking() as cursor:
        rows = cursor.execute("SELECT vector FROM embeddings ORDER BY row_id").fetchall()
    return np.array([row[0] for row in rows], dtype=np.float64)


def test_the_most_alike_are_those_of_the_largest_cosine(run):
    bank = vectors(run)
    unit = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    similarity = unit @ unit[7]
    similarity[7] = -np.inf
    found = alike(run, 7, 10)
    assert found["row_id"].to_pylist() == np.argsort(-similarity, kind="stable")[:10].tolist()
    assert np.allclose(found["similarity"], np.sort(similarity)[::-1][:10], atol=1e-5)
    assert {"sample_id", "thumbnail", "label"} <= set(found.column_names)


def test_without_an_embedding_nothing_is_alike(data, run):
    assert alike(data.run, 3).num_rows == 0
    assert alike(run, 10**9).num_rows == 0
    with pytest.raises(UsageError, match="alike samples"):
        alike(run, 3, 0)
