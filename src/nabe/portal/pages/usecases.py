"""Use cases: the list, one with its grants and products, and the data owner's consent."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nabe.hub import Found, Hub
from nabe.model.dataset import Field
from nabe.model.usecase import Grant
from nabe.portal.forms import form_of
from nabe.portal.offers import owns
from nabe.portal.rendering import render
from nabe.portal.summary import summaries
from nabe.web.asker import Asker, asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant with the dataset it is about. `may_approve`: the reader is asked for consent, or may take it back."""

    grant: Grant
    found: Found
    fields: tuple[Field, ...]
    personal: bool
    may_approve: bool


async def all_of_them(request: Request) -> Response:
    """GET /usecases"""
    return await in_thread(_all, request)


def _all(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    cases = sorted(
        hub.usecases(asker.actor), key=lambda case: (case.state.value != "active", case.title.in_(asker.lang))
    )
    return render(request, asker, "usecases.html", cases=cases, organisations=hub.organisations(), goals=hub.goals())


async def page(request: Request) -> Response:
    """GET /usecases/{id}"""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    case = hub.usecase(asker.actor, request.path_params["id"])
    found = {item.dataset.id: item for item in hub.find(asker.actor, asker.use_case)}
    products = [item for item in found.values() if item.dataset.product and item.dataset.product.use_case == case.id]
    return render(
        request,
        asker,
        "usecase.html",
        case=case,
        organisations=hub.organisations(),
        goals=hub.goals(),
        grants=[_view(grant, found[grant.dataset], asker, hub) for grant in case.grants if grant.dataset in found],
        products=summaries(hub, asker, products),
        withdrawn=request.query_params.get("withdrawn", "") in {grant.dataset for grant in case.grants},
        approved=request.query_params.get("approved", "") in {grant.dataset for grant in case.grants},
    )


def _view(grant: Grant, found: Found, asker: Asker, hub: Hub) -> GrantView:
    dataset = found.dataset
    everything = "*" in grant.columns
    named = (*grant.columns, *grant.measures)
    fields = tuple(field for field in dataset.fields if field.name in named or (everything and not field.personal))
    return GrantView(
        grant,
        found,
        fields,
        any(field.personal for field in fields),
        owns(asker, dataset.owner, hub),
    )


async def withdraw(request: Request) -> Response:
    """POST /usecases/{id}/withdraw: take the consent to the grant of `dataset` back."""
    form = await form_of(request)
    return await in_thread(_withdraw, request, form.get("dataset", ""))


def _withdraw(request: Request, dataset: str) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    id = request.path_params["id"]
    hub.withdraw(asker.actor, id, dataset)
    return RedirectResponse(f"/usecases/{id}?withdrawn={dataset}#grants", 303)


async def approve(request: Request) -> Response:
    """POST /usecases/{id}/approve: consent to the grant of `dataset`."""
    form = await form_of(request)
    return await in_thread(_approve, request, form.get("dataset", ""), form.get("note", ""))


def _approve(request: Request, dataset: str, note: str) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    id = request.path_params["id"]
    hub.approve(asker.actor, id, dataset, note=note[:500])
    return RedirectResponse(f"/usecases/{id}?approved={dataset}#grants", 303)
