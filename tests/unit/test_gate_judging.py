"""The verdict of one test: margins, chance over many tests, states, sentences."""

from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from aggressors.joining import Pairs, Signals, pair
from aggressors.judging import (
    compare,
    default_margin,
    measure,
    next_state,
    too_few,
    verdict_of,
)
from aggressors.store import verdicts
from aggressors.store.saved_tests import SavedTest
from aggressors.store.verdicts import Comparison, Entry, Measurement

TEST = SavedTest(
    slug="dusk", title="Dusk", why="", signal="error", margin=0.03, margin_origin="chosen",
    rule="", samples=200, source_run_id="a", source_run_name="v1", task="classification",
    loss_name="cross-entropy", created_at="2026-01-01T00:00:00+00:00",
)  # fmt: skip


def judge(value, reference, *, margin=0.03, n_tests=1):
    pairs = Pairs(np.asarray(value, float), np.asarray(reference, float), 0)
    return compare(
        replace(TEST, margin=margin), pairs, baseline="a", baseline_name="v1", n_tests=n_tests
    )


def signals(ids, labels, value):
    return Signals(pa.array(ids), pa.array(labels, pa.string()), np.asarray(value, float))


def test_sure_changes_fail_or_pass():
    rng = np.random.default_rng(0)
    base = rng.normal(1, 0.3, 400)
    assert judge(base + rng.normal(0.5, 0.1, 400), base).verdict == "fail"
    assert judge(base + rng.normal(-0.5, 0.1, 400), base).verdict == "pass"
    assert judge(base + rng.normal(0.0, 0.05, 400), base).verdict == "pass"
    change = rng.normal(0, 0.3, 400)
    change += 0.03 - change.mean()  # just at the margin
    assert judge(base + change, base).verdict == "inconclusive"
    assert judge(base, base, margin=0.0).verdict == "pass"


def test_a_failure_must_hold_over_all_tests_of_the_check():
    rng = np.random.default_rng(1)
    base = np.zeros(100)
    value = rng.normal(0.05, 0.08, 100)  # just worse than the margin for one test alone
    alone, among_many = judge(value, base), judge(value, base, n_tests=200)
    assert alone.verdict == "fail"
    assert among_many.verdict == "inconclusive"
    assert alone.chance < alone.difference - 0.03 < among_many.chance
    assert (among_many.low, among_many.high) == (alone.low, alone.high)


@pytest.mark.parametrize("n", [40, 300, 1_000])
@pytest.mark.parametrize(
    ("broken", "verdict"), [(1, "inconclusive"), (4, "inconclusive"), (5, "fail")]
)
def test_few_broken_samples_are_chance_even_without_a_margin(n, broken, verdict):
    """Five to one side are one in 32; four are one in 16, which is more than one in twenty."""
    value = np.zeros(n)
    value[:broken] = 1
    assert judge(value, np.zeros(n), margin=0.0).verdict == verdict
    assert judge(value, np.zeros(n), margin=0.0, n_tests=50).verdict == "inconclusive"


def test_no_real_change_blocks_at_most_one_check_in_twenty():
    """Errors of two equal models on the same samples, 5 tests a check, 400 checks.

    With a margin of zero, the least favourable: at most 5 % may be blocked. 400 checks at 5 %
    give at most 29 with probability 0.98.
    """
    rng = np.random.default_rng(2)
    blocked = 0
    for _ in range(400):
        hard = rng.beta(1.5, 2.5, (5, 60))  # how hard each sample is for such a model
        new, old = (rng.random((5, 60)) < hard for _ in range(2))
        words = [
            judge(value, reference, margin=0.0, n_tests=5).verdict
            for value, reference in zip(new, old, strict=True)
        ]
        blocked += "fail" in words
    assert blocked <= 29


