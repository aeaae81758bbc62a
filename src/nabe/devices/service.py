"""Devices as one thing: what the ways in, the command line and the portal talk to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nabe.devices.commands import Commands
from nabe.devices.fleet import DeviceView, Fleet
from nabe.devices.intake import PREFIX, Intake, Speaks
from nabe.devices.receiving import Listen, Listening, Receiving, UnknownDevice
from nabe.errors import Denied, NabeError, SourceRefused, Unknown
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Mode
from nabe.model.device import Device, Downlink, Uplink
from nabe.model.message import Message, Parked
from nabe.model.party import Actor
from nabe.ports.devices import Devices
from nabe.ports.messages import Parking
from nabe.sandbox import Sandbox


class DeviceService:
    """Everything about devices. Thread-safe. Nothing runs until it is needed; `close` ends it."""

    def __init__(
        self,
        registry: Devices,
        snapshot: Callable[[], Snapshot],
        sensing: Any,
        parking: Parking,
        source: Callable[[str], Any],
    ) -> None:
        """`sensing`: the hub's. `source`: opens a declared system."""
        self._snapshot, self._source, self._sensing = snapshot, source, sensing
        self.sandbox: Final = Sandbox()
        self.fleet: Final = Fleet(registry, snapshot)
        self.commands: Final = Commands(sensing, self.fleet, self.sandbox, self._send)
        self.intake: Final = Intake(
            sensing, self.fleet, self.sandbox, self._speaks, self._systems, on_notice=self.commands.told
        )
        sensing.on_task(self.commands.tasked)
        self._receiving = Receiving(self.intake, parking)
        self._listening: Listening | None = None
        self._known: tuple[int, tuple[str, ...]] = (-1, ())

    # --- messages ---------------------------------------------------------------------------------------------------

    def receive(self, actor: Actor, topic: str, body: bytes, *, way: str) -> NabeError | None:
        """Take a message; see `Receiving.receive`."""
        return self._receiving.receive(actor, topic, body, way=way)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topic filters at Nabe's own broker that belong to devices."""
        own = [topic for system in self._systems() for topic in self._speaks(system).topics()]
        return (f"{PREFIX}#", *own)

    @property
    def subscribed(self) -> tuple[str, ...]:
        """Nothing is told on these topics."""
        return self.topics

    def take(self, messages: Sequence[Message]) -> list[NabeError | None]:
        """What becomes of messages that came over MQTT."""
        return self.intake.take(messages)

    def watch(self, actor: Actor, use_case: str, filter: str, deliver: Any) -> Callable[[], None]:
        """Devices' raw messages are told to nobody; what was measured is, under the topics of SensorThings."""
        raise Unknown(
            "Nothing is told on this topic.", hint="Subscribe to v1.1/Datastreams(…)/Observations.", field="topic"
        )

    # --- what is known ----------------------------------------------------------------------------------------------

    def views(self, actor: Actor, *, system: str = "", now: int) -> list[DeviceView]:
        """Devices of datasets that the actor may write, and how they are."""
        writable = frozenset(self._sensing.writable(actor))
        return [item for item in self.fleet.views(system=system, now=now) if item.device.dataset in writable]

    def unknown(self, actor: Actor) -> list[UnknownDevice]:
        """Devices that send and are not declared, of systems for which the actor may write."""
        writable = frozenset(self._sensing.writable(actor))
        mine = {
            system for system in self._systems() if any(item.id in writable for item in self.fleet.datasets(system))
        }
        return [item for item in self._receiving.unknown(self._senders) if item.system in mine]

    def put(self, actor: Actor, devices: Sequence[Device]) -> tuple[int, int]:
        """Declare devices; how many are new, and how many changed. `Denied` unless the actor may write their datasets."""
        writable = frozenset(self._sensing.writable(actor))
        for dataset in dict.fromkeys(item.dataset for item in devices):
            if dataset in self._snapshot().datasets and dataset not in writable:
                raise Denied(f"You may not write into {dataset!r}.", dataset=dataset)
        return self.fleet.put(devices)

    def state(self) -> Mapping[str, Any]:
        """How it stands, for `/healthz` and `/metrics`."""
        brokers = dict(self._listening.state()) if self._listening is not None else {}
        wrong = [f"{system}: {state}" for system, state in brokers.items() if state]
        return {"state": "; ".join(wrong) or "ok", "brokers": len(brokers), "codec_restarts": self.sandbox.restarts}

    # --- running ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Fetch messages from brokers of declared systems until `stop`."""
        self._listening = Listening(self._receiving, self._listeners)
        self._listening.start()

    def stop(self) -> None:
        """End what `start` began."""
        if self._listening is not None:
            self._listening.stop()
            self._listening = None

    def close(self) -> None:
        """End everything; what was seen is written."""
        self.stop()
        self.commands.close()
        self.intake.close()
        self.sandbox.close()

    # --- parts ------------------------------------------------------------------------------------------------------

    def _speaks(self, system: str) -> Speaks:
        found = self._source(system)
        if not hasattr(found, "read_message"):
            raise Unknown(
                f"System {system!r} takes no messages.", hint="Its adapter is none of devices.", system=system
            )
        speaks: Speaks = found
        return speaks

    def _systems(self) -> tuple[str, ...]:
        """Systems whose devices send by themselves and fill a dataset."""
        snapshot = self._snapshot()
        if self._known[0] != snapshot.version:
            streams = dict.fromkeys(item.system for item in snapshot.datasets.values() if item.mode is Mode.STREAM)
            self._known = (snapshot.version, tuple(system for system in streams if self._is_one(system)))
        return self._known[1]

    def _is_one(self, system: str) -> bool:
        try:
            return hasattr(self._source(system), "read_message")
        except NabeError:
            return False

    def _listeners(self) -> Mapping[str, tuple[object, Listen]]:
        snapshot, found = self._snapshot(), {}
        allow = snapshot.city.allow_hosts if snapshot.city else ()
        for system in self._systems():
            listen = getattr(self._source(system), "listen", None)
            if listen is not None:
                found[system] = ((snapshot.systems[system], allow), listen)
        return found

    def _send(self, system: str, downlink: Downlink) -> str:
        command = getattr(self._source(system), "command", None)
        if command is None:
            raise SourceRefused(
                system, "nothing can be sent to its devices.", hint="Downlinks go through lorawan networks."
            )
        return str(command(downlink))

    def _senders(self, item: Parked) -> list[tuple[str, str, str, str]]:
        try:
            system, rest = self.intake.system_of(item.message.topic)
            told = self._speaks(system).read_message(rest, item.message.payload)
        except NabeError:
            return []
        known = self.fleet.known([(system, one.device) for one in told])
        return [
            (system, one.device, one.name, one.kind)
            for one in told
            if isinstance(one, Uplink) and (system, one.device) not in known
        ]
