"""Markup that is safe as it is made: all text is escaped where it is put in, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias


class Html(str):
    """Markup, which is not escaped again; only `el` and `html` make it of other text."""

    __slots__ = ()


Part: TypeAlias = "str | int | Iterable[Part] | None"
Value: TypeAlias = "str | int | float | bool | None"

_VOID = frozenset({"br", "col", "img", "meta"})
EMPTY = Html("")


def html(*parts: Part) -> Html:
    """Put parts one after the other; text that is no markup is escaped, None left out."""
    return Html("".join(_written(part) for part in parts))


def el(name: str, /, *parts: Part, **attributes: Value) -> Html:
    """Write an element.

    Parameters
    ----------
    attributes : `class_` stands for class, `aria_label` for aria-label; True writes the bare name,
        None and False leave it out.
    """
    head = f"{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    return Html(f"<{head}>" if name in _VOID else f"<{head}>{html(*parts)}</{name}>")


def _written(part: Part) -> str:
    if part is None:
        return ""
    if isinstance(part, Html):
        return part
    if isinstance(part, str | int):
        return escape(str(part))
    return "".join(_written(each) for each in part)


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'
