"""Colours with a meaning, for the light and the dark theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours with a meaning, for one theme.

    `ink` text, `bad` high loss, `good` low loss, `ours` the product's own, `rest` what is compared
    with; `categories` for names, `ramp` for any number and `loss_ramp` for loss, from low to high.
    """

    ink: str
    bad: str
    good: str
    ours: str
    rest: str
    empty: str
    categories: tuple[str, ...]
    ramp: tuple[str, ...]
    loss_ramp: tuple[str, ...]


LIGHT = Palette(
    ink="#191a2c",
    bad="#d42c55",
    good="#0b8a5f",
    ours="#4f46e5",
    rest="#8b93a9",
    empty="#f2f3f9",
    categories=(
        "#4f46e5", "#ea6a12", "#0aa596", "#d42c55", "#b99a00",
        "#559b1f", "#a64fc4", "#8d6142", "#5f6f87", "#2f9fdd",
    ),
    ramp=("#d5d8fb", "#a3a6fd", "#6c65ee", "#4338bd", "#221d63"),
    loss_ramp=("#f7dcc4", "#f0a868", "#dd5a4f", "#a3174f", "#4b0c34"),
)  # fmt: skip
DARK = Palette(
    ink="#e8e9f3",
    bad="#f57a98",
    good="#56cfa0",
    ours="#8f8dfa",
    rest="#7f879e",
    empty="#1a1c27",
    categories=(
        "#8f8dfa", "#f8914a", "#3fd0bd", "#f57a98", "#e8d04c",
        "#92cf55", "#d08cf0", "#c49a7b", "#9fb0c6", "#66bff5",
    ),
    ramp=("#34317a", "#5751cd", "#8a88f6", "#b9b8fc", "#e6e7ff"),
    loss_ramp=("#4a2436", "#93304f", "#dd5a5f", "#f3a76f", "#fbe6b8"),
)  # fmt: skip


def palette(theme: str | None) -> Palette:
    """Colours of a theme, light unless it is called dark."""
    return DARK if theme == "dark" else LIGHT


# --- Inks ---

LIGHT_INK, DARK_INK = "#ffffff", "#191a2c"


def blend(position: float, ramp: Sequence[str]) -> str:
    """Colour at a position in [0, 1] of a ramp of #rrggbb colours."""
    place = min(max(position, 0.0), 1.0) * (len(ramp) - 1)
    at = min(int(place), len(ramp) - 2)
    mixed = (
        round(a + (b - a) * (place - at))
        for a, b in zip(_rgb(ramp[at]), _rgb(ramp[at + 1]), strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def ink_on(color: str) -> str:
    """Dark or light ink, whichever stands out more on a colour.

    Source: relative luminance and contrast of WCAG 2.2.
    """
    light = luminance(color)
    on_light = (light + 0.05) / (luminance(DARK_INK) + 0.05)
    return DARK_INK if on_light >= 1.05 / (light + 0.05) else LIGHT_INK


def luminance(color: str) -> float:
    """Relative luminance of a #rrggbb colour, 0 to 1, as in WCAG 2.2."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _rgb(color))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
