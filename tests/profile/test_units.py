"""Units are read from headers as German offices write them, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.profile.titles import mended
from nabe.profile.units import unit_of


@pytest.mark.parametrize(
    ("header", "ucum", "rest"),
    [
        ("Fläche in m²", "m2", "Fläche"),
        ("Temp. [°C]", "Cel", "Temp."),
        ("Particulate matter (PM₁₀) Daily average in µg/m³", "ug/m3", "Particulate matter (PM₁₀) Daily average"),
        ("PM10 (µg/m³)", "ug/m3", "PM10"),
        ("Höhe (m)", "m", "Höhe"),
        ("Betrag EUR", "{EUR}", "Betrag"),
        ("Betrag €", "{EUR}", "Betrag"),
        ("Haushalte in Tsd. EUR", "10*3{EUR}", "Haushalte"),
        ("Insgesamt in Mill. Euro", "10*6{EUR}", "Insgesamt"),
        ("Euro je Einwohner", "{EUR}/{inhabitant}", "Euro je Einwohner"),
        ("Miete Euro/m²", "{EUR}/m2", "Miete"),
        ("Anteil %", "%", "Anteil"),
        ("Differenz zum Vorjahr in Prozent", "%", "Differenz zum Vorjahr"),
        ("Arbeits-\nlosen-\nquote in %", "%", "Arbeitslosenquote"),
        ("v in km/h", "km/h", "v"),
        ("Fälle je 100.000 Einwohner", "/10*5{inhabitants}", "Fälle je 100.000 Einwohner"),
        ("Einwohner je km²", "{inhabitants}/km2", "Einwohner je km²"),
        ("Heizung: EKW 2012 [kWh/m²a]", "kW.h/(m2.a)", "Heizung: EKW 2012"),
        ("Wasser: EKW 2012 [l/m²]", "L/m2", "Wasser: EKW 2012"),
        ("Länge in m (2012)", "m", "Länge (2012)"),
        ("Lärm dB(A)", "dB{A}", "Lärm"),
        ("Kfz/24h", "{vehicles}/d", "Kfz/24h"),
        ("electricity_mwh_2022", "MW.h", "electricity_mwh_2022"),
        ("inhabitants_percentage", "%", "inhabitants_percentage"),
        ("Bebaute Fläche / m²", "m2", "Bebaute Fläche"),
    ],
)
def test_a_unit_in_a_header_becomes_its_ucum_code(header: str, ucum: str, rest: str) -> None:
    found = unit_of(mended(header))
    assert found is not None
    assert (found.ucum, found.rest) == (ucum, rest)


@pytest.mark.parametrize(
    "header",
    [
        "Nitrogen dioxide (NO₂)",
        "Ozon (O₃)",
        "PM₁₀",
        "Einwohner (m)",
        "Personen (w)",
        "Einwohner in Köln",
        "temp_min",
        "hum_max",
        "Anzahl",
        "SHAPE_LEN",
        "Straße",
        "Kinder unter 6 in Kitas",
        "m",
        "Ha",
        "Kategorie (A)",
        "Umsatz in Mill. kWh",
        "Absatz Mio. m",
        "precipitation_amount_last_24_hours",
        "dew_point_temperature_at_2_meter_above_ground",
        "Temperatur in 5 cm",
        "",
    ],
)
def test_what_only_looks_like_a_unit_is_none(header: str) -> None:
    assert unit_of(header) is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_header_breaks_the_reader_of_units(header: str) -> None:
    found = unit_of(mended(header))
    assert found is None or found.ucum
