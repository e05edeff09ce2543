"""What a real Label Studio exported, taken into a label queue; see tests/data/label_studio."""

import json
from pathlib import Path

import pytest

from aggressors.errors import InputError
from aggressors.export import export
from aggressors.queries.queued import picks
from aggressors.queries.returned import Allowed, check_labels
from aggressors.store.label_files import read_answers
from aggressors.store.workspace import Workspace
from queried import queried

RECORDED = Path(__file__).parents[1] / "data" / "label_studio"
QUEUE = [task["data"]["sample_id"] for task in json.loads((RECORDED / "tasks.json").read_bytes())]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


@pytest.fixture
def queue(run, tmp_path):
    queue = Workspace.open(tmp_path / "workspace", create=True).label_queue("to-label")
    queue.add(picks(run, QUEUE))
    return queue


def test_the_recorded_tasks_are_what_is_exported_today(run):
    made = export(run, "queue", format="label-studio", queue=picks(run, QUEUE))
    recorded = json.loads((RECORDED / "tasks.json").read_bytes())
    for task, kept in zip(json.loads(made.main.content), recorded, strict=True):
        image, kept_image = task["data"].pop("image"), kept["data"].pop("image")
        assert kept_image == image.replace("?d=", "?d=photos/")
        assert task == kept
    assert made.beside[0].content == (RECORDED / "config.xml").read_bytes()


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("export.json", "Label Studio JSON"),
        ("export-min.json", "Label Studio JSON-MIN"),
        ("export-min-all.json", "Label Studio JSON-MIN"),
        ("export.csv", "Label Studio CSV"),
    ],
)
def test_every_form_tells_the_conflict_and_the_unknown_class_and_nothing_else(
    run, queue, file, form
):
    checked = check_labels(queue, RECORDED / file, run, allowed=Allowed(skip_empty=True))
    assert checked.form == form
    found = {one.kind: {row.sample_id for row in one.rows} for one in checked.problems}
    assert found == {"two answers": {QUEUE[3]}, "unknown class": {QUEUE[7]}}
    with pytest.raises(InputError, match="trousers"):
        checked.take()
    assert queue.rows("labeled").num_rows == 0


def test_what_two_people_did_is_read_as_it_was():
    answers = read_answers(RECORDED / "export.json").rows
    of = {sample_id: [one for one in answers if one.sample_id == sample_id] for sample_id in QUEUE}
    said = [sorted(one.label or one.why for one in of[sample_id]) for sample_id in QUEUE]
    assert said == [
        ["coat"], ["shirt"], ["wide boot"] * 2, ["coat", "shirt"], ["skipped"],
        ["shirt", "skipped"], [""], ["trousers"], [""], [""],
    ]  # fmt: skip
    assert [of[sample_id][0].of_group for sample_id in QUEUE[:3]] == [True, False, None]


def test_an_untouched_task_of_a_short_export_has_no_answer():
    rows = json.loads((RECORDED / "export-min-all.json").read_bytes())
    answered = {row["sample_id"] for row in rows if row.get("label")}
    assert not answered & {QUEUE[8], QUEUE[9]}
