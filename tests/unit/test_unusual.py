"""How unusual a value is: by hand, on skewed and constant fields, and in a run."""

import numpy as np
import pytest

from aggressors.queries.unusual import unusual, yardsticks
from aggressors.stats.unusual import Categories, Numbers, stands_out
from aggressors.words import how_unusual
from queried import queried


def test_a_number_is_placed_by_its_tail_and_robust_distance():
    ages = Numbers.of(np.arange(1.0, 102))  # 1 … 101: median 51, MAD 25
    high = ages.judge(101)
    assert (high.side, high.tail) == ("high", pytest.approx(1 / 101))
    assert high.z == pytest.approx(50 / (1.4826 * 25))
    assert ages.judge(2).tail == pytest.approx(2 / 101)
    assert ages.judge(2).side == "low"
    assert not stands_out(high)  # the last of a flat field is no outlier
    assert ages.judge(500).tail == pytest.approx(1 / 101)  # beyond all: as if it were the last
    assert stands_out(ages.judge(500))


def test_where_most_values_are_equal_the_mean_deviation_stands_in():
    gains = Numbers.of(np.concatenate([np.zeros(980), np.full(20, 5_000.0)]))
    assert gains.scale == pytest.approx(1.2533 * 100)
    assert stands_out(gains.judge(5_000))
    assert gains.judge(5_000).tail == pytest.approx(0.02)
    assert not stands_out(gains.judge(0))


def test_constant_short_and_missing_numbers():
    assert Numbers.of(np.full(50, 3.0)).judge(3.0) is None
    assert Numbers.of(np.arange(5.0)).judge(99.0) is None
    assert Numbers.of(np.full(50, np.nan)).judge(1.0) is None
    some = Numbers.of(np.concatenate([[np.nan], np.arange(99.0)]))
    assert some.judge(np.nan).tail == pytest.approx(0.01)
    assert stands_out(some.judge(np.nan))
    assert Numbers.of(np.arange(99.0)).judge(np.nan) is None
    with_infinity = Numbers.of(np.concatenate([[np.inf], np.arange(99.0)]))
    assert with_infinity.judge(np.inf).side == "high"


def test_a_category_is_unusual_where_few_have_it_or_a_rarer_one():
    codes = np.array([0] * 960 + [1] * 25 + [2] * 10 + [3] * 5)
    countries = Categories.of(codes, ("here", "near", "far", "farther"))
    assert countries.judge("far").tail == pytest.approx(0.015)
    assert stands_out(countries.judge("far"))
    assert not stands_out(countries.judge("near"))
    assert countries.judge("nowhere").tail == pytest.approx(1 / 1_000)
    assert countries.judge("here").tail == 1


def test_in_a_field_where_every_value_is_rare_none_stands_out():
    names = tuple(f"n{k}" for k in range(500))
    assert not stands_out(Categories.of(np.arange(500), names).judge("n7"))


def test_a_missing_category_is_a_value_of_its_own():
    site = Categories.of(np.array([-1] * 2 + [0] * 198), ("north",))
    assert stands_out(site.judge(None))
    assert Categories.of(np.array([0] * 5), ("a",)).judge("b") is None


@pytest.mark.parametrize(
    ("side", "tail", "says"),
    [
        ("high", 0.0123, "top 1 %"),
        ("low", 0.0016, "lowest 0.2 %"),
        ("rare", 0.02, "rare, 2 %"),
        ("high", 1e-9, "top 0.01 %"),
    ],
)
def test_it_is_said_in_a_few_words(side, tail, says):
    assert how_unusual(side, tail) == says


def test_the_samples_of_a_run_are_judged_field_by_field(tmp_path):
    data = queried(tmp_path)
    by = yardsticks(data.run)
    kinds = {name: info.kind for name, info in data.run.fields.items()}
    assert set(by) == {name for name, kind in kinds.items() if kind in ("number", "category")}
    frame = data.frame
    rows = [3, 0, 17]
    found = unusual(data.run, rows, by)
    assert len(found) == 3
    number = next(name for name in by if kinds[name] == "number")
    known = frame[number].dropna().to_numpy()
    for judged in found:
        one = next((one for one in judged if one.field == number), None)
        if one is not None and one.value is not None:
            beyond = (known >= one.value) if one.found.side == "high" else (known <= one.value)
            assert one.found.tail == pytest.approx(beyond.mean())
        marks = [one.marked for one in judged]
        assert marks == sorted(marks, reverse=True)
    assert unusual(data.run, [], by) == []


def test_of_very_many_samples_some_are_compared(tmp_path, monkeypatch):
    data = queried(tmp_path)
    everyone = sum(data.run.populations.values())
    monkeypatch.setattr("aggressors.queries.unusual.MOST_COMPARED", everyone // 3)
    by = yardsticks(data.run)
    numbers = [one for one in by.values() if isinstance(one, Numbers)]
    assert 0 < max(len(one.ordered) for one in numbers) <= everyone // 3
