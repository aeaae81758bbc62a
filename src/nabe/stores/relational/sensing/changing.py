"""Changing entities and their links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nabe.errors import Invalid, Unknown
from nabe.model.entities import ENTITIES, EntityType
from nabe.stores.relational.sensing.making import fitting, observe
from nabe.stores.relational.sensing.tables import LINKS, STREAM_PROPERTY, TABLES, THING_LOCATION, Link
from nabe.stores.relational.sensing.values import columns, missing, read, written
from nabe.stores.relational.sensing.writing import Change

_T = EntityType
_STREAMS = TABLES[_T.MULTI_DATASTREAM]


def update(
    change: Change,
    type: EntityType,
    id: int,
    values: Mapping[str, Any],
    links: Mapping[str, Sequence[int]],
    *,
    replace: bool,
) -> None:
    """Change what is given; `replace`: properties that are not given become missing."""
    table = TABLES[type]
    old = change.run(sa.select(table).where(table.c.id == id)).mappings().first() if abs(id) < 2**63 else None
    if old is None:
        raise unknown(type, id)
    if replace:
        values = {name: None for name, p in ENTITIES[type].properties.items() if not p.kept} | dict(values)
    row = columns(type, values, encoding=old.get("encodingType") or "")
    if wanting := [name for name in missing(type, values) if name in values]:
        raise Invalid(f"{wanting[0]!r} of {type.value} cannot be missing.", field=wanting[0])
    if type is _T.LOCATION and ("location" in row or "encodingType" in row):
        if "location" not in row:  # the same, but perhaps readable as a place now
            row |= columns(type, {"location": read(old["location"]), "encodingType": row["encodingType"]})
        if row["location"] != old["location"] or row.get("encodingType", old["encodingType"]) != old["encodingType"]:
            row["feature_id"] = None
    elif type is _T.FEATURE_OF_INTEREST and "encodingType" in row and "feature" not in row:
        row |= columns(type, {"feature": read(old["feature"]), "encodingType": row["encodingType"]})
    for name, targets in links.items():
        _relink(change, type, id, name, targets, row)
    if row:
        change.run(sa.update(table).where(table.c.id == id).values(**row))
    if type is _T.MULTI_DATASTREAM:
        _still_fits(change, id)
    elif type is _T.HISTORICAL_LOCATION:
        change.follow(id)


def unknown(type: EntityType, id: int) -> Unknown:
    """No such entity."""
    return Unknown(f"There is no {type.value} with the id {id}.", type=type.value, id=id)


def _known(type: EntityType, name: str) -> Link:
    link = LINKS.get(type, {}).get(name)
    if link is None:
        hint = f"It has {', '.join(ENTITIES[type].relations)}."
        raise Invalid(f"{type.value} has no relation {name[:60]!r} that can be set.", hint=hint, field=name[:60])
    return link


def _relink(change: Change, type: EntityType, id: int, name: str, targets: Sequence[int], row: dict[str, Any]) -> None:
    """Set a relation: to one in `row`; to many in the place of what was there, where that is possible."""
    link = _known(type, name)
    for target in targets:
        change.must_be(link.relation.target, target, name)
    if not link.relation.many:
        if len(targets) > 1 or (link.relation.required and not targets):
            raise Invalid(f"{type.value} has exactly one {name}.", field=name)
        row[link.column] = targets[0] if targets else None
    elif type is _T.THING and name == "Locations":
        change.place(id, targets)
    elif type is _T.LOCATION and name == "Things":
        for thing in targets:
            change.place(thing, [id])
    elif link.table is STREAM_PROPERTY:
        if type is not _T.MULTI_DATASTREAM:
            raise Invalid("What a MultiDatastream observes is set at the MultiDatastream.", field=name)
        if not targets:
            raise Invalid("MultiDatastream lacks its ObservedProperties.", field=name)
        observe(change, id, list(targets))
    else:
        if link.table is not None:
            change.unlink(link.table, link.here, [id])
        change.relate(type, id, name, targets)


def _still_fits(change: Change, id: int) -> None:
    row = change.run(sa.select(_STREAMS).where(_STREAMS.c.id == id)).one()
    parts = len(change.linked(LINKS[_T.MULTI_DATASTREAM]["ObservedProperties"], id))
    fitting(parts, read(row.unitOfMeasurements), read(row.multiObservationDataTypes))


def add_link(change: Change, type: EntityType, id: int, name: str, target: int) -> None:
    """Add one link (of a relation to one: set it)."""
    link = _known(type, name)
    if change.dataset_of(type, id) is None:
        raise unknown(type, id)
    if change.dataset_of(link.relation.target, target) is None:
        raise unknown(link.relation.target, target)
    if link.table is STREAM_PROPERTY:
        hint = "Set ObservedProperties together with units and types."
        raise Invalid("A MultiDatastream cannot observe one property more by a link.", hint=hint, field=name)
    if not link.relation.many:
        change.run(sa.update(TABLES[type]).where(TABLES[type].c.id == id).values({link.column: target}))
    elif type is _T.THING and name == "Locations":
        change.place(id, [*change.linked(link, id), target])
    elif type is _T.LOCATION and name == "Things":
        change.place(target, [*change.linked(LINKS[_T.THING]["Locations"], target), id])
    else:
        change.relate(type, id, name, [target])


def remove_link(change: Change, type: EntityType, id: int, name: str, target: int) -> None:
    """Remove one link. `Unknown` if there is none, `Invalid` if the entity cannot be without."""
    link = _known(type, name)
    if change.dataset_of(type, id) is None:
        raise unknown(type, id)
    if link.table is STREAM_PROPERTY:
        stream, part = (id, target) if type is _T.MULTI_DATASTREAM else (target, id)
        _remove_part(change, stream, part)
        return
    if link.table is None:
        owner = type if not link.relation.many else link.relation.target
        column = TABLES[owner].c[link.column]
        near, far = (id, target) if not link.relation.many else (target, id)
        if change.run(sa.select(column).where(TABLES[owner].c.id == near)).scalar() != far:
            raise unknown(link.relation.target, target)
        if not column.nullable:
            raise Invalid(f"{owner.value} cannot be without.", hint="Link it to another one, or delete it.", field=name)
        change.run(sa.update(TABLES[owner]).where(TABLES[owner].c.id == near).values({link.column: None}))
        return
    one = (link.table.c[link.here] == id) & (link.table.c[link.there] == target)
    if change.run(sa.delete(link.table).where(one)).rowcount == 0:
        raise unknown(link.relation.target, target)
    if link.table is THING_LOCATION:
        thing = id if type is _T.THING else target
        if left := change.linked(LINKS[_T.THING]["Locations"], thing):
            change.remember(thing, left)


def _remove_part(change: Change, stream: int, part: int) -> None:
    """A MultiDatastream observes a property no more: its units and types of that place go with it."""
    row = change.run(sa.select(_STREAMS).where(_STREAMS.c.id == stream)).first()
    parts = change.linked(LINKS[_T.MULTI_DATASTREAM]["ObservedProperties"], stream)
    if row is None or part not in parts:
        raise unknown(_T.OBSERVED_PROPERTY, part)
    keep = [at for at, id in enumerate(parts) if id != part]
    if not keep:
        raise Invalid(
            "A MultiDatastream cannot be without ObservedProperties.", hint="Delete it.", field="ObservedProperties"
        )
    observe(change, stream, [parts[at] for at in keep])
    names = ("unitOfMeasurements", "multiObservationDataTypes")
    lists = {name: read(getattr(row, name)) for name in names}
    left = {name: written([value[at] for at in keep], name) for name, value in lists.items()}
    change.run(sa.update(_STREAMS).where(_STREAMS.c.id == stream).values(**left))