def test_a_regression_of_half_the_gap_is_caught():
    """0.15 more errors on 200 samples, the margin a twentieth of 0.6."""
    rng = np.random.default_rng(3)
    caught = 0
    for _ in range(100):
        old = rng.random(200) < 0.3
        new = np.where(old, rng.random(200) < 0.88, rng.random(200) < 0.27)  # 0.45 on average
        caught += judge(new, old).verdict == "fail"
    assert caught >= 80


def test_the_smallest_regression_that_could_be_noticed_is_told():
    rng = np.random.default_rng(4)
    few = judge(rng.normal(0, 1, 50), np.zeros(50))
    many = judge(rng.normal(0, 1, 5_000), np.zeros(5_000))
    assert few.detectable == pytest.approx(0.03 + 2.8 * 1 / 50**0.5, rel=0.2)
    assert many.detectable == pytest.approx(0.03 + 2.8 * 1 / 5_000**0.5, rel=0.1)


def test_pairs_are_joined_by_id_and_changed_labels_left_out():
    frozen = signals(["a", "b", "c", "d"], ["x"] * 4, [0] * 4)
    run = signals(["d", "c", "b", "z"], ["x", "y", "x", "x"], [4, 3, 2, 9])
    baseline = signals(["b", "c", "d", "a"], ["x", "x", "x", "x"], [20, 30, 40, 10])
    pairs = pair(frozen, run, baseline)
    assert pairs.relabeled == 1
    assert list(zip(pairs.value, pairs.reference, strict=True)) == [(2, 20), (4, 40)]


def test_missing_labels_on_both_sides_are_no_change():
    one = signals(["a", "b"], [None, "x"], [1, 2])
    assert pair(one, one, one).relabeled == 0


def test_too_few_samples_is_a_sentence():
    pairs = Pairs(np.zeros(40), np.zeros(40), 3)
    reason = too_few(TEST, pairs, in_training=2)
    assert reason.startswith("Only 40 of its 200 samples can be compared; 100 are needed.")
    assert "3 with another label" in reason
    assert "2 are in the training population" in reason
    assert too_few(TEST, Pairs(np.zeros(100), np.zeros(100), 0), in_training=0) == ""


def entry(*, solves=False, verdict=None):
    found = Measurement("key", solves=solves)
    if verdict is None:
        return Entry(found, None)
    made = judge([0.0, 1.0] * 10, [0.0, 1.0] * 10)
    return Entry(found, msgspec.structs.replace(made, verdict=verdict), "a")


@pytest.mark.parametrize(
    ("before", "seen", "after"),
    [
        ("open", entry(verdict="pass"), "open"),
        ("open", entry(verdict="fail"), "open"),
        ("open", entry(solves=True, verdict="pass"), "solved"),
        ("solved", entry(verdict="fail"), "regressed"),
        ("solved", entry(verdict="inconclusive"), "solved"),
        ("solved", entry(), "solved"),
        ("regressed", entry(verdict="inconclusive"), "regressed"),
        ("regressed", entry(), "regressed"),
        ("regressed", entry(verdict="pass"), "solved"),
    ],
)
def test_states_follow_the_runs(before, seen, after):
    assert next_state(before, seen) == after


def world(n=400, inside=100, gap=0.4, seed=5):
    rng = np.random.default_rng(seed)
    ids = [f"s{place:03}" for place in range(n)]
    value = rng.random(n) < np.where(np.arange(n) < inside, 0.1 + gap, 0.1)
    return signals(ids, ["x"] * n, value), ids[:inside]


def measured(judged, members, before, **more):
    frozen = signals(members, ["x"] * len(members), before)
    facts = {"in_training": 0, "materiality": 0.25, "is_source": False} | more
    test = replace(TEST, samples=len(members))
    return measure(test, frozen, judged.at(frozen.ids), np.ones(len(judged), bool), **facts)


