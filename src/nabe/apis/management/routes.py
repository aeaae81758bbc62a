"""Routes of the management API. FastAPI writes their OpenAPI document; each asks the hub and renders."""

from __future__ import annotations

import datetime as dt
import tempfile
from enum import StrEnum
from typing import Annotated, Any, BinaryIO

import msgspec
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount

from nabe import __version__
from nabe.apis.management import bodies, render
from nabe.errors import Invalid, NabeError, NotAuthenticated, Unknown
from nabe.hub import Hub
from nabe.model.catalogue import KINDS, Change
from nabe.model.ledger import Entry
from nabe.model.query import Query as Question
from nabe.model.query import Scan
from nabe.quality import as_json_ld, as_turtle, check_copy, run
from nabe.schedule import moment
from nabe.web.asker import Asker, asker_of
from nabe.web.problem import handle
from nabe.web.services import Services, services_of
from nabe.web.session import log_in, log_out, set_session
from nabe.web.stream import accepted, in_thread

#: Bytes of a delivered file that are held in memory before it goes to disk.
_IN_MEMORY = 1_000_000
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": "problem", "content": {"application/problem+json": {}}}
    for code in (400, 401, 403, 404, 409, 413, 422, 429, 502, 503, 504)
}


def _asker(request: Request) -> Asker:
    return asker_of(request)


def _hub(request: Request) -> Hub:
    return services_of(request).hub


Who = Annotated[Asker, Depends(_asker)]
Door = Annotated[Hub, Depends(_hub)]
Json = dict[str, Any]
_RDF = ("application/ld+json", "text/turtle")
IfMatch = Annotated[str | None, Header(description="version that the change builds on", examples=['"12"'])]
Kind = StrEnum("Kind", {name: name for name in KINDS})  # type: ignore[misc]  # one per kind of document


def _logged_in(asker: Who) -> Asker:
    if asker.anonymous:
        raise NotAuthenticated("Log in first.", hint="POST /api/login, or send a token.")
    return asker


Known = Annotated[Asker, Depends(_logged_in)]


def application() -> FastAPI:
    """The sub-application under /api."""
    app = FastAPI(
        title="Nabe management API",
        version=__version__,
        description=(
            "Accounts, declarations, consents and the ledger. Data come from /sql, /download and /ogc.\n\n"
            "Who asks is said by `Authorization: Bearer …` (a personal access token) or the session cookie, for which "
            "use case by the header `Nabe-Use-Case`. Nothing named: a stranger who asks for open data. "
            "Errors are problem+json (RFC 9457) with a stable `code`; a denial lists its `reasons`."
        ),
        docs_url=None,
        redoc_url=None,
        responses=_PROBLEMS,
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
    )
    for kind in (NabeError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)
    app.add_exception_handler(RequestValidationError, _invalid)
    for add in (_people, _inventory, _quality, _copies, _deliveries, _declarations, _oversight):
        add(app)
    return app


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return handle(request, Invalid(f"{place}: {first['msg']}.", field=place))


