"""`aggressors export`: pictures, places and what is said of them."""

import json
import zipfile

import pytest
from PIL import Image

from aggressors.store.workspace import Workspace
from calling import call, fails
from queried import queried

GIVEN = ("export", "v1", "--what", "samples", "--count", 3)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = Workspace.open(tmp_path_factory.mktemp("w") / "workspace", create=True)
    queried(workspace.runs).run.close()
    return workspace.root


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for place in range(2):
        Image.new("RGB", (40, 30)).save(folder / f"train-{place:04d}.jpg")
    return folder


def test_originals_are_copied_and_the_rest_is_told(workspace, root, tmp_path):
    out = tmp_path / "out"
    done = call(*GIVEN, "--format", "coco", "--media-root", root, "--out", out, at=workspace)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"Wrote 3 samples to {out}.\n"
    assert done.stderr.splitlines() == [
        "1 sample went with the small picture of the run, since no original lies below a "
        "--media-root.",
        "1 picture went without width and height, since the file cannot be read.",
    ]
    pictures = sorted(path.name for path in (out / "images").iterdir())
    assert pictures == [f"00000{place + 1}-train-000{place}.jpg" for place in range(3)]
    assert (out / "images" / pictures[0]).read_bytes() == (root / "train-0000.jpg").read_bytes()


def test_a_zip_may_be_replaced_and_a_folder_may_not(workspace, tmp_path):
    given = (*GIVEN, "--format", "hf-imagefolder", "--out")
    for _ in range(2):
        assert call(*given, tmp_path / "out.zip", at=workspace).exit_code == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert "train/metadata.parquet" in archive.namelist()
    assert call(*given, tmp_path / "out", at=workspace).exit_code == 0
    fails(2, *given, tmp_path / "out", at=workspace, says="is there already")
    (tmp_path / "empty").mkdir()
    assert call(*given, tmp_path / "empty", at=workspace).exit_code == 0
    fails(2, *given, tmp_path / "no" / "out", at=workspace, says="There is no folder")


def test_label_studio_is_told_where_the_originals_are(workspace, root, tmp_path):
    done = call(
        *GIVEN, "--format", "label-studio", "--media-root", root, "--out", tmp_path / "t.json",
        at=workspace,
    )  # fmt: skip
    tasks = json.loads((tmp_path / "t.json").read_text())
    assert [task["data"]["image"][:30] for task in tasks] == [
        "/data/local-files/?d=photos/tr", "/data/local-files/?d=photos/tr",
        "data:image/jpeg;base64,/9j/dHJ",
    ]  # fmt: skip
    assert f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root.resolve().parent}" in done.stderr
    assert f"{root.resolve()} added as a local storage" in done.stderr


def test_refuses(workspace, tmp_path):
    out = ("--out", tmp_path / "out")
    no_root = (*GIVEN, "--format", "csv", "--media-root", tmp_path / "no", *out)
    fails(2, *no_root, at=workspace, says="There is no folder")
    wrong = (*GIVEN, "--format", "hf-imagefolder", "--media", "reference", *out)
    fails(2, *wrong, at=workspace, says="cannot reference its media")
    fails(2, *GIVEN, "--format", "csv", "--media", "embed", *out, at=workspace, says="embed")
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_choice_of_media():
    from aggressors.export import MEDIA

    shown = " ".join(call("export", "--help").stdout.split())
    assert f"[{'|'.join(sorted(MEDIA))}]" in shown
