"""What the broker filters itself: as q, geo-query and ids, and never so that an entity is lost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.model.dataset import FieldType
from nabe.model.expr import And, BBox, Compare, Expr, In, IsNull, Not, Op, Or
from nabe.model.query import Scan
from nabe.testing.silo import Request, Server, rows, serving

from .broker import Broker
from .support import dataset, fields, opened

KIND = FieldType
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
FIELDS = fields(
    id=(KIND.STRING, "id"),
    name=(KIND.STRING, "name"),
    frei=(KIND.INTEGER, "free"),
    grad=(KIND.NUMBER, "temperature"),
    offen=(KIND.BOOLEAN, "open"),
    zeit=(KIND.DATETIME, "dateObserved"),
    ort=(KIND.GEOMETRY, "location"),
)
SOURCE = {"type": "T", "filterable": ["name", "free", "temperature", "open", "dateObserved"], "points": True}


def prop(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **more}


def entities(api: str) -> list[dict[str, Any]]:
    """Attributes as they should be, and as they should not: numbers in texts, languages, instances, times without zone."""
    time = {"ngsi-ld": lambda text: prop({"@type": "DateTime", "@value": text}), "ngsi-v2": lambda text: {"type": "DateTime", "value": text}}[api]  # fmt: skip

    def point(lon: float, lat: float) -> dict[str, Any]:
        place = {"type": "Point", "coordinates": [lon, lat]}
        return {"type": "GeoProperty" if api == "ngsi-ld" else "geo:json", "value": place}

    found = [
        {"name": prop("Zoo"), "free": prop(3), "temperature": prop(0.1), "open": prop(True), "dateObserved": time("2026-11-24T12:00:00Z"), "location": point(6.95, 50.94)},
        {"name": prop("Am Dom"), "free": prop("3"), "temperature": prop(7), "open": prop("true"), "dateObserved": prop("2026-11-24T12:00:00Z"), "location": point(-1.0, 51.0)},
        {"name": prop(12), "free": prop(3.5), "temperature": prop("7"), "open": prop(1), "dateObserved": time("2026-11-24T12:00:00"), "location": point(7.0, 50.0)},
        {"name": prop(None), "free": prop(True), "temperature": prop([7]), "dateObserved": time("2026-11-24T13:00:00.250+01:00")},
        {"name": prop("a;b"), "free": prop(0), "temperature": prop(-1.5), "location": point(7.5, 51.0)},
        {"name": prop(["Zoo"]), "temperature": prop({"x": 7}), "dateObserved": time("nie")},
        {},
    ]  # fmt: skip
    if api == "ngsi-ld":
        found += [
            {"name": {"type": "LanguageProperty", "languageMap": {"de": "Zoo"}}, "free": {"type": "Relationship", "object": "Zoo"}},
            {"name": {"type": "VocabProperty", "vocab": "Zoo"}, "free": [prop(3, datasetId="urn:x:d"), prop(5)]},
            {"temperature": [prop(7, datasetId="urn:x:d")], "name": [prop("Zoo", datasetId="urn:x:d")]},
        ]  # fmt: skip
    return [{"id": f"urn:ngsi-ld:T:{number}", "type": "T", **item} for number, item in enumerate(found)]


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(Broker(entities("ngsi-ld")))


def asked(root: Path, server: Server, where: Expr, api: str = "ngsi-ld", **source: Any) -> dict[str, str]:
    server.seen.clear()
    server.answer = Broker(entities(api), api)
    rows(
        opened(root, server.url, api=api, retries=0), dataset({**SOURCE, **source}, FIELDS), Scan("inhalt", where=where)
    )
    usual = {"type", "limit", "offset", "count", "options", "attrs"}
    return {name: value for name, value in server.seen[0].params.items() if name not in usual}


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        (Compare("name", Op.EQ, "Am Dom"), {"q": 'name=="Am Dom"'}),
        (In("name", ("Zoo", "Köln-Süd")), {"q": 'name=="Zoo","Köln-Süd"'}),
        (Compare("name", Op.GE, "A"), {}),
        (Compare("name", Op.EQ, 'a"b'), {}),
        (Compare("name", Op.EQ, "a;b"), {}),
        (Compare("name", Op.EQ, "12"), {}),
        (Compare("name", Op.EQ, "true"), {}),
        (Compare("name", Op.EQ, "2026-11-24"), {}),
        (Compare("name", Op.EQ, "a..2"), {}),
        (Compare("frei", Op.GT, 3), {"q": "free>=3"}),
        (Compare("grad", Op.LE, 0.1), {"q": "temperature<=0.1000001"}),
        (Compare("grad", Op.EQ, 7), {"q": "temperature==7"}),
        (Compare("grad", Op.EQ, 0.1), {"q": "temperature>=0.0999999;temperature<=0.1000001"}),
        (Compare("offen", Op.EQ, True), {"q": "open==true"}),
        (Compare("zeit", Op.GE, NOON), {"q": "dateObserved>=2026-11-24T11:59:59Z"}),
        (Compare("id", Op.EQ, "urn:ngsi-ld:T:1"), {"id": "urn:ngsi-ld:T:1"}),
        (Compare("id", Op.EQ, "1"), {}),  # no URI: a broker would refuse it
        (In("id", ("urn:x:1", "urn:x:2")), {"id": "urn:x:1,urn:x:2"}),
        (Not(Compare("frei", Op.GT, 3)), {}),
        (Or((Compare("frei", Op.GT, 3), Compare("offen", Op.EQ, True))), {}),
        (And((Compare("frei", Op.GE, 3), Compare("offen", Op.EQ, True))), {"q": "free>=3;open==true"}),
        (BBox("ort", 170.0, 0.0, -170.0, 1.0), {}),
    ],
)
def test_conditions_become_a_query(tmp_path, server, where, sent):
    assert asked(tmp_path, server, where) == sent


def test_ngsi_v2_writes_texts_without_quotes(tmp_path, server):
    assert asked(tmp_path, server, In("name", ("Zoo", "Am Dom")), "ngsi-v2") == {"q": "name==Zoo,Am Dom"}
    assert asked(tmp_path, server, Compare("id", Op.EQ, "1"), "ngsi-v2") == {"id": "1"}


def test_a_box_becomes_a_geo_query(tmp_path, server):
    box = BBox("ort", 6.9, 50.9, 7.0, 51.0)
    found = asked(tmp_path, server, box)
    assert (found["georel"], found["geometry"], found["geoproperty"]) == ("within", "Polygon", "location")
    assert json.loads(found["coordinates"])[0][0] == [6.89999, 50.899977]
    found = asked(tmp_path, server, box, "ngsi-v2")
    assert (found["georel"], found["geometry"]) == ("coveredBy", "polygon") and found["coords"].startswith(
        "50.899977,6.89999;"
    )
    fixed = {"georel": "near;maxDistance==1", "geometry": "Point", "coordinates": "[6,50]"}
    server.answer = []
    server.seen.clear()
    rows(opened(tmp_path, server.url), dataset({**SOURCE, **fixed}, FIELDS), Scan("inhalt", where=box))
    assert server.seen[0].params["georel"] == "near;maxDistance==1" and server.seen[0].params["coordinates"] == "[6,50]"
    assert asked(tmp_path, server, box, points=False) == {}


def test_what_is_declared_stays_beside_the_question(tmp_path, server):
    where = And((Compare("frei", Op.GE, 3), Compare("id", Op.EQ, "urn:ngsi-ld:T:1")))
    found = asked(tmp_path, server, where, q="temperature>0", ids=["urn:ngsi-ld:T:0", "urn:ngsi-ld:T:1"])
    assert found == {"q": "temperature>0;free>=3", "id": "urn:ngsi-ld:T:0,urn:ngsi-ld:T:1"}
    server.answer = []
    server.seen.clear()
    rows(opened(tmp_path, server.url), dataset({**SOURCE, "q": "a==1|b==2"}, FIELDS), Scan("inhalt", where=where))
    assert server.seen[0].params["q"] == "(a==1|b==2);free>=3"


def test_what_is_not_filterable_is_not_sent(tmp_path, server):
    for where in (Compare("name", Op.EQ, "Zoo"), Compare("frei", Op.GE, 1), Compare("zeit", Op.GE, NOON)):
        assert asked(tmp_path, server, where, filterable=[]) == {}
    assert asked(tmp_path, server, Compare("frei", Op.GE, 1), representation="keyValues") == {}
    assert asked(tmp_path, server, Compare("frei", Op.GE, 1), columns={"free": {"constant": 3}}) == {}


def test_tenant_and_context_are_headers_and_the_context_is_asked_of_nobody(tmp_path, server):
    context = f"http://127.0.0.1:{server.port}/context.jsonld"
    source = opened(tmp_path, server.url, tenant="verkehr", context=context)
    rows(source, dataset(SOURCE, FIELDS))
    assert {request.path for request in server.seen} == {"/api/ngsi-ld/v1/entities"}
    headers = server.seen[0].headers
    assert headers["ngsild-tenant"] == "verkehr"
    assert headers["link"] == f'<{context}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    server.answer = Broker(entities("ngsi-v2"), "ngsi-v2")
    rows(opened(tmp_path, server.url, api="ngsi-v2", tenant="verkehr", service_path="/parken"), dataset(SOURCE, FIELDS))
    assert (server.seen[-1].headers["fiware-service"], server.seen[-1].headers["fiware-servicepath"]) == (
        "verkehr",
        "/parken",
    )


def test_system_attributes_are_asked_for_where_they_are_read(tmp_path, server):
    server.answer = lambda request: [{"id": "urn:x:1", "type": "T", "createdAt": "2026-11-24T08:00:00Z", "a": prop(1, modifiedAt="2026-11-24T09:00:00Z")}] if request.params["offset"] == "0" else []  # fmt: skip
    ways = fields(neu=(KIND.DATETIME, "createdAt"), stand=(KIND.DATETIME, "a.modifiedAt"))
    (row,) = rows(opened(tmp_path, server.url), dataset({"type": "T"}, ways))
    assert server.seen[0].params["options"] == "sysAttrs" and (row["neu"].hour, row["stand"].hour) == (8, 9)


def test_a_broker_that_gives_less_than_asked_is_read_to_its_end(tmp_path, server):
    many = [{"id": f"urn:x:{n}", "type": "T", "free": prop(n)} for n in range(25)]
    for count, requests in ((True, 4), (False, 5)):
        server.answer = Broker(many, most=7, count=count)
        server.seen.clear()
        assert len(rows(opened(tmp_path, server.url), dataset(SOURCE, FIELDS), Scan("inhalt", ("frei",)))) == 25
        assert len(server.seen) == requests
    assert len(rows(opened(tmp_path, server.url), dataset(SOURCE, FIELDS), Scan("inhalt", ("id",), limit=3))) == 3
    assert server.seen[-1].params["limit"] == "3"


def test_an_attribute_that_the_few_entities_asked_for_lack_is_missing_not_refused(tmp_path, server):
    found = rows(opened(tmp_path, server.url), dataset(SOURCE, FIELDS), Scan("inhalt", ("name", "ort"), Compare("id", Op.EQ, "urn:ngsi-ld:T:6")))  # fmt: skip
    assert found == [{"name": None, "ort": None}]


# --- no entity is lost ------------------------------------------------------------------------------------------------

_TIMES = st.sampled_from([NOON + dt.timedelta(seconds=item) for item in (-3600, -1, 0, 0.25, 1, 3600)])
_LEAVES = st.one_of(
    st.builds(Compare, st.just("name"), st.sampled_from(list(Op)), st.sampled_from(["Zoo", "Am Dom", "12", "a;b", '["Zoo"]'])),
    st.builds(In, st.just("name"), st.lists(st.sampled_from(["Zoo", "Am Dom", "12"]), max_size=3).map(tuple)),
    st.builds(Compare, st.just("frei"), st.sampled_from(list(Op)), st.sampled_from([0, 3, 3.5, 5, 1])),
    st.builds(Compare, st.just("grad"), st.sampled_from(list(Op)), st.sampled_from([0.1, 7, 7.0, -1.5, 1e-9])),
    st.builds(Compare, st.just("offen"), st.sampled_from([Op.EQ, Op.NE]), st.booleans()),
    st.builds(Compare, st.just("zeit"), st.sampled_from(list(Op)), _TIMES),
    st.builds(Compare, st.just("id"), st.sampled_from(list(Op)), st.sampled_from(["urn:ngsi-ld:T:1", "urn:ngsi-ld:T:8", "x"])),
    st.builds(BBox, st.just("ort"), st.sampled_from([6.95, -1.0, -10.0]), st.sampled_from([50.0, 50.94, 40.0]), st.sampled_from([6.95, 7.0, 9.9]), st.sampled_from([50.94, 51.0])),
    st.just(IsNull("frei")),
)  # fmt: skip


def _extend(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)


class _Deaf(Broker):
    """Does not filter."""

    def __call__(self, request: Request) -> Any:
        request.params = {name: value for name, value in request.params.items() if name not in ("q", "georel", "id")}
        return super().__call__(request)


@pytest.fixture(scope="module")
def both() -> Iterator[dict[str, tuple[Server, Server]]]:
    made = {
        api: (Server(Broker(entities(api), api)), Server(_Deaf(entities(api), api))) for api in ("ngsi-ld", "ngsi-v2")
    }
    yield made
    for pair in made.values():
        for server in pair:
            server.close()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    where=st.recursive(_LEAVES, _extend, max_leaves=5),
    api=st.sampled_from(["ngsi-ld", "ngsi-v2"]),
    simple=st.booleans(),
    grant=st.none() | _LEAVES,
)
def test_a_filter_that_is_pushed_loses_no_entity(tmp_path, both, where, api, simple, grant):
    inhalt = dataset({**SOURCE, "representation": "keyValues" if simple else "normalized", "columns": {name: {"optional": True} for name in ("name", "free", "temperature", "open", "dateObserved", "location")}}, FIELDS)  # fmt: skip
    scan, more = Scan("inhalt", where=where), {"allowed": grant} if grant is not None else {}
    found, wanted = (
        sorted(
            rows(opened(tmp_path / str(n), server.url, api=api, keep_mb=0, retries=0), inhalt, scan, **more), key=repr
        )
        for n, server in enumerate(both[api])
    )
    assert found == wanted
