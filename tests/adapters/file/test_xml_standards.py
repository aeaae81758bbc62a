"""XML standards of administration: kinds of objects, codes, references, units, what repeats; real files and interfaces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shapely

from nabe.adapters.file import FileAdapter
from nabe.errors import SourceRefused
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import Compare, Op
from nabe.model.query import Scan
from nabe.testing.needs import need
from nabe.testing.silo import Reply, Request, Server, rows, serving

from .support import DATA, context, dataset, open_source, probe, system

PLAN = "planung/augsburg_BP_872A_xplangml_5.4.gml"


def looked(root: Path, file: str, table: str = "", **source: Any) -> tuple[Any, list[dict[str, Any]]]:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    looking = probe(root, str(DATA / file))
    names = looking.discover()
    name = next(item for item in names if item.endswith(table))
    looking._tables[name] |= source
    described = looking.describe(name)
    batches = looking.sample(described)
    return described, pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()


def test_a_land_use_plan_is_a_table_for_each_of_its_22_kinds(tmp_path):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    looking = probe(tmp_path, str(DATA / PLAN))
    names = looking.discover()
    assert len(names) == 22 and all("#" in name for name in names)
    tables = {name.partition("#")[2]: looking.describe(name) for name in names}
    assert sum(table.rows for table in tables.values()) == 348
    assert (tables["BP_Plan"].rows, tables["XP_PPO"].rows, tables["BP_GruenFlaeche"].rows) == (1, 85, 11)
    assert {name for name, table in tables.items() if table.crs != "EPSG:25832"} == {"BP_Bereich"}, "it has no place"


def test_references_of_a_plan_are_keys_into_its_other_tables(tmp_path):
    _, areas = looked(tmp_path, PLAN, "#BP_Bereich")
    _, trees = looked(tmp_path, PLAN, "#BP_AnpflanzungBindungErhaltung")
    _, signs = looked(tmp_path, PLAN, "#XP_PPO")
    assert {row["gehoertZuBereich_href"] for row in trees} == {areas[0]["id"]}
    _, annexes = looked(tmp_path, PLAN, "#BP_NebenanlagenFlaeche")
    assert len({row["dientZurDarstellungVon_href"] for row in signs} & {row["id"] for row in annexes}) == 17


def test_codes_of_a_plan_are_told_in_words_and_can_be_filtered_by(tmp_path):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    source = {
        "path": Path(PLAN).name,
        "rows_path": "BP_AnpflanzungBindungErhaltung",
        "columns": {"massnahme": {"codes": {1000: "Bindung, Erhaltung", 2000: "Anpflanzung"}}},
    }
    fields = (
        Field("id", FieldType.STRING),
        Field("massnahme", FieldType.STRING),
        Field("code", FieldType.INTEGER, column="massnahme (code)"),
        Field("place", FieldType.GEOMETRY),
    )
    kinds = dataset(source, fields)
    assert FileAdapter().check_dataset(system(str(DATA / "planung")), kinds) == []
    silo = open_source(tmp_path, str(DATA / "planung"))
    found = rows(silo, kinds)
    assert {(row["massnahme"], row["code"]) for row in found} == {("Anpflanzung", 2000), ("Bindung, Erhaltung", 1000)}
    planted = rows(silo, kinds, Scan("inhalt", where=Compare("massnahme", Op.EQ, "Anpflanzung")))
    assert 0 < len(planted) == sum(row["code"] == 2000 for row in found) < len(found) == 76
    augsburg = shapely.box(10.7, 48.2, 11.0, 48.5)
    assert augsburg.contains(shapely.from_wkb([row["place"] for row in found])).all()
    wrong = dataset(source, (Field("massnahme", FieldType.INTEGER),))
    assert "right is string" in FileAdapter().check_dataset(system(str(DATA / "planung")), wrong)[0]


def test_heights_of_a_plan_are_exploded(tmp_path):
    table, plain = looked(tmp_path, PLAN, "#BP_UeberbaubareGrundstuecksFlaeche")
    _, exploded = looked(tmp_path, PLAN, "#BP_UeberbaubareGrundstuecksFlaeche", explode="hoehenangabe")
    wanted = sum(max(len(json.loads(row["hoehenangabe"] or "[]")), 1) for row in plain)
    assert len(plain) == 16 < len(exploded) == wanted
    heights = {row["hoehenangabe_XP_Hoehenangabe_hoehenbezug"] for row in exploded}
    assert heights - {None} == {1100} and {row["id"] for row in exploded} == {row["id"] for row in plain}
    assert {row["hoehenangabe_XP_Hoehenangabe_h_uom"] for row in exploded} - {None} <= {"m"}


def test_nodes_and_pipes_of_a_sewer_network_have_their_points(tmp_path):
    where = "Geometrie_Geometriedaten_Knoten_Punkt"
    _, found = looked(tmp_path, "kanal/isybau_xml_2017_netz.xml", explode="Knoten/Punkt")
    nodes = {row["Objektbezeichnung"] for row in found if row["Objektart"] == 2}
    pipes = {row["Objektbezeichnung"] for row in found if row["Objektart"] == 1}
    assert (len(nodes), len(pipes)) == (107, 64)
    assert [sum(row["_number"] == number for row in found) for number in (1, 2, None)] == [107, 30, 64]
    assert all(row[f"{where}_Rechtswert"] for row in found if row["_number"] == 1), "second points may be heights only"
    ends = {row["Kante_KnotenZulauf"] for row in found} - {None}
    assert ends <= nodes, "a pipe begins at a node of the network"


def test_the_place_of_a_node_is_made_of_its_point(tmp_path):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    where = "Geometrie_Geometriedaten_Knoten_Punkt"
    source = {
        "path": "isybau_xml_2017_netz.xml", "rows_path": "AbwassertechnischeAnlage", "explode": "Knoten/Punkt",
        "x": f"{where}_Rechtswert", "y": f"{where}_Hochwert", "crs": "EPSG:25832",
    }  # fmt: skip
    fields = (Field("key", FieldType.STRING, column="Objektbezeichnung"), Field("place", FieldType.GEOMETRY))
    found = rows(open_source(tmp_path, str(DATA / "kanal")), dataset(source, fields))
    places = shapely.from_wkb([row["place"] for row in found if row["place"]])
    assert len(found) == 201 and len(places) == 128 and shapely.box(5, 47, 16, 56).contains(places).all()


def test_areas_of_weather_warnings_are_rows_with_their_polygon(tmp_path):
    table, found = looked(
        tmp_path, "wetter/dwd_cap_warnungen_2023-06-23.zip", rows_path="info", explode="area", around=["sent"]
    )
    assert len(found) > 8 and table.crs in ("OGC:CRS84", "EPSG:4326")
    shapes = [shapely.from_wkb(row["geometry"]) for row in found if row["geometry"]]
    assert shapes and all(shapely.box(5, 46, 16, 56).contains(shape) for shape in shapes)
    assert {row["event"] for row in found} and all(row["sent"] is not None for row in found)


def test_readings_of_meters_and_forecasts_are_tables(tmp_path):
    _, readings = looked(tmp_path, "energie/mbus/kamstrup_multical_601.norm.xml")
    assert len(readings) == 28 and readings[0]["Quantity"] == "Fabrication No"
    _, forecasts = looked(tmp_path, "wetter/dwd_mosmix_s_2020-03-13.kmz", "#Forecast")
    assert len(forecasts) == 40 and forecasts[0]["elementName"] == "PPPP"


def write(root: Path, text: str) -> None:
    (root / "a.xml").write_text(text, "utf-8")


def read(root: Path, **source: Any) -> list[dict[str, Any]]:
    looking = probe(root, str(root / "a.xml"))
    looking.discover()
    looking._tables["a.xml"] |= source
    table = looking.describe("a.xml")
    batches = looking.sample(table)
    return pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()


def test_what_cannot_be_exploded_is_told_with_what_can(tmp_path):
    write(tmp_path, "<a><r><x><y>1</y><y>2</y></x><x><y>3</y></x><z>1</z></r><r><z>2</z></r></a>")
    with pytest.raises(SourceRefused, match="nothing at 'w'") as caught:
        read(tmp_path, rows_path="r", explode="w")
    assert "x" in caught.value.hint
    with pytest.raises(SourceRefused, match="repeat themselves") as caught:
        read(tmp_path, rows_path="r", explode="y")
    assert "Explode x" in caught.value.hint
    assert [(row["z"], row["x_y"], row["_number"]) for row in read(tmp_path, rows_path="r", explode="x")] == [
        (1, '["1", "2"]', 1), (1, '["3"]', 2), (2, None, None),
    ]  # fmt: skip


def test_geometries_that_repeat_are_exploded_into_rows(tmp_path):
    point = '<g:Point srsName="EPSG:25832"><g:pos>{} 5934000</g:pos></g:Point>'
    inner = "".join(point.format(number) for number in (566000, 566100))
    write(tmp_path, f'<a xmlns:g="http://www.opengis.net/gml"><r><k>1</k>{inner}</r><r><k>2</k></r></a>')
    found = read(tmp_path, rows_path="r", explode="Point")
    assert [(row["k"], row["_number"], row["geometry"] is not None) for row in found] == [
        (1, 1, True), (1, 2, True), (2, None, False),
    ]  # fmt: skip


def test_a_link_to_elsewhere_stays_as_it_is(tmp_path):
    space = 'xmlns:x="http://www.w3.org/1999/xlink"'
    write(tmp_path, f'<a {space}><r x:href="#p1" href="#no"/><r x:href="https://x/y#p2"/></a>')
    assert {row["href"] for row in read(tmp_path)} == {"p1", "https://x/y#p2"}


def test_codes_with_blanks_and_quotes_are_codes(tmp_path):
    write(tmp_path, "<a><r><c> 01 </c></r><r><c>O'B</c></r><r><c/></r><r><c>x</c></r></a>")
    found = read(tmp_path, rows_path="r", columns={"c": {"codes": {"01": "eins", "O'B": "L'Eau"}}})
    assert [row["c"] for row in found] == ["eins", "L'Eau", None, "x"]


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


WORKS = b"<a><works id='1'><n>A</n></works><works id='2'><n>B</n></works></a>"
FIELDS = (Field("id", FieldType.STRING), Field("n", FieldType.STRING))


@pytest.mark.parametrize("media", ["application/xml", "text/xml; charset=utf-8"])
def test_xml_of_an_interface_is_read_with_its_parameters_and_key(tmp_path, server, media):
    server.answer = lambda request: (
        Reply(WORKS, Content_Type=media)
        if request.params == {"kind": "works", "open": "true", "key": "geheim"}
        else Reply(b"", 401)
    )
    found = system(server.url, params={"key": "${KEY}"})
    source = FileAdapter().open(
        found, lambda text: "geheim" if text == "${KEY}" else text, context(tmp_path, allow_hosts=("127.0.0.1",))
    )
    asked = dataset({"path": "v1.0", "rows_path": "works", "params": {"kind": "works", "open": True}}, FIELDS)
    assert FileAdapter().check_dataset(found, asked) == []
    assert rows(source, asked) == [{"id": "1", "n": "A"}, {"id": "2", "n": "B"}]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"geheim" not in kept, "a key in the address is not kept"


def test_a_key_goes_to_the_declared_host_only(tmp_path, server):
    other = Server(Reply(WORKS, Content_Type="application/xml"))
    server.answer = Reply(b"", 302, Location=f"{other.url}/a.xml")
    source = FileAdapter().open(
        system(server.url, params={"key": "geheim"}), lambda text: text, context(tmp_path, allow_hosts=("127.0.0.1",))
    )
    assert len(rows(source, dataset({"path": "a.xml", "rows_path": "works"}, FIELDS))) == 2
    assert server.seen[0].params == {"key": "geheim"} and other.seen[0].params == {}
    other.close()


def test_parameters_are_for_web_addresses(tmp_path):
    said = FileAdapter().check_dataset(system("ordner"), dataset({"path": "a.xml", "params": {"a": 1}}, FIELDS))
    assert "for web addresses" in said[0]
    said = FileAdapter().check_system(system("ordner", params={"key": "${KEY}"}))
    assert "sent to its host only" in said[0]


def test_connect_takes_an_interface_with_a_query(tmp_path, server):
    def answer(request: Request) -> Reply:
        return Reply(WORKS, Content_Type="application/xml") if request.params == {"kind": "works"} else Reply(b"", 404)

    server.answer = answer
    looking = probe(tmp_path, f"{server.url}/export?kind=works", allow_hosts=("127.0.0.1",))
    (name,) = looking.discover()
    table = looking.describe(name)
    assert table.rows == 2 and table.source["format"] == "xml"


@pytest.mark.parametrize(
    ("begin", "more", "says"),
    [
        (b"<a><r>", b"x" * 1_000_000, "more than 32,000,000 signs"),
        (b"<a b='", b"x" * 1_000_000, "longer than 8 MB"),
        (b"<a><!--", b"x" * 1_000_000, "longer than 8 MB"),
        (b'<!DOCTYPE a SYSTEM "http://10.0.0.1/a.dtd"><a><r>&b;</r><r/></a>', b"", "entities"),
    ],
    ids=["text", "attribute", "comment", "outside-dtd"],
)
def test_what_has_no_end_or_leads_elsewhere_is_refused(tmp_path, begin, more, says):
    with (tmp_path / "a.xml").open("wb") as out:
        out.write(begin)
        for _ in range(40):
            out.write(more)
    with pytest.raises(SourceRefused, match=says):
        read(tmp_path)
