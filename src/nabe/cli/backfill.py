"""Files of observations as tables of the store's columns: which column holds what, names of streams, times, results."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from nabe.errors import Invalid
from nabe.model.observation import INCOMING_SCHEMA

_MOMENT = pa.timestamp("us", "UTC")
_ROWS = 500_000
_BLOCK = 32 << 20
#: What a column may hold, and how such columns are usually called.
_USUAL = {
    "stream": ("datastream", "datastream_id", "datastream/@iot.id", "datastream/name", "stream", "stream_id", "sensor"),
    "time": ("phenomenontime", "phenomenon_time", "time", "timestamp", "datetime", "zeit", "zeitpunkt"),
    "until": ("until", "phenomenontimeend", "phenomenon_time_end"),
    "result": ("result", "value", "wert", "messwert", "number"),
    "resultTime": ("resulttime", "result_time"),
    "parameters": ("parameters",),
    "resultQuality": ("resultquality", "quality"),
    "feature": ("feature", "featureofinterest", "featureofinterest/@iot.id"),
}
_NUMBER = r"^\s*-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*$"
_EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class Mapping:
    """`named`: what -> column. `fixed`: the stream of all rows. `streams`: ids by name."""

    named: Map[str, str]
    fixed: int | None
    zone: str
    decimal: str
    streams: Map[str, tuple[int, ...]]

    @classmethod
    def of(cls, given: list[str], stream: str, zone: str, decimal: str, streams: Map[str, tuple[int, ...]]) -> Mapping:
        """From the command line."""
        named = {}
        for item in given:
            what, sign, name = item.partition("=")
            if not sign or what not in _USUAL:
                raise Invalid(f"{item!r} is not WHAT=COLUMN.", hint=f"WHAT: {', '.join(_USUAL)}.", field="--column")
            named[what] = name
        if zone:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError):
                raise Invalid(f"There is no time zone {zone!r}.", hint="As in Europe/Berlin.", field="--zone") from None
        if decimal not in (".", ","):
            raise Invalid("The decimal sign is . or ,", field="--decimal", value=decimal)
        made = cls(named, None, zone, decimal, streams)
        return cls(named, made.id_of(stream), zone, decimal, streams) if stream else made

    def id_of(self, name: str) -> int:
        """A stream by name, or else by id."""
        ids = self.streams.get(name, ())
        if len(ids) > 1:
            raise Invalid(f"Several streams are called {name!r}.", hint=f"Their ids: {ids}.", field="stream")
        if ids:
            return ids[0]
        known = {id for found in self.streams.values() for id in found}
        if name.strip().isdecimal() and int(name) in known:
            return int(name)
        close = difflib.get_close_matches(name, list(self.streams), 1)
        hint = f"Did you mean {close[0]!r}?" if close else f"The dataset has {len(known)} streams."
        raise Invalid(f"There is no stream {name[:80]!r} in the dataset.", hint=hint, field="stream")


def tables(path: Path, mapping: Mapping) -> Iterator[tuple[pa.Table, int]]:
    """The file's rows in the columns of `INCOMING_SCHEMA`, and how many bytes of it (about) they were."""
    parquet = path.suffix.lower() in (".parquet", ".pq")
    row = 1 if parquet else 2
    try:
        for table, size in _parquet(path) if parquet else _csv(path, mapping):
            try:
                yield _translated(table, mapping), size
            except Invalid as error:
                raise Invalid(
                    f"{path.name}, from row {row} on: {error.detail}", hint=error.hint, **error.params
                ) from None
            row += table.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        first = str(error).splitlines()[0][:200]
        raise Invalid(f"{path.name} cannot be read: {first}", field="FILE") from None


def _parquet(path: Path) -> Iterator[tuple[pa.Table, int]]:
    with pq.ParquetFile(path) as file:
        rows, size = max(file.metadata.num_rows, 1), path.stat().st_size
        for batch in file.iter_batches(_ROWS):
            yield pa.Table.from_batches([batch]), size * batch.num_rows // rows


def _csv(path: Path, mapping: Mapping) -> Iterator[tuple[pa.Table, int]]:
    with path.open("rb") as file:
        head = file.readline(1 << 16).decode("utf-8-sig", "replace")
    if not head.strip():
        raise Invalid(f"{path.name} is empty.", field="FILE")
    delimiter = max(";\t,|", key=head.count)
    names = next(iter(csv_names(head, delimiter)))
    # Everything comes as text: what a column is, is said by what it holds, not by its first block.
    reader = csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=_BLOCK),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
        ),
    )
    left = path.stat().st_size
    for batch in reader:
        size = min(_BLOCK, left)
        left -= size
        for start in range(0, batch.num_rows, _ROWS):
            part = batch.slice(start, _ROWS)
            yield pa.Table.from_batches([part]), size * part.num_rows // batch.num_rows


def csv_names(head: str, delimiter: str) -> Iterator[list[str]]:
    """Names in a header line."""
    import csv as plain

    yield from plain.reader([head], delimiter=delimiter)


