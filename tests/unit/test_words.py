"""Words and numbers that terminal, report and dashboard share."""

from typing import get_args

import pytest

from aggressors import words
from aggressors.contracts import Action, Provenance
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


def test_every_action_has_a_name_and_an_advice():
    assert set(ACTION_NAMES) == set(ADVICE) == set(get_args(Action))


def test_counts_and_shares():
    assert [counted(n, "sample") for n in (0, 1, 1_200)] == [
        "0 samples",
        "1 sample",
        "1,200 samples",
    ]
    assert [percent(0.375), percent(0.003, 1)] == ["38 %", "0.3 %"]


@pytest.mark.parametrize(
    ("n", "searchable", "says"),
    [
        (50, True, "50 samples are too few to confirm anything; about 200 are needed."),
        (1, False, "1 sample is too few"),
        (400, False, "neither metadata nor an embedding"),
        (400, True, "No group of samples is proven to do worse than the rest."),
    ],
)
def test_a_run_without_findings_says_why(n, searchable, says):
    assert says in nothing_found(n, 200, searchable=searchable)


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
