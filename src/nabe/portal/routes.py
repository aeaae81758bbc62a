"""Routes of the portal, and the requests that probe each of them for leaks."""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from nabe.portal import errors
from nabe.portal.pages import (
    account,
    copies,
    dataset,
    datasets,
    deliver,
    preferences,
    preview,
    query,
    start,
    systems,
    tasks,
    transparency,
    usecases,
)
from nabe.portal.rendering import STATIC
from nabe.portal.sensors import pages as sensors
from nabe.web.interface import ProbeRequest
from nabe.web.problem import set_pages
from nabe.web.services import Services

_HTML = {"Accept": "text/html"}
_PART = {"Accept": "text/html", "HX-Request": "true"}
_FORM = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}


def routes(_: Services) -> list[BaseRoute]:
    """All pages; browsers get their errors as pages, too."""
    set_pages(errors.page)
    return [
        Route("/", start.page),
        Route("/datasets", datasets.page),
        Route("/datasets/{id}", dataset.page),
        Route("/datasets/{id}/preview", preview.page),
        Route("/datasets/{id}/map", preview.features),
        Route("/datasets/{id}/copies", copies.page),
        Route("/datasets/{id}/copies", copies.take, methods=["POST"]),
        Route("/datasets/{id}/deliver", deliver.page, methods=["GET", "POST"]),
        Route("/datasets/{id}/deliver/{delivery}", deliver.preview),
        Route("/datasets/{id}/deliver/{delivery}/take", deliver.take, methods=["POST"]),
        Route("/datasets/{id}/deliver/{delivery}/drop", deliver.drop, methods=["POST"]),
        Route("/datasets/{id}/quality", tasks.check, methods=["POST"]),
        Route("/tasks", tasks.page),
        Route("/usecases", usecases.all_of_them),
        Route("/usecases/{id}", usecases.page),
        Route("/usecases/{id}/approve", usecases.approve, methods=["POST"]),
        Route("/usecases/{id}/withdraw", usecases.withdraw, methods=["POST"]),
        Route("/systems", systems.page),
        Route("/systems/{id}", systems.one),
        Route("/systems/{id}/state", systems.state),
        Route("/sensors", sensors.everywhere),
        Route("/sensors.geojson", sensors.places),
        Route("/sensors/{id:int}", sensors.one),
        Route("/sensors/{id:int}/series/{stream:int}", sensors.data),
        Route("/transparency", transparency.page),
        Route("/query", query.page, methods=["GET", "POST"]),
        Route("/query/download", query.download, methods=["POST"]),
        Route("/login", account.log_in, methods=["GET", "POST"]),
        Route("/logout", account.log_out, methods=["POST"]),
        Route("/profile", account.profile),
        Route("/profile/tokens", account.create_token, methods=["POST"]),
        Route("/profile/tokens/revoke", account.revoke_token, methods=["POST"]),
        Route("/preferences", preferences.change, methods=["POST"]),
        # Packed here and nowhere else: what is packed together with secrets can be guessed from its length (BREACH).
        Mount("/static", GZipMiddleware(Assets(directory=STATIC), minimum_size=1000, compresslevel=6), name="static"),
    ]


class Assets(StaticFiles):
    """Files of the portal; an address with a version may be kept for ever."""

    async def get_response(self, path, scope):  # type: ignore[no-untyped-def]
        """The file, with how long it may be kept."""
        response = await super().get_response(path, scope)
        versioned = b"v=" in scope.get("query_string", b"")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return response


#: Paths that take files.
UPLOADS = (r"/datasets/[^/]+/deliver",)
_UPLOAD = {"Accept": "text/html", "Content-Type": "multipart/form-data; boundary=rand"}
_FILE = (
    '--rand\r\nContent-Disposition: form-data; name="file"; filename="neu.csv"\r\n'
    "Content-Type: text/csv\r\n\r\nid;{field}\r\n1;{value}\r\n--rand--\r\n"
)

