"""Changing, linking and removing what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from nabe.errors import Invalid, Unknown
from nabe.hub.sensing.booking import Booking
from nabe.hub.sensing.creating import unfit
from nabe.hub.sensing.observing import fits, kind_of
from nabe.hub.sensing.storing import Storing, per_dataset
from nabe.hub.sensing.validating import check_values
from nabe.hub.sensing.writing import Owning, Rights, absent, changed_names
from nabe.model.entities import ENTITIES, EntityRef, EntityType, NewEntity
from nabe.model.event import EntityEvent, Happening
from nabe.model.observation import OBSERVATION_SCHEMA, ObservationScan, stream_of
from nabe.model.term import Path
from nabe.ports.bus import Bus
from nabe.ports.entities import Entities, Removed, StoredEntity
from nabe.ports.observations import Observations
from nabe.query.sensing.rows import row_of, rows_of, table_of
from nabe.query.sensing.terms import among

_OBSERVATION = EntityType.OBSERVATION


class Changing:
    """What is written over."""

    def __init__(
        self,
        owning: Owning,
        storing: Storing,
        entities: Entities,
        observations: Observations,
        bus: Bus,
        booking: Booking,
    ) -> None:
        self._owning, self._storing, self._entities = owning, storing, entities
        self._observations, self._bus, self._booking = observations, bus, booking

    def demand(self, rights: Rights, type: EntityType, id: int) -> str:
        """The dataset of an entity that the actor may write. `Unknown`, `Denied`."""
        dataset = self._owning.of(type, [id]).get(id)
        if dataset is None:
            raise absent(type, id)
        self._owning.demand(rights, dataset, lambda: absent(type, id))
        return dataset

    def update(
        self,
        rights: Rights,
        type: EntityType,
        id: int,
        values: Mapping[str, Any],
        links: Mapping[str, Sequence[int]],
        replace: bool,
        interface: str,
    ) -> None:
        """Properties and links given."""
        dataset = self.demand(rights, type, id)
        kind = ENTITIES[type]
        values = {
            name: value
            for name, value in values.items()
            if name not in kind.properties or not kind.properties[name].kept
        }
        check_values(kind, values)
        for name, item in kind.properties.items():
            gone = (name in values and values[name] is None) or (replace and name not in values)
            if item.required and gone and name != "result":
                raise Invalid(f"{type.value} cannot be without {name!r}.", field=name)
        for name in links:
            if name not in kind.relations:
                raise Invalid(
                    f"{type.value} has no relation {name!r}.", hint=f"It has {', '.join(kind.relations)}.", field=name
                )
        refs = {name: tuple(EntityRef(target) for target in targets) for name, targets in links.items()}
        self._owning.links(rights, NewEntity(type, {}, refs))
        if type is _OBSERVATION:
            self._observation(id, dict(values), links, replace, dataset)
            made: list[StoredEntity] = []
        else:
            values = self._storing.minimised(NewEntity(type, values), dataset).values
            _, *made = self._entities.update(type, id, values, links, replace=replace)
        changed = tuple(kind.properties) if replace else changed_names(values, links)
        stream = stream_of(id) if type is _OBSERVATION else None
        events = [EntityEvent(Happening.UPDATED, type, (id,), dataset, stream, changed)]
        events += [EntityEvent(Happening.CREATED, row.type, (row.id,), row.dataset) for row in made]
        self._bus.publish(events)
        self._booking.act(rights.actor, "updated", {dataset: 1}, rights.write, interface)

    def _observation(
        self, id: int, values: dict[str, Any], links: Mapping[str, Sequence[int]], replace: bool, dataset: str
    ) -> None:
        stream = stream_of(id)
        fact = self._entities.streams([stream])[stream]
        for name in ("Datastream", "MultiDatastream"):
            if name in links and (fact.type.value != name or tuple(links[name]) != (stream,)):
                raise Invalid("An observation stays in its stream.", hint="Delete it and create it anew.", field=name)
        batches = list(self._observations.read(ObservationScan((stream,), ids=(id,))))
        table = pa.Table.from_batches(batches, OBSERVATION_SCHEMA)
        if not table.num_rows:
            raise absent(_OBSERVATION, id)
        (old,) = rows_of(table, None)
        if replace:
            if "result" not in values:
                raise Invalid("An observation cannot be without its 'result'.", field="result")
            values = {
                "phenomenonTime": old.values["phenomenonTime"],
                **{k: v for k, v in values.items() if v is not None or k == "result"},
            }
        else:
            values = {**old.values, **values}
        if values.get("phenomenonTime") is None:
            values["phenomenonTime"] = old.values["phenomenonTime"]
        if not fits(kind_of(fact), values.get("result"), fact.types):
            raise unfit(fact.observation_type, fact.types)
        feature = table.column("feature")[0].as_py()
        if "FeatureOfInterest" in links:
            if len(links["FeatureOfInterest"]) != 1:
                raise Invalid("An observation has one FeatureOfInterest.", field="FeatureOfInterest")
            feature = links["FeatureOfInterest"][0]
        row = {**row_of(stream, values, feature), "id": id}
        rows = self._storing.minimised_rows(table_of([row], OBSERVATION_SCHEMA), dataset)
        if not rows.num_rows:
            raise Invalid("The dataset does not keep a count as small as this.", field="result")
        if not self._observations.replace(rows):
            raise absent(_OBSERVATION, id)

    def link(
        self, rights: Rights, type: EntityType, id: int, relation: str, target: int, remove: bool, interface: str
    ) -> None:
        """Add or remove one link of a relation to many."""
        dataset = self.demand(rights, type, id)
        known = ENTITIES[type].relations.get(relation)
        if known is None or _OBSERVATION in (type, known.target):
            raise Invalid(f"Links of {relation!r} cannot be set here.", hint="PATCH the entity itself.", field=relation)
        self._owning.links(rights, NewEntity(type, {}, {relation: (EntityRef(target),)}))
        if not known.many and remove:
            raise Invalid(f"{type.value} has one {relation}; set another.", field=relation)
        made = self._entities.link(type, id, relation, target, remove=remove)
        events = [EntityEvent(Happening.UPDATED, type, (id,), dataset, changed=(relation,))]
        self._bus.publish(events + [EntityEvent(Happening.CREATED, row.type, (row.id,), row.dataset) for row in made])
        self._booking.act(rights.actor, "updated", {dataset: 1}, rights.write, interface)

    def delete(self, rights: Rights, type: EntityType, ids: Sequence[int], interface: str) -> int:
        """Remove these and what cannot be without them. `Denied` if that is another dataset's."""
        if type is _OBSERVATION:
            return self._delete_observations(rights, ids, interface)
        removed, count = self.erase(rights, type, ids)
        gone: dict[tuple[EntityType, str], list[int]] = {}
        for kind, id, dataset in removed.entities:
            gone.setdefault((kind, dataset), []).append(id)
        self._bus.publish(
            [EntityEvent(Happening.DELETED, kind, tuple(found), name) for (kind, name), found in gone.items()]
        )
        counts = per_dataset([dataset for _, _, dataset in removed.entities])
        detail = f"{count} observations with them" if count else ""
        for name, number in counts.items():
            self._booking.at_once(rights.actor, "deleted", name, number, interface, detail)
        return sum(1 for kind, id, _ in removed.entities if kind is type and id in set(ids))

    def erase(self, rights: Rights, type: EntityType, ids: Sequence[int]) -> tuple[Removed, int]:
        """Remove from both stores; what went, and how many observations."""
        self._owning.dragged(rights, type, ids)
        removed = self._entities.delete(type, ids)
        count = 0
        if removed.streams:
            count += self._observations.remove(ObservationScan(tuple(removed.streams)))
        if removed.features:
            count += self.forget_features(removed.features)
        return removed, count

    def forget_features(self, features: Sequence[int]) -> int:
        """Remove the observations of features that are gone."""
        held = self._observations.summaries()
        wanted = set(features)
        streams = tuple(id for id, one in held.items() if len(one.features) >= 100 or wanted & set(one.features))
        if not streams:
            return 0
        where = among(Path(("FeatureOfInterest", "id")), features)
        return self._observations.remove(ObservationScan(streams, where=where))

    def _delete_observations(self, rights: Rights, ids: Sequence[int], interface: str) -> int:
        datasets = self._owning.of(_OBSERVATION, ids)
        for id, dataset in datasets.items():
            self._owning.demand(rights, dataset, lambda id=id: absent(_OBSERVATION, id))  # type: ignore[misc]
        streams = tuple({stream_of(id) for id in datasets})
        if not streams:
            raise Unknown("There is no such observation.")
        done = self._observations.remove(ObservationScan(streams, ids=tuple(datasets)))
        by_stream: dict[int, list[int]] = {}
        for id in datasets:
            by_stream.setdefault(stream_of(id), []).append(id)
        self._bus.publish(
            [
                EntityEvent(Happening.DELETED, _OBSERVATION, tuple(mine), datasets[mine[0]], stream)
                for stream, mine in by_stream.items()
            ]
        )
        for name, number in per_dataset(list(datasets.values())).items():
            self._booking.at_once(rights.actor, "deleted", name, number, interface, "observations")
        return done
