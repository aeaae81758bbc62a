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
    probes=(
        *(
            ProbeRequest("GET", f"/download/{{dataset}}.{extension}")
            for extension in ("csv", "json", "ndjson", "geojson", "parquet", "xlsx", "gpkg", "exe")
        ),
        ProbeRequest("GET", "/download/{dataset}.json?as-of=2099-12-31"),
        ProbeRequest("GET", "/download/{dataset}.csv?as-of=1999-12-31T12:00:00Z"),
    ),
)
