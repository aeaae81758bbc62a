"""A stream dataset as a flat table: one row per observation, for SQL, downloads, OGC API and the portal.

Reads only as much as a scan needs: conditions on streams and on time are answered before any observation is read. All other
steps of a sealed scan are the hub's, in their order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.model import expr as e
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.flat import Place, place
from nabe.model.observation import ObservationScan, Span
from nabe.model.query import SealedScan
from nabe.model.schema import arrow_field, arrow_schema
from nabe.ports.entities import Entities
from nabe.ports.observations import Observations
from nabe.ports.source import Batches, Capabilities
from nabe.query.evaluate import finish, matches
from nabe.query.needs import needed_fields
from nabe.query.sensing import lookups
from nabe.query.sensing.rows import COLUMNS, rows_of

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STREAM = ("Datastream", "MultiDatastream")


@dataclass(slots=True)
class _Part:
    """What of a scan is answered by the stores. `exact`: nothing of its filters is left."""

    streams: tuple[int, ...]
    span: Span
    exact: bool
    known: dict[str, dict[int, Any]] = field(default_factory=dict)


class StreamTables:
    """The source of all stream datasets. `shared`: datasets whose entities anybody may see, so that what a stream
    refers to in them is shown, too.
    """

    capabilities = Capabilities()

    def __init__(
        self, entities: Entities, observations: Observations, shared: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        self._entities, self._observations, self._shared = entities, observations, shared

    def check(self) -> None:
        """They are Nabe's own stores."""

    def close(self) -> None:
        """The stores are their owner's."""

    def read(self, scan: SealedScan) -> Batches:
        """Rows with the fields that the hub needs to finish."""
        names = needed_fields(scan, self.capabilities)
        fields = [item for name in names if (item := scan.dataset.field(name)) is not None]
        part = self._part(scan)
        schema = arrow_schema(fields)
        return Batches(schema, self._rows(scan, fields, part, schema))

    def estimate(self, scan: SealedScan) -> int:
        """By summaries: how many there are of these streams, and how much of their time is asked for."""
        part = self._part(scan)
        total = 0.0
        for held in self._observations.summaries(part.streams).values():
            if held.count and held.first_time is not None and held.last_time is not None:
                start = max(part.span.start if part.span.start is not None else held.first_time, held.first_time)
                end = min(part.span.end if part.span.end is not None else held.last_time + 1, held.last_time + 1)
                total += held.count * min(max((end - start) / (held.last_time + 1 - held.first_time), 0.0), 1.0)
        order = _ordered(scan, part)
        most = scan.limit + scan.offset if scan.limit is not None and (not scan.order or order) and part.exact else None
        return int(total) if most is None else min(int(total), most)

    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""
        whole = replace(scan, limit=None, offset=0, order=())
        part = self._part(whole)
        if part.exact and scan.floor is None:
            return self._observations.count(ObservationScan(part.streams, part.span))
        done = finish(self.read(whole), whole, self.capabilities)
        return sum(batch.num_rows for batch in done.batches)

    # --- what is asked of the stores --------------------------------------------------------------------------------

    def _part(self, scan: SealedScan) -> _Part:
        """Streams and a span of time that hold all rows of the scan. What is filtered after rounding and minimum groups is
        not looked at, since it must not decide which rows make a group."""
        dataset = scan.dataset
        streams: tuple[int, ...] = tuple(self._entities.streams_of(frozenset({dataset.id})))
        late = scan.floor is not None or bool(scan.rounding)
        filters = [*e.conjuncts(scan.allowed), *(() if late else e.conjuncts(scan.where))]
        start: int | None = None
        end: int | None = None
        known: dict[str, dict[int, Any]] = {}
        exact = not late or scan.where == e.ALL_ROWS
        for item in filters:
            names = list(dict.fromkeys(e.fields_of(item)))
            places = [_place(dataset, name) for name in names]
            if names and all(at is not None and at.relations[:1] and at.relations[0] in _STREAM for at in places):
                streams = self._kept(dataset, streams, item, names, known)
            elif (span := _span(dataset, item)) is not None:
                start = span.start if start is None or (span.start is not None and span.start > start) else start
                end = span.end if end is None or (span.end is not None and span.end < end) else end
            else:
                exact = False
        return _Part(streams, Span(start, end), exact, known)

    def _kept(
        self,
        dataset: Dataset,
        streams: tuple[int, ...],
        item: e.Expr,
        names: Sequence[str],
        known: dict[str, dict[int, Any]],
    ) -> tuple[int, ...]:
        """The streams whose own properties fulfil a filter, by the hub's own rules of comparison."""
        columns = []
        for name in names:
            column = dataset.field(name)
            assert column is not None
            values = known.setdefault(name, self._by_stream(dataset, streams, column))
            columns.append(lookups.array([values.get(id) for id in streams], column.type))
        if not streams:
            return streams
        table = pa.table(columns, names=list(names))
        keep = pc.fill_null(matches(item, table), False)
        keep = keep.combine_chunks() if isinstance(keep, pa.ChunkedArray) else keep
        if isinstance(keep, pa.Scalar):
            return streams if keep.as_py() else ()
        return tuple(id for id, kept in zip(streams, keep.to_pylist(), strict=True) if kept)

    def _by_stream(self, dataset: Dataset, streams: Sequence[int], column: Field) -> dict[int, Any]:
        at = place(column.source_column)
        return lookups.of_streams(self._entities, streams, column, at, self._visible(dataset))

    def _visible(self, dataset: Dataset) -> frozenset[str]:
        return self._shared() | {dataset.id}

    # --- rows -------------------------------------------------------------------------------------------------------

    def _rows(
        self, scan: SealedScan, fields: Sequence[Field], part: _Part, schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        if not part.streams:
            return
        places = {item.name: place(item.source_column) for item in fields}
        columns = {"stream", "feature"}
        for at in places.values():
            if not at.relations:
                columns |= {"id"} if at.property is None else set(COLUMNS[str(at.keys[0])])
        asked = ObservationScan(part.streams, part.span, columns=tuple(sorted(columns)))
        if (order := _ordered(scan, part)) is not None and scan.limit is not None:
            asked = replace(asked, order=order[0], descending=order[1], limit=scan.limit + scan.offset)
        features: dict[str, dict[int, Any]] = {}
        for item in fields:
            relations = places[item.name].relations
            if relations and relations[0] in _STREAM and item.name not in part.known:
                part.known[item.name] = self._by_stream(scan.dataset, part.streams, item)
        for batch in self._observations.read(asked):
            made = [self._column(scan.dataset, item, places[item.name], batch, part, features) for item in fields]
            yield pa.RecordBatch.from_arrays(made, schema=schema)

    def _column(
        self,
        dataset: Dataset,
        item: Field,
        at: Place,
        batch: pa.RecordBatch,
        part: _Part,
        features: dict[str, dict[int, Any]],
    ) -> pa.Array:
        if not at.relations:
            return _own(batch, item, at).cast(arrow_field(item).type)
        if at.relations[0] in _STREAM:
            return _looked_up(batch.column("stream"), part.known[item.name], item)
        known = features.setdefault(item.name, {})
        ids = [id for id in batch.column("feature").unique().to_pylist() if id is not None and id not in known]
        if ids:
            found = lookups.of_features(self._entities, ids, item, at, self._visible(dataset))
            known.update({id: found.get(id) for id in ids})
        return _looked_up(batch.column("feature"), known, item)


def _looked_up(ids: pa.Array, known: dict[int, Any], item: Field) -> pa.Array:
    """For each id its value: looked up once for each that is there."""
    coded = ids.dictionary_encode()
    values = lookups.array([known.get(id) for id in coded.dictionary.to_pylist()], item.type)
    return values.take(coded.indices)


def _own(batch: pa.RecordBatch, item: Field, at: Place) -> pa.Array:
    """A property of the observations themselves."""
    if at.property is None:
        return batch.column("id") if item.type is FieldType.INTEGER else batch.column("id").cast(pa.string())
    name, inner = str(at.keys[0]), at.keys[1:]
    if name == "result" and not inner and item.type is FieldType.NUMBER:
        return batch.column("number")
    if item.type is FieldType.DATETIME:
        column = COLUMNS[name][-1 if inner == ("end",) else 0]
        if inner == ("end",) and name == "phenomenonTime":
            return pc.coalesce(batch.column("until"), batch.column("time"))
        if name != "result" and name in ("phenomenonTime", "resultTime", "validTime"):
            return batch.column(column)
    values = [lookups.converted(lookups.inside(value, inner), item.type) for value in _values(batch, name)]
    return lookups.array(values, item.type)


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    """A property as Python values."""
    columns = {column: batch.column(column) for column in COLUMNS[name]}
    table = pa.table({**columns, "id": pa.array(np.zeros(batch.num_rows, np.int64))})
    return [row.values[name] for row in rows_of(table, (name,))]


def _place(dataset: Dataset, name: str) -> Place | None:
    found = dataset.field(name)
    return place(found.source_column) if found is not None else None


def _span(dataset: Dataset, item: e.Expr) -> Span | None:
    """The span of time that a comparison with the observation's own time means exactly."""
    if not isinstance(item, e.Compare) or not isinstance(item.value, dt.datetime):
        return None
    found, at = dataset.field(item.field), _place(dataset, item.field)
    if found is None or at is None or at.relations or at.keys not in (("phenomenonTime",), ("phenomenonTime", "start")):
        return None
    if found.type is not FieldType.DATETIME or item.value.tzinfo is None:
        return None
    micros = (item.value - _EPOCH) // dt.timedelta(microseconds=1)
    match item.op:
        case e.Op.GE:
            return Span(micros, None)
        case e.Op.GT:
            return Span(micros + 1, None)
        case e.Op.LT:
            return Span(None, micros)
        case e.Op.LE:
            return Span(None, micros + 1)
        case e.Op.EQ:
            return Span(micros, micros + 1)
    return None


def _ordered(scan: SealedScan, part: _Part) -> tuple[str, bool] | None:
    """The order of the store that brings the wanted rows first; only where no filter is left that could take some away."""
    if not part.exact or scan.floor is not None or scan.limit is None or len(scan.order) != 1:
        return None
    at = _place(scan.dataset, scan.order[0].field)
    if at is None or at.relations:
        return None
    if at.keys == ("id",):
        return "id", scan.order[0].descending
    if at.keys == ("phenomenonTime",) and not any(name == scan.order[0].field for name, _ in scan.rounding):
        return "time", scan.order[0].descending
    return None
