"""Looking into a service that is not yet declared: recognised, listed, described; and what a WFS says of itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.ogc_features import OgcFeaturesAdapter
from nabe.adapters.ogc_features.documents import capabilities, exception_in, schema, tree
from nabe.adapters.ogc_features.settings import divided
from nabe.errors import NabeError, Unknown
from nabe.model.dataset import FieldType
from nabe.testing.needs import need
from nabe.testing.silo import Reply, Server, context, serving

from .api_server import ApiServer
from .support import DATA, probe
from .test_conformance import SCHEMA, SHAPES, XSD
from .wfs_server import WfsServer, xml


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def sniffed(root: Path, url: str) -> Any:
    return OgcFeaturesAdapter().sniff(url, context(root))


def test_services_are_recognised_by_any_of_their_addresses(tmp_path, server):
    server.answer = ApiServer(SHAPES, SCHEMA)
    for path in ("", "/", "/collections", "/collections/orte", "/collections/orte/items?limit=5"):
        assert sniffed(tmp_path, server.url + path)["type"] == "ogcapi"
    server.answer = WfsServer(SHAPES, XSD)
    for path in ("/wfs", "?service=WFS", "?SERVICE=WFS&REQUEST=GetCapabilities&VERSION=1.1.0", "?map=/a.map", ""):
        server.seen.clear()
        found = sniffed(tmp_path, server.url + path)
        assert found["type"] == "wfs" and found.get("params", {}) == ({"map": "/a.map"} if "map" in path else {})
        assert len(server.seen) <= 2


@pytest.mark.parametrize(
    "answer",
    [
        {"a": 1},
        {"links": [{"rel": "self"}], "value": []},
        {"stac_version": "1.0.0", "conformsTo": [], "links": [{"rel": "data"}, {"rel": "conformance"}]},
        {"links": {"next": "x"}, "data": []},
        {"type": "FeatureCollection", "features": [], "links": [{"rel": "next"}]},
        [{"links": []}],
        Reply(b"<html></html>", Content_Type="text/html"),
        Reply(b"<kml/>", Content_Type="text/xml"),
        Reply(b"a;b", Content_Type="text/csv"),
        Reply({}, 404),
        Reply(b""),
    ],
)
def test_what_is_no_service_is_left_to_others(tmp_path, server, answer):
    server.answer = answer
    assert sniffed(tmp_path, server.url + "/daten") is None
    assert len(server.seen) <= 3


def test_one_answer_of_a_service_and_what_is_no_web_address_is_not_asked(tmp_path, server):
    for source in (
        f"{server.url}?service=WFS&request=GetFeature&typename=a",
        "daten/a.gml",
        "postgresql://a",
        "http://u:p@a",
    ):
        assert sniffed(tmp_path, source) is None
    assert server.seen == []


def test_a_service_that_shows_a_page_first_is_asked_for_json(tmp_path, server):
    inner = ApiServer(SHAPES, SCHEMA)

    def answer(request: Any) -> Any:
        return (
            inner(request) if request.params.get("f") == "json" else Reply(b"<!doctype html>", Content_Type="text/html")
        )

    server.answer = answer
    assert sniffed(tmp_path, server.url) == {"url": server.url, "type": "ogcapi", "params": {"f": "json"}}
    assert probe(tmp_path, server.url).describe("orte").rows == len(SHAPES)


@pytest.mark.parametrize("kind", ["wfs", "ogcapi"])
def test_a_table_is_described_by_schema_and_values(tmp_path, server, kind):
    server.answer = WfsServer(SHAPES, XSD) if kind == "wfs" else ApiServer(SHAPES, SCHEMA)
    looking = probe(tmp_path, f"{server.url}?service=WFS" if kind == "wfs" else server.url)
    (name,) = looking.discover()
    table = looking.describe(name)
    types = {column.name: column.type for column in table.columns}
    place = "place" if kind == "wfs" else "geometry"
    assert types == {
        "id": FieldType.STRING if kind == "wfs" else FieldType.INTEGER,
        **dict.fromkeys(("key", "name", "quarter", "household", "note"), FieldType.STRING),
        "count": FieldType.INTEGER,
        "share": FieldType.NUMBER,
        "open": FieldType.BOOLEAN,
        "opened": FieldType.DATE,
        "seen": FieldType.DATETIME,
        place: FieldType.GEOMETRY,
    }
    assert table.rows == len(SHAPES) and table.source["points"] is True
    assert "Orte der Stadt" in table.comment and "Ort" in table.comment.split(". ")[-1]
    assert table.crs == ("EPSG:4326" if kind == "wfs" else "EPSG:25832")
    assert table.source.get("axes") == ("yx" if kind == "wfs" else None)
    sample = looking.sample(table, ("key", place))
    assert sum(batch.num_rows for batch in sample.batches) == len(SHAPES)
    with pytest.raises(Unknown, match="no collection 'nix'"):
        looking.describe("nix")


def test_an_empty_type_is_described_by_its_schema(tmp_path, server):
    server.answer = WfsServer([], XSD)
    table = probe(tmp_path, f"{server.url}?service=WFS").describe("app:orte")
    assert {column.name for column in table.columns} == set(XSD)


def test_texts_of_a_schema_that_knows_nothing_else_are_told_by_their_values(tmp_path, server):
    rows = [{"nr": str(n), "tag": f"2026-01-0{n}", "name": "x", "place": shapely.Point(7, 50)} for n in range(1, 5)]
    types = dict.fromkeys(("nr", "tag", "name"), "string") | {"place": "GeometryPropertyType"}
    server.answer = WfsServer(rows, types)
    table = probe(tmp_path, f"{server.url}?service=WFS").describe("app:orte")
    found = {column.name: column.type for column in table.columns}
    assert (found["tag"], found["name"], found["place"]) == (FieldType.DATE, FieldType.STRING, FieldType.GEOMETRY)


def test_schemas_of_real_services_are_read():
    folder = DATA / "hamburg" / "wfs"
    need("the folder of real city data", folder.is_dir(), "set NABE_TEST_DATA to a copy of it")
    root, _ = tree("s", "schema", [(folder / "wfs_describefeaturetype_schulen.xml").read_bytes()])
    names = [item.attributes["name"] for item in root.children if item.name == "element"]
    found = {name: schema(root, name) for name in names}
    assert all(found.values()) and sum(len(item) for item in found.values()) + len(names) == 88
    schools = found["hh_schulen_dwh"]
    assert schools["is_rebbz"].type is FieldType.BOOLEAN and schools["schueleranzahl"].type is FieldType.INTEGER
    assert schools["the_geom"].type is FieldType.GEOMETRY and schools["the_geom"].point
    root, _ = tree("s", "schema", [(folder / "wfs_describefeaturetype_nrw.xml").read_bytes()])
    place = schema(root, "tfis:SWD01_P")["msGeometry"]
    assert place.type is FieldType.GEOMETRY and not place.point
    assert (
        list(schema(root, "SWD03_P"))
        == "msGeometry LAND MODELLART OBJART OBJART_TXT OBJID BEGINN BLR BLW NAM INF".split()
    )
    assert schema(root, "gibtsnicht") == {}


def test_schemas_of_other_shapes_are_read():
    text = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2">
    <xs:element name="haus" type="a:HausType"/>
    <xs:complexType name="BauType"><xs:complexContent><xs:extension base="gml:AbstractFeatureType"><xs:sequence>
      <xs:element name="hoehe"><xs:annotation><xs:documentation>Höhe in m</xs:documentation></xs:annotation>
        <xs:simpleType><xs:restriction base="xs:decimal"/></xs:simpleType></xs:element>
      <xs:element ref="gml:pointProperty"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
    <xs:complexType name="HausType"><xs:complexContent><xs:extension base="a:BauType"><xs:sequence>
      <xs:element name="teil" type="xs:string" maxOccurs="unbounded"/><xs:element name="adresse" type="a:AdresseType"/>
      <xs:choice><xs:element name="baujahr" type="xs:gYear"/></xs:choice></xs:sequence></xs:extension></xs:complexContent>
    </xs:complexType><xs:complexType name="AdresseType"><xs:sequence/></xs:complexType></xs:schema>"""
    root, _ = tree("s", "schema", [text.encode()])
    found = schema(root, "a:haus")
    assert {name: item.type for name, item in found.items()} == {
        "hoehe": FieldType.NUMBER,
        "pointProperty": FieldType.GEOMETRY,
        "teil": None,
        "adresse": None,
        "baujahr": None,
    }
    assert found["hoehe"].title == "Höhe in m" and found["pointProperty"].point


