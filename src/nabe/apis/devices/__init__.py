"""POST /devices/<system>: webhooks of network servers and services; GET /devices: how devices are."""

from __future__ import annotations

from nabe.apis.devices.routes import routes
from nabe.model.text import Text
from nabe.web.interface import Interface, ProbeRequest

_UPLINK = '{"deviceInfo": {"devEui": "0102030405060708"}, "rxInfo": [], "data": "AQ=="}'

INTERFACE = Interface(
    id="devices",
    title=Text("Geräte (Webhooks)", "Devices (webhooks)"),
    prefix="/devices",
    routes=routes,
    probes=(
        ProbeRequest("POST", "/devices/{dataset}", _UPLINK),
        ProbeRequest("POST", "/devices/none", _UPLINK),
        ProbeRequest("POST", "/devices/none/up", "no JSON"),
        ProbeRequest("GET", "/devices"),
        ProbeRequest("GET", "/devices/{dataset}"),
    ),
)
