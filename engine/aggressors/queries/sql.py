"""SQL templates: text with {parts}, filled with what this package made, never with a user's text.

Values are bound as named parameters; parts are names and expressions that no parameter can stand
for. One `fill` keeps every query readable as the SQL it is.
"""

from __future__ import annotations

import re
from typing import Any

Params = dict[str, Any]

_PART = re.compile(r"\{(\w+)\}")


def fill(template: str, **parts: str) -> str:
    """Put each part in the place of its {name}.

    In one pass: a part may hold a quoted field name that looks like a place, and stays as it is.
    """
    return _PART.sub(lambda place: parts[place.group(1)], template)
