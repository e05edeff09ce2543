"""Telling words: what a word is, which are called, and which part of a text is shown."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors import tokens
from aggressors.contracts import Settings
from aggressors.queries.telling import _start, excerpt, telling
from aggressors.stages import telling as stage
from aggressors.stages.protocol import Context
from aggressors.stages.tables import rows, table
from aggressors.store.read import open_run
from aggressors.words import times
from planted import planted_tables

COMMON = ("the", "a", "of", "and", "to", "in", "it", "is", "for", "on", "that", "with", "as", "at")
TOPICS = {
    "bank": ["loan", "rate", "branch", "card", "account"],
    "shop": ["cart", "parcel", "size", "store"],
}


def corpus(n=600, seed=0, planted=("refund", "never"), labels=("bank", "shop")):
    """Texts, labels and members: every third `bank` text is one, and most hold both words."""
    rng = np.random.default_rng(seed)
    label = np.array(labels)[np.arange(n) % 2]
    member = (label == labels[0]) & (np.arange(n) % 3 == 0)
    texts = []
    for place in range(n):
        words = list(rng.choice(COMMON, 12)) + list(rng.choice(TOPICS[str(label[place])], 4))
        words += [word for word in planted if rng.random() < (0.6 if member[place] else 0.03)]
        texts.append(" ".join(rng.permutation(words)).capitalize() + ".")
    return texts, label, member


def tables(texts, label, member, **changes):
    """Work tables of one population with one aggressor, as `discover` leaves them."""
    n = len(texts)
    ids = [f"s{k:05d}" for k in range(n)]
    inside = np.flatnonzero(member)
    made = {
        "samples": rows(
            "samples",
            [
                {
                    "row_id": k, "sample_id": ids[k], "population": "validation",
                    "fold": ("discover", "confirm")[k % 2], "label": label[k],
                    "prediction": label[k], "confidence": 0.9, "loss": 0.1, "weight": 1.0,
                }
                for k in range(n)
            ],
        ),
        "media": rows(
            "media",
            [
                {"row_id": k, "sample_id": ids[k], "kind": "text", "text": text}
                for k, text in enumerate(texts)
            ],
        ),
        "concepts": rows("concepts", [{"concept_id": 1, "name": "g", "level": 0}]),
        "aggressors": rows("aggressors", [{"concept_id": 1, "rank": 1, "name": "g"}]),
        "assignments": table(
            "assignments", concept_id=[1] * len(inside), row_id=inside,
            sample_id=[ids[k] for k in inside], score=[0.9] * len(inside),
        ),
    }  # fmt: skip
    return made | changes


def run(given, classes=("bank", "shop"), seed=0):
    return stage.telling(given, Context(Settings(seed=seed), classes))["words"].to_pylist()


# --- Words ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't panic, it's e-mail!", ["don't", "panic", "it's", "e", "mail"]),
        ("Error 404: B2B_login", ["error", "404", "b2b", "login"]),
        ("Straße ÉTÉ Ångström", ["straße", "été", "ångström"]),
        ("e\u0301te\u0301 l\u2019ami", ["e\u0301te\u0301", "l\u2019ami"]),
        ("पानी नहीं है", ["पानी", "नहीं", "है"]),  # vowel signs are part of a word
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("x" * 41 + " ok", ["ok"]),
        ("... --- !!! 😀", []),
        ("", []),
    ],
)
def test_words_of_a_text(text, words):
    assert tokens.words_of(text) == words


@pytest.mark.parametrize("text", ["我想要退款。", "返金してください", "ฉันต้องการเงินคืน", "ຂໍເງິນຄືນ"])
def test_scripts_without_spaces_give_no_words_and_are_known(text):
    assert tokens.words_of(text) == []
    assert tokens.is_unspaced(text)


def test_a_foreign_name_leaves_the_other_words():
    assert tokens.words_of("Fly to 東京 now") == ["fly", "to", "now"]
    assert not tokens.is_unspaced("Fly to 東京 now")
    assert not tokens.is_unspaced("환불을 원합니다")  # Korean has spaces
    assert not tokens.is_unspaced("1234")


# --- The stage ---


def test_planted_words_are_called_and_no_others():
    found = run(tables(*corpus()))
    assert {row["word"] for row in found} == {"refund", "never"}
    assert [row["rank"] for row in found] == [1, 2]
    texts, _, member = corpus()
    for row in found:
        held = np.array([row["word"] in tokens.words_of(text) for text in texts])
        assert row["n_inside"] == held[member].sum()
        assert row["of_inside"] == member.sum()
        assert row["z"] >= 2
        assert row["q_value"] <= 0.05


def test_words_of_the_class_do_not_pose_as_words_of_the_group():
    texts, label, member = corpus()
    within = run(tables(texts, label, member))
    assert {row["stratum"] for row in within} == {"label"}
    assert not {row["word"] for row in within} & set(TOPICS["bank"])
    # Where the class is the group, there are no others of it, and its words are what there is.
    whole = run(tables(texts, label, label == "bank"))
    assert {row["stratum"] for row in whole} == {"all"}
    assert set(TOPICS["bank"]) <= {row["word"] for row in whole}


def test_a_label_that_hardly_any_other_has_does_not_spoil_the_comparison():
    texts, label, member = corpus()
    label = label.astype(object)
    label[np.flatnonzero(member)[:4]] = "rare"
    found = run(tables(texts, label, member), classes=("bank", "rare", "shop"))
    assert {row["stratum"] for row in found} == {"label"}
    assert {row["word"] for row in found} == {"refund", "never"}


def test_without_labels_the_rest_is_anything_else():
    texts, label, member = corpus()
    given = tables(texts, label, member)
    bare = pa.nulls(len(texts), pa.string())
    given["samples"] = given["samples"].set_column(4, "label", bare)
    assert {row["stratum"] for row in run(given, classes=())} == {"all"}


def test_a_group_without_words_of_its_own_gets_none():
    texts, label, _ = corpus()
    drawn = np.random.default_rng(5).random(len(texts)) < 0.2
    assert run(tables(texts, label, drawn)) == []


def test_a_word_is_counted_once_a_text():
    texts, label, member = corpus(planted=())
    first = int(np.flatnonzero(member)[0])
    texts[first] = "refund " * 500
    assert run(tables(texts, label, member)) == []


def test_a_bounded_number_of_texts_is_read(monkeypatch):
    monkeypatch.setattr(stage, "MOST_TEXTS", 60)
    read = []
    monkeypatch.setattr(stage, "words_of", lambda text: read.append(text) or tokens.words_of(text))
    given = tables(*corpus(n=3_000))
    found = run(given)
    assert len(read) <= 120
    assert {row["of_inside"] for row in found} == {60}
    assert {"refund", "never"} <= {row["word"] for row in found}
    assert run(given) == found  # the same texts each time
    assert run(given, seed=1) != found


@pytest.mark.parametrize("texts", [None, [None] * 40, [""] * 40, ["我想要退款"] * 40])
def test_nothing_to_compare_gives_no_words(texts):
    label, member = np.array(["bank", "shop"] * 20), np.arange(40) < 15
    given = tables(texts or ["x"] * 40, label, member)
    if texts is None:
        del given["media"]
    assert run(given) == []


def test_too_few_texts_call_no_word():
    texts, label, member = corpus()
    few = np.zeros(len(texts), bool)
    few[np.flatnonzero(member)[:9]] = True
    assert run(tables(texts, label, few)) == []


def test_pictures_have_no_words():
    planted = planted_tables(n=300)
    given = dict(planted.tables) | {
        "concepts": rows("concepts", [{"concept_id": 1, "name": "g", "level": 0}]),
        "aggressors": rows("aggressors", [{"concept_id": 1, "rank": 1, "name": "g"}]),
        "assignments": rows("assignments", []),
    }
    names = {*stage.STAGE.inputs, *stage.STAGE.optional} & set(given)
    assert run({name: given[name] for name in names}, planted.classes) == []


# --- What is shown ---


def test_how_much_more_frequent_a_word_is():
    assert (times(12.4), times(1.64), times(None)) == ("12×", "1.6×", "only here")


def test_an_excerpt_holds_the_most_telling_words():
    text = "Nothing here. " * 40 + "I never got my refund, never. " + "And so on. " * 40
    shown = excerpt(text, {"refund": 4.0, "never": 3.0, "nothing": 0.1}, 120)
    assert "never got my refund" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) <= 124
    assert shown.split()[1] in ("Nothing", "here.")  # it begins at a word


def test_an_excerpt_begins_at_the_beginning_where_nothing_is_gained():
    text = "First words. " + "More of it. " * 50
    assert excerpt(text, {}, 60).startswith("First words.")
    assert excerpt(text, {"first": 2.0}, 60).startswith("First words.")
    assert excerpt("  short\n\ntext ", {"text": 2.0}, 60) == "short text"
    assert excerpt("", {"text": 2.0}, 60) == ""


def slow_start(text, weights, length):
    """Where the best part begins, each start weighed anew."""
    found = [(start, word) for start, _, word in tokens.places(text) if word in weights]
    sums = [
        sum(weights[one] for one in {w for at, w in found[place:] if at < start + length - 40})
        for place, (start, _) in enumerate(found)
    ]
    return found[int(np.argmax(sums))][0] if found else 0


@given(st.lists(st.sampled_from("abcdefghxyz"), max_size=200), st.integers(50, 120))
def test_the_part_that_is_shown_weighs_most(letters, length):
    text = " ".join(letter * 3 for letter in letters)
    weights = {"aaa": 4.0, "bbb": 2.0, "ccc": 1.0, "ddd": 0.5}
    chosen = slow_start(text, weights, length)
    start = _start(text, weights, length)
    assert start == 0 if chosen < length // 2 else 0 <= chosen - start <= 40


def test_the_time_of_an_excerpt_grows_with_the_text_alone():
    """A text of telling words is gone through once: the weight of each is asked twice."""

    class Counting(dict):
        asked = 0

        def __getitem__(self, word):
            Counting.asked += 1
            return super().__getitem__(word)

    words = [f"word{place % 24}" for place in range(2_500)]
    excerpt(" ".join(words), Counting(dict.fromkeys(words, 1.0)), 240)
    assert 0 < Counting.asked <= 2 * len(words)


def test_an_excerpt_of_one_endless_word_is_cut():
    assert len(excerpt("x" * 10_000, {"x": 1.0}, 100)) <= 104


def test_a_run_reads_back_its_words(tmp_path):
    from aggressors.store.workspace import Workspace
    from versions import analysed, publish_tables

    _, given = analysed()
    words = [
        {
            "concept_id": 1, "rank": rank, "word": word, "z": 5.0 - rank, "q_value": 0.001,
            "n_inside": 12, "of_inside": 24, "n_outside": n, "of_outside": 100, "stratum": "label",
        }
        for rank, (word, n) in enumerate((("refund", 5), ("never", 0)), start=1)
    ]  # fmt: skip
    place = Workspace.open(tmp_path / "w", create=True)
    publish_tables(place, given | {"words": rows("words", words)}, "v1", day=1)
    with open_run(place.resolve("v1")) as opened:
        found = telling(opened, 1)
        assert [(one.word, one.times) for one in found.words] == [("refund", 10.0), ("never", None)]
        assert found.within_label
        assert not found.has_text
        assert telling(opened, 2).words == ()


def test_words_that_cannot_be_are_left_out(tmp_path):
    """A run file may come from a stranger; a number of it must not stop a page."""
    from aggressors.store.workspace import Workspace
    from versions import analysed, publish_tables

    good = {
        "concept_id": 1, "rank": 1, "word": "refund", "z": 5.0, "q_value": 0.001, "n_inside": 12,
        "of_inside": 24, "n_outside": 5, "of_outside": 100, "stratum": "label",
    }  # fmt: skip
    wrong = [
        {"word": None}, {"word": ""}, {"word": "x" * 100_000}, {"z": None}, {"z": float("nan")},
        {"z": float("inf")}, {"z": -1.0}, {"n_inside": None}, {"n_inside": 25}, {"of_inside": 0},
        {"of_outside": 0}, {"n_outside": -1}, {"n_outside": 2**62}, {"of_outside": None},
    ]  # fmt: skip
    _, given = analysed()
    place = Workspace.open(tmp_path / "w", create=True)
    words = [good, *(good | part for part in wrong)]
    publish_tables(place, given | {"words": rows("words", words)}, "v1", day=1)
    with open_run(place.resolve("v1")) as opened:
        found = telling(opened, 1)
        assert [(one.word, one.times) for one in found.words] == [("refund", 10.0)]
        assert found.weights == {"refund": 5.0}