def _translated(table: pa.Table, mapping: Mapping) -> pa.Table:
    given = _columns(table, mapping)
    for what in ("time", "result"):
        if what not in given:
            raise Invalid(
                f"No column holds the {what}.", hint=f"-c {what}=NAME; columns: {', '.join(table.column_names)[:300]}."
            )
    made: dict[str, Any] = {"time": _time(given["time"], mapping)}
    if mapping.fixed is not None:
        made["stream"] = pa.array([mapping.fixed] * table.num_rows, pa.int64())
    elif "stream" in given:
        made["stream"] = _streams(given["stream"], mapping)
    else:
        raise Invalid("No column holds the stream.", hint="-c stream=NAME, or --stream for one stream.")
    made["number"], made["text"] = _results(given["result"], mapping)
    for what, name in (("until", "until"), ("resultTime", "result_time")):
        if what in given:
            made[name] = _time(given[what], mapping)
    for what, name in (("parameters", "parameters"), ("resultQuality", "quality")):
        if what in given:
            made[name] = _json(given[what])
    if "feature" in given:
        made["feature"] = pc.cast(given["feature"], pa.int64())
    columns = [made.get(f.name, pa.nulls(table.num_rows, f.type)) for f in INCOMING_SCHEMA]
    return pa.table(columns, schema=INCOMING_SCHEMA)


def _columns(table: pa.Table, mapping: Mapping) -> dict[str, pa.Array]:
    lowered = {name.lower().lstrip("\ufeff"): name for name in table.column_names}
    found = {}
    for what, usual in _USUAL.items():
        name = mapping.named.get(what)
        if name is None:
            name = next((lowered[item] for item in usual if item in lowered), None)
            if name is None:
                continue
        elif name not in table.column_names:
            close = difflib.get_close_matches(name, table.column_names, 1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Columns: {', '.join(table.column_names)[:300]}."
            raise Invalid(f"There is no column {name!r}.", hint=hint, field="--column")
        column = table.column(name).combine_chunks()
        found[what] = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return found


def _streams(column: pa.Array, mapping: Mapping) -> pa.Array:
    if column.null_count:
        raise Invalid("A row names no stream.", field="stream")
    coded = column.dictionary_encode()
    ids = pa.array([mapping.id_of(str(name)) for name in coded.dictionary.to_pylist()], pa.int64())
    return ids.take(coded.indices)


def _time(column: pa.Array, mapping: Mapping) -> pa.Array:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(_MOMENT, safe=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            return column.cast(_MOMENT)
        except pa.ArrowInvalid:
            try:
                column = column.cast(pa.timestamp("us"))
            except pa.ArrowInvalid as error:
                raise Invalid(
                    f"A time cannot be read: {str(error).splitlines()[0][:120]}",
                    hint="As in 2026-11-25T09:00:00Z or, with --zone, 2026-11-25 10:00:00.",
                ) from None
    if not pa.types.is_timestamp(column.type) and not pa.types.is_date(column.type):
        raise Invalid(f"A column of {kind} holds no times.", hint="Moments, or text as in 2026-11-25T09:00:00Z.")
    if not mapping.zone:
        raise Invalid("A time names no zone.", hint="--zone Europe/Berlin, --zone UTC …", field="--zone")
    local = column.cast(pa.timestamp("us"))
    # The hour that comes twice in autumn is taken to be its first time, the one that spring leaves out its end.
    made = pc.assume_timezone(local, mapping.zone, ambiguous="earliest", nonexistent="latest")
    return made.cast(_MOMENT)


def _results(column: pa.Array, mapping: Mapping) -> tuple[pa.Array, pa.Array]:
    """Numbers, and everything else as JSON text."""
    kind = column.type
    if pa.types.is_floating(kind):
        finite = pc.is_finite(column)
        return pc.if_else(finite, column, None).cast(pa.float64()), pa.nulls(len(column), pa.string())
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64()), pa.nulls(len(column), pa.string())
    if pa.types.is_boolean(kind):
        return pa.nulls(len(column), pa.float64()), pc.if_else(column, "true", "false")
    text = column.cast(pa.string())
    plain = pc.replace_substring(text, ",", ".") if mapping.decimal == "," else text
    fits = pc.match_substring_regex(plain, _NUMBER)
    number = pc.if_else(fits, plain, None)
    number = pc.utf8_trim_whitespace(number).cast(pa.float64())
    exact = pc.and_(fits, pc.less_equal(pc.abs(number), _EXACT))
    number = pc.if_else(exact, number, None)
    if pc.all(pc.or_kleene(pc.is_valid(number), pc.is_null(text))).as_py() in (True, None):
        return number, pa.nulls(len(column), pa.string())
    rest = pc.if_else(pc.is_valid(number), None, text).to_pylist()
    return number, pa.array([None if item is None else _as_json(item) for item in rest], pa.string())


def _as_json(text: str) -> str:
    """JSON stays what it is; any other text is a string."""
    if text in ("true", "false") or text[:1] in '{["-0123456789':
        try:
            return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except ValueError:
            pass
    return json.dumps(text, ensure_ascii=False)


def _json(column: pa.Array) -> pa.Array:
    if not pa.types.is_string(column.type):
        values = column.to_pylist()
        return pa.array(
            [None if item is None else json.dumps(item, ensure_ascii=False, default=str) for item in values]
        )
    coded = column.dictionary_encode()
    for text in coded.dictionary.to_pylist():
        try:
            json.loads(text)
        except ValueError:
            raise Invalid(f"{text[:60]!r} is not JSON.", field="parameters") from None
    return column
