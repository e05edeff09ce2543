"""Saving tests: from what, by what signal and margin, and what they could notice."""

import json
import math
import shutil

import numpy as np
import pyarrow as pa
import pytest

from aggressors import gate
from aggressors.api import open_run
from aggressors.comparing import compare
from aggressors.errors import FilterError, InputError, UsageError
from aggressors.judging import likely_detectable
from aggressors.making import analyze
from aggressors.store.hypotheses import save_hypothesis
from aggressors.store.read import open_run as open_file
from aggressors.store.saved_tests import read_samples
from aggressors.store.workspace import Workspace
from calling import call, fails
from signalled import predictions
from versions import analysed, publish_tables, publish_version

DUSK = "brightness < 0.25"


@pytest.fixture
def workspace(story, tmp_path):
    copy = tmp_path / "workspace"
    shutil.copytree(story.root, copy)
    return Workspace.open(copy)


def keep(workspace, filter, **more):
    given = {"title": "Too dark", "run_id": "v1-0000", "aggressor": 1, "author": "Ada"} | more
    return save_hypothesis(workspace, filter=filter, **given)


# --- From what ---


def test_a_hypothesis_becomes_a_test_of_what_it_speaks_of(workspace):
    keep(workspace, DUSK)
    test = gate.save_test(workspace, "v1", hypothesis="too-dark")
    assert (test.slug, test.title, test.rule) == ("too-dark", "Too dark", DUSK)
    assert test.why == (
        "Saved from the hypothesis of Ada made on run v1-0000 to explain aggressor 1: Too dark."
    )
    plain = gate.save_test(workspace, "v1", where=DUSK)
    assert read_samples(workspace, test).equals(read_samples(workspace, plain))
    assert [one.verdict for one in gate.check(workspace, "v3").verdicts] == ["fail", "fail"]


def test_a_hypothesis_of_one_run_is_put_in_the_words_of_another(workspace):
    keep(workspace, "aggressor = 1", title="Both halves")
    test = gate.save_test(workspace, "v3", hypothesis="both-halves")
    assert test.rule == ""  # no other run could answer it
    assert test.source_run_id == "v3-0000"


def test_a_filter_on_an_aggressor_leaves_out_the_half_it_was_found_on(workspace):
    by_filter = gate.save_test(workspace, "v1", where="aggressor = 1")
    by_rank = gate.save_test(workspace, "v1", aggressor=1)
    assert read_samples(workspace, by_filter).equals(read_samples(workspace, by_rank))


def test_a_hypothesis_that_is_none_or_on_what_the_model_did_is_refused(workspace):
    with pytest.raises(InputError, match="There is no hypothesis 'too-dark'"):
        gate.save_test(workspace, "v1", hypothesis="too-dark")
    keep(workspace, "loss > 2", title="High loss")
    with pytest.raises(InputError, match="A test on loss"):
        gate.save_test(workspace, "v1", hypothesis="high-loss")
    (workspace.hypotheses / "high-loss.json").write_text("{")
    with pytest.raises(InputError, match=r"high-loss\.json is not valid JSON"):
        gate.save_test(workspace, "v1", hypothesis="high-loss")
    with pytest.raises(UsageError, match="is no slug"):
        gate.save_test(workspace, "v1", hypothesis="../x")
    keep(workspace, "brigthness < 1", title="Misspelt")
    with pytest.raises(FilterError, match="brightness"):
        gate.save_test(workspace, "v1", hypothesis="misspelt")
    assert not list(workspace.tests.glob("*"))


# --- By what ---


def test_title_why_signal_and_margin_are_as_given(workspace):
    test = gate.save_test(
        workspace, "v1", where=DUSK, title=" Dusk\n shots ", why="Night shifts.", signal="error",
        margin=0.02,
    )  # fmt: skip
    assert (test.slug, test.title, test.why) == ("dusk-shots", "Dusk shots", "Night shifts.")
    assert (test.signal, test.margin) == ("error", 0.02)
    assert test.margin_origin == "chosen when it was saved"
    frozen = read_samples(workspace, test)["signal"].to_pylist()
    assert set(frozen) == {0.0, 1.0}
    (verdict,) = gate.check(workspace, "v3").verdicts
    assert (verdict.signal, verdict.verdict) == ("error", "fail")
    assert gate.read_test(workspace, test.slug) == test


