"""How the server starts: warm imports, host check, content security policy."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# With this policy the browser itself enforces that nothing leaves the machine.
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class SecurityHeaders:
    """Adds HEADERS to every HTTP response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, with the headers added to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def warm() -> None:
    """Import what every page needs, and open the first run, while the browser loads its scripts.

    The garbage collector then ignores all of it: Streamlit collects after each run of a script,
    and walking half a million module objects costs more than a page. Until then it rests, for
    importing makes nothing that it could collect.
    """
    gc.disable()
    try:
        from aggressors_app.prepare import prepare

        opening = threading.Thread(target=prepare, name="open", daemon=True)
        opening.start()  # mostly in DuckDB, so that Python is free to import meanwhile
        import pandas  # Streamlit asks of each component's data whether it is a frame of pandas
        import PIL.Image

        from aggressors_app import charts, components

        del pandas, PIL, charts, components
        opening.join()
    finally:
        gc.freeze()
        gc.enable()


def _watch() -> None:
    from streamlit import runtime

    from aggressors_app import leaving

    while not runtime.exists():  # it starts right after this
        time.sleep(leaving.LOOKED_AFTER_S)
    leaving.watch()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start warming beside the server, not before it."""
    threading.Thread(target=warm, name="warm", daemon=True).start()
    threading.Thread(target=_watch, name="left", daemon=True).start()
    yield {}


def allowed_hosts() -> list[str]:
    """Names under which the server answers; AGGRESSORS_ALLOWED_HOSTS adds to the local ones."""
    more = os.environ.get("AGGRESSORS_ALLOWED_HOSTS", "")
    return ["localhost", "127.0.0.1", *(name for name in more.split(",") if name)]


app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    lifespan=lifespan,
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts()),
        Middleware(SecurityHeaders),
    ],
)
