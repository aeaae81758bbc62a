"""Canaries among the sensors: what is closed or personal in a stream sings through no interface.

Every request that an interface names as a probe is sent to a city whose closed things and personal properties are
canaries. Who may write comes last, since writing changes what is there.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import anyio
import httpx
import pytest

from nabe.app import asgi, interfaces, open_workspace
from nabe.model.catalogue import Change, kind_of
from nabe.model.dataset import Access, Dataset, Field, FieldType, Mode, System
from nabe.model.entities import EntityQuery, NewEntity
from nabe.model.party import Actor, Role
from nabe.model.stream import Stream
from nabe.model.text import Text
from nabe.model.usecase import Approval, Grant, UseCase
from nabe.testing import canary_city as city
from nabe.testing.sensor_city import NOON, T, datastream, observation, thing

_WRITERS = ("owner", "it")
ACTORS = ("anonymous", *(name for name in city.ACTORS if name not in _WRITERS), *_WRITERS)
DATASETS = ("messungen", "passanten")
FIELDS = ("person", "kennung", "geraet")
VALUES = ("KANARIE", "x")
INTERFACES = [item for item in interfaces() if item.id in ("sensorthings", "sql", "download", "ogc", "portal")]


def _stream(id, title, access, *fields):
    return Dataset(id, title, "soziales", access, fields, system="sensoren", mode=Mode.STREAM, stream=Stream())


def nouns():
    given = Approval("owner", city.NOW)
    value = Field("wert", FieldType.NUMBER, column="result")
    device = Field("geraet", FieldType.STRING, column="Datastream/Thing/name")
    more = {
        "fall": Grant("messungen", ("geraet", "wert"), approval=given),
        "planung": Grant("messungen", ("geraet", "wert"), min_group=5, approval=given),
    }
    declared = [
        replace(noun, grants=(*noun.grants, more[noun.id])) if isinstance(noun, UseCase) and noun.id in more else noun
        for noun in city.nouns()
    ]
    return [
        *declared,
        System("sensoren", Text("Sensoren"), "sensing", "soziales"),
        _stream(
            "messungen",
            Text("KANARIE.messungen.titel.meta"),
            Access.RESTRICTED,
            value,
            device,
            Field("ort", FieldType.GEOMETRY, column="Datastream/Thing/Locations/location"),
            Field("person", FieldType.STRING, column="Datastream/Thing/properties/person", personal=True),
        ),
        _stream(
            "passanten",
            Text("Passanten"),
            Access.OPEN,
            value,
            device,
            Field("kennung", FieldType.STRING, column="parameters/kennung", personal=True),
            Field("person", FieldType.STRING, column="Datastream/Thing/properties/person", personal=True),
        ),
    ]


def allowed(actor, purpose):
    """By hand, from the declarations above."""
    seen = city.allowed(actor, purpose)
    if actor in {"planerin", "sachbearbeiter", "owner", "it", "datenschutz"}:
        seen.add(("messungen", "titel", "meta"))
    if (actor, purpose) == ("sachbearbeiter", "fall"):
        seen.add(("messungen", "geraet", "alle"))
    return seen


class Town:
    def __init__(self, root):
        city.write_silos(root)
        self.nabe = open_workspace(root)
        operator = Actor("operator", "", "", frozenset({Role.IT}))
        declared = [Change(kind_of(noun), noun.id, noun) for noun in nouns()]
        self.nabe.hub.declare(operator, declared, expect=0, approvals_from_files=True)
        for dataset in DATASETS:
            closed = dataset == "messungen"
            word = f"KANARIE.{dataset}."
            seen = [
                observation(
                    7_771 + at, NOON + at, parameters={"kennung": f"{word}kennung.alle"}, resultQuality={"wer": "x"}
                )
                for at in range(3)
            ]
            made = thing(
                f"{word}geraet.alle" if closed else "Zähler",
                datastream(f"{word}strom.alle" if closed else "Strom", *seen),
                properties={"person": f"{word}person.alle", "art": "x"},
            )
            values = {**made.values, "description": f"{word}beschreibung.alle" if closed else ""}
            self.nabe.hub.sensing.create(
                city.ACTORS["it"], "", NewEntity(made.type, values, made.links), dataset=dataset
            )
        self.tokens = {}
        for actor in city.ACTORS.values():
            self.nabe.identity.put_account(actor, city.PASSWORD)
            _, self.tokens[actor.id] = self.nabe.identity.create_token(actor.id, "test", at=city.NOW, expires=None)
        self.app = asgi(self.nabe)

    def send(self, requests):
        async def go():
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                answers = []
                for actor, method, url, headers, body in requests:
                    if actor in self.tokens:
                        headers = headers | {"Authorization": f"Bearer {self.tokens[actor]}"}
                    answers.append(await client.request(method, url, headers=headers, content=body))
                return answers

        return anyio.run(go)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("sensors"))
    yield made
    made.nabe.close()


def requests(interface, actor, purpose, *, writing):
    for probe in interface.probes:
        if (probe.method not in ("GET", "HEAD") and interface.id == "sensorthings") is not writing:
            continue
        if interface.id in ("portal", "ogc") and "{dataset}" not in probe.path and "sensor" not in probe.path:
            continue
        text = probe.path + (probe.body or "")
        spots = [
            (name, choices)
            for name, choices in (("dataset", DATASETS), ("field", FIELDS), ("value", VALUES))
            if f"{{{name}}}" in text
        ]
        for chosen in itertools.product(*(choices for _, choices in spots)):
            path, body = probe.path, probe.body or ""
            for (name, _), word in zip(spots, chosen, strict=True):
                path, body = path.replace(f"{{{name}}}", word), body.replace(f"{{{name}}}", word)
            yield (
                actor,
                probe.method,
                path,
                dict(probe.headers or {}) | {"Nabe-Use-Case": purpose},
                body.encode() or None,
            )


def must_be_silent(town, actor, purpose, asked):
    for request, answer in zip(asked, town.send(asked), strict=True):
        said = f"{answer.headers}\n".encode() + answer.content
        found = {tuple(part.decode() for part in match) for match in city.CANARY.findall(said)}
        wrong = found - allowed(actor, purpose)
        assert not wrong, f"{request[1]} {request[2]} -> {answer.status_code}: {wrong}"
        assert answer.status_code < 500, f"{request[1]} {request[2]}: {answer.text[:500]}"


@pytest.mark.parametrize("purpose", ("open-data", "planung", "fall", "antrag"))
@pytest.mark.parametrize("actor", ACTORS)
def test_no_canary_sings(town, actor, purpose):
    asked = [request for item in INTERFACES for request in requests(item, actor, purpose, writing=False)]
    assert len(asked) > 50
    must_be_silent(town, actor, purpose, asked)


def test_those_who_may_hear_do(town):
    page = town.nabe.hub.sensing.read(city.ACTORS["sachbearbeiter"], "fall", EntityQuery(T.THING))
    assert "KANARIE.messungen.geraet.alle" in repr(page), "else nothing was tried"
    assert len(page.rows) == 2


@pytest.mark.parametrize("actor", ACTORS)
def test_nobody_hears_one_by_writing(town, actor):
    (item,) = [item for item in INTERFACES if item.id == "sensorthings"]
    for purpose in ("open-data", "fall"):
        must_be_silent(town, actor, purpose, list(requests(item, actor, purpose, writing=True)))
    if actor not in _WRITERS:
        test_those_who_may_hear_do(town)
