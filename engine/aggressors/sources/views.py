"""How the output of a layer lies over the image, and which layer's output heatmaps explain.

Feature maps stand with their channels first (most CNNs) or last (Swin), or as tokens: patches of
the image row by row, behind class and register tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

from torch import Tensor, nn

from aggressors.sources.calls import Call, called_once

MOST_LEADING = 16  # class and register tokens before patches whose grid a convolution tells
MOST_GUESSED = 5  # the same where the grid is told by the numbers alone: one class, four registers
MOST_NAMED = 6  # layers that a message offers

Grid = tuple[int, int]


@dataclass(frozen=True, slots=True)
class View:
    """Where the `rows` x `columns` cells of a map are in the output of a layer, for n samples.

    Parameters
    ----------
    order : channels first (n, c, rows, columns), channels last (n, rows, columns, c), tokens
        (n, leading + rows x columns, c), or tokens first (leading + rows x columns, n, c).
    leading : class and register tokens before the patches.
    """

    order: Literal["channels first", "channels last", "tokens", "tokens first"]
    rows: int
    columns: int
    leading: int = 0

    def as_map(self, values: Tensor) -> Tensor:
        """Turn the layer's output into (n, c, rows, columns) float32, which numpy knows."""
        values = values.float()
        if self.order == "channels first":
            return values
        if self.order == "channels last":
            return values.permute(0, 3, 1, 2)
        if self.order == "tokens first":
            values = values.transpose(0, 1)
        patches = values[:, self.leading :].reshape(len(values), self.rows, self.columns, -1)
        return patches.permute(0, 3, 1, 2)

    def __str__(self) -> str:
        """Write it as messages say it."""
        return f"{self.rows} × {self.columns}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What one forward pass of n images of height x width tells about maps of them."""

    calls: Sequence[Call]
    n: int
    image: Grid

    def view(self, call: Call) -> View | None:
        """Tell how the output of a call lies over the image; None where it does not."""
        shape = call.shape
        if len(shape) == 4 and shape[0] == self.n:
            return self._planes(call)
        if len(shape) != 3 or self.n not in shape[:2]:
            return None
        first = shape[0] != self.n  # as torch's own attention has it, unless told otherwise
        found = token_grid(shape[0] if first else shape[1], self.image, self._convolved())
        return found and View("tokens first" if first else "tokens", *found)

    def _planes(self, call: Call) -> View | None:
        _, a, b, c = call.shape
        options = [View("channels first", b, c), View("channels last", a, b)]
        if isinstance(call.module, nn.Conv2d | nn.BatchNorm2d):
            options = options[:1]
        elif isinstance(call.module, nn.LayerNorm) and call.module.normalized_shape == (c,):
            options = options[1:]
        height, width = self.image
        fitting = [
            view
            for view in options
            if 2 <= view.rows <= height + 2 and 2 <= view.columns <= width + 2
        ]

        def skew(view: View) -> float:  # against the image's own aspect
            return abs(log(view.rows * width / (view.columns * height)))

        return min(fitting, key=skew, default=None)

    def _convolved(self) -> list[Grid]:
        """Sizes of the maps that convolutions make, such as the embedding of patches."""
        found = (call.shape[2:] for call in self.calls if isinstance(call.module, nn.Conv2d))
        return [(size[0], size[1]) for size in found if len(size) == 2]


def token_grid(tokens: int, image: Grid, known: Iterable[Grid] = ()) -> tuple[int, int, int] | None:
    """Tell (rows, columns, leading tokens) of the grid of patches among `tokens`.

    Parameters
    ----------
    image : height and width of the input, of which patches are squares unless `known` says more.
    known : sizes of maps that the model makes of the image.
    """
    grids = [
        (tokens - rows * columns, rows, columns) for rows, columns in known if rows > 1 < columns
    ]
    for leading, rows, columns in sorted(grids):
        if 0 <= leading <= MOST_LEADING:
            return rows, columns, leading
    height, width = image
    for leading in range(MOST_GUESSED + 1):
        for side in range(1, min(image) // 2 + 1):
            rows, columns = height // side, width // side
            exact = height % side == 0 and width % side == 0
            if exact and rows * columns == tokens - leading:
                return rows, columns, leading
    return None


@dataclass(frozen=True, slots=True)
class Found:
    """The layer that heatmaps explain; without one, `reason` says in a sentence why."""

    layer: str | None = None
    view: View | None = None
    reason: str = ""


def find_map(sight: Sight) -> Found:
    """Choose the layer whose output is explained.

    That is the last feature map of the last two-dimensional convolution's resolution, so that the
    normalisation and activation after it count; where attention comes after it, the first
    normalisation of the last block, because behind that block only the class token may matter and
    the patches have no gradient.
    """
    calls = sight.calls
    place, block = _last_map(sight), _last_block(calls)
    if block is None:
        if place is None:
            return Found(reason="The model has no convolution and no attention over an image.")
        return Found(calls[place].name, sight.view(calls[place]))
    inside = place is not None and calls[place].name.startswith(f"{calls[block].name}.")
    if place is not None and place >= block:
        return Found(calls[place].name, sight.view(calls[place]))
    for call in calls:
        if not call.name.startswith(f"{calls[block].name}.") or not _normalises(call.module):
            continue
        view = sight.view(call)
        if view is not None and called_once(calls, call.name):
            return Found(call.name, view)
    if place is not None and inside:  # a CNN that ends in an attention over its last map
        return Found(calls[place].name, sight.view(calls[place]))
    height, width = sight.image
    return Found(
        reason=f"The last attention block, {calls[block].name!r}, holds no normalised tokens that "
        f"form a grid of patches of {height} × {width} pixels behind class and register tokens."
    )


def maps_to_name(sight: Sight, best: Found) -> str:
    """List the layers that have a map, the default first and one of each other resolution."""
    offered: dict[Grid, str] = {}
    if best.layer is not None and best.view is not None:
        offered[best.view.rows, best.view.columns] = best.layer
    for call in reversed(sight.calls):
        view = sight.view(call)
        if view is not None and called_once(sight.calls, call.name):
            offered.setdefault((view.rows, view.columns), call.name)
    if not offered:
        return "No layer of this model has a map of the image: leave heatmap_layer out."
    named = [f"{name!r} ({rows} × {columns})" for (rows, columns), name in offered.items()]
    return f"Layers with a map of the image: {', '.join(named[:MOST_NAMED])}."


def _last_map(sight: Sight) -> int | None:
    """Where the last feature map of the last convolution's resolution is called."""
    calls = sight.calls
    for place in range(len(calls) - 1, -1, -1):
        size = calls[place].shape[2:]
        if not isinstance(calls[place].module, nn.Conv2d) or len(size) != 2 or min(size) < 2:
            continue
        for later in range(len(calls) - 1, place - 1, -1):
            shape = calls[later].shape
            same = len(shape) == 4 and shape[0] == sight.n and shape[2:] == size
            if same and called_once(calls, calls[later].name):
                view = sight.view(calls[later])
                if view is not None and view.order == "channels first":
                    return later
    return None


def _last_block(calls: Sequence[Call]) -> int | None:
    """Where the last module that holds an attention ends."""
    found = [place for place, call in enumerate(calls) if _attends(call.module)]
    return max(found, default=None)


def _attends(module: nn.Module) -> bool:
    return any("attention" in name for name in _kinds(module.children()))


def _normalises(module: nn.Module) -> bool:
    name = type(module).__name__.lower()
    return "norm" in name and "batch" not in name


def _kinds(modules: Iterable[nn.Module]) -> Iterator[str]:
    return (type(module).__name__.lower() for module in modules)
