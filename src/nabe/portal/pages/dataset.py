"""The page of one dataset: what it is, whether I may read it and why, how to get it, where it comes from."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import NabeError
from nabe.formats import FORMATS
from nabe.hub import Found, Hub
from nabe.model.catalogue import Revision
from nabe.model.dataset import Dataset
from nabe.portal.cells import counts
from nabe.portal.examples import examples_of
from nabe.portal.frame import frame_of
from nabe.portal.quality import lines
from nabe.portal.reasons import why
from nabe.portal.rendering import render_in
from nabe.portal.summary import summaries
from nabe.portal.wording import Wording
from nabe.web.asker import Asker, asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread

_REVISIONS = 10
#: Formats offered for download, in this order; `geojson` where there is geometry.
_OFFERED = ("csv", "xlsx", "json", "geojson", "parquet")


async def page(request: Request) -> Response:
    """GET /datasets/{id}"""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    id = request.path_params["id"]
    found = hub.dataset(asker.actor, asker.use_case, id)
    dataset = found.dataset
    frame = frame_of(request, asker)
    lineage = hub.lineage(asker.actor, asker.use_case, id)
    known = {item.dataset.id: item for item in summaries(hub, asker, hub.find(asker.actor, asker.use_case))}
    (quality,) = hub.quality(asker.actor, asker.use_case, [id])
    titles = {name: item.dataset.title.in_(asker.lang) for name, item in known.items()}
    system = next((item for item in hub.systems(asker.actor) if item.id == dataset.system), None)
    return render_in(
        request,
        frame,
        "dataset.html",
        dataset=dataset,
        found=found,
        summary=known[id],
        copies=hub.kept(asker.actor, id),
        system=system,
        case=_case(hub, asker, dataset),
        why=why(found, frame, hub),
        readable=set(found.readable),
        asks=_asks_first(found),
        formats=_formats(dataset) if found.decision.permit else [],
        examples=examples_of(dataset, found.readable, frame, str(request.base_url)),
        vocabularies=hub.vocabularies(),
        lineage=lineage,
        map_titles=_map_titles(dataset, asker.lang),
        known=known,
        revisions=_revisions(hub, asker, id),
        deliverable=_deliverable(hub, asker, id),
        delivered=request.query_params.get("delivered") == "1",
        quality=quality,
        quality_lines=lines(quality, dataset, titles, asker.lang),
    )


def _case(hub: Hub, asker: Asker, dataset: Dataset) -> object:
    """The use case that makes a product, if it may be known."""
    wanted = dataset.product.use_case if dataset.product else ""
    return next((case for case in hub.usecases(asker.actor) if case.id == wanted), None)


def _map_titles(dataset: Dataset, lang: str) -> dict[str, tuple[str, bool]]:
    """What the map calls the fields, and which hold numbers that count something."""
    say = Wording(lang)
    units = {field.name: say.unit(field) for field in dataset.fields}
    titles = {field.name: field.title.in_(lang) or field.name for field in dataset.fields}
    return {
        field.name: (titles[field.name] + (f" ({units[field.name]})" if units[field.name] else ""), counts(field))
        for field in dataset.fields
    }


def _asks_first(found: Found) -> bool:
    """Rows with personal data are fetched when asked for, not in passing."""
    personal = {field.name for field in found.dataset.fields if field.personal}
    return bool(personal.intersection(found.readable))


def _formats(dataset: Dataset) -> list[str]:
    return [id for id in _OFFERED if id in FORMATS and (id != "geojson" or dataset.geometry)]


def _deliverable(hub: Hub, asker: Asker, id: str) -> bool:
    """Offer the form to those who may use it, where a file can be put."""
    try:
        found = hub.reception(asker.actor, id) if asker.actor.organisation else None
    except NabeError:  # a silo that cannot be opened is told by the preview
        return False
    return found is not None and found.permit and not found.why_not


def _revisions(hub: Hub, asker: Asker, id: str) -> list[Revision]:
    return hub.history(asker.actor, "dataset", id, _REVISIONS)
