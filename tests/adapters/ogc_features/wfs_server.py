"""A small Web Feature Service that really filters, orders and pages; WFS 2.0.0 (GML 3.2, GeoJSON) and 1.1.0 (GML 3.1.1).

Strict where servers are: an unknown property, a literal that does not fit or an operator it does not know is an exception.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import shapely

from nabe.testing.silo import Reply, Request

SPACE = "http://example.org/stadt"
_XSD = {"string": str, "integer": int, "double": float, "boolean": bool, "date": dt.date, "dateTime": dt.datetime}


@dataclass
class WfsServer:
    """`rows`: values by property, places as shapely shapes (x first) in `crs`. `yx`: write the north first."""

    rows: Sequence[dict[str, Any]]
    types: dict[str, str]
    version: str = "2.0.0"
    crs: str = "urn:ogc:def:crs:EPSG::4326"
    yx: bool = True
    most: int = 1_000_000  # rows that it gives at once, whatever is asked
    pages: bool = True  # does it obey startIndex?
    counts: bool = True  # does it say how many there are?
    hits: bool = True
    says: str = "TRUE"  # ImplementsResultPaging
    name: str = "app:orte"
    filters: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        params = {name.lower(): value for name, value in request.query}
        try:
            match params.get("request", "").lower():
                case "getcapabilities":
                    return xml(self.capabilities())
                case "describefeaturetype":
                    return xml(self.schema())
                case "getfeature":
                    return self.features(params)
            raise Refused("OperationNotSupported", "unknown request")
        except Refused as error:
            code, text = error.args
            return xml(report(code, text), 400 if self.two else 200)

    @property
    def two(self) -> bool:
        return self.version.startswith("2")

    def capabilities(self) -> str:
        wfs = "http://www.opengis.net/wfs/2.0" if self.two else "http://www.opengis.net/wfs"
        tag = "CRS" if self.two else "SRS"
        constraints = "".join(
            f'<ows:Constraint name="{name}"><ows:NoValues/><ows:DefaultValue>{value}</ows:DefaultValue></ows:Constraint>'
            for name, value in (("ImplementsResultPaging", self.says), ("ImplementsSorting", "TRUE"))
        )
        formats = "".join(
            f"<ows:Value>{item}</ows:Value>" for item in ("application/gml+xml; version=3.2", "application/json")
        )
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<wfs:WFS_Capabilities version="{self.version}" xmlns:wfs="{wfs}" xmlns:ows="http://www.opengis.net/ows/1.1" xmlns:app="{SPACE}">
<ows:ServiceIdentification><ows:Title>Orte</ows:Title></ows:ServiceIdentification>
<ows:OperationsMetadata><ows:Operation name="GetFeature"><ows:Parameter name="outputFormat"><ows:AllowedValues>{formats}
</ows:AllowedValues></ows:Parameter></ows:Operation>{constraints if self.two else ""}</ows:OperationsMetadata>
<wfs:FeatureTypeList><wfs:FeatureType><wfs:Name>{self.name}</wfs:Name><wfs:Title>Orte der Stadt</wfs:Title>
<wfs:Abstract>Alle Orte.</wfs:Abstract><ows:Keywords><ows:Keyword>Ort</ows:Keyword></ows:Keywords>
<wfs:Default{tag}>{self.crs}</wfs:Default{tag}></wfs:FeatureType></wfs:FeatureTypeList></wfs:WFS_Capabilities>"""

    def schema(self) -> str:
        elements = "".join(
            f'<xsd:element name="{name}" minOccurs="0" nillable="true" type="{"gml" if "Property" in kind else "xsd"}:{kind}"/>'
            for name, kind in self.types.items()
        )
        return f"""<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2"
 xmlns:app="{SPACE}" targetNamespace="{SPACE}"><xsd:complexType name="orteType"><xsd:complexContent>
<xsd:extension base="gml:AbstractFeatureType"><xsd:sequence>{elements}</xsd:sequence></xsd:extension></xsd:complexContent>
</xsd:complexType><xsd:element name="orte" type="app:orteType" substitutionGroup="gml:AbstractFeature"/></xsd:schema>"""

    def features(self, params: dict[str, str]) -> Reply:
        name = params.get("typenames" if self.two else "typename", "")
        if name != self.name:
            raise Refused("InvalidParameterValue", f"Feature type {name} unknown")
        rows = list(self.rows)
        if filter := params.get("filter"):
            self.filters.append(filter)
            keep = self.condition(ElementTree.fromstring(filter)[0])
            rows = [row for row in rows if keep(row)]
        if order := params.get("sortby"):
            if order not in self.types:
                raise Refused("InvalidParameterValue", "unknown property in sortBy")
            rows.sort(key=lambda row: str(row[order]))
        count = len(rows)
        if params.get("resulttype", "").lower() == "hits":
            return xml(self.collection([], count if self.hits else None, hits=True))
        if self.pages:
            rows = rows[int(params.get("startindex", 0)) :]
        wanted = int(params.get("count" if self.two else "maxfeatures", self.most))
        rows = rows[: min(wanted, self.most)]
        if "json" in params.get("outputformat", ""):
            return self.geojson(rows, count)
        return xml(self.collection(rows, count if self.counts else None))

    def geojson(self, rows: Sequence[dict[str, Any]], count: int) -> Reply:
        found = []
        for row in rows:
            plain = {name: value for name, value in row.items() if not self.is_place(name)}
            plain = {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in plain.items()}
            place = next((row[name] for name in row if self.is_place(name)), None)
            shape = json.loads(shapely.to_geojson(place)) if place is not None else None
            found.append({"type": "Feature", "id": self.id(row), "geometry": shape, "properties": plain})
        return Reply(
            {"type": "FeatureCollection", "features": found, "totalFeatures": count if self.counts else "unknown"}
        )

    def is_place(self, name: str) -> bool:
        return "Property" in self.types[name]

    def id(self, row: dict[str, Any]) -> str:
        return f"orte.{next(n for n, item in enumerate(self.rows) if item is row)}"

    def collection(self, rows: Sequence[dict[str, Any]], count: int | None, *, hits: bool = False) -> str:
        gml = "http://www.opengis.net/gml/3.2" if self.two else "http://www.opengis.net/gml"
        wfs = "http://www.opengis.net/wfs/2.0" if self.two else "http://www.opengis.net/wfs"
        total = "unknown" if count is None else str(count)
        facts = f'numberMatched="{total}" numberReturned="{len(rows)}"'
        if not self.two:
            facts = f'numberOfFeatures="{total if hits else len(rows)}"'
        member = "wfs:member" if self.two else "gml:featureMember"
        inner = "".join(f"<{member}>{self.feature(row)}</{member}>" for row in rows)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<wfs:FeatureCollection xmlns:wfs="{wfs}" xmlns:gml="{gml}" '
            f'xmlns:app="{SPACE}" timeStamp="{dt.datetime.now(dt.UTC).isoformat()}" {facts}>{inner}</wfs:FeatureCollection>'
        )

    def feature(self, row: dict[str, Any]) -> str:
        parts = []
        for name, value in row.items():
            if value is None:
                continue
            text = gml_of(value, self.crs, self.yx) if self.is_place(name) else escape(written(value), {"\r": "&#13;"})
            parts.append(f"<app:{name}>{text}</app:{name}>")
        return f'<app:orte gml:id="{self.id(row)}">{"".join(parts)}</app:orte>'

    def condition(self, node: ElementTree.Element) -> Callable[[dict[str, Any]], bool]:
        kind, inner = local(node), list(node)
        if kind in ("And", "Or"):
            parts = [self.condition(item) for item in inner]
            join = all if kind == "And" else any
            return lambda row: join(part(row) for part in parts)
        name = (inner[0].text or "").rpartition(":")[2]
        if local(inner[0]) != ("ValueReference" if self.two else "PropertyName") or name not in self.types:
            raise Refused("InvalidParameterValue", f"Illegal property name: {name}")
        if kind == "BBOX":
            box = self.box(inner[1])
            return lambda row: row[name] is not None and row[name].intersects(box)
        if kind == "PropertyIsBetween":
            low, high = (self.literal(item[0], name) for item in inner[1:])
            return lambda row: row[name] is not None and low <= row[name] <= high
        if kind == "PropertyIsLike":
            if self.types[name] != "string":
                raise Refused("InvalidParameterValue", "like is for texts")
            signs = {node.get("wildCard"): ".*", node.get("singleChar"): "."}
            pattern = "".join(signs.get(sign) or re.escape(sign) for sign in inner[1].text or "")
            return lambda row: row[name] is not None and re.fullmatch(pattern, row[name], re.S) is not None
        value = self.literal(inner[1], name)
        compare: dict[str, Callable[[Any], bool]] = {
            "PropertyIsEqualTo": lambda found: found == value,
            "PropertyIsGreaterThanOrEqualTo": lambda found: found >= value,
            "PropertyIsLessThanOrEqualTo": lambda found: found <= value,
        }
        if kind not in compare:
            raise Refused("OptionNotSupported", f"operator {kind}")
        return lambda row: row[name] is not None and compare[kind](row[name])

    def literal(self, node: ElementTree.Element, name: str) -> Any:
        text = node.text or ""
        try:
            match self.types[name]:
                case "boolean":
                    return {"true": True, "false": False}[text]
                case "date":
                    return dt.date.fromisoformat(text)
                case "dateTime":
                    return dt.datetime.fromisoformat(text)
                case kind:
                    return _XSD[kind](text)
        except (ValueError, KeyError):
            raise Refused("InvalidParameterValue", "cannot cast literal") from None

    def box(self, node: ElementTree.Element) -> Any:
        if node.get("srsName") != self.crs:
            raise Refused("InvalidParameterValue", "unexpected reference system")
        (a, b), (c, d) = ((float(number) for number in (corner.text or "").split()) for corner in node)
        return shapely.box(b, a, d, c) if self.yx else shapely.box(a, b, c, d)


class Refused(Exception):
    """Code and text of an exception report."""


def xml(text: str, status: int = 200) -> Reply:
    return Reply(text.encode(), status, Content_Type="text/xml; charset=utf-8")


def report(code: str, text: str) -> str:
    return (
        '<?xml version="1.0"?><ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="2.0.0">'
        f'<ows:Exception exceptionCode="{code}"><ows:ExceptionText>{escape(text)}</ows:ExceptionText></ows:Exception>'
        "</ows:ExceptionReport>"
    )


def local(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def gml_of(shape: Any, srs: str, yx: bool) -> str:
    """Points, lines and polygons as GML 3."""

    def numbers(inner: Any) -> str:
        return " ".join(f"{y!r} {x!r}" if yx else f"{x!r} {y!r}" for x, y in shapely.get_coordinates(inner).tolist())

    def ring(line: Any) -> str:
        return f"<gml:LinearRing><gml:posList>{numbers(line)}</gml:posList></gml:LinearRing>"

    match shape.geom_type:
        case "Point":
            return f'<gml:Point srsName="{srs}"><gml:pos>{numbers(shape)}</gml:pos></gml:Point>'
        case "LineString":
            return f'<gml:LineString srsName="{srs}"><gml:posList>{numbers(shape)}</gml:posList></gml:LineString>'
    outer = f"<gml:exterior>{ring(shape.exterior)}</gml:exterior>"
    holes = "".join(f"<gml:interior>{ring(item)}</gml:interior>" for item in shape.interiors)
    return f'<gml:Polygon srsName="{srs}">{outer}{holes}</gml:Polygon>'
