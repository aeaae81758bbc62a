"""Questions about entities as one SQL statement each."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from nabe.errors import Invalid, SourceUnavailable
from nabe.model.entities import EntityType, Hop
from nabe.ports.entities import EntityScan, StoredEntity
from nabe.query.terms import POSTGRES, SQLITE, SQLITE_FUNCTIONS, Dialect, condition, order_by
from nabe.stores.relational.sensing.paths import Paths
from nabe.stores.relational.sensing.tables import LINKS, TABLES, Link
from nabe.stores.relational.sensing.values import READERS, read

_DRIVERS: Final = (sqlite3.Error, psycopg.Error)
_OUTAGES: Final = (sqlite3.OperationalError, psycopg.OperationalError, psycopg.InterfaceError)
_MOST_HOPS: Final = 20


class Reader:
    """Runs statements on connections of an engine."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        self.dialect: Dialect = SQLITE if self.sqlite else POSTGRES

    def rows(self, sql: str) -> list[Any]:
        """All rows of a statement without parameters."""
        with connected(self._engine) as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            if self.sqlite and "terms" not in connection.info:
                for name, count, function in SQLITE_FUNCTIONS:
                    raw.create_function(name, count, function, deterministic=True)
                connection.info["terms"] = True
            try:
                found: list[Any] = raw.execute(sql).fetchall()
            except _DRIVERS as error:
                if (told := self._told(connection, error)) is None:
                    raise  # a mistake of ours
                raise told from error
            return found

    def _told(self, connection: sa.Connection, error: Exception) -> Exception | None:
        """An error of the driver as one of ours, if it is to be expected."""
        if isinstance(error, psycopg.errors.UndefinedFunction) and "st_" in str(error).lower():
            hint = "Install PostGIS and run: CREATE EXTENSION postgis"
            return Invalid("Places cannot be compared: the database of this store has no PostGIS.", hint=hint)
        if isinstance(error, psycopg.DataError):
            return Invalid("A number in the filter or order becomes larger than can be computed.")
        if not isinstance(error, _OUTAGES):
            return None
        connection.invalidate()
        first = str(error).strip().splitlines()[:1]
        hint = "It is Nabe's own store (server.storage): is it running, is there room on the disk?"
        return SourceUnavailable("nabe-storage", f"{first[0] if first else type(error).__name__}.", hint=hint)


def connected(engine: sa.Engine) -> Any:
    """A connection; `SourceUnavailable` if there is none."""
    try:
        return engine.connect()
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        hint = "It is Nabe's own store (server.storage): is it running?"
        raise SourceUnavailable("nabe-storage", f"{type(error).__name__}.", hint=hint) from error


def find(reader: Reader, scan: EntityScan, now: int) -> list[StoredEntity]:
    """Entities in order."""
    if not scan.datasets or scan.ids == () or (scan.parents and not scan.parents[2]) or scan.top == 0:
        return []
    links = _to_one(scan.type)
    names = READERS[scan.type]
    columns = ["e.id", "e.dataset", *(f'e."{name}"' for name, _ in names), *(f"e.{link.column}" for _, link in links)]
    if scan.parents:
        columns.append("p.id")
    paths, tables, where = _parts(reader, scan, now)
    keys = _order(reader, scan, paths, now)
    source = " ".join([*tables, *paths.joins])
    select = f"SELECT {', '.join(columns)}"
    rest = f" FROM {source} WHERE {' AND '.join(where)}"
    if scan.parents and (scan.top is not None or scan.skip):
        count = len(columns)
        named = ", ".join(f"{column} AS c{at}" for at, column in enumerate(columns))
        ranked = f"row_number() OVER (PARTITION BY p.id ORDER BY {', '.join(keys)}) AS place"
        bounds = [f"place > {int(scan.skip)}"] if scan.skip else []
        if scan.top is not None:
            bounds.append(f"place <= {int(scan.skip) + int(scan.top)}")
        picked = ", ".join(f"c{at}" for at in range(count))
        inner = f"SELECT {named}, {ranked}{rest}"
        sql = f"SELECT {picked} FROM ({inner}) AS ranked WHERE {' AND '.join(bounds)} ORDER BY c{count - 1}, place"
    else:
        sql = f"{select}{rest} ORDER BY {', '.join(keys)}"
        if scan.top is not None:
            sql += f" LIMIT {int(scan.top)}"
        elif scan.skip and reader.sqlite:
            sql += " LIMIT -1"
        if scan.skip:
            sql += f" OFFSET {int(scan.skip)}"
    return [_entity(row, scan, names, links) for row in reader.rows(sql)]


def count(reader: Reader, scan: EntityScan, now: int) -> int:
    """How many there are without top and skip."""
    if not scan.datasets or scan.ids == () or (scan.parents and not scan.parents[2]):
        return 0
    paths, tables, where = _parts(reader, scan, now)
    (row,) = reader.rows(f"SELECT count(*) FROM {' '.join([*tables, *paths.joins])} WHERE {' AND '.join(where)}")
    return int(row[0])


def _to_one(type: EntityType) -> list[tuple[str, Link]]:
    return [(name, link) for name, link in LINKS[type].items() if not link.relation.many]


