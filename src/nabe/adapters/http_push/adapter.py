"""The entry point, and the open silo: JSON posted to Nabe by a declared mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from nabe.adapting.messages import MessageSettings, opened, read_all
from nabe.adapting.messages.settings import DeviceSettings, MessagesOnly, dataset_problems, no_probe
from nabe.adapting.settings import Settings, parsed, problems
from nabe.model.dataset import Dataset, System
from nabe.model.device import Told
from nabe.ports.source import AdapterContext, Claim, Probe, Source


class SystemSettings(Settings):
    """`connection` of devices and services that post JSON."""

    message: Annotated[MessageSettings, Field(description="where things stand in a message")]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.message.device:
            raise ValueError("message needs device: it says which device sent it")
        return self


class DatasetSettings(DeviceSettings):
    """`source` of a dataset that these devices fill."""


class HttpPushAdapter:
    """Kind of silo `http_push`."""

    id = "http_push"
    claim = Claim.STANDARD
    streams = True
    system_settings = SystemSettings
    dataset_settings = DatasetSettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; there is nothing to connect to."""
        return PostedMessages(system.id, parsed(SystemSettings, system.connection, system.id, "connection"))

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


class PostedMessages(MessagesOnly):
    """Devices and services that post JSON to `/devices/<system>`."""

    def __init__(self, system: str, settings: SystemSettings) -> None:
        super().__init__(system)
        self._settings = settings

    def check(self) -> None:
        """They call us."""

    def read_message(self, topic: str, body: bytes) -> Sequence[Told]:
        """What a message says."""
        return read_all(self._settings.message, topic, opened(body))

    def topics(self) -> Sequence[str]:
        """None: these come over HTTP (and under `devices/<system>/#`)."""
        return ()

    def close(self) -> None:
        """Nothing is open."""
