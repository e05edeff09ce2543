"""What was decided about aggressors: kept, found in later runs, overridden, and announced."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from aggressors import adding
from aggressors.errors import InputError, UsageError
from aggressors.queries.track import matched
from aggressors.queries.triage import chains
from aggressors.store.read import open_run
from aggressors.store.triage import list_decisions, read_members
from aggressors.store.workspace import Workspace
from aggressors.triage import decide, shown, triage
from triaged import publish_groups, validation_ids

IDS = validation_ids()
DUSK, ROAD, RAIN = IDS[:100], IDS[100:160], IDS[200:300]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """v1 has all three; v2 has lost dusk, and rain is smaller; v3 has all again, otherwise ranked.

    v4 is of another task.
    """
    workspace = Workspace.open(tmp_path_factory.mktemp("triage") / "workspace", create=True)
    publish_groups(workspace, "v1", [DUSK, ROAD, RAIN], day=1)
    publish_groups(workspace, "v2", [ROAD, RAIN[:60]], day=2)
    publish_groups(workspace, "v3", [RAIN, DUSK[:90], ROAD], day=3)
    publish_groups(workspace, "v4", [DUSK], day=4, task="segmentation")
    return workspace


@pytest.fixture
def workspace(published, tmp_path):
    shutil.copytree(published.root, tmp_path / "workspace")
    return Workspace.open(tmp_path / "workspace")


def say(workspace, run, rank, word, why="", by="ana"):
    with open_run(workspace.resolve(run)) as opened:
        return decide(opened, workspace, rank, word, why=why, by=by)


def found(workspace, run):
    with open_run(workspace.resolve(run)) as opened:
        return triage(opened, workspace).found


def words(workspace, run):
    return [one.word for one in found(workspace, run)]


# --- One run ---


def test_all_are_new_where_nothing_is_decided(workspace):
    assert words(workspace, "v1") == ["new", "new", "new"]
    assert {(one.decision, one.overlap) for one in found(workspace, "v1")} == {(None, None)}
    assert not workspace.triage.exists()


def test_a_decision_is_kept_with_who_when_why_and_whose_members(workspace):
    made = say(workspace, "v1", 2, "dismissed", " known \n noise ")
    (one,), wrong = list_decisions(workspace)
    assert (one, wrong) == (made, [])
    assert (one.word, one.why, one.author) == ("dismissed", "known noise", "ana")
    assert (one.run_id, one.run_name, one.model_run) == ("v1-0000", "v1", "v1-0000")
    assert (one.rank, one.name, one.members, one.task) == (2, "group 2", 60, "classification")
    assert one.model_created_at == "2026-01-01T00:00:00+00:00"
    known = found(workspace, "v1")
    assert [each.word for each in known] == ["new", "dismissed", "new"]
    assert (known[1].decision, known[1].overlap) == (made, 1.0)
    assert [each.rank for each in shown(known)] == [1, 3]


def test_members_are_known_by_the_hashes_that_the_run_has(workspace):
    made = say(workspace, "v1", 2, "accepted")
    with open_run(workspace.resolve("v1")) as run:
        sql = "SELECT hash(sample_id) AS h FROM samples WHERE list_contains($ids, sample_id)"
        theirs = run.cursor().execute(sql, {"ids": ROAD}).fetchnumpy()["h"]
    assert np.array_equal(np.sort(theirs), read_members(workspace, made))


def test_the_last_word_holds_and_new_takes_it_back(workspace):
    for word in ("accepted", "being-fixed", "fixed", "new"):
        say(workspace, "v1", 1, word)
        assert words(workspace, "v1")[0] == word
    decisions, _ = list_decisions(workspace)
    by_slug = {one.slug: one for one in decisions}
    # each names the one before, and they share one file of members
    assert [by_slug[one.follows].word for one in decisions if one.follows] == [
        "accepted", "being-fixed", "fixed",
    ]  # fmt: skip
    assert len(list(workspace.triage.glob("*.parquet"))) == 1
    with pytest.raises(UsageError, match="Aggressor 2 of v1 is new; there is nothing"):
        say(workspace, "v1", 2, "new")


def test_to_say_the_same_again_is_no_second_decision(workspace):
    first = say(workspace, "v1", 1, "dismissed", "noise")
    assert say(workspace, "v1", 1, "dismissed", "noise") == first
    assert say(workspace, "v1", 1, "dismissed", "noise in labels") != first
    assert len(list_decisions(workspace)[0]) == 2


@pytest.mark.parametrize(
    ("rank", "word", "why", "says"),
    [
        (1, "dismissed", " \n", "needs a reason"),
        (1, "ignored", "", "no word 'ignored' for an aggressor; use new, accepted, dismissed"),
        (1, "back", "", "no word 'back'"),
        (9, "accepted", "", "9"),
        (1, "accepted", "x" * 501, "has 501 characters; at most 500"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_nothing_is_written(workspace, rank, word, why, says):
    with pytest.raises(UsageError, match=says):
        say(workspace, "v1", rank, word, why)
    assert not workspace.triage.exists()


def test_a_reason_that_is_no_text_is_refused(workspace):
    with pytest.raises(InputError, match="no valid text"):
        say(workspace, "v1", 1, "accepted", "\udcff")


# --- Later runs ---


def test_a_decision_outlives_its_run_by_the_samples_they_share(workspace):
    dismissed = say(workspace, "v1", 1, "dismissed", "noise")
    accepted = say(workspace, "v1", 3, "accepted")
    assert words(workspace, "v2") == ["new", "accepted"]
    v3 = found(workspace, "v3")
    assert [one.word for one in v3] == ["accepted", "dismissed", "new"]
    assert [one.decision for one in v3] == [accepted, dismissed, None]
    # 90 of 100, and 60 of 100 in v2
    assert v3[1].overlap == pytest.approx(0.9)
    assert found(workspace, "v2")[1].overlap == pytest.approx(0.6)


def test_overlap_is_that_of_matched(workspace):
    for rank in (1, 2, 3):
        say(workspace, "v1", rank, "accepted")
    with open_run(workspace.resolve("v1")) as v1, open_run(workspace.resolve("v3")) as v3:
        pairs = matched(v3, v1).to_pylist()
    here = found(workspace, "v3")
    assert {one.aggressor.rank: (one.decision.rank, one.overlap) for one in here} == {
        row["rank"]: (row["other_rank"], pytest.approx(row["overlap"])) for row in pairs
    }


def test_a_later_decision_overrides_in_all_runs(workspace):
    say(workspace, "v1", 1, "dismissed", "noise")
    later = say(workspace, "v3", 2, "accepted")
    assert found(workspace, "v1")[0].decision == later
    assert words(workspace, "v1")[0] == words(workspace, "v3")[1] == "accepted"


def test_what_another_task_found_is_another_matter(workspace):
    say(workspace, "v1", 1, "dismissed", "noise")
    assert words(workspace, "v4") == ["new"]


def test_it_is_found_where_its_run_is_gone(workspace):
    say(workspace, "v1", 1, "dismissed", "noise")
    workspace.resolve("v1").unlink()
    assert words(workspace, "v3") == ["new", "dismissed", "new"]


def test_only_samples_of_both_runs_count(workspace):
    """An earlier data set had 30 of the 100 samples of dusk, and all of them were the group."""
    publish_groups(workspace, "v0", [DUSK[:30]], day=1, drop=DUSK[30:])
    say(workspace, "v0", 1, "dismissed", "noise")
    one = found(workspace, "v1")[0]
    assert (one.word, one.overlap) == ("dismissed", 1.0)
    workspace.resolve("v0").unlink()  # then nobody knows that it lacked the others
    assert words(workspace, "v1")[0] == "new"


# --- Back ---


def test_a_fixed_one_that_a_later_model_has_again_is_back(workspace):
    fixed = say(workspace, "v1", 1, "fixed")
    assert words(workspace, "v1")[0] == "fixed"
    assert words(workspace, "v2") == ["new", "new"]
    again = found(workspace, "v3")[1]
    assert (again.word, again.decision) == ("back", fixed)
    say(workspace, "v3", 2, "being-fixed")
    assert words(workspace, "v3")[1] == words(workspace, "v1")[0] == "being-fixed"


def test_one_fixed_in_a_later_model_is_not_back_in_an_earlier_one(workspace):
    say(workspace, "v3", 2, "fixed")
    assert words(workspace, "v1")[0] == "fixed"
    assert words(workspace, "v3")[1] == "fixed"


def test_a_fixed_one_can_be_fixed_once_more(workspace):
    first = say(workspace, "v1", 1, "fixed")
    second = say(workspace, "v3", 2, "fixed")
    assert second.follows == first.slug
    assert words(workspace, "v3")[1] == "fixed"


def add(workspace, name):
    """Derive a run; it is published today, long after all models."""
    values = pa.table({"sample_id": IDS, "rain": list(range(len(IDS)))})
    return adding.add_metadata(workspace.resolve(name), values, workspace).run_id


def test_metadata_makes_no_later_model(workspace):
    derived = add(workspace, "v1")
    say(workspace, "v1", 1, "fixed")
    assert words(workspace, derived)[0] == "fixed"
    # decided on the derived run, which is younger than v3, whose model is not
    say(workspace, derived, 2, "fixed")
    assert words(workspace, "v1")[1] == "fixed"
    assert words(workspace, "v3")[1:] == ["back", "back"]


def test_a_derived_run_of_a_later_model_has_it_back_too(workspace):
    derived = add(workspace, "v3")
    say(workspace, "v1", 1, "fixed")
    assert words(workspace, derived) == words(workspace, "v3") == ["new", "back", "new"]
    workspace.resolve("v3-0000").unlink()
    assert words(workspace, derived) == ["new", "back", "new"]


# --- Chains ---


@dataclass(frozen=True)
class Link:
    slug: str
    model_run: str
    rank: int
    follows: str = ""
    created_at: str = "2026-01-01"


def test_decisions_that_follow_each_other_are_one_chain():
    links = [
        Link("a", "v1", 1), Link("b", "v2", 4, "a", "2026-01-02"), Link("c", "v1", 2),
        Link("d", "v3", 7, "b", "2026-01-03"), Link("e", "v3", 8, "gone"),
    ]  # fmt: skip
    assert sorted(sorted(chain) for chain in chains(links)) == [[0, 1, 3], [2], [4]]
    assert chains(links)[0][-1] == 3  # decided about last
    assert chains([]) == []


def test_two_that_decide_at_once_about_one_aggressor_are_one_chain():
    assert chains([Link("a", "v1", 1), Link("b", "v1", 1)]) == [[0, 1]]


def test_files_that_follow_each_other_do_no_harm(workspace):
    first = say(workspace, "v1", 1, "accepted")
    second = say(workspace, "v1", 1, "fixed")
    path = workspace.triage / f"{first.slug}.json"
    path.write_text(path.read_text().replace('"follows": ""', f'"follows": "{second.slug}"'))
    assert words(workspace, "v1")[0] == "fixed"


def test_a_part_that_was_decided_about_does_not_speak_for_the_whole(tmp_path):
    """Half of dusk was dismissed after dusk was accepted; a later run has only the whole."""
    workspace = Workspace.open(tmp_path / "workspace", create=True)
    publish_groups(workspace, "v1", [DUSK, DUSK[:50]], day=1)
    publish_groups(workspace, "v2", [DUSK], day=2)
    accepted = say(workspace, "v1", 1, "accepted")
    say(workspace, "v1", 2, "dismissed", "noise")
    assert words(workspace, "v1") == ["accepted", "dismissed"]
    assert [one.decision for one in found(workspace, "v2")] == [accepted]


def test_who_follows_comes_later_whatever_the_clocks_say(workspace):
    first = say(workspace, "v1", 1, "accepted")
    second = say(workspace, "v1", 1, "fixed")
    path = workspace.triage / f"{first.slug}.json"
    path.write_text(path.read_text().replace(first.created_at, "2031-01-01T00:00:00+00:00"))
    assert found(workspace, "v1")[0].decision == second
