"""Systems (silos) and the datasets that live in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nabe.model.quality import Rule
from nabe.model.stream import Stream
from nabe.model.text import Text


class Access(StrEnum):
    """Who may know that a dataset exists and ask for it. Only `open` may be read without a grant."""

    OPEN = "open"
    GROUP = "group"
    INTERNAL = "internal"
    RESTRICTED = "restricted"


class FieldType(StrEnum):
    """Types of the hub; `arrow_type` in `model.schema` gives the Arrow type of each."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: values of the field occur in `dataset`.`field`."""

    dataset: str
    field: str


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute.

    `name` is the hub's name ([a-z][a-z0-9_]*), `column` the silo's own (empty: the same).
    `unit` is a UCUM code; `source_unit` that of the silo's own values where they are converted on reading (empty: the
    same); `vocabulary` the id of a code list; `personal` marks personal data (GDPR Art. 4).
    """

    name: str
    type: FieldType
    title: Text = Text()
    description: Text = Text()
    column: str = ""
    unit: str = ""
    personal: bool = False
    vocabulary: str = ""
    references: Reference | None = None
    source_unit: str = ""

    @property
    def source_column(self) -> str:
        return self.column or self.name


@dataclass(frozen=True, slots=True)
class Limits:
    """What a silo (or one dataset of it) may be asked for.

    `rows`: most rows one question may pull out of it. `timeout_s`: seconds until it is cut off.
    """

    rows: int = 5_000_000
    timeout_s: float = 30.0


class Mode(StrEnum):
    """How rows are read: from the silo itself, from the newest copy in the lake, or from what came in as a stream."""

    LIVE = "live"
    SNAPSHOT = "snapshot"
    STREAM = "stream"


class Outage(StrEnum):
    """What happens when a silo does not answer: its last good copy is served and marked stale, or nothing is."""

    STALE = "stale"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Copies of a dataset in the lake.

    `every`: when a new one is due, an ISO 8601 duration (`PT15M`) or five fields of cron (`0 4 * * *`, German time).
    `keep`: versions kept. `allow_empty`: a silo that suddenly delivers no rows is believed.
    """

    every: str = "P1D"
    keep: int = 10
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """A silo: a department application, database, folder or service, reached by one adapter.

    `connection` is the adapter's own settings; secrets in it only as `${ENV}` or `file:` references, resolved when used.
    `check_every`: how often it is looked whether it answers (as `Snapshots.every`; empty: only when it is asked).
    """

    id: str
    title: Text
    adapter: str
    owner: str
    connection: Mapping[str, Any] = field(default_factory=dict)
    description: Text = Text()
    limits: Limits = Limits()
    check_every: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """What makes a dataset a product: SQL of a use case over other datasets, run under that use case's grants."""

    use_case: str
    sql: str


class RegisterOf(StrEnum):
    """What a register lists."""

    STREETS = "streets"
    ADDRESSES = "addresses"
    DISTRICTS = "districts"


@dataclass(frozen=True, slots=True)
class Register:
    """A dataset that is the city's register of something: which of its fields say what.

    `name` of the street or district; `former`: other and former names (several divided by `;` or `|`). A row whose
    `valid_to` is past is history: its name leads to `successor`, or to its own key where another row holds that today.
    `number` and `suffix` of a house, or `ranges` of numbers (first, last) of which the first says the side of the street.
    """

    of: RegisterOf
    key: str = ""
    name: str = ""
    former: str = ""
    number: str = ""
    suffix: str = ""
    ranges: tuple[tuple[str, str], ...] = ()
    postcode: str = ""
    district: str = ""
    valid_from: str = ""
    valid_to: str = ""
    successor: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields named, each once."""
        plain = (self.key, self.name, self.former, self.number, self.suffix, self.postcode, self.district)
        times = (self.valid_from, self.valid_to, self.successor)
        pairs = (field for pair in self.ranges for field in pair)
        return tuple(dict.fromkeys(field for field in (*plain, *pairs, *times) if field))


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table of a silo, or a product, as the hub knows it.

    `id` is `[a-z][a-z0-9_]{0,62}` and its name in SQL. `source` is the adapter's own setting for this table
    (path and dialect, table name, ...). `key` are the fields that identify a row; `subject` the field that identifies
    the person or household a row is about (the unit of minimum group sizes; empty: the row itself).
    Geometry reaches the hub as WKB in OGC:CRS84 whatever `crs` (the silo's own, e.g. `EPSG:25832`) says.
    `update_every` is an ISO 8601 duration. `snapshots` keeps copies in the lake: with `mode` snapshot all reads come from
    there; a live dataset falls back on the newest one when its silo does not answer, unless `on_outage` says fail.
    `quality` are the rules by which its owner wants it checked.
    `register`: others look up keys here (`nabe match`, `nabe geocode`).
    `stream`: with `mode` stream, how it is fed; then `column` of its fields are paths from an Observation (`model.flat`).
    """

    id: str
    title: Text
    owner: str
    access: Access
    fields: tuple[Field, ...]
    system: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    product: Product | None = None
    description: Text = Text()
    key: tuple[str, ...] = ()
    subject: str = ""
    time: str = ""
    crs: str = ""
    licence: str = ""
    keywords: tuple[str, ...] = ()
    theme: str = ""
    update_every: str = ""
    modified: str = ""
    synthetic: bool = False
    limits: Limits | None = None
    mode: Mode = Mode.LIVE
    snapshots: Snapshots | None = None
    on_outage: Outage = Outage.STALE
    quality: tuple[Rule, ...] = ()
    register: Register | None = None
    stream: Stream | None = None

    def field(self, name: str) -> Field | None:
        """The field of that name, or nothing."""
        return next((item for item in self.fields if item.name == name), None)

    @property
    def refers_to(self) -> frozenset[str]:
        """Ids of the datasets that its fields and its rules refer to."""
        fields = (field.references.dataset for field in self.fields if field.references)
        return frozenset(fields) | {rule.references.dataset for rule in self.quality if rule.references}

    @property
    def geometry(self) -> Field | None:
        """The first geometry field, or nothing."""
        return next((item for item in self.fields if item.type is FieldType.GEOMETRY), None)
