"""Evidence and the rules that turn it into an action."""

from dataclasses import replace

import numpy as np
import pytest

from aggressors.stats.evidence import (
    binned,
    confidently_other,
    divergence,
    entropy,
    majority,
    shortcut,
    total_variation,
)
from aggressors.stats.recommend import Evidence, recommend, remembering

CLEAN = Evidence(
    coverage=0.0, share_train=0.1, share_analysed=0.1, shortcut=0.03, unreadable=0.02,
    unreadable_rest=0.02, one_sided=1.0, ordinary=0.3, disagreement=0.2, disagreement_rest=0.15,
    label_entropy=1.0, prediction_entropy=1.1, confident=0.1, confident_rest=0.08, gap_train=0.1,
    gap=0.8,
)  # fmt: skip
RARE = {"coverage": 0.2, "share_train": 0.05}
DOUBTED = {"disagreement": 0.5}


def with_(**changes):
    return Evidence(**{name: changes.get(name, getattr(CLEAN, name)) for name in CLEAN.__slots__})


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({}, "review_model"),
        ({"coverage": 0.2, "share_train": 0.05}, "collect"),
        ({"coverage": 0.05, "share_train": 0.01}, "collect"),
        ({"coverage": 0.2}, "review_model"),  # as frequent in train as here
        ({"coverage": 0.01, "share_train": 0.01}, "review_model"),  # as near as anything
        ({"coverage": 0.1, "share_train": None}, "collect"),
        ({"coverage": 0.08, "share_train": None}, "review_model"),
        ({**RARE, "shortcut": 0.9, "shortcut_field": "hue"}, "augment"),
        ({"shortcut": 0.9}, "review_model"),
        ({"shortcut": 0.9, "shortcut_shortfall": 1.5}, "augment"),
        ({"shortcut": 0.3, "shortcut_shortfall": 1.5}, "review_model"),
        ({**RARE, "shortcut": 0.3}, "collect"),
        ({**RARE, "passing": 0.6, "confident_failing": 0.3}, "augment"),
        ({**RARE, "passing": 0.6, "confident_failing": 0.2}, "collect"),
        ({**RARE, "passing": 0.5, "confident_failing": 0.3}, "collect"),
        ({"passing": 0.9, "confident_failing": 0.3}, "review_model"),
        ({"passing": 0.9, "confident_failing": 0.3, "shortcut_shortfall": 1.5}, "review_model"),
        ({"unreadable": 0.4, "one_sided": 0.2}, "remove"),
        ({"unreadable": 0.3, "one_sided": 0.2}, "review_model"),
        ({"unreadable": 0.6, "one_sided": 1.5}, "review_model"),
        ({"unreadable": 0.6, "one_sided": 1.2}, "remove"),
        ({"unreadable": 0.6, "one_sided": 0.2, "skill": 0.6}, "remove"),
        ({"crowding": -1.6}, "remove"),
        ({"crowding": -1.4}, "review_model"),
        ({**DOUBTED, "confident": 0.25, "confident_failing": 0.6}, "relabel"),
        ({**DOUBTED, "confident": 0.25, "confident_failing": 0.6, "outside": 0.3}, "review_model"),
        ({**DOUBTED, "confident": 0.1, "confident_failing": 0.9}, "relabel"),
        ({**DOUBTED, "confident": 0.1, "confident_failing": 0.7, "outside": 0.7}, "relabel"),
        ({**DOUBTED, "confident": 0.1, "confident_failing": 0.7}, "review_model"),
        ({**DOUBTED, "confident": 0.4, "confident_failing": 0.6, "unreadable": 0.9}, "relabel"),
        ({**DOUBTED, "confident": 0.1, "confident_failing": 0.3}, "review_model"),
        ({**DOUBTED, "confident": 0.25, "confident_failing": 0.2}, "review_model"),
        ({**DOUBTED, "confident": 0.25}, "relabel"),
        ({**DOUBTED, "confident": 0.2}, "review_model"),
        ({"disagreement": 0.16, "confident": 0.5, "confident_failing": 0.9}, "review_model"),
        ({"disagreement": None, "confident": 0.5, "confident_failing": 0.9}, "review_model"),
        ({**DOUBTED, "ordinary": 0.9, "confident": None}, "relabel"),
        ({**DOUBTED, "ordinary": 0.6, "confident": None}, "review_model"),
        ({**RARE, **DOUBTED, "confident": 0.4, "confident_failing": 0.8}, "collect"),
        ({"coverage": None, "share_train": 0.01, "share_analysed": 0.1}, "collect"),
        ({"coverage": None, "share_train": None}, "review_model"),
    ],
)
def test_rules_in_order(changes, action):
    advice = recommend(with_(**changes))
    assert advice.actions[0] == action
    assert sorted(advice.actions) == ["augment", "collect", "relabel", "remove", "review_model"]
    assert advice.reasons[0].action == action


def test_second_action_is_the_next_best_rule():
    advice = recommend(with_(unreadable=0.5, disagreement=0.5, confident=0.4))
    assert advice.actions[:2] == ("relabel", "remove")


def test_a_shortcut_that_no_field_tells_follows_what_is_rare():
    advice = recommend(with_(**RARE, disagreement=0.5, confident=0.4))
    assert advice.actions[:3] == ("collect", "augment", "relabel")


def test_weights_of_what_is_asked_together_add_up_to_a_half_where_the_rule_is_met():
    for changes, kinds in (
        ({"coverage": 0.09, "share_train": 0.1 * np.exp(-0.3)}, ("coverage", "share_train")),
        (
            {
                "disagreement": 0.5,
                "confident": 0.08 + 0.2,
                "confident_failing": 0.08 + 0.35,
                "outside": 0.6,
            },
            ("confident", "confident_failing", "outside"),
        ),
    ):
        weights = {reason.evidence: reason.weight for reason in recommend(with_(**changes)).reasons}
        assert sum(weights[kind] for kind in kinds) == pytest.approx(0.5)


