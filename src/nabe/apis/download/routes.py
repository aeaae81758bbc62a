"""The route of downloads."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nabe.errors import Unknown
from nabe.formats import FORMATS
from nabe.model.query import Query, Scan
from nabe.web.asker import asker_of
from nabe.web.services import Services, services_of
from nabe.web.stream import as_of, in_thread, respond

#: Addresses of licences, for `Link: rel=license` (RFC 4946); a licence that is an address itself is linked as it is.
LICENCES = {
    "dl-de/by-2-0": "https://www.govdata.de/dl-de/by-2-0",
    "dl-de/zero-2-0": "https://www.govdata.de/dl-de/zero-2-0",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "odbl-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
}
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+=%-]{1,500}")


async def download(request: Request) -> Response:
    """The dataset in the format that the extension names."""
    name, _, extension = request.path_params["file"].rpartition(".")
    if extension not in FORMATS:
        raise Unknown(f"There is no download .{extension[:20]}.", hint=f"There are: {', '.join(FORMATS)}.")
    asker = await in_thread(asker_of, request)
    hub = services_of(request).hub
    found = await in_thread(hub.dataset, asker.actor, asker.use_case, name)
    headers = {"Content-Disposition": f'attachment; filename="{found.dataset.id}.{extension}"'}
    headers["Link"] = ", ".join(links(found.dataset.id, found.dataset.licence))
    query, then = Query.of(Scan(found.dataset.id)), as_of(request)
    return await respond(
        lambda: hub.read(asker.actor, asker.use_case, query, interface="download", as_of=then),
        extension,
        title=found.dataset.title.in_(asker.lang),
        headers=headers,
    )


def links(dataset: str, licence: str) -> list[str]:
    """Where the dataset is described (owner, licence, how to name the source), and the licence."""
    made = [f'</id/dataset/{dataset}>; rel="describedby"']
    address = LICENCES.get(licence.lower().replace(" ", "-"), licence)
    return [*made, f'<{address}>; rel="license"'] if _ADDRESS.fullmatch(address) else made


def routes(_: Services) -> list[BaseRoute]:
    """GET /download/{dataset}.{extension}."""
    return [Route("/download/{file}", download)]
