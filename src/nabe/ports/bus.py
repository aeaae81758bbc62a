"""Events between those who store and those who watch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from nabe.model.event import EntityEvent


class Bus(Protocol):
    """Thread-safe. Delivery is at most once per watcher: who must miss nothing reads the store (ids only grow)."""

    def publish(self, events: Sequence[EntityEvent]) -> None:
        """Tell all watchers, here and in other processes. Never waits for one and never raises."""

    def watch(self, receive: Callable[[EntityEvent], None]) -> Callable[[], None]:
        """Call `receive` (quick, on any thread) for every event from now on; the result ends it."""
