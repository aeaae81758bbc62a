"""SQL Server and Oracle, of which no server is at hand: what would be sent is kept as golden files, is a SELECT of the
dialect, and its bounds never lose a row. `NABE_WRITE_GOLDEN=1` writes the files anew, for review.
"""

from __future__ import annotations

import datetime as dt
import operator
import os
import socket
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.sql.databases import bounds, mssql, mssql_sql, oracle, oracle_sql
from nabe.adapters.sql.databases.base import Unfit, bounded_count
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.source import SqlSource
from nabe.adapters.sql.statement import is_one_select
from nabe.adapters.sql.translate import Kind, Native, Relation, from_columns, mssql_kind, oracle_kind
from nabe.adapters.sql.zones import FROM_YEAR, TO_YEAR, shifted, to_utc
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.expr import And, Compare, In, Like, Not, Op
from nabe.model.query import Order, Scan
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.testing.sealing import seal

from .support import open_source

GOLDEN = Path(__file__).parent / "golden"
F = FieldType
#: Column -> (native type of SQL Server, of Oracle; None: there is none).
TYPES = {
    "nr": ("int", "NUMBER(9,0)"),
    "gross": ("bigint", "NUMBER(38,0)"),
    "betrag": ("decimal(10,2)", "NUMBER(10,2)"),
    "geld": ("money", "NUMBER"),
    "mess": ("float", "BINARY_DOUBLE"),
    "kurz": ("real", "BINARY_FLOAT"),
    "offen": ("bit", "BOOLEAN"),
    "fest": ("char(5)", "CHAR(5)"),
    "name": ("nvarchar(80)", "VARCHAR2(80)"),
    "national": ("nchar(5)", "NVARCHAR2(80)"),
    "lang": ("ntext", "CLOB"),
    "tag": ("date", None),
    "zeit": ("datetime", "DATE"),
    "genau": ("datetime2", "TIMESTAMP(6)"),
    "zone": ("datetimeoffset", "TIMESTAMP(6) WITH TIME ZONE"),
    "ort_zone": (None, "TIMESTAMP(6) WITH LOCAL TIME ZONE"),
    "kennung": ("uniqueidentifier", "RAW(16)"),
    "bild": ("image", "BLOB"),
    "version": ("timestamp", "ROWID"),
    "xml": ("xml", "XMLTYPE"),
    "lage": ("geometry", "SDO_GEOMETRY"),
}
SCANS = {
    "all": Scan("d", ("nr", "name", "zeit")),
    "equal texts": Scan("d", ("nr",), In("name", ("O'Brien", "Köln"))),
    "an empty text, a long one": Scan("d", ("nr",), In("name", ("a", ""))),
    "a fixed length": Scan("d", ("nr",), Compare("fest", Op.EQ, "ab")),
    "a national text": Scan("d", ("nr",), Compare("national", Op.EQ, "łódź")),
    "a large text": Scan("d", ("nr",), Compare("lang", Op.EQ, "x")),
    "numbers": Scan("d", ("nr",), And((Compare("betrag", Op.GE, 0.1), Compare("nr", Op.EQ, 7)))),
    "a binary fraction": Scan("d", ("nr",), Compare("mess", Op.EQ, 0.1)),
    "since a moment": Scan("d", ("nr",), Compare("genau", Op.GT, dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC))),
    "a moment with a zone": Scan("d", ("nr",), Compare("zone", Op.EQ, dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC))),
    "what is not certain": Scan("d", ("nr",), And((Like("name", "K%"), Not(Compare("nr", Op.EQ, 1))))),
    "text by order": Scan("d", ("nr",), Compare("name", Op.GE, "Z")),
    "first page": Scan("d", ("nr", "name"), limit=10),
    "a later page": Scan("d", ("nr", "name"), limit=10, offset=90),
    "a page of some": Scan("d", ("nr",), Compare("nr", Op.LE, 100), limit=10),
    "a page in an order": Scan("d", ("nr",), order=(Order("name"),), limit=10),
}
DATABASES = {"mssql": (mssql.SqlServer, mssql_kind, 0), "oracle": (oracle.Oracle, oracle_kind, 1)}


