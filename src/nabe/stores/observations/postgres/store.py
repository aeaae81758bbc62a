"""The store of observations in PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from nabe.errors import Invalid
from nabe.model.observation import OBSERVATION_SCHEMA, SEQUENCE_BITS, Bucket, ObservationScan, Span, Summary
from nabe.stores.observations import rows as r
from nabe.stores.observations.committing import Commits, Request
from nabe.stores.observations.postgres import asking
from nabe.stores.observations.postgres.database import Database, months_within
from nabe.stores.observations.reading import AGGREGATES
from nabe.stores.observations.summary import group_rows

_PIECE = 500_000
_LEAST = "CASE WHEN s.{0} IS NULL OR d.{0} < s.{0} THEN d.{0} ELSE s.{0} END"
_MOST = "CASE WHEN s.{0} IS NULL OR d.{0} > s.{0} THEN d.{0} ELSE s.{0} END"
_NEWER = "s.last IS NULL OR d.last > s.last OR (d.last = s.last AND d.last_id > s.last_id)"
_ADD = f"""
UPDATE observation_stream AS s SET count = s.count + d.count,
    first = {_LEAST.format("first")}, last = {_MOST.format("last")}, ends = {_MOST.format("ends")},
    first_result = CASE WHEN d.first_result IS NULL THEN s.first_result ELSE {_LEAST.format("first_result")} END,
    last_result = CASE WHEN d.last_result IS NULL THEN s.last_result ELSE {_MOST.format("last_result")} END,
    last_id = CASE WHEN {_NEWER} THEN d.last_id ELSE s.last_id END
FROM unnest({", ".join(["%s::bigint[]"] * 8)})
    AS d(stream, count, first, last, ends, first_result, last_result, last_id)
WHERE s.stream = d.stream
"""
_SEE = """
UPDATE observation_stream AS s
SET features = (SELECT array_agg(f) FROM (SELECT DISTINCT unnest(s.features || d.features) AS f ORDER BY f LIMIT 100) AS x)
FROM (SELECT stream, array_agg(feature) AS features FROM unnest(%s::bigint[], %s::bigint[]) AS p(stream, feature)
    GROUP BY stream) AS d
WHERE s.stream = d.stream AND NOT s.features @> d.features
"""
_RENEW = """
UPDATE observation_stream AS s SET stale = false, first = d.first, last = d.last, ends = d.ends, first_result = d.first_result,
    last_result = d.last_result, features = coalesce(d.features, '{}'),
    last_id = (SELECT id FROM observation AS o WHERE o.stream = s.stream AND o."time" = d.last ORDER BY id DESC LIMIT 1)
FROM (SELECT t.stream, min("time") AS first, max("time") AS last, max(coalesce(until, "time")) AS ends,
        min(result_time) AS first_result, max(result_time) AS last_result, (array_agg(DISTINCT feature) FILTER (WHERE feature IS NOT NULL))[1:100] AS features
    FROM observation_stream AS t LEFT JOIN observation AS o ON o.stream = t.stream
    WHERE t.stale AND t.stream = ANY(%s) GROUP BY t.stream) AS d