def test_what_is_asked_again_remembers_what_takes_positions_and_probabilities():
    whole = with_(
        **RARE, outside=0.7, passing=0.7, confident_failing=0.6, crowding=-0.3,
        bounds={"outside": (0.6, 0.8), "confident_failing": (0.5, 0.7)},
    )  # fmt: skip
    poor = replace(
        whole, coverage=None, outside=None, passing=None, confident=None, confident_failing=None,
        ordinary=None, disagreement=None, unreadable=None, crowding=None, bounds={},
    )  # fmt: skip
    told = recommend(whole)
    assert recommend(poor) != told
    assert recommend(remembering(poor, told.reasons)) == told


def test_what_was_not_measured_is_said():
    advice = recommend(Evidence(share_analysed=0.1))
    unknown = [reason for reason in advice.reasons if reason.value is None]
    assert [reason.evidence for reason in unknown] == ["coverage"]
    assert "unknown" in unknown[0].sentence
    assert advice.actions[0] == "review_model"


def test_weight_speaks_for_or_against():
    weights = {r.evidence: r.weight for r in recommend(with_(coverage=-0.3)).reasons}
    assert weights["coverage"] == -0.5
    alone = recommend(with_(coverage=0.09, share_train=None))
    assert {r.evidence: r.weight for r in alone.reasons}["coverage"] == pytest.approx(0.5)


def test_entropy_and_divergence_by_hand():
    assert entropy(np.array([0, 0, 1, 1, -1]), 3) == pytest.approx(np.log(2))
    assert entropy(np.array([2, 2]), 3) == 0
    whole = np.repeat([0, 1], 500)
    assert divergence(np.zeros(10, dtype=np.int64), whole, 2) == pytest.approx(np.log(2), abs=1e-6)
    assert divergence(whole, whole, 2) == pytest.approx(0, abs=1e-6)


def test_shortcut_needs_all_three_parts():
    red, grey = np.zeros(100, dtype=np.int64), np.ones(100, dtype=np.int64)
    mixed = np.concatenate([red[:50], grey[:50]])
    assert total_variation(red, mixed, 2) == pytest.approx(0.5)
    assert shortcut(red, grey, grey, 2) == pytest.approx(1)
    assert shortcut(red, grey, red, 2) == 0
    assert shortcut(mixed, mixed, grey, 2) == 0


def test_bins_hold_equally_many_and_keep_missing_apart():
    numbers = np.append(np.arange(100.0), np.nan)
    cells = binned(numbers, np.ones(101, dtype=bool))
    assert np.bincount(cells[:100]).tolist() == [10] * 10
    assert cells[100] == -1
    assert (binned(np.full(4, np.nan), np.ones(4, dtype=bool)) == -1).all()


def test_majority_breaks_ties_by_nearness():
    labels = np.array([[1, 0, 0, 1], [2, 2, 0, -1], [-1, -1, -1, -1]])
    assert majority(labels, 3).tolist() == [1, 2, -1]


def sentence(evidence, **changes):
    (found,) = (r for r in recommend(with_(**changes)).reasons if r.evidence == evidence)
    return found, found.sentence


def test_a_sentence_holds_the_numbers_beside_it():
    found, text = sentence("coverage", coverage=0.3644)
    assert (found.value, found.reference) == (pytest.approx(1.44, abs=1e-3), 1)
    assert "1.44 times as far" in text
    assert "from 1.09 on" in sentence("coverage", coverage=0.3644, share_train=None)[1]
    assert "as near as it lies to anything" in sentence("coverage", coverage=0.01)[1]
    found, text = sentence("ordinary", ordinary=1.06)
    assert "1.06 times as often" in text
    assert found.weight == 0
    assert "above 0.65 is usual" in sentence("ordinary", ordinary=1.06, confident=None)[1]
    found, text = sentence("confident_failing", confident_failing=0.6)
    assert (found.value, found.reference) == (0.6, 0.08)
    assert "60 % are confidently taken for another class, 8 % of the rest" in text
    found, text = sentence("passing", passing=0.7, confident_failing=0.6)
    assert (found.value, found.reference) == (0.7, 0.55)
    assert "70 % of their neighbours outside the group" in text
    assert "makes them pass for it" in text
    assert "not sure of it" in sentence("passing", passing=0.7)[1]
    assert "above 55 %" in sentence("passing", passing=0.4)[1]
    assert "30 % of the ten nearest samples outside" in sentence("outside", outside=0.3)[1]
    _, text = sentence("unreadable", unreadable=0.9, skill=0.0)
    assert "avoids 0 % of the errors" in text


def test_no_other_cause_claims_only_what_was_measured():
    (found,) = (r for r in recommend(Evidence(share_analysed=0.1)).reasons if r.value is not None)
    assert found.sentence == (
        "whether the members are rare in train or unreadable or wrongly labeled is unknown"
    )
    _, text = sentence("no_other_cause", coverage=None, share_train=None)
    assert "being unreadable or wrongly labeled does not explain it" in text
    assert text.endswith("whether the members are rare in train is unknown")


def test_confident_learning_finds_the_flipped():
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], 100)
    p = np.where(label == 0, rng.uniform(0.8, 1, 200), rng.uniform(0, 0.2, 200))
    flipped = label.copy()
    flipped[:10] = 1
    found = confidently_other(np.column_stack([p, 1 - p]), flipped)
    assert found[:10].mean() > 0.3
    assert not found[10:100].any()
