"""Routes of OGC API Features."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from nabe.apis.ogc import openapi, parse, render
from nabe.apis.ogc.extent import extent
from nabe.apis.ogc.pages import html_page
from nabe.errors import Denied, Invalid, Unknown
from nabe.hub import Found, Hub
from nabe.model.query import Query
from nabe.web.asker import Asker, asker_of
from nabe.web.lanes import Lanes
from nabe.web.services import Services, services_of
from nabe.web.stream import age, as_of, in_thread

_LANES = Lanes()


def _json(body: Any, media: str = render.JSON) -> Response:
    return Response(body if isinstance(body, bytes) else msgspec.json.encode(body), media_type=media)


def _base(request: Request) -> str:
    # The guard has seen to it that the host is one.
    host = request.headers.get("host") or request.url.netloc
    return f"{request.scope['scheme']}://{host}/ogc"


def _wants_html(request: Request) -> bool:
    asked = request.query_params.get("f", "")
    if asked not in ("", "json", "html", "geojson"):
        raise Invalid(f"There is no format {asked[:20]!r}.", hint="f=json or f=html.", field="f")
    return asked == "html" or (not asked and "text/html" in request.headers.get("accept", ""))


def _only(request: Request, *names: str) -> None:
    """/req/core/query-param-unknown."""
    for name in request.query_params:
        if name not in ("f", "lang", "use-case", *names):
            raise Invalid(f"There is no parameter {name[:40]!r} here.", field=name)


async def landing(request: Request) -> Response:
    """The landing page."""
    _only(request)
    asker, hub = await in_thread(asker_of, request), services_of(request).hub
    body = render.landing(await in_thread(hub.city), _base(request), asker.lang)
    return html_page(request, asker, hub, "landing", body) if _wants_html(request) else _json(body)


async def conformance(request: Request) -> Response:
    """Conformance classes."""
    _only(request)
    body = render.conformance(_base(request))
    if _wants_html(request):
        return html_page(request, await in_thread(asker_of, request), services_of(request).hub, "landing", body)
    return _json(body)


async def api(request: Request) -> Response:
    """The OpenAPI document."""
    _only(request)
    asker, hub = await in_thread(asker_of, request), services_of(request).hub
    found = await in_thread(lambda: hub.find(asker.actor, asker.use_case))
    body = openapi.document(hub.city(), found, _base(request), asker.lang)
    return html_page(request, asker, hub, "api", body) if _wants_html(request) else _json(body, render.OPENAPI)


async def collections(request: Request) -> Response:
    """All collections that the asker may know of."""
    _only(request)
    asker, hub = await in_thread(asker_of, request), services_of(request).hub
    found = await in_thread(lambda: hub.find(asker.actor, asker.use_case))
    body = render.collections(found, _base(request), asker.lang)
    return html_page(request, asker, hub, "collections", body) if _wants_html(request) else _json(body)


async def collection(request: Request) -> Response:
    """One collection."""
    _only(request)
    asker, hub = await in_thread(asker_of, request), services_of(request).hub
    found = await in_thread(hub.dataset, asker.actor, asker.use_case, request.path_params["id"])
    body = render.collection(found, _base(request), asker.lang, await in_thread(extent, hub, asker, found))
    return html_page(request, asker, hub, "collection", body) if _wants_html(request) else _json(body)


async def items(request: Request) -> Response:
    """A page of features."""
    html, id, hub = _wants_html(request), request.path_params["id"], services_of(request).hub
    key = (id, request.query_params.get("limit", "")[:6])
    body, headers = await _LANES.run(lambda: _page(request), key, lambda: hub.instant(id))
    if not html:
        return Response(body, media_type=render.GEOJSON, headers=headers)
    asker = await in_thread(asker_of, request)
    return html_page(request, asker, hub, "items", msgspec.json.decode(body))


def _page(request: Request) -> tuple[bytes, dict[str, str]]:
    asker, hub = asker_of(request), services_of(request).hub
    found = _readable(hub, asker, request.path_params["id"])
    scan = parse.scan(found.dataset, found.readable, request.query_params.multi_items())
    result = hub.read(asker.actor, asker.use_case, Query.of(scan, count=True), interface="ogc", as_of=as_of(request))
    url = f"{_base(request)}/collections/{found.dataset.id}/items"
    now = dt.datetime.now(dt.UTC)
    return render.page(result, found.dataset, url, request.query_params, scan, now=now), age(result.sources)


def _readable(hub: Hub, asker: Asker, id: str) -> Found:
    found = hub.dataset(asker.actor, asker.use_case, id)
    if not found.decision.permit:
        raise Denied(
            f"Reading {id!r} is not permitted.",
            reasons=tuple((verdict.reason, dict(verdict.params)) for verdict in found.decision.because),
            dataset=id,
        )
    return found


async def item(request: Request) -> Response:
    """One feature."""
    _only(request)
    asker, hub = await in_thread(asker_of, request), services_of(request).hub
    body = await in_thread(_one, request, hub, asker)
    return html_page(request, asker, hub, "item", body) if _wants_html(request) else _json(body, render.GEOJSON)


def _one(request: Request, hub: Hub, asker: Asker) -> dict[str, Any]:
    found = _readable(hub, asker, request.path_params["id"])
    id = request.path_params["feature"]
    try:
        scan = parse.feature(found.dataset, found.readable, id)
    except Invalid:
        raise _no_feature() from None
    table = hub.read(asker.actor, asker.use_case, Query.of(scan), interface="ogc").table()
    if not table.num_rows:
        raise _no_feature()
    return render.one(table, found.dataset, f"{_base(request)}/collections/{found.dataset.id}/items", id)


def _no_feature() -> Unknown:
    return Unknown("There is no such feature.", hint="Its id is the key of the dataset; see …/items.")


async def redirect(request: Request) -> Response:
    """/ogc -> /ogc/."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/ogc/{query}", 307)


async def style(_: Request) -> Response:
    """The style sheet of the HTML pages."""
    text = (files("nabe.apis.ogc") / "static" / "style.css").read_text("utf-8")
    return Response(text, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def routes(_: Services) -> list[BaseRoute]:
    """All routes."""
    return [
        Route("/ogc", redirect),
        Route("/ogc/", landing),
        Route("/ogc/style.css", style),
        Route("/ogc/conformance", conformance),
        Route("/ogc/api", api),
        Route("/ogc/collections", collections),
        Route("/ogc/collections/{id}", collection),
        Route("/ogc/collections/{id}/items", items),
        Route("/ogc/collections/{id}/items/{feature:path}", item),
    ]
