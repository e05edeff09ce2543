"""One server for all tests of this folder, with a project that has been worked on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from aggressors.queries.queued import picks
from aggressors.store.read import RunFile
from aggressors.store.workspace import Workspace
from label_studio.server import Client, Server, is_installed
from queried import queried

# Not in the order of the run, which is the point.
QUEUE = [f"unlabeled-{place:04d}" for place in (250, 299, 231, 240, 298, 235, 297, 260, 255, 270)]


@dataclass(frozen=True)
class Place:
    """A server, a workspace with a run and a label queue, and the root of its originals."""

    server: Server
    second: Client
    run: RunFile
    workspace: Workspace
    root: Path

    def type(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Type a command of ours."""
        command = [sys.executable, "-m", "aggressors", *map(str, words)]
        command += ["--workspace", str(self.workspace.root)]
        return subprocess.run(command, capture_output=True, text=True)


@dataclass(frozen=True)
class Project:
    """A project with our tasks: its number, and the number of the task of each sample."""

    number: int
    tasks: dict[str, int]
    out: Path


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if not is_installed():
        pytest.skip("no Label Studio; `make test-label-studio` installs it")
    folder = tmp_path_factory.mktemp("label-studio")
    root = folder / "served" / "photos"
    root.mkdir(parents=True)
    for number, sample_id in enumerate(QUEUE):
        Image.new("RGB", (64, 48), (20 * number, 90, 160)).save(root / f"{sample_id}.jpg")
    data = folder / "server"
    data.mkdir()
    server = Server(data, root.parent)
    workspace = Workspace.open(folder / "workspace", create=True)
    try:
        with queried(workspace.runs).run as run:
            workspace.label_queue("to-label").add(picks(run, QUEUE), by="Ann")
            second = server.invited("second@localhost.test")
            yield Place(server, second, run, workspace, root)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def project(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Our export, imported as a person does: config.xml by the settings, the file by an upload."""
    out = tmp_path_factory.mktemp("ours") / "tasks.json"
    done = place.type(
        *("export", "v1", "--what", "queue", "--queue", "to-label", "--format", "label-studio"),
        *("--media-root", place.root, "--out", out),
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout, done.stderr)
    return imported(place, out, out.with_name("tasks-config.xml").read_text())


def imported(place: Place, tasks_file: Path, config: str) -> Project:
    """Make a project of a file of tasks."""
    first = place.server.first
    made = first.call(
        "POST",
        "/api/projects",
        {"title": "Label queue", "label_config": config, "maximum_annotations": 2},
    )
    number = made["id"]
    first.upload(f"/api/projects/{number}/import", tasks_file)
    listed = first.call("GET", f"/api/tasks?project={number}&page_size=100&fields=all")["tasks"]
    tasks = {task["data"]["sample_id"]: task["id"] for task in sorted(listed, key=by_number)}
    return Project(number, tasks, tasks_file)


def by_number(task: dict[str, int]) -> int:
    return task["id"]
