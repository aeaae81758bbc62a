"""The devices in Nabe: their entities, made through the one door, and a past, put in by the store's bulk way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from nabe.demo.accounts import ACCOUNTS, GATEWAY
from nabe.demo.nouns.datasets_sensing import METER
from nabe.demo.sensing import placing
from nabe.demo.sensing.history import history
from nabe.demo.sensing.placing import Placed
from nabe.demo.sensing.signals import Kind
from nabe.devices import entities
from nabe.devices.builtin import PROFILES
from nabe.model.device import Device, Measure, Profile
from nabe.model.entities import EntityQuery, EntityType, Expansion, NewEntity
from nabe.model.party import ANONYMOUS
from nabe.model.text import Text
from nabe.model.usecase import OPEN_DATA

#: What was made: device -> its Thing and its Datastreams.
MADE = Path(".nabe") / "demo-devices.json"
Progress = Callable[[float], None]
#: Account and use case that see the entities of every dataset between them.
_READERS = (("", OPEN_DATA), ("schulamt", "cold_chain"), ("netzplanung", "energy_monitoring"))
_PAGE = 200


class Registry(Protocol):
    """Devices that Nabe knows (`nabe.devices.fleet.Fleet`)."""

    def put(self, devices: Sequence[Device]) -> tuple[int, int]: ...

    def share(self, dataset: str, kind: str, key: str, entity: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What is needed of an opened workspace. `feature_of`: of a stream (`ports.entities`); `load`: `ports.observations`."""

    sensing: Any
    registry: Registry
    feature_of: Callable[[int], Any]
    load: Callable[[Iterator[pa.Table]], int]


class Known(msgspec.Struct):
    """A device's entities."""

    thing: int
    streams: dict[str, int]


def known(root: Path) -> dict[str, Known]:
    """What was made so far."""
    try:
        return msgspec.json.decode((root / MADE).read_bytes(), type=dict[str, Known])
    except (OSError, msgspec.DecodeError):
        return {}


def equip(root: Path, parts: Parts, now: float, progress: Progress = lambda _: None) -> dict[str, Known]:
    """Make what is missing; the past of devices that are new ends at `now` (seconds since the epoch)."""
    made = known(root)
    missing = [item for item in placing.read(root) if item.id not in made and item.fault != "unlisted"]
    if not missing:
        return made
    makers: dict[tuple[str, str], _Maker] = {}
    for number, placed in enumerate(missing):
        profile = profile_of(placed.of)
        key = (placed.of.dataset, profile.id)
        if key not in makers:
            makers[key] = _Maker(parts, placed.of.dataset, profile)
        makers[key].make(placed)
        if number % 20 == 0:
            progress(0.6 * number / len(missing))
    wanted = {item.id for item in missing}
    new = {id: item for id, item in _made(parts.sensing) if id in wanted}
    parts.registry.put(
        [
            replace(device_of(item), thing=new[item.id].thing, streams=new[item.id].streams)
            for item in missing
            if item.of.way != "sensing"
        ]
    )
    features = {id: feature for item in new.values() for id, feature in _features(item, parts.feature_of)}
    progress(0.7)
    parts.load(history(missing, {id: item.streams for id, item in new.items()}, features, now))
    made |= new
    (root / MADE).write_bytes(msgspec.json.encode(made))
    pa.default_memory_pool().release_unused()
    progress(1.0)
    return made


def _made(sensing: Any) -> Iterator[tuple[str, Known]]:
    """What is there, as those see it who may."""
    accounts = {account.actor.id: account.actor for account in ACCOUNTS}
    brought = Expansion("Datastreams", EntityQuery(EntityType.DATASTREAM, select=("properties",), top=_PAGE))
    for reader, use_case in _READERS:
        query = EntityQuery(EntityType.THING, select=("properties",), expand=(brought,), top=_PAGE)
        actor = accounts.get(reader, ANONYMOUS)
        while True:
            page = sensing.read(actor, use_case, query, interface="demo")
            for row in page.rows:
                streams = row.expanded["Datastreams"].rows
                if device := (row.values.get("properties") or {}).get("device_id"):
                    yield device, Known(row.id, {item.values["properties"]["field"]: item.id for item in streams})
            if not page.more:
                break
            query = replace(query, skip=query.skip + len(page.rows))


def _features(item: Known, feature_of: Callable[[int], Any]) -> Iterator[tuple[int, int]]:
    """All streams of a Thing share the FeatureOfInterest of its place."""
    streams = list(item.streams.values())
    found, _ = feature_of(streams[0])
    if found is not None:
        yield from ((stream, found) for stream in streams)


def profile_of(kind: Kind) -> Profile:
    """The profile of a kind; devices that speak SensorThings need none, but their entities look alike."""
    if kind.profile:
        return PROFILES.get(kind.profile) or METER
    measures = tuple(
        Measure(s.field, s.property, unit=s.unit, kind=s.kind, title=Text(s.title, s.property)) for s in kind.signals
    )
    title = {"traffic": Text("Zählkamera", "Counting camera"), "weather": Text("Wetterstation", "Weather station")}
    return Profile(kind.id, title[kind.id], measures, maker="Musterstadt", model=kind.id)


def device_of(placed: Placed) -> Device:
    """As it is listed."""
    kind = placed.of
    place = (placed.longitude, placed.latitude)
    return Device(kind.system, placed.id, kind.dataset, kind.profile, placed.name, "", place, placed.properties)


class _Maker:
    """Makes devices of one profile in one dataset: one deep insert for each."""

    def __init__(self, parts: Parts, dataset: str, profile: Profile) -> None:
        self._parts, self._dataset, self._profile = parts, dataset, profile
        self._sensor = self._common("sensor", profile.id, entities.sensor(profile))
        self._properties = {
            measure.field: self._common(
                "property", f"{measure.property}|{measure.definition}", entities.observed_property(measure)
            )
            for measure in profile.measures
        }

    def make(self, placed: Placed) -> None:
        device, fields = device_of(placed), [signal.field for signal in placed.of.signals]
        streams = []
        for measure in self._profile.measures:
            if measure.field in fields:
                made = entities.datastream(device, measure, 0, self._sensor, self._properties[measure.field])
                links = {name: to for name, to in made.links.items() if name != "Thing"}
                streams.append(replace(made, links=links))
        thing = entities.thing(device, self._profile)
        thing = replace(thing, links={**thing.links, "Datastreams": tuple(streams)})
        self._create(thing)

    def _common(self, kind: str, key: str, entity: NewEntity) -> int:
        id = self._create(entity)
        self._parts.registry.share(self._dataset, kind, key, id)
        return id

    def _create(self, entity: NewEntity) -> int:
        return int(self._parts.sensing.create(GATEWAY, "", entity, dataset=self._dataset, interface="demo"))
