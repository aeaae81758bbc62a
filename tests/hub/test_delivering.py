"""Who may deliver files: every role, from every kind of organisation, for every access level; and what is noted."""

from __future__ import annotations

import io
from itertools import product

import pytest

from nabe.app import open_workspace
from nabe.errors import Denied, Invalid, Unknown
from nabe.model.catalogue import Change, City, kind_of
from nabe.model.dataset import Access, Dataset, Field, FieldType, Product, System
from nabe.model.party import ANONYMOUS, Actor, Organisation, OrganisationKind, Role
from nabe.model.text import Text
from nabe.model.usecase import UseCase, UseCaseState

HOMES = {"": False, "stadt": True, "amt": True, "team": False, "anderes": False, "firma": False, "nachbar": False}


def nouns():
    fields = (Field("id", FieldType.INTEGER),)
    yield City("stadt", Text("Stadt"))
    yield Organisation("stadt", Text("Stadt"), OrganisationKind.MUNICIPALITY)
    yield Organisation("amt", Text("Amt"), parent="stadt")
    yield Organisation("team", Text("Team"), parent="amt")
    yield Organisation("anderes", Text("Anderes Amt"), parent="stadt")
    yield Organisation("firma", Text("Firma"), OrganisationKind.PARTNER)
    yield Organisation("nachbar", Text("Nachbar"), OrganisationKind.OTHER_MUNICIPALITY)
    yield System("ordner", Text("Ordner"), "file", "amt", {"location": "daten"})
    yield System("datenbank", Text("Datenbank"), "sql", "amt", {"path": "daten/x.sqlite"})
    for access in Access:
        source = {"path": f"{access.value}.csv"}
        yield Dataset(access.value, Text(access.value), "amt", access, fields, system="ordner", source=source)
    yield Dataset("tabelle", Text("Tabelle"), "amt", Access.OPEN, fields, system="datenbank", source={"table": "x"})
    made = Product("fall", "SELECT id FROM open")
    yield Dataset("produkt", Text("Produkt"), "amt", Access.OPEN, fields, product=made)
    yield UseCase("fall", Text("Fall"), Text("Zweck"), "amt", "§ 1", state=UseCaseState.ACTIVE)


@pytest.fixture(scope="module")
def nabe(tmp_path_factory):
    root = tmp_path_factory.mktemp("stadt")
    (root / "nabe.yaml").write_text("kind: city\nid: stadt\ntitle: Stadt\n", "utf-8")
    (root / "daten").mkdir()
    for access in Access:
        (root / "daten" / f"{access.value}.csv").write_text("id\n" + "1\n" * 4243, "utf-8")
    with open_workspace(root) as opened:
        operator = Actor("operator", "", "", frozenset({Role.IT}))
        opened.hub.declare(operator, [Change(kind_of(noun), noun.id, noun) for noun in nouns()], expect=0)
        yield opened


def last(nabe):
    nabe.ledger.append([], durable=True)
    return nabe.ledger.entries(limit=1_000_000)[-1].entry


@pytest.mark.parametrize("access", Access)
def test_only_data_owners_of_the_owning_office_or_above_deliver_whatever_the_access(nabe, access):
    for role, (home, above) in product(Role, HOMES.items()):
        actor = Actor(f"{role.value}-{home}", "", home, frozenset({role}))
        may = role is Role.DATA_OWNER and above
        try:
            assert nabe.hub.reception(actor, access.value).permit is may, actor
            body = io.BytesIO(b"id\n7\n")
            found = nabe.hub.deliver(actor, access.value, "neu.csv", body, interface="test")
            assert may and found.fits and found.rows == 1
            assert found.rows_before == (4243 if access is Access.OPEN else None)
            nabe.hub.drop_delivery(actor, access.value, found.id)
        except Denied as error:
            assert not may and [reason for reason, _ in error.reasons] == ["may_not_deliver"]
            entry = last(nabe)
            assert (entry.action, entry.actor, entry.dataset) == ("denied", actor.id, access.value)
        except Unknown:
            assert not may and access is not Access.OPEN, "who may not know of it is not told more"


def test_strangers_learn_nothing(nabe):
    for id in ("internal", "restricted", "gibtsnicht"):
        with pytest.raises(Unknown):
            nabe.hub.deliver(ANONYMOUS, id, "x.csv", io.BytesIO(b"id\n1\n"))
    with pytest.raises(Denied):
        nabe.hub.deliver(ANONYMOUS, "open", "x.csv", io.BytesIO(b"id\n1\n"))


def test_a_database_and_a_product_take_no_files(nabe):
    owner = Actor("owner", "", "amt", frozenset({Role.DATA_OWNER}))
    reception = nabe.hub.reception(owner, "tabelle")
    assert reception.permit and reception.why_not == "elsewhere"
    with pytest.raises(Invalid, match="not kept in a folder") as caught:
        nabe.hub.deliver(owner, "tabelle", "x.csv", io.BytesIO(b"id\n1\n"))
    assert caught.value.code == "takes-no-files"
    with pytest.raises(Denied) as denied:
        nabe.hub.deliver(owner, "produkt", "x.csv", io.BytesIO(b"id\n1\n"))
    assert [reason for reason, _ in denied.value.reasons] == ["product_is_computed"]


def test_the_line_in_the_ledger_stands_before_the_file_and_holds_no_value(nabe):
    owner = Actor("owner", "", "amt", frozenset({Role.DATA_OWNER}))
    found = nabe.hub.deliver(owner, "restricted", "Frau Muster.csv", io.BytesIO(b"id\n424299\n"))
    assert last(nabe).action != "received"
    nabe.hub.take_delivery(owner, "restricted", found.id, interface="test")
    entry = last(nabe)
    assert (entry.action, entry.actor, entry.dataset, entry.rows) == ("received", "owner", "restricted", 1)
    assert found.digest in entry.detail and "424299" not in repr(entry) and "Muster" not in repr(entry)
    assert nabe.ledger.verify().broken_at is None
