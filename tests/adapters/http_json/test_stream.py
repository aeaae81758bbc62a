"""Records are cut out of a document as a JSON parser would find them, in whatever pieces it arrives, or it is refused."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.adapting.json_http import stream
from nabe.adapting.json_http.paths import Each, Row, expand, parse, value_at, walk, written
from nabe.adapting.json_http.stream import Broken, Cut, Envelope, TooLarge, decode, records, utf8


def cut(body: bytes, rows: str = "", pieces: int = 7, **more: Any) -> tuple[list[Any], Envelope]:
    envelope = Envelope()
    chunks = [body[start : start + pieces] for start in range(0, len(body), pieces)]
    return [row.value for row in records(utf8(chunks, "utf-8"), parse(rows).steps, envelope, **more)], envelope


TEXTS = st.text(alphabet='ab"\\{}[],:é😀\n ', max_size=6)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(rows=st.lists(VALUES, max_size=5), beside=st.dictionaries(TEXTS, VALUES, max_size=3), pieces=st.integers(1, 40), indent=st.sampled_from([None, 1]), ascii=st.booleans())  # fmt: skip
def test_records_and_the_rest_are_what_a_parser_finds(rows, beside, pieces, indent, ascii):
    document = {**beside, "ergebnis": {"vor": 1, "zeilen": rows, "nach": [1, {"a": "]"}]}, **beside}
    body = json.dumps(document, indent=indent, ensure_ascii=ascii).encode()
    found, envelope = cut(body, "ergebnis.zeilen", pieces)
    assert found == json.loads(body)["ergebnis"]["zeilen"]
    document["ergebnis"]["zeilen"] = None
    assert envelope.document == document and envelope.found


@given(members=st.dictionaries(TEXTS, VALUES, max_size=5), pieces=st.integers(1, 40))
def test_members_of_an_object_are_records_with_their_names(members, pieces):
    body = json.dumps([0, members]).encode()
    chunks = [body[start : start + pieces] for start in range(0, len(body), pieces)]
    found = list(records(chunks, parse("[1].*").steps, Envelope()))
    assert {row.key: row.value for row in found} == members


@given(body=st.binary(max_size=60) | st.text('[]{}",:1aeE\\ntruefals ', max_size=60).map(str.encode), rows=st.sampled_from(["", "a", "a.b[*]", "*", "[0]"]), lines=st.booleans())  # fmt: skip
def test_whatever_comes_it_is_read_or_refused_as_broken(body, rows, lines):
    try:
        found, envelope = cut(body, "" if lines else rows, lines=lines)
    except Broken:
        return
    if not lines and rows == "" and envelope.found:
        whole = decode(body)
        assert repr(found) == repr([] if whole is None else whole if isinstance(whole, list) else [whole])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"[1,]", "not valid JSON"),
        (b"[1 2]", "not valid JSON"),
        (b"[1]]", "not valid JSON"),
        (b'{"a":[1}}', "not valid JSON"),
        (b"[{'a': 1}]", "not valid JSON"),
        (b"Internal error", "not valid JSON"),
        (b'[{"a":"\xff"}]', "not written in UTF-8"),
        (b"[" * 500 + b"]" * 500, "nested deeper than 200"),
        (b'[{"a":' * 300 + b"1" + b"}]" * 300, "nested deeper than 200"),
    ],
)
def test_what_is_no_json_is_refused_and_said_where(body, says):
    for pieces in (1, 3, 1000):
        with pytest.raises(Broken, match=says) as caught:
            cut(body, pieces=pieces)
        assert not isinstance(caught.value, Cut)


@pytest.mark.parametrize("body", [b'[{"a":1},{"a"', b'[{"a":1}', b'["abc', b'{"a":[1,2', b'{"a":'])
def test_a_document_that_breaks_off_may_be_whole_another_time(body):
    with pytest.raises(Cut, match="ends in the middle"):
        cut(body, "a" if body.startswith(b'{"a"') else "")


def test_what_programs_write_and_json_does_not_know_is_no_value():
    found, _ = cut(b'[{"a":NaN,"b":Infinity,"c":-Infinity,"d":1}]')
    assert found == [{"a": None, "b": None, "c": None, "d": 1}]


def test_a_number_of_a_million_digits_costs_no_time():
    found, _ = cut(b"[" + b"9" * 1_000_000 + b",1e400,-1e400]", pieces=65536)
    assert not math.isfinite(found[0]) and found[1:] == [math.inf, -math.inf]


def test_of_members_that_occur_twice_in_a_record_the_last_counts():
    assert cut(b'[{"a":1,"a":2}]')[0] == [{"a": 2}]
    with pytest.raises(Broken, match="'zeilen' occurs twice"):
        cut(b'{"zeilen":[1],"zeilen":[2]}', "zeilen")


def test_a_byte_order_mark_and_other_encodings_are_understood():
    assert cut(b'\xef\xbb\xbf["\xc3\xbc"]', pieces=1)[0] == ["ü"]
    for encoding in ("utf-16", "cp1252"):
        chunks = [bytes([byte]) for byte in '["ü"]'.encode(encoding)]
        assert [row.value for row in records(utf8(chunks, encoding), (), Envelope())] == ["ü"]
    with pytest.raises(Broken, match="not written in cp1252"):
        list(utf8([b"\x81"], "cp1252"))


def endless(begin: bytes, middle: bytes, times: int) -> Iterator[bytes]:
    yield begin
    for _ in range(times):
        yield middle


@pytest.mark.parametrize("begin", [b'[{"a":"', b'[{"a":[', b'["', b'{"zeilen":[{"b":1', b'{"nein":"', b""])
def test_a_record_of_a_gigabyte_is_refused_before_it_fills_the_memory(begin, monkeypatch):
    monkeypatch.setattr(stream, "MOST_RECORD", 1_000_000)
    monkeypatch.setattr(stream._Reader.value, "__defaults__", (1_000_000,))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            rows = "zeilen" if begin.startswith(b"{") else ""
            list(records(endless(begin, b"1" * 65536, 16_384), parse(rows).steps, Envelope()))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_many_records_pass_through_little_memory():
    record = json.dumps({"id": 1, "name": "x" * 50, "tags": [1, 2, 3]}).encode() + b","
    body = endless(b'{"rows":[', record * 1000, 60)

    def whole() -> Iterator[bytes]:
        yield from body
        yield b'{}],"next":"weiter"}'

    envelope = Envelope()
    tracemalloc.start()
    try:
        assert sum(1 for _ in records(whole(), parse("rows").steps, envelope)) == 60_001
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    assert envelope.document == {"rows": None, "next": "weiter"}


def test_large_values_beside_the_rows_are_passed_over():
    body = json.dumps({"anhang": {"x": ["y" * 100] * 30_000}, "zeilen": [1], "mehr": "ja"}).encode()
    found, envelope = cut(body, "zeilen", 65536)
    assert (found, envelope.document, envelope.seen) == (
        [1],
        {"anhang": None, "zeilen": None, "mehr": "ja"},
        ["anhang"],
    )


RECORD = {
    "name": "A",
    "lage": {"punkte": [{"x": 1}, {"x": 2}]},
    "ein.punkt": 5,
    "links": [{"rel": "next", "href": "u"}],
}


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("name", "A"),
        ("lage.punkte[1].x", 2),
        ("lage.punkte[-1].x", 2),
        ("lage.punkte[*].x", [1, 2]),
        ("['ein.punkt']", 5),
        ("links[rel=next].href", "u"),
        ("@key", "k7"),
        ("^.ort", "außen"),
        ("lage.*", [[{"x": 1}, {"x": 2}]]),
    ],
)
def test_ways_lead_to_values(way, value):
    assert value_at(Row(RECORD, "k7", Row({"ort": "außen"})), parse(way)) == value


@pytest.mark.parametrize("way", ["a..b", "a[", "a b", "['x", "a]", ".a", "^^ b", "a['b'c]", "[1]x"])
def test_a_way_that_cannot_be_read_is_said_to_be(way):
    with pytest.raises(ValueError, match=r"cannot be read|point is missing"):
        parse(way)


@given(st.lists(st.text(min_size=1, max_size=5) | st.integers(0, 9), min_size=1, max_size=4))
def test_a_written_way_leads_to_where_it_was_written_for(steps):
    document: Any = "ziel"
    for step in reversed(steps):
        document = {step: document} if isinstance(step, str) else [None] * step + [document]
    assert walk(document, parse(written(tuple(steps))).steps) == "ziel"


def test_rows_within_records_know_the_record_around_them():
    rows = expand(iter([Row({"ort": "Nord", "kanaele": [{"n": 1}, {"n": 2}]})]), parse("kanaele[*]").steps)
    ways = parse("n"), parse("^.ort"), parse("@key")
    assert [tuple(value_at(row, way) for way in ways) for row in rows] == [(1, "Nord", 0), (2, "Nord", 1)]
    assert Each() in parse("kanaele[*]").steps