def natives(which: str) -> dict[str, Native]:
    _, kind, at = DATABASES[which]
    found = {name: types[at] for name, types in TYPES.items() if types[at]}
    return {name: Native(name, kind(native.partition("(")[0] if "TIME" not in native else native), native)
            for name, native in found.items()}  # fmt: skip


def source(which: str, key: tuple[str, ...] = ("nr",)) -> tuple[SqlSource, Dataset]:
    """A source over a table that is described here instead of by a server."""
    columns = natives(which)
    schema = {"mssql": "[amt].[Fälle]", "oracle": '"AMT"."FAELLE"'}[which]

    class Told(DATABASES[which][0]):  # type: ignore[name-defined,misc]
        def connect(self, target, timeout_s):
            return open(os.devnull)

        def alive(self, connection):
            return True

        def relation(self, connection, target, schema_, table):
            return Relation("amt", "Fälle", schema, columns, "", 5_000, key)

    fields = tuple(Field(name, native.type) for name, native in columns.items())
    dataset = Dataset("d", Text("D"), "amt", Access.OPEN, fields, "s", {"table": "Fälle"})
    return SqlSource("s", Told(), Target(which, "127.0.0.1", 1), 5.0), dataset


def sent(which: str) -> str:
    opened, dataset = source(which)
    parts = [f"-- {name}\n{opened.explain(seal(dataset, scan))};" for name, scan in SCANS.items()]
    closed = seal(dataset, Scan("d", ("nr",), Compare("nr", Op.EQ, 5)), allowed=Compare("name", Op.EQ, "a"))
    parts.append(f"-- rows of a grant\n{opened.explain(closed)};")
    floor = seal(dataset, Scan("d", ("name",), Compare("name", Op.EQ, "a")), columns=frozenset({"name"}), min_group=3)
    parts.append(f"-- minimum groups: the asker's filter comes after them\n{opened.explain(floor)};")
    rounded = seal(dataset, Scan("d", ("nr",), Compare("nr", Op.EQ, 10)), rounding={"nr": 10.0})
    parts.append(f"-- a rounded field is not narrowed by\n{opened.explain(rounded)};")
    for name, native in natives(which).items():
        for kind in FieldType:
            database = DATABASES[which][0]()
            try:
                expression = database.expression(native, Field(name, kind), "Europe/Berlin", "")
            except Unfit:
                continue
            parts.append(f"-- {native.native} as {kind.value}\nSELECT {expression} FROM t;")
    return "\n".join(parts) + "\n"


@pytest.mark.parametrize("which", DATABASES)
def test_what_is_sent_is_what_was_reviewed(which):
    path = GOLDEN / f"{which}.sql"
    if os.environ.get("NABE_WRITE_GOLDEN"):
        path.write_text(sent(which), "utf-8")
    assert sent(which) == path.read_text("utf-8")


@pytest.mark.parametrize("which", DATABASES)
def test_every_statement_is_one_select_of_the_dialect(which):
    dialect = DATABASES[which][0].dialect
    module = {"mssql": mssql, "oracle": oracle}[which]
    own = [oracle.named(getattr(module, name)) for name in ("TABLES", "HEAD", "COLUMNS", "KEY", "REFERENCES")]
    statements = [line for line in sent(which).splitlines() if not line.startswith("--")]
    for sql in [
        *(line.removesuffix(";") for line in statements),
        *(text.replace("%d", "1").replace("%s", "'x'") for text in own),
    ]:
        if "XMLSERIALIZE(" not in sql:  # a form of a function that sqlglot does not know
            (tree,) = sqlglot.parse(sql, dialect=dialect)
            assert isinstance(tree, sqlglot.exp.Query), sql
        assert is_one_select(sql.strip(), dialect), sql
    assert len(statements) > 60


@pytest.mark.parametrize("which", DATABASES)
def test_nothing_is_promised_and_each_native_type_can_be_read_as_its_nearest(which):
    database = DATABASES[which][0]()
    assert not any(
        getattr(database.capabilities, name) for name in ("filter", "bbox", "order", "limit", "floor", "sql")
    )
    for name, native in natives(which).items():
        assert database.expression(native, Field(name, native.type), "UTC", "")


def test_without_a_key_no_page_is_cut():
    opened, dataset = source("mssql", key=())
    assert "FETCH" not in opened.explain(seal(dataset, SCANS["first page"]))


