"""Observations on their way into the store: checked, minimised, durable, told, noted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.errors import Invalid, NabeError, Unknown
from nabe.hub.sensing.booking import Booking
from nabe.hub.sensing.minimising import Minimising
from nabe.hub.sensing.observing import Checked, checked
from nabe.hub.sensing.seeing import Seeing, refused
from nabe.hub.sensing.writing import Rights
from nabe.model.decision import Action
from nabe.model.entities import EntityType, NewEntity
from nabe.model.event import EntityEvent, Happening
from nabe.model.observation import INCOMING_SCHEMA
from nabe.ports.bus import Bus
from nabe.ports.entities import Entities
from nabe.ports.observations import Observations

_OBSERVATION = EntityType.OBSERVATION
_log = logging.getLogger("nabe.sensing")
#: So many streams get an event of their own; of more there is one event for all.
_APART = 16


class Storing:
    """The fast path: everything by columns."""

    def __init__(
        self,
        seeing: Seeing,
        entities: Entities,
        observations: Observations,
        bus: Bus,
        booking: Booking,
        now: Callable[[], int],
    ) -> None:
        self._seeing, self._entities, self._observations = seeing, entities, observations
        self._bus, self._booking = bus, booking
        self._minimising = Minimising(seeing.snapshot, entities, now, self._aggregated)

    def observe(
        self,
        rights: Rights,
        incoming: pa.Table,
        key: str,
        interface: str,
        errors: dict[int, NabeError] | None = None,
        owned: frozenset[str] = frozenset(),
        *,
        placed: bool = False,
    ) -> np.ndarray:
        """Ids in order (0: bad, -1: not stored as such). `owned`: datasets that were decided upon already."""

        count = incoming.num_rows
        found = checked(incoming, self._entities, permission(self._seeing, rights, owned), errors)
        ids = np.zeros(count, np.int64)
        if found.table.num_rows:
            self._fill(found)
            if placed:
                _demand_feature(found, errors)
        if found.table.num_rows:
            ids[found.rows] = self._keep(found, key)
            self._tell(found, ids[found.rows])
            counts = np.bincount(found.owner, minlength=len(found.datasets))
            rows = {name: int(counts[at]) for at, name in enumerate(found.datasets) if counts[at]}
            self._booking.act(rights.actor, "observed", rows, rights.write, interface)
        return ids

    def _fill(self, found: Checked) -> None:
        """The FeatureOfInterest of streams that have none yet, made from where their Things are."""
        feature = found.table.column("feature")
        if not feature.null_count:
            return
        missing = found.table.column("stream").to_numpy()[feature.is_null().to_numpy()]
        made: dict[int, int] = {}
        for stream in np.unique(missing).tolist():
            id = self._feature(stream)
            if id is not None:
                made[stream] = id
        if made:
            streams = found.table.column("stream").to_pylist()
            filled = [
                known if known is not None else made.get(stream)
                for known, stream in zip(feature.to_pylist(), streams, strict=True)
            ]
            at = found.table.schema.get_field_index("feature")
            found.table = found.table.set_column(at, INCOMING_SCHEMA.field("feature"), pa.array(filled, pa.int64()))

    def _feature(self, stream: int) -> int | None:
        id, made = self._entities.feature_of(stream)
        if made:
            self._bus.publish([EntityEvent(Happening.CREATED, row.type, (row.id,), row.dataset) for row in made])
        return id

    def feature_of(self, stream: int) -> int | None:
        """The FeatureOfInterest of a stream's observations that name none; made now if there is none."""
        fact = self._entities.streams([stream]).get(stream)
        if fact is None:
            return None
        return fact.feature if fact.feature is not None else self._feature(stream)

    def _keep(self, found: Checked, key: str) -> np.ndarray:
        """Ids; -1 for what its dataset does not keep as it came."""
        left = self._minimising.take(found.table, found.datasets, found.owner, key)
        if left is None:
            return self._observations.append(found.table, key=key)
        ids = np.full(found.table.num_rows, -1, np.int64)
        if left.table.num_rows:
            ids[left.kept] = self._observations.append(left.table, key=key)
        return ids

    def _aggregated(self, dataset: str, table: pa.Table) -> None:
        """Store values of intervals that are over. What cannot be stored is lost, and said so."""
        try:
            facts = self._entities.streams(table.column("stream").unique().to_pylist())
            there = pc.is_in(table.column("stream"), pa.array(list(facts), pa.int64()))
            table = table.filter(there)
            ids = self._observations.append(table)
        except NabeError as error:
            _log.error("%d aggregates of %s could not be stored: %s", table.num_rows, dataset, error.code)
            return
        owner = np.zeros(table.num_rows, np.int64)
        self._tell(Checked(table, owner, [dataset], owner, dict(facts)), ids)

    def settle(self) -> None:
        """Store aggregates whose interval is over."""
        self._minimising.settle()

    def _tell(self, found: Checked, ids: np.ndarray) -> None:
        stored = ids > 0
        streams = found.table.column("stream").to_numpy()[stored]
        ids, owner = ids[stored], found.owner[stored]
        events: list[EntityEvent] = []
        distinct = np.unique(streams)
        if len(distinct) <= _APART:
            for stream in distinct.tolist():
                mine = tuple(ids[streams == stream].tolist())
                events.append(EntityEvent(Happening.CREATED, _OBSERVATION, mine, found.facts[stream].dataset, stream))
        else:
            for at, name in enumerate(found.datasets):
                mine = tuple(ids[owner == at].tolist())
                if mine:
                    events.append(EntityEvent(Happening.CREATED, _OBSERVATION, mine, name))
        if events:
            self._bus.publish(events)

    def minimised(self, entity: NewEntity, dataset: str) -> NewEntity:
        """The entity without what its dataset does not keep."""
        return self._minimising.entity(entity, dataset)

    def minimised_rows(self, rows: pa.Table, dataset: str) -> pa.Table:
        """Rows that are there already, changed."""
        return self._minimising.changed(rows, dataset)

    def close(self) -> None:
        """Store what is held back."""
        self._minimising.close()


