"""Transformations of model inputs, as a probe tries them on clean samples.

Inputs are (n, c, h, w) after the user's own normalisation, so that light and contrast are taken
between the lowest and the highest value of each channel that was seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from aggressors.snippets import SWAP

SMALLEST = 8  # cells of a side below which there is nothing to transform


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest and highest value of each channel, (1, c, 1, 1)."""

    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, inputs: Tensor) -> Range:
        """Measure (n, c, h, w) inputs."""
        flat = inputs.transpose(0, 1).flatten(1)
        shape = (1, -1, 1, 1)
        return cls(flat.amin(dim=1).view(shape), flat.amax(dim=1).view(shape))

    def clamped(self, inputs: Tensor) -> Tensor:
        """Keep values in the range."""
        return torch.minimum(torch.maximum(inputs, self.low), self.high)


def is_image(inputs: Tensor) -> bool:
    """Whether inputs (n, ...) are images that can be transformed."""
    return (
        inputs.ndim == 4
        and inputs.is_floating_point()
        and inputs.shape[1] in (1, 3)
        and min(inputs.shape[2:]) >= SMALLEST
    )


def change(name: str, inputs: Tensor, strength: float, within: Range) -> Tensor:
    """Transform (n, c, h, w) inputs; random where it says so, by a generator of its own.

    Parameters
    ----------
    name : one of `snippets.TRANSFORMS`.
    strength : in its unit.
    """
    generator = torch.Generator().manual_seed(20_261_127)
    return within.clamped(_CHANGES[name](inputs, strength, within, generator))


def swap(place: str, inputs: Tensor, donors: Tensor, within: Range) -> Tensor:
    """Give inputs a place of the donors (n, c, h, w), one each; `place` without its prefix."""
    if place == "colours":
        mean, theirs = (one.mean(dim=(2, 3), keepdim=True) for one in (inputs, donors))
        return within.clamped(inputs - mean + theirs)
    if place == "background":
        ground, theirs = _ground(inputs), _ground(donors)
        near = 0.1 * (within.high - within.low)
        is_ground = ((inputs - ground).abs() <= near).all(dim=1, keepdim=True)
        return torch.where(is_ground, theirs, inputs)
    return torch.where(_place(place, *inputs.shape[2:]).to(inputs.device), donors, inputs)


def swaps() -> tuple[str, ...]:
    """Names of all swaps."""
    return tuple(SWAP + place for place in (*_BOXES, "border", "background", "colours"))


def _ground(inputs: Tensor) -> Tensor:
    """(n, c, 1, 1) median of the first and the last row."""
    edge = torch.cat([inputs[:, :, 0], inputs[:, :, -1]], dim=2)
    return edge.median(dim=2).values[:, :, None, None]


def _place(name: str, height: int, width: int) -> Tensor:
    place = torch.zeros(height, width, dtype=torch.bool)
    if name == "border":
        deep = max(1, height // 14)
        place[:] = True
        place[deep:-deep, deep:-deep] = False
        return place
    top, left = height // 4, width // 4
    rows, columns = _BOXES[name](top, left, height)
    place[rows, columns] = True
    return place


_BOXES: dict[str, Callable[[int, int, int], tuple[slice, slice]]] = {
    "top-left": lambda top, left, height: (slice(top), slice(left)),
    "top-right": lambda top, left, height: (slice(top), slice(-left, None)),
    "bottom-left": lambda top, left, height: (slice(-top, None), slice(left)),
    "bottom-right": lambda top, left, height: (slice(-top, None), slice(-left, None)),
    "top": lambda top, left, height: (slice(height // 6), slice(None)),
    "bottom": lambda top, left, height: (slice(-(height // 6), None), slice(None)),
}


# --- The transformations: (inputs, strength, range, generator) ---

Change = Callable[[Tensor, float, Range, torch.Generator], Tensor]


def _light(inputs: Tensor, strength: float, within: Range, _: torch.Generator) -> Tensor:
    return within.low + (inputs - within.low) * strength


def _contrast(inputs: Tensor, strength: float, _: Range, __: torch.Generator) -> Tensor:
    mean = inputs.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (inputs - mean) * strength


def _blur(inputs: Tensor, strength: float, _: Range, __: torch.Generator) -> Tensor:
    sigma = strength * inputs.shape[2]
    reach = min(max(1, round(3 * sigma)), min(inputs.shape[2:]) - 1)
    at = torch.arange(-reach, reach + 1, dtype=inputs.dtype)
    weight = torch.exp(-(at**2) / (2 * sigma**2))
    weight = (weight / weight.sum()).to(inputs.device)
    channels = inputs.shape[1]
    padded = functional.pad(inputs, (reach, reach, reach, reach), mode="reflect")
    across = weight.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    down = weight.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    blurred = functional.conv2d(padded, across, groups=channels)
    return functional.conv2d(blurred, down, groups=channels)


def _coarse(inputs: Tensor, strength: float, _: Range, __: torch.Generator) -> Tensor:
    height, width = inputs.shape[2:]
    small = (max(1, round(strength * height)), max(1, round(strength * width)))
    return functional.interpolate(
        functional.adaptive_avg_pool2d(inputs, small), (height, width), mode="nearest"
    )


def _noise(inputs: Tensor, strength: float, within: Range, random: torch.Generator) -> Tensor:
    drawn = torch.randn(inputs.shape, generator=random, dtype=inputs.dtype).to(inputs.device)
    return inputs + strength * (within.high - within.low) * drawn


def _rotation(inputs: Tensor, strength: float, within: Range, random: torch.Generator) -> Tensor:
    sign = torch.randint(0, 2, (len(inputs),), generator=random) * 2 - 1
    return _mapped(inputs, sign * math.radians(strength), 1.0, within)


def _scale(inputs: Tensor, strength: float, within: Range, _: torch.Generator) -> Tensor:
    return _mapped(inputs, torch.zeros(len(inputs)), strength, within)


def _mapped(inputs: Tensor, angle: Tensor, scale: float, within: Range) -> Tensor:
    """Turn and scale about the middle; what comes in from outside is dark."""
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    zero = torch.zeros_like(cos)
    turn = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    turn = turn.to(inputs.dtype).to(inputs.device)
    shape = list(inputs.shape)
    grid = functional.affine_grid(turn, shape, align_corners=False)
    return within.low + functional.grid_sample(inputs - within.low, grid, align_corners=False)


def _occlusion(inputs: Tensor, strength: float, within: Range, random: torch.Generator) -> Tensor:
    out = inputs.clone()
    height, width = inputs.shape[2:]
    tall, wide = max(1, round(strength * height)), max(1, round(strength * width))
    tops = torch.randint(0, height - tall + 1, (len(inputs),), generator=random).tolist()
    lefts = torch.randint(0, width - wide + 1, (len(inputs),), generator=random).tolist()
    shade = (within.low + 0.3 * (within.high - within.low))[0]
    for one, top, left in zip(out, tops, lefts, strict=True):
        one[:, top : top + tall, left : left + wide] = shade
    return out


def _invert(inputs: Tensor, _: float, within: Range, __: torch.Generator) -> Tensor:
    return within.low + within.high - inputs


def _flip(inputs: Tensor, _: float, __: Range, ___: torch.Generator) -> Tensor:
    return inputs.flip(2)


_CHANGES: dict[str, Change] = {
    "darker": _light,
    "brighter": _light,
    "contrast": _contrast,
    "blur": _blur,
    "coarse": _coarse,
    "noise": _noise,
    "rotation": _rotation,
    "occlusion": _occlusion,
    "smaller": _scale,
    "closer": _scale,
    "invert": _invert,
    "flip": _flip,
}
