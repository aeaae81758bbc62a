"""Why somebody may or may not read a dataset, and what to do about it, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nabe.hub import Found, Hub
from nabe.i18n import t
from nabe.model.dataset import Access, Dataset
from nabe.model.decision import Effect, Verdict
from nabe.model.text import Text
from nabe.model.usecase import OPEN_DATA, UseCase
from nabe.portal.frame import Frame
from nabe.portal.wording import Wording

#: Reasons for which another use case, or any, may help.
_CHOOSE = frozenset({"purpose_missing", "not_a_member", "no_grant", "use_case_unknown", "use_case_ended"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """One verdict: its effect, words, and the law it rests on."""

    effect: str
    text: str
    law: str


@dataclass(frozen=True, slots=True)
class Why:
    """The decision in words. `log_in`, `choose`, `ask`: what may help."""

    permit: bool
    sentences: tuple[Sentence, ...]
    log_in: bool
    choose: tuple[UseCase, ...]
    ask: Text
    contact: str


def why(found: Found, frame: Frame, hub: Hub) -> Why:
    """The decision in words; a denial says only what denies."""
    decision, dataset = found.decision, found.dataset
    verdicts = [verdict for verdict in decision.because if decision.permit or verdict.effect is Effect.DENY]
    keys = {verdict.reason for verdict in decision.because}
    owner = hub.organisations().get(dataset.owner)
    denied = not decision.permit
    helpful = tuple(case for case in frame.mine if case.id != frame.asker.use_case and _reads(case, dataset))
    return Why(
        permit=decision.permit,
        sentences=tuple(_sentence(verdict, dataset, frame, hub) for verdict in verdicts or decision.because),
        log_in=frame.anonymous and dataset.access is not Access.OPEN and denied,
        choose=helpful if denied and (keys & _CHOOSE or frame.asker.use_case == OPEN_DATA) else (),
        ask=owner.title if owner else Text(),
        contact=owner.contact if owner else "",
    )


def _sentence(verdict: Verdict, dataset: Dataset, frame: Frame, hub: Hub) -> Sentence:
    """The verdict with titles instead of ids, as far as the reader may know them."""
    params: dict[str, Any] = dict(verdict.params)
    lang = frame.lang
    if params.get("dataset") == dataset.id:
        params["dataset"] = dataset.title.in_(lang)
    if frame.case is not None and params.get("use_case") == frame.case.id:
        params["use_case"] = frame.case.title.in_(lang)
    if owner := hub.organisations().get(str(params.get("owner", ""))):
        params["owner"] = owner.title.in_(lang)
    for name in ("fields", "columns"):
        if params.get(name):
            params[name] = _titles(str(params[name]), dataset, lang)
    text = t(f"reason.{verdict.reason}", lang, **params)
    return Sentence(verdict.effect.value, text, Wording(lang).law(verdict.law))


def _titles(names: str, dataset: Dataset, lang: str) -> str:
    if names == "*":
        return t("portal.all_fields", lang)
    fields = ((name, dataset.field(name)) for name in names.split(", "))
    return ", ".join((field.title.in_(lang) or name) if field else name for name, field in fields)


def _reads(case: UseCase, dataset: Dataset) -> bool:
    product = dataset.product
    return case.grant(dataset.id) is not None or (product is not None and product.use_case == case.id)
