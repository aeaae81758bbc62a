"""Looking into a service before it is declared: its entity sets as tables, and the latest value of each datastream."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from nabe.adapters.sensorthings.entities import LINKS, Way, way_of
from nabe.adapters.sensorthings.source import EntityReader
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.looking import dataset_of, first_rows, sample, typed_column
from nabe.adapting.json_http.paths import GONE, Path, Row, value_at
from nabe.adapting.json_http.recognise import members
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.sniffing import interface_at, peek
from nabe.errors import SourceRefused, Unknown
from nabe.model.dataset import FieldType
from nabe.ports.source import AdapterContext, Batches, Column, Table

_ROOT_BYTES = 1_000_000
#: Rows that are looked at of sets that may hold millions.
_MOST_OBSERVATIONS = 5_000
_UNIT = ("Datastream.unitOfMeasurement.symbol", "Datastream.Thing.Locations[0].location")
_STREAM = ("id", "name", "description", "unitOfMeasurement.name", "unitOfMeasurement.symbol", "observationType")
_ABOUT = ("ObservedProperty.name", "Thing.id", "Thing.name")
_PLACE = "Thing.Locations[0].location"
_NAMED = ("id", "name", "description")
_TIME = ("phenomenonTime.begin", "phenomenonTime.end", "resultTime", "result")
#: Table -> entity set, and the columns that are proposed.
_TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "things": ("Things", (*_NAMED, "Locations[0].name", "Locations[0].location")),
    "locations": ("Locations", (*_NAMED, "location")),
    "historical_locations": ("HistoricalLocations", ("id", "time", "Thing.id", "Locations[0].location")),
    "datastreams": ("Datastreams", (*_STREAM, "phenomenonTime.begin", "phenomenonTime.end", *_ABOUT, _PLACE)),
    "sensors": ("Sensors", (*_NAMED, "encodingType", "metadata")),
    "observed_properties": ("ObservedProperties", (*_NAMED, "definition")),
    "features_of_interest": ("FeaturesOfInterest", (*_NAMED, "feature")),
    "observations_latest": (
        "Datastreams",
        ("id", "name", "unitOfMeasurement.symbol", *(f"Observations[0].{name}" for name in _TIME), *_ABOUT, _PLACE),
    ),
    "observations": ("Observations", ("id", *_TIME, "Datastream.id", "Datastream.name", *_UNIT)),
}  # fmt: skip
_REFERENCES = {"Thing.id": "things", "Datastream.id": "datastreams"}
_BELOW = re.compile(r"(.*/v1\.[01])(?:/.*)?$")
#: Types that the standard fixes, by the last name of a way.
_KINDS = {
    "begin": FieldType.DATETIME,
    "end": FieldType.DATETIME,
    "resultTime": FieldType.DATETIME,
    "time": FieldType.DATETIME,
    "location": FieldType.GEOMETRY,
    "feature": FieldType.GEOMETRY,
    **dict.fromkeys(("name", "description", "symbol", "definition", "observationType", "encodingType"), FieldType.STRING),
}  # fmt: skip


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The root of the service that an address belongs to, if it is one: it lists its entity sets."""
    parts = interface_at(source)
    if parts is None:
        return None
    host, path = parts
    below = _BELOW.match(path)
    root = host + (below[1] if below else path)
    return {"url": root} if _sets(peek(root, context)) else None


def _sets(document: Any) -> list[str]:
    """Entity sets that a root document lists; none if it is no root of a service."""
    listed = document.get("value") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return []
    names = [item.get("name") for item in listed if isinstance(item, dict) and isinstance(item.get("url"), str)]
    found = [name for name in names if isinstance(name, str) and name in LINKS]
    return found if {"Things", "Datastreams"} <= set(found) or {"Things", "Observations"} <= set(found) else []


