"""What may be set for a LoRaWAN network."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from nabe.adapting.messages import MessageSettings
from nabe.adapting.messages.settings import DeviceSettings
from nabe.adapting.settings import Settings


class Server(StrEnum):
    """Whose messages are read."""

    CHIRPSTACK = "chirpstack"
    THINGS_STACK = "things_stack"
    LORIOT = "loriot"
    THINGPARK = "thingpark"
    MAPPED = "mapped"


class BrokerSettings(Settings):
    """The network server's MQTT broker, where Nabe fetches messages and leaves downlinks."""

    url: Annotated[str, Field(pattern=r"^mqtts?://", description="mqtt://host:1883 or mqtts://host:8883")]
    user: Annotated[str, Field(description="user name, as ${ENV} or file:")] = ""
    password: Annotated[str, Field(description="password, as ${ENV} or file:")] = ""
    topics: Annotated[
        tuple[str, ...], Field(description="topic filters; default: those of the server's own documentation")
    ] = ()
    client: Annotated[str, Field(description="client id; default: nabe-<system>")] = ""


class SystemSettings(Settings):
    """`connection` of a LoRaWAN network."""

    server: Annotated[Server, Field(description="whose messages these are; mapped: any, by message")]
    message: Annotated[
        MessageSettings | None, Field(description="with server mapped: where things stand in a message")
    ] = None
    topics: Annotated[
        tuple[str, ...], Field(description="topic filters at Nabe's own broker, beside devices/<system>/#")
    ] = ()
    broker: Annotated[
        BrokerSettings | None, Field(description="fetch messages from the network server's own broker")
    ] = None
    api: Annotated[
        str, Field(pattern=r"^(https?://.*)?$", description="address of the server's HTTP interface, for downlinks")
    ] = ""
    token: Annotated[str, Field(description="API key for downlinks, as ${ENV} or file:")] = ""
    application: Annotated[str, Field(description="downlinks of The Things Stack: name of the webhook")] = "nabe"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.server is Server.MAPPED) != (self.message is not None):
            raise ValueError("server mapped and message belong together")
        if self.message is not None and not (self.message.device or self.message.device_level is not None):
            raise ValueError("message needs device or device_level: it says which device sent it")
        return self


class DatasetSettings(DeviceSettings):
    """`source` of a dataset that LoRaWAN devices fill."""