def _people(app: FastAPI) -> None:
    @app.get("/me", summary="Who am I?", tags=["people"])
    def me(asker: Who) -> Json:
        return {"anonymous": asker.anonymous, "use_case": asker.use_case, "actor": render.plain(asker.actor)}

    @app.post("/login", summary="Log in; sets the session cookie", tags=["people"])
    def login(body: bodies.Login, request: Request, response: Response, asker: Who) -> Json:
        services = services_of(request)
        actor, secret = log_in(services, body.name, body.password, asker.client)
        set_session(response, services, secret)
        return {"actor": render.plain(actor)}

    @app.post("/logout", summary="Log out", tags=["people"], status_code=204)
    def logout(request: Request, response: Response) -> None:
        log_out(request)
        response.delete_cookie("nabe_session", path="/")

    @app.get("/tokens", summary="My tokens and sessions", tags=["people"])
    def tokens(asker: Known, request: Request) -> list[Json]:
        return [render.plain(item) for item in services_of(request).identity.tokens(asker.actor.id)]

    @app.post("/tokens", summary="Make a token; its secret is shown once", tags=["people"], status_code=201)
    def create(body: bodies.NewToken, asker: Known, request: Request, hub: Door) -> Json:
        now = dt.datetime.now(dt.UTC)
        # Never more roles than the caller's own token has.
        roles = asker.actor.roles if body.roles is None else asker.actor.roles & frozenset(body.roles)
        identity = services_of(request).identity
        token, secret = identity.create_token(asker.actor.id, body.name, at=now, expires=body.expires(now), roles=roles)
        hub.record(Entry(now, asker.actor.id, "", "token_created", detail=token.id))
        return render.document(token) | {"token": secret}

    @app.delete("/tokens/{id}", summary="Revoke one of my tokens", tags=["people"], status_code=204)
    def revoke(id: str, asker: Known, request: Request, hub: Door) -> None:
        identity = services_of(request).identity
        if id not in [token.id for token in identity.tokens(asker.actor.id)]:
            raise Unknown("You have no such token.")
        identity.revoke(id)
        hub.record(Entry(dt.datetime.now(dt.UTC), asker.actor.id, "", "token_revoked", detail=id))


def _inventory(app: FastAPI) -> None:
    @app.get("/city", summary="The municipality", tags=["inventory"])
    def city(hub: Door) -> Json:
        return render.document(hub.city()) | {"version": hub.version()}

    @app.get("/organisations", summary="Organisations", tags=["inventory"])
    def organisations(hub: Door) -> list[Json]:
        return [render.plain(item) for item in hub.organisations().values()]

    @app.get("/goals", summary="Goals of the strategy", tags=["inventory"])
    def goals(hub: Door) -> list[Json]:
        return [render.plain(item) for item in hub.goals().values()]

    @app.get("/vocabularies", summary="Code lists", tags=["inventory"])
    def vocabularies(hub: Door) -> list[Json]:
        return [render.plain(item) for item in hub.vocabularies().values()]

    @app.get("/datasets", summary="Datasets that I may know of", tags=["inventory"])
    def datasets(
        asker: Who, hub: Door, q: Annotated[str, Query(max_length=200, description="words")] = ""
    ) -> list[Json]:
        return [render.found(item, asker.lang) for item in hub.find(asker.actor, asker.use_case, text=q)]

    @app.get("/datasets/{id}", summary="One dataset", tags=["inventory"])
    def dataset(id: str, asker: Who, hub: Door) -> Json:
        return render.found(hub.dataset(asker.actor, asker.use_case, id), asker.lang)

    @app.get(
        "/datasets/{id}/explanation",
        summary="Why may I (not) read it, and how would it be computed?",
        tags=["inventory"],
    )
    def explanation(id: str, asker: Who, hub: Door) -> Json:
        hub.dataset(asker.actor, asker.use_case, id)
        return render.explanation(hub.explain(asker.actor, asker.use_case, Question.of(Scan(id))), asker.lang)

    @app.get("/datasets/{id}/lineage", summary="Where it comes from and what is made of it", tags=["inventory"])
    def lineage(id: str, asker: Who, hub: Door) -> Json:
        body: Json = render.plain(hub.lineage(asker.actor, asker.use_case, id))
        return body

    @app.get("/usecases", summary="Use cases", tags=["inventory"])
    def usecases(asker: Who, hub: Door) -> list[Json]:
        return [render.plain(item) for item in hub.usecases(asker.actor)]

    @app.get("/usecases/{id}", summary="One use case", tags=["inventory"])
    def usecase(id: str, asker: Who, hub: Door) -> Json:
        body: Json = render.plain(hub.usecase(asker.actor, id))
        return body

    @app.get("/systems", summary="Silos", tags=["inventory"])
    def systems(asker: Who, hub: Door) -> list[Json]:
        return [render.plain(item) for item in hub.systems(asker.actor)]


