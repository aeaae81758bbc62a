"""From when to when, and where, a stream was observed: known from summaries, never counted anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import shapely

from nabe.model.entities import EntityType
from nabe.model.observation import Summary
from nabe.model.term import Instant, Interval, Path, Shape, Term
from nabe.ports.entities import Entities, EntityScan, StreamFacts
from nabe.ports.observations import Observations
from nabe.query.sensing.evaluating import holds
from nabe.query.sensing.view import Sight, View

#: How long an observed area is remembered, seconds: a moved feature shows after that.
_FRESH_S: Final = 5.0
_MOST: Final = 50_000
_NAMES: Final = ("phenomenonTime", "resultTime", "observedArea")


class Areas:
    """Observed areas by the features they come from; shared by all questions."""

    def __init__(self, entities: Entities) -> None:
        self._entities = entities
        self._lock = threading.Lock()
        self._known: dict[tuple[frozenset[str], tuple[int, ...]], tuple[float, dict[str, Any] | None]] = {}

    def of(self, wanted: Iterable[tuple[int, ...]], datasets: frozenset[str]) -> Mapping[tuple[int, ...], Any]:
        """GeoJSON geometry of each set of features, as far as they lie in `datasets`: the point, or the hull of all."""
        now = time.monotonic()
        with self._lock:
            kept = {key: self._known.get((datasets, key)) for key in wanted}
        known = {key: area[1] for key, area in kept.items() if area is not None and area[0] > now}
        missing = kept.keys() - known.keys()
        if missing:
            ids = tuple({id for key in missing for id in key})
            rows = self._entities.find(EntityScan(EntityType.FEATURE_OF_INTEREST, datasets, ids=ids))
            shapes = {row.id: shape for row in rows if (shape := shape_of(row.values.get("feature"))) is not None}
            made = {key: _hull([shapes[id] for id in key if id in shapes]) for key in missing}
            with self._lock:
                if len(self._known) > _MOST:
                    self._known.clear()
                self._known |= {(datasets, key): (now + _FRESH_S, area) for key, area in made.items()}
            known |= made
        return known


class Extents:
    """For one question of one asker."""

    def __init__(self, view: View, entities: Entities, observations: Observations, areas: Areas) -> None:
        self._view, self._entities, self._observations, self._areas = view, entities, observations, areas

    def of(self, streams: Sequence[int], names: Iterable[str] = _NAMES) -> dict[int, dict[str, Any]]:
        """Values of these properties by stream, as far as they are seen; a stream without observations has none."""
        names = set(names)
        held = {id: one for id, one in self._observations.summaries(streams).items() if one.count}
        facts = self._entities.streams(list(held))
        found: dict[int, dict[str, Any]] = {}
        areas: dict[int, tuple[int, ...]] = {}
        for id, one in held.items():
            fact = facts.get(id)
            if fact is None or fact.dataset not in self._view.datasets:
                continue
            seen = {name for name in names if self._sees(fact, name)}
            found[id] = {name: span for name in seen if (span := _span(one, name)) is not None}
            if "observedArea" in seen and one.features:
                areas[id] = tuple(sorted(one.features))
        if areas:
            shapes = self._areas.of(
                set(areas.values()), self._view.seeing(EntityType.FEATURE_OF_INTEREST, ("feature",))
            )
            for id, key in areas.items():
                if shapes[key] is not None:
                    found[id]["observedArea"] = shapes[key]
        return found

    def where(self, kind: EntityType, condition: Term) -> list[int]:
        """Streams of a type whose extent fulfils a condition that looks at nothing else."""
        streams = self._entities.streams_of(self._view.ids)
        facts = self._entities.streams(list(streams))
        known = self.of(streams)
        found = []
        for id in streams:
            if id in facts and facts[id].type is kind and holds(condition, _looking(known.get(id, {}))) is True:
                found.append(id)
        return found

    def _sees(self, fact: StreamFacts, name: str) -> bool:
        return self._view.datasets[fact.dataset].sees(fact.type, (name,)) is Sight.ALL


def _looking(values: Mapping[str, Any]) -> Any:
    def look(path: Path) -> Any:
        value = values.get(str(path.steps[0]))
        if isinstance(value, tuple):
            return Interval(*value)
        if isinstance(value, Mapping):
            shape = shape_of(value)
            return Shape(shapely.to_wkb(shape)) if shape is not None else None
        return Instant(value) if isinstance(value, int) else value

    return look


def _span(held: Summary, name: str) -> tuple[int, int] | None:
    if name == "phenomenonTime" and held.first_time is not None and held.last_time is not None:
        return held.first_time, held.last_time
    if name == "resultTime" and held.first_result_time is not None and held.last_result_time is not None:
        return held.first_result_time, held.last_result_time
    return None


def shape_of(value: Any) -> Any:
    """A GeoJSON geometry or Feature as a shape; None where it is none."""
    if isinstance(value, Mapping) and value.get("type") == "Feature":
        value = value.get("geometry")
    if not isinstance(value, Mapping) or "type" not in value:
        return None
    try:
        return shapely.geometry.shape(value)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, shapely.errors.ShapelyError):
        return None


def _hull(shapes: list[Any]) -> dict[str, Any] | None:
    if not shapes:
        return None
    try:
        hull = shapely.GeometryCollection(shapes).convex_hull
    except shapely.errors.ShapelyError:
        return None
    return dict(shapely.geometry.mapping(hull)) if not hull.is_empty else None
