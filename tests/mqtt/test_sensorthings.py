"""SensorThings over MQTT and server-sent events, from a client's publication to subscribers of different rights."""

from __future__ import annotations

import contextlib
import json
import threading
import time

import httpx
import pytest
from tests.mqtt.conftest import Client, until

from nabe.app import asgi, devices
from nabe.config import Settings
from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Dataset, Mode, System
from nabe.model.entities import EntityType, Hop
from nabe.model.flat import STREAM_FIELDS
from nabe.model.stream import Stream
from nabe.model.text import Text
from nabe.ports.entities import EntityScan
from nabe.testing.serving import OpenCity, on_a_port

THING = {
    "name": "Station",
    "description": "am Markt",
    "Locations": [
        {
            "name": "Markt",
            "description": "",
            "encodingType": "application/geo+json",
            "location": {"type": "Point", "coordinates": [9.9, 51.5]},
        }
    ],
    "Datastreams": [
        {
            "name": "Temperatur",
            "description": "außen",
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {"name": "Grad Celsius", "symbol": "°C", "definition": "ucum:Cel"},
            "ObservedProperty": {"name": "Lufttemperatur", "definition": "http://example.org/t", "description": ""},
            "Sensor": {"name": "DHT22", "description": "", "encodingType": "text/html", "metadata": "http://x.example"},
        }
    ],
}


def _dataset(id, access, *writers):
    stream = Stream(writers)
    return Dataset(id, Text(id), "planung", access, STREAM_FIELDS, system="netz", mode=Mode.STREAM, stream=stream)


class City:
    """Open weather that anybody may write, meters that only the planning office may; HTTP and MQTT in front."""

    def __init__(self, root):
        self.city = OpenCity(root, Settings(mqtt_port=0, jobs=0))
        self.city.declare(
            Change("system", "netz", System("netz", Text("Netz"), "sensing", "planung")),
            Change("dataset", "wetter", _dataset("wetter", Access.OPEN, "anonymous")),
            Change("dataset", "zaehler", _dataset("zaehler", Access.RESTRICTED, "it")),
        )
        self.stack = contextlib.ExitStack()
        self.mqtt = self.stack.enter_context(devices(self.city.nabe))
        self.port = self.stack.enter_context(on_a_port(asgi(self.city.nabe)))
        self.root = f"http://127.0.0.1:{self.port}/sta/v1.1/"

    def thing(self, dataset, actor=""):
        headers = {"Nabe-Dataset": dataset} | self.token(actor)
        answer = httpx.post(self.root + "Things", json=THING, headers=headers)
        assert answer.status_code == 201, answer.text
        id = int(answer.headers["Location"].rpartition("(")[2].rstrip(")"))
        return id, self.stream_of(id)

    def stream_of(self, thing):
        scan = EntityScan(
            EntityType.DATASTREAM, frozenset({"wetter", "zaehler"}), hops=(Hop(EntityType.THING, thing, "Datastreams"),)
        )
        return self.city.nabe.store.entities.find(scan)[0].id

    def token(self, actor):
        return {"Authorization": f"Bearer {self.city.tokens[actor]}"} if actor else {}

    def client(self, actor="", client_id="", clean=True):
        password = self.city.tokens[actor] if actor else None
        return Client(self.mqtt.ports["mqtt"], client_id, actor or None, password, clean)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    found = City(tmp_path_factory.mktemp("stadt"))
    yield found
    found.stack.close()
    found.city.nabe.close()


def results(city, stream):
    answer = httpx.get(f"{city.root}Datastreams({stream})/Observations?$orderby=id&$top=10000&$select=result")
    return [item["result"] for item in answer.json()["value"]]


def test_observations_published_are_stored_once_and_told_to_subscribers_as_get_answers_them(city):
    _, stream = city.thing("wetter")
    topic = f"v1.1/Datastreams({stream})/Observations"
    with city.client() as device, city.client() as reader, city.client() as other:
        assert reader.subscribe(topic, 1) == 1
        assert other.subscribe("v1.1/Observations?$select=result,id", 0) == 0
        for number in range(30):
            device.publish(topic, json.dumps({"result": number, "phenomenonTime": f"2026-11-24T00:00:{number:02}Z"}))
        until(lambda: len(reader.got) == 30 and len(other.got) == 30)
        assert {item.topic for item in reader.got} == {topic}
        got = [json.loads(item.payload) for item in reader.got]
        assert [item["result"] for item in got] == list(range(30))
        assert got[3]["phenomenonTime"] == "2026-11-24T00:00:03Z"
        same = httpx.get(f"{city.root}Observations({got[3]['@iot.id']})").json()
        assert same["result"] == 3 and same.keys() == got[3].keys()
        assert [set(json.loads(item.payload)) - {"@iot.id"} for item in other.got][:1] == [{"result"}]
    assert results(city, stream) == list(range(30))


