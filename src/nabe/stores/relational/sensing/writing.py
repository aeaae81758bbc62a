"""What every change of entities needs: ids, links, the places of Things. All on one connection, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa

from nabe.errors import Invalid
from nabe.model.entities import EntityType
from nabe.stores.relational.sensing.tables import (
    CHANGE,
    COUNTER,
    HISTORY_LOCATION,
    LINKS,
    TABLES,
    THING_LOCATION,
    Link,
    counter_of,
)

_T = EntityType
_THINGS, _LOCATIONS, _HISTORY = TABLES[_T.THING], TABLES[_T.LOCATION], TABLES[_T.HISTORICAL_LOCATION]
#: Columns of each kind; rows that are written together have all of them.
_NAMES = {type: tuple(table.c.keys()) for type, table in TABLES.items()}
#: How many ids one statement names.
CHUNK = 500


def chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    """Ids in parts that one statement can name; such as no column can hold are left out."""
    left = iter([id for id in ids if -(2**63) <= id < 2**63])
    while part := list(islice(left, CHUNK)):
        yield part


class Change:
    """One transaction. `made`: what was created, in order (type, id).

    New rows wait and are written together, before anything else is asked or changed.
    """

    def __init__(self, connection: sa.Connection, now: int, dataset: str = "") -> None:
        self._connection = connection
        self.now = now
        self.dataset = dataset
        self.made: list[tuple[EntityType, int]] = []
        self._known: dict[tuple[EntityType, int], str] = {}
        self._ids: dict[str, Iterator[int]] = {}
        self._rows: dict[sa.Table, list[dict[str, Any]]] = {}

    def run(self, statement: Any) -> Any:
        """Execute a statement, after what waits."""
        self.flush()
        return self._connection.execute(statement)

    def flush(self) -> None:
        """Write the rows that wait."""
        for table, rows in self._rows.items():
            self._connection.execute(sa.insert(table), rows)
        self._rows.clear()

    def add(self, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
        """New rows, each with all columns that matter."""
        if rows := list(rows):
            self._rows.setdefault(table, []).extend(rows)

    def reserve(self, counts: Mapping[EntityType, int]) -> None:
        """Take ids for so many entities at once; what is not used is never given."""
        for type, count in counts.items():
            last = self._count(counter_of(type), count)
            self._ids[counter_of(type)] = chain(self._ids.get(counter_of(type), ()), range(last - count + 1, last + 1))

    def next_id(self, type: EntityType) -> int:
        """An id that was never given before."""
        taken = next(self._ids.get(counter_of(type), iter(())), None)
        return self._count(counter_of(type)) if taken is None else taken

    def note(self) -> None:
        """Write what waits, and let all processes know that something changed."""
        self.flush()
        self._count(CHANGE)

    def _count(self, name: str, by: int = 1) -> int:
        up = sa.update(COUNTER).where(COUNTER.c.name == name).values(value=COUNTER.c.value + by)
        return int(self._connection.execute(up.returning(COUNTER.c.value)).scalar_one())

    # --- what is there ---

    def dataset_of(self, type: EntityType, id: int) -> str | None:
        """The dataset of an entity; None if there is no such."""
        if not -(2**63) <= id < 2**63:
            return None
        if (type, id) not in self._known:
            table = TABLES[type]
            found: str | None = self.run(sa.select(table.c.dataset).where(table.c.id == id)).scalar()
            if found is None:
                return None
            self._known[type, id] = found
        return self._known[type, id]

    def must_be(self, type: EntityType, id: int, relation: str) -> None:
        """`Invalid` if a link leads nowhere."""
        if self.dataset_of(type, id) is None:
            raise Invalid(f"There is no {type.value} with the id {id}.", field=relation, value=id)

    def column(self, query: sa.Select[Any]) -> list[int]:
        """The first column of the rows."""
        return [row[0] for row in self.run(query)]

    # --- rows and links ---

    def insert(self, type: EntityType, row: dict[str, Any]) -> int:
        """A new row; its id."""
        id = self.next_id(type)
        self.add(TABLES[type], [dict.fromkeys(_NAMES[type]) | {"id": id, "dataset": self.dataset} | row])
        self._known[type, id] = self.dataset
        self.made.append((type, id))
        return id

    def relate(self, type: EntityType, id: int, name: str, targets: Sequence[int]) -> None:
        """Add links of a relation to many; those that are there already stay once."""
        link = LINKS[type][name]
        if link.table is None:
            table = TABLES[link.relation.target]
            for part in chunks(targets):
                self.run(sa.update(table).where(table.c.id.in_(part)).values({link.column: id}))
            return
        # What was made just now has no links that are not known.
        there = set() if (type, id) in self.made[-1:] else set(self.linked(link, id))
        self.add(link.table, ({link.here: id, link.there: to} for to in dict.fromkeys(targets) if to not in there))

    def linked(self, link: Link, id: int) -> list[int]:
        """Targets in a table of links."""
        assert link.table is not None
        query = sa.select(link.table.c[link.there]).where(link.table.c[link.here] == id)
        if link.place:
            query = query.order_by(link.table.c.place)
        return self.column(query)

    def unlink(self, table: sa.Table, column: str, ids: Iterable[int]) -> None:
        """Remove all links of these."""
        for part in chunks(ids):
            self.run(sa.delete(table).where(table.c[column].in_(part)))

    # --- where Things are ---

    def place(self, thing: int, locations: Sequence[int], *, history: bool = True, new: bool = False) -> None:
        """A Thing is at these Locations now; remembered as a HistoricalLocation. `new`: it was nowhere before."""
        if not new:
            self.unlink(THING_LOCATION, "thing_id", [thing])
        locations = list(dict.fromkeys(locations))
        self.add(THING_LOCATION, ({"thing_id": thing, "location_id": location} for location in locations))
        if locations and history:
            self.remember(thing, locations)

    def remember(self, thing: int, locations: Sequence[int]) -> None:
        """A HistoricalLocation of now, in the dataset of the Thing."""
        dataset, self.dataset = self.dataset, self.dataset_of(_T.THING, thing) or self.dataset
        id = self.insert(_T.HISTORICAL_LOCATION, {"time": self.now, "thing_id": thing})
        self.dataset = dataset
        self.add(HISTORY_LOCATION, ({"historical_location_id": id, "location_id": location} for location in locations))

    def follow(self, history: int) -> None:
        """A Thing is where its newest HistoricalLocation says."""
        row = self.run(sa.select(_HISTORY.c.thing_id, _HISTORY.c.time).where(_HISTORY.c.id == history)).one()
        newest = sa.select(sa.func.max(_HISTORY.c.time)).where(_HISTORY.c.thing_id == row.thing_id)
        locations = self.linked(LINKS[_T.HISTORICAL_LOCATION]["Locations"], history)
        if locations and row.time >= self.run(newest).scalar_one():
            self.place(row.thing_id, locations, history=False)
