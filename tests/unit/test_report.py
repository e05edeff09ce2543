"""The page of a run: self-contained, harmless whatever the data says, complete, and small."""

import re
from itertools import pairwise

import pyarrow as pa
import pytest

from aggressors import gate, report
from aggressors.errors import UsageError
from aggressors.report import pictures
from aggressors.stages.tables import rows
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from planted import empty_run, tiny_run
from queried import queried
from reported import EVIL, UNSAFE, Tags, detailed, picture, written
from versions import publish_tables, publish_version


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    place = Workspace.open(tmp_path_factory.mktemp("report") / "workspace", create=True)
    publish_tables(place, detailed(), "v1", day=1, model_name=EVIL)
    publish_version(place, "v2", day=2, solved=("dusk",))
    gate.save_test(place, "v1", aggressor=1, slug="dusk", title=EVIL)
    return place


def test_a_page_needs_nothing_else_and_runs_nothing(workspace, tmp_path):
    page = written(workspace, "v1", tmp_path / "v1.html")
    tags = Tags(page)
    assert tags.names().isdisjoint(UNSAFE)
    for _, attributes in tags.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("data:image/jpeg;", "data:image/png;", "#"))
    assert "url(" not in page
    assert "@import" not in page
    assert "<svg onload" not in page
    policy = [one["content"] for one in tags.all("meta") if "http-equiv" in one]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert EVIL in tags.text  # shown as text


def test_every_link_leads_somewhere_on_the_page(workspace, tmp_path):
    for run in ("v1", "v2"):
        tags = Tags(written(workspace, run, tmp_path / "x.html"))
        places = [attributes["id"] for _, attributes in tags.tags if "id" in attributes]
        links = {one["href"][1:] for name in ("a", "use") for one in tags.all(name)}
        assert len(places) == len(set(places))
        assert links <= set(places)


