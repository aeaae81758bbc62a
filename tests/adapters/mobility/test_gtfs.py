"""GTFS Schedule: real feeds, times after midnight, missing files, shapes, archives that are damaged or bombs."""

from __future__ import annotations

import datetime as dt
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import Compare, Op
from nabe.model.query import Scan
from nabe.testing.sealing import seal

from .support import Reply, Server, data, dataset, described, opened, probe, rows, serving, texts

PLACE = Field("place", FieldType.GEOMETRY, column="geometry")
ROUTES = "route_id,route_type\n1,3\n"


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def packed(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in {"routes.txt": ROUTES, **files}.items():
            archive.writestr(name, content)
    return out.getvalue()


def folder(root: Path, files: dict[str, str | bytes]) -> Any:
    place = root / "feed"
    place.mkdir(exist_ok=True)
    for name, content in {"routes.txt": ROUTES, **files}.items():
        (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return opened(root, kind="gtfs", path="feed")


def test_the_sample_feed_whole(tmp_path):
    source = opened(tmp_path, kind="gtfs", path=str(data("gtfs_beispiel")))
    stops = {row["stop_id"]: row for row in rows(source, dataset("stops", (*texts("stop_id", "stop_code"), PLACE)))}
    assert len(stops) == 10 and stops["airport"]["stop_code"] == "🛫"
    assert shapely.from_wkb(stops["airport"]["place"]) == shapely.Point(13.511, 52.365)
    (info,) = rows(source, dataset("feed_info", (*texts("feed_lang"), Field("feed_end_date", FieldType.DATE))))
    assert info == {"feed_lang": "de-AT", "feed_end_date": dt.date(2019, 8, 10)}
    lines = rows(source, dataset("shapes", (*texts("shape_id"), Field("points", FieldType.INTEGER), PLACE)))
    assert sum(row["points"] for row in lines) == 1144
    assert {shapely.from_wkb(row["place"]).geom_type for row in lines} == {"LineString"}
    whole = shapely.from_wkb(lines[0]["place"])
    assert lines[0]["shape_id"] == "a-downtown-all-day-s0" and whole.coords[0] == (13.510294914, 52.364833832)
    assert len(rows(source, dataset("stop_times", texts("trip_id")))) == 29
    look = probe(tmp_path, str(data("gtfs_beispiel")))
    assert len(look.discover()) == 15, "fourteen files; shapes as lines and as points"
    table = look.describe("trips")
    assert table.key == ("trip_id",) and ("route_id", "routes", "route_id") in table.references
    types = described(look, "calendar")
    assert types["monday"] is FieldType.INTEGER and types["start_date"] is FieldType.DATE
    assert described(look, "routes")["route_color"] is FieldType.STRING


def test_the_feed_of_ulm_as_far_as_it_is_there(tmp_path):
    source = opened(tmp_path, kind="gtfs", path=str(data("ulm_gtfs_auszug")))
    stops = rows(source, dataset("stops", (*texts("stop_id", "stop_code", "stop_name"), PLACE)))
    assert len(stops) == 517 and stops[0]["stop_name"] == "Steinerne Brücke" and stops[0]["stop_code"] == "1001"
    assert all(9.8 < shapely.from_wkb(row["place"]).x < 10.3 for row in stops)
    kinds = (*texts("route_short_name", "route_color"), Field("route_type", FieldType.INTEGER))
    routes = rows(source, dataset("routes", kinds))
    assert len(routes) == 19 and {"route_short_name": "1", "route_color": "ed1b24", "route_type": 0} in routes
    assert len(rows(source, dataset("calendar_dates", (Field("date", FieldType.DATE),)))) == 276
    assert rows(source, dataset("frequencies", texts("trip_id"))) == [], "an optional file that is not there is empty"
    with pytest.raises(SourceRefused, match=r"the feed has no stop_times\.txt"):
        rows(source, dataset("stop_times", texts("trip_id")))


def test_times_after_midnight_are_texts_in_their_order_or_seconds(tmp_path):
    given = "trip_id,arrival_time,stop_sequence\na,8:05:00,1\na,25:10:30,2\na,,3\na, 09:00:00,4\n"
    source = folder(tmp_path, {"stop_times.txt": given})
    times = rows(source, dataset("stop_times", texts("arrival_time")))
    assert [row["arrival_time"] for row in times] == ["08:05:00", "25:10:30", None, "09:00:00"]
    seconds = (Field("at", FieldType.INTEGER, column="arrival_time"),)
    found = rows(source, dataset("stop_times", seconds))
    assert [row["at"] for row in found] == [29_100, 90_630, None, 32_400]
    scan = Scan("inhalt", ("at",), Compare("at", Op.GE, 86_400))
    assert rows(source, dataset("stop_times", seconds), scan) == [{"at": 90_630}]


def test_values_that_do_not_fit_are_missing_and_a_column_of_them_is_refused(tmp_path, caplog):
    given = "stop_id,stop_lat,stop_lon,location_type\n" + "".join(
        f"{n},{lat},{lon},{kind}\n"
        for n, (lat, lon, kind) in enumerate(
            [(48.4, 9.9, 1), (98.4, 9.9, 0), ("x", 9.9, ""), (48.4, "", "0x1F"), ("nan", "inf", "1.0"), (-0.0, 0, "+1")]
        )
    )
    source = folder(tmp_path, {"stops.txt": given})
    fields = (Field("location_type", FieldType.INTEGER), PLACE)
    found = rows(source, dataset("stops", fields))
    assert [row["location_type"] for row in found] == [1, 0, None, None, 1, 1]
    assert [row["place"] is not None for row in found] == [True, False, False, False, False, True]
    assert "field location_type are not of type integer" in caplog.text
    wrong = folder(tmp_path, {"stops.txt": "stop_id,location_type\n" + "a,Halt\n" * 12})
    with pytest.raises(SourceRefused, match="no value of 'location_type' is of type integer"):
        rows(wrong, dataset("stops", fields[:1]))


def test_a_column_that_every_feed_has_is_missed_by_name_and_others_are_empty(tmp_path):
    source = folder(tmp_path, {"stops.txt": "stop_name\nRathaus\n", "shapes.txt": "shape_id\n1\n"})
    assert rows(source, dataset("stops", texts("stop_name", "stop_code", "zone_id"))) == [
        {"stop_name": "Rathaus", "stop_code": None, "zone_id": None}
    ]
    with pytest.raises(SourceRefused, match="no record has 'stop_id'"):
        rows(source, dataset("stops", texts("stop_id")))
    with pytest.raises(SourceRefused, match=r"shapes\.txt has no column 'shape_pt_lat'"):
        rows(source, dataset("shapes", texts("shape_id")))


def test_shapes_are_put_in_order_wherever_their_points_stand(tmp_path):
    given = (
        "shape_id,shape_pt_sequence,shape_pt_lat,shape_pt_lon\n"
        "a,10,48.3,9.3\nb,1,50,8\na,2,48.2,9.2\na,1,48.1,9.1\nb,2,x,8\nc,1,,\n"
    )
    source = folder(tmp_path, {"shapes.txt": given})
    found = {row["shape_id"]: row for row in rows(source, dataset("shapes", (*texts("shape_id"), PLACE)))}
    assert shapely.from_wkb(found["a"]["place"]).wkt == "LINESTRING (9.1 48.1, 9.2 48.2, 9.3 48.3)"
    assert shapely.from_wkb(found["b"]["place"]).wkt == "POINT (8 50)" and found["c"]["place"] is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"stop_id,stop_name\n1,A\n2,B,C\n", "line 3 has 3 values instead of 2"),
        (b"stop_id,stop_name\n1\n", "line 2 has 1 values instead of 2"),
        (b"stop_id,stop_id\n1,2\n", "names a column twice"),
        (b"", "its first line, which names the columns, is empty"),
        (b"\nstop_id\n", "its first line, which names the columns, is empty"),
        ("stop_id,stop_name\n1,Köln\n".encode("cp1252"), "not written in UTF-8"),
        ("stop_id\n1\n".encode("utf-16"), "UTF-16"),
        (b'stop_id,stop_name\n1,"' + b"x" * 3_000_000, "a line of more than 1 MB, or a quote that is not closed"),
        (b"a" * 2_000_000, "first line is longer than 1 MB"),
        (b"<!doctype html><title>Anmeldung</title>", "a web page"),
    ],
)
def test_what_is_no_table_is_refused_by_its_line(tmp_path, content, says):
    source = folder(tmp_path, {"stops.txt": content})
    with pytest.raises(SourceRefused, match=says) as caught:
        rows(source, dataset("stops", texts("stop_id")))
    assert "stops.txt" in str(caught.value)


