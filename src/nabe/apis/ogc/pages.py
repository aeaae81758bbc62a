"""HTML pages of the API (/req/html/definition): plain, readable, with the portal's style sheet."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nabe.hub import Hub
from nabe.i18n import t
from nabe.web.asker import Asker


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("nabe.apis.ogc"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["whole_segment"] = lambda text: quote(str(text), safe="")
    return made


def html_page(request: Request, asker: Asker, hub: Hub, name: str, body: dict[str, Any]) -> Response:
    """One of the templates, filled with what JSON would say."""
    template = _environment().get_template(f"{name}.html")
    text = template.render(
        body=body,
        lang=asker.lang,
        city=hub.city().title.in_(asker.lang),
        here=str(request.url.path),
        word=lambda key, **params: t(f"ogc.{key}", asker.lang, **params),
    )
    return HTMLResponse(text)
