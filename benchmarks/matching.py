"""Matching street names to a register: quality on labelled sets, and time.

    python benchmarks/matching.py [--data ../shared/data]

Labelled sets of Köln (the key is in both files and is not shown to the matcher) and one made of the synthetic city's
register with seeded mistakes. Target: 20,000 names to 10,000 in <= 10 s.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from pathlib import Path

from nabe.linking import Entry, Outcome, Record, Register, address, match, matching
from nabe.linking.matching import Link

STEMS = (
    "Linden Birken Eichen Ahorn Kastanien Rosen Tulpen Nelken Goethe Schiller Lessing Mozart Beethoven Bach Adenauer "
    "Brandt Kirch Schul Markt Bahnhof Mühlen Brunnen Berg Tal Wald Wiesen Feld Garten Sonnen Mond Stern Nord Süd Ost "
    "West Ober Unter Alt Neu Kloster Burg Schloss Turm Brücken Ufer Hafen See Bach Quellen Heide Moor Krähen Falken"
).split()
HEADS = "Am An der Auf dem Im Zum Zur Alte Neue Große Kleine Obere Untere Hintere Vordere Kurze Lange".split()
KINDS = ("straße", "weg", "platz", "allee", "gasse", "ring", "damm", "ufer", "stieg", "hof")


def koeln_register(folder: Path) -> Register:
    """The city's directory of streets, with districts, postcodes and house numbers."""
    entries = []
    with (folder / "koeln/strassenverzeichnis.csv").open(encoding="utf-8-sig") as file:
        for line in csv.DictReader(file):
            numbers = []
            for side, word in (("odd", "ungerade"), ("even", "gerade")):
                first, last = (_number(line[f"hausnr_{word}_{end}"]) for end in ("von", "bis"))
                if first:
                    numbers.append((first, last or first, side))
            entries.append(
                Entry(
                    line["strassenschluessel"],
                    line["strassenname"],
                    line["plz"],
                    line["stadtteilname"],
                    (),
                    tuple(numbers),
                )
            )
    return Register(entries)


def _number(text: str) -> int:
    digits = "".join(sign for sign in text[:4] if sign.isdigit())
    return int(digits) if digits else 0


