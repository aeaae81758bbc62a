"""Silo `nachbarstadt`: what the neighbour municipality Auental serves over HTTP (see `nabe.demo.neighbour_server`)."""

from __future__ import annotations

import json
from pathlib import Path

from nabe.demo.silos.residents import AGE_GROUPS
from nabe.demo.silos.writing import degrees, table
from nabe.demo.town import HEART, dice

_QUARTERS = (
    ("A1", "Auental Mitte", 9_400),
    ("A2", "Hütte", 4_300),
    ("A3", "Neuwörth", 3_100),
    ("A4", "Königsau", 1_700),
)


def write(folder: Path) -> None:
    """`daten/einwohner.csv` (comma, ISO) and `api/kitas.json` (a list of objects)."""
    rng = dice("neighbour")
    (folder / "daten").mkdir(parents=True, exist_ok=True)
    (folder / "api").mkdir(exist_ok=True)
    shares = (0.027, 0.028, 0.038, 0.05, 0.03, 0.07, 0.06, 0.185, 0.2, 0.07, 0.115, 0.085, 0.042)
    rows = []
    for key, name, people in _QUARTERS:
        for (code, _, _), share in zip(AGE_GROUPS, shares, strict=True):
            rows.append(("2025-12-31", key, name, code, round(people * share * float(rng.uniform(0.93, 1.07)))))
    header = ("stichtag", "ortsteil", "name", "altersgruppe", "einwohner")
    table(folder / "daten" / "einwohner.csv", header, rows, encoding="utf-8", delimiter=",", newline="\n")
    kitas = []
    for number in range(1, 13):
        key, quarter, _ = _QUARTERS[int(rng.choice(4, p=[0.5, 0.25, 0.17, 0.08]))]
        east, north = (
            HEART[0] + 6_900 + float(rng.uniform(-900, 900)),
            HEART[1] - 2_600 + float(rng.uniform(-1_100, 1_100)),
        )
        longitude, latitude = degrees(east, north)
        kitas.append(
            {
                "id": f"AU-{number:02d}",
                "name": f"Kindergarten {quarter} {number}",
                "ortsteil": key,
                "plaetze_u3": int(rng.integers(1, 4)) * 12,
                "plaetze_ue3": int(rng.integers(1, 4)) * 25,
                "lon": longitude,
                "lat": latitude,
                "hinweis": "synthetisch",
            }
        )
    (folder / "api" / "kitas.json").write_text(json.dumps(kitas, ensure_ascii=False, indent=1), "utf-8")
