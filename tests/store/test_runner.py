"""A run from a source to a published file: killed, continued, refused, repeated."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from aggressors import progress, runner
from aggressors.contracts import Settings
from aggressors.errors import InputError, StageError, UsageError, WorkspaceError
from aggressors.sources.protocol import Shard
from aggressors.stages import WHOLE, load_stages
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.store.read import open_run
from aggressors.store.schema import BY_NAME
from aggressors.store.workspace import Workspace
from planted import PlantedSource
from store import crashing

SCRIPT = Path(crashing.__file__)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace", create=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stages that take no time, in the place of the real ones."""
    monkeypatch.setattr(runner, "load_stages", lambda: crashing.STAGES)


def _run(workspace: Workspace, source: object = crashing.SOURCE, **more: object):  # type: ignore[no-untyped-def]
    return runner.run(source, workspace, **{"settings": crashing.SETTINGS, **more})  # type: ignore[arg-type]


def _contents(path: Path | str) -> dict[str, list[tuple[object, ...]]]:
    """All rows but the times at which, and in which, something was made."""
    clocks = {"run": "* EXCLUDE created_at", "stages": "* EXCLUDE seconds"}
    sql = "SELECT {} FROM {}"
    with open_run(path) as opened:
        return {
            name: opened.cursor().execute(sql.format(clocks.get(name, "*"), name)).fetchall()
            for name in BY_NAME
        }


# --- Killed ---


