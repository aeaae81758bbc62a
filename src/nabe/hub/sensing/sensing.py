"""The one door to what sensors tell: read, write, watch. HTTP, MQTT, gateways, portal and jobs all come in here.

A read: decided per dataset -> withheld in answer, filter and order alike -> both stores -> ledger. A write: decided ->
minimised -> checked -> durable -> told to watchers -> ledger.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from nabe.errors import Denied, Invalid, NabeError, Unknown
from nabe.hub.deciding import Deciding
from nabe.hub.sensing.booking import Booking
from nabe.hub.sensing.changing import Changing
from nabe.hub.sensing.creating import Creating
from nabe.hub.sensing.erasing import Erasing
from nabe.hub.sensing.loading import Loading
from nabe.hub.sensing.seeing import Seeing
from nabe.hub.sensing.storing import Storing
from nabe.hub.sensing.watching import Watch, Watching
from nabe.hub.sensing.writing import Owning, Rights, now_micros
from nabe.model.entities import EntityPage, EntityQuery, EntityRow, EntityType, Hop, NewEntity
from nabe.model.event import EntityEvent
from nabe.model.observation import Bucket
from nabe.model.party import Actor
from nabe.ports.bus import Bus
from nabe.ports.entities import Entities, StoredEntity
from nabe.ports.ledger import Ledger
from nabe.ports.observations import Observations
from nabe.query.sensing import Areas, Meter, Reading, View
from nabe.query.sensing.aggregating import aggregated


@dataclass(frozen=True, slots=True)
class SensorStores:
    """Where sensor data lie, and who is told of them."""

    entities: Entities
    observations: Observations
    bus: Bus


class Sensing:
    """Thread-safe. Every verb names the actor, reads also the use case; `interface` is for the ledger.

    Datasets that the asker may not read are absent; so are those whose decision hides rows, rounds or demands minimum
    groups: SQL and downloads serve them (`narrowed` names them).
    """

    def __init__(
        self,
        stores: SensorStores,
        deciding: Deciding,
        ledger: Ledger,
        clock: Callable[[], dt.datetime],
        seconds: float = 30.0,
    ) -> None:
        entities, observations, bus = stores.entities, stores.observations, stores.bus
        self._entities, self._observations = entities, observations
        self._clock, self._seconds = clock, seconds
        self._seeing = Seeing(deciding)
        self._booking = Booking(ledger, clock)
        self._areas = Areas(entities)
        self._owning = Owning(self._seeing, entities, observations)
        self._storing = Storing(self._seeing, entities, observations, bus, self._booking, self._now)
        self._creating = Creating(self._owning, self._storing, entities, bus, self._booking, clock)
        self._changing = Changing(self._owning, self._storing, entities, observations, bus, self._booking)
        self._erasing = Erasing(self._seeing, self._changing, entities, observations, self._booking)
        self._loading = Loading(self._seeing, self._storing, entities, observations, self._booking)
        self._watching = Watching(self._seeing, bus, self._booking, self._one, clock)

    def on_task(self, deliver: Callable[[int, int, str, Mapping[str, Any]], None]) -> None:
        """Call `deliver` (quick, never raises) for every Task that is made here: its id, that of its TaskingCapability, its
        dataset, its parameters. Whoever made it was decided upon, and it is in the ledger.
        """

        def tell(row: StoredEntity) -> None:
            given = row.values.get("taskingParameters")
            parameters = given if isinstance(given, Mapping) else {}
            deliver(row.id, row.links.get("TaskingCapability", 0), row.dataset, parameters)

        self._creating.tasked = tell

    # --- reading ----------------------------------------------------------------------------------------------------

    def read(self, actor: Actor, use_case: str, query: EntityQuery, *, interface: str = "") -> EntityPage:
        """The answer to a question. With `query.id` exactly one row, or `Unknown`; `Unknown` also for a broken address.

        Also raises `Invalid`, `LimitExceeded`, `TimedOut`, `SourceUnavailable`.
        """
        seen = self._seeing.reading(actor, use_case, self._clock())
        reading = self._reading(seen.view)
        try:
            page = reading.page(query)
        except Unknown as error:
            if seen.narrowed:
                error.hint = f"Of {', '.join(seen.narrowed[:5])} you may see part: ask by SQL or download, which can leave out the rest."
            raise
        if query.count and not reading.touched:
            reading.touched.update(dict.fromkeys((id for id, view in seen.view.datasets.items() if view.closed), 0))
        self._booking.read(actor, use_case, seen.view, reading.touched, interface)
        return page

    def aggregate(
        self, actor: Actor, use_case: str, query: EntityQuery, bucket: Bucket, *, interface: str = ""
    ) -> pa.Table:
        """Observations over time: per stream and bucket its start, count, mean, minimum, maximum, first and last number.

        `query` is for Observations; its order, pages and expansions do not count. Streams whose time or result is withheld
        are absent. Raises what `read` raises.
        """
        seen = self._seeing.reading(actor, use_case, self._clock())
        table, touched = aggregated(
            query, bucket, seen.view, self._entities, self._observations, self._areas, Meter(self._seconds)
        )
        self._booking.read(actor, use_case, seen.view, touched, interface)
        return table

    def narrowed(self, actor: Actor, use_case: str) -> tuple[str, ...]:
        """Stream datasets that the actor may read, but only in part, so that they are absent here."""
        return self._seeing.reading(actor, use_case, self._clock()).narrowed

    def readable(self, actor: Actor, use_case: str) -> tuple[str, ...]:
        """Stream datasets whose entities the actor sees."""
        return tuple(sorted(self._seeing.reading(actor, use_case, self._clock()).view.ids))

    def readable_streams(self, actor: Actor, use_case: str) -> Mapping[str, tuple[int, ...]]:
        """Ids of the Datastreams and MultiDatastreams that the actor sees, by dataset."""
        names = self.readable(actor, use_case)
        return {name: tuple(self._entities.streams_of(frozenset({name}))) for name in names}

    def writable(self, actor: Actor) -> tuple[str, ...]:
        """Stream datasets that the actor may write."""
        return tuple(sorted(self._seeing.writing(actor, self._clock()).ids))

    # --- writing ----------------------------------------------------------------------------------------------------

    def create(
        self,
        actor: Actor,
        use_case: str,
        entity: NewEntity,
        *,
        within: tuple[Hop, ...] = (),
        dataset: str = "",
        key: str = "",
        interface: str = "",
    ) -> int:
        """Make an entity with all that comes along; its id, when all is durable. All or nothing.

        `within`: the address it was sent to, which links it. `dataset`: whose it is; else that of what it is linked to, else
        the only one that the actor may write. `key`: the same delivery again makes nothing and gives the same id (for
        observations at least a day, for other entities while this process runs). -1: an observation that is held back or
        dropped by its dataset's rules of minimisation.
        """
        with self._refusing(actor, interface):
            rights = self._rights(actor, use_case)
            if within:
                entity = self._creating.placed(entity, within, self._parent(rights, within))
            return self._creating.create(rights, entity, dataset, key, interface)

    def observe(
        self,
        actor: Actor,
        incoming: pa.Table,
        *,
        key: str = "",
        interface: str = "",
        errors: dict[int, NabeError] | None = None,
        placed: bool = False,
    ) -> np.ndarray:
        """Take many observations (`model.observation.INCOMING_SCHEMA`); their ids in order, when they are durable.

        All or nothing; with `errors` bad rows are put there by position and get the id 0, all others are kept. -1: held back
        or dropped by rules of minimisation. `placed`: an observation must be of a FeatureOfInterest, its own or the one that
        is made from where its Thing is (OGC 18-088, 10.2.2). `Unknown` for a stream, `Denied`, `Invalid`, `LimitExceeded`, `SourceUnavailable`.
        """
        with self._refusing(actor, interface):
            rights = self._rights(actor, None)
            return self._storing.observe(rights, incoming, key, interface, errors, placed=placed)

    def load(
        self,
        actor: Actor,
        dataset: str,
        tables: Iterator[pa.Table],
        progress: Callable[[int], None] = lambda _: None,
        *,
        interface: str = "",
    ) -> int:
        """Back-fill: all of these observations (tables as of `observe`) of streams of one dataset, or none; how many.

        They are checked and minimised like others, but watchers are not told. Raises what `observe` raises.
        """
        with self._refusing(actor, interface):
            return self._loading.load(self._rights(actor, None), dataset, tables, progress, interface)

    def writable_streams(self, actor: Actor, dataset: str) -> Mapping[str, tuple[int, ...]]:
        """Ids by name of the streams of a dataset that the actor may write. `Unknown`, `Denied`."""
        return self._loading.streams(self._rights(actor, None), dataset)

    def update(
        self,
        actor: Actor,
        type: EntityType,
        id: int,
        values: Mapping[str, Any],
        links: Mapping[str, tuple[int, ...]] | None = None,
        *,
        replace: bool = False,
        use_case: str = "",
        interface: str = "",
    ) -> None:
        """Change properties and links given; `replace`: properties that are not given become missing."""
        with self._refusing(actor, interface):
            self._changing.update(self._rights(actor, use_case), type, id, values, links or {}, replace, interface)

    def delete(self, actor: Actor, query: EntityQuery, *, use_case: str = "", interface: str = "") -> int:
        """Remove what the query finds (`id` or a filter), and what cannot be without it; how many were asked for."""
        with self._refusing(actor, interface):
            rights = self._rights(actor, use_case)
            if query.id is not None:
                self._changing.demand(rights, query.type, query.id)
            everything = replace(query, order=(), select=(), expand=(), top=None, skip=0, count=False, keys=True)
            if query.id is not None:
                ids = [row.id for row in self._reading(rights.write).page(everything).rows]
                return self._changing.delete(rights, query.type, ids, interface)
            done = 0
            while True:
                page = self._reading(rights.write).page(replace(everything, top=10_000))
                if page.rows:
                    done += self._changing.delete(rights, query.type, [row.id for row in page.rows], interface)
                if not page.more:
                    return done

    def link(
        self,
        actor: Actor,
        type: EntityType,
        id: int,
        relation: str,
        target: int,
        *,
        remove: bool = False,
        use_case: str = "",
        interface: str = "",
    ) -> None:
        """Add or remove one link of a relation to many."""
        with self._refusing(actor, interface):
            self._changing.link(self._rights(actor, use_case), type, id, relation, target, remove, interface)

    # --- erasing ----------------------------------------------------------------------------------------------------

    def forget(self, actor: Actor, dataset: str, before: dt.datetime | None = None, *, interface: str = "") -> int:
        """Erase a dataset's observations before a moment; None: all of them, and all its entities. How many observations.

        IT may also erase what is declared no more. `Unknown`, `Denied`.
        """
        with self._refusing(actor, interface):
            return self._erasing.forget(self._rights(actor, None), dataset, before, interface)

    def expire(self, actor: Actor) -> int:
        """Erase what is older than its dataset's retention; for the schedule. How many observations."""
        return self._erasing.expire(actor, self._clock())

    # --- watching ---------------------------------------------------------------------------------------------------

    def watch(
        self,
        actor: Actor,
        use_case: str,
        query: EntityQuery,
        deliver: Callable[[EntityEvent, EntityRow | None], None],
        *,
        interface: str = "",
    ) -> Watch:
        """Tell of every change of what the query wants (its type, address, id, filter), with the entity as the asker may see
        it (None: it is gone). Decided again whenever the declarations change. `deliver` is called on a thread of ours.
        """
        return self._watching.watch(actor, use_case, query, deliver, interface)

    # --- the end ----------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Store aggregates whose interval is over; it happens by itself every second."""
        self._storing.settle()

    def flush(self) -> None:
        """Write to the ledger what was counted so far."""
        self._booking.flush()

    def close(self) -> None:
        """End watches, store what is held back, write the ledger. The stores are their owner's."""
        self._watching.close()
        self._storing.close()
        self._booking.close()

    def _now(self) -> int:
        return now_micros(self._clock())

    # --- parts ------------------------------------------------------------------------------------------------------

    def _reading(self, view: View) -> Reading:
        return Reading(view, self._entities, self._observations, self._areas, Meter(self._seconds))

    def _rights(self, actor: Actor, use_case: str | None) -> Rights:
        now = self._clock()
        write = self._seeing.writing(actor, now)
        read = self._seeing.reading(actor, use_case, now).view if use_case is not None else View({})
        return Rights(actor, write, read)

    def _parent(self, rights: Rights, within: tuple[Hop, ...]) -> int:
        """The entity that something is sent to. `Unknown`."""
        last = within[-1]
        both = View({**rights.read.datasets, **rights.write.datasets})
        query = EntityQuery(last.type, within[:-1], last.id, select=(), keys=True)
        rows = self._reading(both).page(query).rows
        if not rows:
            raise Invalid("There is nothing at this address that something could belong to.", field="address")
        return rows[0].id

    def _one(self, view: View, query: EntityQuery, ids: tuple[int, ...]) -> tuple[list[EntityRow], Counter[str]]:
        reading = self._reading(view)
        return reading.page(query, ids).rows, reading.touched

    def _refusing(self, actor: Actor, interface: str) -> _Refusing:
        return _Refusing(self._booking, actor, interface)


class _Refusing:
    """Notes a denial on its way out."""

    def __init__(self, booking: Booking, actor: Actor, interface: str) -> None:
        self._booking, self._actor, self._interface = booking, actor, interface

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, Denied):
            self._booking.denied(self._actor, error, self._interface)
