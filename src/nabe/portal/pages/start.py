"""The start page: search, figures, what is new, what it is for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nabe.model.usecase import UseCaseState
from nabe.portal.rendering import render
from nabe.portal.summary import summaries
from nabe.web.asker import asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread

_SHOWN = 6


async def page(request: Request) -> Response:
    """GET /"""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    found = summaries(hub, asker, hub.find(asker.actor, asker.use_case))
    cases = [case for case in hub.usecases(asker.actor) if case.state is UseCaseState.ACTIVE]
    goals = hub.goals()
    pursuing = {id: [case for case in cases if id in case.goals] for id in goals}
    newest = sorted(found, key=lambda item: (item.readable, item.dataset.modified), reverse=True)
    return render(
        request,
        asker,
        "start.html",
        products=[item for item in newest if item.dataset.product][:_SHOWN],
        newest=[item for item in newest if not item.dataset.product][:_SHOWN],
        figures=(("datasets", len(found)), ("systems", len(hub.systems(asker.actor))), ("usecases", len(cases))),
        goals=[(goal, pursuing[id]) for id, goal in goals.items()],
    )
