"""What portals deliver: the catalogue of Köln (DKAN), filters of the datastore, coordinates, and portals that fail."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.adapters.ckan import CkanAdapter
from nabe.adapters.ckan.translate import plain, size
from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import FieldType
from nabe.model.expr import And, Compare, In, Op, Or
from nabe.model.query import Scan
from nabe.testing.silo import Reply, Request, Server, rows, serving

from .portal import Portal
from .support import DATA, dataset, fields, opened, system

KIND = FieldType
models = pytest.mark.skipif(not DATA.is_dir(), reason="real data are not here (NABE_TEST_DATA)")
TABLE = (
    [{"id": "_id", "type": "int"}, {"id": "Art", "type": "text"}, {"id": "Zahl", "type": "int4"}, {"id": "Offen", "type": "bool"},
     {"id": "Rechtswert", "type": "numeric"}, {"id": "Hochwert", "type": "numeric"}],
    [{"_id": n, "Art": art, "Zahl": zahl, "Offen": offen, "Rechtswert": 356_000 + n, "Hochwert": "5645000,5"}
     for n, (art, zahl, offen) in enumerate([("Zoo", 1, True), ("O'Brien", 2, False), (None, None, None), ("Zoo ", 1, True), ("zoo", 3, None)])],
)  # fmt: skip
FIELDS = fields(art=(KIND.STRING, "Art"), zahl=(KIND.INTEGER, "Zahl"), offen=(KIND.BOOLEAN, "Offen"))
SOURCE = {"resource": "r-1", "filterable": ["Art", "Zahl", "Offen"]}


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(Portal(tables={"r-1": TABLE}))


# --- the catalogue ----------------------------------------------------------------------------------------------------


@models
def test_the_catalogue_of_cologne(tmp_path, server):
    packages = [json.loads(path.read_text("utf-8")) for path in sorted(DATA.glob("*.json"))]
    server.answer = Portal(packages, dkan=True, most=40)
    ways = fields(
        titel=(KIND.STRING, "title"),
        text=(KIND.STRING, "description"),
        lizenz=(KIND.STRING, "license"),
        angelegt=(KIND.DATETIME, "created"),
        stand=(KIND.DATETIME, "aktualisiert"),
    )
    found = rows(opened(tmp_path, server.url), dataset({"table": "packages", "listed": "current"}, ways))
    assert len(found) == len(packages) == 119
    assert {row["lizenz"] for row in found} == {
        "Creative Commons Namensnennung 3.0 DE",
        "Creative Commons Namensnennung 3.0 Deutschland Lizenz",
    }
    assert all(row["angelegt"] and row["stand"] for row in found), "every German date is read"
    schools = next(row for row in found if row["titel"] == "Schulen in Köln")
    assert schools["stand"] == dt.datetime(2014, 7, 24, 5, 55, tzinfo=dt.UTC)
    assert "\nNR_STADTTEIL (Type: esriFieldTypeString, Alias: Stadtteil-Nr., Length: 3 )\n" in schools["text"]
    assert not any("<li>" in (row["text"] or "") or "<br" in (row["text"] or "") for row in found)

    ways = fields(
        id=(KIND.STRING, "id"), paket=(KIND.STRING, "^.title"), stand=(KIND.DATETIME, "modified"), bytes=(KIND.INTEGER, "file_size")
    )  # fmt: skip
    resources = [item for package in packages for item in package["resources"]]
    found = rows(opened(tmp_path, server.url), dataset({"table": "resources", "listed": "current"}, ways))
    assert len(found) == len(resources) and all(row["stand"] and row["paket"] for row in found)
    sizes = {item["id"]: item["file_size"] for item in resources}
    assert sizes["c974aaf3-9712-498c-8216-c766ea1f21f3"] == "509.76 KB"
    assert {row["id"]: row["bytes"] for row in found}["c974aaf3-9712-498c-8216-c766ea1f21f3"] == 521_994
    assert sum(row["bytes"] is None for row in found) == sum(not text for text in sizes.values())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ohne", "ohne"),
        ("5 < 6 & 7 > 2", "5 < 6 & 7 > 2"),
        ("a<br />b", "a\nb"),
        ("<ul><li>a</li><li>b &amp; c</li></ul>", "a\n\nb & c"),
        ("<script>alert(1)</script>Text<!-- c -->", "Text"),
        ("K&ouml;ln", "Köln"),
        ("<p>" * 5000 + "tief", "tief"),
        ("<b>\x00x", "x"),
        ("  \r\n", ""),
    ],
)
def test_html_becomes_text(text, wanted):
    assert plain(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("509.76 KB", 521_994), ("5 MB", 5_242_880), ("950 Bytes", 950), ("", ""), (12, 12), ("viel", "viel")],
)
def test_sizes_become_bytes(text, wanted):
    assert size(text) == wanted


@given(st.text(st.sampled_from("<>/&;!-abpriul\"'= \x00#x1"), max_size=80))
def test_any_text_is_freed_of_html(text):
    assert isinstance(plain(text), str)


# --- the datastore ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        (Compare("art", Op.EQ, "O'Brien"), {"Art": "O'Brien"}),
        (In("art", ("Zoo", "zoo")), {"Art": ["Zoo", "zoo"]}),
        (Compare("zahl", Op.EQ, 1.0), {"Zahl": 1}),
        (Compare("zahl", Op.EQ, 1.5), None),
        (Compare("zahl", Op.EQ, 10**12), None),  # beyond a column's numbers it would be an error
        (Compare("zahl", Op.GE, 1), None),
        (Compare("offen", Op.EQ, True), {"Offen": True}),
        (And((Compare("art", Op.EQ, "Zoo"), Compare("offen", Op.EQ, True))), {"Art": "Zoo", "Offen": True}),
        (And((Compare("art", Op.EQ, "Zoo"), Compare("art", Op.EQ, "zoo"))), {"Art": "Zoo"}),
        (Or((Compare("art", Op.EQ, "Zoo"), Compare("offen", Op.EQ, True))), None),
    ],
)
def test_conditions_become_filters(tmp_path, server, where, sent):
    rows(opened(tmp_path, server.url), dataset(SOURCE, FIELDS), Scan("inhalt", where=where))
    assert json.loads(server.seen[0].params.get("filters", "null")) == sent


def test_fixed_filters_stay(tmp_path, server):
    source = {**SOURCE, "filters": {"Art": ["Zoo", "zoo"]}}
    found = rows(
        opened(tmp_path, server.url), dataset(source, FIELDS), Scan("inhalt", where=Compare("art", Op.EQ, "zoo"))
    )
    assert json.loads(server.seen[0].params["filters"]) == {"Art": ["Zoo", "zoo"]} and len(found) == 1
    rows(
        opened(tmp_path, server.url),
        dataset({"resource": "r-1"}, FIELDS),
        Scan("inhalt", where=Compare("art", Op.EQ, "zoo")),
    )
    assert "filters" not in server.seen[-1].params


_VALUES = st.sampled_from(["Zoo", "zoo", "Zoo ", "O'Brien", "x"])
_LEAVES = st.one_of(
    st.builds(Compare, st.just("art"), st.sampled_from(list(Op)), _VALUES),
    st.builds(In, st.just("art"), st.lists(_VALUES, max_size=3).map(tuple)),
    st.builds(Compare, st.just("zahl"), st.sampled_from(list(Op)), st.sampled_from([1, 2, 3.0, 1.5])),
    st.builds(In, st.just("zahl"), st.lists(st.sampled_from([1, 2, 2.5]), max_size=3).map(tuple)),
    st.builds(Compare, st.just("offen"), st.sampled_from([Op.EQ, Op.NE]), st.booleans()),
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_LEAVES, min_size=1, max_size=3).map(tuple), st.booleans())
def test_a_filter_that_is_pushed_loses_no_row(tmp_path, server, parts, either):
    source, where = opened(tmp_path, server.url, retries=0), Or(parts) if either else And(parts)
    pushed = rows(source, dataset(SOURCE, FIELDS), Scan("inhalt", where=where))
    plain_rows = rows(source, dataset({"resource": "r-1"}, FIELDS, "ohne"), Scan("ohne", where=where))
    assert pushed == plain_rows


def test_coordinates_in_two_columns_become_places(tmp_path, server):
    ways = (*FIELDS, *fields(ort=(KIND.GEOMETRY, "")))
    source = {"resource": "r-1", "x": "Rechtswert", "y": "Hochwert", "crs": "EPSG:25832"}
    found = rows(opened(tmp_path, server.url), dataset(source, ways))
    assert [round(shapely.from_wkb(row["ort"]).y, 2) for row in found] == [50.94] * 5


# --- portals that fail ------------------------------------------------------------------------------------------------


def test_when_the_portal_comes_back_so_do_the_rows(tmp_path, server):
    source, well = opened(tmp_path, server.url, retries=0), server.answer
    for status in (500, 502, 503, 429):
        server.answer = Reply({"error": "Geheimnis"}, status)
        with pytest.raises(SourceUnavailable, match=f"answers with {status}") as caught:
            rows(source, dataset(SOURCE, FIELDS))
        assert "Geheimnis" not in str(caught.value)
        server.answer = well
        assert len(rows(source, dataset(SOURCE, FIELDS))) == 5


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!DOCTYPE html><form>Anmeldung</form>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply({}, 403), SourceRefused, "wants a log-in"),
        (Reply({"success": False}, 404), SourceRefused, "datastore_search answers with 404"),
        (Reply({"help": "", "success": False, "error": {}}), SourceRefused, "has nothing at 'result.records'"),
        (Reply({"result": {"records": [{"x": 1}], "total": 1}}), SourceRefused, "no record has 'Art'"),
        (Reply(b'{"result": {"records": [{"Ar'), SourceUnavailable, "ends in the middle"),
    ],
)
def test_what_is_no_answer_of_a_portal_is_refused_by_name(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says):
        rows(opened(tmp_path, server.url, retries=0), dataset(SOURCE, FIELDS))


def test_pages_without_end_are_stopped(tmp_path, server):
    record = {"Art": "a", "Zahl": 1, "Offen": True}
    server.answer = {"result": {"records": [record], "total": 10**9}}
    with pytest.raises(SourceRefused, match="again and again"):
        rows(opened(tmp_path, server.url), dataset(SOURCE, FIELDS))
    server.answer = lambda request: {
        "result": {"records": [{**record, "Art": request.params["offset"]}], "total": 10**9}
    }
    with pytest.raises(SourceRefused, match="more than 20 pages"):
        rows(opened(tmp_path, server.url), dataset({**SOURCE, "pages": 20}, FIELDS))


def test_a_redirect_to_a_private_address_is_refused(tmp_path, server):
    for target in ("http://10.0.0.1/", f"http://localhost:{server.port}/api", "http://169.254.169.254/latest"):
        server.answer = Reply(None, 302, Location=target)
        with pytest.raises(SourceRefused):
            rows(opened(tmp_path, server.url, retries=0), dataset(SOURCE, FIELDS))


def test_a_portal_that_drips_is_cut_off_within_the_time_out(tmp_path, server):
    def drip() -> Iterator[bytes]:
        for byte in b'{"result": {"records": ["' + b"x" * 5000 + b'"]}}':
            yield bytes([byte])
            time.sleep(0.05)

    server.answer = lambda _: Reply(drip())
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(opened(tmp_path, server.url, timeout_s=1.0, retries=0), dataset(SOURCE, FIELDS))


def test_the_token_is_in_no_error(tmp_path, server):
    auth = {"type": "header", "name": "Authorization", "token": "${T}"}
    source = opened(tmp_path, server.url, secrets=lambda text: text.replace("${T}", "geheim"), auth=auth, retries=0)
    for reply in (Reply({}, 500), Reply({}, 403), Reply(b"kaputt")):
        server.answer = reply
        with pytest.raises(NabeError) as caught:
            rows(source, dataset(SOURCE, FIELDS))
        assert server.seen[-1].headers["authorization"] == "geheim"
        assert "geheim" not in f"{caught.value!r} {caught.value.params}"


def test_organisations_are_read_to_the_end(tmp_path, server):
    def only_25(request: Request) -> Any:
        portal = Portal(
            organizations=[{"id": f"o{n}", "name": f"amt-{n}", "title": f"Amt {n}"} for n in range(60)], most=25
        )
        return portal(request)

    server.answer = only_25
    found = rows(
        opened(tmp_path, server.url), dataset({"table": "organizations"}, fields(titel=(KIND.STRING, "title")))
    )
    assert len(found) == 60


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({}, "either table"),
        ({"table": "packages", "resource": "x"}, "either table"),
        ({"table": "packages", "filters": {"a": 1}}, "filters is not of the catalogue"),
        ({"resource": "x", "fq": "a:b"}, "fq is not of the datastore"),
        ({"resource": "../x"}, "source.resource"),
        ({"resource": "x", "x": "a"}, "x and y belong together"),
        ({"resource": "x", "x": "a", "y": "b"}, "no field of type geometry"),
        ({"resource": "x", "filterable": "b"}, "source.filterable: no field has the column 'b'"),
    ],
)
def test_a_wrong_declaration_is_told_by_name(source, says):
    (found,) = CkanAdapter().check_dataset(system("https://x.example"), dataset(source, fields(a=(KIND.STRING, "a"))))
    assert says in found


def test_the_check_asks_for_the_list(tmp_path: Path, server: Server) -> None:
    opened(tmp_path, server.url, retries=0).check()
    assert server.seen[-1].path.endswith("/api/3/action/package_list")
