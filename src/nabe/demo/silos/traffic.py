"""Silos `baustellen_datex` (road works of the state, DATEX II) and `parkleitsystem` (car parks, JSON)."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from xml.sax.saxutils import escape

from nabe.demo.silos.writing import degrees
from nabe.demo.town import NOTICE, Town, dice

STATE_WORKS = 24
_KINDS = (
    ("MaintenanceWorks", "roadMaintenanceType", "resurfacingWork", "Deckenerneuerung"),
    ("MaintenanceWorks", "roadMaintenanceType", "repairWork", "Instandsetzung der Fahrbahn"),
    ("ConstructionWorks", "constructionWorkType", "constructionWork", "Ausbau der Landesstraße"),
)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- {notice} -->\n<d2LogicalModel modelBaseVersion="2" '
    'xmlns="http://datex2.eu/schema/2/2_0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n<exchange>'
    "<supplierIdentification><country>de</country><nationalIdentifier>DE-MUSTER-LBV</nationalIdentifier>"
    '</supplierIdentification></exchange>\n<payloadPublication xsi:type="SituationPublication" lang="de">\n'
    "<publicationTime>2026-11-20T06:00:00+01:00</publicationTime>\n<publicationCreator><country>de</country>"
    "<nationalIdentifier>DE-MUSTER-LBV</nationalIdentifier></publicationCreator>\n"
)


def write_state_works(town: Town, folder: Path) -> None:
    """`baustellen.xml`: a SituationPublication of DATEX II 2.3, linear places in latitude and longitude."""
    rng = dice("state works")
    roads = sorted(town.streets, key=lambda street: -street.line.length)[:60]
    parts = [_HEAD.format(notice=NOTICE.replace("--", "-"))]
    for number in range(1, STATE_WORKS + 1):
        street = roads[int(rng.integers(len(roads)))]
        kind, element, detail, words = _KINDS[int(rng.integers(len(_KINDS)))]
        begin = dt.datetime(2026, 10, 1, 7) + dt.timedelta(days=int(rng.integers(0, 60)))
        end = begin + dt.timedelta(days=int(rng.integers(20, 200)), hours=10)
        way = " ".join(f"{y} {x}" for x, y in (degrees(*at[:2]) for at in street.line.coords))
        speed = int(rng.choice([30, 50]))
        parts.append(
            f'<situation id="LBV-{number:04d}" version="1"><overallSeverity>medium</overallSeverity>'
            "<headerInformation><confidentiality>noRestriction</confidentiality>"
            "<informationStatus>real</informationStatus></headerInformation>"
            f'<situationRecord xsi:type="{kind}" id="LBV-{number:04d}-1" version="1">'
            "<situationRecordCreationTime>2026-09-20T08:00:00+02:00</situationRecordCreationTime>"
            "<situationRecordVersionTime>2026-11-20T06:00:00+01:00</situationRecordVersionTime>"
            "<probabilityOfOccurrence>certain</probabilityOfOccurrence>"
            "<validity><validityStatus>definedByValidityTimeSpec</validityStatus><validityTimeSpecification>"
            f"<overallStartTime>{begin.isoformat()}+01:00</overallStartTime>"
            f"<overallEndTime>{end.isoformat()}+01:00</overallEndTime></validityTimeSpecification></validity>"
            f'<generalPublicComment><comment><values><value lang="de">{escape(words)}, {escape(street.name)}</value></values>'
            f'</comment></generalPublicComment><groupOfLocations xsi:type="Linear">'
            '<supplementaryPositionalDescription><roadInformation><roadName><values><value lang="de">'
            f"{escape(street.name)}</value></values></roadName><roadNumber>L {500 + int(street.key) % 90}</roadNumber>"
            "</roadInformation></supplementaryPositionalDescription>"
            f"<linearExtension><linearExtended><gmlLineString><posList>{way}</posList></gmlLineString></linearExtended>"
            f"</linearExtension></groupOfLocations><{element}>{detail}</{element}>"
            f"<temporarySpeedLimit>{speed}</temporarySpeedLimit></situationRecord></situation>\n"
        )
    (folder / "baustellen.xml").write_text("".join([*parts, "</payloadPublication></d2LogicalModel>\n"]), "utf-8")


def write_car_parks(town: Town, folder: Path) -> None:
    """`parkhaeuser.json`: the car parks, and how full they are in each hour of a week."""
    rng = dice("car park service")
    found = []
    for place in town.places["car_parks"]:
        longitude, latitude = degrees(place.address.east, place.address.north)
        peak = float(rng.uniform(0.6, 0.97))
        filled = [
            round(min(1.0, max(0.03, peak * math.exp(-(((hour % 24) - 14) ** 2) / 40) + float(rng.normal(0, 0.02)))), 3)
            for hour in range(168)
        ]
        found.append(
            {
                "id": f"P{place.id:02d}",
                "name": place.name,
                "adresse": f"{place.address.street.name} {place.address.house}",
                "stadtteil": place.address.district,
                "position": {"lon": longitude, "lat": latitude},
                "kapazitaet": place.notes["bays"],
                "belegung": filled,
            }
        )
    (folder / "parkhaeuser.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
