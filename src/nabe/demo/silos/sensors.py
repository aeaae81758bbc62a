"""Silo `umwelt`: the sensor archive: Parquet of the air stations in UTC, NDJSON of the car parks in local time."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nabe.demo.silos.writing import degrees
from nabe.demo.town import NOTICE, Town, dice

_BEGIN = dt.datetime(2026, 9, 1, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(dt.UTC)
HOURS = 30 * 24
#: Mean of nitrogen dioxide and fine dust (PM10) by kind of station.
_LEVEL = {"Verkehr": (34.0, 21.0), "Hintergrund": (15.0, 14.0), "Industrie": (24.0, 24.0), "Land": (7.0, 11.0)}


def write(town: Town, folder: Path) -> None:
    """`luft/station_N_2026-09.parquet` for each station, `luftmessstationen.ndjson`, `parkhaeuser*.ndjson`."""
    (folder / "luft").mkdir(parents=True, exist_ok=True)
    _air(town, folder / "luft")
    _stations(town, folder / "luftmessstationen.ndjson")
    _car_parks(town, folder / "parkhaeuser.ndjson")
    _occupancy(town, folder / "parkhaus_belegung_2026-09.ndjson")


def _air(town: Town, folder: Path) -> None:
    rng = dice("air")
    hours = np.arange(HOURS)
    local = (hours % 24 + 0.0) / 24 * 2 * math.pi
    rush = np.exp(-(((hours % 24) - 7.5) ** 2) / 4) + np.exp(-(((hours % 24) - 17.5) ** 2) / 6)
    weekday = np.where((hours // 24 + 1) % 7 >= 5, 0.65, 1.0)  # 1 September 2026 is a Tuesday
    weather = np.convolve(rng.normal(0, 1, HOURS + 48), np.ones(48) / 7, "valid")[:HOURS]
    warmth = 16 + 5.5 * np.sin(local - 2.2) + 2.2 * weather - hours / HOURS * 4
    times = [_BEGIN + dt.timedelta(hours=int(hour)) for hour in hours]
    for station in town.places["stations"]:
        nitrogen, dust = _LEVEL[str(station.notes["kind"])]
        no2 = np.clip(nitrogen * (0.6 + 0.75 * rush * weekday) - 2.4 * weather + rng.normal(0, 2.2, HOURS), 0.5, None)
        pm10 = np.clip(dust - 2.0 * weather + 3 * rush + rng.normal(0, 2.0, HOURS), 1, None)
        ozone = np.clip(58 + 26 * np.sin(local - 2.2) - 0.5 * no2 + rng.normal(0, 4, HOURS), 2, None)
        failed = rng.random(HOURS) < 0.012
        outage = int(rng.integers(0, HOURS - 40))
        failed[outage : outage + int(rng.integers(6, 30))] = True
        columns = {
            "station_id": pa.array([f"MUS{station.id:02d}"] * HOURS),
            "zeit": pa.array(times, pa.timestamp("ms", "UTC")),
            "no2_ug_m3": pa.array(no2.round(1), mask=failed),
            "pm10_ug_m3": pa.array(pm10.round(1), mask=failed),
            "o3_ug_m3": pa.array(ozone.round(1), mask=failed),
            "temperatur_c": pa.array((warmth + rng.normal(0, 0.3, HOURS)).round(1), mask=failed),
        }
        table = pa.table(columns).replace_schema_metadata({"hinweis": NOTICE})
        pq.write_table(table, folder / f"station_{station.id}_2026-09.parquet", compression="zstd")


def _stations(town: Town, path: Path) -> None:
    lines = []
    for station in town.places["stations"]:
        longitude, latitude = degrees(station.address.east, station.address.north)
        lines.append(
            {
                "station_id": f"MUS{station.id:02d}",
                "name": station.name,
                "typ": station.notes["kind"],
                "stadtteil_nr": station.address.district,
                "lon": longitude,
                "lat": latitude,
                "hinweis": "synthetisch",
            }
        )
    _lines(path, lines)


def _car_parks(town: Town, path: Path) -> None:
    lines = []
    for park in town.places["car_parks"]:
        longitude, latitude = degrees(park.address.east, park.address.north)
        lines.append(
            {
                "parkhaus_id": f"P{park.id}",
                "name": park.name,
                "stellplaetze": park.notes["bays"],
                "stadtteil_nr": park.address.district,
                "lon": longitude,
                "lat": latitude,
                "hinweis": "synthetisch",
            }
        )
    _lines(path, lines)


def _occupancy(town: Town, path: Path) -> None:
    """Every 30 minutes for September, in local time without an offset, as the parking guidance writes it."""
    rng = dice("parking")
    start = dt.datetime(2026, 9, 1)
    lines: list[dict[str, object]] = []
    for park in town.places["car_parks"]:
        bays = int(str(park.notes["bays"]))
        free = 0.8 * bays
        for step in range(HOURS * 2):
            when = start + dt.timedelta(minutes=30 * step)
            busy = math.exp(-((when.hour + when.minute / 60 - 13.5) ** 2) / 22) * (
                0.35 if when.weekday() == 6 else 0.82
            )
            free += 0.4 * (bays * (0.93 - busy) - free) + float(rng.normal(0, bays * 0.015))
            free = min(max(free, 0), bays)
            if rng.random() > 0.004:
                when_text = when.isoformat(sep=" ")
                lines.append({"parkhaus_id": f"P{park.id}", "zeit": when_text, "frei": round(free), "status": "ok"})
            else:
                lines.append(
                    {"parkhaus_id": f"P{park.id}", "zeit": when.isoformat(sep=" "), "frei": None, "status": "Störung"}
                )
    _lines(path, lines)


def _lines(path: Path, lines: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
