"""Records out of publications: languages, causes, periods, places of every form; and anything that may come."""

from __future__ import annotations

import json

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.datex2.settings import TableSettings
from nabe.adapters.datex2.translate import KINDS, records
from nabe.adapting.xml.markup import XmlStream
from nabe.errors import NabeError

from .support import publication


def read(inner: str, kind: str = "situation", name: str = "SituationPublication", **more: str) -> list[dict]:
    text = publication(name, inner)
    return list(records("s", XmlStream(iter([text.encode()]), "feed"), TableSettings(publication=kind, **more)))  # type: ignore[arg-type]


def situation(inner: str) -> str:
    return (
        '<situation id="S" version="3"><overallSeverity>high</overallSeverity>'
        f'<situationRecord xsi:type="sit:Accident" id="R" version="1">{inner}</situationRecord></situation>'
    )


def place(inner: str, **more: str):
    (row,) = read(situation(f"<groupOfLocations>{inner}</groupOfLocations>"), **more)
    found = row["location"]
    return shapely.from_geojson(json.dumps(found)) if found and found["type"] != "Unreadable" else found


def test_texts_are_told_in_the_language_wanted_and_in_all(tmp_path):
    comment = (
        "<generalPublicComment><comment><values><value lang='en'>Closed</value><value lang='DE'>Gesperrt</value></values>"
        "</comment><commentType>warning</commentType></generalPublicComment>"
    )
    (row,) = read(situation(comment))
    assert row["comment"] == "Gesperrt" and row["comments"] == [{"kind": "warning", "en": "Closed", "de": "Gesperrt"}]
    assert read(situation(comment), language="en")[0]["comment"] == "Closed"
    assert read(situation(comment), language="fr")[0]["comment"] == "Closed", "the first there is"


def test_what_the_situation_says_is_told_with_each_record():
    (row,) = read(situation(""))
    assert (row["situation_id"], row["situation_version"], row["overall_severity"]) == ("S", "3", "high")
    assert (row["id"], row["type"], row["published"]) == ("R", "Accident", "2026-11-24T12:00:00Z")


def test_periods_and_exceptions_are_listed():
    spec = (
        "<validity><validityTimeSpecification><overallStartTime>2026-11-24T00:00:00+01:00</overallStartTime>"
        "<validPeriod><startOfPeriod>2026-11-24T08:00:00Z</startOfPeriod><recurringTimePeriodOfDay><startTimeOfPeriod>08:00:00"
        "</startTimeOfPeriod></recurringTimePeriodOfDay><recurringDayWeekMonthPeriod><applicableDay>monday</applicableDay>"
        "</recurringDayWeekMonthPeriod></validPeriod><exceptionPeriod><endOfPeriod>2026-12-24T00:00:00Z</endOfPeriod>"
        "</exceptionPeriod></validityTimeSpecification></validity>"
    )
    (row,) = read(situation(spec))
    assert row["periods"] == [
        {"start": "2026-11-24T08:00:00Z", "from": "08:00:00", "days": ["monday"]},
        {"except": True, "end": "2026-12-24T00:00:00Z"},
    ]


VERSION_3 = """<mc:messageContainer xmlns:mc="http://datex2.eu/schema/3/messageContainer" xmlns:com="http://datex2.eu/schema/3/common"
 xmlns:sit="http://datex2.eu/schema/3/situation" xmlns:loc="http://datex2.eu/schema/3/locationReferencing"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" modelBaseVersion="3">
 <mc:payload xsi:type="sit:SituationPublication" lang="de"><com:publicationTime>2026-11-24T12:00:00+01:00</com:publicationTime>
 <sit:situation id="S9"><sit:overallSeverity>medium</sit:overallSeverity>
 <sit:situationRecord xsi:type="sit:MaintenanceWorks" id="S9-1" version="1">
  <sit:validity><com:validityStatus>active</com:validityStatus><com:validityTimeSpecification>
   <com:overallStartTime>2026-11-24T08:00:00+01:00</com:overallStartTime></com:validityTimeSpecification></sit:validity>
  <sit:cause><sit:causeType>roadMaintenance</sit:causeType></sit:cause>
  <sit:generalPublicComment><sit:comment><com:values><com:value lang="de">Rohrbruch</com:value></com:values></sit:comment>
  </sit:generalPublicComment>
  <sit:locationReference xsi:type="loc:LinearLocation"><loc:coordinatesForDisplay><loc:latitude>50.94</loc:latitude>
   <loc:longitude>6.95</loc:longitude></loc:coordinatesForDisplay><loc:supplementaryPositionalDescription>
   <loc:roadInformation><loc:roadName>Ring</loc:roadName><loc:roadNumber>B55</loc:roadNumber></loc:roadInformation>
   </loc:supplementaryPositionalDescription><loc:gmlLineString srsDimension="2"><loc:posList>50.94 6.95 50.95 6.96</loc:posList>
   </loc:gmlLineString></sit:locationReference>
  <sit:roadMaintenanceType>roadworks</sit:roadMaintenanceType></sit:situationRecord></sit:situation></mc:payload></mc:messageContainer>"""


def test_a_situation_of_version_3_is_read_like_one_of_version_2():
    document = XmlStream(iter([VERSION_3.encode()]), "feed")
    (row,) = records("s", document, TableSettings(publication="situation"))
    assert (row["situation_id"], row["id"], row["type"], row["detail"]) == (
        "S9",
        "S9-1",
        "MaintenanceWorks",
        "roadworks",
    )
    assert (row["status"], row["cause"], row["comment"]) == ("active", "roadMaintenance", "Rohrbruch")
    assert (row["road_number"], row["road_name"], row["overall_severity"]) == ("B55", "Ring", "medium")
    assert shapely.from_geojson(json.dumps(row["location"])).wkt == "LINESTRING (6.95 50.94, 6.96 50.95)"


