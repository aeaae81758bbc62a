"""From counts to results: how fresh, how many rows, how many may differ; and the words for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from nabe.i18n import messages
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.quality import Measured, Result, Rule, RuleKind, RuleView, State
from nabe.model.text import Text
from nabe.quality import advice, judge, outcome, run, what
from nabe.quality.wording import period

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
DATA = Dataset("d", Text("Daten"), "amt", Access.OPEN, (Field("am", FieldType.DATE, Text("Tag", "Day")),), time="am")


def berlin(*parts):
    return dt.datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("latest", "age", "now", "state"),
    [
        # Data of the 22nd are whole at midnight; those of the 23rd are due a day later.
        ("2026-11-22", "P1D", berlin(2026, 11, 23, 23, 59), "ok"),
        ("2026-11-22", "P1D", berlin(2026, 11, 24, 0, 1), "failed"),
        # The night in which clocks go forward is an hour shorter, and nobody is late for it.
        ("2026-03-28T12:00:00+01:00", "P1D", berlin(2026, 3, 29, 11, 59), "ok"),
        ("2026-03-28T12:00:00+01:00", "P1D", berlin(2026, 3, 29, 12, 1), "failed"),
        ("2026-10-25T02:30:00+02:00", "PT1H", berlin(2026, 10, 25, 2, 29), "ok"),
        ("2026-10-25T02:30:00+02:00", "PT1H", dt.datetime(2026, 10, 25, 1, 31, tzinfo=dt.UTC), "failed"),
        ("2026-01-31T00:00:00+01:00", "P1M", berlin(2026, 2, 28), "ok"),
        ("", "P1D", NOW, "not_checked"),
        ("2026-11-22", "", NOW, "not_checked"),
        ("2026-11-22", "bald", NOW, "not_checked"),
    ],
)
def test_freshness_goes_by_german_days(latest, age, now, state):
    rule = Rule("r", RuleKind.FRESHNESS, max_age=age)
    result = judge(DATA, rule, Measured("r", rows=5, latest=latest), [], now)
    assert result.state.value == state


def test_freshness_falls_back_on_the_declared_day_and_rhythm():
    data = replace(DATA, time="", modified="2026-06-30", update_every="P1Y")
    rule = Rule("r", RuleKind.FRESHNESS)
    assert judge(data, rule, Measured("r", rows=5), [], berlin(2027, 6, 30, 23)).state is State.OK
    late = judge(data, rule, Measured("r", rows=5), [], berlin(2027, 7, 1, 1))
    assert late.state is State.FAILED
    assert outcome(rule, late, "de") == "Neueste Daten: 30.06.2026. Neue waren bis 30.06.2027 erwartet."


def test_a_day_in_the_future_makes_nothing_fresh(world):
    data = replace(DATA, system="d", update_every="P1W", quality=(Rule("r", RuleKind.FRESHNESS),))
    made = world((data, [(dt.date(2026, 10, 1),), (dt.date(2099, 1, 1),)]))
    (checked,) = run(made.hub, now=made.now)
    assert (checked.results[0].state, checked.results[0].latest) == (State.FAILED, "2026-10-01")


def past(*rows):
    return [
        Result("d", "r", NOW - dt.timedelta(days=at), State.OK if n >= 0 else State.NOT_CHECKED, rows=n)
        for at, n in enumerate(rows, 1)
    ]


@pytest.mark.parametrize(
    ("rows", "earlier", "state"),
    [
        (100, (), "ok"),
        (119, (100, 100, 100), "ok"),
        (121, (100, 100, 100), "failed"),
        (79, (100, 100, 100), "failed"),
        (100, (1000, 100, 101, 99, 100), "ok"),  # one wild delivery does not move the median
        (100, (-1, -1, 100), "ok"),  # outages say nothing
        (0, (0, 0), "ok"),
        (5, (0, 0), "failed"),
        (100, (100, 100, 100, 9, 9, 9, 9, 9), "ok"),  # only the last five count
        (-1, (100,), "not_checked"),
    ],
)
def test_the_number_of_rows_is_compared_with_the_median_of_the_last_checks(rows, earlier, state):
    rule = Rule("r", RuleKind.ROW_COUNT, change=0.2)
    assert judge(DATA, rule, Measured("r", rows=rows), past(*earlier), NOW).state.value == state


def test_a_number_that_stays_becomes_the_usual_one(world):
    data = replace(DATA, system="d", quality=(Rule("r", RuleKind.ROW_COUNT, change=0.2, runs=3),))
    made = world((data, [(None,)] * 10))
    states = []
    for rows in (10, 10, 30, 30, 30, 30):
        made.put(data, [(None,)] * rows)
        made.now += dt.timedelta(days=1)
        states.append(run(made.hub, now=made.now)[0].results[0].state.value)
    assert states == ["ok", "ok", "failed", "failed", "ok", "ok"]


def test_what_was_mended_is_seen_and_thanked_for_a_while():
    def view(*states):
        return RuleView(Rule("r", RuleKind.UNIQUE), True, tuple(Result("d", "r", NOW, State(s)) for s in states))

    assert view("ok", "failed").mended and view("ok", "not_checked", "failed").mended
    assert not view("ok", "ok").mended and not view("failed", "ok").mended and not view("not_checked", "failed").mended
    assert view("not_checked", "failed").open and view("not_checked").state is State.NOT_CHECKED


def test_rules_and_results_are_told_in_both_languages():
    counted = Result("d", "r", NOW, State.FAILED, rows=5, checked=1200, failing=3)
    for kind in RuleKind:
        rule = Rule("r", kind, ("am",), type="date", max_age="P1D", min=None, max=None)
        for lang in ("de", "en"):
            for text in (what(rule, DATA, lang), outcome(rule, counted, lang), advice(rule, lang)):
                assert text and "{" not in text and "quality." not in text, (kind, lang, text)
    rule = Rule("r", RuleKind.RANGE, ("am",), min="2020-01-01", max="today")
    assert what(rule, DATA, "de") == "Tag: zwischen 01.01.2020 und heute"
    assert outcome(rule, counted, "de") == "3 von 1.200 Zeilen weichen ab."
    assert what(replace(rule, title=Text("Plausible Tage")), DATA, "de") == "Plausible Tage"


def test_every_reason_for_not_checking_has_words():
    for lang in ("de", "en"):
        for key in (key for key in messages(lang) if key.startswith("quality.why.")):
            result = Result("d", "r", NOW, State.NOT_CHECKED, why=key.rsplit(".", 1)[1], params={"system": "s"})
            assert "{" not in outcome(Rule("r", RuleKind.UNIQUE), result, lang)
    odd = Result("d", "r", NOW, State.NOT_CHECKED, why="something-new")
    assert outcome(Rule("r", RuleKind.UNIQUE), odd, "en").startswith("Not checked: The rule cannot")


@pytest.mark.parametrize(
    ("text", "words"),
    [("P1D", "einem Tag"), ("P3M", "3 Monaten"), ("P2Y", "2 Jahren"), ("PT15M", "15 Minuten"), ("P1DT1H", "P1DT1H")],
)
def test_periods_in_words(text, words):
    assert period(text, "de") == words
