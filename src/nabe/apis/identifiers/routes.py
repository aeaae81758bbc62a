"""Routes of persistent URIs."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from nabe.apis.identifiers.render import json_ld
from nabe.errors import Unknown
from nabe.hub import Hub
from nabe.web.asker import Asker, asker_of
from nabe.web.services import Services, services_of
from nabe.web.stream import accepted, in_thread

#: Which kinds have a page of their own in the portal.
_PAGES = {"dataset": "/datasets/", "usecase": "/usecases/"}


async def thing(request: Request) -> Response:
    """303 to the page for people, else JSON-LD."""
    asker = await in_thread(asker_of, request)
    hub = services_of(request).hub
    kind, id = request.path_params["kind"], request.path_params["id"]
    found = await in_thread(_find, hub, asker, kind, id, request.path_params.get("code", ""))
    if kind in _PAGES and _for_people(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{_PAGES[kind]}{id}{query}", 303)
    base = hub.city().base_uri.rstrip("/")
    body = msgspec.json.encode(json_ld(found, base + request.url.path, base))
    return Response(body, media_type="application/ld+json")


def _for_people(request: Request) -> bool:
    """Is a page wanted more than data (RFC 9110, 12.5.1)?"""
    kinds = [kind for kind in accepted(request) if kind in ("text/html", "application/ld+json", "application/json")]
    return kinds[:1] == ["text/html"]


def _find(hub: Hub, asker: Asker, kind: str, id: str, code: str) -> Any:
    found: Any = None
    if code and kind != "vocabulary":
        kind = ""  # only code lists have something below them
    match kind:
        case "dataset":
            return hub.dataset(asker.actor, asker.use_case, id).dataset
        case "usecase":
            return hub.usecase(asker.actor, id)
        case "system":
            found = next((item for item in hub.systems(asker.actor) if item.id == id), None)
        case "organisation":
            found = hub.organisations().get(id)
        case "goal":
            found = hub.goals().get(id)
        case "vocabulary":
            found = hub.vocabularies().get(id)
            if found is not None and code:
                found = next((item for item in found.codes if item.value == code), None)
    if found is None:
        raise Unknown("There is nothing with this identifier.")
    return found


def routes(_: Services) -> list[BaseRoute]:
    """/id/{kind}/{id} and the codes of a vocabulary."""
    return [Route("/id/{kind}/{id}", thing), Route("/id/{kind}/{id}/{code:path}", thing)]
