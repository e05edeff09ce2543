"""The telling words of an aggressor, and the part of a long text that holds them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aggressors.queries.scope import fetch_rows
from aggressors.tokens import LONGEST, is_unspaced, places

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

BEFORE = 40  # characters shown before the first telling word of an excerpt
SEARCHED = 20_000  # characters of a text in which an excerpt is sought
MOST_WORDS = 100  # of an aggressor; a run has fewer
_LOOKED_AT = 20  # texts by which the writing is told
_GAP = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TellingWord:
    """A word that more texts inside hold: `n_inside` of `of_inside` against the rest's.

    `z` is the difference of its log-odds in standard errors, see `stats.log_odds`.
    """

    word: str
    z: float
    n_inside: int
    of_inside: int
    n_outside: int
    of_outside: int

    @property
    def times(self) -> float | None:
        """How many times as frequent it is inside; None where no text of the rest holds it."""
        if not self.n_outside:
            return None
        return self.n_inside / self.of_inside * self.of_outside / self.n_outside


@dataclass(frozen=True, slots=True)
class Telling:
    """Telling words of an aggressor, the most telling first.

    `within_label` is True where the rest has the members' shares of labels; `has_text` whether the
    samples that show it have any text, `is_unspaced` whether most of these put no spaces between
    words, so that none could be compared.
    """

    words: tuple[TellingWord, ...]
    within_label: bool
    has_text: bool
    is_unspaced: bool

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each word, to mark and excerpt by."""
        return {one.word: one.z for one in self.words}


# What cannot be is left out: weights that are no numbers, more texts with a word than there are.
_WORDS = """
    SELECT word, z, n_inside, of_inside, n_outside, of_outside, stratum
    FROM words
    WHERE concept_id = $concept AND length(word) BETWEEN 1 AND $longest AND z BETWEEN 0 AND 1e6
        AND n_inside BETWEEN 1 AND of_inside AND n_outside BETWEEN 0 AND of_outside
        AND of_outside > 0
    ORDER BY rank LIMIT $most
"""
_TEXTS = """
    SELECT left(x.text, 2000) FROM representatives r JOIN media x ON x.sample_id = r.sample_id
    WHERE r.concept_id = $concept AND x.text IS NOT NULL
    ORDER BY r.reason, r.rank LIMIT $limit
"""


def telling(run: RunFile, concept_id: int) -> Telling:
    """Read the telling words of a concept."""
    limits = {"longest": LONGEST, "most": MOST_WORDS}
    found = fetch_rows(run, _WORDS, params={"concept": concept_id, **limits})
    texts = fetch_rows(run, _TEXTS, params={"concept": concept_id, "limit": _LOOKED_AT})
    unspaced = sum(is_unspaced(text) for (text,) in texts)
    return Telling(
        tuple(TellingWord(*row[:-1]) for row in found),
        all(row[-1] == "label" for row in found),
        bool(texts),
        2 * unspaced > len(texts),
    )


def excerpt(text: str, weights: Mapping[str, float], length: int) -> str:
    """Part of a text of about `length` characters that holds the most telling words.

    Each word counts once, by its weight; of equal parts, and without any, the first is taken. White
    space is joined, and … stands where something is left out.
    """
    text = _GAP.sub(" ", text[:SEARCHED]).strip()
    if len(text) <= length:
        return text
    start = _start(text, weights, length)
    end = start + length
    if end < len(text):
        end = max(text.rfind(" ", start + length // 2, end + 1), start + length // 2)
    return f"{'… ' if start else ''}{text[start:end].strip()}{' …' if end < len(text) else ''}"


def _start(text: str, weights: Mapping[str, float], length: int) -> int:
    """Where the best part begins: at a word, some characters before the first telling one."""
    found = [(start, word) for start, _, word in places(text) if word in weights]
    shown = max(length - BEFORE, 1)
    held: Counter[str] = Counter()
    weight, end = 0.0, 0  # of the words from `place` to `end`, each counted once
    best, chosen = 0.0, 0
    for start, word in found:
        while end < len(found) and found[end][0] < start + shown:
            weight += weights[found[end][1]] * (not held[found[end][1]])
            held[found[end][1]] += 1
            end += 1
        if weight > best + 1e-9:
            best, chosen = weight, start
        held[word] -= 1
        weight -= weights[word] * (not held[word])
    if chosen < length // 2:
        return 0
    before = text.find(" ", chosen - BEFORE, chosen)
    return before + 1 if before >= 0 else chosen
