import csv
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError, UsageError, WorkspaceError
from aggressors.export import FORMATS, WHATS, export
from aggressors.export.table import csv as as_csv
from aggressors.export.table import write_jsonl
from aggressors.queries.grammar import parse
from aggressors.queries.listing import listing
from queried import ODD, queried


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


QUEUE = ["test-0200", "train-0001", "test-0201"]


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("format", FORMATS)
def test_every_list_in_every_format_keeps_order_and_count(run, what, format):
    expected = listing(run, what, count=3, queue=QUEUE)["sample_id"].to_pylist()
    exported = export(run, what, format=format, count=3, queue=QUEUE)
    assert exported.rows == len(expected) <= 3
    assert exported.filename == f"v1-{what}.{FORMATS[format].download}"
    assert read_ids(exported, format) == expected


def jsonl(table):
    stream = io.BytesIO()
    write_jsonl(stream, table.schema, [table])
    return stream.getvalue()


def read_ids(exported, format):
    if format != "hf-imagefolder":
        return ids(exported.main.content, format)
    found = []
    for file in exported.files:
        if file.name.endswith("metadata.parquet"):
            found += pq.read_table(io.BytesIO(file.content)).to_pylist()
    return [row["sample_id"] for row in sorted(found, key=lambda row: row["file_name"])]


def ids(content, format):
    if format == "coco":
        return [image["sample_id"] for image in json.loads(content)["images"]]
    if format == "csv":
        return [row["sample_id"] for row in csv.DictReader(io.StringIO(content.decode("utf-8")))]
    if format == "parquet":
        return pq.read_table(io.BytesIO(content))["sample_id"].to_pylist()
    if format == "jsonl":
        return [json.loads(line)["sample_id"] for line in content.decode("utf-8").splitlines()]
    return [task["data"]["sample_id"] for task in json.loads(content)]


def test_parquet_and_jsonl_give_back_what_was_listed(run):
    table = listing(run, "members", 1)
    assert pq.read_table(io.BytesIO(export(run, "members", 1, format="parquet").content)).equals(
        table
    )
    lines = export(run, "members", 1, format="jsonl").content.decode("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == table.to_pylist()


def test_csv_gives_back_what_was_listed(run):
    table = listing(run, "samples", filter=parse('operator != "=evil()"'))
    exported = export(run, "samples", filter=parse('operator != "=evil()"'))
    rows = list(csv.DictReader(io.StringIO(exported.content.decode("utf-8"))))
    for row, expected in zip(rows, table.to_pylist(), strict=True):
        assert row["label"] == (expected["label"] or "")
        assert float(row[ODD]) == expected[ODD]
        assert row["note"] == (expected["note"] or "")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_text_of_a_csv_starts_a_formula(first):
    cell = f'{first}HYPERLINK("http://evil")'
    table = pa.table({cell: [cell, "safe"], "number": [-1.5, 2.0]})
    header, row, safe = csv.reader(io.StringIO(as_csv(table).decode("utf-8"), newline=""))
    assert header == ["'" + cell, "number"]
    assert row == ["'" + cell, "-1.5"]  # a negative number stays a number
    assert safe == ["safe", "2"]


def test_csv_keeps_quotes_commas_lines_and_letters():
    cells = ['a "b"', "c,d", "two\nlines", "grün 服"]
    table = pa.table({"cell": cells})
    read = [row["cell"] for row in csv.DictReader(io.StringIO(as_csv(table).decode(), newline=""))]
    assert read == cells


def test_jsonl_has_no_number_that_json_lacks_and_whole_ones_are_whole():
    numbers = [float("nan"), float("inf"), 22.0, 0.5, 1e300]
    assert jsonl(pa.table({"x": numbers})).decode().splitlines() == [
        '{"x": null}', '{"x": null}', '{"x": 22}', '{"x": 0.5}', '{"x": 1e+300}',
    ]  # fmt: skip


# --- Files ---


def test_several_files_are_saved_side_by_side_or_as_one_zip(run, tmp_path):
    exported = export(run, "samples", format="label-studio", count=2)
    assert exported.filename == "v1-samples.zip"
    written = exported.save(tmp_path / "mine.json")
    assert [path.name for path in written] == ["mine.json", "mine-config.xml"]
    assert written[0].read_bytes() == exported.main.content
    (packed,) = exported.save(tmp_path / "mine.zip")
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == ["v1-samples.json", "config.xml"]
        assert archive.read("v1-samples.json") == exported.main.content
    assert packed.read_bytes() == exported.content  # the same bytes each time


def test_one_file_is_itself(run, tmp_path):
    exported = export(run, "samples", count=2)
    assert (exported.filename, exported.content) == (exported.main.name, exported.main.content)
    assert exported.save(tmp_path / "a.zip") == (tmp_path / "a.zip",)
    assert (tmp_path / "a.zip").read_bytes() == exported.content


def test_a_place_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError):
        export(run, "samples", count=2).save(tmp_path / "file" / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_many_rows_are_written_in_their_order(run):
    many = pa.table({"x": range(2_500)})
    assert [json.loads(line)["x"] for line in jsonl(many).splitlines()] == list(range(2_500))


def test_a_name_cannot_leave_its_folder(tmp_path):
    with queried(tmp_path, name="../../etc/pass wd").run as run:
        exported = export(run, "members", 1, count=1)
        assert exported.filename == "etc-pass-wd-members-aggressor-1.csv"


def test_a_queue_is_narrowed_to_members_and_candidates(run):
    member = listing(run, "members", 1)["sample_id"][0].as_py()
    others = set(listing(run, "samples")["sample_id"].to_pylist())
    for what in ("members", "candidates"):
        others -= set(listing(run, what, 1)["sample_id"].to_pylist())
    queue = ["unlabeled-0299", min(others), member]  # a candidate, neither, a member
    narrowed = listing(run, "queue", 1, queue=queue)
    assert narrowed["sample_id"].to_pylist() == ["unlabeled-0299", member]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"what": "samples", "format": "xlsx"}, UsageError),
        ({"what": "everything"}, UsageError),
        ({"what": "members", "aggressor": 9}, UsageError),
        ({"what": "samples", "count": 0}, UsageError),
        ({"what": "samples", "filter": parse("colour = red")}, FilterError),
    ],
)
def test_refuses(run, arguments, error):
    with pytest.raises(error):
        export(run, **arguments)


def test_an_export_counts_its_populations(run):
    exported = export(run, "samples")
    assert list(exported.populations) == ["train", "validation", "test", "unlabeled"]
    assert sum(exported.populations.values()) == exported.rows


def test_an_empty_list_is_a_valid_file(run):
    for format in FORMATS:
        exported = export(run, "samples", filter=parse("none"), format=format)
        assert exported.rows == 0
        assert read_ids(exported, format) == []
    assert export(run, "samples", None, EVERYTHING, "csv", 1).rows == 1
