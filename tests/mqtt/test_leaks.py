"""Nobody is told more over MQTT or server-sent events than reading would give: every actor, every use case, every topic.

Canaries stand in closed datasets and withheld fields; the oracle is written by hand.
"""

from __future__ import annotations

import contextlib
import json
import threading

import httpx
import pytest
from tests.mqtt.conftest import Client, until

from nabe.app import asgi, devices
from nabe.config import Settings
from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Dataset, Field, FieldType, Mode, System
from nabe.model.entities import EntityType, Hop, NewEntity
from nabe.model.flat import STREAM_FIELDS
from nabe.model.party import Actor, Role
from nabe.model.stream import Stream
from nabe.model.text import Text
from nabe.model.usecase import Approval, Grant, Member, UseCase, UseCaseState
from nabe.ports.entities import EntityScan
from nabe.testing import canary_city
from nabe.testing.serving import OpenCity, on_a_port

T = EntityType
WRITER = Actor("messnetz", "Messnetz", "soziales", frozenset({Role.DATA_OWNER}))
_PERSONAL = (
    *STREAM_FIELDS,
    Field("halter", FieldType.STRING, column="Datastream/Thing/properties/halter", personal=True),
    Field("kennzeichen", FieldType.STRING, column="parameters/kennzeichen", personal=True),
)
#: Canaries that (actor, use case) may be told: `offen` is everybody's.
ALLOWED = {
    ("planerin", "messen"): {"offen", "zaehler"},
    ("sachbearbeiter", "verfolgen"): {"offen", "halter", "kennzeichen"},
    ("it", "nichts"): set(),  # there is no such use case
    ("nachbarin", "verfolgen"): set(),  # not one of its members
}
CANARIES = ("offen", "zaehler", "halter", "kennzeichen", "geheim")


def _dataset(id, access, fields=STREAM_FIELDS):
    stream = Stream(("messnetz",))
    return Dataset(id, Text(id), "soziales", access, fields, system="netz", mode=Mode.STREAM, stream=stream)


def _case(id, person, *grants):
    return UseCase(
        id,
        Text(id),
        Text("Zweck"),
        "planung",
        "§ 1",
        state=UseCaseState.ACTIVE,
        members=(Member(person=person),),
        grants=grants,
    )


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    found = OpenCity(tmp_path_factory.mktemp("stadt"), Settings(mqtt_port=0, jobs=0))
    given = Approval("owner", canary_city.NOW)
    found.declare(
        Change("system", "netz", System("netz", Text("Netz"), "sensing", "soziales")),
        Change("dataset", "verkehr", _dataset("verkehr", Access.OPEN, _PERSONAL)),
        Change("dataset", "zaehler", _dataset("zaehler", Access.RESTRICTED)),
        Change("dataset", "geheim", _dataset("geheim", Access.RESTRICTED)),
        Change("usecase", "messen", _case("messen", "planerin", Grant("zaehler", ("*",), approval=given))),
        Change(
            "usecase",
            "verfolgen",
            _case("verfolgen", "sachbearbeiter", Grant("verkehr", ("*", "halter", "kennzeichen"), approval=given)),
        ),
    )
    found.nabe.identity.put_account(WRITER, canary_city.PASSWORD)
    _, found.tokens["messnetz"] = found.nabe.identity.create_token("messnetz", "t", at=canary_city.NOW, expires=None)
    with contextlib.ExitStack() as stack:
        found.mqtt = stack.enter_context(devices(found.nabe)).ports["mqtt"]
        found.http = stack.enter_context(on_a_port(asgi(found.nabe)))
        found.ids = {name: _thing(found, name) for name in ("verkehr", "zaehler", "geheim")}
        yield found
    found.nabe.close()


def _thing(city, dataset):
    """A Thing with a stream; their ids."""
    word = "KANARIE-offen" if dataset == "verkehr" else f"KANARIE-{dataset}"
    named = {"name": word, "description": "x"}
    place = {"type": "Point", "coordinates": [9.9, 51.5]}
    stream = NewEntity(
        T.DATASTREAM,
        {
            **named,
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {"name": "", "symbol": "", "definition": ""},
        },
        {
            "Sensor": (NewEntity(T.SENSOR, {**named, "encodingType": "text/html", "metadata": "m"}),),
            "ObservedProperty": (NewEntity(T.OBSERVED_PROPERTY, {**named, "definition": "d"}),),
        },
    )
    there = NewEntity(T.LOCATION, {**named, "encodingType": "application/geo+json", "location": place})
    values = {**named, "properties": {"halter": "KANARIE-halter"} if dataset == "verkehr" else {}}
    thing = NewEntity(T.THING, values, {"Datastreams": (stream,), "Locations": (there,)})
    sensing = city.nabe.hub.sensing
    id = sensing.create(WRITER, "open-data", thing, dataset=dataset)

    scan = EntityScan(T.DATASTREAM, frozenset({dataset}), hops=(Hop(T.THING, id, "Datastreams"),))
    return id, city.nabe.store.entities.find(scan)[0].id


def _topics(city):
    sets = ("Things", "Datastreams", "Locations", "Sensors", "ObservedProperties", "Observations", "FeaturesOfInterest")
    yield from sets
    for thing, stream in city.ids.values():
        yield f"Things({thing})"
        yield f"Things({thing})/name"
        yield f"Things({thing})/properties"
        yield f"Things({thing})/properties/halter"
        yield f"Things({thing})/Datastreams"
        yield f"Datastreams({stream})/Observations"
        yield f"Datastreams({stream})/Observations?$select=parameters,result"
        yield f"Datastreams({stream})/Thing"
    yield "Observations?$filter=parameters/kennzeichen eq 'KANARIE-kennzeichen'"
    yield "Things?$filter=properties/halter eq 'KANARIE-halter'"
    yield "Observations?$expand=Datastream($expand=Thing)"
    yield from ("#", "+", "Things/#", "+/+", "Things(1)/../Things")


