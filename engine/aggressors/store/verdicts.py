"""What each run got in the saved tests: `verdicts/<run_id>.json`, and its signals beside it.

The JSON says for every test how the group does in this run and how it compares; the Parquet holds
the signals, so that a later run can be compared on a machine that has neither this run nor its
model. Both are rebuilt from the run file where it is at hand.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aggressors.contracts import VerdictWord
from aggressors.errors import SchemaTooNew, SchemaTooOld, WorkspaceError
from aggressors.store.files import below, beside
from aggressors.store.workspace import Workspace, atomic_write

VERSION = 2
_SAMPLE = ("sample_id", "label")  # texts; every other column of the signals is a number


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the samples of one test do in one run; means of the test's signal.

    Parameters
    ----------
    key : `SavedTest.key` of the test that was measured.
    n, absent, in_training : frozen samples that count, that the run lacks or has no label for,
        and that moved to its training population and so prove nothing.
    value, rest : mean signal of the samples, and of all others that are judged; None without.
    gap, gap_low, gap_high : value - rest with its 95 % interval.
    material : True when the gap is material by the run's settings.
    solves : True when it is not, and the samples do better than in the run of the test.
    problem : why nothing could be measured, in a sentence; '' otherwise.
    """

    key: str
    n: int = 0
    absent: int = 0
    in_training: int = 0
    value: float | None = None
    rest: float | None = None
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    material: bool = False
    solves: bool = False
    problem: str = ""


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One test, paired: the same samples under this run and under the baseline.

    Parameters
    ----------
    baseline, baseline_name : id and name of the run compared with.
    margin : the test's margin at that time.
    n_tests : tests that could be compared in that check.
    n, relabeled : samples compared, and left out because their label differs.
    value, reference, difference, low, high : mean signals, value - reference, 95 % interval.
    chance : what the difference of two equal models exceeds, among all `n_tests`, in one check
        of twenty.
    detectable : smallest worsening that would have failed with 80 % probability.
    verdict : pass, fail or inconclusive.
    """

    baseline: str
    baseline_name: str
    margin: float
    n_tests: int
    n: int
    relabeled: int
    value: float
    reference: float
    difference: float
    low: float
    high: float
    chance: float
    detectable: float
    verdict: VerdictWord


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One test in one run; without a comparison, `unpaired` says why in a sentence.

    `baseline` is the run that it was, or could not be, compared with.
    """

    measurement: Measurement
    comparison: Comparison | None
    baseline: str = ""
    unpaired: str = ""


class RunRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that `verdicts/<run_id>` holds; `created_at` orders the runs.

    `derived_from` is the run that metadata was added to, '' for a run of its own.
    """

    run_id: str
    name: str
    created_at: str
    tests: dict[str, Entry]
    derived_from: str = ""
    schema_version: int = VERSION


def read_records(workspace: Workspace) -> tuple[list[RunRecord], list[tuple[str, str]]]:
    """List the records of all runs, and (run_id, sentence) for each that cannot be read."""
    found, wrong = [], []
    for path in sorted(workspace.verdicts.glob("*.json")):
        if path.name.startswith("."):
            continue
        try:
            found.append(_parse(path.read_bytes(), path.stem))
        except (SchemaTooNew, SchemaTooOld) as error:
            wrong.append((path.stem, f"{path} {error}"))
        except _NONSENSE as error:
            reason = (
                f"{path} cannot be read ({type(error).__name__}: {error}). "
                "Undo the edit, or delete it where its run is at hand."
            )
            wrong.append((path.stem, reason))
    return found, wrong


# What reading a file raises that holds no record, among them nesting without end.
_NONSENSE = (OSError, ValueError, RecursionError, msgspec.MsgspecError)


def read_signals(workspace: Workspace, run_id: str) -> pa.Table | None:
    """(sample_id, label, and each signal) of a run's test samples; None where there is no file.

    Raises
    ------
    WorkspaceError : the file is broken.
    """
    path = _path(workspace, run_id, "parquet")
    if not path.is_file():
        return None
    try:
        return _finite(_as_signals(pq.read_table(path)))
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error}). Restore it, or delete it where its run is at hand."
        ) from error


def _finite(table: pa.Table) -> pa.Table:
    """Require numbers, or nothing, of each sample, and each sample once; raises ValueError."""
    for name in table.column_names:
        if name not in _SAMPLE and not pc.all(pc.is_finite(table[name]), min_count=0).as_py():
            raise ValueError(f"{name!r} has a value that is not finite")
    if pc.count_distinct(table["sample_id"]).as_py() < len(table):
        raise ValueError("a sample occurs twice")
    return table


def write_signals(workspace: Workspace, run_id: str, signals: pa.Table) -> None:
    """Write the signals of a run's test samples; raises WorkspaceError.

    Parameters
    ----------
    signals : sample_id, label, and one column a signal.
    """
    path = _path(workspace, run_id, "parquet")
    with beside(path) as temporary:
        pq.write_table(_as_signals(signals).sort_by("sample_id"), temporary)


def _as_signals(table: pa.Table) -> pa.Table:
    """Put the columns in order and make them what they must be; raises KeyError, ArrowException."""
    names = [*_SAMPLE, *(name for name in table.column_names if name not in _SAMPLE)]
    kinds = [pa.string() if name in _SAMPLE else pa.float64() for name in names]
    return table.select(names).cast(pa.schema(zip(names, kinds, strict=True)))


def write_record(workspace: Workspace, record: RunRecord) -> None:
    """Write the readable side of a run's results; raises WorkspaceError."""
    raw = msgspec.to_builtins(record)
    text = json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    atomic_write(_path(workspace, record.run_id, "json"), f"{text}\n".encode())


