"""Stage project: neighbourhoods survive, and the same data give the same map."""

import numpy as np
import pyarrow as pa
import pytest

from aggressors.stages import project
from aggressors.stages.project import STAGE
from aggressors.stages.tables import schema
from told import run, shuffled, told


def positions(tables):
    samples = tables["samples"]
    return np.column_stack([samples["map_x"].to_numpy(), samples["map_y"].to_numpy()])


def embedding(planted):
    vectors = planted.tables["embeddings"]["vector"].combine_chunks()
    return np.asarray(vectors.flatten()).reshape(len(vectors), -1)


@pytest.fixture(scope="module")
def placed():
    return positions(run(STAGE, told()))


def test_neighbourhoods_survive(placed):
    from sklearn.manifold import trustworthiness

    every = slice(None, None, 3)
    kept = trustworthiness(embedding(told())[every], placed[every], n_neighbors=10)
    flat = embedding(told())[every, :2]
    assert kept > 0.85
    assert kept > trustworthiness(embedding(told())[every], flat, n_neighbors=10) + 0.1


def test_samples_keep_their_other_columns(placed):
    before = told().tables["samples"]
    after = run(STAGE, told())["samples"]
    assert set(schema("samples").names) <= set(after.column_names)
    assert after["map_x"].type == after["map_y"].type == pa.float32()
    for name in set(before.column_names) - {"map_x", "map_y"}:
        assert after[name].equals(before[name])
    assert (positions({"samples": after}) == placed).all()  # same seed, same map
    assert np.isfinite(placed).all()
    assert placed.std() == pytest.approx(1, rel=1e-3)


def test_row_order_does_not_matter(placed):
    changes = shuffled(told())
    again = positions(run(STAGE, told(), **changes))
    ids = told().tables["samples"]["sample_id"].to_pylist()
    place = {
        sample_id: row for row, sample_id in enumerate(changes["samples"]["sample_id"].to_pylist())
    }
    assert np.abs(again[[place[sample_id] for sample_id in ids]] - placed).max() < 1e-3


def test_interpolated_samples_stand_among_their_own(placed):
    from sklearn.neighbors import NearestNeighbors

    chosen = np.zeros(len(placed), dtype=bool)
    chosen[project._landmarks(_frame(told()))] = True
    assert 0.4 < chosen.mean() < 0.6
    label = np.asarray(told().tables["samples"]["prediction"].to_pylist())
    near = NearestNeighbors(n_neighbors=6).fit(placed).kneighbors(placed, return_distance=False)
    same = (label[near[:, 1:]] == label[:, None]).mean(axis=1)
    assert same[~chosen].mean() > 0.95 * same[chosen].mean()


def _frame(planted):
    from aggressors.stages.frame import Frame
    from told import context

    return Frame.from_tables(planted.tables, context(planted))


def test_without_embeddings_metadata_makes_the_map():
    from sklearn.neighbors import NearestNeighbors

    place = positions(run(STAGE, told(300), embeddings=None))
    operator = np.array(told(300).tables["metadata"]["operator"].to_pylist())
    near = NearestNeighbors(n_neighbors=6).fit(place).kneighbors(place, return_distance=False)
    assert (operator[near[:, 1:]] == operator[:, None]).mean() > 0.6  # 0.25 by chance


def test_few_samples_stand_on_their_components():
    place = positions(run(STAGE, told(12)))
    assert len(place) < project.TOO_FEW
    assert np.linalg.matrix_rank(place) == 2


def test_no_sample_and_no_field_make_a_map_of_nothing():
    planted = told(12)
    none = {
        name: planted.tables[name].slice(0, 0) for name in ("samples", "metadata", "embeddings")
    }
    assert run(STAGE, planted, **none)["samples"].num_rows == 0
    bare = run(
        STAGE,
        planted,
        embeddings=None,
        metadata=planted.tables["metadata"].select(["row_id"]),
        metadata_fields=planted.tables["metadata_fields"].slice(0, 0),
    )
    assert (positions(bare) == 0).all()


def test_samples_that_repeat_are_interpolated_where_their_twins_stand():
    rng = np.random.default_rng(5)
    landmarks = np.repeat(rng.normal(size=(100, 6)), 40, axis=0).astype(np.float32)
    place = np.repeat(rng.normal(size=(100, 2)), 40, axis=0).astype(np.float32)
    found = project._interpolate(landmarks[::7], landmarks, place)
    assert np.abs(found - place[::7]).max() < 1e-4
