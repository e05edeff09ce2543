"""Labels in every form in which they come back."""

import io
import json
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from aggressors.errors import TableError, UsageError
from aggressors.export.table import csv as our_csv
from aggressors.store.label_answers import known_as
from aggressors.store.label_files import read_answers

RECORDS = [
    {"sample_id": "a", "label": "coat"},
    {"sample_id": "b", "label": "", "rejected": "unusable"},
    {"sample_id": "c", "label": None, "of_group": "no"},
]
SAID = [("a", "coat", "", None), ("b", "", "unusable", None), ("c", "", "", False)]


def said(found):
    return [(one.sample_id, one.label, one.why, one.of_group) for one in found.rows]


def csv_bytes(delimiter=",", encoding="utf-8"):
    names = ["sample_id", "label", "rejected", "of_group"]
    lines = [names, *([str(row.get(name) or "") for name in names] for row in RECORDS)]
    return "\r\n".join(delimiter.join(line) for line in lines).encode(encoding)


def parquet_bytes(table):
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (csv_bytes(), "CSV"),
        (csv_bytes(";"), "CSV"),
        (csv_bytes("\t"), "CSV"),
        (csv_bytes(encoding="utf-8-sig"), "CSV"),
        (csv_bytes("\t", "utf-16"), "CSV"),
        ("\n".join(map(json.dumps, RECORDS)).encode(), "JSON lines"),
        (json.dumps(RECORDS).encode(), "JSON"),
        (parquet_bytes(pa.Table.from_pylist([{**dict.fromkeys(["rejected", "of_group"]), **row}
                                             for row in RECORDS])), "Parquet"),
    ],
)  # fmt: skip
def test_a_table_is_read_in_any_form(content, form, tmp_path):
    found = read_answers(content)
    assert (found.form, said(found)) == (form, SAID)
    first = 2 if form == "CSV" else 1  # a spreadsheet's first row is its header
    assert [one.row for one in found.rows] == [first, first + 1, first + 2]
    assert found.unit == {"JSON": "element", "JSON lines": "line"}.get(form, "row")
    path = tmp_path / "labels"
    path.write_bytes(content)
    assert read_answers(path) == found


def test_one_record_over_several_lines_is_read():
    assert said(read_answers(json.dumps(RECORDS[0], indent=2).encode()))[0] == SAID[0]


def test_roles_are_named_by_columns():
    content = b"id,class,who,when\na,coat,Ann,2026-11-01 12:00:00+01:00\nb,hat,3,soon\n"
    columns = {"sample_id": "id", "label": "class", "by": "who", "at": "when"}
    first, second = read_answers(content, columns=columns).rows
    assert (first.sample_id, first.label, first.by) == ("a", "coat", "Ann")
    assert first.at == datetime(2026, 11, 1, 11, tzinfo=UTC)
    assert (second.by, second.at) == ("annotator 3", None)
    assert (first.odd, second.odd) == ((), (("no date", "when is 'soon'"),))


def test_what_pandas_makes_of_ids_and_classes_is_undone():
    frame = pd.DataFrame({"sample_id": [1, 2], "label": [3.0, float("nan")]})
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    assert [(one.sample_id, one.label) for one in read_answers(buffer.getvalue()).rows] == [
        ("1", "3"),
        ("2", ""),
    ]


def test_a_row_of_the_wrong_length_is_a_trouble_of_its_own():
    first, second, third = read_answers(b"sample_id,label\na,coat\nb,coat,brown\nc\n").rows
    assert first.odd == ()
    assert second.odd == (("not as long as the header", "3 cells where the header has 2"),)
    assert (third.sample_id, bool(third.odd)) == ("c", True)


def test_quoted_cells_may_hold_lines_and_separators():
    content = b'text,sample_id,label\n"one, two\nthree","a,b","rain ""coat"""\n\n'
    (one,) = read_answers(content).rows
    assert (one.sample_id, one.label) == ("a,b", 'rain "coat"')


def test_a_cell_may_be_longer_than_a_csv_reader_likes():
    content = b"sample_id,label,text\na,coat," + b"x" * 200_000 + b"\n"
    assert read_answers(content).rows[0].label == "coat"


def test_a_rejected_column_may_only_tell_that_it_was():
    rows = read_answers(b"sample_id,rejected\na,true\nb,false\nc,0\nd,blurred\n").rows
    assert [one.why for one in rows] == ["rejected by the labeler", "", "", "blurred"]


