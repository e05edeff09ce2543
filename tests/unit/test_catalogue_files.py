"""The state of a folder, by which answers about what it holds are kept."""

from __future__ import annotations

import os

import pytest

from aggressors.store.asking import Asker, ask_for
from aggressors_app import catalogue
from aggressors_app.catalogue import files_in


@pytest.fixture
def asked():
    """A run of the script that asks, and how to begin the next one."""
    ask_for(Asker())
    yield lambda: ask_for(Asker())
    ask_for(None)


def test_another_file_name_size_or_time_is_another_state(tmp_path):
    seen = [files_in(tmp_path)]
    (tmp_path / "a.json").write_text("1")
    seen.append(files_in(tmp_path))
    (tmp_path / "a.json").write_text("12")
    seen.append(files_in(tmp_path))
    os.utime(tmp_path / "a.json", ns=(1, 1))
    seen.append(files_in(tmp_path))
    (tmp_path / "a.json").rename(tmp_path / "b.json")
    seen.append(files_in(tmp_path))
    assert len(set(seen)) == len(seen)
    assert files_in(tmp_path, ".parquet") != files_in(tmp_path, ".json")
    assert files_in(tmp_path / "none") == ""


def test_one_run_of_the_script_looks_once(tmp_path, asked, monkeypatch):
    looked = []
    listed = catalogue._listed
    monkeypatch.setattr(catalogue, "_listed", lambda *given: looked.append(given) or listed(*given))
    (tmp_path / "a.json").write_text("1")
    first = files_in(tmp_path)
    assert files_in(tmp_path) == first
    assert len(looked) == 1

    other = tmp_path.parent / f"{tmp_path.name}.new"
    other.write_text("23")
    other.replace(tmp_path / "a.json")
    os.utime(tmp_path, ns=(5, 5))  # whatever the clock of the disk counts in
    second = files_in(tmp_path)
    assert second != first  # seen at once, since it was put in place
    assert len(looked) == 2

    (tmp_path / "a.json").write_text("by hand")
    asked()
    assert files_in(tmp_path) != second
