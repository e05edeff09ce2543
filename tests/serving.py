"""A dashboard as a user starts it, and its pages through the websocket, without a browser."""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
ANSWER_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A server that answers: its address, and the id of its process."""

    address: str
    pid: int


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def dashboard_command(workspace: Path, port: int) -> list[str]:
    """Write the command that serves a workspace."""
    command = [sys.executable, "-m", "aggressors", "app", "--port", str(port)]
    return [*command, "--workspace", str(workspace)]


@contextmanager
def dashboard(workspace: Path, log: int | IO[Any] = subprocess.DEVNULL) -> Iterator[Server]:
    """Serve a workspace on a free port."""
    port = free_port()
    with started(dashboard_command(workspace, port), port, log=log) as server:
        yield server


@contextmanager
def started(
    command: list[str], port: int, *, folder: Path = ROOT, log: int | IO[Any] = subprocess.DEVNULL
) -> Iterator[Server]:
    """Run a command that serves a port, wait until it answers, and stop it at the end.

    Parameters
    ----------
    folder : in which it runs.
    log : where what it prints goes.
    """
    # Python keeps what it compiled, as for whoever starts the dashboard a second time.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log) as process:
        try:
            address = f"http://localhost:{port}"
            _wait(address, process)
            yield Server(address, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended before it answered"
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"no answer from {address} within {START_SECONDS} s")


# --- Through the websocket ---


@dataclass
class Answer:
    """One run of a page: seconds from request to end of script, and what was sent."""

    seconds: float
    kilobytes: float
    errors: list[str] = field(default_factory=list)


def session(address: str) -> Any:
    """Open a session as a browser does; for `async with`."""
    import websockets

    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    return websockets.connect(
        stream, subprotocols=["streamlit"], origin=address, max_size=None, ping_interval=None
    )


async def ask(opened: Any, page: str, **params: str) -> Answer:
    """Ask a session for a page, and read all of it.

    Parameters
    ----------
    page : the stem of its file; '' for the first.
    params : what follows the question mark of its address.
    """
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    request = BackMsg()
    request.rerun_script.page_name = page
    request.rerun_script.query_string = urlencode(params)
    began, size, errors = time.perf_counter(), 0, []
    await opened.send(request.SerializeToString())
    while True:
        received = await asyncio.wait_for(opened.recv(), ANSWER_SECONDS)
        size += len(received)
        message = ForwardMsg()
        message.ParseFromString(received)
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
            errors.append(message.delta.new_element.exception.message)
        if kind == "script_finished":
            return Answer(time.perf_counter() - began, size / 1024, errors)


def machine(load_before: float) -> dict[str, Any]:
    """Say where a measurement was taken, for its result.

    Parameters
    ----------
    load_before : mean number of busy processes in the minute before.
    """
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": round(load_before, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }
