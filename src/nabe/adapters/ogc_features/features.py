"""GML features as records: properties by their names, places in degrees. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from nabe.adapters.ogc_features.documents import exception
from nabe.adapting.axes import crs_of, dimension, turned
from nabe.adapting.geometry import CRS84, degrees, is_lonlat, known_crs
from nabe.adapting.json_http.paths import Row
from nabe.adapting.xml.gml import Unreadable, geometry, is_geometry, reference_system
from nabe.adapting.xml.markup import Node, Path, Records, XmlStream
from nabe.errors import NabeError, SourceRefused, SourceUnavailable

_MEMBERS = frozenset({"member", "featureMember", "featureMembers"})
_AROUND = frozenset({"FeatureCollection", "Tuple", "Collection", *_MEMBERS})
_FAILURES = frozenset({"ExceptionReport", "ServiceExceptionReport"})
_ZONED_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})")
#: Features whose places are reckoned together.
_TOGETHER = 200


class FeatureStream(Records):
    """The features of an answer as they come. `root`: attributes of the collection; `reference`: its reference system."""

    def __init__(self, system: str, shown: str, chunks: Iterable[bytes]) -> None:
        super().__init__(system, XmlStream(iter(chunks), shown), _is_feature)
        self._shown = shown
        self.root: Mapping[str, str] | None = None
        self.reference = ""

    def opened(self, node: Node) -> None:
        if self.root is None:
            if node.name not in _AROUND and node.name not in _FAILURES:
                raise SourceRefused(
                    self._system,
                    f"{self._shown} delivers {node.name[:60]!r} instead of features.",
                    hint="Check the address; it should be that of a WFS.",
                )
            self.root = node.attributes
        if not self.inside:
            self.reference = self.reference or node.attributes.get("srsName", "")
        super().opened(node)

    def broken(self, line: int, why: str, *, cut: bool) -> NabeError:
        if cut:
            return SourceUnavailable(
                self._system, f"{self._shown}: it ends in the middle (line {line}).", hint="Try again later."
            )
        return SourceRefused(
            self._system, f"{self._shown}, line {line}: not valid XML ({why}).", hint="Ask the server's operator."
        )

    def nodes(self) -> Iterator[Node]:
        """The features. An exception between them is one here, too."""
        for node, _ in self:
            if node.name in _FAILURES:
                raise failed(self._system, self._shown, exception(node) or ("", ""))
            yield node


def failed(system: str, shown: str, said: tuple[str, str], *, busy: bool = False) -> NabeError:
    """The error of an exception report."""
    code, text = said
    why = f"{shown}: {text or 'an exception without a text'}" + (f" ({code[:60]})" if code else "")
    why = why if why.endswith((".", "…")) else f"{why}."
    if busy or code == "ServerBusy":
        return SourceUnavailable(system, why, hint="Try again later.")
    return SourceRefused(system, why, hint="Check collection, crs, sort and properties of the source.")


def _is_feature(path: Path) -> bool:
    if path[-1] in _FAILURES:
        return True
    return len(path) > 2 and path[-2] in _MEMBERS and path[-1] not in _AROUND and path[-1] != "truncatedResponse"


@dataclass(slots=True)
class _Place:
    """A geometry of a record that is not yet in degrees."""

    record: dict[str, Any]
    name: str
    shape: Any
    said: str
    also: str = ""  # another name of it

    def put(self, shape: Any) -> None:
        """The geometry as it goes into the record."""
        self.record[self.name] = shape
        if self.also:
            self.record[self.also] = shape


@dataclass(slots=True)
class Features:
    """Makes records out of features; one per question: the order of coordinates is told once and kept.

    `usual`: what the server's capabilities say; `crs`: what is declared; `axes`: as in the settings.
    """

    system: str
    usual: str = ""
    crs: str = ""
    axes: str = "auto"
    orders: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    systems: dict[str, None] = field(default_factory=dict)
    points: bool = True
    geometries: dict[str, None] = field(default_factory=dict)  # names of properties that hold places

    def rows(self, stream: FeatureStream) -> Iterator[Row]:
        """The records of a stream."""
        held: list[Node] = []
        for node in stream.nodes():
            held.append(node)
            if len(held) >= _TOGETHER:
                yield from self._rows(held, stream.reference)
                held = []
        yield from self._rows(held, stream.reference)

    def placed(self, rows: Iterator[Row], said: str, *, api: bool = False) -> Iterator[Row]:
        """GeoJSON records, their places in degrees.

        An OGC API (`api`) writes the reference system asked for in the register's order (OGC 18-058r1, 6.3). A WFS writes x, y
        in it, or degrees as RFC 7946 wants it, which the numbers tell; a row's key is the name of its geometry.
        """
        held: list[Row] = []
        for row in rows:
            held.append(row)
            if len(held) >= _TOGETHER:
                yield from self._json_rows(held, said, api)
                held = []
        yield from self._json_rows(held, said, api)

    def _json_rows(self, rows: list[Row], said: str, api: bool) -> list[Row]:
        texts = [json.dumps(row.value.get("geometry")) if row.value.get("geometry") else None for row in rows]
        shapes = shapely.from_geojson(np.array(texts, dtype=object), on_invalid="ignore")
        coordinates = shapely.get_coordinates(shapes)
        crs = crs_of(said)
        if coordinates.size and not api and not is_lonlat(crs or CRS84) and np.abs(coordinates).max() <= 180:
            crs = CRS84
        if coordinates.size:
            shapes = self._placed(said if api else crs or said, shapes)
        for row, shape, text in zip(rows, shapes, texts, strict=True):
            row.value["geometry"] = "GeoJSON" if shape is None and text else shape
            name = (not api and str(row.key)) or "geometry"
            self.geometries[name] = None
            self.points = self.points and (shape is None or shape.geom_type == "Point")
            row.value.setdefault(name, row.value["geometry"])
        return rows

    def _rows(self, nodes: list[Node], outside: str) -> Iterator[Row]:
        rows: list[Row] = []
        places: list[_Place] = []
        for node in nodes:
            rows.append(self._row(node, outside, places))
        self._place(places)
        yield from rows

    def _row(self, node: Node, outside: str, places: list[_Place]) -> Row:
        id = node.attributes.get("id") or node.attributes.get("fid") or ""
        around = next((reference_system(item) for item in node.children if item.name == "boundedBy"), "")
        record: dict[str, Any] = {"id": id}
        before = len(places)
        found = self._members(node, around or outside, places)
        record.update(found)
        for item in places[before:]:
            if item.record is found:
                item.record = record
                self.geometries[item.name] = None
                if "geometry" not in record:
                    record["geometry"] = None
                    item.also = "geometry"
        return Row(record, id)

    def _members(self, node: Node, said: str, places: list[_Place]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for child in node.children:
            if child.name == "boundedBy" and "opengis.net/gml" in child.space:
                continue
            name = child.name
            shape = next((item for item in child.children if is_geometry(item.name, item.space)), None)
            if shape is not None and name not in record:
                record[name] = None
                places.append(_Place(record, name, self._shape(shape, said), reference_system(shape) or said))
                continue
            value = self._value(child, said, places)
            if name not in record:
                record[name] = value
            elif isinstance(record[name], list):
                record[name].append(value)
            else:
                record[name] = [record[name], value]
        return record

    def _value(self, node: Node, said: str, places: list[_Place]) -> Any:
        if node.attributes.get("nil") in ("true", "1"):
            return None
        if node.children:
            return self._members(node, said, places)
        if not node.text and "href" in node.attributes:
            return node.attributes["href"]
        day = _ZONED_DAY.fullmatch(node.text.strip())
        return day[1] if day else node.text or None

    def _shape(self, node: Node, said: str) -> Any:
        """The geometry as it is written; what cannot be read is no geometry, and is counted as such."""
        own = node.attributes
        if "srsDimension" not in own and dimension(crs_of(reference_system(node) or said)) == 3:
            own["srsDimension"] = "3"
        try:
            return geometry(node)
        except Unreadable:
            return f"GML {node.name}"

    def _place(self, places: list[_Place]) -> None:
        by_system: dict[str, list[_Place]] = {}
        for item in places:
            if isinstance(item.shape, str):
                item.put(item.shape)
            else:
                by_system.setdefault(item.said or self.usual, []).append(item)
        for said, items in by_system.items():
            shapes = np.empty(len(items), dtype=object)
            for index, item in enumerate(items):
                shapes[index] = item.shape
                self.points = self.points and item.shape.geom_type == "Point"
            for item, shape in zip(items, self._placed(said, shapes), strict=True):
                item.put(shape)

    def _placed(self, said: str, shapes: Any) -> Any:
        crs = crs_of(said) or self.crs
        if not crs or not known_crs(crs):
            raise SourceRefused(
                self.system,
                f"the reference system {said[:80]!r} is not known." if said else "no reference system is named.",
                hint="Set source.crs, for example EPSG:25832.",
                field="crs",
            )
        self.systems[crs] = None
        if said not in self.orders:
            if self.axes == "auto":
                self.orders[said], note = turned(said, crs, shapes)
                self.notes += [note] * bool(note)
            else:
                self.orders[said] = self.axes == "yx"
        if self.orders[said]:
            shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
        if is_lonlat(crs):
            return shapes
        return shapely.transform(shapes, lambda x, y: degrees(crs, x, y), interleaved=False)
