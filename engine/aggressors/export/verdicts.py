"""Results of a check for machines and reviewers: JUnit XML, and Markdown for a step summary."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from aggressors.contracts import Verdict
from aggressors.gate import CheckResult
from aggressors.store.workspace import atomic_write
from aggressors.words import number, unlinked

MAX_SUMMARY = 900_000  # bytes; some hosts refuse a step summary above 1 MiB
_LONGEST = 1_000  # characters of a cell or a reason
_ORDER = ("fail", "missing", "inconclusive", "pass")
MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "missing": "⚠️"}
# Characters that no XML document may hold, in a title that came from data.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def bottom_line(result: CheckResult) -> str:
    """Say in a sentence whether the run passed, and what failed or cannot be read."""
    broken = len(result.unreadable)
    if not broken:
        return _judged(result)
    files = "1 file of a test or verdict" if broken == 1 else f"{broken} files of tests or verdicts"
    said = "" if not result.verdicts else f" {_judged(result)}"
    return f"{files} cannot be read, so that the check is not whole.{said}"


def _judged(result: CheckResult) -> str:
    total = len(result.verdicts)
    if not total and not result.passed:
        return (
            "There is no saved test to check, and --strict asks for one. `aggressors save-test` "
            "makes one."
        )
    if not total:
        return "There is no saved test to check. `aggressors save-test` makes one."
    failed = [one.slug for one in result.verdicts if one.verdict == "fail"]
    unsure = [one.slug for one in result.verdicts if one.verdict in ("inconclusive", "missing")]
    if failed:
        return f"{result.run_name} fails {len(failed)} of {_tests(total)}: {', '.join(failed)}."
    if not result.passed:
        return (
            f"{result.run_name} is not sure to pass {len(unsure)} of {_tests(total)}, and --strict "
            f"asks for that: {', '.join(unsure)}."
        )
    if not unsure:
        return f"{result.run_name} passes {'its' if total == 1 else 'all'} {_tests(total)}."
    return (
        f"{result.run_name} fails none of {_tests(total)}; {len(unsure)} without a clear answer: "
        f"{', '.join(unsure)}."
    )


def _tests(count: int) -> str:
    return "1 saved test" if count == 1 else f"{count} saved tests"


def write_junit(result: CheckResult, path: Path) -> None:
    """Write `junit` to a file; raises WorkspaceError where it cannot be written."""
    atomic_write(path, junit(result).encode(), "--junit FILE")


def junit(result: CheckResult) -> str:
    """Say it as JUnit XML: fail is a failure, inconclusive is skipped, missing is an error.

    The sentence stands in the text of the element, since some viewers ignore its attributes.
    """
    count = dict.fromkeys(("pass", "fail", "inconclusive", "missing"), 0)
    for verdict in result.verdicts:
        count[verdict.verdict] += 1
    beside = besides(result)
    kinds = [one.kind for one in beside]
    totals = {
        "tests": str(len(result.verdicts) + len(beside)),
        "failures": str(count["fail"] + kinds.count("failure")),
        "errors": str(count["missing"] + kinds.count("error")),
        "time": "0",
    }
    skipped = count["inconclusive"] + kinds.count("skipped")
    root = ElementTree.Element("testsuites", totals)  # Jenkins refuses `skipped` here
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": "aggressors", **totals, "skipped": str(skipped)}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("run", result.run_name), ("run_id", result.run_id)):
        ElementTree.SubElement(properties, "property", {"name": name, "value": _plain(value)})
    for verdict in result.verdicts:
        _case(suite, verdict)
    for one in beside:
        case = ElementTree.SubElement(suite, "testcase", _names(one.name))
        _outcome(case, one.kind, one.type, one.sentence)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return f"{text.decode()}\n"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a check found beside its verdicts, as a test case: `kind` is its element in JUnit."""

    name: str
    kind: Literal["failure", "skipped", "error"]
    type: str
    sentence: str


def besides(result: CheckResult) -> list[Beside]:
    """List what is wrong with tests and verdicts on disk, and that there is no test."""
    found = [Beside(one.slug, "error", "unreadable", one.reason) for one in result.unreadable]
    if result.unwritten:
        found.append(Beside("verdicts", "error", "unwritten", result.unwritten))
    if result.forgotten:
        found.append(Beside("earlier-verdicts", "skipped", "forgotten", result.forgotten))
    if not result.verdicts and not result.unreadable:
        kind: Literal["failure", "skipped"] = "skipped" if result.passed else "failure"
        found.append(Beside("no-saved-test", kind, "none", bottom_line(result)))
    return found


