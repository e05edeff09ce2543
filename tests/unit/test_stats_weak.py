"""Cuts, cells, trees and pairs as pure functions, against values of hand and scipy."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from aggressors.stats.cells import Cells
from aggressors.stats.cuts import part_of, short_cuts
from aggressors.stats.error_tree import Coded, Question, grow
from aggressors.stats.pairs import worst_pairs


def test_cuts_lie_at_short_numbers_near_the_quantiles():
    values = np.sort(np.random.default_rng(0).random(10_000))
    cuts = short_cuts(values, 4)
    assert cuts.tolist() == [0.2, 0.5, 0.8]
    assert np.bincount(part_of(values, cuts)).min() > 1_500


@pytest.mark.parametrize(
    ("values", "parts", "cuts"),
    [
        ([1.0, 1.0, 1.0], 4, []),
        ([0.0, 0.0, 1.0], 4, [1.0]),  # each distinct value is a part
        ([0.0] * 98 + [1.0, 2.0, 3.0, 4.0, 5.0], 4, []),  # all quantiles are equal
        ([], 4, []),
    ],
)
def test_few_and_equal_values_make_few_parts(values, parts, cuts):
    assert short_cuts(np.array(values), parts).tolist() == cuts


def test_a_value_that_is_a_cut_starts_its_part():
    code = part_of(np.array([-1.0, 0.0, 0.5, 1.0, np.nan]), np.array([0.0, 1.0]))
    assert code.tolist() == [0, 1, 1, 2, -1]


def test_cells_have_weighted_means_and_student_intervals():
    rng = np.random.default_rng(1)
    value, code = rng.normal(3, 1, 60), np.repeat([0, 1], 30)
    fails = np.where(np.arange(60) % 3 == 0, 1.0, 0.0)
    cells = Cells.of(code, 3, value, np.ones(60), fails, centre=2.5)
    mean, low, high = cells.means(0.9)
    expected = scipy_stats.t.interval(0.9, 29, value[:30].mean(), scipy_stats.sem(value[:30]))
    assert (low[0], high[0]) == pytest.approx(expected)
    assert np.isnan(mean[2])
    assert cells.rates()[:2] == pytest.approx([1 / 3, 1 / 3])
    assert cells.shares(20.0)[:2] == pytest.approx([0.5, 0.5])
    both = cells.joined(np.array([0, 0, 0]), 1)
    assert both.means(0.9)[0] == pytest.approx(value.mean())


def test_weights_count_as_samples_do():
    value = np.array([1.0, 5.0])
    cells = Cells.of(np.zeros(2, int), 1, value, np.array([3.0, 1.0]), np.array([0.0, 1.0]))
    assert cells.means(0.95)[0][0] == pytest.approx(2.0)
    assert cells.rates()[0] == pytest.approx(0.25)


def test_the_first_question_has_the_largest_chi_squared():
    rng = np.random.default_rng(3)
    n = 2_000
    strong, faint = rng.integers(0, 4, n), rng.integers(0, 4, n)
    fails = rng.random(n) < 0.1 + 0.4 * (strong >= 3) + 0.1 * (faint == 0)
    fields = [Coded(faint, 4, True), Coded(strong, 4, True)]
    nodes = grow(fields, fails, np.ones(n), depth=1, fewest=10)
    assert nodes[1].question == Question(1, (0, 1, 2))
    tables = [
        scipy_stats.chi2_contingency(
            [[(side & fails).sum(), (side & ~fails).sum()] for side in (met, ~met)],
            correction=False,
        ).statistic
        for field in (faint, strong)
        for cut in (1, 2, 3)
        for met in [field < cut]
    ]  # fmt: skip
    assert int(np.argmax(tables)) == 5


def test_the_worst_set_of_categories_is_one_question():
    code = np.repeat(np.arange(6), 100)
    fails = np.isin(code, [1, 4]) & (np.arange(600) % 4 > 0)
    nodes = grow([Coded(code, 6, False)], fails, np.ones(600), depth=3, fewest=20)
    assert [node.question for node in nodes] == [None, Question(0, (1, 4)), Question(0, (1, 4))]


def test_no_value_is_a_question_of_its_own():
    code = np.where(np.arange(400) % 4 == 0, 3, np.arange(400) % 3)
    nodes = grow([Coded(code, 3, True)], code == 3, np.ones(400), depth=2, fewest=10)
    assert nodes[1].question == Question(0, (3,))
    assert len(nodes) == 3


def test_sides_are_never_smaller_than_asked():
    code = np.array([0] * 15 + [1] * 985)
    fails = code == 0
    assert len(grow([Coded(code, 2, True)], fails, np.ones(1_000), depth=3, fewest=16)) == 1
    assert len(grow([Coded(code, 2, True)], fails, np.ones(1_000), depth=3, fewest=15)) == 3


@pytest.mark.parametrize(
    "weight", [np.ones(4_000), np.random.default_rng(0).choice([0.5, 2], 4_000)]
)
def test_a_pair_must_be_worse_than_both_of_its_parts(weight):
    rng = np.random.default_rng(4)
    one, other, noise = (rng.integers(0, 4, 4_000) for _ in range(3))
    value = rng.normal(0, 0.3, 4_000) + 1.0 * ((one == 2) & (other == 1)) + 2.0 * (noise == 3)
    fields = [Coded(field, 4, True) for field in (one, other, noise)]
    found = worst_pairs(fields, value, weight, fewest=20, limit=5)
    assert found.looked_at == 48
    for pair in found.found:  # noise = 3 is worst by itself, and worse only with what is worse too
        apart = dict(zip(pair.fields, pair.parts, strict=True))
        assert apart.get(2, 3) == 3
        assert apart.get(0) == 2 or apart.get(1) == 1
    assert any(pair.fields == (0, 1) and pair.parts == (2, 1) for pair in found.found)


def test_bounds_of_a_pair_are_those_of_welch():
    rng = np.random.default_rng(5)
    one, other = rng.integers(0, 2, 2_000), rng.integers(0, 2, 2_000)
    value = rng.normal(0, 1, 2_000) + 2.0 * ((one == 1) & (other == 1))
    found = worst_pairs(
        [Coded(one, 2, True), Coded(other, 2, True)], value, np.ones(2_000), fewest=20, limit=3
    )
    inside = (one == 1) & (other == 1)
    ours, rest = value[inside], value[~inside]
    z = scipy_stats.norm.ppf(1 - 0.05 / 4)
    error = np.sqrt(ours.var(ddof=1) / len(ours) + rest.var(ddof=1) / len(rest))
    assert found.looked_at == 4
    assert found.found[0].excess == pytest.approx(ours.mean() - rest.mean() - z * error)


def test_two_cells_of_the_same_samples_stand_once():
    rng = np.random.default_rng(6)
    one, other = rng.integers(0, 3, 3_000), rng.integers(0, 3, 3_000)
    value = rng.normal(0, 0.2, 3_000) + ((one == 0) & (other == 0))
    fields = [Coded(one, 3, True), Coded(one.copy(), 3, True), Coded(other, 3, True)]
    found = worst_pairs(fields, value, np.ones(3_000), fewest=20, limit=5)
    assert len(found.found) == 1
