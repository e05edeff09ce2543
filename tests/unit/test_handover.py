"""What each action hands over to whoever follows it."""

import pytest

from aggressors.errors import UsageError
from aggressors.queries import handover
from aggressors.queries.concept import reasons
from aggressors.queries.explore import reliability
from aggressors.queries.grammar import parse
from queried import queried


def one(action, evidence, value, weight, **more):
    told = {"action": action, "evidence": evidence, "value": value, "reference": 1.0,
            "weight": weight, "sentence": f"{evidence} is {value}"}  # fmt: skip
    return told | more


def win(action, value=None, low=None, high=None):
    return one(action, "win", value, 0.0, low=low, high=high)


PROBES = [
    one("augment", "probe:blur", 0.3, 0.0, low=0.1, high=0.5, strength=0.1, alike=0.9, n=40),
    one("augment", "probe:darker", 0.8, 0.7, low=0.6, high=1.0, strength=0.25, alike=0.9, n=40),
    one("augment", "probe:<b>", 0.9, 0.9, low=0.8, high=1.0, strength=0.2, alike=1.0, n=40),
]
TOLD = [
    one("relabel", "disagreement", 0.6, 0.9, low=0.5, high=0.7),
    one("collect", "coverage", 1.05, 0.3),
    *PROBES,
    win("relabel", 0.2, 0.1, 0.3),
    win("augment", 0.1, 0.05, 0.12),
    win("collect"),
    win("remove"),
    win("review_model"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"), reasons=TOLD)
    with found.run:
        yield found


def test_actions_come_in_the_order_that_was_written_the_recommended_first(made):
    found = handover.ranked(made.run, 1)
    assert [each.action for each in found] == [
        "collect", "relabel", "augment", "remove", "review_model",
    ]  # fmt: skip
    assert [each.place for each in found] == [1, 2, 3, 4, 5]
    relabel = found[1]
    assert relabel.sentence == "disagreement is 0.6"
    assert (relabel.win.share, relabel.win.low, relabel.win.high) == (0.2, 0.1, 0.3)
    assert [(each.low, each.high) for each in relabel.reasons] == [(0.5, 0.7)]
    assert found[0].sentence == "too little speaks for it: coverage is 1.05"
    assert found[0].win.share is None
    assert "unknown" in found[3].sentence


def test_wins_are_no_evidence(made):
    assert "win" not in {each.evidence for each in reasons(made.run, 1)}


def test_a_run_from_before_wins_is_ranked_by_its_evidence(tmp_path):
    with queried(tmp_path, reasons=TOLD[:2]).run as run:
        found = handover.ranked(run, 1)
        assert [each.action for each in found][:2] == ["collect", "relabel"]
        assert all(each.win is None for each in found)
        assert len(found) == 5
        assert handover.augmentation(run, 1).snippet == ""


def test_no_aggressor_no_advice(made):
    with pytest.raises(UsageError, match="no aggressor"):
        handover.ranked(made.run, 77)


def test_augment_takes_the_verified_transformation_and_gives_code(made):
    found = handover.augmentation(made.run, 1)
    assert [each.transform for each in found.tried] == ["blur", "darker"]  # none of a stranger's
    assert [each.verified for each in found.tried] == [False, True]
    assert "ColorJitter(brightness=(0.2, 1.0))" in found.snippet
    assert "80 % of the way" in found.said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (PROBES[:1], "No transformation that was tried"),
        ([one("augment", "shortcut", 0.9, 1.0)], "Break the link in training: shortcut is 0.9"),
        ([], "takes a model of images"),
    ],
)
def test_augment_says_why_there_is_no_code(tmp_path, told, said):
    with queried(tmp_path, reasons=told).run as run:
        found = handover.augmentation(run, 1)
    assert found.snippet == ""
    assert said in found.said


def test_collect_says_what_to_record(made):
    found = handover.recording(made.run, 1)
    assert found.rule
    assert found.rule in found.sentence
    assert found.lacking is None  # train holds as large a share
    assert found.candidates == handover.candidate_count(made.run, 1) == 30
    assert (found.unlabeled, round(found.expected, 3)) == (70, 18.375)  # 30 - (1 + … + 30) / 40
    assert found.sentence.endswith(
        ". Of 70 unlabeled samples the 30 most alike are ranked; about 18 of these are expected to "
        "be such samples."
    )


def test_what_is_ranked_is_no_count_of_such_samples():
    assert handover._among(14_000, 1_000, 312.4) == (
        "Of 14,000 unlabeled samples the 1,000 most alike are ranked; about 310 of these are "
        "expected to be such samples"
    )
    assert handover._among(40, 40, 0.2) == (
        "All 40 unlabeled samples are ranked; hardly any of these are expected to be such samples"
    )


def test_collect_says_how_many_train_lacks(tmp_path):
    light = queried(tmp_path / "one").frame
    nowhere = light["brightness"].where(light["population"] != "train", 0.9).tolist()
    made = queried(tmp_path / "two", other={"brightness": nowhere})
    of = made.frame["population"]
    share = (of.iloc[made.members[1]] == "validation").sum() / (of == "validation").sum()
    wanted = share * (of == "train").sum() / (1 - share)
    found = handover.recording(made.run, 1)
    assert found.lacking == max(handover.LEAST, int(-(-wanted // 1)))
    assert f"Record {found.lacking} samples" in found.sentence


def test_review_counts_mistakes_inside_against_elsewhere(made):
    found = handover.review(made.run, 1)
    frame = made.frame
    labeled = frame[frame["label"].notna()]
    inside = labeled[labeled["row_id"].isin(made.members[1])]
    wrong = inside[inside["label"] != inside["prediction"]]
    counts = wrong.groupby(["label", "prediction"]).size().sort_values(ascending=False)
    assert [each.n for each in found.confused] == counts.tolist()[:5]
    first = found.confused[0]
    of_label = inside[inside["label"] == first.label]
    assert first.share == pytest.approx(
        ((of_label["prediction"] == first.prediction).sum()) / len(of_label)
    )
    others = labeled[~labeled["row_id"].isin(made.members[1]) & (labeled["label"] == first.label)]
    assert first.elsewhere == pytest.approx((others["prediction"] == first.prediction).mean())
    sure = reliability(made.run, parse("concept = 1"))
    assert found.inside.error == sure.error
    assert f"{100 * sure.mean_accuracy:.0f} %" in found.sentence
