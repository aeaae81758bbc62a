"""The entry point: a LoRaWAN network whose server sends uplinks over MQTT or HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.lorawan.settings import DatasetSettings, SystemSettings
from nabe.adapters.lorawan.source import LorawanNetwork
from nabe.adapting.messages.settings import dataset_problems, no_probe
from nabe.adapting.settings import parsed, problems
from nabe.model.dataset import Dataset, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source


class LorawanAdapter:
    """Kind of silo `lorawan`."""

    id = "lorawan"
    claim = Claim.STANDARD
    streams = True
    system_settings = SystemSettings
    dataset_settings = DatasetSettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared network; nothing is connected yet."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        return LorawanNetwork(system.id, settings, secrets, context, system.limits.timeout_s)

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