def test_capabilities_of_the_old_kind_are_read():
    text = """<WFS_Capabilities version="1.1.0" xmlns="http://www.opengis.net/wfs" xmlns:ows="http://www.opengis.net/ows"
      xmlns:app="http://a"><ows:OperationsMetadata><ows:Operation name="GetFeature"><ows:Parameter name="outputFormat">
      <ows:Value>text/xml; subtype=gml/3.1.1</ows:Value></ows:Parameter></ows:Operation></ows:OperationsMetadata>
      <FeatureTypeList><FeatureType><Name>app:a</Name><DefaultSRS>EPSG:25832</DefaultSRS><OtherSRS>EPSG:4326</OtherSRS>
      <ows:Keywords><ows:Keyword>Schule</ows:Keyword></ows:Keywords></FeatureType></FeatureTypeList></WFS_Capabilities>"""
    root, spaces = tree("s", "capabilities", [text.encode()])
    found = capabilities(root, spaces)
    assert found.types["app:a"].crs == ("EPSG:25832", "EPSG:4326") and found.types["app:a"].keywords == ("Schule",)
    assert (found.version, found.pages, found.formats) == ("1.1.0", None, ("text/xml; subtype=gml/3.1.1",))
    assert found.find("a") is found.find("b:a") is found.types["app:a"] and spaces["app"] == "http://a"


