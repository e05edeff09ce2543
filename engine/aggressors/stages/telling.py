"""Stage `telling`: words that are more frequent in the texts of an aggressor than in the rest's.

Of each aggressor at most `MOST_TEXTS` members and as many others of the analysed population are
read, so that the time does not grow with the data. The others are drawn such that each label has
the share it has among the members, so that words of the class do not pose as words of the group;
where too few others carry these labels, any others are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.stages.correlate import members_by_concept
from aggressors.stages.frame import BoolArray, Frame, IntArray
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import empty, rows
from aggressors.stats.log_odds import log_odds
from aggressors.stats.matching import matched_counts
from aggressors.tokens import words_of

MOST_TEXTS = 2_000  # members, and others, that are compared
FEWEST_TEXTS = 10  # on either side, below which no word is called
FEWEST_OTHERS = 50  # of the members' labels, below which others of any label are compared
FALLS_SHORT = 0.1  # of the members may carry labels of which there are too few others
LONGEST = 10_000  # characters of a text that are read
FEWEST_WITH = 5  # texts that must hold a word for it to be compared at all
FEWEST_INSIDE = 3  # members that must hold a word that is called
MOST_WORDS = 24  # kept per aggressor
SMALLEST_Z = 2.0
FDR = 0.05


@dataclass(frozen=True, slots=True)
class Compared:
    """Rows of the members and of the others whose texts are compared, and how these were drawn."""

    inside: IntArray
    outside: IntArray
    stratum: str


def telling(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Fill `words`; empty where the samples have no text or nothing was found."""
    media = tables.get("media")
    if media is None or not tables["aggressors"].num_rows or _has_no_text(media):
        return {"words": empty("words")}
    no_fields = {"metadata": empty("metadata"), "metadata_fields": empty("metadata_fields")}
    frame = Frame.from_tables({**tables, **no_fields}, context)
    has_text = frame.analysed & _true(pc.greater(pc.utf8_length(media["text"]), 0))
    members = members_by_concept(tables)
    concepts = sorted(tables["aggressors"]["concept_id"].to_pylist())
    vocabulary = _Vocabulary(media["text"])
    records: list[dict[str, object]] = []
    for concept in context.progress(concepts, len(concepts), "telling"):
        member = np.zeros(len(frame), dtype=np.bool_)
        member[members[concept]] = True
        compared = draw(member & has_text, has_text & ~member, frame)
        if min(len(compared.inside), len(compared.outside)) >= FEWEST_TEXTS:
            records += _words(concept, compared, vocabulary)
    return {"words": rows("words", records)}


def draw(member: BoolArray, other: BoolArray, frame: Frame) -> Compared:
    """Choose whose texts are compared: the same ones for the same data and seed."""
    rng = np.random.default_rng([frame.settings.seed, 41])
    inside = _some(np.flatnonzero(member), MOST_TEXTS, rng)
    others = np.flatnonzero(other)
    alike = _like(inside, others, frame.label, rng)
    if len(alike) >= FEWEST_OTHERS:
        return Compared(inside, alike, "label")
    return Compared(inside, _some(others, MOST_TEXTS, rng), "all")


def _like(
    inside: IntArray, others: IntArray, label: IntArray, rng: np.random.Generator
) -> IntArray:
    """Others in which each label has the share it has among the members, as many as there are."""
    wanted = np.bincount(label[inside] + 1, minlength=int(label.max(initial=-1)) + 2)
    there = np.bincount(label[others] + 1, minlength=len(wanted))
    wanted[0] = 0  # samples without a label
    drawn = matched_counts(wanted, there, MOST_TEXTS, short=FALLS_SHORT)
    parts = [
        _some(others[label[others] == code - 1], int(drawn[code]), rng)
        for code in np.flatnonzero(wanted)
    ]
    return np.sort(np.concatenate([others[:0], *parts]))


def _some(rows: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


class _Vocabulary:
    """Words of texts as numbers; each text is read once."""

    def __init__(self, texts: pa.ChunkedArray) -> None:
        self.texts = texts
        self.words: list[str] = []
        self._code: dict[str, int] = {}
        self._read: dict[int, NDArray[np.int32]] = {}

    def count(self, rows: IntArray) -> IntArray:
        """(len(words),) texts among `rows` that hold each word known by now."""
        missing = [row for row in rows.tolist() if row not in self._read]
        texts: Sequence[str] = self.texts.take(pa.array(missing, pa.int64())).to_pylist()
        for row, text in zip(missing, texts, strict=True):
            self._read[row] = self._codes(text[:LONGEST])
        held = [self._read[row] for row in rows.tolist()]
        return np.bincount(np.concatenate(held), minlength=len(self.words))

    def _codes(self, text: str) -> NDArray[np.int32]:
        codes = []
        for word in sorted(set(words_of(text))):
            code = self._code.setdefault(word, len(self.words))
            if code == len(self.words):
                self.words.append(word)
            codes.append(code)
        return np.array(codes, dtype=np.int32)


def _words(concept: int, compared: Compared, vocabulary: _Vocabulary) -> list[dict[str, object]]:
    inside = vocabulary.count(compared.inside)
    outside = vocabulary.count(compared.outside)
    inside = np.pad(inside, (0, len(outside) - len(inside)))
    kept = np.flatnonzero(inside + outside >= FEWEST_WITH)
    if not len(kept):
        return []
    found = log_odds(inside[kept].astype(np.float64), outside[kept].astype(np.float64))
    called = (found.z >= SMALLEST_Z) & (found.q_value <= FDR) & (inside[kept] >= FEWEST_INSIDE)
    names = np.array(vocabulary.words, dtype=object)[kept]
    order = np.lexsort((names, -found.z))
    return [
        {
            "concept_id": concept,
            "rank": rank,
            "word": names[at],
            "z": float(found.z[at]),
            "q_value": float(found.q_value[at]),
            "n_inside": int(inside[kept[at]]),
            "of_inside": len(compared.inside),
            "n_outside": int(outside[kept[at]]),
            "of_outside": len(compared.outside),
            "stratum": compared.stratum,
        }
        for rank, at in enumerate(order[called[order]][:MOST_WORDS], start=1)
    ]


def _has_no_text(media: pa.Table) -> bool:
    return bool(media["text"].null_count == media.num_rows)


def _true(column: pa.ChunkedArray) -> BoolArray:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


STAGE = Stage(
    name="telling",
    inputs=("samples", "concepts", "assignments", "aggressors"),
    outputs=("words",),
    run=telling,
    optional=("media", "metrics"),
)