WHERE s.stream = d.stream
"""


class PostgresObservations:
    """Implements `ports.observations.Observations` and `BulkObservations`. Nothing is opened before it is needed."""

    def __init__(self, url: str) -> None:
        self._database = Database(url.replace("postgresql+psycopg:", "postgresql:", 1))
        self._commits = Commits(self._commit)

    def close(self) -> None:
        """Close connections."""
        self._database.close()

    def append(self, incoming: pa.Table, *, key: str = "") -> np.ndarray:
        """Ids, when the rows are durable."""
        return self._commits.put(Request(r.incoming(incoming), key))

    def _commit(self, requests: Sequence[Request]) -> None:
        with self._database.writing() as connection:
            fresh: list[Request] = []
            first: dict[str, Request] = {}
            for request in requests:
                if request.key:
                    sql = "SELECT ids FROM observation_delivery WHERE key = %s"
                    known = connection.execute(sql, (_key(request.key),)).fetchone()
                    if known is not None:
                        request.ids = np.frombuffer(known[0], np.int64)
                        continue
                    if request.key in first:
                        request.same = first[request.key]
                        continue
                    first[request.key] = request
                fresh.append(request)
            tables = [request.table for request in fresh if request.table.num_rows]
            ids = np.empty(0, np.int64)
            if tables:
                rows = r.batch(pa.concat_tables(tables))
                ids = self._ids(connection, r.column(rows, "stream"))
                self._put(connection, _with_ids(rows, ids))
            done = 0
            for request in fresh:
                request.ids = ids[done : done + request.table.num_rows]
                done += request.table.num_rows
            keyed = [
                (_key(request.key), request.ids.tobytes()) for request in first.values() if request.ids is not None
            ]
            if keyed:
                with connection.cursor() as cursor:
                    cursor.executemany("INSERT INTO observation_delivery (key, ids) VALUES (%s, %s)", keyed)

    def _ids(self, connection: psycopg.Connection[Any], stream: np.ndarray) -> np.ndarray:
        """The next ids of these streams, reserved."""
        order = np.argsort(stream, kind="stable")
        by_stream = stream[order]
        starts, counts = r.groups(by_stream)
        streams = by_stream[starts]
        connection.execute(
            "INSERT INTO observation_stream (stream) SELECT unnest(%s::bigint[]) ON CONFLICT DO NOTHING",
            (streams.tolist(),),
        )
        given = connection.execute(
            "UPDATE observation_stream AS s SET next = s.next + d.count FROM unnest(%s::bigint[], %s::bigint[])"
            " AS d(stream, count) WHERE s.stream = d.stream RETURNING s.stream, s.next - d.count",
            (streams.tolist(), counts.tolist()),
        ).fetchall()
        first = np.array(sorted(given), np.int64)[:, 1]
        ids = np.empty(len(stream), np.int64)
        ids[order] = (by_stream << SEQUENCE_BITS) | (np.arange(len(stream)) - np.repeat(starts - first, counts))
        return ids

    def _put(self, connection: psycopg.Connection[Any], rows: pa.RecordBatch) -> None:
        """Rows, and what they add to summaries."""
        self._database.have_months(connection, r.column(rows, "time"))
        asking.copied(connection, "observation", rows)
        self._add(connection, rows)

    def _add(self, connection: psycopg.Connection[Any], rows: pa.RecordBatch) -> None:
        rows = r.sorted_rows(rows)
        found = group_rows(rows)
        names = ("stream", "count", "first", "last", "end", "first_result", "last_result", "last_id")
        lists = [[None if value in (r.LEAST, r.MOST) else value for value in found[name].tolist()] for name in names]
        connection.execute(_ADD.encode(), lists)
        if rows.column("feature").null_count < rows.num_rows:
            pairs = r.pairs(r.column(rows, "stream"), r.column(rows, "feature"))
            connection.execute(_SEE.encode(), (pairs[:, 0].tolist(), pairs[:, 1].tolist()))

    def read(self, scan: ObservationScan) -> Iterator[pa.RecordBatch]:
        """Rows in order, streamed."""
        asking.checked(scan)
        names = asking.wanted(scan)
        if scan.limit == 0 or scan.streams == () or scan.ids == ():
            return
        if scan.per_stream == 1:
            self._renew(scan.streams)
        sql = asking.select(scan, ", ".join(f'"{name}"' for name in names))
        with self._database.connection() as connection:
            yield from asking.rows(connection, sql, pa.schema([OBSERVATION_SCHEMA.field(name) for name in names]))

    def count(self, scan: ObservationScan) -> int:
        """Without limit, offset and after."""
        scan = replace(asking.checked(scan), limit=None, offset=0, after=None, descending=False)
        plain = scan.where is None and scan.span == Span() and scan.ids is None and scan.per_stream is None
        with self._database.connection() as connection:
            if plain:
                sql = "SELECT coalesce(sum(count), 0) FROM observation_stream"
                if scan.streams is not None:
                    sql += asking.conditions(replace(scan, order="time"))
            elif scan.per_stream is None:
                sql = f"SELECT count(*) FROM observation{asking.conditions(scan)}"
            else:
                sql = f"SELECT count(*) FROM ({asking.select(scan, 'id')}) AS found"
            found = connection.execute(sql.encode()).fetchone()
        assert found is not None
        return int(found[0])

    def aggregate(self, scan: ObservationScan, bucket: Bucket) -> pa.Table:
        """Per stream and bucket."""
        if bucket.width < 1:
            raise Invalid("A bucket is at least a microsecond wide.", field="bucket", value=bucket.width)
        with self._database.connection() as connection:
            batches = list(asking.rows(connection, asking.buckets(scan, bucket), AGGREGATES))
        return pa.Table.from_batches(batches, AGGREGATES)

    def summaries(self, streams: Sequence[int] | None = None) -> Mapping[int, Summary]:
        """What each stream holds."""
        self._renew(streams)
        some = "" if streams is None else " AND stream = ANY(%s)"
        sql = (
            "SELECT stream, count, first, ends, first_result, last_result, last_id, features FROM observation_stream"
            f" WHERE next > 1{some} ORDER BY stream"
        )
        with self._database.connection() as connection:
            found = connection.execute(sql.encode(), None if streams is None else (list(streams),)).fetchall()
        return {row[0]: Summary(*(*row[:7], tuple(sorted(row[7])))) for row in found}

    def state(self) -> dict[str, int]:
        """How many rows, how many of them fresh (none), how many partitions, bytes of all."""
        sql = (
            "SELECT count(*), coalesce(sum(pg_total_relation_size(inhrelid)), 0) FROM pg_inherits"
            " WHERE inhparent = 'observation'::regclass"
        )
        with self._database.connection() as connection:
            found = connection.execute(sql).fetchone()
        assert found is not None
        return {"rows": self.count(ObservationScan(None)), "fresh": 0, "files": found[0], "bytes": int(found[1])}

    def _renew(self, streams: Sequence[int] | None) -> None:
        """Look up the times of streams whose first or last may have gone."""
        sql = "SELECT stream FROM observation_stream WHERE stale"
        with self._database.connection() as connection:
            stale = [row[0] for row in connection.execute(sql).fetchall()]
        if streams is not None:
            stale = list(set(stale) & set(streams))
        if stale:
            with self._database.writing() as connection:
                connection.execute(_RENEW.encode(), (sorted(stale),))

    def replace(self, rows: pa.Table) -> int:
        """Whole rows by id."""
        given = r.whole(rows)
        with self._database.writing() as connection:
            connection.execute("CREATE TEMP TABLE changed (LIKE observation) ON COMMIT DROP")
            self._database.have_months(connection, r.column(given, "time"))
            connection.execute("ALTER TABLE changed ADD place serial")
            asking.copied(connection, "changed", given)
            connection.execute("DELETE FROM changed AS c USING changed AS d WHERE c.id = d.id AND c.place < d.place")
            sql = (
                "DELETE FROM observation AS o USING changed AS c WHERE o.id = c.id RETURNING o.id, o.tableoid::regclass"
            )
            known = [row[0] for row in self._deleted(connection, sql)]
            names = ", ".join(f'"{name}"' for name in OBSERVATION_SCHEMA.names)
            connection.execute(
                f"INSERT INTO observation ({names}) SELECT {names} FROM changed WHERE id = ANY(%s)".encode(), (known,)
            )
            streams = sorted({id >> SEQUENCE_BITS for id in known})
            connection.execute("UPDATE observation_stream SET stale = true WHERE stream = ANY(%s)", (streams,))
        return len(known)

    @staticmethod
    def _deleted(connection: psycopg.Connection[Any], sql: str) -> list[Any]:
        """Run a DELETE that returns partitions last; what it returned. The partitions are remembered."""
        found = connection.execute(sql.encode()).fetchall()
        tables = sorted({row[-1] for row in found})
        connection.execute("INSERT INTO observation_erased SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (tables,))
        return found

    def remove(self, scan: ObservationScan) -> int:
        """For good. Months that go as a whole cost next to nothing."""
        asking.checked(scan)
        plain = scan.where is None and scan.ids is None and scan.per_stream is None and scan.after is None
        plain = plain and scan.limit is None and not scan.offset
        gone: dict[int, int] = {}
        with self._database.writing() as connection:
            if plain and scan.streams is None:
                for name in months_within(connection, scan.span.start, scan.span.end):
                    sql = f"SELECT stream, count(*) FROM {name} GROUP BY stream"
                    for stream, count in connection.execute(sql.encode()).fetchall():
                        gone[stream] = gone.get(stream, 0) + count
                    connection.execute(f"TRUNCATE {name}".encode())
            chosen = asking.conditions(scan) if plain else f" WHERE id IN ({asking.select(scan, 'id')})"
            sql = (
                f"WITH gone AS (DELETE FROM observation{chosen} RETURNING stream, tableoid::regclass::text AS part)"
                " SELECT stream, count(*), part FROM gone GROUP BY stream, part"
            )
            for stream, count, _ in self._deleted(connection, sql):
                gone[stream] = gone.get(stream, 0) + count
            connection.execute(
                "UPDATE observation_stream AS s SET count = s.count - d.count, stale = true"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS d(stream, count) WHERE s.stream = d.stream",
                (list(gone), list(gone.values())),
            )
        return sum(gone.values())

    def compact(self, progress: Callable[[float], None] = lambda _: None, *, whole: bool = False) -> None:
        """PostgreSQL tidies up by itself; `whole`: tables from which rows were removed are written anew."""
        progress(0.0)
        with self._database.writing() as connection:
            connection.execute("DELETE FROM observation_delivery WHERE at < now() - interval '2 days'")
            erased = [row[0] for row in connection.execute("SELECT partition FROM observation_erased").fetchall()]
        for number, name in enumerate(erased if whole else ()):
            self._database.alone(f"VACUUM FULL {name}")
            with self._database.writing() as connection:
                connection.execute("DELETE FROM observation_erased WHERE partition = %s", (name,))
            progress((number + 1) / len(erased))
        progress(1.0)

    def load(self, tables: Iterator[pa.Table], progress: Callable[[int], None] = lambda _: None) -> int:
        """All or none; others may write meanwhile."""
        count, added = 0, []
        with self._database.connection() as connection:
            for table in tables:
                table = r.incoming(table)
                for start in range(0, table.num_rows, _PIECE):
                    rows = r.batch(table.slice(start, _PIECE))
                    with self._database.writing() as other:
                        ids = self._ids(other, r.column(rows, "stream"))
                        self._database.have_months(other, r.column(rows, "time"))
                    rows = _with_ids(rows, ids)
                    asking.copied(connection, "observation", rows)
                    added.append(_without_values(rows))
                    count += rows.num_rows
                    progress(count)
            connection.execute("SELECT pg_advisory_xact_lock(7209114)")
            for rows in added:
                self._add(connection, rows)
        return count


def _with_ids(rows: pa.RecordBatch, ids: np.ndarray) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([rows.column(0), pa.array(ids), *rows.columns[1:]], schema=OBSERVATION_SCHEMA)


def _without_values(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Only what summaries need: the last row of each stream would do, were it not for counts and features."""
    return rows.select(["stream", "id", "time", "until", "result_time", "feature"])


def _key(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
