"""Joins, places and registers of real city data, as tables for docs/linking.md.

    python benchmarks/linking_table.py [joins] [scale] [places] [registers]

Each part connects original files into a throw-away workspace with the command line, as a city would, and asks it.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
NABE = [sys.executable, "-m", "nabe.cli"]
JOINS = {
    "Köln": ({
        "bevoelkerung": "bevoelkerung.csv", "schueler": "schulen/2012_Schueler_Stadtteil.csv", "stadtteil": "Stadtteil.shp",
        "schulen": "schulen/schulen-in-koeln.arcgis.json", "strasse": "Strasse.shp", "abschnitt": "Strassenabschnitt.shp",
        "verzeichnis": "strassenverzeichnis.csv", "wahllokale": "wahllokale_2014.csv",
        "uba": "luft_uba_stationen.csv", "lanuv": "luft_lanuv_stationen.csv", "zuordnung": "luft_stationen_zuordnung.csv",
    }, "koeln"),
    "Berlin": ({
        "einwohner": "einwohner_2024h2_planungsraeume_t1.csv", "mss": "mss_2021_indizes.csv", "gssa": "gssa_2022_planungsraeume.csv",
        "umwelt": "umweltgerechtigkeit_2021-2022.csv", "energie": "energieverbrauch_2020-2022_planungsraeume.csv",
        "adressen": "adressen_2023-06.csv.gz", "kitas": "kitas_2025-11.csv", "schulen": "schulen_2023-10_epsg25833.geojson",
    }, "berlin"),
    "Leipzig": ({
        "einwohner": "einwohner_2000-2024.json", "ortsteile": "ortsteile.geojson", "stadtbezirke": "stadtbezirke.geojson",
    }, "leipzig"),
}  # fmt: skip


class City:
    """A workspace in a folder of its own."""

    def __init__(self, folder: str) -> None:
        self.root = Path(folder) / "stadt"
        self.run("init", self.root, "--title", "Stadt", "--ags", "05315000", "--land", "NW", at=Path(folder))

    def run(self, *words: Any, at: Path | None = None) -> str:
        done = subprocess.run(
            [*NABE, *map(str, words)], cwd=at or self.root, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"nabe {' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def connect(self, name: str, path: Path, register: str = "") -> None:
        """Connect a file, open to everybody, perhaps as a register."""
        self.run("connect", path, "--as", name, "--json")
        file = self.root / f"datasets/{name}.yaml"
        text = re.sub(r"access: \w+", "access: open", file.read_text()).replace("personal: true", "personal: false")
        file.write_text(text + (f"register: {register}\n" if register else ""))

    def apply(self) -> None:
        self.run("apply", "-y")

    def json(self, *words: Any) -> Any:
        return json.loads(self.run(*words, "--json"))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return json.loads(self.run("query", sql, "-f", "json"))


def joins() -> None:
    print(
        "| city | from | to | values | rows | used there | | not, for example | would help |\n|---|---|---|---|---|---|---|---|---|"
    )
    for name, (files, folder) in JOINS.items():
        with tempfile.TemporaryDirectory() as temporary:
            city = City(temporary)
            for dataset, path in files.items():
                city.connect(dataset, DATA / folder / path)
            city.apply()
            begun = time.perf_counter()
            told = city.json("joins")
            took = time.perf_counter() - begun
            for join in told["joins"]:
                help = join.get("help")
                says = f"{help['way']}: {help['values']} of {join['values']}" if help else ""
                ends = [f"{join[end]['dataset']}.{join[end]['field']}" for end in ("from", "to")]
                print(
                    f"| {name} | {ends[0]} | {ends[1]} | {join['values_found']}/{join['values']} | {join.get('rows_found')}/{join.get('rows')} "
                    f"| {join.get('targets_used')}/{join.get('targets')} | {join.get('cardinality')} | {', '.join(join.get('missing', [])[:4])} | {says} |"
                )
            for item in told["prefixes"]:
                print(
                    f"| {name} | {item['from']}, first {item['width']} | {item['to']} | {item['found']}/{item['compared']} | | | | | |"
                )
            print(f"{name}: {len(files)} datasets, {len(told['joins'])} joins, {took:.1f} s", file=sys.stderr)


def scale() -> None:
    """Candidates among many datasets, from their sketches."""
    import numpy as np

    from nabe.model.dataset import FieldType
    from nabe.profile.hashing import mix
    from nabe.profile.joins import candidates
    from nabe.profile.sketch import K, KeySketch

    rng = np.random.default_rng(4)
    print("| datasets | key fields | pairs | candidates | processor time |\n|---|---|---|---|---|")
    for count in (100, 300):
        made = []
        for dataset in range(count):
            for field in range(8):
                values = int(rng.choice([12, 86, 500, 5000]))
                first = int(rng.integers(0, 200)) * 5000
                hashes = np.sort(mix(np.arange(first, first + values, dtype=np.uint64)))[:K]
                rows = values if field == 0 else values * 3
                made.append(KeySketch(f"d{dataset}", f"f{field}_nr", FieldType.STRING, values, rows, hashes))
        begun = time.process_time()
        found = candidates(made)
        print(
            f"| {count} | {len(made):,} | {len(made) ** 2:,} | {len(found):,} | {time.process_time() - begun:.1f} s |"
        )


def places() -> None:
    print(
        "| addresses | register | exact | interpolated | street | ambiguous | none | for people | time | memory |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        berlin = City(folder)
        houses = "{of: addresses, name: str_name, number: hnr, suffix: hnr_zusatz, postcode: plz, district: plr_id}"
        berlin.connect("adressen", DATA / "berlin/adressen_2023-06.csv.gz", houses)
        berlin.connect("schulen", DATA / "berlin/schulen_2023-10_epsg25833.geojson")
        berlin.connect("kitas", DATA / "berlin/kitas_2025-11.csv")
        berlin.connect("lor", DATA / "berlin/lor_prognoseraeume_ab2021.geojson")
        berlin.apply()
        located(
            berlin,
            "902 schools of Berlin",
            "schulen",
            "adressen",
            "--street",
            "strasse",
            "--house",
            "hausnr",
            "--postcode",
            "plz",
        )
        true = {
            row["bsn"]: row["id"]
            for row in berlin.rows("select s.bsn, l.id from schulen s join lor l on st_within(s.geometry, l.geometry)")
        }
        agree(
            berlin,
            lambda row: row["district"][:4] == true.get(row["bsn"]),
            "planning area agrees with where the school lies",
        )
        located(
            berlin,
            "2,852 day-care centres of Berlin",
            "kitas",
            "adressen",
            "--street",
            "street",
            "--postcode",
            "zip_code",
        )
        known = {
            row["id"]: row["geojson_feature_id"] for row in berlin.rows("select id, geojson_feature_id from kitas")
        }
        agree(berlin, lambda row: row["district"] == known.get(row["id"]), "planning area agrees with the file's own")
    with tempfile.TemporaryDirectory() as folder:
        koeln(City(folder))


def koeln(city: City) -> None:
    sides = "[[hausnr_ungerade_von, hausnr_ungerade_bis], [hausnr_gerade_von, hausnr_gerade_bis]]"
    city.connect(
        "verzeichnis", DATA / "koeln/strassenverzeichnis.csv",
        f"{{of: addresses, key: strassenschluessel, name: strassenname, postcode: plz, district: stadtteilschluessel, ranges: {sides}}}",
    )  # fmt: skip
    stretch = "{of: addresses, key: nummer, name: strasse, ranges: [[hsnr_v_l, hsnr_b_l], [hsnr_v_r, hsnr_b_r]]}"
    city.connect("abschnitt", DATA / "koeln/Strassenabschnitt.shp", stretch)
    city.connect("stadtteil", DATA / "koeln/Stadtteil.shp", "{of: districts, key: stt_nr, name: stt_name}")
    city.connect("wahllokale", DATA / "koeln/wahllokale_2014.csv")
    city.connect("defi", DATA / "koeln/defibrillatoren.csv")
    city.connect("energie", DATA / "koeln/schulen/energie_schulen_2012.csv")
    city.apply()
    rows = city.rows(
        "select w.objectid, w.ad_nummer, w.geometry, s.stt_nr from wahllokale w join stadtteil s on w.wlk_stadtteil = s.stt_name"
    )
    true = {str(row["objectid"]): row for row in rows}
    street = ("--street", "wlk_adresse")
    located(city, "800 polling places of Köln", "wahllokale", "verzeichnis", *street, "--postcode", "postzustellbezirk")
    agree(city, lambda row: row["register_key"] == true[row["objectid"]]["ad_nummer"][:5], "street key is the true one")
    agree(city, lambda row: row["district"] == str(true[row["objectid"]]["stt_nr"]), "district is the true one")
    located(
        city,
        "the same, to the sections of streets (lines), without postcode",
        "wahllokale",
        "abschnitt",
        *street,
        "--districts",
        "stadtteil",
    )
    agree(
        city,
        lambda row: row["register_key"][:5] == true[row["objectid"]]["ad_nummer"][:5],
        "street key is the true one",
    )
    agree(city, lambda row: row["district"] == str(true[row["objectid"]]["stt_nr"]), "point lies in the true district")
    away = sorted(
        distance(row, true[row["objectid"]]["geometry"]["coordinates"])
        for row in answers(city)
        if row["lon"] and row["district"]
    )
    print(
        f"distance to the file's own point: median {statistics.median(away):.0f} m, 95 % within {away[int(0.95 * len(away))]:.0f} m"
    )
    located(city, "25 defibrillators of Köln", "defi", "verzeichnis", "--street", "adresse")
    located(city, "271 school buildings of Köln (no postcode)", "energie", "verzeichnis", "--street", "adresse")


def located(city: City, title: str, records: str, register: str, *words: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = city.json(
        "geocode", records, "--register", register, "-o", "places.csv", "--review", f"{records}.review.csv", *words
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime
    print(f"| {title} | {register} | {' | '.join(str(told['grades'][g]) for g in ('exact', 'interpolated', 'street', 'ambiguous', 'none'))} "
          f"| {told['open']} | {seconds:.1f} s | {after.ru_maxrss // 1024} MB |")  # fmt: skip


def answers(city: City) -> list[dict[str, str]]:
    with (city.root / "places.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def agree(city: City, test: Any, words: str) -> None:
    """Of those with a house or a stretch found, how many are right."""
    sure = [row for row in answers(city) if row["grade"] in ("exact", "interpolated")]
    print(f"{words}: {sum(bool(test(row)) for row in sure)} of {len(sure)}")


def distance(row: dict[str, str], point: list[float]) -> float:
    east = (float(row["lon"]) - point[0]) * 111_320 * math.cos(math.radians(point[1]))
    return math.hypot(east, (float(row["lat"]) - point[1]) * 111_320)


def registers() -> None:
    with tempfile.TemporaryDirectory() as folder:
        city = City(folder)
        one = "{of: streets, key: strassenschluessel, name: strassenname, postcode: plz, district: stadtteilname}"
        city.connect("verzeichnis", DATA / "koeln/strassenverzeichnis.csv", one)
        city.connect("strasse", DATA / "koeln/Strasse.shp", "{of: streets, key: nummer, name: name}")
        city.connect("abschnitt", DATA / "koeln/Strassenabschnitt.shp")
        file = city.root / "datasets/abschnitt.yaml"
        file.write_text(file.read_text() + "key: [nummer]\n")
        city.apply()
        print(city.run("merge-registers", "verzeichnis", "strasse", "-o", "data.csv", "--review", "liste.csv"))
        print((city.root / "liste.csv").read_text("utf-8"))
        city.connect(
            "register",
            city.root / "data.csv",
            "{of: streets, key: key, name: name, former: former, postcode: postcode, district: district}",
        )
        city.apply()
        true = {
            row["nummer"]: row["nummer"][:5]
            for row in city.rows("select nummer from abschnitt where nummer is not null")
        }
        print(
            "| 15,844 sections to | right | wrong | for people | none | precision | recall |\n|---|---|---|---|---|---|---|"
        )
        for register in ("verzeichnis", "register"):
            city.run("match", "abschnitt", "--street", "strasse", "--register", register, "-o", "links.csv")
            with (city.root / "links.csv").open(encoding="utf-8") as file:
                links = [row for row in csv.DictReader(file) if row.get("nummer") in true]
            sure = [row for row in links if row["register_key"]]
            right = sum(row["register_key"] == true[row["nummer"]] for row in sure)
            unsure = sum(row["outcome"] == "unsure" for row in links)
            print(f"| {register} | {right:,} | {len(sure) - right} | {unsure:,} | {len(links) - len(sure) - unsure} "
                  f"| {right / len(sure):.2%} | {right / len(links):.2%} |")  # fmt: skip


if __name__ == "__main__":
    for part in sys.argv[1:] or ["joins", "scale", "places", "registers"]:
        {"joins": joins, "scale": scale, "places": places, "registers": registers}[part]()
