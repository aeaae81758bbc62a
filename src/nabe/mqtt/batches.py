"""Messages on their way into the inbox: collected while the last batch is being made durable, then acknowledged.

One batch at a time is under way, so a disk that takes long for `fsync` makes batches larger and not devices slower. While the
store lags behind, batches are held open for as long as it takes for one: few large ones cost it less than many small ones.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from nabe.errors import SourceUnavailable
from nabe.model.message import Message
from nabe.model.party import Actor

_LOG = logging.getLogger("nabe.mqtt")
#: Most of one batch: messages, and bytes beside the last message.
MOST_MESSAGES, MOST_BYTES = 2_000, 1_000_000
#: A message that a client marks as sent again is looked for among those of so many seconds, at most so many.
AGAIN_S, _MOST_KNOWN = 60.0, 200_000
_REST_S, _LONGEST_REST_S = 0.2, 5.0


class Batch(msgspec.Struct, array_like=True):
    """`key` is its own. `items`: (index of the actor, topic, payload, µs, client id, packet id)."""

    key: str
    actors: list[Actor]
    items: list[tuple[int, str, bytes, int, str, int]]


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Batch).decode


def messages_of(data: bytes) -> list[list[Message]]:
    """The messages of a batch by actor, in order; keys come out the same each time."""
    batch = _DECODE(data)
    found: list[list[Message]] = [[] for _ in batch.actors]
    for number, (actor, topic, payload, at, _, _) in enumerate(batch.items):
        found[actor].append(Message(batch.actors[actor], topic, payload, at, f"{batch.key}:{number}"))
    return found


class Batches:
    """`put` makes a batch durable (`Inbox.put`). `lag`: seconds for which it helps the store to wait for more."""

    def __init__(self, put: Callable[[bytes], Awaitable[None]], lag: Callable[[], float] = lambda: 0.0) -> None:
        self._put, self._lag = put, lag
        self._waiting: deque[tuple[Actor | None, str, bytes, int, str, int, Callable[[], None]]] = deque()
        self._wake = asyncio.Event()
        self._known: OrderedDict[int, float] = OrderedDict()

    def add(
        self,
        actor: Actor,
        topic: str,
        payload: bytes,
        done: Callable[[], None],
        *,
        client: str = "",
        packet: int = 0,
        again: bool = False,
    ) -> None:
        """Keep a message; `done` is called when it is durable, in the order of adding.

        `client` and `packet` name a message of QoS 1 or 2. With `again` it is kept only if it did not come before: its
        acknowledgement was lost, or Nabe was stopped before it went out.
        """
        known = False
        if packet and client:
            mark = hash((actor.id, client, packet, topic, payload))
            now = time.monotonic()
            known = again and now - self._known.get(mark, -AGAIN_S) < AGAIN_S
            self._remember(mark, now)
        self._waiting.append((None if known else actor, topic, payload, time.time_ns() // 1000, client, packet, done))
        self._wake.set()

    def after(self, done: Callable[[], None]) -> None:
        """Call this when everything added so far is durable."""
        self._waiting.append((None, "", b"", 0, "", 0, done))
        self._wake.set()

    def learn(self, batches: Iterable[bytes]) -> None:
        """Know messages of an earlier life of this process again."""
        now = time.monotonic()
        for data in batches:
            batch = _DECODE(data)
            for actor, topic, payload, _, client, packet in batch.items:
                if packet and client:
                    self._remember(hash((batch.actors[actor].id, client, packet, topic, payload)), now)

    def _remember(self, mark: int, now: float) -> None:
        self._known[mark] = now
        self._known.move_to_end(mark)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    async def run(self) -> None:
        """Put one batch after the other, until cancelled. What the inbox does not take is tried again: nothing is dropped."""
        rest = _REST_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                lag = self._lag()
                if lag and len(self._waiting) < MOST_MESSAGES:
                    await asyncio.sleep(lag)
                data, done = self._cut()
                while data:
                    try:
                        await self._put(data)
                        rest = _REST_S
                        break
                    except SourceUnavailable as error:
                        _LOG.warning("messages are not acknowledged: %s", error.detail)
                        await asyncio.sleep(rest)
                        rest = min(rest * 2, _LONGEST_REST_S)
                for call in done:
                    call()

    def _cut(self) -> tuple[bytes, list[Callable[[], None]]]:
        """The next batch (empty: nothing new in it), and whom to tell when it is durable."""
        actors: dict[Actor, int] = {}
        done: list[Callable[[], None]] = []
        batch, size = Batch(secrets.token_hex(12), [], []), 0
        while self._waiting and len(done) < MOST_MESSAGES and size < MOST_BYTES:
            actor, topic, payload, at, client, packet, call = self._waiting.popleft()
            done.append(call)
            if actor is None:
                continue
            index = actors.setdefault(actor, len(actors))
            batch.items.append((index, topic, payload, at, client, packet))
            size += len(payload) + len(topic)
        batch.actors = list(actors)
        return (_ENCODE(batch) if batch.items else b""), done
