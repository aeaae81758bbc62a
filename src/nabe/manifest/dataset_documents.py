"""Datasets and products as Pydantic models, with their fields, quality rules, copies and registers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from nabe.manifest.basics import DATASET_ID, DatasetId, Document, Settings, TextDoc, Word, Words, as_word
from nabe.manifest.reading import without_writing
from nabe.model import dataset as d
from nabe.model import quality as q
from nabe.model import stream as s
from nabe.model.flat import STREAM_FIELDS


class LimitsDoc(Document):
    """How much one question may ask of a silo."""

    rows: Annotated[int, Field(gt=0)] = 5_000_000
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0

    def noun(self) -> d.Limits:
        return d.Limits(self.rows, self.timeout_s)


def _bound(value: Any) -> Any:
    """A plain number; YAML keeps dates as text."""
    value = without_writing(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else as_word(value)


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


class MinimiseDoc(Document):
    """What is done to values before anything is stored."""

    kind: s.MinimiseKind
    path: Annotated[
        Word, Field(description="from the Observation: result, parameters/plate, Datastream/Thing/Locations/location")
    ] = "result"
    step: Annotated[
        float, Field(ge=0, description="for round: in the value's unit; round_place: metres; min_count: the minimum")
    ] = 0.0
    every: Annotated[Word, Field(description="for round_time, aggregate and hash: ISO 8601 duration, e.g. PT15M")] = ""
    function: Annotated[s.Aggregate, Field(description="for aggregate")] = s.Aggregate.MEAN
    observed_properties: Annotated[
        tuple[Word, ...], Field(description="only for streams that observe these (names); default: all")
    ] = ()

    def noun(self) -> s.Minimise:
        return s.Minimise(self.kind, self.path, self.step, self.every, self.function, self.observed_properties)


class StreamDoc(Document):
    """How a dataset is fed that comes as a stream."""

    writers: Annotated[
        tuple[Word, ...], Field(description="accounts of devices and gateways that may write; anonymous: anyone")
    ] = ()
    minimise: Annotated[tuple[MinimiseDoc, ...], Field(description="applied in this order before storing")] = ()
    retention: Annotated[
        str, Field(description="ISO 8601 duration after which observations are erased; none: never")
    ] = ""

    def noun(self) -> s.Stream:
        return s.Stream(self.writers, tuple(rule.noun() for rule in self.minimise), self.retention)


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
    fields: Annotated[
        tuple[FieldDoc, ...], Field(description="default for a stream: result, time, stream, thing …")
    ] = ()
    source: Settings = Field(default_factory=dict, description="where in the silo, settings of the adapter")
    crs: str = ""
    mode: Annotated[
        d.Mode, Field(description="live: from the silo; snapshot: from the newest copy; stream: as it comes in")
    ] = d.Mode.LIVE
    snapshots: Annotated[SnapshotsDoc | None, Field(description="when copies are taken, how many are kept")] = None
    on_outage: Annotated[d.Outage, Field(description="stale: the newest copy, marked; fail: no answer")] = (
        d.Outage.STALE
    )
    stream: Annotated[
        StreamDoc | None, Field(description="for mode stream: who writes, what is dropped, how long kept")
    ] = None

    @model_validator(mode="after")
    def _has_fields(self) -> DatasetDoc:
        if not self.fields and self.mode is not d.Mode.STREAM:
            raise ValueError("fields are missing; at least one is needed")
        return self

    def noun(self) -> d.Dataset:
        given = tuple(field.noun() for field in self.fields)
        streams = self.mode is d.Mode.STREAM
        stream = self.stream.noun() if self.stream else s.Stream() if streams else None
        return d.Dataset(
            **self._common(),
            mode=self.mode,
            snapshots=self.snapshots.noun() if self.snapshots else None,
            on_outage=self.on_outage,
            owner=self.owner,
            system=self.system,
            source=self.source,
            crs=self.crs,
            fields=given if given or not streams else STREAM_FIELDS,
            stream=stream,
        )


class ProductDoc(_DatasetParts):
    """A dataset that a use case makes of others by SQL."""

    sql: Annotated[str, Field(description="a file beside the use case (products/x.sql), or the SELECT itself")]
    owner: Annotated[str, Field(description="default: the use case's owner")] = ""
    fields: Annotated[tuple[FieldDoc, ...], Field(description="default: derived from the SQL")] = ()

    def noun(self, use_case: str, owner: str, sql: str, fields: tuple[d.Field, ...]) -> d.Dataset:
        return d.Dataset(**self._common(), owner=self.owner or owner, product=d.Product(use_case, sql), fields=fields)