def _copies(app: FastAPI) -> None:
    @app.get("/systems/{id}/runs", summary="What happened at a silo by schedule and on demand", tags=["copies"])
    def runs(id: str, asker: Who, hub: Door, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Json]:
        return [render.plain(item) for item in hub.runs(asker.actor, id, limit)]

    @app.get("/datasets/{id}/copies", summary="Copies in the lake, newest first", tags=["copies"])
    def kept(id: str, asker: Who, hub: Door) -> Json:
        return render.document(hub.kept(asker.actor, id))

    @app.post("/datasets/{id}/copies", summary="Take a copy now", tags=["copies"], status_code=201)
    def take(id: str, asker: Known, hub: Door) -> Json:
        taken = hub.snapshot(asker.actor, id)
        check_copy(hub, taken)
        return render.document(taken)

    @app.delete("/datasets/{id}/copies", summary="Remove copies, all or those before a time", tags=["copies"])
    def forget(id: str, asker: Known, hub: Door, before: str = "") -> Json:
        until = moment(before, field="before", end=False) if before else None
        return {"removed": hub.forget(asker.actor, id, until)}


def _deliveries(app: FastAPI) -> None:
    body = {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }

    @app.put(
        "/datasets/{id}/file",
        summary="Put a new file in the place of the dataset's old one, if it fits, as data owner",
        tags=["deliveries"],
        openapi_extra={"requestBody": body},
    )
    async def deliver(
        id: str,
        request: Request,
        asker: Known,
        hub: Door,
        name: Annotated[str, Query(max_length=200, description="its name, where a dataset has several files")] = "",
        check: Annotated[bool, Query(description="only say what is in it; replace nothing")] = False,
    ) -> Json:
        # Before anything of the file is read: a denial is raised, and written down, by the hub.
        if not (await in_thread(hub.reception, asker.actor, id)).permit:
            await in_thread(hub.delivery, asker.actor, id, "")
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            async for piece in request.stream():
                await in_thread(spool.write, piece)
            spool.seek(0)
            return await in_thread(_deliver, hub, asker, id, name, spool, check)


def _deliver(hub: Hub, asker: Asker, id: str, name: str, content: BinaryIO, check: bool) -> Json:
    found = hub.deliver(asker.actor, id, name, content, interface="management")
    if not found.fits and not check:
        raise Invalid(
            "The file does not fit; nothing was replaced.",
            hint="Correct it; ?check=true says all that was found.",
            code="does-not-fit",
            flaws=[item["text"] for item in render.findings(found.flaws, asker.lang)],
        )
    if found.fits and check:
        hub.drop_delivery(asker.actor, id, found.id, interface="management")
    elif found.fits:
        hub.take_delivery(asker.actor, id, found.id, interface="management")
    return render.delivery(found, asker.lang, taken=found.fits and not check)


def _quality(app: FastAPI) -> None:
    @app.get(
        "/datasets/{id}/quality",
        summary="Rules and results; as JSON, or as W3C DQV in JSON-LD or Turtle",
        tags=["quality"],
        responses={200: {"content": {kind: {} for kind in ("application/json", *_RDF)}}},
        response_model=None,
    )
    def quality(id: str, asker: Who, hub: Door, request: Request) -> Json | Response:
        (view,) = hub.quality(asker.actor, asker.use_case, [id])
        dataset = hub.dataset(asker.actor, asker.use_case, id).dataset
        kind = next((kind for kind in accepted(request) if kind in ("application/json", *_RDF)), "application/json")
        vary = {"Vary": "Accept"}
        if kind == "text/turtle":
            text = as_turtle(dataset, view, hub.city().base_uri, asker.lang)
            return Response(text, media_type=kind, headers=vary)
        if kind == "application/ld+json":
            body = as_json_ld(dataset, view, hub.city().base_uri, asker.lang)
            return Response(msgspec.json.encode(body), media_type=kind, headers=vary)
        return Response(msgspec.json.encode(render.quality(view, dataset, asker.lang)), media_type=kind, headers=vary)

    @app.post("/datasets/{id}/quality", summary="Check it now, as owner or quality manager", tags=["quality"])
    def check(id: str, asker: Known, hub: Door) -> Json:
        run(hub, [id], actor=asker.actor, interface="management")
        (view,) = hub.quality(asker.actor, asker.use_case, [id])
        return render.quality(view, hub.dataset(asker.actor, asker.use_case, id).dataset, asker.lang)


