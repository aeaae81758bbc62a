"""Profiles that come with Nabe: kinds of devices that cities have, with codecs of our own.

A workspace's own profile of the same id takes their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from nabe.model.device import Command, Measure, Profile
from nabe.model.text import Text
from nabe.sandbox.pool import MBUS

_PREFIX = "builtin:"


def _m(field: str, property: str, de: str, unit: str = "", kind: str = "number", **more: object) -> Measure:
    return Measure(field, property, unit=unit, kind=kind, title=Text(de, property), **more)  # type: ignore[arg-type]


_TEMPERATURE = _m("temperature", "Air temperature", "Lufttemperatur", "Cel", lowest=-80, highest=150)
_HUMIDITY = _m("humidity", "Relative humidity", "Luftfeuchte", "%", lowest=0, highest=100)
_REPORT = Command(
    "report_interval", Text("Sendeabstand (s)", "Reporting interval (s)"), 85, True, {"report_interval": "integer"}
)
_REBOOT = Command("reboot", Text("Neustart", "Restart"), 85, True, {"reboot": "boolean"})


def _milesight(
    id: str, model: str, table: str, title: Text, *measures: Measure, every: str = "PT10M", **more: object
) -> Profile:
    return Profile(
        id, title, measures, f"{_PREFIX}milesight/{table}", "Milesight", model, every=every, battery="battery",
        battery_low=20, commands=(_REPORT, _REBOOT), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _decentlab(id: str, model: str, table: str, title: Text, *measures: Measure) -> Profile:
    return Profile(
        id, title, measures, f"{_PREFIX}decentlab/{table}", "Decentlab", model, every="PT10M",
        battery="battery_voltage", battery_low=2.2,
    )  # fmt: skip


_PROFILES = (
    _milesight(
        "milesight-em300-th", "EM300-TH", "em300", Text("Raumklimasensor", "Temperature and humidity sensor"), _TEMPERATURE, _HUMIDITY
    ),
    _milesight(
        "milesight-em310-udl", "EM310-UDL", "em310-udl", Text("Füllstandssensor", "Fill level sensor"),
        _m("distance", "Distance", "Abstand", "mm", lowest=0), _m("tilt", "Tilt", "Neigung", kind="text"), every="PT1H",
    ),
    _milesight(
        "milesight-em500-pt100", "EM500-PT100", "em500", Text("Temperaturfühler", "Temperature probe"),
        _m("temperature", "Temperature", "Temperatur", "Cel", lowest=-200, highest=800),
    ),
    _milesight(
        "milesight-em500-swl", "EM500-SWL", "em500", Text("Pegelsonde", "Water level probe"),
        _m("water_level", "Water level", "Wasserstand", "cm", lowest=0),
    ),
    _milesight(
        "milesight-am319", "AM319", "am300", Text("Raumluftsensor", "Indoor air sensor"), _TEMPERATURE, _HUMIDITY,
        _m("co2", "Carbon dioxide", "Kohlendioxid", "[ppm]", lowest=0), _m("tvoc", "Volatile organic compounds", "Flüchtige organische Stoffe", "[ppb]", lowest=0),
        _m("pressure", "Air pressure", "Luftdruck", "hPa", lowest=300, highest=1200), _m("pm2_5", "PM2.5", "Feinstaub PM2,5", "ug/m3", lowest=0),
        _m("pm10", "PM10", "Feinstaub PM10", "ug/m3", lowest=0), _m("hcho", "Formaldehyde", "Formaldehyd", "mg/m3", lowest=0),
        _m("light_level", "Light level", "Helligkeitsstufe"), _m("pir", "Motion", "Bewegung", kind="boolean", words={"trigger": "true", "idle": "false"}),
        history="history",
    ),
    _milesight(
        "milesight-at101", "AT101", "at101", Text("Ortungsgerät", "Tracker"), _TEMPERATURE,
        _m("position", "Position of the device", "Lage des Geräts", kind="text"), latitude="latitude", longitude="longitude",
    ),
    _milesight(
        "milesight-ct101", "CT101", "ct101", Text("Stromwandler", "Current transformer"),
        _m("current", "Current", "Stromstärke", "A", lowest=0), _m("total_current", "Electric charge", "Elektrische Ladung", "A.h", lowest=0),
    ),
    _milesight(
        "milesight-vs121", "VS121", "vs121", Text("Personenzähler", "People counter"),
        _m("people_count_all", "People in view", "Personen im Bild", kind="integer", lowest=0), _m("people_in", "People in", "Personen hinein", kind="integer"),
        _m("people_out", "People out", "Personen heraus", kind="integer"), _m("region_1_count", "People in region 1", "Personen in Bereich 1", kind="integer"),
    ),
    _decentlab(
        "decentlab-dl-ctd10", "DL-CTD10", "ctd10", Text("Pegel- und Leitfähigkeitssonde", "Water level and conductivity"),
        _m("water_depth", "Water depth", "Wassertiefe", "mm"), _m("temperature", "Water temperature", "Wassertemperatur", "Cel"),
        _m("electrical_conductivity", "Electrical conductivity", "Elektrische Leitfähigkeit", "uS/cm", lowest=0),
    ),
    _decentlab(
        "decentlab-dl-ntu", "DL-NTU", "ntu", Text("Trübungssonde", "Turbidity probe"),
        _m("turbidity_in_ntu", "Turbidity", "Trübung", "[NTU]", lowest=0), _m("temperature", "Water temperature", "Wassertemperatur", "Cel"),
    ),
    _decentlab(
        "decentlab-dl-optod", "DL-OPTOD", "optod", Text("Sauerstoffsonde", "Dissolved oxygen probe"),
        _m("oxygen_concentration", "Dissolved oxygen", "Gelöster Sauerstoff", "mg/L", lowest=0),
        _m("oxygen_saturation", "Oxygen saturation", "Sauerstoffsättigung", "%", lowest=0), _m("temperature", "Water temperature", "Wassertemperatur", "Cel"),
    ),
    _decentlab(
        "decentlab-dl-pm", "DL-PM", "pm", Text("Feinstaubsensor", "Particulate matter"),
        _m("pm2_5_mass_concentration", "PM2.5", "Feinstaub PM2,5", "ug/m3", lowest=0), _m("pm10_mass_concentration", "PM10", "Feinstaub PM10", "ug/m3", lowest=0),
        _m("air_temperature", "Air temperature", "Lufttemperatur", "Cel"), _m("air_humidity", "Relative humidity", "Luftfeuchte", "%", lowest=0, highest=100),
        _m("barometric_pressure", "Air pressure", "Luftdruck", "hPa", factor=0.01, lowest=300, highest=1200),
    ),
    _decentlab(
        "decentlab-dl-cws", "DL-CWS", "cws", Text("Straßenzustand", "Road surface"),
        _m("surface_temperature", "Road surface temperature", "Fahrbahntemperatur", "Cel"), _m("air_temperature", "Air temperature", "Lufttemperatur", "Cel"),
        _m("air_humidity", "Relative humidity", "Luftfeuchte", "%", lowest=0, highest=100), _m("dew_point", "Dew point", "Taupunkt", "Cel"),
    ),
    _decentlab(
        "decentlab-dl-pr26", "DL-PR26", "pr26-0-1", Text("Drucksonde", "Pressure probe"),
        _m("pressure", "Pressure", "Druck", "bar"), _m("temperature", "Temperature", "Temperatur", "Cel"),
    ),
    Profile(
        "dragino-lht65", Text("Temperatursensor mit Fühler", "Temperature sensor with probe"),
        (
            _m("TempC_SHT", "Air temperature", "Lufttemperatur", "Cel", lowest=-60, highest=125),
            _m("Hum_SHT", "Relative humidity", "Luftfeuchte", "%", lowest=0, highest=100),
            _m("TempC_DS", "Probe temperature", "Temperatur am Fühler", "Cel", missing=(327.67,), lowest=-60, highest=150),
        ),
        f"{_PREFIX}dragino-lht65", "Dragino", "LHT65", every="PT20M", battery="BatV", battery_low=2.6,
        commands=(Command("report_interval", Text("Sendeabstand (s)", "Reporting interval (s)"), 2, True, {"report_interval": "integer"}),),
    ),
    Profile(
        "dragino-lht52", Text("Temperatursensor mit Uhr", "Temperature sensor with clock"),
        (
            _m("TempC_SHT", "Air temperature", "Lufttemperatur", "Cel", lowest=-60, highest=125, ports=(2,)),
            _m("Hum_SHT", "Relative humidity", "Luftfeuchte", "%", lowest=0, highest=100, ports=(2,)),
            _m("TempC_DS", "Probe temperature", "Temperatur am Fühler", "Cel", missing=(327.67,), ports=(2,)),
        ),
        f"{_PREFIX}dragino-lht52", "Dragino", "LHT52", every="PT20M", time="Systimestamp",
    ),
    Profile(
        "mbus-heat-meter", Text("Wärmezähler (M-Bus)", "Heat meter (M-Bus)"),
        (
            _m("energy", "Thermal energy", "Wärmemenge", "kW.h", factor=0.001, lowest=0), _m("volume", "Volume", "Volumen", "m3", lowest=0),
            _m("power", "Thermal power", "Wärmeleistung", "W"), _m("volume_flow", "Volume flow", "Durchfluss", "m3/h"),
            _m("flow_temperature", "Flow temperature", "Vorlauftemperatur", "Cel"), _m("return_temperature", "Return temperature", "Rücklauftemperatur", "Cel"),
        ),
        MBUS, every="P1D",
    ),
    Profile(
        "mbus-water-meter", Text("Wasserzähler (M-Bus)", "Water meter (M-Bus)"),
        (_m("volume", "Volume", "Volumen", "m3", lowest=0), _m("volume_flow", "Volume flow", "Durchfluss", "m3/h")),
        MBUS, every="P1D",
    ),
    Profile(
        "mbus-electricity-meter", Text("Stromzähler (M-Bus)", "Electricity meter (M-Bus)"),
        (_m("energy", "Electrical energy", "Elektrische Arbeit", "kW.h", factor=0.001, lowest=0), _m("power", "Electrical power", "Elektrische Leistung", "W")),
        MBUS, every="P1D",
    ),
    Profile(
        "bosch-tps110", Text("Parkplatzsensor", "Parking lot sensor"),
        (
            _m("occupied", "Occupied", "Belegt", kind="boolean"),
            _m("temperature", "Temperature", "Temperatur", "Cel", ports=(2,)),
        ),
        f"{_PREFIX}bosch-tps110", "Bosch", "TPS110", every="P1D",
    ),
    Profile(
        "elsys-ers-co2", Text("Raumklimasensor mit CO2", "Indoor climate with CO2"),
        (
            _TEMPERATURE, _HUMIDITY, _m("co2", "Carbon dioxide", "Kohlendioxid", "[ppm]", lowest=0),
            _m("light", "Illuminance", "Beleuchtungsstärke", "lx", lowest=0), _m("motion", "Motion count", "Bewegungen", kind="integer", lowest=0),
        ),
        f"{_PREFIX}elsys", "ELSYS", "ERS CO2", every="PT10M", battery="vdd", battery_low=3.0,
    ),
)  # fmt: skip

#: Profiles by id.
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({profile.id: profile for profile in _PROFILES})


def codec_text(codec: str) -> str:
    """The JavaScript of a profile's `codec`. `KeyError` for a built-in one that is not there."""
    if not codec.startswith(_PREFIX):
        return codec
    if codec == MBUS:
        return MBUS
    name, _, model = codec.removeprefix(_PREFIX).partition("/")
    if not name.replace("-", "").isalnum():
        raise KeyError(codec)
    try:
        text = (files("nabe.devices") / "codecs" / f"{name}.js").read_text("utf-8")
    except OSError:
        raise KeyError(codec) from None
    return f'var MODEL = "{model}";\n{text}' if model.replace("-", "").isalnum() else text
