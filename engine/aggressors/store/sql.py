"""Quoting for the few places where SQL takes no bound parameter."""

from __future__ import annotations


def identifier(name: str) -> str:
    """Quote the name of a table, column or type."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for COMMENT ON and SET, which take no parameters."""
    return "'" + text.replace("'", "''") + "'"
