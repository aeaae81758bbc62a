"""The devices of the model city: what they send is what is stored, faults are seen, closed ones are not."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import math
import threading
import time
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
import uvicorn

from nabe import manifest
from nabe.adapters.lorawan.servers import SERVERS
from nabe.adapters.lorawan.settings import Server
from nabe.app import asgi, devices, open_workspace
from nabe.cli.workspace import apply_files
from nabe.config import Settings
from nabe.demo.accounts import ACCOUNTS, GATEWAY
from nabe.demo.nouns import nouns
from nabe.demo.nouns.systems import SERVICES, Silos
from nabe.demo.processes import sending
from nabe.demo.running import create_accounts, gateway
from nabe.demo.sensing import placing
from nabe.demo.sensing.equipping import Parts, equip, known
from nabe.demo.sensing.messages import message, values
from nabe.demo.sensing.orders import Orders
from nabe.demo.sensing.signals import KINDS
from nabe.devices.builtin import PROFILES, codec_text
from nabe.devices.readings import readings
from nabe.model.entities import EntityQuery, EntityType, Hop
from nabe.model.party import ANONYMOUS
from nabe.model.query import Query, Scan
from nabe.model.term import Call, Instant, Literal, Path
from nabe.model.usecase import OPEN_DATA
from nabe.sandbox import Codec, Sandbox

OPEN = {"air_sensors", "parking_bays", "traffic_counts", "water_levels", "weather"}
ACTORS = {account.actor.id: account.actor for account in ACCOUNTS}
NOW = dt.datetime.now(dt.UTC).timestamp()


def test_400_devices_of_eight_kinds_always_the_same(town):
    found = placing.devices(town)
    assert found == placing.devices(town)
    listed = [item for item in found if item.fault != "unlisted"]
    assert len(listed) == 400 and len(found) == 403
    assert len({item.id for item in found}) == len(found) == len({item.name for item in found})
    ways = Counter(item.of.way for item in listed)
    assert 180 <= ways["chirpstack"] + ways["things_stack"] <= 240, "about half by LoRaWAN"
    assert {"stuck", "dead", "clock", "unlisted"} < {item.fault for item in found}
    assert all(item.properties["street_key"] and item.properties["district_key"] for item in found)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_moment_and_a_year_give_the_same_values(kind):
    times = NOW - np.arange(0, 365 * 86_400, 7_777.0)
    for signal in kind.signals:
        many = np.broadcast_to(signal.value(np, 17.0, times), times.shape)
        for at in (0, 100, -1):
            assert float(many[at]) == pytest.approx(float(signal.value(math, 17.0, float(times[at]))), abs=1e-6)
        assert np.isfinite(many.astype(float)).all()


@pytest.fixture(scope="module")
def sandbox():
    with contextlib.closing(Sandbox(workers=1)) as found:
        yield found


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.way in ("chirpstack", "things_stack")], ids=lambda kind: kind.id
)
def test_bytes_on_the_air_become_the_values_again(kind, sandbox):
    profile, server = PROFILES[kind.profile], Server(kind.way)
    codec = Codec(codec_text(profile.codec))
    for hours in range(0, 24 * 60, 29):
        at = NOW - hours * 3_600.0
        measured = values(kind, 18, at)
        (sent,) = message(kind.id, "70b3d5e750000001", "Gerät 1", measured, at, counter=hours, session="0000aa")
        (uplink,) = SERVERS[server](sent.topic, json.loads(sent.body))
        assert (uplink.device, uplink.counter) == ("70b3d5e750000001", hours)
        assert uplink.received == pytest.approx(at * 1e6, abs=2_000)
        decoded = sandbox.decode(codec, uplink.payload, uplink.port)
        found, left_out = readings(profile, decoded.data, uplink.port)
        assert not left_out
        got = {item.field: json.loads(item.text) if item.text else item.number for item in found}
        assert got.keys() == measured.keys()
        for name, value in measured.items():
            assert got[name] == pytest.approx(value, abs=0.06), name


class City:
    """The city's sensors in a workspace of their own: declarations, accounts, entities, a past."""

    def __init__(self, root, town):
        self.root = root
        noted = nouns(town.districts, Silos({"path": "x.sqlite"}, {name: "http://127.0.0.1:8095" for name in SERVICES}))
        manifest.write(root, noted)
        (root / placing.FILE).parent.mkdir(parents=True)
        placing.write(town, (root / placing.FILE).parent)
        self.nabe = open_workspace(root, Settings(mqtt_port=0, jobs=0))
        apply_files(self.nabe)
        create_accounts(self.nabe.identity)
        if GATEWAY not in self.nabe.identity.accounts():
            self.nabe.identity.put_account(GATEWAY, None)
        entities = self.nabe.store.entities
        self.parts = Parts(
            self.nabe.hub.sensing, self.nabe.devices.fleet, entities.feature_of, self.nabe.observations.load
        )
        self.made = equip(root, self.parts, NOW)

    def count(self, kind, *, since, actor="", use_case=OPEN_DATA):
        """Observations of the devices of a kind that happened since a moment, as somebody sees them."""
        things = [
            self.made[item.id].thing for item in placing.read(self.root) if item.kind == kind and item.id in self.made
        ]
        where = Call(
            "and",
            (
                Call("in", (Path(("Datastream", "Thing", "id")), *map(Literal, things))),
                Call("ge", (Path(("phenomenonTime",)), Literal(Instant(int(since * 1e6))))),
            ),
        )
        query = EntityQuery(EntityType.OBSERVATION, where=where, top=0, count=True)
        return self.nabe.hub.sensing.read(ACTORS.get(actor, ANONYMOUS), use_case, query).total