def test_where_there_are_classes_right_or_wrong_is_compared(workspace):
    test = gate.save_test(workspace, "v1", where=DUSK)
    assert test.signal == "error"
    assert test.margin_origin.startswith("a twentieth of its gap")
    with open_file(workspace.resolve("v1")) as run:
        assert run.info.settings.signal == "loss"


def test_a_group_that_stands_out_by_loss_alone_is_compared_by_loss(tmp_path):
    workspace = Workspace.open(tmp_path, create=True)
    publish_tables(workspace, all_right(), "v1", day=1)
    assert gate.save_test(workspace, "v1", where=DUSK).signal == "loss"
    # Another that does not stand out at all has nothing that loss alone could show.
    assert gate.save_test(workspace, "v1", where="station = north").signal == "error"


@pytest.mark.parametrize(("unknown", "signal"), [("north", "loss"), ("market", "error")])
def test_right_or_wrong_is_compared_where_it_is_known_of_each_of_the_group(
    tmp_path, unknown, signal
):
    workspace = Workspace.open(tmp_path, create=True)
    tables = analysed()[1]
    samples, stations = tables["samples"], tables["metadata"]["station"].to_pylist()
    assert {"north", unknown} <= set(stations)
    labels = samples["label"].to_pylist()
    guess = [None if stations[row] == unknown else label for row, label in enumerate(labels)]
    publish_tables(workspace, predicted(samples, guess), "v1", day=1)
    assert gate.save_test(workspace, "v1", where="station = north").signal == signal


def all_right():
    """The analysed run, had the model predicted each label; the losses stay."""
    samples = analysed()[1]["samples"]
    return predicted(samples, samples["label"].to_pylist())


def predicted(samples, prediction):
    place = samples.schema.get_field_index("prediction")
    column = pa.array(prediction, samples.schema.field(place).type)
    return analysed()[1] | {"samples": samples.set_column(place, "prediction", column)}


def test_what_got_worse_is_compared_by_what_it_was_found_by(workspace):
    compare(workspace, "v3")
    assert gate.save_test(workspace, "v3", worse=1).signal == "loss"


