"""Kitas, schools, practices, playgrounds and other places of the model city, at addresses of it."""

from __future__ import annotations

import numpy as np

from nabe.demo import words
from nabe.demo.town import Address, District, Household, Kita, Place, dice

SCHOOL_KINDS = (
    ("Grundschule", 15, 250),
    ("Oberschule", 5, 520),
    ("Gymnasium", 4, 780),
    ("Integrierte Gesamtschule", 2, 960),
    ("Förderschule", 1, 130),
    ("Berufsbildende Schule", 1, 1_850),
)
KITAS = 70


def kitas(quarters: list[District], everyone: list[Household], houses: list[Address]) -> list[Kita]:
    """70 Kitas; the places of each district follow its planned supply."""
    rng = dice("kitas")
    children = {district.key: 0 for district in quarters}
    for household in everyone:
        children[household.district] += sum(person.age < 6 for person in household.people)
    wanted = {d.key: max(18, round(children[d.key] * d.plan.kita_supply / 100)) for d in quarters}
    names = [f"Kita {name.replace('_', ' ')}" for name in words.KITA_WORDS[:KITAS]]
    rng.shuffle(names)
    found: list[Kita] = []
    for key, count in _kitas_per_district(wanted).items():
        local = _spread([house for house in houses if house.district == key], count, rng)
        for index, house in enumerate(local):
            places = wanted[key] * (index + 1) // count - wanted[key] * index // count
            operator = int(rng.choice(len(words.KITA_OPERATORS), p=[share for *_, share in words.KITA_OPERATORS]))
            sex = "w" if rng.random() < 0.9 else "m"
            head = f"{rng.choice(words.GIVEN_NAMES[sex])} {rng.choice(words.FAMILY_NAMES)}"
            phone = f"0999 {rng.integers(100, 999)}-{rng.integers(10, 99)}"  # 0999 is no area code
            number = len(found) + 1
            found.append(Kita(number, names[number - 1], operator, house, _groups(places), head, phone))
    return found


def _kitas_per_district(wanted: dict[str, int]) -> dict[str, int]:
    counts = dict.fromkeys(wanted, 1)
    while sum(counts.values()) < KITAS:
        fullest = max(wanted, key=lambda key: (wanted[key] / counts[key], key))
        counts[fullest] += 1
    return counts


