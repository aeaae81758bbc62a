"""What is counted for each kind of rule, over real engines; nothing that cannot be counted goes unsaid."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.quality.conftest import EMPLOYEE, OTHER

from nabe.errors import Denied, SourceUnavailable, Unknown
from nabe.model.dataset import Access, Dataset, Field, FieldType, Reference
from nabe.model.party import ANONYMOUS, QUALITY_JOB, Actor, Role
from nabe.model.quality import Rule, RuleKind, State, Target
from nabe.model.query import Query, Scan
from nabe.model.text import Text
from nabe.quality import run

K = RuleKind
FIELDS = (
    Field("id", FieldType.STRING),
    Field("ort", FieldType.STRING),
    Field("wert", FieldType.NUMBER),
    Field("zahl", FieldType.INTEGER),
    Field("am", FieldType.DATE),
    Field("um", FieldType.DATETIME),
    Field("wo", FieldType.GEOMETRY),
)


def dataset(*rules, id="d", owner="amt", access=Access.OPEN, fields=FIELDS, **more):
    return Dataset(id, Text(id), owner, access, fields, system=id, key=("id",), quality=rules, **more)


def row(id, ort="x", wert=1.0, zahl=1, am=dt.date(2026, 11, 1), um=dt.datetime(2026, 11, 1, tzinfo=dt.UTC), wo=b"x"):
    return (id, ort, wert, zahl, am, um, wo)


def one(world, rule, rows, *others):
    """(state, checked, failing, keys) of one rule."""
    made = world((dataset(rule), rows), *others)
    ((result,),) = [item.results for item in run(made.hub, now=made.now)]
    return result.state.value, result.checked, result.failing, result.keys


@pytest.mark.parametrize(
    ("rule", "rows", "found"),
    [
        (Rule("r", K.RANGE, ("wert",), min=0, max=14), [row("a", wert=7.4), row("b", wert=-327.66), row("c", wert=None)], ("failed", 2, 1, ("b",))),
        (Rule("r", K.RANGE, ("wert",), min=0), [row("a", wert=math.nan), row("b", wert=math.inf)], ("failed", 2, 2, ("a", "b"))),
        (Rule("r", K.RANGE, ("wert", "zahl"), max=5), [row("a"), row("b", zahl=6), row("c", wert=9.0, zahl=9)], ("failed", 3, 2, ("b", "c"))),
        (Rule("r", K.RANGE, ("am",), min="2026-11-01", max="today"), [row("a", am=dt.date(2026, 11, 24)), row("b", am=dt.date(2026, 11, 25))], ("failed", 2, 1, ("b",))),
        # 23:30 UTC of the 30th is the first of the month in Germany.
        (Rule("r", K.RANGE, ("um",), max="2026-11-30"), [row("a", um=dt.datetime(2026, 11, 30, 22, 59, tzinfo=dt.UTC)), row("b", um=dt.datetime(2026, 11, 30, 23, 30, tzinfo=dt.UTC))], ("failed", 2, 1, ("b",))),
        (Rule("r", K.UNIQUE, ("ort",)), [row("a"), row("b"), row("c", ort="y"), row("d", ort=None), row("e", ort=None)], ("failed", 3, 2, ("a", "b"))),
        (Rule("r", K.UNIQUE, ("ort", "zahl")), [row("a"), row("b", zahl=2)], ("ok", 2, 0, ())),
        (Rule("r", K.PATTERN, ("ort",), pattern="[0-9]{5}"), [row("a", ort="37073"), row("b", ort="3707"), row("c", ort="037073"), row("d", ort=None)], ("failed", 3, 2, ("b", "c"))),
        (Rule("r", K.PATTERN, ("ort",), pattern="it's|a"), [row("a", ort="it's"), row("b", ort="ab")], ("failed", 2, 1, ("b",))),
        (Rule("r", K.COMPLETENESS, ("ort", "zahl")), [row("a"), row("b", ort="  "), row("c", zahl=None)], ("failed", 3, 2, ("b", "c"))),
        (Rule("r", K.COMPLETENESS, ("wo",)), [row("a"), row("b", wo=None)], ("failed", 2, 1, ("b",))),
        (Rule("r", K.COMPLETENESS, ("ort",), at_most=0.5), [row("a"), row("b", ort=None)], ("ok", 2, 1, ())),
        (Rule("r", K.TYPE, ("ort",), type="integer"), [row("a", ort="12"), row("b", ort="zwölf"), row("c", ort=None)], ("failed", 2, 1, ("b",))),
        (Rule("r", K.TYPE, ("ort",), type="number"), [row("a", ort="1.5"), row("b", ort="1,5"), row("c", ort="nan")], ("failed", 3, 2, ("b", "c"))),
        (Rule("r", K.TYPE, ("ort",), type="date"), [row("a", ort="2026-02-28"), row("b", ort="2026-02-30")], ("failed", 2, 1, ("b",))),
        (Rule("r", K.TYPE, ("wert",), type="integer"), [row("a", wert=2.0), row("b", wert=2.5)], ("failed", 2, 1, ("b",))),
        (Rule("r", K.SQL, sql="wert < 5 OR ort = 'y'"), [row("a"), row("b", wert=9.0), row("c", wert=9.0, ort="y"), row("d", wert=None)], ("failed", 3, 1, ("b",))),
        (Rule("r", K.SQL, sql="zahl >= lag(zahl) OVER (ORDER BY id)"), [row("a"), row("b", zahl=2), row("c", zahl=0)], ("failed", 2, 1, ("c",))),
        (Rule("r", K.SQL, sql="sum(zahl) = 3"), [row("a"), row("b")], ("failed", 1, 1, ())),
        (Rule("r", K.SQL, sql="zahl = (SELECT max(zahl) FROM d)"), [row("a"), row("b", zahl=2)], ("failed", 2, 1, ("a",))),
        (Rule("r", K.RANGE, ("wert",), min=0), [], ("ok", 0, 0, ())),
    ],
)  # fmt: skip
def test_each_kind_counts_what_it_says(world, rule, rows, found):
    assert one(world, rule, rows) == found


def test_references_are_compared_as_text_and_over_silos(world):
    other = dataset(id="orte", fields=(Field("nr", FieldType.INTEGER),)), [(1,), (2,), (2,)]
    rule = Rule("r", K.REFERENCE, ("ort",), references=Target("orte", "nr"))
    rows = [row("a", ort="1"), row("b", ort="2"), row("c", ort="3"), row("d", ort=None)]
    assert one(world, rule, rows, (replace(other[0], key=()), other[1])) == ("failed", 3, 1, ("c",))


def test_a_field_s_own_reference_counts_where_the_rule_names_none(world):
    ort = Field("ort", FieldType.STRING, references=Reference("orte", "nr"))
    checked = dataset(Rule("r", K.REFERENCE, ("ort",)), fields=(Field("id", FieldType.STRING), ort))
    orte = replace(dataset(id="orte", fields=(Field("nr", FieldType.STRING),)), key=())
    made = world((checked, [("a", "1"), ("b", "9")]), (orte, [("1",)]))
    ((result,),) = [item.results for item in run(made.hub)]
    assert (result.failing, result.keys) == (1, ("b",))


def test_all_rules_about_rows_take_one_pass(world):
    rules = [
        Rule("a", K.RANGE, ("wert",), min=0),
        Rule("b", K.PATTERN, ("ort",), pattern="x"),
        Rule("c", K.COMPLETENESS, ("ort",)),
        Rule("d", K.TYPE, ("ort",), type="integer"),
        Rule("e", K.SQL, sql="zahl > 0"),
        Rule("f", K.ROW_COUNT, min=1),
        Rule("g", K.FRESHNESS, ("um",), max_age="P1Y"),
    ]
    made = world((dataset(*rules), [row("1")]))
    (checked,) = run(made.hub)
    # One pass for all of them; one more for the key of the row that breaks `d`.
    assert [result.failing for result in checked.results[:5]] == [0, 0, 0, 1, 0]
    assert len(made.sources["d"].read_log) == 2


def test_arithmetic_that_fails_keeps_no_other_rule_from_being_counted(world):
    bad = Rule("bad", K.SQL, sql="ln(wert) < 1")
    good = Rule("good", K.RANGE, ("wert",), min=0)
    made = world((dataset(bad, good), [row("a", wert=-1.0)]))
    (checked,) = run(made.hub)
    assert [(result.rule, result.state, result.why) for result in checked.results] == [
        ("bad", State.NOT_CHECKED, "computation-failed"),
        ("good", State.FAILED, ""),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("r", K.RANGE, ("gibtsnicht",), min=0),
        Rule("r", K.RANGE, ("ort",), min=0),
        Rule("r", K.RANGE, ("wert",)),
        Rule("r", K.RANGE, ("wert",), min="viel"),
        Rule("r", K.RANGE, ("am",), min="bald"),
        Rule("r", K.UNIQUE, ("wo",)),
        Rule("r", K.PATTERN, ("ort",), pattern="("),
        Rule("r", K.PATTERN, ()),
        Rule("r", K.REFERENCE, ("ort",)),
        Rule("r", K.REFERENCE, ("ort",), references=Target("gibtsnicht", "x")),
        Rule("r", K.TYPE, ("am",), type="integer"),
        Rule("r", K.SQL, sql=""),
        Rule("r", K.SQL, sql="1=1) AS ok FROM d; DROP TABLE d --"),
        Rule("r", K.SQL, sql="wert > 0) OR (SELECT count(*) FROM read_csv('/etc/passwd')) > (0"),
        Rule("r", K.SQL, sql="wert > 0 GROUP BY 1"),
        Rule("r", K.SQL, sql="gibtsnicht > 0"),
        Rule("r", K.SQL, sql="(SELECT count(*) FROM geheim) > 0"),
        Rule("r", K.FRESHNESS, ("um",), max_age="bald"),
    ],
)
def test_a_rule_that_does_not_fit_is_not_checked_and_says_why(world, rule):
    geheim = dataset(id="geheim", owner="anderes", access=Access.RESTRICTED)
    made = world((dataset(rule), [row("a")]), (geheim, [row("g")]))
    ((result,),) = [item.results for item in run(made.hub)]
    assert result.state is State.NOT_CHECKED and result.why
    assert not made.sources["geheim"].read_log


def test_a_silo_that_is_down_costs_a_not_checked_and_earlier_results_stay(world):
    made = world((dataset(Rule("r", K.RANGE, ("wert",), min=0)), [row("a", wert=-1.0)]))
    run(made.hub)
    made.sources["d"].fail = _down
    ((result,),) = [item.results for item in run(made.hub)]
    assert (result.state, result.why, result.params) == (State.NOT_CHECKED, "source-unavailable", {"system": "d"})
    (view,) = made.hub.quality(EMPLOYEE, "", ["d"])
    (rule,) = view.rules
    assert (rule.last.state, rule.known.state, rule.known.failing) == (State.NOT_CHECKED, State.FAILED, 1)


def _down():
    raise SourceUnavailable("d", "it is down.")


def test_nothing_but_counts_and_open_keys_is_found(world):
    fields = (Field("id", FieldType.STRING, personal=True), Field("name", FieldType.STRING, personal=True))
    rules = (Rule("name", K.PATTERN, ("name",), pattern="[a-z]+"), Rule("zweimal", K.UNIQUE, ("name",)))
    made = world((dataset(*rules, fields=fields, access=Access.RESTRICTED), [("k1", "Erika"), ("k2", "Erika")]))
    run(made.hub)
    assert [(result.failing, result.keys) for result in made.history.list] == [(2, ()), (2, ())]
    assert "Erika" not in str(made.history.list) and "k1" not in str(made.history.list)
    assert [(entry.action, entry.actor, entry.dataset) for entry in made.ledger.list] == [
        ("checked", "job:quality", "d")
    ]


def test_the_job_reads_nothing_and_a_stranger_checks_nothing(world):
    made = world((dataset(Rule("r", K.ROW_COUNT, min=1), access=Access.RESTRICTED), [row("a")]))
    with pytest.raises((Denied, Unknown)):
        made.hub.read(QUALITY_JOB, "open-data", Query.of(Scan("d")))
    for actor in (ANONYMOUS, OTHER):
        with pytest.raises(Unknown):
            run(made.hub, ["d"], actor=actor)
        assert run(made.hub, actor=actor) == []
    assert made.history.list == [] and not made.sources["d"].read_log


def test_who_may_know_but_not_check_is_told_why(world):
    made = world((dataset(Rule("r", K.ROW_COUNT, min=1)), [row("a")]))
    with pytest.raises(Denied) as error:
        run(made.hub, ["d"], actor=OTHER)
    assert [reason for reason, _ in error.value.reasons] == ["may_not_check"]
    assert made.ledger.list[-1].action == "denied"


def test_figures_and_keys_are_for_those_who_may_read_them(world):
    fields = (
        Field("id", FieldType.STRING),
        Field("wert", FieldType.NUMBER),
        Field("name", FieldType.STRING, personal=True),
    )
    rules = (
        Rule("wert", K.RANGE, ("wert",), min=0),
        Rule("name", K.PATTERN, ("name",), pattern="[a-z]+"),
        Rule("bedingung", K.SQL, sql="name <> 'Erika'"),
        Rule("einmal", K.UNIQUE, ("name",)),
    )
    made = world((dataset(*rules, fields=fields), [("k1", -1.0, "Erika"), ("k2", 1.0, "otto")]))
    run(made.hub)

    def seen(actor):
        (view,) = made.hub.quality(actor, "open-data", ["d"])
        return [(item.state.value, item.last.failing, item.last.keys, bool(item.rule.sql)) for item in view.rules]

    assert seen(ANONYMOUS) == [
        ("failed", 1, ("k1",), False),
        # That a pattern or condition on persons is broken would be an answer; that no name occurs twice tells of nobody.
        ("ok", -1, (), False),
    ]
    # The owner's people see how many; which ones only as far as they may read the fields.
    assert seen(EMPLOYEE) == [
        ("failed", 1, ("k1",), False),
        ("failed", 1, (), False),
        ("failed", 1, (), True),
        ("ok", 0, (), False),
    ]


def test_a_reference_does_not_tell_what_others_hold(world):
    """Which keys are missing in another office's list is for those who may read that list."""
    orte = replace(
        dataset(id="orte", owner="anderes", access=Access.INTERNAL, fields=(Field("nr", FieldType.STRING),)), key=()
    )
    rule = Rule("r", K.REFERENCE, ("ort",), references=Target("orte", "nr"))
    made = world((dataset(rule), [row("a", ort="1"), row("b", ort="9")]), (orte, [("1",)]))
    run(made.hub)
    (stranger,) = made.hub.quality(ANONYMOUS, "open-data", ["d"])
    (owner,) = made.hub.quality(EMPLOYEE, "open-data", ["d"])
    assert (stranger.rules[0].last.failing, stranger.rules[0].rule.references) == (-1, None)
    assert (owner.rules[0].last.failing, owner.rules[0].last.keys) == (1, ())
    assert ("checked", "orte") in [(entry.action, entry.dataset) for entry in made.ledger.list]