# --- bounds -----------------------------------------------------------------------------------------------------------

OPS = {Op.EQ: operator.eq, Op.LT: operator.lt, Op.LE: operator.le, Op.GT: operator.gt, Op.GE: operator.ge}


@given(st.sampled_from(list(OPS)), st.floats(-1e14, 1e14) | st.integers(-(10**14), 10**14), st.floats(-1e14, 1e14))
def test_a_bound_of_numbers_keeps_every_row_that_is_wanted(op, value, there):
    for row in (there, value, value + 1, value - 1):
        if OPS[op](float(row), float(value)):
            bound = bounds.numbers("x", Compare("x", op, value))
            assert bound is not None
            assert eval(bound.replace("AND", "and"), {"x": row})


@given(
    st.sampled_from(list(OPS)),
    st.datetimes(dt.datetime(1760, 1, 1), dt.datetime(9990, 1, 1)),
    st.timedeltas(dt.timedelta(-3), dt.timedelta(3)),
)
def test_a_bound_of_moments_keeps_every_row_that_is_wanted_whatever_its_zone(op, local, away):
    """The column holds local time, the question is in UTC: zones are at most 14 hours off."""
    for hours in (-12, 0, 1, 2, 14):
        utc = (local - dt.timedelta(hours=hours)).replace(tzinfo=dt.UTC)
        value = utc + away
        if OPS[op](utc, value):
            bound = bounds.moments(
                "x", Field("x", F.DATETIME), Compare("x", op, value), lambda moment: f"_(*{moment.timetuple()[:6]})"
            )
            assert bound is None or eval(bound.replace("AND", "and"), {"x": local, "_": dt.datetime})


@pytest.mark.parametrize(
    "part",
    [Compare("x", Op.NE, 1), Compare("x", Op.EQ, True), Compare("x", Op.EQ, float("nan")), Compare("x", Op.GE, 1e300), In("x", ()), Compare("x", Op.EQ, "1")],
)  # fmt: skip
def test_what_says_nothing_certain_of_numbers_is_not_written(part):
    assert bounds.numbers("x", part) is None


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_texts_in_a_bound_cannot_leave_their_quotes(values):
    native = {"mssql": Native("x", Kind.TEXT, "nvarchar(9)"), "oracle": Native("x", Kind.TEXT, "VARCHAR2(9)")}
    for which, write in (("mssql", mssql_sql.bound), ("oracle", oracle_sql.bound)):
        bound = write(native[which], Field("x", F.STRING), In("x", tuple(values)))
        if any(not value or "\0" in value for value in values):
            assert bound is None
            continue
        body = bound.partition(" IN (")[2].removesuffix(")")
        shown = [f"{'N' if which == 'mssql' else ''}'{value.replace(chr(39), chr(39) * 2)}'" for value in values]
        assert body == ", ".join(shown)


# --- arriving ---------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.none() | st.datetimes(dt.datetime(FROM_YEAR, 1, 2), dt.datetime(TO_YEAR - 1, 12, 30)), max_size=8))
def test_local_times_are_moved_as_everywhere_in_nabe(times):
    kind = pa.timestamp("us", "UTC")
    column = pa.array([None if item is None else item.replace(tzinfo=dt.UTC) for item in times], kind)
    for zone in ("Europe/Berlin", "America/St_Johns"):
        found = shifted(column, zone)
        assert found.type == kind and found.to_pylist() == [
            None if item is None else to_utc(item, zone) for item in times
        ]
    assert shifted(column, "UTC").to_pylist() == column.to_pylist()


def test_the_hours_at_the_change_of_the_clocks():
    column = pa.array([dt.datetime(2026, 3, 29, 2, 30), dt.datetime(2026, 10, 25, 2, 30)], pa.timestamp("us", "UTC"))
    assert [str(item)[11:16] for item in shifted(column, "Europe/Berlin").to_pylist()] == ["01:30", "01:30"]


