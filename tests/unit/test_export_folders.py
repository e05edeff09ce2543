"""COCO, image folders, tables with their pictures: what they hold, and whose files are read."""

import csv
import io
import json
import os
import re
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aggressors.errors import UsageError, WorkspaceError
from aggressors.export import FORMATS, export
from aggressors.export.media import Pictures, referenced
from aggressors.export.sinks import InMemory
from aggressors.export.table import with_names
from aggressors.queries.listing import listing
from aggressors.store.read import read_original
from queried import CLASSES, ODD, queried


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Originals of 40 pixels by 30, of the first ten training samples."""
    folder = tmp_path_factory.mktemp("originals")
    for place in range(10):
        Image.new("RGB", (40, 30)).save(folder / f"train-{place:04d}.jpg", "PNG")
    return folder


def files(exported):
    return {file.name: file.content for file in exported.files}


# --- COCO ---


def test_coco_has_the_parts_that_its_readers_look_for(run, root):
    made = export(run, "samples", format="coco", count=12, media_roots=[root])
    document = json.loads(made.main.content)
    assert set(document) == {"info", "licenses", "categories", "images", "annotations"}
    assert [one["name"] for one in document["categories"]] == list(CLASSES)
    images = {image["id"]: image for image in document["images"]}
    assert [image["rank"] for image in images.values()] == list(range(1, 13))
    rows = {row["sample_id"]: row for row in listing(run, "samples", count=12).to_pylist()}
    named = {one["id"]: one["name"] for one in document["categories"]}
    for annotation in document["annotations"]:
        image = images[annotation["image_id"]]
        assert named[annotation["category_id"]] == rows[image["sample_id"]]["label"]
        assert not {"bbox", "area", "segmentation"} & set(annotation)  # nobody drew a box
    labeled = [row for row in rows.values() if row["label"]]
    assert len(document["annotations"]) == len(labeled)
    assert [one["id"] for one in document["annotations"]] == list(range(1, len(labeled) + 1))
    assert (images[1]["width"], images[1]["height"]) == (40, 30)
    assert images[1]["file_name"] == "000001-train-0000.png"  # what it is, not what it is called
    assert "images/000001-train-0000.png" in files(made)


@pytest.mark.parametrize("what", ["queue", "candidates", "suspects"])
def test_coco_of_what_is_to_be_labeled_or_reviewed_has_no_annotation(run, what):
    made = export(run, what, format="coco", queue=["train-0001", "validation-0100"])
    document = json.loads(made.main.content)
    assert document["images"]
    assert document["annotations"] == []


def test_coco_names_originals_by_their_paths_and_measures_those_it_may_read(run, root):
    made = export(run, "samples", format="coco", count=12, media="reference", media_roots=[root])
    assert [file.name for file in made.files] == ["v1-samples.json"]
    images = json.loads(made.main.content)["images"]
    assert [image["file_name"] for image in images] == [f"train-{n:04d}.jpg" for n in range(12)]
    assert ["width" in image for image in images] == [True] * 10 + [False] * 2
    assert any("2 pictures went without width" in remark for remark in made.remarks)


def test_no_field_of_the_data_can_pose_as_a_part_of_an_image(run):
    image = json.loads(export(run, "samples", format="coco", count=1).main.content)["images"][0]
    assert {"id", "file_name", "rank", "sample_id", "attributes"} <= set(image)
    assert set(image) <= {
        "id", "file_name", "width", "height", "rank", "sample_id", "attributes",
    }  # fmt: skip
    assert {ODD, "brightness", "prediction", "population"} <= set(image["attributes"])


@pytest.mark.parametrize("format", ["coco", "hf-imagefolder"])
def test_a_format_of_images_needs_images(run, format, monkeypatch):
    monkeypatch.setattr("aggressors.export.has_pictures", lambda run: False)
    with pytest.raises(UsageError, match=r"'v1' has none\. Take one of csv, parquet"):
        export(run, "samples", format=format)


# --- Hugging Face image folder ---


def test_an_image_folder_has_a_split_a_population_and_declares_each(run, root):
    queue = ["validation-0100", "train-0003", "unlabeled-0240", "train-0001"]
    made = export(run, "queue", format="hf-imagefolder", queue=queue, media_roots=[root])
    found = files(made)
    declared = re.findall(r"- split: (\w+)\n    path: (\w+)/\*\*", found["README.md"].decode())
    assert declared == [(name, name) for name in ("train", "validation", "unlabeled")]
    rows = pq.read_table(io.BytesIO(found["train/metadata.parquet"])).to_pylist()
    assert [row["file_name"] for row in rows] == ["000002-train-0003.png", "000004-train-0001.png"]
    assert [row["rank"] for row in rows] == [2, 4]
    for row in rows:
        assert f"train/{row['file_name']}" in found
        assert not {"thumbnail", "uri"} & set(row)
    assert made.remarks == (
        "2 samples went with the small picture of the run, since no original lies below a "
        "--media-root.",
    )


def test_all_splits_have_the_same_types_though_one_has_no_labels(run):
    """The library guesses nothing and refuses splits that differ."""
    found = files(export(run, "samples", format="hf-imagefolder"))
    schemas = {
        name: pq.read_schema(io.BytesIO(content))
        for name, content in found.items()
        if name.endswith("metadata.parquet")
    }
    assert set(schemas) == {f"{name}/metadata.parquet" for name in run.populations}
    assert len({str(schema) for schema in schemas.values()}) == 1
    unlabeled = pq.read_table(io.BytesIO(found["unlabeled/metadata.parquet"]))
    assert unlabeled["label"].null_count == unlabeled.num_rows
    assert unlabeled.schema.field("label").type == pa.string()


def test_an_image_folder_cannot_reference(run):
    with pytest.raises(UsageError, match="cannot reference its media; it can copy or thumbnail"):
        export(run, "samples", format="hf-imagefolder", media="reference")


# --- Tables with their pictures ---


def test_a_table_names_the_pictures_beside_it(run, root, tmp_path):
    made = export(run, "samples", count=3, media="copy", media_roots=[root])
    made.save(tmp_path / "out")
    with (tmp_path / "out" / "samples.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file_name"] for row in rows] == [
        f"images/00000{place + 1}-train-000{place}.png" for place in range(3)
    ]
    for row in rows:
        original = (root / row["uri"]).read_bytes()
        assert (tmp_path / "out" / row["file_name"]).read_bytes() == original
    assert made.remarks == ()


def test_a_field_called_file_name_gives_way_to_the_pictures():
    schema = pa.schema({"rank": pa.int64(), "file_name": pa.string(), "thumbnail": pa.binary()})
    assert with_names(schema).names == ["rank", "metadata.file_name", "file_name"]


def test_small_pictures_by_choice_leave_originals_alone(run, root):
    made = export(run, "samples", count=1, media="thumbnail", media_roots=[root])
    (picture,) = (content for name, content in files(made).items() if name.startswith("images/"))
    assert picture.startswith(b"\xff\xd8\xff")
    assert made.remarks == ()


def test_folder_and_zip_hold_the_same(run, root, tmp_path):
    for format in ("coco", "hf-imagefolder", "jsonl", "label-studio"):
        made = export(run, "samples", format=format, count=4, media="copy", media_roots=[root])
        assert made.save(tmp_path / format) == (tmp_path / format,)
        made.save(tmp_path / f"{format}.zip")
        with zipfile.ZipFile(tmp_path / f"{format}.zip") as archive:
            packed = {name: archive.read(name) for name in archive.namelist()}
        folder = {
            str(path.relative_to(tmp_path / format)): path.read_bytes()
            for path in (tmp_path / format).rglob("*")
            if path.is_file()
        }
        assert packed == folder == files(made)
        assert (tmp_path / f"{format}.zip").read_bytes() == made.content


# --- Ids and paths of a stranger ---

HOSTILE = [
    "../../up",
    "/etc/passwd",
    "a\x00b",
    "x" * 5_000,
    "grün 服",
    "",
    ".",
    "CON",
    "a/b",
    "a-b",
]


def test_no_id_leads_a_picture_out_of_its_folder_or_onto_another(tmp_path):
    pictures, sink = Pictures("thumbnail", (), 10), InMemory()
    for rank, sample_id in enumerate(HOSTILE, start=1):
        row = {"rank": rank, "sample_id": sample_id, "uri": None, "thumbnail": b"\xff\xd8\xffx"}
        pictures.copy(row, sink)
    assert len(sink.files) == len(HOSTILE)
    for rank, name in enumerate(sink.files, start=1):
        assert re.fullmatch(rf"images/{rank:06d}-[A-Za-z0-9_-]+\.jpg", name)
        assert len(name) < 100
    assert sorted(sink.files) == list(sink.files)  # a tool that sorts by name keeps the order


def test_a_million_names_sort_as_their_ranks():
    pictures, sink = Pictures("thumbnail", (), 12_000_000), InMemory()
    for rank in (9, 10, 999_999, 1_000_000, 12_000_000):
        row = {"rank": rank, "sample_id": "a", "uri": None, "thumbnail": b"\xff\xd8\xffx"}
        pictures.copy(row, sink)
    assert sorted(sink.files) == list(sink.files)


def test_nothing_outside_a_media_root_is_copied(root, tmp_path):
    secret = tmp_path / "secret.jpg"
    Image.new("RGB", (8, 8)).save(secret)
    (root / "link.jpg").symlink_to(secret)
    uris = [f"../{tmp_path.name}/secret.jpg", str(secret), "link.jpg", "x" * 5_000, "a\x00b", "."]
    for uri in uris:
        assert read_original(uri, [root]) is None
        pictures = Pictures("copy", (root,), 1)
        row = {"rank": 1, "sample_id": "a", "uri": uri, "thumbnail": None}
        assert pictures.copy(row, InMemory()) is None
        assert pictures.missing == 1
    (root / "link.jpg").unlink()


def test_what_is_no_image_is_not_copied(root):
    (root / "key.jpg").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    (root / "sound.jpg").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    for uri in ("key.jpg", "sound.jpg"):
        row = {"rank": 1, "sample_id": "a", "uri": uri, "thumbnail": None}
        assert Pictures("copy", (root,), 1).copy(row, InMemory()) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_an_original_that_may_not_be_read_gives_way_to_the_thumbnail(root):
    (root / "closed.jpg").write_bytes(b"\xff\xd8\xff")
    (root / "closed.jpg").chmod(0)
    assert read_original("closed.jpg", [root]) is None


@pytest.mark.parametrize("uri", [None, "", "../x", "/x", "a/../../x", "..\\x", "a\nb", "y" * 5_000])
def test_a_path_that_leads_elsewhere_is_no_reference(uri):
    assert referenced(uri) is None


def test_a_path_below_a_folder_is_a_reference():
    assert referenced("my folder/grün 服..jpg") == "my folder/grün 服..jpg"


def test_a_picture_too_large_to_be_true_has_no_size(root):
    header = Image.new("1", (1, 1))
    stream = io.BytesIO()
    header.save(stream, "PNG")
    huge = bytearray(stream.getvalue())
    huge[16:24] = (200_000).to_bytes(4, "big") * 2  # 40 Gpixels
    (root / "huge.png").write_bytes(huge)
    assert Pictures("reference", (root,), 1).size(None, "huge.png") is None


# --- Places ---


def test_a_folder_that_holds_something_is_left_as_it_is(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="out"):
        export(run, "samples", format="coco", count=1).save(tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_every_format_says_what_a_download_of_it_is_called(run):
    for name, format in FORMATS.items():
        made = export(run, "samples", format=name, count=1)
        assert made.filename == f"v1-samples.{format.download}"
        zipped = format.download == "zip"
        assert made.content.startswith(b"PK") == zipped
