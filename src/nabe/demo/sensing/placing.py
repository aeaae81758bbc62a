"""Where the 400 devices of the model city are."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nabe.demo.sensing.signals import KINDS, Kind
from nabe.demo.silos.writing import degrees
from nabe.demo.town import NOTICE, Address, Town, dice

#: The file of the devices' silo, read by the process that sends for them.
FILE = Path("silos") / "sensornetz" / "geraete.json"
_PHARMACIES, _AIR, _WATER, _TRAFFIC, _WEATHER = 8, 30, 20, 40, 50
_LOTS = ("Marktplatz", "Rathausgarten", "Bahnhofsvorplatz", "Stadthalle", "Löwenhof", "Klinikum", "Südbad", "Messe")
_BAYS = (15, 15, 15, 15, 14, 14, 14, 14)
_BROOKS = ("Mühlbach", "Grüne Aue", "Kühlenbach", "Weißer Graben")


@dataclass(frozen=True, slots=True)
class Placed:
    """A device. `id`: DevEUI, or the name it sends under. `seed`: what its values depend on. `fault`: what is wrong with it:
    `stuck`, `dead` (since some days), `clock`, `unlisted` (nobody told Nabe of it), or nothing.
    """

    id: str
    kind: str
    name: str
    longitude: float
    latitude: float
    seed: int
    fault: str = ""
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def of(self) -> Kind:
        """Its kind."""
        return KINDS[self.kind]


def devices(town: Town) -> list[Placed]:
    """All of them, always the same: 400 that are listed, and three that nobody listed."""
    found: list[Placed] = []
    for number, (kind, name, house, shift) in enumerate(_sites(town)):
        found.append(_placed(number, kind, name, house, shift, _FAULTS.get(number, "")))
    for number in range(3):
        house = town.addresses[97 * (number + 1)]
        found.append(_placed(len(found), "fridge", f"Unbekannt {number + 1}", house, 0.0, "unlisted"))
    return found


#: Devices with something wrong, by their number.
_FAULTS = {
    5: "stuck", 30: "dead", 48: "clock", 70: "dead", 90: "stuck", 120: "clock", 183: "stuck", 190: "dead", 195: "clock", 205: "stuck",
    212: "dead", 240: "stuck", 260: "dead", 275: "clock", 320: "dead", 333: "stuck", 356: "stuck", 370: "dead",
    385: "clock",
}  # fmt: skip


def _placed(number: int, kind: str, name: str, house: Address, shift: float, fault: str) -> Placed:
    longitude, latitude = degrees(house.east + shift, house.north + 6.0)
    lorawan = KINDS[kind].way in ("chirpstack", "things_stack")
    id = f"70b3d5e7500{number:05x}" if lorawan else f"{kind}-{number:03d}"
    street = house.street
    properties = {"district_key": house.district, "street_key": street.key, "street": street.name, "notice": NOTICE}
    return Placed(id, kind, name, longitude, latitude, number * 31 % 4_093 + 1, fault, properties)


def _sites(town: Town) -> Iterator[tuple[str, str, Address, float]]:
    """Kind, name, address, and metres beside it."""
    rng = dice("devices")
    houses = town.addresses

    def some(count: int) -> list[Address]:
        return [houses[int(index)] for index in rng.choice(len(houses), count, replace=False)]

    for school in town.places["schools"]:
        for number in (1, 2):
            yield "fridge", f"Kühlschrank {number}, Küche {school.name}", school.address, 3.0 * number
    for number, house in enumerate(some(_PHARMACIES), 1):
        yield "fridge", f"Medikamentenkühlschrank Apotheke {house.street.name} {number}", house, 0.0
    centre = [house for house in houses if house.district in ("01", "02", "03")]
    for name, bays in zip(_LOTS, _BAYS, strict=True):
        house = centre[int(rng.integers(len(centre)))]
        for bay in range(bays):
            yield "bay", f"Stellplatz {name} {bay + 1:02d}", house, 2.7 * bay
    for number, house in enumerate(some(_WATER)):
        yield "water", f"Pegel {_BROOKS[number % 4]} {number // 4 + 1}", house, 0.0
    for stop in itertools.islice(town.places["bus_stops"], 0, None, len(town.places["bus_stops"]) // _AIR):
        if _AIR > (number := stop.id // (len(town.places["bus_stops"]) // _AIR)):
            yield "air", f"Luftsensor {stop.name}", stop.address, 1.0 + number % 3
    for building in town.places["buildings"]:
        yield "electricity", f"Stromzähler {building.name}", building.address, 0.0
        yield "heat", f"Wärmezähler {building.name}", building.address, 0.0
    for house in some(_TRAFFIC):
        yield "traffic", f"Zählstelle {house.street.name} {house.house}", house, 0.0
    for house in some(_WEATHER):
        yield "weather", f"Wetterstation {house.street.name} {house.house}", house, 0.0


def write(town: Town, folder: Path) -> None:
    """`geraete.json`."""
    rows = [asdict(item) for item in devices(town)]
    text = json.dumps({"hinweis": NOTICE, "geraete": rows}, ensure_ascii=False, indent=0)
    (folder / FILE.name).write_text(text, "utf-8")


def read(root: Path) -> list[Placed]:
    """The devices of a built workspace."""
    return [Placed(**item) for item in json.loads((root / FILE).read_text("utf-8"))["geraete"]]
