"""Measurements of a text that need no model: length, case, punctuation, wording, script."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.stages.measure import Batch, Measure, Measured, Values, Whole
from aggressors.stats.duplicates import equal_counts

NAME = "text"
_NUMBERS = (
    Measure("characters", "characters", "length of the text"),
    Measure("words", "words", "pieces between white space"),
    Measure("word_length", "characters", "mean length of a word"),
    Measure("sentences", "sentences", "pieces with a letter or digit that . ! ? … or 。 end"),
    Measure("questions", "questions", "question marks, several in a row counted once"),
    Measure("negations", "words", "English words that negate: not, no, never, without, don't, …"),
    Measure("uppercase", "share", "share of letters in upper case"),
    Measure("digits", "share", "share of characters that are digits"),
    Measure("punctuation", "share", "share of characters neither letter, digit nor white space"),
    Measure(
        "repetition",
        "share",
        "1 - distinct words / words (the type-token ratio), case ignored",
    ),
)
MEASURES = (
    *_NUMBERS,
    Measure(
        "script",
        "",
        "writing system of three quarters of the letters, such as latin, cyrillic, arabic, han or "
        "japanese (han with kana); else mixed",
    ),
    Measure(
        "rare_words",
        "share",
        "share of words that few texts of the run use: one in 1,000 at most, or the text alone",
    ),
    Measure(
        "text_duplicates",
        "samples",
        "other texts of the run with the same words and numbers in the same order; case, "
        "punctuation and white space ignored",
    ),
)

_RARE = 1_000  # texts of which one may use a rare word
_ROWS = 8_192  # texts compared at a time
_MOST = 0.75  # share of letters of one script from which a text is of that script
_ENDS = re.compile(r"[!?…‽؟।።。！？｡]+|\.+(?=[\s\"'”’»)\]]|$)")
_QUESTIONS = re.compile(r"[?？؟⸮]+")
_NEGATIONS = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|without|cannot)\b|n['’]t\b"
)
_LETTERS = r"^[\p{L}\p{M}]+$"  # for RE2
_NO_WORDS = r"[^\p{L}\p{M}\p{N}]+"
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
_KANA = {"hiragana", "katakana"}
# Scripts in use, as the Unicode names of their letters start.
_SCRIPTS = frozenset(
    (
        *("latin", "greek", "cyrillic", "armenian", "georgian", "hebrew", "arabic", "syriac"),
        *("thaana", "devanagari", "bengali", "gurmukhi", "gujarati", "oriya", "tamil", "telugu"),
        *("kannada", "malayalam", "sinhala", "thai", "lao", "tibetan", "myanmar", "khmer"),
        *("mongolian", "ethiopic", "cherokee", "hangul", "hiragana", "katakana", "bopomofo"),
        *("cjk", "yi", "javanese", "balinese", "tifinagh", "nko", "adlam", "osage"),
    )
)
_WIDTHS = ("fullwidth ", "halfwidth ")


def read(batch: Batch) -> Sequence[str | None]:
    """Texts are measured as they are."""
    return batch.texts


def measure(items: Sequence[str]) -> Measured:
    """Measure texts; NaN where a share has nothing to be a share of, None where no letter is."""
    rows = [_measure(text) for text in items]
    numbers = np.array([row[0] for row in rows], dtype=np.float32).reshape(-1, len(_NUMBERS))
    values: dict[str, Values] = {
        entry.name: column for entry, column in zip(_NUMBERS, numbers.T, strict=True)
    }
    values["script"] = np.array([row[1] for row in rows] + [None], dtype=object)[:-1]
    return Measured(values)


class _Kind(NamedTuple):
    """What a character is."""

    letter: bool
    upper: bool
    digit: bool
    space: bool
    script: str


@lru_cache(maxsize=1 << 16)
def _kind(character: str) -> _Kind:
    letter = character.isalpha()
    return _Kind(
        letter,
        character.isupper(),
        character.isdigit(),
        character.isspace(),
        _script_of(character) if letter else "",
    )


def _script_of(letter: str) -> str:
    """Script of a letter; '' for those of none, such as the sign for micro."""
    name = unicodedata.name(letter, "").lower()
    for width in _WIDTHS:
        name = name.removeprefix(width)
    script = name.split(" ")[0].split("-")[0]
    if script not in _SCRIPTS:
        return ""
    return "han" if script == "cjk" else script


def _measure(text: str) -> tuple[tuple[float, ...], str | None]:
    words = text.split()
    letters = upper = digits = spaces = 0
    scripts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        kind = _kind(character)
        letters += count * kind.letter
        upper += count * kind.upper
        digits += count * kind.digit
        spaces += count * kind.space
        if kind.script:
            scripts[kind.script] += count
    lowered = text.casefold()
    numbers = (
        len(text),
        len(words),
        _share(sum(map(len, words)), len(words)),
        sum(any(map(str.isalnum, piece)) for piece in _ENDS.split(text)),
        len(_QUESTIONS.findall(text)),
        len(_NEGATIONS.findall(lowered)),
        _share(upper, letters),
        _share(digits, len(text)),
        _share(len(text) - letters - digits - spaces, len(text)),
        1 - _share(len(set(lowered.split())), len(words)),
    )
    return numbers, _leading(scripts)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _leading(scripts: Counter[str]) -> str | None:
    """Script of most letters; None where there are none."""
    if _KANA & scripts.keys():
        kana = sum(scripts.pop(name, 0) for name in _KANA)
        scripts["japanese"] = kana + scripts.pop("han", 0)
    if not scripts:
        return None
    script, count = scripts.most_common(1)[0]
    return script if count >= _MOST * scripts.total() else "mixed"


# --- Over the run ---


def compare(whole: Whole) -> Mapping[str, Values]:
    """Find rare words and equal texts."""
    written = np.flatnonzero(whole.texts.is_valid().to_numpy())
    if not len(written):
        return {}
    texts = whole.texts.drop_null()
    keys, few = _counted(texts)
    rare, twins = np.full(len(whole), np.nan), np.full(len(whole), np.nan)
    rare[written] = np.concatenate([_share_of(few, part) for part in _parts(texts)])
    twins[written] = equal_counts(keys)
    return {"rare_words": rare, "text_duplicates": twins}


def _parts(texts: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield some texts at a time in lower case, as words and numbers with one space between.

    What has neither, such as an emoji, stays as it is. Scripts that write no space between words
    are read by the letter.
    """
    for start in range(0, len(texts), _ROWS):
        part = pc.utf8_lower(texts.slice(start, _ROWS).combine_chunks())
        part = pc.utf8_trim_whitespace(pc.utf8_normalize(part, form="NFKC"))
        plain = pc.replace_substring_regex(part, _NO_WORDS, " ")
        if pc.any(pc.match_substring_regex(plain, _UNSPACED)).as_py():
            plain = pc.replace_substring_regex(plain, _UNSPACED, r" \1 ")
        plain = pc.utf8_trim_whitespace(plain)
        yield pc.if_else(pc.equal(pc.binary_length(plain), 0), part, plain)


