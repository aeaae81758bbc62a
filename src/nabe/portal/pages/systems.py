"""Silos: whose they are, what they hold, and whether they answer."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import NabeError, SourceRefused, SourceUnavailable, TimedOut, Unknown
from nabe.model.dataset import Access
from nabe.model.query import Query, Scan
from nabe.portal.rendering import render
from nabe.portal.summary import summaries
from nabe.web.asker import asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread


async def page(request: Request) -> Response:
    """GET /systems"""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    found = {item.dataset.id: item for item in summaries(hub, asker, hub.find(asker.actor, asker.use_case))}
    systems = sorted(hub.systems(asker.actor), key=lambda item: item.title.in_(asker.lang).casefold())
    return render(
        request,
        asker,
        "systems.html",
        systems=[(system, [found[id] for id in system.datasets if id in found]) for system in systems],
        organisations=hub.organisations(),
    )


async def state(request: Request) -> Response:
    """GET /systems/{id}/state: ask it for one row that the asker may read."""
    return await in_thread(_state, request)


def _state(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    system = next((item for item in hub.systems(asker.actor) if item.id == request.path_params["id"]), None)
    if system is None:
        raise Unknown("There is no system with this name that you may know of.")
    readable = [
        item.dataset
        for item in hub.find(asker.actor, asker.use_case, ids=system.datasets)
        if item.decision.permit and item.dataset.access is Access.OPEN
    ]
    state = "unknown"
    if readable:
        try:
            question = Query.of(Scan(readable[0].id, limit=1))
            hub.read(asker.actor, asker.use_case, question, interface="portal").table()
            state = "up"
        except (SourceUnavailable, TimedOut):
            state = "down"
        except SourceRefused:
            state = "refused"
        except NabeError:
            state = "unknown"
    template = "parts/state.html" if request.headers.get("hx-request") == "true" else "state.html"
    return render(request, asker, template, system=system, state=state)