def test_a_file_of_names_only_has_no_rows(tmp_path):
    for content in (b"stop_id,stop_name", b"stop_id,stop_name\r\n", b"\xef\xbb\xbfstop_id,stop_name\n"):
        assert rows(folder(tmp_path, {"stops.txt": content}), dataset("stops", texts("stop_id"))) == []


def test_files_and_columns_of_its_own_are_typed_by_their_values(tmp_path):
    given = {"stops.txt": "stop_id,höhe,vin\n1,4.5,W\n", "fahrzeuge.txt": "nr,plätze\n007,12\n"}
    folder(tmp_path, given)
    look = probe(tmp_path, str(tmp_path / "feed"))
    assert described(look, "stops") == {"stop_id": FieldType.STRING, "höhe": FieldType.NUMBER}
    assert described(look, "fahrzeuge") == {"nr": FieldType.STRING, "plätze": FieldType.INTEGER}
    fields = (Field("hoehe", FieldType.NUMBER, column="höhe"),)
    assert rows(opened(tmp_path, kind="gtfs", path="feed"), dataset("stops", fields)) == [{"hoehe": 4.5}]
    with pytest.raises(SourceRefused, match="there is no table 'busse'"):
        rows(opened(tmp_path, kind="gtfs", path="feed"), dataset("busse", fields))