PROBES = (
    ProbeRequest("GET", "/", headers=_HTML),
    ProbeRequest("GET", "/?lang=en", headers=_HTML),
    ProbeRequest("GET", "/datasets", headers=_HTML),
    ProbeRequest("GET", "/datasets?q={dataset}&lang=en", headers=_PART),
    ProbeRequest("GET", "/datasets?access=restricted&readable=1", headers=_HTML),
    ProbeRequest("GET", "/datasets/{dataset}", headers=_HTML),
    ProbeRequest("GET", "/datasets/{dataset}?lang=en", headers=_HTML),
    ProbeRequest("GET", "/datasets/{dataset}/preview", headers=_PART),
    ProbeRequest("GET", "/datasets/{dataset}/preview?show=1", headers=_HTML),
    ProbeRequest("GET", "/datasets/{dataset}/map"),
    ProbeRequest("GET", "/datasets/{dataset}/copies", headers=_HTML),
    ProbeRequest("POST", "/datasets/{dataset}/copies", "", _FORM),
    ProbeRequest("GET", "/datasets/{dataset}/deliver", headers=_HTML),
    ProbeRequest("POST", "/datasets/{dataset}/deliver", _FILE, _UPLOAD),
    ProbeRequest("GET", "/datasets/{dataset}/deliver/AAAAAAAAAAAAAAAA", headers=_HTML),
    ProbeRequest("POST", "/datasets/{dataset}/deliver/AAAAAAAAAAAAAAAA/take", "", _FORM),
    ProbeRequest("POST", "/datasets/{dataset}/deliver/AAAAAAAAAAAAAAAA/drop", "", _FORM),
    ProbeRequest("POST", "/datasets/{dataset}/quality", "back=/tasks", _FORM),
    ProbeRequest("GET", "/tasks", headers=_HTML),
    ProbeRequest("GET", "/tasks?lang=en", headers=_HTML),
    ProbeRequest("GET", "/usecases", headers=_HTML),
    ProbeRequest("GET", "/usecases/planung", headers=_HTML),
    ProbeRequest("GET", "/usecases/alt?lang=en", headers=_HTML),
    ProbeRequest("POST", "/usecases/fall/approve", "dataset={dataset}", _FORM),
    ProbeRequest("POST", "/usecases/antrag/withdraw", "dataset={dataset}", _FORM),
    ProbeRequest("GET", "/systems", headers=_HTML),
    ProbeRequest("GET", "/systems/fachverfahren", headers=_HTML),
    ProbeRequest("GET", "/systems/dateien?lang=en", headers=_HTML),
    ProbeRequest("GET", "/systems/fachverfahren/state", headers=_PART),
    ProbeRequest("GET", "/sensors", headers=_HTML),
    ProbeRequest("GET", "/sensors?measures={value}", headers=_HTML),
    ProbeRequest("GET", "/sensors.geojson"),
    ProbeRequest("GET", "/sensors/1?span=year", headers=_HTML),
    ProbeRequest("GET", "/sensors/1/series/1?span=year"),
    ProbeRequest("GET", "/transparency", headers=_HTML),
    ProbeRequest("GET", "/query?sql=SELECT+*+FROM+{dataset}", headers=_HTML),
    ProbeRequest("POST", "/query", "sql=SELECT+*+FROM+{dataset}", _FORM),
    ProbeRequest("POST", "/query", "sql=SELECT+{field},+count(*)+FROM+{dataset}+GROUP+BY+ALL", _FORM),
    ProbeRequest("POST", "/query/download", "sql=SELECT+{field}+FROM+{dataset}&format=csv", _FORM),
    ProbeRequest("GET", "/login", headers=_HTML),
    ProbeRequest("POST", "/login", "name=%3Cb%3E&password=wrong", _FORM),
    ProbeRequest("POST", "/logout", "", _FORM),
    ProbeRequest("GET", "/profile", headers=_HTML),
    ProbeRequest("POST", "/profile/tokens", "name={value}&days=30", _FORM),
    ProbeRequest("POST", "/profile/tokens/revoke", "id={value}", _FORM),
    ProbeRequest("POST", "/preferences", "use_case={value}&back=/datasets/{dataset}", _FORM),
    ProbeRequest("GET", "/static/portal.css"),
)