@given(st.text(max_size=8).filter(lambda text: not text.strip().startswith(("[", "{"))))
def test_what_our_csv_guards_comes_back_as_it_was(text):
    table = pa.table({"sample_id": [text], "label": [text]})
    (one,) = read_answers(our_csv(table)).rows
    assert known_as(one.label, {text}) == text
    assert known_as(one.sample_id, {text}) == text
    assert known_as(f" {text.strip()} ", {text.strip()}) == text.strip()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"sample,label\na,b\n", "Column 'sample_id' is not in .*nearest is 'sample'"),
        (b"sample_id,class\na,b\n", "Column 'label' is not in"),
        (b'sample_id,label\n"a,b\n', "cannot be read as labels"),
        (b"\xff\xfe\x00", "cannot be read as labels"),
        (b"sample_id,label\n\xe9,b\n", "cannot be read as labels"),
        (b"[1, 2]", "element 1: the number 1. Expected a record"),
        (b'[{"sample_id": "a"', "line 1: no sound JSON .*column 19.*Expected a list of records"),
        (b"[" * 100_000, "cannot be read as labels"),
        (b'{"sample_id": "a", "label": "b"}\nnonsense\n', "line 2: no sound JSON"),
        (b"[]", "holds no record"),
        (b"sample_id,label,label\na,b,c\n", "Column 'label' stands 2 times"),
        (b"PAR1", "cannot be read as labels"),
        (parquet_bytes(pa.table({"id": ["a"]})), "Column 'sample_id' is not in"),
    ],
)
def test_what_is_no_file_of_labels_is_told(content, says):
    with pytest.raises(TableError, match=says):
        read_answers(content)


def test_a_file_that_is_not_there_and_a_role_that_is_none_are_told(tmp_path):
    with pytest.raises(TableError, match=r"gone\.csv cannot be read: no such file"):
        read_answers(tmp_path / "gone.csv")
    with pytest.raises(UsageError, match="no role 'class'"):
        read_answers(b"x", columns={"class": "label"})
    with pytest.raises(TableError, match=r"mine\.csv is empty"):
        read_answers(b"", "mine.csv")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'"coat"', "x is the text 'coat' alone. Expected a list of records"),
        (b"12", "x is the number 12 alone"),
        (b"null", "x is null alone"),
        (b'{"sample_id": "a", "label": "b"}\n\n[1]\n', "x, line 3: a list. Expected a record"),
        (b'\n{"sample_id": "a", "label": "b"}\n{"sample_id": "c",\n', "x, line 3: no sound JSON"),
        (b'{\n"sample_id": "a",\n"label": }', "x, line 3: no sound JSON"),
        (b'{"tasks": [{"sample_id": "a"}]}', "one record, whose 'tasks' lists 1. Expected a list"),
        (b'{"sample_id": {"0": "a"}, "label": {"0": "b"}}', "a table by columns.*orient='records'"),
        (b'{"sample_id": ["a"], "label": ["b"]}', "a table by columns: its 'sample_id' is a list"),
        (b'[{"sample_id": "a", "label": "b"}, {"data": {"sample_id": "b"}}]',
         "x, element 2: a task of Label Studio, where what stands before is a record"),
        (b'[{"data": {"sample_id": "b"}}, {"sample_id": "a", "label": "b"}]',
         "x, element 2: a record, where what stands before is a task of Label Studio"),
        (b'[{"sample_id": "a", "label": "b"}, "c"]', "x, element 2: the text 'c'"),
        (b'{"sample_id": "a", "label": "b"}\n{"sample_id": "\\ud800", "label": "b"}',
         "x, line 2: half of a character"),
    ],
)  # fmt: skip
def test_json_of_another_form_is_told_with_its_place_and_what_was_expected(content, says):
    with pytest.raises(TableError, match=says):
        read_answers(content, "x")


def test_lines_count_as_an_editor_counts_them_and_end_only_where_one_ends():
    content = '\n{"sample_id": "a\u2028b", "label": "coat"}\n\n{"sample_id": "c", "label": "hat"}'
    found = read_answers(content.encode())
    assert [(one.row, one.sample_id) for one in found.rows] == [(2, "a\u2028b"), (4, "c")]
    alone = read_answers(b'\n\n{"sample_id": "a",\n"label": "coat"}')
    assert [one.row for one in alone.rows] == [3]