def test_columns_can_be_read_as_they_are_written_or_be_given(tmp_path):
    source = folder(tmp_path, {"stops.txt": 'stop_id,gebühr,seit\n1,"1,50",24.11.2026\n2,-,\n'})
    fields = (
        Field("gebuehr", FieldType.NUMBER, column="gebühr"),
        Field("seit", FieldType.DATE),
        Field("stadt", FieldType.STRING),
    )
    columns = {"gebühr": {"decimal": ",", "nulls": "-"}, "stadt": {"constant": "Ulm"}}
    assert rows(source, dataset({"table": "stops", "columns": columns}, fields)) == [
        {"gebuehr": 1.5, "seit": dt.date(2026, 11, 24), "stadt": "Ulm"},
        {"gebuehr": None, "seit": None, "stadt": "Ulm"},
    ]


def test_large_stop_times_stream_in_bounded_memory(tmp_path):
    line = "fahrt-{0},{1:02d}:{2:02d}:00,halt-{2},{3},{4:.4f}\n"
    head = "trip_id,arrival_time,stop_id,stop_sequence,shape_dist_traveled\n"
    with zipfile.ZipFile(tmp_path / "gross.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("routes.txt", ROUTES)
        with archive.open("stop_times.txt", "w") as out:
            out.write(head.encode())
            for block in range(100):
                part = (line.format(block, n % 28, n % 60, n, n * 1.37) for n in range(4000))
                out.write("".join(part).encode())
    source = opened(tmp_path, kind="gtfs", path="gross.zip")
    fields = (*texts("trip_id", "arrival_time"), Field("stop_sequence", FieldType.INTEGER))
    fields += (Field("dist", FieldType.NUMBER, column="shape_dist_traveled"),)
    tracemalloc.start()
    count = most = 0
    batches = source.read(seal(dataset("stop_times", fields)))
    for batch in batches.batches:
        count += batch.num_rows
        most = max(most, batch.num_rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 400_000 and most < 60_000, "pieces of one MB"
    assert peak < 30_000_000
    limited = rows(source, dataset("stop_times", fields), Scan("inhalt", ("trip_id",), limit=2))
    assert limited == [{"trip_id": "fahrt-0"}] * 2


def test_a_zip_bomb_ends_in_time(tmp_path):
    with zipfile.ZipFile(tmp_path / "bombe.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("routes.txt", ROUTES)
        with archive.open("stops.txt", "w", force_zip64=True) as out:
            out.write(b"stop_id,stop_name\n")
            for _ in range(200):
                out.write(b"a,b\n" * 262_144)
    with pytest.raises(SourceRefused, match=r"stops\.txt unpacks to more than .* \(a zip bomb\?\)"):
        rows(opened(tmp_path, kind="gtfs", path="bombe.zip"), dataset("stops", texts("stop_id")))
    with pytest.raises(SourceRefused, match="more than 1 MB"):
        rows(opened(tmp_path, kind="gtfs", path="bombe.zip", max_mb=1), dataset("stops", texts("stop_id")))


def test_archives_that_are_damaged_or_none(tmp_path):
    whole = packed({"stops.txt": "stop_id,stop_name\n" + "".join(f"{n},Halt {n * n}\n" for n in range(5000))})
    cases = {
        "cut.zip": (whole[: len(whole) // 2], "damaged or cut off"),
        "text.zip": (b"stop_id\n1\n", "no zip archive"),
        "empty.zip": (b"", "no zip archive"),
        "other.zip": (packed_other(), "is no GTFS feed"),
    }
    for name, (content, says) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceRefused, match=says):
            rows(opened(tmp_path, kind="gtfs", path=name), dataset("stops", texts("stop_id")))
    broken = bytearray(whole)
    at = broken.index(b"stops.txt") + 500
    broken[at : at + 40] = b"\x00" * 40
    (tmp_path / "broken.zip").write_bytes(bytes(broken))
    with pytest.raises(SourceRefused, match=r"stops\.txt is damaged|stops\.txt: it is"):
        rows(opened(tmp_path, kind="gtfs", path="broken.zip"), dataset("stops", texts("stop_id")))


def packed_other() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("kitas.csv", "a;b\n1;2\n")
    return out.getvalue()


def test_a_file_that_is_gone_is_unavailable_and_a_link_out_is_not_followed(tmp_path):
    with pytest.raises(SourceUnavailable, match=r"'weg\.zip' is missing"):
        rows(opened(tmp_path, kind="gtfs", path="weg.zip"), dataset("stops", texts("stop_id")))
    (tmp_path / "geheim.txt").write_text("stop_id\n1\n")
    source = folder(tmp_path, {})
    (tmp_path / "feed" / "stops.txt").symlink_to(tmp_path / "geheim.txt")
    with pytest.raises(SourceRefused, match="leaves the folder"):
        rows(source, dataset("stops", texts("stop_id")))
    with pytest.raises(SourceRefused, match="leaves the workspace"):
        opened(tmp_path, kind="gtfs", path="../anderswo")


def test_a_download_is_kept_for_its_time_and_over_a_restart(tmp_path, server):
    server.answer = Reply(packed({"stops.txt": "stop_id\n1\n"}), Content_Type="application/zip", ETag='"1"')
    wanted = dataset("stops", texts("stop_id"))
    for _ in range(2):
        source = opened(tmp_path, kind="gtfs", url=f"{server.url}/gtfs.zip")
        assert rows(source, wanted) == rows(source, wanted) == [{"stop_id": "1"}]
    assert len(server.seen) == 1
    assert {file.stat().st_mode & 0o077 for file in (tmp_path / "cache" / "mobility").iterdir()} == {0}
    server.answer = Reply(packed({"stops.txt": "stop_id\n2\n"}), Content_Type="application/zip")
    assert rows(opened(tmp_path, kind="gtfs", url=f"{server.url}/gtfs.zip", refresh_s=0), wanted) == [{"stop_id": "2"}]


def test_an_unchanged_archive_is_not_sent_again_and_holds_for_the_time_the_server_says(tmp_path, server):
    body = packed({"stops.txt": "stop_id\n1\n"})
    server.answer = lambda request: (
        Reply(b"", 304, Cache_Control="max-age=600")
        if request.headers.get("if-none-match") == '"1"'
        else Reply(body, Content_Type="application/zip", ETag='"1"')
    )
    source = opened(tmp_path, kind="gtfs", url=f"{server.url}/gtfs.zip", refresh_s=0)
    for _ in range(4):
        assert rows(source, dataset("stops", texts("stop_id"))) == [{"stop_id": "1"}]
    assert [request.headers.get("if-none-match") for request in server.seen] == [None, '"1"']


def test_a_new_download_that_is_none_does_not_take_the_place_of_the_last(tmp_path, server):
    server.answer = Reply(packed({"stops.txt": "stop_id\n1\n"}), Content_Type="application/zip")
    wanted = dataset("stops", texts("stop_id"))
    source = opened(tmp_path, kind="gtfs", url=f"{server.url}/gtfs.zip", refresh_s=0, retries=0)
    assert rows(source, wanted) == [{"stop_id": "1"}]
    for reply, error, says in (
        (Reply(b"<html>Anmeldung", Content_Type="text/html"), SourceRefused, "a web page .* instead of a GTFS archive"),
        (Reply(b"PK\x03\x04 kaputt"), SourceRefused, "damaged or cut off"),
        (Reply(packed_other()), SourceRefused, "is no GTFS feed"),
    ):
        server.answer = reply
        with pytest.raises(error, match=says):
            rows(source, wanted)
    server.answer = Reply({}, 503)
    batches = source.read(seal(wanted))
    assert batches.stale_since is not None and sum(batch.num_rows for batch in batches.batches) == 1
    assert [file.name for file in (tmp_path / "cache" / "mobility").iterdir() if file.suffix == ".part"] == []


def test_nothing_but_errors_of_the_port_leaves_the_adapter(tmp_path, server):
    for body in (b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06" + b"\x00" * 18, b"PK\x03\x04" + b"\xff" * 60):
        server.answer = Reply(body, Content_Type="application/zip")
        with pytest.raises(NabeError):
            rows(
                opened(tmp_path, kind="gtfs", url=f"{server.url}/gtfs.zip", refresh_s=0, retries=0),
                dataset("stops", texts("stop_id")),
            )
