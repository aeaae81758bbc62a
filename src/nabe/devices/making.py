"""Entities of devices come to be when they are first needed: Thing, Datastreams, what can be commanded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import cos, hypot, radians
from typing import Any, Protocol

from nabe.devices import entities
from nabe.devices.fleet import Fleet
from nabe.errors import Invalid
from nabe.model.device import Device, Profile
from nabe.model.entities import EntityType, Hop, NewEntity
from nabe.model.party import Actor

#: A device that moved less than this is where it was: fixes jump.
MOVED_M = 25.0
_LOCKS = 64
_METRES_PER_DEGREE = 111_320.0


class Create(Protocol):
    """`hub.sensing.create`."""

    def __call__(
        self,
        actor: Actor,
        use_case: str,
        entity: NewEntity,
        *,
        within: tuple[Hop, ...] = (),
        dataset: str = "",
        key: str = "",
        interface: str = "",
    ) -> int: ...


class Making:
    """Makes what is missing of a device; one thread at a time per device."""

    def __init__(self, create: Create, fleet: Fleet) -> None:
        self._create, self._fleet = create, fleet
        self._locks = [threading.RLock() for _ in range(_LOCKS)]

    def complete(self, actor: Actor, device: Device, profile: Profile, fields: Iterable[str]) -> Device:
        """The device with its Thing and the Datastreams of these fields. Raises what the hub raises."""
        wanted = [measure for measure in profile.measures if measure.field in set(fields)]
        if device.thing is not None and all(measure.field in device.streams for measure in wanted):
            return device
        with self._locks[hash((device.system, device.id)) % _LOCKS]:
            device = self._fleet.known([(device.system, device.id)]).get((device.system, device.id), device)
            try:
                return self._completed(actor, device, profile, wanted)
            except Invalid as error:
                if error.code != "broken-link" or device.thing is None:
                    raise
            # Somebody removed the Thing, or what devices here have in common.
            self._fleet.unshare(device.dataset)
            return self._completed(actor, replace(device, thing=None, streams={}, capabilities={}), profile, wanted)

    def anew(self, actor: Actor, device: Device, profile: Profile, fields: Iterable[str]) -> Device:
        """As `complete`, after Datastreams of these fields turned out to be gone."""
        gone = set(fields)
        left = {field: id for field, id in device.streams.items() if field not in gone}
        with self._locks[hash((device.system, device.id)) % _LOCKS]:
            self._fleet.bind(replace(device, streams=left))
            return self.complete(actor, replace(device, streams=left), profile, gone)

    def moved(self, actor: Actor, device: Device, place: tuple[float, float]) -> Device:
        """The device at another place: a new Location of its Thing, which keeps the old ones as history."""
        if device.thing is None or (device.place is not None and distance(device.place, place) < MOVED_M):
            return device
        there = entities.location(device, place)
        hop = Hop(EntityType.THING, device.thing, "Locations")
        self._create(actor, "", there, within=(hop,), dataset=device.dataset, interface="devices")
        device = replace(device, place=place)
        self._fleet.bind(device)
        return device

    def _completed(self, actor: Actor, device: Device, profile: Profile, wanted: list[Any]) -> Device:
        device = self._with_thing(actor, device, profile)
        assert device.thing is not None
        streams = dict(device.streams)
        for measure in wanted:
            if measure.field in streams:
                continue
            sensor = self._common(actor, device.dataset, "sensor", profile.id, lambda: entities.sensor(profile))
            observed = self._common(
                actor,
                device.dataset,
                "property",
                f"{measure.property}|{measure.definition}",
                lambda measure=measure: entities.observed_property(measure),  # type: ignore[misc]
            )
            made = entities.datastream(device, measure, device.thing, sensor, observed)
            streams[measure.field] = self._make(actor, made, device.dataset)
        device = replace(device, streams=streams)
        self._fleet.bind(device)
        return device

    def _with_thing(self, actor: Actor, device: Device, profile: Profile) -> Device:
        if device.thing is not None:
            return device
        device = replace(device, thing=self._make(actor, entities.thing(device, profile), device.dataset))
        self._fleet.bind(device)  # at once: a Thing that nobody remembers would be made again
        capabilities = {}
        for command in profile.commands:
            actuator = self._common(actor, device.dataset, "actuator", profile.id, lambda: entities.actuator(profile))
            assert device.thing is not None
            made = entities.capability(device, command, device.thing, actuator)
            capabilities[command.name] = self._make(actor, made, device.dataset)
        device = replace(device, capabilities=capabilities)
        self._fleet.bind(device)
        return device

    def _common(self, actor: Actor, dataset: str, kind: str, key: str, make: Callable[[], NewEntity]) -> int:
        found = self._fleet.shared(dataset).get((kind, key))
        if found is None:
            found = self._make(actor, make(), dataset)
            self._fleet.share(dataset, kind, key, found)
        return found

    def _make(self, actor: Actor, entity: NewEntity, dataset: str) -> int:
        return self._create(actor, "", entity, dataset=dataset, interface="devices")


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two places near each other (longitude, latitude)."""
    north = (other[1] - one[1]) * _METRES_PER_DEGREE
    east = (other[0] - one[0]) * _METRES_PER_DEGREE * cos(radians((one[1] + other[1]) / 2))
    return hypot(north, east)
