"""Nearest neighbours against a brute force, over block edges, copies and short banks."""

import numpy as np
import pytest

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
