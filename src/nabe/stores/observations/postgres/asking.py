"""Scans as SQL, rows as Arrow: they travel as CSV, which both sides read and write in bulk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pyarrow as pa
import pyarrow.csv as csv

from nabe.errors import Invalid
from nabe.model.observation import OBSERVATION_SCHEMA, Bucket, ObservationScan, Span, observation_id
from nabe.query import observed
from nabe.query.terms import POSTGRES
from nabe.stores.observations.postgres.database import NAMES

_ORDERS = ("time", "id", "result_time", "number")
_BATCH = 32_768
_BEFORE_ALL = -(1 << 62)
_TIMES = frozenset(field.name for field in OBSERVATION_SCHEMA if pa.types.is_timestamp(field.type))


def checked(scan: ObservationScan) -> ObservationScan:
    """The scan, if it can be answered."""
    if scan.order not in _ORDERS:
        raise Invalid(f"No order by {scan.order!r}.", hint=f"One of {', '.join(_ORDERS)}.", field="order")
    unknown = [name for name in scan.columns or () if name not in NAMES]
    if unknown:
        raise Invalid(f"Observations have no column {unknown[0]!r}.", field="columns")
    return scan


def wanted(scan: ObservationScan) -> tuple[str, ...]:
    """Columns of the answer."""
    return NAMES if scan.columns is None else scan.columns


def select(scan: ObservationScan, columns: str) -> str:
    """All of a scan."""
    down = scan.descending
    key = f'"{scan.order}"'
    order = f"{key} DESC NULLS FIRST, id DESC" if down else f"{key} ASC NULLS LAST, id ASC"
    if scan.order in ("time", "id"):  # never missing: as the index has it
        order = f"{key} DESC, id DESC" if down else f"{key} ASC, id ASC"
    limit = "" if scan.limit is None else f" LIMIT {int(scan.limit)}"
    offset = f" OFFSET {int(scan.offset)}" if scan.offset else ""
    after = "" if scan.after is None else f" WHERE {_after(scan)}"
    return f"SELECT {columns} FROM ({_found(scan, order)}) AS found{after} ORDER BY {order}{limit}{offset}"


def _found(scan: ObservationScan, order: str) -> str:
    inner = f"SELECT * FROM observation{conditions(scan)}"
    if scan.per_stream is None:
        return inner
    streams = "count > 0" if scan.streams is None else f"stream = ANY({_list(scan.streams)})"
    latest = scan.per_stream == 1 and scan.order == "time" and scan.descending and scan.where is None
    if latest and scan.span == Span() and scan.ids is None:
        within = 'o.stream = s.stream AND o."time" = s.last AND o.id = s.last_id'
        return (
            f"SELECT o.* FROM (SELECT * FROM observation_stream WHERE {streams}) AS s"
            f" CROSS JOIN LATERAL (SELECT * FROM observation AS o WHERE {within} LIMIT 1) AS o"
        )
    more = conditions(scan, "o.stream = s.stream")
    return (
        f"SELECT o.* FROM (SELECT stream FROM observation_stream WHERE {streams}) AS s"
        f" CROSS JOIN LATERAL (SELECT * FROM observation AS o{more} ORDER BY {order} LIMIT {int(scan.per_stream)}) AS o"
    )


def conditions(scan: ObservationScan, first: str = "") -> str:
    """What rows must be like."""
    parts = [first] if first else []
    if scan.streams is not None and not first:
        one = len(scan.streams) == 1  # PostgreSQL merges partitions by index for one, not for a list
        parts.append(f"stream = {int(scan.streams[0])}" if one else f"stream = ANY({_list(scan.streams)})")
        if one and scan.order == "id":  # else the index of all ids is walked through
            low, high = (observation_id(scan.streams[0] + more, 0) for more in (0, 1))
            parts.append(f"id >= {low} AND id < {high}")
    if scan.ids is not None:
        parts.append(f"id = ANY({_list(scan.ids)})")
    if scan.span.start is not None:
        parts.append(f'"time" >= {int(scan.span.start)}')
    if scan.span.end is not None:
        parts.append(f'"time" < {int(scan.span.end)}')
    if scan.after is not None and scan.order == "time" and scan.per_stream is None:
        parts.append(f'"time" {"<=" if scan.descending else ">="} {int(scan.after[0])}')
    if scan.order == "time" and scan.descending and not first and scan.limit is not None and _anything(scan):
        # As many streams as rows are wanted have their last one since then. Without streams: the oldest there is.
        so_many = scan.limit + scan.offset
        last = f"SELECT last FROM observation_stream WHERE count > 0 AND NOT stale ORDER BY last DESC OFFSET {so_many} LIMIT 1"
        parts.append(f'"time" >= coalesce(({last}), {_BEFORE_ALL})')
    if scan.where is not None:
        parts.append(observed.where(scan.where, POSTGRES, stamp=False))
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _anything(scan: ObservationScan) -> bool:
    nothing = scan.streams is None and scan.ids is None and scan.where is None and scan.span == Span()
    return nothing and scan.per_stream is None and scan.after is None


def _list(values: tuple[int, ...]) -> str:
    return "'{" + ",".join(str(int(value)) for value in values) + "}'::bigint[]"


def _after(scan: ObservationScan) -> str:
    assert scan.after is not None
    sign = "<" if scan.descending else ">"
    at, id = scan.after
    beyond = f"id {sign} {int(id)}"
    if scan.order == "id":
        return beyond
    key = f'"{scan.order}"'
    if at is None:
        return f"({key} IS NULL AND {beyond})" + (f" OR {key} IS NOT NULL" if scan.descending else "")
    value = repr(float(at)) if scan.order == "number" else str(int(at))
    found = f"({key} {sign} {value} OR ({key} = {value} AND {beyond}))"
    return found if scan.descending or scan.order == "time" else f"({found} OR {key} IS NULL)"


def buckets(scan: ObservationScan, bucket: Bucket) -> str:
    """Sums over time."""
    since = f'("time" - {int(bucket.origin)})'
    width = int(bucket.width)
    start = f'"time" - (({since} % {width}) + {width}) % {width}'
    where = conditions(scan)
    number = f"{where} AND number IS NOT NULL" if where else " WHERE number IS NOT NULL"
    return (
        f"SELECT stream, {start} AS start, count(*), avg(number), min(number), max(number),"
        f' (array_agg(number ORDER BY "time", id))[1], (array_agg(number ORDER BY "time" DESC, id DESC))[1]'
        f" FROM observation{number} GROUP BY stream, start ORDER BY stream, start"
    )


class _Stream(io.RawIOBase):
    """What COPY sends, as a file."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def push_back(self, head: bytes) -> None:
        """This comes once more."""
        self._rest = head + self._rest

    def read(self, size: int = -1) -> bytes:
        parts, length = [self._rest], len(self._rest)
        while size < 0 or length < size:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(bytes(block))
            length += len(parts[-1])
        whole = b"".join(parts)
        self._rest = b"" if size < 0 else whole[size:]
        return whole if size < 0 else whole[:size]


