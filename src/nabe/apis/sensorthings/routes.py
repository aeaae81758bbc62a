"""Routes of SensorThings: one for all addresses, since what is at one is read from its path."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from nabe.apis.sensorthings import problems
from nabe.apis.sensorthings.batch import ROOT, Asked, Reply
from nabe.apis.sensorthings.service import Service
from nabe.errors import Invalid, NabeError
from nabe.web.asker import Asker, asker_of, language_of
from nabe.web.lanes import Lanes
from nabe.web.services import Services, services_of
from nabe.web.stream import in_thread

_LANES = Lanes()
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_LONGEST = 200


async def any_address(request: Request) -> Response:
    """Read, make, change, remove whatever the path leads to."""
    path = request.path_params.get("path", "")
    try:
        if request.method in ("GET", "HEAD"):
            key = (path.partition("(")[0][:40], len(request.url.query) // 64)
            reply = await _LANES.run(lambda: _answer(request, asker_of(request), path, b""), key, lambda: True)
        else:
            asker = await in_thread(asker_of, request)  # who asks is known before the body is read
            reply = await in_thread(_answer, request, asker, path, await request.body())
    except NabeError as error:
        return Response(
            problems.body(error, language_of(request)), error.status, problems.headers(error), problems.JSON
        )
    return Response(reply.body, reply.status, reply.headers)


def _answer(request: Request, asker: Asker, path: str, body: bytes) -> Reply:
    headers = dict(request.headers)
    dataset = headers.get("nabe-dataset") or request.query_params.get("dataset", "")
    key = headers.get("idempotency-key", "")
    if len(dataset) > _LONGEST or len(key) > _LONGEST:
        raise Invalid("That is no id.", field="Nabe-Dataset" if len(dataset) > _LONGEST else "Idempotency-Key")
    method = "GET" if request.method == "HEAD" else request.method
    service = Service(services_of(request).hub, asker, _base(request), dataset, key)
    return service.answer(Asked(method, path, request.url.query, headers, body))


def _base(request: Request) -> str:
    # The guard has seen to it that the host is one.
    host = request.headers.get("host") or request.url.netloc
    return f"{request.scope['scheme']}://{host}{ROOT}"


async def redirect(_: Request) -> Response:
    """/sta -> the version that is served."""
    return RedirectResponse(ROOT, 307)


def routes(services: Services) -> list[BaseRoute]:
    """All routes."""
    if not hasattr(services.hub, "sensing"):
        return []
    return [
        Route("/sta", redirect),
        Route("/sta/", redirect),
        Route(ROOT, any_address, methods=["GET"]),
        Route(f"{ROOT}/{{path:path}}", any_address, methods=_METHODS),
    ]