def test_a_run_solves_when_the_gap_is_gone_and_the_samples_do_better():
    rng = np.random.default_rng(6)
    weak, members = world()
    before = rng.random(100) < 0.5
    assert measured(weak, members, before).material
    assert not measured(weak, members, before).solves
    cured, _ = world(gap=0.0)
    found = measured(cured, members, before)
    assert not found.material
    assert found.solves
    # No gap, but no better than before either: nothing was solved.
    assert not measured(cured, members, np.zeros(100)).solves
    assert measured(cured, members, np.zeros(100), is_source=True).solves


def test_samples_that_may_not_stand_in_the_rest_do_not():
    judged, members = world()
    counts = np.ones(len(judged), bool)
    counts[200:] = False
    frozen = signals(members, ["x"] * 100, np.zeros(100))
    found = measure(
        replace(TEST, samples=100), frozen, judged.at(frozen.ids), counts,
        in_training=0, materiality=0.25, is_source=False,
    )  # fmt: skip
    assert found.rest == pytest.approx(judged.value[100:200].mean())


def test_a_run_of_the_group_alone_has_no_gap_but_a_mean():
    judged, members = world(n=100)
    found = measured(judged, members, np.zeros(100))
    assert found.gap is None
    assert found.value == pytest.approx(judged.value.mean())


def test_margins_come_from_what_is_at_stake():
    signal = np.array([0.1, 0.3])
    by_gap = default_margin("loss", 0.4, signal)
    assert by_gap == (0.04, "a tenth of its gap of 0.4 when saved")
    assert default_margin("error", 0.4, signal) == (
        0.02, "a twentieth of its gap of 0.4 when saved",
    )  # fmt: skip
    margin, origin = default_margin("loss", 0.19, signal)
    assert margin == 0.02
    assert origin == "a tenth of the mean of 0.2 when saved"
    margin, origin = default_margin("error", 0.01, signal - 1)
    assert margin == 0.005
    assert "a twentieth of the mean of 0.1 when saved, counted from the least of -0.9" in origin


@pytest.mark.parametrize(
    ("shift", "n_tests", "parts"),
    [
        (
            0.5,
            1,
            (
                "worse by",
                "is allowed: the margin of 0.03, and",
                "that chance makes of two equal models.",
            ),
        ),
        (0.5, 7, ("worse by", "over all 7 tests")),
        (-0.5, 1, ("better by",)),
        (0.0, 1, ("no worse",)),
    ],
)
def test_a_reason_is_one_sentence_with_numbers(shift, n_tests, parts):
    rng = np.random.default_rng(7)
    base = rng.normal(1, 0.1, 200)
    compared = judge(base + rng.normal(shift, 0.02, 200), base, n_tests=n_tests)
    verdict = verdict_of(TEST, Entry(Measurement("key"), compared, "a"), "solved", run_id="b")
    for part in (*parts, "200 samples", "under 'v1'"):
        assert part in verdict.reason
    assert verdict.reason.count(". ") == 0


@pytest.mark.parametrize("n_tests", [1, 7])
def test_what_is_written_bears_itself_out_when_it_is_read(n_tests):
    """Rounding included, so that no verdict of ours is taken for an edited one."""
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(300):
        n = int(rng.integers(10, 60))
        reference = rng.choice([0.0, 1.0], n) if rng.random() < 0.5 else rng.exponential(size=n)
        moved = rng.choice([0.0, 0.1, 0.4]) + rng.choice([0.0, 1e-9, 0.2]) * rng.normal(size=n)
        test = replace(TEST, margin=float(rng.choice([0.0, 1e-7, 0.05, 0.1, 0.4])))
        pairs = Pairs(reference + moved, reference, 0)
        made = compare(test, pairs, baseline="b", baseline_name="b", n_tests=n_tests)
        read = msgspec.json.decode(msgspec.json.encode(made), type=Comparison)
        verdicts._check_sound(read)
        assert read == made
        seen.add(made.verdict)
    assert seen == {"pass", "fail", "inconclusive"}
