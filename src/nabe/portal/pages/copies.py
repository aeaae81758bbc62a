"""Copies of a dataset in the lake: which there are, how well the newest stands, earlier states to download."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nabe.portal.forms import form_of
from nabe.portal.offers import may_copy
from nabe.portal.rendering import render
from nabe.quality import check_copy
from nabe.web.asker import asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread

_SHOWN = 50


async def page(request: Request) -> Response:
    """GET /datasets/{id}/copies"""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    found = hub.dataset(asker.actor, asker.use_case, request.path_params["id"])
    kept = hub.kept(asker.actor, found.dataset.id)
    return render(
        request,
        asker,
        "copies.html",
        dataset=found.dataset,
        readable=found.decision.permit,
        kept=kept,
        versions=kept.versions[:_SHOWN],
        may_take=may_copy(asker, found.dataset, hub),
        taken=request.query_params.get("taken", ""),
    )


async def take(request: Request) -> Response:
    """POST /datasets/{id}/copies: take a copy now."""
    await form_of(request)
    return await in_thread(_take, request)


def _take(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    id = request.path_params["id"]
    run = hub.snapshot(asker.actor, id)
    check_copy(hub, run)
    return RedirectResponse(f"/datasets/{id}/copies?taken={run.state.value}", 303)
