"""Read the runs of the engine from Python; tables come back as Arrow."""
# Over 400 lines: a method of `Run` is its docstring and a call or two.

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from aggressors.carrying import finder_on
from aggressors.contracts import EVERYTHING, Filter, RunInfo
from aggressors.errors import UsageError, WorkspaceError
from aggressors.queries.claims import judged
from aggressors.queries.concept import associations
from aggressors.queries.findings import Target, findings
from aggressors.queries.grammar import NOTHING, expand, format_filter, parse
from aggressors.queries.handmade import answered, selection
from aggressors.queries.listing import listing
from aggressors.queries.marks import as_table, check_markable, place_of
from aggressors.queries.overview import EVERYONE
from aggressors.queries.samples import concept_of_rank, count
from aggressors.queries.triage import TOLD, told
from aggressors.store.read import RunFile
from aggressors.store.read import open_run as open_run_file
from aggressors.store.workspace import Workspace, stands_alone
from aggressors.words import spoken, support_sentence

if TYPE_CHECKING:
    from types import TracebackType

    from aggressors.hypothesis import OnRun
    from aggressors.queries.marks import MarkKind
    from aggressors.store.handmade import HandMade
    from aggressors.store.hypotheses import Hypothesis
    from aggressors.store.saved_tests import SavedTest
    from aggressors.store.triage import Decision

# The columns of `aggressors show --json`.
_AGGRESSORS = pa.schema(
    [
        ("rank", pa.int32()),
        ("concept_id", pa.int32()),
        ("name", pa.string()),
        ("status", pa.string()),
        ("severity", pa.float64()),
        ("impact", pa.float64()),
        ("n", pa.int64()),
        ("gap", pa.float64()),
        ("gap_low", pa.float64()),
        ("gap_high", pa.float64()),
        ("q_value", pa.float64()),
        ("action", pa.string()),
        ("rule", pa.string()),
        ("n_known", pa.int64()),
        ("n_core", pa.int64()),
        *((name, pa.string()) for name in TOLD),
    ]
)

