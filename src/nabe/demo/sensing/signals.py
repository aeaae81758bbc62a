"""What the sensors of the model city measure: the same value for a device and a moment, wherever it is asked for.

History and living devices share these functions, so that a chart goes on where the history ends. `m` is the module that
computes: `math` for one moment, `numpy` for many. Times `t` are seconds since the epoch, `seed` is the device's own number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_DAY, _YEAR, _TURN = 86_400.0, 31_557_600.0, 6.283185307179586
#: What local time is ahead of UTC, about: rush hours need no more.
_LOCAL = 5_400.0


@dataclass(frozen=True, slots=True)
class Signal:
    """A series of a device. `field`: what it is called in a message; `property`, `unit` (UCUM) as in SensorThings.

    `kind`: number, integer or boolean. `digits` after the point. `title`: the German name of the property. `past`: it has one.
    """

    field: str
    property: str
    title: str
    unit: str
    value: Callable[[Any, Any, Any], Any]
    digits: int = 1
    kind: str = "number"
    past: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of device. `every`: seconds between messages of a living one; `step`: between values of its history.

    `interval`: values of the past are of the whole step, as the dataset's rules aggregate.
    `way`: `chirpstack`, `things_stack`, `json` or `sensing`: how its messages come. `dataset`: where they belong.
    """

    id: str
    dataset: str
    system: str
    way: str
    profile: str
    every: float
    step: int
    signals: tuple[Signal, ...]
    interval: bool = False


def noise(m: Any, seed: Any, t: Any, width: float = 1.0) -> Any:
    """0..1, another one each `width` seconds, always the same for seed and time."""
    x = m.sin(m.floor(t / width) % 100_003.0 * 12.9898 + seed * 78.233) * 43_758.5453
    return x - m.floor(x)


def _wave(m: Any, t: Any, period: float, phase: float = 0.0) -> Any:
    return m.sin(t * (_TURN / period) + phase)


def _hour(m: Any, t: Any) -> Any:
    """Hour of the local day, 0..24."""
    local = t + _LOCAL
    return (local - m.floor(local / _DAY) * _DAY) / 3_600.0


def _workday(m: Any, t: Any) -> Any:
    """1 from Monday to Friday, else 0.45; the epoch began on a Thursday."""
    day = m.floor((t + _LOCAL) / _DAY) + 3.0
    weekday = day - m.floor(day / 7.0) * 7.0
    return 1.0 - 0.55 * (weekday >= 5.0)


def _rush(m: Any, t: Any) -> Any:
    hour = _hour(m, t)
    morning, evening = m.exp(-((hour - 7.7) ** 2) / 3.0), m.exp(-((hour - 17.0) ** 2) / 6.0)
    return (0.08 + morning + 0.9 * evening + 0.45 * m.exp(-((hour - 12.5) ** 2) / 18.0)) * _workday(m, t)


def _air(m: Any, seed: Any, t: Any) -> Any:
    """Temperature of the air: year, weather of some days, day, the place."""
    year = 10.5 - 9.5 * m.cos((t - 1.9e6) * (_TURN / _YEAR))
    weather = 2.4 * _wave(m, t, 5.3 * _DAY) + 1.6 * _wave(m, t, 2.7 * _DAY, 1.0)
    return year + weather + 3.2 * _wave(m, t, _DAY, -2.4) + (seed % 7) * 0.15 + 0.3 * noise(m, seed, t)


def _humidity(m: Any, seed: Any, t: Any) -> Any:
    return 74.0 - 12.0 * _wave(m, t, _DAY, -2.4) + 9.0 * _wave(m, t, 4.1 * _DAY) + 3.0 * noise(m, seed + 1, t)


def _pressure(m: Any, seed: Any, t: Any) -> Any:
    return 1_005.0 + 9.0 * _wave(m, t, 6.1 * _DAY) + 4.0 * _wave(m, t, 3.3 * _DAY, 2.0) + 0.2 * noise(m, seed + 2, t)


def _wind(m: Any, seed: Any, t: Any) -> Any:
    calm = 2.6 + 1.4 * _wave(m, t, 3.3 * _DAY) + 0.8 * _wave(m, t, _DAY, -2.0)
    return calm * (0.6 + 0.8 * noise(m, seed + 3, t, 60.0))


