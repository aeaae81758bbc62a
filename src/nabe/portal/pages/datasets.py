"""The list of datasets: search and facets, live with htmx, as well without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from nabe.portal.rendering import render
from nabe.portal.summary import Summary, summaries
from nabe.portal.wording import Wording
from nabe.web.asker import Asker, asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet, with how many datasets have it among those that fit everything else."""

    value: str
    title: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A way to narrow the list."""

    name: str
    choices: tuple[Choice, ...]


async def page(request: Request) -> Response:
    """GET /datasets?q=&access=&owner=&system=&theme=&spatial=&readable="""
    return await in_thread(_page, request)


def _page(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    text = request.query_params.get("q", "").strip()[:_LONGEST]
    found = summaries(hub, asker, hub.find(asker.actor, asker.use_case, text=text))
    keys = _keys(asker)
    chosen = {name: set(request.query_params.getlist(name)) - {""} for name in keys}
    shown = [item for item in found if _fits(item, keys, chosen)]
    part = request.headers.get("hx-request") == "true" and not request.headers.get("hx-history-restore-request")
    return render(
        request,
        asker,
        "parts/results.html" if part else "datasets.html",
        text=text,
        found=shown,
        total=len(found),
        facets=[_facet(name, key, found, keys, chosen) for name, key in keys.items()],
        narrowed=bool(text) or any(chosen.values()),
    )


_Key = Callable[[Summary], tuple[str, str]]


def _keys(asker: Asker) -> dict[str, _Key]:
    """Facet -> (value, title) of a dataset; an empty value does not show."""
    say, lang = Wording(asker.lang), asker.lang
    return {
        "readable": lambda item: ("1", "") if item.readable else ("", ""),
        "access": lambda item: (item.dataset.access.value, say.access(item.dataset.access.value)),
        "spatial": lambda item: ("1", "") if item.dataset.geometry else ("", ""),
        "product": lambda item: ("1", "") if item.dataset.product else ("", ""),
        "owner": lambda item: (item.dataset.owner, item.owner.in_(lang)),
        "system": lambda item: (item.dataset.system if item.system else "", item.system.in_(lang)),
        "theme": lambda item: (item.dataset.theme, say.theme(item.dataset.theme)),
    }


def _fits(item: Summary, keys: dict[str, _Key], chosen: dict[str, set[str]], but: str = "") -> bool:
    return all(name == but or not wanted or keys[name](item)[0] in wanted for name, wanted in chosen.items())


def _facet(name: str, key: _Key, found: list[Summary], keys: dict[str, _Key], chosen: dict[str, set[str]]) -> Facet:
    counted = Counter(key(item)[0] for item in found if _fits(item, keys, chosen, but=name))
    titles = dict(key(item) for item in found)
    choices = [Choice(value, title, counted[value], value in chosen[name]) for value, title in titles.items() if value]
    return Facet(name, tuple(sorted(choices, key=lambda choice: (-choice.count, choice.title.casefold()))))
