"""SQL templates: text with {parts}, filled with what this package made, never with a user's text.

Values are bound as named parameters; parts are names and expressions that no parameter can stand
for. One `fill` keeps every query readable as the SQL it is.
"""

from __future__ import annotations

from typing import Any

Params = dict[str, Any]


def fill(template: str, **parts: str) -> str:
    """Put each part in the place of its {name}."""
    for name, text in parts.items():
        template = template.replace("{" + name + "}", text)
    return template
