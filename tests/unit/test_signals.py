"""What must be bad inside an aggressor, from the setting to the verdict, for each kind of it."""

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from aggressors import gate, runner
from aggressors.collate import collate
from aggressors.contracts import CONFIDENCE_GAP, Settings, Signal
from aggressors.errors import InputError, SettingsError
from aggressors.queries.judged import held_out
from aggressors.queries.overview import aggressors, loss_explained, loss_histograms
from aggressors.queries.signals import signal_sql
from aggressors.sources.roles import Columns
from aggressors.sources.table import open_tables
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context
from aggressors.stats.evidence import confidence_gap
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from calling import call, fails
from signalled import SIGNALS, predictions

METRICS = Columns(metric=("iou", "wer"))
TYPED = ("--columns", "metric=iou", "--columns", "metric=wer")
# In the dark the first model is wrong for 70 %, otherwise for 5 %.
EXPECTED = {"error": 0.65, "confidence_gap": 0.9, "wer": 0.97, "1 - iou": 0.32, "-iou": 0.32}


def source(columns=METRICS):
    return open_tables({"validation": predictions(bad=True)}, columns=columns)


# --- The setting ---


def test_a_signal_is_written_as_it_is_read():
    assert Signal.parse("loss") == Signal("loss")
    assert Signal.parse("iou") == Signal("iou")
    assert Signal.parse("-iou") == Signal("iou", "-")
    assert Settings(signal=" 1-iou ").signal == "1 - iou"
    assert Settings(signal="- iou") == Settings(signal="-iou")
    assert not any(Signal.parse(name).is_metric for name in ("loss", "error"))
    assert all(Signal.parse(name).is_metric for name in (CONFIDENCE_GAP, "iou", "1 - iou"))


@pytest.mark.parametrize("text", ["", " ", "-", "1 -", "-loss", "1 - error", "label", "sample_id"])
def test_what_is_no_signal_is_refused(text):
    with pytest.raises(SettingsError, match="loss, error, confidence_gap or the name of a metric"):
        Settings(signal=text)


def test_confidence_gap_is_the_best_other_class_less_the_true_one():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.5, 0.5, 0.0], [1, 0, 0]])
    found = confidence_gap(probabilities, np.array([0, 1, 0, -1]))
    assert found == pytest.approx([-0.5, 0.5, 0.0, np.nan], nan_ok=True)
    assert confidence_gap(np.eye(2), np.array([0, 0])) == pytest.approx([-1, 1])


# --- One definition, in numpy and in SQL ---


@pytest.mark.parametrize("signal", SIGNALS)
def test_engine_and_queries_mean_the_same(signal, tmp_path):
    settings, given = Settings(signal=signal), source()
    shard = given.shard("validation", 0, 800, settings, lambda n: None)
    tables = collate([("validation", shard.tables)], settings, given.task)
    frame = Frame.from_tables(tables, Context(settings, given.classes, given.task))
    done = runner.run(given, Workspace.open(tmp_path, create=True), settings=settings)
    with open_run(done.path) as run, run.asking() as cursor:
        sql = "SELECT {signal} FROM samples s ORDER BY row_id"
        rows = cursor.execute(sql.replace("{signal}", signal_sql(run))).fetchall()
        assert held_out(run, [signal]).column(signal).to_pylist() == [row[0] for row in rows]
    asked = np.array([row[0] for row in rows], dtype=float)
    assert asked == pytest.approx(frame.signal, nan_ok=True)
    assert np.isnan(asked).sum() == (40 if "iou" in signal or signal == "wer" else 0)


def test_a_metric_may_be_called_anything(tmp_path):
    odd = "it's {value} $1; --"
    table = predictions(bad=True).rename_columns(
        ["sample_id", "label", "probabilities", "light", "hour", odd, "wer"]
    )
    given = open_tables({"validation": table}, columns=Columns(metric=(odd,)))
    settings = Settings(signal=f"1 - {odd}")
    done = runner.run(given, Workspace.open(tmp_path, create=True), settings=settings)
    with open_run(done.path) as run:
        (one, *_) = aggressors(run)
        assert one.gap > 0.2
        assert 0 < loss_explained(run).share < 1
        assert "wer" in run.fields  # a column that nobody called a metric
        assert odd not in run.fields


# --- From predictions to a verdict ---


