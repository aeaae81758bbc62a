"""Messages that came to nothing: kept once, bounded, dropped."""

from __future__ import annotations

from nabe.model.message import Message
from nabe.model.party import Actor, Role
from nabe.stores import parking
from nabe.stores.parking import SqliteParking

ERIKA = Actor("erika", "Erika", "amt", frozenset({Role.IT}))


def message(number, actor=ERIKA, topic="v1.1/Things"):
    return Message(actor, topic, b"\xff\x00payload", 1_700_000_000_000_000 + number, f"k{number}")


def test_what_is_parked_comes_back_as_it_was_once_and_can_be_dropped(tmp_path):
    store = SqliteParking(tmp_path / "parked.sqlite")
    assert (tmp_path / "parked.sqlite").stat().st_mode & 0o077 == 0
    for _ in range(2):
        store.park([(message(number), "invalid", f"why {number}") for number in range(5)])
    other = SqliteParking(tmp_path / "parked.sqlite")
    found = other.parked()
    assert [item.message for item in found] == [message(number) for number in range(5)]
    assert [(item.code, item.reason) for item in found] == [("invalid", f"why {number}") for number in range(5)]
    assert [item.number for item in other.parked(after=found[2].number)] == [found[3].number, found[4].number]
    assert other.parked(topic="v1.1/D") == [] and len(other.parked(topic="v1.1/T", limit=2)) == 2
    assert other.drop([found[0].number, 999]) == 1 and store.count() == 4
    other.close()
    store.close()


def test_one_who_sends_rubbish_pushes_out_its_own_and_not_that_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr(parking, "MOST_OF_ONE", 10)
    monkeypatch.setattr(parking, "MOST", 15)
    store = SqliteParking(tmp_path / "parked.sqlite")
    store.park([(message(0, Actor("otto")), "invalid", "")])
    store.park([(message(number), "invalid", "x" * 10) for number in range(1, 100)])
    kept = [item.message.key for item in store.parked()]
    assert kept == ["k0", *(f"k{number}" for number in range(90, 100))]
    store.park([(message(number, Actor(f"a{number}")), "invalid", "") for number in range(200, 220)])
    assert store.count() == 15
    store.close()
