"""Stage `project`: places every sample on a two-dimensional map, alike samples side by side.

UMAP places a sample of landmarks; the rest stands at the weighted mean of its nearest landmarks,
which are sought in a few cells around it. That costs seconds for a million samples and keeps
neighbourhoods better than `umap.transform` at a fraction of its time.
"""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.slicing.space import Space, metadata_vectors
from aggressors.stages.frame import Frame, IntArray
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.whitened import by_hash
from aggressors.stats.neighbours import Neighbours, nearest

Floats = NDArray[np.float32]

COMPONENTS = 24
TOO_FEW = 50  # below this a map by UMAP says nothing that two components do not say
LANDMARK_SHARE = 0.5
EPOCHS = 200
CELLS = 128
LANDMARKS_A_CELL = 40
PROBED = 4
NEAREST_LANDMARKS = 10
CHUNK = 65_536


def project(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Fill `map_x` and `map_y` of `samples`, with zeros where there is nothing to go by."""
    frame = Frame.from_tables(tables, context)
    samples = tables["samples"]
    place = _map(frame) if len(frame) else np.zeros((0, 2), dtype=np.float32)
    for column, name in enumerate(("map_x", "map_y")):
        at = samples.schema.get_field_index(name)
        values = pa.array(np.ascontiguousarray(place[:, column]), pa.float32())
        field = pa.field(name, pa.float32())
        samples = (
            samples.set_column(at, field, values)
            if at >= 0
            else samples.append_column(field, values)
        )
    return {"samples": samples}


def _map(frame: Frame) -> Floats:
    """(n, 2) positions, centred, with a spread of one."""
    landmarks = _landmarks(frame)
    vectors: NDArray[np.floating] | None = frame.embedding
    if vectors is None:
        vectors = metadata_vectors(frame.fields, len(frame), landmarks)
    space = Space.fit(vectors[landmarks], COMPONENTS)
    z = _upright(space).place(vectors).astype(np.float32)
    if len(frame) < TOO_FEW or z.shape[1] < 3:
        place = np.zeros((len(frame), 2), dtype=np.float32)
        place[:, : min(z.shape[1], 2)] = z[:, :2]
    else:
        place = np.empty((len(frame), 2), dtype=np.float32)
        place[landmarks] = _umap(z[landmarks], frame.settings.map_neighbours, frame.settings.seed)
        rest = np.setdiff1d(np.arange(len(frame)), landmarks)
        place[rest] = _interpolate(z[rest], z[landmarks], place[landmarks])
    place -= place.mean(axis=0)
    return place / max(float(place.std()), 1e-12)


def _landmarks(frame: Frame) -> IntArray:
    """Rows that UMAP places, chosen and ordered by a hash of the id: the same in every run."""
    order = by_hash(frame.sample_id)
    wanted = max(int(LANDMARK_SHARE * len(frame)), min(len(frame), 2_000))
    return order[: min(frame.settings.map_landmarks, wanted)]


def _upright(space: Space) -> Space:
    """Turn each axis so that its largest loading is positive: no mirrored map by chance."""
    if space.axes.size == 0:
        return space
    largest = np.argmax(np.abs(space.axes), axis=0)
    sign = np.sign(space.axes[largest, np.arange(space.axes.shape[1])])
    return Space(space.mean, space.axes * sign)


def _umap(z: Floats, neighbours: int, seed: int) -> Floats:
    """(n, 2) positions of (n, d) landmarks, from exact neighbours and their two components."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        k = min(neighbours, len(z) - 1)
        near = nearest(z, z, k - 1, own=np.arange(len(z)))
        itself = np.arange(len(z))[:, None]
        indices = np.hstack([itself, near.index]).astype(np.int32)
        distances = np.hstack([np.zeros((len(z), 1), np.float32), near.distance])
        model = umap.UMAP(
            n_neighbors=k,
            n_components=2,
            n_epochs=EPOCHS,
            init=_start(z),
            precomputed_knn=(indices, distances, None),
            random_state=seed,
            n_jobs=1,
        )
        return np.asarray(model.fit_transform(z), dtype=np.float32)


def _start(z: Floats) -> Floats:
    """First two components on the scale that UMAP expects, ten units wide."""
    start = z[:, :2] - z[:, :2].mean(axis=0)
    return np.ascontiguousarray(10 * start / np.abs(start).max(), dtype=np.float32)


def _interpolate(z: Floats, landmarks: Floats, place: Floats) -> Floats:
    """(n, 2) mean position of each sample's nearest landmarks, the nearer the heavier.

    Landmarks are sorted into cells around some of them; a sample looks into the cells of its
    nearest centres only.
    """
    cells = min(CELLS, max(1, len(landmarks) // LANDMARKS_A_CELL))
    centres = landmarks[:: len(landmarks) // cells][:cells]  # landmarks stand in random order
    home = nearest(landmarks, centres, 1).index[:, 0]
    occupied = np.unique(home)  # of two equal centres, one gets all the landmarks
    centres, inside = centres[occupied], [np.flatnonzero(home == cell) for cell in occupied]
    out = np.empty((len(z), 2), dtype=np.float32)
    for start in range(0, len(z), CHUNK):
        rows = slice(start, start + CHUNK)
        out[rows] = _weighted(_probe(z[rows], landmarks, centres, inside), place)
    return out


def _probe(z: Floats, landmarks: Floats, centres: Floats, inside: list[IntArray]) -> Neighbours:
    """Nearest landmarks of each sample among those of its nearest cells, in no order."""
    probed = nearest(z, centres, min(PROBED, len(centres))).index
    k = NEAREST_LANDMARKS
    index = np.full((len(z), probed.shape[1], k), -1, dtype=np.int64)
    distance = np.full(index.shape, np.inf, dtype=np.float32)
    for cell, members in enumerate(inside):
        row, turn = np.nonzero(probed == cell)
        near = nearest(z[row], landmarks[members], k)
        index[row, turn] = np.where(near.index < 0, -1, members[near.index])
        distance[row, turn] = near.distance
    flat_index, flat_distance = index.reshape(len(z), -1), distance.reshape(len(z), -1)
    best = np.argsort(flat_distance, axis=1, kind="stable")[:, :k]
    return Neighbours(
        np.take_along_axis(flat_index, best, axis=1),
        np.take_along_axis(flat_distance, best, axis=1),
    )


def _weighted(near: Neighbours, place: Floats) -> Floats:
    """(n, 2) mean of the neighbours' positions; weights fall with the distance past the first."""
    first = near.distance[:, :1]
    width = np.maximum(near.mean_distance(NEAREST_LANDMARKS)[:, None] - first, 1e-12)
    weight = np.exp(-(near.distance - first) / width)  # 0 at inf
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("qk,qkc->qc", weight, place[near.index]), dtype=np.float32)


STAGE = Stage(
    name="project",
    inputs=("samples", "metadata", "metadata_fields"),
    outputs=("samples",),
    run=project,
    optional=("embeddings",),
)