texts = st.none() | st.text(st.sampled_from("ab1 .'%\\"), max_size=4)
numbers = st.none() | st.floats(-20, 20) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, numbers), max_size=12))
def test_counts_are_those_of_a_plain_reading_of_the_rules(engine, rows):
    from tests.quality.conftest import World

    fields = (Field("id", FieldType.STRING), Field("t", FieldType.STRING), Field("x", FieldType.NUMBER))
    rules = (
        Rule("range", K.RANGE, ("x",), min=-5, max=5.5),
        Rule("pattern", K.PATTERN, ("t",), pattern="a|b+"),
        Rule("full", K.COMPLETENESS, ("t", "x")),
        Rule("twice", K.UNIQUE, ("t",)),
    )
    made = World(engine, [(dataset(*rules, fields=fields), [(str(at), *item) for at, item in enumerate(rows)])])
    (checked,) = run(made.hub)
    values = [x for _, x in rows if x is not None]
    written = [t for t, _ in rows if t is not None]
    assert [(item.checked, item.failing) for item in checked.results] == [
        (len(values), sum(not (math.isfinite(x) and -5 <= x <= 5.5) for x in values)),
        (len(written), sum(re.fullmatch("a|b+", t) is None for t in written)),
        (len(rows), sum(x is None or t is None or not t.strip(" ") for t, x in rows)),
        (len(written), sum(written.count(t) > 1 for t in written)),
    ]


def test_who_keeps_the_catalogue_asks_nothing_of_persons_by_rules(world):
    """IT may write rules and know of restricted data; the outcome of "is there a Müller?" is not for IT."""
    fields = (Field("id", FieldType.STRING), Field("name", FieldType.STRING, personal=True))
    rules = (
        Rule("frage", K.SQL, sql="name <> 'Müller'"),
        Rule("muster", K.PATTERN, ("name",), pattern="[^M].*"),
        Rule("anzahl", K.ROW_COUNT, min=1),
    )
    made = world((dataset(*rules, fields=fields, access=Access.RESTRICTED), [("a", "Müller")]))
    run(made.hub)
    it = Actor("it", "IT", "stadt", frozenset({Role.IT}))
    (view,) = made.hub.quality(it, "", ["d"])
    assert [(item.rule.id, item.state.value, item.last.rows) for item in view.rules] == [("anzahl", "ok", -1)]
    (own,) = made.hub.quality(EMPLOYEE, "", ["d"])
    assert len(own.rules) == 3
