"""Delivered text and values in Arrow: fast where they fit, missing where they do not."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.adapters.sql.translate import Kind, Native, from_columns, from_csv, mysql_kind, postgres_kind, sqlite_kind
from nabe.model.dataset import FieldType
from nabe.model.schema import ARROW

SCHEMA = pa.schema([(kind.value, ARROW[kind]) for kind in FieldType])


def as_csv(rows):
    """As COPY with FORCE_QUOTE * writes: everything quoted but NULL."""
    lines = []
    for row in rows:
        cells = ("" if cell is None else '"' + str(cell).replace('"', '""') + '"' for cell in row)
        lines.append(",".join(cells) + "\n")
    return "".join(lines).encode()


CELLS = st.tuples(
    st.none() | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.booleans(),
    st.none() | st.dates(),
    st.none() | st.datetimes(dt.datetime(1, 1, 2), timezones=st.just(dt.UTC)),
    st.none() | st.binary(),
)


def sent(row):
    text, whole, number, truth, day, moment, raw = row
    return (
        text,
        whole,
        None if number is None else repr(number),
        None if truth is None else "t" if truth else "f",
        None if day is None else day.isoformat(),
        None if moment is None else moment.replace(tzinfo=None).isoformat(" ") + "+00",
        None if raw is None else "\\x" + raw.hex(),
    )


@given(st.lists(CELLS, min_size=1, max_size=20))
def test_every_row_of_a_copy_comes_back_as_it_was(rows):
    found = from_csv(as_csv(sent(row) for row in rows), SCHEMA)
    assert [tuple(row.values()) for row in found.to_pylist()] == rows


def test_values_that_do_not_fit_are_missing_and_their_neighbours_are_kept():
    good = ("a", "1", "1.5", "t", "2026-01-01", "2026-01-01 00:00:00+00", "\\x01")
    bad = ("b", "99999999999999999999", "x", "?", "0044-03-15 BC", "infinity", None)
    first, second = from_csv(as_csv([good, bad]), SCHEMA).to_pylist()
    assert list(first.values())[:5] == ["a", 1, 1.5, True, dt.date(2026, 1, 1)]
    assert list(second.values()) == ["b", None, None, None, None, None, None]


def test_empty_text_is_not_missing():
    found = from_csv(b'"",\n,"1"\n', pa.schema([("s", pa.string()), ("i", pa.int64())]))
    assert found.to_pylist() == [{"s": "", "i": None}, {"s": None, "i": 1}]


def test_columns_of_mixed_values_are_fitted_one_by_one():
    schema = pa.schema([("i", pa.int64()), ("s", pa.string()), ("b", pa.bool_())])
    found = from_columns([[1, "2", "x", None], ["a", 1, b"c", None], [1, 0, None, 1]], schema)
    assert found.to_pydict() == {"i": [1, 2, None, None], "s": ["a", "1", "c", None], "b": [True, False, None, True]}


@pytest.mark.parametrize(
    ("native", "kind", "expected"),
    [
        ("numeric(5,0)", Kind.DECIMAL, FieldType.INTEGER),
        ("decimal(18)", Kind.DECIMAL, FieldType.INTEGER),
        ("numeric(19,0)", Kind.DECIMAL, FieldType.NUMBER),
        ("numeric(10,2)", Kind.DECIMAL, FieldType.NUMBER),
        ("numeric", Kind.DECIMAL, FieldType.NUMBER),
    ],
)
def test_decimals_without_places_are_whole_numbers(native, kind, expected):
    assert Native("a", kind, native).type is expected


def test_native_types_have_their_kind():
    assert [postgres_kind(name) for name in ("_text", "jsonb", "geography", "interval")] == [
        Kind.ARRAY,
        Kind.CASTABLE,
        Kind.GEOMETRY,
        Kind.CASTABLE,
    ]
    assert [
        mysql_kind(name) for name in ("tinyint(1)", "tinyint(4)", "bit(1)", "bit(8)", "enum('a')", "multipolygon")
    ] == [
        Kind.BOOL,
        Kind.INT,
        Kind.BOOL,
        Kind.BINARY,
        Kind.CASTABLE,
        Kind.GEOMETRY,
    ]
    assert [
        sqlite_kind(name) for name in ("", "VARCHAR(9)", "bigint", "DECIMAL(5,2)", "datetime", "BOOLEAN", "POINT")
    ] == [
        Kind.LOOSE,
        Kind.TEXT,
        Kind.INT,
        Kind.DECIMAL,
        Kind.TIMESTAMP,
        Kind.BOOL,
        Kind.GEOMETRY,
    ]


def test_the_test_writes_csv_as_csv_readers_read_it():
    assert list(csv.reader(io.StringIO(as_csv([('a"b\n', 1)]).decode()))) == [['a"b\n', "1"]]
