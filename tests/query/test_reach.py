"""What passes through the cut-off stays what it was."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from nabe.ports.source import Batches
from nabe.query.reach import Reach

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def test_a_stream_keeps_saying_how_old_its_rows_are():
    table = pa.table({"n": [1, 2, 3]})
    closed = []

    def start():
        return Batches(table.schema, iter(table.to_batches()), lambda: closed.append(True), NOW)

    found = Reach(lambda _: None).stream("web", 5.0, start)
    assert found.stale_since == NOW and found.schema == table.schema
    assert pa.Table.from_batches(list(found.batches)).equals(table)
    found.close()
    assert closed == [True]
