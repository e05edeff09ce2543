"""A disk that fills up, and a workspace with a label queue that is not there yet."""

import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggressors.store.label_queues import LabelQueue
from aggressors.store.workspace import Workspace


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.name == "nt" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    gc.collect()  # a failed database lets go of its file with the exception that tells of it
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def queue(place: Workspace) -> LabelQueue:
    return place.label_queue("dusk")
