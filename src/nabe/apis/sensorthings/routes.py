"""Routes of SensorThings: one for all addresses, since what is at one is read from its path."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from nabe.apis.sensorthings import conformance, live, problems
from nabe.apis.sensorthings.batch import ROOT, Asked, Reply
from nabe.apis.sensorthings.gathering import Gathering, Posted
from nabe.apis.sensorthings.service import Service
from nabe.errors import Invalid, NabeError
from nabe.web.asker import Asker, asker_of, language_of
from nabe.web.lanes import Lanes
from nabe.web.services import Services, services_of
from nabe.web.stream import in_thread

_LANES = Lanes()
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_LONGEST = 200


class Routes:
    """What is at an address is read from its path."""

    def __init__(self, services: Services) -> None:
        self._gathering = Gathering(services.hub)

    async def any_address(self, request: Request) -> Response:
        """Read, make, change, remove whatever the path leads to."""
        try:
            path = request.path_params.get("path", "")
            if path and live.wanted(request):
                return await live.live(request, path, _base(request))
            reply = await self._reply(request, path)
        except NabeError as error:
            body = problems.body(error, language_of(request))
            return Response(body, error.status, problems.headers(error), problems.JSON)
        return Response(reply.body, reply.status, reply.headers)

    async def _reply(self, request: Request, path: str) -> Reply:
        if request.method in ("GET", "HEAD"):
            key = (path.partition("(")[0][:40], len(request.url.query) // 64)
            return await _LANES.run(lambda: _answer(request, asker_of(request), path, b""), key, lambda: True)
        if request.method == "POST" and path.endswith("Observations") and path != "CreateObservations":
            body = await request.body()
            if "idempotency-key" not in request.headers:
                reply = await self._gathering.put(Posted(request, path, body, _base(request)))
                if reply is not None:
                    return reply
        asker = await in_thread(asker_of, request)  # files come only from those who are known
        return await in_thread(_answer, request, asker, path, await request.body())


def _answer(request: Request, asker: Asker, path: str, body: bytes) -> Reply:
    headers = dict(request.headers)
    dataset = headers.get("nabe-dataset") or request.query_params.get("dataset", "")
    key = headers.get("idempotency-key", "")
    if len(dataset) > _LONGEST or len(key) > _LONGEST:
        raise Invalid("That is no id.", field="Nabe-Dataset" if len(dataset) > _LONGEST else "Idempotency-Key")
    method = "GET" if request.method == "HEAD" else request.method
    base = _base(request)
    root = {} if path else conformance.root(base, _mqtt(request), tasking=services_of(request).settings.tasking)
    service = Service(services_of(request).hub, asker, base, dataset, key, root)
    return service.answer(Asked(method, path, request.url.query, headers, body))


def _base(request: Request) -> str:
    # The guard has seen to it that the host is one.
    host = request.headers.get("host") or request.url.netloc
    return f"{request.scope['scheme']}://{host}{ROOT}"


def _mqtt(request: Request) -> tuple[str, ...]:
    """Where MQTT is served in this process."""
    ports = services_of(request).parts.get("mqtt", dict)().get("ports", {})
    host = request.url.hostname or "localhost"
    if ":" in host:
        host = f"[{host}]"
    direct = [f"{scheme}://{host}:{port}" for scheme, port in sorted(ports.items())]
    # The same over WebSocket, for browsers (`nabe.mqtt.websocket`).
    web = _base(request).replace("http", "ws", 1).removesuffix(ROOT) + "/mqtt"
    return (*direct, web) if direct else ()


async def redirect(_: Request) -> Response:
    """/sta -> the version that is served."""
    return RedirectResponse(ROOT, 307)


def routes(services: Services) -> list[BaseRoute]:
    """All routes."""
    here = Routes(services)
    return [
        Route("/sta", redirect),
        Route("/sta/", redirect),
        Route(ROOT, here.any_address, methods=["GET"]),
        Route(f"{ROOT}/{{path:path}}", here.any_address, methods=_METHODS),
    ]