def test_headings_are_in_order_and_pictures_have_words(workspace, tmp_path):
    tags = Tags(written(workspace, "v1", tmp_path / "v1.html"))
    levels = [int(tag[1]) for tag, _ in tags.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for one in tags.all("svg"):
        assert one.get("aria-hidden") == "true" or (one["role"] == "img" and one["aria-label"])


def test_the_bottom_line_comes_first_and_the_evidence_follows(workspace, tmp_path):
    text = Tags(written(workspace, "v1", tmp_path / "v1.html")).text
    order = [
        "1 group does worse than the rest, first of all brightness < 0.25.",
        "v1 is the baseline of its 1 saved test.",
        "Accuracy", "Aggressors, ranked", "+1.5 1.2 to 1.8", "44.0",
        "One by one", "Gap in mean loss", "2 inside, 0.5 in the rest",
        "60 of 80", "members that the search had not seen", "Gap by population", "the unseen half",
        "Members that fail most", "Similar samples that it handles well",
        "Where the model looks, on average", "Failing members",
        "What they share", "−0.9 −0.95 to −0.8", "What to do",
        "Collect. Label more samples like these", "expected to be such samples (50 to 70",
        "Test dusk", "n 74 · margin 0.0232 (a twentieth of its gap of 0.464", "Method",
    ]  # fmt: skip
    at = 0
    for part in order:
        at = text.index(part, at)


def test_every_kind_of_sample_is_labelled_and_near_duplicates_are_counted(workspace, tmp_path):
    text = Tags(written(workspace, "v1", tmp_path / "v1.html")).text
    kinds = ["fail most", "handles well", "Nearest to the middle", "As unlike each other"]
    places = [text.index(kind) for kind in kinds]
    assert places == sorted(places)
    assert text.count("+2 alike") == 5


def test_telling_words_are_marked_in_a_text_that_stays_text(workspace, tmp_path):
    page = written(workspace, "v1", tmp_path / "v1.html")
    assert "&lt;<mark>script</mark>&gt;<mark>alert</mark>(1)&lt;/<mark>script</mark>&gt;" in page
    assert "others of the same labels: alert (12×), script (only here)." in Tags(page).text


def test_a_sample_without_picture_and_text_shows_its_most_unusual_values(tmp_path):
    tables = detailed()
    place = tables["metadata"].schema.get_field_index("hour")
    first = tables["representatives"]["sample_id"][0].as_py()
    ids = tables["samples"]["sample_id"].to_pylist()
    hours = pa.array([99.0 if one == first else 12.0 + at % 5 for at, one in enumerate(ids)])
    tables["metadata"] = tables["metadata"].set_column(place, "hour", hours)
    opened = Workspace.open(tmp_path / "workspace", create=True)
    publish_tables(opened, tables | {"media": rows("media", [])}, "bare", day=1)
    page = written(opened, "bare", tmp_path / "bare.html")
    assert "hour <mark>99</mark>" in page
    assert re.search(r"hour 99 top 0\.0\d\s%", Tags(page).text)
    assert "Label → prediction" in Tags(page).text  # rows, in the place of pictures


def test_where_the_model_looks_is_told_from_its_numbers(tmp_path):
    opened = Workspace.open(tmp_path, create=True)
    queried(opened.runs)
    text = Tags(written(opened, "v1", tmp_path / "looks.html")).text
    said = "Failing members: 37 % of the attention in the border, 18 % for the same labels"
    assert said in text.replace("\u202f", " ")


def test_samples_stand_beside_their_heatmaps(tmp_path):
    tables = detailed()
    first = tables["representatives"]["sample_id"][0].as_py()
    heat = {
        "sample_id": first, "of": "prediction", "method": "grad-cam", "target": "boot",
        "height": 2, "width": 2, "scale": 1.0, "pixels": bytes([0, 90, 160, 255]),
    }  # fmt: skip
    unsound = heat | {"sample_id": tables["representatives"]["sample_id"][1].as_py(), "height": 9}
    opened = Workspace.open(tmp_path / "workspace", create=True)
    heats = rows("heatmaps", [heat, unsound])
    publish_tables(opened, tables | {"heatmaps": heats}, "hot", day=1)
    tags = Tags(written(opened, "hot", tmp_path / "hot.html"))
    labels = [one.get("aria-label") for one in tags.all("svg")]
    assert labels.count(f"Where the model looks in {first}") == 1
    assert (
        sum(bool(label and label.startswith("Where the model looks in")) for label in labels) == 1
    )


def test_mean_maps_of_a_stranger_are_drawn_only_where_they_are_sound(tmp_path):
    tables = detailed()
    good = {
        "concept_id": 1, "method": "grad-cam", "target": "prediction", "n": 9, "height": 1,
        "width": 2, "scale": 1.0, "pixels": b"\x00\xff",
    }  # fmt: skip
    maps = [
        good | {"of": "core"},
        good | {"of": "members", "height": None},
        good | {"of": "rest", "width": 1_000_000, "height": 1_000_000},
        good | {"of": "same_label_well_predicted", "pixels": None},
        good | {"of": "core_mispredicted"},
        good | {"of": "core_mispredicted", "target": "label", "pixels": b"\xff\x10"},
    ]
    opened = Workspace.open(tmp_path / "workspace", create=True)
    publish_tables(opened, tables | {"mean_maps": rows("mean_maps", maps)}, "odd", day=1)
    page = written(opened, "odd", tmp_path / "odd.html")
    assert page.count("data:image/png;base64") == 2
    assert "Failing, true class" in Tags(page).text


def test_light_dark_and_paper(workspace, tmp_path):
    page = written(workspace, "v1", tmp_path / "v1.html")
    assert "@media screen and (prefers-color-scheme:dark)" in page  # paper is light
    assert "@media print" in page


def test_each_picture_is_inlined_once_and_others_are_refused(tmp_path):
    tables = detailed()
    media = tables["media"].to_pylist()
    media[1]["thumbnail"] = media[0]["thumbnail"]
    opened = Workspace.open(tmp_path / "workspace", create=True)
    publish_tables(opened, tables | {"media": rows("media", media)}, "twice", day=1)
    page = written(opened, "twice", tmp_path / "twice.html")
    assert page.count("data:image/jpeg;base64") == 2
    assert page.count('aria-label="') > 3


def test_a_page_stays_small_however_large_the_thumbnails(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    tables = detailed()
    big = tables["media"].to_pylist()
    for row in big[:2]:
        row["thumbnail"] = picture(200, 2_000, "PNG") + b"x" * 20_000_000
    big[2]["thumbnail"] = b"\xff\xd8\xff" + b"x" * 20_000_000
    publish_tables(place, tables | {"media": rows("media", big)}, "big", day=1)
    page = written(place, "big", tmp_path / "big.html")
    assert len(page) < 200_000
    assert page.count("data:image/jpeg;base64") == 1  # drawn smaller; what is no picture is not


def test_pictures_beyond_what_a_page_may_hold_are_counted(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "BUDGET", 0)
    page = written(workspace, "v1", tmp_path / "v1.html")
    assert "data:image" not in page
    assert "5 pictures left out, so that the page stays small to send." in Tags(page).text


def test_runs_without_findings_say_so(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    for path in (tiny_run(place), empty_run(place)):
        for ending in ("html", "md"):
            for known in (None, place):
                text = written(known, path, tmp_path / f"x.{ending}")
                assert "too few to confirm anything; about 200 are needed." in text


def test_a_run_file_alone_is_reported_without_tests(workspace, tmp_path):
    text = Tags(written(None, workspace.resolve("v1"), tmp_path / "alone.html")).text
    assert "Saved tests" not in text.partition("Method")[0]
    assert "This report is of a run file on its own." in text


def test_another_ending_is_refused(workspace, tmp_path):
    with (
        open_run(workspace.resolve("v1")) as run,
        pytest.raises(UsageError, match=r"\.html or \.md"),
    ):
        report.write(run, tmp_path / "v1.pdf", workspace)
