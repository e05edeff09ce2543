"""Labels that come back: all problems are told, and nothing is half taken."""

import json

import pyarrow as pa
import pytest

from aggressors.errors import InputError, UsageError
from aggressors.export.table import csv as our_csv
from aggressors.queries.queued import picks
from aggressors.queries.returned import Allowed, check_labels, run_of
from aggressors.store.label_files import read_answers
from aggressors.store.label_import import check
from aggressors.store.label_queues import NOT_OF_GROUP
from aggressors.store.workspace import Workspace
from queried import queried

CLASSES = ("coat", "shirt", "wide boot")


@pytest.fixture
def place(tmp_path):
    return Workspace.open(tmp_path, create=True)


@pytest.fixture
def queue(place):
    found = place.label_queue("dusk")
    found.add(pa.table({"sample_id": ["a", "b", "c", "d", "=e"]}))
    return found


def checked(queue, content, classes=CLASSES, known=(), **allowed):
    if isinstance(content, list):
        content = json.dumps(content).encode()
    answers = read_answers(content)
    return check(queue, answers, classes=classes, known=known, allowed=Allowed(**allowed))


def row(sample, label="", **more):
    return {"sample_id": sample, "label": label, "rejected": "", "of_group": None} | more


def kinds(found):
    return {one.kind: [(each.row, each.sample_id, each.got) for each in one.rows]
            for one in found.problems}  # fmt: skip


def states(queue):
    rows = queue.rows().to_pylist()
    return {row["sample_id"]: (row["state"], row["label"] or row["why"]) for row in rows}


def test_a_label_beside_a_rejection_is_told(queue):
    found = checked(queue, [row("a", "coat", rejected="blurry")])
    assert kinds(found) == {"two answers": [(1, "a", "coat, and rejected: blurry")]}
    helps = checked(queue, [row("a", "coat", rejected=NOT_OF_GROUP)])
    assert not helps.problems


def test_sound_answers_are_taken_in_one_batch(queue):
    found = checked(
        queue,
        [
            row("a", "coat", labeled_by="Ann", labeled_at="2026-11-01T12:00:00Z", of_group="yes"),
            row("b", "wide boot"),
            row("c", rejected="unusable"),
            row("d", of_group="no"),
            row("=e", "shirt", rejected=NOT_OF_GROUP),
        ],
    )
    assert found.problems == ()
    assert found.refusal == ""
    before = len(list(queue.folder.iterdir()))
    found.take(by="Ben")
    assert len(list(queue.folder.iterdir())) == before + 1
    assert states(queue) == {
        "a": ("labeled", "coat"),
        "b": ("labeled", "wide boot"),
        "c": ("rejected", "unusable"),
        "d": ("rejected", NOT_OF_GROUP),
        "=e": ("labeled", "shirt"),  # it helps, though it is none of the group
    }
    rows = {one["sample_id"]: one for one in queue.rows().to_pylist()}
    assert [rows[one]["of_group"] for one in ("a", "b", "=e")] == [True, None, False]
    assert (rows["a"]["by"], rows["b"]["by"]) == ("Ann", "Ben")
    assert rows["a"]["labeled_at"].isoformat() == "2026-11-01T12:00:00+00:00"
    assert rows["a"]["changed_at"].year >= 2026


def test_everything_that_is_wrong_is_told_and_nothing_is_taken(place, queue):
    place.label_queue("dawn").add(pa.table({"sample_id": ["x"]}))
    queue.mark(["d"], "labeled", labels="coat")
    found = checked(
        queue,
        [
            row("", "coat"),
            row("aa", "coat"),
            row("x", "coat"),
            row("y", "coat"),
            row("a", "coot"),
            row("b"),
            row("c", {"choices": ["coat", "shirt"]}),
            row("d", "shirt"),
            row("=e", "coat"),
            row("=e", "shirt"),
            row("a", "zzz"),
        ],
        known={"y"},
    )
    assert kinds(found) == {
        "no sample_id": [(1, "", "coat")],
        "unknown id": [(2, "aa", "the nearest is 'a'")],
        "not in this queue": [(3, "x", "in the queue 'dawn'"), (4, "y", "in the run, in no queue")],
        "no label of the whole sample": [
            (7, "c", '2 labels in one answer: ["coat", "shirt"]'),
        ],
        "no label": [(6, "b", "empty")],
        "unknown class": [(5, "a", "coot, nearest coat"), (11, "a", "zzz")],
        "two answers": [(10, "=e", "coat, shirt")],
        "another answer in the queue": [(8, "d", "shirt, there coat")],
    }
    before = states(queue)
    with pytest.raises(InputError, match="Nothing was taken: 10 of 11 rows do not fit 'dusk'"):
        found.take()
    assert states(queue) == before
    lines = found.refusal.splitlines()
    assert len(lines) == 9
    assert lines[1] == (
        "- 1 × no sample_id: element 1 (coat). To go on, name its column with --columns "
        "sample_id=COLUMN."
    )


