"""User SQL: what it may say, what it may not, and what becomes of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.errors import Invalid, NabeError, Unknown
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.expr import And, Compare, In, IsNull, Like, Not, Op, Or
from nabe.model.text import Text
from nabe.query.text import Known, parse, parse_filter

ATTACKS = tomllib.loads((Path(__file__).parent / "attacks.toml").read_text("utf-8"))["refused"]


def dataset(id, /, **fields):
    return Dataset(
        id, Text(id), "amt", Access.OPEN, tuple(Field(name, FieldType(kind)) for name, kind in fields.items())
    )


KITAS = dataset("kitas", id="string", bezirk="string", plaetze="integer", seit="date", geom="geometry", geheim="string")
BEZIRKE = dataset("bezirke", bezirk="string", name="string")
READABLE = {
    "kitas": Known(KITAS, ("id", "bezirk", "plaetze", "seit", "geom")),  # all but `geheim`
    "bezirke": Known(BEZIRKE, ("bezirk", "name")),
}


def resolve(name):
    if name not in READABLE:
        raise Unknown(f"There is no dataset {name!r}.")
    return READABLE[name]


@pytest.mark.parametrize("sql", ATTACKS)
def test_what_is_not_a_plain_question_to_datasets_is_refused(sql):
    with pytest.raises(NabeError):
        parse(sql, resolve)


@given(st.text(max_size=200))
def test_any_text_is_refused_or_understood_but_never_breaks(text):
    try:
        parse(text, resolve)
    except NabeError:
        pass


@given(
    st.lists(
        st.sampled_from("SELECT FROM kitas bezirke geheim id * ( ) , WHERE = 'x' JOIN ON UNION WITH AS k IN".split()),
        max_size=25,
    )
)
def test_no_shuffle_of_words_reaches_a_field_that_is_not_readable(words):
    try:
        query = parse(" ".join(words), resolve)
    except NabeError:
        return
    for _, scan in query.scans:
        assert scan.dataset in READABLE and set(scan.fields) <= set(READABLE[scan.dataset].readable)


def test_a_star_is_what_one_may_read():
    query = parse("SELECT * FROM kitas", resolve)
    assert query.scans[0][1].fields == ("id", "bezirk", "plaetze", "seit", "geom")
    assert "geheim" not in query.sql


def test_only_the_fields_needed_are_asked_for():
    query = parse("SELECT k.id FROM kitas k JOIN bezirke b ON k.bezirk = b.bezirk WHERE b.name = 'Süd'", resolve)
    assert [(scan.dataset, scan.fields) for _, scan in query.scans] == [
        ("kitas", ("id", "bezirk")),
        ("bezirke", ("bezirk", "name")),
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("plaetze > 3", Compare("plaetze", Op.GT, 3)),
        ("3 < plaetze", Compare("plaetze", Op.GT, 3)),
        ("bezirk IN ('01', '02')", In("bezirk", ("01", "02"))),
        ("id LIKE 'K%'", Like("id", "K%")),
        ("id ILIKE 'k%'", Like("id", "k%", ignore_case=True)),
        ("plaetze BETWEEN 1 AND 2", And((Compare("plaetze", Op.GE, 1), Compare("plaetze", Op.LE, 2)))),
    ],
)
def test_simple_conditions_reach_the_silo(where, expected):
    assert parse(f"SELECT id FROM kitas WHERE {where}", resolve).scans[0][1].where == expected


@pytest.mark.parametrize(
    "where", ["plaetze + 1 > 3", "plaetze > id", "id IS NULL", "plaetze > 3 OR id = 'x'", "bezirk = 3", "plaetze = 'x'"]
)
def test_other_conditions_stay_in_the_hub(where):
    from nabe.model.expr import ALL_ROWS

    assert parse(f"SELECT id FROM kitas WHERE {where}", resolve).scans[0][1].where == ALL_ROWS


def test_a_condition_on_the_missing_side_of_an_outer_join_is_kept_apart():
    sql = "SELECT k.id FROM kitas k LEFT JOIN bezirke b ON k.bezirk = b.bezirk WHERE b.name IS NULL"
    assert all(scan.where.__class__.__name__ == "AllRows" for _, scan in parse(sql, resolve).scans)


def test_a_cast_that_fails_gives_null_so_that_no_error_tells_of_a_value():
    assert "TRY_CAST" in parse("SELECT CAST(id AS INTEGER) FROM kitas", resolve).sql
    assert "TRY_CAST" in parse("SELECT id::INTEGER FROM kitas", resolve).sql


def test_output_names_stay_as_they_were_written_and_are_unique():
    sql = parse(
        'SELECT k.bezirk AS "Bezirk", count(*), b.bezirk FROM kitas k JOIN bezirke b USING (bezirk) GROUP BY ALL',
        resolve,
    ).sql
    assert 'AS "Bezirk"' in sql and 'AS "count(*)"' in sql and 'AS "bezirk_2"' in sql


def test_a_cte_may_have_the_name_of_a_dataset_without_becoming_it():
    assert (
        parse("WITH personen AS (SELECT id FROM kitas) SELECT * FROM personen", resolve).scans[0][1].dataset == "kitas"
    )


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT plaetz FROM kitas", "plaetze"),
        ("SELECT id FROM kitas WHERE", "column"),
        ("SELECT getenv('x') FROM kitas", "getenv"),
        ("SELECT nosuch(id) FROM kitas", "nosuch"),
    ],
)
def test_errors_say_what_would_be_right(sql, word):
    with pytest.raises(Invalid) as error:
        parse(sql, resolve)
    assert word in str(error.value)


def test_questions_that_are_too_long_or_too_deep_are_refused_quickly():
    for sql in (
        "SELECT " + "1+" * 15_000 + "1",
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT " + ",".join(["1"] * 6000),
    ):
        with pytest.raises(NabeError):
            parse(sql, resolve)


def test_a_row_filter_is_comparisons_joined_by_and_or_not():
    found = parse_filter("bezirk = '01' AND NOT (plaetze > 3 OR id IS NULL)", KITAS)
    assert found == And((Compare("bezirk", Op.EQ, "01"), Not(Or((Compare("plaetze", Op.GT, 3), IsNull("id"))))))


@pytest.mark.parametrize(
    "text", ["", "1", "nosuch = 1", "plaetze > id", "id IN (SELECT 1)", "1=1 ORDER BY 1", "lower(id) = 'x'", "; DROP"]
)
def test_a_row_filter_that_is_more_than_that_is_refused(text):
    with pytest.raises(NabeError):
        parse_filter(text, KITAS)
