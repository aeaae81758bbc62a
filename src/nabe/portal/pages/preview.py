"""The first rows of a dataset, a bar chart where one makes sense, and its features for the map."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import NabeError, NotAuthenticated, Unknown
from nabe.model.dataset import Dataset
from nabe.model.query import Query, Scan
from nabe.portal.cells import Table, table_of
from nabe.portal.chart import MOST_BARS, chart_of
from nabe.portal.errors import told
from nabe.portal.rendering import render
from nabe.web.asker import Asker, asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread, respond

ROWS = 20
#: Features that a browser draws at ease; the page says so when there are more.
FEATURES = 5_000
_PROPERTIES = 8


async def page(request: Request) -> Response:
    """GET /datasets/{id}/preview: a part for htmx, or a page without it."""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    found = hub.dataset(asker.actor, asker.use_case, request.path_params["id"])
    part = request.headers.get("hx-request") == "true"
    template = "parts/preview.html" if part else "preview.html"
    try:
        question = Query.of(Scan(found.dataset.id, limit=MOST_BARS + 1))
        result = hub.read(asker.actor, asker.use_case, question, interface="portal")
        table, rows = table_of(result, asker.lang, MOST_BARS)
    except (NotAuthenticated, Unknown):
        raise
    except NabeError as error:
        # The page around it stands; only the rows are missing. 200, so that the sentence is shown in their place.
        return render(request, asker, template, dataset=found.dataset, error=told(error, request, asker))
    chart = chart_of(rows, result.fields, asker.lang, more=table.more)
    shown = Table(table.columns, table.rows[:ROWS], table.more or len(table.rows) > ROWS)
    stale = next((source.stale_since for source in result.sources if source.stale_since), None)
    as_of = next((source.as_of for source in result.sources if source.as_of), None)
    return render(
        request, asker, template, dataset=found.dataset, error=None, table=shown, chart=chart, stale=stale, as_of=as_of
    )


async def features(request: Request) -> Response:
    """GET /datasets/{id}/map: GeoJSON of the first features with a few readable fields."""
    asker = await in_thread(asker_of, request)
    hub = services_of(request).hub
    found = await in_thread(hub.dataset, asker.actor, asker.use_case, request.path_params["id"])
    fields = _map_fields(found.dataset, found.readable)
    scan = Scan(found.dataset.id, fields=fields, limit=FEATURES)
    return await respond(lambda: _ask(request, asker, scan), "geojson")


def _ask(request: Request, asker: Asker, scan: Scan):  # type: ignore[no-untyped-def]
    return services_of(request).hub.read(asker.actor, asker.use_case, Query.of(scan), interface="portal")


def _map_fields(dataset: Dataset, readable: tuple[str, ...]) -> tuple[str, ...]:
    shape = dataset.geometry
    if shape is None:
        raise Unknown("This dataset has no geometry.")
    others = [name for name in readable if (field := dataset.field(name)) and field.type is not shape.type]
    return (*others[:_PROPERTIES], shape.name)