def test_addresses_are_taken_apart():
    base = "https://geo.example.org"
    assert divided(f"{base}/ogc/collections/a%20b/items?f=json&key=1") == (f"{base}/ogc", {"key": "1"}, "a b")
    assert divided(f"{base}/collections") == (f"{base}/", {}, "")
    assert divided(f"{base}/collectionsammlung") == (f"{base}/collectionsammlung", {}, "")
    assert divided(f"{base}/wfs?SERVICE=WFS&map=/a.map&typeNames=x") == (f"{base}/wfs", {"map": "/a.map"}, "")


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300) | st.text("<>/ab&;=\"' ", max_size=80).map(str.encode))
def test_any_bytes_are_an_exception_or_none(body):
    found = exception_in(body)
    assert found is None or len(found[1]) <= 200
    try:
        root, spaces = tree("s", "x", [b"<a>", body, b"</a>"])
    except NabeError:
        return
    assert capabilities(root, spaces).types == {} and schema(root, "a") == {}


def test_the_day_of_a_schema_may_have_a_zone(tmp_path, server):
    inner = WfsServer([{"tag": dt.date(2026, 1, 2), "place": None}], {"tag": "date", "place": "PointPropertyType"})
    server.answer = lambda request: (
        xml(inner(request).body.decode().replace("2026-01-02<", "2026-01-02Z<"))
        if request.params["request"] == "GetFeature"
        else inner(request)
    )
    looking = probe(tmp_path, f"{server.url}?service=WFS")
    (batch,) = looking.sample(looking.describe("app:orte"), ("tag",)).batches
    assert batch.column(0).to_pylist() == [dt.date(2026, 1, 2)]
