"""What a workspace adds to the page of a run: tests, decisions, hypotheses, the model before it."""

import pytest

from aggressors import gate
from aggressors.comparing import compare
from aggressors.contracts import Settings
from aggressors.progress import Silent
from aggressors.report.gathered import gather
from aggressors.store.hypotheses import save_hypothesis
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors.triage import decide
from reported import EVIL, Tags, detailed, written
from versions import publish_story, publish_tables, publish_version


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """v1 fails at dusk, v2 solves it, v3 brings it back; a test of it, and another one."""
    place = Workspace.open(tmp_path_factory.mktemp("report") / "workspace", create=True)
    publish_story(place)
    gate.save_test(place, "v1", aggressor=1, slug="dusk")
    gate.save_test(place, "v1", where="station = north and brightness >= 0.3", slug="north")
    return place


def page(workspace, run, folder):
    return Tags(written(workspace, run, folder / "x.html"))


def test_a_test_over_the_runs_stands_in_the_card_whose_samples_it_holds(story, tmp_path):
    tags = page(story, "v3", tmp_path)
    text = tags.text
    card, _, after = text.partition("Saved tests Test State Margin")
    assert "✕ fail Mean error" in card
    assert "holds 100" in card
    assert "Run Verdict State after it Mean Change (95 %) n v3 ✕ fail regressed" in card
    assert "v2 ✓ pass solved" in card
    assert "v1 ◆ baseline open" in card
    drawn = [
        one["aria-label"]
        for one in tags.all("svg")
        if "of dusk by run" in (one.get("aria-label") or "")
    ]
    assert len(drawn) == 1
    assert "v1 baseline" in drawn[0]
    assert "v3 fail" in drawn[0]
    others = after.partition("Tests of no aggressor above")[2]
    assert "Test north" in others
    assert "Test dusk" not in others


def test_the_matrix_has_every_run_and_the_origin_of_each_margin(story, tmp_path):
    text = page(story, "v2", tmp_path).text
    row = text.partition("Saved tests Test State Margin, and where it is from v1 v2 v3")[2]
    assert row.startswith(
        " dusk 74 samples regressed 0.0232, a twentieth of its gap of 0.464 when saved"
    )
    assert "◆ baseline ✓ pass ✕ fail" in row


def test_the_bottom_line_names_failed_tests_and_the_change(story, tmp_path):
    text = page(story, "v3", tmp_path).text
    head = text.partition("Accuracy")[0]
    assert "v3 fails 1 of 2 saved tests: dusk." in head
    assert "Against v2: mean loss" in head
    assert "worse" in head.partition("Against v2")[2]


