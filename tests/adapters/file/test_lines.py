"""What Arrow divides and turns at once says the same as DuckDB's reader and the SQL cell by cell; the rest is left to them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nabe.adapters.file import lines
from nabe.adapters.file.delimited import _count, _function
from nabe.adapters.file.lines import Lines
from nabe.adapters.file.prepare import Utf8
from nabe.adapters.file.settings import Dialect
from nabe.adapters.file.tidy import tidy
from nabe.adapters.file.translate import typed
from nabe.errors import NabeError
from nabe.model.dataset import Field
from nabe.model.dataset import FieldType as T
from nabe.model.expr import Compare, Op
from nabe.model.query import Scan
from nabe.testing.sealing import seal

from .support import dataset, open_source

CONNECTION = duckdb.connect()
CONNECTION.execute("LOAD icu; SET TimeZone = 'UTC'")
DIALECTS = (
    Dialect(),
    Dialect(decimal=","),
    Dialect(decimal=",", thousands="."),
    Dialect(thousands=","),
    Dialect(date_format="%d.%m.%Y"),
    Dialect(date_format="MM/DD/YYYY"),
    Dialect(date_format="YYYYMMDD"),
    Dialect(date_format=("%d.%m.%Y", "%Y-%m-%d")),
    Dialect(date_format="%d.%m.%y"),
    Dialect(decimal=",", nulls=("-", "x")),
    Dialect(nulls=("-1", "9999-12-31", "")),
    Dialect(suppressed=("*",), footnotes=("r",)),
)
TIDY = {
    T.NUMBER: ["5", "-0,5", "1.5", ",5", "5,", "007", "-0", "0,1", "179769313486231570000", "2.2250738585072014"],
    T.INTEGER: ["0", "12", "-7", "007", "999999999999999999", "-0"],
    T.DATE: ["24.11.2026", "2026-11-24", "11/24/2026", "20261124", "29.02.2024", "1000-01-01", "9999-12-31"],
    T.STRING: ["a", "Straße", " b", "c ", "–", "\u00e2"],
}
ODD = [
    "", " ", "\u00a0", "\u202f", "\t", "\x0b", "-", "x", "*", "+5", " 5", "1e5", "1E-5", "nan", "inf", "-inf", "1_0",
    "0x1F", "1.234,5", "1,234", "12.5", "--5", "5-", "1,2,3", "5 r", "9999999999999999999", "1e400", "1" * 201, "0" * 210,
    "0," + "0" * 210 + "1", "1e-400", "30.02.2026", "31.04.2026", "00.01.2026", "01.00.2026", "01.01.0999", "01.01.0000",
    "2026-1-4", "24.11.26", "2026-11-24 10:00", "'2026-11-24'", "٣", "１２", "2026\u201311\u201324", "-1", "ja", "1,", ",",
    ".", "+", "9999-12-31",
]  # fmt: skip
cells = st.lists(
    st.sampled_from([cell for some in TIDY.values() for cell in some] + ODD) | st.text(max_size=12), max_size=6
)


def one_by_one(column: pa.Array, kind: T, dialect: Dialect) -> list[object]:
    cursor = CONNECTION.cursor()
    cursor.register("cells", pa.table({"c": column}))
    sql = typed("c", "VARCHAR", kind, dialect, "Europe/Berlin")
    return [repr(item) for item in cursor.execute(f"SELECT {sql} AS v FROM cells").to_arrow_table()["v"].to_pylist()]


def said_at_once(column: pa.Array, kind: T, dialect: Dialect) -> list[object] | None:
    turn = tidy(kind, dialect)
    found = None if turn is None else turn(column)
    return None if found is None else [repr(item) for item in found.to_pylist()]


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(list(TIDY)), dialect=st.sampled_from(DIALECTS), given_cells=cells, skip=st.integers(0, 2))
def test_a_column_at_once_says_the_same_as_cell_by_cell_or_nothing(kind, dialect, given_cells, skip):
    column = pa.array([cell for cell in given_cells if "\0" not in cell], pa.string())[skip:]
    found = said_at_once(column, kind, dialect)
    assert found is None or found == one_by_one(column, kind, dialect)


@pytest.mark.parametrize("kind", list(TIDY))
@pytest.mark.parametrize("number", range(len(DIALECTS)))
def test_every_single_cell_says_the_same_or_nothing(kind, number):
    for cell in [*TIDY[kind], *ODD]:
        found = said_at_once(pa.array([cell], pa.string()), kind, DIALECTS[number])
        assert found is None or found == one_by_one(pa.array([cell]), kind, DIALECTS[number]), cell


@settings(max_examples=300, deadline=None)
@given(number=st.floats(allow_nan=False, allow_infinity=False, width=64), decimal=st.sampled_from([".", ","]))
def test_every_fraction_is_the_same_to_its_last_bit(number, decimal):
    column = pa.array([f"{number:.17f}".replace(".", decimal)])
    found = said_at_once(column, T.NUMBER, Dialect(decimal=decimal))
    assert found is None or found == one_by_one(column, T.NUMBER, Dialect(decimal=decimal))


@settings(max_examples=100, deadline=None)
@given(day=st.dates(min_value=dt.date(1000, 1, 1)))
@pytest.mark.parametrize("form", [None, "%d.%m.%Y", "MM/DD/YYYY", "YYYYMMDD"])
def test_every_day_is_turned_at_once(form, day):
    written = {None: "%Y-%m-%d", "MM/DD/YYYY": "%m/%d/%Y", "YYYYMMDD": "%Y%m%d"}.get(form, form)
    column = pa.array(["", day.strftime(written), ""])
    assert said_at_once(column, T.DATE, Dialect(date_format=form)) == ["None", repr(day), "None"]


@pytest.mark.parametrize(
    ("kind", "cell", "dialect"),
    [
        (T.NUMBER, "1.234,5", Dialect(decimal=",", thousands=".")),
        (T.NUMBER, "1e5", Dialect()),
        (T.NUMBER, "nan", Dialect()),
        (T.NUMBER, " 5", Dialect()),
        (T.NUMBER, "+5", Dialect()),
        (T.NUMBER, "1" * 201, Dialect()),
        (T.NUMBER, "-1", Dialect(nulls=("-1",))),
        (T.INTEGER, "1" * 19, Dialect()),
        (T.INTEGER, "12.0", Dialect()),
        (T.INTEGER, "0,1", Dialect()),
        (T.INTEGER, "0 1", Dialect()),
        (T.NUMBER, "0x1", Dialect()),
        (T.DATE, "31.02.2026", Dialect()),
        (T.DATE, "1.2.2026", Dialect()),
        (T.DATE, "01.01.0999", Dialect()),
        (T.DATE, "24.11.26", Dialect(date_format="%d.%m.%y")),
        (T.DATE, "24.11.2026", Dialect(date_format=("%d.%m.%Y", "%Y-%m-%d"))),
        (T.DATE, "9999-12-31", Dialect(nulls=("9999-12-31",))),
        (T.DATETIME, "2026-11-24 10:00:00", Dialect()),
        (T.BOOLEAN, "ja", Dialect()),
    ],
)
def test_what_is_not_tidy_is_left_to_the_sql(kind, cell, dialect):
    assert said_at_once(pa.array([cell]), kind, dialect) is None


GOOD = b"a;b\n1;2\n"


@pytest.mark.parametrize(
    "content",
    [
        GOOD + b"3\n",
        GOOD + b"3;4;5\n",
        GOOD + b" \n",
        GOOD + b'x"y;4\n',
        GOOD + b'"x""y";4\n',
        GOOD + b'"x"y;4\n',
        GOOD + b'"x ;4\n',
        GOOD + b'3;"4\n',
        GOOD + b"3;\xff\n",
        GOOD + b"3;\xed\xa0\x80\n",
        GOOD + b"3;\0\n",
        GOOD + b"3;\x1a\n\x1a",
        GOOD + b"3;" + b"x" * 2_100_000 + b"\n",
        GOOD + b"3;" + b"x" * 2_100_000,
        b"a;b\n",
        b"",
    ],
    ids=lambda content: repr(content[-12:]),
)
def test_what_readers_may_divide_otherwise_is_left_to_duckdb(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    assert Lines(tmp_path / "t.csv", ";", 2, 1).count(60) in (None, 0)


@pytest.mark.parametrize(("delimiter", "width"), [("||", 2), ("§", 2), ('"', 2), (";", 1)])
def test_other_shapes_are_left_to_duckdb(tmp_path, delimiter, width):
    (tmp_path / "t.csv").write_bytes(GOOD)
    assert Lines(tmp_path / "t.csv", delimiter, width, 1).count(60) is None


PIECES = [b"a", b"1", b";", b";", b";", b"\n", b"\n", b'"', b'";"', b'""', b"\r\n", b" ", b"\t", b"\xc3\xa4", b"\xc2\xa0",
          b"\x0b", b"\x0c", b"\x1a", b"'", b"\\", b"#", b"NULL", b"\xef\xbb\xbf", b"\xff", b"\xe2\x80\xa8", b"\x85"]  # fmt: skip
rows = st.lists(st.lists(st.sampled_from([b"", b"a", b"1,5", b'"b c"', b'""', b'"d;e"', b" "]), min_size=3, max_size=3))
texts = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | rows.map(
    lambda found: b"".join(b";".join(row) + b"\n" for row in found)
)


@settings(max_examples=500, deadline=None)
@given(text=texts, width=st.sampled_from([2, 3]), skip=st.integers(0, 1), block=st.sampled_from([8, 40, 1 << 20]))
@example(text=b"\xef\xbb\xbfa;b\n1;2", width=2, skip=0, block=1 << 20)
@example(text=b'\xef\xbb\xbf"a";b\n1;2', width=2, skip=0, block=1 << 20)
@example(text=b'a;"b\nc"\n1;2\n', width=2, skip=0, block=1 << 20)
@example(text=b"a;b\r\n1;2\r\n", width=2, skip=1, block=1 << 20)
def test_arrow_divides_a_text_as_duckdb_does_or_not_at_all(text, width, skip, block):
    if b"\r" in text.replace(b"\r\n", b"") or (b"\r" in text and text.count(b"\n") != text.count(b"\r\n")):
        return  # such a text is put in order before
    with TemporaryDirectory() as folder, patch.object(lines, "BLOCK", block):
        path = Path(folder, "t.csv")
        path.write_bytes(text)
        found = Lines(path, ";", width, skip)
        count = found.count(60)
        if count is None:
            return
        function = _function(path, ";", width, skip)
        assert _count(CONNECTION.cursor(), function) == count
        expected = CONNECTION.cursor().execute(f"SELECT * FROM {function}").fetchall()
        names = [f"c{number}" for number in range(width)]
        divided = [tuple(row.values()) for batch in found.batches(names) for row in batch.to_pylist()]
        assert divided == [tuple(cell or "" for cell in row) for row in expected]


FIELDS = (
    Field("schluessel", T.STRING),
    Field("wert", T.NUMBER),
    Field("anzahl", T.INTEGER),
    Field("tag", T.DATE),
    Field("zeit", T.DATETIME),
    Field("ja", T.BOOLEAN),
)
ROW = (
    "0815;1,5;7;24.11.2026;24.11.2026 08:15;ja",
    "ä;;;;;",
    " ;x;x;x;x;x",
    "b;1.000,5;1.000;1.2.2026;2026-01-01T00:00Z;0",
)


def read(root: Path, source: dict[str, object], fields: tuple[Field, ...] = FIELDS) -> pa.Table | str:
    opened = open_source(root)
    try:
        batches = opened.read(seal(dataset(source, fields), Scan("inhalt", tuple(field.name for field in fields))))
        return pa.Table.from_batches(list(batches.batches), batches.schema).combine_chunks()
    except NabeError as error:
        return str(error)
    finally:
        opened.close()


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(ROW), min_size=1, max_size=8),
    large=st.booleans(),
    block=st.sampled_from([64, 1 << 20]),
    nulls=st.sampled_from([None, ("x",)]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_file_has_the_same_rows_either_way(chosen, large, block, nulls, end):
    header = ";".join(field.name for field in FIELDS)
    source = {"path": "t.csv", "delimiter": ";", "decimal": ",", "thousands": "."} | ({"nulls": nulls} if nulls else {})
    limit = 1 if large else 64 << 20
    with TemporaryDirectory() as folder, patch("nabe.adapters.file.source.TABLE_LIMIT", limit):
        Path(folder, "t.csv").write_bytes(end.join([header, *chosen, ""]).encode())
        with patch.object(Lines, "count", lambda *_: None):
            expected = read(Path(folder), source)
        with patch.object(lines, "BLOCK", block):
            assert read(Path(folder), source) == expected


def test_a_point_of_two_columns_and_a_code_are_the_same_either_way(tmp_path):
    (tmp_path / "t.csv").write_text("ort;art;x;y\nA;1;13,7;51,0\nB;2;;\nC;9;13,8;x\n")
    source = {
        "path": "t.csv",
        "decimal": ",",
        "x": "x",
        "y": "y",
        "columns": {"art": {"codes": {"1": "eins", "2": "zwei"}}},
    }
    fields = (
        Field("ort", T.STRING),
        Field("art", T.STRING),
        Field("kode", T.STRING, column="art (code)"),
        Field("datei", T.STRING, column="_file"),
        Field("marke", T.STRING, column="y (mark)"),
        Field("lage", T.GEOMETRY),
    )
    with patch.object(Lines, "count", lambda *_: None):
        expected = read(tmp_path, source, fields)
    assert not isinstance(expected, str) and expected["art"].to_pylist() == ["eins", "zwei", "9"]
    assert read(tmp_path, source, fields) == expected


def test_a_filter_still_reaches_the_files_reader(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\nx;1\ny;2\n")
    fields = (Field("a", T.STRING), Field("b", T.INTEGER))
    opened = open_source(tmp_path)
    with patch("nabe.adapters.file.source.TABLE_LIMIT", 1):
        scan = seal(dataset({"path": "t.csv"}, fields), Scan("inhalt", ("b",), where=Compare("a", Op.EQ, "y")))
        batches = opened.read(scan)
        assert pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist() == [{"b": 2}]
    opened.close()


def test_counting_stops_at_the_time_out(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\nx;1\n")
    fields = (Field("a", T.STRING), Field("b", T.INTEGER))
    count = Lines.count
    with patch.object(Lines, "count", lambda self, _: count(self, -1)):
        found = read(tmp_path, {"path": "t.csv"}, fields)
    assert isinstance(found, str) and "within 20 seconds" in found


def test_a_file_that_changes_under_the_reader_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n" + "x;1\n" * 100)
    fields = (Field("a", T.STRING), Field("b", T.INTEGER))
    opened = open_source(tmp_path)
    with patch("nabe.adapters.file.source.TABLE_LIMIT", 1), patch.object(lines, "BLOCK", 64):
        batches = opened.read(seal(dataset({"path": "t.csv"}, fields), Scan("inhalt", ("a", "b"))))
        path.write_text("a;b\n" + "x\n" * 100)
        with pytest.raises(NabeError, match=r"t\.csv"):
            list(batches.batches)
    opened.close()


@settings(deadline=None)
@given(
    text=st.lists(st.sampled_from([b"a", b"\xc3\xa4", b"\xe2\x80\x93", b"\xf0\x9f\x98\x80", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xff", b"\xc0\xaf"])).map(b"".join),
    size=st.sampled_from([4, 5, 7, 100]),
)  # fmt: skip
def test_a_text_in_pieces_is_utf8_when_the_whole_is(text, size):
    seen = Utf8()
    found = all(seen.goes_on(text[at : at + size]) for at in range(0, len(text), size)) and seen.ends()
    try:
        text.decode()
    except UnicodeDecodeError:
        assert not found
    else:
        assert found
