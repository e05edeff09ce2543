"""Start the dashboard as a process of its own, on this machine only unless told otherwise."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from aggressors.errors import AggressorsError, UsageError
from aggressors.store.workspace import Workspace

FIRST_PORT = 8501
TRIED_PORTS = 100
STDERR = 2  # where the server writes; standard output is ours
LOCAL = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Page:
    """What the dashboard shows, and where.

    Parameters
    ----------
    workspace : folder of the workspace; None to show one run file.
    run : run id in the workspace, or path of a run file; '' for the newest.
    port : None takes 8501, or the next that is free.
    host : address to listen on; None for this machine only.
    media_roots : folders below which full-size media may be read.
    """

    workspace: Path | None = None
    run: str | Path = ""
    port: int | None = None
    host: str | None = None
    media_roots: tuple[Path, ...] = ()


def with_run(page: Page, run: str | None) -> Page:
    """Show a run first: latest, an id, a name or the path of a run file.

    Raises
    ------
    StoreError : nothing answers to it, or the file cannot be read.
    """
    if run is None:
        return page
    from aggressors.store.read import read_summary

    path = Workspace(page.workspace).resolve(run) if page.workspace else Path(run)
    read_summary(path)  # a broken file is refused here, not on a page
    inside = page.workspace is not None and path.parent == page.workspace / "runs"
    return replace(page, run=path.stem if inside else path.resolve())


def serve(page: Page, say: Callable[[str], None]) -> None:
    """Start the dashboard, say where it is once it answers, and wait until it is stopped.

    Raises
    ------
    UsageError : the port is taken, or the address needs authentication, or a media root is missing.
    AggressorsError : the dashboard ended by itself.
    """
    _check_host(page.host)
    for root in page.media_roots:
        if not root.is_dir():
            raise UsageError(f"The media root {root} is no folder. Name one that exists.")
    port = free_port(page.port)
    if page.port is None and port != FIRST_PORT:
        say(f"Port {FIRST_PORT} is taken; using {port}.")
    process = subprocess.Popen(
        command(page.host, port), env=environment(page), cwd=_config_folder(), stdout=STDERR
    )
    previous = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        if _wait_until_ready(process, page.host, port):
            where = _in_address(page.host or "localhost")
            say(f"Dashboard: http://{where}:{port}  (Ctrl-C stops it)")
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        code = 0
    finally:
        signal.signal(signal.SIGTERM, previous)
    if code not in (0, -signal.SIGTERM, -signal.SIGINT):
        raise AggressorsError(f"The dashboard ended with code {code}; its output above says why.")


# As `-m streamlit` does, but Ctrl-C, which reaches the server too, is no reason to say "Aborted!".
_START = """
import click, streamlit.web.cli
try:
    streamlit.web.cli.main(standalone_mode=False)
except click.Abort:
    pass
