"""Tables as offices lay them out: titles above, headers of several rows, totals and footnotes below, withheld values."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.adapters.file import FileAdapter
from nabe.errors import NabeError, SourceRefused
from nabe.model.dataset import Field, FieldType
from nabe.ports.source import Table
from nabe.testing.sealing import seal

from .support import dataset, open_source, probe, system

MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
FILES = Path(__file__).parent / "files"

PAGE = [
    ["Einwohner nach Stadtteil"],
    ["", "2012", "", "2013", ""],
    ["Stadtteil", "männlich", "weiblich", "männlich", "weiblich"],
    ["Altstadt", "1.200", "1.310", "1.195", "1.322"],
    ["Neustadt", "845", "x", "860", "-"],
    ["Hafen", "*", "33", "31", "30"],
    ["Insgesamt", "2.045", "2.188", "2.086", "2.212"],
    [],
    ["x = unterliegt der Geheimhaltung"],
    ["Quelle: Statistikamt"],
]


def look(root: Path, file: str, table: str = "", **source: Any) -> tuple[Table, list[dict[str, Any]]]:
    looking = probe(root, str(root / file))
    names = looking.discover()
    chosen = table or names[0]
    looking._tables[chosen] |= source
    described = looking.describe(chosen)
    batches = looking.sample(described)
    return described, pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()


def write_csv(path: Path, rows: list[list[str]], delimiter: str = ";", width: int = 0) -> None:
    lines = [delimiter.join(row + [""] * (width - len(row))) for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def write_xlsx(path: Path, rows: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append([int(c.replace(".", "")) if c.replace(".", "").isdigit() and c else c or None for c in row])
    sheet.merge_cells("B2:C2")
    sheet.merge_cells("D2:E2")
    book.save(path)


def write_ods(path: Path, rows: list[list[str]]) -> None:
    """The least OpenDocument that is one (ODF 1.3 part 3, clause 9)."""

    def cell(text: str) -> str:
        if not text:
            return "<table:table-cell/>"
        if (plain := text.replace(".", "")).isdigit():
            return f'<table:table-cell office:value-type="float" office:value="{plain}"><text:p>{text}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'

    body = "".join(f"<table:table-row>{''.join(map(cell, row)) or cell('')}</table:table-row>" for row in rows)
    names = "".join(f' xmlns:{x}="urn:oasis:names:tc:opendocument:xmlns:{x}:1.0"' for x in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0"?><office:document-content{names} office:version="1.3"><office:body><office:spreadsheet>'
        f'<table:table table:name="Einwohner">{body}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{MANIFEST}"/>')
        archive.writestr("content.xml", content)


@pytest.fixture(params=["csv", "csv-padded", "xlsx", "xls", "ods"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kind = request.param
    path = tmp_path / f"einwohner.{kind.partition('-')[0]}"
    match kind:
        case "csv":
            write_csv(path, PAGE)
        case "csv-padded":
            write_csv(path, PAGE, width=5)
        case "xlsx":
            write_xlsx(path, PAGE)
        case "ods":
            write_ods(path, PAGE)
        case "xls":
            path.write_bytes((FILES / "einwohner.xls").read_bytes())
    return path


def test_a_page_of_an_office_is_the_same_table_in_every_format(page):
    table, rows = look(page.parent, page.name)
    assert [row["Stadtteil"] for row in rows] == ["Altstadt", "Neustadt", "Hafen"]
    assert rows[0]["2012 | männlich"] == 1200 and rows[2]["2012 | männlich"] is None
    assert [row["2013 | weiblich"] for row in rows] == [1322, None, 30]
    assert table.source["drop_rows"] == ["Insgesamt"] and table.source["until"].startswith("x = ")
    assert (table.source["header_row"], table.source["header_rows"]) == (2, 2)


def test_a_value_withheld_is_told_apart_from_one_that_is_missing(page):
    table, rows = look(page.parent, page.name)
    assert table.source["suppressed"] == ["*", "x"] and table.source["nulls"] == ["-"]
    assert [row["2012 | weiblich (mark)"] for row in rows] == [None, "x", None]
    assert [row["2012 | männlich (mark)"] for row in rows] == [None, None, "*"]


def test_every_row_that_is_left_out_is_told(page):
    table, _ = look(page.parent, page.name)
    said = " ".join(table.notes)
    assert "Einwohner nach Stadtteil" in said and "rows of totals are left out" in said
    assert "rows below the table are left out" in said and "header has 2 rows" in said


def test_what_was_found_can_be_declared_and_gives_the_same_rows(page):
    """The proposal, applied: nothing is guessed any more, and the answer is the same."""
    described, rows = look(page.parent, page.name)
    again, same = look(
        page.parent, page.name, **{key: value for key, value in described.source.items() if key != "path"}
    )
    assert same == rows and [c.name for c in again.columns] == [c.name for c in described.columns]


def test_a_declared_table_keeps_its_totals_and_footnotes_unless_told_otherwise(tmp_path):
    """Only a proposal leaves rows out: a declaration without these settings reads them all."""
    write_csv(tmp_path / "a.csv", PAGE[2:])
    source = open_source(tmp_path, str(tmp_path))
    data = dataset({"path": "a.csv", "delimiter": ";"}, (Field("ort", FieldType.STRING, column="Stadtteil"),))
    assert sum(batch.num_rows for batch in source.read(seal(data)).batches) == 6


def test_a_word_for_totals_inside_a_long_table_is_a_value(tmp_path):
    """`insgesamt` as one group among others, again and again, must stay."""
    rows = [["Gruppe", "Jahr", "Zahl"]]
    rows += [
        [group, str(year), str(year * 3)] for year in range(2000, 2010) for group in ("Frauen", "Männer", "insgesamt")
    ]
    write_csv(tmp_path / "a.csv", rows)
    table, found = look(tmp_path, "a.csv")
    assert "drop_rows" not in table.source and len(found) == 30


def test_a_file_without_header_is_not_robbed_of_its_first_row(tmp_path):
    rows = [["2005", "Rohr 1", "24,5"], ["2006", "Rohr 2", "47,0"], ["2007", "Rohr 3", "61,3"]]
    write_csv(tmp_path / "a.csv", rows)
    table, found = look(tmp_path, "a.csv")
    assert table.source["header_row"] == 0 and len(found) == 3
    assert any("no header" in note for note in table.notes)


@pytest.mark.parametrize(
    "names", [["Ort", "2010", "2011", "2012"], ["Ort", "1", "2", "3"], ["Ort", "Wert", "W2", "W3"]]
)
def test_years_and_running_numbers_are_names(tmp_path, names):
    write_csv(tmp_path / "a.csv", [names, ["Mitte", "1,5", "2,5", "7"], ["Nord", "3,5", "4,5", "8"]])
    table, found = look(tmp_path, "a.csv")
    assert [column.name for column in table.columns] == names and len(found) == 2


def test_units_below_the_names_become_part_of_them(tmp_path):
    rows = [["Zeit", "Temperatur", "Wind"], ["UTC", "°C", "km/h"]]
    rows += [[f"2026-01-0{n} 10:00", f"{n},5", str(n)] for n in range(1, 6)]
    write_csv(tmp_path / "a.csv", rows)
    table, found = look(tmp_path, "a.csv")
    assert [column.name for column in table.columns][1:] == ["Temperatur | °C", "Wind | km/h"]
    assert len(found) == 5 and found[0]["Temperatur | °C"] == 1.5


def test_footnote_marks_after_numbers_are_cut_off_and_told(tmp_path):
    rows = [["Ort", "Zahl"], ["Mitte", "1.204 1)"], ["Nord", "310²"], ["Süd", "77 r"], ["West", "12"], ["Ost", "5*"]]
    write_csv(tmp_path / "a.csv", rows)
    table, found = look(tmp_path, "a.csv")
    assert [row["Zahl"] for row in found] == [1204, 310, 77, 12, 5]
    assert [row["Zahl (mark)"] for row in found] == ["1)", "²", "r", None, "*"]
    assert table.source["columns"]["Zahl"]["footnotes"] == ["*", "1)", "r", "²"]


@pytest.mark.parametrize("cells", [["12 a", "12 b", "13"], ["5 e", "7", "9"], ["1 Mo", "2", "3"]])
def test_house_numbers_and_the_like_are_no_footnotes(tmp_path, cells):
    write_csv(tmp_path / "a.csv", [["Ort", "Nr"], *(["Weg", cell] for cell in cells)])
    _, found = look(tmp_path, "a.csv")
    assert [row["Nr"] for row in found] == cells


def test_several_tables_of_a_sheet_are_told_apart_and_chosen_by_range(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Bericht"
    for row in [
        ["Kitas"],
        ["Ort", "Plätze"],
        ["Mitte", 40],
        ["Nord", 22],
        [],
        ["Schule", "Kinder", "Klassen"],
        ["A", 300, 12],
        ["B", 210, 9],
    ]:
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    assert probe(tmp_path, str(tmp_path / "a.xlsx")).discover() == ["a.xlsx#Bericht!1:4", "a.xlsx#Bericht!6:8"]
    _, first = look(tmp_path, "a.xlsx")
    table, second = look(tmp_path, "a.xlsx", "a.xlsx#Bericht!6:8")
    assert first == [{"Ort": "Mitte", "Plätze": 40}, {"Ort": "Nord", "Plätze": 22}]
    assert [row["Klassen"] for row in second] == [12, 9] and table.source["range"] == "6:8"
    _, cut = look(tmp_path, "a.xlsx", range="A2:A4")
    assert cut == [{"Ort": "Mitte"}, {"Ort": "Nord"}]


def test_a_range_of_a_text_file_is_a_table(tmp_path):
    write_csv(
        tmp_path / "a.csv", [["Kopf"], ["a", "b"], ["1", "2"], ["3", "4"], ["Ende", "", ""], ["c", "d"], ["5", "6"]]
    )
    _, rows = look(tmp_path, "a.csv", range="2:4", delimiter=";")
    assert rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    _, rows = look(tmp_path, "a.csv", range="6:7", delimiter=";")
    assert rows == [{"c": 5, "d": 6}]


def test_a_very_wide_table_is_read(tmp_path):
    """Columns with dates in several forms need much of DuckDB's memory each; 300 of them still fit."""
    rows = [[f"Tag {n}" for n in range(300)]] + [["24.12.2026", "2026-12-24", "1,5"] * 100 for _ in range(20)]
    write_csv(tmp_path / "a.csv", rows)
    table, found = look(tmp_path, "a.csv")
    assert len(found) == 20 and len(table.columns) == 300 and table.columns[0].type is FieldType.DATE


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"range": "A9:B2"}, "not a range"),
        ({"range": "3-4"}, "not a range"),
        ({"data_row": 4}, "needs header_row"),
        ({"header_row": 3, "header_rows": 2, "data_row": 4}, "above the end of the header"),
        ({"header_rows": 0}, "header_rows"),
        ({"until": 3}, "until"),
    ],
)
def test_settings_that_make_no_sense_are_told_by_name(setting, words):
    data = dataset({"path": "a.csv", **setting}, (Field("a", FieldType.STRING),))
    (problem, *_) = FileAdapter().check_dataset(system("."), data)
    assert words in problem


