"""GET /download/<dataset>.<extension>: a whole dataset as a file."""

from __future__ import annotations

from nabe.apis.download.routes import routes
from nabe.model.text import Text
from nabe.web.interface import Interface, ProbeRequest

INTERFACE = Interface(
    id="download",
    title=Text("Herunterladen", "Download"),
    prefix="/download",
    routes=routes,
    probes=tuple(
        ProbeRequest("GET", f"/download/{{dataset}}.{extension}")
        for extension in ("csv", "json", "ndjson", "geojson", "parquet", "xlsx", "gpkg", "exe")
    ),
)
