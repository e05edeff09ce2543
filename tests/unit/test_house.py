"""The house stands as docs/decisions/0006 says: light imports, the right wheel, true commands."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "torchvision", "sklearn", "umap", "pytorch_grad_cam", "scipy.stats"}


def fresh_python(code: str, *, without: tuple[str, ...] = ()) -> dict[str, object]:
    """Run code in a new interpreter in which some packages cannot be imported; its last line."""
    block = "".join(f"import sys; sys.modules[{name!r}] = None\n" for name in without)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", block + code],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


REPORT = """
import json, sys, time
print(json.dumps({"modules": sorted(sys.modules), "seconds": time.process_time()}))
"""


def test_importing_the_package_is_cheap_and_loads_nothing_heavy():
    bare = fresh_python(REPORT)
    loaded = min(
        (fresh_python("import aggressors\n" + REPORT) for _ in range(3)),
        key=lambda report: report["seconds"],
    )
    assert HEAVY.isdisjoint(loaded["modules"])
    assert "streamlit" not in loaded["modules"]
    # The budget is in processor seconds, so that a busy machine does not fail it.
    assert loaded["seconds"] - bare["seconds"] <= 0.5


def test_the_dashboard_loads_nothing_heavy_and_works_without_torch():
    code = """
import aggressors_app, importlib, pkgutil
for module in pkgutil.walk_packages(aggressors_app.__path__, "aggressors_app."):
    if "app_pages" not in module.name and not module.name.endswith(("asgi", "streamlit_app")):
        importlib.import_module(module.name)
"""
    loaded = fresh_python(code + REPORT, without=("torch", "torchvision", "pytorch_grad_cam"))
    present = {name for name in loaded["modules"] if name in HEAVY - {"torch", "torchvision"}}
    assert not present - {"pytorch_grad_cam"}


def test_the_command_line_answers_without_torch():
    code = """
import sys
sys.argv = ["aggressors", "--help"]
from aggressors.cli import main
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
"""
    loaded = fresh_python(code + REPORT, without=("torch", "torchvision", "pytorch_grad_cam"))
    assert {"sklearn", "umap", "streamlit"}.isdisjoint(loaded["modules"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_carries_both_packages_the_config_and_the_demo(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in (
        "aggressors/__init__.py",
        "aggressors/py.typed",
        "aggressors_app/streamlit_app.py",
        "aggressors_app/py.typed",
        "aggressors_app/.streamlit/config.toml",
        "aggressors/_demo/clothes/integration.py",
        "aggressors/_demo/clothes/validation.parquet",
        "aggressors/_demo/clothes/models/v1.safetensors",
    ):
        assert wanted in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "aggressors",
        "aggressors_app",
    }


def test_the_unpacked_wheel_runs_its_command(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = f"""
import sys, json
sys.path.insert(0, {str(tmp_path)!r})
import aggressors
from aggressors.demo import demo_folder
print(json.dumps({{"package": aggressors.__file__, "demo": str(demo_folder())}}))
"""
    found = fresh_python(code)
    assert str(found["package"]).startswith(str(tmp_path))
    assert str(found["demo"]).startswith(str(tmp_path))


def test_the_two_commands_of_the_readme_are_those_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first_screen = readme[: readme.index("\n## ", readme.index("make demo"))]
    commands = re.findall(r"^(make [a-z]+)", first_screen, flags=re.MULTILINE)
    assert commands[:2] == ["make demo", "make test"]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make .*$", ci, flags=re.MULTILINE) == ["make test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "-m aggressors demo $(ARGS)" in makefile


def test_sql_stands_in_queries_and_store_only():
    sql = re.compile(r"\b(SELECT\b.+\bFROM|INSERT INTO|CREATE TABLE|DELETE FROM|COPY)\b", re.DOTALL)
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("engine", "app")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.parent.name not in ("queries", "store")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if sql.search(node.value)
    ]
    assert found == []


def test_no_file_is_larger_than_the_demo_allows():
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    large = {
        name: (ROOT / name).stat().st_size
        for name in tracked
        if name and (ROOT / name).exists() and (ROOT / name).stat().st_size > 800_000
    }
    assert all(name.startswith(("data/", "docs/pictures/")) for name in large), large
