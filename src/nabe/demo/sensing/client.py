"""Just enough MQTT 3.1.1 to send with QoS 1, and one HTTP connection for webhooks; both come back by themselves.

The model city's gateway is a process of some megabytes; it needs neither a library nor another thread.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import socket
import struct
import time

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _PING, _PONG, _BYE = 0x10, 0x20, 0x32, 0x40, 0xC0, 0xD0, 0xE0
_KEEP_ALIVE_S, _PATIENCE_S = 60, 5.0
#: Most messages that wait for their acknowledgement.
_MOST_OPEN = 50


class Refused(OSError):
    """The broker let us not in; trying again does not help."""


class Publisher:
    """One connection with a kept session. What was not acknowledged is sent again, marked so, after a reconnection."""

    def __init__(self, host: str, port: int, client: str, user: str, password: str) -> None:
        self._host, self._port, self._client, self._user, self._password = host, port, client, user, password
        self._socket: socket.socket | None = None
        self._open: dict[int, tuple[str, bytes]] = {}
        self._packet = int.from_bytes(os.urandom(2), "big") % 60_000
        self._buffer = b""
        self._last = 0.0

    @property
    def waiting(self) -> int:
        """Messages that were not acknowledged yet."""
        return len(self._open)

    def publish(self, topic: str, body: bytes, *, twice: bool = False) -> None:
        """Send with QoS 1. `twice`: as a client does that believes the acknowledgement lost. Raises `OSError`."""
        self._connected()
        self._packet = self._packet % 65_000 + 1
        self._open[self._packet] = (topic, body)
        self._send(_publish(self._packet, topic, body))
        if twice:
            self._send(_publish(self._packet, topic, body, again=True))
        self.pump(_PATIENCE_S if len(self._open) >= _MOST_OPEN else 0.0)

    def pump(self, wait_s: float = 0.0) -> None:
        """Take acknowledgements; keep the connection alive."""
        if self._socket is None:
            return
        if time.monotonic() - self._last > _KEEP_ALIVE_S / 2:
            self._send(bytes([_PING, 0]))
        end = time.monotonic() + wait_s
        while self._socket is not None:
            if not select.select([self._socket], [], [], max(0.0, end - time.monotonic()))[0]:
                return
            self._take(self._read())
            if len(self._open) < _MOST_OPEN:
                end = 0.0  # from here on only what is there already

    def drain(self, wait_s: float) -> None:
        """Wait until all is acknowledged, at most so long."""
        end = time.monotonic() + wait_s
        while self._open and self._socket is not None and time.monotonic() < end:
            if select.select([self._socket], [], [], 0.1)[0]:
                self._take(self._read())

    def close(self) -> None:
        """Say goodbye."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendall(bytes([_BYE, 0]))
            self._lost()

    def _connected(self) -> None:
        if self._socket is not None:
            return
        self._socket = socket.create_connection((self._host, self._port), timeout=_PATIENCE_S)
        self._buffer = b""
        head = (
            _text("MQTT") + bytes([4, 0xC0]) + struct.pack(">H", _KEEP_ALIVE_S)
        )  # user, password; the session is kept
        self._send(_packet(_CONNECT, head + _text(self._client) + _text(self._user) + _text(self._password)))
        kind, body = self._whole()
        if kind != _CONNACK or len(body) != 2 or body[1]:
            self._lost()
            raise Refused(f"the broker answers {body.hex()}")
        for packet, (topic, sent) in list(self._open.items()):
            self._send(_publish(packet, topic, sent, again=True))

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            self._socket.sendall(data)
        except OSError:
            self._lost()
            raise
        self._last = time.monotonic()

    def _read(self) -> bytes:
        assert self._socket is not None
        try:
            data = self._socket.recv(65_536)
        except OSError:
            self._lost()
            raise
        if not data:
            self._lost()
            raise ConnectionResetError("the broker is gone")
        return data

    def _whole(self) -> tuple[int, bytes]:
        """The next packet; the first one, after which there are only acknowledgements."""
        while (found := self._next()) is None:
            self._buffer += self._read()
        return found

    def _take(self, data: bytes) -> None:
        self._buffer += data
        while (found := self._next()) is not None:
            kind, body = found
            if kind == _PUBACK:
                self._open.pop(int.from_bytes(body[:2], "big"), None)

    def _next(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 2 or self._buffer[1] & 0x80:  # nothing that a publisher gets is longer than 127 bytes
            return None
        end = 2 + self._buffer[1]
        if len(self._buffer) < end:
            return None
        kind, body = self._buffer[0] & 0xF0, self._buffer[2:end]
        self._buffer = self._buffer[end:]
        return kind, body

    def _lost(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


class Hook:
    """Posts to `/devices/SYSTEM` with a token, over one connection."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._host, self._port, self._token = host, port, token
        self._connection: http.client.HTTPConnection | None = None

    def post(self, system: str, body: bytes) -> int:
        """The status of the answer. Raises `OSError`."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=_PATIENCE_S)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            self._connection.request("POST", f"/devices/{system}", body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = None
            raise ConnectionError(str(error)) from error
        return answer.status


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def _packet(kind: int, body: bytes) -> bytes:
    size, length = b"", len(body)
    while True:
        size += bytes([length % 128 | (0x80 if length > 127 else 0)])
        length //= 128
        if not length:
            return bytes([kind]) + size + body


def _publish(packet: int, topic: str, body: bytes, *, again: bool = False) -> bytes:
    return _packet(_PUBLISH | (0x08 if again else 0), _text(topic) + struct.pack(">H", packet) + body)
