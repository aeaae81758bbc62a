"""Quality rules in a dataset's document: read, checked with file, line and field, written back the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.app import load
from nabe.manifest import json_schemas, update, write
from nabe.manifest import load as load_files
from nabe.model.catalogue import City
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.quality import Rule, RuleKind, RuleSeverity, Target
from nabe.model.text import Text

BASE = {
    "nabe.yaml": "kind: city\nid: dorf\ntitle: Dorf\n",
    "organisations/dorf.yaml": "id: dorf\ntitle: Dorf\ntype: municipality\n",
    "systems/dateien.yaml": "id: dateien\ntitle: Dateien\nadapter: file\nowner: dorf\n",
    "datasets/bezirke.yaml": "id: bezirke\ntitle: B\nowner: dorf\nsystem: dateien\naccess: open\n"
    "fields:\n  - {name: nr, type: string}\nsource: {path: b.csv}\n",
}
DATASET = """\
id: kitas
title: Kitas
owner: dorf
system: dateien
access: open
fields:
  - {name: nr, type: string}
  - {name: plaetze, type: integer}
  - {name: am, type: date}
  - {name: wo, type: geometry}
source: {path: k.csv}
quality:
  # von der Fachabteilung vereinbart
  - RULE
"""


@pytest.fixture
def folder(tmp_path):
    def make(rule, more=""):
        for name, text in (BASE | {"datasets/kitas.yaml": DATASET.replace("RULE", rule) + more}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path

    return make


GOOD = (
    "{id: a, kind: unique, fields: [nr], severity: error}",
    "{id: a, kind: range, fields: [plaetze], min: 0, max: 300.5}",
    "{id: a, kind: range, fields: [am], min: 2020-01-01, max: today}",
    "{id: a, kind: pattern, fields: [nr], pattern: '[0-9]{2}'}",
    "{id: a, kind: type, fields: [nr], type: integer}",
    "{id: a, kind: completeness, fields: [nr, wo], at_most: 0.1}",
    "{id: a, kind: reference, fields: [nr], references: {dataset: bezirke, field: nr}}",
    "{id: a, kind: freshness, fields: [am], max_age: P1M}",
    "{id: a, kind: row_count, change: 0.2, runs: 3, min: 1}",
    "{id: a, kind: sql, sql: \"plaetze > 0 OR nr = 'x'\", title: {de: Plätze, en: Places}}",
    "{id: a, kind: sql, sql: nr IN (SELECT nr FROM bezirke), references: {dataset: bezirke, field: nr}}",
)


@pytest.mark.parametrize("rule", GOOD)
def test_good_rules_have_no_problems(folder, rule):
    assert [str(problem) for problem in load(folder(rule)).problems] == []


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ("{id: a, kind: uniqe, fields: [nr]}", "kind", "did you mean 'unique'?"),
        ("{id: a, kind: unique, fields: [nummer]}", "fields[0]", "there is no field 'nummer'"),
        ("{id: a, kind: unique}", "", "names no field"),
        ("{id: a, kind: unique, fields: [wo]}", "fields[0]", "only completeness is possible"),
        ("{id: a, kind: unique, fields: [nr], pattern: x}", "pattern", "means nothing for unique"),
        ("{id: a, kind: unique, field: [nr]}", "field", "did you mean 'fields'?"),
        ("{id: a, kind: range, fields: [plaetze]}", "", "has no bounds"),
        ("{id: a, kind: range, fields: [nr], min: 0}", "fields[0]", "range is for numbers, dates and times"),
        ("{id: a, kind: range, fields: [plaetze], min: viel}", "min", "'viel' is no number"),
        ("{id: a, kind: range, fields: [plaetze], min: 5, max: 1}", "min", "is greater than max"),
        ("{id: a, kind: range, fields: [am], max: bald}", "max", "is no date"),
        ("{id: a, kind: pattern, fields: [nr], pattern: '('}", "pattern", "is no regular expression"),
        ("{id: a, kind: pattern, fields: [nr], pattern: '(?=x)'}", "pattern", "RE2: no look-ahead"),
        ("{id: a, kind: type, fields: [nr], type: zahl}", "type", "known: integer, number, date, datetime"),
        ("{id: a, kind: type, fields: [am], type: integer}", "fields[0]", "type is for text"),
        ("{id: a, kind: freshness, fields: [am], max_age: bald}", "max_age", "'bald' is no duration"),
        ("{id: a, kind: freshness, fields: [am]}", "", "does not say how old data may be"),
        ("{id: a, kind: freshness, max_age: P1D}", "", "nothing says how old the data are"),
        ("{id: a, kind: reference, fields: [nr]}", "references", "'nr' refers to nothing"),
        ("{id: a, kind: reference, fields: [nr], references: {dataset: x, field: nr}}", "references", "no dataset 'x'"),
        (
            "{id: a, kind: reference, fields: [nr], references: {dataset: bezirke, field: n}}",
            "references",
            "did you mean 'nr'?",
        ),
        ("{id: a, kind: row_count}", "", "compares with nothing"),
        ("{id: a, kind: sql}", "", "has no condition"),
        ("{id: a, kind: sql, sql: platze > 0}", "sql", "plaetze"),
        ("{id: a, kind: sql, sql: read_csv('x') > 0}", "sql", "not possible"),
        ("{id: a, kind: sql, sql: nr IN (SELECT nr FROM bezirke)}", "sql", "no dataset that this one refers to"),
        ("{id: a, kind: unique, fields: [nr], at_most: 1}", "at_most", "less than 1"),
        ("{id: A B, kind: unique, fields: [nr]}", "id", "does not fit"),
    ],
)
def test_a_rule_that_does_not_fit_is_named_with_its_line(folder, rule, place, words):
    found = [str(problem) for problem in load(folder(rule)).problems]
    where = "datasets/kitas.yaml:14: quality[0]" + (f".{place}" if place else "")
    assert any(text.startswith(f"{where}: ") and words in text for text in found), found


def test_a_rule_declared_twice_is_named(folder):
    rule = "{id: a, kind: unique, fields: [nr]}"
    (found,) = load(folder(rule, f"  - {rule}\n")).problems
    assert "quality[1].id: rule 'a' is declared twice" in str(found)


def test_editors_are_told_of_rules():
    schema = json_schemas()["dataset"]
    assert "RuleDoc" in schema["$defs"] and "row_count" in schema["$defs"]["RuleKind"]["enum"]


def test_a_changed_rule_is_changed_where_it_stands(folder):
    root = folder("{id: a, kind: range, fields: [plaetze], min: 0}")
    loaded = load(root)
    nouns = [noun for noun in loaded.nouns if noun.id != "kitas"]
    (kitas,) = [noun for noun in loaded.nouns if noun.id == "kitas"]
    from dataclasses import replace

    changed = replace(kitas, quality=(replace(kitas.quality[0], max=200),))
    update(root, loaded, [*nouns, changed])
    text = (root / "datasets/kitas.yaml").read_text("utf-8")
    assert "# von der Fachabteilung vereinbart" in text and "max: 200" in text
    assert next(noun for noun in load(root).nouns if noun.id == "kitas") == changed


bounds = st.none() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.sampled_from(["today", "2020-01-01", "5"])
rules = st.builds(
    Rule,
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    st.sampled_from(list(RuleKind)),
    st.lists(st.sampled_from(["nr", "am"]), max_size=2).map(tuple),
    st.sampled_from(list(RuleSeverity)),
    st.builds(Text, st.sampled_from(["", "Plätze: alle", "1.10", "no"]), st.sampled_from(["", "x"])),
    st.sampled_from(["", "integer"]),
    bounds,
    bounds,
    st.sampled_from(["", "[0-9]{5}", "'", "1.10", r"\d+ #x"]),
    st.none() | st.just(Target("a", "b")),
    st.sampled_from(["", "P1D"]),
    st.sampled_from([0.0, 0.25]),
    st.integers(1, 100),
    st.sampled_from(["", "a > 0", "a = '1'\nOR b IS NULL", "1.50 < a"]),
    st.sampled_from([0.0, 0.05]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(rules, max_size=4, unique_by=lambda rule: rule.id).map(tuple))
def test_rules_survive_files_byte_by_byte_and_the_store(quality):
    import msgspec

    fields = (Field("nr", FieldType.STRING),)
    dataset = Dataset("d", Text("D"), "o", Access.OPEN, fields, system="s", quality=quality)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a"), Path(folder, "b")
        write(first, [City("c", Text("C")), dataset])
        loaded = load_files(first, {}).nouns
        assert next(noun for noun in loaded if noun.id == "d") == dataset
        stored = [msgspec.json.decode(msgspec.json.encode(noun), type=type(noun)) for noun in loaded]
        write(second, stored)
        for name in ("datasets/d.yaml", "nabe.yaml"):
            assert (first / name).read_bytes() == (second / name).read_bytes()
