"""Datasets that come as a stream: fridges, parking bays, water, air, meters, traffic, weather."""

from __future__ import annotations

from typing import Any

from nabe.demo.accounts import GATEWAY
from nabe.demo.nouns.fields import BOOLEAN, DL_DE_BY, district, field, street
from nabe.model.dataset import Access, Dataset, Field, Mode
from nabe.model.device import Measure, Profile
from nabe.model.flat import STREAM_FIELDS
from nabe.model.stream import Aggregate, Minimise, MinimiseKind, Stream
from nabe.model.text import Text

_K = MinimiseKind
_FIELDS = (
    *STREAM_FIELDS,
    district("Datastream/Thing/properties/district_key"),
    street("Datastream/Thing/properties/street_key"),
)


def _dataset(
    id: str,
    title: Text,
    owner: str,
    access: Access,
    system: str,
    about: Text,
    stream: Stream,
    source: dict[str, Any] | None = None,
    fields: tuple[Field, ...] = _FIELDS,
    **more: Any,
) -> Dataset:
    licence = DL_DE_BY if access is Access.OPEN else ""
    return Dataset(
        id, title, owner, access, fields, system, source or {}, description=about, key=("id",), time="time",
        licence=licence, synthetic=True, mode=Mode.STREAM, stream=stream, crs="OGC:CRS84", **more,
    )  # fmt: skip


def _stream(retention: str, *rules: Minimise) -> Stream:
    return Stream((GATEWAY.id,), rules, retention)


#: Meters of the buildings: what their gateway sends, as a kind of device.
METER = Profile(
    "musterstadt-meter",
    Text("Zähler der Gebäudetechnik", "Meter of the building services"),
    (
        Measure("Power", "Power", unit="W", title=Text("Leistung", "Power"), lowest=0),
        Measure("Total", "Energy", unit="kW.h", title=Text("Zählerstand", "Energy"), lowest=0),
    ),
    every="PT1M",
    time="",
)

DATASETS = (
    _dataset(
        "fridge_temperatures",
        Text("Kühlketten: Küchen der Schulen, Apotheken", "Cold chains: school kitchens, pharmacies"),
        "schulamt",
        Access.RESTRICTED,
        "lorawan",
        Text(
            "64 Kühlschränke mit LoRaWAN-Fühlern; zeigt auch, wann in Küchen gearbeitet wird (synthetisch).",
            "64 fridges with LoRaWAN probes; also tells when kitchens work (synthetic).",
        ),
        _stream("P1Y"),
        {"profiles": ["dragino-lht65"]},
        keywords=("Kühlkette", "Lebensmittel", "LoRaWAN", "Sensoren"),
        theme="HEAL",
        update_every="PT2M",
    ),
    _dataset(
        "parking_bays",
        Text("Stellplätze: belegt oder frei", "Parking bays: taken or free"),
        "ordnungsamt",
        Access.OPEN,
        "lorawan",
        Text(
            "116 Bodensensoren auf acht Parkplätzen. Zeiten werden bei der Erhebung auf die Minute gerundet (synthetisch).",
            "116 sensors in the ground of eight lots. Times are rounded to the minute when collected (synthetic).",
        ),
        _stream("P90D", Minimise(_K.ROUND_TIME, "phenomenonTime", every="PT1M")),
        {"profiles": ["bosch-tps110"]},
        (*_FIELDS, field("occupied", BOOLEAN, "Belegt", "Taken", "result")),
        keywords=("Parken", "LoRaWAN", "Sensoren", "Echtzeit"),
        theme="TRAN",
        update_every="PT5M",
    ),
    _dataset(
        "water_levels",
        Text("Pegel der Bäche", "Water levels of the brooks"),
        "umweltamt",
        Access.OPEN,
        "lorawan",
        Text("20 Sonden in vier Bächen (synthetisch).", "20 probes in four brooks (synthetic)."),
        _stream("P5Y"),
        {"profiles": ["decentlab-dl-ctd10"]},
        keywords=("Wasserstand", "Starkregen", "LoRaWAN", "Sensoren"),
        theme="ENVI",
        update_every="PT1M",
    ),
    _dataset(
        "air_sensors",
        Text("Luftsensoren an Haltestellen", "Air sensors at bus stops"),
        "umweltamt",
        Access.OPEN,
        "things_stack",
        Text(
            "30 Feinstaubsensoren einer Bürgerinitiative über The Things Stack (synthetisch).",
            "30 dust sensors of a citizens' initiative through The Things Stack (synthetic).",
        ),
        _stream("P5Y"),
        {"profiles": ["decentlab-dl-pm"]},
        keywords=("Luft", "Feinstaub", "LoRaWAN", "Sensoren"),
        theme="ENVI",
        update_every="PT1M",
    ),
    _dataset(
        "energy_meters",
        Text("Strom- und Wärmezähler der Gebäude", "Electricity and heat meters of buildings"),
        "stadtwerke",
        Access.INTERNAL,
        "gebaeudetechnik",
        Text(
            "80 Zähler in 40 Gebäuden, in manchen wohnt jemand: gespeichert wird nur das Mittel von 15 Minuten (synthetisch).",
            "80 meters in 40 buildings, somebody lives in some: only means of 15 minutes are stored (synthetic).",
        ),
        _stream(
            "P3Y",
            Minimise(_K.AGGREGATE, "result", every="PT15M", observed_properties=("Power",)),
            Minimise(_K.AGGREGATE, "result", every="PT15M", function=Aggregate.LAST, observed_properties=("Energy",)),
            Minimise(_K.ROUND, "result", step=10.0, observed_properties=("Power",)),
        ),
        {"profiles": ["musterstadt-meter"]},
        keywords=("Energie", "Zähler", "Gebäude", "Sensoren"),
        theme="ENER",
        update_every="PT15M",
    ),
    _dataset(
        "traffic_counts",
        Text("Zählstellen: Fahrzeuge und Fußverkehr", "Counters: vehicles and pedestrians"),
        "tiefbauamt",
        Access.OPEN,
        "sensornetz",
        Text(
            "40 zählende Kameras: Summen von fünf Minuten, unter vier Menschen zu Fuß keine (synthetisch).",
            "40 counting cameras: sums of five minutes, none of fewer than four people on foot (synthetic).",
        ),
        _stream(
            "P2Y",
            Minimise(_K.AGGREGATE, "result", every="PT5M", function=Aggregate.SUM),
            Minimise(_K.MIN_COUNT, "result", step=4.0, observed_properties=("Pedestrians",)),
        ),
        keywords=("Verkehr", "Zählung", "Fußverkehr", "Sensoren"),
        theme="TRAN",
        update_every="PT5M",
    ),
    _dataset(
        "weather",
        Text("Wetterstationen", "Weather stations"),
        "umweltamt",
        Access.OPEN,
        "sensornetz",
        Text("50 kleine Wetterstationen (synthetisch).", "50 small weather stations (synthetic)."),
        _stream("P5Y"),
        keywords=("Wetter", "Klima", "Sensoren"),
        theme="ENVI",
        update_every="PT2M",
    ),
)
