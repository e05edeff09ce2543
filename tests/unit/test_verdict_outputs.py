"""What a check writes for machines and reviewers, whatever it found."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict

import pytest

from aggressors.cli.render import check_report
from aggressors.cli.track import _document
from aggressors.contracts import Verdict
from aggressors.export.verdicts import MAX_SUMMARY, markdown, threshold, write_junit
from aggressors.gate import CheckResult, Unreadable

HOSTILE = "a | b <script>alert(1)</script> ]]> & \x1b[31m\x00 \ud800 `x`\n![](http://x)"
WORDS = ("pass", "fail", "inconclusive", "missing")


def verdict(word, slug=None, **changes):
    compared = word != "missing"
    given = {
        "slug": slug or word, "state": "solved", "verdict": word, "n": 1234,
        "value": 0.5 if compared else None, "reference": 0.4 if compared else None,
        "difference": 0.1 if compared else None, "low": 0.05 if compared else None,
        "high": 0.15 if compared else None, "reason": f"Because it is {word}.", "title": "Dusk",
        "margin": 0.0625, "margin_origin": "a tenth of its gap of 0.625 when saved",
        "baseline": "v1-0000" if compared else "", "baseline_name": "v1" if compared else "",
        "detectable": 0.171 if compared else None,
    }  # fmt: skip
    return Verdict(**given | changes)


def result(*verdicts, passed=False, **more):
    return CheckResult("v2-0000", "v2", None, passed, verdicts, **more)


ALL = result(*map(verdict, WORDS), unreadable=(Unreadable("broken", "broken.json is no test."),))


def terminal(found):
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=200).print(check_report(found))
    return out.getvalue()


def junit(found, tmp_path):
    write_junit(found, tmp_path / "junit.xml")
    return ElementTree.parse(tmp_path / "junit.xml").getroot()


# --- Beside each verdict ---


@pytest.mark.parametrize("word", WORDS)
def test_threshold_its_origin_and_n_stand_beside_each_verdict_everywhere(word, tmp_path):
    found = result(verdict(word))
    (row,) = (line for line in markdown(found).splitlines() if line.startswith("| ✅ pass")
              or (line.startswith("| ") and f"**{word}**" in line))  # fmt: skip
    (case,) = junit(found, tmp_path).iter("testcase")
    texts = {
        "terminal": terminal(found),
        "markdown": row,
        "junit": "".join(case.itertext()),
        "json": json.dumps(_document(found)),
    }
    for where, text in texts.items():
        assert "1,234" in text or '"n": 1234' in text, where
        assert "0.0625" in text, where
        assert "a tenth of its gap of 0.625 when saved" in text, where
        if word != "missing":
            assert "0.171" in text, where
            assert "v1" in text, where


def test_the_threshold_in_words():
    assert threshold(verdict("fail")) == (
        "n 1,234, margin 0.0625 (a tenth of its gap of 0.625 when saved), baseline v1, "
        "notices a worsening of 0.171"
    )
    assert threshold(verdict("missing"), " · ") == (
        "n 1,234 · margin 0.0625 (a tenth of its gap of 0.625 when saved)"
    )


def test_json_keeps_its_keys():
    """The contract: keys are added, never renamed or taken away."""
    found = _document(ALL)
    assert {"run_id", "baseline", "passed", "verdicts"} <= set(found)
    assert {
        "slug", "state", "verdict", "n", "value", "reference", "difference", "low", "high",
        "reason", "margin", "margin_origin", "baseline_name", "detectable",
    } <= set(found["verdicts"][0])  # fmt: skip
    assert found["verdicts"][1] == asdict(ALL.verdicts[1])


# --- JUnit ---

# What Jenkins and GitLab read: elements with their attributes, those needed first, and children.
ELEMENTS = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": (
        ("name", "tests", "failures", "errors"),
        ("time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"),
        ("properties", "testcase", "system-out", "system-err"),
    ),
    "properties": ((), (), ("property",)),
    "property": (("name", "value"), (), ()),
    "testcase": (
        ("name",), ("time", "classname", "group"),
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    "failure": ((), ("type", "message"), ()),
    "error": ((), ("type", "message"), ()),
    "skipped": ((), ("type", "message"), ()),
    "system-out": ((), (), ()),
}  # fmt: skip


def conforms(element):
    needed, allowed, children = ELEMENTS[element.tag]
    assert set(needed) <= set(element.keys()) <= {*needed, *allowed}, element.tag
    for child in element:
        assert child.tag in children, (element.tag, child.tag)
        conforms(child)


CHECKS = {
    "all": ALL,
    "passes": result(verdict("pass"), passed=True),
    "hostile": result(verdict("fail", title=HOSTILE, reason=HOSTILE, margin_origin=HOSTILE)),
    "without tests": result(passed=True),
    "without tests, strict": result(passed=False),
    "unwritten": result(verdict("pass"), passed=True, unwritten="Cannot write verdicts/."),
    "forgotten": result(verdict("pass"), passed=True, forgotten="No earlier verdict."),
}


@pytest.mark.parametrize("name", CHECKS)
def test_junit_keeps_to_the_schema_and_counts_its_cases(name, tmp_path):
    root = junit(CHECKS[name], tmp_path)
    conforms(root)
    (suite,) = root
    cases = list(suite.iter("testcase"))
    counted = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    assert {key: int(suite.get(key)) for key in counted} == counted
    assert all(int(root.get(key)) == counted[key] for key in ("tests", "failures", "errors"))
    assert len({case.get("name") for case in cases}) == len(cases) >= 1


def test_the_sentence_stands_in_the_text_of_the_element(tmp_path):
    kinds = {"fail": "failure", "inconclusive": "skipped", "missing": "error"}
    cases = {case.get("name"): case for case in junit(ALL, tmp_path).iter("testcase")}
    for word, kind in kinds.items():
        (element,) = (one for one in cases[word] if one.tag != "system-out")
        assert element.tag == kind
        assert element.text.startswith(f"Because it is {word}.\nn 1,234, margin 0.0625")
        assert element.get("message") == f"Because it is {word}."
    assert [one.tag for one in cases["pass"]] == ["system-out"]
    assert cases["broken"].find("error").text == "broken.json is no test."


@pytest.mark.parametrize(("passed", "kind"), [(True, "skipped"), (False, "failure")])
def test_a_check_without_tests_is_no_empty_green_suite(passed, kind, tmp_path):
    (case,) = junit(result(passed=passed), tmp_path).iter("testcase")
    assert case.get("name") == "no-saved-test"
    assert "There is no saved test to check" in case.find(kind).text


def test_verdicts_that_cannot_be_kept_are_an_error(tmp_path):
    cases = {
        case.get("name"): case for case in junit(CHECKS["unwritten"], tmp_path).iter("testcase")
    }
    assert cases["verdicts"].find("error").text == "Cannot write verdicts/."


def test_lost_verdicts_are_told_and_fail_nothing(tmp_path):
    root = junit(CHECKS["forgotten"], tmp_path)
    (told,) = (case for case in root.iter("testcase") if case.get("name") == "earlier-verdicts")
    assert told.find("skipped").text == "No earlier verdict."
    assert "- **earlier-verdicts**: No earlier verdict." in markdown(CHECKS["forgotten"])


# --- Markdown ---


def test_what_blocks_comes_first():
    rows = [line for line in markdown(ALL).splitlines() if line.startswith("| ") and "**" in line]
    assert [row.split("**")[1] for row in rows] == ["fail", "missing", "inconclusive", "pass"]
    assert "- **broken**: broken.json is no test." in markdown(ALL)


def test_a_summary_of_any_size_fits_and_names_every_failure():
    """Hosts refuse a step summary above 1 MiB."""
    long = [verdict("pass", f"p{place}", title="Ä" * 5_000) for place in range(2_000)]
    text = markdown(result(*long, verdict("fail", "last", title="y" * 200_000)))
    assert len(text.encode()) <= MAX_SUMMARY + 1_000 < 2**20
    assert "| ❌ fail | **last** yyy" in text
    assert "cut short by" in text
    assert text.rstrip().endswith("</details>")


def test_nothing_from_data_is_markup():
    found = CHECKS["hostile"]
    text = markdown(found)
    assert "<script>" not in text
    assert "![](" not in text
    (row,) = (line for line in text.splitlines() if "**fail**" in line and line.startswith("|"))
    assert row.replace("\\|", "").count("|") == 9


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_can_be_written(name, tmp_path):
    from aggressors.export.verdicts import write_markdown

    write_markdown(CHECKS[name], tmp_path / "summary.md")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("### ")
    assert terminal(CHECKS[name])
