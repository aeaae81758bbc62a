"""JSON of any form, posted to Nabe, by a declared mapping."""

from __future__ import annotations

import json
from typing import Any

from nabe.adapters.http_push import HttpPushAdapter
from nabe.model.dataset import Access, Dataset, System
from nabe.model.text import Text
from nabe.ports.source import AdapterContext


def test_a_service_posts_what_its_devices_measured() -> None:
    message = {
        "records": "readings",
        "device": "meter.id",
        "time": "at",
        "fields": "values",
        "battery": "battery",
        "latitude": "pos.lat",
        "longitude": "pos.lon",
    }
    system = System("zaehler", Text("x"), "http_push", "amt", {"message": message})
    adapter = HttpPushAdapter()
    assert adapter.check_system(system) == []
    source: Any = adapter.open(system, lambda text: text, AdapterContext("/", "/"))
    reading = {
        "meter": {"id": 4711},
        "at": "2026-07-01T12:00:00.5+02:00",
        "values": {"kWh": 12.5},
        "battery": "80",
        "pos": {"lat": 50.9, "lon": 6.9},
    }
    (uplink,) = source.read_message("", json.dumps({"readings": [reading]}).encode())
    assert (uplink.device, uplink.received, uplink.decoded) == ("4711", 1782900000_500000, {"kWh": 12.5})
    assert (uplink.battery, uplink.place) == (80.0, (6.9, 50.9))


def test_settings_of_datasets_say_what_is_wrong() -> None:
    def problems(**source: Any) -> str:
        dataset = Dataset("d", Text("x"), "amt", Access.OPEN, (), "zaehler", source)
        return " ".join(HttpPushAdapter().check_dataset(System("zaehler", Text("x"), "http_push", "amt"), dataset))

    assert problems(profiles=["zaehler"], learn="zaehler", match={"kind": "EM*"}) == ""
    assert "source.match.colour" in problems(learn="x", match={"colour": "red"})
    assert "set source.learn" in problems(match={"kind": "x"})
    assert "none of source.profiles" in problems(learn="x", profiles=["y"])
    assert "inside the workspace" in problems(devices="../etc/passwd")
    assert "is not a setting" in problems(device="x")
