"""The report: self-contained, harmless whatever the data says, and short where it should be."""

import json
import re
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from aggressors import gate, report
from aggressors.errors import UsageError
from aggressors.queries.cards import media_type
from aggressors.report import cards
from aggressors.stages.tables import rows
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from planted import empty_run, tiny_run
from queried import queried
from versions import analysed, publish_tables, publish_version

JPEG = b"\xff\xd8\xff" + b"x" * 50
EVIL = "<script>alert(1)</script> \"' | `x`"


class Tags(HTMLParser):
    """Collects tags with their attributes, and the text outside of style."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def names(self):
        return {tag for tag, _ in self.tags}

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def detailed():
    """Planted tables whose aggressor has everything that a card shows."""
    _, tables = analysed()
    ids = tables["samples"]["sample_id"].to_pylist()
    members = tables["assignments"]["row_id"].to_pylist()
    media = [
        {"row_id": row, "sample_id": ids[row], "kind": "image", "thumbnail": JPEG}
        for row in members[:3]
    ]
    media.append({"row_id": members[3], "sample_id": ids[members[3]], "kind": "text", "text": EVIL})
    media.append(
        {
            "row_id": members[4],
            "sample_id": ids[members[4]],
            "kind": "image",
            "thumbnail": b"<svg onload=alert(1)>",
        }
    )
    shown = [
        {"concept_id": 1, "reason": "worst", "rank": rank, "sample_id": ids[row], "alike": 2}
        for rank, row in enumerate(members[:5], start=1)
    ]
    shown += [
        {"concept_id": 1, "reason": reason, "rank": 1, "sample_id": ids[members[3]], "alike": 0}
        for reason in ("central", "diverse", "counter")
    ]
    words = [
        {
            "concept_id": 1, "rank": rank, "word": word, "z": 4.0, "q_value": 0.001,
            "n_inside": 12, "of_inside": 20, "n_outside": n, "of_outside": 100, "stratum": "label",
        }
        for rank, (word, n) in enumerate((("alert", 5), ("script", 0)), start=1)
    ]  # fmt: skip
    found = {
        "concept_id": 1, "field": "brightness", "target": "membership", "stratum": "label",
        "statistic": "rank-biserial", "effect": -0.9, "low": -0.95, "high": -0.8, "q_value": 0.001,
        "n": 600, "detail": json.dumps({"sentence": f"brightness below 0.22 {EVIL}"}),
    }  # fmt: skip
    maps = [
        {
            "concept_id": 1, "of": of, "method": "grad-cam", "target": "prediction", "n": 9,
            "height": 2, "width": 2, "scale": 1.5, "pixels": bytes([0, 80, 160, 255]),
        }
        for of in ("core", "rest")
    ]  # fmt: skip
    return tables | {
        "media": rows("media", media),
        "representatives": rows("representatives", shown),
        "words": rows("words", words),
        "correlations": rows("correlations", [found]),
        "mean_maps": rows("mean_maps", maps),
        "yields": rows(
            "yields", [{"concept_id": 1, "count": 200, "expected": 0.61, "low": 0.5, "high": 0.7}]
        ),
    }


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    place = Workspace.open(tmp_path_factory.mktemp("report") / "workspace", create=True)
    publish_tables(place, detailed(), "v1", day=1, model_name=EVIL)
    publish_version(place, "v2", day=2, solved=("dusk",))
    gate.save_test(place, "v1", aggressor=1, slug="dusk")
    return place


def written(workspace, run, out):
    with open_run(workspace.resolve(run)) as opened:
        size = report.write(opened, out, workspace)
    text = out.read_text(encoding="utf-8")
    assert size == len(text.encode())
    return text


def test_a_page_needs_nothing_else_and_runs_nothing(workspace, tmp_path):
    page = written(workspace, "v1", tmp_path / "v1.html")
    tags = Tags(page)
    assert tags.names().isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    for _, attributes in tags.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert value.startswith(("data:image/jpeg;", "data:image/png;", "#a"))
    assert "url(" not in page
    assert "@import" not in page
    assert "<svg onload" not in page
    assert "default-src 'none'" in page
    assert EVIL in tags.text  # shown as text


def test_the_bottom_line_comes_first_and_the_evidence_follows(workspace, tmp_path):
    text = Tags(written(workspace, "v1", tmp_path / "v1.html")).text
    order = [
        "1 group does worse than the rest, first of all brightness < 0.25.",
        "Accuracy", "Ranking", "Saved tests", "Still open",
        "Mean loss is 1.5 above the rest (1.2 to 1.8)", "60 of 80 members fail",
        "Its worst samples", "What they share", "brightness -0.90", "What to do",
        "Label more samples like these", "61% are expected to be such samples (50% to 70%)",
        "Where the model looks, on average", "failing members",
    ]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_every_kind_of_sample_is_labelled_and_near_duplicates_are_counted(workspace, tmp_path):
    text = Tags(written(workspace, "v1", tmp_path / "v1.html")).text
    kinds = ["Its worst samples", "Central:", "Diverse:", "Counter-examples: similar, but handled"]
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
    assert re.search(r"hour 99 top 0\.0\d %", Tags(page).text)


def test_where_the_model_looks_is_told_from_its_numbers(tmp_path):
    opened = Workspace.open(tmp_path, create=True)
    queried(opened.runs)
    page = Tags(written(opened, "v1", tmp_path / "looks.html"))
    said = "Failing members: 37 % of the attention in the border, 18 % for the same labels"
    assert said in page.text
    ticket = written(opened, "v1", tmp_path / "looks.md")
    assert "### Where the model looks\n\n- **" in ticket
    assert said in ticket


def test_a_run_whose_attention_does_not_differ_says_nothing_of_it(workspace, tmp_path):
    assert "Where the model looks" not in written(workspace, "v1", tmp_path / "v1.md")


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
        good | {"of": "core_mispredicted", "target": "label"},
    ]
    opened = Workspace.open(tmp_path / "workspace", create=True)
    publish_tables(opened, tables | {"mean_maps": rows("mean_maps", maps)}, "odd", day=1)
    page = written(opened, "odd", tmp_path / "odd.html")
    assert page.count("data:image/png;base64") == 2
    assert "failing, true class" in Tags(page).text


def test_light_dark_and_paper(workspace, tmp_path):
    page = written(workspace, "v1", tmp_path / "v1.html")
    assert "prefers-color-scheme:dark" in page
    assert "@media print" in page


def test_pictures_are_inlined_and_others_refused(workspace, tmp_path):
    page = written(workspace, "v1", tmp_path / "v1.html")
    assert page.count("data:image/jpeg;base64") == 3
    assert page.count("data:image/png;base64") == 2
    assert media_type(b"GIF89a") == media_type(b"") == ""


def test_a_page_stays_small_however_large_the_thumbnails(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    tables = detailed()
    big = tables["media"].to_pylist()
    for row in big:
        row["thumbnail"] = b"\xff\xd8\xff" + b"x" * 20_000_000
    publish_tables(place, tables | {"media": rows("media", big)}, "big", day=1)
    assert len(written(place, "big", tmp_path / "big.html")) < 1_000_000


def test_a_page_has_no_more_pictures_than_it_may_hold(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "PICTURES", 0)
    assert "data:image" not in written(workspace, "v1", tmp_path / "v1.html")


def test_a_ticket_is_short_and_its_actions_are_quantified(workspace, tmp_path):
    text = written(workspace, "v1", tmp_path / "v1.md")
    assert len(text) < 3_000
    assert text.startswith("## v1: 1 group does worse than the rest")
    assert re.search(r"- \[ \] \*\*brightness &lt; 0.25\*\*: Label more .* 61%", text)
    assert "| 1 | brightness &lt; 0.25 | 1.5 (1.2 to 1.8) | 44.0% | 60/80 |" in text
    assert "**pass** `dusk` (open)" in text
    assert "<script>" not in text


def test_runs_without_findings_say_so(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    for path in (tiny_run(place), empty_run(place)):
        for ending in ("html", "md"):
            with open_run(path) as run:
                report.write(run, tmp_path / f"x.{ending}", None)
            text = (tmp_path / f"x.{ending}").read_text(encoding="utf-8")
            assert "too few to confirm anything; about 200 are needed." in text


def test_a_run_file_alone_is_reported_without_tests(workspace, tmp_path):
    with open_run(workspace.resolve("v1")) as run:
        report.write(run, tmp_path / "alone.html")
    assert "Saved tests" not in (tmp_path / "alone.html").read_text(encoding="utf-8")


def test_another_ending_is_refused(workspace, tmp_path):
    with (
        open_run(workspace.resolve("v1")) as run,
        pytest.raises(UsageError, match=r"\.html or \.md"),
    ):
        report.write(run, tmp_path / "v1.pdf", workspace)


def test_verdicts_of_the_run_stand_in_its_page(workspace, tmp_path):
    text = Tags(written(workspace, "v2", tmp_path / "v2.html")).text
    assert "pass dusk solved" in text
    assert "better by" in text