def koeln_polling(folder: Path) -> list[tuple[Record, str]]:
    """Addresses of polling places; the true key is in the first five digits of AD_NUMMER."""
    with (folder / "koeln/wahllokale_2014.csv").open(encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    found = []
    for line in lines:
        place = address(line["WLK_ADRESSE"])
        record = Record(place.street, line["POSTZUSTELLBEZIRK"], line["WLK_STADTTEIL"], place.number)
        found.append((record, line["AD_NUMMER"][:5]))
    return found


def koeln_shapes(folder: Path) -> list[tuple[Record, str]]:
    """The street layer: 534 of the same keys have another name there, many cut off at the column's end."""
    import pyogrio

    _, rows = pyogrio.read_arrow(folder / "koeln/Strasse.shp", read_geometry=False)
    pairs = zip(rows.column("NAME").to_pylist(), rows.column("NUMMER").to_pylist(), strict=True)
    return [(Record(str(name)), f"{int(float(key)):05d}") for name, key in pairs if name and key]


def synthetic(streets: int, records: int, seed: int = 4) -> tuple[Register, list[tuple[Record, str]]]:
    """A register of invented names, and records of it: as they are, abbreviated, misspelt, or of no street at all."""
    rng = random.Random(seed)
    names: dict[str, None] = {}
    while len(names) < streets:
        stem = rng.choice(STEMS) + rng.choice(["", "", rng.choice(STEMS).lower()])
        kind = rng.choice(KINDS)
        name = f"{rng.choice(HEADS)} {stem}{kind}" if rng.random() < 0.3 else f"{stem}{kind}"
        names[f"{name} {rng.randrange(1, 90)}" if rng.random() < 0.05 else name] = None
    register = Register(Entry(f"{at:05d}", name) for at, name in enumerate(names))
    listed = list(names)
    made = []
    for _ in range(records):
        at = rng.randrange(len(listed))
        name, key = listed[at], f"{at:05d}"
        match rng.randrange(4):
            case 0:
                name = name.replace("straße", rng.choice(["str.", "strasse", "-Straße", " Str."]))
            case 1:
                name = name.replace("ü", "ue").replace("ä", "ae").upper()
            case 2:
                spot = rng.randrange(2, len(name) - 1)
                name = (
                    name[:spot]
                    + rng.choice(["", name[spot] * 2, name[spot + 1 : spot + 2] + name[spot]])
                    + name[spot + 1 :]
                )
            case 3 if rng.random() < 0.3:
                name, key = "".join(rng.choice("abcdefghiklmnoprstuvwz") for _ in range(9)) + rng.choice(KINDS), ""
        made.append((Record(name), key))
    return register, made


def judge(title: str, register: Register, labelled: list[tuple[Record, str]], show: int = 0) -> None:
    """Precision of what was sure, recall of what could be found, and what is left to people."""
    start = time.perf_counter()
    links = match([record for record, _ in labelled], register)
    took = time.perf_counter() - start
    known = {entry.key for entry in register.entries}
    wrong: list[tuple[Link, str]] = []
    right = unsure = missed = shown = findable = 0
    for link, (_, key) in zip(links, labelled, strict=True):
        findable += key in known
        if link.outcome is Outcome.SURE:
            right += link.key == key
            if link.key != key:
                wrong.append((link, key))
        elif key in known:
            unsure += link.outcome is Outcome.UNSURE
            missed += link.outcome is Outcome.NONE
            shown += any(candidate.key == key for candidate in link.candidates)
    sure = right + len(wrong)
    print(
        f"| {title} | {len(labelled):,} | {right / max(sure, 1):.2%} | {right / max(findable, 1):.2%} | {len(wrong)} "
        f"| {unsure} | {shown} | {missed} | {took:.1f} s |"
    )
    for link, key in wrong[:show]:
        said = [entry.name for entry in register.entries if entry.key == key][:1]
        print("   wrong:", link.record, "->", link.key, link.why, [c.name for c in link.candidates], "true:", key, said)


def weigh_limits() -> None:
    """Wrong links and those left to people, by the limits of likeness, on two invented sets."""
    print("| sure from | margin | wrong | left to people or lost |\n|---|---|---|---|")
    sets = [synthetic(10_000, 20_000, seed) for seed in (4, 5)]
    for matching.SURE in (88.0, 90.0, 93.0, 95.0):
        for matching.MARGIN in (0.0, 3.0, 5.0, 8.0):
            wrong = left = 0
            for register, labelled in sets:
                for link, (_, key) in zip(match([item for item, _ in labelled], register), labelled, strict=True):
                    wrong += link.outcome is Outcome.SURE and link.key != key
                    left += link.outcome is not Outcome.SURE and key != ""
            print(f"| {matching.SURE:g} | {matching.MARGIN:g} | {wrong} | {left} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--limits", action="store_true", help="what other limits of likeness would do")
    given = parser.parse_args()
    if given.limits:
        weigh_limits()
        return
    print("| set | records | precision | recall | wrong | for people | of these with the true one | not found | time |")
    print("|---|---|---|---|---|---|---|---|---|")
    if given.data.is_dir():
        register = koeln_register(given.data)
        judge("Köln, polling places", register, koeln_polling(given.data), given.show)
        judge(
            "the same, by name alone",
            register,
            [(Record(r.name), key) for r, key in koeln_polling(given.data)],
            given.show,
        )
        judge("Köln, street layer", register, koeln_shapes(given.data), given.show)
    register, labelled = synthetic(10_000, 20_000)
    judge("synthetic, 20,000 to 10,000", register, labelled, given.show)


if __name__ == "__main__":
    main()
