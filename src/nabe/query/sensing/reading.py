"""A page of entities with what hangs on them: one call of a store for each relation and level, never one for each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nabe.errors import Invalid, Unknown
from nabe.model.entities import ENTITIES, STREAMS, EntityPage, EntityQuery, EntityRow, EntityType, Expansion, Hop
from nabe.model.term import Term
from nabe.ports.entities import Entities, EntityScan, StoredEntity
from nabe.ports.observations import Observations
from nabe.query.sensing import terms as t
from nabe.query.sensing.crossing import Crossing
from nabe.query.sensing.extents import Areas, Extents
from nabe.query.sensing.limits import DEPTH, EXPANSIONS, MOST, NESTED, PAGE, ROWS, SORTED, Meter, too_many
from nabe.query.sensing.series import Series
from nabe.query.sensing.sorting import in_order
from nabe.query.sensing.split import Split
from nabe.query.sensing.view import View

_OBSERVATION = EntityType.OBSERVATION
_EXTENT = ("phenomenonTime", "resultTime", "observedArea")
Links = Mapping[str, int]


class Reading:
    """One question of one asker. `touched`: rows handed out by dataset."""

    def __init__(self, view: View, entities: Entities, observations: Observations, areas: Areas, meter: Meter) -> None:
        self._view, self._entities, self._observations, self._meter = view, entities, observations, meter
        self._extents = Extents(view, entities, observations, areas)
        self._crossing = Crossing(view, entities, observations, self._extents, meter)
        self._series = Series(view, entities, observations, self._crossing, meter)
        self.touched: Counter[str] = Counter()

    def page(self, query: EntityQuery, ids: tuple[int, ...] | None = None) -> EntityPage:
        """The answer. `Unknown` for an address that leads nowhere, and for an `id` that is not there."""
        _check(query, DEPTH)
        if not self._view.ids:
            if query.hops or query.id is not None:
                raise nowhere(query)
            return EntityPage(query.type, [], 0 if query.count else None)
        hops, start = self._start(query)
        wanted = _met(_met(ids, start), None if query.id is None else (query.id,))
        top = min(PAGE if query.top is None else query.top, MOST)
        if query.type is _OBSERVATION:
            page, links = self._observed(query, hops, wanted, top)
        else:
            page, links = self._stored(query, hops, wanted, top)
        if query.id is not None and not page.rows:
            raise nowhere(query)
        self._expand(query, page.rows, links)
        return page

    def scope(self, query: EntityQuery) -> Split | None:
        """Which observations a question is about; None if there can be none. `Unknown` for a broken address."""
        _check(query, DEPTH)
        if not self._view.ids:
            return None
        hops, start = self._start(query)
        streams, features = self._owners(hops)
        ids = _met(start, None if query.id is None else (query.id,))
        return self._series.split(query.where, streams, features, ids)

    # --- addresses --------------------------------------------------------------------------------------------------

    def _start(self, query: EntityQuery) -> tuple[tuple[Hop, ...], tuple[int, ...] | None]:
        """An address that the stores can follow, and ids if it leads to known ones. `Unknown` if it is broken."""
        hops = query.hops
        ids: tuple[int, ...] | None = None
        last = max((at for at, hop in enumerate(hops) if hop.type is _OBSERVATION), default=None)
        if last is not None:
            found = self._linked(hops[last], hops[:last], query)
            hops, ids = hops[last + 1 :], None if hops[last + 1 :] else tuple(found)
            if hops:
                first = hops[0]
                if not found or first.id not in (None, found[0]):
                    raise nowhere(query)
                hops = (Hop(first.type, found[0], first.relation), *hops[1:])
        if hops and not self._there(hops):
            raise nowhere(query)
        return hops, ids

    def _linked(self, hop: Hop, before: tuple[Hop, ...], query: EntityQuery) -> list[int]:
        """The stream or feature of one observation."""
        if hop.id is None:
            raise nowhere(query)
        one = EntityQuery(_OBSERVATION, before, hop.id, select=())
        start, _ = self._start(one)
        _, links = self._observed(one, start, (hop.id,), 1)
        if not links:
            raise nowhere(query)
        return [links[0][hop.relation]] if hop.relation in links[0] else []

    def _there(self, hops: tuple[Hop, ...]) -> bool:
        """Is the entity there whose relation is followed last?"""
        last = hops[-1]
        if len(hops) == 1 and last.type in STREAMS and last.id is not None:
            fact = self._entities.streams([last.id]).get(last.id)
            return fact is not None and fact.type is last.type and fact.dataset in self._view.ids
        ids = None if last.id is None else (last.id,)
        return bool(self._entities.find(EntityScan(last.type, self._view.ids, hops=hops[:-1], ids=ids, top=1)))

    # --- pages ------------------------------------------------------------------------------------------------------

    def _observed(
        self, query: EntityQuery, hops: tuple[Hop, ...], ids: tuple[int, ...] | None, top: int
    ) -> tuple[EntityPage, list[Links]]:
        streams, features = self._owners(hops)
        found = self._series.page(query, streams, features, ids, top)
        self._note(found.datasets)
        return found.page, found.links

    def _owners(self, hops: tuple[Hop, ...]) -> tuple[Sequence[int] | None, Sequence[int] | None]:
        """The streams or the features that an address leads through last."""
        if not hops:
            return None, None
        last = hops[-1]
        owners = [last.id] if last.id is not None else self._arrived(hops)
        return (owners, None) if last.type in STREAMS else (None, owners)

    def _arrived(self, hops: tuple[Hop, ...]) -> list[int]:
        return [
            row.id for row in self._entities.find(EntityScan(hops[-1].type, self._view.ids, hops=hops[:-1], top=ROWS))
        ]

    def _stored(
        self, query: EntityQuery, hops: tuple[Hop, ...], ids: tuple[int, ...] | None, top: int
    ) -> tuple[EntityPage, list[Links]]:
        scan = self._scan(query, hops=hops, ids=ids)
        if scan is None or ids == ():
            return EntityPage(query.type, [], 0 if query.count else None), []
        total = self._entities.count(scan) if query.count else None
        found = self._found(query, scan, top + 1, query.skip) if top or not query.count else []
        more = len(found) > top
        rows = self._rows(query, found[:top])
        return EntityPage(query.type, rows, total, more), [item.links for item in found[:top]]

    def _scan(self, query: EntityQuery, **how: Any) -> EntityScan | None:
        """What the store is asked for; None if nothing can fulfil the condition."""
        where = self._crossing.entity(query.type, query.where)
        if where == t.FALSE:
            return None
        orders = tuple(item.term for item in query.order)
        withheld = self._view.withheld(query.type, where, *orders)
        return EntityScan(query.type, self._view.ids, withheld, where=None if where == t.TRUE else where, **how)

    def _found(self, query: EntityQuery, scan: EntityScan, top: int | None, skip: int) -> list[StoredEntity]:
        """In order; what is ordered by the extent of a stream is sorted here."""
        paths = [path for item in query.order for path in t.free_paths(item.term)]
        if any(t.beyond(query.type, path) is not None for path in paths):
            raise Invalid(
                "Entities cannot be ordered by their observations.",
                hint="$expand=Observations($orderby=…) orders the observations of each.",
                field="$orderby",
            )
        if not any(t.extent(query.type, path) is not None for path in paths):
            self._meter.tick()
            return self._entities.find(replace(scan, order=query.order, top=top, skip=skip))
        rows = self._entities.find(replace(scan, top=None if scan.parents else SORTED + 1))
        if len(rows) > SORTED:
            raise too_many(f"entities of type {query.type.value}", SORTED)
        extents = self._extents.of([row.id for row in rows]) if query.type in STREAMS else {}
        values = [
            self._view.datasets[row.dataset].prune(row.type, {**row.values, **extents.get(row.id, {})}) for row in rows
        ]
        sort = in_order(query.order, [row.id for row in rows], values)
        if scan.parents is None:
            return [rows[at] for at in sort][skip : None if top is None else skip + top]
        seen: Counter[int | None] = Counter()
        kept = []
        for at in sort:
            parent = rows[at].parent
            seen[parent] += 1
            if skip < seen[parent] <= skip + (top if top is not None else ROWS):
                kept.append(rows[at])
        return kept

    def _rows(self, query: EntityQuery, found: Sequence[StoredEntity]) -> list[EntityRow]:
        self._meter.rows(len(found))
        self._note(Counter(item.dataset for item in found))
        if query.keys:
            return [EntityRow(query.type, item.id, {}) for item in found]
        select = None if query.select is None else frozenset(query.select)
        extents: Mapping[int, Mapping[str, Any]] = {}
        if query.type in STREAMS and found:
            names = [name for name in _EXTENT if select is None or name in select]
            extents = self._extents.of(list(dict.fromkeys(item.id for item in found)), names) if names else {}
        rows = []
        for item in found:
            values = {
                name: value
                for name, value in item.values.items()
                if (select is None or name in select) and name not in _EXTENT
            }
            values = self._view.datasets[item.dataset].prune(item.type, values)
            rows.append(EntityRow(query.type, item.id, {**values, **extents.get(item.id, {})}))
        return rows

    def _note(self, datasets: Counter[str]) -> None:
        self.touched.update(datasets)

    # --- what hangs on them -----------------------------------------------------------------------------------------

    def _expand(self, query: EntityQuery, rows: Sequence[EntityRow], links: Sequence[Links]) -> None:
        if not rows:
            return
        for expansion in query.expand:
            relation = ENTITIES[query.type].relations[expansion.relation]
            if not relation.many:
                self._one(expansion, rows, links)
            elif relation.target is _OBSERVATION:
                self._many_observations(query.type, expansion, rows)
            else:
                self._many(query.type, expansion, rows)

    def _one(self, expansion: Expansion, rows: Sequence[EntityRow], links: Sequence[Links]) -> None:
        name, query = expansion.relation, expansion.query
        ids = tuple(dict.fromkeys(link[name] for link in links if name in link))
        scan = self._scan(query, ids=ids) if ids else None
        found = self._entities.find(scan) if scan is not None else []
        self._meter.tick()
        made = self._rows(query, found)
        self._expand(query, made, [item.links for item in found])
        by_id = {row.id: row for row in made}
        for row, link in zip(rows, links, strict=True):
            row.expanded[name] = by_id.get(link[name]) if name in link else None

    def _many(self, type: EntityType, expansion: Expansion, rows: Sequence[EntityRow]) -> None:
        name, query = expansion.relation, expansion.query
        top = min(PAGE if query.top is None else query.top, NESTED)
        parents = (type, name, tuple(dict.fromkeys(row.id for row in rows)))
        scan = self._scan(query, parents=parents)
        found: list[StoredEntity] = []
        if scan is not None:
            whole = query.count
            found = self._found(query, scan, None if whole else top + 1, 0 if whole else query.skip)
        groups: dict[int | None, list[StoredEntity]] = {}
        for item in found:
            groups.setdefault(item.parent, []).append(item)
        kept: list[StoredEntity] = []
        pages: dict[int, tuple[int | None, bool, int, int]] = {}
        for id in parents[2]:
            group = groups.get(id, [])
            total = len(group) if query.count else None
            part = group[query.skip : query.skip + top + 1] if query.count else group
            pages[id] = (total, len(part) > top, len(kept), len(kept) + min(len(part), top))
            kept += part[:top]
        made = self._rows(query, kept)
        self._expand(query, made, [item.links for item in kept])
        for row in rows:
            total, more, first, last = pages[row.id]
            row.expanded[name] = EntityPage(query.type, made[first:last], total, more)

    def _many_observations(self, type: EntityType, expansion: Expansion, rows: Sequence[EntityRow]) -> None:
        query = expansion.query
        top = min(PAGE if query.top is None else query.top, NESTED)
        ids = list(dict.fromkeys(row.id for row in rows))
        found = (
            self._series.of_streams(query, ids, top) if type in STREAMS else self._series.of_features(query, ids, top)
        )
        made = [row for item in found.values() for row in item.page.rows]
        self._expand(query, made, [link for item in found.values() for link in item.links])
        for item in found.values():
            self._note(item.datasets)
        for row in rows:
            row.expanded[expansion.relation] = found[row.id].page


def nowhere(query: EntityQuery) -> Unknown:
    """The same words whether it is not there or may not be known."""
    what = f"{ENTITIES[query.type].plural}({query.id})" if query.id is not None else "the address"
    return Unknown(f"There is nothing at {what} that you may know of.", hint="Follow the links of an answer.")


def _met(left: tuple[int, ...] | None, right: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if left is None or right is None:
        return right if left is None else left
    return tuple(id for id in left if id in set(right))


def _check(query: EntityQuery, depth: int) -> None:
    """`Invalid` for what is too deep, too much or not there, before anything is read."""
    left: list[tuple[EntityQuery, int]] = [(query, 0)]
    seen = 0
    while left:
        one, at = left.pop()
        seen += 1
        if at > depth:
            raise Invalid(
                f"$expand is nested more than {depth} deep.",
                hint="Ask for the rest by its own address.",
                field="$expand",
            )
        if seen > EXPANSIONS:
            raise Invalid(
                f"$expand names more than {EXPANSIONS} relations.", hint="Ask several questions.", field="$expand"
            )
        if (one.top is not None and one.top < 0) or one.skip < 0:
            raise Invalid("$top and $skip are whole numbers from 0 on.", field="$top")
        _paths(one.type, one.where, "$filter")
        for item in one.order:
            _paths(one.type, item.term, "$orderby")
        for expansion in one.expand:
            relation = ENTITIES[one.type].relations.get(expansion.relation)
            if relation is None or relation.target is not expansion.query.type:
                known = ", ".join(ENTITIES[one.type].relations)
                raise Invalid(
                    f"{one.type.value} has no relation {expansion.relation!r}.",
                    hint=f"It has {known}.",
                    field="$expand",
                )
            left.append((expansion.query, at + 1))


def _paths(base: EntityType, term: Term | None, field: str) -> None:
    """Does every path lead to a property?"""
    t.bounded(term)
    for path in t.free_paths(term) if term is not None else ():
        steps = t.relations(base, path)
        kind = ENTITIES[t.target(base, steps)]
        name = path.steps[len(steps)] if len(path.steps) > len(steps) else "id"
        if name not in kind.properties and name != "id":
            raise Invalid(
                f"{kind.type.value} has no property {str(name)[:60]!r}.",
                hint=f"It has id, {', '.join(kind.properties)}; relations: {', '.join(kind.relations)}.",
                field=field,
            )
