"""Use cases: the registered purposes for which data may be used, and the grants they hold (study §4.1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from nabe.model.party import Role
from nabe.model.text import Text

#: The purpose of whoever names none: only open data.
OPEN_DATA = "open-data"


class UseCaseState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ENDED = "ended"


class EthicsState(StrEnum):
    """Outcome of the ethics assessment; `objected` stops the use case."""

    NOT_ASSESSED = "not_assessed"
    CLEARED = "cleared"
    CONDITIONS = "conditions"
    OBJECTED = "objected"


@dataclass(frozen=True, slots=True)
class Member:
    """Who works in a use case. All that is given must fit the actor; nothing given fits nobody.

    An organisation includes the organisations below it.
    """

    person: str = ""
    role: Role | None = None
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """The data owner's consent to a grant."""

    by: str
    at: dt.datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a use case may read of one dataset; at most one per use case and dataset.

    `columns`: field names; a personal field must be named here to be readable. `("*",)` = all that are not personal.
    `where`: row filter in SQL (simple comparisons joined by AND/OR/NOT), empty = all rows.
    `min_group` k > 1: every row seen is equal, in all granted columns, to those of at least k-1 other subjects; rows of
    smaller cells stay hidden. `measures`: numeric fields shown as the mean of their cell instead of forming cells.
    `rounding`: field -> step; numbers are rounded to the step before anything else.
    `publish`: products made from it may leave the use case. Not effective without `approval` by the data owner.
    """

    dataset: str
    columns: tuple[str, ...] = ()
    where: str = ""
    min_group: int = 0
    measures: tuple[str, ...] = ()
    rounding: Mapping[str, float] = field(default_factory=dict)
    expires: dt.date | None = None
    publish: bool = False
    approval: Approval | None = None
    reason: Text = Text()


@dataclass(frozen=True, slots=True)
class UseCase:
    """A registered purpose. `goals` are ids of strategy goals; `legal_basis` cites the law."""

    id: str
    title: Text
    purpose: Text
    owner: str
    legal_basis: str = ""
    description: Text = Text()
    state: UseCaseState = UseCaseState.DRAFT
    ethics: EthicsState = EthicsState.NOT_ASSESSED
    goals: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    grants: tuple[Grant, ...] = ()
    expires: dt.date | None = None
    public: bool = True

    def grant(self, dataset: str) -> Grant | None:
        """The grant for that dataset, or nothing."""
        return next((item for item in self.grants if item.dataset == dataset), None)

    def consented_before(self, grant: Grant, before: UseCase | None) -> Approval | None:
        """The consent that `grant` of this version already had in the version `before`.

        An owner consents to these columns, rows and groups for this purpose on this legal basis: when one of them is
        another, the consent is none any more.
        """
        old = before.grant(grant.dataset) if before is not None else None
        if before is None or old is None or (self.purpose, self.legal_basis) != (before.purpose, before.legal_basis):
            return None
        return old.approval if replace(grant, approval=old.approval) == old else None
