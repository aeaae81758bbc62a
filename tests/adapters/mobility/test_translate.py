"""Whatever a feed holds, the translators give rows of the right shape or say what is wrong; kept findings of fuzzing."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import os
from typing import Any

import pyarrow as pa
import pytest
import shapely
from google.transit import gtfs_realtime_pb2 as gtfs
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nabe.adapters.mobility import realtime
from nabe.adapters.mobility.gbfs import feed_list, seconds
from nabe.adapters.mobility.opened import elements, in_parts, json_maker
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.spec import tables
from nabe.adapters.mobility.texttable import TextTable, Unreadable, clock, clock_seconds, read
from nabe.adapters.mobility.translate import (
    gbfs_record,
    geography,
    geography_features,
    instant,
    joined,
    language_of,
    localized,
    mds_record,
    moment,
    point,
    withheld_from_cities,
    zone,
    zone_rules,
)
from nabe.adapting.json_http.stream import Broken, Envelope, TooLarge
from nabe.model.dataset import Field

EXAMPLES = int(os.environ.get("NABE_FUZZ", "150"))
often = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

NAMES = st.sampled_from(
    "station_id vehicle_id bike_id name lat lon lng text language location gps geometry type coordinates features"
    " properties rules last_reported last_updated start end geography_json last_telemetry last_event ride_allowed"
    " vehicle_type_id geometries Point Feature FeatureCollection Polygon MultiPolygon".split()
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | NAMES
    | st.sampled_from([1e400, -0.0])
)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=20
)


def filled(kind: str, table: str, records: list[Any], times: str | None = None) -> pa.Table:
    """The records as all fields of the standard's table."""
    spec = tables(kind)[table]
    fields = [Field(f"f{n}", item.type, column=item.name) for n, item in enumerate(spec.fields.values())]
    maker = json_maker("s", fields, spec, TableSettings(table=table), times=times)
    batches = [maker.batch(part) for part in in_parts(records)]
    found = pa.Table.from_batches(batches, maker.schema)
    found.validate(full=True)
    assert found.num_rows == len(records)
    return found


@often
@given(st.lists(JSON, max_size=4), st.lists(JSON, max_size=4), st.sampled_from(["de", "en", "", "x"]))
def test_any_stations_are_joined_without_loss(information, status, language):
    renamed = tables("gbfs")["stations"].more["renamed"]
    left, right = ([gbfs_record(item, renamed, language) for item in side] for side in (information, status))
    found = list(joined(left, right))
    ids = {str(item.get("station_id")) for item in [*left, *right]}
    assert len(found) >= len(left) and {str(item.get("station_id")) for item in found} == ids
    filled("gbfs", "stations", found)


@often
@given(st.lists(JSON, max_size=5))
def test_any_zones_give_rows(features):
    zones = [zone(feature, number, "de") for number, feature in enumerate(features)]
    filled("gbfs", "geofencing_zones", zones)
    filled("gbfs", "geofencing_rules", [rule for item in zones for rule in zone_rules(item)])


@often
@given(st.lists(JSON, max_size=5))
@example([{"location": {"lat": 1e400, "lng": 0}}])
@example([{"geography_json": {"type": "FeatureCollection", "features": [{"type": "FeatureCollection"}, None]}}])
def test_any_records_of_mds_give_rows(records):
    for table in ("vehicles", "vehicles_status", "trips", "telemetry", "events", "stops"):
        filled("mds", table, [mds_record(item) for item in records], "unix_ms")
    filled("mds", "geographies", [geography(item) for item in records], "unix_ms")
    filled("mds", "geography_features", [row for item in records for row in geography_features(item)], "unix_ms")


@often
@given(JSON, st.text(max_size=5))
def test_any_list_of_feeds_is_names_and_addresses_or_nothing(document, language):
    found = feed_list({"data": document}, language)
    assert all(isinstance(name, str) and isinstance(url, str) for name, url in found.items())
    assert feed_list(document, language) is not None


@often
@given(PLAIN)
def test_any_time_is_a_moment_or_stays_as_it_is(value):
    found = moment(value)
    assert found is value or found == value or dt.datetime.fromisoformat(found).tzinfo is not None or math.isnan(value)
    at = instant(value)
    assert at is None or at.tzinfo is dt.UTC
    assert 0 <= seconds(value) < 1e12


@often
@given(PLAIN, PLAIN)
def test_a_point_lies_on_the_earth(lat, lon):
    found = point(lat, lon)
    if found is not None:
        assert shapely.from_geojson(json.dumps(found)).is_valid
        assert abs(found["coordinates"][0]) <= 180 and abs(found["coordinates"][1]) <= 90


@often
@given(st.lists(st.text(max_size=5)), st.text(max_size=5))
def test_the_language_is_one_of_those_there(languages, wanted):
    assert language_of(languages, wanted) in (languages or [""])


def test_texts_within_objects_are_chosen_too():
    texts = [{"text": "Roller", "language": "de"}, {"text": "scooter", "language": "en"}]
    assert localized({"a": [{"b": texts}]}, "en") == {"a": [{"b": "scooter"}]}
    assert localized([], "de") == [] and localized([{"text": "x"}], "de") == [{"text": "x"}]


def test_seconds_and_milliseconds_since_1970_are_moments():
    for value in (1795521600, 1795521600.0, "1795521600", 1795521600000, "1795521600000"):
        assert moment(value) == "2026-11-24T12:00:00+00:00"
    assert moment(True) is True and moment(-5) == -5 and moment("2026") == "2026"


