"""MQTT as a part of the server: a thread with its event loop, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nabe.config import Settings
from nabe.errors import Invalid, SourceUnavailable
from nabe.mqtt.batches import AGAIN_S, Batches
from nabe.mqtt.channels import Channel, Channels
from nabe.mqtt.gate import Gate
from nabe.mqtt.guests import Guests
from nabe.mqtt.ingest import DirectInbox, Ingest
from nabe.ports.messages import Inbox, Parking
from nabe.web.services import Services

_LOG = logging.getLogger("nabe.mqtt")
_START_S, _STOP_S = 30.0, 20.0


@dataclass(frozen=True, slots=True)
class Backbone:
    """What is behind the gate: an inbox, and words about it for whoever looks whether all is well."""

    inbox: Inbox
    state: Callable[[], str]


class MqttService:
    """`backbone`: entered on the service's loop; without one, or while it cannot be had at the start, messages go straight into the store."""

    def __init__(
        self,
        services: Services,
        channels: Sequence[Channel],
        parking: Parking,
        folder: Path,
        backbone: Callable[[], AbstractAsyncContextManager[Backbone]] | None,
    ) -> None:
        self._services, self._settings = services, services.settings
        self._channels, self._parking, self._folder, self._backbone = Channels(channels), parking, folder, backbone
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._ports: dict[str, int] = {}
        self._warning = ""
        self._gate: Gate | None = None
        self._ingest: Ingest | None = None
        self._state: Callable[[], str] = lambda: "off"

    def start(self) -> None:
        """Listen. `Invalid` if the port cannot be used or TLS is not set up right."""
        outcome: list[BaseException] = []
        ready = threading.Event()

        def run() -> None:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                try:
                    runner.run(self._main(ready))
                except BaseException as error:
                    outcome.append(error)
                    ready.set()

        self._thread = threading.Thread(target=run, name="nabe-mqtt", daemon=True)
        self._thread.start()
        ready.wait(_START_S)
        if outcome:
            self._thread.join()
            raise outcome[0]

    def stop(self) -> None:
        """Send clients away and finish what is at work."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_STOP_S)
        self._thread = None

    @property
    def ports(self) -> Mapping[str, int]:
        """Where it listens: `mqtt`, and `mqtts` with TLS."""
        return self._ports

    @property
    def warning(self) -> str:
        """What the operator should know; empty: all is as it should be."""
        return self._warning

    @property
    def gate(self) -> tuple[asyncio.AbstractEventLoop, Gate] | None:
        """Loop and gate, for other ways in (WebSocket); None while it does not run."""
        return (self._loop, self._gate) if self._loop is not None and self._gate is not None else None

    def state(self) -> dict[str, Any]:
        """Figures for health checks."""
        gate, ingest = self._gate, self._ingest
        if gate is None or ingest is None:
            return {"state": "off"}
        return {
            "state": "ok" if not self._warning else self._warning,
            "inbox": self._state(),
            "ports": dict(self._ports),
            "connections": gate.figures.connections,
            "published": gate.figures.published,
            "delivered": gate.figures.delivered,
            "stored": ingest.stored,
            "parked": ingest.parked,
        }

    async def _main(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            behind = await stack.enter_async_context(self._behind())
            self._state = behind.state
            self._ingest = ingest = Ingest(self._channels, self._parking)
            batches = Batches(behind.inbox.put, ingest.lag)
            with contextlib.suppress(Exception):  # only to know again what is sent twice
                batches.learn(await behind.inbox.recent(2 * AGAIN_S))
            stack.callback(ingest.close)
            guests = Guests(self._services, anonymous=self._settings.mqtt_anonymous)
            self._gate = gate = Gate(
                guests,
                self._channels,
                batches,
                self._folder / "mqtt-sessions.json",
                most=self._settings.mqtt_connections,
            )
            stack.push_async_callback(gate.close)
            await gate.restore()
            await self._listen(gate)
            work = [gate.run(), batches.run(), behind.inbox.run(ingest.work)]
            tasks = [asyncio.create_task(item) for item in work]
            stop = asyncio.create_task(self._stop.wait())
            ready.set()
            await asyncio.wait([*tasks, stop], return_when=asyncio.FIRST_COMPLETED)
            for task in [*tasks, stop]:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    _LOG.error("MQTT stopped: %s", type(outcome).__name__)
                    self._warning = "stopped"

    @contextlib.asynccontextmanager
    async def _behind(self) -> AsyncIterator[Backbone]:
        if self._backbone is not None:
            async with contextlib.AsyncExitStack() as stack:
                try:
                    found = await stack.enter_async_context(self._backbone())
                except (SourceUnavailable, Invalid) as error:
                    self._warning = f"no inbox: {error}"
                    _LOG.warning("messages go straight into the store, events stay in this process: %s", error)
                else:
                    yield found
                    return
        yield Backbone(DirectInbox(), lambda: "direct")

    async def _listen(self, gate: Gate) -> None:
        settings = self._settings
        host = settings.mqtt_host or settings.host
        if settings.mqtt_cert:
            tls = tls_context(settings)
            self._ports["mqtts"] = await gate.listen(host, settings.mqtt_tls_port, tls)
        if settings.mqtt_port >= 0:
            self._ports["mqtt"] = await gate.listen(host, settings.mqtt_port)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or newer with the certificate of the settings; `Invalid` names what is wrong with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.mqtt_cert, settings.mqtt_key or None)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or type(error).__name__
        raise Invalid(
            f"The certificate for MQTT cannot be used: {why}.",
            hint="server.mqtt_cert and server.mqtt_key name PEM files.",
            field="mqtt_cert",
        ) from None
    return context


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
