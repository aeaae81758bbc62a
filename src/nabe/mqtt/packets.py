"""MQTT 3.1.1 on the wire (OASIS standard, 29 October 2014): bytes to packets and back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from nabe.errors import Invalid


class Kind(IntEnum):
    """Control packet types (2.2.1)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Refusal(IntEnum):
    """Return codes of CONNACK (3.2.2.3)."""

    ACCEPTED = 0
    PROTOCOL = 1
    IDENTIFIER = 2
    UNAVAILABLE = 3
    CREDENTIALS = 4
    NOT_AUTHORISED = 5


#: Return code of SUBACK for a subscription that is not granted (3.9.3).
REFUSED = 0x80
PINGRESP = b"\xd0\x00"
#: Most levels of a topic; a filter with more is nobody's.
_MOST_LEVELS = 64


class Malformed(Invalid):
    """The client does not keep to the protocol: the connection ends (4.8)."""

    code = "mqtt-malformed"


@dataclass(frozen=True, slots=True)
class Publish:
    """An application message. `packet` is 0 with QoS 0."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    again: bool = False
    packet: int = 0


@dataclass(frozen=True, slots=True)
class Connect:
    """`level`: of the protocol, 4 for MQTT 3.1.1, 3 for 3.1. `keep_alive` in seconds, 0: none. `will`: published when the connection breaks."""

    level: int
    client: str
    clean: bool
    keep_alive: int
    user: str | None
    password: bytes | None
    will: Publish | None


def frame(data: bytes | bytearray, at: int, most: int) -> tuple[int, int] | None:
    """Where the body of the packet that begins at `at` starts and ends; None: not all of its header is there.

    `Malformed` for a length of more than four bytes or above `most`.
    """
    length = shift = 0
    for position in range(at + 1, min(at + 5, len(data))):
        byte = data[position]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            if length > most:
                raise Malformed(f"A packet has at most {most} bytes.")
            return position + 1, position + 1 + length
        shift += 7
    if len(data) - at > 4:
        raise Malformed("The length of a packet takes at most four bytes.")
    return None


def read_connect(body: bytes) -> Connect:
    """CONNECT (3.1)."""
    name, at = _text(body, 0)
    if name not in ("MQTT", "MQIsdp") or at + 4 > len(body):
        raise Malformed("That is no MQTT.")
    level, flags, keep_alive = body[at], body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
    at += 4
    if level not in (3, 4):  # what follows may be laid out otherwise
        return Connect(level, "", True, keep_alive, None, None, None)
    if flags & 1:
        raise Malformed("The lowest flag of CONNECT is reserved.")
    client, at = _text(body, at)
    will = None
    if flags & 0x04:
        topic, at = _text(body, at)
        payload, at = _binary(body, at)
        qos = flags >> 3 & 3
        if qos == 3:
            raise Malformed("There is no QoS 3.")
        will = Publish(_topic(topic), payload, qos, bool(flags & 0x20))
    elif flags & 0x38:
        raise Malformed("Flags of a will without a will.")
    user = password = None
    if flags & 0x80:
        user, at = _text(body, at)
    if flags & 0x40:
        if user is None:
            raise Malformed("A password without a user name.")
        password, at = _binary(body, at)
    if at != len(body):
        raise Malformed("CONNECT holds more than it says.")
    return Connect(level, client, bool(flags & 0x02), keep_alive, user, password, will)


def read_publish(first: int, body: bytes) -> Publish:
    """PUBLISH (3.3); `first` is the first byte of the packet."""
    qos = first >> 1 & 3
    if qos == 3 or (qos == 0 and first & 0x08):
        raise Malformed("The flags of PUBLISH fit no QoS.")
    topic, at = _text(body, 0)
    packet = 0
    if qos:
        packet = _number(body, at)
        at += 2
    return Publish(_topic(topic), body[at:], qos, bool(first & 1), bool(first & 0x08), packet)


def read_subscribe(first: int, body: bytes) -> tuple[int, list[tuple[str, int]]]:
    """SUBSCRIBE (3.8): packet identifier, and filters with the QoS asked for."""
    packet, filters = _filters(first, body, 1)
    return packet, filters


def read_unsubscribe(first: int, body: bytes) -> tuple[int, list[str]]:
    """UNSUBSCRIBE (3.10)."""
    packet, filters = _filters(first, body, 0)
    return packet, [name for name, _ in filters]


def read_packet_number(first: int, body: bytes) -> int:
    """The packet identifier of PUBACK, PUBREC, PUBREL and PUBCOMP."""
    if first & 0x0F != (2 if first >> 4 == Kind.PUBREL else 0) or len(body) != 2:
        raise Malformed("An acknowledgement holds a packet identifier and nothing else.")
    return _number(body, 0)


def _filters(first: int, body: bytes, extra: int) -> tuple[int, list[tuple[str, int]]]:
    if first & 0x0F != 2:
        raise Malformed("Flags that are reserved.")
    packet, at = _number(body, 0), 2
    found = []
    while at < len(body):
        name, at = _text(body, at)
        qos = 0
        if extra:
            if at >= len(body) or body[at] > 2:
                raise Malformed("A subscription names a QoS from 0 to 2.")
            qos = body[at]
            at += 1
        found.append((_filter(name), qos))
    if not found:
        raise Malformed("No topic filter is named.")
    return packet, found


def _number(body: bytes, at: int) -> int:
    number = int.from_bytes(body[at : at + 2], "big")
    if not number or at + 2 > len(body):
        raise Malformed("A packet identifier is missing or 0.")
    return number


def _binary(body: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    if at + 2 > len(body) or end > len(body):
        raise Malformed("A field is longer than its packet.")
    return body[at + 2 : end], end


def _text(body: bytes, at: int) -> tuple[str, int]:
    data, at = _binary(body, at)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("A text is not UTF-8.") from None
    if "\0" in text:
        raise Malformed("A text holds NUL.")
    return text, at


def _topic(name: str) -> str:
    if not name or "+" in name or "#" in name:
        raise Malformed("A topic is not empty and holds neither + nor #.")
    return name


def _filter(name: str) -> str:
    """A topic filter as 4.7 allows it."""
    levels = name.split("/")
    for number, level in enumerate(levels):
        last = number == len(levels) - 1
        if ("#" in level and (level != "#" or not last)) or ("+" in level and level != "+"):
            raise Malformed("+ and # stand alone in their level, # in the last.")
    if not name:
        raise Malformed("A topic filter is not empty.")
    return name


def matches(filter: str, topic: str) -> bool:
    """Does the filter want this topic (4.7)? Topics that begin with $ are not wanted by a leading wildcard."""
    if "+" not in filter and "#" not in filter:
        return filter == topic
    wanted, given = filter.split("/"), topic.split("/", _MOST_LEVELS)
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for number, level in enumerate(wanted):
        if level == "#":
            return True
        if number >= len(given) or level not in ("+", given[number]):
            return False
    return len(wanted) == len(given)


# --- to the client --------------------------------------------------------------------------------------------------


def packet(first: int, body: bytes) -> bytes:
    """A packet with its length."""
    length, size = len(body), bytearray()
    while True:
        size.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes((first,)) + bytes(size) + body


def connack(code: Refusal, *, present: bool = False) -> bytes:
    """CONNACK (3.2); `present`: there is a session of this client from before."""
    return bytes((0x20, 2, present, code))


def acknowledgement(kind: Kind, number: int) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""
    return bytes((kind << 4 | (2 if kind is Kind.PUBREL else 0), 2, number >> 8, number & 0xFF))


def suback(number: int, codes: list[int]) -> bytes:
    """SUBACK (3.9)."""
    return packet(0x90, number.to_bytes(2, "big") + bytes(codes))


def unsuback(number: int) -> bytes:
    """UNSUBACK (3.11)."""
    return packet(0xB0, number.to_bytes(2, "big"))


def publish(item: Publish) -> bytes:
    """PUBLISH (3.3)."""
    topic = item.topic.encode()
    number = item.packet.to_bytes(2, "big") if item.qos else b""
    first = 0x30 | item.qos << 1 | item.retain | (0x08 if item.again else 0)
    return packet(first, len(topic).to_bytes(2, "big") + topic + number + item.payload)


# --- to the server (clients of tests and benchmarks) ----------------------------------------------------------------


def connect(
    client: str, *, user: str | None = None, password: bytes | None = None, clean: bool = True, keep_alive: int = 60
) -> bytes:
    """CONNECT (3.1), without a will."""
    flags = (0x80 if user is not None else 0) | (0x40 if password is not None else 0) | (0x02 if clean else 0)
    fields = [client.encode()] + ([user.encode()] if user is not None else []) + ([password] if password else [])
    body = b"\0\4MQTT\4" + bytes((flags,)) + keep_alive.to_bytes(2, "big")
    return packet(0x10, body + b"".join(len(item).to_bytes(2, "big") + item for item in fields))


def subscribe(number: int, filters: list[tuple[str, int]]) -> bytes:
    """SUBSCRIBE (3.8)."""
    body = b"".join(len(name.encode()).to_bytes(2, "big") + name.encode() + bytes((qos,)) for name, qos in filters)
    return packet(0x82, number.to_bytes(2, "big") + body)