def test_a_margin_of_nothing_may_be_chosen(workspace):
    assert gate.save_test(workspace, "v1", where=DUSK, margin=0).margin == 0.0


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"margin": -0.1}, UsageError, "at least 0 and finite; got -0.1"),
        ({"margin": math.nan}, UsageError, "at least 0 and finite; got nan"),
        ({"margin": math.inf}, UsageError, "at least 0 and finite; got inf"),
        ({"signal": "1 - loss"}, UsageError, "got '1 - loss'"),
        ({"signal": ""}, UsageError, "got ''"),
        ({"signal": "iou"}, InputError, "has no 'iou' per sample; it has loss, error"),
        ({"title": " \n"}, UsageError, "The title is empty"),
        ({"why": ""}, UsageError, "The why is empty"),
        ({"title": "\ud800"}, InputError, "no valid text"),
        ({"aggressor": 1}, UsageError, "name one of them"),
        ({"hypothesis": "dusk"}, UsageError, "name one of them"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_saved(workspace, given, error, says):
    with pytest.raises(error) as caught:
        gate.save_test(workspace, "v1", where=DUSK, **given)
    assert says in str(caught.value)
    assert not list(workspace.tests.glob("*"))


def test_a_metric_may_be_compared_whatever_the_run_was_searched_by(tmp_path):
    columns = {"metric": ["iou", "wer"]}
    with analyze(predictions(bad=True), name="v1", columns=columns, workspace=tmp_path) as run:
        test = run.save_test(where="light < 0.2", signal="1-iou", slug="dark")
        with pytest.raises(InputError, match="it has loss, error, confidence_gap, iou, wer"):
            run.save_test(where="light < 0.2", signal="dice")
    assert test.signal == "1 - iou"
    bare = predictions(bad=False, seed=1).drop_columns(["iou", "wer"])
    with analyze(bare, name="v2", workspace=tmp_path):
        pass
    (verdict,) = gate.check(Workspace.open(tmp_path), "v2").verdicts
    assert verdict.verdict == "missing"
    assert verdict.reason == "The run has no metric 'iou' per sample."


# --- What it could notice ---


def test_the_smallest_regression_that_could_be_noticed_is_told_when_saving(workspace):
    test = gate.save_test(workspace, "v1", where=DUSK)
    found = gate.promise(workspace, test)
    past = gate.history(workspace).tests[0].verdicts.values()
    seen = sorted(one.detectable for one in past if one.detectable is not None)
    assert found.runs == len(seen) == 2
    assert found.detectable == pytest.approx(sum(seen) / 2)
    assert f"With its {test.samples} samples a worsening below about" in found.sentence
    assert "by how 2 runs differ from their baselines" in found.sentence
    assert "more than its gap" not in found.sentence


def test_with_one_run_alone_it_is_estimated_from_its_signals(tmp_path):
    workspace = Workspace.open(tmp_path / "one", create=True)
    publish_version(workspace, "v1", day=1)
    test = gate.save_test(workspace, "v1", where=DUSK, margin=0.1)
    found = gate.promise(workspace, test)
    signal = np.array(read_samples(workspace, test)["signal"].to_pylist())
    # 2.4865 = z(0.95) + z(0.8)
    by_hand = 0.1 + 2.4865 * math.sqrt(2) * signal.std(ddof=1) / math.sqrt(len(signal))
    assert found.runs == 0
    assert found.detectable == pytest.approx(by_hand, rel=1e-4)
    assert "estimated, for no other run was compared" in found.sentence


def test_more_tests_in_a_check_can_notice_less():
    signal = np.array([0.0, 1.0] * 50)
    alone, among = (likely_detectable(signal, 0.1, n) for n in (1, 10))
    assert 0.1 < alone < among


def test_a_test_that_could_miss_what_it_was_saved_for_says_so(workspace):
    test = gate.save_test(workspace, "v1", where=DUSK, margin=50.0)
    assert "That is more than its gap of" in gate.promise(workspace, test).sentence


def test_a_test_that_is_not_there_promises_nothing(workspace):
    test = gate.save_test(workspace, "v1", where=DUSK)
    (workspace.tests / f"{test.slug}.parquet").unlink()
    with pytest.raises(InputError, match="no readable saved test"):
        gate.promise(workspace, test)


# --- On the command line and in Python ---


def test_the_command_line_takes_all_of_it(workspace):
    keep(workspace, DUSK)
    done = call(
        "save-test", "v1", "--hypothesis", "too-dark", "--title", "Dusk", "--why", "Winter comes.",
        "--signal", "error", "--margin", "0.05", at=workspace.root,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "Margin 0.05 in mean error: chosen when it was saved." in done.stdout
    assert "may pass unseen (by how 2 runs differ" in done.stdout
    raw = json.loads((workspace.tests / "dusk.json").read_text())
    assert (raw["title"], raw["why"], raw["signal"]) == ("Dusk", "Winter comes.", "error")
    at, given = workspace.root, ("save-test", "v1", "--where", DUSK)
    fails(2, *given, "--hypothesis", "too-dark", at=at, says="--hypothesis SLUG")
    fails(2, *given, "--margin", "-1", at=at, says="at least 0")
    fails(2, *given, "--margin", "nan", at=at, says="at least 0")
    fails(2, *given, "--margin", "much", at=at, says="'much'")
    fails(2, *given, "--signal", "1 - error", at=at, says="signal")
    fails(3, *given, "--signal", "wer", at=at, says="no 'wer' per sample")
    fails(3, "save-test", "v1", "--hypothesis", "nothing", at=at, says="no hypothesis 'nothing'")
    assert [path.name for path in workspace.tests.glob("*.json")] == ["dusk.json"]


def test_python_takes_all_of_it(workspace):
    keep(workspace, DUSK)
    with open_run("v1", workspace.root) as run:
        first = run.save_test(1, "dusk")
        second = run.save_test(where=DUSK, title="Dark", signal="error", margin=0.1, why="So.")
        third = run.save_test(hypothesis="too-dark")
        with pytest.raises(UsageError, match="name one of them"):
            run.save_test()
    assert [one.slug for one in (first, second, third)] == ["dusk", "dark", "too-dark"]
    with open_file(workspace.resolve("v1")) as opened:
        assert opened.info.settings.signal == "loss"
    assert {one.signal for one in (first, second, third)} == {"error"}


def test_a_second_test_of_the_same_samples_is_told(workspace):
    first = gate.save_test(workspace, "v1", where=DUSK, slug="first")
    assert gate.told_twice(workspace, first) == ""
    second = gate.save_test(workspace, "v1", where=DUSK, slug="second", signal="error")
    assert gate.told_twice(workspace, second).startswith("first holds 100% of its samples already")
    other = gate.save_test(workspace, "v1", where="brightness >= 0.5", slug="other")
    assert gate.told_twice(workspace, other) == ""
