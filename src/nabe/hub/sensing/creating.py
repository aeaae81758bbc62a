"""Making entities with all that comes along, observations included."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nabe.errors import Invalid, NabeError
from nabe.hub.sensing.booking import Booking
from nabe.hub.sensing.observing import fits, kind_of, no_stream
from nabe.hub.sensing.storing import Storing, no_feature, per_dataset
from nabe.hub.sensing.validating import tidied
from nabe.hub.sensing.writing import (
    Owning,
    Rights,
    linked_to,
    matched,
    now_micros,
    streams_with_observations,
    without_observations,
)
from nabe.model.entities import STREAMS, EntityRef, EntityType, Hop, NewEntity
from nabe.model.event import EntityEvent, Happening
from nabe.ports.bus import Bus
from nabe.ports.entities import Entities, StoredEntity, StreamFacts
from nabe.query.sensing.rows import row_of, table_of

_T = EntityType
_MOST_KEYS = 20_000


class Creating:
    """Deep inserts: checked as a whole, then made in the one store, then in the other; undone if that fails."""

    def __init__(
        self,
        owning: Owning,
        storing: Storing,
        entities: Entities,
        bus: Bus,
        booking: Booking,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._owning, self._storing, self._entities = owning, storing, entities
        self._bus, self._booking, self._clock = bus, booking, clock
        self._lock = threading.Lock()
        self._keys: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.tasked: Callable[[StoredEntity], None] = lambda _: None

    def placed(self, entity: NewEntity, within: tuple[Hop, ...], parent: int) -> NewEntity:
        """The entity with the link that its address means."""
        return linked_to(entity, within, parent)

    def create(self, rights: Rights, entity: NewEntity, dataset: str, key: str, interface: str) -> int:
        """Its id."""
        if entity.type is _T.OBSERVATION:
            return self._observation(rights, entity, dataset, key, interface)
        known = (rights.actor.id, key)
        if key:
            with self._lock:
                if known in self._keys:
                    return self._keys[known]
        entity = tidied(entity)
        linked = self._owning.links(rights, entity)
        owner = self._owning.dataset_for(rights, entity, dataset, linked)
        with_observations = streams_with_observations(entity)
        now = now_micros(self._clock())
        for stream, observations in with_observations:
            for observation in observations:
                _check_result(stream, observation)
                _rows(0, [observation], now, None)
        id, made = self._make(without_observations(entity), owner)
        try:
            streams = matched([stream for stream, _ in with_observations], [row for row in made if row.type in STREAMS])
            for stored, (_, observations) in zip(streams, with_observations, strict=True):
                if observations:
                    self._observe(rights, stored.id, observations, now, "", interface, owner)
        except NabeError:
            self._entities.delete(entity.type, [id])
            raise
        self._noted(rights, made, owner, interface)
        if key:
            with self._lock:
                self._keys[known] = id
                while len(self._keys) > _MOST_KEYS:
                    self._keys.popitem(last=False)
        return id

    # --- an observation ---------------------------------------------------------------------------------------------

    def _observation(self, rights: Rights, entity: NewEntity, dataset: str, key: str, interface: str) -> int:
        """An observation, perhaps with its stream and its feature made along."""
        now = now_micros(self._clock())
        entity = tidied(entity)
        streams = [
            (name, items[0]) for name, items in entity.links.items() if name in ("Datastream", "MultiDatastream")
        ]
        if len(streams) != 1:
            raise Invalid(
                "An observation belongs to one Datastream or MultiDatastream.",
                hint='"Datastream": {"@iot.id": 1}',
                field="Datastream",
            )
        (name, stream), feature = streams[0], entity.links.get("FeatureOfInterest", (None,))[0]
        made: list[StoredEntity] = []
        owner = ""
        try:
            if isinstance(stream, EntityRef):
                fact = self._fact(rights, stream.id, name)
                owner = fact.dataset
                _check_fact(fact, entity)
            else:
                linked = self._owning.links(rights, stream)
                owner = self._owning.dataset_for(rights, stream, dataset, linked)
                _check_result(stream, entity)
                _rows(0, [entity], now, None)
                id, new = self._make(without_observations(stream), owner)
                made += new
                fact = self._entities.streams([id])[id]
            place = self._place(rights, fact, feature, made)
            (id,) = self._observe(rights, fact.id, [entity], now, key, interface, owner, place)
        except NabeError:
            for row in reversed(made):
                self._entities.delete(row.type, [row.id])
            raise
        if made:
            self._noted(rights, made, owner, interface)
        return int(id)

    def _fact(self, rights: Rights, id: int, relation: str) -> StreamFacts:
        fact = self._entities.streams([id]).get(id)
        if fact is None or fact.type.value != relation:
            raise no_stream(id)
        self._owning.demand(rights, fact.dataset, lambda: no_stream(id))
        return fact

    def _place(
        self, rights: Rights, fact: StreamFacts, feature: EntityRef | NewEntity | None, made: list[StoredEntity]
    ) -> int:
        """The observation's feature: the one linked or sent along, else that of the stream's place. `Invalid` if there is none."""
        if isinstance(feature, EntityRef):
            holder = NewEntity(_T.OBSERVATION, {}, {"FeatureOfInterest": (feature,)})
            self._owning.links(rights, holder)
            return feature.id
        if feature is not None:
            self._owning.links(rights, feature)
            id, new = self._make(without_observations(feature), fact.dataset)
            made += new
            return id
        id_or_none = self._storing.feature_of(fact.id)
        if id_or_none is None:
            raise no_feature()
        return id_or_none

    def _observe(
        self,
        rights: Rights,
        stream: int,
        observations: Sequence[NewEntity],
        now: int,
        key: str,
        interface: str,
        owner: str,
        feature: int | None = None,
    ) -> list[int]:
        rows = []
        for observation in observations:
            own = observation.links.get("FeatureOfInterest", (None,))[0]
            place = feature
            if place is None and isinstance(own, EntityRef):
                place = own.id
            elif place is None and isinstance(own, NewEntity):
                place, new = self._make(without_observations(own), owner)
                self._noted(rights, new, owner, interface)
            rows += _rows(stream, [observation], now, place)
        found = self._storing.observe(rights, table_of(rows), key, interface, owned=frozenset({owner}))
        return [int(id) for id in found.tolist()]

    # --- parts ------------------------------------------------------------------------------------------------------

    def _make(self, entity: NewEntity, dataset: str) -> tuple[int, list[StoredEntity]]:
        entity = self._storing.minimised(entity, dataset)
        return self._entities.create(entity, dataset)

    def _noted(self, rights: Rights, made: Sequence[StoredEntity], owner: str, interface: str) -> None:
        """Tell and note what was made; a task deserves a line of its own before it goes out."""
        for row in made:
            if row.type is _T.TASK:
                detail = f"task {row.id} of capability {row.links.get('TaskingCapability', '?')}"
                self._booking.at_once(rights.actor, "task", row.dataset, 1, interface, detail)
        self._bus.publish([EntityEvent(Happening.CREATED, row.type, (row.id,), row.dataset) for row in made])
        self._booking.act(rights.actor, "created", per_dataset([row.dataset for row in made]), rights.write, interface)
        for row in made:
            if row.type is _T.TASK:
                self.tasked(row)


def _rows(stream: int, observations: Sequence[NewEntity], now: int, feature: int | None) -> list[Mapping[str, Any]]:
    """Rows for the store; an observation without time was made now."""
    return [
        row_of(
            stream,
            one.values if one.values.get("phenomenonTime") is not None else {**one.values, "phenomenonTime": now},
            feature,
        )
        for one in observations
    ]


def _check_fact(fact: StreamFacts, observation: NewEntity) -> None:
    if not fits(kind_of(fact), observation.values.get("result"), fact.types):
        raise unfit(fact.observation_type, fact.types)


def _check_result(stream: NewEntity, observation: NewEntity) -> None:
    types = tuple(map(str, stream.values.get("multiObservationDataTypes") or ()))
    fact = StreamFacts(0, stream.type, "", str(stream.values.get("observationType") or ""), types)
    _check_fact(fact, observation)


def unfit(type: str, types: Sequence[str]) -> Invalid:
    """The error for a result that a stream does not take."""
    wanted = f"a list of {len(types)} values" if types else type.rpartition("/")[2]
    return Invalid("The result is not what the stream observes.", hint=f"It takes {wanted}.", field="result")
