"""Telling watchers what has happened, each as far as they may see it."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from nabe.errors import NabeError
from nabe.hub.sensing.booking import Booking
from nabe.hub.sensing.seeing import Seeing
from nabe.model.entities import STREAMS, EntityQuery, EntityRow, EntityType
from nabe.model.event import EntityEvent, Happening
from nabe.model.observation import stream_of
from nabe.model.party import Actor
from nabe.ports.bus import Bus
from nabe.query.sensing import View

#: Events that may wait; beyond that the oldest are lost (delivery is at most once).
_MOST_WAITING: Final = 100_000
#: Entities that are looked up together.
_AT_ONCE: Final = 1_000
_log = logging.getLogger("nabe.sensing")

Deliver = Callable[[EntityEvent, EntityRow | None], None]
#: A view, a question, ids -> the entities among them that fit, and rows by dataset.
Look = Callable[[View, EntityQuery, tuple[int, ...]], tuple[list[EntityRow], Counter[str]]]


class Watch:
    """One who watches. `close` ends it; after that nothing is delivered any more but what is under way."""

    def __init__(
        self, actor: Actor, use_case: str, query: EntityQuery, interface: str, end: Callable[[Watch], None]
    ) -> None:
        self.actor, self.use_case, self.query, self.interface = actor, use_case, query, interface
        self._end = end

    def close(self) -> None:
        """No more."""
        self._end(self)


class Watching:
    """All watches of this process: one thread, one look at the stores for all that want the same."""

    def __init__(
        self, seeing: Seeing, bus: Bus, booking: Booking, look: Look, clock: Callable[[], dt.datetime]
    ) -> None:
        self._seeing, self._bus, self._booking, self._look, self._clock = seeing, bus, booking, look, clock
        self._lock = threading.Condition()
        self._watches: dict[Watch, Deliver] = {}
        self._waiting: deque[EntityEvent] = deque(maxlen=_MOST_WAITING)
        self._end: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def watch(self, actor: Actor, use_case: str, query: EntityQuery, deliver: Deliver, interface: str) -> Watch:
        """From now on."""
        query = replace(query, order=(), top=None, skip=0, count=False, after=None)
        self._seeing.reading(actor, use_case, self._clock())
        made = Watch(actor, use_case, query, interface, self._forget)
        with self._lock:
            self._watches[made] = deliver
            if self._thread is None and not self._closed:
                self._end = self._bus.watch(self._receive)
                self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
                self._thread.start()
        return made

    def close(self) -> None:
        """End all."""
        with self._lock:
            self._closed = True
            self._watches.clear()
            self._lock.notify_all()
        if self._end is not None:
            self._end()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)

    def _forget(self, watch: Watch) -> None:
        with self._lock:
            self._watches.pop(watch, None)

    def _receive(self, event: EntityEvent) -> None:
        with self._lock:
            if self._watches:
                self._waiting.append(event)
                self._lock.notify()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._closed:
                    self._lock.wait()
                if self._closed:
                    return
                events, size = [], 0
                while self._waiting and size < _AT_ONCE:
                    events.append(self._waiting.popleft())
                    size += len(events[-1].ids)
                groups: dict[tuple[Actor, str, EntityQuery, str], dict[EntityQuery, list[Deliver]]] = {}
                for watch, deliver in self._watches.items():
                    key = (watch.actor, watch.use_case, _look_up(watch.query), watch.interface)
                    groups.setdefault(key, {}).setdefault(watch.query, []).append(deliver)
            for (actor, use_case, query, interface), watched in groups.items():
                try:
                    self._tell(actor, use_case, query, interface, events, watched)
                except NabeError as error:
                    _log.debug("a watch was not told: %s", error.code)
                except Exception:
                    _log.exception("a watch could not be told")

    def _tell(
        self,
        actor: Actor,
        use_case: str,
        query: EntityQuery,
        interface: str,
        events: Sequence[EntityEvent],
        watched: Mapping[EntityQuery, Sequence[Deliver]],
    ) -> None:
        """`query`: finds what all of `watched` want; which of it each wants is told by ids alone."""
        view = self._seeing.reading(actor, use_case, self._clock()).view
        found = [
            (event, ids, each, delivers)
            for event in events
            for each, delivers in watched.items()
            if (ids := _wanted(each, event, view))
        ]
        if not found:
            return
        there = tuple(
            dict.fromkeys(id for event, ids, _, _ in found if event.happening is not Happening.DELETED for id in ids)
        )
        rows: dict[int, EntityRow] = {}
        for start in range(0, len(there), _AT_ONCE):
            part = there[start : start + _AT_ONCE]
            some, touched = self._look(view, replace(query, top=len(part)), part)
            self._booking.read(actor, use_case, view, touched, interface)
            rows |= {row.id: row for row in some}
        for event, ids, each, delivers in found:
            plain = each.where is None and not each.hops
            for id in ids:
                row = rows.get(id)
                if row is None and (event.happening is not Happening.DELETED or not plain):
                    continue
                for deliver in delivers:
                    deliver(event if len(event.ids) == 1 else replace(event, ids=(id,)), row)


def _look_up(query: EntityQuery) -> EntityQuery:
    """The question that finds what is watched, when it is known by its id; the same for as many watches as possible.

    Observations hold their stream in their id, so the address of one needs not be followed.
    """
    return replace(query, id=None, hops=() if _of_stream(query) is not None else query.hops)


def _of_stream(query: EntityQuery) -> int | None:
    """The stream whose observations are watched, if the address says no more than that."""
    if query.type is EntityType.OBSERVATION and len(query.hops) == 1 and query.hops[0].type in STREAMS:
        return query.hops[0].id
    return None


def _wanted(query: EntityQuery, event: EntityEvent, view: View) -> tuple[int, ...]:
    """Which ids of an event may concern the question."""
    if event.type is not query.type or event.dataset not in view.ids:
        return ()
    ids = event.ids if query.id is None else tuple(id for id in event.ids if id == query.id)
    if query.type is EntityType.OBSERVATION and query.hops:
        last = query.hops[-1]
        if last.type in STREAMS and last.id is not None:
            ids = tuple(id for id in ids if stream_of(id) == last.id)
    return ids
