"""A proposal as a whole: names, values, time, duplicates, bounds."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pyarrow as pa

from nabe.model.dataset import Access, FieldType
from nabe.profile import propose
from nabe.profile.findings import KINDS
from nabe.testing.fakes_probe import ArrowProbe


def keys(found: Any, field: str = "") -> list[str]:
    return [item.key.removeprefix("profile.") for item in found.findings if item.field == field]


def test_a_proposal_is_internal_and_never_open(proposal: Any) -> None:
    found = proposal({"a": [1, 2, 3]}).dataset
    assert found.access is Access.INTERNAL and (found.owner, found.system, found.id) == ("amt", "sys", "t")


def test_names_leave_out_the_unit_and_stay_different(proposal: Any) -> None:
    found = proposal({"Fläche in m²": [1.5], "Fläche (ha)": [2.5], "Fläche": [3.5], "": ["x"]}).dataset
    assert [(field.name, field.column, field.unit) for field in found.fields] == [
        ("flaeche", "Fläche in m²", "m2"),
        ("flaeche_2", "Fläche (ha)", "har"),
        ("flaeche_3", "Fläche", ""),
        ("column_4", "", ""),
    ]


def test_text_keeps_no_unit(proposal: Any) -> None:
    found = proposal({"Höhe in m": ["ca. 3", "4", "5"]})
    assert found.dataset.fields[0].unit == "" and "unit.text" in keys(found, "hoehe_in_m")


def test_code_lists_constants_and_empty_columns_are_told(proposal: Any) -> None:
    count = 60
    found = proposal(
        {
            "art": ["Grundschule", "Gymnasium", "Realschule"] * 20,
            "stadt": ["Köln"] * count,
            "leer": pa.array([None] * count, pa.string()),
            "ja": [0, 1] * 30,
            "selten": [1.5] * 10 + [None] * 50,
        }
    )
    assert keys(found, "art") == ["values.codes"]
    assert keys(found, "stadt") == ["values.constant"]
    assert keys(found, "leer") == ["values.empty"]
    assert "values.mostly_missing" in keys(found, "selten")
    assert "values.flags" in keys(found)


def test_numbers_mixed_with_text_are_told(proposal: Any) -> None:
    found = proposal({"a": ["1", "2", "<15", "4,5"], "b": ["1", "2", "-", "k.A."]})
    assert keys(found, "a") == ["values.mixed"] and keys(found, "b") == ["values.mixed_missing"]


def test_numbers_that_stand_for_nothing_are_told(proposal: Any) -> None:
    found = proposal({"temp": [10.5, 11.5, 12.0, -999.0], "tief": [-500, -999, -700, 20]})
    assert keys(found, "temp") == ["values.stand_in", "values.stand_in_read"] and keys(found, "tief") == []


def test_repeated_rows_and_repeated_columns_are_told(proposal: Any) -> None:
    values = [f"n{at}" for at in range(20)]
    found = proposal({"a": [*values, "n3"], "b": [*values, "n3"]}, batch=7)
    assert "values.duplicates" in keys(found) and "values.twin" in keys(found, "b")


def test_years_months_and_seconds_since_1970_are_told(proposal: Any) -> None:
    found = proposal(
        {
            "jahr": [2005 + at % 8 for at in range(40)],
            "ZEIT": [202001 + at % 12 for at in range(40)],
            "timestamp": [1_359_673_200 + 3600 * at for at in range(40)],
        }
    )
    assert (keys(found, "jahr"), "time.month" in keys(found, "zeit"), keys(found, "timestamp")) == (
        ["time.year"],
        True,
        ["time.unix_read"],
    )


def test_the_begin_is_the_time_of_a_row_and_not_its_end(proposal: Any) -> None:
    days = [dt.datetime(2024, 1, 1 + at, tzinfo=dt.UTC) for at in range(20)]
    assert proposal({"tEnd": days, "tBeg": days}).dataset.time == "t_beg"


def test_an_empty_table_is_proposed_all_the_same(proposal: Any) -> None:
    found = proposal(pa.table({"a": pa.array([], pa.string())}))
    assert "reader.no_rows" in keys(found) and found.dataset.key == ()


def test_notes_of_the_reader_are_passed_on(proposal: Any) -> None:
    found = proposal({"a": [1]}, notes=("Read as Windows-1252.",))
    assert "Windows-1252" in next(item for item in found.findings if item.kind == "reader").text("de")


def test_the_same_table_in_other_batches_gives_the_same_proposal(proposal: Any, people: dict[str, Any]) -> None:
    one, other = proposal(people), proposal(people, batch=7)
    assert one.dataset == other.dataset
    assert [item.document() for item in one.findings] == [item.document() for item in other.findings]


def test_ten_thousand_columns_do_not_take_more_memory_each() -> None:
    wide = pa.table({f"c{at}": [f"{at}-{row}" for row in range(3)] for at in range(2_000)})
    found = propose(ArrowProbe({"wide": wide}), "wide", id="wide", owner="a", system="s")
    assert len(found.dataset.fields) == 2_000 and len(found.sketch) <= 40


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    table = pa.table({"a": list(range(1000))})
    propose(ArrowProbe({"t": table}, batch=100), "t", id="t", owner="a", system="s", progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0


def test_findings_come_by_kind_and_in_both_languages(proposal: Any, people: dict[str, Any]) -> None:
    found = proposal(people)
    kinds = [KINDS.index(item.kind) for item in found.findings]
    assert kinds == sorted(kinds)
    for item in found.findings:
        for lang in ("de", "en"):
            told = item.text(lang)
            assert told and "profile." not in told and not set(item.params) & set(re.findall(r"{(\w+)}", told))


def test_types_of_the_silo_are_kept(proposal: Any) -> None:
    found = proposal({"a": [True, False], "b": [1.5, 2.5], "c": [dt.date(2024, 1, 1)] * 2}).dataset
    assert [field.type for field in found.fields] == [FieldType.BOOLEAN, FieldType.NUMBER, FieldType.DATE]
