"""Codes as words, cells as people write them, charts only where they do not mislead."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import entry_points

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.i18n import messages
from nabe.model.dataset import Access, Field, FieldType
from nabe.model.party import Role
from nabe.model.result import Result
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.model.usecase import EthicsState, UseCaseState
from nabe.portal.cells import table_of
from nabe.portal.chart import chart_of
from nabe.portal.forms import own_path
from nabe.portal.wording import Wording

DE, EN = Wording("de"), Wording("en")
NAME = Field("name", FieldType.STRING, Text("Name"))
VALUE = Field("value", FieldType.NUMBER, Text("Wert"), unit="m2")
COUNT = Field("count", FieldType.INTEGER)


def answer(fields, rows):
    schema = arrow_schema(fields)
    batch = pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
    return Result(schema, iter([batch]), tuple(fields))


@pytest.mark.parametrize(
    ("code", "de", "en"),
    [
        ("P1D", "täglich", "daily"),
        ("P3M", "alle 3 Monate", "every 3 months"),
        ("PT15M", "alle 15 Minuten", "every 15 minutes"),
        ("P1Y6M", "P1Y6M", "P1Y6M"),
        ("", "", ""),
    ],
)
def test_periods_are_said_as_people_say_them(code, de, en):
    assert (DE.period(code), EN.period(code)) == (de, en)


@pytest.mark.parametrize(
    ("code", "de"),
    [("m2", "m²"), ("{EUR}", "EUR"), ("{inhabitants}", ""), ("{inhabitants}/km2", "je km²"), ("d", "Tage"), ("1", "")],
)
def test_units_are_written_as_people_read_them(code, de):
    assert DE.unit(Field("x", FieldType.NUMBER, unit=code)) == de


def test_laws_are_cited_in_the_language_of_the_page():
    assert DE.law("Art. 5 (1) b GDPR") == "Art. 5 Abs. 1 Buchst. b DSGVO"
    assert DE.law("Art. 29, 32 (4) GDPR") == "Art. 29, 32 Abs. 4 DSGVO"
    assert EN.law("Art. 5 (1) b GDPR") == "Art. 5 (1) b GDPR"


def test_every_code_of_the_model_has_a_word():
    for table, codes in (
        ("access", Access),
        ("access_hint", Access),
        ("type", FieldType),
        ("role", Role),
        ("state", UseCaseState),
        ("ethics", EthicsState),
    ):
        missing = [code for code in codes if f"portal.{table}.{code.value}" not in messages("de")]
        assert not missing, f"portal.{table}: {missing}"


def test_each_kind_of_silo_has_a_name_in_both_languages():
    kinds = {point.name for point in entry_points(group="nabe.adapters") if point.value.startswith("nabe.adapters.")}
    assert kinds >= {"file", "mobility", "sql"}
    for wording in (DE, EN):
        assert [kind for kind in kinds if wording.adapter(kind) == kind] == []


def test_numbers_of_a_column_stand_below_each_other():
    table, _ = table_of(answer([VALUE], [[2.5], [1234.25], [None]]), "de", 10)
    assert [row[0].text for row in table.rows] == ["2,50", "1.234,25", "keine Angabe"]
    assert table.rows[2][0].missing and table.columns[0].unit == "m²"


def test_numbers_that_name_things_get_no_separators():
    fields = [Field("year", FieldType.INTEGER), COUNT]
    table, _ = table_of(answer(fields, [[2026, 2026]]), "de", 10)
    assert [cell.text for cell in table.rows[0]] == ["2026", "2.026"]


def test_moments_are_shown_in_german_time():
    field = Field("at", FieldType.DATETIME)
    table, _ = table_of(answer([field], [[dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)]]), "de", 10)
    assert table.rows[0][0].text == "01.07.2026, 12:00"


def test_a_table_says_that_there_is_more():
    table, _ = table_of(answer([COUNT], [[i] for i in range(30)]), "de", 20)
    assert table.more and len(table.rows) == 20


def test_a_chart_shows_zero_gaps_and_negative_numbers():
    rows = pa.table({"name": ["a", "b", "c"], "value": [-1.0, 3.0, None]})
    chart = chart_of(rows, [NAME, VALUE], "de", more=False)
    assert chart.zero == 25 and [bar.value for bar in chart.bars] == ["-1", "3", ""]
    assert (chart.bars[0].start, chart.bars[0].width) == (0, 25)


@pytest.mark.parametrize(
    "names", [["a", "a"], ["a"], [f"{i}" for i in range(51)], ["a", None]], ids=["twice", "one", "many", "nameless"]
)
def test_there_is_no_chart_where_it_would_mislead(names):
    rows = pa.table({"name": pa.array(names, pa.string()), "value": [1.0] * len(names)})
    assert chart_of(rows, [NAME, VALUE], "de", more=False) is None


@given(st.text())
def test_the_way_back_never_leaves_the_site(path):
    back = own_path(path)
    assert back.startswith("/") and not back.startswith(("//", "/\\")) and "\n" not in back
