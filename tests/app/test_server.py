"""How the server answers: only to its own names, with a policy that keeps everything inside."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse

from aggressors_app import asgi


def ask(host: str) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to a request under a host name."""
    server = TrustedHostMiddleware(
        asgi.SecurityHeaders(PlainTextResponse("hello")), allowed_hosts=asgi.allowed_hosts()
    )
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": "/", "headers": [(b"host", host.encode())],
    }  # fmt: skip
    with ThreadPoolExecutor(1) as aside:  # a browser that tests drive has a loop in this thread
        aside.submit(asyncio.run, server(scope, receive, send)).result()
    start = sent[0]
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}


def test_every_answer_carries_the_policy():
    status, headers = ask("localhost:8501")
    policy = headers["content-security-policy"]
    assert status == 200
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "http:" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_a_foreign_host_name_is_refused():
    assert ask("evil.com")[0] == 400
    assert ask("127.0.0.1:8501")[0] == 200


def test_the_app_is_built_with_both():
    kinds = [one.cls for one in asgi.app._user_middleware]
    assert kinds == [TrustedHostMiddleware, asgi.SecurityHeaders]


def test_hosts_behind_a_login_are_added(monkeypatch):
    monkeypatch.setenv("AGGRESSORS_ALLOWED_HOSTS", "app.example.com")
    assert asgi.allowed_hosts() == ["localhost", "127.0.0.1", "app.example.com"]


def test_the_dashboard_asks_who_is_there_where_others_can_reach_it(
    opened, planted_versions, monkeypatch
):
    monkeypatch.setenv("AGGRESSORS_REQUIRE_LOGIN", "1")
    app = opened(planted_versions)
    assert [button.label for button in app.button] == ["Log in"]
