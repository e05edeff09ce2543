"""Words of a text, as the dashboard marks them too; standard library only.

A word is a run of letters, combining marks and digits, with apostrophes inside, in lower case. The
same pattern stands in `app/aggressors_app/components/grid.js`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Scripts that put no spaces between words, so that a run of letters is a phrase: Thai, Lao,
# Myanmar, Khmer, and the Japanese and Chinese ones.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
LONGEST = 40  # characters of a word; what is longer is an address or a key


def words_of(text: str) -> list[str]:
    """Words in order; what is written in a script without spaces is left out."""
    return [word for _, _, word in places(text)]


def places(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and lower case of each word in a text."""
    for match in _pattern().finditer(text):
        written = match.group()
        if len(written) <= LONGEST and not _UNSPACED.search(written):
            yield match.start(), match.end(), written.lower()


def is_unspaced(text: str) -> bool:
    """Tell whether most letters of a text are of a script without spaces between words."""
    letters = sum(map(str.isalpha, text))
    return 2 * len(_UNSPACED.findall(text)) > letters > 0


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    letter = rf"(?:[^\W_]|[{_combining()}])"
    return re.compile(f"{letter}+(?:['\u2019]{letter}+)*")


def _combining() -> str:
    r"""Ranges of the combining marks, which `\w` leaves out and words of many scripts contain."""
    marks = [code for code in range(0x10000) if unicodedata.category(chr(code))[0] == "M"]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