def _path(workspace: Workspace, run_id: str, ending: str) -> Path:
    """Where a file about a run stands; a run id that leads elsewhere is refused."""
    path = below(workspace.verdicts, f"{run_id}.{ending}")
    if path is None or path.parent != workspace.verdicts.resolve():
        raise WorkspaceError(f"The run id {run_id!r} cannot name a file in {workspace.verdicts}.")
    return path


def _parse(text: bytes, run_id: str) -> RunRecord:
    version = msgspec.json.decode(text, type=_Version).schema_version
    if version > VERSION:
        raise SchemaTooNew(
            f"has schema version {version}, and this version of aggressors reads {VERSION}. "
            "Upgrade with `pip install --upgrade aggressors`."
        )
    if version < VERSION:
        raise SchemaTooOld(
            f"has schema version {version}, and this version of aggressors reads {VERSION}, for "
            "tests are judged otherwise now. Type `aggressors check` where its run is at hand."
        )
    record = msgspec.json.decode(text, type=RunRecord)
    if record.run_id != run_id:
        raise ValueError(f"it is about run {record.run_id!r}")
    datetime.fromisoformat(record.created_at)
    for entry in record.tests.values():
        _check_measured(entry.measurement)
        if entry.comparison:
            _check_sound(entry.comparison)
    return record


class _Version(msgspec.Struct):
    schema_version: int


def _check_measured(one: Measurement) -> None:
    """Check that figures of a group fit each other; raises ValueError."""
    if min(one.n, one.absent, one.in_training) < 0:
        raise ValueError("samples cannot be fewer than none")
    if one.gap is not None and not (one.gap_low or 0) <= one.gap <= (one.gap_high or 0):
        raise ValueError("'gap' lies outside its interval")
    if one.solves and one.material:
        raise ValueError("'solves' is true, which its gap does not bear out")


def _check_sound(one: Comparison) -> None:
    """Check that a verdict follows from its figures, up to rounding; raises ValueError."""
    slack = 1e-5 * max(one.chance, abs(one.high), one.margin, 1e-9)
    fails, passes = one.difference - one.chance - one.margin, one.margin - one.high
    unmoved = one.high <= 0 and one.low == one.high
    word = one.verdict
    if (
        (word == "fail" and fails < -slack)
        or (word != "fail" and fails > slack)
        or (word == "pass" and passes < -slack and not unmoved)
        or (word == "inconclusive" and passes > slack)
    ):
        raise ValueError(f"'verdict' is {word!r}, which its figures do not bear out")
    if one.chance < 0:
        raise ValueError("'chance' is below 0")
    if not one.low <= one.difference <= one.high:
        raise ValueError("'difference' lies outside its interval")
