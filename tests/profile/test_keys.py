"""What identifies a row, and official keys."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from nabe.model.dataset import FieldType
from nabe.ports.source import Column
from nabe.profile.column import ColumnProfile
from nabe.profile.distinct import Budget
from nabe.profile.municipal import recognise


def column(name: str, values: list[Any]) -> ColumnProfile:
    kind = FieldType.STRING if isinstance(values[0], str) else FieldType.INTEGER
    array = pa.array(values)
    profile = ColumnProfile(Column(name, kind), array.type, Budget())
    profile.add(array)
    return profile


def test_an_identifier_is_preferred_to_a_name_that_happens_to_be_unique(proposal: Any) -> None:
    found = proposal({"name": [f"Schule {at}" for at in range(50)], "schul_nr": [f"{at:04d}" for at in range(50)]})
    assert found.dataset.key == ("schul_nr",)


def test_a_measurement_that_differs_in_every_row_is_no_key(proposal: Any) -> None:
    found = proposal({"einwohner": [1000 + 7 * at for at in range(30)], "anteil": [at / 7 for at in range(30)]})
    assert found.dataset.key == ()


def test_a_name_and_a_date_together_are_a_key(proposal: Any) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(at) for at in range(100)]
    found = proposal({"station": ["A"] * 100 + ["B"] * 100, "datum": days * 2, "wert": [1.0] * 200}, batch=64)
    assert found.dataset.key == ("station", "datum") and found.dataset.time == "datum"


def test_a_long_table_of_statistics_is_identified_by_three_columns(proposal: Any) -> None:
    rows = [(jahr, ort, merkmal) for jahr in range(2010, 2020) for ort in range(20) for merkmal in range(5)]
    found = proposal(
        {
            "jahr": [row[0] for row in rows],
            "raum_id": [f"{row[1]:03d}" for row in rows],
            "merkmal_id": [row[2] for row in rows],
            "zahl": [float(at % 17) for at in range(len(rows))],
        },
        batch=333,
    )
    assert set(found.dataset.key) == {"jahr", "raum_id", "merkmal_id"}


def test_a_repeated_row_in_the_last_batch_spoils_the_key(proposal: Any) -> None:
    values = [f"{at:06d}" for at in range(5000)]
    assert proposal({"id": values}, batch=500).dataset.key == ("id",)
    assert proposal({"id": [*values, values[17]]}, batch=500).dataset.key == ()


def test_a_missing_value_spoils_the_key(proposal: Any) -> None:
    assert proposal({"id": ["a", "b", None]}).dataset.key == ()
    assert proposal({"id": ["a", "b", "  "]}).dataset.key == ()


def test_the_key_that_the_silo_declares_is_taken(proposal: Any) -> None:
    assert proposal({"a": ["x", "y"], "id": ["1", "2"]}, key=("a",)).dataset.key == ("a",)


@pytest.mark.parametrize(
    ("header", "values", "kind"),
    [
        ("AGS", ["05315000", "09162000", "11000000"], "ags"),
        ("gemeinde", ["05315000", "05334002", "09162000"], "ags"),
        ("gemeindeschluessel", ["09571", "05315", "01001"], "kreis"),
        ("PLR_ID", ["01100101", "12500824", "08200725"], "lor"),
        ("plz", ["50667", "01067", "99998"], "plz"),
        ("PLZ", [50667, 10117, 80331], "plz"),
        ("zip_code", [10117, 10115, 12043], "plz"),
        ("strassenschluessel", ["00001", "05516", "01155"], "street"),
        ("STT_NR", ["101", "909", "905"], "district"),
        ("Stadtteil-Nr.", [101, 102, 103], "district"),
        ("devEUI", ["70B3D57ED0000001", "a8:40:41:00:01:81:83:4f", "0004A30B001C0530"], "deveui"),
        ("ARS", ["053150000000", "091620000000", "110000000000"], "ars"),
        ("NUTS_ID", ["DE", "DEA2", "DEA23"], "nuts"),
        ("code", ["DEA23", "DE300", "DED51"], "nuts"),
        ("flstkennz", ["05493000100123______", "0549300010012300450_"[:18] + "__"], "parcel"),
        ("kennung", ["05493000100123______", "05493000100124000500", "05493000100125______"], "parcel"),
        ("gebaeude_id", ["DENW36AL10000ABC", "DENW36AL10000ABD"], "alkis"),
        ("schulnummer", ["184123", "184124"], "institution"),
        ("BSN", ["01A02", "12K03"], "institution"),
        ("kita_nr", ["01010010", "01010020"], "institution"),
    ],
)
def test_official_keys_are_recognised(header: str, values: list[Any], kind: str) -> None:
    found = recognise(column(header, values))
    assert found is not None and found.kind.id == kind and not found.zeros_lost


def test_lost_leading_zeros_are_noticed() -> None:
    found = recognise(column("plz", [1067, 1069, 50667]))
    assert found is not None and found.zeros_lost
    found = recognise(column("AGS", [5315000, 9162000, 11000000]))
    assert found is not None and found.zeros_lost


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("einwohner", [50667, 10117, 80331]),
        ("stadtteil", ["Mitte", "Nord", "Süd"]),
        ("blknr", ["00100100", "99100200", "17500300"]),
        ("code", ["DEX99", "DEUTSCH", "DEA23"]),
        ("zeichen", ["17493000100123______", "05493000100124000500"]),
        ("schulname", ["GGS01", "KGS02"]),
    ],
)
def test_other_digits_are_not_taken_for_official_keys(header: str, values: list[Any]) -> None:
    assert recognise(column(header, values)) is None


def test_the_name_of_the_table_helps_a_bare_header() -> None:
    assert recognise(column("Nr.", [101, 102])) is None
    found = recognise(column("Nr.", [101, 102]), "2012_Schueler_Stadtteil")
    assert found is not None and found.kind.id == "district"


def test_statistics_are_identified_by_their_dimensions_without_those_that_repeat_others(proposal: Any) -> None:
    rows = [(at, alter, sex) for at in range(14) for alter in ("0-5", "6-17", "18-64", "65+") for sex in ("m", "w")]
    found = proposal(
        {
            "Stichtag": [dt.date(2025, 12, 31)] * len(rows),
            "STT": [f"{row[0]:02d}" for row in rows],
            "Stadtteil": ["Ort " + "abcdefghijklmn"[row[0]] for row in rows],
            "Altersgruppe": [row[1] for row in rows],
            "Geschlecht": [row[2] for row in rows],
            "Einwohner": [100 + at % 50 for at in range(len(rows))],
        }
    )
    assert found.dataset.key == ("stt", "altersgruppe", "geschlecht")


def test_the_land_of_a_key_is_told_by_its_digits(proposal: Any) -> None:
    found = proposal({"ags": ["05315000", "05334002", "09162000", "11000000"], "x": [1.0, 2.0, 3.0, 4.0]})
    (told,) = [item for item in found.findings if item.key == "profile.key.laender"]
    assert told.params["laender"] == "BE, BY, NW" and "NW" in told.text("de")


def test_keys_that_do_not_fit_their_kind_are_shown(proposal: Any) -> None:
    good = [f"05{n}{m:02d}000" for n in (1, 3, 5, 7, 9) for m in range(20)]
    found = proposal({"ags": [*good, "99315000", "05215000"]})
    (told,) = [item for item in found.findings if item.key == "profile.key.odd"]
    assert set(told.params["values"]) == {"99315000", "05215000"}
