"""Web applications for tests: the canary city opened with its interfaces, and any application on a real port."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import uvicorn

from nabe.app import Nabe, asgi, open_workspace
from nabe.config import Settings
from nabe.model.catalogue import Change
from nabe.model.party import Actor, Role
from nabe.testing import canary_city as city
from nabe.web.protocol import JoinedHttp

OPERATOR = Actor("operator", "", "", frozenset({Role.IT}))


class OpenCity:
    """The canary city's workspace, opened, with an account and a token for every actor."""

    def __init__(self, root: Path, settings: Settings | None = None) -> None:
        city.write_silos(root)
        self.nabe: Nabe = open_workspace(root, settings)
        self.declare(*city.changes())
        self.tokens: dict[str, str] = {}
        for actor in city.ACTORS.values():
            self.nabe.identity.put_account(actor, city.PASSWORD)
            _, self.tokens[actor.id] = self.nabe.identity.create_token(actor.id, "test", at=city.NOW, expires=None)
        self.app = asgi(self.nabe)

    def declare(self, *changes: Change) -> None:
        """Declare more, as the operator."""
        hub = self.nabe.hub
        actor = OPERATOR if not hub.organisations() else city.ACTORS["it"]
        hub.declare(actor, changes, expect=hub.version(), approvals_from_files=True)

    def client(self, actor: str = "", use_case: str = "", app: Any = None) -> httpx.Client:
        """A client that asks as `actor` (empty: nobody) for `use_case`; errors come as responses."""
        headers = {"Authorization": f"Bearer {self.tokens[actor]}"} if actor else {}
        headers |= {"Nabe-Use-Case": use_case} if use_case else {}
        return httpx.Client(transport=InProcess(app or self.app), base_url="http://testserver", headers=headers)


class InProcess(httpx.BaseTransport):
    """Requests to an ASGI application of this process."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, in an event loop of its own."""
        body = request.read()

        async def go() -> httpx.Response:
            copy = httpx.Request(request.method, request.url, headers=request.headers, content=body)
            answer = await self._transport.handle_async_request(copy)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return anyio.run(go)


@contextlib.contextmanager
def on_a_port(app: Any) -> Iterator[int]:
    """Serve an application on a free port of the loopback address."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, http=JoinedHttp, log_level="warning", access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(10)
