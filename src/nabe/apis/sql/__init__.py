"""POST /sql: one SELECT over the datasets that the asker may read."""

from __future__ import annotations

from nabe.apis.sql.routes import routes
from nabe.model.text import Text
from nabe.web.interface import Interface, ProbeRequest

_TEXT = {"Content-Type": "text/plain"}

INTERFACE = Interface(
    id="sql",
    title=Text("SQL", "SQL"),
    prefix="/sql",
    routes=routes,
    probes=(
        ProbeRequest("POST", "/sql", "SELECT * FROM {dataset}", _TEXT),
        ProbeRequest("POST", "/sql?f=csv", "SELECT {field} FROM {dataset} ORDER BY 1", _TEXT),
        ProbeRequest("POST", "/sql?f=geojson", "SELECT count(*) AS n FROM {dataset}", _TEXT),
        ProbeRequest("POST", "/sql?as-of=2099-12-31", "SELECT * FROM {dataset}", _TEXT),
        ProbeRequest("POST", "/sql?f=xlsx", "SELECT * FROM {dataset} LIMIT 3", _TEXT),
        ProbeRequest(
            "POST",
            "/sql",
            '{"query": "SELECT {field} AS x, count(*) AS n FROM {dataset} GROUP BY ALL HAVING count(*) < 9"}',
            {"Content-Type": "application/json"},
        ),
    ),
)
