"""Which data the city uses for which purposes, for everybody to see."""

from __future__ import annotations

import datetime as dt

from starlette.requests import Request
from starlette.responses import Response

from nabe.model.usecase import UseCaseState
from nabe.portal.rendering import render
from nabe.web.asker import asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread

_SPAN = dt.timedelta(days=30)


async def page(request: Request) -> Response:
    """GET /transparency"""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    now = dt.datetime.now(dt.UTC)
    found = {item.dataset.id: item.dataset for item in hub.find(asker.actor, asker.use_case)}
    reads: dict[str, int] = {}
    for use in hub.usage(asker.actor, now - _SPAN, now):
        reads[use.use_case] = reads.get(use.use_case, 0) + use.reads
    cases = [case for case in hub.usecases(asker.actor) if case.state is not UseCaseState.DRAFT]
    return render(
        request,
        asker,
        "transparency.html",
        cases=sorted(cases, key=lambda case: case.title.in_(asker.lang).casefold()),
        found=found,
        reads=reads,
        organisations=hub.organisations(),
    )
