"""XML as tables: records at a path, attributes, lists, GML and KML geometry; and documents that must not be read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.errors import NabeError, SourceRefused
from nabe.ports.source import Table
from nabe.testing.needs import need

from .support import DATA, probe

WORKS = """<?xml version="1.0" encoding="ISO-8859-1"?>
<d:delivery xmlns:d="http://example.org/works" publisher="Tiefbauamt">
  <d:time>2026-11-24T08:00:00+01:00</d:time>
  <d:works id="B-01" state="open">
    <d:street><d:name>Gr\xfcner Weg</d:name><d:key>00123</d:key></d:street>
    <d:length unit="m">120.5</d:length>
    <d:note>first</d:note><d:note>second</d:note>
  </d:works>
  <d:works id="B-02">
    <d:street><d:name>Markt &amp; Hof</d:name><d:key>00124</d:key></d:street>
    <d:length unit="m" xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">0</d:length>
    <d:note>only one</d:note>
  </d:works>
</d:delivery>
"""


def read(root: Path, name: str, table: str = "") -> tuple[Table, list[dict]]:
    looking = probe(root, str(root / name))
    described = looking.describe(table or looking.discover()[0])
    batches = looking.sample(described)
    return described, pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()


def gml(members: str, srs: str = "urn:ogc:def:crs:EPSG::25832") -> str:
    return (
        '<c:FeatureCollection xmlns:c="http://www.opengis.net/wfs" xmlns:g="http://www.opengis.net/gml" '
        f'xmlns:a="http://example.org/a">{members.replace("SRS", srs)}</c:FeatureCollection>'
    )


def member(geometry: str, name: str = "Tree") -> str:
    return f"<g:featureMember><a:{name}><a:no>1</a:no><a:geom>{geometry}</a:geom></a:{name}></g:featureMember>"


def test_the_repeated_element_is_the_row_and_nested_elements_are_columns(tmp_path):
    (tmp_path / "works.xml").write_bytes(WORKS.encode("latin-1"))
    table, rows = read(tmp_path, "works.xml")
    assert table.source["rows_path"] == "delivery/works"
    assert [row["street_name"] for row in rows] == ["Grüner Weg", "Markt & Hof"]
    assert [row["street_key"] for row in rows] == ["00123", "00124"]
    assert [(row["id"], row["state"]) for row in rows] == [("B-01", "open"), ("B-02", None)]


def test_an_element_that_says_nil_has_no_value_and_its_attributes_stay(tmp_path):
    (tmp_path / "works.xml").write_bytes(WORKS.encode("latin-1"))
    _, rows = read(tmp_path, "works.xml")
    assert [row["length"] for row in rows] == [120.5, None] and {row["length_unit"] for row in rows} == {"m"}


def test_what_repeats_in_one_record_is_a_list_in_all_and_is_told(tmp_path):
    (tmp_path / "works.xml").write_bytes(WORKS.encode("latin-1"))
    table, rows = read(tmp_path, "works.xml")
    assert [row["note"] for row in rows] == ['["first", "second"]', '["only one"]']
    assert any("JSON lists" in note and "note" in note for note in table.notes)


def test_what_stands_around_the_records_can_be_told_with_each(tmp_path):
    (tmp_path / "works.xml").write_bytes(WORKS.encode("latin-1"))
    looking = probe(tmp_path, str(tmp_path / "works.xml"))
    looking.discover()
    looking._tables["works.xml"] |= {"rows_path": "works", "around": ["time", "publisher"]}
    described = looking.describe("works.xml")
    batches = looking.sample(described)
    rows = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    assert {row["publisher"] for row in rows} == {"Tiefbauamt"} and all(row["time"].hour == 7 for row in rows)


def test_a_path_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    (tmp_path / "works.xml").write_bytes(WORKS.encode("latin-1"))
    looking = probe(tmp_path, str(tmp_path / "works.xml"))
    looking.discover()
    looking._tables["works.xml"]["rows_path"] = "works/strasse"
    with pytest.raises(SourceRefused, match="nothing at 'works/strasse'") as caught:
        looking.describe("works.xml")
    assert "delivery/works" in caught.value.hint


def test_each_kind_of_feature_is_a_table(tmp_path):
    point = '<g:Point srsName="SRS"><g:pos>567000 5934000</g:pos></g:Point>'
    (tmp_path / "a.gml").write_text(gml(member(point) * 2 + member(point, "Bench")))
    assert probe(tmp_path, str(tmp_path / "a.gml")).discover() == ["a.gml#Tree", "a.gml#Bench"]
    table, rows = read(tmp_path, "a.gml", "a.gml#Bench")
    assert len(rows) == 1 and table.crs == "EPSG:25832"
    assert shapely.box(9.9, 53.5, 10.1, 53.6).contains(shapely.from_wkb(rows[0]["geometry"]))


@pytest.mark.parametrize(
    ("srs", "pos"),
    [
        ("urn:ogc:def:crs:EPSG::4326", "53.55 10.0"),
        ("EPSG:4326", "10.0 53.55"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "10.0 53.55"),
        ("http://www.opengis.net/gml/srs/epsg.xml#25832", "566258 5934000"),
        ("urn:ogc:def:crs:EPSG::25832", "5934000 566258"),
    ],
    ids=["urn-is-north-first", "short-is-east-first", "crs84", "old-address", "against-the-register"],
)
def test_the_order_of_coordinates_follows_the_standard_unless_the_place_says_otherwise(tmp_path, srs, pos):
    (tmp_path / "a.gml").write_text(gml(member(f'<g:Point srsName="SRS"><g:pos>{pos}</g:pos></g:Point>') * 2, srs))
    table, rows = read(tmp_path, "a.gml")
    assert shapely.from_wkb(rows[0]["geometry"]).distance(shapely.Point(10.0, 53.553)) < 0.01
    assert any("against what" in note for note in table.notes) == (pos.startswith("5934"))


def test_geometries_of_all_forms_are_read(tmp_path):
    ring = "<g:LinearRing><g:posList>0 0 4 0 4 4 0 0</g:posList></g:LinearRing>"
    hole = "<g:LinearRing><g:coordinates>2,1 3,1 3,2 2,1</g:coordinates></g:LinearRing>"
    polygon = f"<g:Polygon><g:exterior>{ring}</g:exterior><g:interior>{hole}</g:interior></g:Polygon>"
    arc = "<g:Arc><g:posList>0 0 1 1 2 0</g:posList></g:Arc>"
    circle = "<g:Circle><g:posList>1 0 0 1 -1 0</g:posList></g:Circle>"
    line = "<g:LineStringSegment><g:posList>2 0 5 0</g:posList></g:LineStringSegment>"
    shapes = [
        polygon,
        f"<g:MultiSurface><g:surfaceMember>{polygon}</g:surfaceMember></g:MultiSurface>",
        f"<g:Curve><g:segments>{arc}{line}</g:segments></g:Curve>",
        f"<g:Surface><g:patches><g:PolygonPatch><g:exterior><g:Ring><g:curveMember><g:Curve><g:segments>{circle}"
        "</g:segments></g:Curve></g:curveMember></g:Ring></g:exterior></g:PolygonPatch></g:patches></g:Surface>",
        '<g:LineString><g:posList srsDimension="3">0 0 9 1 1 9</g:posList></g:LineString>',
        "<g:Solid/>",
        "<g:Point><g:pos>1 nan</g:pos></g:Point>",
    ]
    (tmp_path / "a.gml").write_text(gml("".join(member(item) for item in shapes)))
    looking = probe(tmp_path, str(tmp_path / "a.gml"))
    looking.discover()
    looking._tables["a.gml"]["rows_path"] = "Tree/geom"
    table = looking.describe("a.gml")
    # Each form lies at a path of its own; the first is the geometry, the others are told as WKT.
    columns = {column.name for column in table.columns}
    assert {"geometry", "MultiSurface", "Curve", "Surface", "LineString"} <= columns
    batches = looking.sample(table)
    rows = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    assert shapely.from_wkb(rows[0]["geometry"]).area == 7.5
    curve = shapely.from_wkt(json.loads(rows[2]["Curve"])[0])
    assert abs(curve.length - (3.14159 + 3)) < 0.01
    circle_area = shapely.from_wkt(json.loads(rows[3]["Surface"])[0]).area
    assert abs(circle_area - 3.14159) < 0.03


def test_a_packed_kml_is_read_and_lies_where_it_says(tmp_path):
    kml = (
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Rathaus</name><Point><coordinates>'
        "6.9583,50.9381,0</coordinates></Point></Placemark><Placemark><name>Dom</name><Point><coordinates>"
        " 6.9581,50.9413 </coordinates></Point></Placemark></Document></kml>"
    )
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", kml)
    table, rows = read(tmp_path, "a.kmz")
    assert table.crs == "OGC:CRS84" and [row["name"] for row in rows] == ["Rathaus", "Dom"]
    assert shapely.from_wkb(rows[1]["geometry"]).equals(shapely.Point(6.9581, 50.9413))


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a><r x="1">&c;</r><r/></a>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a><r x="1">&b;</r><r/></a>'


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (BOMB, "entities"),
        (OUTSIDE, "entities"),
        ("<a>" * 5_000, "deep"),
        ("<a><r></a>", "line 1: not valid XML"),
        ("<a>" + "".join(f"<r{n}/>" for n in range(21_000)) + "</a>", "different elements"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "not valid XML|encoding"),
        ("no markup at all", "not valid XML"),
    ],
    ids=["bomb", "outside", "deep", "broken", "wide", "encoding", "text"],
)
def test_documents_that_attack_or_are_broken_are_refused_with_a_reason(tmp_path, document, why):
    (tmp_path / "a.xml").write_text(document)
    with pytest.raises(SourceRefused, match=why):
        read(tmp_path, "a.xml")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=8),
        lambda inner: st.lists(st.tuples(st.sampled_from(["a", "b", "pos", "coordinates"]), inner), max_size=4),
        max_leaves=12,
    )
)
def test_any_tree_of_elements_is_a_table_or_refused(tmp_path, tree):
    def write(item: object) -> str:
        if isinstance(item, str):
            return item.replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "")
        return "".join(f'<{name} k="1">{write(inner)}</{name}>' for name, inner in item)

    (tmp_path / "a.xml").write_text(f"<root>{write(tree)}</root>", "utf-8")
    try:
        table, rows = read(tmp_path, "a.xml")
    except NabeError:
        return
    assert len(rows) == table.rows


@pytest.mark.parametrize(
    ("file", "rows", "place"),
    [
        ("hamburg/wfs/wfs_1.1.0_fahrradrouten_gml311.xml", 18, "EPSG:25832"),
        ("hamburg/wfs/wfs_1.1.0_spass_am_wasser_gml311.xml", 15, "EPSG:25832"),
        ("hamburg/wfs/wfs_1.1.0_verkehrsnetz_bab_gml311.xml", 66, "EPSG:25832"),
        ("kanal/isybau_xml_2017_netz.xml", 171, ""),
        ("parken/stuttgart-static.xml", 49, "EPSG:25832"),
        ("parken/stuttgart-realtime.xml", 49, ""),
        ("planung/augsburg_BP_872A_xplangml_5.4.gml", 76, "EPSG:25832"),
    ],
)
def test_real_documents_are_tables(tmp_path, file, rows, place):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    looking = probe(tmp_path, str(DATA / file))
    table = looking.describe(looking.discover()[0])
    batches = looking.sample(table)
    read = pa.Table.from_batches(list(batches.batches), batches.schema)
    assert (read.num_rows, table.crs) == (rows, place)
    if place:
        germany = shapely.box(5.5, 47.0, 15.6, 55.5)
        inside = germany.contains(shapely.from_wkb([item for item in read["geometry"].to_pylist() if item]))
        assert sum(inside) >= len(inside) - 1  # Stuttgart's has one car park in degrees among metres
