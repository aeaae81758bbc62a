"""A result in every format, read back: nothing lost, nothing invented, bounded memory, always closed."""

from __future__ import annotations

import csv
import datetime as dt
import gc
import io
import json
import math
import tracemalloc

import msgspec
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.errors import Invalid, LimitExceeded, SourceUnavailable
from nabe.formats import FORMATS, workbook, write
from nabe.formats.values import geojson
from nabe.model.dataset import Field, FieldType
from nabe.model.result import Result
from nabe.model.schema import arrow_schema

FIELDS = tuple(
    Field(name, kind)
    for name, kind in (
        ("key", FieldType.STRING),
        ("count", FieldType.INTEGER),
        ("share", FieldType.NUMBER),
        ("open", FieldType.BOOLEAN),
        ("day", FieldType.DATE),
        ("at", FieldType.DATETIME),
        ("geom", FieldType.GEOMETRY),
    )
)
SCHEMA = arrow_schema(FIELDS)
ROW = {
    "key": '05"3, 1\n=1+1',
    "count": 7,
    "share": 0.5,
    "open": True,
    "day": dt.date(2026, 11, 24),
    "at": dt.datetime(2026, 11, 24, 8, 15, tzinfo=dt.UTC),
    "geom": shapely.Point(6.95, 50.94).wkb,
}
NOTHING = dict.fromkeys(ROW)


class Answer:
    """A result over these batches that remembers whether it was closed and how much of it was read."""

    def __init__(self, *batches, schema=SCHEMA):
        self.closed = 0
        self.read = 0

        def walk():
            for rows in batches:
                self.read += 1
                if isinstance(rows, Exception):
                    raise rows
                yield rows if isinstance(rows, pa.RecordBatch) else pa.RecordBatch.from_pylist(rows, schema)

        self.result = Result(schema, walk(), FIELDS, on_close=self._close)

    def _close(self):
        self.closed += 1


def written(format, *batches, title="", schema=SCHEMA):
    answer = Answer(*batches, schema=schema)
    data = b"".join(write(answer.result, format, title=title))
    assert answer.closed
    return data


@pytest.mark.parametrize("format", FORMATS)
def test_empty_answers_and_empty_batches_are_whole_documents(format, tmp_path):
    for batches in ((), ([],), ([], [ROW], [], [ROW], [])):
        data = written(format, *batches)
        rows = 2 if len(batches) == 5 else 0
        match format:
            case "json":
                assert len(json.loads(data)) == rows
            case "geojson":
                assert len(json.loads(data)["features"]) == rows
            case "ndjson":
                assert [json.loads(line)["count"] for line in data.splitlines()] == [7] * rows
            case "csv":
                assert len(list(csv.reader(io.StringIO(data.decode(), newline="")))) == rows + 1
            case "parquet":
                assert pq.read_table(io.BytesIO(data)).num_rows == rows
            case "xlsx":
                assert openpyxl.load_workbook(io.BytesIO(data)).active.max_row == rows + 1
            case "gpkg":
                (tmp_path / "x.gpkg").write_bytes(data)
                assert pyogrio.read_info(tmp_path / "x.gpkg")["features"] == rows


def test_csv_follows_rfc_4180_and_leaves_values_as_they_are():
    data = written("csv", [ROW, NOTHING]).decode()
    assert data.startswith("key,count,share,open,day,at,geom\r\n")
    _, first, second = csv.reader(io.StringIO(data, newline=""))
    assert first == [ROW["key"], "7", "0.5", "true", "2026-11-24", "2026-11-24T08:15:00Z", "POINT (6.95 50.94)"]
    assert second == [""] * 7


def test_json_and_ndjson_hold_the_same_rows():
    rows = json.loads(written("json", [ROW], [NOTHING]))
    assert rows == [json.loads(line) for line in written("ndjson", [ROW, NOTHING]).splitlines()]
    assert rows[0]["at"] == "2026-11-24T08:15:00Z" and rows[0]["day"] == "2026-11-24"
    assert rows[0]["geom"] == {"type": "Point", "coordinates": [6.95, 50.94]}
    assert rows[1] == NOTHING


def test_numbers_that_json_has_no_word_for_are_missing_everywhere():
    rows = [ROW | {"share": number} for number in (math.nan, math.inf, -math.inf)]
    assert [row["share"] for row in json.loads(written("json", rows))] == [None] * 3
    assert "nan" not in written("csv", rows).decode().lower()
    sheet = openpyxl.load_workbook(io.BytesIO(written("xlsx", rows))).active
    assert [sheet.cell(row, 3).value for row in (2, 3, 4)] == [None] * 3


