"""The kinds of documents as Pydantic models: what may stand in a YAML file, with words for editors.

Each model turns itself into the noun of `nabe.model` with `noun()`; `of(noun)` is the way back.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from nabe.manifest.reading import as_written, without_writing
from nabe.model import catalogue as c
from nabe.model import dataset as d
from nabe.model import party as p
from nabe.model import quality as q
from nabe.model import usecase as u
from nabe.model.text import Text

ID = r"^[a-z][a-z0-9_-]{0,62}$"
DATASET_ID = r"^[a-z][a-z0-9_]{0,62}$"


def _text(value: Any) -> Any:
    value = _word(value)
    return {"de": value} if isinstance(value, str) else value


def _word(value: Any) -> Any:
    """What YAML took for a number keeps its writing where it is text: a code 1.10 is not 1.1."""
    if isinstance(value, bool):
        raise ValueError(f"text is expected; put {str(value).lower()} in quotes if it is meant as text")
    return as_written(value)


def _bound(value: Any) -> Any:
    """A plain number; YAML keeps dates as text."""
    value = without_writing(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else _word(value)


Word = Annotated[str, BeforeValidator(_word)]
#: Settings of adapters and of the server: whatever they like.
Settings = Annotated[dict[str, Any], BeforeValidator(without_writing)]
Id = Annotated[str, Field(pattern=ID, description="lower-case letters, digits, - and _")]
DatasetId = Annotated[str, Field(pattern=DATASET_ID, description="lower-case letters, digits and _; its name in SQL")]


class Document(BaseModel):
    """What all share."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _given(cls, data: Any) -> Any:
        """A field with nothing behind its colon is as good as left out."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class TextDoc(Document):
    """A text in German, perhaps in English too; a plain string is German."""

    de: Word = ""
    en: Word = ""

    def noun(self) -> Text:
        return Text(self.de, self.en)


_TEXT_SCHEMA = {
    "description": "a text in German, or German and English apart",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"de": {"type": "string"}, "en": {"type": "string"}},
            "additionalProperties": False,
        },
    ],
}
Words = Annotated[TextDoc, BeforeValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]


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
    server: Annotated[Settings, Field(description="settings of the server, see nabe doctor")] = {}

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


class LimitsDoc(Document):
    """How much one question may ask of a silo."""

    rows: Annotated[int, Field(gt=0)] = 5_000_000
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0

    def noun(self) -> d.Limits:
        return d.Limits(self.rows, self.timeout_s)


class SystemDoc(Document):
    """A silo."""

    kind: str = "system"
    id: Id
    title: Words
    adapter: str
    owner: str
    connection: Annotated[Settings, Field(description="settings of the adapter; secrets as ${ENV} or file:")] = {}
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


class ReferenceDoc(Document):
    """A foreign key."""

    dataset: str
    field: str

    def noun(self) -> d.Reference:
        return d.Reference(self.dataset, self.field)


class FieldDoc(Document):
    """A field of a dataset."""

    name: DatasetId
    type: d.FieldType
    title: Words = TextDoc()
    description: Words = TextDoc()
    column: Annotated[Word, Field(description="name in the silo, if it is another")] = ""
    unit: Annotated[str, Field(description="UCUM code")] = ""
    source_unit: Annotated[
        str, Field(description="UCUM code of the silo's own numbers, if they are to be converted to unit")
    ] = ""
    personal: bool = False
    vocabulary: str = ""
    references: ReferenceDoc | None = None

    def noun(self) -> d.Field:
        return d.Field(
            self.name,
            self.type,
            self.title.noun(),
            self.description.noun(),
            self.column,
            self.unit,
            self.personal,
            self.vocabulary,
            self.references.noun() if self.references else None,
            self.source_unit,
        )


class SnapshotsDoc(Document):
    """Copies of a dataset in the lake."""

    every: Annotated[
        Word, Field(description="ISO 8601 duration (PT15M, P1D) or cron line (0 4 * * 1-5, German time)")
    ] = "P1D"
    keep: Annotated[int, Field(gt=0, le=10_000, description="versions kept")] = 10
    allow_empty: Annotated[bool, Field(description="believe a silo that suddenly delivers no rows")] = False

    def noun(self) -> d.Snapshots:
        return d.Snapshots(self.every, self.keep, self.allow_empty)


class TargetDoc(Document):
    """Where the values must occur."""

    dataset: str
    field: str

    def noun(self) -> q.Target:
        return q.Target(self.dataset, self.field)


#: A number, or text: a date, `today`, `now`.
Bound = Annotated[int | float | str | None, BeforeValidator(_bound)]


class RuleDoc(Document):
    """A rule by which the data are checked."""

    id: Annotated[str, Field(pattern=DATASET_ID, description="unique in the dataset")]
    kind: q.RuleKind
    fields: Annotated[tuple[str, ...], Field(description="field names; together for unique, each for other kinds")] = ()
    severity: q.RuleSeverity = q.RuleSeverity.WARNING
    title: Words = TextDoc()
    type: Annotated[str, Field(description="for type: integer, number, date or datetime")] = ""
    min: Annotated[Bound, Field(description="for range: number, date, today or now; for row_count: rows")] = None
    max: Annotated[Bound, Field(description="as min")] = None
    pattern: Annotated[Word, Field(description="for pattern: regular expression (RE2) for the whole value")] = ""
    references: Annotated[TargetDoc | None, Field(description="for reference; default: that of the field")] = None
    max_age: Annotated[str, Field(description="for freshness: ISO 8601 duration; default: update_every")] = ""
    change: Annotated[float, Field(ge=0, description="for row_count: share that may differ from earlier checks")] = 0.0
    runs: Annotated[int, Field(ge=1, le=100, description="for row_count: so many earlier checks are compared")] = 5
    sql: Annotated[Word, Field(description="for sql: a condition that good rows fulfil")] = ""
    at_most: Annotated[float, Field(ge=0, lt=1, description="share of rows that may break the rule")] = 0.0

    def noun(self) -> q.Rule:
        plain = self.model_dump(exclude={"title", "references", "kind", "severity"})
        rest = {"title": self.title.noun(), "references": self.references.noun() if self.references else None}
        return q.Rule(**plain | rest, kind=self.kind, severity=self.severity)


class RegisterDoc(Document):
    """What makes a dataset the register of streets, addresses or districts: which field says what."""

    of: d.RegisterOf
    key: str = ""
    name: Annotated[str, Field(description="field with the name of the street or district")] = ""
    former: Annotated[str, Field(description="field with former and other names, divided by ; or |")] = ""
    number: Annotated[str, Field(description="field with the house number, with or without its letter")] = ""
    suffix: Annotated[str, Field(description="field with the letter of the house number")] = ""
    ranges: Annotated[
        tuple[tuple[str, str], ...], Field(description="pairs of fields: first and last house number of a side")
    ] = ()
    postcode: str = ""
    district: Annotated[str, Field(description="field with the key of the district")] = ""
    valid_from: str = ""
    valid_to: Annotated[str, Field(description="field with the last day of the name; in the past: a former name")] = ""
    successor: Annotated[str, Field(description="field with the key that came after a former one")] = ""

    def noun(self) -> d.Register:
        return d.Register(**self.model_dump())


class _DatasetParts(Document):
    id: DatasetId
    title: Words
    access: d.Access
    description: Words = TextDoc()
    key: tuple[str, ...] = ()
    subject: str = ""
    time: str = ""
    licence: Word = ""
    keywords: tuple[Word, ...] = ()
    theme: Word = ""
    update_every: Annotated[str, Field(pattern=r"^(P[0-9YMWDTHMS.]+)?$", description="ISO 8601 duration, e.g. P1M")] = (
        ""
    )
    modified: Word = ""
    synthetic: bool = False
    limits: LimitsDoc | None = None
    quality: Annotated[tuple[RuleDoc, ...], Field(description="rules by which the data are checked")] = ()
    # `register` itself is a method of every class that can be subclassed virtually.
    as_register: Annotated[RegisterDoc | None, Field(alias="register")] = None

    _plain: ClassVar[tuple[str, ...]] = (
        "id", "access", "key", "subject", "time", "licence", "keywords", "theme", "update_every", "modified", "synthetic",
    )  # fmt: skip

    def _common(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._plain} | {
            "title": self.title.noun(),
            "description": self.description.noun(),
            "limits": self.limits.noun() if self.limits else None,
            "quality": tuple(rule.noun() for rule in self.quality),
            "register": self.as_register.noun() if self.as_register else None,
        }


class DatasetDoc(_DatasetParts):
    """A table of a silo."""

    kind: str = "dataset"
    owner: str
    system: str
    fields: Annotated[tuple[FieldDoc, ...], Field(min_length=1)]
    source: Annotated[Settings, Field(description="where in the silo, settings of the adapter")] = {}
    crs: str = ""
    mode: Annotated[d.Mode, Field(description="live: from the silo; snapshot: from the newest copy")] = d.Mode.LIVE
    snapshots: Annotated[SnapshotsDoc | None, Field(description="when copies are taken, how many are kept")] = None
    on_outage: Annotated[d.Outage, Field(description="stale: the newest copy, marked; fail: no answer")] = (
        d.Outage.STALE
    )

    def noun(self) -> d.Dataset:
        return d.Dataset(
            **self._common(),
            mode=self.mode,
            snapshots=self.snapshots.noun() if self.snapshots else None,
            on_outage=self.on_outage,
            owner=self.owner,
            system=self.system,
            source=self.source,
            crs=self.crs,
            fields=tuple(field.noun() for field in self.fields),
        )


class ProductDoc(_DatasetParts):
    """A dataset that a use case makes of others by SQL."""

    sql: Annotated[str, Field(description="a file beside the use case (products/x.sql), or the SELECT itself")]
    owner: Annotated[str, Field(description="default: the use case's owner")] = ""
    fields: Annotated[tuple[FieldDoc, ...], Field(description="default: derived from the SQL")] = ()

    def noun(self, use_case: str, owner: str, sql: str, fields: tuple[d.Field, ...]) -> d.Dataset:
        return d.Dataset(**self._common(), owner=self.owner or owner, product=d.Product(use_case, sql), fields=fields)


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
    rounding: dict[str, Annotated[float, Field(gt=0)]] = {}
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
