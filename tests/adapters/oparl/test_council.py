"""Council information systems as they are: lists, times, deleted and embedded objects, real examples, and failures."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.http_json import HttpJsonAdapter
from nabe.adapters.oparl import OparlAdapter
from nabe.adapters.oparl.translate import first_point, inside, kind_of, latitude_first, tidied
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import Compare, Op
from nabe.model.query import Scan
from nabe.testing.needs import need

from .support import DATA, Council, Reply, Server, context, dataset, opened, probe, rows, serving, thing

NAMED = (Field("id", FieldType.STRING), Field("name", FieldType.STRING))
PAPERS = dataset({"list": "paper"}, NAMED)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def paper(number: int, **more: Any) -> dict[str, Any]:
    time = f"2026-01-{number + 1:02}T12:00:00+01:00"
    return thing("Paper", f"https://x/{number}", name=f"Vorlage {number}", modified=time, created=time, **more)


def example(name: str) -> Any:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    return json.loads((DATA / "oparl" / f"{name}-01.json").read_text("utf-8"))


def test_pages_are_followed_over_all_bodies_or_one(tmp_path, server):
    council = Council(server, {"1": {"paper": [paper(n) for n in range(12)]}, "2": {"paper": [paper(20)]}})
    source = opened(tmp_path, council.url)
    assert len(rows(source, PAPERS)) == 13
    one = dataset({"list": "paper", "body": "body/2"}, NAMED, "eine")
    assert [row["name"] for row in rows(source, one)] == ["Vorlage 20"]
    with pytest.raises(SourceRefused, match="0 bodies end with '9'") as caught:
        rows(source, dataset({"list": "paper", "body": "9"}, NAMED, "keine"))
    assert "body/1" in caught.value.hint
    direct = opened(tmp_path, f"{server.url}/body/2")
    assert [row["name"] for row in rows(direct, PAPERS)] == ["Vorlage 20"]


def test_what_changed_since_is_asked_for_and_none_is_lost_at_the_bound(tmp_path, server):
    council = Council(server, {"1": {"paper": [paper(n) for n in range(20)]}})
    fields = (*NAMED, Field("changed", FieldType.DATETIME, column="modified"))
    since = Compare("changed", Op.GE, dt.datetime(2026, 1, 15, 11, tzinfo=dt.UTC))
    found = rows(opened(tmp_path, council.url), dataset({"list": "paper"}, fields), Scan("inhalt", where=since))
    assert len(found) == 6, "the system's bound is exclusive, the question's is not"
    asked = [request.params for request in server.seen if request.path.endswith("/paper")]
    assert asked[0] == {"modified_since": "2026-01-15T10:59:59Z"}
    assert all("modified_since" in params for params in asked) and len(asked) == 2


def test_deleted_objects_are_left_out_or_kept(tmp_path, server):
    Council(server, {"1": {"paper": [paper(0), paper(1, deleted=True)]}})
    source = opened(tmp_path, f"{server.url}/system")
    assert [row["id"] for row in rows(source, PAPERS)] == ["https://x/0"]
    kept = dataset({"list": "paper", "deleted": "keep"}, (*NAMED, Field("deleted", FieldType.BOOLEAN)), "alle")
    assert [row["deleted"] for row in rows(source, kept)] == [None, True]


def test_a_list_on_another_host_is_not_followed(tmp_path, server):
    council = Council(server, {"1": {"paper": []}})
    body = {**council.body("1"), "paper": "http://10.0.0.1/papers"}
    server.answer = lambda request: body if "body" in request.path else council(request)
    with pytest.raises(SourceRefused, match="no address on its own host"):
        rows(opened(tmp_path, f"{server.url}/body/1"), PAPERS)


def test_a_list_that_there_is_not_is_told_with_those_that_are(tmp_path, server):
    council = Council(server, {"1": {"organization": []}})
    with pytest.raises(SourceRefused, match="no list 'paper'") as caught:
        rows(opened(tmp_path, council.url), PAPERS)
    assert "organization" in caught.value.hint


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!DOCTYPE html>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply({"name": "kein OParl"}), SourceRefused, "no system or body of OParl"),
        (Reply(["a"]), SourceRefused, "no system or body of OParl"),
        (Reply({}, 503), SourceUnavailable, "answers with 503"),
        (Reply(b'{"id": "a'), SourceRefused, "not valid JSON|ends in the middle"),
        (Reply(b'{"a": "' + b"x" * 9_000_000 + b'"}'), SourceRefused, "too large for one object"),
    ],
    ids=["login", "other", "list", "down", "cut", "large"],
)
def test_what_is_no_council_information_system_is_refused_by_name(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says):
        rows(opened(tmp_path, server.url, retries=0), PAPERS)


def test_pages_without_end_are_refused(tmp_path, server):
    council = Council(server, {"1": {"paper": []}})
    more = {"data": [paper(1)], "links": {"next": f"{server.url}/body/1/paper?page=1"}}
    server.answer = lambda request: more if request.path.endswith("paper") else council(request)
    with pytest.raises(SourceRefused, match="page"):
        rows(opened(tmp_path, council.url), PAPERS)


def test_the_examples_of_the_standard_are_recognised_and_proposed(tmp_path, server):
    location, meeting, person = example("Location"), example("Meeting"), example("Person")
    lists = {"meeting": [meeting], "person": [person], "paper": [example("Paper")], "locationList": [location],
             "organization": [example("Organization")]}  # fmt: skip
    council = Council(server, {"1": lists})
    looking = probe(tmp_path, council.url)
    assert {
        "body",
        "meeting",
        "person",
        "paper",
        "location",
        "agendaItem",
        "consultation",
        "membership",
        "file",
    } <= set(looking.discover())
    table = looking.describe("location")
    assert table.source["axes"] == "yx" and any("latitude first" in note for note in table.notes)
    batches = looking.sample(table)
    (row,) = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    berlin = shapely.from_wkb(row["geojson"])
    assert (berlin.x, berlin.y) == (13.376198, 52.518855)

    table = looking.describe("meeting")
    names = {column.name for column in table.columns}
    assert "embedded.location.geojson" in names and "embedded.invitation.name" not in names
    assert table.source["axes"] == "yx" and table.key == ("id",)
    assert ("organization", "organization", "id") in table.references
    batches = looking.sample(table)
    (row,) = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    assert row["location"] == "https://oparl.example.org/location/0"
    assert row["start"] == dt.datetime(2013, 1, 4, 7, tzinfo=dt.UTC)
    assert shapely.from_wkb(row["embedded.location.geojson"]).x == 10.4321

    table = looking.describe("agendaItem")
    batches = looking.sample(table)
    (row,) = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    assert (row["number"], row["meeting"]) == ("10.1", "https://oparl.example.org/meeting/281")
    assert len(looking.describe("membership").columns) > 5 and looking.describe("membership").rows == 2
    assert looking.describe("file").rows == 2, "each file once, wherever it stands"


def test_a_place_the_right_way_round_stays_so(tmp_path, server):
    Council(server, {"1": {"paper": [example("Paper")]}})
    table = probe(tmp_path, f"{server.url}/system").describe("paper")
    assert "axes" not in table.source
    assert "embedded.location[0].geojson" in {column.name for column in table.columns}


def test_it_is_told_from_other_interfaces(tmp_path, server):
    council = Council(server, {"1": {"paper": []}})
    assert OparlAdapter().sniff(council.url, context(tmp_path)) == {"url": council.url}
    assert OparlAdapter.claim < HttpJsonAdapter.claim
    for other in (
        Reply([1]),
        Reply({"type": "FeatureCollection"}),
        Reply(b"<a/>", Content_Type="text/xml"),
        Reply({}, 500),
    ):
        server.answer = other
        assert OparlAdapter().sniff(server.url, context(tmp_path)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "geojson", "geometry", "coordinates", "agendaItem", "deleted"]), inner
        )
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.sampled_from(["https://schema.oparl.org/1.1/Meeting", 5, None]))
def test_any_object_is_a_record(value, kind):
    record = {"type": kind, "id": "x", "agendaItem": value, "more": [value, {"id": "y", "type": kind}]}
    found = tidied(record, "b")
    assert set(found) == {"type", "id", "agendaItem", "more", "body", "embedded"}
    assert all(name in record for name in found["embedded"])
    json.dumps(found)
    list(inside(record, ("agendaItem", "more"), "meeting"))
    assert isinstance(kind_of(value), str)
    point = first_point(value)
    latitude_first([point] if point else [])
