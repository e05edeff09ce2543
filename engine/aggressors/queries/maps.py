"""The map of all samples as small grids, and where on it the aggressors lie."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import EVERYTHING, Filter
from aggressors.errors import UsageError
from aggressors.queries.columns import column, groups, in_scope, numbers, taken
from aggressors.queries.masks import mask
from aggressors.queries.names import FieldRef, resolve_value
from aggressors.queries.scope import fetch, fetch_rows
from aggressors.queries.stored import where_lies
from aggressors.stats.alignment import STAYS, Similarity
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MAX_SIZE = 512  # cells a side
MAX_COLOURS = 11  # categories that get a colour of their own
_MARGIN = 0.02  # of the extent, on each side
_LIMITS = (0.02, 0.98)  # quantiles of the cells' means between which a colour ramp runs
_HELD = 0.8  # share of an aggressor's members that its outline holds, in its densest cells

Point = tuple[float, float]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating]
CellArray = NDArray[np.int32]
_BLOCK = 16_384  # positions that fit into a core's own memory


@dataclass(frozen=True, slots=True)
class View:
    """A part of the map, from (x0, y0) to (x1, y1), in map units."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, eq=False)
class MapBins:
    """Samples by cell of a view; grids are (size, size), row 0 at the lowest y.

    Parameters
    ----------
    count : int32, samples in the cell.
    field, kind : what the map is coloured by; field is None for the count alone.
    mean : float32 mean of a number field, NaN where the cell has no value; None otherwise.
    dominant : int16 index into `categories` of the most frequent one, -1 where there is none;
        None for a number.
    categories : of a category field, the most frequent first.
    low, high : robust limits for a colour ramp over `mean`; None where there is none.
    """

    view: View
    size: int
    count: NDArray[np.int32]
    field: str | None
    kind: str | None
    mean: NDArray[np.float32] | None
    dominant: NDArray[np.int16] | None
    categories: tuple[str, ...]
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Outline:
    """Where an aggressor lies: its middle (x, y), and rings around its densest cells.

    Rings follow cell borders, closed, together holding `_HELD` of the members; a ring inside
    another is a hole. `n` members have a place on the map.
    """

    concept_id: int
    rank: int
    name: str
    n: int
    x: float
    y: float
    rings: tuple[tuple[Point, ...], ...]


def extent(run: RunFile) -> View:
    """Find the view that shows every sample; the unit square where none has a place."""
    sql = "SELECT min(map_x), min(map_y), max(map_x), max(map_y) FROM samples"
    x0, y0, x1, y1 = fetch_rows(run, sql)[0]
    if x0 is None:
        return View(0.0, 0.0, 1.0, 1.0)
    margin = max(x1 - x0, y1 - y0) * _MARGIN or 0.5
    return View(x0 - margin, y0 - margin, x1 + margin, y1 + margin)


def has_map(run: RunFile) -> bool:
    """Tell whether samples lie at different places; without embedding or metadata none does."""
    sql = "SELECT min(map_x) < max(map_x) OR min(map_y) < max(map_y) FROM samples"
    return bool(fetch_rows(run, sql)[0][0])


def map_bins(
    run: RunFile,
    filter: Filter = EVERYTHING,
    color_by: str | FieldRef | None = None,
    view: View | None = None,
    size: int = 200,
    placed: Similarity = STAYS,
) -> MapBins:
    """Count samples by cell of the map, and average or pick a field in each.

    Parameters
    ----------
    color_by : any field with a value; None for counts alone.
    view : the part to show; default everything.
    size : cells a side, 1 to `MAX_SIZE`.
    placed : how the map is moved before it is cut into cells; `view` is of the moved one.

    Raises
    ------
    FilterError : an unknown field. UsageError : a size out of range, or an empty view.
    """
    view = view or extent(run)
    if not 1 <= size <= MAX_SIZE or not (view.x0 < view.x1 and view.y0 < view.y1):
        raise UsageError(
            f"A map needs 1 to {MAX_SIZE} cells a side and a view with x0 < x1 and y0 < y1; "
            f"got {size} cells and {view}."
        )
    ref = resolve_value(run, color_by) if isinstance(color_by, str) else color_by
    cell = _cells_in_scope(run, filter, view, size, placed)
    count = _tallied(cell, size).astype(np.int32)
    bins = MapBins(view, size, count, None, None, None, None, (), None, None)
    if ref is None:
        return bins
    if ref.kind == "number":
        return _with_mean(bins, ref, numbers(column(run, ref)), cell)
    there = in_scope(run, filter, "s.map_x IS NOT NULL")
    shown = cell if there is None else cell[there]
    return _with_dominant(bins, ref, taken(column(run, ref), there), shown)