@pytest.fixture(scope="module", params=SIGNALS)
def story(request, tmp_path_factory):
    """v1 fails in the dark by one signal, v2 does not, v3 does again; both are run by loss."""
    root = tmp_path_factory.mktemp("signal")
    for name, bad, seed in (("v1", True, 0), ("v2", False, 1), ("v3", True, 2)):
        pq.write_table(predictions(bad=bad, seed=seed), root / f"{name}.parquet")
    (root / "settings.toml").write_text(f'signal = "{request.param}"\n')
    at = root / "workspace"
    first = call("ingest", "--validation", root / "v1.parquet", *TYPED, "--name", "v1",
                 "--settings", root / "settings.toml", at=at)  # fmt: skip
    assert first.exit_code == 0, first.stderr
    assert call("save-test", "v1", "--aggressor", 1, "--slug", "dark", at=at).exit_code == 0
    for name in ("v2", "v3"):
        call("ingest", "--validation", root / f"{name}.parquet", *TYPED, "--name", name, at=at)
    return request.param, at


def test_the_group_is_found_by_its_signal(story):
    signal, at = story
    workspace = Workspace.open(at)
    with open_run(workspace.resolve("v1")) as run:
        (one, *_) = aggressors(run)
        assert one.rule.startswith("light <")
        if signal in EXPECTED:
            assert one.gap == pytest.approx(EXPECTED[signal], rel=0.3)
        # Light alone explains most: of the signal above its least value, where that is negative.
        assert 0.1 < one.impact < 0.95
        assert 0.9 * one.impact < loss_explained(run).share < 1
        everyone = [row for row in loss_histograms(run).to_pylist() if row["concept_id"] == -1]
        known = 760 if Signal.parse(signal).name in ("iou", "wer") else 800
        assert sum(row["n"] for row in everyone) == known
        assert 0 < one.n_core < one.n_known <= one.n
        assert (one.n_known < one.n) == (known < 800)
        assert not {"iou", "wer"} & set(run.fields)


def judged_by(signal):
    """What a test compares on a run that seeks by a signal: right or wrong instead of loss."""
    return "error" if signal == "loss" else signal


def test_a_saved_test_holds_later_runs_to_it(story):
    signal, at = story
    verdicts = [gate.check(Workspace.open(at), name).verdicts[0] for name in ("v1", "v2", "v3")]
    assert [(one.verdict, one.state) for one in verdicts] == [
        ("pass", "open"), ("pass", "solved"), ("fail", "regressed"),
    ]  # fmt: skip
    assert {one.signal for one in verdicts} == {judged_by(signal)}
    spoken = "confidence gap" if signal == CONFIDENCE_GAP else judged_by(signal)
    assert verdicts[1].reason.startswith(f"Mean {spoken} ")
    assert verdicts[1].value < verdicts[1].reference
    # Where only tests/ and verdicts/ of the other runs are left, as in continuous integration.
    for name in ("v1", "v2"):
        Workspace.open(at).resolve(name).rename(at / f"{name}.gone")
    try:
        assert gate.check(Workspace.open(at), "v3").verdicts == (verdicts[2],)
    finally:
        for name in ("v1", "v2"):
            gone = at / f"{name}.gone"
            with duckdb.connect(str(gone), read_only=True) as known:
                run_id = known.execute("SELECT run_id FROM run").fetchone()[0]
            gone.rename(at / "runs" / f"{run_id}.duckdb")


def test_terminal_and_report_name_the_signal(story, tmp_path):
    signal, at = story
    spoken = "confidence gap" if signal == CONFIDENCE_GAP else signal
    shown = call("show", "v1", at=at, env={"COLUMNS": "160"}).stdout
    assert f"Gap in {spoken} (95 %)" in shown
    assert f"of all {spoken} would vanish" in " ".join(shown.split())
    for ending in ("html", "md"):
        path = tmp_path / f"report.{ending}"
        assert call("report", "v1", "--out", path, at=at).exit_code == 0
        text = path.read_text(encoding="utf-8").lower()
        assert f"gap in {spoken}" in text.replace("\\", "")
        assert signal == "loss" or "loss" not in text.partition("</style>")[2]


# --- What is said where a signal cannot be had ---


def refused(signal, given, tmp_path):
    with pytest.raises(SettingsError) as caught:
        runner.run(given, Workspace.open(tmp_path, create=True), settings=Settings(signal=signal))
    return str(caught.value)


def test_an_unknown_metric_names_what_there_is(tmp_path):
    assert "the nearest is 'iou'" in refused("1 - iuo", source(), tmp_path)
    listed = refused("f1", source(), tmp_path)
    assert "there are loss, error, confidence_gap, iou, wer" in listed
    assert "--columns metric=f1" in refused("f1", source(columns=None), tmp_path)
    assert "the nearest is 'wer'" in refused("WER", source(), tmp_path)
    for formula in ("iou - 1", "2 - iou", "-(iou)"):
        said = refused(formula, source(), tmp_path)
        assert "'1 - iou' or '-iou' where higher is" in said
        assert "nearest" not in said


