"""What AppTest sees of a page, in words and as components."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from aggressors.contracts import Aggressor
from aggressors.queries import overview
from aggressors.store.read import open_run

PAGES = ("insights", "aggressor", "explore", "solve", "track", "runs")


def component(app: AppTest, key: str) -> Any:
    """What a component was given: JSON, or bytes."""
    for element in app.main:
        found = _find(element, key)
        if found is not None:
            return found
    raise AssertionError(f"There is no component {key!r} on the page.")


def _find(element: Any, key: str) -> Any:
    proto = getattr(element, "proto", None)
    if type(element).__name__ == "UnknownElement" and key in getattr(proto, "id", ""):
        return json.loads(proto.json)[0] if proto.json else proto.bytes
    for child in getattr(element, "children", {}).values():
        found = _find(child, key)
        if found is not None:
            return found
    return None


def map_header(app: AppTest) -> dict[str, Any]:
    """What the map component was told, without its pixels."""
    packed = component(app, "explore_map")
    length = int.from_bytes(packed[:4], "little")
    header: dict[str, Any] = json.loads(packed[4 : 4 + length])
    return header


def coloured_by(app: AppTest) -> list[str]:
    """Names of what colours the maps."""
    return [layer["name"] for layer in map_header(app)["layers"]]


def shown(app: AppTest) -> str:
    """All text on a page."""
    kinds = ("markdown", "caption", "subheader", "error", "success")
    text = [element.value for kind in kinds for element in getattr(app, kind)]
    return "\n".join(str(part) for part in text)


def planted_aggressors(workspace: Path) -> tuple[Aggressor, ...]:
    """Aggressors of the first planted model."""
    with open_run(workspace / "runs" / "v1-0000.duckdb") as run:
        return overview.aggressors(run)
