"""What each kind of database offers to the source: connecting read-only, describing, casting, streaming, estimating."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.statement import is_one_select
from nabe.adapters.sql.translate import Native, Relation
from nabe.model.dataset import Field
from nabe.model.expr import BBox, Compare, In, Op, Value
from nabe.ports.source import Capabilities, Mount

#: Rows of a batch.
ROWS = 20_000
#: A stream may take so many times the time-out of one wait: the hub reads ahead only a little, and its reader may be slow.
STREAM_FACTOR = 20


#: Words for true and false.
YES, NO = ("t", "true", "1", "ja", "j", "y", "yes"), ("f", "false", "0", "nein", "n", "no")


class DriverMissing(Exception):
    """The driver of this kind of database is an extra of Nabe that is not installed."""

    def __init__(self, product: str, extra: str) -> None:
        super().__init__(product, extra)
        self.product, self.extra = product, extra


class Unfit(ValueError):
    """A column's native type cannot be read as the type that the dataset declares."""


class Database(Protocol):
    """One kind of database."""

    dialect: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    moves_geometry: ClassVar[bool]  # does `expression` give geometry in degrees, or in the table's own CRS?
    moves_times: ClassVar[bool]  # does `expression` give times without a zone in UTC, or as they stand there?
    pages_by_key: ClassVar[bool]  # must pages be ordered by the primary key to be the same when asked again?

    def connect(self, target: Target, timeout_s: float) -> Any:
        """A new connection that cannot write and ends a statement after `timeout_s` seconds."""

    def alive(self, connection: Any) -> bool:
        """Does an idle connection still work? Answers within seconds."""

    def watched(self, connection: Any, timeout_s: float) -> AbstractContextManager[None]:
        """Whatever is asked inside is cut off after `timeout_s` seconds, even if the server hangs."""

    def tables(self, connection: Any, target: Target) -> list[str]:
        """Names of tables and views that are not the system's; `schema.table` where the schema is not the usual one."""

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        """A table as it is now; None if it is not there."""

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        """Primary key, and foreign keys as (column, other table, other column)."""

    def expression(self, native: Native, field: Field, zone: str, crs: str) -> str:
        """SQL that gives the column as the hub's type; values that do not fit become NULL. Raises `Unfit`.

        `zone`: of times without one; `crs`: of geometry that does not say it itself.
        """

    def hint(self, native: Native, field: Field, part: Compare | In | BBox) -> str | None:
        """A condition on the bare column that holds at least wherever `part` does, so that an index can be used.

        None where `expression` is the bare column anyway, or there is no such condition.
        """

    def bbox(self, native: Native, field: Field, box: BBox, crs: str) -> str:
        """Condition for a bounding box, where `capabilities.bbox`."""

    def stream(
        self, connection: Any, sql: str, schema: pa.Schema, timeout_s: float, *, steady: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Rows of a SELECT, a batch at a time. `steady`: the same rows in the same order when asked again (paging)."""

    def estimate(self, connection: Any, sql: str, relation: Relation, most: int) -> int:
        """About how many rows the SELECT over that table has; need not tell more than `most` + 1."""

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        """How the engine can read the table itself, if that means the same."""


def only_select(sql: str, dialect: str) -> str:
    """The statement, if it is one SELECT: the last look where the session itself could write."""
    if not is_one_select(sql, dialect):
        raise ValueError("not a single SELECT")
    return sql


def bounded_count(sql: str, relation: Relation, most: int, count: Callable[[], Any]) -> int:
    """Rows of a SELECT where no planner can be asked: the table's, if these are no more than may be read; else counted."""
    whole = relation.rows
    if whole is not None and (whole <= most or " WHERE " not in sql):
        return whole
    return int(count())


def around_number(name: str, op: Op, value: Value) -> str | None:
    """A comparison of a decimal column that holds wherever the one of its binary fraction does."""
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        return None
    slack = abs(value) * 1e-12
    after, before = f"{name} >= {value - slack!r}", f"{name} <= {value + slack!r}"
    if op is Op.EQ:
        return f"{after} AND {before}"
    return after if op in (Op.GT, Op.GE) else before


def whole_numbers(name: str, values: tuple[Value, ...]) -> str:
    """Which of these texts a column of whole numbers can show at all."""
    shown = [str(value) for value in values if re.fullmatch(r"0|-?[1-9]\d{0,17}", str(value))]
    return f"{name} IN ({', '.join(shown)})" if shown else "1 = 0"
