"""Ask in SQL: a question over everything that the asker may read, as a table or a file."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import NabeError
from nabe.formats import FORMATS
from nabe.portal.cells import table_of
from nabe.portal.chart import MOST_BARS, chart_of
from nabe.portal.errors import told
from nabe.portal.forms import form_of
from nabe.portal.rendering import render
from nabe.portal.summary import summaries
from nabe.web.asker import asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread, respond

_ROWS = 200


async def page(request: Request) -> Response:
    """GET /query?sql= fills the form, POST asks."""
    form = await form_of(request) if request.method == "POST" else {}
    return await in_thread(_page, request, form.get("sql", request.query_params.get("sql", "")))


def _page(request: Request, sql: str) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    found = hub.find(asker.actor, asker.use_case)
    readable = [item for item in found if item.decision.permit]
    if not sql and readable and request.method == "GET":
        sql = f"SELECT *\nFROM {readable[0].dataset.id}\nLIMIT 10"
    table = chart = error = None
    if request.method == "POST":
        try:
            result = hub.read(asker.actor, asker.use_case, sql, interface="portal")
            table, rows = table_of(result, asker.lang, _ROWS)
            chart = chart_of(rows, result.fields, asker.lang, more=table.more) if rows.num_rows <= MOST_BARS else None
        except NabeError as problem:
            error = told(problem, request, asker)
    return render(
        request,
        asker,
        "query.html",
        400 if error else 200,
        sql=sql,
        table=table,
        chart=chart,
        error=error,
        formats=[id for id in ("csv", "xlsx", "json", "parquet") if id in FORMATS],
        sources=[
            (item, found_item.readable)
            for item, found_item in zip(summaries(hub, asker, readable), readable, strict=True)
        ],
    )


async def download(request: Request) -> Response:
    """POST /query/download: the whole answer as a file."""
    form = await form_of(request)
    asker = await in_thread(asker_of, request)
    hub, format = services_of(request).hub, form.get("format", "csv")
    extension = FORMATS[format].extension if format in FORMATS else "txt"
    headers = {"Content-Disposition": f'attachment; filename="abfrage.{extension}"'}
    return await respond(
        lambda: hub.read(asker.actor, asker.use_case, form.get("sql", ""), interface="portal"), format, headers=headers
    )
