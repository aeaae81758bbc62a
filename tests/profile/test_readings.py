"""Text files are proposed to be read as they mean it."""

from __future__ import annotations

from typing import Any

import pytest

from nabe.model.dataset import FieldType
from nabe.profile.readings import is_text_file


def test_seconds_since_1970_are_read_as_time(proposal: Any) -> None:
    found = proposal({"timestamp": [1_359_673_200 + 3600 * at for at in range(20)], "wert": [1.5] * 20}).dataset
    assert found.fields[0].type is FieldType.DATETIME and found.time == "timestamp"
    assert found.source["columns"] == {"timestamp": {"date_format": "unix"}}


def test_milliseconds_since_1970_are_told_from_seconds(proposal: Any) -> None:
    found = proposal({"time": [1_359_673_200_000 + 3600 * at for at in range(20)]}).dataset
    assert found.source["columns"] == {"time": {"date_format": "unix_ms"}}


def test_days_of_eight_digits_are_read_as_dates(proposal: Any) -> None:
    found = proposal({"MESS_DATUM": [20130201 + at for at in range(20)]}).dataset
    assert found.fields[0].type is FieldType.DATE and found.time == "mess_datum" and "columns" not in found.source


def test_stand_ins_are_read_as_missing_beside_those_already_declared(proposal: Any) -> None:
    found = proposal({"temp": [10.5, 11.5, 12.0, -999.0]}, source={"path": "a.csv.gz", "nulls": ("-",)}).dataset
    assert found.source["columns"]["temp"]["nulls"][:2] == ["-", "-999"] and found.source["nulls"] == ("-",)


def test_typed_sources_are_left_as_they_are(proposal: Any) -> None:
    found = proposal({"timestamp": [1_359_673_200 + at for at in range(20)]}, source={"path": "a.parquet"}).dataset
    assert found.fields[0].type is FieldType.INTEGER and "columns" not in found.source and found.time == ""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"path": "a.csv"}, True),
        ({"path": "a.2024.TSV.gz"}, True),
        ({"path": "a.xlsx"}, False),
        ({"path": "daten", "format": "csv"}, True),
        ({"table": "a"}, False),
    ],
)
def test_text_files_are_known_by_their_ending_or_format(source: dict[str, Any], text: bool) -> None:
    assert is_text_file(source) is text
