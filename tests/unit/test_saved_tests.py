"""Files of saved tests: what is written is read back, and edited nonsense gets a sentence."""

import errno
import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggressors.errors import InputError, UsageError
from aggressors.store import saved_tests
from aggressors.store.saved_tests import (
    SavedTest,
    list_tests,
    read_samples,
    read_test,
    write_numbered,
    write_test,
)
from aggressors.store.workspace import Workspace

TEST = SavedTest(
    slug="dusk",
    title="brightness < 0.2",
    why="Aggressor 1 of run v1.",
    signal="loss",
    margin=0.05,
    margin_origin="a tenth of its gap of 0.5 when saved",
    rule="brightness < 0.2",
    samples=12,
    source_run_id="abc",
    source_run_name="v1",
    task="classification",
    loss_name="cross-entropy",
    created_at="2026-01-01T00:00:00+00:00",
)
SAMPLES = pa.table(
    {
        "sample_id": [f"s{place:02}" for place in range(12)],
        "label": ["coat", None] * 6,
        "signal": [float(place) for place in range(12)],
    }
)


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "workspace", create=True)


@pytest.fixture
def saved(workspace):
    write_test(workspace, TEST, SAMPLES)
    return workspace


def test_what_is_written_is_read_back(saved):
    assert replace(read_test(saved, "dusk"), digest="") == TEST
    assert read_samples(saved, TEST).to_pylist() == SAMPLES.to_pylist()
    text = (saved.tests / "dusk.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_a_test_is_never_rewritten(saved):
    before = (saved.tests / "dusk.json").read_bytes()
    with pytest.raises(UsageError, match="never rewritten"):
        write_test(saved, replace(TEST, title="another"), SAMPLES)
    assert (saved.tests / "dusk.json").read_bytes() == before
    assert write_numbered(saved, TEST, SAMPLES, "dusk").slug == "dusk-2"
    assert write_numbered(saved, TEST, SAMPLES, "dawn").slug == "dawn"
    assert {one.slug for one in list_tests(saved)[0]} == {"dawn", "dusk", "dusk-2"}


def test_of_many_who_save_at_once_each_gets_a_whole_test_of_its_own(workspace):
    def save(place):
        own = SAMPLES.slice(0, 10 + place)
        test = replace(TEST, title=f"by {place}", samples=10 + place)
        return write_numbered(Workspace(workspace.root), test, own, "dusk")

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(save, range(3)))
    assert {one.slug for one in made} == {"dusk", "dusk-2", "dusk-3"}
    found, wrong = list_tests(workspace)
    assert not wrong
    assert {one.title: one.samples for one in found} == {f"by {n}": 10 + n for n in range(3)}


def test_who_comes_second_leaves_the_samples_of_the_first_alone(workspace, monkeypatch):
    """The first has written its samples, and not yet its test."""
    real = saved_tests.place_new

    def faster(path, content):
        if path.suffix == ".json" and path.stem == "dusk":
            monkeypatch.setattr(saved_tests, "place_new", real)
            with pytest.raises(UsageError, match="already"):
                write_test(workspace, replace(TEST, samples=10), SAMPLES.slice(0, 10))
        return real(path, content)

    monkeypatch.setattr(saved_tests, "place_new", faster)
    written = write_test(workspace, TEST, SAMPLES)
    assert read_test(workspace, "dusk") == written


def test_samples_that_a_killed_process_left_give_their_name_free(workspace):
    write_test(workspace, TEST, SAMPLES)
    (workspace.tests / "dusk.json").unlink()
    with pytest.raises(UsageError, match="already"):
        write_test(workspace, TEST, SAMPLES)
    os.utime(workspace.tests / "dusk.parquet", (1, 1))
    fewer = replace(TEST, samples=10)
    written = write_test(workspace, fewer, SAMPLES.slice(0, 10))
    assert read_test(workspace, "dusk") == written


@pytest.mark.parametrize("links", [True, False])
def test_an_empty_file_that_a_killed_process_left_gives_its_name_free(
    workspace, monkeypatch, links
):
    if not links:

        def link(*args, **options):
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", link)
    workspace.tests.mkdir(parents=True)
    left = [workspace.tests / "dusk.json", workspace.tests / "dusk.parquet"]
    for path in left:
        path.touch()
    with pytest.raises(UsageError, match="already"):
        write_test(workspace, TEST, SAMPLES)  # another may be writing it
    for path in left:
        os.utime(path, (1, 1))
    written = write_test(workspace, TEST, SAMPLES)
    assert read_test(workspace, "dusk") == written
    with pytest.raises(UsageError, match="already"):
        write_test(workspace, replace(TEST, samples=10), SAMPLES.slice(0, 10))
    assert read_test(workspace, "dusk") == written
    assert len(list(workspace.tests.iterdir())) == 2


