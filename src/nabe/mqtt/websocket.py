"""MQTT over WebSocket, at `/mqtt` of the HTTP port, for browsers and networks that let nothing else through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from nabe.mqtt.connection import PACKET
from nabe.mqtt.service import MqttService

_UNSENT = 4_000_000
T = TypeVar("T")


def route(service: Callable[[], MqttService | None]) -> WebSocketRoute:
    """The route; a closed door while MQTT is off."""

    async def answer(socket: WebSocket) -> None:
        running = service()
        gate = running.gate if running is not None else None
        if gate is None or "mqtt" not in socket.scope.get("subprotocols", []):
            await socket.close(1013 if gate is None else 1002)
            return
        await socket.accept("mqtt")
        loop, there = gate
        wire = _Wire(socket, loop)
        connection = await _on(loop, lambda: there.connected(wire, socket.client.host if socket.client else ""))
        if connection is None:
            await socket.close(1013)
            return
        sender = asyncio.create_task(wire.send())
        try:
            while True:
                await wire.reading.wait()
                message = await socket.receive_bytes()
                if len(message) > 2 * PACKET:
                    break
                await _on(loop, lambda data=message: connection.feed(data))  # type: ignore[misc]
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass  # gone, or it sent text
        finally:
            with contextlib.suppress(RuntimeError):
                await _on(loop, connection.lost)
            wire.end()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(sender, 5)

    return WebSocketRoute("/mqtt", answer)


async def _on(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> T:
    """Do something on the gate's loop."""

    async def there() -> T:
        return work()

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), loop))


class _Wire:
    """Called on the gate's loop; sends and reads on that of the web server."""

    def __init__(self, socket: WebSocket, there: asyncio.AbstractEventLoop) -> None:
        self._socket, self._here, self._there = socket, asyncio.get_running_loop(), there
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unsent = 0
        self.reading = asyncio.Event()
        self.reading.set()

    def write(self, data: bytes) -> None:
        """Bytes to the client; who takes none is cut off."""
        self._unsent += len(data)
        self._call(self._out.put_nowait, data if self._unsent < _UNSENT else None)

    def unread(self) -> int:
        """Bytes on their way."""
        return self._unsent

    def pause(self) -> None:
        """Read nothing more for now."""
        self._call(self.reading.clear)

    def resume(self) -> None:
        """Read on."""
        self._call(self.reading.set)

    def close(self) -> None:
        """After what is on its way."""
        self._call(self._out.put_nowait, None)
        self.resume()

    def end(self) -> None:
        """Nothing more is sent."""
        self._out.put_nowait(None)

    async def send(self) -> None:
        """Send until closed."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while (data := await self._out.get()) is not None:
                await self._socket.send_bytes(data)
                self._unsent -= len(data)
            await self._socket.close()

    def _call(self, *work: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the web server has stopped
            self._here.call_soon_threadsafe(*work)
