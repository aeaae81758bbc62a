"""Columns and bounds in the SQL of Oracle Database. Pure. (SQL Language Reference 19c; 12.2 and later.)"""

from __future__ import annotations

import datetime as dt

from nabe.adapters.sql.databases import bounds
from nabe.adapters.sql.databases.base import NO, YES, Unfit
from nabe.adapters.sql.translate import Kind, Native
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox, Compare, In
from nabe.query.sql import literal, quoted

_DAY, _MOMENT = "'YYYY-MM-DD'", "'YYYY-MM-DD\"T\"HH24:MI:SS.FF6'"
_FIXED = ("CHAR", "NCHAR")
_COMPARABLE = ("CHAR", "VARCHAR2", "NCHAR", "NVARCHAR2")


def expression(native: Native, field: Field) -> str:
    """The column as the hub's type, or as text that Arrow casts. Local times stay local: the hub moves them."""
    name, kind = quoted(native.name, "oracle"), native.kind
    found: str | None = None
    match field.type:
        case FieldType.STRING:
            found = _string(name, native)
        case FieldType.INTEGER:
            found = _integer(name, native)
        case FieldType.NUMBER:
            found = _number(name, native)
        case FieldType.BOOLEAN:
            found = _boolean(name, native)
        case FieldType.DATE if kind is Kind.TIMESTAMP:
            found = _our_era(name, f"TO_CHAR({name}, {_DAY})")
        case FieldType.DATE if kind is Kind.TIMESTAMPTZ:
            found = _our_era(_utc(name), f"TO_CHAR({_utc(name)}, {_DAY})")
        case FieldType.DATETIME if kind is Kind.TIMESTAMP:
            found = _our_era(name, f"TO_CHAR(CAST({name} AS TIMESTAMP(6)), {_MOMENT})")
        case FieldType.DATETIME if kind is Kind.TIMESTAMPTZ:
            found = _our_era(_utc(name), f"TO_CHAR({_utc(name)}, {_MOMENT})")
        case FieldType.GEOMETRY if kind is Kind.GEOMETRY:
            found = f"SDO_UTIL.TO_WKBGEOMETRY({name})"
    if found is None:
        raise Unfit
    return found


def _string(name: str, native: Native) -> str:
    base = _base(native)
    match native.kind:
        case Kind.GEOMETRY:
            return f"SDO_UTIL.TO_WKTGEOMETRY({name})"
        case Kind.TIMESTAMP:
            return _our_era(name, f"TO_CHAR(CAST({name} AS TIMESTAMP(6)), {_MOMENT})")
        case Kind.TIMESTAMPTZ:
            return _our_era(_utc(name), f'TO_CHAR({_utc(name)}, \'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"\')')
        case Kind.DECIMAL:
            return f"TO_CHAR({name}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
        case Kind.FLOAT:
            return f"TO_CHAR({name}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
        case Kind.BOOL:
            return f"CASE WHEN {name} THEN 'true' WHEN NOT {name} THEN 'false' END"
    if base == "XMLTYPE":
        return f"XMLSERIALIZE(CONTENT {name} AS CLOB)"
    if base == "JSON":
        return f"JSON_SERIALIZE({name} RETURNING CLOB)"
    if base.startswith("INTERVAL"):
        return f"TO_CHAR({name})"
    if base in ("ROWID", "UROWID"):
        return f"ROWIDTOCHAR({name})"
    return f"RTRIM({name})" if base in _FIXED else name  # bytes become hexadecimal digits when they have arrived


def _integer(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.DECIMAL | Kind.FLOAT:
            whole = f"{name} = TRUNC({name}) AND ABS({name}) < 9223372036854775807"
            return f"CASE WHEN {whole} THEN TO_CHAR(CAST({name} AS NUMBER), 'TM9') END"  # text: no digit gets lost
        case Kind.TEXT if _base(native) in _COMPARABLE:
            return name
    return None


def _number(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.DECIMAL | Kind.FLOAT:
            return f"CAST({name} AS BINARY_DOUBLE)"
        case Kind.TEXT if _base(native) in _COMPARABLE:
            return name
    return None


def _boolean(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.BOOL:
            return f"CASE WHEN {name} THEN 1 WHEN NOT {name} THEN 0 END"
        case Kind.DECIMAL:
            return f"CASE WHEN {name} = 1 THEN 1 WHEN {name} = 0 THEN 0 END"
        case Kind.TEXT if _base(native) in _COMPARABLE:
            word = f"LOWER(TRIM({name}))"
            return f"CASE WHEN {word} IN {_listed(YES)} THEN 1 WHEN {word} IN {_listed(NO)} THEN 0 END"
    return None


def _our_era(moment: str, shown: str) -> str:
    """Years before Christ would come without their sign."""
    return f"CASE WHEN {moment} >= DATE '0001-01-01' THEN {shown} END"


def _utc(name: str) -> str:
    return f"SYS_EXTRACT_UTC(CAST({name} AS TIMESTAMP(6) WITH TIME ZONE))"


def bound(native: Native, field: Field, part: Compare | In | BBox) -> str | None:
    """A condition on the bare column that holds at least wherever `part` does.

    An empty text is NULL in Oracle, so it is never written. A literal is in the character set of the database: what goes
    beyond it may stand in national columns, so for these only ASCII is written.
    """
    if isinstance(part, BBox):
        return None
    name, base = quoted(native.name, "oracle"), _base(native)
    match field.type, native.kind:
        case FieldType.STRING, Kind.TEXT if base in _COMPARABLE:
            found = bounds.texts(part)
            if not found or (base.startswith("N") and not all(text.isascii() for text in found)):
                return None
            return f"{name} IN {_listed(found)}"
        case ((FieldType.INTEGER | FieldType.NUMBER), Kind.DECIMAL):
            return bounds.numbers(name, part)
        case ((FieldType.DATE | FieldType.DATETIME), Kind.TIMESTAMP):
            return bounds.moments(name, field, part, _date if base == "DATE" else _timestamp)
        case ((FieldType.DATE | FieldType.DATETIME), Kind.TIMESTAMPTZ):
            return bounds.moments(name, field, part, lambda moment: f"FROM_TZ({_timestamp(moment)}, '+00:00')")
    return None


def _date(moment: dt.datetime) -> str:
    return f"TO_DATE('{moment:%Y-%m-%d %H:%M:%S}', 'YYYY-MM-DD HH24:MI:SS')"


def _timestamp(moment: dt.datetime) -> str:
    return f"TO_TIMESTAMP('{moment:%Y-%m-%d %H:%M:%S}', 'YYYY-MM-DD HH24:MI:SS')"


def _listed(texts: tuple[str, ...] | list[str]) -> str:
    return "(" + ", ".join(literal(text, "oracle") for text in texts) + ")"


def _base(native: Native) -> str:
    return native.native.partition("(")[0].strip()
