"""Which fields are set aside, why, and which say the same."""

from dataclasses import replace

import numpy as np
import pytest

from aggressors.contracts import Settings
from aggressors.stages.frame import Field, Frame
from aggressors.stages.screening import families, screen
from aggressors.stats.redundancy import likeness

N = 400
RNG = np.random.default_rng(4)


def number(name, values):
    return Field(name, "number", "", np.asarray(values, dtype=float), None, ())


def category(name, values, kind="category"):
    names = tuple(sorted({value for value in values if value is not None}))
    codes = np.array([-1 if value is None else names.index(value) for value in values])
    return Field(name, kind, "", None, codes.astype(np.int64), names)


def frame_of(fields, n):
    """A frame of analysed samples that has nothing but metadata."""
    half = np.arange(n) % 2 == 0
    nothing = np.full(n, -1)
    return Frame(
        np.array([f"s{row}" for row in range(n)], dtype=object), np.ones(n, dtype=np.int64),
        half, ~half, nothing, nothing, np.zeros(n), np.zeros(n), np.ones(n), None, (),
        tuple(fields), None, None, Settings(),
    )  # fmt: skip


def reasons(*fields):
    frame = frame_of(fields, N)
    return {one.field: one.reason for one in screen(frame)[1]}


def test_a_field_that_only_other_populations_have_is_said_to_have_no_value():
    values = np.where(np.arange(N) < N // 2, np.nan, RNG.random(N))
    site = [None if row < N // 2 else f"site {row % 3}" for row in range(N)]
    frame = frame_of([number("x", values), category("site", site)], N)
    frame.__dict__["analysed"] = np.arange(N) < N // 2
    usable, aside = screen(frame)
    assert [(one.field, one.reason) for one in aside] == [("x", "no value"), ("site", "no value")]
    assert {field.name for field in usable} >= {"x", "site"}  # populations may differ in them


@pytest.mark.parametrize(
    ("signal", "failing"),
    [
        (np.repeat([0.0, 1.0], N // 2), np.arange(N) >= N // 2),  # half is at the most there is
        (np.arange(N, dtype=float), np.arange(N) > 0.9 * (N - 1)),
        (np.where(np.arange(N) < 9, np.nan, 1.0), np.arange(N) >= 9),
    ],
)
def test_those_that_fail_exceed_nine_of_ten_or_reach_the_most_there_is(signal, failing):
    frame = replace(frame_of([], N), signal=signal)
    rest = ~np.isnan(signal)
    assert (frame.failing(rest) == failing).all()


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (number("row_number", np.arange(N)), "identifier"),
        (number("shuffled", RNG.permutation(N)), "identifier"),
        (number("user_id", RNG.choice(10_000_000, N, replace=False)), "identifier"),
        (number("timestamp", 1.7e9 + 1e6 * RNG.random(N)), "identifier"),
        (number("created_ms", 1.7e12 + 1e9 * RNG.random(N)), "identifier"),
        (category("file", [f"{k:04d}.jpg" for k in range(N)], "identifier"), "identifier"),
        (category("hash", [f"{k * 7919:08x}" for k in range(N)]), "identifier"),
        (category("note", ["some words here"] * N, "text"), "text"),
        (category("city", [f"city {k % 120}" for k in range(N)]), "many values"),
        (number("constant", np.ones(N)), "one value"),
        (category("rig", ["a"] * N), "one value"),
        (number("empty", np.full(N, np.nan)), "no value"),
        (category("blank", [None] * N), "no value"),
    ],
)
def test_fields_that_tell_nothing_are_set_aside(field, reason):
    assert reasons(field) == {field.name: reason}


@pytest.mark.parametrize(
    "field",
    [
        number("size_bytes", RNG.choice(5_000_000, N, replace=False)),
        number("response_time", RNG.gamma(2, 40, N)),
        number("brightness", RNG.random(N)),
        number("hour", np.arange(N) % 24),
        number("width", np.arange(N) % 90),
        category("site", [f"site {k % 100}" for k in range(N)]),
        category("flag", [None, "true", "false", "true"] * (N // 4)),
    ],
)
def test_measurements_are_kept(field):
    assert reasons(field) == {}


def test_the_users_own_field_stands_for_the_built_in_one_that_says_the_same():
    light = RNG.random(N)
    fields = [
        number("brightness", light),
        number("mean_intensity", 255 * light + RNG.normal(0, 1, N)),
        number("contrast", RNG.random(N)),
    ]
    frame = frame_of(fields, N)
    source = {"brightness": "built-in", "contrast": "built-in", "mean_intensity": "table"}
    found = families(frame, fields, source, np.arange(N))
    assert [(one.field, one.shown_by) for one in found] == [("brightness", "mean_intensity")]
    assert found[0].likeness > 0.95


def test_likeness_of_numbers_and_categories():
    x = RNG.normal(size=N)
    gaps = np.where(RNG.random(N) < 0.4, np.nan, x)
    site = RNG.integers(0, 6, N)
    alike = likeness(
        [x, -x, gaps, RNG.normal(size=N), np.full(N, np.nan), None, None, None],
        [None, None, None, None, None, site, 5 - site, site // 3],
    )
    assert alike[0, 1] == pytest.approx(1)
    assert alike[0, 2] > 0.99
    assert alike[0, 3] < 0.2
    assert alike[4, :4].max() == 0
    assert alike[5, 6] == pytest.approx(1)
    assert alike[5, 7] < 0.5  # a country is not its sites
    assert np.allclose(alike, alike.T)
