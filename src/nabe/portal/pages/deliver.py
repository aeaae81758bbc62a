"""A data owner's new file: the form, what was found in it, and the word to take it over."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nabe.errors import Denied, NabeError
from nabe.hub import Hub
from nabe.i18n import messages, number, t
from nabe.model.dataset import Dataset
from nabe.model.delivery import Delivery, Finding
from nabe.portal.cells import Table, rows_of
from nabe.portal.errors import Told, told
from nabe.portal.forms import form_of, upload_of
from nabe.portal.rendering import render
from nabe.portal.wording import Wording
from nabe.web.asker import Asker, asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread


async def page(request: Request) -> Response:
    """GET /datasets/{id}/deliver: the form. POST: the file, which is held aside and looked at."""
    if request.method == "GET":
        return await in_thread(_form, request)
    await in_thread(_permitted, request)
    file = await upload_of(request, "file")
    try:
        return await in_thread(_hold, request, file)
    finally:
        if file is not None:
            await file.close()


async def preview(request: Request) -> Response:
    """GET /datasets/{id}/deliver/{delivery}: what was found in the file that waits."""
    return await in_thread(_preview, request)


async def take(request: Request) -> Response:
    """POST /datasets/{id}/deliver/{delivery}/take: put it in the old one's place."""
    await form_of(request)
    return await in_thread(_take, request)


async def drop(request: Request) -> Response:
    """POST /datasets/{id}/deliver/{delivery}/drop: forget it."""
    await form_of(request)
    return await in_thread(_drop, request)


def _permitted(request: Request) -> None:
    """Raises for whoever may not deliver here, before a byte of the file is read."""
    asker, hub = asker_of(request), services_of(request).hub
    if not hub.reception(asker.actor, request.path_params["id"]).permit:
        # The hub says why, and writes it down.
        hub.delivery(asker.actor, request.path_params["id"], "", interface="portal")
        raise Denied("You may not deliver files here.")


def _form(request: Request, error: Told | None = None, status: int = 200) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    dataset = hub.dataset(asker.actor, asker.use_case, request.path_params["id"]).dataset
    reception = hub.reception(asker.actor, dataset.id)
    if not reception.permit:
        _permitted(request)
    return render(
        request,
        asker,
        "deliver.html",
        status,
        dataset=dataset,
        why_not=t(f"delivery.{reception.why_not}", asker.lang) if reception.why_not else "",
        most=services_of(request).settings.upload_mb,
        error=error,
    )


def _hold(request: Request, file: UploadFile | None) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    id = request.path_params["id"]
    if file is None:
        return _form(
            request, Told(400, t("portal.deliver.none", asker.lang), t("portal.deliver.choose", asker.lang)), 400
        )
    try:
        found = hub.deliver(asker.actor, id, file.filename or "", file.file, interface="portal")
    except NabeError as error:
        if error.status in (400, 413):
            return _form(request, told(error, request, asker), error.status)
        raise
    if found.fits:
        return RedirectResponse(f"/datasets/{id}/deliver/{found.id}", 303)
    return _shown(request, asker, hub, found, 422)


def _preview(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    return _shown(request, asker, hub, hub.delivery(asker.actor, *_ids(request), interface="portal"))


def _take(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    id, delivery = _ids(request)
    hub.take_delivery(asker.actor, id, delivery, interface="portal")
    return RedirectResponse(f"/datasets/{id}?delivered=1", 303)


def _drop(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    id, delivery = _ids(request)
    hub.drop_delivery(asker.actor, id, delivery, interface="portal")
    return RedirectResponse(f"/datasets/{id}/deliver", 303)


def _ids(request: Request) -> tuple[str, str]:
    return request.path_params["id"], request.path_params["delivery"]


def _shown(request: Request, asker: Asker, hub: Hub, found: Delivery, status: int = 200) -> Response:
    dataset = hub.dataset(asker.actor, asker.use_case, found.dataset).dataset
    return render(
        request,
        asker,
        "delivery.html",
        status,
        dataset=dataset,
        delivery=found,
        flaws=[sentence(item, dataset, asker.lang) for item in found.flaws],
        exact=[item.params for item in found.flaws if item.kind == "unreadable"],
        notes=[sentence(item, dataset, asker.lang) for item in found.notes],
        table=_table(found, dataset, asker.lang),
    )


def sentence(finding: Finding, dataset: Dataset, lang: str) -> str:
    """A finding in words, numbers and types as they are written here."""
    params = dict(finding.params)
    if "count" in params:
        params["count"] = number(int(params["count"]), lang, decimals=0)
    if "type" in params:
        params["type"] = Wording(lang).kind(str(params["type"]))
    if "fields" in params:
        titles = [dataset.field(name) for name in str(params["fields"]).split(", ")]
        params["fields"] = ", ".join(field.title.in_(lang) or field.name for field in titles if field is not None)
    key = f"delivery.{finding.kind}"
    return t(key, lang, **params) if key in messages(lang) else finding.kind


def _table(found: Delivery, dataset: Dataset, lang: str) -> Table | None:
    if found.first is None:
        return None
    fields = [field for name in found.first.schema.names if (field := dataset.field(name)) is not None]
    shown = found.first.select([field.name for field in fields])
    return rows_of(shown, fields, lang, more=found.rows > shown.num_rows)