def test_values_that_no_cell_could_hold_are_told_of_their_row():
    rows = [
        {"sample_id": ["a"], "label": "coat"},
        {"sample_id": "b", "label": "coat", "rejected": {"why": "x"}},
        {"sample_id": "c", "label": True, "of_group": [1], "labeled_at": 1764201600},
    ]
    found = read_answers(json.dumps(rows).encode()).rows
    assert [one.odd for one in found] == [
        (("neither text nor number", "sample_id is a list: ['a']"),),
        (("neither text nor number", "rejected is a record: {'why': 'x'}"),),
        (("neither yes nor no", "of_group is '[1]'"), ("no date", "labeled_at is '1764201600'")),
    ]


@pytest.mark.parametrize(
    ("word", "such"),
    [("Yes", True), ("1.0", True), ("such a sample", True), ("FALSE", False), ("0", False),
     ("not of the group", False), ("unknown", None), (" ", None)],
)  # fmt: skip
def test_whether_it_is_such_a_sample_is_a_known_word(word, such):
    (one,) = read_answers(f"sample_id,label,of_group\na,coat,{word}\n".encode()).rows
    assert (one.of_group, one.odd) == (such, ())


@pytest.mark.parametrize("word", ["maybe", "2", "ja", "yes?", "-"])
def test_any_other_word_is_told_and_taken_for_neither(word):
    (one,) = read_answers(f"sample_id,label,of_group\na,coat,{word}\n".encode()).rows
    assert (one.of_group, one.odd) == (None, (("neither yes nor no", f"of_group is {word!r}"),))


def test_days_and_moments_of_a_table_are_read():
    day = datetime(2026, 11, 27, tzinfo=UTC)
    table = pa.table(
        {"sample_id": ["a", "b"], "label": ["x", "y"], "labeled_at": pa.array([day.date(), None])}
    )
    assert [one.at for one in read_answers(parquet_bytes(table)).rows] == [day, None]
    (one,) = read_answers(b"sample_id,label,labeled_at\na,coat,2026-11-27 \n").rows
    assert (one.at, one.odd) == (day, ())


