"""How the demo is found, and how the dashboard is started."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggressors import demo, gate, launch
from aggressors.cli import cli
from aggressors.errors import RunCorrupt, RunNotFound, StoreError
from aggressors.launch import Page
from planted import tiny_run


def call(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def workspace(tmp_path):
    tiny_run(tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.fixture
def started(monkeypatch):
    """Commands and environments of servers that were to start; none does."""
    seen = []

    class Ended:
        returncode = 0

        def __init__(self, command, env, **_):
            seen.append((command, env))

        def poll(self):
            return 0

        def wait(self, timeout=None):
            return 0

    monkeypatch.setattr(launch.subprocess, "Popen", Ended)
    return seen


def option(command, name):
    return command[command.index(name) + 1]


def test_the_dashboard_listens_on_this_machine_and_knows_what_to_show(started, workspace):
    done = call("app", "--workspace", workspace, "--media-root", workspace, "--media-root", "/")
    assert done.exit_code == 0, done.stderr
    ((command, env),) = started
    assert command[:2] == [sys.executable, "-c"]
    assert command[3] == "run"
    assert command[4].endswith("asgi.py")
    assert option(command, "--server.address") == "localhost"
    assert option(command, "--browser.gatherUsageStats") == "false"
    assert env["AGGRESSORS_WORKSPACE"] == str(workspace)
    assert env["AGGRESSORS_MEDIA_ROOTS"] == os.pathsep.join([str(workspace), "/"])
    assert "AGGRESSORS_RUN" not in env


def test_a_run_is_shown_first(started, workspace, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_RUN", "a left-over")
    assert call("app", "tiny", "--workspace", workspace).exit_code == 0
    assert started[-1][1]["AGGRESSORS_RUN"] == "tiny0000"


def test_a_run_file_that_somebody_sent_needs_no_workspace(started, workspace):
    sent = workspace / "runs" / "tiny0000.duckdb"
    assert call("app", sent).exit_code == 0
    _, env = started[-1]
    assert env["AGGRESSORS_RUN"] == str(sent)
    assert "AGGRESSORS_WORKSPACE" not in env


def test_what_cannot_be_opened_starts_no_server(started, tmp_path):
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"nonsense")
    assert call("app", broken).exit_code == 4
    assert call("app", tmp_path / "nothing.duckdb").exit_code == 4
    assert call("app", "--workspace", tmp_path / "nothing").exit_code == 4
    assert call("app", "--workspace", tmp_path, "--media-root", broken).exit_code == 2
    assert started == []
    with pytest.raises(RunCorrupt):
        launch.with_run(Page(), str(broken))
    with pytest.raises(RunNotFound):
        launch.with_run(Page(workspace=tmp_path), "v9")


def test_a_taken_port_is_refused_if_asked_for_and_else_passed_over(
    started, workspace, taken, monkeypatch
):
    done = call("app", "--workspace", workspace, "--port", taken)
    assert done.exit_code == 2
    assert str(taken) in done.stderr
    assert started == []
    monkeypatch.setattr(launch, "FIRST_PORT", taken)
    done = call("app", "--workspace", workspace)
    assert done.exit_code == 0
    port = int(option(started[-1][0], "--server.port"))
    assert taken < port < taken + launch.TRIED_PORTS
    assert f"Port {taken} is taken; using {port}." in done.stdout


def test_another_address_needs_a_login(started, workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "_config_folder", lambda: tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    page = ("app", "--workspace", workspace, "--host", "0.0.0.0")
    done = call(*page)
    assert done.exit_code == 2
    for part in ("[auth]", "secrets.toml", "redirect_uri", "cookie_secret", "ssh -L"):
        assert part in done.stderr
    assert started == []
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text('[auth]\nredirect_uri = "https://lab.example/oauth2callback"\n')
    assert "cookie_secret is missing" in call(*page).stderr
    secrets.write_text(secrets.read_text() + 'cookie_secret = "x"\n')
    monkeypatch.setattr(launch.importlib.util, "find_spec", _with_authlib(False))
    assert "pip install Authlib" in call(*page).stderr
    monkeypatch.setattr(launch.importlib.util, "find_spec", _with_authlib(True))
    done = call(*page)
    assert done.exit_code == 0, done.stderr
    command, env = started[-1]
    assert option(command, "--server.address") == "0.0.0.0"
    assert env["AGGRESSORS_REQUIRE_LOGIN"] == "1"
    assert env["AGGRESSORS_ALLOWED_HOSTS"] == "lab.example"


def _with_authlib(there):
    import importlib.util

    real = importlib.util.find_spec
    return lambda name: (object() if there else None) if name == "authlib" else real(name)


@pytest.mark.parametrize("host", launch.LOCAL)
def test_names_of_this_machine_need_none(started, workspace, host):
    assert call("app", "--workspace", workspace, "--host", host).exit_code == 0
    assert "AGGRESSORS_REQUIRE_LOGIN" not in started[-1][1]


def test_a_server_that_ends_by_itself_is_an_error(workspace, monkeypatch):
    monkeypatch.setattr(launch, "command", lambda *_: [sys.executable, "-c", "exit(3)"])
    done = call("app", "--workspace", workspace)
    assert done.exit_code == 5
    assert "code 3" in done.stderr


def test_the_server_answers_and_stops_with_its_parent(workspace, tmp_path):
    """The real thing, from another folder, without torch in reach."""
    command = [sys.executable, "-m", "aggressors", "app", "--workspace", str(workspace)]
    behind = os.environ | {"http_proxy": "http://127.0.0.1:9"}  # where nobody answers
    process = subprocess.Popen(
        command, cwd=tmp_path, env=behind, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = next(line for line in process.stdout if line.startswith("Dashboard"))
        address = line.split()[1]
        assert address.startswith("http://localhost:")
        with urllib.request.urlopen(f"{address}/", timeout=20) as answer:
            assert answer.status == 200
            assert "default-src 'self'" in answer.headers["content-security-policy"]
        request = urllib.request.Request(f"{address}/", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(request, timeout=20)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        process.stderr.close()
    assert process.returncode == 0
    port = int(address.rsplit(":", 1)[1])
    deadline = time.monotonic() + 10
    while not launch._is_free(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)


# --- The demo ---


def test_the_demo_is_found_in_a_checkout_and_beside_the_package(monkeypatch, tmp_path):
    package = tmp_path / "site-packages" / "aggressors"
    monkeypatch.setattr(demo, "__file__", str(package / "demo.py"))
    with pytest.raises(StoreError, match="lacks the demo"):
        demo.demo_folder()
    with pytest.raises(StoreError, match=r"aggressors\[torch\]"):
        demo.small_run()
    checkout = tmp_path / "data" / "clothes"
    checkout.mkdir(parents=True)
    (checkout / "integration.py").touch()
    assert demo.demo_folder() == checkout
    wheel = package / "_demo" / "clothes"
    wheel.mkdir(parents=True)
    (wheel / "integration.py").touch()
    (package / "_demo" / "demo.duckdb").touch()
    assert demo.demo_folder() == wheel
    assert demo.small_run() == package / "_demo" / "demo.duckdb"


def test_without_torch_the_demo_says_what_to_install_and_shows_a_small_run(
    started, workspace, monkeypatch
):
    small = workspace / "runs" / "tiny0000.duckdb"
    monkeypatch.setattr(demo, "has_torch", lambda: False)
    monkeypatch.setattr(demo, "small_run", lambda: small)
    done = call("demo")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[0] == demo.WITHOUT_TORCH
    assert started[-1][1]["AGGRESSORS_RUN"] == str(small)
    done = call("demo", "--no-app")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [str(small), f"Next: aggressors app {small}"]
    assert len(started) == 1


def test_a_taken_port_is_noticed_before_the_engine_works(taken, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "run_versions", lambda *_: pytest.fail("worked first"))
    done = call("demo", "--port", taken, "--workspace", tmp_path / "w")
    assert done.exit_code == 2
    assert not (tmp_path / "w").exists()


def test_the_story_is_told_with_the_next_commands(tmp_path, monkeypatch):
    from aggressors.store.read import open_run
    from aggressors.store.workspace import Workspace
    from aggressors.summary import summarize
    from versions import publish_version

    place = Workspace.open(tmp_path / "w", create=True)
    path = publish_version(place, "v1", day=1)
    gate.save_test(place, path, aggressor=1, slug=demo.SAVED)
    (own,) = gate.check(place, path).verdicts
    with open_run(path) as run:
        first = demo.Chapter(summarize(run), 12.0, own)
    failed = replace(own, verdict="fail", baseline="another")
    told = [first, replace(first, seconds=3.0, verdict=failed), replace(first, verdict=None)]
    monkeypatch.setattr(demo, "has_torch", lambda: True)
    monkeypatch.setattr(demo, "run_versions", lambda *_: told)
    done = call("demo", "--no-app", "--workspace", tmp_path / "w")
    assert done.exit_code == 0, done.stderr
    for part in (
        "Accuracy", "Mean loss", "v1", "brightness < 0.25", "Test dusk", "◆ baseline", "✘ fail",
        "check v2", "check v3", f"--workspace {tmp_path / 'w'}", "v1 is the best on average",
    ):  # fmt: skip
        assert part in done.stdout
    surer = replace(first.summary.analysed, mean_loss=9.0, error_rate=0.0)
    info = replace(first.summary.info, name="v2")
    told[1] = replace(first, summary=replace(first.summary, info=info, analysed=surer))
    done = call("demo", "--no-app", "--workspace", tmp_path / "w")
    assert "Which is the best on average" in done.stdout  # errors and loss disagree


def test_an_interrupted_server_says_nothing(monkeypatch, capsys):
    import click
    import streamlit.web.cli

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["-c"])
    monkeypatch.setattr(streamlit.web.cli, "main", click.Command("run", callback=interrupted))
    exec(launch.command(None, 8501)[2], {})
    assert capsys.readouterr().err.strip() == ""
