"""Observations by the thousand: JSON -> columns of `INCOMING_SCHEMA`, without an object for each of them.

Whatever fits is turned into columns at once; only where that fails is each value looked at, so that the wrong ones can be
told from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from nabe.apis.sensorthings import times
from nabe.apis.sensorthings.bodies import ID, decode, identity
from nabe.errors import Invalid
from nabe.model.observation import INCOMING_SCHEMA

#: Observations in one request.
MOST = 200_000
#: Numbers up to here are exact as doubles.
_EXACT = 2**53
_MOMENT = pa.timestamp("us", tz="UTC")
_FEATURE = "FeatureOfInterest/id"
_COMPONENTS = {
    "phenomenonTime": "phenomenonTime",
    "result": "result",
    "resultTime": "resultTime",
    "resultQuality": "resultQuality",
    "validTime": "validTime",
    "parameters": "parameters",
    _FEATURE: _FEATURE,
    f"FeatureOfInterest/{ID}": _FEATURE,
}
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Incoming:
    """`table`: rows that can be kept; `places`: where each stood in the request; `errors`: why others cannot, by place."""

    table: pa.Table
    places: list[int]
    errors: dict[int, str]
    total: int


class _Group(msgspec.Struct):
    components: list[str]
    dataArray: list[list[Any]]
    Datastream: dict[str, Any] | None = None
    MultiDatastream: dict[str, Any] | None = None


_groups = msgspec.json.Decoder(list[_Group]).decode


def data_arrays(body: bytes, now: int) -> Incoming:
    """The body of CreateObservations (OGC 18-088, 13.2). `Invalid` if it is not one at all."""
    try:
        groups = _groups(body)
    except msgspec.ValidationError as error:
        hint = '[{"Datastream": {"@iot.id": 1}, "components": ["phenomenonTime", "result"], "dataArray": [[…]]}]'
        raise Invalid(f"The body is no list of data arrays: {error}.", hint=hint, field="body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decode(body)
        raise
    if b"\\u0000" in body:
        decode(body)
    collected = _Collected(now)
    for group in groups:
        collected.add(tuple(group.components), _stream(group), group.dataArray)
    return collected.incoming()


class _Collected:
    """Rows of all groups with the same components become columns together."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._groups: dict[tuple[str, ...], tuple[list[Sequence[Any]], list[int], list[int]]] = {}
        self.total = 0

    def add(self, components: tuple[str, ...], stream: int, rows: Sequence[Sequence[Any]]) -> None:
        """Rows of a stream, in the order of the request."""
        kept, streams, places = self._groups.setdefault(components, ([], [], []))
        count = len(rows)
        kept += rows
        streams += [stream] * count
        places += range(self.total, self.total + count)
        self.total += count
        if self.total > MOST:
            raise Invalid(f"At most {MOST} Observations in one request.", field="dataArray")

    def incoming(self) -> Incoming:
        """All that was added, in that order."""
        tables: list[pa.Table] = []
        places: list[int] = []
        errors: dict[int, str] = {}
        for components, (rows, streams, where) in self._groups.items():
            part = _Columns(components, rows, streams, where, self._now)
            tables.append(part.table())
            places += part.places
            errors |= part.errors
        table = pa.concat_tables(tables) if tables else INCOMING_SCHEMA.empty_table()
        if len(tables) > 1:
            order = sorted(range(len(places)), key=places.__getitem__)
            table, places = table.take(order), [places[at] for at in order]
        return Incoming(table, places, errors, self.total)


def _stream(group: _Group) -> int:
    given = group.Datastream if group.Datastream is not None else group.MultiDatastream
    if given is None or (group.Datastream is not None and group.MultiDatastream is not None):
        raise Invalid("A data array names its Datastream or MultiDatastream.", field="Datastream")
    return identity(given.get(ID), "Datastream")


def plain(data: Any, stream: int | None) -> tuple[int, dict[str, Any]] | None:
    """The stream and components of an Observation that makes no other entity; None if it does, or is unusual otherwise.

    `stream`: that of the address it was posted to.
    """
    if not isinstance(data, dict) or not data.keys() <= _PLAIN or "result" not in data:
        return None
    named = [data[name] for name in ("Datastream", "MultiDatastream") if data.get(name) is not None]
    if stream is None:
        if len(named) != 1 or not _is_reference(named[0]):
            return None
        stream = named[0][ID]
    elif named:
        return None
    row = {name: value for name, value in data.items() if name in _COMPONENTS}
    if (feature := data.get("FeatureOfInterest")) is not None:
        if not _is_reference(feature):
            return None
        row[_FEATURE] = feature[ID]
    assert stream is not None
    return stream, row


def table(rows: Sequence[tuple[int, Mapping[str, Any]]], now: int) -> Incoming:
    """What `plain` found, as columns."""
    collected = _Collected(now)
    for stream, row in rows:
        collected.add(tuple(row), stream, (tuple(row.values()),))
    return collected.incoming()


_PLAIN = frozenset(_COMPONENTS) | {"Datastream", "MultiDatastream", "FeatureOfInterest"}


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and type(value.get(ID)) is int and -(2**63) <= value[ID] < 2**63


