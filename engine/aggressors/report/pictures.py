"""Pictures of a report: each inlined once, none larger than it is shown, heatmaps in colour."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aggressors.queries.attention import LARGEST as MOST_CELLS
from aggressors.queries.cards import media_type

BUDGET = 8_000_000  # bytes of all pictures of a page: in base64, with all else, below 15 MB
LONGEST = 192  # pixels of a side; it is shown at half of that, so that it is sharp when printed
HEAVY = 16_000  # bytes from which a thumbnail is written anew, at the size it is shown
MOST_PIXELS = 50_000_000  # of a thumbnail that is read at all: a file may come from a stranger
CELLS = 64  # of a side that heatmaps are drawn with


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a page; `key` names it there."""

    key: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """JPEG or PNG bytes with their size in pixels."""

    content: bytes
    width: int
    height: int


@dataclass
class Gallery:
    """Pictures of a page by key; the same bytes are held once. `left_out` counts those too many."""

    content: dict[str, bytes] = field(default_factory=dict)
    left_out: int = 0
    _made: dict[str, Picture | None] = field(default_factory=dict)
    _kept: dict[str, Picture] = field(default_factory=dict)
    _bytes: int = 0

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All that are held."""
        return tuple(self._kept.values())

    def add(self, thumbnail: bytes | None) -> Picture | None:
        """Hold a thumbnail; None where there is none, it cannot be read, or the page is full."""
        if not thumbnail or not media_type(thumbnail):
            return None
        digest = sha256(thumbnail).hexdigest()
        if digest not in self._made:
            self._made[digest] = self.keep(_shown(thumbnail))
        return self._made[digest]

    def keep(self, drawn: Drawn | None) -> Picture | None:
        """Hold what was drawn for the page; None where there is nothing, or the page is full."""
        if drawn is None:
            return None
        digest = sha256(drawn.content).hexdigest()
        if digest not in self._kept:
            if self._bytes + len(drawn.content) > BUDGET:
                self.left_out += 1
                return None
            self._bytes += len(drawn.content)
            self._kept[digest] = Picture(f"p{len(self.content)}", drawn.width, drawn.height)
            self.content[self._kept[digest].key] = drawn.content
        return self._kept[digest]


def _shown(thumbnail: bytes) -> Drawn | None:
    """Give what to inline of a thumbnail; None for what is no sound picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd files: they are read, or they are not
            image = Image.open(io.BytesIO(thumbnail), formats=("JPEG", "PNG"))
            width, height = image.size
            if width * height > MOST_PIXELS:
                return None
            if max(width, height) <= 2 * LONGEST and len(thumbnail) <= HEAVY:
                return Drawn(thumbnail, width, height)
            image.thumbnail((LONGEST, LONGEST))
            file = io.BytesIO()
            image.convert("RGB").save(file, "JPEG", quality=80, optimize=True)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return Drawn(file.getvalue(), *image.size)


# --- Heatmaps ---


def overlay(pixels: bytes | None, height: int | None, width: int | None) -> Drawn | None:
    """Colour a heatmap to lie over a picture; None where there is none, or no sound one.

    Parameters
    ----------
    pixels : one byte a cell, row by row; 255 where the model looks most.
    """
    height, width = height or 0, width or 0
    sound = 0 < height <= MOST_CELLS and 0 < width <= MOST_CELLS
    if not sound or not pixels or len(pixels) != height * width:
        return None
    grey = Image.frombytes("L", (width, height), pixels)
    levels = np.asarray(_resized(grey)) >> 3
    image = Image.fromarray(levels, "L")
    image.putpalette(_COLOURS[:, :3].tobytes())
    return _png(image, transparency=_COLOURS[:, 3].tobytes())


def _heat() -> NDArray[np.uint8]:
    """(32, 4) from transparent violet over orange to yellow, as the dashboard colours heatmaps."""
    at = np.linspace(0, 1, 32)
    parts = (0.35 + 1.1 * at, 1.25 * at - 0.3, 0.45 - 0.6 * at, 0.15 + at)
    return np.round(255 * np.clip(np.stack(parts, axis=1), 0, 1)).astype(np.uint8)


_COLOURS = _heat()
_STOPS = np.array([[16, 12, 36], [110, 30, 110], [214, 66, 72], [252, 166, 54], [250, 240, 160]])


def mean_map(cells: NDArray[np.float64]) -> Drawn:
    """Draw (rows, columns) shares of the highest cell from near black to yellow."""
    at = np.clip(cells, 0, 1) * (len(_STOPS) - 1)
    colours = np.stack(
        [np.interp(at, range(len(_STOPS)), _STOPS[:, channel]) for channel in range(3)], axis=-1
    )
    return _png(_resized(Image.fromarray(colours.astype(np.uint8))))


def _resized(image: Image.Image) -> Image.Image:
    """Draw so many cells a side that single ones do not show, and no more."""
    times = CELLS / max(image.size)
    size = (max(1, round(times * image.width)), max(1, round(times * image.height)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _png(image: Image.Image, **options: bytes) -> Drawn:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, **options)
    return Drawn(file.getvalue(), *image.size)