"""


def command(host: str | None, port: int) -> list[str]:
    """Command that starts the server; these options win over any configuration file."""
    return [
        sys.executable, "-c", _START, "run", str(_server_file()),
        "--server.port", str(port),
        "--server.address", host or "localhost",
        "--server.headless", "true",
        "--server.fileWatcherType", "none",
        "--browser.gatherUsageStats", "false",
        "--logger.hideWelcomeMessage", "true",
    ]  # fmt: skip


def environment(page: Page) -> dict[str, str]:
    """Environment through which the dashboard learns what to show; all paths are absolute."""
    found = {name: value for name, value in os.environ.items() if name not in _OWN}
    # A thread answers each page; without it, glibc keeps what each has freed for its own next use.
    found.setdefault("MALLOC_ARENA_MAX", "2")
    if page.workspace is not None:
        found["AGGRESSORS_WORKSPACE"] = str(page.workspace.resolve())
    if page.run:
        found["AGGRESSORS_RUN"] = str(page.run)
    if page.media_roots:
        roots = (str(root.resolve()) for root in page.media_roots)
        found["AGGRESSORS_MEDIA_ROOTS"] = os.pathsep.join(roots)
    if page.host is not None and page.host not in LOCAL:
        found["AGGRESSORS_REQUIRE_LOGIN"] = "1"
        outside = urlsplit(str(_authentication().get("redirect_uri", ""))).hostname or page.host
        found["AGGRESSORS_ALLOWED_HOSTS"] = outside
    return found


_OWN = (
    "AGGRESSORS_WORKSPACE",
    "AGGRESSORS_RUN",
    "AGGRESSORS_MEDIA_ROOTS",
    "AGGRESSORS_REQUIRE_LOGIN",
    "AGGRESSORS_ALLOWED_HOSTS",
)


def free_port(wanted: int | None) -> int:
    """Return `wanted`, or the first free port from 8501 on; raises UsageError if there is none."""
    if wanted is not None:
        if not _is_free(wanted):
            raise UsageError(f"Port {wanted} is taken. Leave --port out to use the next free one.")
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + TRIED_PORTS):
        if _is_free(port):
            return port
    raise UsageError(f"Ports {FIRST_PORT} to {port} are all taken. Name a free one with --port.")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        if os.name != "nt":  # a port of a server that has just stopped counts as free
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _check_host(host: str | None) -> None:
    if host is None or host in LOCAL:
        return
    missing = [key for key in ("redirect_uri", "cookie_secret") if not _authentication().get(key)]
    if missing:
        raise UsageError(
            f"Listening on {host!r} lets others in, so it needs a login. Put [auth] with "
            "redirect_uri, cookie_secret and your provider's client_id, client_secret and "
            "server_metadata_url into .streamlit/secrets.toml (Streamlit's st.login); "
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. "
            "Or leave --host out, and forward the port with `ssh -L 8501:localhost:8501 HOST`."
        )
    if importlib.util.find_spec("authlib") is None:
        raise UsageError(
            f"Listening on {host!r} needs a login, and that needs Authlib. "
            "Install it with: pip install Authlib"
        )


def _authentication() -> Mapping[str, object]:
    """Section [auth] of Streamlit's secrets; the working directory's wins over the user's."""
    found: dict[str, object] = {}
    for folder in (Path.home(), _config_folder() or Path.cwd()):
        path = folder / ".streamlit" / "secrets.toml"
        try:
            section = tomllib.loads(path.read_text(encoding="utf-8")).get("auth", {})
        except (OSError, ValueError):
            continue
        if isinstance(section, dict):
            found.update(section)
    return found


def _server_file() -> Path:
    """File that starts the server; found without importing the dashboard."""
    spec = importlib.util.find_spec("aggressors_app")
    if spec is None or spec.origin is None:
        raise AggressorsError(
            "The dashboard is not installed beside the engine. Type: pip install aggressors"
        )
    return Path(spec.origin).with_name("asgi.py")


def _config_folder() -> Path | None:
    """Working directory in which Streamlit finds the configuration; None where it needs none.

    An installed dashboard has it beside its files; in a checkout it stands at the root.
    """
    package = _server_file().parent
    if (package / ".streamlit" / "config.toml").is_file():
        return None
    root = package.parents[1]
    return root if (root / ".streamlit" / "config.toml").is_file() else None


def _wait_until_ready(process: subprocess.Popen[bytes], host: str | None, port: int) -> bool:
    """Wait for the server's first answer; False when it ended instead."""
    reached = _REACHED.get(host or "localhost", host or "")
    # Any name of another host may be refused, and a proxy does not reach this machine.
    ask = Request(
        f"http://{_in_address(reached)}:{port}/_stcore/health", headers={"Host": "localhost"}
    )
    opener = build_opener(ProxyHandler({}))
    while process.poll() is None:
        try:
            with opener.open(ask, timeout=2):
                return True
        except OSError:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
    return False


# Where a server answers that listens on a name or on all addresses.
_REACHED = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def _in_address(host: str) -> str:
    """Write a host as addresses do: an IPv6 one in brackets."""
    return f"[{host}]" if ":" in host else host