def _declarations(app: FastAPI) -> None:
    @app.post(
        "/usecases/{id}/grants/{dataset}/approval", summary="Consent to a grant as data owner", tags=["declarations"]
    )
    def approve(id: str, dataset: str, body: bodies.Approval, asker: Known, hub: Door) -> Json:
        return {"version": hub.approve(asker.actor, id, dataset, note=body.note)}

    @app.delete(
        "/usecases/{id}/grants/{dataset}/approval", summary="Take a consent back as data owner", tags=["declarations"]
    )
    def withdraw(id: str, dataset: str, asker: Known, hub: Door) -> Json:
        return {"version": hub.withdraw(asker.actor, id, dataset)}

    @app.get("/documents/{kind}/{id}", summary="A document as declared", tags=["declarations"])
    def get(kind: Kind, id: str, asker: Known, hub: Door, response: Response) -> Json:
        snapshot = hub.nouns(asker.actor)
        found = snapshot.get(kind.value, id)
        if found is None:
            raise Unknown(f"There is no {kind.value} {id[:80]!r}.")
        response.headers["ETag"] = f'"{snapshot.version}"'
        return render.document(found)

    @app.put("/documents/{kind}/{id}", summary="Put a document", tags=["declarations"])
    def put(kind: Kind, id: str, body: Json, asker: Known, hub: Door, if_match: IfMatch = None) -> Json:
        expect = bodies.version_of(if_match)
        change = Change(kind.value, id, bodies.noun(kind.value, id, body))
        return {"version": hub.declare(asker.actor, [change], expect=expect)}

    @app.delete("/documents/{kind}/{id}", summary="Remove a document", tags=["declarations"])
    def delete(kind: Kind, id: str, asker: Known, hub: Door, if_match: IfMatch = None) -> Json:
        expect = bodies.version_of(if_match)
        return {"version": hub.declare(asker.actor, [Change(kind.value, id, None)], expect=expect)}

    @app.get("/history", summary="Revisions, newest first", tags=["declarations"])
    def history(
        asker: Who,
        hub: Door,
        kind: str = "",
        id: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[Json]:
        return [
            {"version": item.version, "kind": item.kind, "id": item.id, "at": item.at, "removed": item.noun is None}
            | ({"author": item.author} if not asker.anonymous else {})
            for item in hub.history(asker.actor, kind, id, limit)
        ]


def _oversight(app: FastAPI) -> None:
    @app.get("/audit", summary="The ledger, for data protection, ethics and data owners", tags=["oversight"])
    def audit(
        asker: Known,
        hub: Door,
        dataset: str = "",
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[Json]:
        found = hub.audit(asker.actor, dataset=dataset, after=after, limit=limit)
        return [render.plain(item) for item in found]

    @app.get("/usage", summary="Reads by dataset and use case in the last days", tags=["oversight"])
    def usage(asker: Who, hub: Door, days: Annotated[int, Query(ge=1, le=3660)] = 30) -> list[Json]:
        now = dt.datetime.now(dt.UTC)
        return [render.plain(item) for item in hub.usage(asker.actor, now - dt.timedelta(days=days), now)]


def routes(_: Services) -> list[BaseRoute]:
    """The FastAPI application, mounted."""
    return [Mount("/api", application())]
