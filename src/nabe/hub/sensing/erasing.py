"""Erasing sensor data: by their retention, by their owner's will, and what belongs to nothing any more."""

from __future__ import annotations

import datetime as dt

from nabe.hub.deciding import unknown
from nabe.hub.sensing.booking import Booking
from nabe.hub.sensing.changing import Changing
from nabe.hub.sensing.seeing import Seeing, streams_in
from nabe.hub.sensing.writing import Rights, now_micros
from nabe.model.decision import Action
from nabe.model.entities import EntityType
from nabe.model.observation import ObservationScan, Span
from nabe.model.party import Actor
from nabe.model.periods import parse_period
from nabe.ports.entities import Entities, EntityScan
from nabe.ports.observations import Observations

#: What hangs on others first.
_ORDER = (
    EntityType.TASK,
    EntityType.TASKING_CAPABILITY,
    EntityType.DATASTREAM,
    EntityType.MULTI_DATASTREAM,
    EntityType.HISTORICAL_LOCATION,
    EntityType.THING,
    EntityType.LOCATION,
    EntityType.FEATURE_OF_INTEREST,
    EntityType.SENSOR,
    EntityType.OBSERVED_PROPERTY,
    EntityType.ACTUATOR,
)
_AT_ONCE = 5_000


class Erasing:
    """Leaves a line in the ledger for each dataset, with counts only."""

    def __init__(
        self, seeing: Seeing, changing: Changing, entities: Entities, observations: Observations, booking: Booking
    ) -> None:
        self._seeing, self._changing, self._booking = seeing, changing, booking
        self._entities, self._observations = entities, observations

    def forget(self, rights: Rights, name: str, before: dt.datetime | None, interface: str) -> int:
        """By the will of who answers for the data."""
        self._demand(rights.actor, name)
        mine = frozenset({name})
        count = self._remove(name, before)
        gone = 0
        if before is None:
            for type in _ORDER:
                while rows := self._entities.find(EntityScan(type, mine, top=_AT_ONCE)):
                    ids = [row.id for row in rows]
                    self._changing.erase(rights, type, ids)
                    gone += len(ids)
        self._observations.compact()
        said = [f"{count} observations"]
        said += [f"before {before.isoformat()}"] if before else [f"and {gone} entities"]
        self._booking.at_once(rights.actor, "forgotten", name, count, interface, " ".join(said))
        return count

    def expire(self, actor: Actor, now: dt.datetime) -> int:
        """By retention; datasets whose retention is not to be read keep everything."""
        done = 0
        for dataset in streams_in(self._seeing.snapshot()):
            if not self._seeing.decision(actor, Action.ERASE, dataset).permit or dataset.stream is None:
                continue
            period = parse_period(dataset.stream.retention)
            if period is None:
                continue
            before = period.before(now)
            count = self._remove(dataset.id, before)
            if count:
                detail = f"{count} observations before {before.isoformat()} (retention {dataset.stream.retention})"
                self._booking.at_once(actor, "forgotten", dataset.id, count, "schedule", detail)
            done += count
        done += self._orphans()
        if done:
            self._observations.compact()
        return done

    def _demand(self, actor: Actor, name: str) -> None:
        snapshot = self._seeing.snapshot()
        if name in snapshot.datasets:
            self._seeing.demand(actor, Action.ERASE, name, what="Erasing")
            return
        if not self._seeing.keeps(actor):
            raise unknown(name)
        mine = frozenset({name})
        if not any(self._entities.find(EntityScan(type, mine, top=1)) for type in _ORDER):
            raise unknown(name)

    def _remove(self, name: str, before: dt.datetime | None) -> int:
        streams = tuple(self._entities.streams_of(frozenset({name})))
        if not streams:
            return 0
        span = Span() if before is None else Span(None, now_micros(before))
        return self._observations.remove(ObservationScan(streams, span))

    def _orphans(self) -> int:
        """Observations whose stream is gone: a process was killed between the two stores."""
        held = [id for id, one in self._observations.summaries().items() if one.count]
        known = self._entities.streams(held)
        lost = tuple(id for id in held if id not in known)
        return self._observations.remove(ObservationScan(lost)) if lost else 0