def _demand_feature(found: Checked, errors: dict[int, NabeError] | None) -> None:
    """Leave out observations without a FeatureOfInterest."""
    missing = found.table.column("feature").is_null().to_numpy()
    if not missing.any():
        return
    for row in found.rows[missing].tolist():
        if errors is None:
            raise no_feature()
        errors[row] = no_feature()
    left = ~missing
    found.table = found.table.filter(pa.array(left))
    found.rows, found.owner = found.rows[left], found.owner[left]


def no_feature() -> Invalid:
    """An observation must be of something."""
    return Invalid(
        "The observation names no FeatureOfInterest, and its Thing has no Location to make one from.",
        hint="Send a FeatureOfInterest, or give the Thing a Location.",
        field="FeatureOfInterest",
    )


def permission(
    seeing: Seeing, rights: Rights, owned: frozenset[str] = frozenset()
) -> Callable[[str], NabeError | None]:
    """Why nothing may be written into a dataset; None if it may. `owned`: datasets that were decided upon already."""

    def may(dataset: str) -> NabeError | None:
        if dataset in rights.write.ids or dataset in owned:
            return None
        noun = seeing.snapshot().datasets.get(dataset)
        if noun is None or not seeing.knows(rights.actor, noun):
            return Unknown(f"There is no dataset {dataset!r} that you may know of.")
        return refused(seeing.decision(rights.actor, Action.WRITE, noun), "Writing into")

    return may


def per_dataset(datasets: Sequence[str]) -> Mapping[str, int]:
    """How many of each."""
    counts: dict[str, int] = {}
    for name in datasets:
        counts[name] = counts.get(name, 0) + 1
    return counts
