"""Columns, hints and boxes in PostgreSQL's SQL. Pure."""

from __future__ import annotations

import datetime as dt
import math

from pyproj import Transformer
from pyproj.exceptions import ProjError

from nabe.adapters.sql.crs import srid_of
from nabe.adapters.sql.databases.base import Unfit, around_number, whole_numbers
from nabe.adapters.sql.translate import Kind, Native
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox, Compare, In, Op
from nabe.query.sql import literal, quoted

#: At most 18 digits are surely a bigint; exponents of at most two digits surely a double.
_WHOLE = r"'^\s*[-+]?\d{1,18}\s*$'"
_NUMBER = r"'^\s*[-+]?(\d{1,200}\.?\d*|\.\d+)([eE][-+]?\d{1,2})?\s*$'"
_STRAIGHT = ("POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON")


def expression(native: Native, field: Field, zone: str, crs: str) -> str:
    """The column as the hub's type: bare where that is the same, so that indexes serve."""
    name = quoted(native.name, "postgres")
    made = {
        FieldType.STRING: _string,
        FieldType.INTEGER: _integer,
        FieldType.NUMBER: _number,
        FieldType.BOOLEAN: _boolean,
    }.get(field.type)
    if made is not None:
        found = made(name, native)
    elif field.type is FieldType.DATE:
        found = _date(name, native.kind, zone)
    elif field.type is FieldType.DATETIME:
        found = _moment(name, native.kind, zone)
    else:
        found = _wkb(name, native, crs)
    if found is None:
        raise Unfit
    return found


