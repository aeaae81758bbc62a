"""Silos: whose they are, what they hold, and whether they answer."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import NabeError, SourceRefused, SourceUnavailable, TimedOut, Unknown
from nabe.hub import SystemView
from nabe.model.dataset import Access, Mode
from nabe.model.query import Query, Scan
from nabe.portal.rendering import render
from nabe.portal.summary import summaries
from nabe.web.asker import asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread

#: Runs that a page shows.
_RUNS = 50


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


async def one(request: Request) -> Response:
    """GET /systems/{id}"""
    return await in_thread(_one, request)


def _one(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    system = _known(request)
    found = summaries(hub, asker, hub.find(asker.actor, asker.use_case, ids=system.datasets))
    held = [(item, hub.kept(asker.actor, item.dataset.id)) for item in found]
    times = [kept.next for item, kept in held if item.dataset.snapshots is not None and kept.next is not None]
    return render(
        request,
        asker,
        "system.html",
        system=system,
        datasets=held,
        next=min(times, default=None),
        runs=hub.runs(asker.actor, system.id, _RUNS),
        titles={item.dataset.id: item.dataset.title.in_(asker.lang) for item in found},
        organisations=hub.organisations(),
    )


def _known(request: Request) -> SystemView:
    asker, hub = asker_of(request), services_of(request).hub
    system = next((item for item in hub.systems(asker.actor) if item.id == request.path_params["id"]), None)
    if system is None:
        raise Unknown("There is no system with this name that you may know of.")
    return system


async def state(request: Request) -> Response:
    """GET /systems/{id}/state: ask it for one row that the asker may read."""
    return await in_thread(_state, request)


def _state(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    system = _known(request)
    readable = [
        item.dataset
        for item in hub.find(asker.actor, asker.use_case, ids=system.datasets)
        if item.decision.permit and item.dataset.access is Access.OPEN
    ]
    state = "unknown"
    if readable:
        try:
            # A live one is asked, for a copy says nothing of its silo; one with copies tells more: whether they stand in.
            asked = min(readable, key=lambda item: (item.mode is Mode.SNAPSHOT, item.snapshots is None))
            question = Query.of(Scan(asked.id, limit=1))
            result = hub.read(asker.actor, asker.use_case, question, interface="portal")
            result.table()
            state = "copy" if any(item.stale_since or item.as_of for item in result.sources) else "up"
        except (SourceUnavailable, TimedOut):
            state = "down"
        except SourceRefused:
            state = "refused"
        except NabeError:
            state = "unknown"
    template = "parts/state.html" if request.headers.get("hx-request") == "true" else "state.html"
    return render(request, asker, template, system=system, state=state)
