"""The entry point, and the open silo: JSON over MQTT by a declared mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nabe.adapters.mqtt_json.settings import DatasetSettings, SystemSettings
from nabe.adapting.messages import opened, read_all
from nabe.adapting.messages.settings import MessagesOnly, dataset_problems, no_probe
from nabe.adapting.settings import parsed, problems
from nabe.model.dataset import Dataset, System
from nabe.model.device import Told
from nabe.outbound.mqtt import Broker
from nabe.ports.source import AdapterContext, Claim, Probe, Source


class MqttJsonAdapter:
    """Kind of silo `mqtt_json`."""

    id = "mqtt_json"
    claim = Claim.STANDARD
    streams = True
    system_settings = SystemSettings
    dataset_settings = DatasetSettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; nothing is connected yet."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        return MqttDevices(system, settings, secrets, context)

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(SystemSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`."""
        return problems(DatasetSettings, dataset.source, "source") or dataset_problems(dataset.source)

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """No address leads here: devices send by themselves."""
        return None

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """There is nothing to look into."""
        return no_probe(connection, secrets)


class MqttDevices(MessagesOnly):
    """Devices that send JSON over MQTT."""

    def __init__(
        self, system: System, settings: SystemSettings, secrets: Callable[[str], str], context: AdapterContext
    ) -> None:
        super().__init__(system.id)
        self._settings, self._secrets, self._context = settings, secrets, context
        self._timeout_s = system.limits.timeout_s

    def check(self) -> None:
        """Devices call us; where a broker is named its address must be usable."""
        if self._settings.broker is not None:
            self._broker()

    def read_message(self, topic: str, body: bytes) -> Sequence[Told]:
        """What a message says."""
        return read_all(self._settings.message, topic, opened(body))

    def topics(self) -> Sequence[str]:
        """Filters at Nabe's own broker."""
        return self._settings.topics

    def listen(self, receive: Callable[[str, bytes], None], state: Callable[[str], None]) -> Callable[[], None] | None:
        """Fetch messages from a broker elsewhere, if one is declared."""
        own = self._settings.broker
        return self._broker().listen(own.topics, receive, state) if own is not None else None

    def close(self) -> None:
        """Nothing is open."""

    def _broker(self) -> Broker:
        own = self._settings.broker
        assert own is not None
        return Broker(
            self._system,
            own.url,
            user=self._secrets(own.user),
            password=self._secrets(own.password),
            client=own.client,
            allow_hosts=self._context.allow_hosts,
            timeout_s=self._timeout_s,
        )