def _rain(m: Any, seed: Any, t: Any) -> Any:
    """Millimetres in the last hour."""
    front = _wave(m, t, 4.1 * _DAY) + 0.6 * _wave(m, t, 1.3 * _DAY, 0.7) - 1.1
    return 0.0 + (front > 0.0) * front * 6.0 * noise(m, seed % 5, t, 3_600.0)


def _dust(m: Any, seed: Any, t: Any, level: float) -> Any:
    still = 1.0 + 0.4 * _wave(m, t, 6.1 * _DAY) + 0.5 * _rush(m, t)
    return level * (0.8 + (seed % 9) * 0.06) * still * (0.85 + 0.3 * noise(m, seed + 4, t))


def _fridge(m: Any, seed: Any, t: Any) -> Any:
    """Inside of a fridge: the compressor's rhythm, warmer when the kitchen works; one in twelve is badly closed."""
    hour = _hour(m, t)
    kitchen = m.exp(-((hour - 11.5) ** 2) / 5.0) * _workday(m, t)
    leaks = (seed % 12 == 0) * (1.5 + 2.5 * kitchen)
    return 4.2 + 0.8 * _wave(m, t, 2_700.0 + seed % 600) + 1.1 * kitchen + leaks + 0.3 * noise(m, seed, t)


def _kitchen(m: Any, seed: Any, t: Any) -> Any:
    hour = _hour(m, t)
    return 20.0 + (seed % 5) * 0.4 + 3.5 * m.exp(-((hour - 11.5) ** 2) / 8.0) * _workday(m, t) + 0.2 * noise(m, seed, t)


def _occupied(m: Any, seed: Any, t: Any) -> Any:
    """Is there a car on the bay? Each stays for a while that is the bay's own."""
    stay = 900.0 + (seed % 13) * 180.0
    slot = m.floor((t + seed * 97.0) / stay)
    hour = _hour(m, slot * stay)
    demand = 0.15 + 0.72 * m.exp(-((hour - 13.0) ** 2) / 26.0) * _workday(m, t)
    return noise(m, seed + 5, slot) < demand


def _level(m: Any, seed: Any, t: Any) -> Any:
    """Depth in millimetres: rain of the last days, late."""
    rain = _wave(m, t - 0.8 * _DAY, 4.1 * _DAY) + 0.5 * _wave(m, t, 11.0 * _DAY)
    flood = (rain > 0.4) * (rain - 0.4)
    return 420.0 + (seed % 11) * 60.0 + 80.0 * rain + 420.0 * flood + 6.0 * noise(m, seed, t)


def _water(m: Any, seed: Any, t: Any) -> Any:
    return 3.5 + 0.65 * _air(m, 3.0, t - 0.7 * _DAY) + (seed % 4) * 0.2


def _conductivity(m: Any, seed: Any, t: Any) -> Any:
    return 560.0 + (seed % 8) * 14.0 - 70.0 * _wave(m, t, 4.1 * _DAY) + 8.0 * noise(m, seed + 1, t)


def _power(m: Any, seed: Any, t: Any) -> Any:
    """Watts of a building: base load, and people at work."""
    hour = _hour(m, t)
    work = m.exp(-(((hour - 12.0) / 5.0) ** 4)) * _workday(m, t)
    size = 900.0 + (seed % 17) * 260.0
    return size * (0.25 + 1.1 * work) * (0.9 + 0.2 * noise(m, seed, t, 60.0))


def _heat(m: Any, seed: Any, t: Any) -> Any:
    cold = 19.0 - _air(m, 3.0, t)
    size = 700.0 + (seed % 13) * 180.0
    return 0.0 + (cold > 0.0) * cold * size * (0.75 + 0.3 * noise(m, seed, t, 600.0))


def _counter(m: Any, seed: Any, t: Any) -> Any:
    """A meter's kilowatt hours: what the mean load has added since its first day."""
    return (t - 1.7e9) / 3.6e6 * (700.0 + (seed % 17) * 200.0) + 1.5 * _wave(m, t, _DAY, -2.4)


def _vehicles(m: Any, seed: Any, t: Any) -> Any:
    """In a minute."""
    return m.floor((4.0 + seed % 14) * _rush(m, t) * (0.6 + 0.9 * noise(m, seed, t, 60.0)))


