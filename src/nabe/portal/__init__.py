"""The portal: pages for people, in German and English, over the hub like any other interface."""

from __future__ import annotations

from nabe.model.text import Text
from nabe.portal.routes import PROBES, UPLOADS, routes
from nabe.web.interface import Interface

INTERFACE = Interface(
    id="portal",
    title=Text("Portal", "Portal"),
    prefix="/",
    routes=routes,
    probes=PROBES,
    uploads=UPLOADS,
)
