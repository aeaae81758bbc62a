"""Observations of streams and of features: read in an order that their store has, or sorted here if there are few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pyarrow as pa

from nabe.errors import LimitExceeded
from nabe.model.entities import EntityPage, EntityQuery, EntityRow, EntityType
from nabe.model.observation import OBSERVATION_SCHEMA, ObservationScan
from nabe.model.term import Ordering, Path, Term
from nabe.ports.entities import Entities
from nabe.ports.observations import Observations
from nabe.query.sensing import terms as t
from nabe.query.sensing.crossing import Crossing
from nabe.query.sensing.limits import SORTED, Meter
from nabe.query.sensing.rows import columns_of, rows_of
from nabe.query.sensing.sorting import in_order
from nabe.query.sensing.split import Split
from nabe.query.sensing.split import split as split_condition
from nabe.query.sensing.view import View

_OBSERVATION = EntityType.OBSERVATION
#: Relations of an Observation that lead nowhere, by those that lead somewhere.
_WITHOUT: Final = {
    ("Datastream", "FeatureOfInterest"): ("MultiDatastream",),
    ("MultiDatastream", "FeatureOfInterest"): ("Datastream",),
    ("Datastream",): ("MultiDatastream", "FeatureOfInterest"),
    ("MultiDatastream",): ("Datastream", "FeatureOfInterest"),
}
_FEATURE = Path(("FeatureOfInterest", "id"))
#: Orders of the store: property -> its name there.
_ORDERS = {"id": "id", "phenomenonTime": "time", "resultTime": "result_time"}
_NUMERIC = ("OM_Measurement", "OM_CountObservation")
#: Rows that are looked through for those of some features.
_LOOKED = 1_000_000


@dataclass(slots=True)
class Found:
    """Observations with the ids of what they belong to, and how many of each dataset."""

    page: EntityPage
    links: list[Mapping[str, int]] = field(default_factory=list)
    datasets: Counter[str] = field(default_factory=Counter)


class Series:
    """For one question of one asker."""

    def __init__(
        self, view: View, entities: Entities, observations: Observations, crossing: Crossing, meter: Meter
    ) -> None:
        self._view, self._entities, self._observations = view, entities, observations
        self._crossing, self._meter = crossing, meter

    def page(
        self,
        query: EntityQuery,
        streams: Sequence[int] | None,
        features: Sequence[int] | None,
        ids: tuple[int, ...] | None,
        top: int,
    ) -> Found:
        """A page of observations: of these streams, of these features, with these ids."""
        part = self.split(query.where, streams, features, ids)
        if part is None:
            return Found(EntityPage(_OBSERVATION, [], 0 if query.count else None))
        scan = ObservationScan(part.streams, part.span, part.ids, part.where, columns_of(query.select))
        total = self._observations.count(replace(scan, where=part.strict, columns=None)) if query.count else None
        if not top and query.count:
            return Found(EntityPage(_OBSERVATION, [], total, bool(total)))
        order = self._order(query.order, part.streams)
        if order is not None:
            name, descending = order
            asked = replace(
                scan, order=name, descending=descending, limit=top + 1, offset=query.skip, after=query.after
            )
            table = self._table(asked, part)
        else:
            table = self._sorted(query, scan, part).slice(query.skip, top + 1)
        found = self._made(query, table.slice(0, top))
        found.page.total, found.page.more = total, table.num_rows > top
        return found

    def of_streams(self, query: EntityQuery, streams: Sequence[int], top: int) -> dict[int, Found]:
        """Pages for each of these streams."""
        return self._grouped(query, streams, top, "stream", self.split(query.where, streams, None, None))

    def of_features(self, query: EntityQuery, features: Sequence[int], top: int) -> dict[int, Found]:
        """Pages for each of these features."""
        return self._grouped(query, features, top, "feature", self.split(query.where, None, features, None))

    def _grouped(
        self, query: EntityQuery, owners: Sequence[int], top: int, column: str, part: Split | None
    ) -> dict[int, Found]:
        empty = {id: Found(EntityPage(_OBSERVATION, [], 0 if query.count else None)) for id in owners}
        if part is None:
            return empty
        scan = ObservationScan(part.streams, part.span, part.ids, part.where, columns_of(query.select))
        totals = self._totals(scan, part, column) if query.count else {}
        last = query.skip + top + 1
        order = self._order(query.order, part.streams)
        if not top and query.count:
            table = OBSERVATION_SCHEMA.empty_table()
        elif order is None:
            table = self._sorted(query, scan, part)
        else:
            asked = replace(scan, order=order[0], descending=order[1])
            if column == "stream":
                table = self._table(replace(asked, per_stream=last), part)
            else:
                table = self._table(replace(asked, limit=_LOOKED + 1), part)
                if table.num_rows > _LOOKED:
                    raise LimitExceeded(
                        f"More than {_LOOKED} observations belong to these features.", hint="Filter them, e.g. by time."
                    )
        places: dict[int, list[int]] = {}
        for at, id in enumerate(table.column(column).to_pylist()):
            places.setdefault(id, []).append(at)
        kept: list[int] = []
        bounds: dict[int, tuple[int, int, bool]] = {}
        for id in owners:
            mine = places.get(id, [])[query.skip : last]
            bounds[id] = (len(kept), len(kept) + min(len(mine), top), len(mine) > top)
            kept += mine[:top]
        whole = kept == list(range(table.num_rows))
        made = self._made(query, table if whole else table.take(pa.array(kept, pa.int64())))
        facts = self._datasets(made.links)
        for id in owners:
            first, end, more = bounds[id]
            total = totals.get(id, 0) if query.count else None
            more = more or (not top and bool(total))
            empty[id] = Found(
                EntityPage(_OBSERVATION, made.page.rows[first:end], total, more),
                made.links[first:end],
                Counter(facts[first:end]),
            )
        return empty

    # --- parts ------------------------------------------------------------------------------------------------------

    def split(
        self,
        where: Term | None,
        streams: Sequence[int] | None,
        features: Sequence[int] | None,
        ids: tuple[int, ...] | None,
    ) -> Split | None:
        """What the store is asked for: a condition, of these streams, of these features, with these ids."""
        visible = self._entities.streams_of(self._view.ids)
        if streams is not None:
            known = set(visible) if len(streams) > 8 else visible
            visible = [id for id in streams if id in known]
        condition = self._crossing.observation(where)
        parts = [condition] if condition is not None else []
        if ids is not None:
            parts.append(t.among(Path(("id",)), ids))
        if features is not None:
            parts.append(t.among(_FEATURE, features))
            if len(visible) > 1:
                held = self._observations.summaries(visible)
                wanted = set(features)
                visible = [
                    id
                    for id, one in held.items()
                    if one.count and (len(one.features) >= 100 or wanted & set(one.features))
                ]
        return split_condition(t.combined("and", parts) if parts else None, visible)

    def _order(self, orders: Sequence[Ordering], streams: Sequence[int]) -> tuple[str, bool] | None:
        """The order as the store has it; None if it must be sorted here."""
        if not orders:
            return "id", False
        first, *rest = orders
        if not isinstance(first.term, Path) or len(first.term.steps) != 1:
            return None
        if rest and not (len(rest) == 1 and rest[0].term == Path(("id",)) and rest[0].descending == first.descending):
            return None
        name = str(first.term.steps[0])
        if name in ("resultQuality", "validTime", "parameters"):
            return None
        if name != "id" and not self._view.whole:
            seeing = self._view.seeing(_OBSERVATION, (name,))
            if not seeing:
                return "id", False
            if seeing != self._view.ids:
                return None
        if name == "result":
            facts = self._entities.streams(list(streams))
            numeric = all(fact.observation_type.endswith(_NUMERIC) for fact in facts.values())
            return ("number", first.descending) if numeric else None
        return _ORDERS[name], first.descending

    def _table(self, scan: ObservationScan, part: Split) -> pa.Table:
        """The rows. The looser condition is right unless there are intervals: then the strict one is asked for."""
        columns = tuple(dict.fromkeys((*(scan.columns or ()), *(("until",) if part.where != part.strict else ()))))
        table = self._read(replace(scan, columns=columns))
        if part.where != part.strict and table.column("until").null_count < table.num_rows:
            table = self._read(replace(scan, columns=columns, where=part.strict))
        return table

    def _read(self, scan: ObservationScan) -> pa.Table:
        batches = []
        for batch in self._observations.read(scan):
            self._meter.tick()
            batches.append(batch)
        assert scan.columns is not None
        schema = pa.schema([OBSERVATION_SCHEMA.field(name) for name in scan.columns])
        return (
            pa.Table.from_batches([batch.select(list(scan.columns)) for batch in batches], schema)
            if batches
            else schema.empty_table()
        )

    def _sorted(self, query: EntityQuery, scan: ObservationScan, part: Split) -> pa.Table:
        table = self._read(replace(scan, where=part.strict, columns=columns_of(None), limit=SORTED + 1))
        if table.num_rows > SORTED:
            raise LimitExceeded(
                f"More than {SORTED} observations cannot be sorted so.",
                hint="Order by phenomenonTime, resultTime or id, or filter more.",
                limit=SORTED,
            )
        values = [dict(row.values) for row in self._pruned(rows_of(table, None), table)]
        for item in query.order:
            for path in t.free_paths(item.term):
                if (root := t.relations(_OBSERVATION, path)[:1]) != ():
                    self._related(path, root[0], table, values)
        return table.take(pa.array(in_order(query.order, table.column("id").to_pylist(), values), pa.int64()))

    def _related(self, path: Path, root: str, table: pa.Table, values: list[dict[str, Any]]) -> None:
        """The value of a path to another entity, for each observation."""
        known = self._crossing.values(root, Path(path.steps[1:]))
        ids = table.column("feature" if root == "FeatureOfInterest" else "stream").to_pylist()
        name = "/".join(map(str, path.steps))
        for row, id in zip(values, ids, strict=True):
            row[name] = known.get(id)

    def _totals(self, scan: ObservationScan, part: Split, column: str) -> dict[int, int]:
        """How many there are of each owner."""
        bare = part.strict is None and part.ids is None and part.span.start is None and part.span.end is None
        if column == "stream" and bare:
            return {id: one.count for id, one in self._observations.summaries(part.streams).items()}
        totals: Counter[int] = Counter()
        for batch in self._observations.read(replace(scan, where=part.strict, columns=(column,))):
            self._meter.tick()
            for item in batch.column(column).value_counts().to_pylist():
                totals[item["values"]] += item["counts"]
        return dict(totals)

    def _made(self, query: EntityQuery, table: pa.Table) -> Found:
        self._meter.rows(table.num_rows)
        rows = rows_of(table, () if query.keys else query.select)
        rows = self._pruned(rows, table)
        links = self._links(table)
        for row, link in zip(rows, links, strict=True):
            row.absent = _WITHOUT[tuple(link)]
        return Found(EntityPage(_OBSERVATION, rows), links, Counter(self._datasets(links)))

    def _links(self, table: pa.Table) -> list[Mapping[str, int]]:
        streams = table.column("stream").to_pylist()
        facts = self._entities.streams(list(dict.fromkeys(streams)))
        names = {id: fact.type.value for id, fact in facts.items()}
        features = table.column("feature").to_pylist()
        return [
            {names[id]: id} if feature is None else {names[id]: id, "FeatureOfInterest": feature}
            for id, feature in zip(streams, features, strict=True)
        ]

    def _datasets(self, links: Sequence[Mapping[str, int]]) -> list[str]:
        streams = [link.get("Datastream") or link["MultiDatastream"] for link in links]
        facts = self._entities.streams(list(dict.fromkeys(streams)))
        return [facts[id].dataset for id in streams]

    def _pruned(self, rows: list[EntityRow], table: pa.Table) -> list[EntityRow]:
        if self._view.whole or not rows:
            return rows
        streams = table.column("stream").to_pylist()
        facts = self._entities.streams(list(dict.fromkeys(streams)))
        for row, stream in zip(rows, streams, strict=True):
            row.values = self._view.datasets[facts[stream].dataset].prune(_OBSERVATION, row.values)
        return rows