POINT = "<pointByCoordinates><pointCoordinates><latitude>50.9</latitude><longitude>6.9</longitude></pointCoordinates></pointByCoordinates>"
SHOWN = "<locationForDisplay><latitude>50.9</latitude><longitude>6.9</longitude></locationForDisplay>"
RING = "50 6 50 7 51 7 50 6"


@pytest.mark.parametrize(
    ("inner", "wkt"),
    [
        (POINT, "POINT (6.9 50.9)"),
        (SHOWN, "POINT (6.9 50.9)"),
        (f"{POINT}{POINT.replace('6.9', '7.5')}", "MULTIPOINT ((6.9 50.9), (7.5 50.9))"),
        ("<gmlLineString><posList>50.9 6.9 51 7</posList></gmlLineString>", "LINESTRING (6.9 50.9, 7 51)"),
        (f"{SHOWN}<gmlLineString><posList>6.9 50.9 7 51</posList></gmlLineString>", "LINESTRING (6.9 50.9, 7 51)"),
        ('<gmlLineString><posList srsDimension="3">50.9 6.9 40 51 7 41</posList></gmlLineString>', "LINESTRING (6.9 50.9, 7 51)"),
        (
            f"<gmlMultiPolygon><gmlPolygon><exterior><posList>{RING}</posList></exterior></gmlPolygon></gmlMultiPolygon>",
            "MULTIPOLYGON (((6 50, 7 50, 7 51, 6 50)))",
        ),
    ],
    ids=["point", "shown", "two-points", "line", "line-the-other-way", "three-numbers", "area"],
)  # fmt: skip
def test_places_are_longitude_and_latitude(inner, wkt):
    assert place(inner).equals(shapely.from_wkt(wkt))


def test_the_order_declared_is_the_order_read():
    line = "<gmlLineString><posList>6.9 50.9 7 51</posList></gmlLineString>"
    assert place(line, order="lonlat").equals(shapely.from_wkt("LINESTRING (6.9 50.9, 7 51)"))
    assert place(line, order="latlon").equals(shapely.from_wkt("LINESTRING (50.9 6.9, 51 7)"))


@pytest.mark.parametrize("text", ["50.9 6.9 51", "50.9 6.9 nan 7", "a b c d", "50.9 6.9", "99 6.9 51 7"])
def test_a_place_that_cannot_be_read_is_no_gap(text):
    assert place(f"<gmlLineString><posList>{text}</posList></gmlLineString>") == {"type": "Unreadable"}
    assert place("<alertCPoint/>") is None


def test_a_measurement_is_one_row_per_value():
    rows = read(
        '<siteMeasurements><measurementSiteReference id="M1" version="2" targetClass="x"/><measurementTimeDefault>'
        '2026-11-24T11:00:00Z</measurementTimeDefault><measuredValue index="1"><measuredValue><basicData '
        'xsi:type="TrafficFlow"><vehicleFlow numberOfInputValuesUsed="5"><vehicleFlowRate>60</vehicleFlowRate></vehicleFlow>'
        '</basicData></measuredValue></measuredValue><measuredValue index="2"><measuredValue><basicData xsi:type='
        '"TrafficSpeed"><averageVehicleSpeed><dataError>true</dataError><speed>48.5</speed></averageVehicleSpeed></basicData>'
        '</measuredValue></measuredValue><measuredValue index="3"><measuredValue><basicData xsi:type="TrafficStatus">'
        "<trafficStatus><trafficStatusValue>freeFlow</trafficStatusValue></trafficStatus></basicData></measuredValue>"
        "</measuredValue></siteMeasurements>",
        "measurement",
        "MeasuredDataPublication",
    )
    shown = [(row["site_id"], row["index"], row["quantity"], row["value"], row["unit"], row["text"]) for row in rows]
    assert shown == [
        ("M1", "1", "TrafficFlow", "60", "/h", None),
        ("M1", "2", "TrafficSpeed", "48.5", "km/h", None),
        ("M1", "3", "TrafficStatus", None, None, "freeFlow"),
    ]
    assert rows[0]["inputs"] == "5" and rows[1]["data_error"] == "true" and rows[2]["time"] == "2026-11-24T11:00:00Z"


NAMES = sorted(
    "situation situationRecord parkingRecord parkingRecordStatus siteMeasurements measuredValue basicData values value "
    "groupOfLocations gmlLineString posList pointCoordinates latitude longitude validity gmlPolygon exterior "
    "measurementSiteReference generalPublicComment comment assignedParkingSpaces numberOfAssignedParkingSpaces speed".split()
)
TREES = st.recursive(
    st.sampled_from(["", "50.9", "6.9 50.9", "nan", "1e999", "-", "Straße", "99999999999999999999", "1_0"]),
    lambda inner: st.lists(
        st.tuples(
            st.sampled_from(NAMES), st.sampled_from(["", ' id="1"', ' lang="de"', ' type="a:B"', ' index="x"']), inner
        ),
        max_size=4,
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(TREES, st.sampled_from(sorted(KINDS)), st.sampled_from(["", "EPSG:25832"]))
def test_anything_is_records_with_all_columns_or_refused(tree, kind, crs):
    def write(item: object) -> str:
        if isinstance(item, str):
            return item
        return "".join(f"<{name}{said}>{write(inner)}</{name}>" for name, said, inner in item)

    try:
        found = read(write(tree), kind, KINDS[kind].words[0], coordinates=crs)
    except NabeError:
        return
    for row in found:
        assert set(row) == {*KINDS[kind].columns, "element"}
        json.dumps(row)
