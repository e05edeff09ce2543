"""Tables of predictions: what is read, what is computed, what is refused and how."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aggressors.collate import collate
from aggressors.contracts import Settings
from aggressors.errors import InputError, TableError, UsageError
from aggressors.sources.roles import Columns
from aggressors.sources.table import open_tables

SETTINGS = Settings()


def rows(**columns):
    """Four samples; columns given replace, None leaves out."""
    base = {
        "sample_id": ["a", "b", "c", "d"],
        "label": ["cat", "dog", "cat", "dog"],
        "prediction": ["cat", "cat", "cat", "dog"],
        "hour": [1, 2, None, 4],
    }
    return {name: values for name, values in {**base, **columns}.items() if values is not None}


def read(source, population="validation"):
    size = source.populations[population]
    return source.shard(population, 0, size, SETTINGS, lambda count: None).tables


def opened(given=None, **options):
    given = pa.table(rows()) if given is None else given
    return open_tables({"validation": given}, **options)


def column(tables, name, table="samples"):
    return tables[table][name].to_pylist()


# --- What is read ---


def test_label_and_prediction_give_a_loss_of_0_or_1():
    source = opened()
    tables = read(source)
    assert source.classes == ("cat", "dog")
    assert source.loss_name == "0/1 loss"
    assert column(tables, "loss") == [0, 1, 0, 0]
    assert column(tables, "confidence") == [None] * 4
    assert column(tables, "hour", "metadata") == [1, 2, None, 4]
    assert column(tables, "kind", "media") == ["row"] * 4
    assert "embeddings" not in tables


def test_probabilities_give_prediction_confidence_and_cross_entropy():
    chances = [[0.9, 0.1], [0.25, 0.75], [0.0, 1.0], [0.5, 0.5]]
    source = opened(pa.table(rows(prediction=None, probabilities=chances)))
    tables = read(source)
    assert source.loss_name == "cross-entropy"
    assert column(tables, "prediction") == ["cat", "dog", "dog", "cat"]
    np.testing.assert_allclose(column(tables, "confidence"), [0.9, 0.75, 1, 0.5])
    expected = -np.log([0.9, 0.75, 1e-7, 0.5])  # a probability of 0 is clipped
    np.testing.assert_allclose(column(tables, "loss"), expected)


def test_confidence_is_the_probability_of_the_given_prediction():
    chances = [[0.4, 0.6]] * 4
    tables = read(opened(pa.table(rows(probabilities=chances))))
    np.testing.assert_allclose(column(tables, "confidence"), [0.4, 0.4, 0.4, 0.6], rtol=1e-6)


def test_probabilities_follow_the_given_order_of_classes():
    chances = [[0.9, 0.1]] * 4
    table = pa.table(rows(prediction=None, probabilities=chances))
    assert column(read(opened(table, classes=["dog", "cat"])), "prediction") == ["dog"] * 4


def test_a_given_loss_wins_and_needs_no_label():
    table = pa.table(rows(label=None, prediction=None, nll=[0.5, 1.0, 2.0, 0.0]))
    source = opened(table, columns=Columns(loss="nll"))
    assert source.loss_name == "nll"
    assert column(read(source), "loss") == [0.5, 1.0, 2.0, 0.0]
    assert "nll" not in read(source)["metadata"].column_names


def test_a_given_loss_needs_no_label_of_every_sample():
    table = pa.table(rows(label=["cat", None, "cat", "dog"], loss=[0.5, 1.0, 2.0, 0.0]))
    assert column(read(opened(table)), "label") == ["cat", None, "cat", "dog"]
    table = pa.table(rows(label=[None] * 4, prediction=None, loss=[0.5, 1.0, 2.0, 0.0]))
    assert column(read(opened(table)), "label") == [None] * 4


def test_numbers_with_fractions_are_a_regression():
    source = opened(pa.table(rows(label=[1.5, 2, 3, 4], prediction=[1, 2, 5, 4.5])))
    tables = read(source)
    assert (source.task, source.classes, source.loss_name) == ("regression", (), "squared error")
    assert column(tables, "loss") == [0.25, 0, 4, 0.25]
    assert column(tables, "label") == [1.5, 2, 3, 4]


def test_whole_numbers_are_classes_even_where_pandas_made_them_floats():
    frame = pd.DataFrame(rows(label=[0, 1, 1, 0], prediction=[0.0, 1.0, 0.0, 0.0]))
    source = opened(frame)
    assert source.classes == ("0", "1")
    assert column(read(source), "loss") == [0, 0, 1, 0]


def test_files_and_frames_give_the_same_tables(tmp_path):
    table = pa.table(rows(weight=[1.0, 2.0, 1.0, 1.0], group=["p", "p", "q", "q"]))
    pq.write_table(table, tmp_path / "rows.parquet")
    table.to_pandas().to_csv(tmp_path / "rows.csv", index=False)
    lines = "\n".join(json.dumps(row) for row in table.to_pylist())
    (tmp_path / "rows.jsonl").write_text(lines)
    expected = read(opened(table))
    for name in ("rows.parquet", "rows.csv", "rows.jsonl"):
        found = read(opened(tmp_path / name))
        for part in ("samples", "metadata", "media"):
            assert found[part].equals(expected[part]), (name, part)
    assert column(expected, "weight") == [1, 2, 1, 1]
    assert column(expected, "group_id") == ["p", "p", "q", "q"]


def test_ids_of_a_csv_keep_their_zeros(tmp_path):
    (tmp_path / "rows.csv").write_text("sample_id,label,prediction\n007,a,b\n08,b,b\n")
    assert column(read(opened(tmp_path / "rows.csv")), "sample_id") == ["007", "08"]


def test_lists_of_a_csv_are_read(tmp_path):
    (tmp_path / "rows.csv").write_text(
        'sample_id,label,probabilities\na,x,"[0.75, 0.25]"\nb,y,"[0.5, 0.5]"\n'
    )
    tables = read(opened(tmp_path / "rows.csv"))
    assert column(tables, "vector", "probabilities") == [[0.75, 0.25], [0.5, 0.5]]


def test_embeddings_are_float32_lists_of_one_length():
    tables = read(opened(pa.table(rows(embedding=[[1.0, 2], [3, 4], [5, 6], [7, 8]]))))
    assert tables["embeddings"]["vector"].type == pa.list_(pa.field("item", pa.float32()), 2)


def test_unlabeled_needs_no_label_and_gets_no_loss():
    unlabeled = pa.table({"sample_id": ["u"], "label": ["cat"]})
    source = open_tables({"unlabeled": unlabeled, "validation": pa.table(rows())})
    assert list(source.populations) == ["validation", "unlabeled"]
    tables = read(source, "unlabeled")
    assert (column(tables, "label"), column(tables, "loss")) == ([None], [None])
    both = [(name, read(source, name)) for name in source.populations]
    assert collate(both, SETTINGS, source.task)["samples"].num_rows == 5


def test_text_is_measured_and_the_users_own_field_wins():
    table = pa.table(rows(text=["One two", "", "a", "B C"], words=[9, 9, 9, 9]))
    tables = read(opened(table))
    assert column(tables, "text", "media") == ["One two", "", "a", "B C"]
    assert column(tables, "words", "metadata") == [9, 9, 9, 9]
    assert column(tables, "characters", "metadata") == [7, 0, 1, 3]
    declared = {row["field"]: row["source"] for row in tables["metadata_fields"].to_pylist()}
    assert (declared["words"], declared["characters"]) == ("table", "built-in")


def png(side=8):
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (200, 10, 10)).save(buffer, "PNG")
    return buffer.getvalue()


def test_image_bytes_are_measured_and_shown():
    tables = read(opened(pa.table(rows(image=[png(), png(), None, png()]))))
    assert column(tables, "thumbnail", "media")[0] == png()
    assert column(tables, "kind", "media") == ["image", "image", "row", "image"]
    warmth = column(tables, "warmth", "metadata")
    assert warmth[0] == pytest.approx(190 / 255, abs=1e-6)
    assert warmth[2] is None


def test_image_paths_are_read_below_the_media_root(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(png())
    table = pa.table(rows(image=["a.png", "a.png", None, "a.png"]))
    tables = read(opened(table, media_root=tmp_path / "pictures"))
    assert column(tables, "uri", "media") == ["a.png", "a.png", None, "a.png"]
    assert column(tables, "thumbnail", "media")[0] == png()


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "link.png"])
def test_image_paths_cannot_leave_the_media_root(tmp_path, path):
    (tmp_path / "secret.png").write_bytes(png())
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    table = pa.table(rows(image=[path, None, None, None]))
    with pytest.raises(TableError, match="leaves the media root"):
        read(opened(table, media_root=root))


def test_image_paths_need_a_media_root():
    with pytest.raises(TableError, match="--media-root"):
        read(opened(pa.table(rows(image=["a.png"] * 4))))


def test_the_digest_follows_values_roles_and_classes(tmp_path):
    first = opened()
    assert first.digest() == opened(pa.table(rows())).digest()
    changed = [
        opened(pa.table(rows(hour=[1, 2, None, 5]))),
        opened(classes=["dog", "cat"]),
        opened(pa.table(rows(hour=None, hours=[1, 2, None, 4]))),
    ]
    assert len({first.digest(), *(source.digest() for source in changed)}) == 4
    sliced = pa.concat_tables([pa.table(rows()), pa.table(rows())]).slice(4)
    assert opened(sliced).digest() == first.digest()


def test_the_digest_follows_images_behind_paths(tmp_path):
    def digest():
        return opened(pa.table(rows(image=["a.png", "b.png", None, None])), media_root=tmp_path)

    (tmp_path / "a.png").write_bytes(png())
    first = digest().digest()
    assert digest().digest() == first
    (tmp_path / "a.png").write_bytes(png() + b"more")
    longer = digest().digest()
    os.utime(tmp_path / "a.png", (1, 1))
    older = digest().digest()
    (tmp_path / "b.png").write_bytes(png())
    assert len({first, longer, older, digest().digest()}) == 4


# --- What is refused ---

BAD = {
    "no id": (rows(sample_id=None, sample=list("abcd")), r"nearest is 'sample'\. Pass columns="),
    "id missing": (rows(sample_id=["a", None, "c", "d"]), "Row 2 of 'validation' has no"),
    "id twice": (rows(sample_id=["a", "b", "b", "d"]), r"sample_id 'b' and 0 others"),
    "no label": (rows(label=None, labels=list("abcd")), "nearest is 'labels'"),
    "no prediction": (rows(prediction=None), "neither loss, prediction nor probabilities"),
    "NaN loss": (rows(loss=[0, 1, float("nan"), 2]), "'loss' of sample 'c' in 'validation' is nan"),
    "infinite loss": (rows(loss=[0, 1, float("inf"), 2]), "sample 'c' in 'validation' is inf"),
    "no loss": (rows(loss=[0, None, 1, 1]), r"sample 'b'.* is missing \(1 such"),
    "loss in words": (rows(loss=["x", "y", "z", "w"]), "must hold numbers; got string"),
    "label missing": (rows(label=["cat", None, "cat", "dog"]), "'label' of sample 'b'.* missing"),
    "embedding length": (
        rows(embedding=[[1.0, 2], [1, 2], [1], [1, 2]]),
        "'embedding' of sample 'c'.* has 1 values; the first sample's has 2",
    ),
    "embedding NaN": (
        rows(embedding=[[1.0, 2], [1, 2], [1, float("nan")], [1, 2]]),
        "sample 'c'.* holds a missing, NaN",
    ),
    "embedding number": (rows(embedding=[1, 2, 3, 4]), "must hold lists of numbers; got int64"),
    "probabilities length": (
        rows(probabilities=[[1.0, 0], [1, 0], [1, 0, 0], [1, 0]]),
        "sample 'c'.* has 3 values; the number of classes is 2",
    ),
    "logits": (rows(probabilities=[[1.0, 0], [4.5, -3], [1, 0], [1, 0]]), "sample 'b'.* sum to"),
    "weight": (rows(weight=[1, 1, -1, 1]), "'weight' of sample 'c'.* is -1"),
    "nested": (rows(tags=[["a"], ["b"], [], []]), "'tags' of 'validation' holds list"),
    "reserved": (rows(Loss=[1, 2, 3, 4]), "'Loss', which is a column of every run"),
    "case": (rows(Hour=[1, 2, 3, 4]), "'hour' and 'Hour', which differ in case only"),
    "empty": (pa.table(rows()).slice(0, 0), "'validation' has no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(name):
    given, message = BAD[name]
    with pytest.raises(InputError, match=message):
        opened(given if isinstance(given, pa.Table) else pa.table(given))


def test_refuses_an_unknown_class_and_names_the_nearest():
    table = pa.table(rows(label=["cat", "dgo", "cat", "dog"]))
    with pytest.raises(TableError, match=r"is 'dgo', which is no class; the nearest is 'dog'"):
        opened(table, classes=["cat", "dog"])


def test_refuses_an_id_that_stands_in_two_populations():
    with pytest.raises(TableError, match="also over populations"):
        open_tables({"validation": pa.table(rows()), "test": pa.table(rows())})


def test_refuses_embeddings_of_two_lengths_over_populations():
    first = pa.table(rows(embedding=[[1.0, 2]] * 4))
    second = pa.table(rows(sample_id=list("efgh"), embedding=[[1.0]] * 4))
    with pytest.raises(TableError, match="'test' have 1 values, those of 'validation' 2"):
        open_tables({"validation": first, "test": second})


def test_refuses_vectors_in_one_population_only():
    first = pa.table(rows(embedding=[[1.0, 2]] * 4))
    with pytest.raises(TableError, match="Give embedding for all populations or for none"):
        open_tables({"validation": first, "test": pa.table(rows(sample_id=list("efgh")))})


def test_refuses_one_class_only():
    source = opened(pa.table(rows(label=["cat"] * 4)))
    with pytest.raises(InputError, match="All 4 samples of 'validation' have the label 'cat'"):
        collate([("validation", read(source))], SETTINGS, source.task)


def test_refuses_unknown_populations_and_requires_validation():
    with pytest.raises(TableError, match="nearest is 'validation'"):
        open_tables({"validations": pa.table(rows())})
    with pytest.raises(TableError, match="--validation FILE"):
        open_tables({"test": pa.table(rows())})


def test_refuses_files_it_cannot_read(tmp_path):
    with pytest.raises(TableError, match="There is no file"):
        opened(tmp_path / "rows.parquet")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(TableError, match="cannot be read as parquet"):
        opened(tmp_path / "rows.parquet")
    (tmp_path / "rows.xlsx").write_bytes(b"")
    with pytest.raises(TableError, match=r"must end in .parquet, .csv"):
        opened(tmp_path / "rows.xlsx")
    with pytest.raises(TableError, match="got list"):
        opened([1, 2])


def test_refuses_corrupt_image_bytes_and_names_the_sample():
    with pytest.raises(InputError, match="image of sample 'b' cannot be decoded"):
        read(opened(pa.table(rows(image=[png(), png()[:40], None, None]))))


def test_columns_are_parsed_from_the_command_line():
    assert Columns.parse(["loss=nll", "sample_id=a=b"]) == Columns(loss="nll", sample_id="a=b")
    for pair, message in {
        "loss": "ROLE=COLUMN",
        "los=nll": "nearest is 'loss'",
        "loss=a loss=b": "twice",
    }.items():
        with pytest.raises(UsageError, match=message):
            Columns.parse(pair.split())


def test_one_column_has_one_role():
    with pytest.raises(TableError, match="is both prediction and loss"):
        opened(columns=Columns(loss="prediction"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"sample_id,label,label,prediction\na,x,x,y\n", r"has 2 columns 'label'\. Rename or drop"),
        (b"sample_id,loss,hour,hour\na,1,2,3\n", r"has 2 columns 'hour'"),
        ("sample_id,label,prediction\na,grün,y\n".encode("latin-1"), "is not UTF-8 text"),
        ("sample_id,loss,note\na,1,grün\n".encode("latin-1"), "is not UTF-8 text"),
        ("sample_id,loss,grün\na,1,x\n".encode("latin-1"), "is not UTF-8 text"),
        (
            b"prediction,label\nx,y\n",
            r"has 'prediction', 'label'\. Pass --columns sample_id=COLUMN",
        ),
        (b"sample id,loss\nx,1\n", r"--columns 'sample_id=sample id'\."),
    ],
)
def test_a_csv_that_is_not_as_it_should_be_is_told_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "val.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        opened(path)


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(TableError, match="is a folder"):
        opened(tmp_path)
