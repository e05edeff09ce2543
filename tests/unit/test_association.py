"""Association: values against scipy, coverage of the intervals, strata, degenerate input."""

import numpy as np
import pytest
from scipy import stats

from aggressors.stats.association import (
    coded,
    correlation_ratio,
    cramers_v,
    rank_biserial,
    ranked,
    spearman,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("decimals", [6, 1, 0])
def test_rank_biserial_equals_scipy(rng, decimals):
    values = np.round(rng.normal(size=400), decimals)
    member = rng.random(400) < 0.2
    values[member] += 0.5
    values = np.round(values, decimals)
    effect = rank_biserial(ranked(values), np.flatnonzero(member))
    test = stats.mannwhitneyu(
        values[member], values[~member], method="asymptotic", use_continuity=False
    )
    m, n = member.sum(), (~member).sum()
    assert effect.value == pytest.approx(2 * test.statistic / (m * n) - 1)
    assert effect.p_value == pytest.approx(test.pvalue)
    assert effect.low < effect.value < effect.high
    assert effect.n == 400


def test_variance_is_that_of_delong(rng):
    x, y = rng.normal(0.6, 1, 80), rng.normal(0, 1.5, 300)
    effect = rank_biserial(ranked(np.concatenate([x, y])), np.arange(80))
    above = (x[:, None] > y[None]).astype(float)
    variance = above.mean(1).var(ddof=1) / 80 + above.mean(0).var(ddof=1) / 300
    half = 2 * 1.959964 * np.sqrt(variance)
    assert (effect.high - effect.low) / 2 == pytest.approx(half, rel=0.02)


def test_perfect_separation_keeps_an_interval():
    values = np.arange(100.0)
    effect = rank_biserial(ranked(values), np.arange(90, 100))
    assert effect.value == pytest.approx(1)
    assert effect.high == 1
    assert 0.6 < effect.low < 0.97


def test_categories_equal_scipy(rng):
    codes = rng.integers(0, 4, 500)
    member = rng.random(500) < np.array([0.1, 0.2, 0.1, 0.5])[codes]
    effect = cramers_v(coded(codes, 4), np.flatnonzero(member))
    table = np.array([np.bincount(codes[member], minlength=4), np.bincount(codes[~member])])
    chi2, p_value, dof, _ = stats.chi2_contingency(table, correction=False)
    phi2 = chi2 / 500
    assert effect.p_value == pytest.approx(p_value)
    assert effect.value == pytest.approx(np.sqrt(phi2 - dof / 500 * (1 - phi2)))


def test_correlation_ratio_has_the_p_value_of_kruskal(rng):
    codes = rng.integers(0, 3, 300)
    loss = np.round(rng.exponential(size=300) + 0.3 * codes, 1)
    effect = correlation_ratio(coded(codes, 3), stats.rankdata(loss))
    expected = stats.kruskal(*(loss[codes == code] for code in range(3)))
    assert effect.p_value == pytest.approx(expected.pvalue)


def test_spearman_equals_scipy(rng):
    x = np.round(rng.normal(size=250), 1)
    y = x + rng.normal(size=250)
    effect = spearman(ranked(x), ranked(y))
    expected = stats.spearmanr(x, y)
    assert effect.value == pytest.approx(expected.statistic)
    assert effect.p_value == pytest.approx(expected.pvalue, rel=0.5)


def test_strata_remove_what_the_class_alone_explains(rng):
    label = rng.integers(0, 5, 3000)
    values = label + rng.normal(size=3000)
    member = rng.random(3000) < 0.02 + 0.1 * label / 4
    codes = np.clip(np.round(values), 0, 4).astype(np.int64)
    rows = np.flatnonzero(member)
    plain, within = rank_biserial(ranked(values), rows), rank_biserial(ranked(values, label), rows)
    assert plain.low > 0.1
    assert within.low < 0 < within.high
    assert cramers_v(coded(codes, 5), rows).low > 0.05
    assert cramers_v(coded(codes, 5, label), rows).low == 0
    loss = label + rng.normal(size=3000)
    assert spearman(ranked(values), ranked(loss)).low > 0.5
    assert abs(spearman(ranked(values, label), ranked(loss, label)).value) < 0.06
    assert correlation_ratio(coded(codes, 5), loss).low > 0.5
    assert correlation_ratio(coded(codes, 5, label), loss).value < 0.1


def test_strata_keep_what_holds_within_each_class(rng):
    label = rng.integers(0, 5, 2000)
    member = rng.random(2000) < 0.1
    values = 10.0 * label + rng.normal(size=2000) + 2.0 * member
    rows = np.flatnonzero(member)
    plain, within = rank_biserial(ranked(values), rows), rank_biserial(ranked(values, label), rows)
    assert within.value > 0.75
    assert plain.value < 0.3


def test_missing_values_take_no_part(rng):
    values = rng.normal(size=200)
    holes = rng.random(200) < 0.3
    rows = np.arange(0, 200, 4)
    gappy = np.where(holes, np.nan, values)
    effect = rank_biserial(ranked(gappy), rows)
    kept = np.flatnonzero(~holes)
    expected = rank_biserial(ranked(values[kept]), np.flatnonzero(np.isin(kept, rows)))
    assert effect == expected
    assert effect.n == len(kept)


@pytest.mark.parametrize("rows", [np.arange(0), np.arange(20)])
def test_nobody_inside_or_outside_gives_no_effect(rows):
    assert rank_biserial(ranked(np.arange(20.0)), rows) is None
    assert cramers_v(coded(np.arange(20) % 3, 3), rows) is None


def test_one_category_or_constant_values_give_no_effect():
    flat = ranked(np.ones(30))
    one = coded(np.zeros(30, dtype=np.int64), 1)
    assert cramers_v(one, np.arange(5)) is None
    assert correlation_ratio(one, np.arange(30.0)) is None
    assert spearman(flat, ranked(np.arange(30.0))) is None


def _number(rng, shape):
    inside = {"shift": rng.normal(1, 1, 60), "narrow": rng.normal(0, 0.1, 60),
              "split": rng.choice([-3.0, 3.0], 60) + rng.normal(size=60)}[shape]  # fmt: skip
    outside = rng.normal(size=1200)
    return rank_biserial(ranked(np.concatenate([inside, outside])), np.arange(60))


@pytest.mark.parametrize(("shape", "truth"), [("shift", 0.5205), ("narrow", 0.0), ("split", 0.0)])
def test_interval_of_rank_biserial_covers(rng, shape, truth):
    effects = [_number(rng, shape) for _ in range(400)]
    assert np.mean([e.low <= truth <= e.high for e in effects]) > 0.92


@pytest.mark.parametrize(("inside", "outside"), [(0.78, 0.12), (0.5, 0.5), (0.95, 0.03)])
def test_interval_of_cramers_v_covers(rng, inside, outside):
    share, n = 0.05, 1000
    cell = np.array([[inside, 1 - inside], [outside, 1 - outside]]) * [[share], [1 - share]]
    expected = cell.sum(1, keepdims=True) * cell.sum(0)
    truth = np.sqrt(((cell - expected) ** 2 / expected).sum())
    hits = []
    for _ in range(400):
        member = rng.random(n) < share
        codes = (rng.random(n) > np.where(member, inside, outside)).astype(np.int64)
        effect = cramers_v(coded(codes, 2), np.flatnonzero(member))
        hits.append(effect.low - 1e-9 <= truth <= effect.high)
    assert np.mean(hits) > 0.92


def test_p_values_are_uniform_where_nothing_is_there(rng):
    p = []
    for _ in range(500):
        label = rng.integers(0, 3, 200)
        rows = rng.choice(200, 30, replace=False)
        p.append(rank_biserial(ranked(rng.normal(size=200), label), rows).p_value)
    assert stats.kstest(p, "uniform").pvalue > 0.01
