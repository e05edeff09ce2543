"""Run all stages over a source, resuming what was finished before, and publish the result."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from aggressors import progress as show
from aggressors.collate import collate
from aggressors.contracts import RunInfo, Settings, Verdict
from aggressors.errors import (
    AggressorsError,
    InputError,
    StageError,
    UsageError,
    WorkspaceError,
)
from aggressors.integration import Integration
from aggressors.published import already_published, is_published
from aggressors.signals import check_known, check_signal
from aggressors.sources.protocol import Source
from aggressors.stages import BATCH, load_stages
from aggressors.stages import tables as make
from aggressors.stages.protocol import Context, Stage
from aggressors.store.publish import publish
from aggressors.store.read import read_summary
from aggressors.store.schema import SCHEMA_VERSION
from aggressors.store.shards import Facts, Pieces
from aggressors.store.workspace import Workspace

if TYPE_CHECKING:
    from aggressors.sources.torch_source import TorchSource

EXECUTORS = ("local",)
ID_LENGTH = 12  # hexadecimal digits of a run id


@dataclass(frozen=True, slots=True)
class RunResult:
    """A published run; `aggressors` counts the confirmed, `seconds` is wall time of this call."""

    run_id: str
    name: str
    path: str
    aggressors: int
    seconds: float
    verdicts: tuple[Verdict, ...] = ()


def run(
    source: Integration | Source,
    workspace: Workspace,
    *,
    name: str | None = None,
    limit: int | None = None,
    settings: Settings | None = None,
    progress: show.Progress | None = None,
    executor: str = "local",
) -> RunResult:
    """Run every stage, publish the run file, and judge it in the saved tests.

    The run id is a digest of inputs and settings, so that the same call continues a run that was
    interrupted, and returns one that was published at once.

    Parameters
    ----------
    source : an integration, or a source such as a table.
    name : label of the run; default the model's name.
    limit : take at most so many samples of each population, the first ones.
    progress : where to show how far it is; default nowhere.
    executor : local.

    Raises
    ------
    InputError : the samples, the integration or the settings are not acceptable.
    StageError : a stage failed; the same call continues.
    WorkspaceError : the workspace cannot be written.
    UsageError : an unknown executor, or a limit below 1.
    """
    started = time.perf_counter()
    if executor not in EXECUTORS:
        raise UsageError(
            f"There is no executor {executor!r}; {EXECUTORS[0]!r} is the only one installed. "
            "Leave --executor out."
        )
    if limit is not None and limit < 1:
        raise UsageError(f"The limit must be at least 1; got {limit}.")
    settings = settings or Settings()
    job = _Job.prepare(_opened(source, settings), workspace, settings, limit, progress)
    path = workspace.run_path(job.run_id)
    if job.is_published():
        job.progress.say(already_published(path, name))
    else:
        if name and _is_taken(workspace, name):
            job.progress.say(f"There is a run {name!r} already; by that name, the newest is meant")
        job.finish(name or job.source.model_name)
    verdicts = _judged(workspace, job)
    summary = read_summary(path)
    return RunResult(
        run_id=job.run_id,
        name=summary.name,
        path=str(path),
        aggressors=summary.aggressors,
        seconds=time.perf_counter() - started,
        verdicts=verdicts,
    )


def _is_taken(workspace: Workspace, name: str) -> bool:
    return any(found.name == name for found in workspace.catalogue()[0])


def _opened(source: Integration | Source, settings: Settings) -> Source:
    if not isinstance(source, Integration):
        return source
    from aggressors.sources.checking import open_torch  # loads torch

    return open_torch(source, settings)


def _judged(workspace: Workspace, job: _Job) -> tuple[Verdict, ...]:
    from aggressors.gate import evaluate_run

    return tuple(evaluate_run(workspace, workspace.run_path(job.run_id)))


@dataclass(frozen=True, slots=True)
class _Range:
    """Samples [start, stop) of a population: one shard."""

    population: str
    start: int
    stop: int

    @property
    def piece(self) -> str:
        return f"shards/{self.population}-{self.start:09d}"


@dataclass(frozen=True, slots=True)
class _Job:
    """One run on its way."""

    run_id: str
    digest: str
    source: Source
    sizes: Mapping[str, int]
    settings: Settings
    workspace: Workspace
    pieces: Pieces
    progress: show.Progress

    @classmethod
    def prepare(
        cls,
        source: Source,
        workspace: Workspace,
        settings: Settings,
        limit: int | None,
        progress: show.Progress | None,
    ) -> _Job:
        sizes = {
            name: size if limit is None else min(size, limit)
            for name, size in source.populations.items()
        }
        for name, size in sizes.items():
            if size < 1:
                raise InputError(f"Population {name!r} is empty. Give it samples or leave it out.")
        check_signal(settings, source)
        inputs = {
            "source": source.digest(),
            "sizes": sizes,
            "settings": settings.as_dict(),
            "engine": engine_version(),
            "schema": SCHEMA_VERSION,
        }
        digest = sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        run_id = digest[:ID_LENGTH]
        pieces = Pieces(workspace.work / run_id)
        return cls(
            run_id, digest, source, sizes, settings, workspace, pieces, progress or show.Silent()
        )

    def is_published(self) -> bool:
        """Tell whether the run file is there and whole."""
        return is_published(self.workspace.run_path(self.run_id), self.progress)

    def finish(self, name: str) -> None:
        """Work, unless another process publishes the same run meanwhile; then tidy up."""
        try:
            self.work(name)
        except WorkspaceError:
            if not self.is_published():
                raise
        shutil.rmtree(self.pieces.root, ignore_errors=True)

    def work(self, name: str) -> None:
        """Do what is left to do, and publish."""
        self.pieces.sweep()
        seconds = self._run_shards()
        shards = [(part.population, self.pieces.read(part.piece)) for part in self._ranges()]
        tables = collate(shards, self.settings, self.source.task)
        del shards
        if advice := check_known(self.settings, tables):
            self.progress.say(advice)
        data_digest = _data_digest(tables["samples"])
        n_samples = tables["samples"].num_rows
        done = [(stage, self.digest, n_samples, spent) for stage, spent in seconds.items()]
        digests = dict.fromkeys(tables, self.digest)
        for stage in load_stages():
            outputs, facts = self._run_stage(stage, tables, digests)
            tables.update(outputs)
            digests.update(dict.fromkeys(outputs, facts.input_digest))
            n_rows = sum(table.num_rows for table in outputs.values())
            done.append((stage.name, facts.input_digest, n_rows, facts.seconds[stage.name]))
        names, read, written, spent = zip(*done, strict=True)
        tables["stages"] = make.table(
            "stages", stage=names, input_digest=read, rows=written, seconds=spent
        )
        self._publish(name, tables, data_digest)

    # --- Batch stages ---

    def _ranges(self) -> list[_Range]:
        size = self.settings.shard_size
        return [
            _Range(name, start, min(start + size, total))
            for name, total in self.sizes.items()
            for start in range(0, total, size)
        ]

    def _run_shards(self) -> dict[str, float]:
        """Read, infer and describe every sample; returns wall time by batch stage."""
        ranges = self._ranges()
        left = [part for part in ranges if not self.pieces.is_finished(part.piece, self.digest)]
        total = sum(part.stop - part.start for part in ranges)
        missing = sum(part.stop - part.start for part in left)
        with self.progress.step("samples", total, total - missing) as advance:
            for part in left:
                self._run_shard(part, advance)
        seconds = dict.fromkeys(BATCH, 0.0)
        for part in ranges:
            facts = self.pieces.facts(part.piece)
            for stage, spent in facts.seconds.items() if facts else ():
                seconds[stage] = seconds.get(stage, 0.0) + spent
        return seconds

    def _run_shard(self, part: _Range, advance: show.Advance) -> None:
        with _failing("infer", f"{part.population} samples {part.start} to {part.stop - 1}"):
            shard = self.source.shard(
                part.population, part.start, part.stop, self.settings, advance
            )
        self.pieces.write(part.piece, shard.tables, Facts(self.digest, dict(shard.seconds)))

    # --- Stages over whole tables ---

    def _run_stage(
        self, stage: Stage, tables: Mapping[str, pa.Table], digests: Mapping[str, str]
    ) -> tuple[dict[str, pa.Table], Facts]:
        names = {*stage.inputs, *stage.optional} - (set(stage.optional) - set(tables))
        read = json.dumps({name: digests[name] for name in names}, sort_keys=True)
        input_digest = sha256(f"{stage.name} {read}".encode()).hexdigest()
        facts = self.pieces.facts(stage.name)
        if facts is not None and facts.input_digest == input_digest:
            return self.pieces.read(stage.name), facts
        started = time.perf_counter()
        with self.progress.step(stage.name, 1) as advance, _failing(stage.name, "all samples"):
            outputs = stage.run({name: tables[name] for name in names}, self._context())
            advance(1)
        facts = Facts(input_digest, {stage.name: time.perf_counter() - started})
        self.pieces.write(stage.name, outputs, facts)
        return outputs, facts

    def _context(self) -> Context:
        model = _model_of(self.source)
        return Context(
            settings=self.settings,
            classes=self.source.classes,
            task=self.source.task,
            progress=lambda items, total, what: show.track(self.progress, items, total, what),
            source=model,
            slicers=model.slicers if model is not None else (),
        )

    # --- Publish ---

    def _publish(self, name: str, tables: Mapping[str, pa.Table], data_digest: str) -> None:
        info = RunInfo(
            run_id=self.run_id,
            name=name,
            schema_version=SCHEMA_VERSION,
            created_at=datetime.now(UTC).isoformat(),
            model_name=self.source.model_name,
            model_digest=self.source.model_digest,
            data_digest=data_digest,
            task=self.source.task,
            loss_name=self.source.loss_name,
            settings=self.settings,
            seed=self.settings.seed,
            engine_version=engine_version(),
        )
        with self.progress.step("publish", 1) as advance:
            if not self.is_published():
                publish(tables, info, self.source.classes, self.workspace.runs)
            advance(1)


def engine_version() -> str:
    """Version of the installed package; `0+source` for a source tree that is not installed."""
    try:
        return version("aggressors")
    except PackageNotFoundError:
        return "0+source"


def _data_digest(samples: pa.Table) -> str:
    """SHA-256 over ids, populations and labels in the order of `row_id`."""
    digest = sha256()
    for name in ("sample_id", "population", "label"):
        digest.update("\0".join(map(str, samples[name].to_pylist())).encode() + b"\1")
    return digest.hexdigest()


def _model_of(source: Source) -> TorchSource | None:
    """Return the source where it has a model, None where it is a table; loads no torch."""
    return cast("TorchSource", source) if hasattr(source, "network") else None


@contextmanager
def _failing(stage: str, place: str) -> Iterator[None]:
    """Name stage and place of an error that the product did not raise on purpose."""
    try:
        yield
    except AggressorsError:
        raise
    except Exception as error:
        raise StageError(
            stage,
            place,
            f"{type(error).__name__}: {error}. What was finished before stays; type the same "
            "command again to continue, with --debug for the traceback.",
        ) from error
