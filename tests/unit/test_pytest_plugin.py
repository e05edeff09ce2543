"""Saved tests as test items, in a pytest of its own that finds the plugin as an installed one."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from importlib import import_module
from pathlib import Path

import pytest

from aggressors import gate, pytest_plugin
from aggressors.contracts import Verdict
from aggressors.store.workspace import Workspace
from calling import call

ROOT = Path(__file__).parents[2]
OWN = "def test_of_ones_own():\n    pass\n"


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory, project):
    """A folder on the path whose one distribution has the entry points of the package."""
    folder = tmp_path_factory.mktemp("site")
    about = folder / "probe-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: probe\nVersion: 1\n")
    points = project["entry-points"]["pytest11"]
    lines = [f"{name} = {target}" for name, target in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    return folder


@pytest.fixture(scope="module")
def four(story, tmp_path_factory):
    """Under v3: dusk fails, north passes, unsure is inconclusive, gone missing."""
    folder = tmp_path_factory.mktemp("four")
    shutil.copytree(story.root, folder / "aggressors-workspace")
    workspace = Workspace.open(folder / "aggressors-workspace")
    gate.save_test(workspace, "v1", where="brightness < 0.25", slug="dusk")
    gate.save_test(workspace, "v1", where="station = north", slug="north", signal="loss")
    calm = "station = north and brightness > 0.5"
    gate.save_test(workspace, "v1", where=calm, slug="unsure", signal="loss", margin=0)
    gate.save_test(workspace, "v1", where=calm, slug="gone", signal="loss")
    _edit(folder, "gone", loss_name="focal")
    shutil.rmtree(workspace.verdicts)
    gate.check(workspace, "v3")
    return folder


@pytest.fixture
def folder(four, tmp_path):
    copy = tmp_path / "project"
    shutil.copytree(four, copy)
    return copy


@pytest.fixture
def run(folder, installed):
    """Run pytest there; warnings are errors."""

    def pytest_run(*arguments, code):
        path = os.pathsep.join([str(installed), *sys.path])
        given = ["-p", "no:cacheprovider", "-W", "error", *arguments]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *given],
            cwd=folder, env=os.environ | {"PYTHONPATH": path, "CI": "true", "COLUMNS": "200"},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}{done.stderr}"
        assert "Traceback (most" not in done.stdout + done.stderr
        assert "INTERNALERROR" not in done.stdout + done.stderr
        return done

    return pytest_run


def _edit(folder, slug, **changes):
    path = folder / "aggressors-workspace" / "tests" / f"{slug}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _counts(done):
    """Counts of the last line, such as {"failed": "1"}."""
    last = done.stdout.splitlines()[-1].strip("= ").split(" in ")[0]
    return {word.rstrip("s"): int(n) for n, word in (part.split(" ") for part in last.split(", "))}


# --- What the items come to ---


def test_each_saved_test_is_an_item_beside_those_of_ones_own(folder, run):
    (folder / "test_own.py").write_text(OWN)
    done = run("--aggressors-run", "latest", "-rA", code=1)
    assert _counts(done) == {"failed": 1, "passed": 2, "skipped": 2}
    assert "aggressors: run v3 (v3-0000), 4 saved tests" in done.stdout
    assert "collected 5 items" in done.stdout
    (failed,) = (line for line in done.stdout.splitlines() if line.startswith("FAILED"))
    assert failed.startswith("FAILED aggressors::dusk - Failed: Mean error")
    assert "worse by" in failed
    assert "baseline v2" in failed
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert any("unsure.json" in line and "on either side of the margin" in line for line in skipped)
    assert any("gone.json" in line and "'focal'" in line for line in skipped)
    assert "a tenth of the mean" in done.stdout.split("PASSES")[1]  # of north, with -rA


def test_strict_fails_what_is_unsure_and_errs_on_what_cannot_be_evaluated(run):
    done = run("--aggressors-run", "v2", "--aggressors-strict", "-q", code=1)
    assert _counts(done) == {"failed": 2, "passed": 1, "error": 1}
    assert "ERROR aggressors::gone" in done.stdout


def test_an_unreadable_test_is_an_error_and_the_others_are_judged(folder, run):
    _edit(folder, "unsure", margin=-1)
    done = run("--aggressors-run", "v3", "-q", code=1)
    assert _counts(done) == {"failed": 1, "passed": 1, "skipped": 1, "error": 1}
    assert "unsure.json: 'margin' must be at least 0" in done.stdout


def test_they_are_chosen_as_other_tests_are(folder, run):
    (folder / "test_own.py").write_text(OWN)
    assert _counts(run("--aggressors-run", "v3", "-k", "north", code=0)) == {
        "passed": 1, "deselected": 4
    }  # fmt: skip
    assert _counts(run("--aggressors-run", "v3", "-m", "not aggressors", code=0))["passed"] == 1
    done = run("--aggressors-run", "v3", "-m", "aggressors", "--collect-only", "-q", code=0)
    slugs = ("dusk", "gone", "north", "unsure")
    assert done.stdout.splitlines()[:4] == [f"aggressors::{slug}" for slug in slugs]


def test_workers_of_xdist_share_one_check(folder, run):
    done = run("-n", "2", "--aggressors-run", "v3", code=1)
    assert _counts(done) == {"failed": 1, "passed": 1, "skipped": 2}
    assert "worse by" in done.stdout


def test_another_workspace_and_baseline_may_be_named(folder, run):
    (folder / "aggressors-workspace").rename(folder / "quality")
    given = ("--aggressors-workspace", "quality", "--aggressors-run", "v3", "-k", "dusk", "-rA")
    assert "under 'v2'" in run(*given, code=1).stdout
    assert "under 'v1'" in run(*given, "--aggressors-baseline", "v1", code=0).stdout


def test_pytest_without_its_own_skipping_skips_all_the_same(run):
    done = run("--aggressors-run", "v3", "-p", "no:skipping", code=1)
    assert _counts(done) == {"failed": 1, "passed": 1, "skipped": 2}


@pytest.mark.parametrize("strict", [False, True])
def test_without_a_saved_test_it_does_as_check_does(folder, run, strict):
    shutil.rmtree(folder / "aggressors-workspace" / "tests")
    more = ("--strict",) if strict else ()
    checked = call("check", *more, at=folder / "aggressors-workspace")
    assert checked.exit_code == strict
    given = ("--aggressors-strict",) if strict else ()
    done = run("--aggressors-run", "latest", "-rA", *given, code=int(strict))
    assert "There is no saved test to check" in done.stdout


def test_verdicts_that_cannot_be_kept_are_an_error(folder, run):
    shutil.rmtree(folder / "aggressors-workspace" / "verdicts")
    (folder / "aggressors-workspace" / "verdicts").write_text("in the way")
    done = run("--aggressors-run", "v1", "-k", "verdicts or dusk", code=1)
    assert _counts(done) == {"passed": 1, "error": 1, "deselected": 3}
    assert "Cannot write" in done.stdout


@pytest.mark.parametrize("name", ["v1", "v2", "v3"])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("broken", [False, True])
def test_it_fails_exactly_where_check_does(folder, name, strict, broken):
    """From the same check, without starting pytest each time."""
    place = folder / "aggressors-workspace"
    if broken:
        (place / "tests" / "north.json").write_text("{")
    result = gate.check(Workspace.open(place), name, strict=strict)
    outcomes = list(pytest_plugin._outcomes(result, place, strict=strict))
    exits = call("check", name, *(["--strict"] if strict else []), at=place).exit_code
    assert any(one.word in ("failed", "error") for one in outcomes) == (exits != 0)


def test_it_writes_the_junit_that_check_writes(folder, run, tmp_path):
    """But for what is missing, which is an error that does not block there, and skipped here."""
    place = folder / "aggressors-workspace"
    (place / "tests" / "broken.json").write_text("{")
    call("check", "v3", "--junit", tmp_path / "check.xml", at=place)
    run("--aggressors-run", "v3", "--junitxml", str(tmp_path / "pytest.xml"), code=1)
    ours, theirs = (_cases(tmp_path / f"{name}.xml") for name in ("check", "pytest"))
    assert theirs == ours | {("aggressors", "gone"): "skipped"}
    assert set(ours.values()) == {"failure", "skipped", "error", ""}
    for case in ElementTree.parse(tmp_path / "pytest.xml").iter("testcase"):
        if case.get("name") == "dusk":
            assert "worse by" in case.find("failure").text


def _cases(path):
    kinds = ("failure", "error", "skipped")
    return {
        (case.get("classname"), case.get("name")): "".join(
            kind for kind in kinds if case.find(kind) is not None
        )
        for case in ElementTree.parse(path).iter("testcase")
    }


def test_every_verdict_has_its_outcome():
    found = {
        (word, strict): pytest_plugin._word(
            Verdict("x", "open", word, 1, None, None, None, None, None, ""), strict=strict
        )
        for word in ("pass", "fail", "inconclusive", "missing")
        for strict in (False, True)
    }
    assert found == {
        ("pass", False): "passed", ("pass", True): "passed",
        ("fail", False): "failed", ("fail", True): "failed",
        ("inconclusive", False): "skipped", ("inconclusive", True): "failed",
        ("missing", False): "skipped", ("missing", True): "error",
    }  # fmt: skip


# --- Wrong use, and no use ---


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--aggressors-run", "v9"), "ERROR: No run 'v9' in aggressors-workspace"),
        (
            ("--aggressors-run", "v3", "--aggressors-workspace", "no"),
            "ERROR: There is no workspace",
        ),
        (("--aggressors-run", "v3", "--aggressors-baseline", "v3"), "is the run itself"),
        (("--aggressors-strict",), "--aggressors-strict does nothing without --aggressors-run"),
        (("--aggressors-workspace", "x"), "--aggressors-workspace does nothing without"),
        (("-p", "no:aggressors", "--aggressors-run", "v3"), "unrecognized arguments"),
    ],
)
def test_wrong_use_is_one_sentence(run, given, says):
    done = run(*given, code=4)
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 5


def test_without_the_option_nothing_changes(folder, run):
    (folder / "test_own.py").write_text(
        "import sys\n\ndef test_of_ones_own():\n"
        "    loaded = [name for name in sys.modules if name.startswith('aggressors.')]\n"
        "    assert loaded == ['aggressors.pytest_plugin']\n"
        "    assert not {'numpy', 'pyarrow', 'duckdb'} & set(sys.modules)\n"
    )
    done = run("-rA", code=0)
    assert _counts(done) == {"passed": 1}
    assert "aggressors" not in done.stdout.replace("aggressors-workspace", "")
    assert "--aggressors-run=RUN" in run("--help", code=0).stdout
    assert "aggressors" not in run("--markers", code=0).stdout


def test_pytest_is_needed_by_nothing_but_the_plugin(project):
    needed = [*project["dependencies"], *project["optional-dependencies"]["torch"]]
    assert not [one for one in needed if one.startswith("pytest")]
    assert project["entry-points"]["pytest11"] == {"aggressors": pytest_plugin.__name__}
    assert import_module(pytest_plugin.__name__) is pytest_plugin
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        if path.name != "pytest_plugin.py":
            text = path.read_text(encoding="utf-8")
            assert "import pytest" not in text, path
            assert "pytest_plugin" not in text, path
