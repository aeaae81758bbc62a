"""Feeds that fail, lie, attack or never end, as real servers on loopback."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pytest

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType

from .support import Reply, Request, Server, dataset, opened, probe, publication, rows, serving, xml

FIELDS = (Field("id", FieldType.STRING),)
PLAIN = dataset({"publication": "situation"}, FIELDS)
RECORD = '<situation id="1" version="1"><situationRecord xsi:type="Accident" id="a" version="1"/></situation>'
GOOD = publication("SituationPublication", RECORD)
TYPE = {"Content_Type": "application/xml"}


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(xml(GOOD))


def test_when_the_feed_comes_back_so_do_the_rows(tmp_path, server):
    source = opened(tmp_path, url=server.url, retries=0)
    for status in (500, 503, 429):
        server.answer = Reply(b"<error>Geheimnis</error>", status)
        with pytest.raises(SourceUnavailable, match=f"answers with {status}") as caught:
            rows(source, PLAIN)
        assert "Geheimnis" not in str(caught.value)
    server.answer = xml(GOOD)
    assert rows(source, PLAIN) == [{"id": "a"}]


def test_an_unchanged_publication_is_not_sent_again(tmp_path, server):
    source = opened(tmp_path, url=server.url)
    assert rows(source, PLAIN) == [{"id": "a"}]
    server.answer = lambda request: Reply(b"", 304) if request.headers.get("if-none-match") == '"1"' else xml("<x/>")
    assert rows(source, PLAIN) == [{"id": "a"}]


def test_a_log_in_goes_to_the_feed_and_is_in_no_error(tmp_path, server):
    def answer(request: Request) -> Reply:
        return xml(GOOD) if request.headers.get("authorization") == "Basic YW10OmdlaGVpbQ==" else Reply(b"", 401)

    server.answer = answer
    known = {"${USER}": "amt", "${PASSWORD}": "geheim", "${WRONG}": "falsch"}
    auth = {"type": "basic", "user": "${USER}", "password": "${PASSWORD}"}
    assert rows(opened(tmp_path, secrets=known.__getitem__, url=server.url, auth=auth), PLAIN) == [{"id": "a"}]
    wrong = opened(tmp_path, secrets=known.__getitem__, url=server.url, auth={**auth, "password": "${WRONG}"})
    with pytest.raises(SourceRefused, match="wants a log-in") as caught:
        rows(wrong, PLAIN)
    assert "falsch" not in str(caught.value)


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><d2LogicalModel>&c;</d2LogicalModel>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><d2LogicalModel>&b;</d2LogicalModel>'
DTD = '<!DOCTYPE a SYSTEM "http://169.254.169.254/a.dtd"><d2LogicalModel>&b;</d2LogicalModel>'
FAULT = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultstring>Geheimnis'
    "</faultstring></e:Fault></e:Body></e:Envelope>"
)


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!DOCTYPE html><form>Anmeldung</form>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply(b"\n <html><body>Anmeldung"), SourceRefused, "log-in page"),
        (Reply(b'{"a": 1}'), SourceRefused, "JSON instead of XML"),
        (Reply(b"<kml/>", **TYPE), SourceRefused, "no DATEX II publication"),
        (xml(publication("MeasuredDataPublication", "")), SourceRefused, "is a MeasuredDataPublication, not a Situat"),
        (xml(BOMB), SourceRefused, "entities"),
        (xml(OUTSIDE), SourceRefused, "entities"),
        (xml(DTD), SourceRefused, "entities"),
        (xml(FAULT), SourceRefused, "SOAP fault"),
        (xml(GOOD.replace("</situation>", "</sit>")), SourceRefused, "not valid XML"),
        (xml(GOOD[:-30]), SourceUnavailable, "ends in the middle"),
        (Reply(b"", **TYPE), SourceUnavailable, "ends in the middle"),
        (Reply(GOOD.encode(), Content_Length="100000", **TYPE), SourceUnavailable, "broke in the middle"),
        (xml("<d2LogicalModel>" + "<a>" * 500), SourceRefused, "deep"),
        (Reply("<a b='\u00e4'/>".encode("utf-16"), **TYPE), SourceRefused, "no DATEX II"),
    ],
    ids=["html", "html-as-xml", "json", "other", "other-kind", "bomb", "outside", "dtd", "fault", "broken", "cut", "empty",
         "short", "deep", "utf-16"],
)  # fmt: skip
def test_what_is_not_the_publication_is_refused_by_name(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says) as caught:
        rows(opened(tmp_path, url=server.url, retries=0), PLAIN)
    assert "Geheimnis" not in str(caught.value)


def endless(start: bytes, more: bytes) -> Iterator[bytes]:
    yield start
    for _ in range(16_000):
        yield more


@pytest.mark.parametrize(
    ("start", "more", "says"),
    [
        (b"<d2LogicalModel><a>", b"x" * 65_536, "more than 32,000,000 signs"),
        (b"<d2LogicalModel><a b='", b"x" * 65_536, "longer than 8 MB"),
        (b"<d2LogicalModel><!--", b"x" * 65_536, "longer than 8 MB"),
        (b"<d2LogicalModel>", b"<a>x</a>" + b"y" * 65_000, "signs"),
        (b"<d2LogicalModel xmlns='x'><situation><situationRecord>", b"<a/>" * 16_000, "more than 500000 elements"),
    ],
    ids=["text", "attribute", "comment", "text-between", "record"],
)
def test_what_has_no_end_is_cut_off_in_little_memory(tmp_path, server, start, more, says):
    server.answer = lambda _: Reply(endless(start, more), **TYPE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceRefused, match=says):
        rows(opened(tmp_path, url=server.url, timeout_s=60.0, retries=0), PLAIN)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000  # kilobytes, of about one gigabyte


def test_a_feed_that_drips_is_cut_off_within_the_time_out(tmp_path, server):
    def drip() -> Iterator[bytes]:
        for byte in GOOD.encode():
            yield bytes([byte])
            time.sleep(0.05)

    server.answer = lambda _: Reply(drip(), **TYPE)
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(opened(tmp_path, url=server.url, timeout_s=1.0, retries=0), PLAIN)
    assert time.monotonic() - began < 3


def test_a_feed_may_not_lead_into_a_private_network(tmp_path, server):
    server.answer = Reply(b"", 302, Location="http://10.0.0.1/feed")
    with pytest.raises(SourceRefused, match="private network"):
        rows(opened(tmp_path, url=server.url), PLAIN)


def test_an_empty_publication_is_an_empty_table(tmp_path, server):
    server.answer = xml(publication("SituationPublication", ""))
    assert rows(opened(tmp_path, url=server.url), PLAIN) == []


def test_a_file_outside_the_folder_is_not_read(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "geheim.xml").write_text(GOOD)
    with pytest.raises(SourceRefused, match="leaves the folder"):
        rows(opened(tmp_path, location="in"), dataset({"publication": "situation", "path": "../geheim.xml"}, FIELDS))


def test_a_feed_is_recognised_and_others_are_not(tmp_path, server):
    looking = probe(tmp_path, server.url)
    assert looking.discover() == ["situation"]
    assert [column.name for column in looking.describe("situation").columns][:4] == [
        "situation_id", "situation_version", "id", "version",
    ]  # fmt: skip
    from nabe.adapters.datex2 import Datex2Adapter

    from .support import context

    for other in (
        Reply({"a": 1}),
        Reply(b"<rss/>", **TYPE),
        Reply(b"<html/>", Content_Type="text/html"),
        Reply(b"", 404),
    ):
        server.answer = other
        seen = len(server.seen)
        assert Datex2Adapter().sniff(server.url, context(tmp_path)) is None
        assert len(server.seen) == seen + 1
    assert Datex2Adapter().sniff("http://10.0.0.1/feed", context(tmp_path)) is None
    assert Datex2Adapter().sniff(server.url + "/liste.csv", context(tmp_path)) is None


def test_situations_whose_records_have_another_name_are_no_empty_table(tmp_path, server):
    source = opened(tmp_path, url=server.url)
    server.answer = xml(GOOD.replace("situationRecord", "situationEntry"))
    with pytest.raises(SourceRefused, match="situation without any record"):
        rows(source, PLAIN)
    server.answer = xml(publication("SituationPublication", ""))
    assert rows(source, PLAIN) == []
