"""Built-in metadata of texts: each measure by hand, and those over the run against plain Python."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors.stages import describe_text
from aggressors.stages.measure import Whole


def measured(text):
    return {name: value[0] for name, value in describe_text.measure([text]).values.items()}


def compared(texts):
    column = pa.chunked_array([pa.array(texts, pa.string())])
    bare = np.array([text is None for text in texts], dtype=bool)
    return describe_text.compare(Whole(column, {}, (), bare))


# --- Alone ---


def test_shares_and_counts_by_hand():
    values = measured("The cat, the CAT 42")
    assert values["characters"] == 19
    assert values["words"] == 5
    assert values["word_length"] == pytest.approx(15 / 5)
    assert values["uppercase"] == pytest.approx(4 / 12)
    assert values["digits"] == pytest.approx(2 / 19)
    assert values["punctuation"] == pytest.approx(1 / 19)
    assert values["repetition"] == pytest.approx(1 / 5)
    assert values["script"] == "latin"


@pytest.mark.parametrize(
    ("text", "sentences", "questions"),
    [
        ("", 0, 0),
        ("   ", 0, 0),
        ("no end", 1, 0),
        ("One. Two! Three?", 3, 1),
        ("It costs 3.50 in all.", 1, 0),
        ("Wait... what?! Really??", 3, 2),
        ('"Yes." he said.', 2, 0),
        ("今天好。明天呢？", 2, 1),
        ("كيف حالك؟ جيد.", 2, 1),
        ("🙂🙂 ...", 0, 0),
    ],
)
def test_sentences_and_questions(text, sentences, questions):
    values = measured(text)
    assert (values["sentences"], values["questions"]) == (sentences, questions)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It was good.", 0),
        ("It was NOT good, and I can't say why.", 2),
        ("I don’t, won't and cannot", 3),
        ("Nothing without a note, another knot", 2),  # neither `note` nor `knot`
        ("Es war nicht gut", 0),  # English only
        ("", 0),
    ],
)
def test_negations(text, count):
    assert measured(text)["negations"] == count


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Straße, naïve", "latin"),
        ("Привет", "cyrillic"),
        ("Καλημέρα κόσμε", "greek"),
        ("مرحبا", "arabic"),
        ("שלום", "hebrew"),
        ("今天天气很好", "han"),
        ("今日は天気がいい", "japanese"),
        ("カタカナ", "japanese"),
        ("안녕하세요", "hangul"),
        ("नमस्ते", "devanagari"),
        ("สวัสดี", "thai"),
        ("ｆｕｌｌ", "latin"),
        ("price Привет", "mixed"),
        ("a paypal with one а", "latin"),  # one Cyrillic letter among many
        ("42 🙂 µ !", None),
        ("", None),
    ],
)
def test_script(text, script):
    assert measured(text)["script"] == script


def test_odd_texts_have_finite_counts_and_missing_shares():
    for text in ("", " \n\t", "🙂", "\x00", "e\u0301\u200d", "𝔘𝔫𝔦", "\ud7ff" * 3, "a" * 100_000):
        values = measured(text)
        counts = ("characters", "words", "sentences", "questions", "negations")
        assert all(np.isfinite(values[name]) for name in counts)
    assert np.isnan(measured("")["digits"])
    assert np.isnan(measured("🙂")["uppercase"])
    assert describe_text.measure([]).values["script"].shape == (0,)


# --- Over the run ---


def rare_by_hand(texts):
    """The definition, word by word, for texts in scripts with spaces."""
    words = [re.findall(r"[^\W\d_]+", text.lower()) for text in texts]
    uses = Counter(word for each in words for word in set(each))
    few = max(1, len(texts) // 1_000)
    return [
        sum(uses[word] <= few for word in each) / len(each) if each else np.nan for each in words
    ]


def test_rare_words_equal_their_definition_over_several_batches(monkeypatch):
    rng = np.random.default_rng(0)
    vocabulary = ["".join(rng.choice(list("abcdefgh"), 6)) for _ in range(4_000)]
    odds = 1 / np.arange(1, 4_001)
    texts = [
        ", ".join(rng.choice(vocabulary, rng.integers(0, 12), p=odds / odds.sum()))
        for _ in range(3_500)
    ]
    monkeypatch.setattr(describe_text, "_ROWS", 512)
    found = compared(texts)["rare_words"]
    np.testing.assert_allclose(found, rare_by_hand(texts))
    assert 0.05 < np.nanmean(found) < 0.6
    order = rng.permutation(len(texts))
    np.testing.assert_array_equal(
        compared([texts[row] for row in order])["rare_words"], found[order]
    )


@given(st.lists(st.text("ab .,", max_size=12), min_size=1, max_size=8))
def test_rare_words_of_any_few_texts(texts):
    np.testing.assert_allclose(compared(texts)["rare_words"], rare_by_hand(texts))


def test_words_without_spaces_count_by_the_letter():
    texts = ["今天好", "今天坏", "word", "word 7 words"]
    np.testing.assert_allclose(compared(texts)["rare_words"], [1 / 3, 1 / 3, 0, 1 / 2])


def test_texts_are_duplicates_by_their_words_alone():
    texts = [
        *("Out of stock!", "out  of STOCK", "out-of-stock.", "out of stock 2"),
        *("🙂", "🙂 ", "🙃", "", "", None, "ﬁne", "fine"),
    ]
    found = compared(texts)["text_duplicates"]
    np.testing.assert_array_equal(found, [2, 2, 2, 0, 1, 1, 0, 1, 1, np.nan, 1, 1])


def test_a_run_without_texts_has_no_measure_of_them():
    assert compared([None, None]) == {}
