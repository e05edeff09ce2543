"""Words and numbers that terminal, report and dashboard share."""

from typing import get_args

import pytest

from aggressors.contracts import Action
from aggressors.words import ACTION_NAMES, ADVICE, duration, number


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