def _parts(reader: Reader, scan: EntityScan, now: int) -> tuple[Paths, list[str], list[str]]:
    """What to select from, and the conditions."""
    paths = Paths(scan.type, scan.datasets, scan.withheld, reader.dialect)
    tables, where = [f"{TABLES[scan.type].name} e"], [paths.seen("e", lead=not (scan.ids or scan.hops or scan.parents))]
    if scan.ids is not None:
        where.append(f"e.id IN ({_ids(scan.ids)})")
    if scan.hops:
        _hops(scan, paths, tables, where)
    if scan.parents:
        owner, relation, ids = scan.parents
        _join(_link(owner, relation, scan.type), owner, "p", "e", tables)
        where += [f"p.id IN ({_ids(ids)})", paths.seen("p")]
    if scan.where is not None:
        where.append(condition(scan.where, paths, reader.dialect, now=now))
    return paths, tables, where


def _ids(ids: Sequence[int]) -> str:
    """Ids that no column can hold are left out: there is no such entity."""
    return ", ".join(str(int(id)) for id in ids if abs(id) < 2**63) or "NULL"


def _link(owner: EntityType, relation: str, target: EntityType) -> Link:
    link = LINKS.get(owner, {}).get(relation)
    if link is None or link.relation.target is not target:
        raise Invalid(f"{owner.value} has no relation {relation[:60]!r} to {target.value}.", field=relation[:60])
    return link


def _join(link: Link, owner: EntityType, near: str, far: str, tables: list[str]) -> None:
    """Add the owner of a relation, `near`, to tables in which its target, `far`, is already."""
    name = TABLES[owner].name
    if not link.relation.many:
        tables.append(f"JOIN {name} {near} ON {near}.{link.column} = {far}.id")
    elif link.table is None:
        tables.append(f"JOIN {name} {near} ON {far}.{link.column} = {near}.id")
    else:
        between = link.table.name
        if "place" in link.table.c and not link.place:
            # In a list the same one may stand twice; seen from there, the list is one.
            between = f"(SELECT DISTINCT {link.here}, {link.there} FROM {between})"
        tables.append(f"JOIN {between} {near}_l ON {near}_l.{link.there} = {far}.id")
        tables.append(f"JOIN {name} {near} ON {near}.id = {near}_l.{link.here}")


def _hops(scan: EntityScan, paths: Paths, tables: list[str], where: list[str]) -> None:
    """Only what lies at the end of an address."""
    if len(scan.hops) > _MOST_HOPS:
        raise Invalid(f"An address has more than {_MOST_HOPS} steps.")
    far, target = "e", scan.type
    for at in range(len(scan.hops) - 1, -1, -1):
        hop = scan.hops[at]
        near = f"h{at}"
        _join(_link(hop.type, hop.relation, target), hop.type, near, far, tables)
        where.append(paths.seen(near))
        if hop.id is not None:
            where.append(f"{near}.id = {_ids((hop.id,))}")
        far, target = near, hop.type


def _order(reader: Reader, scan: EntityScan, paths: Paths, now: int) -> list[str]:
    keys = order_by(scan.order, paths, reader.dialect, now=now)
    if not scan.order and (place := _place(scan)):
        keys.append(place)
    return [*keys, "e.id"] if not scan.parents else [*keys, "e.id", "p.id"]


def _place(scan: EntityScan) -> str:
    """Members of a relation that has an order of its own come in it."""
    if scan.parents:
        owner, relation, near = scan.parents[0], scan.parents[1], "p"
    elif scan.hops:
        last: Hop = scan.hops[-1]
        owner, relation, near = last.type, last.relation, f"h{len(scan.hops) - 1}"
    else:
        return ""
    return f"{near}_l.place" if LINKS[owner][relation].place else ""


def _entity(
    row: Any, scan: EntityScan, names: Sequence[tuple[str, bool]], links: Sequence[tuple[str, Link]]
) -> StoredEntity:
    values: dict[str, Any] = {}
    at = 2
    for name, coded in names:
        value = row[at]
        if value is not None:
            values[name] = read(value) if coded else value
        at += 1
    linked: dict[str, int] = {}
    for name, _ in links:
        if row[at] is not None:
            linked[name] = row[at]
        at += 1
    hidden = scan.withheld.get(row[1]) if scan.withheld else None
    if hidden:
        for type, spot in hidden:
            if type is scan.type and spot:
                _withhold(values, linked, spot)
    return StoredEntity(scan.type, row[0], row[1], values, linked, row[at] if scan.parents else None)


def _withhold(values: dict[str, Any], links: dict[str, int], spot: tuple[str | int, ...]) -> None:
    """Take out what is withheld; it may lie inside a JSON value (which belongs to this row alone)."""
    holder: Any = values
    for key in spot[:-1]:
        if isinstance(holder, dict):
            holder = holder.get(key)
        elif isinstance(holder, list) and isinstance(key, int) and -len(holder) <= key < len(holder):
            holder = holder[key]
        else:
            holder = None
    last = spot[-1]
    if isinstance(holder, dict):
        holder.pop(last, None)
    elif isinstance(holder, list) and isinstance(last, int) and 0 <= last < len(holder):
        holder[last] = None
    if len(spot) == 1:
        links.pop(str(last), None)


def everywhere(reader: Reader, type: EntityType, ids: Sequence[int]) -> list[StoredEntity]:
    """These entities, whatever dataset they lie in: for those who have just made them."""
    links, names = _to_one(type), READERS[type]
    columns = ["e.id", "e.dataset", *(f'e."{name}"' for name, _ in names), *(f"e.{link.column}" for _, link in links)]
    sql = f"SELECT {', '.join(columns)} FROM {TABLES[type].name} e WHERE e.id IN ({_ids(ids)})"
    scan = EntityScan(type, frozenset())
    return [_entity(row, scan, names, links) for row in reader.rows(sql)]
