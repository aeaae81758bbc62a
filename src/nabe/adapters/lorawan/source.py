"""An open LoRaWAN network: reads its messages, listens at its broker, hands downlinks over."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlsplit

import msgspec

from nabe.adapters.lorawan.servers import SERVERS
from nabe.adapters.lorawan.settings import Server, SystemSettings
from nabe.adapting.messages import opened, read_all
from nabe.adapting.messages.settings import MessagesOnly
from nabe.errors import Invalid, SourceRefused
from nabe.model.device import Downlink, Told
from nabe.outbound.client import Client
from nabe.outbound.mqtt import Broker
from nabe.ports.source import AdapterContext

_TOPICS = {
    Server.CHIRPSTACK: ("application/+/device/+/event/+",),
    Server.THINGS_STACK: (
        "v3/+/devices/+/up",
        "v3/+/devices/+/join",
        "v3/+/devices/+/down/+",
        "v3/+/devices/+/location/solved",
    ),
}
_MOST_ANSWER = 100_000


class LorawanNetwork(MessagesOnly):
    """One declared network."""

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        secrets: Callable[[str], str],
        context: AdapterContext,
        timeout_s: float,
    ) -> None:
        super().__init__(system)
        self._settings, self._secrets, self._context, self._timeout_s = settings, secrets, context, timeout_s
        self._http: Client | None = None

    def check(self) -> None:
        """The network server is elsewhere and calls us; where a broker is named its address must be usable."""
        if self._settings.broker is not None:
            self._broker()

    def read_message(self, topic: str, body: bytes) -> Sequence[Told]:
        """What a message says."""
        document = opened(body)
        if self._settings.message is not None:
            return read_all(self._settings.message, topic, document)
        return SERVERS[self._settings.server](topic, document)

    def topics(self) -> Sequence[str]:
        """Filters at Nabe's own broker."""
        return self._settings.topics

    def listen(self, receive: Callable[[str, bytes], None], state: Callable[[str], None]) -> Callable[[], None] | None:
        """Fetch messages from the network server's broker, if one is declared."""
        own = self._settings.broker
        if own is None:
            return None
        topics = own.topics or _TOPICS.get(self._settings.server, ())
        if not topics:
            raise SourceRefused(self._system, "connection.broker.topics is missing.", hint="Name the topic filters.")
        return self._broker().listen(topics, receive, state)

    def command(self, downlink: Downlink) -> str:
        """By MQTT if a broker is declared, else by the server's HTTP interface."""
        match self._settings.server:
            case Server.CHIRPSTACK:
                return self._chirpstack(downlink)
            case Server.THINGS_STACK:
                return self._things_stack(downlink)
            case _:
                raise SourceRefused(
                    self._system,
                    "nothing can be sent through this kind of network server.",
                    hint="Downlinks go through chirpstack and things_stack.",
                )

    def close(self) -> None:
        """Free the connection."""
        if self._http is not None:
            self._http.close()

    def _chirpstack(self, downlink: Downlink) -> str:
        data = base64.b64encode(downlink.payload).decode()
        item = {"devEui": downlink.device, "confirmed": downlink.confirmed, "fPort": downlink.port, "data": data}
        if self._settings.broker is not None:
            application = downlink.address.get("application", "")
            if not application:
                raise self._no_address("which application of ChirpStack it belongs to")
            item["id"] = downlink.reference
            topic = f"application/{_level(application)}/device/{downlink.device}/command/down"
            self._broker().publish(topic, msgspec.json.encode(item))
            return downlink.reference
        body = {"queueItem": {key: value for key, value in item.items() if key != "devEui"}}
        answer = self._post(f"/api/devices/{downlink.device}/queue", body, "Grpc-Metadata-Authorization")
        return str(answer.get("id", ""))[:200]

    def _things_stack(self, downlink: Downlink) -> str:
        application, device = downlink.address.get("application", ""), downlink.address.get("device", "")
        if not application or not device:
            raise self._no_address("its name in The Things Stack")
        item = {
            "f_port": downlink.port,
            "frm_payload": base64.b64encode(downlink.payload).decode(),
            "confirmed": downlink.confirmed,
            "priority": "NORMAL",
            "correlation_ids": [f"nabe:{downlink.reference}"],
        }
        if self._settings.broker is not None:
            tenant = downlink.address.get("tenant", "")
            whole = f"{application}@{tenant}" if tenant else application
            topic = f"v3/{_level(whole)}/devices/{_level(device)}/down/push"
            self._broker().publish(topic, msgspec.json.encode({"downlinks": [item]}))
            return downlink.reference
        path = (
            f"/api/v3/as/applications/{quote(application, safe='')}/webhooks/{quote(self._settings.application, safe='')}"
            f"/devices/{quote(device, safe='')}/down/push"
        )
        self._post(path, {"downlinks": [item]}, "Authorization")
        return downlink.reference

    def _no_address(self, what: str) -> SourceRefused:
        return SourceRefused(
            self._system, f"nothing is known of {what}.", hint="It is learned from the device's next message."
        )

    def _post(self, path: str, body: object, header: str) -> dict[str, object]:
        if not self._settings.api:
            raise SourceRefused(
                self._system,
                "it has neither broker nor api, so nothing can be sent.",
                hint="Set connection.api or broker.",
            )
        if self._http is None:
            self._http = Client(
                self._system,
                allow_hosts=self._context.allow_hosts,
                headers=lambda: {header: f"Bearer {self._secrets(self._settings.token)}"},
                headers_host=urlsplit(self._settings.api).netloc,
                most_bytes=_MOST_ANSWER,
                timeout_s=self._timeout_s,
            )
        url = self._settings.api.rstrip("/") + path
        sent = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = self._http.ask(url, method="POST", headers=sent, content=msgspec.json.encode(body), follow=False)
        content = answer.judge().read()
        try:
            found = msgspec.json.decode(content) if content else {}
        except msgspec.DecodeError:
            found = {}
        return found if isinstance(found, dict) else {}

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


def _level(text: str) -> str:
    """One level of a topic, so that nobody's name leads elsewhere."""
    if any(sign in text for sign in "/+#\x00"):
        raise Invalid("A name of the network server holds signs that a topic may not.", field="address")
    return text
