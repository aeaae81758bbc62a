"""My tasks: what of one's own data needs a look; and having a dataset checked now."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nabe.errors import NotAuthenticated
from nabe.portal.forms import form_of, own_path
from nabe.portal.quality import line
from nabe.portal.rendering import render
from nabe.quality import run, tasks
from nabe.web.asker import asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread


async def page(request: Request) -> Response:
    """GET /tasks"""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    if asker.anonymous:
        raise NotAuthenticated("Log in to see your tasks.")
    lang = asker.lang
    titles = {item.dataset.id: item.dataset.title.in_(lang) for item in hub.find(asker.actor, asker.use_case)}
    lists = [
        (
            item,
            [line(rule, item.dataset, titles, lang) for rule in item.open],
            [line(rule, item.dataset, titles, lang) for rule in item.mended],
            [line(rule, item.dataset, titles, lang) for rule in item.unchecked],
        )
        for item in tasks(hub, asker.actor, asker.use_case)
    ]
    return render(
        request,
        asker,
        "tasks.html",
        lists=[entry for entry in lists if entry[1] or entry[2] or entry[3]],
        watched=len(lists),
        calm=[entry[0].dataset for entry in lists if not (entry[1] or entry[2] or entry[3])],
        open=sum(len(entry[1]) for entry in lists),
    )


async def check(request: Request) -> Response:
    """POST /datasets/{id}/quality: check it now, then back to where one was."""
    form = await form_of(request)
    return await in_thread(_check, request, form)


def _check(request: Request, form: dict[str, str]) -> Response:
    asker, id = asker_of(request), request.path_params["id"]
    run(services_of(request).hub, [id], actor=asker.actor, interface="portal")
    return RedirectResponse(own_path(form.get("back") or f"/datasets/{id}#quality"), 303)
