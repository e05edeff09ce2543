"""What describes a built-in metadata field."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One built-in metadata field; `unit` is '' where the quantity has none."""

    name: str
    unit: str
    doc: str
