"""Files as they come: every dialect is read, and what cannot be read is refused with file, line and what would help."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.adapters.file import unpack
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.model.query import Scan
from nabe.query.reach import Reach
from nabe.testing.sealing import seal

from .support import dataset, open_source, probe

A, B = Field("a", FieldType.STRING), Field("b", FieldType.STRING)


def rows(root: Path, source: dict, fields: tuple[Field, ...] = (A, B)) -> list[tuple]:
    opened = open_source(root)
    try:
        sealed = seal(dataset(source, fields))
        return [tuple(row.values()) for batch in opened.read(sealed).batches for row in batch.to_pylist()]
    finally:
        opened.close()


CELLS = [("Straße", "1"), ("Köln; Süd", 'sagt "ja"'), ("zwei\nZeilen", "a,b\tc|d"), ("", "€")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_any_usual_dialect_gives_the_same_rows(tmp_path, encoding, delimiter, ends):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ends)
    writer.writerow(["a", "b"])
    writer.writerows(CELLS)
    (tmp_path / "x.csv").write_bytes(text.getvalue().encode(encoding))
    expected = [(a.replace("\n", "\n") or None, b) for a, b in CELLS]
    assert rows(tmp_path, {"path": "x.csv"}) == expected


def test_five_bytes_that_windows_leaves_undefined_are_read_as_latin_1(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"a;b\n\xfc\x81;1\n")
    assert rows(tmp_path, {"path": "x.csv"}) == [("ü\x81", "1")]


@pytest.mark.parametrize("ends", ["\r", "\r\r", "\r\r\n"])
def test_odd_line_ends_are_line_ends(tmp_path, ends):
    (tmp_path / "x.csv").write_bytes(ends.join(["a,b", "1,2", "3,4"]).encode() + ends.encode())
    assert rows(tmp_path, {"path": "x.csv"}) == [("1", "2"), ("3", "4")]


def test_a_title_above_the_header_is_skipped_and_a_declared_header_row_is_kept_to(tmp_path):
    (tmp_path / "x.csv").write_text("Bericht 2026\n\na;b\n1;2\n3;4\n", "utf-8")
    assert rows(tmp_path, {"path": "x.csv"}) == [("1", "2"), ("3", "4")]
    assert rows(tmp_path, {"path": "x.csv", "header_row": 4}, (Field("f_1", FieldType.STRING, column="1"),)) == [("3",)]


def test_a_file_without_header_has_numbered_columns(tmp_path):
    (tmp_path / "x.csv").write_text("1;2,5\n3;4,5\n", "utf-8")
    fields = (Field("a", FieldType.INTEGER, column="column_1"), Field("b", FieldType.NUMBER, column="column_2"))
    assert rows(tmp_path, {"path": "x.csv", "header_row": 0, "decimal": ","}, fields) == [(1, 2.5), (3, 4.5)]


def test_equal_and_empty_headers_and_line_breaks_in_them_get_names_of_their_own(tmp_path):
    (tmp_path / "x.csv").write_text('Jahr;Jahr;;"Be-\nvölke-\nrung\ngesamt"\n1;2;3;4\n', "utf-8")
    names = [column.name for column in probe(tmp_path, "x.csv").describe("x.csv").columns]
    assert names == ["Jahr", "Jahr_2", "column_3", "Bevölkerung gesamt"]
    fields = (Field("z", FieldType.INTEGER, column="Jahr_2"), Field("bevoelkerung_gesamt", FieldType.INTEGER))
    assert rows(tmp_path, {"path": "x.csv"}, fields) == [(2, 4)]


def test_a_row_with_too_many_cells_is_refused_by_its_line(tmp_path):
    (tmp_path / "x.csv").write_text('a;b\n"1\n1";2\n3;4;5\n6;7\n', "utf-8")
    with pytest.raises(SourceRefused, match=r"'x.csv', line 4: 3 cells, but the header has 2") as caught:
        rows(tmp_path, {"path": "x.csv"})
    assert "ragged" in caught.value.hint and "5" not in caught.value.hint


def test_extra_cells_become_columns_when_declared_so(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1;2\n3;4;5\n6\n", "utf-8")
    fields = (A, B, Field("extra_1", FieldType.STRING))
    found = rows(tmp_path, {"path": "x.csv", "ragged": "pad"}, fields)
    assert found == [("1", "2", None), ("3", "4", "5"), ("6", None, None)]


def test_empty_cells_after_the_last_column_are_nothing_lost(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1;2;\n3;4;;\n", "utf-8")
    assert rows(tmp_path, {"path": "x.csv"}) == [("1", "2"), ("3", "4")]


def test_short_rows_are_filled_and_noted(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1;2\n3\n", "utf-8")
    assert rows(tmp_path, {"path": "x.csv"}) == [("1", "2"), ("3", None)]
    assert (
        "1 rows have fewer cells than the header (first: line 3)." in probe(tmp_path, "x.csv").describe("x.csv").notes
    )


def test_stray_quotes_lose_no_row(tmp_path):
    (tmp_path / "x.csv").write_text('a;b\n1;5" Rohr\n"2;x\n3;"z" y\n', "utf-8")
    assert [row[0] for row in rows(tmp_path, {"path": "x.csv"})] in (["1", '"2', "3"], ["1", "2", "3"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cells=st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8)] * 2), max_size=5
    ),
    delimiter=st.sampled_from([";", ",", "\t", "|"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_is_written_as_csv_is_read_again(tmp_path, cells, delimiter, ends, quoting):
    cells = [(left or "x", right or "y") for left, right in cells]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=quoting)
    writer.writerows([("a", "b"), *cells])
    (tmp_path / "x.csv").write_bytes(text.getvalue().encode())
    os.utime(tmp_path / "x.csv", ns=(0, hash((text.getvalue(), delimiter)) % 10**15))
    found = rows(tmp_path, {"path": "x.csv", "delimiter": delimiter})
    blank = str.maketrans("", "", " \t\u00a0\u202f")
    assert found == [tuple(cell if cell.translate(blank) else None for cell in row) for row in cells]


@pytest.mark.parametrize(
    "name", ["x.csv", "x.json", "x.xlsx", "x.geojson", "x.parquet", "x.gpkg", "x.shp", "x.zip", "x.csv.gz"]
)
@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02\xff" * 100, b"PK\x03\x04 not a zip", b"\x1f\x8b\x08\x00broken"]
)
def test_empty_and_binary_files_are_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceRefused, match=name.removesuffix(".gz")):
        rows(tmp_path, {"path": name})


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.json", '[{"a": 1,\n "b" 2}]', "line 2: not valid JSON"),
        ("x.ndjson", '{"a": 1}\n{"a": \n', "line 2: not valid JSON"),
        ("x.geojson", '{"type": "FeatureCollection", "features": [{"type": "Fea', "cut off"),
        ("x.json", '{"a": {"b": [1]}}', ""),
    ],
)
def test_broken_json_is_refused_by_its_line(tmp_path, name, text, says):
    (tmp_path / name).write_text(text, "utf-8")
    if not says:
        assert rows(tmp_path, {"path": name}, (Field("a_b", FieldType.STRING),)) == [("[1]",)]
        return
    with pytest.raises(SourceRefused, match=says):
        rows(tmp_path, {"path": name})


def test_a_wide_table_just_works_and_a_too_wide_one_is_refused(tmp_path):
    for width in (2_000, 10_000):
        names = [f"s{number}" for number in range(width)]
        (tmp_path / f"{width}.csv").write_text(";".join(names) + "\n" + ";".join(["1"] * width) + "\n", "utf-8")
    assert rows(tmp_path, {"path": "2000.csv"}, (Field("s1999", FieldType.INTEGER),)) == [(1,)]
    with pytest.raises(SourceRefused, match="10000 columns; at most 4096"):
        rows(tmp_path, {"path": "10000.csv"})


def test_gzip_and_zip_are_unpacked_on_the_way(tmp_path):
    with gzip.open(tmp_path / "x.csv.gz", "wb") as file:
        file.write("a;b\nä;1\n".encode("cp1252"))
    assert rows(tmp_path, {"path": "x.csv.gz"}) == [("ä", "1")]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("tief/x.csv", "a;b\n1;2\n")
        archive.writestr("liesmich.md", "…")
    assert rows(tmp_path, {"path": "x.zip"}) == [("1", "2")]


def test_an_archive_of_several_tables_wants_a_choice(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.csv", "a;b\n1;2\n")
        archive.writestr("y.csv", "a;b\n3;4\n")
    with pytest.raises(SourceRefused, match="several tables") as caught:
        rows(tmp_path, {"path": "x.zip"})
    assert "x.csv, y.csv" in caught.value.hint
    assert rows(tmp_path, {"path": "x.zip", "member": "y.csv"}) == [("3", "4")]
    assert probe(tmp_path, "x.zip").discover() == ["x.zip!x.csv", "x.zip!y.csv"]


def test_bombs_are_refused_before_they_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "_SMALL", 1_000_000)
    zeros = b"0" * 20_000_000
    with gzip.open(tmp_path / "x.csv.gz", "wb") as file:
        file.write(zeros)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", zeros)
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", zeros)
    for name in ("x.csv.gz", "x.zip", "x.xlsx"):
        with pytest.raises(SourceRefused, match="bomb"):
            rows(tmp_path, {"path": name})
    kept = tmp_path / ".nabe" / "cache" / "files"
    assert sum(file.stat().st_size for file in kept.rglob("*")) < 1_000_000 if kept.exists() else True


def test_a_file_over_the_size_limit_is_refused(tmp_path):
    with gzip.open(tmp_path / "x.csv.gz", "wb") as file:
        file.write(os.urandom(1_500_000).hex().encode())
    opened = open_source(tmp_path, max_mb=1)
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        opened.read(seal(dataset({"path": "x.csv.gz"}, (A,))))


@pytest.mark.parametrize(
    "path", ["../x.csv", "/etc/passwd", "a/../../x.csv", ".nabe/x.csv", ".env", "file:///etc/passwd", ""]
)
def test_paths_stay_inside_the_folder(tmp_path, path):
    (tmp_path / "daten").mkdir()
    (tmp_path / "x.csv").write_text("a;b\n1;2\n", "utf-8")
    opened = open_source(tmp_path, "daten")
    with pytest.raises((SourceRefused, SourceUnavailable)):
        opened.read(seal(dataset({"path": path, "format": "csv"})))


def test_a_link_that_leaves_the_folder_is_not_followed(tmp_path):
    (tmp_path / "daten").mkdir()
    (tmp_path / "x.csv").write_text("a;b\n1;2\n", "utf-8")
    (tmp_path / "daten" / "x.csv").symlink_to(tmp_path / "x.csv")
    (tmp_path / "daten" / "y.csv").write_text("a;b\n1;2\n", "utf-8")
    opened = open_source(tmp_path, "daten")
    for path in ("x.csv", "*.csv"):
        with pytest.raises(SourceRefused, match="leaves the folder"):
            opened.read(seal(dataset({"path": path})))


def test_a_location_outside_the_workspace_must_be_named_in_full(tmp_path):
    (tmp_path / "stadt").mkdir()
    (tmp_path / "x.csv").write_text("a;b\n1;2\n", "utf-8")
    with pytest.raises(SourceRefused, match="leaves the workspace"):
        open_source(tmp_path / "stadt", "..")
    opened = open_source(tmp_path / "stadt", str(tmp_path))
    assert sum(batch.num_rows for batch in opened.read(seal(dataset({"path": "x.csv"}, (A, B)))).batches) == 1


def test_a_missing_file_and_folder_are_named_as_the_workspace_sees_them(tmp_path):
    with pytest.raises(SourceUnavailable, match="the folder 'daten' is missing"):
        open_source(tmp_path, "daten").read(seal(dataset({"path": "weg.csv"})))
    (tmp_path / "daten").mkdir()
    with pytest.raises(SourceUnavailable, match=r"the file 'daten/weg\.csv' is missing"):
        open_source(tmp_path, "daten").read(seal(dataset({"path": "weg.csv"})))
    with pytest.raises(SourceUnavailable, match=r"no file is named 'daten/\*\.csv'"):
        open_source(tmp_path, "daten").read(seal(dataset({"path": "*.csv"})))


def test_a_missing_file_does_not_stop_the_others_of_its_folder(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1;2\n", "utf-8")
    source = open_source(tmp_path)
    reach = Reach(lambda _: source)
    with pytest.raises(SourceUnavailable):
        reach.read(source, seal(dataset({"path": "weg.csv"})), "dateien", 5)
    found = reach.read(source, seal(dataset({"path": "x.csv"}, (A, B))), "dateien", 5)
    assert sum(batch.num_rows for batch in found.batches) == 1


def test_a_changed_declaration_is_read_with_its_new_fields(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1;2\n", "utf-8")
    source = open_source(tmp_path)
    for _ in range(3):
        for fields in ((A,), (B,), (Field("b", FieldType.INTEGER), A)):
            batch = next(source.read(seal(dataset({"path": "x.csv"}, fields))).batches)
            assert batch.schema.names == [field.name for field in fields]


def test_a_file_that_changed_is_read_anew_and_a_lost_column_is_named(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1;2\n", "utf-8")
    opened = open_source(tmp_path)
    scan = seal(dataset({"path": "x.csv"}, (A, B)))
    assert next(opened.read(scan).batches).to_pylist() == [{"a": "1", "b": "2"}]
    (tmp_path / "x.csv").write_text("a;c\n3;4\n", "utf-8")
    os.utime(tmp_path / "x.csv", ns=(0, 0))
    with pytest.raises(SourceRefused, match=r"'x.csv' has no column 'b'") as caught:
        opened.read(scan)
    assert "Its columns: a, c." in caught.value.hint
    only = seal(dataset({"path": "x.csv"}, (A, B)), Scan("inhalt", ("a",)))
    assert next(opened.read(only).batches).to_pylist() == [{"a": "3"}]


def test_a_column_of_which_nothing_fits_its_type_is_refused_with_what_to_declare(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\nx;1,5\ny;2,5\n", "utf-8")
    with pytest.raises(SourceRefused, match="no value of column 'b' is of type number") as caught:
        rows(tmp_path, {"path": "x.csv"}, (A, Field("b", FieldType.NUMBER)))
    assert "decimal" in caught.value.hint
    assert "1,5" not in str(caught.value)


def test_a_workbook_names_its_sheets_when_another_is_asked_for(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append(["01", 2.5])
    book.save(tmp_path / "x.xlsx")
    assert rows(tmp_path, {"path": "x.xlsx", "decimal": ","}, (A, Field("b", FieldType.NUMBER))) == [("01", 2.5)]
    with pytest.raises(SourceRefused, match="no sheet 'Neu'") as caught:
        rows(tmp_path, {"path": "x.xlsx", "sheet": "Neu"})
    assert "Its sheets: Sheet" in caught.value.hint


def test_records_are_found_in_a_document_and_a_wrong_way_is_answered_with_the_right_one(tmp_path):
    document = {"meta": {"n": 1}, "antwort": {"daten": [{"a": 1, "b": {"c": [1]}}, {"a": None}]}}
    (tmp_path / "x.json").write_text(json.dumps(document), "utf-8")
    fields = (Field("a", FieldType.INTEGER), Field("b_c", FieldType.STRING))
    assert rows(tmp_path, {"path": "x.json"}, fields) == [(1, "[1]"), (None, None)]
    with pytest.raises(SourceRefused, match="nothing at 'daten'") as caught:
        rows(tmp_path, {"path": "x.json", "rows_path": "daten"}, fields)
    assert "antwort.daten" in caught.value.hint


@pytest.mark.parametrize("name", ["broken_panic.xls", "broken_memory.xls"])
def test_a_workbook_that_would_break_its_reader_is_refused(tmp_path, name):
    """Bytes turned in a small XLS make its reader panic or ask for all memory; that happens to a process of its own."""
    (tmp_path / name).write_bytes((Path(__file__).parent / "files" / name).read_bytes())
    with pytest.raises(SourceRefused, match="not a readable workbook"):
        rows(tmp_path, {"path": name})
