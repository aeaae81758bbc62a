"""Columns and bounds in the SQL of Microsoft SQL Server. Pure. (Transact-SQL reference of SQL Server 2016 and later.)"""

from __future__ import annotations

import datetime as dt

from nabe.adapters.sql.databases import bounds
from nabe.adapters.sql.databases.base import NO, YES, Unfit
from nabe.adapters.sql.translate import Kind, Native
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox, Compare, In
from nabe.query.sql import literal, quoted

_BINARY = "COLLATE Latin1_General_BIN2"
_FIXED = ("char", "nchar")
_COMPARABLE = ("char", "nchar", "varchar", "nvarchar")


def expression(native: Native, field: Field) -> str:
    """The column as the hub's type, or as text that Arrow casts. Local times stay local: the hub moves them."""
    name, kind = quoted(native.name, "tsql"), native.kind
    found: str | None = None
    match field.type:
        case FieldType.STRING:
            found = _string(name, native)
        case FieldType.INTEGER:
            found = _integer(name, native)
        case FieldType.NUMBER:
            found = _number(name, native)
        case FieldType.BOOLEAN:
            found = _boolean(name, kind)
        case FieldType.DATE if kind in (Kind.DATE, Kind.TIMESTAMP):
            found = f"CONVERT(char(10), CAST({name} AS date), 23)"
        case FieldType.DATE if kind is Kind.TIMESTAMPTZ:
            found = f"CONVERT(char(10), CAST(SWITCHOFFSET({name}, '+00:00') AS date), 23)"
        case FieldType.DATETIME if kind in (Kind.DATE, Kind.TIMESTAMP):
            found = f"CONVERT(varchar(27), CAST({name} AS datetime2(6)), 126)"
        case FieldType.DATETIME if kind is Kind.TIMESTAMPTZ:
            found = f"CONVERT(varchar(27), CAST(SWITCHOFFSET({name}, '+00:00') AS datetime2(6)), 126)"
        case FieldType.GEOMETRY if kind is Kind.GEOMETRY:
            found = f"{name}.STAsBinary()"
    if found is None:
        raise Unfit
    return found


def _string(name: str, native: Native) -> str:
    base = _base(native)
    match native.kind:
        case Kind.BINARY:
            return f"LOWER(CONVERT(varchar(max), CAST({name} AS varbinary(max)), 2))"
        case Kind.GEOMETRY:
            return f"{name}.STAsText()"
        case Kind.DATE:
            return f"CONVERT(char(10), {name}, 23)"
        case Kind.TIMESTAMP:
            return f"CONVERT(varchar(27), CAST({name} AS datetime2(6)), 126)"
        case Kind.TIMESTAMPTZ:
            return f"CONVERT(varchar(34), CAST({name} AS datetimeoffset(6)), 126)"
        case Kind.FLOAT:
            return f"CONVERT(nvarchar(40), CAST({name} AS float(53)), 3)"  # 17 digits: nothing is lost
    if base == "uniqueidentifier":
        return f"LOWER(CONVERT(nvarchar(36), {name}))"
    if base == "hierarchyid":
        return f"{name}.ToString()"
    text = f"CAST({name} AS nvarchar(max))"
    return f"RTRIM({text})" if base in _FIXED else text  # blanks behind a fixed length are padding


def _integer(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.INT:
            return name
        case Kind.BOOL:
            return f"CAST({name} AS tinyint)"
        case Kind.DECIMAL | Kind.FLOAT:
            whole = f"{name} = FLOOR({name}) AND ABS({name}) < 9223372036854774784"
            return f"CASE WHEN {whole} THEN CAST({name} AS bigint) END"
        case Kind.TEXT:
            return f"CAST({name} AS nvarchar(max))"  # Arrow casts; '' would be 0 here
    return None


def _number(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.INT | Kind.DECIMAL | Kind.FLOAT:
            return f"CAST({name} AS float(53))"
        case Kind.TEXT:
            return f"CAST({name} AS nvarchar(max))"
    return None


def _boolean(name: str, kind: Kind) -> str | None:
    match kind:
        case Kind.BOOL:
            return f"CAST({name} AS tinyint)"
        case Kind.INT | Kind.DECIMAL:
            return f"CASE WHEN {name} = 1 THEN 1 WHEN {name} = 0 THEN 0 END"
        case Kind.TEXT:
            word = f"LOWER(LTRIM(RTRIM(CAST({name} AS nvarchar(max))))) {_BINARY}"
            return f"CASE WHEN {word} IN {_listed(YES)} THEN 1 WHEN {word} IN {_listed(NO)} THEN 0 END"
    return None


def bound(native: Native, field: Field, part: Compare | In | BBox) -> str | None:
    """A condition on the bare column that holds at least wherever `part` does.

    Equal texts are equal in every collation; a collation that equals more only gives the hub more to throw away.
    """
    if isinstance(part, BBox):
        return None
    name = quoted(native.name, "tsql")
    match field.type, native.kind:
        case FieldType.STRING, Kind.TEXT if _base(native) in _COMPARABLE:
            found = bounds.texts(part)
            return f"{name} IN {_listed(found)}" if found else None
        case ((FieldType.INTEGER | FieldType.NUMBER), (Kind.INT | Kind.DECIMAL)):
            return bounds.numbers(name, part)
        case ((FieldType.DATE | FieldType.DATETIME), (Kind.DATE | Kind.TIMESTAMP)):
            return bounds.moments(name, field, part, _moment)
        case ((FieldType.DATE | FieldType.DATETIME), Kind.TIMESTAMPTZ):
            return bounds.moments(name, field, part, lambda moment: f"TODATETIMEOFFSET({_moment(moment)}, '+00:00')")
    return None


def _moment(moment: dt.datetime) -> str:
    # datetime2 outranks date, smalldatetime and datetime, so that the column is widened and nothing is rounded away.
    return f"CONVERT(datetime2(6), '{moment:%Y-%m-%dT%H:%M:%S}', 126)"


def _listed(texts: tuple[str, ...] | list[str]) -> str:
    return "(" + ", ".join(f"N{literal(text, 'tsql')}" for text in texts) + ")"


def _base(native: Native) -> str:
    return native.native.partition("(")[0].lower()