@pytest.mark.parametrize(
    ("way", "left"),
    [
        ("numberPlate", True),
        ("license_plate", True),
        ("vehicle.vin", True),
        ("FIN", True),
        ("createdBy", True),
        ("last_modified_by", True),
        ("userId", True),
        ("driver.name", True),
        ("kennzeichen", True),
        ("customer_email", True),
        ("extended.Invers.rfid_tags.1", True),
        ("vehicle_id", False),
        ("final_stop", False),
        ("vineyard", False),
        ("template", False),
        ("users_allowed", False),
        ("driver_seat", False),
        ("is_disabled", False),
        ("modified", False),
    ],
)
def test_what_a_city_has_no_business_with(way, left):
    assert withheld_from_cities(way) is left


CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6) | st.sampled_from(
    [
        "25:10:30",
        "8:00:00",
        "20261124",
        "-1",
        "0x1F",
        "nan",
        "1e5",
        "48.4",
        "+1",
        " 3 ",
        "1_000",
        "\u0663",
        "99999999999999999999",
    ]
)


@often
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=6), st.sampled_from(list(tables("gtfs"))), st.data())
def test_any_cells_become_values_of_the_types_of_the_standard(cells, table, draw):
    import csv

    spec = tables("gtfs")[table]
    known = [item for item in spec.fields.values() if item.name != "geometry"]
    names = [draw.draw(st.sampled_from(known)).name for _ in range(3)]
    names = [f"{name}_{at}" if name in names[:at] else name for at, name in enumerate(names)]
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([names, *cells])
    fields = [Field(f"f{n}", item.type, column=item.name) for n, item in enumerate(spec.fields.values())]
    pair = ("stop_lon", "stop_lat") if table == "stops" else None
    maker = TextTable(fields, spec.fields, {}, "Europe/Berlin", pair=pair)
    rows = 0
    for batch in read(io.BytesIO(out.getvalue().encode()))[1]:
        made = maker.batch(batch)
        made.validate(full=True)
        rows += made.num_rows
        for number, name in enumerate(spec.fields):
            if name in names and spec.fields[name].word in ("text", "id", "colour"):
                given_cells = [row[names.index(name)] for row in cells][rows - made.num_rows : rows]
                assert made.column(number).to_pylist() == [cell or None for cell in given_cells]
    assert rows == len(cells)


@often
@given(st.binary(max_size=300) | st.text("a,b\"\r\n;\t'é", max_size=80).map(str.encode))
@example(b'a,b\n"1,2\n')
@example(b'"a\nb",c\n1,2\n')
@example(b"a\n\n\n1\n")
@example(b"\xef\xbb\xbf")
@example(b"a,b\r1,2\r3,4")
def test_any_bytes_are_a_table_or_unreadable(content):
    try:
        names, batches = read(io.BytesIO(content))
        for batch in batches:
            assert batch.schema.names == names
            TextTable([Field("a", tables("gtfs")["stops"].fields["stop_id"].type)], {}, {}, "UTC").batch(batch)
    except Unreadable as error:
        assert str(error)


@often
@given(st.text("0123456789: ", max_size=9))
def test_a_time_of_day_is_read_or_refused(value):
    try:
        text = clock(value)
    except ValueError:
        with pytest.raises(ValueError):
            clock_seconds(value)
        return
    assert clock(text) == text and clock_seconds(value) == clock_seconds(text) >= 0


@often
@given(
    JSON,
    st.sampled_from(["data.stations[*]", "data", "trips[*]", "geography"]),
    st.binary(max_size=5),
    st.integers(0, 200),
)
def test_any_document_gives_records_or_says_what_is_wrong(document, way, noise, at):
    body = json.dumps({"data": {"stations": document}, "trips": document}).encode()
    body = body[:at] + noise + body[at + len(noise) :]
    try:
        list(elements(body, way, Envelope()))
    except (Broken, TooLarge):
        pass


def any_message() -> gtfs.FeedMessage:
    made = gtfs.FeedMessage()
    made.header.gtfs_realtime_version, made.header.timestamp = "2.0", 1795521600
    for number in range(2):
        entity = made.entity.add(id=str(number))
        entity.vehicle.position.latitude, entity.vehicle.position.longitude = 48.4, 9.99
        entity.vehicle.timestamp, entity.vehicle.trip.start_date = 1795521600, "20261124"
        entity.trip_update.trip.trip_id = "t"
        entity.trip_update.stop_time_update.add(stop_id="s").arrival.time = 1795521600
        entity.alert.header_text.translation.add(text="x", language="de")
        entity.alert.active_period.add(start=1, end=2)
        entity.alert.informed_entity.add(route_id="5")
    return made


WHOLE = any_message().SerializeToString()


@often
@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=12), st.integers(0, len(WHOLE))
)
def test_a_message_with_wrong_bytes_gives_rows_or_says_what_is_wrong(changes, cut):
    body = bytearray(WHOLE)
    for at, value in changes:
        body[at] = value
    for candidate in (bytes(body), bytes(body[:cut])):
        try:
            message = realtime.parse(candidate)
            realtime.check(message)
        except realtime.NotRealtime:
            continue
        for table in tables("gtfs_rt"):
            filled("gtfs_rt", table, list(realtime.rows(message, table, "de")))


@often
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_none(body):
    try:
        realtime.check(realtime.parse(body))
    except realtime.NotRealtime as error:
        assert str(error)
