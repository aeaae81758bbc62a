"""Where messages of devices wait: the inbox until they are stored, the parking for those that came to nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from nabe.model.message import Message, Parked


class Inbox(Protocol):
    """Batches of messages between their acknowledgement and the store, on one event loop."""

    async def put(self, batch: bytes) -> None:
        """Keep a batch (at most 4 MB); on return it is durable as the settings say. `SourceUnavailable`: it is not kept."""

    async def run(self, work: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand out every batch, oldest first, until cancelled; some at the same time.

        A batch is done with when `work` returns; when that raises, or this process ends, it is handed out again later.
        """

    async def recent(self, seconds: float) -> list[bytes]:
        """Batches that were put lately, also those done with; at the start, to know again what is sent twice."""


class Parking(Protocol):
    """Thread-safe; several processes may use one. Bounded: where too much is parked, the oldest of that actor goes."""

    def park(self, items: Iterable[tuple[Message, str, str]]) -> None:
        """Keep (message, code, reason); the same `Message.key` once only."""

    def parked(self, *, after: int = 0, limit: int = 100, topic: str = "") -> list[Parked]:
        """By number; `topic`: only those whose topic begins so."""

    def count(self) -> int:
        """How many are parked."""

    def drop(self, numbers: Sequence[int]) -> int:
        """Forget these; how many there were."""
