"""A town with devices of every way in: LoRaWAN by two servers, MQTT, webhooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nabe import manifest
from nabe.app import asgi, open_workspace
from nabe.cli.workspace import apply_files
from nabe.config import Settings
from nabe.model.entities import EntityQuery, EntityType, Expansion
from nabe.model.party import Actor, Role
from nabe.model.usecase import OPEN_DATA
from nabe.testing.serving import InProcess

FILES = {
    "nabe.yaml": "id: stadt\ntitle: Stadt\n",
    "organisations/stadt.yaml": "id: stadt\ntitle: Stadt\ntype: municipality\n",
    "organisations/amt.yaml": "id: amt\ntitle: Amt\nparent: stadt\n",
    "systems/funknetz.yaml": "id: funknetz\ntitle: Funknetz\nadapter: lorawan\nowner: amt\nconnection: {server: chirpstack}\n",
    "systems/ttn.yaml": "id: ttn\ntitle: TTN\nadapter: lorawan\nowner: amt\nconnection: {server: things_stack}\n",
    "systems/pumpen.yaml": (
        "id: pumpen\ntitle: Pumpen\nadapter: mqtt_json\nowner: amt\n"
        "connection: {topics: ['tele/+/SENSOR'], message: {device_level: 1, time: Time, fields: ENERGY}}\n"
    ),
    "systems/zaehler.yaml": (
        "id: zaehler\ntitle: Zähler\nadapter: http_push\nowner: amt\n"
        "connection: {message: {records: readings, device: meter, time: at, fields: values, counter: n}}\n"
    ),
    "profiles/pumpe.yaml": (
        "id: pumpe\ntitle: Pumpe\nevery: PT5M\n"
        "measures:\n  - {field: Power, property: Power, unit: W}\n  - {field: Total, property: Energy, unit: kW.h}\n"
    ),
    "profiles/zaehler.yaml": (
        "id: zaehler\ntitle: Zähler\nmeasures:\n  - {field: kWh, property: Energy, unit: kW.h, lowest: 0}\n"
    ),
    "profiles/eigener.yaml": (
        "id: eigener\ntitle: Eigener\ncodec: eigener.js\nmeasures:\n  - {field: t, property: Air temperature, unit: Cel}\n"
        "commands:\n  - {name: intervall, port: 7, confirmed: true, parameters: {minuten: integer}}\n"
    ),
    "profiles/eigener.js": (
        "function decodeUplink(input) {\n  if (input.fPort === 66) { while (true) {} }\n"
        "  return {data: {t: input.bytes[0] - 100, lat: 51, lon: 7}};\n}\n"
        "function encodeDownlink(input) { return {bytes: [1, input.data.minuten]}; }\n"
    ),
}


def dataset(id: str, system: str, source: str = "{}", access: str = "open", more: str = "") -> str:
    return (
        f"id: {id}\ntitle: {id}\nowner: amt\nsystem: {system}\naccess: {access}\nmode: stream\n"
        f"stream: {{writers: [netz]}}\nsource: {source}\n{more}"
    )


FILES |= {
    "datasets/klima.yaml": dataset("klima", "funknetz", "{devices: devices/klima.csv}"),
    "datasets/park.yaml": dataset("park", "ttn", "{learn: bosch-tps110, match: {group: park*}, link: true}"),
    "datasets/pumpen.yaml": dataset("pumpen", "pumpen", "{learn: pumpe}", "internal"),
    "datasets/strom.yaml": dataset("strom", "zaehler", "{learn: zaehler}"),
    "devices/klima.csv": (
        "dev_eui;profile;name;breite;länge;Inventarnummer\n"
        "24-E1-24-13-6B-50-22-17;milesight-em300-th;Kita Ost;51,5;7,4;4711\n"
        "24E124136B502218;eigener;Kita West;;;4712\n"
    ),
}


class Town:
    """The opened workspace, and ways to speak to it."""

    def __init__(self, root: Path) -> None:
        for name, text in FILES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        self.root = root
        self.nabe = open_workspace(root, Settings(mqtt_port=0, jobs=0))
        apply_files(self.nabe)
        self.tokens: dict[str, str] = {}
        self.actors: dict[str, Actor] = {}
        for name, organisation, roles in (("netz", "amt", ()), ("fremd", "", ()), ("it", "stadt", (Role.IT,))):
            actor = Actor(name, name, organisation, frozenset(roles))
            self.nabe.identity.put_account(actor, "richtig-lang-genug")
            now = dt.datetime.now(dt.UTC)
            _, self.tokens[name] = self.nabe.identity.create_token(name, "test", at=now, expires=None)
            self.actors[name] = actor
        self.app = asgi(self.nabe)

    def client(self, actor: str = "netz") -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[actor]}"} if actor else {}
        return httpx.Client(transport=InProcess(self.app), base_url="http://testserver", headers=headers)

    def things(self, dataset: str = "") -> dict[str, dict[str, list[Any]]]:
        """Name of a Thing -> observed property -> (result, time) of its observations, oldest first."""
        observations = Expansion("Observations", EntityQuery(EntityType.OBSERVATION, top=1000))
        property = Expansion("ObservedProperty", EntityQuery(EntityType.OBSERVED_PROPERTY))
        streams = Expansion("Datastreams", EntityQuery(EntityType.DATASTREAM, expand=(observations, property), top=100))
        query = EntityQuery(EntityType.THING, expand=(streams,), top=1000)
        page = self.nabe.hub.sensing.read(self.actors["it"], OPEN_DATA, query)
        found: dict[str, dict[str, list[Any]]] = {}
        for thing in page.rows:
            here = found.setdefault(thing.values["name"], {})
            for stream in thing.expanded["Datastreams"].rows:  # type: ignore[union-attr]
                name = stream.expanded["ObservedProperty"].values["name"]  # type: ignore[union-attr]
                rows = stream.expanded["Observations"].rows  # type: ignore[union-attr]
                here[name] = sorted(((row.values["phenomenonTime"], row.values["result"]) for row in rows), key=str)
        return found


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.nabe.close()


@pytest.fixture(scope="module")
def shared_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.nabe.close()


__all__ = ["Town", "manifest"]