def test_entities_properties_and_their_changes_are_told(city):
    thing, stream = city.thing("wetter")
    with city.client() as reader, city.client() as device:
        for topic in ("v1.1/Things", f"v1.1/Things({thing})", f"v1.1/Things({thing})/name"):
            assert reader.subscribe(topic) == 0
        device.publish("v1.1/Things", json.dumps({"name": "Neu", "description": "per MQTT"}))
        until(lambda: any(b"per MQTT" in item.payload for item in reader.got))
        httpx.patch(f"{city.root}Things({thing})", json={"name": "Anders"})
        until(lambda: any(item.topic.endswith("/name") for item in reader.got))
        time.sleep(0.1)
        by_topic = {item.topic: json.loads(item.payload) for item in reader.got}
        assert by_topic[f"v1.1/Things({thing})/name"] == {"name": "Anders"}
        assert by_topic[f"v1.1/Things({thing})"]["name"] == "Anders"
        reader.got.clear()
        httpx.patch(f"{city.root}Things({thing})", json={"description": "nur das"})
        until(lambda: any(item.topic == f"v1.1/Things({thing})" for item in reader.got))
        assert not any(item.topic.endswith("/name") for item in reader.got)


def test_nobody_is_told_what_they_may_not_read_whatever_they_subscribe_to(city):
    thing, stream = city.thing("zaehler", "it")
    closed = httpx.get(f"{city.root}Things({thing})")
    assert closed.status_code == 404
    with city.client() as stranger, city.client("buergerin") as citizen, city.client("it") as writer:
        for client in (stranger, citizen):
            for topic in ("v1.1/Things", "v1.1/Observations", "v1.1/Datastreams"):
                assert client.subscribe(topic) == 0
            for topic in (f"Things({thing})", f"Datastreams({stream})/Observations", f"Things({thing})/name", "#", "+"):
                assert client.subscribe(f"v1.1/{topic}") == 0x80
            assert client.subscribe("#") == client.subscribe("$SYS/#") == 0x80
        writer.publish(f"v1.1/Datastreams({stream})/Observations", '{"result": 4243}')
        writer.publish("v1.1/Things", '{"name": "geheim", "description": "x"}')
        _, open_stream = city.thing("wetter")
        writer_topic = f"v1.1/Datastreams({open_stream})/Observations"
        stranger.publish(writer_topic, '{"result": 1}')
        until(lambda: any(b'"result":1' in item.payload.replace(b" ", b"") for item in stranger.got))
        time.sleep(0.2)
        for client in (stranger, citizen):
            assert not [item for item in client.got if b"4243" in item.payload or b"geheim" in item.payload]
        stranger.publish(f"v1.1/Datastreams({stream})/Observations", '{"result": 666}')
        with city.client("it") as allowed:
            assert allowed.subscribe(f"v1.1/Things({thing})") == 0x80, "writing is not reading"
        until(lambda: any(b"666" in item.message.payload for item in city.city.nabe.parking.parked()))


def test_what_is_wrong_is_parked_and_can_be_replayed_when_it_is_put_right(city, capsys):
    from nabe.app import channels
    from nabe.mqtt import Channels
    from nabe.mqtt.ingest import outcomes

    _, stream = city.thing("wetter")
    topic, parking = f"v1.1/Datastreams({stream})/Observations", city.city.nabe.parking
    before = parking.count()
    bad = ["", "{", '{"result": NaN}', "[]", '{"result": "text"}', '{"result":1,"phenomenonTime":"gestern"}', "\x00"]
    with city.client() as device:
        for text in bad:
            device.publish(topic, text)
            device.publish(topic, '{"result": 5}')
        device.publish(f"v1.1/Datastreams({stream + 10_000})/Observations", '{"result": 6}')
        device.publish("v1.1/Datastreams(1)/Nothing", '{"result": 6}')
        device.publish("v1.1/Things(1)", "{}")
        until(lambda: len(results(city, stream)) == len(bad) and parking.count() == before + len(bad) + 3)
    found = parking.parked(limit=1000)[-len(bad) - 3 :]
    assert all(item.reason and item.code in ("invalid", "unknown") for item in found), found
    takers = Channels(channels(city.city.nabe))
    assert outcomes(takers.taking(topic), [found[-1].message])[0] is not None


def test_browsers_are_told_by_server_sent_events(city):
    _, stream = city.thing("wetter")
    thing, closed = city.thing("zaehler", "it")
    path = f"Datastreams({stream})/Observations"
    lines, opened = [], threading.Event()

    def listen():
        with (
            httpx.Client(timeout=20) as client,
            client.stream("GET", city.root + path, headers={"Accept": "text/event-stream"}) as answer,
        ):
            assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                opened.set()
                lines.append(line)
                if line.startswith("data: ") and '"result":2' in line:
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert opened.wait(10)
    for number in range(3):
        httpx.post(city.root + path, json={"result": number})
    thread.join(10)
    assert not thread.is_alive()
    assert [line for line in lines if line.startswith("event: ")] == ["event: created"] * 3
    accept = {"Accept": "text/event-stream"}
    assert httpx.get(f"{city.root}Things({thing})", headers=accept).status_code == 404
    assert httpx.get(f"{city.root}Datastreams({closed})/Observations", headers=accept).status_code == 404
    assert httpx.get(f"{city.root}Things?$top=1", headers=accept).status_code == 400
    assert httpx.get(f"{city.root}Nowhere", headers=accept).status_code == 404