def test_rows_beyond_the_end_are_refused_with_the_setting_to_correct(tmp_path):
    write_csv(tmp_path / "a.csv", [["a", "b"], ["1", "2"]])
    with pytest.raises(SourceRefused, match="no row 9") as caught:
        look(tmp_path, "a.csv", header_row=9)
    assert "header_row" in caught.value.hint


CELLS = st.one_of(
    st.sampled_from(
        ["", "-", "x", "*", "1.234", "1,5", "2024", "insgesamt", "Summe", "01.02.2024", "Mitte", "12 1)", '"', "a;b"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=6),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, max_size=5), min_size=1, max_size=12), st.sampled_from([";", ",", "\t"]))
def test_any_page_of_cells_is_a_table_or_refused_and_no_row_is_lost_in_silence(tmp_path, rows, delimiter):
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    try:
        table, found = look(tmp_path, "a.csv")
    except NabeError:
        return
    assert len(found) == table.rows
    if not any("left out" in note or "Above" in note or "describes" in note for note in table.notes):
        written = sum(
            1
            for row in csv.reader(
                (tmp_path / "a.csv").open(encoding="utf-8", newline=""), delimiter=table.source.get("delimiter", ",")
            )
            if any(cell.strip() for cell in row)
        )
        assert len(found) + table.source.get("header_rows", int(table.source.get("header_row", 1) != 0)) >= written