@pytest.mark.parametrize("word", ["27.11.2026", "soon", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_what_is_no_date_is_told(word):
    (one,) = read_answers(f"sample_id,label,labeled_at\na,coat,{word}\n".encode()).rows
    assert (one.at, one.odd) == (None, (("no date", f"labeled_at is {word!r}"),))


def test_rejected_for_a_reason_that_reads_like_a_no_stays_rejected():
    rows = read_answers(b"sample_id,rejected\na,not of the group\nb,unknown\nc,0.0\n").rows
    assert [one.why for one in rows] == ["not of the group", "unknown", ""]


# --- Label Studio ---


def annotation(label="coat", **more):
    value = {"choices": [label]} if isinstance(label, str) else label
    result = [{"from_name": "label", "to_name": "image", "type": "choices", "value": value}]
    return {"id": 1, "completed_by": 7, "was_cancelled": False, "result": result} | more


def tasks(*annotations, **more):
    data = {"sample_id": "a", "label": None, "image": "x.jpg"}
    task = {"id": 3, "data": data, "annotations": list(annotations), "predictions": [annotation()]}
    return json.dumps([task | more]).encode()


def test_annotations_are_answers_and_predictions_are_none():
    found = read_answers(
        tasks(
            annotation(updated_at="2026-11-01T12:00:00.5Z", created_at="2026-10-01T00:00:00Z"),
            annotation("hat", completed_by={"id": 2, "email": "ann@x.org"}),
            annotation(completed_by={"id": 2}, was_cancelled=True),
        )
    )
    assert found.form == "Label Studio JSON"
    assert [(one.label, one.why, one.by) for one in found.rows] == [
        ("coat", "", "annotator 7"),
        ("hat", "", "ann@x.org"),
        ("", "skipped", "annotator 2"),
    ]
    assert found.rows[0].at == datetime(2026, 11, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    (untouched,) = read_answers(tasks()).rows
    assert (untouched.sample_id, untouched.label, untouched.why) == ("a", "", "")


@pytest.mark.parametrize(
    ("value", "label", "odd"),
    [
        ({"choices": ["rain coat"]}, "rain coat", ""),
        ({"number": 3.5}, "3.5", ""),
        ({"text": ["coat"]}, "coat", ""),
        ({"choices": ["a", "b"]}, "", "2 labels"),
        ({"choices": []}, "", ""),
        ({"x": 1, "rectanglelabels": ["cat"]}, "", "no label of the whole sample"),
    ],
)
def test_an_annotation_tells_one_label_or_why_it_does_not(value, label, odd):
    (one,) = read_answers(tasks(annotation(value))).rows
    assert one.label == label
    assert len(one.odd) == bool(odd)
    assert all(odd in got for _, got in one.odd)


@pytest.mark.parametrize(
    ("said", "at", "odd"),
    [
        (1764201600, datetime(2025, 11, 27, tzinfo=UTC), ()),  # as old versions wrote it
        (1e300, None, (("no date", "updated_at is 1e+300"),)),
        ("soon", None, (("no date", "updated_at is 'soon'"),)),
        ("", datetime(2026, 10, 1, tzinfo=UTC), ()),
    ],
)
def test_when_it_was_annotated_is_read_or_told(said, at, odd):
    created = "2026-10-01T00:00:00Z"
    (one,) = read_answers(tasks(annotation(updated_at=said, created_at=created))).rows
    assert (one.at, one.odd) == (at, odd)


def test_a_task_that_nobody_touched_is_one_beside_those_that_somebody_did():
    content = [json.loads(tasks(annotation()))[0], {"data": {"sample_id": "b"}}]
    first, second = read_answers(json.dumps(content).encode()).rows
    assert (first.label, second.sample_id, second.label, second.row) == ("coat", "b", "", 2)
    (odd,) = read_answers(tasks(annotation(), data={"sample_id": ["a"]})).rows
    assert odd.odd == (("neither text nor number", "sample_id is a list: ['a']"),)


def test_whether_it_is_such_a_sample_is_a_tag_of_its_own():
    for word, such in (("yes", True), ("No", False)):
        asked = {"from_name": "of_group", "type": "choices", "value": {"choices": [word]}}
        both = annotation()
        both["result"].append(asked)
        (one,) = read_answers(tasks(both)).rows
        assert (one.label, one.of_group) == ("coat", such)
        (alone,) = read_answers(tasks(annotation(result=[asked]))).rows
        assert (alone.label, alone.of_group, alone.odd) == ("", such, ())
    (odd,) = read_answers(tasks(annotation(result=[asked | {"value": {"choices": ["hm"]}}]))).rows
    assert odd.odd == (("neither yes nor no", "of_group is 'hm'"),)


def test_other_tags_are_named_and_a_missing_one_is_told():
    (one,) = read_answers(tasks(annotation()), columns={"label": "class"}).rows
    assert one.odd == (("no answer that can be read", "no tag 'class'; there is 'label'"),)
    (other,) = read_answers(tasks(annotation(ground_truth=True)), columns={"label": "label"}).rows
    assert other.decided


@pytest.mark.parametrize("annotations", [{"a": 1}, ["x"], "text"])
def test_tasks_of_a_strange_form_are_a_trouble_and_no_crash(annotations):
    (one,) = read_answers(json.dumps([{"data": {"sample_id": "a"}, "annotations": annotations}])
                          .encode()).rows  # fmt: skip
    assert one.odd
    (other,) = read_answers(tasks(annotation(result=annotations))).rows
    assert other.odd


def test_the_short_forms_are_read():
    short = [
        {"sample_id": "a", "id": 1, "label": "coat", "annotator": 2, "annotation_id": 5,
         "updated_at": "2026-11-01T12:00:00Z", "lead_time": 1.5},
        {"sample_id": "b", "id": 2, "label": {"choices": ["x", "y"]}, "annotator": 2,
         "annotation_id": 6, "lead_time": 1},
        {"sample_id": "c", "id": 3, "label": [{"number": 4}], "annotator": 2, "annotation_id": 7},
    ]  # fmt: skip
    found = read_answers(json.dumps(short).encode())
    assert found.form == "Label Studio JSON-MIN"
    assert [(one.label, bool(one.odd)) for one in found.rows] == [
        ("coat", False),
        ("", True),
        ("4", False),
    ]
    assert (found.rows[0].by, found.rows[0].at.hour) == ("annotator 2", 12)
    content = (
        b'"annotation_id","annotator","label","lead_time","sample_id"\n'
        b'1,"ann@x.org","coat",2.5,"a"\n2,"ann@x.org","{""choices"": [""x"", ""y""]}",2,"b"\n'
    )
    found = read_answers(content)
    assert found.form == "Label Studio CSV"
    assert [(one.label, one.by, bool(one.odd)) for one in found.rows] == [
        ("coat", "ann@x.org", False),
        ("", "ann@x.org", True),
    ]
