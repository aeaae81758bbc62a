"""The route of POST /sql."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nabe.apis.sql.parse import question
from nabe.web.asker import asker_of
from nabe.web.services import Services, services_of
from nabe.web.stream import as_of, format_of, in_thread, respond


async def ask(request: Request) -> Response:
    """Answer a SELECT in the format asked for."""
    body = question(request.headers.get("content-type", ""), await request.body())
    asker = await in_thread(asker_of, request)
    hub = services_of(request).hub
    use_case, then = body.use_case or asker.use_case, as_of(request)
    return await respond(
        lambda: hub.read(asker.actor, use_case, body.query, interface="sql", as_of=then), format_of(request, "json")
    )


def routes(_: Services) -> list[BaseRoute]:
    """POST /sql."""
    return [Route("/sql", ask, methods=["POST"])]
