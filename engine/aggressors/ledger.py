"""The records of all runs in all saved tests, brought up to date.

Only what is missing or stale is computed: a measurement needs the run file, a comparison only the
signals in `tests/` and `verdicts/`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from aggressors.contracts import TestState
from aggressors.errors import (
    AggressorsError,
    InputError,
    StoreError,
    WorkspaceError,
)
from aggressors.joining import Pairs, Placed, Signals, paired, signals_of
from aggressors.judging import compare, next_state, too_few
from aggressors.measuring import Judged, measured_in
from aggressors.queries.judged import held_out
from aggressors.store.read import check_file_name, open_run
from aggressors.store.records import Unreadable
from aggressors.store.saved_tests import SavedTest, list_tests, read_samples
from aggressors.store.verdicts import (
    Entry,
    RunRecord,
    read_records,
    read_signals,
    write_record,
    write_signals,
)
from aggressors.store.workspace import Workspace, versions

Side = tuple[str, Placed | None]  # id of a run, and a test's samples in it if it has the signal


@dataclass
class Ledger:
    """Saved tests, their frozen samples, and what every run got; see `Ledger.open`."""

    workspace: Workspace
    tests: dict[str, SavedTest]
    frozen: dict[str, Signals]
    unreadable: list[Unreadable]
    records: dict[str, RunRecord]
    _changed: set[str] = field(default_factory=set)
    _signals: dict[str, pa.Table | None] = field(default_factory=dict)
    _apart: dict[tuple[str, str], Signals] = field(default_factory=dict)  # one signal of one run
    _unwritten: set[str] = field(default_factory=set)
    _keys: dict[str, str] = field(default_factory=dict)  # asked for every run, and a digest each

    @classmethod
    def open(cls, workspace: Workspace) -> Ledger:
        """Read all files; what cannot be read is put aside with its sentence."""
        found, unreadable = list_tests(workspace)
        tests, frozen = {}, {}
        for test in found:
            try:
                frozen[test.slug] = signals_of(read_samples(workspace, test), "signal")
                tests[test.slug] = test
            except InputError as error:
                unreadable.append(Unreadable(test.slug, str(error)))
        records, wrong = read_records(workspace)
        at_hand = {path.stem for path in _run_files(workspace)}
        unreadable += [
            Unreadable(slug, reason)
            for slug, reason in wrong
            if slug not in at_hand  # else it is simply made again
        ]
        return cls(workspace, tests, frozen, unreadable, {one.run_id: one for one in records})

    # --- Bringing up to date ---

    def update(self) -> None:
        """Measure what published runs lack, and compare what has no verdict yet."""
        if not self.tests:
            return
        for path in _run_files(self.workspace):
            record = self.records.get(path.stem)
            if record is None or not self._is_measured(record):
                try:
                    self.add(path)
                except StoreError:  # a broken run file is reported by whoever opens it
                    continue
        for run_id, baselines in self._baselines().items():
            self._compare(run_id, baselines)

    def add(self, path: Path, *, keep: bool = True) -> RunRecord:
        """Measure the tests in a run file; with `keep` False nothing of it will be written.

        Raises
        ------
        StoreError : the run file cannot be opened, or is to be kept under another name.
        """
        with open_run(path) as run:
            if keep:
                check_file_name(path, run.info.run_id)
            known = self.records.get(run.info.run_id) if keep else None
            info = run.info
            record = known or RunRecord(
                info.run_id, info.name, info.created_at, {}, derived_from=info.derived_from
            )
            signals = {test.signal for test in self.tests.values()}
            table = held_out(run, signals)
            made: dict[str, Entry] = {}
            for signal in signals:
                judged = Judged.of(table, signal)
                new = {
                    slug: self.frozen[slug]
                    for slug, test in self.tests.items()
                    if test.signal == signal and self._entry(record, test) is None
                }
                placed = judged.signals.at_each(new)
                made |= {
                    slug: Entry(
                        measured_in(run, judged, self.tests[slug], frozen, placed[slug]), None
                    )
                    for slug, frozen in new.items()
                }
            record = replace(record, tests={**record.tests, **made})
            wanted = _union(self.frozen.values())
            kept = table.filter(pc.is_in(table["sample_id"], value_set=wanted))
            self._signals[record.run_id] = kept.drop_columns(["row_id", "judges"])
            for signal in signals:
                self._apart.pop((record.run_id, signal), None)
        self.records[record.run_id] = record
        if self.tests:
            self._changed.add(record.run_id)
        if not keep:
            self._unwritten.add(record.run_id)
        return record

    def compare_fully(self, run_id: str) -> None:
        """Compare one run in all tests of this check together."""
        baselines = self._baselines()[run_id]
        self._compare(run_id, baselines)
        entries = [self._entry(self.records[run_id], self.tests[slug]) for slug in baselines]
        compared = [entry.comparison for entry in entries if entry and entry.comparison]
        if any(one.n_tests != len(compared) for one in compared):
            self._compare(run_id, baselines, again=True)

    def write(self) -> None:
        """Write what changed, signals first; raises WorkspaceError."""
        for run_id in sorted(self._changed - self._unwritten):
            signals = self._signals.get(run_id)
            if signals is not None:
                write_signals(self.workspace, run_id, signals)
            write_record(self.workspace, self.records[run_id])
        self._changed.clear()

    # --- Answers ---

    def is_complete(self, run_id: str) -> bool:
        """Tell whether a run that is here was measured in every test."""
        record = self.records[run_id]
        return all(self._entry(record, test) is not None for test in self.tests.values())

    def in_order(self) -> list[RunRecord]:
        """List all records in the order of created_at; a derived run follows the one it is from."""
        leads = self.versions()

        def place(one: RunRecord) -> tuple[str, str, bool, str, str]:
            lead = self.records[leads[one.run_id]]
            derived = lead.run_id != one.run_id
            return lead.created_at, lead.run_id, derived, one.created_at, one.run_id

        return sorted(self.records.values(), key=place)

    def versions(self) -> dict[str, str]:
        """Tell for each run which one stands for its model; see `store.workspace.versions`."""
        return versions(self.records.values())

    def histories(self) -> dict[str, dict[str, tuple[Entry, TestState]]]:
        """Entry and state of each test after each run that it was measured in, oldest first.

        A derived run has the state of the run it is from: it is no later model.
        """
        found: dict[str, dict[str, tuple[Entry, TestState]]] = {slug: {} for slug in self.tests}
        states: dict[str, TestState] = dict.fromkeys(self.tests, "open")
        leads = self.versions()
        for record in self.in_order():
            leading = leads[record.run_id] == record.run_id
            for slug, test in self.tests.items():
                entry = self._entry(record, test)
                if entry is None:
                    continue
                if leading:
                    states[slug] = next_state(states[slug], entry)
                found[slug][record.run_id] = (entry, states[slug])
        return found

    def against(self, run_id: str, baseline: str) -> dict[str, Entry]:
        """Compare every test of a run with one other run; nothing of it is kept."""
        return self._entries(run_id, dict.fromkeys(self.tests, baseline))

    # --- Inside ---

    def _entry(self, record: RunRecord, test: SavedTest) -> Entry | None:
        entry = record.tests.get(test.slug)
        if test.slug not in self._keys:
            self._keys[test.slug] = test.key
        return entry if entry and entry.measurement.key == self._keys[test.slug] else None

    def _is_measured(self, record: RunRecord) -> bool:
        signals = self.workspace.verdicts / f"{record.run_id}.parquet"
        return signals.is_file() and self.is_complete(record.run_id)

    def _baselines(self) -> dict[str, dict[str, str]]:
        """Baseline of every measured test by run, oldest first.

        It is the first run before that solved the test, else the run it was saved on. A derived run
        has the baselines of the run it is from.
        """
        solvers: dict[str, str] = {}
        before: dict[str, str] = {}  # the solvers as the run found them
        found: dict[str, dict[str, str]] = {}
        leads = self.versions()
        for record in self.in_order():
            found[record.run_id] = {}
            leading = leads[record.run_id] == record.run_id
            before = dict(solvers) if leading else before
            for slug, test in self.tests.items():
                entry = self._entry(record, test)
                if entry is None:
                    continue
                found[record.run_id][slug] = before.get(slug, test.source_run_id)
                if leading and entry.measurement.solves:
                    solvers.setdefault(slug, record.run_id)
        return found

    def _compare(self, run_id: str, baselines: dict[str, str], *, again: bool = False) -> None:
        record = self.records[run_id]
        wanted = {
            slug: baseline
            for slug, baseline in baselines.items()
            if again or _is_stale(record.tests[slug], baseline, self.tests[slug])
        }
        made = self._entries(run_id, wanted)
        if any(record.tests[slug] != entry for slug, entry in made.items()):
            self.records[run_id] = replace(record, tests={**record.tests, **made})
            self._changed.add(run_id)

    def _name(self, run_id: str, test: SavedTest) -> str:
        known = self.records.get(run_id)
        return known.name if known else test.source_run_name

    def _entries(self, run_id: str, baselines: dict[str, str]) -> dict[str, Entry]:
        """Compare some tests of a run, each with its baseline."""
        record = self.records[run_id]
        measured = {
            slug: entry
            for slug in baselines
            if (entry := self._entry(record, self.tests[slug])) is not None
        }
        reasons = {slug: entry.measurement.problem for slug, entry in measured.items()}
        able = [slug for slug, problem in reasons.items() if not problem]
        here = self._placed(dict.fromkeys(able, run_id))
        there = self._placed({slug: baselines[slug] for slug in able}, frozen=True)
        pairs = {}
        for slug in able:
            try:
                test = self.tests[slug]
                moved = measured[slug].measurement.in_training
                pairs[slug] = self._pairs(test, here[slug], there[slug], in_training=moved)
            except AggressorsError as error:
                reasons[slug] = str(error)
        others = sum(
            1
            for slug, entry in record.tests.items()
            if slug in self.tests and slug not in baselines and entry.comparison
        )
        made = {}
        for slug, entry in measured.items():
            test, baseline = self.tests[slug], baselines[slug]
            made[slug] = Entry(entry.measurement, None, baseline, reasons[slug])
            if slug in pairs:
                name = self._name(baseline, test)
                comparison = compare(
                    test,
                    pairs[slug],
                    baseline=baseline,
                    baseline_name=name,
                    n_tests=len(pairs) + others,
                )
                made[slug] = Entry(entry.measurement, comparison, baseline)
        return made

    def _placed(self, wanted: Mapping[str, str], *, frozen: bool = False) -> dict[str, Side]:
        """Find the samples of tests, each in the run that `wanted` says.

        With `frozen`, the run that a test was saved on is known by what was frozen of it.
        """
        found: dict[str, Side] = {}
        sought: defaultdict[tuple[str, str], dict[str, Signals]] = defaultdict(dict)
        for slug, run_id in wanted.items():
            test, own = self.tests[slug], self.frozen[slug]
            if frozen and run_id == test.source_run_id:
                found[slug] = run_id, own.at(own.ids)
            else:
                sought[run_id, test.signal][slug] = own
        for (run_id, signal), groups in sought.items():
            signals = self._signals_of(run_id, signal)
            placed = {} if signals is None else signals.at_each(groups)
            found |= {slug: (run_id, placed.get(slug)) for slug in groups}
        return found

    def _pairs(self, test: SavedTest, here: Side, there: Side, *, in_training: int) -> Pairs:
        """Join the samples of one test under two runs; InputError says why there are none."""
        (run_id, run), (baseline_id, baseline) = here, there
        if run is None or baseline is None:
            name = self._name(run_id if run is None else baseline_id, test)
            raise InputError(
                f"The signals of run {name!r} are neither in verdicts/ nor can they be read from "
                "runs/; restore one of them."
            )
        pairs = paired(run, baseline)
        if reason := too_few(test, pairs, in_training=in_training):
            raise InputError(reason)
        return pairs

    def _signals_of(self, run_id: str, signal: str) -> Signals | None:
        if run_id not in self._signals:
            self._signals[run_id] = self._kept_signals(run_id)
        table = self._signals[run_id]
        if table is None or signal not in table.column_names:
            return None
        if (run_id, signal) not in self._apart:
            self._apart[run_id, signal] = signals_of(table, signal)
        return self._apart[run_id, signal]

    def _kept_signals(self, run_id: str) -> pa.Table | None:
        """Signals as kept; damaged ones are made again where the run is at hand, else reported."""
        try:
            return read_signals(self.workspace, run_id)
        except WorkspaceError as error:
            path = self.workspace.run_path(run_id)
            with suppress(StoreError):
                if path.is_file():
                    self.add(path)
                    return self._signals[run_id]
            self.unreadable.append(Unreadable(run_id, str(error)))
            return None


def _is_stale(entry: Entry, baseline: str, test: SavedTest) -> bool:
    compared = entry.comparison
    if entry.baseline != baseline or compared is None:
        return True
    return not math.isclose(compared.margin, test.margin, rel_tol=1e-6)


def _run_files(workspace: Workspace) -> list[Path]:
    return sorted(path for path in workspace.runs.glob("*.duckdb") if not path.name.startswith("."))


def _union(frozen: Iterable[Signals]) -> pa.Array:
    arrays = [one.ids for one in frozen]
    return pc.unique(pa.concat_arrays(arrays)) if arrays else pa.array([], pa.string())