def test_geojson_has_the_geometry_in_its_place_and_the_rest_as_properties():
    body = json.loads(written("geojson", [ROW, NOTHING], title='Straßen "Nord"'))
    assert body["type"] == "FeatureCollection" and body["title"] == 'Straßen "Nord"'
    first, second = body["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [6.95, 50.94]}
    assert set(first["properties"]) == set(ROW) - {"geom"}
    assert second["geometry"] is None


def test_a_second_geometry_is_a_property_of_the_feature():
    schema = arrow_schema((Field("a", FieldType.GEOMETRY), Field("b", FieldType.GEOMETRY)))
    line = shapely.LineString([(0, 0), (1, 1)]).wkb
    (feature,) = json.loads(written("geojson", [{"a": None, "b": line}], schema=schema))["features"]
    assert feature["geometry"] is None and feature["properties"]["b"]["type"] == "LineString"


def test_rings_run_as_rfc_7946_wants_and_heights_are_kept():
    clockwise = shapely.Polygon([(0, 0), (0, 1), (1, 1), (1, 0)])
    (ring,) = json.loads(bytes(geojson(pa.array([clockwise.wkb]))[0]))["coordinates"]
    assert shapely.is_ccw(shapely.LinearRing(ring))
    high, flat = geojson(pa.array([shapely.Point(1, 2, 3).wkb, shapely.LineString([(0, 0), (1, 1)]).wkb]))
    assert json.loads(bytes(high))["coordinates"] == [1, 2, 3]
    assert json.loads(bytes(flat))["coordinates"] == [[0, 0], [1, 1]]


def test_broken_geometry_is_missing_and_a_curved_one_is_refused_by_name():
    broken = pa.array([b"no wkb", shapely.Point(math.nan, 1).wkb, shapely.Point(1, 2).wkb, None])
    texts = [bytes(item) for item in geojson(broken)]
    assert texts[:2] == [b"null", b"null"] and texts[3] == b"null" and b"Point" in texts[2]
    arc = bytes.fromhex(
        "010800000003000000" + "00" * 16 + "000000000000f03f000000000000f03f0000000000000040" + "00" * 8
    )
    with pytest.raises(Invalid, match="curved"):
        geojson(pa.array([arc]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=20),
    st.integers(0, 5),
    st.sampled_from([1, 5]),
)
def test_points_written_fast_are_those_that_shapely_writes(places, skip, times):
    """Few are written one by one, many all at once."""
    places = places * times
    wkb = pa.array([shapely.Point(place).wkb for place in places])[min(skip, len(places) - 1) :]
    slow = geojson(pa.concat_arrays([wkb, pa.array([None], pa.binary())]))[:-1]
    for fast, text in zip(geojson(wkb), slow, strict=True):
        assert msgspec.to_builtins(fast) == json.loads(bytes(text))


def test_parquet_keeps_types_and_says_where_the_geometry_is():
    table = pq.read_table(io.BytesIO(written("parquet", [ROW, NOTHING])))
    assert table.to_pylist() == [ROW, NOTHING]
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["primary_column"] == "geom" and geo["columns"]["geom"]["encoding"] == "WKB"


def test_parquet_hands_out_row_groups_as_they_fill():
    batch = pa.RecordBatch.from_pylist([ROW] * 50_000, SCHEMA)
    answer = Answer(*[batch] * 6)
    stream = write(answer.result, "parquet")
    next(stream)
    assert answer.read == 2
    data = b"".join(stream)
    assert data.endswith(b"PAR1")


def test_geopackages_are_read_back_by_gdal(tmp_path):
    path = tmp_path / "x.gpkg"
    path.write_bytes(written("gpkg", [ROW, NOTHING], title="Straßen"))
    info = pyogrio.read_info(path)
    assert info["crs"] == "EPSG:4326" and info["features"] == 2 and set(info["fields"]) == set(ROW) - {"geom"}
    _, table = pyogrio.read_arrow(path)
    assert table.column("count").to_pylist() == [7, None]
    assert shapely.from_wkb(table.column("geom")[0].as_py()).equals(shapely.Point(6.95, 50.94))
    plain = arrow_schema((Field("fid", FieldType.INTEGER), Field("geom", FieldType.STRING)))
    path.write_bytes(written("gpkg", [{"fid": 3, "geom": "x"}], schema=plain))
    _, table = pyogrio.read_arrow(path)
    assert table.column("fid").to_pylist() == [3]


def test_workbooks_keep_text_as_text_and_long_keys_whole():
    rows = [
        ROW | {"count": 2**60, "key": "=HYPERLINK(1)"},
        ROW | {"day": dt.date(1848, 3, 18), "at": dt.datetime(1848, 3, 18, tzinfo=dt.UTC)},
    ]
    sheet = openpyxl.load_workbook(io.BytesIO(written("xlsx", rows, title="[a]:*?/\\ 'Kitas'"))).active
    assert sheet.cell(2, 1).value == "=HYPERLINK(1)" and sheet.cell(2, 1).data_type == "s"
    assert sheet.cell(2, 2).value == str(2**60)
    assert sheet.cell(2, 5).value == dt.datetime(2026, 11, 24) and sheet.cell(2, 6).value == dt.datetime(
        2026, 11, 24, 8, 15
    )
    assert sheet.cell(3, 5).value == "1848-03-18" and sheet.cell(3, 6).value == "1848-03-18T00:00:00Z"
    assert sheet.title == "a 'Kitas"


def test_a_sheet_that_would_overflow_is_refused_before_its_first_byte(monkeypatch, tmp_path):
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = Answer([ROW] * 2, [ROW] * 2)
    with pytest.raises(LimitExceeded, match="sheet"):
        next(write(answer.result, "xlsx"))
    assert answer.closed and not list(tmp_path.iterdir())
    wide = pa.schema([pa.field(f"c{i}", pa.int64()) for i in range(16_385)])
    with pytest.raises(LimitExceeded):
        written("xlsx", schema=wide)


@pytest.mark.parametrize("format", ["csv", "json", "ndjson", "geojson"])
def test_the_first_bytes_go_out_before_the_second_batch_is_read_and_leaving_closes(format):
    answer = Answer([ROW], [ROW], [ROW])
    stream = write(answer.result, format)
    first = next(stream)
    if format == "geojson":
        first += next(stream)
    assert first and answer.read == 1
    stream.close()
    assert answer.closed == 1 and answer.read == 1


@pytest.mark.parametrize("format", FORMATS)
def test_an_error_of_the_silo_comes_through_and_closes(format):
    answer = Answer([ROW], SourceUnavailable("s", "gone"))
    with pytest.raises(SourceUnavailable):
        list(write(answer.result, format))
    assert answer.closed


def test_an_unknown_format_is_refused_and_closes():
    answer = Answer()
    with pytest.raises(Invalid, match="exe"):
        write(answer.result, "exe")
    assert answer.closed


@pytest.mark.parametrize("format", ["csv", "ndjson", "geojson"])
def test_a_large_batch_is_written_in_pieces(format):
    batch = pa.RecordBatch.from_pylist([ROW], SCHEMA)
    large = pa.Table.from_batches([batch] * 100_000).combine_chunks().to_batches()[0]
    tracemalloc.start()
    size = sum(len(piece) for piece in write(Answer(large).result, format))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 5_000_000 and peak < 20_000_000


def test_dates_beyond_pythons_calendar_are_written():
    schema = pa.schema([("day", pa.date32()), ("at", pa.timestamp("us", "UTC"))])
    far = pa.RecordBatch.from_arrays(
        [pa.array([4_000_000], pa.date32()), pa.array([400_000_000_000_000_000], pa.timestamp("us", "UTC"))],
        schema=schema,
    )
    assert b"12921-08-18" in written("json", far, schema=schema)
    for format in FORMATS:
        assert written(format, far, schema=schema)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(max_size=6), min_size=1, max_size=5, unique=True))
def test_fields_may_have_any_name_in_json(names):
    """User SQL names its columns as it likes: quotes, line breaks, names of msgspec's own."""
    schema = pa.schema([pa.field(name, pa.int64()) for name in names])
    row = {name: number for number, name in enumerate(names)}
    batch = pa.RecordBatch.from_arrays([pa.array([number]) for number in range(len(names))], schema=schema)
    assert json.loads(written("json", batch, schema=schema)) == [row]
    (feature,) = json.loads(written("geojson", batch, schema=schema))["features"]
    assert feature["properties"] == row


def test_many_shapes_of_answers_leave_nothing_behind():
    """The classes that write rows are made per list of names; only the latest are kept."""
    for number in range(600):
        schema = pa.schema([pa.field(f"spalte_{number}", pa.int64())])
        written("json", pa.RecordBatch.from_arrays([pa.array([1])], schema=schema), schema=schema)
    gc.collect()
    assert sum(1 for item in msgspec.Struct.__subclasses__() if item.__name__ == "Row") < 300
