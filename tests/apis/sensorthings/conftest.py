"""A city with two streams of sensor data: an open one that anyone may write, and a closed one."""

from __future__ import annotations

import pytest

from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Dataset, Mode, System
from nabe.model.flat import STREAM_FIELDS
from nabe.model.stream import Stream
from nabe.model.text import Text
from nabe.testing.serving import OpenCity

POINT = {"type": "Point", "coordinates": [9.93, 51.53]}
THING = {
    "name": "Messstation",
    "description": "am Markt",
    "properties": {"strasse": "00123", "int": 8, "list": [1, [2, 3]], "ort": {"plz": "37073"}},
    "Locations": [
        {"name": "Markt", "description": "", "encodingType": "application/geo+json", "location": POINT},
    ],
    "Datastreams": [
        {
            "name": "Temperatur",
            "description": "außen",
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {"name": "Grad Celsius", "symbol": "°C", "definition": "ucum:Cel"},
            "ObservedProperty": {"name": "Lufttemperatur", "definition": "http://example.org/t", "description": ""},
            "Sensor": {
                "name": "DHT22",
                "description": "",
                "encodingType": "text/html",
                "metadata": "http://example.org",
            },
        }
    ],
}


def stream(id, access, *writers):
    return Dataset(
        id, Text(id), "planung", access, STREAM_FIELDS, system="sensoren", mode=Mode.STREAM, stream=Stream(writers)
    )


@pytest.fixture(scope="package")
def city(tmp_path_factory):
    made = OpenCity(tmp_path_factory.mktemp("sensoren"))
    made.declare(
        Change("system", "sensoren", System("sensoren", Text("Sensoren"), "sensing", "planung")),
        Change("dataset", "wetter", stream("wetter", Access.OPEN, "anonymous")),
        Change("dataset", "zaehler", stream("zaehler", Access.RESTRICTED)),
    )
    yield made
    made.nabe.close()


@pytest.fixture
def http(city):
    client = city.client()
    client.base_url = "http://testserver/sta/v1.1/"
    return client


@pytest.fixture
def thing(http):
    """The id of a new Thing with one Datastream; all is removed afterwards."""
    answer = http.post("Things", json=THING, headers={"Nabe-Dataset": "wetter"})
    assert answer.status_code == 201, answer.text
    id = int(answer.headers["Location"].rpartition("(")[2].rstrip(")"))
    yield id
    for name in ("Things", "Locations", "Sensors", "ObservedProperties", "FeaturesOfInterest"):
        http.delete(name, params={"$filter": "id ge 0"})


@pytest.fixture
def datastream(http, thing):
    return http.get(f"Things({thing})/Datastreams").json()["value"][0]["@iot.id"]