def test_a_run_killed_at_every_step_ends_with_the_same_tables(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A chain of processes, each of which finishes at most one piece of work and is killed."""
    finished: list[int] = []
    for moment in crashing.MOMENTS * len(crashing.PIECES):
        done = _process(workspace.root, moment)
        assert done.returncode == -signal.SIGKILL, done.stderr
        finished.append(_finished(workspace))
        if list(workspace.runs.glob("[!.]*.duckdb")):
            break
        assert workspace.catalogue() == ([], [])
    assert finished == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4]
    assert [run.name for run in workspace.catalogue()[0]] == ["v1"]
    done = _process(workspace.root, "none")
    assert done.returncode == 0, done.stderr
    whole = _process(tmp_path / "other", "none")
    assert _contents(done.stdout.strip()) == _contents(whole.stdout.strip())


def _finished(workspace: Workspace) -> int:
    """Count the pieces of work that are whole."""
    facts = workspace.work.glob("*/**/facts.json")
    return sum(path.parent.suffix != ".tmp" for path in facts)


def _process(folder: Path, moment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), moment],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def test_finished_shards_and_stages_are_not_done_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Counting()
    calls: list[str] = []

    def interrupted(tables: Tables, context: Context) -> dict[str, pa.Table]:
        calls.append("group")
        if len(calls) < 3:
            raise KeyboardInterrupt
        return crashing.group(tables, context)

    def counted(tables: Tables, context: Context) -> dict[str, pa.Table]:
        calls.append("place")
        return crashing.place(tables, context)

    place, group = crashing.STAGES
    stages = (replace(place, run=counted), replace(group, run=interrupted))
    monkeypatch.setattr(runner, "load_stages", lambda: stages)
    with pytest.raises(KeyboardInterrupt):
        _run(workspace, source)
    assert workspace.catalogue()[0] == []
    result = _run(workspace, source)
    assert calls == ["place", "group", "group"]
    assert source.read == [("validation", 0, 60), ("unlabeled", 0, 60)]
    assert list(workspace.work.iterdir()) == []
    assert workspace.catalogue()[0][0].run_id == result.run_id


class Counting(PlantedSource):
    """Remembers which shards were read."""

    def __init__(self, **more: object) -> None:
        super().__init__(**{"n": 60, "with_populations": ("validation", "unlabeled"), **more})  # type: ignore[arg-type]
        object.__setattr__(self, "read", [])

    read: list[tuple[str, int, int]]

    def shard(
        self,
        population: str,
        start: int,
        stop: int,
        settings: Settings,
        advance: Callable[[int], None],
    ) -> Shard:
        self.read.append((population, start, stop))
        return super().shard(population, start, stop, settings, advance)


# --- Repeated ---


@pytest.mark.usefixtures("quick")
def test_the_same_call_returns_the_published_run(workspace: Workspace) -> None:
    first = _run(workspace, name="v1")
    stamp = os.stat(first.path).st_mtime_ns
    again = _run(workspace, name="another label")
    assert (again.run_id, again.path, again.name) == (first.run_id, first.path, "v1")
    assert os.stat(first.path).st_mtime_ns == stamp


@pytest.mark.usefixtures("quick")
def test_a_published_run_that_is_broken_is_made_again(workspace: Workspace) -> None:
    first = _run(workspace, name="v1")
    whole = _contents(first.path)
    Path(first.path).write_bytes(Path(first.path).read_bytes()[:9_000])
    again = _run(workspace, name="v1")
    assert again.path == first.path
    assert _contents(again.path) == whole


@pytest.mark.parametrize("slow", ["place", "group"])
def test_two_processes_of_one_run_both_end_with_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """The other one publishes, and sweeps the work, while a stage of this one is at it."""
    stages = {stage.name: stage for stage in crashing.STAGES}
    others: list[str] = []

    def slowly(tables: Tables, context: Context) -> dict[str, pa.Table]:
        if not others:
            others.append("begun")
            others.append(_run(workspace, name="other").path)
        return dict(stages[slow].run(tables, context))

    changed = tuple(
        replace(stage, run=slowly) if stage.name == slow else stage for stage in stages.values()
    )
    monkeypatch.setattr(runner, "load_stages", lambda: changed)
    result = _run(workspace, name="mine")
    assert (result.path, result.name) == (others[1], "other")
    assert list(workspace.work.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_inputs_and_settings_make_the_run_id_and_nothing_else_does(workspace: Workspace) -> None:
    ids = [
        _run(workspace).run_id,
        _run(workspace, settings=Settings(shard_size=60, seed=1)).run_id,
        _run(workspace, limit=50).run_id,
        _run(workspace, PlantedSource(n=60, seed=1)).run_id,
    ]
    assert len(set(ids)) == 4
    assert all(len(run_id) == 12 and int(run_id, 16) >= 0 for run_id in ids)


@pytest.mark.usefixtures("quick")
def test_shards_of_another_size_give_the_same_tables(workspace: Workspace) -> None:
    one, other = (
        _contents(_run(workspace, settings=Settings(shard_size=size)).path) for size in (7, 4_096)
    )
    for name in set(one) - {"run", "stages"}:
        assert one[name] == other[name], name


@pytest.mark.usefixtures("quick")
def test_a_limit_takes_the_first_samples_of_each_population(workspace: Workspace) -> None:
    source = Counting()
    result = _run(workspace, source, limit=50)
    with open_run(result.path) as opened:
        assert opened.populations == {"validation": 50, "unlabeled": 50}
    assert source.read == [("validation", 0, 50), ("unlabeled", 0, 50)]


def test_all_stages_fill_all_tables_and_do_so_again(workspace: Workspace) -> None:
    """The real stages, on the planted source: every table but those of a network."""
    result = runner.run(PlantedSource(n=600), workspace, name="v1")
    with open_run(result.path) as opened:
        assert opened.info.name == "v1"
    contents = _contents(result.path)
    stages = [row[0] for row in contents["stages"]]
    names = [row[2] for row in contents["aggressors"]]
    assert stages == ["infer", "describe", *WHOLE, "publish"]
    assert {name for name, found in contents.items() if not found} <= {
        "explanation",
        "heatmaps",
        "mean_maps",
        "attention",
        "words",
        "fields_aside",
    }
    assert result.aggressors >= 1
    assert any("brightness" in str(name) for name in names)
    # Shards of another size bring the samples in another order, and change nothing.
    settings = Settings(shard_size=111)
    again = _contents(runner.run(PlantedSource(n=600), workspace, settings=settings).path)
    for name in set(contents) - {"run", "stages"}:
        assert again[name] == contents[name], name


def test_every_stage_reads_what_is_there_by_then() -> None:
    known = {"samples", "metadata", "metadata_fields", "media", "metrics"}
    maybe = {"embeddings", "spaces", "probabilities", "positions", "fingerprints"}
    handed_on = {"probes"}  # between stages, and not published
    for stage in load_stages():
        assert set(stage.inputs) - set(stage.optional) <= known, stage.name
        assert set(stage.optional) <= known | maybe, stage.name
        assert set(stage.outputs) <= set(BY_NAME) | handed_on, stage.name
        known |= set(stage.outputs)
    assert [stage.name for stage in load_stages()] == list(WHOLE)
    assert known | maybe >= set(BY_NAME) - {"run", "stages"}


def test_what_all_samples_tell_is_kept_for_a_run_that_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies after `survey` does not survey again, and ends with the same tables."""
    stages = load_stages()
    assert stages[0].name == "survey"

    def dying(tables: Tables, context: Context) -> dict[str, pa.Table]:
        raise KeyboardInterrupt

    def never(tables: Tables, context: Context) -> dict[str, pa.Table]:
        raise AssertionError("surveyed twice")

    broken = (stages[0], replace(stages[1], run=dying), *stages[2:])
    monkeypatch.setattr(runner, "load_stages", lambda: broken)
    with pytest.raises(KeyboardInterrupt):
        runner.run(PlantedSource(n=300), workspace)
    resumed = (replace(stages[0], run=never), *stages[1:])
    monkeypatch.setattr(runner, "load_stages", lambda: resumed)
    path = runner.run(PlantedSource(n=300), workspace).path
    with open_run(path) as opened:
        fields = {name: info.source for name, info in opened.fields.items()}
    assert (fields["outlier_score"], fields["station"]) == ("built-in", "integration")


# --- Refused ---


@pytest.mark.usefixtures("quick")
def test_an_error_in_a_stage_names_it_and_how_to_continue(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tables: Tables, context: Context) -> dict[str, pa.Table]:
        raise ZeroDivisionError("division by zero")

    stages = (crashing.STAGES[0], Stage("group", ("samples",), ("concepts",), broken))
    monkeypatch.setattr(runner, "load_stages", lambda: stages)
    with pytest.raises(StageError, match="ZeroDivisionError: division by zero") as caught:
        _run(workspace)
    assert (caught.value.stage, caught.value.shard) == ("group", "all samples")
    assert "same command again" in str(caught.value)
    assert workspace.catalogue()[0] == []


@pytest.mark.usefixtures("quick")
def test_an_error_in_a_source_names_the_samples(workspace: Workspace) -> None:
    class Broken(PlantedSource):
        def shard(self, population, start, stop, settings, advance):  # type: ignore[no-untyped-def]
            if population == "unlabeled":
                raise RuntimeError("the model is out of range")
            return super().shard(population, start, stop, settings, advance)

    with pytest.raises(StageError, match="out of range") as caught:
        _run(workspace, Broken(n=60))
    assert caught.value.stage == "infer"
    assert caught.value.shard == "unlabeled samples 0 to 59"


@pytest.mark.usefixtures("quick")
def test_input_errors_keep_their_own_sentence(workspace: Workspace) -> None:
    class Empty(PlantedSource):
        populations = {"validation": 0}  # type: ignore[assignment] # noqa: RUF012

    with pytest.raises(InputError, match="Population 'validation' is empty"):
        _run(workspace, Empty(n=60))


@pytest.mark.usefixtures("quick")
def test_a_workspace_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("in the way")
    with pytest.raises(WorkspaceError, match=str(tmp_path / "work")):
        _run(Workspace(tmp_path))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"executor": "ray"}, "no executor 'ray'; 'local' is the only"), ({"limit": 0}, "at least 1")],
)
def test_options_that_cannot_be_are_refused(
    workspace: Workspace, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        _run(workspace, **wrong)
    assert not workspace.work.exists()


# --- Progress ---


@pytest.mark.usefixtures("quick")
def test_progress_is_plain_lines_where_there_is_no_terminal(workspace: Workspace) -> None:
    stream = io.StringIO()
    _run(workspace, progress=progress.choose(stream))
    _run(workspace, progress=progress.choose(stream))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "samples: 120"
    assert [line for line in lines if line.endswith(": started")] == [
        f"{step}: started" for step in ("place", "group", "publish")
    ]
    assert len([line for line in lines if ": done in " in line]) == 4
    assert lines[-1].startswith(f"Already published as {workspace.runs}")
    assert "\x1b" not in stream.getvalue()


def test_lines_tell_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0, 20.0, 65.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    with progress.Lines(stream).step("samples", 400, 100) as advance:
        advance(50)
        advance(50)
    assert stream.getvalue().splitlines() == [
        "samples: 400, of which 100 are done already",
        "samples: 200 of 400, 5.0 a second, 40 s left",
        "samples: done in 1 min 05 s",
    ]


def test_bars_show_a_step_within_a_step() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    bars = progress.choose(stream)
    with bars.step("explain", 1):
        assert list(progress.track(bars, "abc", 3, "heatmaps")) == ["a", "b", "c"]
    with bars.step("samples", 400, 100) as advance:
        advance(300)
    assert "explain" in stream.getvalue()
    assert "400/400" in stream.getvalue()