class _Columns:
    """Rows with the same components. After `table`, `places` and `errors` say which are in it and which are not."""

    def __init__(
        self, components: Sequence[str], rows: list[Sequence[Any]], streams: list[int], places: list[int], now: int
    ) -> None:
        self.places = places
        self.errors: dict[int, str] = {}
        self._now = now
        self._streams = streams
        names = [_COMPONENTS.get(name) for name in components]
        if None in names or len(set(names)) < len(names):
            wrong = next((name for name in components if name not in _COMPONENTS), "twice the same")
            hint = f"Components: {', '.join(_COMPONENTS)}."
            raise Invalid(f"There is no component {wrong[:60]!r}.", hint=hint, field="components")
        if "result" not in names:
            raise Invalid("The component result is missing.", field="components")
        width = len(names)
        if rows and set(map(len, rows)) != {width}:
            for place, row in enumerate(rows):
                if len(row) != width:
                    self._bad(place, f"{len(row)} values for {width} components.")
            rows = [row if len(row) == width else [None] * width for row in rows]
        self._columns: dict[str, Sequence[Any]] = {}
        if rows:
            self._columns = dict(zip(names, zip(*rows, strict=True), strict=True))  # type: ignore[arg-type]

    def _bad(self, row: int, why: str) -> None:
        self.errors.setdefault(self.places[row], f"error: {why}")

    def table(self) -> pa.Table:
        """What can be kept."""
        count = len(self._streams)
        made: dict[str, pa.Array] = {"stream": pa.array(self._streams, pa.int64())}
        made |= self._time("phenomenonTime", "time", "until", self._now)
        for name, build in _BUILDERS.items():
            if name in self._columns:
                made |= build(self, self._columns[name])
        arrays = [made.get(item.name, pa.nulls(count, item.type)) for item in INCOMING_SCHEMA]
        table = pa.Table.from_arrays(arrays, schema=INCOMING_SCHEMA)
        if self.errors:
            good = [at for at, place in enumerate(self.places) if place not in self.errors]
            table, self.places = table.take(pa.array(good, pa.int64())), [self.places[at] for at in good]
        return table

    def _time(self, name: str, start: str, end: str, unless: int | None) -> dict[str, pa.Array]:
        column = self._columns.get(name)
        if column is None:
            return {start: pa.array([unless] * len(self._streams), pa.int64()).cast(_MOMENT)}
        try:
            found = pa.array(column, pa.string()).cast(_MOMENT)
            return {
                start: found.fill_null(pa.scalar(unless, pa.int64()).cast(_MOMENT)) if unless is not None else found
            }
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass
        starts, ends = [], []
        for first, last in self._each(column, lambda value: _span(times.time(value, name)), (unless, None)):
            starts.append(first)
            ends.append(last)
        return {
            start: pa.array(starts, pa.int64()).cast(_MOMENT),
            end: pa.array(ends, pa.int64()).cast(_MOMENT),
        }

    def _each(self, column: Sequence[Any], read: Callable[[Any], Any], missing: Any) -> list[Any]:
        """Every value read by itself; `missing` stands for null and for what is wrong."""
        found = []
        for row, value in enumerate(column):
            try:
                found.append(missing if value is None else read(value))
            except Invalid as error:
                self._bad(row, str(error))
                found.append(missing)
        return found

    def instants(self, column: Sequence[Any]) -> dict[str, pa.Array]:
        """resultTime."""
        try:
            return {"result_time": pa.array(column, pa.string()).cast(_MOMENT)}
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            found = self._each(column, lambda value: times.moment(value, "resultTime"), None)
            return {"result_time": pa.array(found, pa.int64()).cast(_MOMENT)}

    def valid(self, column: Sequence[Any]) -> dict[str, pa.Array]:
        """validTime."""
        found = self._each(column, lambda value: times.interval(value, "validTime"), (None, None))
        return {
            name: pa.array([pair[place] for pair in found], pa.int64()).cast(_MOMENT)
            for place, name in enumerate(("valid_from", "valid_until"))
        }

    def results(self, column: Sequence[Any]) -> dict[str, pa.Array]:
        """Numbers as such, everything else as JSON."""
        if set(map(type, column)) <= {int, float}:
            try:
                if max(map(abs, column)) <= _EXACT:
                    return {"number": pa.array(column, pa.float64())}
            except (pa.ArrowInvalid, OverflowError):
                pass
        numbers: list[float | None] = []
        texts: list[str | None] = []
        for value in column:
            exact = type(value) is float or (type(value) is int and abs(value) <= _EXACT)
            numbers.append(float(value) if exact else None)
            texts.append(None if exact or value is None else _encode(value).decode())
        return {"number": pa.array(numbers, pa.float64()), "text": pa.array(texts, pa.string())}

    def quality(self, column: Sequence[Any]) -> dict[str, pa.Array]:
        """resultQuality."""
        return {
            "quality": pa.array([None if value is None else _encode(value).decode() for value in column], pa.string())
        }

    def parameters(self, column: Sequence[Any]) -> dict[str, pa.Array]:
        """JSON objects."""

        def read(value: Any) -> str:
            if not isinstance(value, dict):
                raise Invalid(f"parameters is a JSON object, not {times.short(value)}.")
            return _encode(value).decode()

        return {"parameters": pa.array(self._each(column, read, None), pa.string())}

    def features(self, column: Sequence[Any]) -> dict[str, pa.Array]:
        """Ids of FeaturesOfInterest."""
        if set(map(type, column)) <= {int, type(None)}:
            try:
                return {"feature": pa.array(column, pa.int64())}
            except (pa.ArrowInvalid, OverflowError):
                pass
        found = self._each(column, lambda value: identity(value, "FeatureOfInterest"), None)
        return {"feature": pa.array(found, pa.int64())}


def _span(value: int | tuple[int, int]) -> tuple[int, int | None]:
    return (value, None) if isinstance(value, int) else value


_BUILDERS: Mapping[str, Callable[[_Columns, Sequence[Any]], dict[str, pa.Array]]] = {
    "resultTime": _Columns.instants,
    "validTime": _Columns.valid,
    "result": _Columns.results,
    "resultQuality": _Columns.quality,
    "parameters": _Columns.parameters,
    _FEATURE: _Columns.features,
}
