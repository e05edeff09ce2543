"""A real Label Studio on this machine, driven through its own API; standard library only."""

from __future__ import annotations

import http.cookiejar
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

COMMAND = Path(
    os.environ.get(
        "AGGRESSORS_LABEL_STUDIO",
        Path(__file__).parents[2] / "build" / "label-studio-venv" / "bin" / "label-studio",
    )
)
PORT = int(os.environ.get("AGGRESSORS_LABEL_STUDIO_PORT", "8682"))
EMAIL, PASSWORD = "first@localhost.test", "only-for-this-test-1"
_TOKEN = uuid.uuid4().hex + "00000000"  # 40 characters, as the server wants it
_STARTING_SECONDS = 240  # a first start makes its database
_QUIET = {
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # off by default since 1.20; headless needs it
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
    # Predictions are checked against the interface, as its hosted edition does.
    "fflag_feat_utc_210_prediction_validation_15082025": "true",
}


class Refused(Exception):
    """The server answered with an error."""


class Client:
    """One person at the server."""

    def __init__(self, token: str) -> None:
        self._token = token

    def call(
        self, method: str, path: str, body: Any = None, *, type: str = "application/json"
    ) -> Any:
        """Call the API; JSON comes back parsed, anything else as bytes."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self._token}", "Content-Type": type}
        request = urllib.request.Request(_at(path), data=sent, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                content, kind = answer.read(), answer.headers.get_content_type()
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read().decode()[:2000]}") from None
        return json.loads(content) if kind == "application/json" and content else content

    def upload(self, path: str, file: Path) -> Any:
        """Send a file as the page Import does."""
        limit = uuid.uuid4().hex
        head = (
            f'--{limit}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
            "Content-Type: application/json\r\n\r\n"
        )
        body = head.encode() + file.read_bytes() + f"\r\n--{limit}--\r\n".encode()
        return self.call("POST", path, body, type=f"multipart/form-data; boundary={limit}")

    def export(self, project: int, kind: str, *, everything: bool = False) -> bytes:
        """Download the answers of a project as the page Export does."""
        asked = f"exportType={kind}" + ("&download_all_tasks=true" if everything else "")
        answer = self.call("GET", f"/api/projects/{project}/export?{asked}")
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class Server:
    """A server with a database of its own."""

    def __init__(self, folder: Path, document_root: Path) -> None:
        self._log = (folder / "server.log").open("wb")
        self._folder = folder
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                raise RuntimeError(f"port {PORT} is taken; set AGGRESSORS_LABEL_STUDIO_PORT")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= _QUIET | {
            "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(document_root),
        }
        self._process = subprocess.Popen(
            [
                str(COMMAND), "start", "--no-browser", "--internal-host", "127.0.0.1",
                "--port", str(PORT), "--data-dir", str(folder),
                "--username", EMAIL, "--password", PASSWORD, "--user-token", _TOKEN,
            ],
            env=environment, cwd=folder, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.first = Client(_TOKEN)
        self.version = self._wait()

    def _wait(self) -> str:
        until = time.monotonic() + _STARTING_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                return str(self.first.call("GET", "/api/version")["release"])
            except (OSError, Refused):
                time.sleep(1)
        self.stop()
        raise RuntimeError((self._folder / "server.log").read_text(errors="replace")[-3000:])

    def invited(self, email: str) -> Client:
        """Sign up a second person by the link that an organization gives out."""
        link = self.first.call("GET", "/api/invite")["invite_url"]
        cookies = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
        browser.open(_at(link), timeout=60).read()
        (secret,) = [cookie.value for cookie in cookies if cookie.name == "csrftoken"]
        form = {"csrfmiddlewaretoken": secret, "email": email, "password": PASSWORD}
        request = urllib.request.Request(
            _at(link), urllib.parse.urlencode(form).encode(), {"Referer": _at(link)}
        )
        browser.open(request, timeout=60).read()
        with browser.open(_at("/api/current-user/token"), timeout=60) as answer:
            return Client(json.load(answer)["token"])

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()


def _at(path: str) -> str:
    return f"http://127.0.0.1:{PORT}{path}"


def is_installed() -> bool:
    """Whether there is a Label Studio to start."""
    return COMMAND.exists()
