"""How strongly heatmaps lie over pictures: one state, wherever samples are shown."""

from __future__ import annotations

from aggressors_app import state


def heat() -> int:
    """Opacity in percent, as the address says; 0 hides them."""
    return state.read().number("heat", 0, 0, 100)


def keep_heat(percent: int) -> None:
    """Keep the opacity that was chosen; for callbacks."""
    state.change(heat=str(percent) if percent else None)
