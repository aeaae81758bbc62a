"""From the words of a database to the hub's: native types to field types, and delivered text or values to Arrow. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from nabe.model.dataset import FieldType


class Kind(StrEnum):
    """Families of native types that are cast alike."""

    TEXT = "text"
    CASTABLE = "castable"  # text after a cast: uuid, json, enum, inet, time …
    ARRAY = "array"
    BINARY = "binary"
    INT = "int"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    TIMESTAMP = "timestamp"  # without a zone
    TIMESTAMPTZ = "timestamptz"
    GEOMETRY = "geometry"
    LOOSE = "loose"  # SQLite's column without a type


#: The hub's nearest type.
NEAREST: dict[Kind, FieldType] = {
    Kind.INT: FieldType.INTEGER,
    Kind.DECIMAL: FieldType.NUMBER,
    Kind.FLOAT: FieldType.NUMBER,
    Kind.BOOL: FieldType.BOOLEAN,
    Kind.DATE: FieldType.DATE,
    Kind.TIMESTAMP: FieldType.DATETIME,
    Kind.TIMESTAMPTZ: FieldType.DATETIME,
    Kind.GEOMETRY: FieldType.GEOMETRY,
}


@dataclass(frozen=True, slots=True)
class Native:
    """A column as its database describes it.

    `plain`: text is told apart by its bytes alone (no collation that equals different texts), in the connection's encoding.
    `collation`: one of its database that compares text by code point, blanks at the end included (where one must be named).
    """

    name: str
    kind: Kind
    native: str = ""
    nullable: bool = True
    comment: str = ""
    plain: bool = True
    srid: int = 0
    shape: str = ""
    collation: str = ""

    def placed(self, srid: int, shape: str) -> Native:
        """The same geometry column with its CRS and shape."""
        return replace(self, srid=srid, shape=shape)

    @property
    def type(self) -> FieldType:
        """The hub's nearest type; decimals without places and of at most 18 digits are whole numbers."""
        if self.kind is Kind.DECIMAL and (found := re.search(r"\((\d+)(?:,\s*(-?\d+))?\)", self.native)):
            if int(found[2] or 0) == 0 and int(found[1]) <= 18:
                return FieldType.INTEGER
        return NEAREST.get(self.kind, FieldType.STRING)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view as its database describes it. `sql`: its quoted name. `rows`: about how many, if known."""

    schema: str
    name: str
    sql: str
    columns: dict[str, Native]
    comment: str = ""
    rows: int | None = None
    key: tuple[str, ...] = ()  # where pages are cut by it


_POSTGRES = {
    "int2": Kind.INT,
    "int4": Kind.INT,
    "int8": Kind.INT,
    "oid": Kind.INT,
    "numeric": Kind.DECIMAL,
    "money": Kind.DECIMAL,
    "float4": Kind.FLOAT,
    "float8": Kind.FLOAT,
    "bool": Kind.BOOL,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "timestamptz": Kind.TIMESTAMPTZ,
    "text": Kind.TEXT,
    "varchar": Kind.TEXT,
    "bytea": Kind.BINARY,
    "geometry": Kind.GEOMETRY,
    "geography": Kind.GEOMETRY,
}


def postgres_kind(name: str) -> Kind:
    """Kind of a base type by its name in pg_type."""
    return Kind.ARRAY if name.startswith("_") else _POSTGRES.get(name, Kind.CASTABLE)


_MYSQL = {
    "tinyint": Kind.INT,
    "smallint": Kind.INT,
    "mediumint": Kind.INT,
    "int": Kind.INT,
    "bigint": Kind.INT,
    "year": Kind.INT,
    "decimal": Kind.DECIMAL,
    "float": Kind.FLOAT,
    "double": Kind.FLOAT,
    "date": Kind.DATE,
    "datetime": Kind.TIMESTAMP,
    "timestamp": Kind.TIMESTAMPTZ,
    "char": Kind.TEXT,
    "varchar": Kind.TEXT,
    "tinytext": Kind.TEXT,
    "text": Kind.TEXT,
    "mediumtext": Kind.TEXT,
    "longtext": Kind.TEXT,
    "binary": Kind.BINARY,
    "varbinary": Kind.BINARY,
    "tinyblob": Kind.BINARY,
    "blob": Kind.BINARY,
    "mediumblob": Kind.BINARY,
    "longblob": Kind.BINARY,
}
_SHAPES = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon")


def mysql_kind(column_type: str) -> Kind:
    """Kind of a MariaDB or MySQL column type such as `tinyint(1) unsigned`."""
    if re.match(r"(tinyint\(1\)|bit\(1\))", column_type):
        return Kind.BOOL
    word = re.match(r"\w+", column_type.lower())
    name = word[0] if word else ""
    if name in (*_SHAPES, "geomcollection", "geometrycollection"):
        return Kind.GEOMETRY
    return Kind.BINARY if name == "bit" else _MYSQL.get(name, Kind.CASTABLE)


_MSSQL = {
    "tinyint": Kind.INT,
    "smallint": Kind.INT,
    "int": Kind.INT,
    "bigint": Kind.INT,
    "decimal": Kind.DECIMAL,
    "numeric": Kind.DECIMAL,
    "money": Kind.DECIMAL,
    "smallmoney": Kind.DECIMAL,
    "real": Kind.FLOAT,
    "float": Kind.FLOAT,
    "bit": Kind.BOOL,
    "date": Kind.DATE,
    "datetime": Kind.TIMESTAMP,
    "datetime2": Kind.TIMESTAMP,
    "smalldatetime": Kind.TIMESTAMP,
    "datetimeoffset": Kind.TIMESTAMPTZ,
    "char": Kind.TEXT,
    "varchar": Kind.TEXT,
    "text": Kind.TEXT,
    "nchar": Kind.TEXT,
    "nvarchar": Kind.TEXT,
    "ntext": Kind.TEXT,
    "binary": Kind.BINARY,
    "varbinary": Kind.BINARY,
    "image": Kind.BINARY,
    "timestamp": Kind.BINARY,  # a version of the row, no time
    "rowversion": Kind.BINARY,
    "geometry": Kind.GEOMETRY,
    "geography": Kind.GEOMETRY,
}


def mssql_kind(name: str) -> Kind:
    """Kind of a base type of SQL Server."""
    return _MSSQL.get(name.lower(), Kind.CASTABLE)


_ORACLE = {
    "NUMBER": Kind.DECIMAL,
    "FLOAT": Kind.DECIMAL,  # a NUMBER with binary precision
    "BINARY_FLOAT": Kind.FLOAT,
    "BINARY_DOUBLE": Kind.FLOAT,
    "BOOLEAN": Kind.BOOL,
    "DATE": Kind.TIMESTAMP,  # holds the time of day, too
    "CHAR": Kind.TEXT,
    "VARCHAR2": Kind.TEXT,
    "NCHAR": Kind.TEXT,
    "NVARCHAR2": Kind.TEXT,
    "CLOB": Kind.TEXT,
    "NCLOB": Kind.TEXT,
    "LONG": Kind.TEXT,
    "RAW": Kind.BINARY,
    "LONG RAW": Kind.BINARY,
    "BLOB": Kind.BINARY,
    "XMLTYPE": Kind.CASTABLE,
    "JSON": Kind.CASTABLE,
    "ROWID": Kind.CASTABLE,
    "UROWID": Kind.CASTABLE,
    "SDO_GEOMETRY": Kind.GEOMETRY,
}


def oracle_kind(name: str, owner: str = "") -> Kind | None:
    """Kind of a type in ALL_TAB_COLUMNS; None for what cannot be read as a value (BFILE, objects, collections)."""
    if name.startswith("TIMESTAMP"):
        return Kind.TIMESTAMPTZ if "TIME ZONE" in name else Kind.TIMESTAMP
    if name.startswith("INTERVAL"):
        return Kind.CASTABLE
    return _ORACLE.get(name) if owner in ("", "SYS", "PUBLIC", "MDSYS", "XDB") else None


def sqlite_kind(declared: str) -> Kind:
    """Kind by SQLite's rules of affinity, and by the names that applications use for what SQLite lacks."""
    name = declared.upper()
    if name.startswith("BOOL"):
        return Kind.BOOL
    if name.startswith(("DATETIME", "TIMESTAMP")):
        return Kind.TIMESTAMPTZ if "TZ" in name or "WITH TIME ZONE" in name else Kind.TIMESTAMP
    if name.startswith("DATE"):
        return Kind.DATE
    if any(name.startswith(shape.upper()) for shape in _SHAPES) and name != "POINTER":
        return Kind.GEOMETRY
    if "INT" in name:
        return Kind.INT
    if any(part in name for part in ("CHAR", "CLOB", "TEXT", "UUID", "JSON")):
        return Kind.TEXT
    if any(part in name for part in ("REAL", "FLOA", "DOUB")):
        return Kind.FLOAT
    if not name or "BLOB" in name:
        return Kind.LOOSE if not name else Kind.BINARY
    return Kind.DECIMAL


