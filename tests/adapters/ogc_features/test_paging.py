"""Services that page, that cannot, that ignore where a page begins, and that do not say how many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nabe.adapters.ogc_features.repeats import Repeats
from nabe.adapting.json_http.paths import Row
from nabe.errors import SourceRefused
from nabe.model.dataset import Field, FieldType
from nabe.testing.silo import Request, Server, rows, serving

from .api_server import ApiServer
from .support import dataset, opened
from .wfs_server import WfsServer

FIELDS = (Field("nr", FieldType.INTEGER),)
ROWS: list[dict[str, Any]] = [{"nr": number, "place": None} for number in range(23)]
XSD = {"nr": "integer", "place": "PointPropertyType"}
WFS = dataset({"collection": "app:orte"}, FIELDS, key=("nr",))
API = dataset({"collection": "orte"}, FIELDS)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def numbers(source: Any, of: Any = WFS) -> list[int]:
    return sorted(row["nr"] for row in rows(source, of))


@pytest.mark.parametrize("format", ["gml", "geojson"])
@pytest.mark.parametrize(
    "server_is",
    [
        {},
        {"counts": False},
        {"counts": False, "hits": False},
        {"most": 4},
        {"most": 4, "counts": False},
        {"most": 4, "counts": False, "hits": False},
        {"version": "1.1.0", "crs": "EPSG:4326"},
        {"version": "1.1.0", "crs": "EPSG:4326", "most": 4},
        {"says": "FALSE"},
        {"says": "FALSE", "pages": False},
    ],
)
def test_every_row_comes_once_whatever_the_server_does(tmp_path, server, server_is, format):
    server.answer = WfsServer(ROWS, XSD, **server_is)
    of = dataset({"collection": "app:orte", "format": format}, FIELDS, key=("nr",))
    assert numbers(opened(tmp_path, server.url, type="wfs", page_size=10), of) == list(range(23))


@pytest.mark.parametrize(
    ("server_is", "says"),
    [
        ({"pages": False}, "same 10 rows again and again, 10 of 23"),
        ({"pages": False, "counts": False, "hits": False}, "same 10 rows again and again"),
        ({"version": "1.1.0", "pages": False, "most": 20}, "same 20 rows again and again, 20 of 23"),
    ],
)
def test_a_server_that_ignores_where_a_page_begins_is_refused(tmp_path, server, server_is, says):
    server.answer = WfsServer(ROWS, XSD, **server_is)
    with pytest.raises(SourceRefused, match=says):
        numbers(opened(tmp_path, server.url, type="wfs", page_size=10))
    asked = [request for request in server.seen if request.params.get("request") == "GetFeature"]
    assert len(asked) <= 3


def test_one_short_page_without_a_count_is_all_there_is(tmp_path, server):
    server.answer = WfsServer(ROWS, XSD, pages=False, counts=False, hits=False)
    assert numbers(opened(tmp_path, server.url, type="wfs", page_size=100)) == list(range(23))


def test_pages_are_ordered_by_the_key_where_the_server_orders(tmp_path, server):
    server.answer = WfsServer(ROWS, XSD)
    source = opened(tmp_path, server.url, type="wfs", page_size=10)
    numbers(source)
    assert [r.params.get("sortby") for r in server.seen if r.params["request"] == "GetFeature"] == ["nr"] * 3
    numbers(source, dataset({"collection": "app:orte", "sort": []}, FIELDS, key=("nr",)))
    assert "sortby" not in server.seen[-1].params
    own = (*FIELDS, Field("id", FieldType.STRING))  # the feature's own id is no property
    numbers(source, dataset({"collection": "app:orte"}, own, key=("id",)))
    assert "sortby" not in server.seen[-1].params


def test_pages_without_end_are_refused(tmp_path, server):
    count = iter(range(10**9))

    def endless(request: Request) -> Any:
        return WfsServer([{"nr": next(count), "place": None} for _ in range(10)], XSD, counts=False, hits=False)(
            Request_with_begin(request)
        )

    server.answer = endless
    with pytest.raises(SourceRefused, match="more than 7 pages"):
        numbers(opened(tmp_path, server.url, type="wfs", page_size=10, pages=7))


def Request_with_begin(request: Request) -> Request:
    """The request for the first page, whichever was asked for."""
    request.query = [(name, "0" if name == "startindex" else value) for name, value in request.query]
    return request


def test_pages_of_an_api(tmp_path, server):
    server.answer = api = ApiServer(ROWS, {"nr": {"type": "integer"}}, most=7)
    assert numbers(opened(tmp_path, server.url, page_size=10), API) == list(range(23))
    assert [asked.get("offset") for asked in api.asked] == [None, "7", "14", "21"]


@pytest.mark.parametrize(
    ("server_is", "says"),
    [
        ({"links": False}, "there are 23 rows, gives 10 and no next page"),
        ({"pages": False}, "same 10 rows again and again"),
        ({"pages": False, "matched": False}, "same 10 rows again and again"),
    ],
)
def test_an_api_that_loses_or_repeats_rows_is_refused(tmp_path, server, server_is, says):
    server.answer = ApiServer(ROWS, {"nr": {"type": "integer"}}, **server_is)
    with pytest.raises(SourceRefused, match=says):
        numbers(opened(tmp_path, server.url, page_size=10), API)


@pytest.mark.parametrize(
    "url", ["", "/", "/collections", "/collections/orte", "/collections/orte/items?f=json&limit=3"]
)
def test_any_address_of_an_api_will_do(tmp_path, server, url):
    server.answer = ApiServer(ROWS, {"nr": {"type": "integer"}})
    source = opened(tmp_path, server.url + url)
    source.check()
    assert numbers(source, API) == list(range(23))


@pytest.mark.parametrize("url", ["", "?service=WFS&request=GetCapabilities&version=2.0.0", "?SERVICE=wfs&map=/a.map"])
def test_any_address_of_a_wfs_will_do(tmp_path, server, url):
    server.answer = WfsServer(ROWS, XSD)
    source = opened(tmp_path, server.url + url)
    source.check()
    assert numbers(source) == list(range(23))
    assert ("map" in server.seen[-1].params) == ("map" in url)


def test_rows_that_only_look_alike_are_no_repeat():
    repeats = Repeats()
    for page in range(3):
        assert list(repeats.watched(iter([Row({"id": f"{page}", "a": 1}), Row({"id": "x", "a": 1})])))
        assert not repeats.repeated
    assert list(repeats.watched(iter([Row({"id": "1", "a": 1}), Row({"id": "x", "a": 1})]))) and repeats.repeated
    plain = Repeats()
    for value in (1, 2, 1):
        assert list(plain.watched(iter([Row({"a": value})]))) and not plain.repeated
    assert list(plain.watched(iter([Row({"a": 1})]))) and plain.repeated
