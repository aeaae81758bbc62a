"""`nabe connect` of interfaces that speak a dialect: each is told by what it is, and its proposal answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nabe.testing.silo import Reply, Request, Server

DATEX = b"""<d2LogicalModel xmlns="http://datex2.eu/schema/2/2_0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<payloadPublication xsi:type="SituationPublication" lang="de"><publicationTime>2026-11-24T12:00:00Z</publicationTime>
<situation id="S1" version="1"><situationRecord xsi:type="RoadOrCarriagewayOrLaneManagement" id="R1" version="1">
<generalPublicComment><comment><values><value lang="de">Vollsperrung</value></values></comment></generalPublicComment>
<groupOfLocations xsi:type="Point"><pointByCoordinates><pointCoordinates><latitude>50.94</latitude><longitude>6.95</longitude>
</pointCoordinates></pointByCoordinates></groupOfLocations></situationRecord></situation></payloadPublication></d2LogicalModel>"""

WSDL = """<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:t="urn:t" targetNamespace="urn:t"><w:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 targetNamespace="urn:t"><xs:element name="getTrees"><xs:complexType/></xs:element><xs:element name="trees"><xs:complexType>
 <xs:sequence><xs:element name="tree" maxOccurs="unbounded"><xs:complexType><xs:sequence><xs:element name="no" type="xs:int"/>
 <xs:element name="kind" type="xs:string"/></xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType>
 </xs:element></xs:schema></w:types><w:message name="in"><w:part name="p" element="t:getTrees"/></w:message>
 <w:message name="out"><w:part name="p" element="t:trees"/></w:message><w:portType name="P"><w:operation name="getTrees">
 <w:input message="t:in"/><w:output message="t:out"/></w:operation></w:portType><w:binding name="B" type="t:P">
 <soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><w:operation name="getTrees"><soap:operation soapAction=""/>
 <w:input><soap:body use="literal"/></w:input><w:output><soap:body use="literal"/></w:output></w:operation></w:binding>
 <w:service name="S"><w:port name="P" binding="t:B"><soap:address location="ADDRESS"/></w:port></w:service></w:definitions>"""
TREES = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><trees xmlns="urn:t"><tree><no>7</no>
<kind>Linde</kind></tree><tree><no>8</no><kind>Ahorn</kind></tree></trees></s:Body></s:Envelope>"""


@pytest.fixture
def web(dorf) -> Iterator[Server]:
    path = dorf / "nabe.yaml"
    path.write_text(path.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]"))
    server = Server()
    base, schema = server.url, "https://schema.oparl.org/1.1/"

    def answer(request: Request) -> Any:
        match request.path.removeprefix("/api"):
            case "/datex":
                return Reply(DATEX, Content_Type="application/xml")
            case "/system":
                return {"id": f"{base}/system", "type": schema + "System", "body": f"{base}/bodies"}
            case "/bodies":
                body = {"id": f"{base}/body", "type": schema + "Body", "paper": f"{base}/paper"}
                return {"data": [body], "links": {}}
            case "/paper":
                papers = [{"id": f"{base}/{n}", "type": schema + "Paper", "name": f"Vorlage {n}"} for n in range(3)]
                return {"data": papers, "links": {}}
            case "/soap" if request.method == "POST":
                return Reply(TREES, Content_Type="text/xml")
            case "/soap":
                return Reply(WSDL.replace("ADDRESS", f"{base}/soap").encode(), Content_Type="text/xml")
            case "/plain":
                return [{"a": 1}]
        return Reply({}, 404)

    server.answer = answer
    yield server
    server.close()


@pytest.mark.parametrize(
    ("path", "table", "adapter", "question", "answer"),
    [
        ("/datex", "situation", "datex2", "select count(*) n, max(comment) x from d", {"n": 1, "x": "Vollsperrung"}),
        ("/system", "paper", "oparl", "select count(*) n, max(name) x from d", {"n": 3, "x": "Vorlage 2"}),
        ("/soap?wsdl", "getTrees", "soap", "select count(*) n, max(kind) x from d", {"n": 2, "x": "Linde"}),
        ("/plain", "plain", "http_json", "select count(*) n, max(a) x from d", {"n": 1, "x": 1}),
    ],
)
def test_a_dialect_is_told_and_answers(dorf, nabe, web, path, table, adapter, question, answer):
    nabe("connect", web.url + path, "--as", "d", "-t", table, "-y", code=0)
    assert f"adapter: {adapter}" in (dorf / "systems/d.yaml").read_text()
    document = dorf / "datasets/d.yaml"
    document.write_text(
        document.read_text().replace("access: internal", "access: open").replace("access: restricted", "access: open")
    )
    nabe("apply", "-y", code=0)
    assert nabe("query", question, "-f", "json", code=0).json == [answer]
