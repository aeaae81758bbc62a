"""What a policy may look at besides the request itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset
from nabe.model.expr import ALL_ROWS, Expr
from nabe.model.party import Actor
from nabe.model.periods import CITY_TIME as CITY_TIME  # expiry dates of German cities end with the German day
from nabe.model.periods import day_of as day_of
from nabe.model.usecase import OPEN_DATA, Grant, Member, UseCase

#: From closed to open, for "less open than".
OPENNESS = {Access.RESTRICTED: 0, Access.INTERNAL: 1, Access.GROUP: 2, Access.OPEN: 3}


@dataclass(frozen=True, slots=True)
class Facts:
    """The declared world around one request.

    `row_filter`: the grant's `where`, parsed. `inputs`: if the dataset is a product, what its SQL reads.
    `for_product`: the request is a product's own read of an input, under the product's use case. `for_check`: the dataset
    whose rules are checked, where the request is for one that they refer to.
    """

    snapshot: Snapshot
    dataset: Dataset
    use_case: UseCase | None
    row_filter: Expr = ALL_ROWS
    inputs: tuple[Dataset, ...] = ()
    for_product: str = ""
    for_check: str = ""

    @property
    def grant(self) -> Grant | None:
        """The use case's grant for this dataset."""
        return self.use_case.grant(self.dataset.id) if self.use_case else None


def end_of(day: dt.date) -> dt.datetime:
    """The moment at which a German calendar day is over."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), CITY_TIME).astimezone(dt.UTC)


def belongs(member: Member, actor: Actor, snapshot: Snapshot) -> bool:
    """Does every part of the membership that is given fit the actor? One without parts fits nobody."""
    if not (member.person or member.role or member.organisation):
        return False
    if member.person and member.person != actor.id:
        return False
    if member.role is not None and member.role not in actor.roles:
        return False
    return not member.organisation or member.organisation in snapshot.ancestry(actor.organisation)


def is_member(actor: Actor, use_case: UseCase, snapshot: Snapshot) -> bool:
    """Does the actor work in the use case?"""
    return any(belongs(member, actor, snapshot) for member in use_case.members)


def names_purpose(use_case: str) -> bool:
    """Did the asker name a purpose beyond open data?"""
    return use_case != OPEN_DATA
