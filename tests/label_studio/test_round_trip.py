"""Our tasks in the real Label Studio, and its answers back here. `make test-label-studio`.

AGGRESSORS_RECORD=1 keeps what the server exports as tests/data/label_studio, for the unit tests of
the import.
"""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from aggressors.export import export
from aggressors.export.label_studio import interface
from aggressors.queries.returned import check_labels
from label_studio.conftest import QUEUE, Place, Project, imported
from label_studio.server import Refused
from queried import CLASSES

pytestmark = [pytest.mark.label_studio, pytest.mark.timeout(900)]
KEPT = Path(__file__).parents[1] / "data" / "label_studio"


def chosen(label, of_group=None):
    answers = {"label": label} | ({"of_group": of_group} if of_group else {})
    return [
        {
            "from_name": name, "to_name": "image", "type": "choices",
            "value": {"choices": [value]},
        }
        for name, value in answers.items()
    ]  # fmt: skip


@pytest.fixture(scope="session")
def worked_on(place: Place, project: Project) -> Project:
    """Two people answer: agreed, changed, skipped, in conflict, unfinished, of no known class."""
    first, second = place.server.first, place.second
    task = [project.tasks[sample_id] for sample_id in QUEUE]

    def answer(who, number, label, of_group=None):
        path = f"/api/tasks/{task[number]}/annotations/"
        return who.call("POST", path, {"result": chosen(label, of_group), "lead_time": 2.5})

    answer(first, 0, "coat", "yes")
    changed = answer(first, 1, "coat")
    first.call("PATCH", f"/api/annotations/{changed['id']}/", {"result": chosen("shirt", "no")})
    answer(first, 2, "wide boot"), answer(second, 2, "wide boot")
    answer(first, 3, "coat"), answer(second, 3, "shirt")
    first.call("POST", f"/api/tasks/{task[4]}/annotations/", {"result": [], "was_cancelled": True})
    first.call("POST", f"/api/tasks/{task[5]}/annotations/", {"result": [], "was_cancelled": True})
    answer(second, 5, "shirt")
    first.call("POST", f"/api/tasks/{task[6]}/drafts", {"result": chosen("coat")})
    answer(first, 7, "trousers")
    return project


def test_all_tasks_arrive_in_their_order_with_their_predictions(place: Place, project: Project):
    first = place.server.first
    assert list(project.tasks) == QUEUE
    shown = first.call("GET", f"/api/predictions?project={project.number}")
    assert len(shown) == len(QUEUE)
    of_task = {prediction["task"]: prediction for prediction in shown}
    for rank, (sample_id, number) in enumerate(project.tasks.items(), start=1):
        data = first.call("GET", f"/api/tasks/{number}")["data"]
        assert (data["sample_id"], data["rank"]) == (sample_id, rank)
        assert data["priority"] == pytest.approx(1 - (rank - 1) / len(QUEUE))
        assert of_task[number]["model_version"] == "net"
        assert of_task[number]["result"][0]["value"]["choices"] == [data["prediction"]]
        assert of_task[number]["score"] == pytest.approx(data["confidence"])


def test_the_first_task_to_label_is_the_first_of_the_queue(place: Place):
    """A project of its own: what is next depends on what was answered."""
    made = export(place.run, "queue", format="label-studio", queue=QUEUE, media="thumbnail")
    tasks_file, config = made.save(place.root.parents[1] / "next.json")
    fresh = imported(place, tasks_file, config.read_text())
    first = place.server.first.call("GET", f"/api/projects/{fresh.number}/next")
    assert first["data"]["sample_id"] == QUEUE[0]
    assert first["predictions"][0]["result"][0]["type"] == "choices"
    assert first["data"]["image"].startswith("data:image/jpeg;base64,")


def test_the_data_manager_sorts_by_rank_and_priority(place: Place, project: Project):
    first = place.server.first
    for ordering in ("tasks:data.rank", "-tasks:data.priority"):
        view = first.call(
            "POST",
            "/api/dm/views",
            {"project": project.number, "data": {"title": ordering, "ordering": [ordering]}},
        )
        answer = first.call("GET", f"/api/tasks?view={view['id']}&page_size=100&fields=all")
        assert [task["data"]["sample_id"] for task in answer["tasks"]] == QUEUE


