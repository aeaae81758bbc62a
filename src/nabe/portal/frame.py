"""What stands around every page: the city, who is logged in, for which use case they ask, language and theme."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from nabe.governance.facts import is_member
from nabe.model.catalogue import City, Snapshot
from nabe.model.party import Actor
from nabe.model.usecase import OPEN_DATA, UseCase, UseCaseState
from nabe.web.asker import Asker
from nabe.web.services import services_of

THEME = "nabe_theme"
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Frame:
    """`mine`: active use cases in which the person works. `case`: the one asked for, if it may be known."""

    asker: Asker
    city: City
    lang: str
    theme: str
    path: str
    here: str
    mine: tuple[UseCase, ...] = ()
    case: UseCase | None = None

    @property
    def anonymous(self) -> bool:
        """Has nobody logged in?"""
        return self.asker.anonymous

    @property
    def open_data(self) -> bool:
        """Is no purpose beyond open data named?"""
        return self.asker.use_case == OPEN_DATA


def frame_of(request: Request, asker: Asker) -> Frame:
    """The frame for this request."""
    hub = services_of(request).hub
    cases = hub.usecases(asker.actor)
    organisations = Snapshot(organisations=hub.organisations())
    return Frame(
        asker=asker,
        city=hub.city(),
        lang=asker.lang,
        theme=theme_of(request),
        path=request.url.path,
        here=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
        mine=() if asker.anonymous else tuple(case for case in cases if works_in(asker.actor, case, organisations)),
        case=next((case for case in cases if case.id == asker.use_case), None),
    )


def works_in(actor: Actor, case: UseCase, organisations: Snapshot) -> bool:
    """Is the use case active and the actor a member of it?"""
    return case.state is UseCaseState.ACTIVE and is_member(actor, case, organisations)


def theme_of(request: Request) -> str:
    """`light` or `dark` when chosen; empty follows the system."""
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in THEMES else ""
