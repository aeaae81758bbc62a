"""MQTT to a broker elsewhere: a judged address, a durable session, an acknowledgement only for what was kept."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.outbound.addresses import Resolve, resolve
from nabe.outbound.dialing import dial

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEEPALIVE_S, _FIRST_WAIT_S, _LONGEST_WAIT_S = 30, 1, 60
#: Most messages that a broker may send before the first of them is acknowledged.
_IN_FLIGHT = 100


class _Client(paho.Client):
    """Connects through `dial`, so that the name is judged at each connection anew."""

    dialling: Callable[[], Any]

    def _create_socket_connection(self) -> Any:
        return self.dialling()


class Broker:
    """A client of one broker. `url`: `mqtt://host[:1883]` or `mqtts://host[:8883]`; user and password apart."""

    def __init__(
        self,
        system: str,
        url: str,
        *,
        user: str = "",
        password: str = "",
        client: str = "",
        allow_hosts: Collection[str] = (),
        timeout_s: float = 30.0,
        resolve: Resolve = resolve,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.password:
            hint = "mqtt://host:1883 or mqtts://host:8883; user and password are settings of their own."
            raise SourceRefused(system, "the broker's address cannot be used.", hint=hint)
        self._system, self._host = system, parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls, self._timeout_s = parts.scheme == "mqtts", timeout_s
        self._user, self._password, self._name = user, password, client or f"nabe-{system}"
        self._allow, self._resolve = allow_hosts, resolve

    def listen(
        self, topics: Sequence[str], receive: Callable[[str, bytes], None], state: Callable[[str], None]
    ) -> Callable[[], None]:
        """Subscribe with QoS 1 in a session that the broker keeps; `receive` is called on a thread of the connection.

        A message is acknowledged when `receive` returns; when it raises, the connection is closed, and the broker sends it
        again on the next. What `state` is told holds no secret. The result ends it.
        """
        client = self._made(clean=False, manual=True)

        def connected(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
            if code.is_failure:
                state(f"the broker refuses the log-in ({code.getName()})")
                return
            client.subscribe([(topic, 1) for topic in topics])

        def subscribed(_c: Any, _u: Any, _m: int, codes: Any, _p: Any) -> None:
            refused = [topic for topic, code in zip(topics, codes, strict=False) if code.is_failure]
            state(f"the broker refuses {', '.join(refused)}" if refused else "")

        def lost(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
            state(f"the connection ended ({code.getName()})")

        def failed(_c: Any, _u: Any) -> None:
            state("the broker does not answer")

        def message(_c: Any, _u: Any, item: Any) -> None:
            try:
                receive(item.topic, item.payload)
            except Exception:  # whatever it is, the message is not kept: on a new connection it comes again
                with suppress(OSError, AttributeError):
                    client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
                return
            client.ack(item.mid, item.qos)

        client.on_connect, client.on_subscribe, client.on_disconnect = connected, subscribed, lost
        client.on_connect_fail, client.on_message = failed, message
        client.connect_async(self._host, self._port, _KEEPALIVE_S)
        client.loop_start()

        def end() -> None:
            with suppress(Exception):
                client.disconnect()
            client.loop_stop()

        return end

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand over one message with QoS 1; returns when the broker has it."""
        client = self._made(clean=True, manual=False)
        ready, told = threading.Event(), []

        def connected(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
            told.append(code)
            ready.set()

        client.on_connect = connected
        where = f"{self._host}:{self._port}"
        try:
            client.connect(self._host, self._port, _KEEPALIVE_S)
            client.loop_start()
            if not ready.wait(self._timeout_s):
                raise SourceUnavailable(self._system, "the broker does not answer in time.", where=where)
            if told[0].is_failure:
                raise SourceRefused(
                    self._system, "the broker refuses the log-in.", hint="Correct user and password.", where=where
                )
            sent = client.publish(topic, payload, qos=1)
            sent.wait_for_publish(self._timeout_s)
            if not sent.is_published():
                raise SourceUnavailable(self._system, "the broker does not take the message.", where=where)
        except (OSError, ValueError, RuntimeError) as error:
            why = "its certificate is not valid" if isinstance(error, ssl.SSLError) else "the connection failed"
            raise SourceUnavailable(self._system, f"{why}.", where=where) from None
        finally:
            with suppress(Exception):
                client.disconnect()
            client.loop_stop()

    def _made(self, *, clean: bool, manual: bool) -> _Client:
        name = self._name if not clean else ""
        client = _Client(
            CallbackAPIVersion.VERSION2, name, clean_session=clean, protocol=paho.MQTTv311, manual_ack=manual
        )
        client.dialling = self._dialled
        if self._user:
            client.username_pw_set(self._user, self._password or None)
        if self._tls:
            client.tls_set_context(ssl.create_default_context())
        client.max_inflight_messages_set(_IN_FLIGHT)
        client.reconnect_delay_set(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        return client

    def _dialled(self) -> Any:
        try:
            return dial(
                self._system,
                self._host,
                self._port,
                allow_hosts=self._allow,
                timeout_s=self._timeout_s,
                resolve=self._resolve,
            )
        except NabeError as error:
            raise OSError(error.detail) from None