def _counted(texts: pa.ChunkedArray) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Key of each text, and of each word that few texts use."""
    keys: list[NDArray[np.uint64]] = []
    known, uses = np.empty(0, np.uint64), np.empty(0, np.int64)
    pending: list[NDArray[np.uint64]] = []
    for part in _parts(texts):
        keys.append(_keys(part.to_pylist()))
        row, code, words = _words(part)
        pairs = np.sort(row * max(len(words), 1) + code)
        first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
        pending.append(words[pairs[first] % max(len(words), 1)])
        if sum(map(len, pending)) > max(len(known), 1 << 20):  # so that it is merged rarely
            known, uses = _merged(known, uses, pending)
    known, uses = _merged(known, uses, pending)
    return np.concatenate(keys), known[uses <= max(1, len(texts) // _RARE)]


def _share_of(few: NDArray[np.uint64], part: pa.Array) -> NDArray[np.float64]:
    """(n,) share of the words of each text that are among the sorted `few`; NaN without words."""
    row, code, words = _words(part)
    place = np.minimum(np.searchsorted(few, words), max(len(few) - 1, 0))
    is_rare = few[place] == words if len(few) else np.zeros(len(words), dtype=np.bool_)
    total = np.bincount(row, minlength=len(part))
    share = np.full(len(part), np.nan)
    np.divide(np.bincount(row, is_rare[code], minlength=len(part)), total, share, where=total > 0)
    return share


def _words(part: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Text and code of each word that holds letters alone, and a key a code."""
    split = pc.split_pattern(part, " ")
    row = pc.list_parent_indices(split).to_numpy().astype(np.int64)
    encoded = pc.dictionary_encode(pc.list_flatten(split))
    code = encoded.indices.to_numpy().astype(np.int64)
    letters = pc.match_substring_regex(encoded.dictionary, _LETTERS)
    kept = letters.to_numpy(zero_copy_only=False)[code]
    return row[kept], code[kept], _keys(encoded.dictionary.to_pylist())


def _keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """(n,) 64 bits a text, which are compared within this process only."""
    return np.fromiter(map(hash, texts), np.int64, len(texts)).view(np.uint64)


def _merged(
    known: NDArray[np.uint64], uses: NDArray[np.int64], pending: list[NDArray[np.uint64]]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Add one use for each entry of `pending`, which is emptied."""
    values = np.concatenate([known, *pending])
    counts = np.concatenate([uses, np.ones(len(values) - len(known), np.int64)])
    pending.clear()
    order = np.argsort(values, kind="stable")
    values = values[order]
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    return values[first], np.add.reduceat(counts[order], first) if len(first) else counts
