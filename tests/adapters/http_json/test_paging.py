"""Long answers are followed to their end, in every way interfaces have, and stopped where they have none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nabe.adapting.json_http.paging import next_link
from nabe.errors import SourceRefused
from nabe.model.dataset import Field, FieldType
from nabe.model.query import Scan

from .support import Reply, Request, Server, dataset, opened, rows, serving

FIELDS = (Field("a", FieldType.INTEGER),)
ALL = [{"a": number} for number in range(23)]


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def numbers(found: list[dict[str, Any]]) -> list[int]:
    return [row["a"] for row in found]


def by_page(request: Request, first: int = 1, size: int = 10) -> Any:
    number = int(request.params["page"]) - first
    return {"items": ALL[number * size : number * size + size], "total": "23"}


def by_offset(request: Request) -> Any:
    offset, size = int(request.params["offset"]), int(request.params.get("limit", 7))
    return {"items": ALL[offset : offset + size]}


def by_body(request: Request) -> Any:
    offset = int(request.params.get("ab", 0))
    following = f"/api?ab={offset + 8}&format=json" if offset + 8 < 23 else None
    return {"items": ALL[offset : offset + 8], "_links": {"next": {"href": following}}}


def by_cursor(request: Request) -> Any:
    offset = int(request.params.get("nach", "0"))
    found = ALL[offset : offset + 5] if offset != 10 else []  # an empty page in the middle is no end
    return {"items": found, "meta": {"weiter": str(offset + 5) if offset + 5 < 23 else ""}}


def by_link(request: Request) -> Reply:
    offset = int(request.params.get("o", 0))
    link = (
        f'<http://127.0.0.1/x>; rel="prev", <?o={offset + 9}>; title="a, b"; rel="last next"' if offset + 9 < 23 else ""
    )
    return Reply({"items": ALL[offset : offset + 9]}, Link=link)


WAYS = {
    "page": (by_page, {"type": "page", "param": "page", "size": 10}),
    "page with total": (by_page, {"type": "page", "param": "page", "total": "total"}),
    "page from zero": (lambda r: by_page(r, 0), {"type": "page", "param": "page", "first": 0}),
    "offset": (by_offset, {"type": "offset", "param": "offset"}),
    "offset and size": (by_offset, {"type": "offset", "param": "offset", "size_param": "limit", "size": 4}),
    "address in the body": (by_body, {"type": "next", "at": "_links.next.href"}),
    "cursor": (by_cursor, {"type": "cursor", "at": "meta.weiter", "param": "nach"}),
    "link header": (by_link, {"type": "link"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_paging_gives_every_row_once(tmp_path, server, way):
    server.answer, page = WAYS[way]
    found = [row for row in ALL if row["a"] not in range(10, 15)] if way == "cursor" else ALL
    assert rows(opened(tmp_path, server.url), dataset({"rows": "items", "page": page}, FIELDS)) == found


@pytest.mark.parametrize("way", WAYS)
def test_who_wants_few_rows_pulls_few_pages(tmp_path, server, way):
    server.answer, page = WAYS[way]
    found = dataset({"rows": "items", "page": page}, FIELDS)
    assert numbers(rows(opened(tmp_path, server.url), found, Scan("inhalt", limit=2, offset=1))) == [1, 2]
    assert len(server.seen) == 1


def test_a_small_question_asks_for_a_small_page(tmp_path, server):
    server.answer, page = WAYS["offset and size"]
    rows(opened(tmp_path, server.url), dataset({"rows": "items", "page": page}, FIELDS), Scan("inhalt", limit=1))
    assert server.seen[0].params["limit"] == "1"


def test_a_missing_page_behind_the_last_is_the_end(tmp_path, server):
    page = {"type": "page", "param": "page"}
    server.answer = lambda r: (
        Reply({"detail": "Invalid page."}, 404) if int(r.params["page"]) > 3 else by_page(r, size=8)
    )
    assert len(rows(opened(tmp_path, server.url), dataset({"rows": "items", "page": page}, FIELDS))) == 23
    server.answer = Reply({}, 404)
    with pytest.raises(SourceRefused, match="404"):
        rows(opened(tmp_path, server.url), dataset({"rows": "items", "page": page}, FIELDS))


def counter() -> Any:
    state = {"n": 0}

    def answer(_: Request) -> Any:
        state["n"] += 1
        return {"items": [{"a": state["n"]}], "weiter": f"/api?n={state['n']}", "c": state["n"]}

    return answer


@pytest.mark.parametrize(
    ("answer", "page", "says"),
    [
        (lambda _: {"items": ALL}, {"type": "page", "param": "page"}, "same page comes again"),
        (lambda _: {"items": ALL}, {"type": "offset", "param": "offset"}, "same page comes again"),
        (lambda _: {"items": ALL, "weiter": "/api?x=1"}, {"type": "next", "at": "weiter"}, "same page comes again"),
        (
            lambda r: {"items": [{"a": len(r.params.get("x", ""))}], "weiter": "?x=1" if not r.params else "/api"},
            {"type": "next", "at": "weiter"},
            "points back",
        ),
        (lambda r: {"items": [{"a": len(r.params)}], "c": "X"}, {"type": "cursor", "at": "c", "param": "c"}, "points back"),
        (lambda r: {"items": [], "c": "X"}, {"type": "cursor", "at": "c", "param": "c"}, "points back"),
        (counter(), {"type": "next", "at": "weiter", "most": 7}, "more than 7 pages"),
        (counter(), {"type": "cursor", "at": "c", "param": "c", "most": 7}, "more than 7 pages"),
        (lambda _: {"items": ALL, "weiter": "https://boese.example/"}, {"type": "next", "at": "weiter"}, "another host"),
        (lambda _: {"items": ALL, "weiter": "file:///etc/passwd"}, {"type": "next", "at": "weiter"}, "another host"),
        (lambda _: {"items": ALL, "weiter": {"a": 1}}, {"type": "next", "at": "weiter"}, "stands no text"),
    ],
)  # fmt: skip
def test_answers_without_end_and_pages_elsewhere_are_refused(tmp_path, server, answer, page, says):
    server.answer = answer
    with pytest.raises(SourceRefused, match=says):
        rows(opened(tmp_path, server.url), dataset({"rows": "items", "page": page}, FIELDS))
    assert len(server.seen) < 10


def test_fixed_parameters_go_with_every_page(tmp_path, server):
    server.answer, page = WAYS["offset"]
    source = opened(tmp_path, server.url, params={"mandant": "05"})
    found = dataset({"rows": "items", "page": page, "params": {"art": ["a", "b"], "aktiv": True}}, FIELDS)
    rows(source, found)
    for request in server.seen:
        assert [item for item in request.query if item[0] != "offset"] == [
            ("art", "a"),
            ("art", "b"),
            ("aktiv", "true"),
            ("mandant", "05"),
        ]


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<a>; rel="next"', "a"),
        ("<a>; rel=next", "a"),
        ('<p>;rel=prev,<n>;REL="NEXT";title="x, <y>"', "n"),
        ('<a>; title="rel=next"', ""),
        ("<a>", ""),
        ("", ""),
        ("a; rel=next", ""),
        ("<a; rel=next", ""),
        ('<a>; rel="prev next"', "a"),
        ("<" * 5000, ""),
    ],
)
def test_link_headers_are_read_as_rfc_8288_says(header, target):
    assert next_link(header) == target


def test_a_server_that_gives_fewer_rows_than_asked_is_read_to_its_end(tmp_path, server):
    def capped(request: Request, **headers: str) -> Reply:
        offset = int(request.params["offset"])
        return Reply(ALL[offset : offset + 4], **headers)

    page = {"type": "offset", "param": "offset", "size_param": "limit", "size": 10, "short_pages": True}
    server.answer = capped
    assert numbers(rows(opened(tmp_path, server.url), dataset({"page": page}, FIELDS))) == list(range(23))
    assert len(server.seen) == 7, "only an empty page ends"
    server.seen.clear()
    server.answer = lambda request: capped(request, X_Total="23")
    counted = dataset({"page": {**page, "total_header": "X-Total"}}, FIELDS)
    assert numbers(rows(opened(tmp_path, server.url), counted)) == list(range(23))
    assert len(server.seen) == 6
