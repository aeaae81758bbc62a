"""Is it alive, is it ready, how busy is it: /healthz, /readyz, /metrics."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from nabe.web.services import services_of
from nabe.web.stream import in_thread


async def healthz(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The catalogue can be read; the state of other parts of this process, which may be ill without making it unready."""
    services = services_of(request)
    version = await in_thread(services.hub.version)
    parts = {name: state()["state"] for name, state in services.parts.items()}
    return JSONResponse({"status": "ready", "version": version, **parts})


async def metrics(request: Request) -> Response:
    """A few numbers in Prometheus' text format."""
    version = await in_thread(services_of(request).hub.version)
    with open("/proc/self/statm") if _LINUX else open("/dev/null") as file:
        words = file.read().split()
    resident = int(words[1]) * 4096 if words else 0
    figures = {
        f"nabe_{part}_{name}": figure
        for part, state in services_of(request).parts.items()
        for name, figure in state().items()
        if isinstance(figure, int)
    }
    gauges = {"nabe_catalogue_version": version, "process_resident_memory_bytes": resident} | figures
    return PlainTextResponse("".join(f"# TYPE {name} gauge\n{name} {gauges[name]}\n" for name in gauges))


def _is_linux() -> bool:
    import sys

    return sys.platform == "linux"


_LINUX = _is_linux()


def routes() -> list[BaseRoute]:
    """The three routes."""
    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