def from_csv(data: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """Rows as PostgreSQL's COPY writes them (CSV, text quoted, bytea in hex). Values that do not fit become missing."""
    hexed = {item.name for item in schema if pa.types.is_binary(item.type)}
    types = {item.name: pa.string() if item.name in hexed else item.type for item in schema}
    try:
        table = _read_csv(data, types)
    except pa.ArrowInvalid:  # a date before Christ, a number beyond 64 bits …: slowly, value by value
        table = _read_csv(data, dict.fromkeys(types, pa.string()))
    columns = [
        unhexed(table.column(item.name)) if item.name in hexed else fitted(table.column(item.name), item.type)
        for item in schema
    ]
    return pa.RecordBatch.from_arrays([_one(column) for column in columns], schema=schema)


def _read_csv(data: bytes, types: dict[str, pa.DataType]) -> pa.Table:
    return arrow_csv.read_csv(
        pa.py_buffer(data),
        read_options=arrow_csv.ReadOptions(
            column_names=list(types), use_threads=False, block_size=max(len(data) + 1, 1024)
        ),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def unhexed(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """`\\x0102` as bytes, the whole column in one step."""
    texts = pc.utf8_slice_codeunits(_one(column), 2)
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, texts.offset * 4)
    body = texts.buffers()[2]
    raw = bytes.fromhex(body[offsets[0] : offsets[-1]].to_pybytes().decode("ascii")) if body else b""
    valid = pc.is_valid(texts)
    starts = ((offsets - offsets[0]) // 2).astype(np.int32)
    mask = None if texts.null_count == 0 else pa.array(valid).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), len(texts), [mask, pa.py_buffer(starts), pa.py_buffer(raw)])


def from_columns(columns: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Columns of Python values (text, numbers, bytes, None) in the types of the schema."""
    arrays = [_from_values(values, item.type) for values, item in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _from_values(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return _one(fitted(pa.array(values), kind))
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # mixed kinds in one column
        return pa.array([_value(value, kind) for value in values], kind)


def fitted(column: pa.ChunkedArray | pa.Array, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    """The column in that type; what does not fit becomes missing."""
    if column.type == kind:
        return column
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), kind)
    if pa.types.is_boolean(kind) and not pa.types.is_string(column.type):
        return pc.not_equal(column, 0)
    try:
        if pa.types.is_boolean(kind):
            return _truth(column)
        if pa.types.is_timestamp(kind) and pa.types.is_string(column.type):
            return pc.cast(pc.cast(column, pa.timestamp("us")), kind)
        if pa.types.is_binary(column.type) and pa.types.is_string(kind):
            return pc.cast(column, pa.string())
        return pc.cast(column, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([_value(value, kind) for value in column.to_pylist()], kind)


def _truth(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    missing = pa.scalar(None, pa.bool_())
    no = pc.if_else(pc.is_in(column, pa.array(["f", "0", "false"])), pa.scalar(False), missing)
    return pc.if_else(pc.is_in(column, pa.array(["t", "1", "true"])), pa.scalar(True), no)


def _value(value: Any, kind: pa.DataType) -> Any:
    """One value in that type, or None."""
    if value is None:
        return None
    try:
        if pa.types.is_string(kind):
            return value.decode("utf-8") if isinstance(value, bytes) else str(value)
        if pa.types.is_timestamp(kind):
            moment = dt.datetime.fromisoformat(str(value))
            return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        if pa.types.is_date(kind):
            day, _, rest = str(value).replace("T", " ").partition(" ")
            return dt.date.fromisoformat(day) if rest != "BC" else None
        if pa.types.is_boolean(kind):
            return {"t": True, "1": True, "true": True, "f": False, "0": False, "false": False}.get(str(value).lower())
        if pa.types.is_binary(kind):
            return value if isinstance(value, bytes) else None
        if isinstance(value, str) and "_" in value:  # Python's own way to write numbers
            return None
        return pa.scalar(float(value) if pa.types.is_floating(kind) else int(value), kind).as_py()
    except (ValueError, OverflowError, pa.ArrowInvalid, UnicodeDecodeError):
        return None


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
