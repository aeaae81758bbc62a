"""What may be set for devices that send JSON over MQTT."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from nabe.adapting.messages import MessageSettings
from nabe.adapting.messages.settings import DeviceSettings
from nabe.adapting.settings import Settings


class BrokerSettings(Settings):
    """A broker elsewhere, where Nabe fetches messages."""

    url: Annotated[str, Field(pattern=r"^mqtts?://", description="mqtt://host:1883 or mqtts://host:8883")]
    topics: Annotated[tuple[str, ...], Field(min_length=1, description="topic filters")]
    user: Annotated[str, Field(description="user name, as ${ENV} or file:")] = ""
    password: Annotated[str, Field(description="password, as ${ENV} or file:")] = ""
    client: Annotated[str, Field(description="client id; default: nabe-<system>")] = ""


class SystemSettings(Settings):
    """`connection` of devices that send JSON over MQTT."""

    message: Annotated[MessageSettings, Field(description="where things stand in a message")]
    topics: Annotated[
        tuple[str, ...], Field(description="topic filters at Nabe's own broker, beside devices/<system>/#")
    ] = ()
    broker: Annotated[BrokerSettings | None, Field(description="fetch messages from a broker elsewhere")] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.message.device and self.message.device_level is None:
            raise ValueError("message needs device or device_level: it says which device sent it")
        return self


class DatasetSettings(DeviceSettings):
    """`source` of a dataset that these devices fill."""
