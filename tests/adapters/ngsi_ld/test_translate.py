"""Entities in every representation into one form; real models; settings judged; and what is thrown at it."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from nabe.adapters.ngsi_ld import NgsiAdapter
from nabe.adapters.ngsi_ld.translate import Form, entity, steps_of, units
from nabe.adapting.json_http.paths import GONE, walk
from nabe.model.dataset import FieldType
from nabe.testing.silo import Server, rows

from .broker import Broker
from .support import DATA, dataset, fields, opened, system

KIND = FieldType
models = pytest.mark.skipif(not DATA.is_dir(), reason="real data are not here (NABE_TEST_DATA)")


def at(record: Any, column: str, api: str = "ngsi-ld", **form: Any) -> Any:
    found = walk(entity(record, Form(api, **form)), steps_of(column, api))
    return "gone" if found is GONE else found


SPEED = [
    {"type": "Property", "value": 50, "datasetId": "urn:ngsi-ld:Dataset:gps", "source": {"type": "Property", "value": "GPS"}},
    {"type": "Property", "value": 52, "unitCode": "KMH", "observedAt": "2026-11-24T08:00:00Z"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("given_value", "column", "wanted"),
    [
        ({"type": "Property", "value": 3}, "a", 3),
        (
            {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-11-24T08:00:00Z"}},
            "a",
            "2026-11-24T08:00:00Z",
        ),
        ({"type": "Property", "value": {"town": "Köln"}}, "a.value.town", "Köln"),
        ({"type": "Property", "value": 3, "unitCode": "CEL"}, "a.ucum", "Cel"),
        ({"type": "Property", "value": 3, "unitCode": "XYZ"}, "a.ucum", "gone"),
        ({"type": "Property", "value": 3, "unitCode": "XYZ"}, "a.unitCode", "XYZ"),
        ({"type": "Property", "value": "urn:ngsi-ld:null"}, "a", None),
        ({"type": "Relationship", "object": "urn:x:1"}, "a", "urn:x:1"),
        ({"type": "Relationship", "object": ["urn:x:1", "urn:x:2"]}, "a", ["urn:x:1", "urn:x:2"]),
        ({"type": "LanguageProperty", "languageMap": {"en": "e", "de": "d"}}, "a", "d"),
        ({"type": "LanguageProperty", "languageMap": {"en": "e", "@none": "n"}}, "a", "n"),
        ({"type": "LanguageProperty", "languageMap": {"en": "e"}}, "a", "e"),
        ({"type": "LanguageProperty", "languageMap": {"en": "e", "de": "d"}}, "a.languageMap.en", "e"),
        ({"type": "VocabProperty", "vocab": "non-commercial"}, "a", "non-commercial"),
        ({"type": "JsonProperty", "json": {"x": 1}}, "a.value.x", 1),
        (SPEED, "a", 52),
        (SPEED, "a.observedAt", "2026-11-24T08:00:00Z"),
        (SPEED, "a[*].value", [52, 50]),
        (SPEED, "a[0]", 52),
        (SPEED, "a[datasetId=urn:ngsi-ld:Dataset:gps].value", 50),
        (SPEED, "a[datasetId=urn:ngsi-ld:Dataset:gps].source.value", "GPS"),
        (SPEED[:1], "a", 50),
        (["public", "private"], "a", ["public", "private"]),  # concise
        (21.5, "a", 21.5),
        ({"type": "Point", "coordinates": [1, 2]}, "a", {"type": "Point", "coordinates": [1, 2]}),
        ([], "a", []),
    ],
)
def test_the_kinds_of_attributes(given_value, column, wanted):
    assert at({"id": "urn:x:1", "type": "T", "a": given_value}, column) == wanted


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("geo:point", "50.9, 6.9", "POINT (6.9 50.9)"),
        ("geo:line", ["50, 6", "51, 7"], "LINESTRING (6 50, 7 51)"),
        ("geo:polygon", ["50, 6", "51, 7", "50, 7", "50, 6"], "POLYGON ((6 50, 7 51, 7 50, 6 50))"),
        ("geo:box", ["50, 6", "51, 7"], "POLYGON ((6 50, 7 50, 7 51, 6 51, 6 50))"),
        ("geo:json", {"type": "Point", "coordinates": [6.9, 50.9]}, "POINT (6.9 50.9)"),
    ],
)
def test_places_of_ngsi_v2_have_latitude_first(kind, value, wanted):
    found = at({"id": "1", "type": "T", "ort": {"type": kind, "value": value}}, "ort", "ngsi-v2")
    assert shapely.geometry.shape(found).equals(shapely.from_wkt(wanted))


@pytest.mark.parametrize(
    ("kind", "value"), [("geo:point", "da"), ("geo:point", 3), ("geo:box", ["1, 2"]), ("geo:line", [])]
)
def test_what_is_no_place_stays_as_it_is(kind, value):
    assert at({"id": "1", "type": "T", "ort": {"type": kind, "value": value}}, "ort", "ngsi-v2") == value


def test_metadata_of_ngsi_v2_are_what_ngsi_ld_has_as_members():
    co = {"type": "Number", "value": 500, "metadata": {"unitCode": {"value": "GP"}, "TimeInstant": {"value": "2026-11-24T08:00:00Z"}, "s": {"value": 1}}}  # fmt: skip
    record = {"id": "1", "type": "T", "co": co}
    assert (
        at(record, "co.ucum", "ngsi-v2") == "mg/m3" and at(record, "co.observedAt", "ngsi-v2") == "2026-11-24T08:00:00Z"
    )
    assert at(record, "co.metadata.s.value", "ngsi-v2") == 1


def test_units_are_ucum_codes_that_stand_once():
    assert units()["GQ"] == "ug/m3" and all(re.fullmatch(r"[\x21-\x7e]+", code) for code in units().values())


# --- real models ------------------------------------------------------------------------------------------------------


def served(name: str) -> Server:
    return Server(
        Broker([json.loads((DATA / name).read_text("utf-8"))], "ngsi-v2" if name.endswith(".json") else "ngsi-ld")
    )


@pytest.fixture
def model(request: Any) -> Iterator[Server]:
    made = served(request.param)
    yield made
    made.close()


@models
@pytest.mark.parametrize("model", ["OffStreetParking-normalized.jsonld"], indirect=True)
def test_a_car_park_in_ngsi_ld(tmp_path, model):
    ways = fields(
        name=(KIND.STRING, "name"),
        frei=(KIND.INTEGER, "availableSpotNumber"),
        stand=(KIND.DATETIME, "availableSpotNumber.observedAt"),
        beobachtet=(KIND.DATETIME, "observationDateTime"),
        ort=(KIND.STRING, "address.value.addressLocality"),
        belegt=(KIND.NUMBER, "occupancy"),
        lage=(KIND.GEOMETRY, "location"),
    )
    (row,) = rows(opened(tmp_path, model.url), dataset({"type": "OffStreetParking"}, ways))
    lage = shapely.from_wkb(row.pop("lage"))
    assert (round(lage.x, 4), round(lage.y, 4)) == (-8.6096, 41.1507)
    assert row == {
        "name": "Parque de estacionamento Trindade",
        "frei": 132,
        "stand": dt.datetime(2018, 9, 21, 12, tzinfo=dt.UTC),
        "beobachtet": dt.datetime(2021, 3, 11, 15, 51, 2, tzinfo=dt.UTC),
        "ort": "Porto",
        "belegt": 0.68,
    }


@models
@pytest.mark.parametrize("model", ["AirQualityObserved-normalized.json"], indirect=True)
def test_air_quality_in_ngsi_v2(tmp_path, model):
    ways = fields(
        zeit=(KIND.DATETIME, "dateObserved"),
        co=(KIND.NUMBER, "co"),
        co_einheit=(KIND.STRING, "co.ucum"),
        no=(KIND.NUMBER, "no"),
        no_einheit=(KIND.STRING, "no.ucum"),
        lage=(KIND.GEOMETRY, "location"),
    )
    source = opened(tmp_path, model.url, api="ngsi-v2")
    (row,) = rows(source, dataset({"type": "AirQualityObserved", "timezone": "Europe/Madrid"}, ways))
    assert row.pop("lage")
    assert row.pop("zeit") == dt.datetime(2016, 3, 15, 10, tzinfo=dt.UTC), "written without a zone"
    assert row == {"co": 500.0, "co_einheit": "mg/m3", "no": 45.0, "no_einheit": "ug/m3"}
    assert model.seen[0].params["attrs"] == "dateObserved,co,no,location"


@models
@pytest.mark.parametrize(
    "path", sorted(DATA.glob("*-normalized.*")) if DATA.is_dir() else [], ids=lambda path: path.name
)
def test_every_model_is_proposed_and_read(tmp_path, path):
    """The proposal of the probe reads every attribute of the entity."""
    from nabe.testing.silo import context, no_secrets

    made = served(path.name)
    try:
        api = "ngsi-v2" if path.suffix == ".json" else "ngsi-ld"
        probe = NgsiAdapter().probe({"url": made.url, "api": api}, no_secrets, context(tmp_path))
        (name,) = probe.discover()
        table = probe.describe(name)
        batches = probe.sample(table)
        (row,) = [row for batch in batches.batches for row in batch.to_pylist()]
        raw = json.loads(path.read_text("utf-8"))
        plain = [column for column in table.columns if column.name in raw and column.name != "id"]
        for column in plain:
            value = raw[column.name].get("value", raw[column.name].get("object"))
            if column.type in (KIND.NUMBER, KIND.INTEGER, KIND.BOOLEAN):
                assert row[column.name] == type(row[column.name])(value), column.name  # "214" is a number, too
            elif column.type is KIND.STRING and isinstance(value, str):
                assert (row[column.name] or "") == value, column.name
            else:
                assert row[column.name] is not None, column.name
        named = {column.name.partition(".")[0] for column in table.columns}
        assert named | {"type", "@context"} >= set(raw) and len(plain) > 3
    finally:
        made.close()


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        ({"context": "ftp://x"}, "an address that begins with"),
        ({"context": "https://x/>; rel=next"}, "an address that begins with"),
        ({"tenant": "a\r\nX: y"}, "letters, digits"),
        ({"api": "ngsi-v2", "context": "https://x/c.jsonld"}, "NGSI v2 has none"),
        ({"api": "v3"}, "connection.api"),
    ],
)
def test_a_wrong_connection_is_told_by_name(connection, says):
    (found,) = NgsiAdapter().check_system(system("https://x.example", **connection))
    assert says in found


@pytest.mark.parametrize(
    ("source", "column", "says"),
    [
        ({}, "a", "source.type"),
        ({"type": "A B"}, "a", "a type is a name"),
        ({"type": "A", "georel": "within"}, "a", "belong together"),
        ({"type": "A", "geoproperty": "x"}, "a", "is part of a geo-query"),
        ({"type": "A"}, "^.a", "is no attribute"),
        ({"type": "A"}, "[0]", "is no attribute"),
        ({"type": "A", "filterable": "b"}, "a", "source.filterable: no field has the column 'b'"),
        ({"type": "A", "columns": {"b": {}}}, "a", "source.columns: no field has the column 'b'"),
    ],
)
def test_a_wrong_declaration_is_told_by_name(source, column, says):
    (found,) = NgsiAdapter().check_dataset(
        system("https://x.example"), dataset(source, fields(a=(KIND.STRING, column)))
    )
    assert says in found


def test_concise_is_not_of_ngsi_v2():
    wrong = dataset({"type": "A", "representation": "concise"}, fields(a=(KIND.STRING, "a")))
    (found,) = NgsiAdapter().check_dataset(system("https://x.example", api="ngsi-v2"), wrong)
    assert "NGSI v2 has no concise" in found


_NAMES = st.sampled_from(["value", "object", "languageMap", "type", "metadata", "unitCode", "datasetId", "@value", "@type", "a", "id", "json"])  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text("geo:pnit,1 .µ", max_size=10) | st.sampled_from(["geo:point", "geo:box", "DateTime"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(_JSON, st.sampled_from(["ngsi-ld", "ngsi-v2"]), st.booleans(), st.sampled_from(list(KIND)))
def test_any_json_is_brought_into_the_form(value, api, simple, kind):
    form = Form(api, simple, strict={"a": kind}, places=frozenset({"a"}))
    found = entity({"id": value, "a": value}, form)
    assert isinstance(found["a"], dict) and "value" in found["a"] and isinstance(found["a[*]"], list)
    entity(value, form)


@given(st.text(max_size=30) | st.text("ab.[]*0'\"@=", max_size=12))
def test_any_text_is_a_way_or_told_as_none(text):
    try:
        assert steps_of(text)
    except ValueError:
        pass
