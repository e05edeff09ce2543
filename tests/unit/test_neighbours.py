"""Nearest neighbours against a brute force, over block edges, copies and short banks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from aggressors.stats import neighbours
from aggressors.stats.neighbours import nearest


def brute(queries, bank, k, own=None):
    distance = np.linalg.norm(queries[:, None].astype(float) - bank[None], axis=2)
    if own is not None:
        there = np.flatnonzero(own >= 0)
        distance[there, own[there]] = np.inf
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distance, order, axis=1)


@pytest.mark.parametrize(("q", "b", "k"), [(50, 3_000, 1), (300, 900, 15), (7, 400, 64)])
def test_equals_brute_force(q, b, k, monkeypatch):
    monkeypatch.setattr(neighbours, "QUERY_ROWS", 128)
    monkeypatch.setattr(neighbours, "BANK_ROWS", 700)
    rng = np.random.default_rng(q)
    queries = rng.normal(size=(q, 9)).astype(np.float32)
    bank = rng.normal(size=(b, 9)).astype(np.float32)
    found = nearest(queries, bank, k)
    index, distance = brute(queries, bank, k)
    assert (found.index == index).all()
    assert found.distance == pytest.approx(distance, rel=1e-5)


def test_leaves_the_sample_itself_out_and_keeps_its_copy():
    points = np.random.default_rng(1).normal(size=(600, 5)).astype(np.float32) + 100
    points[17] = points[400]
    found = nearest(points, points, 3, own=np.arange(600))
    assert not (found.index == np.arange(600)[:, None]).any()
    assert found.index[17, 0] == 400
    assert found.distance[17, 0] == 0


def test_a_short_bank_leaves_places_empty():
    found = nearest(np.zeros((2, 3)), np.ones((1, 3)), 4, own=np.array([0, -1]))
    assert (found.index == [[-1, -1, -1, -1], [0, -1, -1, -1]]).all()
    assert found.mean_distance(4)[0] == np.inf
    assert found.mean_distance(4)[1] == pytest.approx(np.sqrt(3))
    assert nearest(np.zeros((2, 3)), np.ones((0, 3)), 2).mean_distance(2).tolist() == [np.inf] * 2


@given(
    q=st.integers(1, 300), b=st.integers(1, 700), k=st.integers(1, 40), d=st.integers(1, 6),
    levels=st.sampled_from([2, 5, 1_000_000]), leave_out=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
def test_distances_equal_brute_force_however_many_tie(q, b, k, d, levels, leave_out, seed):
    rng = np.random.default_rng(seed)
    queries, bank = (rng.integers(0, levels, (n, d)).astype(np.float32) for n in (q, b))
    bank[: min(q, b)] = queries[: min(q, b)]
    own = np.where(np.arange(q) < b, np.arange(q), -1) if leave_out else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "QUERY_ROWS", 64)
        patch.setattr(neighbours, "BANK_ROWS", 100)
        patch.setattr(neighbours, "SPARE", 2)
        found = nearest(queries, bank, k, own=own)
    _, distance = brute(queries, bank, k, own)
    whole = np.full((q, k), np.inf)
    whole[:, : distance.shape[1]] = distance
    # The product form tells squares apart to about 1e-6 of the largest.
    assert found.distance == pytest.approx(whole, rel=1e-3, abs=2e-3 * levels)
    assert ((found.index >= 0) == np.isfinite(whole)).all()
    assert (found.distance[:, 1:] >= found.distance[:, :-1]).all()
    for row, places in zip(found.index, found.index >= 0, strict=True):
        assert len(set(row[places].tolist())) == places.sum()
    if leave_out:
        assert not ((found.index == own[:, None]) & (own >= 0)[:, None]).any()


def blas_threads():
    return {
        one["filepath"]: one["num_threads"]
        for one in threadpool_info()
        if one["user_api"] == "blas"
    }


@pytest.mark.parametrize("k", [1, 12])
def test_several_blocks_at_once_find_what_one_after_another_finds(k, monkeypatch):
    rng = np.random.default_rng(3)
    queries, bank = (rng.normal(size=(n, 20)).astype(np.float32) for n in (1_500, 9_000))
    before, found = blas_threads(), {}
    for count in (1, 3):
        monkeypatch.setattr(neighbours, "_threads", lambda count=count: count)
        found[count] = nearest(queries, bank, k)
    assert (found[1].index == found[3].index).all()
    assert (found[1].distance == found[3].distance).all()
    assert blas_threads() == before


def test_what_goes_wrong_in_a_block_is_raised(monkeypatch):
    monkeypatch.setattr(neighbours, "_threads", lambda: 2)
    with pytest.raises(ValueError, match="matmul"):
        nearest(np.zeros((1_000, 3)), np.zeros((10, 4)), 2)


@pytest.mark.parametrize(("wanted", "most"), [("1", 1), ("", 8), ("two", 8)])
def test_no_more_threads_than_the_user_allows(wanted, most, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert 1 <= neighbours._threads() <= most
