"""Feeds that fail, hang, lie, send somewhere else or want to be left alone, as real servers on loopback."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.outbound import client

from .support import Reply, Request, Server, dataset, feeds, opened, rows, serving, texts

WANTED = dataset("regions", texts("region_id"))
REGIONS = {"system_regions": {"regions": [{"region_id": "1"}]}}


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(feeds(REGIONS))


@pytest.fixture
def other() -> Iterator[Server]:
    yield from serving(feeds(REGIONS))


def gbfs(root: Any, server: Server, **more: Any) -> Any:
    return opened(root, kind="gbfs", url=f"{server.url}/gbfs.json", **{"retries": 0, **more})


def pointing(target: str) -> Any:
    """A list of feeds whose only feed is at `target`."""
    listed = {"feeds": [{"name": "system_regions", "url": target}]}
    return lambda request: (
        {"version": "3.0", "ttl": 0, "data": listed} if request.path.endswith("gbfs.json") else Reply({}, 404)
    )


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_when_the_server_comes_back_so_do_the_rows(tmp_path, server, status):
    source = gbfs(tmp_path, server)
    whole, server.answer = server.answer, Reply({"error": "Geheimnis"}, status)
    for call in (source.check, lambda: rows(source, WANTED)):
        with pytest.raises(SourceUnavailable, match=f"answers with {status}") as caught:
            call()
        assert "Geheimnis" not in str(caught.value)
    server.answer = whole
    assert rows(source, WANTED) == [{"region_id": "1"}]


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!doctype html><form>Anmeldung", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply(b"OK"), SourceRefused, "not valid JSON"),
        (Reply(b""), SourceRefused, "list of feeds"),
        (Reply([]), SourceRefused, "names no feeds"),
        (Reply({"data": {"feeds": "x"}}), SourceRefused, "names no feeds"),
        (Reply({"data": {"de": {"feeds": [{"name": 1, "url": None}, 7]}}}), SourceRefused, "names no feeds"),
        (Reply(b"[" * 100_000), SourceRefused, "list of feeds"),
        (Reply({}, 401), SourceRefused, "wants a log-in"),
        (Reply({}, 404), SourceRefused, "answers with 404"),
        (Reply(b'{"data"', Content_Length="1000"), SourceUnavailable, "broke in the middle"),
    ],
)
def test_what_is_no_list_of_feeds_is_refused(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says):
        rows(gbfs(tmp_path, server), WANTED)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        ({"data": {"stations": []}}, SourceRefused, "has nothing at 'data.regions'"),
        ({"data": {"regions": {"a": 1}}}, SourceRefused, "at the row path is no list"),
        ({"data": {"regions": None}}, None, ""),
        (b'{"data": {"regions": [{"region_id": "1"}, {"reg', SourceUnavailable, "ends in the middle"),
        (b'{"data": {"regions": [{"region_id": "\xfc"}]}}', SourceRefused, "not written in UTF-8"),
        (b'{"data": {"regions": [' + b"[" * 5000, SourceRefused, "nested deeper than 200"),
    ],
)
def test_what_is_no_feed_is_refused_by_name(tmp_path, server, body, error, says):
    reply = Reply(body if isinstance(body, bytes) else json.dumps(body).encode())
    server.answer = feeds({"system_regions": reply})
    if error is None:
        assert rows(gbfs(tmp_path, server), WANTED) == []
        return
    with pytest.raises(error, match=f"feed system_regions.*{says}"):
        rows(gbfs(tmp_path, server), WANTED)


def test_values_that_are_no_records_do_no_harm(tmp_path, server):
    records = [None, 7, "x", [], {}, {"region_id": {"a": 1}}, {"region_id": ["b"]}, {"region_id": 1e999}]
    server.answer = feeds({"system_regions": {"regions": records}})
    assert len(rows(gbfs(tmp_path, server), WANTED)) == len(records)


@pytest.mark.parametrize(
    "target",
    ["http://10.0.0.1/regions", "http://localhost:1/regions", "https://fremd.example/regions", "http://[::1]/regions"],
)
def test_a_feed_on_another_host_is_refused_before_it_is_asked(tmp_path, server, target):
    server.answer = pointing(target)
    with pytest.raises(SourceRefused, match="feed system_regions is said to be on another host") as caught:
        rows(gbfs(tmp_path, server), WANTED)
    assert "name it in hosts" in str(caught.value)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/x"])
def test_an_address_that_cannot_be_asked_is_refused(tmp_path, server, target):
    server.answer = pointing(target)
    with pytest.raises(SourceRefused, match="the address of feed system_regions cannot be asked"):
        rows(gbfs(tmp_path, server), WANTED)


def test_a_private_host_stays_refused_even_if_it_is_named(tmp_path, server):
    server.answer = pointing("http://10.0.0.1/regions")
    with pytest.raises(SourceRefused, match="private network"):
        rows(gbfs(tmp_path, server, hosts=["10.0.0.1"]), WANTED)


def test_the_log_in_and_keys_go_to_the_declared_host_alone(tmp_path, server, other):
    """Another port is another host for secrets."""
    server.answer = pointing(f"{other.url}/system_regions")
    auth = {"type": "bearer", "token": "${TOKEN}"}
    source = gbfs(tmp_path, server, auth=auth, params={"key": "${KEY}"}, secrets=lambda text: f"geheim-{text}")
    assert rows(source, WANTED) == [{"region_id": "1"}]
    assert server.seen[0].headers["authorization"].startswith("Bearer geheim")
    assert server.seen[0].params["key"].startswith("geheim")
    assert "authorization" not in other.seen[0].headers and other.seen[0].params == {}


def test_a_redirect_to_a_private_address_is_refused(tmp_path, server):
    server.answer = Reply(None, 302, Location="http://169.254.169.254/latest")
    with pytest.raises(SourceRefused, match="private network"):
        rows(gbfs(tmp_path, server), WANTED)


def test_a_feed_that_drips_or_hangs_is_cut_off(tmp_path, server, monkeypatch):
    def drip() -> Iterator[bytes]:
        for _ in range(1000):
            yield b" "
            time.sleep(0.05)

    server.answer = lambda _: Reply(drip())
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(gbfs(tmp_path, server, timeout_s=1.0), WANTED)
    monkeypatch.setattr(client, "_READ_S", 0.3)
    stop = threading.Event()

    def hang() -> Iterator[bytes]:
        yield b"{"
        stop.wait(20)

    server.answer = lambda _: Reply(hang())
    with pytest.raises(SourceUnavailable, match="stopped in the middle"):
        rows(gbfs(tmp_path, server, timeout_s=5.0), WANTED)
    stop.set()


def test_a_packed_bomb_ends_in_time(tmp_path, server):
    bomb = gzip.compress(b'{"data": {"feeds": [' + b" " * 50_000_000)
    server.answer = Reply(bomb, Content_Encoding="gzip")
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        rows(gbfs(tmp_path, server, max_mb=1), WANTED)


def test_a_failure_of_one_feed_does_not_touch_the_others(tmp_path, server):
    server.answer = feeds({**REGIONS, "vehicle_types": Reply({}, 500)})
    source = gbfs(tmp_path, server)
    with pytest.raises(SourceUnavailable):
        rows(source, dataset("vehicle_types", texts("vehicle_type_id")))
    assert rows(source, WANTED) == [{"region_id": "1"}]


def test_a_server_that_wants_patience_gets_it(tmp_path, server):
    server.answer = Reply({}, 429, Retry_After="120")
    source = gbfs(tmp_path, server, timeout_s=5.0, retries=2)
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="left alone for"):
            rows(source, WANTED)
    assert len(server.seen) == 1


def test_errors_hold_no_secrets(tmp_path, server):
    auth = {"type": "query", "name": "api_key", "token": "${KEY}"}
    source = gbfs(tmp_path, server, auth=auth, secrets=lambda text: text.replace("${KEY}", "geheim"))
    for reply in (
        Reply({}, 500),
        Reply({}, 403),
        Reply(b"kaputt"),
        Reply(None, 302, Location="http://10.0.0.1/?geheim"),
    ):
        server.answer = reply
        with pytest.raises(NabeError) as caught:
            rows(source, WANTED)
        assert server.seen[-1].params["api_key"] == "geheim"
        assert "geheim" not in f"{caught.value!r} {caught.value} {caught.value.params}"


def test_a_request_says_what_it_wants(tmp_path, server):
    seen: list[Request] = server.seen
    rows(gbfs(tmp_path, server), WANTED)
    assert {request.method for request in seen} == {"GET"} and seen[0].headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        ({"kind": "gbfs"}, "one of url and path"),
        ({"kind": "gbfs", "url": "https://a.example/gbfs.json", "path": "b"}, "one of url and path"),
        ({"kind": "bus", "path": "b"}, "connection.kind"),
        ({"kind": "gbfs", "url": "https://a.example/gbfs.json?key=1"}, "right would be params"),
        ({"kind": "mds", "path": "b", "version": "2"}, "connection.version"),
        ({"kind": "mds", "path": "b", "stale_s": 5}, "stale_s is not for mds"),
        ({"kind": "gtfs", "path": "b", "auth": {"type": "bearer", "token": "geheim"}}, "a secret stands here"),
        ({"kind": "gtfs", "path": "b", "farbe": 1}, "connection.farbe is not a setting"),
    ],
)
def test_settings_that_are_wrong_are_named(connection, says):
    from nabe.adapters.mobility import MobilityAdapter

    from .support import system

    (found,) = MobilityAdapter().check_system(system(**connection))
    assert says in found and "geheim" not in found


@pytest.mark.parametrize(
    ("kind", "source", "says"),
    [
        ("gbfs", {}, "source.table"),
        ("gbfs", {"table": "busse"}, "gbfs has no 'busse'; known: stations"),
        ("mds", {"table": "trips", "since": "gestern"}, "an hour in UTC is needed"),
        ("mds", {"table": "reports", "file": "../geheim"}, "without folders"),
        ("gbfs", {"table": "regions", "columns": {"fehlt": {}}}, "no field has the column 'fehlt'"),
        ("gbfs", {"table": "regions", "zeile": 1}, "source.zeile is not a setting"),
    ],
)
def test_settings_of_datasets_that_are_wrong_are_named(kind, source, says):
    from nabe.adapters.mobility import MobilityAdapter

    from .support import system

    found = MobilityAdapter().check_dataset(system(kind=kind, path="x"), dataset(source, texts("region_id")))
    assert len(found) == 1 and says in found[0]
