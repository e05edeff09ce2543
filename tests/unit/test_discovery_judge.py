"""The judge of the discovery bench, against values worked out by hand."""

import numpy as np
import pytest

from bench.discovery.counting import is_natural
from bench.discovery.groups import Group, Report, read_reports, write_reports
from bench.discovery.judge import agreement, duplicates, f1, interval, jaccard, judge, paired
from bench.discovery.judge import precision_at as precision

N = 100


def rows(start, stop):
    member = np.zeros(N, dtype=bool)
    member[start:stop] = True
    return member


def group(start, stop, score=None, **more):
    return Group(rows(start, stop), np.arange(N, 0, -1.0) if score is None else score, **more)


def test_overlap_of_two_sets():
    assert f1(rows(0, 20), rows(10, 30)) == pytest.approx(0.5)
    assert jaccard(rows(0, 20), rows(10, 30)) == pytest.approx(1 / 3)
    assert f1(rows(0, 0), rows(0, 0)) == jaccard(rows(0, 0), rows(0, 0)) == 0


def test_the_best_of_the_first_five_is_matched_and_the_rest_told_apart():
    report = [group(50, 60), group(0, 40), *[group(90, 99)] * 3, group(0, 20), group(60, 70)]
    judged = judge(report, rows(0, 20))
    assert (judged.f1, judged.rank) == (pytest.approx(40 / 60), 2)
    assert (judged.later_f1, judged.later_rank) == (1.0, 6)
    assert (judged.p10, judged.p100) == (1.0, 0.5)
    assert judged.recovered


def test_a_slice_that_nothing_overlaps_has_no_rank_and_no_precision():
    for report in ([], [group(50, 60)]):
        judged = judge(report, rows(0, 20))
        assert (judged.f1, judged.rank, judged.later_rank) == (0.0, 0, 0)
        assert np.isnan(judged.p10)
        assert not judged.recovered


def test_natural_weaknesses_take_places_in_one_figure_and_not_in_the_other():
    report = [group(90, 99)] * 5 + [group(0, 20)]
    judged = judge(report, rows(0, 20), [True] + [False] * 5)
    assert (judged.recovered, judged.recovered_beside) == (False, True)
    assert not judge(report, rows(0, 20)).recovered_beside


def test_a_group_is_natural_where_the_twin_fails_about_as_much():
    member = rows(0, 20)
    correct = ~rows(0, 10)  # half of the members, and everyone else
    assert is_natural(member, correct, ~rows(5, 10))
    assert not is_natural(member, correct, ~rows(6, 10))
    assert not is_natural(member, ~rows(50, 60), ~rows(5, 10))  # the model does not fail there


def test_exactly_one_half_is_recovered():
    assert judge([group(0, 20)], rows(10, 30)).recovered


def test_the_matched_groups_rule_is_told():
    judged = judge([group(0, 20, rule_precision=0.9, rule_recall=0.8)], rows(0, 20))
    assert (judged.rule_precision, judged.rule_recall) == (0.9, 0.8)


def test_precision_takes_the_surest_and_shares_ties():
    rising = np.arange(N, dtype=float)
    assert precision(group(0, 40, rising), rows(0, 20), 10) == 0.0
    assert precision(group(0, 40), rows(0, 20), 10) == 1.0
    assert precision(group(0, 40, np.ones(N)), rows(0, 20), 10) == pytest.approx(0.5)
    assert precision(group(0, 4), rows(0, 2), 10) == pytest.approx(0.5)
    assert np.isnan(precision(group(0, 0), rows(0, 2), 10))


def test_duplicates_are_counted_against_earlier_groups_of_the_first_five():
    report = [group(0, 20), group(50, 60), group(0, 19), group(50, 59), group(70, 80)]
    assert duplicates(report) == pytest.approx(2 / 5)
    assert duplicates([*report[:2], group(70, 80), group(80, 90), group(90, 99), group(0, 20)]) == 0
    assert duplicates([]) == 0


def test_agreement_is_symmetric_and_bounded():
    first, second = [rows(0, 20), rows(50, 60)], [rows(0, 20)]
    assert agreement(first, first) == 1
    assert agreement(first, second) == agreement(second, first) == pytest.approx((0.5 + 1) / 2)
    assert agreement([], []) == 1
    assert agreement(first, []) == agreement([], first) == 0


def test_agreement_reads_the_first_five_only():
    six = [rows(10 * place, 10 * place + 10) for place in range(6)]
    assert agreement(six, [*six[:5], rows(90, 99)]) == 1


def test_intervals_resample_settings_and_not_slices():
    settings = np.repeat(["a", "b", "c", "d"], 25)
    values = np.repeat([0.0, 1.0, 0.0, 1.0], 25)
    by_setting, by_slice = interval(values, settings), interval(values, np.arange(100).astype(str))
    assert by_setting.value == by_slice.value == 0.5
    assert by_setting.high - by_setting.low > 3 * (by_slice.high - by_slice.low)
    assert by_setting == interval(values, settings)


def test_an_interval_leaves_out_what_is_unknown():
    assert interval(np.array([1.0, np.nan]), np.array(["a", "b"])).value == 1
    assert np.isnan(interval(np.array([np.nan]), np.array(["a"])).value)


def test_a_paired_difference_is_sharper_than_its_parts():
    rng = np.random.default_rng(0)
    settings = np.array([f"s{place // 2}" for place in range(200)])
    theirs = rng.random(200)
    difference = paired(theirs + 0.1, theirs, settings)
    assert difference.low == pytest.approx(0.1)
    assert difference.high == pytest.approx(0.1)


def test_reports_survive_their_file(tmp_path):
    report = Report((group(3, 9, found=False, name="dark"), group(0, 2)), N, 1.5, 200.0, 7)
    write_reports(tmp_path / "of" / "some.parquet", ["one", "two"], [report, Report((), N, 0, 0)])
    read = read_reports(tmp_path / "of" / "some.parquet")
    assert list(read) == ["one", "two"]
    first, second = read["one"].groups
    assert (first.member == rows(3, 9)).all()
    assert (first.score[3:9] == np.arange(97, 91, -1)).all()
    assert (first.found, first.name, second.found) == (False, "dark", True)
    assert (read["one"].alarm, read["two"].alarm) == (True, False)
    assert (read["one"].seconds, read["one"].tested) == (1.5, 7)