def test_what_got_worse_is_listed_once_it_was_sought(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_story(place)
    before = page(place, "v3", tmp_path).text
    assert (
        "It was not sought yet: aggressors compare v3-0000 --baseline v2-0000 finds it." in before
    )
    found = compare(place, "v3")
    assert found.worse
    after = page(place, "v3", tmp_path)
    assert "It was not sought yet" not in after.text
    group = found.worse[0].group
    assert f"{group.n_confirm:,} none" in after.text  # no test covers it
    gate.save_test(place, "v3", worse=group.rank, slug="worse")
    assert f"{group.n_confirm:,} worse" in page(place, "v3", tmp_path).text


def test_a_damaged_run_that_it_was_compared_with_gives_way_to_the_model_before(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_story(place)
    compare(place, "v3", "v1")
    with open_run(place.resolve("v3")) as run:
        told = gather(run, place, Silent(), pictures=False)
        assert told.against.baseline_name == "v1"
        place.resolve("v1").write_bytes(b"torn")
        assert gather(run, place, Silent(), pictures=False).against.baseline_name == "v2"


def test_a_dismissed_aggressor_is_left_out_counted_and_named_with_its_reason(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_tables(place, detailed(), "v1", day=1)
    with open_run(place.resolve("v1")) as run:
        decide(run, place, 1, "dismissed", why=EVIL, by="ana")
    tags = page(place, "v1", tmp_path)
    assert "Every aggressor of this run is dismissed." in tags.text
    assert "One by one" not in tags.text
    last = tags.text.partition("Dismissed by the team 1 brightness < 0.25")[2]
    assert EVIL in last
    assert "Dismissed by ana on v1" in last
    assert "script" not in tags.names()
    ticket = written(place, "v1", tmp_path / "x.md")
    assert "Not listed: 1 dismissed." in ticket
    assert "- [ ]" not in ticket


def test_an_aggressor_that_is_back_is_announced(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_version(place, "v1", day=1)
    publish_version(place, "v2", day=2)
    with open_run(place.resolve("v1")) as run:
        decide(run, place, 1, "fixed", by="ana")
    text = page(place, "v2", tmp_path).text
    assert (
        "Back after it was fixed: aggressor 1, brightness < 0.25." in text.partition("Accuracy")[0]
    )
    assert "back Fixed by ana on v1" in text
    assert "Back after it was fixed" in written(place, "v2", tmp_path / "x.md")


def test_hypotheses_stand_in_the_card_of_their_aggressor(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_version(place, "v1", day=1)
    save_hypothesis(
        place, title=EVIL, filter="brightness < 0.25", run_id="v1-0000", aggressor=1, author="ana",
        confounders=("hour",),
    )  # fmt: skip
    text = page(place, "v1", tmp_path).text
    told = text.partition("Hypothesis tested Answer What the data say")[2]
    assert told.startswith(f" {EVIL} brightness < 0.25 · hour held still · ana")
    assert "The claim holds for" in told


def test_a_hypothesis_of_an_earlier_model_is_judged_where_the_samples_are(story, tmp_path):
    made = {"filter": "brightness < 0.25", "run_id": "v1-0000"}
    save_hypothesis(story, title="too dark", aggressor=1, **made)
    save_hypothesis(story, title="of everything", aggressor=None, **made)
    save_hypothesis(story, title="run is gone", aggressor=1, filter="hour < 9", run_id="v0-0000")
    card, _, after = page(story, "v3", tmp_path).text.partition("Saved tests Test State")
    assert "too dark brightness < 0.25" in card
    assert "of aggressor 1 of v1" in card
    rest = after.partition("Hypotheses of no aggressor above")[2]
    assert "of everything brightness < 0.25 not judged It is about all samples" in rest
    assert "run is gone" in rest
    assert "too dark" not in rest


def test_a_run_file_from_elsewhere_is_judged_beside_the_runs(story, tmp_path):
    other = Workspace.open(tmp_path / "other", create=True)
    path = publish_version(other, "sent", day=4, noise=5)
    with open_run(path) as run:
        found = gather(run, story, Silent(), pictures=False)
    assert [one.name for one in found.tests.history.runs] == ["v1", "v2", "v3", "sent"]
    text = Tags(written(story, path, tmp_path / "x.html")).text
    assert "sent fails 1 of 2 saved tests: dusk." in text
    assert not (story.verdicts / "sent-0000.json").exists()


def test_files_that_cannot_be_used_are_named(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_version(place, "v1", day=1)
    (place.tests).mkdir(exist_ok=True)
    (place.tests / "broken.json").write_text("{")
    text = page(place, "v1", tmp_path).text
    assert "Files that could not be used broken:" in text


def test_one_run_without_tests_reads_well(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_version(place, "v1", day=1)
    text = page(place, "v1", tmp_path).text
    assert "No test is saved yet. aggressors save-test RUN --aggressor 1" in text
    assert "Against" not in text


def test_thresholds_say_whether_they_are_the_default(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_version(place, "v1", day=1, settings=Settings(materiality=0.1))
    text = page(place, "v1", tmp_path).text
    assert "exceeds 0.1 × the mean loss (set here)" in text
    assert "rate of 5 % (the default)" in text
