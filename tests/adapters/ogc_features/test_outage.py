"""Services that fail, hang, drip or lie, as real servers on loopback; documents that must not be read."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nabe.adapting.xml import markup
from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.outbound import client
from nabe.testing.silo import Reply, Request, Server, rows, serving

from .api_server import ApiServer
from .support import dataset, opened
from .wfs_server import WfsServer, report, xml

FIELDS = (Field("nr", FieldType.INTEGER),)
ROWS: list[dict[str, Any]] = [{"nr": 1, "place": None}]
XSD = {"nr": "integer", "place": "PointPropertyType"}
WFS, API = dataset({"collection": "app:orte"}, FIELDS), dataset({"collection": "orte"}, FIELDS)
COLLECTION = (
    '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"'
)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def answering(reply: Any) -> Any:
    """A WFS that gives `reply` in place of features."""
    inner = WfsServer(ROWS, XSD)

    def answer(request: Request) -> Any:
        if request.params.get("request") != "GetFeature":
            return inner(request)
        return reply() if callable(reply) else reply

    return answer


def test_when_the_server_comes_back_so_do_the_rows(tmp_path, server):
    for of, healthy in ((WFS, WfsServer(ROWS, XSD)), (API, ApiServer(ROWS, {"nr": {"type": "integer"}}))):
        source = opened(tmp_path, server.url, retries=0, type="wfs" if of is WFS else "ogcapi")
        for status in (500, 502, 503, 429):
            server.answer = Reply({"error": "Geheimnis"}, status)
            with pytest.raises(SourceUnavailable, match=f"answers with {status}") as caught:
                rows(source, of)
            assert "Geheimnis" not in str(caught.value)
            server.answer = healthy
            assert rows(source, of) == [{"nr": 1}]


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (
            xml(report("InvalidParameterValue", "Feature type\n unknown: " + "x" * 500)),
            SourceRefused,
            "Feature type unknown: x+…",
        ),
        (xml(report("OperationParsingFailed", "kaputt"), 400), SourceRefused, r"kaputt \(OperationParsingFailed\)"),
        (xml(report("NoApplicableCode", "voll"), 503), SourceUnavailable, "voll"),
        (xml(report("ServerBusy", "später")), SourceUnavailable, "später"),
        (
            xml('<ServiceExceptionReport><ServiceException code="A">alt</ServiceException></ServiceExceptionReport>'),
            SourceRefused,
            r"alt \(A\)",
        ),
        (
            xml(
                f"{COLLECTION}><wfs:truncatedResponse>{report('X', 'mittendrin')[21:]}</wfs:truncatedResponse></wfs:FeatureCollection>"
            ),
            SourceRefused,
            "mittendrin",
        ),
        (Reply(b"<!DOCTYPE html><form>Anmeldung</form>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply(b"\n<html><body>Anmeldung</body></html>"), SourceRefused, "log-in page"),
        (Reply(b"<html/>", 401), SourceRefused, "wants a log-in"),
        (Reply(b"<html/>", 404), SourceRefused, "answers with 404"),
        (Reply(b"OK"), SourceRefused, "neither XML nor JSON"),
        (xml("<a/>"), SourceRefused, "'a' instead of features"),
        (xml(f"{COLLECTION}><wfs:member></a>"), SourceRefused, "not valid XML"),
        (xml(f"{COLLECTION}><wfs:member>"), SourceUnavailable, "ends in the middle"),
        (xml(""), SourceUnavailable, "ends in the middle"),
        (Reply(f"{COLLECTION}>".encode(), Content_Length="1000"), SourceUnavailable, "broke in the middle"),
        (
            xml('<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]>' + f"{COLLECTION}>&d;</wfs:FeatureCollection>"),
            SourceRefused,
            "entities of its own",
        ),
        (
            xml('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + f"{COLLECTION}>&b;</wfs:FeatureCollection>"),
            SourceRefused,
            "entities of its own",
        ),
        (
            xml(f"{COLLECTION}>" + "<a>" * 200 + "</a>" * 200 + "</wfs:FeatureCollection>"),
            SourceRefused,
            "more than 100 deep",
        ),
        (Reply(b'<?xml version="1.0" encoding="klingon"?><a/>'), SourceRefused, "encoding"),
    ],
)
def test_what_is_not_the_data_is_refused_by_name(tmp_path, server, reply, error, says):
    server.answer = answering(reply)
    with pytest.raises(error, match=says):
        rows(opened(tmp_path, server.url, type="wfs", retries=0), WFS)


def test_what_is_no_service_is_refused_by_name(tmp_path, server):
    for answer, says in (
        ({"a": 1}, "neither an OGC API nor a WFS"),
        (Reply(b"<html></html>", Content_Type="text/html"), "web page"),
        (xml("<kml/>"), "'kml' instead of a WFS's capabilities"),
        (xml('<WFS_Capabilities version="1.0.0"/>'), "WFS 1.0.0 only"),
    ):
        server.answer = answer
        with pytest.raises(SourceRefused, match=says):
            rows(opened(tmp_path, server.url, retries=0), WFS)


def test_a_type_that_is_not_there_is_named_with_those_that_are(tmp_path, server):
    server.answer = WfsServer(ROWS, XSD)
    with pytest.raises(SourceRefused, match=r"no feature type 'app:parks'.*app:orte"):
        rows(opened(tmp_path, server.url, type="wfs"), dataset({"collection": "app:parks"}, FIELDS))


def test_a_record_without_end_is_cut_off(tmp_path, server, monkeypatch):
    monkeypatch.setattr(markup, "MOST_TEXT", 1_000_000)

    def long(piece: bytes, begin: bytes) -> Iterator[bytes]:
        yield f"{COLLECTION}><wfs:member>".encode() + begin
        for _ in range(10_000):
            yield piece * 1000

    for piece, begin in ((b"x", b"<a><b>"), (b"x", b"<a b='"), (b"x", b"<!-- ")):
        server.answer = answering(lambda p=piece, b=begin: Reply(long(p, b)))
        with pytest.raises(SourceRefused, match=r"signs|tag or comment"):
            rows(opened(tmp_path, server.url, type="wfs", retries=0), WFS)
    monkeypatch.setattr(markup, "MOST_NODES", 1_000)
    server.answer = answering(lambda: Reply(long(b"<b/>", b"<a>")))
    with pytest.raises(SourceRefused, match="more than 1000 elements"):
        rows(opened(tmp_path, server.url, type="wfs", retries=0), WFS)


def test_a_packed_bomb_is_not_unpacked(tmp_path, server):
    bomb = gzip.compress(f"{COLLECTION}>".encode() + b" " * 50_000_000)
    server.answer = answering(Reply(bomb, Content_Encoding="gzip"))
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        rows(opened(tmp_path, server.url, type="wfs", max_mb=1), WFS)


def test_a_server_that_drips_or_hangs_is_cut_off(tmp_path, server, monkeypatch):
    def drip() -> Iterator[bytes]:
        for byte in f"{COLLECTION}>".encode() + b" " * 5_000:
            yield bytes([byte])
            time.sleep(0.05)

    server.answer = answering(lambda: Reply(drip()))
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(opened(tmp_path, server.url, type="wfs", timeout_s=1.0, retries=0), WFS)
    stop = threading.Event()

    def hang() -> Iterator[bytes]:
        yield f"{COLLECTION}>".encode()
        stop.wait(20)

    monkeypatch.setattr(client, "_READ_S", 0.3)
    server.answer = answering(lambda: Reply(hang()))
    with pytest.raises(SourceUnavailable, match="stopped in the middle"):
        rows(opened(tmp_path, server.url, type="wfs", timeout_s=5.0, retries=0), WFS)
    stop.set()


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://169.254.169.254/latest", "file:///etc/passwd"])
def test_a_redirect_to_a_private_address_is_refused(tmp_path, server, target):
    server.answer = Reply(None, 302, Location=target)
    for kind in ("wfs", "ogcapi"):
        with pytest.raises(SourceRefused):
            rows(opened(tmp_path, server.url, type=kind, retries=0), WFS)


def test_next_pages_and_documents_on_other_hosts_are_not_fetched(tmp_path, server):
    inner = ApiServer([{"nr": n, "place": None} for n in range(20)], {"nr": {"type": "integer"}}, conforms=())

    def answer(request: Request) -> Any:
        reply = inner(request)
        return Reply(
            reply.body.replace(b"http://127.0.0.1", b"http://10.0.0.1"), **{"Content_Type": "application/json"}
        )

    server.answer = answer
    with pytest.raises(SourceRefused, match="another host"):
        rows(opened(tmp_path, server.url, type="ogcapi", page_size=5, retries=0), API)


def test_an_answer_in_another_reference_system_is_refused(tmp_path, server):
    utm = "http://www.opengis.net/def/crs/EPSG/0/25832"
    server.answer = ApiServer(ROWS, {"nr": {"type": "integer"}}, content_crs=utm)
    with pytest.raises(SourceRefused, match="answers in 'EPSG:25832', not in OGC:CRS84"):
        rows(opened(tmp_path, server.url, type="ogcapi"), API)
    assert rows(
        opened(tmp_path, server.url, type="ogcapi"), dataset({"collection": "orte", "crs": "EPSG:25832"}, FIELDS)
    )
    server.answer = ApiServer(ROWS, {"nr": {"type": "integer"}})
    with pytest.raises(SourceRefused, match="does not say in which reference system"):
        rows(opened(tmp_path, server.url, type="ogcapi"), dataset({"collection": "orte", "crs": "EPSG:25832"}, FIELDS))


def test_secrets_go_to_the_server_and_into_no_error(tmp_path, server):
    auth = {"type": "query", "name": "api_key", "token": "${KEY}"}
    for kind in ("wfs", "ogcapi"):
        source = opened(tmp_path, server.url, secrets=lambda _: "geheim", auth=auth, type=kind, retries=0)
        for reply in (
            Reply({}, 500),
            Reply({}, 403),
            Reply(b"kaputt"),
            Reply(None, 302, Location="http://10.0.0.1/?geheim"),
        ):
            server.answer = reply
            with pytest.raises(NabeError) as caught:
                rows(source, WFS)
            assert server.seen[-1].params["api_key"] == "geheim"
            assert "geheim" not in f"{caught.value!r} {caught.value} {caught.value.params}"


def test_settings_say_what_is_wrong():
    from nabe.adapters.ogc_features import OgcFeaturesAdapter

    from .support import system

    adapter = OgcFeaturesAdapter()
    assert adapter.check_system(system("https://geo.example.org/wfs?service=WFS&request=GetCapabilities")) == []
    assert "https" in adapter.check_system(system("ftp://geo.example.org"))[0]
    assert "not a setting" in adapter.check_system(system("https://geo.example.org", paging=1))[0]
    for source, says in (
        ({}, "source.collection"),
        ({"collection": "a,b"}, "one collection"),
        ({"collection": "a", "crs": "EPSG:1"}, "source.crs"),
        ({"collection": "a", "time": "nr"}, "no field of type date"),
        ({"collection": "a", "columns": {"x": {}}}, "no field has the column 'x'"),
    ):
        (found,) = adapter.check_dataset(system("https://geo.example.org"), dataset(source, FIELDS))
        assert says in found
