"""The route of downloads."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nabe.errors import Unknown
from nabe.formats import FORMATS
from nabe.model.query import Query, Scan
from nabe.web.asker import asker_of
from nabe.web.services import Services, services_of
from nabe.web.stream import in_thread, respond

#: Addresses of licences, for `Link: rel=license`; others are shown as they are written.
LICENCES = {
    "dl-de/by-2-0": "https://www.govdata.de/dl-de/by-2-0",
    "dl-de/zero-2-0": "https://www.govdata.de/dl-de/zero-2-0",
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC0 1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
}


async def download(request: Request) -> Response:
    """The dataset in the format that the extension names."""
    name, _, extension = request.path_params["file"].rpartition(".")
    if extension not in FORMATS:
        raise Unknown(f"There is no download .{extension[:20]}.", hint=f"There are: {', '.join(FORMATS)}.")
    asker = await in_thread(asker_of, request)
    hub = services_of(request).hub
    found = await in_thread(hub.dataset, asker.actor, asker.use_case, name)
    headers = {"Content-Disposition": f'attachment; filename="{found.dataset.id}.{extension}"'}
    if address := LICENCES.get(found.dataset.licence):
        headers["Link"] = f'<{address}>; rel="license"'
    query = Query.of(Scan(found.dataset.id))
    return await respond(
        lambda: hub.read(asker.actor, asker.use_case, query, interface="download"),
        extension,
        title=found.dataset.title.in_(asker.lang),
        headers=headers,
    )


def routes(_: Services) -> list[BaseRoute]:
    """GET /download/{dataset}.{extension}."""
    return [Route("/download/{file}", download)]