def _happen(city, round):
    """Something in every dataset, of every kind."""
    sensing = city.nabe.hub.sensing
    with Client(city.mqtt, "", "messnetz", city.tokens["messnetz"]) as device:
        for name, (_, stream) in city.ids.items():
            word = "offen" if name == "verkehr" else name
            parameters = {"word": f"KANARIE-{word}"} | (
                {"kennzeichen": "KANARIE-kennzeichen"} if name == "verkehr" else {}
            )
            for number in range(2):
                device.publish(
                    f"v1.1/Datastreams({stream})/Observations",
                    json.dumps({"result": round * 10 + number, "parameters": parameters}),
                )
    for name, (thing, _) in city.ids.items():
        halter = {"halter": f"KANARIE-halter {round}"} if name == "verkehr" else {}
        word = "offen" if name == "verkehr" else name
        sensing.update(WRITER, T.THING, thing, {"name": f"KANARIE-{word} {round}", "properties": halter})
    sensing.create(
        WRITER,
        "open-data",
        NewEntity(T.THING, {"name": f"KANARIE-offen Ende {round}", "description": "x", "properties": {}}),
        dataset="verkehr",
    )


def test_over_mqtt_nobody_is_told_what_they_may_not_read(city):
    askers = [("", "open-data"), ("buergerin", "messen"), ("planerin", "open-data"), ("planerin", "messen")]
    askers += [("sachbearbeiter", "verfolgen"), ("owner", "messen"), ("it", "nichts"), ("nachbarin", "verfolgen")]
    clients = {}
    with contextlib.ExitStack() as stack:
        for actor, case in askers:
            user = f"{actor or 'anonymous'}?use-case={case}"
            client = Client(city.mqtt, "", user, city.tokens[actor] if actor else None)
            stack.callback(client.close)
            clients[actor, case] = client
            for topic in _topics(city):
                client.subscribe(f"v1.1/{topic}", 1)
        _happen(city, 1)
        for asker, client in clients.items():
            allowed = ALLOWED.get(asker, {"offen"})
            until(
                lambda client=client, allowed=allowed: (
                    not allowed or any(b"Ende 1" in item.payload for item in client.got)
                ),
                30,
            )
            told = b" ".join(item.topic.encode() + b" " + item.payload for item in client.got).decode()
            for word in CANARIES:
                # a topic that was asked for is no secret; what stands in payloads is
                seen = [item for item in client.got if f"KANARIE-{word}".encode() in item.payload]
                assert word in allowed or not seen, (
                    asker,
                    word,
                    [(item.topic, item.payload[:200]) for item in seen][:2],
                )
            assert ("KANARIE-offen" in told) is bool(allowed)
        for asker, allowed in ALLOWED.items():
            told = b" ".join(item.payload for item in clients[asker].got).decode()
            assert all(f"KANARIE-{word}" in told for word in allowed), (asker, "is told what it may read")


def test_a_grant_that_is_taken_away_ends_what_is_told_and_one_that_is_given_begins_it(city):
    _, stream = city.ids["zaehler"]
    user = "planerin?use-case=messen"
    with Client(city.mqtt, "", user, city.tokens["planerin"]) as client:
        assert client.subscribe("v1.1/Observations") == 0
        _happen(city, 2)
        until(lambda: sum(b"KANARIE-zaehler" in item.payload for item in client.got) == 2)
        city.nabe.hub.withdraw(canary_city.ACTORS["owner"], "messen", "zaehler")
        client.got.clear()
        _happen(city, 3)
        until(lambda: sum(b"KANARIE-offen" in item.payload for item in client.got) == 2)
        assert not any(b"KANARIE-zaehler" in item.payload for item in client.got)
        city.nabe.hub.approve(canary_city.ACTORS["owner"], "messen", "zaehler")
        _happen(city, 4)
        until(lambda: sum(b"KANARIE-zaehler" in item.payload for item in client.got) == 2)


@pytest.mark.parametrize("actor", ["", "buergerin", "planerin", "owner"])
def test_over_server_sent_events_nobody_is_told_what_they_may_not_read(city, actor):

    headers = {"Accept": "text/event-stream"} | ({"Authorization": f"Bearer {city.tokens[actor]}"} if actor else {})
    root, told, ready = f"http://127.0.0.1:{city.http}/sta/v1.1/", [], threading.Barrier(3)

    def listen(topic):
        with httpx.Client(timeout=30) as client, client.stream("GET", root + topic, headers=headers) as answer:
            lines = answer.iter_lines()
            told.append(next(lines))
            ready.wait(20)
            for line in lines:
                told.append(line)
                if "Ende 5" in line or ('"result":51' in line and "Observations" in topic):
                    return

    threads = [threading.Thread(target=listen, args=(topic,), daemon=True) for topic in ("Things", "Observations")]
    for thread in threads:
        thread.start()
    ready.wait(20)
    _happen(city, 5)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    text = "\n".join(told)
    assert "KANARIE-offen" in text
    assert not [word for word in CANARIES[1:] if f"KANARIE-{word}" in text]
    for thing, stream in (city.ids["geheim"], city.ids["zaehler"]):
        for path in (f"Things({thing})", f"Datastreams({stream})/Observations", f"Things({thing})/Datastreams"):
            refused = httpx.get(root + path, headers=headers)
            assert refused.status_code == 404 and "KANARIE" not in refused.text
