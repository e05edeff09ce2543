"""What following an action is expected to win."""

import pytest

from aggressors.stats.diagnosis import Evidence, Probe
from aggressors.stats.intervals import Interval
from aggressors.stats.recommend import recommend
from aggressors.stats.told import apart, read, written
from aggressors.stats.winning import CLOSED, expected_win


def test_collecting_wins_what_labels_closed_in_the_bench():
    found = expected_win("collect", Evidence(impact=0.2), fits=True)
    assert (found.share, found.low, found.high) == pytest.approx(
        (0.2 * CLOSED.value, 0.2 * CLOSED.low, 0.2 * CLOSED.high)
    )
    assert "100 labels" in found.how


@pytest.mark.parametrize(
    ("action", "evidence", "fits"),
    [
        ("collect", Evidence(impact=0.2), False),
        ("collect", Evidence(), True),
        ("augment", Evidence(impact=0.2), True),
        ("relabel", Evidence(impact=0.2), True),
        ("remove", Evidence(impact=0.2), True),
        ("review_model", Evidence(impact=0.2), True),
    ],
)
def test_what_was_not_measured_is_unknown(action, evidence, fits):
    found = expected_win(action, evidence, fits=fits)
    assert (found.share, found.low, found.high) == (None, None, None)
    assert "unknown" in found.how


def test_augmenting_wins_at_most_the_gap_that_the_transformation_makes():
    probe = Probe("blur", 0.1, Interval(1.3, 0.4, 1.6), 0.9, 40)
    found = expected_win("augment", Evidence(impact=0.1, probes=(probe,)), fits=True)
    assert (found.share, found.low, found.high) == pytest.approx((0.1, 0.04, 0.1))


def test_augmenting_takes_the_first_transformation_that_is_verified():
    unlike = Probe("flip", 1.0, Interval(1.0, 0.9, 1.1), 0.5, 40)
    blur = Probe("blur", 0.1, Interval(0.5, 0.4, 0.6), 0.9, 40)
    found = expected_win("augment", Evidence(impact=0.1, probes=(unlike, blur)), fits=True)
    assert found.share == pytest.approx(0.05)
    found = expected_win("augment", Evidence(impact=0.1, probes=(unlike,)), fits=True)
    assert found.share is None


def test_relabeling_wins_what_was_worked_out():
    found = expected_win("relabel", Evidence(relabeled=Interval(0.1, 0.05, 0.2)), fits=True)
    assert (found.share, found.low, found.high) == (0.1, 0.05, 0.2)


def test_no_action_wins_more_than_the_aggressor_costs_or_less_than_nothing():
    costly = Evidence(relabeled=Interval(0.1, -0.05, 0.2), impact=0.08, disagreement=0.5)
    found = expected_win("relabel", costly, fits=True)
    assert (found.share, found.low, found.high) == (0.08, 0.0, 0.08)
    cheap = Evidence(removed=Interval(-0.1, -0.2, 0.1), impact=0.08, unreadable=0.5)
    assert expected_win("remove", cheap, fits=True).share is None


def test_suspects_win_nothing_where_too_little_speaks_for_the_action():
    told = Evidence(relabeled=Interval(0.1, 0.05, 0.2), disagreement=0.2)
    assert expected_win("relabel", told, fits=False).share is None


@pytest.mark.parametrize(
    ("action", "says"),
    [("relabel", "judged"), ("remove", "judged"), ("collect", "no train"), ("augment", "tried")],
)
def test_what_could_not_be_looked_at_is_said(action, says):
    assert says in expected_win(action, Evidence(impact=0.2), fits=False).how


def test_what_was_written_is_read_again():
    probe = Probe("blur", 0.1, Interval(0.9, 0.4, 1.1), 0.9, 40)
    evidence = Evidence(coverage=0.3, share_train=0.01, share_analysed=0.1, impact=0.2,
                        probes=(probe,), bounds={"coverage": (1.2, 1.5)})  # fmt: skip
    advice = recommend(evidence)
    reasons, wins = apart(read(written(advice)))
    assert reasons == advice.reasons
    assert wins == advice.wins
    assert [one.action for one in wins] == list(advice.actions)
    (coverage,) = (one for one in reasons if one.evidence == "coverage")
    assert (coverage.low, coverage.high) == (1.2, 1.5)


def test_a_transformation_that_train_lacks_comes_second():
    probe = Probe("blur", 0.1, Interval(0.9, 0.4, 1.1), 0.9, 40)
    swap = Probe("swap-border", 1.0, Interval(0.9, 0.4, 1.1), 0.95, 40)
    rare = {"coverage": 0.3, "impact": 0.1}
    assert recommend(Evidence(**rare, probes=(probe,))).actions[:2] == ("collect", "augment")
    assert recommend(Evidence(**rare, probes=(swap,))).actions[:2] == ("augment", "collect")
    assert recommend(Evidence(coverage=0.0, probes=(swap,))).actions[0] == "review_model"


def test_what_the_model_sees_as_one_is_noise():
    crowded = Evidence(crowding=-2.0, unreadable=0.1, one_sided=0.1)
    assert recommend(crowded).actions[0] == "remove"
    within_a_label = Evidence(crowding=-2.0, unreadable=0.1, one_sided=2.0)
    assert recommend(within_a_label).actions[0] == "review_model"
