"""Tasks for Label Studio; what the real one makes of them is tests/label_studio."""

import json
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pyarrow as pa
import pytest

from aggressors.export import export
from aggressors.export.job import Job
from aggressors.export.label_studio import interface, write
from aggressors.export.media import Pictures
from aggressors.export.sinks import InMemory
from queried import CLASSES, queried


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


class Rows:
    """A listing of rows made by hand."""

    def __init__(self, rows, classes):
        self._rows = rows
        self.run = SimpleNamespace(classes=classes, info=SimpleNamespace(model_name="net"))

    def __len__(self):
        return len(self._rows)

    def pages(self):
        yield pa.Table.from_pylist(self._rows)


def tasks(rows, classes=CLASSES, *, pictured=True, media="reference"):
    sink = InMemory()
    pictures = Pictures(media, (), len(rows))
    write(
        Job(
            "samples", Rows(rows, classes), media, pictures, "tasks.json", pictured, sink,
            lambda n: None,
        )
    )  # fmt: skip
    return json.loads(sink.files["tasks.json"])


def test_tasks_fit_the_interface_beside_them(run):
    exported = export(run, "candidates", 1, format="label-studio", count=2)
    found = json.loads(exported.main.content)
    view = ElementTree.fromstring(exported.beside[0].content)
    image, choices = view.find("Image"), view.find("Choices")
    assert [choice.get("value") for choice in choices] == list(CLASSES)
    for task in found:
        assert image.get("value") == "$image"
        assert task["data"]["image"].startswith("/data/local-files/?d=unlabeled-")
        (prediction,) = task["predictions"]
        (result,) = prediction["result"]
        assert (result["from_name"], result["to_name"]) == (choices.get("name"), image.get("name"))
        assert result["type"] == "choices"
        assert result["value"]["choices"] == [task["data"]["prediction"]]
        assert prediction["score"] == task["data"]["confidence"]
        assert prediction["model_version"] == "net"
    assert [task["data"]["rank"] for task in found] == [1, 2]


def test_a_suspect_is_offered_its_suggested_label(run):
    (task,) = json.loads(export(run, "suspects", format="label-studio", count=1).main.content)
    (prediction,) = task["predictions"]
    assert prediction["result"][0]["value"]["choices"] == ["shirt"]
    assert prediction["model_version"] == "net (suggested)"
    assert "score" not in prediction


ROW = {
    "rank": 1, "sample_id": "a", "label": None, "prediction": "coat", "confidence": 0.5,
    "kind": "image", "uri": None, "text": None, "thumbnail": b"\xff\xd8jpeg",
}  # fmt: skip


def test_a_sample_without_a_path_carries_its_thumbnail():
    png = ROW | {"thumbnail": b"\x89PNGpng"}
    spaced = ROW | {"uri": "my folder/a&b.jpg"}
    found = tasks([ROW, png, spaced])
    assert found[0]["data"]["image"] == "data:image/jpeg;base64,/9hqcGVn"
    assert found[1]["data"]["image"].startswith("data:image/png;base64,")
    assert found[2]["data"]["image"] == "/data/local-files/?d=my%20folder/a%26b.jpg"


def test_text_and_rows_are_shown_as_text():
    text = ROW | {"thumbnail": None, "text": "hello"}
    row = ROW | {"thumbnail": None, "confidence": None}
    found = tasks([text, row], pictured=False)
    assert found[0]["data"]["text"] == "hello"
    assert "prediction: coat" in found[1]["data"]["text"]
    assert "None" not in found[1]["data"]["text"]
    assert found[0]["predictions"][0]["result"][0]["to_name"] == "text"
    assert ElementTree.fromstring(interface(False, CLASSES)).find("Text").get("value") == "$text"


def test_a_number_is_asked_for_where_the_model_gives_one():
    (result,) = tasks([ROW | {"prediction": 1.5}], ())[0]["predictions"][0]["result"]
    assert (result["type"], result["value"]) == ("number", {"number": 1.5})
    assert ElementTree.fromstring(interface(True, ())).find("Number").get("toName") == "image"


def test_only_a_list_that_was_sought_for_a_group_asks_for_the_group(run):
    for what, names in (("candidates", ["label", "of_group"]), ("suspects", ["label"])):
        config = export(run, what, 1, format="label-studio").beside[0].content
        found = ElementTree.fromstring(config).findall("Choices")
        assert [choices.get("name") for choices in found] == names
    assert [choice.get("value") for choice in found[-1]][:2] == list(CLASSES[:2])


def test_class_names_are_escaped():
    evil = ('a"/><script>', "b & c")
    view = ElementTree.fromstring(interface(True, evil))
    assert tuple(choice.get("value") for choice in view.find("Choices")) == evil


def test_the_order_stands_in_rank_and_priority():
    rows = [ROW | {"rank": rank, "sample_id": str(rank)} for rank in (1, 2, 3, 4)]
    found = [task["data"] for task in tasks(rows)]
    assert [data["rank"] for data in found] == [1, 2, 3, 4]
    assert [data["priority"] for data in found] == [1, 0.75, 0.5, 0.25]


def test_a_priority_of_the_list_stays():
    (task,) = tasks([ROW | {"priority": 0.3}])
    assert task["data"]["priority"] == 0.3


@pytest.mark.parametrize(
    "uri", ["../../etc/passwd", "/etc/passwd", "a/../../b.jpg", "..\\secret", "a\x00b", "x" * 5_000]
)
def test_a_path_that_leads_elsewhere_is_not_told(uri):
    (task,) = tasks([ROW | {"uri": uri}])
    assert task["data"]["image"] == "data:image/jpeg;base64,/9hqcGVn"


def test_thumbnails_stand_in_the_tasks_where_asked_for():
    (task,) = tasks([ROW | {"uri": "a.jpg"}], media="thumbnail")
    assert task["data"]["image"].startswith("data:image/jpeg;base64,")


def test_names_that_its_exports_use_are_left_to_them():
    row = ROW | {"label": "coat", "id": 7, "image": "theirs", "known_label": "field"}
    (task,) = tasks([row], media="thumbnail")
    data = task["data"]
    assert "label" not in data
    assert data["known_label"] == "coat"
    assert data["metadata.known_label"] == "field"
    assert (data["metadata.id"], data["metadata.image"]) == (7, "theirs")
    assert data["image"].startswith("data:")
