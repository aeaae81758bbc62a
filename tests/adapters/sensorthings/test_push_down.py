"""What the service filters itself: in the words of the standard, and never so that a row is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, FieldType
from nabe.model.expr import And, BBox, Compare, Expr, In, IsNull, Not, Op, Or
from nabe.model.query import Scan
from nabe.testing.silo import Reply, Request, Server, rows, serving

from .service import Service
from .support import air, dataset, fields, opened

KIND = FieldType
NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
FIELDS = fields(
    id=(KIND.INTEGER, "id"),
    von=(KIND.DATETIME, "phenomenonTime.begin"),
    bis=(KIND.DATETIME, "phenomenonTime.end"),
    tag=(KIND.DATE, "phenomenonTime"),
    wert=(KIND.NUMBER, "result"),
    strom=(KIND.STRING, "Datastream.name"),
    einheit=(KIND.STRING, "Datastream.unitOfMeasurement.symbol"),
    art=(KIND.STRING, "Datastream.Thing.properties.kind"),
    ort=(KIND.GEOMETRY, "Datastream.Thing.Locations[0].location"),
)
SOURCE = {"entity": "Observations", "ids": "number", "results": "number", "points": True}


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(Service(air(), most=50))


def asked(root: Path, server: Server, where: Expr, **source: Any) -> str:
    server.seen.clear()
    rows(opened(root, server.url + "/v1.1"), dataset({**SOURCE, **source}, FIELDS), Scan("inhalt", where=where))
    return server.seen[0].params.get("$filter", "")


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        (Compare("strom", Op.EQ, "O'Brien"), "Datastream/name eq 'O''Brien'"),
        (In("strom", ("a", "b")), "(Datastream/name eq 'a' or Datastream/name eq 'b')"),
        (Compare("einheit", Op.EQ, "µg/m³"), "Datastream/unitOfMeasurement/symbol eq 'µg/m³'"),
        (Compare("art", Op.EQ, "traffic"), ""),  # a property may be a number that is read as text
        (Compare("strom", Op.GE, "a"), ""),  # its order of letters need not be ours
        (Compare("strom", Op.EQ, "a\x00b"), ""),
        (Compare("id", Op.EQ, 12), "id eq 12"),
        (Compare("wert", Op.GE, 0.5), "result ge 0.5"),
        (Compare("wert", Op.GT, 0.1), "result ge 0.0999999"),
        (Compare("wert", Op.EQ, 3), "result eq 3"),
        (Compare("wert", Op.EQ, 1e-7), "(result ge 0.0000000999999 and result le 0.0000001000001)"),
        (Compare("wert", Op.NE, 3), ""),
        (Compare("wert", Op.LT, float("inf")), ""),
        (Compare("von", Op.GE, NOON), "phenomenonTime ge 2026-11-01T11:59:59Z"),
        (Compare("von", Op.LE, NOON), ""),  # what begins before noon may end after it
        (Compare("bis", Op.LE, NOON), "phenomenonTime le 2026-11-01T12:00:02Z"),
        (Compare("bis", Op.GE, NOON), ""),
        (Compare("tag", Op.GE, dt.date(2026, 11, 2)), "phenomenonTime ge 2026-11-01T00:00:00Z"),
        (Compare("von", Op.GE, dt.datetime(1, 1, 1, tzinfo=dt.UTC)), ""),
        (
            BBox("ort", 6.9, 50.9, 7.0, 51.0),
            "st_intersects(Datastream/Thing/Locations/location,geography'POLYGON((6.899990 50.899977,7.000010 50.899977,"
            "7.000010 51.000023,6.899990 51.000023,6.899990 50.899977))')",
        ),
        (BBox("ort", 170.0, 50.9, -170.0, 51.0), ""),
        (BBox("ort", -180.0, -90.0, 180.0, 90.0), ""),
        (Or((Compare("wert", Op.GE, 1), Compare("strom", Op.EQ, "a"))), "(result ge 1 or Datastream/name eq 'a')"),
        (Or((Compare("wert", Op.GE, 1), IsNull("strom"))), ""),
        (And((Compare("wert", Op.GE, 1), IsNull("strom"))), "result ge 1"),
        (Not(Compare("wert", Op.GE, 1)), ""),
    ],
)
def test_conditions_become_a_filter(tmp_path, server, where, sent):
    assert asked(tmp_path, server, where) == sent


def test_what_is_not_promised_is_not_sent(tmp_path, server):
    for where in (Compare("id", Op.EQ, 12), Compare("wert", Op.GE, 1), BBox("ort", 6.9, 50.9, 7.0, 51.0)):
        assert asked(tmp_path, server, where, ids="", results="", points=False) == ""
    assert asked(tmp_path, server, Compare("von", Op.GE, NOON), timezone="Europe/Berlin") == ""
    assert asked(tmp_path, server, Compare("wert", Op.GE, 1), columns={"result": {"constant": 3}}) == ""


def test_of_instants_both_ends_are_filtered(tmp_path, server):
    found = asked(tmp_path, server, Compare("von", Op.LT, NOON), instants=True, datastreams=[1, 2])
    assert found == "(Datastream/id eq 1 or Datastream/id eq 2) and phenomenonTime le 2026-11-01T12:00:02Z"


def test_fixed_filters_stay_beside_those_of_the_question(tmp_path, server):
    own = {"filter": "result gt 1 or result lt 0", "datastreams": [11]}
    found = asked(tmp_path, server, Compare("wert", Op.GE, 2), **own)
    assert found == "(result gt 1 or result lt 0) and (Datastream/id eq 11) and result ge 2"


def test_only_what_is_read_is_selected(tmp_path, server):
    source = opened(tmp_path, server.url + "/v1.1")
    rows(source, dataset(SOURCE, FIELDS), Scan("inhalt", ("wert", "ort", "strom")))
    params = server.seen[0].params
    assert params["$select"] == "id,result" and params["$top"] == "1000"
    assert (
        params["$expand"]
        == "Datastream($select=id,name;$expand=Thing($select=id;$expand=Locations($select=id,location)))"
    )
    rows(source, dataset({**SOURCE, "select": False}, FIELDS), Scan("inhalt", ("wert", "strom")))
    assert "$select" not in server.seen[-1].params and server.seen[-1].params["$expand"] == "Datastream"


def test_a_limit_asks_for_no_more_than_it_needs(tmp_path, server):
    server.answer.most = 2
    found = rows(
        opened(tmp_path, server.url + "/v1.1"), dataset(SOURCE, FIELDS), Scan("inhalt", ("id",), limit=3, offset=1)
    )
    assert len(found) == 3 and len(server.seen) == 2 and server.seen[0].params["$top"] == "4"


# --- no row is lost --------------------------------------------------------------------------------------------------

MIXED = air(6)
for _number, _item in enumerate(MIXED["Observations"]):
    _item["result"] = [_item["result"], "12.5", None, True, 0.1, 7][_number % 6]
    if _number % 5 == 0:
        _item["phenomenonTime"] = "2026-11-01T01:30:00+01:00/2026-11-02T03:00:00.250+01:00"
_TIMES = st.datetimes(dt.datetime(2026, 10, 31), dt.datetime(2026, 11, 3), timezones=st.just(dt.UTC)) | st.sampled_from(
    [NOON.replace(hour=hour) for hour in range(6)]
)
_LEAVES = st.one_of(
    st.builds(Compare, st.sampled_from(["von", "bis"]), st.sampled_from(list(Op)), _TIMES),
    st.builds(Compare, st.just("tag"), st.sampled_from(list(Op)), st.dates(dt.date(2026, 10, 30), dt.date(2026, 11, 4))),
    st.builds(Compare, st.just("wert"), st.sampled_from(list(Op)), st.sampled_from([0.1, 7, 12.5, 1.1, 2]) | st.floats(-3, 20)),
    st.builds(In, st.just("wert"), st.lists(st.sampled_from([0.1, 7, 0.2, 1.1]), max_size=3).map(tuple)),
    st.builds(Compare, st.just("id"), st.sampled_from(list(Op)), st.integers(900, 12_100) | st.floats(900, 2_100)),
    st.builds(Compare, st.just("strom"), st.sampled_from(list(Op)), st.sampled_from(["Strom 1", "Strom 11", "o'x"])),
    st.builds(BBox, st.just("ort"), st.sampled_from([6.95, 6.96, 6.9]), st.sampled_from([50.9, 50.95]), st.sampled_from([6.96, 6.99, 7.1]), st.sampled_from([50.95, 50.96])),
    st.just(IsNull("wert")),
)  # fmt: skip


def _extend(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)


class _Deaf(Service):
    """Does not filter."""

    def answer(self, path: str, here: str, params: dict[str, str]) -> Any:
        return super().answer(path, here, {name: value for name, value in params.items() if name != "$filter"})


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Server, Server]]:
    made = Server(Service(MIXED, most=100)), Server(_Deaf(MIXED, most=100))
    yield made
    for server in made:
        server.close()


def _answer(source: Any, inhalt: Dataset, scan: Scan, more: dict[str, Any]) -> Any:
    """The rows in some order, or that the source refuses because no value has the declared type; other errors are errors."""
    try:
        return sorted(rows(source, inhalt, scan, **more), key=repr)
    except SourceRefused as error:
        assert "no value of" in str(error)
        return "refused"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=st.recursive(_LEAVES, _extend, max_leaves=5), instants=st.booleans(), grant=st.none() | _LEAVES)
def test_a_filter_that_is_pushed_loses_no_row(tmp_path, both, where, instants, grant):
    inhalt: Dataset = dataset({**SOURCE, "instants": instants}, FIELDS)
    scan, more = Scan("inhalt", where=where), {"allowed": grant} if grant is not None else {}
    found, wanted = (
        _answer(opened(tmp_path / str(n), server.url + "/v1.1", keep_mb=0, retries=0), inhalt, scan, more)
        for n, server in enumerate(both)
    )
    if "refused" in (found, wanted):
        return  # ten values and none fits: one of the two sees only such rows, and says so instead of showing them empty
    assert found == wanted


def test_a_filter_that_the_service_cannot_read_is_refused_by_name(tmp_path, server):
    def broken(request: Request) -> Any:
        return Reply({"message": "no"}, 400)

    server.answer = broken
    with pytest.raises(SourceRefused, match="Observations answers with 400"):
        rows(opened(tmp_path, server.url + "/v1.1"), dataset({**SOURCE, "filter": "x ~ 1"}, FIELDS))


# --- the newest rows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("where", [None, Compare("wert", Op.GE, 20), Compare("art", Op.EQ, "traffic"), IsNull("wert")])
def test_of_the_newest_observations_no_more_are_read_than_needed(tmp_path, server, where, descending):
    from nabe.model.expr import ALL_ROWS
    from nabe.model.query import Order

    server.answer = Service(air(200), most=20)
    inhalt = dataset({**SOURCE, "instants": True, "datastreams": [1, 11, 2]}, FIELDS)
    order, filter = (Order("von", descending),), where if where is not None else ALL_ROWS
    found = rows(opened(tmp_path, server.url + "/v1.1"), inhalt, Scan("inhalt", ("von", "wert"), filter, order, 5, 2))
    asked = len(server.seen)
    assert server.seen[0].params["$orderby"] == f"phenomenonTime {'desc' if descending else 'asc'}"
    every = rows(opened(tmp_path, server.url + "/v1.1"), inhalt, Scan("inhalt", ("von", "wert"), filter))
    times = sorted((row["von"] for row in every if row["von"]), reverse=descending)[2:7]
    assert [row["von"] for row in found] == times
    assert asked < (len(server.seen) - asked) / 2 or isinstance(where, IsNull)


def test_intervals_and_a_service_that_does_not_order_lose_nothing(tmp_path, server):
    from nabe.model.query import Order

    mixed = air(40)
    for number, item in enumerate(mixed["Observations"]):
        if number % 3 == 0:  # no time under `instants`, wherever the service puts them
            item["phenomenonTime"] = "2026-12-01T00:00:00Z/2027-01-01T00:00:00Z"
    inhalt = dataset({**SOURCE, "instants": True, "datastreams": [1, 2]}, FIELDS)
    scan = Scan("inhalt", ("von", "id"), order=(Order("von", True),), limit=4)

    class Disordered(Service):
        def answer(self, path: str, here: str, params: dict[str, str]) -> Any:
            return super().answer(path, here, {name: value for name, value in params.items() if name != "$orderby"})

    for kind in (Service, Disordered):
        server.answer = kind(mixed, most=6)
        found = rows(opened(tmp_path, server.url + "/v1.1"), inhalt, scan)
        every = rows(opened(tmp_path, server.url + "/v1.1"), inhalt)
        assert [row["von"] for row in found] == sorted((row["von"] for row in every if row["von"]), reverse=True)[:4]


def test_an_order_is_sent_only_where_the_service_orders_alike(tmp_path, server):
    from nabe.model.query import Order

    def sent(order: tuple[Order, ...], limit: int | None = 3, **source: Any) -> str:
        inhalt = dataset({**SOURCE, "instants": True, "datastreams": [1], **source}, FIELDS)
        rows(opened(tmp_path, server.url + "/v1.1"), inhalt, Scan("inhalt", ("id",), order=order, limit=limit))
        return server.seen[-1].params.get("$orderby", "")

    assert sent((Order("von"),)) == "phenomenonTime asc"
    assert sent((Order("von"),), None) == sent((Order("wert"),)) == sent((Order("von"), Order("id"))) == ""
    assert sent((Order("von"),), instants=False) == sent((Order("von"),), timezone="Europe/Berlin") == ""
    assert sent((Order("von"),), orderby="result asc") == "result asc"
