"""What every change of entities needs: ids, links, the places of Things. All on one connection, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
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
#: How many ids one statement names.
CHUNK = 500


def chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    """Ids in parts that one statement can name; such as no column can hold are left out."""
    left = iter([id for id in ids if -(2**63) <= id < 2**63])
    while part := list(islice(left, CHUNK)):
        yield part


class Change:
    """One transaction. `made`: what was created, in order (type, id)."""

    def __init__(self, connection: sa.Connection, now: int, dataset: str = "") -> None:
        self.connection = connection
        self.now = now
        self.dataset = dataset
        self.made: list[tuple[EntityType, int]] = []

    def next_id(self, type: EntityType) -> int:
        """An id that was never given before."""
        return self._count(counter_of(type))

    def note(self) -> None:
        """Let all processes know that something changed."""
        self._count(CHANGE)

    def _count(self, name: str) -> int:
        up = sa.update(COUNTER).where(COUNTER.c.name == name).values(value=COUNTER.c.value + 1)
        return int(self.connection.execute(up.returning(COUNTER.c.value)).scalar_one())

    # --- what is there ---

    def dataset_of(self, type: EntityType, id: int) -> str | None:
        """The dataset of an entity; None if there is no such."""
        if not -(2**63) <= id < 2**63:
            return None
        table = TABLES[type]
        found: str | None = self.connection.execute(sa.select(table.c.dataset).where(table.c.id == id)).scalar()
        return found

    def must_be(self, type: EntityType, id: int, relation: str) -> None:
        """`Invalid` if a link leads nowhere."""
        if self.dataset_of(type, id) is None:
            raise Invalid(f"There is no {type.value} with the id {id}.", field=relation, value=id)

    def column(self, query: sa.Select[Any]) -> list[int]:
        """The first column of the rows."""
        return [row[0] for row in self.connection.execute(query)]

    # --- rows and links ---

    def insert(self, type: EntityType, row: dict[str, Any]) -> int:
        """A new row; its id."""
        id = self.next_id(type)
        self.connection.execute(sa.insert(TABLES[type]).values(id=id, dataset=self.dataset, **row))
        self.made.append((type, id))
        return id

    def relate(self, type: EntityType, id: int, name: str, targets: Sequence[int]) -> None:
        """Add links of a relation to many; those that are there already stay once."""
        link = LINKS[type][name]
        if link.table is None:
            table = TABLES[link.relation.target]
            for part in chunks(targets):
                self.connection.execute(sa.update(table).where(table.c.id.in_(part)).values({link.column: id}))
            return
        there = set(self.linked(link, id))
        rows = [{link.here: id, link.there: target} for target in dict.fromkeys(targets) if target not in there]
        if rows:
            self.connection.execute(sa.insert(link.table), rows)

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
            self.connection.execute(sa.delete(table).where(table.c[column].in_(part)))

    # --- where Things are ---

    def place(self, thing: int, locations: Sequence[int], *, history: bool = True) -> None:
        """A Thing is at these Locations now; remembered as a HistoricalLocation."""
        self.unlink(THING_LOCATION, "thing_id", [thing])
        rows = [{"thing_id": thing, "location_id": location} for location in dict.fromkeys(locations)]
        if rows:
            self.connection.execute(sa.insert(THING_LOCATION), rows)
            if history:
                self.remember(thing, list(dict.fromkeys(locations)))

    def remember(self, thing: int, locations: Sequence[int]) -> None:
        """A HistoricalLocation of now, in the dataset of the Thing."""
        dataset, self.dataset = self.dataset, self.dataset_of(_T.THING, thing) or self.dataset
        id = self.insert(_T.HISTORICAL_LOCATION, {"time": self.now, "thing_id": thing})
        self.dataset = dataset
        rows = [{"historical_location_id": id, "location_id": location} for location in locations]
        self.connection.execute(sa.insert(HISTORY_LOCATION), rows)

    def follow(self, history: int) -> None:
        """A Thing is where its newest HistoricalLocation says."""
        row = self.connection.execute(
            sa.select(_HISTORY.c.thing_id, _HISTORY.c.time).where(_HISTORY.c.id == history)
        ).one()
        newest = sa.select(sa.func.max(_HISTORY.c.time)).where(_HISTORY.c.thing_id == row.thing_id)
        locations = self.linked(LINKS[_T.HISTORICAL_LOCATION]["Locations"], history)
        if locations and row.time >= self.connection.execute(newest).scalar_one():
            self.place(row.thing_id, locations, history=False)
