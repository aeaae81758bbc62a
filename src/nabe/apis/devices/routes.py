"""The routes of devices."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from nabe.devices.fleet import DeviceView
from nabe.devices.intake import PREFIX, now_micros
from nabe.devices.timing import iso
from nabe.errors import Unknown
from nabe.web.asker import asker_of
from nabe.web.services import Services, services_of
from nabe.web.stream import in_thread


async def receive(request: Request) -> Response:
    """A message of a network server, a service or a device. 202 when it is stored or parked."""
    asker = await in_thread(asker_of, request)
    event = request.path_params.get("event") or request.query_params.get("event", "")
    topic = f"{PREFIX}{request.path_params['system']}/{event[:200]}"
    devices = _devices(request)
    body = await request.body()
    error = await in_thread(lambda: devices.receive(asker.actor, topic, body, way="http"))
    if error is None:
        return JSONResponse({"stored": 1, "parked": 0}, 202)
    told = {"stored": 0, "parked": 1, "code": error.code, "detail": error.detail, "hint": error.hint}
    return JSONResponse(told, 202)


async def listed(request: Request) -> Response:
    """Devices of datasets that the asker may write, and how they are."""
    asker = await in_thread(asker_of, request)
    devices, system = _devices(request), request.path_params.get("system", "")
    found = await in_thread(lambda: devices.views(asker.actor, system=system, now=now_micros()))
    return JSONResponse({"devices": [shown(item) for item in found]}, headers={"Cache-Control": "no-store"})


def shown(view: DeviceView) -> dict[str, Any]:
    """A device as JSON."""
    device, seen = view.device, view.sighting
    link = seen.link
    return {
        "system": device.system,
        "id": device.id,
        "name": device.name,
        "dataset": device.dataset,
        "profile": device.profile,
        "last_seen": iso(seen.last_seen) if seen.last_seen is not None else None,
        "silent": view.silent,
        "battery": seen.battery,
        "battery_low": view.low,
        "rssi": link.rssi,
        "snr": link.snr,
        "spreading_factor": link.spreading,
        "gateways": link.gateways,
        "messages": seen.messages,
        "lost": seen.lost,
        "failures": seen.failures,
        "last_failure": seen.last_failure,
        "thing": device.thing,
        "datastreams": dict(device.streams),
    }


def _devices(request: Request) -> Any:
    found = services_of(request).devices
    if found is None:
        raise Unknown("This server takes no messages of devices.")
    return found


def routes(_: Services) -> list[BaseRoute]:
    """Webhooks, and the list."""
    return [
        Route("/devices", listed, methods=["GET"]),
        Route("/devices/{system}", listed, methods=["GET"]),
        Route("/devices/{system}", receive, methods=["POST"]),
        Route("/devices/{system}/{event:path}", receive, methods=["POST"]),
    ]
