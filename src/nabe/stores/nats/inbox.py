"""The inbox of messages as a JetStream stream: durable before a device is told so, handed out until it is stored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api

from nabe.errors import SourceUnavailable
from nabe.stores.nats.link import Link

_LOG = logging.getLogger("nabe.nats")
#: Batches at work at a time; seconds after which one is handed out again; seconds that one stays after it is done with.
_AT_WORK, _AGAIN_S, KEPT_S = 8, 30, 120.0
_CONSUMER = "ingest"


async def _waiting(pull: JetStreamContext.PullSubscription) -> list[Msg]:
    """Batches that are there; waits for the first. (Asked for several at once, the client would wait for all of them.)"""
    (first,) = await pull.fetch(1, timeout=5)
    more = min(_AT_WORK - 1, first.metadata.num_pending)
    found = [first]
    if more:
        with contextlib.suppress(nats.errors.TimeoutError, TimeoutError):
            found += await pull.fetch(more, timeout=0.1)
    return found


class NatsInbox:
    """See `nabe.ports.messages.Inbox`. `name`: of stream and subject, so that several cities may share a cluster."""

    def __init__(self, link: Link, name: str, *, most_bytes: int, replicas: int = 1) -> None:
        self._link, self._subject = link, f"{name}.inbox"
        self._stream = f"{name}-inbox".replace(".", "-")
        self._config = api.StreamConfig(
            name=self._stream,
            subjects=[self._subject],
            max_bytes=most_bytes,
            discard=api.DiscardPolicy.NEW,  # full means: not acknowledged, so devices keep what they have
            storage=api.StorageType.FILE,
            num_replicas=replicas,
            duplicate_window=1,
        )
        link.each_time(self._arrange)

    async def _arrange(self, client: Client) -> None:
        """Make stream and consumer, or bring them in line with the settings."""
        stream = client.jetstream(timeout=10.0)
        try:
            await stream.add_stream(self._config)
        except nats.js.errors.BadRequestError:
            await stream.update_stream(self._config)
        await stream.add_consumer(
            self._stream,
            api.ConsumerConfig(
                durable_name=_CONSUMER,
                ack_policy=api.AckPolicy.EXPLICIT,
                ack_wait=_AGAIN_S,
                max_ack_pending=4 * _AT_WORK,
                max_deliver=-1,
            ),
        )

    async def put(self, batch: bytes) -> None:
        """Durable on return."""
        try:
            await self._link.do(self._link.jetstream.publish(self._subject, batch, timeout=10.0))
        except (nats.errors.Error, OSError, TimeoutError) as error:
            full = isinstance(error, nats.js.errors.APIError) and "maximum bytes" in (error.description or "")
            if not full:
                with contextlib.suppress(Exception):  # somebody may have removed the stream
                    await self._arrange(self._link.client)
            said = getattr(error, "description", None) or type(error).__name__
            why = "the inbox is full." if full else f"the message was not taken ({said})."
            raise SourceUnavailable(
                "nats", why, hint="mqtt.inbox_mb says how much may wait." if full else ""
            ) from error

    async def run(self, work: Callable[[bytes], Awaitable[None]]) -> None:
        """Pull and hand out, over all breaks of the connection."""
        places = asyncio.Semaphore(_AT_WORK)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tidy())
            while True:
                await self._link.wait()
                try:
                    pull = await self._link.jetstream.pull_subscribe_bind(_CONSUMER, self._stream)
                    while self._link.up:
                        await places.acquire()
                        places.release()
                        with contextlib.suppress(nats.errors.TimeoutError, TimeoutError):
                            for message in await _waiting(pull):
                                await places.acquire()
                                group.create_task(self._one(message, work, places))
                except (nats.errors.Error, SourceUnavailable, OSError, TimeoutError) as error:
                    _LOG.info("the inbox is not read: %s", type(error).__name__)
                    await asyncio.sleep(0.2)

    async def _one(self, message: Msg, work: Callable[[bytes], Awaitable[None]], places: asyncio.Semaphore) -> None:
        try:
            running = asyncio.ensure_future(work(message.data))
            while not (await asyncio.wait({running}, timeout=_AGAIN_S / 3))[0]:
                await message.in_progress()  # a slow store is no reason to begin once more
            await running
            await message.ack()
        except SourceUnavailable as error:
            _LOG.warning("messages wait: %s", error.detail)
            await asyncio.sleep(1.0)
            with contextlib.suppress(Exception):
                await message.nak()
        except (nats.errors.Error, OSError):
            pass  # it comes again, and is known by its key
        finally:
            places.release()

    async def _tidy(self) -> None:
        """Forget batches that are done with for longer than a client may send them again."""
        marks: list[tuple[float, int]] = []
        while True:
            await asyncio.sleep(KEPT_S / 8)
            with contextlib.suppress(nats.errors.Error, SourceUnavailable, OSError, TimeoutError):
                stream = self._link.jetstream
                info = await stream.consumer_info(self._stream, _CONSUMER)
                done = info.ack_floor.stream_seq if info.ack_floor is not None else 0
                marks.append((time.monotonic(), done))
                old = [mark for at, mark in marks if time.monotonic() - at > KEPT_S]
                if old and old[-1]:
                    await stream.purge_stream(self._stream, seq=old[-1] + 1)
                marks = marks[len(old) :]

    async def recent(self, seconds: float) -> list[bytes]:
        """What was put within these seconds and is still there (at most 64 MB)."""
        stream = self._link.jetstream
        state = (await stream.stream_info(self._stream)).state
        found, size, oldest = [], 0, time.time() - seconds
        for number in range(state.last_seq, state.first_seq - 1, -1):
            try:
                message = await stream.get_msg(self._stream, number)
            except nats.js.errors.NotFoundError:
                continue
            size += len(message.data or b"")
            if size > 64_000_000 or (message.time is not None and message.time.timestamp() < oldest):
                break
            found.append(message.data or b"")
        return found[::-1]
