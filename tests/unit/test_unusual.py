"""How unusual a value is: by hand, on skewed and constant fields, and in a run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors.queries.unusual import unusual, yardsticks
from aggressors.stats.outliers import largest_score, rarity
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


def of_codes(codes, missing=0):
    """Categories of (n,) codes, by the text of each."""
    names, counts = np.unique(codes, return_counts=True)
    held = {str(name): int(n) for name, n in zip(names, counts, strict=True)}
    return Categories.of(held, len(codes), missing)


def test_a_category_is_unusual_where_few_have_it_or_a_rarer_one():
    countries = Categories.of({"here": 960, "near": 25, "far": 10, "farther": 5}, 1_000, 0)
    assert countries.judge("far").tail == pytest.approx(0.015)
    assert stands_out(countries.judge("far"))
    assert not stands_out(countries.judge("near"))
    assert countries.judge("nowhere").tail == pytest.approx(1 / 1_000)
    assert countries.judge("here").tail == 1


def test_categories_as_rare_count_together():
    sites = Categories.of({"a": 80, "b": 10, "c": 10}, 100, 0)
    assert (sites.judge("b").tail, sites.judge("c").tail) == (0.2, 0.2)


def test_in_a_field_where_every_value_is_rare_none_stands_out():
    assert not stands_out(of_codes(np.arange(500)).judge("7"))


def test_values_that_are_not_told_apart_are_as_rare_as_all_of_them_together():
    """60 of 100 samples have a value of their own, and only the two frequent ones are listed."""
    known = Categories.of({"common": 30, "often": 10}, 100, 0)
    assert known.judge("one of a kind").tail == 0.6
    assert not stands_out(known.judge("one of a kind"))
    assert known.judge("often").tail == 0.7
    assert known.judge("common").tail == 1
    assert not stands_out(Categories.of({}, 100, 0).judge("any"))


def test_a_missing_category_is_a_value_of_its_own():
    site = Categories.of({"north": 198}, 198, 2)
    assert site.judge(None).tail == pytest.approx(0.01)
    assert stands_out(site.judge(None))
    assert site.judge("north").tail == 1  # of those that have a value
    assert Categories.of({"north": 198}, 198, 0).judge(None) is None
    assert Categories.of({"a": 5}, 5, 0).judge("b") is None


@given(st.lists(st.integers(0, 6), min_size=20, max_size=120))
def test_a_card_and_the_field_outlier_score_judge_categories_alike(codes):
    codes = np.array(codes)
    score = largest_score(codes, np.full(len(codes), np.nan))
    tails = np.array([of_codes(codes).judge(str(code)).tail for code in codes])
    np.testing.assert_allclose(score, rarity(tails), atol=1e-12)


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


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A run of which one sample in three is compared, and the same run as a table."""
    data = queried(tmp_path_factory.mktemp("large"))
    everyone = sum(data.run.populations.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aggressors.queries.unusual.MOST_COMPARED", everyone // 3)
        return data, everyone, yardsticks(data.run)


def test_of_very_many_samples_some_numbers_are_compared(large):
    _, everyone, by = large
    numbers = [one for one in by.values() if isinstance(one, Numbers)]
    assert 0 < max(len(one.ordered) for one in numbers) <= everyone // 3


def test_categories_and_missing_values_are_counted_over_all_samples(large):
    data, everyone, by = large
    found = {name: one for name, one in by.items() if isinstance(one, Categories)}
    assert found
    for name, one in found.items():
        counts = data.frame[name].dropna().astype(str).value_counts()
        assert one.known == counts.sum()
        for value, n in counts.items():
            assert one.judge(value).tail == pytest.approx(counts[counts <= n].sum() / counts.sum())
    for name, one in by.items():
        assert one.missing == pytest.approx(data.frame[name].isna().sum() / everyone)


def test_only_the_most_frequent_values_are_told_apart(large, monkeypatch):
    data, _, by = large
    monkeypatch.setattr("aggressors.queries.unusual.MOST_COUNTED", 1)
    for name, one in yardsticks(data.run).items():
        if isinstance(one, Categories):
            counts = data.frame[name].dropna().astype(str).value_counts()
            assert set(one.as_rare) == {counts.index[0]}
            assert one.unlisted == counts.iloc[1:].sum()
            assert one.judge(counts.index[0]) == by[name].judge(counts.index[0])
