"""/id/...: persistent URIs of what the city declared, with content negotiation (a page for people, JSON-LD for machines)."""

from __future__ import annotations

from nabe.apis.identifiers.routes import routes
from nabe.model.text import Text
from nabe.web.interface import Interface, ProbeRequest

_JSON = {"Accept": "application/ld+json"}
_HTML = {"Accept": "text/html"}

INTERFACE = Interface(
    id="identifiers",
    title=Text("Dauerhafte Adressen", "Persistent identifiers"),
    prefix="/id",
    routes=routes,
    probes=(
        ProbeRequest("GET", "/id/dataset/{dataset}", headers=_JSON),
        ProbeRequest("GET", "/id/dataset/{dataset}", headers=_HTML),
        ProbeRequest("GET", "/id/usecase/planung", headers=_JSON),
        ProbeRequest("GET", "/id/usecase/alt", headers=_HTML),
        ProbeRequest("GET", "/id/organisation/stadt", headers=_JSON),
        ProbeRequest("GET", "/id/goal/none", headers=_JSON),
        ProbeRequest("GET", "/id/vocabulary/none", headers=_JSON),
        ProbeRequest("GET", "/id/vocabulary/none/code", headers=_JSON),
        ProbeRequest("GET", "/id/system/fachverfahren", headers=_JSON),
    ),
)
