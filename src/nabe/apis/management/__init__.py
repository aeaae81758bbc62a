"""/api: management of accounts, declarations and consents; OpenAPI 3.1 at /api/openapi.json."""

from __future__ import annotations

from nabe.apis.management.routes import routes
from nabe.model.text import Text
from nabe.web.interface import Interface, ProbeRequest

_FILE = {"Content-Type": "application/octet-stream"}
_JSON = {"Content-Type": "application/json"}

INTERFACE = Interface(
    id="management",
    title=Text("Verwaltungsschnittstelle", "Management API"),
    prefix="/api",
    routes=routes,
    probes=(
        *(
            ProbeRequest("GET", path)
            for path in (
                "/api/openapi.json",
                "/api/me",
                "/api/city",
                "/api/organisations",
                "/api/goals",
                "/api/vocabularies",
                "/api/datasets",
                "/api/datasets?q={value}",
                "/api/datasets/{dataset}",
                "/api/datasets/{dataset}/explanation",
                "/api/datasets/{dataset}/lineage",
                "/api/datasets/{dataset}/quality",
                "/api/usecases",
                "/api/usecases/planung",
                "/api/usecases/alt",
                "/api/systems",
                "/api/systems/fachverfahren/runs",
                "/api/systems/dateien/runs",
                "/api/datasets/{dataset}/copies",
                "/api/history?kind=dataset&id={dataset}",
                "/api/history",
                "/api/audit",
                "/api/audit?dataset={dataset}",
                "/api/usage",
                "/api/tokens",
                "/api/documents/dataset/{dataset}",
                "/api/documents/usecase/planung",
            )
        ),
        ProbeRequest("GET", "/api/datasets/{dataset}/quality", headers={"Accept": "application/ld+json"}),
        ProbeRequest("GET", "/api/datasets/{dataset}/quality", headers={"Accept": "text/turtle"}),
        ProbeRequest("POST", "/api/datasets/{dataset}/quality"),
        ProbeRequest("POST", "/api/login", '{"name": "{field}", "password": "falsch falsch"}', _JSON),
        ProbeRequest("POST", "/api/logout"),
        ProbeRequest("DELETE", "/api/tokens/none"),
        ProbeRequest("POST", "/api/tokens", '{"name": ""}', _JSON),
        ProbeRequest("POST", "/api/usecases/nix/grants/{dataset}/approval", "{}", _JSON),
        ProbeRequest("DELETE", "/api/usecases/antrag/grants/{dataset}/approval"),
        ProbeRequest("DELETE", "/api/datasets/{dataset}/copies?before=1999-01-01"),
        ProbeRequest("POST", "/api/datasets/{dataset}/copies"),
        ProbeRequest("PUT", "/api/datasets/{dataset}/file?check=true", "id;{field}\n1;{value}\n", _FILE),
        ProbeRequest("PUT", "/api/datasets/{dataset}/file?name=x.csv", "{field}\n{value}\n", _FILE),
        ProbeRequest("PUT", "/api/documents/dataset/{dataset}", "{}", _JSON | {"If-Match": '"0"'}),
        ProbeRequest("DELETE", "/api/documents/dataset/{dataset}", "", {"If-Match": '"0"'}),
    ),
    uploads=(r"/api/datasets/[^/]+/file",),
)
