"""What got worse from one run to another: `worsened/<run>--<baseline>.json`, and its members.

Found by the engine and read by the dashboard, which may have neither scikit-learn nor the time.
Both runs are immutable, so that it is found once; a file that cannot be used is made anew.
"""

from __future__ import annotations

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from aggressors.errors import WorkspaceError
from aggressors.store.files import below
from aggressors.store.workspace import Workspace, atomic_write

VERSION = 1  # of the format and of the search: a file of another one is found anew

MEMBERS = pa.schema([("rank", pa.int32()), ("sample_id", pa.string()), ("judges", pa.bool_())])


class WorseGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group on which a run is surely worse than its baseline.

    Parameters
    ----------
    rank : 1 = first; fixed when it was found.
    name, rule : as of an aggressor; `rule` is the text of a filter, '' where none describes it.
        `precision` and `recall` say how well; None without a rule.
    found_by : the search, as in `contracts.Provenance`.
    n : members in the analysed population, both halves; all else is of the `n_confirm` among which
        the group was not sought.
    value, reference : their mean signal under the run and under the baseline.
    difference : the first minus the second, `low` to `high` its interval; `low` is the severity.
    rest : mean difference of all other samples there.
    q_value : of the test over all groups tested.
    broke, fixed : samples right before and wrong now, and the reverse; None for regression.
    aggressor : rank of the run's aggressor with much the same members, and `overlap` of the two;
        None where there is none.
    """

    rank: int
    name: str
    rule: str
    precision: float | None
    recall: float | None
    found_by: str
    n: int
    n_confirm: int
    value: float
    reference: float
    difference: float
    low: float
    high: float
    rest: float
    q_value: float
    broke: int | None
    fixed: int | None
    aggressor: int | None = None
    overlap: float | None = None


class Worsened(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What got worse in a run against its baseline, the groups by rank.

    `n` samples of the analysed population were compared; `n_discover` were searched and `n_confirm`
    judged, `tested` groups in all. `least` is what the lower bound of a difference had to exceed.
    `engine_version` found it.
    """

    run_id: str
    run_name: str
    baseline_id: str
    baseline_name: str
    signal: str
    n: int
    n_discover: int
    n_confirm: int
    tested: int
    least: float
    engine_version: str
    groups: tuple[WorseGroup, ...] = ()


def write_worsened(workspace: Workspace, found: Worsened, members: pa.Table) -> None:
    """Write what was found, the members first; raises WorkspaceError.

    Parameters
    ----------
    members : `MEMBERS`, a row for each member of each group.
    """
    content = BytesIO()
    pq.write_table(members.select(MEMBERS.names).cast(MEMBERS), content)
    atomic_write(_path(workspace, found.run_id, found.baseline_id, "parquet"), content.getvalue())
    raw = {
        **msgspec.to_builtins(found),
        "schema_version": VERSION,
        "members": sha256(content.getvalue()).hexdigest(),
    }
    text = json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    atomic_write(_path(workspace, found.run_id, found.baseline_id, "json"), f"{text}\n".encode())


def read_worsened(
    workspace: Workspace, run_id: str, baseline_id: str
) -> tuple[Worsened, pa.Table] | None:
    """Read what was found, with `MEMBERS`; None where it never was, or its files cannot be used."""
    try:
        path = _path(workspace, run_id, baseline_id, "json")
        raw = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        version, digest = raw.pop("schema_version"), raw.pop("members")
        content = path.with_suffix(".parquet").read_bytes()
        # One of the two may be of another writer, or of a moment later.
        if (version, digest) != (VERSION, sha256(content).hexdigest()):
            return None
        found = msgspec.convert(raw, Worsened)
        members = pq.read_table(BytesIO(content)).select(MEMBERS.names).cast(MEMBERS)
    except (OSError, ValueError, KeyError, RecursionError, msgspec.MsgspecError):
        return None
    except (pa.ArrowException, WorkspaceError):
        return None
    known = (found.run_id, found.baseline_id) == (run_id, baseline_id)
    return (found, members) if known else None


def baselines_of(workspace: Workspace, run_id: str) -> list[str]:
    """Ids of the runs that a run was compared with, the last comparison first."""
    mark = f"{run_id}--"
    found = [path for path in workspace.worsened.glob("*.json") if path.stem.startswith(mark)]
    found.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [path.stem.removeprefix(mark) for path in found]


def _path(workspace: Workspace, run_id: str, baseline_id: str, ending: str) -> Path:
    """Where a file about two runs stands; ids that lead elsewhere are refused."""
    path = below(workspace.worsened, f"{run_id}--{baseline_id}.{ending}")
    if path is None or path.parent != workspace.worsened.resolve():
        raise WorkspaceError(
            f"The run ids {run_id!r} and {baseline_id!r} cannot name a file in "
            f"{workspace.worsened}."
        )
    return path
