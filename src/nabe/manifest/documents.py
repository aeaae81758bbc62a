"""The kinds of documents as Pydantic models: what may stand in a YAML file, with words for editors.

Each model turns itself into the noun of `nabe.model` with `noun()`; `of(noun)` is the way back.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from nabe.manifest.basics import Document, Id, Settings, TextDoc, Word, Words
from nabe.manifest.dataset_documents import DatasetDoc, LimitsDoc, ProductDoc
from nabe.manifest.device_documents import ProfileDoc
from nabe.model import catalogue as c
from nabe.model import dataset as d
from nabe.model import party as p
from nabe.model import usecase as u


class CityDoc(Document):
    """nabe.yaml: the municipality and how this instance runs."""

    kind: str = "city"
    id: Id
    title: Words
    ags: Annotated[Word, Field(pattern=r"^(\d{8})?$", description="official municipality key, 8 digits")] = ""
    land: Annotated[str, Field(pattern=r"^([A-Z]{2})?$", description="Bundesland as in ISO 3166-2, e.g. NW")] = ""
    base_uri: str = "http://localhost:8080"
    languages: tuple[str, ...] = ("de", "en")
    description: Words = TextDoc()
    synthetic: bool = False
    contact: Word = ""
    allow_hosts: Annotated[tuple[str, ...], Field(description="hosts in private networks that sources may name")] = ()
    server: Settings = Field(default_factory=dict, description="settings of the server, see nabe doctor")

    def noun(self) -> c.City:
        fields = self.model_dump(exclude={"kind", "server", "title", "description"})
        return c.City(**fields | {"title": self.title.noun(), "description": self.description.noun()})


class OrganisationDoc(Document):
    """An organisation of the Konzern Stadt, or a partner."""

    kind: str = "organisation"
    id: Id
    title: Words
    type: Annotated[p.OrganisationKind, Field(description="what it is to the city")] = p.OrganisationKind.DEPARTMENT
    parent: str = ""
    contact: Word = ""

    def noun(self) -> p.Organisation:
        return p.Organisation(self.id, self.title.noun(), self.type, self.parent, self.contact)


class GoalDoc(Document):
    """A goal of the city's strategy."""

    kind: str = "goal"
    id: Id
    title: Words
    description: Words = TextDoc()
    parent: str = ""

    def noun(self) -> c.Goal:
        return c.Goal(self.id, self.title.noun(), self.description.noun(), self.parent)


class CodeDoc(Document):
    """An entry of a code list."""

    value: Word
    title: Words
    uri: str = ""

    def noun(self) -> c.Code:
        return c.Code(self.value, self.title.noun(), self.uri)


class VocabularyDoc(Document):
    """A code list or key register."""

    kind: str = "vocabulary"
    id: Id
    title: Words
    codes: tuple[CodeDoc, ...] = ()
    source: Word = ""

    def noun(self) -> c.Vocabulary:
        return c.Vocabulary(self.id, self.title.noun(), tuple(code.noun() for code in self.codes), self.source)


class SystemDoc(Document):
    """A silo."""

    kind: str = "system"
    id: Id
    title: Words
    adapter: str
    owner: str
    connection: Settings = Field(
        default_factory=dict, description="settings of the adapter; secrets as ${ENV} or file:"
    )
    description: Words = TextDoc()
    limits: LimitsDoc = LimitsDoc()
    check_every: Annotated[Word, Field(description="how often to see whether it answers, e.g. PT5M or a cron line")] = (
        ""
    )

    def noun(self) -> d.System:
        return d.System(
            self.id,
            self.title.noun(),
            self.adapter,
            self.owner,
            self.connection,
            self.description.noun(),
            self.limits.noun(),
            self.check_every,
        )


class MemberDoc(Document):
    """Who works in a use case; everything given must fit."""

    person: Word = ""
    role: p.Role | None = None
    organisation: str = ""

    def noun(self) -> u.Member:
        return u.Member(self.person, self.role, self.organisation)


class ApprovalDoc(Document):
    """The data owner's consent."""

    by: str
    at: dt.datetime
    note: Word = ""

    def noun(self) -> u.Approval:
        at = self.at if self.at.tzinfo else self.at.replace(tzinfo=dt.UTC)
        return u.Approval(self.by, at, self.note)


class GrantDoc(Document):
    """What the use case may read of a dataset."""

    dataset: str
    columns: Annotated[tuple[str, ...], Field(description="field names; * = all that are not personal")] = ()
    where: Annotated[str, Field(description="row filter, e.g. district = '03'")] = ""
    min_group: Annotated[int, Field(ge=0, le=1000)] = 0
    measures: tuple[str, ...] = ()
    rounding: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    expires: dt.date | None = None
    publish: bool = False
    approval: ApprovalDoc | None = None
    reason: Words = TextDoc()

    def noun(self) -> u.Grant:
        return u.Grant(
            self.dataset,
            self.columns,
            self.where,
            self.min_group,
            self.measures,
            self.rounding,
            self.expires,
            self.publish,
            self.approval.noun() if self.approval else None,
            self.reason.noun(),
        )


class UseCaseDoc(Document):
    """usecase.yaml: a registered purpose with its members, grants and products."""

    kind: str = "usecase"
    id: Id
    title: Words
    purpose: Words
    owner: str
    legal_basis: Word = ""
    description: Words = TextDoc()
    state: u.UseCaseState = u.UseCaseState.DRAFT
    ethics: u.EthicsState = u.EthicsState.NOT_ASSESSED
    goals: tuple[str, ...] = ()
    members: tuple[MemberDoc, ...] = ()
    grants: tuple[GrantDoc, ...] = ()
    products: tuple[ProductDoc, ...] = ()
    expires: dt.date | None = None
    public: bool = True

    def noun(self) -> u.UseCase:
        return u.UseCase(
            self.id,
            self.title.noun(),
            self.purpose.noun(),
            self.owner,
            self.legal_basis,
            self.description.noun(),
            self.state,
            self.ethics,
            self.goals,
            tuple(member.noun() for member in self.members),
            tuple(grant.noun() for grant in self.grants),
            self.expires,
            self.public,
        )


DOCUMENTS: dict[str, type[Document]] = {
    "city": CityDoc,
    "organisation": OrganisationDoc,
    "goal": GoalDoc,
    "vocabulary": VocabularyDoc,
    "profile": ProfileDoc,
    "system": SystemDoc,
    "dataset": DatasetDoc,
    "usecase": UseCaseDoc,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema of each kind, for completion in editors."""
    return {
        kind: {"$schema": "https://json-schema.org/draft/2020-12/schema"} | document.model_json_schema()
        for kind, document in DOCUMENTS.items()
    }
