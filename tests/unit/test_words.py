"""Words and numbers that terminal, report and dashboard share."""

from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import pytest

from aggressors import words
from aggressors.contracts import Action, DiscoveryFacts, Provenance
from aggressors.slicing.find import SLICERS
from aggressors.words import ACTION_NAMES, ADVICE, counted, duration, nothing_found, number, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0"), (0.2134, "0.213"), (-0.5, "-0.5"), (3e-7, "3e-07"),
        (999.7, "1,000"), (12_345.6, "12,346"), (2.5e9, "2.5e+09"),
    ],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_times_are_as_people_say_them():
    assert [duration(seconds) for seconds in (0.42, 12, 185, 7_800)] == [
        "0.4 s", "12 s", "3 min 05 s", "2 h 10 min",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("p_value", "times", "says"),
    [(0.001, 999, "below 0.002"), (0.002, 999, "0.002"), (0.0347, 999, "0.0347"), (1, 99, "1"),
     (0.01, 99, "below 0.02")],
)  # fmt: skip
def test_no_digits_that_reshuffling_cannot_tell(p_value, times, says):
    assert words.dealt_p_value(p_value, times) == says
    told = words.reshuffled_sentence(p_value, 500, 500, times)
    assert told.endswith(f"over all 500 samples: p {says}.")
    assert "over 100 of 2,000 samples" in words.reshuffled_sentence(p_value, 100, 2_000, times)


def test_every_action_has_a_name_and_an_advice():
    assert set(ACTION_NAMES) == set(ADVICE) == set(words.WINS) == set(get_args(Action))


def test_counts_and_shares():
    assert [counted(n, "sample") for n in (0, 1, 1_200)] == [
        "0 samples",
        "1 sample",
        "1,200 samples",
    ]
    assert [percent(0.375), percent(0.003, 1)] == ["38 %", "0.3 %"]


FACTS = DiscoveryFacts(
    1200, 0.05, 0, 0, n_discover=200, n_confirm=200, needed=200, searchable=True, varies=True
)


@pytest.mark.parametrize(
    ("facts", "title", "says"),
    [
        ({}, "No aggressor", "None of 1,200 groups tested is proven to do worse than the rest"),
        ({"tested": 0}, "No aggressor", "No group of samples is proven"),
        (
            {"n_discover": 30, "n_confirm": 20},
            "Too few samples to tell",
            "50 samples are too few to confirm anything; about 200 are needed.",
        ),
        (
            {"n_discover": 1, "n_confirm": 0, "searchable": False},
            "Too few samples to tell",
            "1 sample is too few",
        ),
        ({"searchable": False}, "Nothing to search in", "neither metadata nor embeddings"),
        ({"varies": False}, "Nothing to tell apart", "The wer of all 400 samples is the same"),
    ],
)
def test_a_run_without_findings_says_why(facts, title, says):
    found = nothing_found(replace(FACTS, **facts), "wer")
    assert found[0] == title
    assert says in found[1]


def test_members_without_a_value_are_told_apart():
    one = SimpleNamespace(n=232, n_known=180)
    assert words.without_value(one, "confidence_gap") == "52 have no confidence gap"
    assert words.without_value(SimpleNamespace(n=181, n_known=180), "iou") == "1 has no iou"
    assert words.without_value(SimpleNamespace(n=5, n_known=5), "iou") == ""
    assert words.failing_of([one]) == "Failing/known"
    assert words.failing_of([SimpleNamespace(n=5, n_known=5)]) == "Failing/all"


def test_every_search_has_words():
    assert {slicer.name for slicer in SLICERS} <= set(words.SEARCHES)


def test_how_a_group_was_found():
    told = words.how_found(Provenance("inside one label", "", 14, 776, 132, 0.68, True), 2e-24)
    assert told == (
        "Found by the search for regions inside one label; 14 of 776 tested proposals tell of it; "
        "7 of a member's 10 neighbours of its label are members; "
        "judged by 132 unseen members, q < 0.001."
    )
    assert words.how_found(Provenance("mine", "", 1, 9, 1), 0.0123) == (
        "Found by the search for mine; 1 of 9 tested proposals tells of it; "
        "judged by 1 unseen member, q = 0.0123."
    )
    assert words.how_found(Provenance(), 1.0) == ""  # a run that does not tell
