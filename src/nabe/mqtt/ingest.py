"""From the inbox to whoever takes a topic; what comes to nothing is parked, and holds nobody up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from nabe.errors import NabeError, SourceUnavailable, Unknown
from nabe.model.message import Message
from nabe.model.party import Actor
from nabe.mqtt.batches import messages_of
from nabe.mqtt.channels import Channel, Channels
from nabe.ports.messages import Parking

_LOG = logging.getLogger("nabe.mqtt")
_LONGEST_LAG_S = 0.05


class Ingest:
    """Messages of one actor are worked on in the order in which they came, those of several actors side by side."""

    def __init__(self, channels: Channels, parking: Parking, *, threads: int = 8) -> None:
        self._channels, self._parking = channels, parking
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="nabe-ingest")
        self._turns: WeakValueDictionary[Actor, asyncio.Lock] = WeakValueDictionary()
        self.stored = self.parked = 0
        self._at_work, self._usual = 0, 0.0

    async def work(self, data: bytes) -> None:
        """One batch of the inbox; done when all of it is stored or parked. Raises `SourceUnavailable`: once more, later."""
        self._at_work += 1
        try:
            groups = [self._in_turn(messages) for messages in messages_of(data)]
            for outcome in await asyncio.gather(*groups, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
        finally:
            self._at_work -= 1

    def lag(self) -> float:
        """Seconds that the store takes for a batch (at most 50 ms), if it lags behind; else 0."""
        return min(self._usual, _LONGEST_LAG_S) if self._at_work > 1 else 0.0

    def close(self) -> None:
        """Finish what is at work."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _in_turn(self, messages: list[Message]) -> None:
        turn = self._turns.setdefault(messages[0].actor, asyncio.Lock())
        async with turn:
            began = time.monotonic()
            parked = await asyncio.get_running_loop().run_in_executor(self._threads, self.take, messages)
            self._usual += (time.monotonic() - began - self._usual) / 8
        self.parked += parked
        self.stored += len(messages) - parked

    def take(self, messages: Sequence[Message]) -> int:
        """Hand messages of one actor to their channels and park what is left over; how many that were."""
        left: list[tuple[Message, str, str]] = []
        for channel, some in _by_channel(self._channels, messages):
            for message, error in zip(some, outcomes(channel, some), strict=True):
                if error is not None:
                    left.append((message, error.code, str(error)))
        self._parking.park(left)
        return len(left)


def outcomes(channel: Channel | None, messages: Sequence[Message]) -> list[NabeError | None]:
    """What becomes of messages. A handler that stumbles over one of them does not harm the others."""
    if channel is None:
        return [Unknown("Nothing is taken on this topic.", field="topic")] * len(messages)
    try:
        return list(channel.take(messages))
    except SourceUnavailable:
        raise
    except NabeError as error:
        if len(messages) == 1:
            return [error]
    except Exception as error:
        # The words of a foreign exception may hold values.
        if len(messages) == 1:
            _LOG.error("unexpected %s on topic %s", type(error).__name__, messages[0].topic[:200])
            return [NabeError(f"Something went wrong inside Nabe ({type(error).__name__}).")]
    half = len(messages) // 2
    return outcomes(channel, messages[:half]) + outcomes(channel, messages[half:])


def _by_channel(channels: Channels, messages: Sequence[Message]) -> list[tuple[Channel | None, list[Message]]]:
    """Runs of messages for the same channel, in order."""
    known: dict[str, Channel | None] = {}
    runs: list[tuple[Channel | None, list[Message]]] = []
    for message in messages:
        if message.topic not in known:
            known[message.topic] = channels.taking(message.topic)
        channel = known[message.topic]
        if not runs or runs[-1][0] is not channel:
            runs.append((channel, []))
        runs[-1][1].append(message)
    return runs


class DirectInbox:
    """Without NATS: a message is acknowledged when it is in the store itself."""

    def __init__(self) -> None:
        self._work: Callable[[bytes], Awaitable[None]] | None = None
        self._ready = asyncio.Event()

    async def put(self, batch: bytes) -> None:
        """Stored on return."""
        await self._ready.wait()
        assert self._work is not None
        await self._work(batch)

    async def run(self, work: Callable[[bytes], Awaitable[None]]) -> None:
        """Batches go to `work` as they come."""
        self._work = work
        self._ready.set()
        await asyncio.Event().wait()

    async def recent(self, seconds: float) -> list[bytes]:
        """Nothing is kept."""
        return []
