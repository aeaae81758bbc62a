"""Messages that are posted: stored once, as what they are, or kept aside; nothing for those who may not."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from tests.devices.conftest import Town
from tests.devices.support import CLIMATE, KITA_OST, KITA_WEST, chirpstack, things_stack

US = 1_000_000


def post(town: Town, path: str, body: Any, actor: str = "netz") -> Any:
    with town.client(actor) as client:
        return client.post(path, json=body)


def test_an_uplink_of_chirpstack_becomes_observations(town: Town) -> None:
    answer = post(town, "/devices/funknetz?event=up", chirpstack(counter=5))
    assert (answer.status_code, answer.json()) == (202, {"stored": 1, "parked": 0})
    found = town.things()["Kita Ost"]
    assert {name: [result for _, result in rows] for name, rows in found.items()} == {
        "Air temperature": [30.8],
        "Relative humidity": [50.5],
    }
    view = town.nabe.devices.fleet.view("funknetz", KITA_OST, now=int(time.time() * US))
    assert (view.sighting.battery, view.sighting.link.rssi, view.sighting.link.gateways) == (92.0, -90.0, 2)
    assert not view.silent and not view.low
    with town.client("netz") as client:
        (row,) = [item for item in client.get("/devices/funknetz").json()["devices"] if item["id"] == KITA_OST]
    assert (row["battery"], row["rssi"], row["silent"], row["messages"]) == (92.0, -90.0, False, 1)
    # The Thing is what the list says of it, and stands in its dataset.
    with town.client("") as client:
        thing = client.get(f"/sta/v1.1/Things({view.device.thing})?$expand=Locations").json()
    assert thing["properties"]["Inventarnummer"] == "4711" and thing["properties"]["device_id"] == KITA_OST
    assert thing["Locations"][0]["location"]["coordinates"] == [7.4, 51.5]


def test_what_comes_twice_is_stored_once(town: Town) -> None:
    first, second = chirpstack(counter=5), chirpstack(counter=6)
    for body in (first, second, first, second, first):
        assert post(town, "/devices/funknetz", body).status_code == 202
    assert len(town.things()["Kita Ost"]["Air temperature"]) == 2
    # The same frame by another way, with another time of the server: it is the same frame.
    assert post(town, "/devices/funknetz/up", first | {"time": "2026-01-01T00:00:00Z"}).status_code == 202
    assert len(town.things()["Kita Ost"]["Air temperature"]) == 2


def test_a_counter_that_starts_anew_is_no_repetition(town: Town) -> None:
    for counter, at in ((100, "10:00"), (101, "10:10"), (0, "10:20"), (1, "10:30"), (100, "10:00"), (0, "10:20")):
        body = chirpstack(counter=counter, time=f"2026-11-01T{at}:00Z")
        assert post(town, "/devices/funknetz", body).status_code == 202
    assert len(town.things()["Kita Ost"]["Air temperature"]) == 4


def test_devices_are_learned_where_the_dataset_says_so(town: Town) -> None:
    assert post(town, "/devices/ttn", things_stack("0102030405060708", b"\x01")).json()["stored"] == 1
    assert post(town, "/devices/ttn", things_stack("0102030405060708", b"\x00\x14", 2, 2)).json()["stored"] == 1
    found = town.things()["eui-0102030405060708"]
    assert [result for _, result in found["Occupied"]] == [True, False]
    assert [result for _, result in found["Temperature"]] == [20.0]
    with town.client("") as client:
        rows = client.get("/sta/v1.1/Observations?$filter=parameters/sf eq 7").json()["value"]
    assert len(rows) == 3 and rows[0]["parameters"]["rssi"] == -70
    # One of another application is not.
    answer = post(town, "/devices/ttn", things_stack("0102030405060709", b"\x01", group="anderes"))
    assert answer.json()["code"] == "device-unknown"


def test_unknown_devices_are_parked_shown_and_taken_in_once_declared(town: Town) -> None:
    stranger = "00000000000000aa"
    for counter in range(3):
        answer = post(town, "/devices/funknetz", chirpstack(stranger, counter=counter))
        assert answer.status_code == 202 and answer.json()["parked"] == 1
    post(town, "/devices/funknetz", chirpstack(stranger, counter=2))
    (unknown,) = town.nabe.devices.unknown(town.actors["it"])
    assert (unknown.system, unknown.device, unknown.kind) == ("funknetz", stranger, "EM300")
    assert town.nabe.devices.unknown(town.actors["fremd"]) == []
    from nabe.app import channels
    from nabe.model.device import Device
    from nabe.mqtt import Channels

    town.nabe.devices.put(town.actors["it"], [Device("funknetz", stranger, "klima", "milesight-em300-th", "Neu")])
    parked = town.nabe.parking.parked()
    takers = Channels(channels(town.nabe))
    assert [takers.taking(item.message.topic).take([item.message]) for item in parked] == [[None]] * len(parked)  # type: ignore[union-attr]
    assert len(town.things()["Neu"]["Air temperature"]) == 3


def test_a_hostile_codec_parks_its_message_and_hurts_no_other(town: Town) -> None:
    answer = post(town, "/devices/funknetz", chirpstack(KITA_WEST, b"\x79", port=66))
    assert (answer.status_code, answer.json()["code"]) == (202, "device-codec")
    assert post(town, "/devices/funknetz", chirpstack()).json()["stored"] == 1
    assert post(town, "/devices/funknetz", chirpstack(KITA_WEST, b"\x79", 2, 1)).json()["stored"] == 1
    assert [result for _, result in town.things()["Kita West"]["Air temperature"]] == [21.0]
    view = town.nabe.devices.fleet.view("funknetz", KITA_WEST, now=0)
    assert view.sighting.failures == 1


@pytest.mark.parametrize(
    ("actor", "path", "status"),
    [
        ("", "/devices/funknetz", 403),
        ("fremd", "/devices/funknetz", 403),
        ("netz", "/devices/gibtsnicht", 403),
        ("netz", "/devices/klima", 403),
    ],
)
def test_who_may_not_write_leaves_nothing(town: Town, actor: str, path: str, status: int) -> None:
    answer = post(town, path, chirpstack(), actor)
    assert answer.status_code == status
    assert town.things() == {} and town.nabe.parking.count() == 0


def test_a_wrong_token_is_told(town: Town) -> None:
    with town.client() as client:
        assert client.post("/devices/funknetz", json={}, headers={"Authorization": "Bearer nabe_x"}).status_code == 401


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        (b"", 400, "body"),
        (b"{", 400, "body"),
        (b"[" * 200_000, 400, "body"),
        (b"x" * 300_000, 413, "body"),
        (b"x" * 2_000_000, 413, "body"),
        (b'{"deviceInfo": {"devEui": "zz"}, "rxInfo": [], "data": ""}', 400, "deviceInfo.devEui"),
        (b'{"a": NaN}', 400, "body"),
    ],
)
def test_what_cannot_be_read_is_refused_and_not_kept(
    shared_town: Town, content: bytes, status: int, field: str
) -> None:
    with shared_town.client() as client:
        answer = client.post("/devices/funknetz", content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["params"]["field"] == field if "params" in answer.json() else answer.json()["field"] == field
    assert shared_town.nabe.parking.count() == 0


def test_wrong_clocks_do_not_move_observations(town: Town) -> None:
    now = time.time() * US
    for counter, told in enumerate(("2099-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "2026-11-01T12:00:00Z")):
        post(town, "/devices/funknetz", chirpstack(counter=counter, time=told))
    times = sorted(at if isinstance(at, int) else at[0] for at, _ in town.things()["Kita Ost"]["Air temperature"])
    assert times[0] == 1793534400 * US
    assert all(abs(at - now) < 120 * US for at in times[1:])


def test_joins_and_status_are_noted(town: Town) -> None:
    post(town, "/devices/funknetz", chirpstack())
    info = {"deviceInfo": {"devEui": KITA_OST}, "time": "2026-11-01T12:00:00Z"}
    assert (
        post(town, "/devices/funknetz?event=status", info | {"margin": 7, "batteryLevel": 17.5}).json()["stored"] == 1
    )
    assert post(town, "/devices/funknetz?event=join", info | {"devAddr": "01"}).json()["stored"] == 1
    view = town.nabe.devices.fleet.view("funknetz", KITA_OST, now=int(time.time() * US))
    assert view.sighting.battery == 17.5 and view.low


def test_a_service_posts_many_records_at_once(town: Town) -> None:
    readings = [
        {"meter": f"m{number % 3}", "at": 1793534400 + number, "n": number, "values": {"kWh": number / 2}}
        for number in range(30)
    ]
    assert post(town, "/devices/zaehler", {"readings": readings}).json()["stored"] == 1
    assert post(town, "/devices/zaehler", {"readings": readings[:5]}).json()["stored"] == 1
    found = town.things()
    assert [len(found[name]["Energy"]) for name in ("m0", "m1", "m2")] == [10, 10, 10]
    assert found["m1"]["Energy"][0][1] == 0.5


def test_an_impossible_value_is_left_out_and_said(town: Town) -> None:
    post(town, "/devices/zaehler", {"readings": [{"meter": "m", "at": 1793534400, "n": 1, "values": {"kWh": -1}}]})
    assert (
        town.nabe.devices.fleet.view("zaehler", "m", now=0).sighting.last_failure
        == "kWh: outside of what the sensor measures"
    )


def test_entities_that_somebody_removed_come_back(town: Town) -> None:
    from nabe.model.entities import EntityQuery, EntityType

    post(town, "/devices/funknetz", chirpstack(counter=1))
    device = town.nabe.devices.fleet.view("funknetz", KITA_OST, now=0).device
    sensing, it = town.nabe.hub.sensing, town.actors["it"]
    sensing.delete(it, EntityQuery(EntityType.DATASTREAM, id=device.streams["humidity"]))
    assert post(town, "/devices/funknetz", chirpstack(counter=2)).json() == {"stored": 1, "parked": 0}
    assert len(town.things()["Kita Ost"]["Relative humidity"]) == 1
    sensing.delete(it, EntityQuery(EntityType.THING, id=device.thing))
    assert post(town, "/devices/funknetz", chirpstack(counter=3)).json() == {"stored": 1, "parked": 0}
    assert len(town.things()["Kita Ost"]["Air temperature"]) == 1


def test_what_the_network_server_decoded_is_taken_where_a_profile_has_no_codec(town: Town) -> None:
    from nabe.model.device import Device

    town.nabe.devices.put(town.actors["it"], [Device("funknetz", "00000000000000bb", "klima", "pumpe", "Ohne")])
    answer = post(town, "/devices/funknetz", chirpstack("00000000000000bb", CLIMATE, 1, object={"Power": 17}))
    assert answer.json()["stored"] == 1
    assert [result for _, result in town.things()["Ohne"]["Power"]] == [17.0]
    answer = post(town, "/devices/funknetz", chirpstack("00000000000000bb", CLIMATE, 2))
    assert answer.json()["code"] == "device-codec" and "nobody decoded" in answer.json()["detail"]
    assert base64.b64decode("AQ==") == b"\x01"
