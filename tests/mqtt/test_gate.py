"""Clients at the gate: who comes in, what becomes of their messages, and that nobody harms a neighbour."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
from tests.mqtt.conftest import PASSWORD, House, until

from nabe.errors import Invalid
from nabe.mqtt import packets
from nabe.testing.needs import need


def test_what_is_acknowledged_is_stored_once_as_the_one_who_published_it(house):
    _, token = house.account()
    with house.client("device", "erika", token) as device, house.client() as nobody:
        for number in range(200):
            device.publish("v1.1/Datastreams(1)/Observations", f"e{number}", qos=number % 3)
        nobody.publish("v1.1/Things", "n")
        until(lambda: len(house.book.payloads()) == 201)
    assert [item for item in house.book.payloads() if item.startswith("e")] == [f"e{number}" for number in range(200)]
    assert house.book.actors() == {"erika", "anonymous"}
    assert house.nabe.parking.count() == 0


@pytest.mark.parametrize("qos", (0, 1, 2))
def test_subscribers_get_what_they_may_see_and_never_what_a_client_sent(house, qos):
    _, token = house.account()
    with house.client("a", "erika", token) as device, house.client("b") as reader:
        assert reader.subscribe("echo/open", qos) == qos
        assert reader.subscribe("echo/closed") == 0x80
        assert device.subscribe("echo/closed", 1) == 1
        assert (
            reader.subscribe("v1.1/#") == 0x80 and reader.subscribe("#") == 0x80 and reader.subscribe("$SYS/#") == 0x80
        )
        for name in ("open", "closed"):
            device.publish(f"v1.1/{name}", name, retain=True)
        until(lambda: reader.got and device.got)
        time.sleep(0.05)
        assert reader.texts() == [("echo/open", "open", qos)]
        assert device.texts() == [("echo/closed", "closed", 1)]
        with house.client() as late:
            late.subscribe("echo/open")
            time.sleep(0.05)
            assert late.got == [], "nothing is retained"


def test_only_accounts_with_the_right_word_come_in(house):
    made, token = house.account()
    house.account("otto")
    for user, password, code in (
        ("erika", "falsch-falsch", 4),
        ("niemand", "falsch-falsch", 4),
        ("erika", "nabe_0123456789ab_" + "x" * 40, 4),
        ("otto", token, 4),
        ("erika", None, 4),
        ("erika", PASSWORD, 0),
        ("erika?use-case=verkehr", token, 0),
        ("token", token, 0),
        (token, None, 0),
        ("anonymous", None, 0),
    ):
        with house.client("", user, password) as client:
            assert client.code == code or client.code.value in {0: (0,), 4: (134, 4)}[code], (user, client.code)
    entries = [item.entry.action for item in house.nabe.ledger.entries(after=0, limit=100)]
    assert "login" in entries and "login_failed" in entries


def test_who_guesses_is_slowed_down_as_over_http(house):
    house.account()
    codes = []
    for _ in range(12):
        with house.client("", "erika", "falsch-falsch") as client:
            codes.append(client.code.getName())
    assert "Server unavailable" in codes[-1] or "unavailable" in codes[-1].lower(), codes


def test_a_revoked_token_ends_its_sessions_and_others_stay(house):
    made, token = house.account()
    _, other = house.account()
    with house.client("a", "erika", token, clean=False) as gone, house.client("b", "erika", other) as stays:
        gone.subscribe("echo/closed", 1)
        house.nabe.identity.revoke(made.id)
        assert gone.gone.wait(15)
        stays.publish("v1.1/closed", "later")
        assert not stays.gone.is_set()
    with house.client("a", "erika", other, clean=False) as back:
        assert not back.present, "what the revoked token left behind is gone"


def test_one_account_cannot_take_the_session_of_another_by_its_name(house):
    _, token = house.account()
    with house.client("same", "erika", token, clean=False) as first:
        first.subscribe("echo/closed", 1)
        with house.client("same", clean=True) as stranger:
            stranger.publish("v1.1/closed", "one")
            until(lambda: first.got)
            assert not first.gone.is_set() and stranger.got == []
        with house.client("same", "erika", token, clean=False) as second:
            assert first.gone.wait(10) and second.present
            second.publish("v1.1/closed", "two")
            until(lambda: second.texts() == [("echo/closed", "two", 1)])


def test_a_client_that_was_away_gets_what_it_missed_also_after_a_restart_of_its_subscriptions(workspace):
    house = House(workspace)
    with house.stack:
        house.start()
        _, token = house.account()
        with house.client("reader", "erika", token, clean=False) as reader:
            reader.subscribe("echo/open", 1)
        with house.client() as writer:
            for number in range(5):
                writer.publish("v1.1/open", str(number))
            until(lambda: len(house.book.payloads()) == 5)
        with house.client("reader", "erika", token, clean=False) as reader:
            assert reader.present
            until(lambda: [text for _, text, _ in reader.texts()] == list("01234"))
    again = House(workspace)
    with again.stack:
        again.start()
        with again.client("reader", "erika", token, clean=False) as reader, again.client() as writer:
            assert reader.present
            writer.publish("v1.1/open", "new")
            until(lambda: reader.texts() == [("echo/open", "new", 1)])


def test_bad_messages_are_parked_with_the_reason_and_neighbours_are_stored(house):
    house.account("fremd")
    with house.client() as client, house.client("", "fremd", PASSWORD) as denied:
        for text in ("one", "{bad", "two", "boom", "three"):
            client.publish("v1.1/Things", text, qos=1)
        client.publish("other/topic", "x")
        denied.publish("v1.1/Things", "y")
        until(lambda: len(house.book.payloads()) == 3 and house.nabe.parking.count() == 4)
    assert house.book.payloads() == ["one", "two", "three"]
    parked = {item.message.payload: (item.code, item.reason) for item in house.nabe.parking.parked()}
    assert parked[b"{bad"] == ("invalid", "That is no JSON.")
    assert parked[b"y"][0] == "denied" and parked[b"x"][0] == "unknown"
    assert parked[b"boom"][0] == "internal" and "secret words" not in parked[b"boom"][1]


def test_while_the_store_is_away_messages_wait_and_come_once(house):
    house.book.away = True
    with house.client() as client:
        for number in range(50):
            client.publish("v1.1/Things", str(number))
        time.sleep(1.5)
        assert house.book.payloads() == []
        house.book.away = False
        until(lambda: sorted(map(int, house.book.payloads())) == list(range(50)))


def test_after_kill_9_of_nats_nothing_acknowledged_is_lost_and_publishing_goes_on(house):
    pid = int(subprocess.run(["pgrep", "-P", str(os.getpid()), "nats-server"], capture_output=True).stdout.split()[0])
    with house.client() as client:
        for number in range(300):
            if number == 150:
                os.kill(pid, signal.SIGKILL)
            client.publish("v1.1/Things", str(number))
        until(lambda: len(house.book.payloads()) >= 300)
    assert list(map(int, house.book.payloads())) == list(range(300))


def test_without_nats_it_works_too(direct):
    with direct.client() as client, direct.client() as reader:
        reader.subscribe("echo/open")
        client.publish("v1.1/open", "hello", qos=1)
        assert direct.book.payloads() == ["hello"], "acknowledged means stored"
        until(lambda: reader.texts() == [("echo/open", "hello", 0)])


def test_a_message_sent_again_because_its_acknowledgement_was_lost_is_stored_once(house):
    connect, again = packets.connect("device"), packets.Publish("v1.1/Things", b"once", 1, packet=7)
    for number in range(3):
        with socket.create_connection(("127.0.0.1", house.port)) as wire:
            wire.sendall(
                connect + packets.publish(packets.Publish(again.topic, again.payload, 1, False, number > 0, 7))
            )
            wire.settimeout(5)
            got = b""
            while not got.endswith(b"\x40\x02\x00\x07"):
                got += wire.recv(100)
    time.sleep(0.2)
    assert house.book.payloads() == ["once"]
    with socket.create_connection(("127.0.0.1", house.port)) as wire:
        wire.sendall(connect + packets.publish(again))
        wire.settimeout(5)
        wire.recv(100)
        until(lambda: house.book.payloads() == ["once", "once"], 5)


HOSTILE = [
    b"",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x10\xff\xff\xff\xff\xff",
    b"\x10\xff\xff\xff\x7f",
    b"\x10\x00",
    b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\xff",
    b"\x30\x03\x00\x01a",
    b"\x10\x0c\x00\x04MQTT\x04\x03\x00\x3c\x00\x00",
    b"\x10\x10\x00\x04MQTT\x04\xc2\x00\x3c\x00\x00\xff\xff\xfe\xfe",
]
AFTER = [
    b"\x3e\x05\x00\x01a\x00\x01",
    b"\x32\x05\x00\x01a\x00\x00",
    b"\x30\x04\x00\x02\xff\xfe",
    b"\x30\x03\x00\x01#",
    b"\x30\x02\x00\x00",
    b"\x30\x03\x00\x01\x00",
    b"\x80\x06\x00\x01\x00\x01a\x00",
    b"\x82\x06\x00\x01\x00\x01a\x03",
    b"\x82\x07\x00\x01\x00\x02a#\x00",
    b"\x82\x02\x00\x01",
    b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    b"\x20\x02\x00\x00",
    b"\xf0\x00",
    b"\x62\x01\x01",
    b"\x30\xff\xff\xff\x7f",
]


@pytest.mark.parametrize("data", HOSTILE + [packets.connect("x") + item for item in AFTER])
def test_who_does_not_keep_to_the_protocol_is_cut_off_and_nobody_else(house, data):
    house.mqtt._gate.patience_s = 0.5
    with house.client() as neighbour:
        with socket.create_connection(("127.0.0.1", house.port)) as wire:
            wire.sendall(data)
            wire.settimeout(10)
            try:
                while wire.recv(1000):
                    pass
            except ConnectionResetError:
                pass
        neighbour.publish("v1.1/Things", "still here")
    until(lambda: house.book.payloads() == ["still here"])


def test_mqtt_5_and_unknown_versions_are_told_so(house):
    for level, answer in ((5, b"\x20\x03\x00\x84\x00"), (9, b"\x20\x02\x00\x01")):
        with socket.create_connection(("127.0.0.1", house.port)) as wire:
            wire.sendall(b"\x10\x0d\x00\x04MQTT" + bytes((level,)) + b"\x02\x00\x3c\x00\x00\x00")
            assert wire.recv(100) == answer


def test_a_silent_client_is_cut_off_and_its_will_carried_out(house):
    will = b"\x00\x0bv1.1/Things\x00\x04gone"
    connect = packets.packet(0x10, b"\0\4MQTT\4\x06\x00\x01\x00\x01w" + will)
    with socket.create_connection(("127.0.0.1", house.port)) as wire:
        wire.sendall(connect)
        wire.settimeout(10)
        began = time.monotonic()
        while wire.recv(100):
            pass
        assert 1.0 < time.monotonic() - began < 5
    until(lambda: house.book.payloads() == ["gone"])


def test_a_flood_of_one_client_is_taken_in_step_with_the_store_and_a_neighbour_gets_through(house):
    flood = packets.publish(packets.Publish("v1.1/Things", b"x" * 100)) * 20_000
    with socket.create_connection(("127.0.0.1", house.port)) as wire, house.client() as neighbour:
        wire.sendall(packets.connect("flood"))
        wire.sendall(flood)
        began = time.monotonic()
        neighbour.publish("v1.1/Things", "neighbour")
        assert time.monotonic() - began < 5
        until(lambda: len(house.book.payloads()) == 20_001, 30)


def test_a_reader_that_takes_nothing_costs_bounded_memory_and_others_are_told(house):
    with (
        socket.create_connection(("127.0.0.1", house.port)) as wire,
        house.client() as reader,
        house.client() as writer,
    ):
        wire.sendall(packets.connect("lazy") + packets.subscribe(1, [("echo/open", 0)]))
        reader.subscribe("echo/open")
        until(lambda: len(house.book.watchers) == 2)
        for _ in range(60):
            writer.publish("v1.1/open", "y" * 200_000, qos=1)
        until(lambda: len(reader.got) == 60, 30)
        lazy = next(item for item in house.mqtt._gate.sessions if item.client == "lazy")
        assert lazy.wire.unread() < 1_500_000 and lazy.dropped


def test_too_many_connections_of_one_address_are_refused(workspace):
    import dataclasses

    from tests.mqtt.conftest import SETTINGS

    house = House(workspace, dataclasses.replace(SETTINGS, mqtt_connections=100, nats="off"))
    with house.stack:
        house.start()
        wires = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(120)]
        until(lambda: house.mqtt.state()["connections"] == 100)
        for wire in wires:
            wire.close()
        until(lambda: house.mqtt.state()["connections"] == 0)
        with house.client() as client:
            client.publish("v1.1/Things", "fine")


def test_mosquittos_clients_publish_and_subscribe(house):
    need("mosquitto_sub", shutil.which("mosquitto_sub") is not None, "apt: mosquitto-clients")
    _, token = house.account()
    login = ["-h", "127.0.0.1", "-p", str(house.port), "-u", "erika", "-P", token]
    reader = subprocess.Popen(
        ["mosquitto_sub", *login, "-t", "echo/closed", "-q", "1", "-C", "2", "-v"], stdout=subprocess.PIPE
    )
    until(lambda: house.book.watchers)
    for text in ("grüß", "dich"):
        subprocess.run(["mosquitto_pub", *login, "-t", "v1.1/closed", "-m", text, "-q", "1"], check=True)
    assert reader.communicate(timeout=10)[0].decode().splitlines() == ["echo/closed grüß", "echo/closed dich"]


def test_the_port_that_is_taken_is_named(house, tmp_path):
    import dataclasses

    other = House(house.root, dataclasses.replace(house.settings, mqtt_port=house.port))
    with other.stack, pytest.raises(Invalid, match=f"MQTT port {house.port} of 127.0.0.1 cannot be used"):
        other.start()


def test_a_nats_server_elsewhere_is_used_as_well_and_its_loss_is_said(workspace, tmp_path):
    import dataclasses

    from tests.mqtt.conftest import SETTINGS

    from nabe.stores.nats import NatsServer

    server = NatsServer(tmp_path / "elsewhere", sync_always=False)
    at = server.start()
    url = at.url.replace("://", f"://{at.user}:{at.password}@")
    house = House(workspace, dataclasses.replace(SETTINGS, nats=url))
    try:
        with house.stack:
            house.start()
            with house.client() as client:
                client.publish("v1.1/Things", "elsewhere")
                until(lambda: house.book.payloads() == ["elsewhere"])
            assert house.mqtt.state()["inbox"] == "ok" and not (workspace / ".nabe" / "nats").exists()
            server.stop()
            until(lambda: house.mqtt.state()["inbox"] == "no connection to NATS")
    finally:
        server.stop()


def test_nats_that_cannot_be_had_leaves_a_way_in_and_says_so(workspace, monkeypatch):
    def none():
        raise Invalid("nats-server is not installed.")

    monkeypatch.setattr("nabe.stores.nats.server.find", none)
    house = House(workspace)
    with house.stack:
        house.start()
        with house.client() as client:
            client.publish("v1.1/Things", "direct")
            assert house.book.payloads() == ["direct"]
        assert "nats-server is not installed" in house.mqtt.state()["state"]
