"""Silo `finanzen`: what the finance application exports to Excel, title lines above the header."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from nabe.demo.silos.writing import german, workbook
from nabe.demo.town import NOTICE, Town, dice

PRODUCTS = (
    ("111.10", "Verwaltungssteuerung", "stadtkaemmerei"),
    ("126.10", "Brandschutz", "ordnungsamt"),
    ("211.10", "Grundschulen", "schulamt"),
    ("217.10", "Gymnasien", "schulamt"),
    ("218.10", "Gesamtschulen", "schulamt"),
    ("272.10", "Büchereien", "schulamt"),
    ("311.20", "Hilfe zum Lebensunterhalt", "sozialamt"),
    ("311.30", "Grundsicherung im Alter", "sozialamt"),
    ("365.10", "Tageseinrichtungen für Kinder", "kita_eigenbetrieb"),
    ("366.10", "Spielplätze", "tiefbauamt"),
    ("414.10", "Gesundheitsschutz", "gesundheitsamt"),
    ("424.10", "Sportstätten", "schulamt"),
    ("511.10", "Stadtplanung", "stadtplanungsamt"),
    ("541.10", "Gemeindestraßen", "tiefbauamt"),
    ("547.10", "Öffentlicher Nahverkehr", "tiefbauamt"),
    ("551.10", "Öffentliches Grün", "umweltamt"),
    ("561.10", "Umweltschutz", "umweltamt"),
    ("573.10", "Stadthalle und Märkte", "stadtkaemmerei"),
)
_KINDS = (
    ("50110", "Personalaufwendungen", 1.0),
    ("52110", "Unterhaltung der Gebäude", 0.22),
    ("52410", "Bewirtschaftung (Energie, Reinigung)", 0.18),
    ("53110", "Zuweisungen und Zuschüsse", 0.6),
    ("54310", "Geschäftsaufwendungen", 0.07),
    ("44110", "Erträge aus Entgelten", -0.15),
)


def write(town: Town, folder: Path) -> None:
    """`haushaltsplan.xlsx` with the sheets `Plan` and `Rechnungen`; amounts partly as German text."""
    workbook(folder / "haushaltsplan.xlsx", {"Plan": _plan(), "Rechnungen": _invoices()})


def _plan() -> list[list[Any]]:
    rng = dice("budget")
    rows: list[list[Any]] = [["Ergebnishaushalt der Stadt Musterstadt"], [NOTICE], []]
    rows.append(["Jahr", "Produkt", "Bezeichnung", "Konto", "Aufwandsart", "Ansatz in EUR", "Ergebnis Vorjahr in EUR"])
    for product, name, _ in PRODUCTS:
        size = float(rng.lognormal(14.6, 0.9))
        for year in (2024, 2025, 2026):
            for account, kind, share in _KINDS:
                amount = round(size * share * float(rng.uniform(0.85, 1.15)) * 1.03 ** (year - 2024), -2)
                before = round(amount * float(rng.uniform(0.9, 1.1)), 2)
                rows.append(
                    [
                        year,
                        product,
                        name,
                        account,
                        kind,
                        german(amount, 2, thousands=True),
                        german(before, 2, thousands=True),
                    ]
                )
    return rows


def _invoices() -> list[list[Any]]:
    rng = dice("invoices")
    firms = (
        "Bau Öhlmann GmbH",
        "Elektro Süßkind",
        "Grün & Söhne",
        "Stadtwerke Musterstadt GmbH",
        "IT-Haus Löwe",
        "Mäder KG",
    )
    rows: list[list[Any]] = [[f"Rechnungsausgang 2026 – {NOTICE}"], []]
    rows.append(["Beleg", "Datum", "Produkt", "Empfänger", "Betrag EUR", "bezahlt"])
    for number in range(1, 901):
        day = dt.date(2026, 1, 2) + dt.timedelta(days=int(rng.integers(0, 270)))
        product = PRODUCTS[int(rng.integers(len(PRODUCTS)))][0]
        firm = firms[int(rng.integers(len(firms)))]
        rows.append(
            [
                f"{number:06d}",
                day,
                product,
                firm,
                round(float(rng.lognormal(7, 1.2)), 2),
                "ja" if number % 7 else "nein",
            ]
        )
    return rows
