"""Lists of devices as people keep them: CSV of a spreadsheet, or YAML. Pure but for reading the file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from nabe.errors import Invalid, LimitExceeded
from nabe.model.dataset import Dataset
from nabe.model.device import Device

_MOST, _LARGEST = 100_000, 50_000_000
#: Column -> names that people give it.
_NAMES = {
    "id": ("id", "device", "dev_eui", "deveui", "eui", "device_id", "gerät", "geraet"),
    "profile": ("profile", "profil", "type", "typ"),
    "name": ("name", "bezeichnung", "title"),
    "description": ("description", "beschreibung"),
    "latitude": ("latitude", "lat", "breite", "y"),
    "longitude": ("longitude", "lon", "lng", "long", "länge", "laenge", "x"),
    "dataset": ("dataset", "datensatz"),
}
_KNOWN = {alias: name for name, aliases in _NAMES.items() for alias in aliases}
_EUI = re.compile(r"[0-9A-Fa-f]{16}")


def read(path: Path, system: str, datasets: Mapping[str, Dataset], dataset: str = "") -> list[Device]:
    """The devices in a file (`.csv`, `.yaml`). `dataset`: of rows that name none. `Invalid` names row and column."""
    try:
        if path.stat().st_size > _LARGEST:
            raise LimitExceeded(f"{path.name} is larger than {_LARGEST // 1_000_000} MB.", field="file")
        raw = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.", field="file") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    rows = _yaml(text, path.name) if path.suffix.lower() in (".yaml", ".yml") else _csv(text)
    found: dict[str, Device] = {}
    for number, row in enumerate(rows, 1):
        if number > _MOST:
            raise LimitExceeded(f"{path.name} lists more than {_MOST} devices.", field="file")
        device = _device(row, f"{path.name}, device {number}", system, datasets, dataset)
        if device.id in found:
            raise Invalid(f"{path.name}, device {number}: {device.id!r} is listed twice.", field="id")
        found[device.id] = device
    return list(found.values())


def _csv(text: str) -> Iterable[Mapping[str, Any]]:
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    yield from csv.DictReader(io.StringIO(text), delimiter=delimiter)


def _yaml(text: str, name: str) -> Iterable[Mapping[str, Any]]:
    try:
        given = yaml.load(text, yaml.BaseLoader)  # noqa: S506  all scalars as text: an EUI of digits is no number
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise Invalid(f"{name} is no YAML{where}.", field="file") from None
    if isinstance(given, dict):
        given = given.get("devices", [])
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise Invalid(f"{name} holds no list of devices.", hint="- {id: 24e124136b502217, name: Kita 3}", field="file")
    yield from given


def _device(row: Mapping[str, Any], where: str, system: str, datasets: Mapping[str, Dataset], dataset: str) -> Device:
    values: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for column, value in row.items():
        if not column or value is None:
            continue
        if isinstance(value, str):
            value = value.strip()
        name = _KNOWN.get(str(column).strip().lower())
        if name is not None:
            values[name] = value
        elif str(column).strip().lower() == "properties" and isinstance(value, dict):
            properties |= value
        elif value != "":
            properties[str(column).strip()] = value
    id = identity(str(values.get("id") or ""))
    if not id:
        raise Invalid(f"{where}: its id is missing.", hint="A column id or dev_eui.", field="id")
    mine = str(values.get("dataset") or dataset)
    source = datasets[mine].source if mine in datasets else {}
    profiles: Any = source.get("profiles") or ()
    profile = str(values.get("profile") or source.get("learn") or (profiles[0] if len(profiles) == 1 else ""))
    if not profile:
        raise Invalid(f"{where}: its profile is missing.", hint="A column profile.", field="profile")
    east, north = _degrees(values, "longitude", where), _degrees(values, "latitude", where)
    if (east is None) != (north is None):
        raise Invalid(f"{where}: latitude and longitude belong together.", field="latitude")
    place = (east, north) if east is not None and north is not None else None
    if east is not None and north is not None and not (-180 <= east <= 180 and -90 <= north <= 90):
        raise Invalid(f"{where}: that is no place on earth.", hint="Degrees, WGS 84.", field="latitude")
    name, description = str(values.get("name") or ""), str(values.get("description") or "")
    return Device(system, id, mine, profile, name, description, place, properties)


def identity(text: str) -> str:
    """A device's id as it is kept: DevEUIs in lower case without signs between their digits."""
    plain = re.sub(r"[-:\s]", "", text)
    return plain.lower() if _EUI.fullmatch(plain) else text.strip()


def _degrees(values: Mapping[str, Any], name: str, where: str) -> float | None:
    given = str(values.get(name) or "").strip()
    if not given:
        return None
    try:
        return float(given.replace(",", "."))
    except ValueError:
        raise Invalid(f"{where}: {name} is no number.", hint="50.9413", field=name) from None
