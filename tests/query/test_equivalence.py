"""`evaluate` and `sql` mean the same: random filters, floors and orders over random rows, on DuckDB and SQLite."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.model import expr as e
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.query import Order, Scan
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.ports.source import Batches, Capabilities
from nabe.query.evaluate import finish
from nabe.query.sql import CASEFOLD, quoted, select
from nabe.testing.sealing import seal

FIELDS = (
    Field("s", FieldType.STRING),
    Field("i", FieldType.INTEGER),
    Field("n", FieldType.NUMBER),
    Field("d", FieldType.DATE),
)
DATASET = Dataset("data", Text("d"), "amt", Access.OPEN, FIELDS, subject="s")

words = st.sampled_from(
    ["", "a", "A", "ä", "Ä", "ab", "%", "_", "a%b", "x_y", "'", "[a]", "*", "\\", "é\n", "zz", "Straße"]
)
numbers = st.sampled_from([-2.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.25])
integers = st.integers(-3, 3)
dates = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 4))
values = {"s": words, "i": integers, "n": numbers, "d": dates}
rows = st.lists(st.tuples(*(st.none() | values[name] for name in "sind")), max_size=12)


def compare(name):
    return st.builds(e.Compare, st.just(name), st.sampled_from(list(e.Op)), values[name])


def among(name):
    return st.builds(lambda items: e.In(name, tuple(items)), st.lists(values[name], max_size=3))


simple = st.one_of(
    *(compare(name) for name in "sind"),
    *(among(name) for name in "sind"),
    st.builds(e.IsNull, st.sampled_from("sind")),
    st.builds(e.Like, st.just("s"), st.text("aäA%_*[b\\'", max_size=4), st.just(False)),
    st.just(e.ALL_ROWS),
    st.just(e.NoRows()),
)
filters = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: e.And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: e.Or(tuple(parts))),
        inner.map(e.Not),
    ),
    max_leaves=5,
)


def table(content):
    columns = list(zip(*content, strict=True)) if content else [[], [], [], []]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, arrow_schema(FIELDS), strict=True)],
        arrow_schema(FIELDS),
    )


def by_hub(scan, data):
    done = finish(Batches(data.schema, iter(data.to_batches(max_chunksize=3))), scan, Capabilities())
    return plain(pa.Table.from_batches(list(done.batches), done.schema))


def plain(data):
    return [
        tuple(
            round(value, 6) if isinstance(value, float) and not math.isnan(value) else value for value in row.values()
        )
        for row in data.to_pylist()
    ]


def by_duckdb(scan, data):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("data", data)
    columns = {field.name: quoted(field.name, "duckdb") for field in FIELDS}
    return plain(connection.execute(select(scan, "data", columns, "duckdb")).to_arrow_table())


def by_sqlite(scan, data):
    connection = sqlite3.connect(":memory:")
    connection.create_function(CASEFOLD, 1, lambda text: None if text is None else text.casefold())
    connection.execute("CREATE TABLE data (s TEXT, i INTEGER, n REAL, d TEXT)")
    content = [(row["s"], row["i"], row["n"], row["d"] and row["d"].isoformat()) for row in data.to_pylist()]
    connection.executemany("INSERT INTO data VALUES (?, ?, ?, ?)", content)
    columns = {field.name: quoted(field.name, "sqlite") for field in FIELDS}
    found = connection.execute(select(scan, "data", columns, "sqlite")).fetchall()
    place = scan.fields.index("d") if "d" in scan.fields else -1
    return [
        tuple(
            dt.date.fromisoformat(value)
            if number == place and value
            else (round(value, 6) if isinstance(value, float) else value)
            for number, value in enumerate(row)
        )
        for row in found
    ]


def key(row):
    return tuple((value is None, str(type(value)), value if value is not None else 0) for value in row)


@pytest.mark.parametrize("engine", [by_duckdb, by_sqlite], ids=["duckdb", "sqlite"])
@settings(max_examples=120, deadline=None)
@given(content=rows, where=filters, allowed=filters)
def test_filters_mean_the_same(engine, content, where, allowed):
    scan = seal(DATASET, Scan("data", ("s", "i", "n", "d"), where), allowed=allowed)
    assert sorted(by_hub(scan, table(content)), key=key) == sorted(engine(scan, table(content)), key=key)


@pytest.mark.parametrize("engine", [by_duckdb, by_sqlite], ids=["duckdb", "sqlite"])
@settings(max_examples=100, deadline=None)
@given(
    content=rows,
    where=filters,
    size=st.integers(2, 4),
    subject=st.sampled_from(["", "s"]),
    measured=st.booleans(),
    step=st.sampled_from([None, 1.0, 0.5]),
)
def test_minimum_groups_mean_the_same(engine, content, where, size, subject, measured, step):
    duties = {
        "min_group": size,
        "subject": subject,
        "columns": frozenset("idn"),
        "measures": frozenset("n") if measured else frozenset(),
        "rounding": {"n": step} if step else {},
    }
    where = _only(where, {"i", "d"} if measured else {"i", "d", "n"})
    scan = seal(DATASET, Scan("data", ("i", "n", "d"), where), **duties)
    assert sorted(by_hub(scan, table(content)), key=key) == sorted(engine(scan, table(content)), key=key)


def _only(where, names):
    return where if set(e.fields_of(where)) <= names else e.ALL_ROWS


@pytest.mark.parametrize("engine", [by_duckdb, by_sqlite], ids=["duckdb", "sqlite"])
@settings(max_examples=80, deadline=None)
@given(
    content=rows,
    order=st.permutations("sind"),
    descending=st.lists(st.booleans(), min_size=4, max_size=4),
    limit=st.none() | st.integers(0, 6),
    offset=st.integers(0, 4),
)
def test_order_limit_and_offset_mean_the_same(engine, content, order, descending, limit, offset):
    keys = tuple(Order(name, down) for name, down in zip(order, descending, strict=True))
    scan = seal(DATASET, Scan("data", ("s", "i", "n", "d"), order=keys, limit=limit, offset=offset))
    assert by_hub(scan, table(content)) == engine(scan, table(content))