def test_originals_are_shown_once_the_folder_is_added(place: Place, project: Project):
    first = place.server.first
    data = first.call("GET", f"/api/tasks/{project.tasks[QUEUE[0]]}")["data"]
    assert data["image"] == f"/data/local-files/?d=photos/{quote(QUEUE[0])}.jpg"
    with pytest.raises(Refused):
        first.call("GET", data["image"])
    storage = {"project": project.number, "path": str(place.root), "use_blob_urls": True}
    first.call("POST", "/api/storages/localfiles", storage)
    assert first.call("GET", data["image"]) == (place.root / f"{QUEUE[0]}.jpg").read_bytes()


def test_copied_pictures_are_shown_where_the_export_is_the_root(place: Place):
    """The folder that the export says to serve; a path in the root itself is refused."""
    first = place.server.first
    made = export(
        place.run, "queue", format="label-studio", queue=QUEUE, media="copy",
        media_roots=[place.root],
    )  # fmt: skip
    out = place.root.parent / "copied"
    made.save(out)
    task = json.loads((out / "tasks.json").read_text())[0]["data"]
    assert task["image"] == f"/data/local-files/?d=images/000001-{QUEUE[0]}.jpg"
    number = first.call("POST", "/api/projects", {"title": "Copied"})["id"]
    storage = {"project": number, "path": str(out / "images"), "use_blob_urls": True}
    first.call("POST", "/api/storages/localfiles", storage)
    # This server's root is one folder further up.
    served = task["image"].replace("?d=images", "?d=copied/images")
    assert first.call("GET", served) == (place.root / f"{QUEUE[0]}.jpg").read_bytes()


@pytest.mark.parametrize(
    ("classes", "result"),
    [
        (('a"/><b>', "b & c", "comma, small", "grün 服", "'x'", "=1+1"), None),
        ((), {"type": "number", "value": {"number": 1.5}}),
    ],
)
@pytest.mark.parametrize("pictured", [True, False])
def test_odd_names_and_numbers_are_valid_predictions(place: Place, classes, result, pictured):
    first, kind = place.server.first, "image" if pictured else "text"
    number = first.call(
        "POST",
        "/api/projects",
        {"title": "Odd names", "label_config": interface(pictured, classes).decode()},
    )["id"]
    answers = [{"type": "choices", "value": {"choices": [name]}} for name in classes] or [result]
    tasks = [
        {
            "data": {kind: "x"},
            "predictions": [{"result": [{"from_name": "label", "to_name": kind, **answer}]}],
        }
        for answer in answers
    ]
    counted = first.call("POST", f"/api/projects/{number}/import", tasks)
    assert counted["prediction_count"] == len(answers)


def test_a_prediction_that_the_interface_lacks_is_refused(place: Place):
    """So that the tests above can fail."""
    first = place.server.first
    number = first.call(
        "POST",
        "/api/projects",
        {"title": "Refuses", "label_config": interface(True, CLASSES).decode()},
    )["id"]
    task = {"data": {"image": "x"}, "predictions": [{"result": chosen("trousers")}]}
    with pytest.raises(Refused, match="trousers"):
        first.call("POST", f"/api/projects/{number}/import", [task])


def test_its_exports_name_our_samples(place: Place, worked_on: Project):
    first = place.server.first
    full = first.export(worked_on.number, "JSON", everything=True)
    short = first.export(worked_on.number, "JSON_MIN")
    short_all = first.export(worked_on.number, "JSON_MIN", everything=True)
    table = first.export(worked_on.number, "CSV")
    if os.environ.get("AGGRESSORS_RECORD"):
        keep(worked_on, full, short, short_all, table)

    tasks = json.loads(full)
    assert {task["data"]["sample_id"] for task in tasks} == set(QUEUE)
    answers = {task["data"]["sample_id"]: task["annotations"] for task in tasks}
    assert labels(answers[QUEUE[0]]) == ["coat"]
    assert labels(answers[QUEUE[1]]) == ["shirt"]
    assert labels(answers[QUEUE[2]]) == ["wide boot", "wide boot"]
    assert sorted(labels(answers[QUEUE[3]])) == ["coat", "shirt"]
    assert [one["was_cancelled"] for one in answers[QUEUE[4]]] == [True]
    assert answers[QUEUE[6]] == answers[QUEUE[9]] == []
    assert all(task["data"]["rank"] for task in tasks)
    assert {row["sample_id"] for row in json.loads(short)} <= set(QUEUE)
    answered = {row["sample_id"] for row in json.loads(short_all) if "label" in row}
    assert answered == {row["sample_id"] for row in json.loads(short)}
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert {row["sample_id"]: row["label"] for row in rows}[QUEUE[1]] == "shirt"


