"""Saved tests as test items: `pytest --aggressors-run latest`; docs/ci.md says what they come to.

Loaded by every pytest in an environment that has aggressors, so that nothing else of the package is
imported, and nothing is collected, before the option is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from aggressors.contracts import Verdict
    from aggressors.gate import CheckResult

RUN, STRICT = "--aggressors-run", "--aggressors-strict"
WORKSPACE, BASELINE = "--aggressors-workspace", "--aggressors-baseline"
_Word = Literal["passed", "failed", "skipped", "error"]
NAME = "aggressors"  # of the marker, of the collector, and of what a worker is handed


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one item comes to; `file` is what it is about."""

    name: str
    word: _Word
    sentence: str
    file: str


@dataclass(frozen=True, slots=True)
class _Checked:
    header: str
    outcomes: tuple[_Outcome, ...]


_WORDS: dict[str, _Word] = {"failure": "failed", "skipped": "skipped", "error": "error"}
_CHECKED = pytest.StashKey[_Checked]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup(NAME, "saved tests of aggressors")
    group.addoption(RUN, metavar="RUN", help="Judge this run (latest, an id, a name or a path).")
    group.addoption(
        WORKSPACE,
        metavar="DIR",
        help="Folder of runs and saved tests; default $AGGRESSORS_WORKSPACE, else "
        "./aggressors-workspace.",
    )
    group.addoption(BASELINE, metavar="RUN", help="Compare every saved test with this run.")
    group.addoption(
        STRICT, action="store_true", help="Inconclusive and missing do not pass either."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that would do nothing, and make the marker known."""
    if config.getoption(RUN) is None:
        for option in (WORKSPACE, BASELINE, STRICT):
            if config.getoption(option):
                raise pytest.UsageError(f"{option} does nothing without {RUN} RUN. Name a run.")
        return
    config.addinivalue_line("markers", f"{NAME}: a saved test, judged by {RUN}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Judge the run, once: workers of xdist are handed the outcomes."""
    config = session.config
    if config.getoption(RUN) is None:
        return
    handed: dict[str, Any] | None = getattr(config, "workerinput", {}).get(NAME)
    config.stash[_CHECKED] = _check(config) if handed is None else _unpacked(handed)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the outcomes to a worker of xdist."""
    if (checked := node.config.stash.get(_CHECKED, None)) is not None:
        node.workerinput[NAME] = {
            "header": checked.header,
            "outcomes": [asdict(one) for one in checked.outcomes],
        }


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the run that is judged."""
    checked = config.stash.get(_CHECKED, None)
    return None if checked is None else checked.header


@pytest.hookimpl(tryfirst=True)  # before what selects by -k, -m and --lf
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add an item for each saved test, told as any collected one is."""
    if (checked := session.config.stash.get(_CHECKED, None)) is None:
        return
    collector = _SavedTests.from_parent(session, name=NAME, nodeid=NAME)
    collector.outcomes = checked.outcomes
    hook = session.config.hook
    report: pytest.CollectReport = hook.pytest_make_collect_report(collector=collector)
    made = [node for node in report.result or [] if isinstance(node, pytest.Item)]
    for item in made:
        hook.pytest_itemcollected(item=item)
    hook.pytest_collectreport(report=report)
    items.extend(made)


class _SavedTests(pytest.Collector):
    outcomes: tuple[_Outcome, ...] = ()

    def collect(self) -> Iterator[_SavedTest]:
        """Make an item of each outcome."""
        skips = self.config.pluginmanager.hasplugin("skipping")
        for one in self.outcomes:
            item = _SavedTest.from_parent(self, name=one.name, outcome=one)
            item.add_marker(NAME)
            if one.word == "skipped" and skips:  # so that the summary names the file of the test
                item.add_marker(pytest.mark.skip(reason=one.sentence))
            yield item


class _SavedTest(pytest.Item):
    def __init__(self, *, outcome: _Outcome, **more: Any) -> None:
        super().__init__(**more)
        self.outcome = outcome

    def setup(self) -> None:
        """Make an error, not a failure, of what cannot be evaluated."""
        if self.outcome.word == "error":
            pytest.fail(self.outcome.sentence, pytrace=False)

    def runtest(self) -> None:
        """Come to what the check found."""
        if self.outcome.word == "failed":
            pytest.fail(self.outcome.sentence, pytrace=False)
        if self.outcome.word == "skipped":  # where pytest's own plugin for it is switched off
            pytest.skip(self.outcome.sentence)
        self.add_report_section("call", NAME, self.outcome.sentence)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the file of the test."""
        return Path(self.outcome.file), 0, self.nodeid


def _unpacked(handed: dict[str, Any]) -> _Checked:
    return _Checked(handed["header"], tuple(_Outcome(**one) for one in handed["outcomes"]))


# --- What the check found ---


def _check(config: pytest.Config) -> _Checked:
    """Judge the run; raises UsageError where it, or its workspace, is not there."""
    from aggressors import gate
    from aggressors.errors import AggressorsError
    from aggressors.store.workspace import Workspace

    strict = bool(config.getoption(STRICT))
    try:
        place = Workspace.open(config.getoption(WORKSPACE))
        result = gate.check(
            place, config.getoption(RUN), baseline=config.getoption(BASELINE), strict=strict
        )
    except AggressorsError as error:
        raise pytest.UsageError(str(error)) from error
    total = len(result.verdicts)
    header = (
        f"{NAME}: run {result.run_name} ({result.run_id}), "
        f"{total} saved test{'' if total == 1 else 's'}"
    )
    return _Checked(header, tuple(_outcomes(result, place.root.absolute(), strict=strict)))


def _outcomes(result: CheckResult, root: Path, *, strict: bool) -> Iterator[_Outcome]:
    """Say what each item comes to, so that pytest fails exactly where `aggressors check` does."""
    from aggressors.export.verdicts import besides

    tests = root / "tests"
    for verdict in result.verdicts:
        file = str(tests / f"{verdict.slug}.json")
        yield _Outcome(verdict.slug, _word(verdict, strict=strict), _sentence(verdict), file)
    for one in besides(result):
        yield _Outcome(one.name, _WORDS[one.kind], one.sentence, str(tests))


def _word(verdict: Verdict, *, strict: bool) -> _Word:
    if verdict.verdict in ("pass", "fail"):
        return "passed" if verdict.verdict == "pass" else "failed"
    if not strict:
        return "skipped"
    return "failed" if verdict.verdict == "inconclusive" else "error"


def _sentence(verdict: Verdict) -> str:
    from aggressors.export.verdicts import threshold

    return f"{verdict.reason} [{threshold(verdict)}]"
