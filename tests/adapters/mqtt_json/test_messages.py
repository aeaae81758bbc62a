"""JSON of any form over MQTT, by a declared mapping."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nabe.adapters.mqtt_json import MqttJsonAdapter
from nabe.errors import Invalid
from nabe.model.dataset import System
from nabe.model.text import Text
from nabe.ports.source import AdapterContext


def opened(message: dict[str, Any], **more: Any) -> Any:
    system = System("haus", Text("x"), "mqtt_json", "amt", {"message": message, **more})
    adapter = MqttJsonAdapter()
    assert adapter.check_system(system) == []
    return adapter.open(system, lambda text: text, AdapterContext("/", "/"))


def read(source: Any, topic: str, body: Any) -> Any:
    return source.read_message(topic, json.dumps(body).encode())


def test_the_device_stands_in_the_topic() -> None:
    # As Tasmota and Shelly plugs say it.
    source = opened(
        {"device_level": 1, "time": "Time", "timezone": "Europe/Berlin", "fields": "ENERGY"}, topics=["tele/+/SENSOR"]
    )
    (uplink,) = read(
        source, "tele/pumpe-3/SENSOR", {"Time": "2026-07-01T12:00:00", "ENERGY": {"Power": 17, "Total": 3.1}}
    )
    assert uplink.device == "pumpe-3" and uplink.decoded == {"Power": 17, "Total": 3.1}
    assert uplink.received == 1782900000_000000
    assert source.topics() == ("tele/+/SENSOR",)


def test_several_records_in_one_message() -> None:
    source = opened({"records": "data.points", "device": "id", "time": "t", "counter": "n"})
    points = [{"id": "a", "t": 1782900000, "n": 1, "v": 1}, {"id": "b", "t": 1782900000123, "n": 2, "v": 2}]
    found = read(source, "x", {"data": {"points": points}})
    assert [(item.device, item.received, item.counter) for item in found] == [
        ("a", 1782900000_000000, 1),
        ("b", 1782900000_123000, 2),
    ]


def test_one_value_alone_is_called_value() -> None:
    (uplink,) = read(opened({"device": "who", "fields": "state"}), "x", {"who": "door", "state": "open"})
    assert uplink.decoded == {"value": "open"} and uplink.received is None


@pytest.mark.parametrize(
    ("message", "topic", "body", "field"),
    [
        ({"device": "id"}, "x", {"no": 1}, "id"),
        ({"device": "id"}, "x", [1, 2], "body"),
        ({"device": "id", "time": "t"}, "x", {"id": "a", "t": "yesterday"}, "t"),
        ({"device": "id", "time": "t"}, "x", {"id": "a", "t": "9999-01-01T00:00:00Z"}, "t"),
        ({"device_level": 4}, "a/b", {}, "level 4 of the topic"),
        ({"device": "id", "eui": True}, "x", {"id": "a"}, "id"),
        ({"device": "id"}, "x", {"id": "a\nb"}, "id"),
        ({"records": "r", "device": "id"}, "x", {"r": [{"id": "a"}] * 2000}, "r"),
    ],
)
def test_what_is_wrong_is_named(message: dict[str, Any], topic: str, body: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(opened(message), topic, body)
    assert caught.value.params["field"] == field


def test_settings_say_what_is_wrong() -> None:
    def problems(**connection: Any) -> str:
        return " ".join(MqttJsonAdapter().check_system(System("haus", Text("x"), "mqtt_json", "amt", connection)))

    assert "connection.message" in problems()
    assert "which device" in problems(message={"time": "t"})
    assert "connection.message.timezone" in problems(message={"device": "a", "timezone": "Mars"})
    assert "connection.broker.topics" in problems(message={"device": "a"}, broker={"url": "mqtt://x", "topics": []})
