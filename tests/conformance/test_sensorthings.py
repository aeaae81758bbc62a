"""SensorThings suites of others against Nabe, and against FROST to show that the harness works; see docs/conformance.md.

They take minutes and delete data: only with NABE_CONFORMANCE=1.
"""

from __future__ import annotations

import pytest
from tests.conformance.sensorthings import differential, ets, frost_tests, results, targets
from tests.conformance.sensorthings.results import Result

suites = pytest.mark.skipif(bool(targets.why_not()), reason=targets.why_not())

#: The suite compares a number with a reader of texts (see `ets.run`): no server that answers with a number passes.
HOPELESS = {"checkQueriesPriorityOrdering"}


def failures(found: list[Result]) -> list[str]:
    return [f"{one.group}.{one.test}: {one.message}" for one in found if one.outcome == "failed"]


@suites
@pytest.mark.parametrize("lenient", [False, True])
def test_ets_passes_nabe(lenient: bool) -> None:
    with targets.nabe_target() as target:
        ets.seed(target.root)
        found = ets.run(target.root, lenient=lenient)
    assert [one for one in found if one.outcome == "skipped"] == []
    assert failures([one for one in found if lenient or one.test not in HOPELESS]) == []
    assert len(found) == 22


@suites
def test_frosts_tests_pass_nabe() -> None:
    with targets.nabe_target(tasking=True) as target:
        found = frost_tests.run(target.base, target.mqtt, without=target.without, settle=target.settle)
    assert failures(found) == []
    assert len(found) == 176


@suites
def test_nabe_answers_as_frost_does() -> None:
    with targets.nabe_target() as target, targets.frost_target() as oracle:
        found = differential.compare(oracle.root, target.root)
    counted = differential.counts(found)
    assert counted["fault"] == counted["status"] == counted["body"] == counted["order"] == 0, differential.table(found)


@suites
def test_the_harness_passes_frost_itself() -> None:
    with targets.frost_target() as target:
        ets.seed(target.root)
        found = ets.run(target.root, lenient=True)
        assert failures(found) == []
        written = frost_tests.run(target.base, target.mqtt, groups=["batch", "array"], settle=target.settle)
    assert failures(written) == []
    assert results.counts(written)["passed"] >= 12


def test_the_catalogue_asks_of_everything() -> None:
    asked = list(differential.queries())
    assert len(asked) > 500
    assert len({query.text for query in asked}) == len(asked)
    text = "\n".join(query.text for query in asked)
    operators = ("eq", "ne", "gt", "ge", "lt", "le", "and", "or", "not", "add", "sub", "mul", "div", "mod")
    assert [operator for operator in operators if f"{operator} " not in text] == []
    functions = (
        *("substringof", "endswith", "startswith", "substring", "length", "indexof", "tolower", "toupper", "trim"),
        *("concat", "year", "month", "day", "hour", "minute", "second", "fractionalseconds", "date", "time"),
        *("totaloffsetminutes", "now", "mindatetime", "maxdatetime", "round", "floor", "ceiling"),
        *("geo.distance", "geo.length", "geo.intersects", "st_equals", "st_disjoint", "st_touches", "st_within"),
        *("st_overlaps", "st_crosses", "st_intersects", "st_contains", "st_relate"),
        *("before", "after", "meets", "during", "overlaps", "starts", "finishes", "any"),
    )
    assert [function for function in functions if f"{function}(" not in text] == []
    assert {query.group for query in asked} >= {"data arrays", "expand", "pages", "select"}


def test_answers_are_compared_by_what_they_say() -> None:
    part = differential._part
    assert part({"a": [1, 2]}, {"a": [1, 2]}) is None
    assert part({"a": 1}, {"a": True}) == (".a", "1", "true")
    assert part({"a": 1}, {}) == (".a", "1", "absent")
    assert part([1], [1, 2]) == ("[1 | 2]", "[1]", "[1, 2]")
    world = differential.World("http://127.0.0.1:1/x/v1.1", client=None)  # type: ignore[arg-type]
    world._remember("Thing", "17")
    normal = differential._normal(
        {
            "value": [
                {
                    "@iot.id": 17,
                    "@iot.selfLink": "http://127.0.0.1:1/x/v1.1/Things(17)",
                    "t": "2026-01-01T02:00:00+02:00",
                }
            ]
        },
        "Thing",
        world,
    )
    assert normal == {
        "value": [{"@iot.id": "Thing:0", "@iot.selfLink": "Things(Thing:0)", "t": "2026-01-01T00:00:00+00:00"}]
    }


def test_reports_are_read(tmp_path) -> None:
    (tmp_path / "testng.xml").write_text(
        '<testng-results><suite><test><class name="a.B"><test-method name="x" status="PASS" duration-ms="5"/>'
        '<test-method name="y" status="FAIL"><exception><message>not  so</message></exception></test-method>'
        '<test-method name="z" status="PASS" is-config="true"/></class></test></suite></testng-results>'
    )
    found = results.from_testng(tmp_path / "testng.xml", "s")
    assert [(one.group, one.test, one.outcome, one.message) for one in found] == [
        ("B", "x", "passed", ""),
        ("B", "y", "failed", "not so"),
    ]
    (tmp_path / "junit.xml").write_text(
        '<testsuite><testcase classname="a.B" name="x()" time="0.5"/><testcase classname="a.B" name="y()"><skipped>why</skipped>'
        '</testcase><testcase classname="a.B" name="z()"><error message="bang"/></testcase></testsuite>'
    )
    found = results.from_junit(tmp_path / "junit.xml", "s")
    assert [(one.test, one.outcome, one.message) for one in found] == [
        ("x", "passed", ""),
        ("y", "skipped", "why"),
        ("z", "failed", "bang"),
    ]
    assert "| B | 1 | 1 | 1 |" in results.table(found)
