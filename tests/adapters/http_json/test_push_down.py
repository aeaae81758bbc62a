"""What the interface filters itself is sent as parameters, and only where nothing that is wanted can get lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from nabe.model.dataset import Field, FieldType
from nabe.model.expr import And, BBox, Compare, Expr, In, IsNull, NoRows, Not, Op, Or
from nabe.model.query import Order, Scan

from .support import Server, dataset, opened, rows, serving

FIELDS = (
    Field("art", FieldType.STRING),
    Field("zahl", FieldType.INTEGER),
    Field("wert", FieldType.NUMBER),
    Field("offen", FieldType.BOOLEAN),
    Field("tag", FieldType.DATE),
    Field("zeit", FieldType.DATETIME),
    Field("ort", FieldType.GEOMETRY),
)
RECORD = {"art": "a", "zahl": 3, "wert": 1.5, "offen": True, "tag": "2026-11-24", "zeit": "2026-11-24T08:00:00Z", "ort": [7.0, 51.0]}  # fmt: skip
RANGE = {"ge": "von", "le": "bis"}
SOURCE = {
    "filters": {
        "art": {"eq": "art", "in": "arten", "separator": ","},
        "zahl": {**RANGE, "eq": "zahl", "in": "zahlen"},
        "wert": {"gt": "mehr", "lt": "weniger"},
        "offen": {"eq": "offen"},
        "tag": RANGE,
        "zeit": RANGE,
    },
    "bbox": "bbox",
}
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving([RECORD])


def asked(tmp_path: Any, server: Server, where: Expr, source: dict[str, Any] = SOURCE, **scan: Any) -> list[Any] | None:
    """The query that the interface gets; None if it is not asked at all."""
    server.seen.clear()
    rows(opened(tmp_path, server.url), dataset(source, FIELDS), Scan("inhalt", where=where, **scan))
    return server.seen[0].query if server.seen else None


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        (Compare("art", Op.EQ, "Zoo & Co"), [("art", "Zoo & Co")]),
        (Compare("art", Op.GE, "M"), []),  # its order of letters need not be ours
        (Compare("art", Op.NE, "a"), []),
        (Compare("art", Op.EQ, ""), []),
        (In("art", ("a", "b")), [("arten", "a,b")]),
        (In("art", ("a,b", "c")), []),
        (In("zahl", (1, 2)), [("zahlen", "1"), ("zahlen", "2")]),
        (In("zahl", (1, 2.5)), []),
        (Compare("zahl", Op.EQ, 3), [("zahl", "3")]),
        (Compare("zahl", Op.EQ, 3.0), [("zahl", "3")]),
        (Compare("zahl", Op.EQ, 3.5), []),
        (Compare("zahl", Op.GT, 3), [("von", "3")]),
        (Compare("zahl", Op.LE, 3), [("bis", "3")]),
        (Compare("wert", Op.GE, 1.5), []),  # "more than" would lose the bound itself
        (Compare("wert", Op.GT, 1.5), [("mehr", "1.5")]),
        (Compare("offen", Op.EQ, True), [("offen", "true")]),
        (Compare("tag", Op.GE, dt.date(2026, 11, 24)), [("von", "2026-11-24")]),
        (Compare("zeit", Op.GE, NOON), [("von", "2026-11-24T12:00:00Z")]),
        (Compare("zeit", Op.GE, NOON.replace(microsecond=5)), [("von", "2026-11-24T12:00:00Z")]),
        (Compare("zeit", Op.LE, NOON.replace(microsecond=5)), []),
        (BBox("ort", 6.0, 50.0, 8.0, 52.0), [("bbox", "6.0,50.0,8.0,52.0")]),
        (BBox("ort", 170.0, 50.0, -170.0, 52.0), []),
        (And((Compare("art", Op.EQ, "a"), Compare("zahl", Op.GE, 1))), [("art", "a"), ("von", "1")]),
        (And((Compare("zahl", Op.GE, 1), Compare("zahl", Op.GE, 2))), [("von", "1")]),
        (Or((Compare("art", Op.EQ, "a"), Compare("zahl", Op.GE, 1))), []),
        (Not(Compare("art", Op.EQ, "a")), []),
        (IsNull("art"), []),
        (NoRows(), None),
    ],
)
def test_conditions_become_parameters(tmp_path, server, where, sent):
    assert asked(tmp_path, server, where) == sent


@pytest.mark.parametrize(
    ("format", "op", "value", "sent"),
    [
        ("unix", Op.GE, NOON, [("von", "1795521600")]),
        ("unix_ms", Op.LE, NOON.replace(microsecond=5000), [("bis", "1795521600005")]),
        ("unix", Op.LE, NOON.replace(microsecond=5000), []),
        ("DD.MM.YYYY HH:mm", Op.GE, NOON.replace(second=30), [("von", "24.11.2026 13:00")]),
        ("DD.MM.YYYY HH:mm", Op.LE, NOON.replace(second=30), []),
        ("DD.MM.YYYY HH:mm", Op.LE, NOON, [("bis", "24.11.2026 13:00")]),
    ],
)
def test_times_are_sent_as_the_interface_writes_them(tmp_path, server, format, op, value, sent):
    source = {**SOURCE, "columns": {"zeit": {"date_format": format}}}
    server.answer = [{**RECORD, "zeit": None}]
    assert asked(tmp_path, server, Compare("zeit", op, value), source) == sent


def test_a_fixed_parameter_is_never_replaced_by_a_condition(tmp_path, server):
    source = {**SOURCE, "params": {"art": "fest"}}
    assert asked(tmp_path, server, Compare("art", Op.EQ, "a"), source) == [("art", "fest")]


def test_an_interface_that_does_not_filter_does_no_harm(tmp_path, server):
    server.answer = [RECORD, {**RECORD, "art": "b"}]
    where = Compare("art", Op.EQ, "b")
    found = rows(opened(tmp_path, server.url), dataset(SOURCE, FIELDS), Scan("inhalt", ("art",), where))
    assert found == [{"art": "b"}]


def test_conditions_behind_rounding_or_minimum_groups_stay_with_the_hub(tmp_path, server):
    source, scan = opened(tmp_path, server.url), Scan("inhalt", ("zahl",), Compare("zahl", Op.GE, 10))
    rows(source, dataset(SOURCE, FIELDS), scan, rounding={"zahl": 10.0})
    assert server.seen[-1].query == []
    rows(source, dataset(SOURCE, FIELDS), scan, allowed=Compare("art", Op.EQ, "a"), min_group=2)
    assert server.seen[-1].query == [("art", "a")]


def test_a_limit_is_sent_only_where_the_first_rows_are_the_answer(tmp_path, server):
    source = {**SOURCE, "limit": "top"}
    assert asked(tmp_path, server, And(()), source) == []
    from nabe.model.expr import ALL_ROWS

    assert asked(tmp_path, server, ALL_ROWS, source, limit=5, offset=2) == [("top", "7")]
    assert asked(tmp_path, server, ALL_ROWS, source, limit=5, order=(Order("art"),)) == []
    assert asked(tmp_path, server, Compare("zahl", Op.NE, 1), source, limit=5) == []


def test_the_plan_tells_the_request(tmp_path, server):
    from nabe.testing.sealing import seal

    source: Any = opened(tmp_path, server.url)
    where = Compare("art", Op.EQ, "a")
    assert source.explain(seal(dataset(SOURCE, FIELDS), Scan("inhalt", where=where))) == f"GET {server.url} with art=a"
