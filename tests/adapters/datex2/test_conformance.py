"""The datex2 adapter keeps to what every source must do, in each kind of publication and from feeds and folders.

What a publication has no element for (DATEX II knows no households) stands in an extension, as suppliers do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import Server, dataset, opened, publication, serving, tag, xml


def fields(**columns: str) -> tuple[Field, ...]:
    return tuple(replace(field, column=columns[field.name]) for field in FIELDS)


def extension(row: dict[str, Any], *names: str) -> str:
    """These values in an extension; one with no value has an empty element."""
    return "".join(tag(name, _text(row[name])) or f"<{name}/>" for name in names)


def _text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def said(name: str, text: str | None) -> str:
    return tag(name, inner=tag("values", inner=tag("value", text, lang="de")) if text is not None else "")


def point(row: dict[str, Any]) -> str:
    if row["place"] is None:
        return ""
    place = shapely.from_wkb(row["place"])
    numbers = tag("latitude", place.y) + tag("longitude", place.x)
    return tag("pointByCoordinates", inner=tag("pointCoordinates", inner=numbers))


def situations(rows: list[dict[str, Any]]) -> str:
    return "".join(
        f'<situation id="S{number}" version="1"><situationRecord xsi:type="ConstructionWorks" id="{row["key"]}" version="2">'
        + f"<validity><validityTimeSpecification>{tag('overallStartTime', _text(row['seen']))}</validityTimeSpecification></validity>"
        + tag("impact", inner=tag("numberOfLanesRestricted", row["count"]))
        + (tag("generalPublicComment", inner=said("comment", row["name"])) if row["name"] else "")
        + '<groupOfLocations xsi:type="Point">'
        + tag("supplementaryPositionalDescription", inner=tag("lengthAffected", row["share"]))
        + said("roadName", row["quarter"])
        + point(row)
        + "</groupOfLocations><situationRecordExtension><stadt>"
        + extension(row, "household", "note", "open", "opened")
        + "</stadt></situationRecordExtension></situationRecord></situation>"
        for number, row in enumerate(rows)
    )


SITUATION = fields(
    key="id", name="comment", quarter="road_name", count="lanes_restricted", share="length_m", seen="start",
    place="location", **{n: f"element.situationRecordExtension.stadt.{n}" for n in ("household", "note", "open", "opened")},
)  # fmt: skip


def sites(rows: list[dict[str, Any]]) -> str:
    return "<parkingTable id='T' version='1'>" + "".join(
        f'<parkingRecord xsi:type="UrbanParkingSite" id="{row["key"]}" version="1">'
        + said("parkingName", row["name"])
        + tag("parkingRecordVersionTime", _text(row["seen"]))
        + tag("parkingNumberOfSpaces", row["count"])
        + (f'<parkingLocation xsi:type="Point">{point(row)}</parkingLocation>')
        + tag("heightCharacteristic", inner=tag("vehicleHeight", row["share"]))
        + tag("operator", inner=said("contactName", row["quarter"]))
        + tag("parkingRecordExtension", inner=extension(row, "household", "note", "open", "opened"))
        + "</parkingRecord>"
        for row in rows
    ) + "</parkingTable>"  # fmt: skip


PARKING = fields(
    key="id", name="name", quarter="operator", count="spaces", share="max_height_m", seen="updated", place="location",
    **{n: f"element.parkingRecordExtension.{n}" for n in ("household", "note", "open", "opened")},
)  # fmt: skip


def states(rows: list[dict[str, Any]]) -> str:
    return "".join(
        '<parkingRecordStatus xsi:type="ParkingSiteStatus">'
        + tag("parkingRecordReference", id=row["key"], version="1", targetClass="ParkingRecord")
        + tag("parkingStatusOriginTime", _text(row["seen"]))
        + tag("parkingOccupancy", inner=tag("parkingNumberOfVacantSpaces", row["count"]) + tag("parkingOccupancy", row["share"]))
        + tag("parkingSiteStatus", row["quarter"])
        + "<parkingRecordStatusExtension>" + extension(row, "name", "household", "note", "open", "opened")
        + (tag("place", shapely.from_wkb(row["place"]).wkt) if row["place"] else "<place/>")
        + "</parkingRecordStatusExtension></parkingRecordStatus>"
        for row in rows
    )  # fmt: skip


STATUS = fields(
    key="id", quarter="status", count="vacant", share="occupancy_percent", seen="time",
    **{n: f"element.parkingRecordStatusExtension.{n}" for n in ("name", "household", "note", "open", "opened", "place")},
)  # fmt: skip


def measured(rows: list[dict[str, Any]]) -> str:
    return "".join(
        "<siteMeasurements>"
        + tag("measurementSiteReference", id=row["key"], version="1", targetClass="MeasurementSiteRecord")
        + tag("measurementTimeDefault", _text(row["seen"]))
        + '<measuredValue index="1"><measuredValue><basicData xsi:type="TrafficSpeed">'
        + tag("averageVehicleSpeed", inner=tag("speed", row["share"]))
        + "</basicData></measuredValue></measuredValue><siteMeasurementsExtension>"
        + extension(row, "name", "quarter", "household", "note", "count", "open", "opened")
        + (tag("place", shapely.from_wkb(row["place"]).wkt) if row["place"] else "<place/>")
        + "</siteMeasurementsExtension></siteMeasurements>"
        for row in rows
    )


MEASURED = fields(
    key="site_id", share="value", seen="time",
    **{n: f"element.siteMeasurementsExtension.{n}" for n in ("name", "quarter", "household", "note", "count", "open", "opened", "place")},
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def silo(root: Path, of: tuple[Field, ...], publication: str, away: dict[str, Any], **connection: Any) -> Silo:
    source = {"publication": publication}
    whole = dataset(source, of)
    lost = dataset(source, (*of, Field("lost", FieldType.STRING, column="element.verloren")), "verlust")
    return Silo(opened(root, **connection), whole, lost, (opened(root, retries=0, **away), whole))


@pytest.fixture
def gone() -> dict[str, Any]:
    made = Server()
    made.close()
    return {"url": made.url}


class TestSituationFeed(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: dict[str, Any]) -> Silo:
        server.answer = xml(publication("SituationPublication", situations(ROWS)))
        return silo(tmp_path, SITUATION, "situation", gone, url=server.url)


class TestParkingOfVersion3(SourceConformance):
    """Prefixes, another namespace, and the container of an exchange around the publication."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: dict[str, Any]) -> Silo:
        server.answer = xml(
            '<con:messageContainer xmlns:con="http://datex2.eu/schema/3/messageContainer" '
            'xmlns="http://datex2.eu/schema/3/parking" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            '<con:payload xsi:type="prk:ParkingTablePublication" lang="de" xmlns:prk="http://datex2.eu/schema/3/parking">'
            f"<publicationTime>2026-11-24T12:00:00Z</publicationTime>{sites(ROWS)}</con:payload></con:messageContainer>"
        )
        return silo(tmp_path, PARKING, "parking", gone, url=server.url)


class TestStatesInAFolder(SourceConformance):
    """Several files are one table."""

    @pytest.fixture
    def silo(self, tmp_path: Path) -> Silo:
        folder = tmp_path / "parken"
        folder.mkdir()
        for number, part in enumerate((ROWS[:5], ROWS[5:6], ROWS[6:])):
            text = publication("ParkingStatusPublication", states(part), "parkingStatusPublication")
            (folder / f"{number}.xml").write_text(text, "utf-8")
        return silo(tmp_path, STATUS, "parking_status", {"location": "anderswo"}, location="parken")


class TestMeasurements(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: dict[str, Any]) -> Silo:
        server.answer = xml(publication("MeasuredDataPublication", measured(ROWS)))
        return silo(tmp_path, MEASURED, "measurement", gone, url=server.url)
