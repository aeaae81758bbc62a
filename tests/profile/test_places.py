"""Pairs of coordinate columns become points, whatever their system and order."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.model.dataset import FieldType
from nabe.profile.wkb import first_point

COLOGNE = {"OGC:CRS84": (6.96, 50.94), "EPSG:25832": (356_700.5, 5_645_100.5), "EPSG:3857": (774_800.0, 6_610_900.0)}
COLOGNE |= {"EPSG:31466": (2_567_700.0, 5_645_600.0), "EPSG:4647": (32_356_700.0, 5_645_100.0)}
COLOGNE |= {"EPSG:31467": (3_456_700.0, 5_645_600.0), "EPSG:31468": (4_468_000.0, 5_334_000.0)}


def columns(x: str, y: str, point: tuple[float, float]) -> dict[str, list[float]]:
    return {x: [point[0] + at / 1000 for at in range(20)], y: [point[1] + at / 1000 for at in range(20)]}


@pytest.mark.parametrize("crs", list(COLOGNE))
def test_the_reference_system_is_read_from_the_range_of_values(proposal: Any, crs: str) -> None:
    found = proposal(columns("X", "Y", COLOGNE[crs])).dataset
    assert (found.source["x"], found.source["y"], found.source["crs"]) == ("X", "Y", crs)
    assert found.crs == crs and found.geometry is not None and found.geometry.type is FieldType.GEOMETRY


@pytest.mark.parametrize(
    "names", [("Longitude", "Lattitude"), ("lng", "lat"), ("KOORX", "KOORY"), ("x_coord", "y_coord"), ("RW", "HW")]
)
def test_headers_of_coordinates_are_known(proposal: Any, names: tuple[str, str]) -> None:
    assert proposal(columns(*names, COLOGNE["OGC:CRS84"])).dataset.source["x"] == names[0]


def test_swapped_columns_are_swapped_back_and_told(proposal: Any) -> None:
    found = proposal(columns("Latitude", "Longitude", COLOGNE["OGC:CRS84"]))
    assert (found.dataset.source["x"], found.dataset.source["y"]) == ("Latitude", "Longitude")
    assert "profile.geometry.swapped" in [item.key for item in found.findings]


def test_coordinates_elsewhere_are_told_but_not_used(proposal: Any) -> None:
    found = proposal(columns("lon", "lat", (-73.9, 40.7)))
    assert found.dataset.geometry is None and "x" not in found.dataset.source
    assert "profile.geometry.elsewhere" in [item.key for item in found.findings]


def test_a_source_that_makes_no_points_keeps_its_columns(proposal: Any) -> None:
    found = proposal(columns("lon", "lat", COLOGNE["OGC:CRS84"]), source={"table": "orte"})
    assert found.dataset.geometry is None
    assert "profile.geometry.columns_only" in [item.key for item in found.findings]


def test_one_of_several_pairs_is_matched_by_its_name(proposal: Any) -> None:
    found = proposal(columns("start_x", "start_y", COLOGNE["EPSG:25832"]) | columns("ziel_x", "ziel_y", (1.0, 2.0)))
    assert (found.dataset.source["x"], found.dataset.source["y"]) == ("start_x", "start_y")


def test_zeros_that_stand_for_no_place_do_not_hide_the_system(proposal: Any) -> None:
    values = columns("lon", "lat", COLOGNE["OGC:CRS84"])
    values["lon"][3] = values["lat"][3] = 0.0
    assert proposal(values).dataset.crs == "OGC:CRS84"


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("POINT (6.96 50.94)", "OGC:CRS84"),
        ("MULTIPOLYGON (((356700 5645100, 356800 5645100, 356800 5645200, 356700 5645100)))", "EPSG:25832"),
        ("SRID=31466;POINT(2567700 5645600)", "EPSG:31466"),
        ("0101000000AE47E17A14AE1B40B81E85EB51784940", ""),
    ],
)
def test_geometries_written_as_text_are_recognised(proposal: Any, text: str, crs: str) -> None:
    found = proposal({"geom": [text, text], "name": ["a", "b"]}).dataset
    assert found.source["wkt"] == "geom" and found.crs == crs and found.source.get("crs", "") == crs
    assert found.geometry is not None and found.geometry.name == "geometry"


def test_a_pair_that_the_adapter_took_already_is_told_and_left_alone(proposal: Any) -> None:
    table = columns("Latitude", "Longitude", COLOGNE["OGC:CRS84"]) | {"geometry": [b"" for _ in range(20)]}
    fields = [pa.field("Latitude", pa.float64()), pa.field("Longitude", pa.float64())]
    fields.append(pa.field("geometry", pa.binary(), metadata={b"ARROW:extension:name": b"geoarrow.wkb"}))
    source = {"path": "orte.csv", "x": "Latitude", "y": "Longitude"}
    found = proposal(pa.table(table, schema=pa.schema(fields)), source=source, crs="OGC:CRS84")
    assert dict(found.dataset.source) == source and found.dataset.crs == "OGC:CRS84" and len(found.dataset.fields) == 3
    assert [item.key for item in found.findings if item.kind == "geometry"] == ["profile.geometry.swapped"]


@pytest.mark.parametrize(
    "text",
    [
        "POINT (6.9 50.9)",
        "POINT Z (6.9 50.9 12)",
        "LINESTRING (6.9 50.9, 7 51)",
        "POLYGON ((6.9 50.9, 7 51, 7 50, 6.9 50.9))",
        "MULTIPOLYGON (((6.9 50.9, 7 51, 7 50, 6.9 50.9)))",
        "GEOMETRYCOLLECTION (MULTIPOINT (6.9 50.9))",
    ],
)
@pytest.mark.parametrize("order", [0, 1])
def test_the_first_point_of_any_geometry_is_found(text: str, order: int) -> None:
    assert first_point(shapely.to_wkb(shapely.from_wkt(text), byte_order=order)) == (6.9, 50.9)


@pytest.mark.parametrize("text", ["POINT EMPTY", "POLYGON EMPTY", "MULTIPOINT EMPTY"])
def test_an_empty_geometry_has_no_point(text: str) -> None:
    assert first_point(shapely.to_wkb(shapely.from_wkt(text))) is None


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_bytes_that_are_no_geometry_do_no_harm(wkb: bytes) -> None:
    found = first_point(wkb)
    assert found is None or len(found) == 2


def test_geometries_outside_germany_are_told(proposal: Any) -> None:
    wkb = [shapely.to_wkb(shapely.Point(34.1, 48.2 + at / 100)) for at in range(20)]
    field = pa.field("geometry", pa.binary(), metadata={b"ARROW:extension:name": b"geoarrow.wkb"})
    found = proposal(pa.table({"geometry": wkb}, schema=pa.schema([field])), crs="EPSG:32632")
    told = next(item for item in found.findings if item.key == "profile.geometry.abroad")
    assert "34,1" in told.text("de") and "EPSG:32632" in told.text("de")
