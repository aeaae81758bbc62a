"""JSON and NDJSON: records found, nested objects flattened by one level, values as text with their sense kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from nabe.adapters.file.part import Part, RawColumn, check_width
from nabe.adapters.file.prepare import prepared
from nabe.adapters.file.settings import TableSettings
from nabe.adapters.file.store import FileStore
from nabe.adapters.file.workbook import table_part
from nabe.adapting.places import Place
from nabe.errors import SourceRefused

#: A JSON document is read as a whole; larger ones must come as NDJSON.
MOST_JSON_BYTES = 256_000_000
_BATCH = 8192
_DEEPEST = 4


def open_json(system: str, place: Place, settings: TableSettings, store: FileStore) -> Part:
    """A JSON document that holds a list of records somewhere."""
    if place.path.stat().st_size > MOST_JSON_BYTES:
        raise SourceRefused(
            system,
            f"{place.shown!r} is larger than {MOST_JSON_BYTES // 1_000_000} MB.",
            hint="Deliver it as NDJSON (one record per line) or Parquet.",
        )
    ready = prepared(system, place, store, settings.encoding)
    try:
        document = json.loads(ready.path.read_text("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise SourceRefused(system, f"{place.shown!r}{line}: not valid JSON.", hint="Deliver it anew.") from None
    path, records = _records(system, place, document, settings.rows_path)
    flat = [flatten(record) for record in records]
    names = tuple(dict.fromkeys(name for row in flat for name in row))
    check_width(system, place.shown, len(names))
    table = pa.table({f"c{i}": pa.array([row.get(name) for row in flat], pa.string()) for i, name in enumerate(names)})
    facts = {"rows_path": path} if path else {}
    return table_part(place.shown, table, _columns(names), facts=facts)


def open_ndjson(system: str, place: Place, settings: TableSettings, store: FileStore) -> Part:
    """One record per line, streamed; a first pass finds the columns."""
    ready = prepared(system, place, store, settings.encoding)
    names: dict[str, None] = {}
    rows = 0
    for row in _lines(system, place, ready.path):
        names.update(dict.fromkeys(row))
        rows += 1
    check_width(system, place.shown, len(names))
    ordered = tuple(names)

    def batches(wanted: Collection[str]) -> Iterator[pa.RecordBatch]:
        chosen = [(f"c{i}", name) for i, name in enumerate(ordered) if f"c{i}" in wanted]
        for chunk in _chunked(_lines(system, place, ready.path)):
            arrays = [pa.array([row.get(name) for row in chunk], pa.string()) for _, name in chosen]
            yield pa.RecordBatch.from_arrays(arrays, [sql for sql, _ in chosen])

    def relation(cursor: Any, columns: Collection[str]) -> str:
        wanted = [f"c{i}" for i in range(len(ordered)) if f"c{i}" in columns] or ["c0"]
        schema = pa.schema([(sql, pa.string()) for sql in wanted])
        view = f"nabe_{id(batches):x}"
        cursor.register(view, pa.RecordBatchReader.from_batches(schema, batches(wanted)))
        return view

    size = place.path.stat().st_size
    return Part(place.shown, _columns(ordered), relation, rows, size, rescan=False)


def _columns(names: Iterable[str]) -> tuple[RawColumn, ...]:
    return tuple(RawColumn(name, f"c{index}") for index, name in enumerate(names))


def flatten(record: Any) -> dict[str, str | None]:
    """A record as columns of text: `{"a": {"b": 1}}` -> `a_b`; what is nested deeper or a list stays JSON."""
    if not isinstance(record, dict):
        return {"value": value_text(record)}
    flat: dict[str, str | None] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value and not _is_geometry(value):
            for inner, item in value.items():
                flat.setdefault(f"{name}_{inner}", value_text(item))
        else:
            flat[name] = value_text(value)
    return flat


def value_text(value: Any) -> str | None:
    """`true`, `12`, `0.5`, text as it is, lists and objects as JSON."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
    return json.dumps(value, ensure_ascii=False)


def _is_geometry(value: dict[str, Any]) -> bool:
    return "type" in value and ("coordinates" in value or "geometries" in value)


def _records(system: str, place: Place, document: Any, rows_path: str) -> tuple[str, list[Any]]:
    if rows_path:
        found = document
        for step in rows_path.split("."):
            if isinstance(found, dict) and step in found:
                found = found[step]
            elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
                found = found[int(step)]
            else:
                raise SourceRefused(
                    system, f"{place.shown!r} has nothing at {rows_path!r}.", hint=_hint(document), field="rows_path"
                )
        return rows_path, found if isinstance(found, list) else [found]
    if isinstance(document, list):
        return "", document
    lists = list(_lists(document, ()))
    if lists:
        path, records = max(lists, key=lambda item: len(item[1]))
        return ".".join(path), records
    return "", [document]


def _lists(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Lists of objects in a document, with the way to them."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        yield path, value
    elif isinstance(value, dict) and len(path) < _DEEPEST:
        for name, item in value.items():
            yield from _lists(item, (*path, name))


def _hint(document: Any) -> str:
    found = [".".join(path) for path, _ in _lists(document, ())]
    return f"Lists of records are at: {', '.join(found[:10])}." if found else "It holds no list of records."


def _lines(system: str, place: Place, path: Path) -> Iterator[dict[str, str | None]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    record = json.loads(line, parse_constant=lambda _: None)
                except (ValueError, RecursionError):
                    raise SourceRefused(
                        system, f"{place.shown!r}, line {number}: not valid JSON.", hint="Mend the line.", line=number
                    ) from None
                yield flatten(record)


def _chunked(rows: Iterator[dict[str, str | None]]) -> Iterator[list[dict[str, str | None]]]:
    chunk: list[dict[str, str | None]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _BATCH:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
