"""CSV, JSON, NDJSON and GeoJSON (RFC 4180, 8259, 7946), UTF-8."""

from __future__ import annotations

import csv as csv_writer
import io
from collections.abc import Iterator
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


def rows(batch: pa.RecordBatch, schema: pa.Schema) -> list[dict[str, Any]]:
    """Row objects for JSON."""
    names = schema.names
    columns = [column(batch.column(i), field) for i, field in enumerate(schema)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


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


def features(batch: pa.RecordBatch, schema: pa.Schema, ids: list[str] | None = None) -> list[dict[str, Any]]:
    """GeoJSON features of a batch; `ids` become feature ids."""
    place = next((i for i, field in enumerate(schema) if is_geometry(field)), None)
    columns = [column(batch.column(i), field) for i, field in enumerate(schema)]
    geometry = columns[place] if place is not None else [None] * batch.num_rows
    names = [name for i, name in enumerate(schema.names) if i != place]
    values = [values for i, values in enumerate(columns) if i != place]
    properties = zip(*values, strict=True) if values else ((),) * batch.num_rows
    if ids is None:
        return [
            {"type": "Feature", "geometry": shape, "properties": dict(zip(names, row))}  # noqa: B905  hot; equal by make
            for shape, row in zip(geometry, properties, strict=True)
        ]
    return [
        {"type": "Feature", "id": id, "geometry": shape, "properties": dict(zip(names, row))}  # noqa: B905  as above
        for id, shape, row in zip(ids, geometry, properties, strict=True)
    ]
