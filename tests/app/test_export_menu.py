"""The menu offers what suits the run, under names that fit what comes."""

from __future__ import annotations

import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from aggressors_app import actions, cached


def menu():
    from aggressors_app.components.exports import export_menu

    export_menu("here", lambda format: None, "3 samples", run_id="any", stem="dusk")


@pytest.mark.parametrize("pictured", [True, False])
def test_formats_of_images_are_offered_where_there_are_some(monkeypatch, pictured):
    monkeypatch.setattr(cached, "has_pictures", lambda run_id: pictured)
    app = AppTest.from_function(menu).run()
    assert not app.exception
    titles = [button.proto.label for button in app.get("download_button")]
    assert titles[:4] == ["CSV", "Parquet", "JSON lines", "Label Studio"]
    assert titles[4:] == (["COCO", "Hugging Face image folder"] if pictured else [])


def test_a_download_of_pictures_is_a_zip_of_them(demo_workspace, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(demo_workspace))
    (run_id, *_) = (path.stem for path in sorted((demo_workspace / "runs").glob("*.duckdb")))
    assert cached.has_pictures(run_id)
    made = actions.exported(run_id, "samples", "coco", "population = test", count=3)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        names = archive.namelist()
    assert "annotations/labels_default.json" in names
    assert sum(name.startswith("images/") for name in names) == 3
