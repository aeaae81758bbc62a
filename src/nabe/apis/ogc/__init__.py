"""OGC API Features 1.0, Part 1: Core, GeoJSON, HTML, OpenAPI 3.0 (OGC 17-069r4)."""

from __future__ import annotations

from nabe.apis.ogc.routes import routes
from nabe.model.text import Text
from nabe.web.interface import Interface, ProbeRequest

_ITEMS = "/ogc/collections/{dataset}/items"

INTERFACE = Interface(
    id="ogc",
    title=Text("OGC API Features", "OGC API Features"),
    prefix="/ogc",
    routes=routes,
    probes=tuple(
        ProbeRequest("GET", path)
        for path in (
            "/ogc",
            "/ogc/?f=html",
            "/ogc/conformance",
            "/ogc/style.css",
            "/ogc/api",
            "/ogc/api?f=html",
            "/ogc/collections",
            "/ogc/collections?f=html",
            "/ogc/collections/{dataset}",
            "/ogc/collections/{dataset}?f=html",
            _ITEMS,
            f"{_ITEMS}?limit=50&offset=3",
            f"{_ITEMS}?f=html",
            f"{_ITEMS}?as-of=2099-12-31",
            f"{_ITEMS}?bbox=5,47,16,56",
            f"{_ITEMS}?bbox=170,-90,-170,90&limit=1",
            f"{_ITEMS}?datetime=../2027-01-01",
            f"{_ITEMS}?{{field}}={{value}}",
            f"{_ITEMS}?{{field}}=KANARIE&f=html",
            f"{_ITEMS}/{{value}}",
            f"{_ITEMS}/F1",
            f"{_ITEMS}/F1?f=html",
            f"{_ITEMS}/1",
        )
    ),
)
