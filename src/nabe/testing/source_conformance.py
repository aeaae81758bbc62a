"""What every source must do alike: a class of tests that each adapter's own test class inherits.

An adapter's test class names its silo once, holding `CONTENT`, and gets all tests:

    class TestCsv(SourceConformance):
        @pytest.fixture
        def silo(self, tmp_path) -> Silo: ...

The expected rows come from a plain walk over Python dicts (`expected`), which shares no code with `query.evaluate` or
`query.sql`: where the two disagree, one of them is wrong.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.expr import ALL_ROWS, And, BBox, Compare, Expr, In, IsNull, Like, NoRows, Not, Op, Or
from nabe.model.query import Order, Scan, SealedScan
from nabe.model.schema import arrow_schema
from nabe.ports.source import CanCount, Source
from nabe.testing.sealing import seal
from nabe.testing.source_content import BY_KEY, CONTENT, FIELDS, ROWS, point
from nabe.testing.source_oracle import Row, expected, holds

__all__ = ["BY_KEY", "CONTENT", "FIELDS", "ROWS", "Silo", "SourceConformance", "answer", "expressions", "point"]


@dataclass(frozen=True)
class Silo:
    """An open source and the dataset of `CONTENT` in it.

    `missing`: the same dataset with a field whose column the silo does not have (None: not testable there).
    `gone`: a source and dataset whose silo does not answer (None: not testable there).
    """

    source: Source
    dataset: Dataset
    missing: Dataset | None = None
    gone: tuple[Source, Dataset] | None = None


def answer(source: Source, scan: SealedScan) -> pa.Table:
    """All rows of a sealed scan: what the source delivers, finished as the hub does it."""
    from nabe.query.evaluate import finish

    batches = finish(source.read(scan), scan, source.capabilities)
    try:
        return pa.Table.from_batches(list(batches.batches), batches.schema)
    finally:
        batches.close()


def rows_of(table: pa.Table) -> list[Row]:
    """Rows as dicts, times in UTC."""
    rows: list[Row] = table.to_pylist()
    return rows


# Every kind of filter once, with the name of what it shows.
_UTC = dt.UTC
FILTERS: dict[str, Expr] = {
    "no restriction": ALL_ROWS,
    "nothing": NoRows(),
    "a key with its leading zero": Compare("key", Op.EQ, "01"),
    "a key is text, not a number": Compare("key", Op.EQ, "1"),
    "umlauts": Compare("name", Op.EQ, "Köln-Süd"),
    "not equal leaves missing values out": Compare("note", Op.NE, "frei"),
    "text is ordered by code point": Compare("name", Op.GE, "Z"),
    "a longer text comes after its beginning": Compare("note", Op.LT, "a"),
    "a blank at the end is a part of the text": Compare("note", Op.EQ, "frei "),
    "quotes in a value are a value": Compare("note", Op.EQ, 'O\'Brien; -- "x"'),
    "a number below": Compare("share", Op.LT, 1234.5),
    "a number at most": Compare("share", Op.LE, 1234.5),
    "a whole number compared with a fraction": Compare("count", Op.GT, 9.5),
    "a fraction compared with a whole number": Compare("share", Op.GE, -1),
    "true": Compare("open", Op.EQ, True),
    "not true": Compare("open", Op.NE, True),
    "a day": Compare("opened", Op.EQ, dt.date(2026, 11, 24)),
    "before a day": Compare("opened", Op.LT, dt.date(2000, 1, 1)),
    "a moment": Compare("seen", Op.EQ, dt.datetime(2026, 3, 29, 1, 0, tzinfo=_UTC)),
    "since a moment": Compare("seen", Op.GE, dt.datetime(2026, 3, 29, 0, 59, 59, tzinfo=_UTC)),
    "a list": In("quarter", ("Nord", "Süd")),
    "an empty list": In("quarter", ()),
    "a list of numbers": In("count", (0, 12, 99)),
    "a fraction in a list of whole numbers, beside a box": Or(
        (In("count", (0.5, 12.0)), BBox("place", 0.0, 0.0, 0.0, 0.0))
    ),
    "a list of days": In("opened", (dt.date(2026, 11, 24), dt.date(1999, 12, 31))),
    "a pattern": Like("name", "K%-S_d"),
    "a pattern regards case": Like("name", "köln%"),
    "a pattern without regard to case": Like("name", "KÖLN%", ignore_case=True),
    "per cent signs of a value are matched by any run": Like("note", "100 %"),
    "a star is a star": Like("note", "*"),
    "missing": IsNull("note"),
    "missing place": IsNull("place"),
    "not missing": Not(IsNull("seen")),
    "not, over a missing value": Not(Compare("count", Op.GT, 5)),
    "not in, over a missing value": Not(In("note", ("frei",))),
    "a box": BBox("place", 6.9, 50.9, 7.0, 51.0),
    "a box's edge belongs to it": BBox("place", 6.95, 50.94, 6.95, 50.94),
    "a box over the antimeridian": BBox("place", 170.0, -90.0, 6.95, 90.0),
    "outside a box": Not(BBox("place", 6.9, 50.9, 7.0, 51.0)),
    "both": And((Compare("quarter", Op.EQ, "Nord"), Compare("count", Op.GE, 5))),
    "either, one of them missing": Or((Compare("count", Op.GT, 5), Compare("open", Op.EQ, True))),
    "nested": Not(Or((Compare("quarter", Op.EQ, "Nord"), And((IsNull("note"), Compare("share", Op.GT, 0)))))),
}


def _leaf(field: Field) -> st.SearchStrategy[Expr]:
    name = field.name
    if field.type is FieldType.GEOMETRY:
        degrees = st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90)
        return st.tuples(*degrees).map(lambda b: BBox(name, b[0], min(b[1], b[3]), b[2], max(b[1], b[3])))
    there = [row[name] for row in ROWS if row[name] is not None]
    values: st.SearchStrategy[Any] = st.sampled_from(there)
    if field.type is FieldType.STRING:
        values = values | st.text("aäßZ01'\"\\;% _", max_size=4)
    elif field.type in (FieldType.INTEGER, FieldType.NUMBER):
        values = values | st.integers(-20, 20) | st.sampled_from([0.5, -1.25, 1e9])
    ops = [Op.EQ, Op.NE] if field.type is FieldType.BOOLEAN else list(Op)
    kinds: list[st.SearchStrategy[Expr]] = [
        st.builds(Compare, st.just(name), st.sampled_from(ops), values),
        st.builds(In, st.just(name), st.lists(values, max_size=3).map(tuple)),
        st.just(IsNull(name)),
    ]
    if field.type is FieldType.STRING:
        patterns = st.text("%_aK0öfn", max_size=4)
        kinds.append(st.builds(Like, st.just(name), patterns, st.booleans()))
    return st.one_of(kinds)


def expressions(fields: Iterable[Field] = FIELDS) -> st.SearchStrategy[Expr]:
    """Filters of any shape over the content's fields."""
    leaves = st.one_of([_leaf(field) for field in fields])

    def extend(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        several = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)

    return st.recursive(leaves, extend, max_leaves=5)


