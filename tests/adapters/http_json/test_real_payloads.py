"""What real interfaces answered, recorded: declared as an office would, and recognised by `connect` as far as can be.

The folder of recordings is not part of the repository (`NABE_TEST_DATA`); each test names the provider.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.model.expr import Compare, Op
from nabe.model.query import Order, Scan

from .support import DATA, Reply, Server, dataset, opened, probe, rows, serving

S, I, N, B, D, T, G = FieldType  # noqa: E741
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded payloads in {DATA} (set NABE_TEST_DATA)")


def recorded(path: str) -> Reply:
    return Reply((DATA / path).read_bytes())


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def described(
    tmp_path: Path, server: Server, table: str = ""
) -> tuple[dict[str, FieldType], dict[str, Any], list[Any]]:
    """What `connect` proposes: types by column, settings, and the rows they give."""
    looking = probe(tmp_path, server.url)
    names = looking.discover()
    found = looking.describe(table or names[0])
    batches = looking.sample(found)
    sample = [row for batch in batches.batches for row in batch.to_pylist()]
    return {column.name: column.type for column in found.columns}, dict(found.source), sample


def wkt(value: bytes | None) -> str | None:
    return value and shapely.to_wkt(shapely.from_wkb(value), rounding_precision=5)


def test_car_sharing_stations_of_a_private_provider(tmp_path, server):
    """deer carsharing, Calw (fleet software, nested objects, coordinates deep inside)."""
    server.answer = recorded("mobilitaet/anbieter_deer_standorte.json")
    fields = (
        Field("id", S, column="_id"),
        Field("name", S),
        Field("plz", S, column="postcode"),
        Field("lage", G),
        Field("geaendert", T, column="modified"),
        Field("etiketten", S, column="extended.EntityLabels.labels"),
        Field("anbieter", S, column="provider"),
    )
    source = {
        "x": "extended.GeoPosition.longitude",
        "y": "extended.GeoPosition.latitude",
        "columns": {"extended.EntityLabels.labels": {"join": ", "}, "provider": {"constant": "deer"}},
    }
    (row,) = rows(opened(tmp_path, server.url), dataset(source, fields))
    assert wkt(row.pop("lage")) == "POINT (8.74131 48.71471)"
    assert row == {
        "id": "id1",
        "name": "Calw: Parkhaus ZOB",
        "plz": "75365",
        "geaendert": dt.datetime(2022, 9, 17, 7, 57, 57, 56000, tzinfo=dt.UTC),
        "etiketten": "label1",
        "anbieter": "deer",
    }


def test_car_sharing_vehicles_and_their_tariffs(tmp_path, server):
    """deer carsharing: vehicles; their tariffs are rows of their own, which know the vehicle around them."""
    server.answer = recorded("mobilitaet/anbieter_deer_fahrzeuge.json")
    columns, source, sample = described(tmp_path, server)
    assert columns["extended.Properties.registration"] is T and columns["vin"] is S and columns["active"] is B
    assert sample[0]["extended.Properties.registration"] == dt.datetime(2019, 7, 26, 0, 13, 20, tzinfo=dt.UTC)
    assert sample[0]["pricing.businessTrip"].startswith('[{"name": "Stunden"')
    fields = (Field("fahrzeug", S, column="^._id"), Field("art", S, column="name"), Field("preis", N, column="rate"))
    found = rows(opened(tmp_path, server.url), dataset({"rows": "[*].pricing.businessTrip[*]"}, fields))
    assert len(found) == 5
    assert found[-1] == {"fahrzeug": "vehicle-1", "art": "Wochenendtarif", "preis": 74.9}


def test_inhabitants_of_leipzig(tmp_path, server):
    """Amt für Statistik Leipzig, 9,250 values: numbers and years are texts, gaps are null."""
    server.answer = recorded("leipzig/einwohner_2000-2024.json")
    columns, source, sample = described(tmp_path, server)
    assert source["rows"] == "daten" and len(sample) == 9250
    assert columns["wert"] in (I, N) and columns["jahr"] is I and columns["id"] is I
    fields = (Field("name", S), Field("wert", N), Field("jahr", I))
    where = Compare("name", Op.EQ, "Einwohner insgesamt")
    scan = Scan("inhalt", where=where, order=(Order("jahr"), Order("wert", True)), limit=1)
    found = rows(opened(tmp_path, server.url), dataset({"rows": "daten"}, fields), scan)
    assert found == [{"name": "Einwohner insgesamt", "wert": 479996.0, "jahr": 2000}]


def test_air_quality_with_days_as_keys_and_24_bare_numbers_each(tmp_path, server):
    """Umweltbundesamt, NO2 in February 2014: days are keys, hours are positions, -999 is a gap."""
    server.answer = recorded("koeln/luft_uba_2014-02/DENW211/NO2/1SMW.json")
    columns, source, sample = described(tmp_path, server)
    assert source["rows"] == "*[*]"
    assert columns == {"^.@key": D, "@key": I, "@value": columns["@value"]}
    fields = (
        Field("tag", D, column="^.@key"),
        Field("stunde", I, column="@key"),
        Field("no2", N, column="@value"),
        Field("station", S, column="station"),
    )
    settings = {"rows": "*[*]", "nulls": [-999, "-999", "-999.0"], "columns": {"station": {"constant": "DENW211"}}}
    found = rows(opened(tmp_path, server.url), dataset(settings, fields))
    assert len(found) == 28 * 24 == len(sample)
    assert {row["tag"].month for row in found} == {2} and {row["stunde"] for row in found} == set(range(24))
    assert all(row["no2"] is None or 0 <= row["no2"] < 500 for row in found)
    assert any(row["no2"] is not None for row in found) and {row["station"] for row in found} == {"DENW211"}


def test_parking_of_karlsruhe_is_geojson(tmp_path, server):
    """Karlsruhe, WFS as GeoJSON: properties are columns, the place is the geometry."""
    server.answer = recorded("parken/karlsruhe.json")
    columns, source, sample = described(tmp_path, server)
    assert source["rows"] == "features"
    assert columns["geometry"] is G and columns["freie_parkplaetze"] is I and columns["stand_freieparkplaetze"] is T
    assert columns["parkhaus_plz"] is S and "type" not in columns and "properties" not in columns
    assert sample[0]["parkhaus_name"] == "Modepark Röther" and wkt(sample[0]["geometry"]) == "POINT (8.19945 48.86052)"
    assert len(sample) == len(json.loads(server.answer.body)["features"])


def test_parking_of_konstanz_is_esri_json(tmp_path, server):
    """Konstanz, ArcGIS server: attributes beside a geometry of x and y, times in milliseconds."""
    server.answer = recorded("parken/konstanz.json")
    columns, source, sample = described(tmp_path, server, "features")
    assert columns["geometry"] is G and columns["updated"] is T and columns["max_cap"] is N
    assert sample[0]["updated"] == dt.datetime(2024, 8, 17, 6, 30, 5, tzinfo=dt.UTC)
    assert wkt(sample[0]["geometry"]) == "POINT (9.17639 47.65616)"


def test_parking_of_pforzheim_writes_german_times(tmp_path, server):
    server.answer = recorded("parken/pforzheim.json")
    columns, _, sample = described(tmp_path, server)
    assert columns["timestamp"] is T and columns["Id"] is S
    assert sample[0]["timestamp"] == dt.datetime(2023, 10, 30, 10, 40, tzinfo=dt.UTC)


def test_sensors_of_ulm_and_karlsruhe(tmp_path, server):
    """Live states of single bays; device keys of radio sensors lie deep inside and are not taken unasked."""
    server.answer = recorded("parken/ulm_sensors_realtime.json")
    columns, _, sample = described(tmp_path, server)
    assert columns["occupied"] is B and columns["timestamp"] is T and len(sample) > 20
    server.answer = recorded("parken/karlsruhe_disabled_realtime.json")
    columns, source, sample = described(tmp_path, server, "body")
    assert source["rows"] == "body" and len(sample) == 62
    fields = (Field("id", S), Field("gemessen", T, column="last_readings[0].measured_at"))
    found = rows(opened(tmp_path, server.url), dataset({"rows": "body"}, fields[:1]))
    assert len(found) == 62 and all(row["id"] for row in found)


def test_counting_sites_of_muenster_and_their_channels(tmp_path, server):
    """Münster, bicycle counters: each site has a list of pairs [number, name]."""
    server.answer = recorded("muenster/radverkehr/site_min.json")
    fields = (
        Field("kanal", S, column="@value[0]"),
        Field("name", S, column="@value[1]"),
        Field("stelle", S, column="^.name"),
    )
    found = rows(opened(tmp_path, server.url), dataset({"rows": "[*].channels[*]"}, fields))
    assert found[1] == {"kanal": "353420516", "name": "Bismarckallee Fahrräder IN", "stelle": "Bismarckallee"}


def test_schools_of_cologne(tmp_path, server):
    """Köln, ArcGIS: 301 schools; coordinates outside the geometry are always null."""
    server.answer = recorded("koeln/schulen/schulen-in-koeln.arcgis.json")
    columns, source, sample = described(tmp_path, server, "features")
    assert len(sample) == 301 and columns["geometry"] is G
    assert all(6 < shapely.from_wkb(row["geometry"]).x < 8 for row in sample if row["geometry"])


@pytest.mark.parametrize("name", ["Body", "Meeting", "Organization", "Paper", "Person", "System", "File", "Location"])
def test_a_single_object_of_a_council_information_system_is_one_row(tmp_path, server, name):
    server.answer = recorded(f"oparl/{name}-01.json")
    looking = probe(tmp_path, server.url)
    assert looking.discover()
    source = opened(tmp_path, server.url)
    (row,) = rows(source, dataset({}, (Field("id", S), Field("type", S))))
    assert row["type"].endswith(f"/{name}")


def test_coordinates_the_wrong_way_round_can_be_turned(tmp_path, server):
    """OParl's example has the Reichstag at [52.5, 13.4]: latitude first, against RFC 7946."""
    server.answer = recorded("oparl/Location-01.json")
    fields = (Field("ort", G, column="geojson"),)
    (row,) = rows(opened(tmp_path, server.url), dataset({"axes": "yx"}, fields))
    assert wkt(row["ort"]) == "POINT (13.3762 52.51886)"


@pytest.mark.parametrize("path", sorted((DATA / "smart-data-models").glob("*.json")) if DATA.is_dir() else [], ids=lambda path: path.stem)  # fmt: skip
def test_smart_data_models_are_taken_apart(tmp_path, server, path):
    server.answer = Reply(path.read_bytes())
    if not isinstance(json.loads(path.read_bytes()), dict):
        pytest.skip("not an entity")
    looking = probe(tmp_path, server.url)
    for name in looking.discover():
        found = looking.describe(name)
        batches = looking.sample(found)
        assert sum(batch.num_rows for batch in batches.batches) >= 1