def _cells_in_scope(
    run: RunFile, filter: Filter, view: View, size: int, placed: Similarity
) -> CellArray:
    """(n,) cell of every sample of the run, size x size for those that are not shown."""

    def make() -> CellArray:
        at = where_lies(run, "map_x"), where_lies(run, "map_y")
        if placed == STAYS:
            return _cells(*at, view, size)
        x, y = placed.of(*(axis.astype(np.float64) for axis in at))
        return _cells(x, y, view, size)

    # The maps of one page show the same view.
    cell = held.get(run, f"cells {view} {size} {placed}", make)
    through = mask(run, filter)
    return cell if through is None else np.where(through, cell, np.int32(size * size))


def _cells(x: FloatArray, y: FloatArray, view: View, size: int) -> CellArray:
    """(n,) index of the cell of each position, size x size outside the view."""
    cell = np.empty(len(x), dtype=np.int32)
    for start in range(0, len(x), _BLOCK):
        part = slice(start, start + _BLOCK)
        across = (x[part].astype(np.float64) - view.x0) * (size / (view.x1 - view.x0))
        up = (y[part].astype(np.float64) - view.y0) * (size / (view.y1 - view.y0))
        inside = (across >= 0) & (across < size) & (up >= 0) & (up < size)
        with np.errstate(invalid="ignore"):  # NaN and what is far outside has no cell
            at = up.astype(np.int32) * size + across.astype(np.int32)
        cell[part] = np.where(inside, at, size * size)
    return cell


def _tallied(cell: CellArray, size: int, weights: FloatArray | None = None) -> NDArray[np.number]:
    """(size, size) samples, or the sum of their weights, in each cell."""
    cells = size * size
    return np.bincount(cell, weights, minlength=cells + 1)[:cells].reshape(size, size)


def _with_mean(bins: MapBins, ref: FieldRef, value: FloatArray, cell: CellArray) -> MapBins:
    known = np.isfinite(value)
    n: NDArray[np.number] = bins.count
    if not known.all():
        cell = np.where(known, cell, np.int32(bins.size * bins.size))
        value = np.where(known, value, 0.0)
        n = _tallied(cell, bins.size)
    summed = _tallied(cell, bins.size, value)
    mean = np.full(summed.shape, np.nan, dtype=np.float32)
    np.divide(summed, n, out=mean, where=n > 0, casting="same_kind")
    low = high = None
    if n.any():
        low, high = (float(limit) for limit in np.quantile(mean[n > 0], _LIMITS))
    return MapBins(bins.view, bins.size, bins.count, ref.name, ref.kind, mean, None, (), low, high)


def _with_dominant(bins: MapBins, ref: FieldRef, values: pa.Array, cell: CellArray) -> MapBins:
    """Let samples vote; the categories that are frequent in scope stand, wherever the view is."""
    cells = bins.size * bins.size
    by = groups(ref, values, bins=1, top=MAX_COLOURS, equal_sizes=False)
    k = len(by.names) + 1  # a vote for nothing comes first
    votes = np.bincount(cell * np.int64(k) + by.code + 1, minlength=(cells + 1) * k)
    votes = votes[: cells * k].reshape(cells, k)[:, 1:]
    dominant = np.full(cells, -1, dtype=np.int16)
    if k > 1:
        dominant = np.where(votes.any(axis=1), votes.argmax(axis=1), -1).astype(np.int16)
    grid = dominant.reshape(bins.size, bins.size)
    return MapBins(
        bins.view, bins.size, bins.count, ref.name, ref.kind, None, grid, by.names, None, None
    )