def test_what_the_drivers_deliver_fits_the_hub():
    schema = arrow_schema([Field("a", F.INTEGER), Field("b", F.NUMBER), Field("c", F.BOOLEAN), Field("d", F.DATE), Field("e", F.DATETIME), Field("f", F.STRING)])  # fmt: skip
    columns = [
        ["9223372036854775807", None, "1_000"],
        [1.5, 2.0, None],
        [1, 0, None],
        ["2026-11-24", None, "0001-01-01"],
        ["2026-11-24T12:00:00", "2026-11-24T12:00:00.123456", None],
        ["a", oracle.hexed(b"\x01\xff"), None],
    ]
    batch = from_columns(columns, schema)
    assert batch.column(0).to_pylist() == [9223372036854775807, None, None]
    assert batch.column(2).to_pylist() == [True, False, None]
    assert batch.column(3).to_pylist() == [dt.date(2026, 11, 24), None, dt.date(1, 1, 1)]
    assert batch.column(4).to_pylist()[1] == dt.datetime(2026, 11, 24, 12, 0, 0, 123456, dt.UTC)
    assert batch.column(5).to_pylist() == ["a", "01ff", None]


def test_types_are_called_as_in_a_table():
    assert (
        mssql.native_name("nvarchar", 80, 0, 0) == "nvarchar(40)"
        and mssql.native_name("varchar", -1, 0, 0) == "varchar(max)"
    )
    assert mssql.native_name("decimal", 9, 10, 2) == "decimal(10,2)"
    assert (
        oracle.native_name("NUMBER", 22, 0, None, None) == "NUMBER"
        and oracle.native_name("NUMBER", 22, 0, 9, 0) == "NUMBER(9,0)"
    )
    assert oracle.native_name("VARCHAR2", 160, 40, None, None) == "VARCHAR2(40)"
    assert oracle_kind("BFILE") is None and oracle_kind("ADRESSE_T", "AMT") is None
    assert oracle_kind("SDO_GEOMETRY", "MDSYS") is Kind.GEOMETRY


def test_rows_are_counted_only_where_the_table_is_larger_than_may_be_read():
    relation = Relation("s", "t", "t", {}, rows=100)
    assert bounded_count("SELECT 1 FROM t WHERE x", relation, 1000, lambda: 1 / 0) == 100
    assert bounded_count("SELECT 1 FROM t", relation, 10, lambda: 1 / 0) == 100
    assert bounded_count("SELECT 1 FROM t WHERE x", relation, 10, lambda: 7) == 7
    assert bounded_count("SELECT 1 FROM t", Relation("s", "t", "t", {}), 10, lambda: 7) == 7


def test_a_name_binds_each_of_its_places():
    assert oracle.named("a = :1 OR :1 IS NULL AND b = :2") == "a = :v1 OR :v1 IS NULL AND b = :v2"


# --- connecting: the real drivers, against nobody and against a server that says nothing ------------------------------


@pytest.mark.parametrize("scheme", ["mssql", "oracle"])
def test_a_database_that_is_not_there_is_unavailable_and_no_password_is_told(scheme, tmp_path):
    opened = open_source(tmp_path, {"url": f"{scheme}://leser:kanarienvogel@127.0.0.1:1/amt"}, 3)
    with pytest.raises(SourceUnavailable) as caught:
        opened.check()
    assert "kanarienvogel" not in str(caught.value) + str(vars(caught.value)) and caught.value.where == "127.0.0.1:1"


@pytest.mark.parametrize("scheme", ["mssql", "oracle"])
def test_a_server_that_says_nothing_is_given_up(scheme, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held: list[socket.socket] = []
        threading.Thread(target=lambda: held.append(silent.accept()[0]), daemon=True).start()
        opened = open_source(tmp_path, {"url": f"{scheme}://a:b@127.0.0.1:{silent.getsockname()[1]}/amt"}, 2)
        begun = time.monotonic()
        with pytest.raises(SourceUnavailable):
            opened.check()
        assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    ("scheme", "module", "extra"), [("mssql", "pymssql", "mssql"), ("oracle", "oracledb", "oracle")]
)
def test_a_missing_driver_is_named_with_what_brings_it(scheme, module, extra, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SourceRefused) as caught:
        open_source(tmp_path, {"url": f"{scheme}://a:b@127.0.0.1:1/amt"}).check()
    assert "is not installed" in str(caught.value) and f"nabe[{extra}]" in caught.value.hint


def test_drivers_are_not_loaded_until_they_are_needed():
    import subprocess

    code = "import sys; from nabe.app import adapters; adapters(); print([m for m in ('pymssql', 'oracledb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