def _walkers(m: Any, seed: Any, t: Any) -> Any:
    """In a minute; few at night, so that the rule of minimum counts has something to hide."""
    return m.floor((0.6 + seed % 4) * 1.6 * _rush(m, t) * (0.3 + 1.2 * noise(m, seed + 1, t, 60.0)))


_S = Signal
KINDS: Mapping[str, Kind] = {
    kind.id: kind
    for kind in (
        Kind(
            "fridge", "fridge_temperatures", "lorawan", "chirpstack", "dragino-lht65", 90.0, 3_600,
            (
                _S("TempC_DS", "Probe temperature", "Temperatur am Fühler", "Cel", _fridge, 2),
                _S("TempC_SHT", "Air temperature", "Lufttemperatur", "Cel", _kitchen, 2),
                _S("Hum_SHT", "Relative humidity", "Luftfeuchte", "%", lambda m, seed, t: 47.0 + 6.0 * noise(m, seed, t, 600.0)),
            ),
        ),
        Kind(
            "bay", "parking_bays", "lorawan", "chirpstack", "bosch-tps110", 240.0, 900,
            (
                _S("occupied", "Occupied", "Belegt", "", _occupied, 0, "boolean"),
                _S("temperature", "Temperature", "Temperatur", "Cel", lambda m, seed, t: 2.0 + _air(m, seed, t), 0, past=False),
            ),
        ),
        Kind(
            "water", "water_levels", "lorawan", "chirpstack", "decentlab-dl-ctd10", 60.0, 3_600,
            (
                _S("water_depth", "Water depth", "Wassertiefe", "mm", _level, 0),
                _S("temperature", "Water temperature", "Wassertemperatur", "Cel", _water),
                _S("electrical_conductivity", "Electrical conductivity", "Elektrische Leitfähigkeit", "uS/cm", _conductivity, 0),
            ),
        ),
        Kind(
            "air", "air_sensors", "things_stack", "things_stack", "decentlab-dl-pm", 60.0, 3_600,
            (
                _S("pm2_5_mass_concentration", "PM2.5", "Feinstaub PM2,5", "ug/m3", lambda m, seed, t: _dust(m, seed, t, 7.0)),
                _S("pm10_mass_concentration", "PM10", "Feinstaub PM10", "ug/m3", lambda m, seed, t: _dust(m, seed, t, 13.0)),
                _S("air_temperature", "Air temperature", "Lufttemperatur", "Cel", _air, 2),
                _S("air_humidity", "Relative humidity", "Luftfeuchte", "%", _humidity),
                _S("barometric_pressure", "Air pressure", "Luftdruck", "hPa", _pressure, 2),
            ),
        ),
        Kind(
            "electricity", "energy_meters", "gebaeudetechnik", "json", "musterstadt-meter", 60.0, 900,
            (
                _S("Power", "Power", "Leistung", "W", _power, -1),
                _S("Total", "Energy", "Zählerstand", "kW.h", _counter, 1),
            ),
            interval=True,
        ),
        Kind(
            "heat", "energy_meters", "gebaeudetechnik", "json", "musterstadt-meter", 60.0, 900,
            (
                _S("Power", "Power", "Leistung", "W", _heat, -1),
                _S("Total", "Energy", "Zählerstand", "kW.h", _counter, 1),
            ),
            interval=True,
        ),
        Kind(
            "traffic", "traffic_counts", "sensornetz", "sensing", "", 60.0, 300,
            (
                _S("vehicles", "Vehicles", "Fahrzeuge", "", _vehicles, 0, "integer"),
                _S("pedestrians", "Pedestrians", "Fußverkehr", "", _walkers, 0, "integer"),
            ),
            interval=True,
        ),
        Kind(
            "weather", "weather", "sensornetz", "sensing", "", 90.0, 3_600,
            (
                _S("temperature", "Air temperature", "Lufttemperatur", "Cel", _air),
                _S("humidity", "Relative humidity", "Luftfeuchte", "%", _humidity, 0),
                _S("wind", "Wind speed", "Windgeschwindigkeit", "m/s", _wind),
                _S("rain", "Precipitation", "Niederschlag", "mm", _rain),
            ),
        ),
    )
}  # fmt: skip