def test_a_confidence_gap_takes_probabilities(tmp_path):
    table = predictions(bad=True)
    plain = table.drop_columns(["probabilities"]).append_column("prediction", table["label"])
    given = open_tables({"validation": plain})
    assert "there are no probabilities" in refused(CONFIDENCE_GAP, given, tmp_path)
    numbers = table.drop_columns(["probabilities", "label"])
    numbers = numbers.append_column("label", table["light"]).append_column(
        "prediction", table["light"]
    )
    given = open_tables({"validation": numbers}, task="regression")
    assert "a regression has no classes" in refused(CONFIDENCE_GAP, given, tmp_path)
    assert "no wrong predictions" in refused("error", given, tmp_path)


def test_a_signal_that_no_sample_has_is_refused(tmp_path):
    table = predictions(bad=True)
    train = table.set_column(0, "sample_id", [[f"t{row}" for row in range(800)]])
    given = open_tables(
        {"train": train, "validation": table.drop_columns(["wer"])}, columns=METRICS
    )
    said = refused("wer", given, tmp_path)
    assert "missing for all 800 samples of 'validation'" in said
    losses = table.select(["sample_id", "light"]).append_column("loss", table["light"])
    said = refused("error", open_tables({"validation": losses}), tmp_path)
    assert "'signal' is 'error', which is missing for all 800 samples" in said


def test_a_run_without_the_metric_cannot_be_judged_by_it(tmp_path):
    workspace = Workspace.open(tmp_path, create=True)
    runner.run(source(), workspace, name="v1", settings=Settings(signal="1 - iou"))
    gate.save_test(workspace, "v1", aggressor=1, slug="dark")
    bare = predictions(bad=True).drop_columns(["iou", "wer"])
    runner.run(open_tables({"validation": bare}, model_name="bare"), workspace)
    (verdict,) = gate.check(workspace, "bare").verdicts
    assert (verdict.verdict, verdict.state) == ("missing", "open")
    assert verdict.reason == "The run has no metric 'iou' per sample."


def test_a_signal_that_is_upside_down_is_told(tmp_path):
    said = []

    class Told(runner.show.Silent):
        def say(self, message):
            said.append(message)

    workspace = Workspace.open(tmp_path, create=True)
    for signal in ("1 - iou", "wer", "iou"):
        runner.run(source(), workspace, settings=Settings(signal=signal), progress=Told())
    (advice,) = said
    assert "The signal iou is high where the loss is low (rank correlation -0." in advice
    assert "If a higher iou is better, set signal = '1 - iou' or '-iou'." in advice


# --- Metrics of a table ---


def test_columns_become_metrics_on_the_command_line(tmp_path):
    path, at = tmp_path / "v1.parquet", tmp_path / "w"
    pq.write_table(predictions(bad=True), path)
    ingest = ("ingest", "--validation", path)
    fails(3, *ingest, "--columns", "metric=iuo", at=at, says="the nearest is 'iou'")
    fails(3, *ingest, "--columns", "metric=label", at=at, says="both label and a metric")
    fails(2, *ingest, "--columns", "metrics=iou", at=at, says="the nearest is 'metric'")
    texts = predictions(bad=True).append_column("say", [["x"] * 800])
    pq.write_table(texts, path)
    fails(3, *ingest, "--columns", "metric=say", at=at, says="Metric 'say' of 'validation' must")
    pq.write_table(predictions(bad=True).append_column("loss", [[1.0] * 800]), path)
    fails(3, *ingest, "--columns", "metric=loss", at=at, says="both loss and a metric")
    assert not list(at.glob("runs/*"))


def test_probability_tables_of_unlabeled_samples_have_no_metrics():
    table = predictions(bad=True)
    unlabeled = table.drop_columns(["label"]).set_column(
        0, "sample_id", [[f"u{row}" for row in range(800)]]
    )
    given = open_tables({"validation": table, "unlabeled": unlabeled}, columns=METRICS)
    assert given.metrics == ("iou", "wer", CONFIDENCE_GAP)
    shard = given.shard("unlabeled", 0, 800, Settings(), lambda n: None)
    assert shard.tables["metrics"].num_rows == 0
    assert not {"iou", "wer"} & set(shard.tables["metadata"].column_names)


def test_a_test_edited_to_a_signal_of_another_form_is_refused(story):
    signal, at = story
    path = Workspace.open(at).tests / "dark.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace(f'"signal": "{judged_by(signal)}"', '"signal": "1-iou"'))
    try:
        with pytest.raises(InputError, match="'signal' must be loss, error, confidence_gap"):
            gate.read_test(Workspace.open(at), "dark")
    finally:
        path.write_text(before, encoding="utf-8")
