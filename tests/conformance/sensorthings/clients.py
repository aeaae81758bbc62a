"""Clients that cost little, so that a measurement is of the server: HTTP/1.1 and MQTT 3.1.1 over bare asyncio streams."""

from __future__ import annotations

import asyncio
import re
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.I)
_LOCATION = re.compile(rb"\r\nlocation:\s*(\S+)", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked", re.I)
_CLOSE = re.compile(rb"\r\nconnection:\s*close", re.I)


@dataclass(frozen=True)
class Answer:
    """Status, body, `Location` and the seconds it took."""

    status: int
    body: bytes
    location: str
    seconds: float


class Http:
    """One kept connection to a server; `get`, `post` one after another."""

    def __init__(self, root: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(root)
        self._host, self._port, self._path = parts.hostname or "127.0.0.1", parts.port or 80, parts.path
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._head = f"Host: {self._host}:{self._port}\r\nAccept: application/json\r\n{more}"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str) -> Answer:
        """Of a path below the root, already encoded."""
        return await self.send(f"GET {self._path}/{path} HTTP/1.1\r\n{self._head}\r\n".encode())

    async def post(self, path: str, body: bytes, kind: str = "application/json") -> Answer:
        """A body to a path below the root."""
        head = f"POST {self._path}/{path} HTTP/1.1\r\n{self._head}Content-Type: {kind}\r\nContent-Length: {len(body)}"
        return await self.send(head.encode() + b"\r\n\r\n" + body)

    async def send(self, request: bytes) -> Answer:
        """Raw bytes; connects when needed."""
        start = time.perf_counter()
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=1 << 26)
        assert self._reader is not None
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        if found := _LENGTH.search(head):
            body = await self._reader.readexactly(int(found[1]))
        elif _CHUNKED.search(head):
            body = await self._chunks()
        else:
            body = b""
        if _CLOSE.search(head):
            self.close()
        location = _LOCATION.search(head)
        return Answer(status, body, location[1].decode() if location else "", time.perf_counter() - start)

    async def _chunks(self) -> bytes:
        assert self._reader is not None
        parts = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return b"".join(parts)

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
        self._writer = self._reader = None


@dataclass(frozen=True)
class Rate:
    """Requests a second and latencies in milliseconds; `wrong`: answers that were not of the status expected."""

    per_second: float
    p50: float
    p95: float
    p99: float
    wrong: int
    number: int


def rate(latencies: Sequence[float], seconds: float, wrong: int) -> Rate:
    """Of latencies in seconds."""
    ranked = sorted(latencies) or [0.0]

    def at(share: float) -> float:
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] * 1000

    return Rate(len(latencies) / max(seconds, 1e-9), at(0.50), at(0.95), at(0.99), wrong, len(latencies))


async def load(
    connect: Callable[[], Http],
    request: Callable[[Http, int], object],
    *,
    connections: int,
    seconds: float,
    number: int = 1 << 60,
    status: int = 200,
) -> Rate:
    """So many connections ask as fast as they are answered until time or number is used up.

    `request(http, n)` returns the awaitable answer to the n-th request.
    """
    latencies: list[float] = []
    wrong = 0
    counter = iter(range(number))
    end = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal wrong
        http = connect()
        for turn in counter:
            answer = await request(http, turn)  # type: ignore[misc]
            latencies.append(answer.seconds)
            wrong += answer.status != status
            if time.perf_counter() >= end:
                break
        http.close()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return rate(latencies, time.perf_counter() - start, wrong)


class Mqtt:
    """A publisher at QoS 1 that keeps up to `window` messages unacknowledged."""

    def __init__(self, address: tuple[str, int], name: str, window: int = 64) -> None:
        self._address, self._name = address, name.encode()
        self._free = asyncio.Semaphore(window)
        self._sent: dict[int, float] = {}
        self.latencies: list[float] = []

    async def __aenter__(self) -> Mqtt:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        variable = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack("!H", len(self._name)) + self._name
        self._writer.write(b"\x10" + _remaining(len(variable)) + variable)
        answer = await self._reader.readexactly(4)
        if answer[3]:
            raise ConnectionError(f"MQTT connection refused: {answer[3]}")
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        for _ in range(600):
            if not self._sent:
                break
            await asyncio.sleep(0.05)
        self._listener.cancel()
        self._writer.write(b"\xe0\x00")
        self._writer.close()

    async def publish(self, topic: bytes, payload: bytes) -> None:
        """Waits only while the window is full."""
        await self._free.acquire()
        number = next(
            n for n in range(self._last + 1, self._last + 65536) if n & 0xFFFF and n & 0xFFFF not in self._sent
        )
        number &= 0xFFFF
        self._last = number
        body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", number) + payload
        self._sent[number] = time.perf_counter()
        self._writer.write(b"\x32" + _remaining(len(body)) + body)
        if self._writer.transport.get_write_buffer_size() > 1 << 16:
            await self._writer.drain()

    _last = 0

    @property
    def unacknowledged(self) -> int:
        """Messages the server did not confirm."""
        return len(self._sent)

    async def _listen(self) -> None:
        while True:
            kind = (await self._reader.readexactly(1))[0]
            size, shift = 0, 0
            while (byte := (await self._reader.readexactly(1))[0]) & 0x80:
                size, shift = size | (byte & 0x7F) << shift, shift + 7
            body = await self._reader.readexactly(size | byte << shift)
            if kind & 0xF0 == 0x40 and (sent := self._sent.pop(struct.unpack("!H", body[:2])[0], None)) is not None:
                self.latencies.append(time.perf_counter() - sent)
                self._free.release()


def _remaining(size: int) -> bytes:
    parts = bytearray()
    while True:
        size, byte = size >> 7, size & 0x7F
        parts.append(byte | 0x80 if size else byte)
        if not size:
            return bytes(parts)
