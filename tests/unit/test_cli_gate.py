"""The verbs that judge: what they print, and every exit code."""

import json
import shutil
import xml.etree.ElementTree as ElementTree

from calling import call, document, fails

DUSK = "brightness < 0.25"


def test_check_passes_and_fails(workspace):
    better = document("check", "v2", at=workspace)
    assert better["passed"]
    assert better["baseline"] is None
    worse = document("check", "v3", at=workspace, code=1)
    assert not worse["passed"]
    (verdict,) = worse["verdicts"]
    assert {
        "slug", "state", "verdict", "n", "value", "reference", "difference", "low", "high",
        "reason",
    } <= set(verdict)  # fmt: skip
    assert (verdict["verdict"], verdict["state"]) == ("fail", "regressed")
    text = call("check", "v3", at=workspace)
    assert text.exit_code == 1
    for part in (
        "fail",
        "dusk",
        "regressed",
        "margin",
        "a twentieth of its gap",
        "baseline v2",
        "n ",
    ):
        assert part in text.stdout
    assert text.stdout.splitlines()[-1] == "v3 fails 1 of 1 saved test: dusk."


def test_check_takes_the_latest_run_and_another_baseline(workspace):
    assert document("check", at=workspace, code=1)["run_id"] == "v3-0000"
    assert document("check", "v3", "--baseline", "v1", at=workspace)["baseline"] == "v1-0000"
    fails(2, "check", "v3", "--baseline", "v3", at=workspace, says="itself")
    fails(4, "check", "v3", "--baseline", "v9", at=workspace, says="v9")


def edited(workspace, slug, **changes):
    """Save another test, of samples that no version changes on purpose, and edit its file."""
    where = "station = north and brightness > 0.5"
    given = ("--where", where, "--slug", slug, "--signal", "loss")
    done = call("save-test", "v1", *given, at=workspace)
    assert done.exit_code == 0, done.stderr
    path = workspace / "tests" / f"{slug}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_strict_blocks_what_is_not_sure(workspace):
    edited(workspace, "north", margin=0.0)
    (workspace / "tests" / "dusk.json").unlink()
    verdict = document("check", "v3", at=workspace)["verdicts"][0]
    assert verdict["verdict"] == "inconclusive"
    done = call("check", "v3", "--strict", at=workspace)
    assert done.exit_code == 1
    assert "--strict" in done.stdout


def test_an_unreadable_test_exits_3_after_all_other_verdicts(workspace):
    (workspace / "tests" / "broken.json").write_text("{")
    done = fails(3, "check", "v2", at=workspace, says="broken.json")
    assert "dusk" in done.stdout
    done = call("check", "v2", "--json", at=workspace)
    assert done.exit_code == 3
    found = json.loads(done.stdout)
    assert [one["slug"] for one in found["verdicts"]] == ["dusk"]
    assert [one["slug"] for one in found["unreadable"]] == ["broken"]


def test_without_tests_check_says_how_to_save_one(workspace):
    shutil.rmtree(workspace / "tests")
    done = call("check", at=workspace)
    assert done.exit_code == 0
    assert "save-test" in done.stdout
    done = call("check", "--strict", at=workspace)
    assert done.exit_code == 1
    assert "--strict asks for one" in done.stdout


def test_verdicts_that_cannot_be_written_are_printed_first(workspace):
    shutil.rmtree(workspace / "verdicts")
    (workspace / "verdicts").write_text("in the way")
    done = fails(4, "check", "v2", at=workspace, says="Cannot write")
    assert "v2 passes its 1 saved test." in done.stdout


def test_a_name_that_no_run_has_is_not_judged(workspace):
    fails(4, "check", "0a1b2c3", at=workspace, says="No run '0a1b2c3'")


def test_junit_tells_each_outcome(workspace, tmp_path):
    edited(workspace, "north", margin=0.0)
    edited(workspace, "gone", loss_name="focal")
    shutil.rmtree(workspace / "verdicts")
    (workspace / "tests" / "broken.json").write_text("{")
    out = tmp_path / "deep" / "junit.xml"
    done = call("check", "v3", "--junit", out, at=workspace)
    root = ElementTree.parse(out).getroot()
    assert done.exit_code == 3
    (suite,) = root.findall("testsuite")
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "2", "skipped": "1"}
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert "worse by" in cases["dusk"].find("failure").text
    assert cases["north"].find("skipped").text
    assert "focal" in cases["gone"].find("error").text
    assert "broken.json" in cases["broken"].find("error").text
    assert "margin" in cases["dusk"].find("system-out").text


def test_markdown_is_a_table_that_no_title_can_break(workspace, tmp_path):
    path = workspace / "tests" / "dusk.json"
    title = "a | b <script>alert(1)</script> `x` [y](http://z)\nnext"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"title": title}))
    out = tmp_path / "summary.md"
    assert call("check", "v3", "--markdown", out, at=workspace).exit_code == 1
    text = out.read_text(encoding="utf-8")
    assert text.startswith("### ❌ v3 fails 1 of 1 saved test: dusk.")
    assert "<script>" not in text
    (row,) = (line for line in text.splitlines() if "**dusk**" in line and line.startswith("|"))
    assert row.replace("\\|", "").count("|") == 9


def test_save_test_refuses_what_is_wrong(workspace):
    fails(2, "save-test", "v1", at=workspace, says="--aggressor")
    fails(2, "save-test", "v1", "--aggressor", 1, "--where", DUSK, at=workspace)
    fails(2, "save-test", "v1", "--where", "", at=workspace, says="--where is empty")
    fails(2, "save-test", "v1", "--aggressor", 7, at=workspace, says="no aggressor of rank 7")
    fails(2, "save-test", "v1", "--aggressor", 1, "--slug", "../x", at=workspace, says="slug")
    fails(2, "save-test", "v1", "--aggressor", 1, "--slug", "dusk", at=workspace, says="never")
    fails(3, "save-test", "v1", "--where", "loss > 2", at=workspace, says="loss")
    fails(3, "save-test", "v1", "--where", "brigthness < 1", at=workspace, says="'brightness'")
    fails(4, "save-test", "v9", "--aggressor", 1, at=workspace)
    assert [path.name for path in (workspace / "tests").glob("*.json")] == ["dusk.json"]


def test_the_bottom_line_fits_what_happened(workspace):
    assert (
        call("check", "v2", at=workspace).stdout.splitlines()[-1] == "v2 passes its 1 saved test."
    )
    edited(workspace, "north", margin=0.0)
    last = call("check", "v2", at=workspace).stdout.splitlines()[-1]
    assert last == "v2 fails none of 2 saved tests; 1 without a clear answer: north."