class SensorThingsProbe:
    """A look into the service of a connection."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface

    def discover(self) -> list[str]:
        """The entity sets, and `observations_latest`: each datastream with its latest value."""
        body, _ = self._interface.whole(TableSettings(), _ROOT_BYTES)
        try:
            sets = _sets(json.loads(body))
        except (ValueError, RecursionError):
            sets = []
        if not sets:
            raise SourceRefused(
                self._interface.system,
                "the address is no root of a SensorThings service.",
                hint="It ends with /v1.1 or /v1.0 and lists Things, Datastreams and so on.",
            )
        return [name for name, (entity, _) in _TABLES.items() if entity in sets]

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Columns that the standard knows, and every member of `properties` that the first entities have."""
        if table not in _TABLES:
            raise Unknown(f"There is no table {table!r}.", hint=f"Tables: {', '.join(_TABLES)}.", table=table)
        progress(0.0)
        entity, names = _TABLES[table]
        has_properties = entity not in ("Observations", "HistoricalLocations") and table != "observations_latest"
        plain = [Column(name, FieldType.STRING) for name in (*names, *(("properties",) if has_properties else ()))]
        most = _MOST_OBSERVATIONS if entity == "Observations" else None
        rows, whole = self._rows({"entity": entity}, plain, most)
        if not rows:
            raise SourceRefused(self._interface.system, f"{entity} is empty.", hint="There is nothing to learn from.")
        columns, own = self._columns(names, entity, rows)
        if has_properties:
            more, more_own = _properties(rows)
            columns, own = [*columns, *more], own | more_own
        source: dict[str, Any] = {"entity": entity} | _promises(columns, entity, rows, whole)
        if own:
            source["columns"] = own
        crs = "OGC:CRS84" if any(column.type is FieldType.GEOMETRY for column in columns) else ""
        notes = () if whole else (f"Types are told from the first {len(rows):,} entities.",)
        references = tuple((name, other, "id") for name, other in _REFERENCES.items() if name in names)
        progress(1.0)
        return Table(
            table, tuple(columns), source, ("id",), references, crs=crs, rows=len(rows) if whole else None, notes=notes
        )

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed; of observations the first ones."""
        most = _MOST_OBSERVATIONS if table.source["entity"] == "Observations" else None
        return sample(self._interface, EntityReader, table, columns, most)

    def _rows(self, source: dict[str, Any], columns: list[Column], most: int | None) -> tuple[list[Row], bool]:
        dataset = dataset_of(source, columns)
        reader = EntityReader(self._interface.system, dataset)
        return first_rows(self._interface, reader, dataset.fields, **({"most": most} if most else {}))

    def _columns(
        self, names: tuple[str, ...], entity: str, rows: list[Row]
    ) -> tuple[list[Column], dict[str, dict[str, Any]]]:
        columns, own = [], {}
        for name in names:
            way = way_of(name, entity)
            values = _values(way, rows)
            last = name.rsplit(".", 1)[-1]
            column, settings = typed_column(name, values, len(rows), _KINDS.get(last))
            settings.pop("optional", None)
            if not values and (way.optional or way.links):
                continue  # such as resultTime, where the service never has one
            columns.append(column)
            if settings:
                own[name] = settings
        return columns, own


def _values(way: Way, rows: list[Row]) -> list[Any]:
    found = (value_at(row, Path(way.steps)) for row in rows)
    return [value for value in found if value is not GONE]


def _properties(rows: list[Row]) -> tuple[list[Column], dict[str, dict[str, Any]]]:
    """Columns out of `properties`, which every service fills as it likes."""
    records = [row.value.get("properties") if isinstance(row.value, dict) else None for row in rows]
    ways, count = members({"properties": record} if isinstance(record, dict) else {} for record in records)
    columns, own = [], {}
    for name, found in ways.items():
        values = [*found.values, *([None] * (found.records - len(found.values)))]
        column, settings = typed_column(name, values, count)
        columns.append(column)
        if settings:
            own[name] = settings
    return columns, own


def _promises(columns: list[Column], entity: str, rows: list[Row], whole: bool) -> dict[str, Any]:
    """What holds for all that was seen, so that the service may filter by it."""
    found: dict[str, Any] = {}
    ids = _values(way_of("id", entity), rows)
    for word, kind in (("number", int), ("text", str)):
        if ids and all(type(id) is kind for id in ids):
            found["ids"] = word
    if entity == "Observations":
        results = [value for value in _values(way_of("result", entity), rows) if value is not None]
        if results and all(type(value) in (int, float) for value in results):
            found["results"] = "number"
        times = [walked for row in rows if isinstance(walked := row.value.get("phenomenonTime"), dict)]
        if times and all(time.get("begin") == time.get("end") for time in times):
            found["instants"] = True
    places = [value for column in columns if column.type is FieldType.GEOMETRY for value in _values(way_of(column.name, entity), rows)]  # fmt: skip
    if whole and places and all(isinstance(place, dict) and _is_point(place) for place in places):
        found["points"] = True
    return found


def _is_point(place: dict[str, Any]) -> bool:
    inner = place.get("geometry") if place.get("type") == "Feature" else place
    return isinstance(inner, dict) and inner.get("type") == "Point"