# --- Outlines ---


def outlines(run: RunFile, cells: int = 48) -> tuple[Outline, ...]:
    """Outline every aggressor on a grid of `cells` a side, by rank."""
    view = extent(run)
    found = []
    for rank, concept_id, name in fetch_rows(
        run, "SELECT rank, concept_id, name FROM aggressors ORDER BY rank"
    ):
        place = _places(run, concept_id)
        if len(place):
            x, y = (float(middle) for middle in np.median(place, axis=0))
            rings = _rings(_held(place, view, cells), view)
            found.append(Outline(concept_id, rank, name, len(place), x, y, rings))
    return tuple(found)


def _places(run: RunFile, concept_id: int) -> NDArray[np.float64]:
    """(members, 2) positions of the members that have one."""
    sql = """
        SELECT s.map_x, s.map_y FROM assignments a JOIN samples s USING (row_id)
        WHERE a.concept_id = $concept AND s.map_x IS NOT NULL AND s.map_y IS NOT NULL
    """
    found = fetch(run, sql, params={"concept": concept_id})
    return np.column_stack([numbers(found["map_x"]), numbers(found["map_y"])])


def _held(place: NDArray[np.float64], view: View, cells: int) -> BoolArray:
    """(cells, cells) True in the densest cells."""
    cell = _cells(place[:, 0], place[:, 1], view, cells)
    count = _tallied(cell, cells).ravel()
    return _densest(count, _HELD).reshape(cells, cells)


def _densest(count: NDArray[np.number], share: float) -> BoolArray:
    """(cells,) True in the fewest cells that together hold the share."""
    order = np.argsort(-count, kind="stable")
    needed = int(np.searchsorted(np.cumsum(count[order]), share * count.sum())) + 1
    held = np.zeros(len(count), dtype=np.bool_)
    held[order[:needed]] = True
    return held & (count > 0)


def _rings(held: BoolArray, view: View) -> tuple[tuple[Point, ...], ...]:
    """Borders of the cells held, each edge with its cell on the left, joined into closed rings."""
    size = len(held)
    padded = np.pad(held, 1)
    ahead: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for y, x in np.argwhere(held).tolist():
        if not padded[y, x + 1]:
            ahead[x, y].append((x + 1, y))  # lower border, to the right
        if not padded[y + 1, x + 2]:
            ahead[x + 1, y].append((x + 1, y + 1))  # right border, up
        if not padded[y + 2, x + 1]:
            ahead[x + 1, y + 1].append((x, y + 1))  # upper border, to the left
        if not padded[y + 1, x]:
            ahead[x, y + 1].append((x, y))  # left border, down
    width, height = (view.x1 - view.x0) / size, (view.y1 - view.y0) / size
    rings = []
    while ahead:
        ring = _one_ring(ahead)
        rings.append(tuple((view.x0 + x * width, view.y0 + y * height) for x, y in ring))
    return tuple(rings)


def _one_ring(ahead: dict[tuple[int, int], list[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Take edges from `ahead` until they close; points on a straight line are left out."""
    start = min(ahead)
    at, ring = start, [start]
    while True:
        following = ahead[at]
        at = following.pop()
        if not following:
            del ahead[ring[-1]]
        ring.append(at)
        if at == start:
            break
    bends = [
        point
        for before, point, after in zip(ring[-2:-1] + ring[:-2], ring[:-1], ring[1:], strict=True)
        if (point[0] - before[0]) * (after[1] - point[1])
        != (point[1] - before[1]) * (after[0] - point[0])
    ]
    return [*bends, bends[0]]
