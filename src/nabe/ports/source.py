"""A silo, seen from the hub."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, BinaryIO, Protocol, runtime_checkable

import pyarrow as pa

from nabe.model.dataset import Dataset, FieldType
from nabe.model.delivery import Delivery
from nabe.model.device import Downlink, Told
from nabe.model.query import SealedScan


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source computes by itself; the hub obeys and does the rest (`query.evaluate`).

    `filter`: applies every `Expr` in `allowed` and `where` exactly. `bbox`: also `BBox`. `order`, `limit` (with offset),
    `floor` (minimum groups, rounding). `sql`: sqlglot dialect in which `CanRunSql.run_sql` takes whole SELECTs, empty if none.
    `instant`: answers from memory, cannot hang (no time-out thread is needed).
    """

    filter: bool = False
    bbox: bool = False
    order: bool = False
    limit: bool = False
    floor: bool = False
    sql: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class ParquetMount:
    """Files an engine may read itself. `columns`: hub field -> column in the files."""

    paths: tuple[str, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DatabaseMount:
    """A table an engine may attach read-only. `kind`: postgres | sqlite | mysql. `dsn` holds secrets: never print it.

    `columns`: hub field -> column; only those whose types the engine reads as the hub means them.
    """

    kind: str
    dsn: str = field(repr=False)
    schema: str
    table: str
    columns: Mapping[str, str]
    statement_timeout_s: float = 30.0


Mount = ParquetMount | DatabaseMount


@dataclass(slots=True)
class Batches:
    """A stream of Arrow batches in `nabe.model.schema.arrow_schema` of the scan's fields. `close` frees what is held.

    `stale_since`: the silo did not answer; these are its rows as of then.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    close: Callable[[], None] = lambda: None
    stale_since: dt.datetime | None = None


class Source(Protocol):
    """An open silo. One object per system, used by several threads at once.

    Every method may raise `SourceUnavailable` (transient) or `SourceRefused` (final), never a driver's own exception,
    and keeps to `system.limits.timeout_s` as far as its protocol lets it (the hub cuts off the rest).
    """

    capabilities: Capabilities

    def check(self) -> None:
        """Can it be reached with these settings? Raises if not."""

    def read(self, scan: SealedScan) -> Batches:
        """Rows of a sealed scan in its order of evaluation, as far as `capabilities` say.

        What it cannot do it leaves out: then it delivers the columns that the hub needs to finish (see `needed`).
        """

    def estimate(self, scan: SealedScan) -> int:
        """About how many rows it would deliver for this scan (after its own filters); cheap, never a full read."""

    def close(self) -> None:
        """Free connections."""


@runtime_checkable
class CanMount(Protocol):
    """The engine may read this scan's table itself, faster than through Arrow batches."""

    def mount(self, scan: SealedScan) -> Mount | None:
        """How, or None when not for this scan."""


@runtime_checkable
class CanCount(Protocol):
    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""


@runtime_checkable
class CanMark(Protocol):
    def mark(self, dataset: Dataset) -> str:
        """What tells the silo's state of this dataset from others (times and sizes of files, an ETag), got cheaply.

        Empty when it cannot be told; then the rows must be read to know. Raises as `read` does.
        """


@runtime_checkable
class CanListColumns(Protocol):
    def columns(self, dataset: Dataset) -> tuple[str, ...]:
        """All columns that the silo has in this table now, declared or not, by the silo's own names; () if unknown."""


@runtime_checkable
class CanRunSql(Protocol):
    def run_sql(self, sql: str, schema: pa.Schema) -> Batches:
        """Run a vetted SELECT in the source's own dialect; deliver in `schema`.

        `relation` gives the text that stands for a scan in it.
        """

    def relation(self, scan: SealedScan) -> str:
        """A parenthesised sub-select in the source's dialect giving the scan's rows and fields under hub names."""


@runtime_checkable
class CanReceive(Protocol):
    """The silo's own files can be replaced by delivered ones: looked at first, then taken over in one step."""

    def receives(self, dataset: Dataset) -> str:
        """Why it takes no file for this dataset (a key of `locale/*/delivery.toml`); empty if it does. Asks nobody."""

    def hold(self, dataset: Dataset, name: str, content: BinaryIO, by: str) -> Delivery:
        """Keep the file aside and read it as declared; nothing is replaced. One with flaws is not kept.

        `by`: who delivers it. Raises `Invalid` for a name that does not fit, `LimitExceeded` for too large a file.
        """

    def held(self, dataset: Dataset, id: str) -> Delivery:
        """A file that waits for its word; `Unknown` if there is none."""

    def take(self, dataset: Dataset, id: str) -> Delivery:
        """Put it in the old one's place, all or nothing, keeping the old one. `Conflict` if things changed meanwhile."""

    def drop(self, dataset: Dataset, id: str) -> None:
        """Forget a file that waits."""


@runtime_checkable
class TakesMessages(Protocol):
    """A silo whose devices send by themselves: its dialect of messages is known."""

    def read_message(self, topic: str, body: bytes) -> Sequence[Told]:
        """What a message says. `topic`: that of MQTT, or the event's name. `Invalid`, `LimitExceeded`. Asks nobody."""

    def topics(self) -> Sequence[str]:
        """MQTT topic filters, beside `devices/<system>/#`, under which its messages come to Nabe's own broker."""


@runtime_checkable
class CanListen(Protocol):
    """Messages are fetched from a broker of the silo."""

    def listen(self, receive: Callable[[str, bytes], None], state: Callable[[str], None]) -> Callable[[], None] | None:
        """Hand every message (topic, body) to `receive`, which returns when it is kept; the result ends it.

        Connects again by itself; `state` is told each time how it stands (empty: connected). None: nothing is declared.
        """


@runtime_checkable
class CanCommand(Protocol):
    """Something can be sent to the devices."""

    def command(self, downlink: Downlink) -> str:
        """Hand a downlink to the network; its id there, by which notices speak of it (maybe empty).

        `SourceUnavailable`, `SourceRefused`.
        """


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the silo describes it. `type` is the hub's nearest; `native` the silo's own word.

    `personal`: known to be about persons, whatever its values look like.
    """

    name: str
    type: FieldType
    native: str = ""
    nullable: bool = True
    comment: str = ""
    unit: str = ""  # UCUM, where the silo says it
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, sheet or layer of a silo. `source` is what goes into `Dataset.source` to read it."""

    name: str
    columns: tuple[Column, ...]
    source: Mapping[str, Any]
    key: tuple[str, ...] = ()
    references: tuple[tuple[str, str, str], ...] = ()  # (column, other table, other column)
    comment: str = ""
    crs: str = ""
    rows: int | None = None
    notes: tuple[str, ...] = ()  # what the reader had to guess, in plain English


class Probe(Protocol):
    """Looking into a silo before it is declared (`nabe connect`): by its operator, who holds its credentials.

    Reached only by `nabe.profile`; nothing of it is offered over a network.
    """

    def discover(self) -> list[str]:
        """Names of the tables there."""

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Columns, types, keys of one. `progress` is told the share done, 0..1."""

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns (none named: all), streamed, typed as `describe` said."""


class Claim(IntEnum):
    """How much an adapter's `sniff` must see before it claims a source. The pickier is asked first.

    An adapter says it as its `claim`; without one it is `STANDARD`.
    """

    STANDARD = 0  # one standard or product, known by its own marks
    SHAPE = 1  # any interface that speaks a format, such as JSON
    ANY = 2  # whatever can be fetched: a file


@runtime_checkable
class TakesSettings(Protocol):
    """A probe that looks with settings its operator gives (`nabe connect --set`), not only with what it finds out."""

    def given(self, settings: Mapping[str, Any]) -> None:
        """Keys of `Dataset.source`, valid by `dataset_settings`; they hold for `discover`, `describe` and `sample`."""


@runtime_checkable
class DescribesSettings(Protocol):
    """An adapter that says what may be set: pydantic models, each field with a description.

    For `nabe connect --set`, `nabe schema`, `nabe adapter settings` and the reference.
    """

    system_settings: type[Any]  # of `System.connection`
    dataset_settings: type[Any]  # of `Dataset.source`


class Adapter(Protocol):
    """A kind of silo; found through the entry point group `nabe.adapters` under its id. May have a `claim`.

    `streams = True` on its class: what it holds comes in as a stream and lies in Nabe's own stores (datasets of it have
    `mode: stream`); its source is never read.
    """

    id: str

    def open(self, system: Any, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; must not wait for it (the first question connects).

        `secrets` resolves `${ENV}` and `file:` references.
        """

    def check_dataset(self, system: Any, dataset: Any) -> list[str]:
        """What is wrong with a dataset's `source` settings, one sentence each, naming the field; empty if nothing."""

    def check_system(self, system: Any) -> list[str]:
        """What is wrong with a system's `connection` settings, one sentence each; empty if nothing."""

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """If this adapter can read `source` (path, glob, URL, DSN): the `connection` for it, else None."""

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a silo that is not yet declared."""


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """Where an adapter lives. `root`: the workspace folder, against which relative paths stand; `cache`: a folder for
    its own files, which can be made anew; `kept`: one for what cannot; `allow_hosts`: hosts in private address ranges
    that the workspace allows."""

    root: str
    cache: str
    allow_hosts: tuple[str, ...] = ()
    kept: str = ""
