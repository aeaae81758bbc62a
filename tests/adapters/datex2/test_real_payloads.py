"""Publications as road authorities and cities recorded them (Baden-Württemberg, Stuttgart, Aachen, Friedrichshafen)."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shapely

from nabe.adapters.file import FileAdapter
from nabe.testing.needs import need

from .support import DATA, context, probe


def read(root: Path, pattern: str) -> tuple[Any, list[dict[str, Any]]]:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    looking = probe(root, str(DATA / pattern))
    (name,) = looking.discover()
    table = looking.describe(name)
    batches = looking.sample(table)
    return table, pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()


def test_road_works_of_a_road_authority(tmp_path):
    table, rows = read(tmp_path, "baustellen/bw_datex2_situation_*.xml")
    assert len(rows) == 26 and table.key == ("id",)
    assert Counter(row["type"] for row in rows) == {
        "RoadOrCarriagewayOrLaneManagement": 12, "ConstructionWorks": 10, "MaintenanceWorks": 4,
    }  # fmt: skip
    first = rows[0]
    assert (first["situation_id"], first["situation_version"], first["version"]) == ("1487640", "22", "22")
    assert first["start"] == dt.datetime(2015, 5, 31, 22, 0, tzinfo=dt.UTC)
    assert first["end"] == dt.datetime(2030, 12, 31, 22, 59, tzinfo=dt.UTC)
    assert (first["road_number"], first["road_name"], first["direction"]) == ("L154", "Albbruck-St. Blasien", "aligned")
    assert json.loads(first["comments"])[:2] == [
        {"kind": "roadworksName", "de": "Bauphase"}, {"kind": "roadworksType", "de": "Sonstiges"},
    ]  # fmt: skip
    (stretch,) = json.loads(first["linear_references"])
    assert (stretch["from_referent"], stretch["from_m"], stretch["to_m"]) == ("8314034O", "6.0", "2794.0")
    causes = {row["cause_record"] for row in rows if row["cause_record"]}
    assert causes and causes <= {row["id"] for row in rows}, "a closure names the works that cause it"


def test_lines_lie_on_the_roads_of_baden_wuerttemberg_latitude_first(tmp_path):
    _, rows = read(tmp_path, "baustellen/bw_datex2_situation_*.xml")
    lines = shapely.from_wkb([row["location"] for row in rows])
    assert {line.geom_type for line in lines} == {"LineString"}
    assert shapely.box(7.5, 47.5, 10.5, 49.8).contains(lines).all()
    start = shapely.Point(lines[0].coords[0])
    assert start.distance(shapely.Point(8.110688, 47.60628)) < 1e-4, "it begins where it is to be shown"


@pytest.mark.parametrize(
    ("file", "rows", "spaces", "crs", "box"),
    [
        ("stuttgart-static", 49, 11_620, "EPSG:25832", (9.0, 48.6, 9.4, 48.9)),
        ("aachen-static", 17, 6_641, "OGC:CRS84", (6.0, 50.7, 6.2, 50.9)),
        ("friedrichshafen-sensors-static", 55, 55, "OGC:CRS84", (9.3, 47.6, 9.6, 47.7)),
    ],
)
def test_car_parks_lie_in_their_city(tmp_path, file, rows, spaces, crs, box):
    table, found = read(tmp_path, f"parken/{file}.xml")
    assert (len(found), table.crs, table.key) == (rows, crs, ("id",))
    assert shapely.box(*box).contains(shapely.from_wkb([row["location"] for row in found])).all()
    assert all(row["name"] for row in found)
    assert sum(row["spaces"] or 0 for row in found) == spaces


@pytest.mark.parametrize(
    ("city", "states"),
    [
        ("stuttgart", {"open", "closed", "unknown"}),
        ("aachen", {"open", "closed"}),
        ("friedrichshafen-sensors", {"open"}),
    ],
)
def test_states_belong_to_car_parks(tmp_path, city, states):
    _, sites = read(tmp_path, f"parken/{city}-static.xml")
    _, found = read(tmp_path, f"parken/{city}-realtime.xml")
    known = {row["id"] for row in sites}
    assert len(found) == len({row["id"] for row in found})
    assert sum(row["id"] in known for row in found) >= len(found) - 1
    assert {row["opening_status"] for row in found} - {None} <= states
    assert all(row["vacant"] is None or row["vacant"] >= 0 for row in found)
    assert all(row["time"] <= row["published"] for row in found)


def test_the_older_and_the_newer_model_of_parking_are_one_table(tmp_path):
    _, stuttgart = read(tmp_path, "parken/stuttgart-realtime.xml")
    _, aachen = read(tmp_path, "parken/aachen-realtime.xml")
    first, other = stuttgart[0], aachen[0]
    assert (first["id"], first["vacant"], first["occupied"], first["status"]) == (
        "12717289",
        245,
        319,
        "spacesAvailable",
    )
    assert (other["id"], other["vacant"], other["occupied"], other["occupancy_percent"]) == ("P1", 412, 148, 26.43)


def test_other_xml_is_left_to_the_file_adapter(tmp_path):
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    from nabe.adapters.datex2 import Datex2Adapter

    for name in ("kanal/isybau_xml_2017_netz.xml", "parken/bielefeld.csv", "planung/augsburg_BP_872A_xplangml_5.4.gml"):
        assert Datex2Adapter().sniff(str(DATA / name), context(tmp_path)) is None
        assert FileAdapter().sniff(str(DATA / name), context(tmp_path)) is not None