def _groups(places: int) -> list[tuple[str, int]]:
    """Groups of up to 15 for under three, of up to 25 from three on, about equally large."""
    young = round(places * 0.34)
    sizes: list[tuple[str, int]] = []
    for ages, total, most in (("U3", young, 15), ("Ü3", places - young, 25)):
        count = -(-total // most)
        sizes += [(ages, total * (index + 1) // count - total * index // count) for index in range(count)]
    return sizes


def schools(quarters: list[District], houses: list[Address]) -> list[Place]:
    """28 schools: primary ones by district, the others where many live."""
    rng = dice("schools")
    people = {district.key: district.plan.people for district in quarters}
    seats = dict.fromkeys(people, 0.0)
    found: list[Place] = []
    by_key = {district.key: district.name for district in quarters}
    namesakes = rng.permutation(words.STREET_PEOPLE).tolist()
    for kind, count, size in SCHOOL_KINDS:
        for _ in range(count):
            key = max(people, key=lambda key: (people[key] / (1 + seats[key]), key))
            seats[key] += 1.0 if kind == "Grundschule" else 0.45
            house = _spread([item for item in houses if item.district == key], 1, rng)[0]
            pupils = int(rng.normal(size, size * 0.14))
            name = f"{namesakes.pop()}-Gymnasium" if kind == "Gymnasium" else f"{kind} {by_key[key]}"
            found.append(Place(len(found) + 1, _fresh(name, found), house, {"kind": kind, "pupils": pupils}))
    return found


def doctors(houses: list[Address]) -> list[Place]:
    """150 practices, most of them in and near the centre."""
    rng = dice("doctors")
    pull = {"01": 4.0, "02": 1.6, "03": 1.5, "05": 1.6, "04": 0.6, "07": 0.8, "14": 0.0}
    weights = np.array([pull.get(house.district, 0.5) for house in houses])
    chosen = rng.choice(len(houses), 150, replace=False, p=weights / weights.sum())
    kinds = [kind for kind, count in words.SPECIALTIES for _ in range(count)]
    found: list[Place] = []
    for index, kind in zip(chosen.tolist(), kinds, strict=True):
        sex = "w" if rng.random() < 0.5 else "m"
        name = f"Dr. {rng.choice(words.GIVEN_NAMES[sex])} {rng.choice(words.FAMILY_NAMES)}"
        share = float(rng.choice([0.5, 0.75, 1.0], p=[0.15, 0.15, 0.7]))
        found.append(Place(len(found) + 1, f"Praxis {name}", houses[index], {"specialty": kind, "share": share}))
    return found


def playgrounds(houses: list[Address]) -> list[Place]:
    """118 playgrounds."""
    rng = dice("playgrounds")
    found: list[Place] = []
    for house in _spread(houses, 118, rng):
        notes: dict[str, object] = {
            "area": int(rng.gamma(4, 320)) + 180,
            "ages": str(
                rng.choice(["A – alle Altersklassen", "B – 6 bis 12 Jahre", "C – bis 6 Jahre"], p=[0.5, 0.2, 0.3])
            ),
            "built": int(rng.integers(1968, 2025)),
            "shade": bool(rng.random() < 0.45),
        }
        found.append(Place(len(found) + 1, f"Spielplatz {house.street.name}", house, notes))
    return found


def sports(houses: list[Address]) -> list[Place]:
    """64 sports grounds and halls."""
    rng = dice("sports")
    kinds = ("Sporthalle", "Sportplatz", "Hallenbad", "Bolzplatz", "Skateanlage")
    found: list[Place] = []
    for house in _spread(houses, 64, rng):
        kind = str(rng.choice(kinds, p=[0.42, 0.3, 0.04, 0.2, 0.04]))
        notes: dict[str, object] = {"kind": kind, "area": int(rng.gamma(5, 500)) + 200}
        found.append(Place(len(found) + 1, _fresh(f"{kind} {house.street.name}", found), house, notes))
    return found


def bus_stops(houses: list[Address]) -> list[Place]:
    """240 stops; the lines that serve them."""
    rng = dice("stops")
    found: list[Place] = []
    for house in _spread(houses, 240, rng):
        lines = sorted({int(line) for line in rng.integers(1, 15, int(rng.integers(1, 4)))})
        notes: dict[str, object] = {
            "lines": ", ".join(str(line) for line in lines),
            "step_free": bool(rng.random() < 0.63),
            "shelter": bool(rng.random() < 0.55),
        }
        found.append(Place(len(found) + 1, _fresh(house.street.name, found), house, notes))
    return found


def stations(houses: list[Address]) -> list[Place]:
    """Six air-quality stations."""
    rng = dice("stations")
    sites = (("01", "Verkehr"), ("04", "Hintergrund"), ("07", "Industrie"), ("05", "Hintergrund"), ("02", "Verkehr"))
    found: list[Place] = []
    for key, kind in (*sites, ("12", "Land")):
        house = _spread([item for item in houses if item.district == key], 1, rng)[0]
        found.append(Place(len(found) + 1, f"Luftmessstation {house.street.name}", house, {"kind": kind}))
    return found


def car_parks(houses: list[Address]) -> list[Place]:
    """Eight car parks around the centre."""
    rng = dice("car parks")
    names = (
        "Markt",
        "Südtor",
        "Güterbahnhof",
        "Löwenhof",
        "Stadthalle",
        "Klinik",
        "Mühlgrund-Center",
        "Königsried P+R",
    )
    keys = ("01", "01", "01", "01", "01", "07", "02", "03")
    found: list[Place] = []
    for name, key in zip(names, keys, strict=True):
        house = _spread([item for item in houses if item.district == key], 1, rng)[0]
        found.append(Place(len(found) + 1, f"Parkhaus {name}", house, {"bays": int(rng.integers(12, 62)) * 10}))
    return found


def buildings(schooling: list[Place], houses: list[Address]) -> list[Place]:
    """40 municipal buildings whose energy is metered: the schools, some halls and offices."""
    rng = dice("buildings")
    found: list[Place] = []
    for school in schooling:
        notes: dict[str, object] = {"use": "Schule", "area": int(school.notes["pupils"]) * 9}  # type: ignore[call-overload]
        found.append(Place(len(found) + 1, str(school.name), school.address, notes))
    for name in words.OFFICES:
        house = _spread([item for item in houses if item.district in {"01", "02", "03"}], 1, rng)[0]
        found.append(Place(len(found) + 1, name, house, {"use": "Verwaltung", "area": int(rng.integers(900, 9_000))}))
    return found


def _spread(houses: list[Address], count: int, rng: np.random.Generator) -> list[Address]:
    """Houses far from each other, as services are spread."""
    chosen: list[Address] = []
    places = np.array([(house.east, house.north) for house in houses])
    distance = np.full(len(houses), 1e9)
    for _ in range(count):
        sample = rng.integers(0, len(houses), 24)
        best = int(sample[np.argmax(distance[sample])])
        chosen.append(houses[best])
        distance = np.minimum(distance, np.hypot(*(places - places[best]).T))
    return chosen


def _fresh(name: str, found: list[Place]) -> str:
    """The name, numbered if there is one like it."""
    alike = sum(place.name == name or place.name.startswith(f"{name} ") for place in found)
    return f"{name} {alike + 1}" if alike else name
