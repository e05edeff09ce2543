"""A filter survives its text form, and its SQL finds the rows that a plain reading finds."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aggressors.contracts import POPULATIONS, Condition, Group, Not
from aggressors.errors import FilterError
from aggressors.queries.grammar import canonical, format_filter, parse
from queried import CLASSES, ODD, OPERATORS, found_rows, queried

# --- Text form ---

numbers = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
scalars = numbers | st.booleans() | st.text(max_size=12)
names = st.text(max_size=12)
any_condition = (
    st.builds(Condition, names, st.sampled_from(("=", "!=", "<", "<=", ">", ">=", "contains")),
              st.tuples(scalars))
    | st.builds(Condition, names, st.just("in"),
                st.lists(scalars, min_size=1, max_size=4).map(tuple))
    | st.builds(Condition, names, st.just("missing"))
)  # fmt: skip


def trees(leaf):
    return st.recursive(
        leaf,
        lambda inner: (
            st.builds(Not, inner)
            | st.builds(
                Group, st.sampled_from(("and", "or")), st.lists(inner, max_size=3).map(tuple)
            )
        ),
        max_leaves=8,
    )


@settings(deadline=None)
@given(trees(any_condition))
@example(Condition("x", "=", (-(10**17),)))
@example(Condition(" x", "missing"))
def test_text_form_keeps_the_filter(filter):
    filter = canonical(filter)
    try:
        text = format_filter(filter)
        again = parse(text)
    except FilterError as error:
        assert "nested" in str(error)  # noqa: PT017
        return
    assert again == filter
    assert [type(v) for v in _values(again)] == [type(v) for v in _values(filter)]
    assert format_filter(again) == text


def _values(filter):
    if isinstance(filter, Condition):
        return list(filter.values)
    parts = [filter.part] if isinstance(filter, Not) else filter.parts
    return [value for part in parts for value in _values(part)]


@settings(deadline=None)
@given(st.text(alphabet='x1 ()"\\=<>!,.-\nandorticsmg', max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        filter = parse(text)
    except FilterError:
        return
    assert parse(format_filter(filter)) == canonical(filter)


# --- Rows ---


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


NUMBERS = ("brightness", "hour", "loss", "weight", "map_x", ODD)
CATEGORIES = {
    "population": POPULATIONS, "label": CLASSES, "prediction": CLASSES, "operator": OPERATORS,
    "correct": ("yes", "no"), "fold": ("discover", "confirm"),
}  # fmt: skip
TEXTS = ("sample_id", "note", "group_id")
compare = st.sampled_from(("=", "!=", "<", "<=", ">", ">="))
# Values that occur, and values that do not.
value = st.sampled_from((0, 0.3, 0.5, 1, 2, 12, -1)) | st.floats(-2, 2)
word = st.sampled_from(("train-0003", "g1", "Note 100% _of_ 3", "%", "_", "note", "0", ""))
conditions = (
    st.builds(lambda f, op, v: Condition(f, op, (v,)), st.sampled_from(NUMBERS), compare, value)
    | st.builds(Condition, st.sampled_from(NUMBERS), st.just("in"),
                st.lists(value, min_size=1, max_size=3).map(tuple))
    | st.sampled_from(tuple(CATEGORIES)).flatmap(
        lambda f: st.builds(lambda op, v: Condition(f, op, (v,)), st.sampled_from(("=", "!=")),
                            st.sampled_from(CATEGORIES[f]))
        | st.builds(lambda v: Condition(f, "in", tuple(v)),
                    st.lists(st.sampled_from(CATEGORIES[f]), min_size=1, max_size=3)))
    | st.builds(lambda f, op, v: Condition(f, op, (v,)), st.sampled_from(TEXTS),
                st.sampled_from(("=", "!=", "contains")), word)
    | st.builds(lambda f, v: Condition(f, "contains", (v,)), st.sampled_from(tuple(CATEGORIES)),
                st.sampled_from(("o", "OP", "a", "z")))
    | st.builds(Condition, st.sampled_from((*NUMBERS, *CATEGORIES, *TEXTS, "loss_quantile", "map",
                                            "aggressor", "concept")), st.just("missing"))
    | st.builds(lambda op, v: Condition("concept", op, (v,)), compare, st.integers(0, 6))
    | st.builds(lambda op, v: Condition("aggressor", op, (v,)),
                st.sampled_from(("<", "<=", ">", ">=")), st.integers(0, 6))
    | st.builds(lambda op, v: Condition("aggressor", op, (v,)), st.sampled_from(("=", "!=")),
                st.sampled_from((1, 2, 3)))  # a rank that there is not is refused
    | st.builds(lambda v: Condition("concept", "in", tuple(v)),
                st.lists(st.integers(0, 6), min_size=1, max_size=3))
    | st.builds(lambda op, v: Condition("loss_quantile", op, (v,)),
                st.sampled_from(("<", "<=", ">", ">=")),
                st.integers(0, 120).map(lambda k: k / 120) | st.floats(0, 1))
    | st.builds(lambda v: Condition("map", "in", tuple(v)),
                st.lists(st.floats(-6, 6).map(lambda x: round(x, 1)), min_size=6, max_size=16)
                .filter(lambda v: len(v) % 2 == 0))
)  # fmt: skip
RANKS = {1: 1, 2: 5, 3: 2}  # rank -> concept of the run in `queried`


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(filter=trees(conditions))
@example(filter=Condition("loss_quantile", "<=", (0.9999999999999999,)))
@example(filter=Condition("loss_quantile", ">", (0.9999999999999999,)))
@example(filter=Condition("map", "in", (-1e30, -1e30, 1e30, -1e30, 0.0, 1e30)))
@example(filter=Not(Condition("map", "in", (0.0, -1e-30, 6.0, 1e-30, -6.0, 1.0))))
def test_sql_finds_the_rows_of_a_plain_reading(data, filter):
    expected = np.flatnonzero(holds(filter, data)).tolist()
    assert found_rows(data.run, filter) == (expected, expected)


def holds(filter, data):
    """(n,) bool: the meaning of a filter, written down without SQL."""
    n = len(data.frame)
    if isinstance(filter, Not):
        return ~holds(filter.part, data)
    if isinstance(filter, Group):
        masks = [holds(part, data) for part in filter.parts]
        if filter.kind == "and":
            return np.all([np.ones(n, bool), *masks], axis=0)
        return np.any([np.zeros(n, bool), *masks], axis=0)
    if filter.field in ("aggressor", "concept"):
        return grouped(filter, data)
    if filter.field == "map" and filter.op == "in":
        return in_polygon(data.frame["map_x"], data.frame["map_y"], filter.values)
    column = column_of(filter.field, data.frame)
    known = column.notna().to_numpy()
    if filter.op == "missing":
        return ~known
    return known & np.array([one(filter, entry) if ok else False
                             for entry, ok in zip(column, known, strict=True)])  # fmt: skip


def column_of(field, frame):
    if field == "correct":
        judged = frame["label"].notna() & frame["prediction"].notna()
        return (frame["label"] == frame["prediction"]).map({True: "yes", False: "no"}).where(judged)
    if field == "loss_quantile":
        return frame.groupby("population")["loss"].rank(method="max", pct=True)
    return frame["map_x" if field == "map" else field]


def one(filter, entry):
    wanted = filter.values[0]
    return {
        "=": lambda: entry == wanted,
        "!=": lambda: entry != wanted,
        "<": lambda: entry < wanted,
        "<=": lambda: entry <= wanted,
        ">": lambda: entry > wanted,
        ">=": lambda: entry >= wanted,
        "in": lambda: entry in filter.values,
        "contains": lambda: wanted.lower() in entry.lower(),
    }[filter.op]()


def grouped(filter, data):
    n = len(data.frame)
    keys = RANKS if filter.field == "aggressor" else {concept: concept for concept in data.members}
    negated = filter.op in ("!=", "missing")
    if filter.op == "missing":
        chosen = list(keys)
    else:
        test = Condition(filter.field, "=" if negated else filter.op, filter.values)
        chosen = [key for key in keys if one(test, key)]
    inside = np.zeros(n, bool)
    for key in chosen:
        inside[data.members[keys[key]]] = True
    return ~inside if negated else inside


def in_polygon(xs, ys, flat):
    """Even-odd rule, point by point, as in a textbook."""
    corners = list(zip(flat[::2], flat[1::2], strict=True))
    found = []
    for x, y in zip(xs, ys, strict=True):
        inside = False
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                inside = not inside
        found.append(inside)
    return np.array(found)


def test_a_quantile_includes_or_excludes_the_sample_at_it(data):
    at = column_of("loss_quantile", data.frame)
    for share in sorted(set(at.dropna()))[::7]:
        for op in ("<", "<=", ">", ">="):
            filter = Condition("loss_quantile", op, (share,))
            expected = np.flatnonzero(holds(filter, data)).tolist()
            assert found_rows(data.run, filter) == (expected, expected), filter


def test_the_oracle_itself_knows_missing_values(data):
    missing = Condition("brightness", "missing")
    assert holds(missing, data).sum() == data.frame["brightness"].isna().sum() > 0
    dark = Condition("brightness", "<", (0.3,))
    assert (holds(dark, data) | holds(Not(dark), data)).all()
    assert not math.isnan(data.frame["loss"].dropna().iloc[0])
    assert isinstance(data.frame, pd.DataFrame)
