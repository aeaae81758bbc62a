"""A SOAP service of a test (document/literal, its schema imported), and systems and datasets that call it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from nabe.adapters.soap import SoapAdapter
from nabe.model.dataset import Access, Dataset, Field, Limits, System
from nabe.model.text import Text
from nabe.ports.source import Probe, Source
from nabe.testing.silo import Reply, Request, Server, context, no_secrets, rows, serving, table

__all__ = [
    "SCHEMA", "SOAP", "SOAP12", "SPACE", "Reply", "Request", "Server", "Trees", "context", "dataset", "envelope", "no_secrets", "opened", "probe", "rows",
    "serving", "system", "table", "wsdl",
]  # fmt: skip

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SPACE = "urn:example:trees"

SCHEMA = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{SPACE}" targetNamespace="{SPACE}"
 elementFormDefault="qualified">
 <xs:element name="listTrees"><xs:complexType><xs:sequence>
   <xs:element name="filter" minOccurs="0"><xs:complexType><xs:sequence>
     <xs:element name="quarter" type="xs:string" minOccurs="0"/>
     <xs:element name="keys" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
     <xs:element name="since" type="xs:dateTime" minOccurs="0"/>
   </xs:sequence></xs:complexType></xs:element>
   <xs:element name="most" type="xs:int" minOccurs="0"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="listTreesResponse"><xs:complexType><xs:sequence>
   <xs:element name="trees"><xs:complexType><xs:sequence>
     <xs:element name="tree" type="Tree" minOccurs="0" maxOccurs="unbounded"/>
   </xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element>
 <xs:simpleType name="Number"><xs:restriction base="xs:long"/></xs:simpleType>
 <xs:complexType name="Tree"><xs:sequence>
   <xs:element name="name" type="xs:string" nillable="true"/>
   <xs:element name="where" minOccurs="0"><xs:complexType><xs:sequence>
     <xs:element name="quarter" type="xs:string" minOccurs="0"/><xs:element name="wkt" type="xs:string" minOccurs="0"/>
   </xs:sequence></xs:complexType></xs:element>
   <xs:element name="household" type="xs:string" minOccurs="0"/><xs:element name="note" type="xs:string" minOccurs="0"/>
   <xs:element name="count" type="Number" minOccurs="0"/><xs:element name="share" type="xs:double" minOccurs="0"/>
   <xs:element name="open" type="xs:boolean" minOccurs="0"/><xs:element name="opened" type="xs:date" minOccurs="0"/>
   <xs:element name="seen" type="xs:dateTime" minOccurs="0"/>
   <xs:element name="care" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
 </xs:sequence><xs:attribute name="key" type="xs:string"/></xs:complexType>
 <xs:element name="deleteTree"><xs:complexType><xs:sequence><xs:element name="key" type="xs:string"/></xs:sequence>
 </xs:complexType></xs:element>
 <xs:element name="deleteTreeResponse"><xs:complexType/></xs:element>
</xs:schema>"""


def wsdl(address: str, schema: str, soap: str = "soap") -> str:
    """The description; `schema`: where its schema lies."""
    space = {"soap": "http://schemas.xmlsoap.org/wsdl/soap/", "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/"}[soap]

    def parts(name: str) -> str:
        return (
            f'<w:message name="{name}In"><w:part name="parameters" element="t:{name}"/></w:message>'
            f'<w:message name="{name}Out"><w:part name="parameters" element="t:{name}Response"/></w:message>'
        )

    def operation(name: str, body: str) -> str:
        return f'<w:operation name="{name}">{body}</w:operation>'

    names = ("listTrees", "deleteTree")
    kind = "".join(operation(n, f'<w:input message="t:{n}In"/><w:output message="t:{n}Out"/>') for n in names)
    use = f'<{soap}:body use="literal"/>'
    said = f'<{soap}:operation soapAction="urn:OP"/><w:input>{use}</w:input><w:output>{use}</w:output>'
    bound = "".join(operation(name, said) for name in names)
    return (
        f'<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:{soap}="{space}" xmlns:t="{SPACE}" '
        f'targetNamespace="{SPACE}" name="Trees"><w:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        f'<xs:import namespace="{SPACE}" schemaLocation="{escape(schema)}"/></xs:schema></w:types>'
        f'{"".join(map(parts, names))}<w:portType name="TreesPort">{kind}</w:portType>'
        f'<w:binding name="TreesBinding" type="t:TreesPort"><{soap}:binding style="document" '
        f'transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</w:binding><w:service name="Trees">'
        f'<w:port name="TreesPort" binding="t:TreesBinding"><{soap}:address location="{escape(address)}"/></w:port>'
        "</w:service></w:definitions>"
    )


