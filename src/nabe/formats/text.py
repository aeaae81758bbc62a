"""CSV, JSON, NDJSON and GeoJSON (RFC 4180, 8259, 7946), UTF-8."""

from __future__ import annotations

import csv as csv_writer
import io
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa

from nabe.formats.values import column, finite, pieces, texts, wkt
from nabe.model.result import Result
from nabe.model.schema import is_geometry

_ENCODER = msgspec.json.Encoder()


def csv(result: Result, title: str = "") -> Iterator[bytes]:
    """Comma, CRLF, a header line; geometry as WKT; missing values empty. Numbers and dates as in ISO 8601.

    Values are written as they are: a text that begins with `=` stays one, or programs would read something else than
    the silo holds. Who opens CSV in a spreadsheet program imports its columns as text, or takes XLSX, where text is
    marked as text.
    """
    del title
    out = io.StringIO(newline="")
    writer = csv_writer.writer(out)
    writer.writerow(result.schema.names)
    for batch in pieces(result):
        writer.writerows(zip(*(_cells(batch.column(i), field) for i, field in enumerate(result.schema)), strict=True))
        yield _emptied(out)
    if out.tell():
        yield _emptied(out)


def _emptied(out: io.StringIO) -> bytes:
    written = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return written


def _cells(array: Any, field: pa.Field) -> list[Any]:
    if is_geometry(field):
        return wkt(array)
    if pa.types.is_temporal(array.type):
        return texts(array)
    values: list[Any] = array.to_pylist()
    if pa.types.is_boolean(array.type):
        return [None if value is None else str(value).lower() for value in values]
    if pa.types.is_floating(array.type):
        return finite(values)
    if pa.types.is_binary(array.type):
        return [None if value is None else value.hex() for value in values]
    return values


def rows(batch: pa.RecordBatch, schema: pa.Schema) -> list[Any]:
    """Row objects, as msgspec writes them."""
    columns = [column(batch.column(i), field) for i, field in enumerate(schema)]
    return list(map(_row_of(tuple(schema.names)), *columns)) if columns else [{}] * batch.num_rows


@lru_cache(maxsize=256)
def _row_of(names: tuple[str, ...]) -> Callable[..., Any]:
    """What makes an object with these members out of values: a struct is built and written three times faster."""
    if len(set(names)) < len(names) or any(sign in _UNFIT or sign < " " for name in names for sign in name):
        return lambda *values: dict(zip(names, values, strict=True))
    members = {f"m{number}": name for number, name in enumerate(names)}
    return msgspec.defstruct("Row", [(member, Any) for member in members], rename=members, gc=False)


#: What msgspec takes in no member's name.
_UNFIT = '"\\'


def json(result: Result, title: str = "") -> Iterator[bytes]:
    """A list of row objects."""
    del title
    first = True
    for batch in pieces(result):
        text = _ENCODER.encode(rows(batch, result.schema))
        yield (b"[" if first else b",\n") + text[1:-1]
        first = False
    yield b"[]\n" if first else b"]\n"


def ndjson(result: Result, title: str = "") -> Iterator[bytes]:
    """A row object a line."""
    del title
    for batch in pieces(result):
        yield b"\n".join(_ENCODER.encode(row) for row in rows(batch, result.schema)) + b"\n"


def geojson(result: Result, title: str = "") -> Iterator[bytes]:
    """A feature collection; the first geometry column is the geometry, rows without one have null."""
    head = b'{"type":"FeatureCollection",'
    if title:
        head += b'"title":' + _ENCODER.encode(title) + b","
    yield head + b'"features":['
    first = True
    for batch in pieces(result):
        text = _ENCODER.encode(features(batch, result.schema))
        yield (b"" if first else b",\n") + text[1:-1]
        first = False
    yield b"]}\n"


class Feature(msgspec.Struct, tag="Feature", tag_field="type", gc=False):
    """RFC 7946, 3.2."""

    geometry: Any
    properties: Any


class NamedFeature(msgspec.Struct, tag="Feature", tag_field="type", gc=False):
    """A feature with an id."""

    id: str
    geometry: Any
    properties: Any


def features(batch: pa.RecordBatch, schema: pa.Schema, ids: list[str] | None = None) -> list[Any]:
    """GeoJSON features of a batch; `ids` become feature ids."""
    place = next((i for i, field in enumerate(schema) if is_geometry(field)), None)
    others = [i for i in range(len(schema)) if i != place]
    geometry = [None] * batch.num_rows if place is None else column(batch.column(place), schema.field(place))
    properties = rows(batch.select(others), pa.schema([schema.field(i) for i in others]))
    return list(map(Feature, geometry, properties) if ids is None else map(NamedFeature, ids, geometry, properties))
