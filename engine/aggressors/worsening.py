"""What got worse from one run to another: the search of discovery, on the change of each sample.

Works on published run files, without a model. Found once and kept, see `store.worsened`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from aggressors.contracts import Settings
from aggressors.errors import WorkspaceError
from aggressors.queries.fates import same_as
from aggressors.queries.grammar import format_filter
from aggressors.queries.pairing import Paired, Turn, paired
from aggressors.runner import engine_version
from aggressors.slicing.literals import as_filter
from aggressors.slicing.worse import MOST, LabelSlicer, WorseBar
from aggressors.stages.frame import BoolArray, FloatArray, Frame
from aggressors.stages.protocol import Context
from aggressors.stages.searching import Reported, Searched, own_fields, search
from aggressors.stats.severity import floor_of
from aggressors.stats.worsening import mean_changes
from aggressors.store.derive import read_tables
from aggressors.store.read import RunFile
from aggressors.store.workspace import Workspace
from aggressors.store.worsened import (
    MEMBERS,
    WorseGroup,
    Worsened,
    read_worsened,
    write_worsened,
)

READ = ("samples", "metadata", "metadata_fields")


def worsened(
    workspace: Workspace, run: RunFile, baseline: RunFile
) -> tuple[Worsened, pa.Table, str]:
    """Find what got worse, once: it is kept in the workspace.

    Returns
    -------
    What was found, its members (`store.worsened.MEMBERS`), and why they could not be kept, ''
    where they are. Nothing is kept of a run file that lies elsewhere.

    Raises
    ------
    UsageError, InputError : the runs do not compare; see `queries.pairing.paired`.
    """
    here = all(one.path.resolve().parent == workspace.runs.resolve() for one in (run, baseline))
    known = read_worsened(workspace, run.info.run_id, baseline.info.run_id) if here else None
    if known is not None and known[0].engine_version == engine_version():
        return *known, ""
    found, members = find_worsened(run, baseline)
    if here:
        try:
            write_worsened(workspace, found, members)
        except WorkspaceError as error:
            return found, members, str(error)
    return found, members, ""


def find_worsened(run: RunFile, baseline: RunFile) -> tuple[Worsened, pa.Table]:
    """Search the groups on which a run is surely worse than its baseline.

    The signal of a sample is that of the run less that of the baseline. Groups are sought on the
    discover half of the run; a group counts if on the other half its mean is surely above 0 by a
    share of the baseline's mean, see `slicing.worse.MATERIAL`, and above that of the rest, at the
    false discovery rate of the run.

    Raises
    ------
    UsageError, InputError : the runs do not compare; see `queries.pairing.paired`.
    """
    both = paired(run, baseline)
    frame, own = _frame(run, baseline, both)
    searched, bar = search_worse(frame, own, both.reference)
    groups = _groups(searched, frame, both, run)
    return (
        Worsened(
            run_id=run.info.run_id,
            run_name=run.info.name,
            baseline_id=baseline.info.run_id,
            baseline_name=baseline.info.name,
            signal=both.signal,
            n=len(searched.order),
            n_discover=searched.n_discover,
            n_confirm=searched.n_confirm,
            tested=searched.tested,
            least=bar.least,
            engine_version=engine_version(),
            groups=groups,
        ),
        _members(searched, frame),
    )


def search_worse(
    frame: Frame, own: frozenset[str], reference: FloatArray
) -> tuple[Searched, WorseBar]:
    """Search a frame whose signal is the change of each sample.

    Parameters
    ----------
    own : fields that the user brought.
    reference : (n,) signal under the baseline, by whose mean it is settled what matters.
    """
    analysed, settings = frame.analysed, frame.settings
    weight = frame.weight[analysed]
    usual = float(np.average(reference[analysed], weights=weight)) - floor_of(reference[analysed])
    bar = WorseBar.of(frame.signal[analysed], usual, settings)
    return search(frame, own, (LabelSlicer(),), bar, _wider(settings)), bar


def _wider(settings: Settings) -> Settings:
    """Let one of two classes be a group, whatever share of a population discovery may report."""
    return replace(settings, max_share=max(settings.max_share, MOST))


def _frame(run: RunFile, baseline: RunFile, both: Paired) -> tuple[Frame, frozenset[str]]:
    """Read the samples that are compared, with the change as their signal.

    They lie where the baseline sees them. Where the run itself sees them, its mistakes lie among
    another class: a region of them is worse than under any other model, and says nothing of either.
    """
    rows = pa.array(both.rows)
    tables: dict[str, pa.Table] = {
        name: table if name == "metadata_fields" else table.take(rows)
        for name, table in read_tables(run, READ).items()
    }
    if baseline.dimensions:
        vectors = read_tables(baseline, ["embeddings"])["embeddings"]
        tables["embeddings"] = vectors.take(pa.array(both.other_rows))
    context = Context(run.info.settings, run.classes, run.info.task)
    frame = Frame.from_tables({**tables, "metrics": _NO_METRICS}, context)
    return replace(frame, signal=both.change), own_fields(tables)


_NO_METRICS = pa.table(
    {
        "row_id": pa.array([], pa.int64()),
        "metric": pa.array([], pa.string()),
        "value": pa.array([], pa.float64()),
    }
)


def _groups(searched: Searched, frame: Frame, both: Paired, run: RunFile) -> tuple[WorseGroup, ...]:
    if not searched.reported:
        return ()
    judging = frame.confirm & np.isfinite(frame.signal)
    members = np.array([each.member for each in searched.reported], dtype=np.bool_)
    group = None if frame.group is None else frame.group[judging]
    weight, level = frame.weight[judging], frame.settings.level
    inside, value, reference = (
        mean_changes(signal[judging], members[:, judging], weight=weight, group=group, level=level)
        for signal in (frame.signal, both.value, both.reference)
    )
    alike = same_as(run, both, members)
    found = []
    for place, (each, name) in enumerate(zip(searched.reported, searched.names(), strict=True)):
        member = members[place]
        rank, overlap = alike[place]
        found.append(
            WorseGroup(
                rank=place + 1,
                name=name,
                **_rule(each),
                found_by=each.finding.concept.best.found_by,
                n=int((member & frame.analysed).sum()),
                n_confirm=int((member & judging).sum()),
                value=float(value.value[place]),
                reference=float(reference.value[place]),
                difference=float(inside.value[place]),
                low=float(inside.low[place]),
                high=float(inside.high[place]),
                rest=each.finding.gap.rest,
                q_value=each.finding.q_value,
                broke=_count(both, member & judging, "broke"),
                fixed=_count(both, member & judging, "fixed"),
                aggressor=rank,
                overlap=overlap,
            )
        )
    return tuple(found)


def _rule(each: Reported) -> dict[str, Any]:
    described = each.description
    if not described.clear:
        return {"rule": "", "precision": None, "recall": None}
    return {
        "rule": format_filter(as_filter(described.conditions)),
        "precision": round(float(described.precision), 4),
        "recall": round(float(described.recall), 4),
    }


def _count(both: Paired, member: BoolArray, turn: Turn) -> int | None:
    return None if both.right is None else int((both.turned(turn) & member).sum())


def _members(searched: Searched, frame: Frame) -> pa.Table:
    """All compared members of each group; those of the discover half do not judge."""
    parts = []
    for place, each in enumerate(searched.reported):
        rows = np.flatnonzero(each.member)
        parts.append(
            pa.table(
                [
                    pa.array(np.full(len(rows), place + 1), pa.int32()),
                    pa.array(frame.sample_id[rows], pa.string()),
                    pa.array(~frame.discover[rows]),
                ],
                schema=MEMBERS,
            )
        )
    return pa.concat_tables(parts) if parts else MEMBERS.empty_table()
