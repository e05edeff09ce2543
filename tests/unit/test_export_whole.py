"""An export is written page by page, and appears whole or not at all."""

import io
import os
import resource
import subprocess
import sys
import textwrap
import time

import pyarrow.parquet as pq
import pytest

from aggressors.errors import WorkspaceError
from aggressors.export import FORMATS, export
from aggressors.progress import Late
from aggressors.queries import listing as lists
from queried import queried

WAYS = [(name, media) for name, format in FORMATS.items() for media in format.media]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(lists, "_PAGE_ROWS", 50)
    monkeypatch.setattr(lists, "_PAGE_PICTURES", 50)


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(("format", "media"), WAYS)
def test_pages_change_nothing(run, format, media, monkeypatch):
    whole = export(run, "members", format=format, media=media)
    expected = whole.files
    monkeypatch.setattr(lists, "_PAGE_ROWS", 7)
    monkeypatch.setattr(lists, "_PAGE_PICTURES", 7)
    paged = export(run, "members", format=format, media=media)
    assert paged.rows > 50
    assert [same(file) for file in paged.files] == [same(file) for file in expected]


def same(file):
    """What must be equal of a file: of Parquet the rows, which has as many groups as pages."""
    if not file.name.endswith(".parquet"):
        return file
    return file.name, pq.read_table(io.BytesIO(file.content)).to_pylist()


@pytest.mark.parametrize("format", ["csv", "parquet", "jsonl", "label-studio"])
def test_a_page_is_written_before_the_next_is_read(run, format, tmp_path, monkeypatch, small_pages):
    sizes = []
    real = lists.Listing.pages

    def watched(rows):
        for page in real(rows):
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
            yield page

    monkeypatch.setattr(lists.Listing, "pages", watched)
    export(run, "samples", format=format).save(tmp_path / "out")
    assert len(sizes) == 6
    # A stream keeps a little back.
    assert sizes[-1] > sizes[0]
    assert sizes[-1] > 0.3 * (tmp_path / "out").stat().st_size


@pytest.mark.parametrize("ending", ["", ".zip"])
@pytest.mark.parametrize(("format", "media"), WAYS)
def test_an_interrupted_export_leaves_nothing(
    run, format, media, ending, tmp_path, monkeypatch, small_pages
):
    real = lists.Listing.pages

    def interrupted(rows):
        pages = real(rows)
        yield next(pages)
        raise KeyboardInterrupt

    monkeypatch.setattr(lists.Listing, "pages", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(run, "samples", format=format, media=media).save(tmp_path / f"out{ending}")
    assert everything(tmp_path) == []


@pytest.mark.parametrize(("format", "media"), WAYS)
def test_a_disk_that_fills_up_leaves_nothing_and_is_told(run, format, media, tmp_path):
    """A limit on the size of a file stands in for the disk; it fails where a disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = 60 if media == "copy" or format == "hf-imagefolder" else 3_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(WorkspaceError, match=r"Cannot write .*out.*file too large.*same"):
            export(run, "samples", format=format, media=media).save(tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert everything(tmp_path) == []


def test_an_old_file_stays_until_the_new_one_is_whole(run, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    out.write_text("old")
    monkeypatch.setattr(lists.Listing, "pages", lambda rows: iter([1 / 0] if rows else []))
    with pytest.raises(ZeroDivisionError):
        export(run, "samples").save(out)
    assert (out.read_text(), everything(tmp_path)) == ("old", ["out.csv"])


KILLED = """
    import os, signal, sys
    from aggressors.export import export
    from aggressors.queries import listing as lists
    from aggressors.store.read import open_run

    lists._PAGE_ROWS = lists._PAGE_PICTURES = 50
    real = lists.Listing.pages
    def killed(rows):
        pages = real(rows)
        yield next(pages)
        yield next(pages)
        os.kill(os.getpid(), signal.SIGKILL)
    lists.Listing.pages = killed
    export(open_run(sys.argv[1]), "samples", format=sys.argv[2]).save(sys.argv[3])
"""


@pytest.mark.parametrize("format", ["csv", "coco"])
def test_what_a_killed_export_leaves_is_hidden_and_swept_by_the_next(run, format, tmp_path):
    code = textwrap.dedent(KILLED)
    out = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", code, str(run.path), format, str(out)])
    assert done.returncode < 0
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".out.")
    other = tmp_path / ".out.mine.tmp"
    other.write_text("somebody else's")
    ago = time.time() - 2 * 3_600
    for path in (leftover, other):
        os.utime(path, (ago, ago))
    export(run, "samples", format=format).save(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.mine.tmp", "out"]


# --- Progress ---


class Told:
    """A progress that notes what it shows."""

    def __init__(self):
        self.steps, self.advanced = [], []

    def step(self, what, total, done=0):
        from contextlib import contextmanager

        @contextmanager
        def shown():
            self.steps.append((what, total, done))
            yield self.advanced.append

        return shown()

    def say(self, message):
        self.steps.append(message)


def test_progress_shows_what_lasts_longer_than_two_seconds(monkeypatch):
    clock = iter([0.0, 1.0, 2.5, 3.0])
    monkeypatch.setattr("aggressors.progress.time.monotonic", lambda: next(clock))
    told = Told()
    with Late(told).step("Exporting", 100) as advance:
        advance(20)
        assert told.steps == []
        advance(30)
        advance(50)
    assert told.steps == [("Exporting", 100, 50)]
    assert told.advanced == [50]


def test_progress_of_a_short_step_is_not_shown(run, tmp_path):
    told = Told()
    export(run, "samples").save(tmp_path / "out.csv", Late(told, 3_600))
    assert told.steps == []
    export(run, "samples").save(tmp_path / "out.csv", told)
    assert told.steps == [("Exporting", 300, 0)]
    assert sum(told.advanced) == 300