def test_what_does_not_fit_is_all_told_and_what_was_decided_comes_home(
    place: Place, worked_on: Project, tmp_path: Path
):
    """A conflict and an unknown class keep everything out; decided in the server, all comes in."""
    first, number = place.server.first, worked_on.number
    queue, file = place.workspace.label_queue("to-label"), tmp_path / "export.json"
    file.write_bytes(first.export(number, "JSON"))
    refused = place.type("import-labels", file, "--queue", "to-label")
    print(refused.stderr)
    assert refused.returncode == 3
    for told in ("1 × unknown class", "trousers", QUEUE[7], "1 × two answers", QUEUE[3]):
        assert told in refused.stderr
    assert queue.rows("labeled").num_rows == 0

    tasks = {task["data"]["sample_id"]: task for task in json.loads(file.read_bytes())}
    (unknown,) = tasks[QUEUE[7]]["annotations"]
    (right,) = (one for one in tasks[QUEUE[3]]["annotations"] if labels([one]) == ["shirt"])
    first.call("PATCH", f"/api/annotations/{unknown['id']}/", {"result": chosen("coat")})
    first.call("PATCH", f"/api/annotations/{right['id']}/", {"ground_truth": True})
    file.write_bytes(first.export(number, "JSON", everything=True))
    taken = place.type("import-labels", file, "--queue", "to-label", "--skip-empty")
    print(taken.stdout)
    assert taken.returncode == 0, taken.stderr
    rows = {row["sample_id"]: row for row in queue.rows().to_pylist()}
    assert {sample_id: row["label"] for sample_id, row in rows.items() if row["label"]} == {
        QUEUE[0]: "coat", QUEUE[1]: "shirt", QUEUE[2]: "wide boot", QUEUE[3]: "shirt",
        QUEUE[5]: "shirt", QUEUE[7]: "coat",
    }  # fmt: skip
    assert (rows[QUEUE[0]]["of_group"], rows[QUEUE[1]]["of_group"]) == (True, False)
    assert rows[QUEUE[4]]["state"] == "rejected"
    waiting = {rows[sample_id]["state"] for sample_id in (QUEUE[6], QUEUE[8], QUEUE[9])}
    assert waiting == {"exported"}

    # The short forms say the same, but not which of two answers was decided on.
    for kind in ("JSON_MIN", "CSV"):
        again = check_labels(queue, first.export(number, kind), place.run)
        assert {one.kind for one in again.problems} == {"two answers"}
        assert again.unchanged == 5


def labels(annotations):
    return [
        result["value"]["choices"][0]
        for annotation in annotations
        if not annotation["was_cancelled"]
        for result in annotation["result"]
        if result["from_name"] == "label"
    ]


def keep(project: Project, full: bytes, short: bytes, short_all: bytes, table: bytes) -> None:
    """Record what the server exports, and what it was given."""
    KEPT.mkdir(parents=True, exist_ok=True)
    config = project.out.with_name("tasks-config.xml").read_bytes()
    for name, content in (
        ("tasks.json", project.out.read_bytes()), ("config.xml", config),
        ("export.json", tidy(full)), ("export-min.json", tidy(short)),
        ("export-min-all.json", tidy(short_all)), ("export.csv", table),
    ):  # fmt: skip
        (KEPT / name).write_bytes(content.rstrip(b"\n") + b"\n")


def tidy(document: bytes) -> bytes:
    return json.dumps(json.loads(document), indent=1, ensure_ascii=False).encode()
