"""CSV files: what separates columns and decimals, and numbers that a float cannot tell apart."""

from __future__ import annotations

import pyarrow as pa
import pytest

from aggressors.errors import TableError
from aggressors.sources import fields
from aggressors.sources.files import read_table


@pytest.mark.parametrize(
    ("content", "share"),
    [
        (b'sample_id;loss;"a, b"\nx;1,5;0,25\ny;2;3\n', 0.25),
        (b'sample_id;loss;"a, b"\nx;1.5;0.25\ny;2;3\n', 0.25),
        (b'sample_id\tloss\t"a, b"\nx\t1.5\t0.25\ny\t2\t3\n', 0.25),
        (b'sample_id,loss,"a, b"\nx,1.5,0.25\ny,2,3\n', 0.25),
        (b'sample_id;loss;"a, b"\nx;1,5;0,25 km\ny;2;3\n', "0,25 km"),
    ],
)
def test_what_separates_columns_and_decimals_is_seen(tmp_path, content, share):
    path = tmp_path / "val.csv"
    path.write_bytes(content)
    table = read_table(path, "validation")
    assert table["loss"].to_pylist() == [1.5, 2]
    assert table["a, b"][0].as_py() == share


@pytest.mark.parametrize(
    ("rows", "scores", "pairs"),
    [
        ("s1;0.5;1,2\ns2;2;x\n", [0.5, 2], ["1,2", "x"]),
        ('s1;"-0.5";1,2\r\ns2;2;x\r\n', [-0.5, 2], ["1,2", "x"]),
        ("s1;0,5;1,2\ns2;2;3\n", [0.5, 2], [1.2, 3]),
        ("s1;0,5;12.05.2024\ns2;2;v1.5\n", [0.5, 2], ["12.05.2024", "v1.5"]),
    ],
)
def test_a_comma_is_the_decimal_sign_only_where_no_number_has_a_point(
    tmp_path, rows, scores, pairs
):
    (tmp_path / "val.csv").write_text("sample_id;score;pair\n" + rows)
    table = read_table(tmp_path / "val.csv", "validation")
    assert table["score"].to_pylist() == scores
    assert table["pair"].to_pylist() == pairs


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("sample_id;note a, b, c\ns1;x\ns2;y, z\n", ["sample_id", "note a, b, c"]),
        ('id;"a\nb, c";d, e, f\n\n1;"x;;\n""y"";";z\n2;y;\n', ["id", "a\nb, c", "d, e, f"]),
        ("id|a, b;c\n1|x,y;\n2|;\n3|,,\n", ["id", "a, b;c"]),
        ('id,size\n1,5" pipe\n2,a;b" x\n', ["id", "size"]),
        ("id\na;b\nc\n", ["id"]),
        ("id;a,b;c\n1;2,5;3\n2;3,5;4\n", ["id", "a,b", "c"]),
    ],
)
def test_columns_are_separated_by_what_the_first_lines_have_equally_often(
    tmp_path, content, columns
):
    (tmp_path / "val.csv").write_text(content)
    assert read_table(tmp_path / "val.csv", "validation").column_names == columns


@pytest.mark.parametrize(
    ("content", "says"),
    [("a;b;c\n1;2;3\n4;5\n", "semicolons: .*3 columns, got 2"), ("a\tb\n1\t2\n3\n", "tabs: ")],
)
def test_a_row_that_is_too_short_is_told_with_what_separates_the_columns(tmp_path, content, says):
    (tmp_path / "val.csv").write_text(content)
    with pytest.raises(TableError, match=f"as csv with columns separated by {says}"):
        read_table(tmp_path / "val.csv", "validation")


def test_a_line_that_the_first_part_of_a_file_cuts_does_not_count(tmp_path):
    rows = "".join(f"{row};{'x' * 400_000};y\n" for row in range(3))
    (tmp_path / "val.csv").write_text("id;note a, b, c;more\n" + rows)
    table = read_table(tmp_path / "val.csv", "validation")
    assert table.column_names == ["id", "note a, b, c", "more"]


def test_whole_numbers_that_a_float_cannot_tell_apart_stay_apart():
    ids = pa.chunked_array([[2**60, 2**60 + 1, None]])
    assert fields.from_column(ids).to_pylist() == [str(2**60), str(2**60 + 1), None]
    assert fields.from_column(pa.chunked_array([[2**53, -(2**53)]])).type == pa.float64()
    assert fields.from_column(pa.chunked_array([[None, None]], pa.int64())).type == pa.float64()
