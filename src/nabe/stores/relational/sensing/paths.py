"""Paths through relations as SQL: joins to one, sub-queries to many; at every step only what the asker may see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, EntityType, ValueType
from nabe.model.term import Path
from nabe.ports.entities import Withheld
from nabe.query.terms import Column, Dialect, Kind
from nabe.stores.relational.sensing.tables import BOX, LINKS, TABLES, Link

_KINDS: Final = {ValueType.TEXT: Kind.TEXT, ValueType.JSON: Kind.JSON, ValueType.INSTANT: Kind.INSTANT}
#: Most relations in one path.
_STEPS: Final = 12


class _Many:
    """A relation to many: a sub-query over its target; joins on from there are added as paths need them."""

    def __init__(self, source: str, where: str) -> None:
        self._source, self._where = source, where
        self.joins: list[str] = []

    def _from(self) -> str:
        return f"FROM {' '.join([self._source, *self.joins])} WHERE {self._where}"

    def exists(self, condition: str) -> str:
        return f"EXISTS (SELECT 1 {self._from()} AND {condition})"

    def least(self, value: str) -> str:
        return f"(SELECT min({value}) {self._from()})"


class _Node:
    """An entity on the way: its alias, and what has been joined to it."""

    def __init__(self, type: EntityType, alias: str, joins: list[str], within: tuple[_Many, ...]) -> None:
        self.type, self.alias, self.joins, self.within = type, alias, joins, within
        self.next: dict[str, _Node] = {}


class Paths:
    """Columns of one statement over entities of `type`, called `e`. `joins` grow with every path asked for."""

    def __init__(self, type: EntityType, datasets: frozenset[str], withheld: Withheld, dialect: Dialect) -> None:
        self._dialect = dialect
        self._datasets = datasets
        self._listed = ", ".join(dialect.text(name) for name in sorted(datasets)) or "NULL"
        self._withheld = withheld
        self._count = 0
        self.joins: list[str] = []
        self._root = _Node(type, "e", self.joins, ())
        self._bound: dict[str, list[_Node]] = {}

    def seen(self, alias: str, *, lead: bool = False) -> str:
        """That an entity lies in the datasets asked about. `lead`: the question may begin there."""
        # SQLite would else begin with all entities of a dataset and look for their links, row by row.
        sign = "+" if self._dialect.name == "sqlite" and not lead else ""
        return f"{sign}{alias}.dataset IN ({self._listed})"

    # --- what the compiler of terms asks ---

    def __call__(self, path: Path) -> Column:
        node, steps = self._start(path)
        hidden: list[str] = []
        relations = 0
        while steps and (link := self._link(node, steps)) is not None:
            hidden += self._hidden(node, steps)
            node = node.next.get(str(steps[0])) or self._follow(node, str(steps[0]), link)
            steps = steps[1:]
            relations += 1
            if relations > _STEPS:
                raise Invalid(f"A path follows more than {_STEPS} relations.")
        if not steps:
            raise Invalid(f"{_name(path)!r} is a relation, not a property.", hint="Compare its id, as in Thing/id.")
        hidden += self._hidden(node, steps)
        return self._property(node, steps, hidden, path)

    def bind(self, name: str, path: Path) -> tuple[_Many, ...]:
        """For `any` and `all`: `$name` is one of those that `path` leads to."""
        node, steps = self._start(path)
        before = node.within
        for at, step in enumerate(steps):
            link = self._link(node, steps[at:])
            if link is None:
                raise Invalid(f"{_name(path)!r} is no relation.", hint=_known(node.type))
            # Of its own, so that conditions on the same relation elsewhere do not mean this one.
            node = self._follow(node, str(step), link, keep=False)
        if not steps or node.within == before:
            raise Invalid(f"{_name(path)!r} leads to one entity, not to many.")
        self._bound.setdefault(f"${name}", []).append(node)
        return node.within[len(before) :]

    def release(self, name: str) -> None:
        """`$name` means what it meant before."""
        self._bound[f"${name}"].pop()

    # --- steps ---

    def _start(self, path: Path) -> tuple[_Node, tuple[str | int, ...]]:
        if not path.steps:
            raise Invalid("A path is empty.")
        first = path.steps[0]
        if isinstance(first, str) and first.startswith("$"):
            if not self._bound.get(first):
                raise Invalid(f"There is no variable {first[1:]!r}.", hint="It is named in any(...) or all(...).")
            return self._bound[first][-1], path.steps[1:]
        return self._root, path.steps

    def _link(self, node: _Node, steps: tuple[str | int, ...]) -> Link | None:
        name = steps[0]
        if name not in ENTITIES[node.type].relations:
            return None
        link = LINKS[node.type].get(str(name))
        if link is None:
            raise Invalid(f"{name!r} cannot be followed here.")
        return link

    def _follow(self, node: _Node, name: str, link: Link, *, keep: bool = True) -> _Node:
        self._count += 1
        alias, target = f"r{self._count}", TABLES[link.relation.target].name
        if not link.relation.many:
            node.joins.append(
                f"LEFT JOIN {target} {alias} ON {alias}.id = {node.alias}.{link.column} AND {self.seen(alias)}"
            )
            made = _Node(link.relation.target, alias, node.joins, node.within)
        else:
            many = _Many(*joined(link, node.alias, alias, self.seen(alias)))
            made = _Node(link.relation.target, alias, many.joins, (*node.within, many))
        if keep:
            node.next[name] = made
        return made

    def _hidden(self, node: _Node, steps: tuple[str | int, ...]) -> Iterator[str]:
        """That the entity's dataset withholds what lies at these steps, or inside, or around it."""
        found = [
            dataset
            for dataset, spots in self._withheld.items()
            if dataset in self._datasets
            and any(type is node.type and spot[: len(steps)] == steps[: len(spot)] for type, spot in spots)
        ]
        if found:
            listed = ", ".join(self._dialect.text(name) for name in sorted(found))
            yield f"{node.alias}.dataset IN ({listed})"

    def _property(self, node: _Node, steps: tuple[str | int, ...], hidden: list[str], path: Path) -> Column:
        name, keys = steps[0], steps[1:]

        def shown(column: str) -> str:
            sql = f'{node.alias}."{column}"'
            return f"(CASE WHEN {' OR '.join(hidden)} THEN NULL ELSE {sql} END)" if hidden else sql

        if name == "id" and not keys:
            return Column(shown("id"), Kind.NUMBER, within=node.within)
        property = ENTITIES[node.type].properties.get(str(name))
        if property is None:
            raise Invalid(
                f"{node.type.value} has no property {str(name)[:60]!r}.", hint=_known(node.type), field=_name(path)
            )
        if f"{name}" not in TABLES[node.type].c:
            raise Invalid(f"{name!r} cannot be compared here.", field=_name(path))
        if property.type is ValueType.GEOMETRY and not keys:
            west, south, east, north = (shown(side) for side in BOX)
            return Column(
                shown("shape"), Kind.SHAPE, shown(str(name)), box=(west, south, east, north), within=node.within
            )
        if property.type not in (ValueType.JSON, ValueType.GEOMETRY) and keys:
            raise Invalid(f"There is nothing inside {name!r} of {node.type.value}.", field=_name(path))
        kind = _KINDS.get(property.type, Kind.JSON)
        return Column(shown(str(name)), kind, keys=keys, within=node.within)


def joined(link: Link, near: str, far: str, seen: str) -> tuple[str, str]:
    """A relation to many from the alias `near` to the alias `far`: tables to select from, and a condition."""
    target = TABLES[link.relation.target].name
    if link.table is None:
        return f"{target} {far}", f"{far}.{link.column} = {near}.id AND {seen}"
    between = f"{link.table.name} {far}_l JOIN {target} {far} ON {far}.id = {far}_l.{link.there}"
    return between, f"{far}_l.{link.here} = {near}.id AND {seen}"


def _name(path: Path) -> str:
    return "/".join(str(step) for step in path.steps)[:100]


def _known(type: EntityType) -> str:
    kind = ENTITIES[type]
    return f"It has {', '.join(['id', *kind.properties, *kind.relations])}."