_FINDINGS = pa.schema(
    [
        ("kind", pa.string()),
        ("field", pa.string()),
        ("also", pa.list_(pa.string())),
        ("statistic", pa.string()),
        ("stratum", pa.string()),
        ("effect", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("q_value", pa.float64()),
        ("n", pa.int64()),
        ("role", pa.string()),
        ("sentence", pa.string()),
        ("filter", pa.string()),
    ]
)

_HANDMADE = pa.schema(
    [
        *((name, pa.string()) for name in ("slug", "name", "filter", "author", "run_id")),
        ("created_at", pa.string()),
        *((name, pa.int64()) for name in ("n", "n_known", "n_core", "n_confirm")),
        *((name, pa.float64()) for name in ("gap", "low", "high", "severity", "impact")),
    ]
)


class Run:
    """One published run, opened for reading; `open_run` and `run` return it.

    Use it in a `with` block, or call `close`, to let go of the file.
    """

    def __init__(self, file: RunFile, workspace: Workspace | None) -> None:
        self._file = file
        self._workspace = workspace

    @property
    def info(self) -> RunInfo:
        """Model, data and settings of the run."""
        return self._file.info

    @property
    def path(self) -> Path:
        """The run file."""
        return self._file.path

    @property
    def workspace(self) -> Path | None:
        """Folder of the workspace that it was opened in; None for a run file on its own."""
        return None if self._workspace is None else self._workspace.root

    def aggressors(self) -> pa.Table:
        """List the aggressors by rank, confirmed and tentative, as `aggressors show --json` does.

        What was decided about each is null where the run was opened without a workspace.
        """
        from aggressors.triage import triage

        known = None if self._workspace is None else triage(self._file, self._workspace)
        for one in known.unreadable if known else ():
            warnings.warn(one.reason, stacklevel=2)
        rows = told(self._file, known.found if known else None)
        return pa.Table.from_pylist(rows, schema=_AGGRESSORS)

    def triage(self, rank: int, word: str, *, why: str = "", by: str = "") -> Decision:
        """Keep what is decided about an aggressor; later runs find it by the samples they share.

        Parameters
        ----------
        word : accepted, dismissed, being-fixed or fixed; new takes back what was decided.
        why : the reason, which dismissed needs.
        by : who decides; default $AGGRESSORS_USER, else the user of the operating system.

        Raises
        ------
        UsageError : no such rank or word, no reason where one is needed, or nothing to take back.
        WorkspaceError : the run was opened without a workspace, or that cannot be written.
        """
        from aggressors.triage import decide

        return decide(
            self._file, self._place("what is decided is kept"), rank, word, why=why, by=by
        )

    def report(self, out: Path | str) -> Path:
        """Write one self-contained page about the run, or a short Markdown text for a ticket.

        Parameters
        ----------
        out : ends in .html or .md.

        Raises
        ------
        UsageError : another ending. WorkspaceError : the place cannot be written.
        """
        from aggressors.report import write

        write(self._file, Path(out), self._workspace)
        return Path(out)

    def members(self, rank: int, filter: Filter | str = EVERYTHING) -> pa.Table:
        """List all members of an aggressor, the surest first, with their metadata.

        Raises
        ------
        UsageError : no aggressor has this rank. FilterError : the filter cannot be read.
        """
        return listing(self._file, "members", rank, self._filter(filter))

    def candidates(self, rank: int, count: int | None = None) -> pa.Table:
        """List unlabeled samples similar to an aggressor, the first to label first.

        Raises
        ------
        UsageError : no aggressor has this rank, or a count below 1.
        """
        return listing(self._file, "candidates", rank, count=count)

    def correlations(
        self, rank: int | None = None, target: Literal["membership", "loss"] = "membership"
    ) -> pa.Table:
        """List each field against membership or loss, also where it may be chance.

        Parameters
        ----------
        rank : None for all samples, against their loss.

        Raises
        ------
        UsageError : no aggressor has this rank.
        """
        return associations(self._file, *self._about(rank, target))

    def findings(
        self, rank: int | None = None, target: Literal["membership", "loss"] = "membership"
    ) -> pa.Table:
        """List what the Aggressor page lists: missing values and pairs too, but nothing by chance.

        Parameters
        ----------
        rank : None for all samples, against their loss.

        Returns
        -------
        A row a finding, in the order of the page: kind (field, shape, missing or pair), field,
        also (fields that say the same), statistic, stratum, effect with low and high, q_value, n,
        role, sentence, and filter (its claim).

        Raises
        ------
        UsageError : no aggressor has this rank.
        """
        known = findings(self._file, *self._about(rank, target))
        rows = [
            {name: getattr(one, name) for name in _FINDINGS.names if name != "field"}
            | {"field": one.title}
            for one in known.found
        ]
        return pa.Table.from_pylist(rows, schema=_FINDINGS)

    def _about(self, rank: int | None, target: Target) -> tuple[int, Target]:
        """Concept and target that a rank stands for; all samples have a loss only."""
        if rank is None:
            return EVERYONE, "loss"
        return concept_of_rank(self._file, rank), target

    def test_hypothesis(
        self, claim: Filter | str, rank: int, confounders: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Test whether a claim is why an aggressor fails, on the half on which nothing was sought.

        Parameters
        ----------
        claim : the hypothesis, such as "brightness < 0.2".
        confounders : fields that may pose as the cause; the label is always one. Numbers are cut
            into fifths.

        Returns
        -------
        support (supported, partly, not supported, no comparison, too few samples), sentence, the
        figures of `aggressors.stats.claims.Tested`, an interval as (value, low, high), and those of
        `reshuffled` and `populations` as in `aggressors.queries.claims.Judged`.

        Raises
        ------
        UsageError : no aggressor has this rank. FilterError : the claim cannot be read, asks for
        fields that the run lacks, or for how the model did.
        """
        concept = concept_of_rank(self._file, rank)
        if (meant := self._filter(claim)) in (EVERYTHING, NOTHING):
            whom = "every sample" if meant == EVERYTHING else "no sample"
            raise UsageError(f"The claim holds for {whom}. Claim something of some of them.")
        found = judged(self._file, meant, concept, confounders)
        signal = spoken(self.info.settings.signal)
        said = support_sentence(found.tested, signal, f"aggressor {rank}", confounders)
        return {
            "support": found.tested.support,
            "sentence": said,
            **_figures(asdict(found.tested)),
            "reshuffled": found.reshuffled and asdict(found.reshuffled),
            "populations": [_figures(asdict(one)) for one in found.populations],
        }

    def keep_hypothesis(
        self,
        claim: Filter | str,
        rank: int,
        *,
        title: str = "",
        author: str = "",
        confounders: Sequence[str] = (),
    ) -> Hypothesis:
        """Keep a claim about why an aggressor fails, to be judged again on later runs.

        Parameters
        ----------
        title : the claim in words; default its filter.
        author : who holds it.

        Raises
        ------
        As `test_hypothesis`; WorkspaceError : the run was opened without a workspace, or that
        cannot be written.
        """
        from aggressors.store.hypotheses import save_hypothesis

        place = self._place("a hypothesis is kept")
        self.test_hypothesis(claim, rank, confounders)  # what cannot be judged is no hypothesis
        text = format_filter(self._filter(claim))
        return save_hypothesis(
            place,
            title=title,
            filter=text,
            run_id=self.info.run_id,
            aggressor=rank,
            author=author,
            confounders=confounders,
        )

    def hypotheses(self) -> list[OnRun]:
        """Judge every hypothesis of the workspace on this run, the newest first.

        Raises
        ------
        WorkspaceError : the run was opened without a workspace.
        """
        from aggressors.hypothesis import on_run
        from aggressors.store.hypotheses import list_hypotheses

        place = self._place("hypotheses are kept")
        found, wrong = list_hypotheses(place)
        for one in wrong:
            warnings.warn(one.reason, stacklevel=2)
        return [on_run(one, self._file, place) for one in found]

    def samples(self, filter: Filter | str = EVERYTHING, count: int | None = None) -> pa.Table:
        """List the samples that a filter lets through, with their metadata.

        Parameters
        ----------
        filter : a Filter, or its text such as "brightness < 0.2 and label = coat"; "@dusk" stands
            for the filter that the workspace keeps as dusk.

        Raises
        ------
        FilterError : the filter cannot be read, or names an unknown field or category.
        """
        return listing(self._file, "samples", None, self._filter(filter), count)

    def save_test(
        self,
        rank: int | None = None,
        slug: str | None = None,
        *,
        where: str | None = None,
        hypothesis: str | None = None,
        worse: int | None = None,
        baseline: str | None = None,
        title: str | None = None,
        why: str | None = None,
        signal: str | None = None,
        margin: float | None = None,
    ) -> SavedTest:
        """Freeze a group as a test that later runs must pass.

        Parameters
        ----------
        rank, where, hypothesis, worse : an aggressor, the text of a filter, the slug of a
            hypothesis that the workspace keeps, or the rank of a group on which this run is worse
            than `baseline`, as `compare` found it; one of them.
        slug : name of the test's files; made from the title where None.
        title, why : for people; made from the group where None.
        signal : what is compared per sample, such as loss, error or `1 - iou`; where None
            error for a run with classes that seeks by loss, unless the group stands out by loss
            alone or got worse by it; else what the run seeks by.
        margin : by how much its mean may be worse, in the unit of the signal; set by what is at
            stake where None.

        Raises
        ------
        UsageError : no such rank, not one group, or a slug that is taken or is none.
        InputError : too few samples, or a signal that the run lacks.
        WorkspaceError : the run was opened without a workspace.
        """
        from aggressors.gate import save_test

        place = self._place("a test is saved")
        return save_test(
            place, self.path,
            aggressor=rank, where=where, hypothesis=hypothesis, worse=worse, baseline=baseline,
            slug=slug, title=title, why=why, signal=signal, margin=margin,
        )  # fmt: skip

    def keep(self, filter: Filter | str, name: str, *, author: str = "") -> HandMade:
        """Keep a selection as a hand-made group, which no list of aggressors holds.

        Parameters
        ----------
        filter : its samples, in any population; claims about the population are left out.

        Raises
        ------
        FilterError : it cannot be read, or selects by how the model did, or nothing.
        WorkspaceError : the run was opened without a workspace, or that cannot be written.
        """
        from aggressors.store.handmade import keep_handmade

        place = self._place("hand-made groups are kept")
        kept = selection(self._filter(filter))
        count(self._file, kept)  # whether the run can answer it
        return keep_handmade(
            place, name=name, filter=format_filter(kept), run_id=self.info.run_id, author=author
        )

    def handmade(self) -> pa.Table:
        """List the hand-made groups that this run can answer, the newest first.

        Returns
        -------
        A row a group: slug, name, filter, author, run_id, created_at, and the figures of an
        aggressor: n, n_known, n_core, n_confirm (members that judge), gap with low and high,
        severity and impact. They were chosen by hand, so that none is a confirmed finding.

        Raises
        ------
        WorkspaceError : the run was opened without a workspace.
        """
        from aggressors.store.handmade import list_handmade

        found, wrong = list_handmade(self._place("hand-made groups are kept"))
        for one in wrong:
            warnings.warn(one.reason, stacklevel=2)
        rows = []
        for made in found:
            if (known := answered(self._file, made.filter, made.run_id)) is not None:
                rows.append(asdict(made) | asdict(known))
        return pa.Table.from_pylist(
            [{name: row[name] for name in _HANDMADE.names} for row in rows], schema=_HANDMADE
        )

    def marks(self, rank: int | None = None) -> pa.Table:
        """List the marks on samples of the run, oldest first, those of the dashboard included.

        Parameters
        ----------
        rank : only those about an aggressor, or about the label of its members.

        Raises
        ------
        UsageError : no aggressor has this rank.
        WorkspaceError : the run was opened without a workspace.
        """
        held = self._place("marks are kept").read_marks()
        for reason in held.broken:
            warnings.warn(reason, stacklevel=2)
        return listing(self._file, "marks", rank, marks=as_table(self._file, held.held))

    def mark(
        self,
        sample_ids: str | Sequence[str] | pa.Array | pa.ChunkedArray,
        mark: MarkKind,
        *,
        rank: int | None = None,
        undo: bool = False,
        tag: str = "",
    ) -> None:
        """Mark samples as label-wrong, as not-of-group, or with a tag; the dashboard shows it.

        Parameters
        ----------
        sample_ids : the id of a sample, or of several.
        rank : the aggressor; needed for not-of-group, which is said of its group.
        tag : the words of the mark `tag`.
        undo : take the mark back.

        Raises
        ------
        UsageError : no such mark, rank or sample, or a label that is wrong where there is none.
        WorkspaceError : the run was opened without a workspace, or that cannot be written.
        """
        place = self._place("marks are kept")
        concept_id = None if rank is None else concept_of_rank(self._file, rank)
        ids = _ids(sample_ids)
        check_markable(self._file, ids, mark)
        at = place_of(self._file, mark, concept_id, tag)
        place.append_marks(
            ids, mark, undone=undo, group=at.group, run_id=at.run_id, concept_id=at.concept_id
        )

    def add_metadata(
        self, metadata: Any, *, name: str | None = None, media_root: str | Path | None = None
    ) -> Run:
        """Derive a run with further metadata, as `add_metadata` does, and open it.

        Raises
        ------
        WorkspaceError : the run was opened without a workspace.
        """
        from aggressors.making import add_metadata

        return add_metadata(self, metadata, name=name, media_root=media_root)

    def _filter(self, filter: Filter | str) -> Filter:
        if isinstance(filter, str):
            return parse(expand(filter, finder_on(self._file, self._workspace)))
        return filter

    def _place(self, what: str) -> Workspace:
        if self._workspace is None:
            raise WorkspaceError(
                f"{self.path} was opened on its own, and {what} in a workspace. "
                "Open it with open_run(path, workspace=DIR)."
            )
        return self._workspace

    def close(self) -> None:
        """Let go of the run file."""
        self._file.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Run({self.info.name!r}, {str(self.path)!r})"


def open_run(run: str | Path = "latest", workspace: str | Path | None = None) -> Run:
    """Open a published run.

    Parameters
    ----------
    run : latest, a run id, a run's name (its newest), or the path of a run file, which needs no
        workspace.
    workspace : folder of the workspace; default $AGGRESSORS_WORKSPACE, else ./aggressors-workspace.

    Raises
    ------
    RunNotFound : nothing answers to it. WorkspaceError : there is no such workspace.
    RunCorrupt, SchemaTooNew, SchemaTooOld : the file cannot be read.
    """
    if stands_alone(run, workspace) if isinstance(run, str) else workspace is None:
        return Run(open_run_file(run), None)
    place = Workspace.open(workspace)
    return Run(open_run_file(place.resolve(str(run))), place)


def _ids(given: str | Sequence[str] | pa.Array | pa.ChunkedArray) -> list[str]:
    """Ids as text, each once; `given` may be a column of a table."""
    if isinstance(given, str):
        return [given]
    found = given.to_pylist() if isinstance(given, pa.Array | pa.ChunkedArray) else given
    return list(dict.fromkeys(map(str, found)))


def _figures(found: dict[str, Any]) -> dict[str, Any]:
    """Turn intervals into (value, low, high), and what has no value into None."""
    return {
        name: tuple(value.values())
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and isnan(value)
        else value
        for name, value in found.items()
    }
