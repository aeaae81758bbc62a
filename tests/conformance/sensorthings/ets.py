"""OGC's executable test suite for SensorThings 1.0 (`ets-sta10`) against a root URL. Levels 2 and 3 delete all data there.

Level 1 reads only, but asks for one entity of each kind: `seed` makes them.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from . import artefacts
from .results import Result, from_testng

MAIN = "org.opengis.cite.sta10.TestNGController"
_GEOJSON = "application/vnd.geo+json"


def run(root: str, *, level: int = 3, lenient: bool = False, seconds: int = 900) -> list[Result]:
    """The suite's tests up to `level`. `lenient`: with a JSON reader that takes numbers for text.

    The suite compares one number with `getString`, which its own reader refuses: `checkQueriesPriorityOrdering` fails for
    every server that answers with a number. With `lenient` that test tells something about the server.
    """
    archive = artefacts.one(artefacts.ETS)
    class_path = [artefacts.one(artefacts.ANDROID_JSON), archive] if lenient else [archive]
    with tempfile.TemporaryDirectory(prefix="nabe-ets-") as name:
        work = Path(name)
        properties = work / "props.xml"
        properties.write_text(  # without the usual DOCTYPE: the suite would fetch it from the network
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<properties version="1.0"><entry key="iut">{root}</entry><entry key="ics">{level}</entry></properties>\n',
            "utf-8",
        )
        command = [artefacts.tool("java"), f"-Duser.home={work}", "-cp", artefacts.joined(class_path), MAIN]
        done = subprocess.run(
            [*command, str(properties)], cwd=work, capture_output=True, text=True, timeout=seconds, errors="replace"
        )
        reports = sorted(work.glob("testng/*/testng-results.xml"))
        if not reports:
            raise RuntimeError("The suite left no report: " + (done.stderr or done.stdout)[-1500:])
        return from_testng(reports[-1], "ets-sta10" + ("+lenient" if lenient else ""))


def seed(root: str) -> None:
    """One entity of each kind, and an Observation with a `resultTime`."""
    stream = {
        "name": "Luft",
        "description": "Lufttemperatur",
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": "Grad Celsius", "symbol": "°C", "definition": "ucum:Cel"},
        "ObservedProperty": {"name": "Temperatur", "definition": "http://example.org/t", "description": "der Luft"},
        "Sensor": {"name": "Fühler", "description": "PT100", "encodingType": "text/plain", "metadata": "keine"},
        "Observations": [
            {"phenomenonTime": f"2026-01-0{day}T00:00:00Z", "resultTime": f"2026-01-0{day}T00:00:01Z", "result": day}
            for day in (1, 2)
        ],
    }
    place = {
        "name": "Marktplatz",
        "description": "Mast 1",
        "encodingType": _GEOJSON,
        "location": {"type": "Point", "coordinates": [9.9, 51.5]},
    }
    thing = {"name": "Station", "description": "Wetter", "Locations": [place], "Datastreams": [stream]}
    request = urllib.request.Request(
        f"{root}/Things",
        json.dumps(thing).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60):
        pass