@pytest.fixture(scope="module")
def city(tmp_path_factory, town):
    found = City(tmp_path_factory.mktemp("sensing"), town)
    yield found
    found.nabe.close()


def test_the_past_is_there_and_ends_where_a_device_died(city):
    sensing = city.nabe.hub.sensing
    every = EntityQuery(EntityType.OBSERVATION, top=0, count=True)
    assert 900_000 < sensing.read(ANONYMOUS, OPEN_DATA, every).total < 2_000_000
    dead = next(item for item in placing.read(city.root) if item.fault == "dead" and item.kind == "weather")
    stream = city.made[dead.id].streams["temperature"]
    newest = EntityQuery(EntityType.DATASTREAM, id=stream)
    until = sensing.read(ANONYMOUS, OPEN_DATA, newest).rows[0].values["phenomenonTime"][1] / 1e6
    assert 5.5 < (NOW - until) / 86_400 < 7.5
    assert NOW - 61 * 86_400 < sensing.read(ANONYMOUS, OPEN_DATA, newest).rows[0].values["phenomenonTime"][0] / 1e6


def test_building_again_makes_nothing_twice(city):
    things = EntityQuery(EntityType.THING, top=0, count=True)
    before = city.nabe.hub.sensing.read(ANONYMOUS, OPEN_DATA, things).total
    assert equip(city.root, city.parts, NOW) == known(city.root) == city.made
    assert city.nabe.hub.sensing.read(ANONYMOUS, OPEN_DATA, things).total == before == 256


def test_who_sees_what(city):
    sensing = city.nabe.hub.sensing
    assert set(sensing.readable(ANONYMOUS, OPEN_DATA)) == OPEN
    assert set(sensing.readable(ACTORS["schulamt"], "cold_chain")) == OPEN | {"fridge_temperatures"}
    assert set(sensing.readable(ACTORS["umweltamt"], "energy_monitoring")) == OPEN | {"energy_meters"}
    assert set(sensing.readable(ACTORS["it"], OPEN_DATA)) == OPEN
    fridge = city.made[next(item.id for item in placing.read(city.root) if item.kind == "fridge")]
    hop = Hop(EntityType.DATASTREAM, fridge.streams["TempC_DS"], "Observations")
    with pytest.raises(Exception, match="may know"):
        sensing.read(ANONYMOUS, OPEN_DATA, EntityQuery(EntityType.OBSERVATION, hops=(hop,)))
    assert sensing.read(ACTORS["schulamt"], "cold_chain", EntityQuery(EntityType.OBSERVATION, hops=(hop,), top=5)).rows
    assert set(sensing.readable_streams(ANONYMOUS, OPEN_DATA)) == OPEN
    assert set(sensing.writable(GATEWAY)) == OPEN | {"fridge_temperatures", "energy_meters"}