class SourceConformance:
    """Inherit, give `silo`. Tests read through `query.evaluate.finish`, so a source may leave out what it cannot do."""

    @pytest.fixture
    def silo(self) -> Silo:
        """The adapter's silo with `CONTENT` in it, in any native form; fields may be stored under other columns."""
        raise NotImplementedError

    def test_all_rows_arrive_exactly_in_the_types_of_the_schema(self, silo: Silo) -> None:
        table = answer(silo.source, seal(silo.dataset))
        assert table.schema.equals(arrow_schema(FIELDS), check_metadata=False)
        place = table.schema.field("place")
        assert place.metadata and place.metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
        _same(rows_of(table), ROWS)

    def test_each_batch_has_the_promised_schema(self, silo: Silo) -> None:
        batches = silo.source.read(seal(silo.dataset))
        try:
            for batch in batches.batches:
                assert batch.schema.equals(batches.schema, check_metadata=False)
        finally:
            batches.close()

    @pytest.mark.parametrize("name", FILTERS)
    def test_a_filter_of_the_asker_leaves_the_right_rows(self, silo: Silo, name: str) -> None:
        scan = Scan(silo.dataset.id, where=FILTERS[name])
        _same(rows_of(answer(silo.source, seal(silo.dataset, scan))), expected(seal(silo.dataset, scan)))

    @pytest.mark.parametrize("name", FILTERS)
    def test_a_filter_of_the_grant_leaves_the_right_rows(self, silo: Silo, name: str) -> None:
        sealed = seal(silo.dataset, Scan(silo.dataset.id, ("key",)), allowed=FILTERS[name])
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        where=expressions(), allowed=expressions() | st.just(ALL_ROWS), fields=st.permutations([f.name for f in FIELDS])
    )
    def test_any_filter_leaves_the_right_rows(self, silo: Silo, where: Expr, allowed: Expr, fields: list[str]) -> None:
        scan = Scan(silo.dataset.id, tuple(fields[:3]), where=where)
        sealed = seal(silo.dataset, scan, allowed=allowed)
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    def test_fields_arrive_in_the_order_asked_for(self, silo: Silo) -> None:
        scan = Scan(silo.dataset.id, ("share", "key", "place", "name"), where=Compare("key", Op.LE, "03"))
        table = answer(silo.source, seal(silo.dataset, scan))
        assert table.schema.names == ["share", "key", "place", "name"]
        _same(rows_of(table), expected(seal(silo.dataset, scan)))

    def test_a_field_that_is_filtered_by_need_not_be_asked_for(self, silo: Silo) -> None:
        scan = Scan(silo.dataset.id, ("name",), where=Compare("key", Op.EQ, "01"), order=(Order("share"),))
        assert rows_of(answer(silo.source, seal(silo.dataset, scan))) == [{"name": BY_KEY["01"]["name"]}]

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("field", [field.name for field in FIELDS if field.type is not FieldType.GEOMETRY])
    def test_rows_are_ordered_with_missing_values_last(self, silo: Silo, field: str, descending: bool) -> None:
        scan = Scan(silo.dataset.id, ("key", field) if field != "key" else ("key",))
        order = (Order(field, descending), Order("key"))
        sealed = seal(silo.dataset, Scan(scan.dataset, scan.fields, order=order))
        assert rows_of(answer(silo.source, sealed)) == expected(sealed)

    @pytest.mark.parametrize(("limit", "offset"), [(0, 0), (1, 0), (3, 2), (5, len(ROWS) - 2), (5, 1000), (None, 4)])
    def test_limit_and_offset_cut_the_ordered_rows(self, silo: Silo, limit: int | None, offset: int) -> None:
        order = (Order("key", descending=True),)
        sealed = seal(silo.dataset, Scan(silo.dataset.id, ("key",), order=order, limit=limit, offset=offset))
        assert rows_of(answer(silo.source, sealed)) == expected(sealed)

    def test_a_limit_without_order_gives_so_many_of_the_wanted_rows(self, silo: Silo) -> None:
        where = Compare("quarter", Op.EQ, "Nord")
        table = answer(silo.source, seal(silo.dataset, Scan(silo.dataset.id, where=where, limit=3)))
        assert table.num_rows == 3 and set(table["quarter"].to_pylist()) == {"Nord"}

    def test_pages_without_order_hold_every_row_once(self, silo: Silo) -> None:
        pages = [
            answer(silo.source, seal(silo.dataset, Scan(silo.dataset.id, ("key",), limit=4, offset=offset)))
            for offset in range(0, len(ROWS) + 4, 4)
        ]
        assert sorted(key for page in pages for key in page["key"].to_pylist()) == sorted(BY_KEY)

    @pytest.mark.parametrize("subject", ["", "household"])
    @pytest.mark.parametrize("size", [2, 3, 4])
    def test_small_cells_stay_hidden(self, silo: Silo, size: int, subject: str) -> None:
        sealed = seal(silo.dataset, columns=frozenset({"quarter"}), min_group=size, subject=subject)
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    def test_the_filter_of_the_asker_sees_only_what_the_floor_leaves(self, silo: Silo) -> None:
        scan = Scan(silo.dataset.id, ("quarter",), where=Compare("quarter", Op.NE, "Nord"))
        sealed = seal(silo.dataset, scan, columns=frozenset({"quarter"}), min_group=3, subject="household")
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    def test_measures_are_shown_as_the_mean_of_their_cell(self, silo: Silo) -> None:
        duties: dict[str, Any] = {"columns": frozenset({"quarter", "share"}), "measures": frozenset({"share"})}
        sealed = seal(silo.dataset, min_group=3, **duties)
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    def test_the_filter_of_the_grant_comes_before_the_floor(self, silo: Silo) -> None:
        allowed = Compare("count", Op.GT, 4)
        sealed = seal(silo.dataset, columns=frozenset({"quarter"}), min_group=2, allowed=allowed)
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    def test_rounding_comes_before_the_filter_of_the_asker(self, silo: Silo) -> None:
        where = Compare("count", Op.EQ, 10)
        scan = Scan(silo.dataset.id, ("key", "count", "share"), where=where)
        sealed = seal(silo.dataset, scan, rounding={"count": 10.0, "share": 0.5})
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    def test_rounded_values_form_the_cells(self, silo: Silo) -> None:
        duties: dict[str, Any] = {"columns": frozenset({"count"}), "rounding": {"count": 10.0}}
        sealed = seal(silo.dataset, min_group=3, **duties)
        _same(rows_of(answer(silo.source, sealed)), expected(sealed))

    def test_everything_at_once(self, silo: Silo) -> None:
        where = Or((Compare("share", Op.GT, 0), IsNull("share")))
        scan = Scan(silo.dataset.id, ("quarter", "share"), where, (Order("quarter", True), Order("share")), 6, 1)
        duties: dict[str, Any] = {"columns": frozenset({"quarter", "share"}), "measures": frozenset({"share"})}
        sealed = seal(silo.dataset, scan, allowed=Not(IsNull("name")), min_group=2, subject="household", **duties)
        _same(rows_of(answer(silo.source, sealed)), expected(sealed), ordered=True)

    def test_a_count_knows_no_limit(self, silo: Silo) -> None:
        if not isinstance(silo.source, CanCount):
            pytest.skip("this source does not count")
        where = Compare("quarter", Op.EQ, "Nord")
        sealed = seal(silo.dataset, Scan(silo.dataset.id, ("key",), where, limit=1, offset=1))
        assert silo.source.count(sealed) == sum(holds(where, row) is True for row in ROWS)
        assert silo.source.count(seal(silo.dataset)) == len(ROWS)

    def test_an_estimate_is_a_number_of_rows(self, silo: Silo) -> None:
        assert 0 <= silo.source.estimate(seal(silo.dataset)) < 1_000_000
        limited = seal(silo.dataset, Scan(silo.dataset.id, limit=2))
        assert 0 <= silo.source.estimate(limited) < 1_000_000

    def test_the_silo_answers_its_check(self, silo: Silo) -> None:
        silo.source.check()

    def test_several_threads_read_at_once(self, silo: Silo) -> None:
        start = threading.Barrier(4)

        def one(number: int) -> list[Row]:
            start.wait(10)
            scan = Scan(silo.dataset.id, ("key", "name"), Compare("key", Op.GE, f"0{number + 1}"))
            return rows_of(answer(silo.source, seal(silo.dataset, scan)))

        with ThreadPoolExecutor(4) as pool:
            for number, rows in enumerate(pool.map(one, range(4))):
                scan = Scan(silo.dataset.id, ("key", "name"), Compare("key", Op.GE, f"0{number + 1}"))
                _same(rows, expected(seal(silo.dataset, scan)))

    def test_a_stream_may_be_closed_early_and_twice(self, silo: Silo) -> None:
        batches = silo.source.read(seal(silo.dataset))
        next(batches.batches, None)
        batches.close()
        batches.close()
        assert answer(silo.source, seal(silo.dataset)).num_rows == len(ROWS)

    def test_two_streams_at_once_do_not_disturb_each_other(self, silo: Silo) -> None:
        first = silo.source.read(seal(silo.dataset))
        assert answer(silo.source, seal(silo.dataset)).num_rows == len(ROWS)
        assert sum(batch.num_rows for batch in first.batches) == len(ROWS)
        first.close()

    def test_a_column_that_is_gone_is_refused_by_name(self, silo: Silo) -> None:
        if silo.missing is None:
            pytest.skip("this silo cannot lose a column")
        (lost,) = [field for field in silo.missing.fields if silo.dataset.field(field.name) is None]
        with pytest.raises(SourceRefused, match=lost.source_column):
            answer(silo.source, seal(silo.missing))

    def test_a_silo_that_is_gone_is_unavailable(self, silo: Silo) -> None:
        if silo.gone is None:
            pytest.skip("this silo cannot go")
        source, dataset = silo.gone
        with pytest.raises(SourceUnavailable):
            answer(source, seal(dataset))

    def test_a_closed_source_can_be_closed_again(self, silo: Silo) -> None:
        silo.source.close()
        silo.source.close()


def _same(found: Sequence[Row], wanted: Sequence[Row], *, ordered: bool = False) -> None:
    """Equal as bags (or lists) of rows; numbers to 12 places, since a mean may be summed in any order."""
    left, right = ([tuple(_plain(value) for value in row.values()) for row in rows] for rows in (found, wanted))
    assert [list(row) for row in found[:1]] == [list(row) for row in wanted[:1]] or not (found and wanted)
    if not ordered:
        left, right = sorted(left, key=repr), sorted(right, key=repr)
    assert left == right


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return 0.0 if value == 0 else float(f"{value:.11g}") if math.isfinite(value) else value
    return value