def test_what_cannot_be_read_is_told_by_its_row_with_what_is_allowed(queue):
    content = (
        b"sample_id,label,of_group,labeled_at\n"
        b"a,coat,maybe,2026-11-27\n"
        b"b,coot,yes,27.11.2026\n"
        b"c,coat,yes\n"
        b"d,coat,yes,2026-11-27\n"
    )
    found = checked(queue, content)
    assert kinds(found) == {
        "neither yes nor no": [(2, "a", "of_group is 'maybe'")],
        "no date": [(3, "b", "labeled_at is '27.11.2026'")],
        "unknown class": [(3, "b", "coot, nearest coat")],
        "not as long as the header": [(4, "c", "3 cells where the header has 4")],
    }
    assert found.unfit == 3
    assert found.refusal.startswith("Nothing was taken: 3 of 4 rows do not fit 'dusk'.")
    assert "row 2, 'a' (of_group is 'maybe'). To go on, write yes, no, or nothing." in found.refusal
    assert "write a date such as 2026-11-27 or 2026-11-27T12:30:00Z" in found.refusal
    assert [one.sample_id for one in found.labeled] == ["d"]
    with pytest.raises(InputError):
        found.take()


def test_an_id_that_is_no_text_is_told_as_such_with_all_else_of_its_row(queue):
    found = checked(queue, [row("a", "coat"), row(["b"], "coat", of_group="maybe")])
    assert kinds(found) == {
        "neither text nor number": [(2, "", "sample_id is a list: ['b']")],
        "neither yes nor no": [(2, "", "of_group is 'maybe'")],
    }
    assert found.unfit == 1
    assert found.refusal.startswith("Nothing was taken: 1 of 2 rows does not fit 'dusk'.")


def test_places_are_those_of_the_file(queue):
    lines = b'{"sample_id": "a", "label": "coat"}\n\n{"sample_id": "b", "label": "coot"}\n'
    assert "line 3, 'b' (coot, nearest coat)" in checked(queue, lines).refusal
    assert "element 1, 'b'" in checked(queue, [row("b", "coot")]).refusal
    blank = b"sample_id,label\na,coat\n\nb,coot\n"
    assert "row 4, 'b'" in checked(queue, blank).refusal


def test_a_long_list_shows_the_first_and_keeps_all(queue):
    found = checked(queue, [row(f"gone-{one}", "coat") for one in range(50)])
    (problem,) = found.problems
    assert len(problem.rows) == 50
    near = checked(queue, [row("a", f"coat{one}") for one in range(50)]).problems[0].rows
    assert [one.got.endswith(", nearest coat") for one in near] == [True] * 20 + [False] * 30
    assert "and 47 more" in problem.sentence


def test_what_is_allowed_is_taken_or_left_out(place, queue):
    place.label_queue("dawn").add(pa.table({"sample_id": ["x"]}))
    queue.mark(["d"], "labeled", labels="coat")
    rows = [row("x", "coat"), row("gone", "coat"), row("a", "parka"), row("b"), row("d", "shirt")]
    found = checked(queue, rows, skip_unknown=True, skip_empty=True, new_classes=True, replace=True)
    assert found.problems == ()
    assert (found.left_out, found.new_classes) == (3, ("parka",))
    found.take()
    assert states(queue)["a"] == ("labeled", "parka")
    assert states(queue)["d"] == ("labeled", "shirt")


def test_the_same_answer_again_changes_nothing(queue):
    rows = [row("a", "coat"), row("b", rejected="unusable")]
    checked(queue, rows).take()
    files = len(list(queue.folder.iterdir()))
    again = checked(queue, rows)
    assert (again.unchanged, again.labeled, again.rejected) == (2, (), ())
    again.take()
    assert len(list(queue.folder.iterdir())) == files
    more = checked(queue, [row("a", "coat", of_group="yes")])  # the label, and something more
    assert (more.unchanged, len(more.labeled)) == (0, 1)
    more.take()
    assert queue.rows("labeled")["of_group"].to_pylist() == [True]


def test_several_annotators_agree_differ_skip_or_are_decided(queue):
    said = [
        row("a", "coat", labeled_by="Ann", of_group="yes"),
        row("a", "coat", labeled_by="Ben", of_group="no"),
        row("b", rejected="skipped", labeled_by="Ann"),
        row("b", "shirt", labeled_by="Ben"),
        row("c", rejected="skipped"),
        row("d", "coat"),
        row("d", "coat"),
        row("d", "shirt"),
    ]
    assert kinds(checked(queue, said)) == {"two answers": [(7, "d", "coat (2), shirt")]}
    found = checked(queue, said[:5])
    found.take()
    rows = {one["sample_id"]: one for one in queue.rows().to_pylist()}
    assert (rows["a"]["by"], rows["a"]["of_group"]) == ("Ann, Ben", None)
    assert (rows["b"]["label"], rows["b"]["by"]) == ("shirt", "Ben")
    assert (rows["c"]["state"], rows["c"]["why"]) == ("rejected", "skipped")


