"""The folder of runs and user state."""

import errno
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors.errors import RunNotFound, UsageError, WorkspaceError
from aggressors.store.files import beside, place_new
from aggressors.store.workspace import Workspace, atomic_write, check_slug
from planted import empty_run, planted_tables, publish_tables, tiny_run


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs called `v1` and one `v2`; the second `v1` is the newest."""
    folder = tmp_path_factory.mktemp("template")
    planted = planted_tables(n=12, with_populations=("validation",))
    for run_id, name, day in (("aaaa", "v1", 1), ("bbbb", "v2", 2), ("cccc", "v1", 3)):
        created = f"2026-01-0{day}T00:00:00+00:00"
        publish_tables(folder, planted.tables, planted.source, run_id, name, created)
    return folder


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(template, tmp_path / "workspace")
    return Workspace.open(tmp_path / "workspace")


# --- Opening ---


def test_the_default_is_the_variable_then_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGGRESSORS_WORKSPACE", raising=False)
    assert Workspace.open(create=True).root == Path("aggressors-workspace")
    assert (tmp_path / "aggressors-workspace").is_dir()
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(tmp_path / "other"))
    assert Workspace.open(create=True).root == tmp_path / "other"
    assert Workspace.open(tmp_path).root == tmp_path


def test_a_workspace_that_is_not_there_or_is_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"There is no workspace .*gone"):
        Workspace.open(tmp_path / "gone")
    (tmp_path / "file").write_text("")
    for create in (False, True):
        with pytest.raises(WorkspaceError, match="is a file; name a folder"):
            Workspace.open(tmp_path / "file", create=create)
    with pytest.raises(WorkspaceError, match="not a directory"):
        Workspace.open(tmp_path / "file" / "inside", create=True)


# --- Runs ---


def test_runs_are_listed_newest_first_and_broken_files_are_told(workspace: Workspace) -> None:
    (workspace.runs / "torn.duckdb").write_bytes((workspace.runs / "aaaa.duckdb").read_bytes()[:99])
    (workspace.runs / ".cccc.duckdb.0123abcd.tmp").write_text("being written")
    found, broken = workspace.catalogue()
    assert [run.run_id for run in found] == ["cccc", "bbbb", "aaaa"]
    assert [Path(file.path).name for file in broken] == ["torn.duckdb"]
    assert "truncated" in broken[0].reason


def test_a_run_under_another_name_than_its_id_is_told(workspace: Workspace) -> None:
    (workspace.runs / "bbbb.duckdb").rename(workspace.runs / "mine.duckdb")
    found, broken = workspace.catalogue()
    assert [run.run_id for run in found] == ["cccc", "aaaa"]
    assert "Rename it to bbbb.duckdb" in broken[0].reason


def test_an_empty_workspace_lists_nothing(tmp_path: Path) -> None:
    assert Workspace(tmp_path).catalogue() == ([], [])


@pytest.mark.parametrize(
    ("name", "run_id"),
    [("latest", "cccc"), ("aaaa", "aaaa"), ("v2", "bbbb"), ("v1", "cccc")],
)
def test_a_run_answers_to_latest_id_and_name(workspace: Workspace, name: str, run_id: str) -> None:
    assert workspace.resolve(name) == workspace.runs / f"{run_id}.duckdb"


def test_an_id_goes_before_a_name(workspace: Workspace) -> None:
    planted = planted_tables(n=12, with_populations=("validation",))
    late = "2026-02-01T00:00:00+00:00"
    publish_tables(workspace, planted.tables, planted.source, "dddd", "aaaa", late)
    assert workspace.resolve("aaaa").stem == "aaaa"


def test_a_run_answers_to_its_path(workspace: Workspace, tmp_path: Path) -> None:
    sent = Path(shutil.copy(workspace.runs / "aaaa.duckdb", tmp_path / "sent.duckdb"))
    assert workspace.resolve(str(sent)) == sent
    with pytest.raises(RunNotFound, match=r"gone\.duckdb"):
        workspace.resolve(str(tmp_path / "gone.duckdb"))


def test_an_unknown_run_lists_the_nearest(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match="nearest are 'v1', 'v2'"):
        workspace.resolve("v3")
    (tmp_path / "empty").mkdir()
    for name in ("latest", "v1"):
        with pytest.raises(RunNotFound, match="no published run"):
            Workspace(tmp_path / "empty").resolve(name)


def test_tiny_and_empty_runs_are_listed_too(tmp_path: Path) -> None:
    tiny_run(tmp_path)
    empty_run(tmp_path)
    assert {(run.name, run.samples) for run in Workspace(tmp_path).catalogue()[0]} == {
        ("tiny", 12),
        ("empty", 0),
    }


# --- Slugs ---


@pytest.mark.parametrize("slug", ["low-light", "a", "7", "x" * 64])
def test_a_slug_passes(slug: str) -> None:
    assert check_slug(slug) == slug


@pytest.mark.parametrize(
    "slug",
    ["", "..", "a/b", "a\\b", "-a", "a-", "A", "a b", "x" * 65, "con", "com1", "é", "a\n", "a.b"],
)
def test_what_is_no_slug_is_told_with_one_that_is(slug: str) -> None:
    with pytest.raises(UsageError, match="is no slug") as caught:
        check_slug(slug)
    suggested = str(caught.value).rsplit("'", 2)[1]
    assert check_slug(suggested) == suggested


@given(st.text(max_size=80))
def test_no_slug_leaves_its_folder(text: str) -> None:
    try:
        slug = check_slug(text)
    except UsageError:
        return
    assert (Path("/folder") / slug).parent == Path("/folder")
    assert os.path.normpath(f"/folder/{slug}") == f"/folder/{slug}"


# --- Writing ---


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    atomic_write(path, b"old")

    def fail() -> None:
        with beside(path) as temporary:
            temporary.write_bytes(b"ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(WorkspaceError, match="no space left"):
        fail()
    assert path.read_bytes() == b"old"
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 200_000 for letter in b"ab"]
    atomic_write(path, contents[0])
    seen = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(60):
        atomic_write(path, contents[turn % 2])
    stop.set()
    reader.join()
    assert seen <= set(contents)


@pytest.fixture
def read_only(template: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A workspace on a file system that cannot be written."""
    folder = tmp_path / "fixed"
    shutil.copytree(template, folder)
    if os.name == "nt" or os.geteuid():
        for entry in [*folder.rglob("*"), folder]:
            entry.chmod(0o555 if entry.is_dir() else 0o444)
        yield Workspace(folder)
        folder.chmod(0o755)
        return
    bound = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True)
    fixed = ["mount", "-o", "remount,bind,ro", str(folder)]
    if bound.returncode or subprocess.run(fixed, capture_output=True).returncode:
        pytest.skip("root ignores permissions, and a read-only mount is not allowed here")
    yield Workspace(folder)
    subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_workspace_can_be_read_and_says_why_not_written(read_only: Workspace) -> None:
    assert [run.run_id for run in read_only.catalogue()[0]] == ["cccc", "bbbb", "aaaa"]
    batch = pa.table({"sample_id": ["a"]})
    planted = planted_tables(n=12, with_populations=("validation",))
    for write in (
        lambda: read_only.label_queue("dusk").add(batch),
        lambda: atomic_write(read_only.labels / "dusk.json", b"{}"),
        lambda: publish_tables(read_only, planted.tables, planted.source, "dddd", "v3"),
    ):
        with pytest.raises(WorkspaceError, match=r"read-only file system|permission denied") as no:
            write()
        assert "--workspace DIR" in str(no.value)
        assert str(read_only.root) in str(no.value)


# --- Names that are taken ---


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("left", [True, False])
def test_of_many_that_take_a_name_at_once_one_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool, left: bool
) -> None:
    if not links:

        def link(*args: object, **options: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", link)
    for round in range(10):
        path = tmp_path / f"{round}.json"
        if left:  # empty, by a process that was killed
            path.touch()
            os.utime(path, (1, 1))
        together, got = threading.Barrier(6), []

        def take(who: int, path=path, together=together, got=got) -> None:
            together.wait()
            if place_new(path, f"{who}".encode()):
                got.append(who)

        threads = [threading.Thread(target=take, args=(who,)) for who in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert path.read_text() == f"{got[0]}"
        assert len(got) == 1
