"""What each kind of database offers to the source: connecting read-only, describing, casting, streaming, estimating."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Native, Relation
from nabe.model.dataset import Field
from nabe.model.expr import BBox
from nabe.ports.source import Capabilities, Mount

#: Rows of a batch.
ROWS = 20_000


class Database(Protocol):
    """One kind of database."""

    dialect: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    def connect(self, target: Target, timeout_s: float) -> Any:
        """A new connection that cannot write and ends a statement after `timeout_s` seconds."""

    def alive(self, connection: Any) -> bool:
        """Does an idle connection still work?"""

    def tables(self, connection: Any, target: Target) -> list[str]:
        """Names of tables and views that are not the system's; `schema.table` where the schema is not the usual one."""

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        """A table as it is now; None if it is not there."""

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        """Primary key, and foreign keys as (column, other table, other column)."""

    def expression(self, native: Native, field: Field, zone: str) -> str:
        """SQL that gives the column as the hub's type; what does not fit becomes NULL."""

    def output(self, name: str, kind: pa.DataType) -> str:
        """SQL that gives a column of that Arrow type in the form that `stream` reads."""

    def bbox(self, native: Native, box: BBox) -> str:
        """Condition for a bounding box, where `capabilities.bbox`."""

    def stream(self, connection: Any, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Rows of a SELECT, a batch at a time."""

    def estimate(self, connection: Any, sql: str, most: int) -> int:
        """About how many rows the SELECT has; need not tell more than `most` + 1."""

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        """How the engine can read the table itself, if that means the same."""