def test_a_skip_says_nothing_against_a_label_that_is_there(queue):
    queue.mark(["a"], "labeled", labels="coat")
    found = checked(queue, [row("a", rejected="skipped")], replace=True)
    assert (found.problems, found.labeled, found.rejected, found.unchanged) == ((), (), (), 1)


def test_ground_truth_stands_above_other_annotations(queue):
    def one(label, **more):
        value = {"choices": [label]}
        return {"result": [{"from_name": "label", "type": "choices", "value": value}]} | more

    task = {"data": {"sample_id": "a"}, "annotations": [one("coat"), one("shirt"),
            one("wide boot", ground_truth=True)]}  # fmt: skip
    found = checked(queue, [task])
    assert found.problems == ()
    assert found.labeled[0].label == "wide boot"


def test_a_word_in_place_of_a_class_rejects_unless_it_is_a_class(queue):
    found = checked(queue, [row("a", "Not of the group"), row("b", "unusable")])
    assert [(one.sample_id, one.why) for one in found.rejected] == [
        ("a", NOT_OF_GROUP),
        ("b", "unusable"),
    ]
    found = checked(queue, [row("b", "unusable")], classes=("unusable", "coat"))
    assert [one.label for one in found.labeled] == ["unusable"]


def test_ids_and_classes_that_look_like_formulas_survive_a_spreadsheet(queue):
    content = our_csv(pa.table({"sample_id": ["=e", "a"], "label": ["-1", "coat"]}))
    assert b"'=e" in content
    found = checked(queue, content, classes=("-1", "coat"))
    assert found.problems == ()
    assert [(one.sample_id, one.label) for one in found.labeled] == [("=e", "-1"), ("a", "coat")]


def test_blanks_around_ids_and_classes_are_no_part_of_them_unless_they_are(place):
    queue = place.label_queue("odd")
    queue.add(pa.table({"sample_id": ["a", " b "]}))
    found = checked(queue, [row(" a ", "coat "), row(" b ", " odd ")], classes=("coat", " odd "))
    assert found.problems == ()
    assert [(one.sample_id, one.label) for one in found.labeled] == [
        ("a", "coat"),
        (" b ", " odd "),
    ]
    assert kinds(checked(queue, [row("a", "  ")])) == {"no label": [(1, "a", "empty")]}


def test_an_id_that_begins_with_a_quote_of_its_own_is_kept(place):
    queue = place.label_queue("odd")
    queue.add(pa.table({"sample_id": ["'=e", "=e"]}))
    found = checked(queue, [row("'=e", "coat"), row("=e", "shirt")])
    assert [one.sample_id for one in found.labeled] == ["'=e", "=e"]


@pytest.mark.parametrize("label", ["3", "-2.5", "1e3"])
def test_a_number_is_a_label_where_the_run_predicts_one(queue, label):
    assert checked(queue, [row("a", label)], classes=()).labeled[0].label == label


@pytest.mark.parametrize("label", ["coat", "nan", "inf", "1,5"])
def test_what_is_no_number_is_told(queue, label):
    assert kinds(checked(queue, [row("a", label)], classes=())) == {"no number": [(1, "a", label)]}


def test_a_reason_that_is_too_long_is_told(queue):
    assert "no label of the whole sample" in kinds(checked(queue, [row("a", rejected="x" * 300)]))


# --- With a run ---


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found.run
    found.run.close()


def test_the_run_knows_the_classes_and_what_is_in_no_queue(place, run):
    queue = place.label_queue("to-label")
    queue.add(picks(run, ["unlabeled-0299", "unlabeled-0298"], rank=1))
    content = (
        b"sample_id,label\nunlabeled-0299,wide boot\nunlabeled-0298,boot\ntrain-0001,coat\nz,coat\n"
    )
    found = check_labels(queue, content, run, name="mine.csv")
    assert [(one.kind, one.rows[0].sample_id) for one in found.problems] == [
        ("unknown id", "z"),
        ("not in this queue", "train-0001"),
        ("unknown class", "unlabeled-0298"),
    ]


def test_without_its_run_a_queue_takes_labels_only_when_told_so(place, queue):
    assert run_of(place, queue) is None
    with pytest.raises(UsageError, match="no class can be checked"):
        check_labels(queue, b"sample_id,label\na,coat\n", None)
    found = check_labels(
        queue, b"sample_id,label\na,coat\n", None, allowed=Allowed(new_classes=True)
    )
    found.take()
    assert states(queue)["a"] == ("labeled", "coat")


def test_the_run_of_a_queue_is_that_of_most_samples_and_never_outside(place, run):
    queue = place.label_queue("dusk")
    queue.add(
        pa.table({"sample_id": list("abcd"), "run_id": ["../evil", "../evil", "../evil", "r1"]})
    )
    place.runs.mkdir()
    (place.root / "evil.duckdb").write_bytes(b"")
    assert run_of(place, queue) is None
    (place.runs / "r1.duckdb").write_bytes(b"")
    assert run_of(place, queue) == place.runs / "r1.duckdb"