def rows(connection: psycopg.Connection[Any], sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The answer to a SELECT with these columns, streamed."""
    plain = pa.schema([pa.field(f.name, pa.int64() if pa.types.is_timestamp(f.type) else f.type) for f in schema])
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)".encode()) as copy:
        stream = _Stream(iter(copy))
        head = stream.read(1 << 16)
        if not head:
            return
        stream.push_back(head)
        reader = csv.open_csv(
            cast(Any, stream),
            read_options=csv.ReadOptions(column_names=plain.names, block_size=1 << 20, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=plain,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            if batch.num_rows:
                columns = [batch.column(f.name).cast(f.type) for f in schema]
                made = pa.RecordBatch.from_arrays(columns, schema=schema)
                for start in range(0, made.num_rows, _BATCH):
                    yield made.slice(start, _BATCH)


def copied(connection: psycopg.Connection[Any], table: str, given: pa.RecordBatch) -> None:
    """Put whole rows into a table."""
    columns = [item.view(pa.int64()) if pa.types.is_timestamp(item.type) else item for item in given.columns]
    sink = pa.BufferOutputStream()
    plain = pa.RecordBatch.from_arrays(columns, names=list(given.schema.names))
    csv.write_csv(plain, sink, csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    names = ", ".join(f'"{name}"' for name in given.schema.names)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)".encode()) as copy:
        copy.write(sink.getvalue())