def envelope(body: str, space: str = SOAP) -> bytes:
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{space}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


class Trees:
    """The service: answers with these trees, narrowed by the filter that was sent. `last`: the last message."""

    def __init__(self, server: Server, trees: Sequence[dict[str, Any]], soap: str = "soap") -> None:
        self.server, self.trees, self.soap = server, trees, soap
        self.last: ElementTree.Element | None = None
        self.answer: Reply | None = None
        server.answer = self

    @property
    def wsdl(self) -> str:
        return f"{self.server.url}/trees?wsdl"

    def __call__(self, request: Request) -> Reply:
        if request.method == "GET":
            if request.path.endswith(".xsd"):
                return Reply(SCHEMA.encode(), Content_Type="text/xml")
            return Reply(wsdl(f"{self.server.url}/trees", "trees.xsd", self.soap).encode(), Content_Type="text/xml")
        self.last = ElementTree.fromstring(request.body)
        if self.answer is not None:
            return self.answer
        inner = "".join(map(tree, self.wanted()))
        body = f'<listTreesResponse xmlns="{SPACE}"><trees>{inner}</trees></listTreesResponse>'
        return Reply(envelope(body, SOAP if self.soap == "soap" else SOAP12), Content_Type="text/xml; charset=utf-8")

    def said(self, name: str) -> list[str]:
        """Texts of the elements of this name in the last message."""
        assert self.last is not None
        return [item.text or "" for item in self.last.iter() if item.tag.rpartition("}")[2] == name]

    def wanted(self) -> list[dict[str, Any]]:
        found = list(self.trees)
        for quarter in self.said("quarter"):
            found = [item for item in found if item["quarter"] == quarter]
        if keys := self.said("keys"):
            found = [item for item in found if item["key"] in keys]
        for since in map(dt.datetime.fromisoformat, self.said("since")):
            found = [item for item in found if item["seen"] and item["seen"] >= since]
        return found[: int(most[0])] if (most := self.said("most")) else found


def tree(row: dict[str, Any]) -> str:
    def tag(name: str, value: Any) -> str:
        if value is None:
            return ""
        text = (
            str(value).lower()
            if isinstance(value, bool)
            else value.isoformat()
            if hasattr(value, "isoformat")
            else value
        )
        return f"<{name}>{escape(str(text))}</{name}>"

    nil = '<name xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>'
    where = tag("quarter", row["quarter"]) + tag("wkt", row.get("wkt"))
    plain = "".join(tag(name, row[name]) for name in ("household", "note", "count", "share", "open", "opened", "seen"))
    care = "".join(tag("care", item) for item in row.get("care", ()))
    return f'<tree key="{row["key"]}">{tag("name", row["name"]) or nil}<where>{where}</where>{plain}{care}</tree>'


def system(wsdl: str, timeout_s: float = 10.0, **connection: Any) -> System:
    limits = Limits(timeout_s=timeout_s)
    return System("fachverfahren", Text("Fachverfahren"), "soap", "amt", {"wsdl": wsdl, **connection}, limits=limits)


def dataset(source: dict[str, Any], fields: tuple[Field, ...], id: str = "inhalt") -> Dataset:
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="fachverfahren", source=source)


def opened(
    root: Path,
    wsdl: str,
    *,
    secrets: Callable[[str], str] = no_secrets,
    timeout_s: float = 10.0,
    allow: tuple[str, ...] = ("127.0.0.1",),
    **connection: Any,
) -> Source:
    return SoapAdapter().open(system(wsdl, timeout_s, **connection), secrets, context(root, allow_hosts=allow))


def probe(root: Path, source: str) -> Probe:
    adapter = SoapAdapter()
    found = adapter.sniff(source, context(root))
    assert found is not None, source
    return adapter.probe(found, no_secrets, context(root))
