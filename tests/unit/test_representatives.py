"""Which samples show a group: typical, worst, varied, and alike but handled well."""

import numpy as np

from aggressors.slicing.show import representatives


def test_representatives_show_a_group_without_repeating_themselves():
    rng = np.random.default_rng(8)
    space = np.concatenate([rng.normal(0, 1, (60, 2)), rng.normal(8, 1, (60, 2))])
    space[1] = space[0]  # a near-duplicate
    member = np.arange(120) < 60
    signal = np.where(member, 2.0, 0.1) + rng.random(120)
    signal[60:70] = 5  # handled badly, so no counter-example
    found = representatives(member, np.where(member, 0.9, 0.0), space, signal, np.zeros(120), 12)
    assert all(len(shown.rows) == 12 for shown in found.values())
    found = {reason: shown.rows for reason, shown in found.items()}
    for reason in ("central", "worst", "diverse"):
        assert member[found[reason]].all()
        assert len({0, 1} & set(found[reason])) < 2
    assert signal[found["worst"][0]] == signal[:60].max()
    assert not member[found["counter"]].any()
    assert (signal[found["counter"]] < 2).all()
    typical = np.linalg.norm(space[found["central"]], axis=1).mean()
    assert typical < np.linalg.norm(space[found["diverse"]], axis=1).mean()


def test_representatives_without_a_space_or_members():
    member = np.arange(30) < 10
    found = representatives(
        member, member * 0.7, np.zeros((30, 0)), np.arange(30.0), np.zeros(30), 4
    )
    assert len(found["central"].rows) == 4
    assert found["central"].alike.tolist() == [0] * 4
    empty = representatives(~np.ones(30, bool), np.zeros(30), np.zeros((30, 2)), np.ones(30),
                            np.zeros(30), 4)  # fmt: skip
    assert all(len(shown.rows) == len(shown.alike) == 0 for shown in empty.values())


def test_near_duplicates_are_counted_once_for_the_first_that_shows_them():
    rng = np.random.default_rng(9)
    space = rng.normal(0, 1, (80, 3))
    space[40:44] = space[0] + 1e-4 * rng.normal(size=(4, 3))  # members that repeat the worst
    space[75:78] = space[70]  # others that repeat a counter-example
    member = np.arange(80) < 50
    signal = np.where(member, 2.0, 0.1)
    signal[0], signal[40:44] = 9, 8
    found = representatives(member, np.where(member, 0.9, 0.0), space, signal, np.zeros(80), 50)
    worst = dict(zip(found["worst"].rows.tolist(), found["worst"].alike.tolist(), strict=True))
    assert found["worst"].rows[0] == 0
    assert worst.pop(0) == 4
    assert set(worst.values()) == {0}
    assert not {40, 41, 42, 43} & set(worst)
    counter = dict(
        zip(found["counter"].rows.tolist(), found["counter"].alike.tolist(), strict=True)
    )
    repeated = {70, 75, 76, 77} & set(counter)
    assert [counter[row] for row in repeated] == [3]
    assert sum(worst.values()) + sum(counter.values()) == 3


def test_the_same_place_many_times_is_shown_once():
    places = np.arange(5.0)[:, None] * np.ones(2)
    space = np.repeat(places, 20, axis=0)  # the median distance to the nearest is 0
    member = np.arange(100) < 60
    signal = np.where(member, 2.0, 0.1)
    found = representatives(member, member * 0.9, space, signal, np.zeros(100), 12)
    for reason, expected in (("central", 3), ("worst", 3), ("diverse", 3), ("counter", 2)):
        assert len(found[reason].rows) == expected
        assert found[reason].alike.tolist() == [19] * expected


def test_counter_examples_have_the_labels_of_the_members_as_often_as_they_do():
    rng = np.random.default_rng(4)
    space, label = rng.normal(size=(600, 2)), np.repeat([0, 1, 2], 200)
    member = np.zeros(600, dtype=bool)
    member[:20], member[200:260] = True, True  # a fourth of label 0, the rest of label 1
    space[:200] += 6  # label 0 lies far away, label 2 where the members are
    signal = np.where(member, 2.0, 0.1)
    chosen = representatives(member, member * 0.9, space, signal, label, 12)["counter"].rows
    assert np.bincount(label[chosen], minlength=3).tolist() == [3, 9, 0]


def test_a_stray_member_draws_no_counter_examples_of_its_own():
    rng = np.random.default_rng(3)
    group, well, elsewhere = (rng.normal(at, 1, (60, 2)) for at in (0, 1, 40))
    space = np.concatenate([group, well, elsewhere])
    member = np.arange(180) < 60
    member[120] = True  # one of those elsewhere
    signal = np.where(member, 2.0, 0.1)
    found = representatives(member, member * 0.9, space, signal, np.zeros(180), 12)
    assert (found["counter"].rows < 120).all()


def test_counter_examples_of_very_many_others_are_sought_among_some(monkeypatch):
    monkeypatch.setattr("aggressors.slicing.show.MAX_OTHERS", 40)
    space = np.arange(2_000.0)[:, None]
    member = np.arange(2_000) < 50
    signal = np.where(member, 2.0, 0.1)
    found = representatives(member, member * 0.9, space, signal, np.zeros(2_000), 5)
    counter = found["counter"].rows
    assert len(counter) == 5
    assert (np.diff(space[counter, 0]) > 0).all()
    assert space[counter[0], 0] < 150  # the nearest of 40 that are spread evenly over 1,950