@pytest.mark.parametrize("name", sorted(OPEN))
def test_each_is_a_table_too_and_all_its_fields_hold_values(city, name):
    table = city.nabe.hub.read(ANONYMOUS, OPEN_DATA, Query.of(Scan(name, limit=3_000))).table()
    empty = {field for field in table.schema.names if table[field].null_count == table.num_rows}
    nothing = {
        "parking_bays": {"result", "unit"},
        "traffic_counts": {"unit"},
    }  # a truth is no number, a count has no unit
    assert empty == nothing.get(name, set()) and table.num_rows == 3_000
    if name == "parking_bays":
        assert set(table["occupied"].to_pylist()) == {True, False}
    shapes = shapely.from_wkb(table["place"].to_pylist())
    west, south, east, north = shapely.total_bounds(shapes)
    assert 9.8 < west <= east < 10.0 and 51.44 < south <= north < 51.56


@pytest.fixture(scope="module")
def served(city):
    """MQTT and HTTP at work, and a token of the gateway."""
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(devices(city.nabe))
        config = uvicorn.Config(asgi(city.nabe), host="127.0.0.1", port=0, log_level="error", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        token = stack.enter_context(gateway(city.nabe.identity, city.nabe.hub.now()))
        streams = {id: item.streams for id, item in city.made.items()}
        yield Orders(service.ports["mqtt"], port, GATEWAY.id, token, streams)
        server.should_exit = True
        thread.join(10)


def _sent(city, served, seconds, *kinds):
    """Let devices of these kinds send for a while; what they say they sent, and when that began."""
    begin = time.time()
    with sending(city.root, dataclasses.replace(served, only=kinds, speed=60.0)) as process:
        time.sleep(seconds)
        process.stdin.close()
        told = json.loads(process.stdout.readline())
    return SimpleNamespace(**told), begin


def _until(check, seconds=20.0):
    end = time.monotonic() + seconds
    while (found := check()) is False and time.monotonic() < end:
        time.sleep(0.2)
    return found


def test_lorawan_devices_are_stored_once_strangers_and_rubbish_are_parked(city, served):
    parked = city.nabe.parking
    before = max((item.number for item in parked.parked()), default=0)
    told, begin = _sent(city, served, 4.0, "fridge")
    assert told.sent > 40 and told.unlisted
    good = told.sent - told.spoilt - told.unlisted
    # What came twice is in the store once; a clock that was never set is not believed.
    seen = {"since": begin - 1, "actor": "schulamt", "use_case": "cold_chain"}
    assert _until(lambda: city.count("fridge", **seen) == 3 * good) is True, (city.count("fridge", **seen), told)
    codes = Counter(item.code for item in parked.parked(after=before, limit=1_000))
    # A stranger that the network server announces twice is parked twice.
    assert told.unlisted <= codes["device-unknown"] <= told.unlisted + told.twice
    assert codes.total() - codes["device-unknown"] == told.spoilt


def test_observations_over_mqtt_are_stored_once(city, served):
    told, begin = _sent(city, served, 4.0, "weather")
    assert told.sent > 100 and told.twice
    good = told.sent - told.spoilt
    clocks = sum(item.fault == "clock" for item in placing.read(city.root) if item.kind == "weather")
    assert clocks == 1  # it tells the hour before, and is believed
    assert _until(lambda: good - 40 <= city.count("weather", since=begin - 1) <= good) is True, told


def test_the_webhook_takes_those_of_the_other_network(city, served):
    told, begin = _sent(city, served, 3.0, "air")
    good = told.sent - told.spoilt
    assert told.sent > 20 and told.refused == told.spoilt
    assert _until(lambda: city.count("air", since=begin - 1) == 5 * good) is True


def test_meters_and_counters_wait_for_their_interval(city, served):
    told, begin = _sent(city, served, 2.0, "electricity", "traffic")
    assert told.by_kind["electricity"] > 20 and told.by_kind["traffic"] > 20
    assert city.count("electricity", since=begin, actor="umweltamt", use_case="energy_monitoring") == 0
    assert city.count("traffic", since=begin) == 0
