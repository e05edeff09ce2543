"""Any filter through link -> text -> SQL -> rows finds what pandas finds, however odd the data.

The run holds what trips readers of other people's tables: NULL and NaN, quotes, backslashes,
percent signs, combining and right-to-left letters, emoji, empty texts, extreme numbers and dates.
The evaluation in pandas shares no code with the grammar or the compiler.
"""

from __future__ import annotations

import math
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aggressors.contracts import POPULATIONS, Condition, Group, Not
from aggressors.queries.grammar import SAVED, canonical, expand, format_filter, parse
from aggressors.store.kept_filters import finder, keep
from aggressors.store.workspace import Workspace
from aggressors_app import state
from queried import CLASSES, found_rows, queried

N = 300
TEXTS = [
    "", " ", "'", '"', "\\", '\\"', "'; DROP TABLE samples; --", "%", "_", "100% _of_", "a,b",
    "(a)", "é", "e\u0301", "ﬁ", "ß", "Straße", "ı", "שלום", "\u202eevil", "漢字", "👩\u200d👧",
    "🇩🇪", "\u200b", "\u00a0", "null", "NULL", "NaN", "none", "and", "true", "True", "7", "007",
    "1e3", "-0", "@dusk", "=1+1", "0001-01-01", "9999-12-31", "1969-12-31T23:59:60Z",
    "-271821-04-20", "+262142-12-31", "a\nb", "a\tb", "x" * 300, "&f=all", "#", "?", "+", "%27",
    "\ufeff", "\U0010ffff", "OP", "op",
]  # fmt: skip
NUMBERS = [
    0.0, -0.0, 1.0, -1.0, 0.1 + 0.2, 0.3, 1e308, -1e308, 5e-324, 2.0**53, 2.0**53 + 2, 1e17,
    253402300799.0, -62135596800.0, float("inf"), -float("inf"), float("nan"), None,
]  # fmt: skip


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A published run of odd values, and the same as a frame of pandas."""
    rng = np.random.default_rng(7)

    def drawn(values):
        return [values[at] for at in rng.integers(0, len(values), N)]

    found = queried(
        tmp_path_factory.mktemp("odd"),
        other={
            "hour": drawn(NUMBERS),
            "operator": [
                "op-1" if 90 <= at < 110 else one for at, one in enumerate(drawn([*TEXTS, None]))
            ],
            "note": drawn([*TEXTS, None]),
            "group_id": drawn([*TEXTS, None]),
            "sample_id": [f"{at:03d}{TEXTS[at % len(TEXTS)]}" for at in range(N)],
        },
    )
    yield found
    found.run.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Workspace.open(tmp_path_factory.mktemp("kept"), create=True)


# --- Filters ---

IDS = [f"{at:03d}{TEXTS[at % len(TEXTS)]}" for at in range(N)]
words = st.sampled_from(TEXTS) | st.text(max_size=4)
numbers = st.sampled_from([v for v in NUMBERS if v is not None and math.isfinite(v)]) | st.floats(
    allow_nan=False, allow_infinity=False
) | st.integers(-(10**17), 10**17)  # fmt: skip
OF_NUMBERS, OF_TEXTS = ("hour", "brightness", "loss"), ("note", "group_id", "sample_id")
conditions = st.one_of(
    st.builds(lambda f, op, v: Condition(f, op, (v,)), st.sampled_from(OF_NUMBERS),
              st.sampled_from(("=", "!=", "<", "<=", ">", ">=")), numbers),
    st.builds(lambda f, v: Condition(f, "in", tuple(v)), st.sampled_from(OF_NUMBERS),
              st.lists(numbers, min_size=1, max_size=60)),
    st.builds(lambda f, op, v: Condition(f, op, (v,)), st.sampled_from(OF_TEXTS),
              st.sampled_from(("=", "!=", "contains")), words),
    st.builds(lambda f, v: Condition(f, "in", tuple(v)), st.sampled_from(OF_TEXTS),
              st.lists(words, min_size=1, max_size=60)),
    st.builds(lambda v: Condition("sample_id", "in", tuple(v)),
              st.lists(st.sampled_from([*IDS, "no such"]), min_size=1, max_size=60)),
    st.builds(lambda op, v: Condition("operator", op, (v,)), st.sampled_from(("=", "!=")),
              st.sampled_from(TEXTS)),
    st.builds(lambda v: Condition("operator", "in", tuple(v)),
              st.lists(st.sampled_from(TEXTS), min_size=1, max_size=60)),
    st.builds(lambda v: Condition("operator", "contains", (v,)), words),
    st.builds(lambda f: Condition(f, "missing"),
              st.sampled_from((*OF_NUMBERS, *OF_TEXTS, "operator", "label", "correct"))),
    st.builds(lambda op, v: Condition("label", op, (v,)), st.sampled_from(("=", "!=")),
              st.sampled_from(CLASSES)),
    st.builds(lambda v: Condition("population", "in", tuple(v)),
              st.lists(st.sampled_from(POPULATIONS), min_size=1)),
)  # fmt: skip
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Group, st.sampled_from(("and", "or")), st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(filter=filters)
@example(filter=Condition("hour", ">", (1e308,)))
@example(filter=Not(Condition("hour", "<=", (1e308,))))
@example(filter=Condition("hour", "missing"))
@example(filter=Condition("hour", "in", (1, 2.5, *range(50))))
@example(filter=Condition("hour", "=", (-0.0,)))
@example(filter=Condition("note", "=", ("",)))
@example(filter=Condition("note", "contains", ("",)))
@example(filter=Condition("note", "contains", ("\u0301",)))
@example(filter=Condition("operator", "=", ("null",)))
@example(filter=Condition("sample_id", "in", tuple(IDS)))
@example(filter=Not(Condition("sample_id", "in", ("no such",))))
@example(filter=Group("and", ()))
@example(filter=Group("or", ()))
def test_a_link_finds_the_rows_that_pandas_finds(odd, filter):
    address = urlencode(state.View("v1", format_filter(filter)).params())
    assert address.isascii()
    meant = read_from(address)
    assert meant == canonical(filter)
    expected = odd.frame.loc[evaluate(filter, odd.frame), "row_id"].tolist()
    assert found_rows(odd.run, meant) == (expected, expected)


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(filter=filters)
@example(filter=Condition("sample_id", "in", tuple(IDS)))
def test_a_link_by_digest_means_the_same(odd, place, filter):
    text = format_filter(filter)
    view = state.View("v1", text, reference=SAVED + keep(place, text).slug)
    address = urlencode(view.params())
    assert len(address) < 40
    assert read_from(address, finder(place)) == canonical(filter)


def read_from(address, saved=None):
    """Read the filter of an address as a page does."""
    view = state.parse(dict(parse_qsl(address, keep_blank_values=True)))
    return parse(expand(view.filter, saved) if saved else view.filter)


# --- What it means, in pandas ---


def evaluate(filter, frame):
    """Boolean Series: samples for which a filter holds; a missing value holds for no claim."""
    if isinstance(filter, Not):
        return ~evaluate(filter.part, frame)
    if isinstance(filter, Group):
        found = pd.Series(filter.kind == "and", index=frame.index)
        for part in filter.parts:
            held = evaluate(part, frame)
            found = found & held if filter.kind == "and" else found | held
        return found
    column = _column(filter.field, frame)
    if filter.op == "missing":
        return column.isna()
    known, wanted = column.dropna(), filter.values
    if filter.op == "contains":
        held = known.map(lambda value: _folded(wanted[0]) in _folded(value))
    elif filter.op == "in":
        held = known.map(lambda value: any(value == one for one in wanted))
    else:
        compare = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[filter.op]
        held = known.map(lambda value: getattr(pd.Series([value]), compare)(wanted[0]).iloc[0])
    return held.astype(bool).reindex(frame.index, fill_value=False)


def _column(field, frame):
    if field == "correct":
        judged = frame["label"].notna() & frame["prediction"].notna()
        return (frame["label"] == frame["prediction"]).where(judged)
    return frame[field]


def _folded(text):
    """Lower case, letter by letter."""
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)


def test_the_run_holds_what_it_is_to_be_tested_with(odd):
    hour = odd.frame["hour"]
    assert hour.map(lambda value: value is not None and value != value).sum() > 5
    with odd.run.asking() as cursor:
        asked = "SELECT count(*) FILTER (isnan(hour)), count(*) - count(hour) FROM metadata"
        nans, missing = cursor.execute(asked).fetchone()
    assert (nans, missing) == (0, hour.isna().sum())
    for field in ("note", "operator", "group_id"):
        assert len(set(TEXTS) & set(odd.frame[field].dropna())) > 0.9 * len(TEXTS)
