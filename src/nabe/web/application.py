"""The web application: all interfaces over one hub, behind the guard."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from nabe.errors import NabeError
from nabe.web import health
from nabe.web.guard import Guard
from nabe.web.interface import Interface
from nabe.web.problem import handle
from nabe.web.services import Services

_THREADS = 64


def build(services: Services, interfaces: Sequence[Interface]) -> Starlette:
    """A Starlette application; longer prefixes come first so that the portal at / catches only what is left."""
    routes: list[BaseRoute] = health.routes()
    for interface in sorted(interfaces, key=lambda item: -len(item.prefix)):
        routes += interface.routes(services)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Guard, services=services, uploads=[path for item in interfaces for path in item.uploads])
        ],
        exception_handlers={NabeError: handle, HTTPException: handle, Exception: handle},
        lifespan=_lifespan,
    )
    app.state.services = services
    return app


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    # Silos may be slow; waiting for one must not keep others from their thread.
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    # What is loaded by now stays; walking it again and again while a page of features is made took three quarters of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    yield