@pytest.mark.parametrize("slug", ["../out", "a/b", "/etc/passwd", "", ".", "con", "Dusk", "a" * 65])
def test_a_slug_cannot_leave_the_folder(workspace, slug):
    for use in (
        lambda: write_test(workspace, replace(TEST, slug=slug), SAMPLES),
        lambda: read_test(workspace, slug),
    ):
        with pytest.raises(UsageError, match="is no slug"):
            use()
    assert not list(workspace.root.rglob("*.json"))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("signal", "-loss", "'signal' must be loss, error, confidence_gap, or a metric"),
        ("signal", "1-iou", "such as wer or 1 - iou; got '1-iou'"),
        ("margin", "0.1", "'margin' must be a number; got '0.1'"),
        ("margin", -0.1, "'margin' must be at least 0"),
        ("margin", True, "'margin' must be a number"),
        ("samples", 11, "'samples' is 11 but dusk.parquet holds 12"),
        ("samples", 3, "'samples' must be at least 10"),
        ("samples", 12.5, "'samples' must be a whole number"),
        ("title", None, "'title' must be a text"),
        ("slug", "dawn", "'slug' is 'dawn' but the file is called 'dusk'"),
        ("schema_version", 99, "'schema_version' is 99"),
        ("schema_version", 0, "'schema_version' must be 1 to 2; got 0"),
        ("schema_version", "2", "'schema_version' must be a whole number"),
        ("margin", float("nan"), "'margin' must be at least 0 and finite; got nan"),
        ("margin", float("inf"), "'margin' must be at least 0 and finite; got inf"),
        ("margin", 10**400, "'margin' is too large for a number"),
        ("margin_origin", 7, "'margin_origin' must be a text"),
        ("title", " ", "'title' is empty"),
        ("title", "\ud800", "'title' holds half of a character"),
        ("why", ["because"], "'why' must be a text"),
        ("rule", "brightness <", "'rule' cannot be read"),
        ("task", "ranking", "'task' must be classification or regression; got 'ranking'"),
        ("loss_name", "", "'loss_name' is empty"),
        ("source_run_id", "", "'source_run_id' is empty"),
        ("source_run_name", None, "'source_run_name' must be a text"),
        ("created_at", "yesterday", "'created_at' must be a date in ISO 8601; got 'yesterday'"),
        ("digest", 12, "'digest' must be a text"),
        ("owner", "me", "there is no field 'owner'"),
    ],
)
def test_an_edit_to_nonsense_names_file_and_field(saved, field, value, sentence):
    path = saved.tests / "dusk.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(InputError) as caught:
        read_test(saved, "dusk")
    assert sentence in str(caught.value)
    assert "dusk.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"slug": "dusk"}', "\x00\xff"])
def test_a_file_that_is_no_test_is_put_aside_and_the_others_stay(saved, text):
    write_test(saved, replace(TEST, slug="dawn"), SAMPLES)
    (saved.tests / "dusk.json").write_text(text)
    found, wrong = list_tests(saved)
    assert [test.slug for test in found] == ["dawn"]
    assert [test.slug for test in wrong] == ["dusk"]
    assert "dusk.json" in wrong[0].reason


def test_every_field_is_needed(saved):
    path = saved.tests / "dusk.json"
    whole = json.loads(path.read_text())
    for field in whole:
        path.write_text(json.dumps({name: whole[name] for name in whole if name != field}))
        with pytest.raises(InputError, match=f"'{field}' is missing"):
            read_test(saved, "dusk")


def test_a_test_of_the_first_version_is_read_and_keeps_its_measurements(saved):
    path = saved.tests / "dusk.json"
    raw = json.loads(path.read_text())
    del raw["digest"]
    path.write_text(json.dumps(raw | {"schema_version": 1}))
    read = read_test(saved, "dusk")
    assert read == TEST
    # The key of version 1, by which its verdicts are known.
    parts = ["dusk", TEST.created_at, "loss", "brightness < 0.2", "abc"]
    assert read.key == hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    assert read_samples(saved, read).num_rows == 12


def test_samples_of_another_test_are_noticed_though_they_are_as_many(saved):
    other = SAMPLES.set_column(0, "sample_id", pa.array([f"t{place:02}" for place in range(12)]))
    write_test(saved, replace(TEST, slug="dawn"), other)
    shutil.copy(saved.tests / "dawn.parquet", saved.tests / "dusk.parquet")
    test = read_test(saved, "dusk")
    with pytest.raises(InputError, match=r"is not the file that was saved with dusk\.json"):
        read_samples(saved, test)
    assert test.key != replace(test, digest="0" * 16).key  # so that it is measured anew


def test_broken_samples_are_noticed(saved):
    path = saved.tests / "dusk.parquet"
    pq.write_table(SAMPLES.drop_columns("signal"), path)
    with pytest.raises(InputError, match="needs a column 'signal'"):
        read_test(saved, "dusk")
    twice = pa.concat_tables([SAMPLES.slice(0, 11), SAMPLES.slice(0, 1)])
    pq.write_table(twice, path)
    with pytest.raises(InputError, match="unique"):
        read_samples(saved, read_test(saved, "dusk"))
    path.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot be read"):
        read_test(saved, "dusk")
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read_test(saved, "dusk")


def test_editing_what_people_may_edit_keeps_the_measurements(saved):
    assert replace(TEST, margin=0.3, title="Dusk", why="x").key == TEST.key
    assert replace(TEST, signal="error").key != TEST.key
    assert replace(TEST, rule="").key != TEST.key