def _case(suite: ElementTree.Element, verdict: Verdict) -> None:
    case = ElementTree.SubElement(suite, "testcase", _names(verdict.slug))
    kind = {"fail": "failure", "inconclusive": "skipped", "missing": "error"}.get(verdict.verdict)
    if kind:
        _outcome(case, kind, verdict.verdict, verdict.reason, threshold(verdict))
    output = ElementTree.SubElement(case, "system-out")
    output.text = _plain(f"{verdict.title}\n{verdict.reason}\n{threshold(verdict)}")


def _names(slug: str) -> dict[str, str]:
    return {"classname": "aggressors", "name": _plain(slug), "time": "0"}


def _outcome(
    case: ElementTree.Element, kind: str, type_name: str, reason: str, facts: str = ""
) -> None:
    attributes = {"message": _plain(reason)}
    if kind != "skipped":
        attributes["type"] = type_name
    text = f"{reason}\n{facts}" if facts else reason
    ElementTree.SubElement(case, kind, attributes).text = _plain(text)


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("�", text)


def threshold(verdict: Verdict, between: str = ", ") -> str:
    """Say what a verdict was judged by: n, margin and its origin, baseline, what it can notice."""
    facts = [f"n {verdict.n:,}", f"margin {number(verdict.margin)} ({verdict.margin_origin})"]
    if verdict.baseline_name:
        facts.append(f"baseline {verdict.baseline_name}")
    if verdict.detectable is not None:
        facts.append(f"notices a worsening of {number(verdict.detectable)}")
    return between.join(facts)


def write_markdown(result: CheckResult, path: Path) -> None:
    """Write a table that fits the step summary of a CI job; raises WorkspaceError."""
    atomic_write(path, markdown(result).encode(), "--markdown FILE")


def markdown(result: CheckResult) -> str:
    """Write the bottom line, a table of verdicts with their thresholds, and every reason.

    What blocks comes first, so that what is cut from a long list is what matters least.
    """
    verdicts = sorted(result.verdicts, key=lambda one: _ORDER.index(one.verdict))
    summary = _Summary()
    mark = "✅" if result.passed and not result.unreadable else "❌"
    summary.add(f"### {mark} {escaped(bottom_line(result))}", "")
    if verdicts:
        summary.add(
            "| | test | state | n | change (95 %) | margin | notices | baseline |",
            "| --- | --- | --- | ---: | --- | --- | --- | --- |",
        )
    for one in verdicts:
        summary.add(_row(one))
    reasons = [(one.slug, one.reason) for one in verdicts]
    if result.verdicts or result.unreadable or result.unwritten:
        reasons = [(one.name, one.sentence) for one in besides(result)] + reasons
    summary.add("", "<details><summary>Reasons</summary>", "")
    for name, sentence in reasons:
        summary.add(f"- **{escaped(name)}**: {_cut(sentence)}")
    if summary.left_out:
        summary.lines.append(
            f"- … cut short by {summary.left_out:,} lines; `aggressors check` prints them all."
        )
    return "\n".join([*summary.lines, "", "</details>", ""])


@dataclass
class _Summary:
    """Lines that stay within `MAX_SUMMARY`."""

    lines: list[str] = field(default_factory=list)
    size: int = 0
    left_out: int = 0

    def add(self, *lines: str) -> None:
        for line in lines:
            size = len(line.encode()) + 1
            if len(line) > 2 and self.size + size > MAX_SUMMARY:
                self.left_out += 1
                continue
            self.lines.append(line)
            self.size += size


def _row(one: Verdict) -> str:
    cells = (
        f"{MARKS[one.verdict]} {one.verdict}",
        f"**{one.slug}** {_cut(one.title)}",
        one.state,
        f"{one.n:,}",
        _change(one),
        f"{number(one.margin)}, {_cut(one.margin_origin)}",
        number(one.detectable),
        _cut(one.baseline_name),
    )
    return f"| {' | '.join(cells)} |"


def _cut(text: str) -> str:
    """Keep text from data to a readable length, and harmless."""
    return escaped(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _change(verdict: Verdict) -> str:
    if verdict.difference is None or verdict.low is None or verdict.high is None:
        return "–"
    return f"{verdict.difference:+.3g} ({verdict.low:+.3g} to {verdict.high:+.3g})"


def escaped(text: str) -> str:
    """Make text from data harmless in a Markdown table: no cell border, markup, HTML or link."""
    text = unlinked(re.sub(r"\s+", " ", _plain(text)))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#|!~])", r"\\\1", text)
