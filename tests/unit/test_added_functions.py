"""Functions that measure metadata on images and texts, and those that fail."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import aggressors as ag
from aggressors.store.read import open_run
from planted import tiny_run


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """12 images; the originals lie in a folder, twice as large."""
    root = tmp_path_factory.mktemp("pictures")
    tiny_run(root / "workspace")
    with open_run(root / "workspace" / "runs" / "tiny0000.duckdb") as run:
        rows = run.cursor().execute("SELECT uri FROM media ORDER BY row_id").fetchall()
    (root / "originals").mkdir()
    for place, (uri,) in enumerate(rows):
        Image.new("RGB", (48, 40), (20 * place, 0, 0)).save(root / "originals" / uri)
    return root


def redness(image):
    assert image.mode == "RGB"
    return float(np.asarray(image)[:, :, 0].mean())


def size(image):
    return {"wide": image.width, "shape": "flat" if image.width > image.height else "square"}


@pytest.fixture
def tiny(pictures, tmp_path):
    shutil.copytree(pictures / "workspace", tmp_path / "workspace")
    with ag.open_run("tiny", tmp_path / "workspace") as run:
        yield run


def test_a_function_sees_the_thumbnails_or_the_originals(tiny, pictures):
    with tiny.add_metadata(redness) as derived:
        rows = derived.samples("all").to_pylist()
        assert derived.info.name == "tiny + redness"
    brightness = {row["sample_id"]: row["brightness"] for row in rows}
    order = sorted(rows, key=lambda row: row["redness"])
    ranks = [sorted(brightness.values()).index(brightness[row["sample_id"]]) for row in order]
    assert np.corrcoef(ranks, range(12))[0, 1] > 0.9
    with tiny.add_metadata(size) as derived:
        rows = derived.samples("all").to_pylist()
        assert {(row["wide"], row["shape"]) for row in rows} == {(24.0, "square")}
    with tiny.add_metadata(size, media_root=pictures / "originals") as derived:
        rows = derived.samples("all").to_pylist()
        assert {(row["wide"], row["shape"]) for row in rows} == {(48.0, "flat")}
    with ag.add_metadata(
        "tiny", redness, media_root=pictures / "originals", name="red",
        workspace=tiny.path.parents[1],
    ) as derived:  # fmt: skip
        assert derived.info.name == "red"
        found = derived.samples("all")["redness"].to_pylist()
        assert found == pytest.approx([20 * place for place in range(12)], abs=1.5)  # as a JPEG


def test_a_function_of_a_text(tmp_path):
    n = 60
    table = pa.table(
        {
            "sample_id": [f"s{place:02d}" for place in range(n)],
            "loss": np.random.default_rng(0).exponential(size=n),
            "text": [None if place == 7 else "Is it? " * (place % 4) for place in range(n)],
        }
    )
    with ag.analyze(table, workspace=tmp_path / "workspace", name="v1") as run:

        def asks(text):
            return text.count("?")

        with run.add_metadata(asks) as derived:
            rows = derived.samples("all").to_pylist()
            assert [row["asks"] for row in rows] == [
                None if place == 7 else place % 4 for place in range(n)
            ]


def broken(image):
    return 1 / (image.width - 24)


def texts_and_numbers(image, seen=[]):  # noqa: B006
    seen.append(image)
    return "red" if len(seen) == 5 else 1.0


FIRST = "validation-000000"


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (
            broken,
            f"The function 'broken' raised ZeroDivisionError on sample '{FIRST}': division "
            "by zero. Return None where it has no value.",
        ),
        (
            texts_and_numbers,
            "Metadata field 'texts_and_numbers' holds a number in one sample and 'red' in sample "
            "'validation-000004'.",
        ),
        (lambda image: image, "A value needs a name, and the function has none."),
        (lambda image: {"seen": image}, f"Metadata field 'seen' of sample '{FIRST}' must be a num"),
        (lambda image: {3: 1}, "The function must name its fields by text; got 3 for sample"),
        (lambda image: {"label": 1}, "it has a problem:\n- It has a field 'label', which is a col"),
        (lambda image: {"x": None}, "Column 'x' has no value in any row."),
        (lambda image: {}, "It has no column beside 'sample_id'."),
    ],
)
def test_a_function_that_fails_is_named_with_the_sample(tiny, function, says):
    with pytest.raises(ag.InputError) as found:
        tiny.add_metadata(function)
    assert says in str(found.value)
    assert len(list(tiny.path.parent.glob("*.duckdb"))) == 1


def test_an_original_that_is_missing_or_no_image_is_named(tiny, pictures, tmp_path):
    partly = tmp_path / "partly"
    shutil.copytree(pictures / "originals", partly)
    gone = sorted(partly.iterdir())[3]
    gone.unlink()
    with pytest.raises(ag.InputError, match=f"The image '{gone.name}' of sample '{gone.stem}' is"):
        tiny.add_metadata(redness, media_root=partly)
    gone.write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(ag.InputError, match=f"of sample '{gone.stem}' cannot be decoded"):
        tiny.add_metadata(redness, media_root=partly)
    with pytest.raises(ag.InputError, match="is no folder"):
        tiny.add_metadata(redness, media_root=gone)


def test_a_run_that_shows_nothing_has_nothing_to_look_at(tmp_path):
    table = pa.table({"sample_id": ["a", "b", "c"], "loss": [0.1, 0.2, 0.3], "x": [1, 2, 3]})
    with (
        ag.analyze(table, workspace=tmp_path / "workspace") as run,
        pytest.raises(ag.InputError, match="has an image or a text for the function 'redness'"),
    ):
        run.add_metadata(redness)