def _string(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.TEXT:
            return name if native.plain else f'({name} COLLATE "C")'
        case Kind.BINARY:
            return f"encode({name}, 'hex')"
        case Kind.ARRAY:
            return f"to_json({name})::text"
        case Kind.GEOMETRY:
            return f"ST_AsText({name})"
    return f"{name}::text"


def _integer(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.INT:
            return name
        case Kind.DECIMAL if native.type is FieldType.INTEGER:
            return name
        case Kind.DECIMAL | Kind.FLOAT:
            whole = f"{name}::numeric = trunc({name}::numeric) AND abs({name}::numeric) < 9223372036854775807"
            special = f"{name}::text IN ('NaN', 'Infinity', '-Infinity')"
            return f"CASE WHEN {special} THEN NULL WHEN {whole} THEN {name}::numeric::bigint END"
        case Kind.BOOL:
            return f"{name}::int"
        case Kind.TEXT | Kind.CASTABLE:
            return f"CASE WHEN {name}::text ~ {_WHOLE} THEN {name}::text::bigint END"
    return None


def _number(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.INT | Kind.DECIMAL if native.native != "money":
            return f"{name}::float8"
        case Kind.DECIMAL:
            return f"{name}::numeric::float8"
        case Kind.FLOAT:
            return name if native.native == "double precision" else f"{name}::float8"
        case Kind.TEXT | Kind.CASTABLE:
            return f"CASE WHEN {name}::text ~ {_NUMBER} THEN {name}::text::float8 END"
    return None


def _boolean(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.BOOL:
            return name
        case Kind.INT | Kind.DECIMAL:
            return f"CASE WHEN {name} = 0 THEN FALSE WHEN {name} = 1 THEN TRUE END"
        case Kind.TEXT | Kind.CASTABLE:
            yes, no = "('t', 'true', '1', 'ja', 'j', 'y', 'yes')", "('f', 'false', '0', 'nein', 'n', 'no')"
            word = f"lower(trim({name}::text))"
            return f"CASE WHEN {word} IN {yes} THEN TRUE WHEN {word} IN {no} THEN FALSE END"
    return None


def _date(name: str, kind: Kind, zone: str) -> str | None:
    # 'infinity' and years that no calendar of Arrow or Python knows are no days.
    known = f"{name} >= '0001-01-01' AND {name} < '10000-01-01'"
    match kind:
        case Kind.DATE:
            return f"CASE WHEN {known} THEN {name} END"
        case Kind.TIMESTAMP:
            return f"CASE WHEN {known} THEN {name}::date END"
        case Kind.TIMESTAMPTZ:
            return f"CASE WHEN {known} THEN ({name} AT TIME ZONE {literal(zone, 'postgres')})::date END"
    return None


def _moment(name: str, kind: Kind, zone: str) -> str | None:
    known = f"{name} >= '0001-01-02' AND {name} < '9999-12-31'"
    match kind:
        case Kind.TIMESTAMPTZ:
            return f"CASE WHEN {known} THEN {name} END"
        case Kind.TIMESTAMP:
            return f"CASE WHEN {known} THEN {name} AT TIME ZONE {literal(zone, 'postgres')} END"
        case Kind.DATE:
            return f"CASE WHEN {known} THEN {name}::timestamp AT TIME ZONE {literal(zone, 'postgres')} END"
    return None


def _wkb(name: str, native: Native, crs: str) -> str | None:
    if native.kind is not Kind.GEOMETRY:
        return None
    return f"ST_AsBinary({_lonlat(name, native, crs)})"


def _lonlat(name: str, native: Native, crs: str) -> str:
    """Geometry in degrees, curves as the lines that every reader understands."""
    shape = f"{name}::geometry" if native.native.startswith("geography") else name
    if native.shape.rstrip("ZM") not in _STRAIGHT:
        shape = f"ST_CurveToLine({shape})"
    srid = native.srid or srid_of(crs)
    if not native.srid:
        shape = f"ST_SetSRID({shape}, {srid})"
    return shape if srid == 4326 else f"ST_Transform({shape}, 4326)"


def hint(native: Native, field: Field, part: Compare | In) -> str | None:
    """A condition on the bare column that holds wherever `part` does."""
    name = quoted(native.name, "postgres")
    values = part.values if isinstance(part, In) else (part.value,)
    op = Op.EQ if isinstance(part, In) else part.op
    if not values or op is Op.NE:
        return None
    match field.type, native.kind:
        case FieldType.STRING, Kind.TEXT if op is Op.EQ:  # the index has its own collation
            return f"{name} IN ({', '.join(literal(value, 'postgres') for value in values)})"
        case FieldType.STRING, Kind.INT if op is Op.EQ:
            return whole_numbers(name, values)
        case FieldType.NUMBER, Kind.INT | Kind.DECIMAL if native.native != "money":
            return around_number(name, op, values[0]) if len(values) == 1 else None
        case (FieldType.DATE, Kind.DATE) | (FieldType.DATETIME, Kind.TIMESTAMPTZ) if len(values) == 1:
            return f"{name} {op.value} {literal(values[0], 'postgres')}"
        case FieldType.DATETIME, Kind.TIMESTAMP if isinstance(values[0], dt.datetime) and len(values) == 1:
            return _around(name, op, f"({literal(values[0], 'postgres')} AT TIME ZONE 'UTC')")
    return None


def _around(name: str, op: Op, value: str) -> str:
    # No zone is further from UTC than a day.
    after, before = f"{name} >= {value} - INTERVAL '1 day'", f"{name} <= {value} + INTERVAL '1 day'"
    if op is Op.EQ:
        return f"{after} AND {before}"
    return after if op in (Op.GT, Op.GE) else before


def bbox(native: Native, box: BBox, crs: str) -> str:
    """Exactly: the geometry's box in degrees, by its own numbers (PostGIS's && compares rounded ones)."""
    name = quoted(native.name, "postgres")
    shape = _lonlat(name, native, crs)
    across = f"ST_XMax({shape}) >= {box.west!r} AND ST_XMin({shape}) <= {box.east!r}"
    if box.west > box.east:
        across = f"(ST_XMax({shape}) >= {box.west!r} OR ST_XMin({shape}) <= {box.east!r})"
    exact = f"{across} AND ST_YMax({shape}) >= {box.south!r} AND ST_YMin({shape}) <= {box.north!r}"
    # An empty geometry has no box: it touches none, which is known; only a missing one is unknown.
    return f"CASE WHEN {name} IS NOT NULL THEN coalesce({exact}, FALSE) END"


def near(native: Native, box: BBox) -> str | None:
    """A wider box in the table's own CRS, for its index, to stand beside the exact condition."""
    name = quoted(native.name, "postgres")
    if not native.srid or box.west > box.east or native.native.startswith("geography"):
        return None
    sides: tuple[float, ...] = (box.west, box.south, box.east, box.north)
    if native.srid != 4326:
        if box.east - box.west > 10 or box.north - box.south > 10:
            return None  # so large a box has no straight sides in another projection
        try:
            there = Transformer.from_crs(4326, native.srid, always_xy=True)
            sides = there.transform_bounds(box.west, box.south, box.east, box.north, densify_pts=21)
        except ProjError:
            return None
        # A box is turned a little by the projection: points need a hair, shapes as wide as a city some hundred metres.
        slack = 0.05 * max(sides[2] - sides[0], sides[3] - sides[1]) + (1.0 if native.shape == "POINT" else 1000.0)
        sides = (sides[0] - slack, sides[1] - slack, sides[2] + slack, sides[3] + slack)
    if not all(math.isfinite(side) for side in sides):
        return None
    return f"{name} && ST_MakeEnvelope({', '.join(repr(float(side)) for side in sides)}, {native.srid})"
