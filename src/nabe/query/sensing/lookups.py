"""Values of what observations belong to, as one Arrow value for each stream or feature."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.model.entities import ENTITIES, STREAMS, EntityType
from nabe.model.flat import Place
from nabe.model.schema import ARROW
from nabe.ports.entities import Entities, EntityScan, StoredEntity
from nabe.query.sensing.extents import shape_of

_US = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def of_streams(
    entities: Entities, streams: Sequence[int], field: Field, at: Place, datasets: frozenset[str]
) -> dict[int, Any]:
    """A field's value by stream, as Arrow takes it; streams without one are absent. Reads only entities of `datasets`."""
    if at.keys == ("id",) and len(at.relations) == 1:
        return {id: converted(id, field.type) for id in streams}
    found: dict[int, Any] = {}
    for type in sorted(STREAMS):
        rows = entities.find(EntityScan(type, datasets, ids=tuple(streams)))
        found |= _followed(entities, type, {row.id: row for row in rows}, at.relations[1:], at, field, datasets)
    return found


def of_features(
    entities: Entities, features: Iterable[int], field: Field, at: Place, datasets: frozenset[str]
) -> dict[int, Any]:
    """The same by FeatureOfInterest."""
    rows = entities.find(EntityScan(EntityType.FEATURE_OF_INTEREST, datasets, ids=tuple(features)))
    start = {row.id: row for row in rows}
    return _followed(entities, EntityType.FEATURE_OF_INTEREST, start, at.relations[1:], at, field, datasets)


def _followed(
    entities: Entities,
    type: EntityType,
    start: Mapping[int, StoredEntity],
    steps: Sequence[str],
    at: Place,
    field: Field,
    datasets: frozenset[str],
) -> dict[int, Any]:
    """Along the relations, the first of several; then the property, and keys inside it."""
    here: dict[int, StoredEntity] = dict(start)
    for step in steps:
        kind = ENTITIES[type]
        name = step if step in kind.relations else f"{step[:-1]}ies"  # ObservedProperty: a MultiDatastream has several
        relation = kind.relations.get(name)
        if relation is None:
            return {}
        ids = tuple(dict.fromkeys(row.id for row in here.values()))
        if not ids:
            return {}
        if relation.many:
            rows = entities.find(EntityScan(relation.target, datasets, parents=(type, name, ids), top=1))
            by_parent = {row.parent: row for row in rows}
            here = {id: by_parent[row.id] for id, row in here.items() if row.id in by_parent}
        else:
            links = tuple(dict.fromkeys(row.links[name] for row in here.values() if name in row.links))
            rows = entities.find(EntityScan(relation.target, datasets, ids=links))
            by_id = {row.id: row for row in rows}
            here = {id: by_id[link] for id, row in here.items() if (link := row.links.get(name, -1)) in by_id}
        type = relation.target
    found = {}
    for id, row in here.items():
        value = row.id if at.keys == ("id",) else inside(row.values, at.keys)
        if (made := converted(value, field.type)) is not None:
            found[id] = made
    return found


def inside(value: Any, keys: Sequence[str | int]) -> Any:
    """What lies at keys; `start` and `end` of a time; None if nothing does."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(str(key))
        elif key in ("start", "end") and isinstance(value, int | tuple):
            value = value if isinstance(value, int) else value[key == "end"]
        elif isinstance(value, list | tuple) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def converted(value: Any, type: FieldType) -> Any:
    """A value as Arrow takes it for a field of this type; None where it is none of it."""
    match type:
        case FieldType.STRING:
            if value is None or isinstance(value, str):
                return value
            if isinstance(value, tuple):
                return "/".join(_iso(part) for part in value)
            return json.dumps(value, ensure_ascii=False)
        case FieldType.INTEGER:
            whole = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
            return int(value) if whole and abs(value) < 2**63 else None
        case FieldType.NUMBER:
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case FieldType.BOOLEAN:
            return value if isinstance(value, bool) else None
        case FieldType.GEOMETRY:
            shape = shape_of(value)
            return shapely.to_wkb(shapely.force_2d(shape)) if shape is not None else None
    moment = _moment(value)
    if moment is None:
        return None
    return moment if type is FieldType.DATETIME else (_EPOCH + moment * _US).date()


def _moment(value: Any) -> int | None:
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            at = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
        return (at - _EPOCH) // _US if at.tzinfo else None
    return None


def _iso(at: int) -> str:
    return (_EPOCH + at * _US).isoformat().replace("+00:00", "Z")


def array(values: Sequence[Any], type: FieldType) -> pa.Array:
    """Values of `converted` as a column."""
    if type is FieldType.DATETIME:
        return pa.array(values, pa.int64()).cast(ARROW[type])
    return pa.array(values, ARROW[type])
