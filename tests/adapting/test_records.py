"""What adapters of records share: lines of a stream, columns told from records, records in the hub's types."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.adapting.records import LONGEST_LINE, RecordSettings, Unreadable, delivered, described, lines
from nabe.errors import SourceRefused
from nabe.model.dataset import Field, FieldType


@given(st.text(st.characters(exclude_characters="\r\n\ufeff", exclude_categories=["Cs"])), st.lists(st.integers(0, 40)))
def test_lines_do_not_depend_on_how_the_bytes_came(text, cuts):
    body = f"a\r\n{text}\n\nz".encode()
    marks = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    assert list(lines(body[a:b] for a, b in itertools.pairwise(marks))) == ["a", text, "", "z"]


def test_a_line_without_end_and_bytes_of_another_encoding_are_named_not_held():
    with pytest.raises(Unreadable, match="line 2 is longer"):
        list(lines(iter([b"a\n", *[b"x" * 100_000] * 50])))
    with pytest.raises(Unreadable, match="line 1 is longer"):
        list(lines([b"x" * (LONGEST_LINE + 1) + b"\n"]))
    with pytest.raises(Unreadable, match="line 2 is not utf-8"):
        list(lines([b"a\n\xff\n"]))
    assert list(lines([])) == [] and list(lines([b"\xef\xbb\xbfa"])) == ["a"]


def test_columns_are_told_from_records_and_read_as_told():
    found = [
        {"nr": "01", "wert": "1,5", "tag": "2026-11-24", "ort": {"stadt": "Köln"}, "coord": [6.9, 50.9]},
        {"nr": "02", "wert": "-", "tag": "2026-11-25", "coord": None},
    ]
    table = described("liste", found, {"path": "x"})
    assert {column.name: column.type for column in table.columns} == {
        "nr": FieldType.STRING,
        "wert": FieldType.NUMBER,
        "tag": FieldType.DATE,
        "ort.stadt": FieldType.STRING,
        "coord": FieldType.GEOMETRY,
    }
    fields = [Field(column.name, column.type) for column in table.columns]
    settings = RecordSettings.model_validate({key: value for key, value in table.source.items() if key != "path"})
    (batch,) = delivered("s", iter(found), fields, settings).batches
    assert batch.column(1).to_pylist() == [1.5, None] and batch.column(3).to_pylist() == ["Köln", None]


def test_a_column_that_no_record_has_is_refused_unless_it_may_be_missing():
    fields = [Field("a", FieldType.STRING), Field("b", FieldType.STRING, column="weg")]
    with pytest.raises(SourceRefused, match="'weg'"):
        list(delivered("s", iter([{"a": "1"}]), fields, RecordSettings(), "d").batches)
    settings = RecordSettings.model_validate({"columns": {"weg": {"optional": True}}})
    assert [batch.num_rows for batch in delivered("s", iter([{"a": "1"}]), fields, settings).batches] == [1]
