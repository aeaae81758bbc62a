"""OGC SensorThings API 1.1, Part 1: Sensing (OGC 18-088), at /sta/v1.1; over MQTT by `mqtt`."""

from __future__ import annotations

import json

from nabe.apis.sensorthings.routes import routes
from nabe.model.text import Text
from nabe.web.interface import Interface, ProbeRequest

_ROOT = "/sta/v1.1"
_JSON = {"Content-Type": "application/json"}
_PATCH = {"Content-Type": "application/json-patch+json"}
_MIXED = {"Content-Type": "multipart/mixed; boundary=b"}
_SETS = (
    "Things",
    "Locations",
    "HistoricalLocations",
    "Datastreams",
    "MultiDatastreams",
    "Sensors",
    "ObservedProperties",
    "Observations",
    "FeaturesOfInterest",
)
_EVERYTHING = "Locations,HistoricalLocations/Locations,Datastreams($expand=Sensor,ObservedProperty,Observations($expand=FeatureOfInterest;$count=true)),MultiDatastreams/Observations"
_READ = (
    "",
    *_SETS,
    *(f"{name}?$count=true&$top=3&$orderby=id desc" for name in _SETS),
    *(f"{name}(1)" for name in _SETS),
    f"Things?$expand={_EVERYTHING}&$count=true",
    f"Things(1)?$expand={_EVERYTHING}",
    "Observations?$expand=Datastream/Thing/Locations,Datastream/Sensor,FeatureOfInterest&$orderby=result desc",
    "Things(1)/Datastreams(1)/Observations?$orderby=phenomenonTime desc",
    "Observations(1)/Datastream/Thing/Locations",
    "Observations(2147483649)/result/$value",
    "Things(1)/name",
    "Things(1)/properties/{field}/$value",
    "Datastreams(1)/Thing/$ref",
    "Things/$ref?$filter=contains(name,'{value}')",
    "Things/$count?$filter=Datastreams/any(d:contains(d/name,'{value}'))",
    "Things?$filter=contains(properties/{field},'{value}') or name gt 'K'&$select=id",
    "Datastreams?$filter=Observations/result gt 0 and startswith(Thing/name,'{value}')&$count=true",
    "Datastreams?$filter=Observations/any(o:contains(o/result,'{value}'))&$select=id&$count=true",
    "Observations?$filter=contains(Datastream/Thing/properties/{field},'{value}')&$count=true&$select=id",
    "Observations?$filter=contains(parameters/{field},'{value}') or contains(result,'{value}')&$select=id",
    "Things?$orderby=properties/{field},Datastreams/name desc&$select=name,properties/{field}",
    "Observations?$resultFormat=dataArray&$count=true",
    "Observations?$resultFormat=CSV&$expand=Datastream/Thing",
    "Things?$resultFormat=GeoJSON",
    "FeaturesOfInterest?$resultFormat=GeoJSON&$filter=geo.distance(feature,geography'POINT(9.9 51.5)') lt 90",
    "Observations?$apply=groupby((window(phenomenonTime,duration'P1D')),aggregate(result with average as m,$count as n))",
    "Datastreams(1)/Observations?$apply=groupby((window(phenomenonTime,duration'P1D')),aggregate(result with max as m))&$resultFormat=CSV",
    "Things(9223372036854775807)",
    "Things?$filter={value}",
)
_BATCH = {
    "requests": [
        {"id": "1", "method": "get", "url": f"Things?$expand={_EVERYTHING}"},
        {"id": "2", "method": "get", "url": "Observations?$filter=contains(Datastream/name,'{value}')&$count=true"},
        {"id": "3", "method": "get", "url": "Things(1)/properties/{field}", "dependsOn": ["1"]},
        {"id": "4", "method": "delete", "url": "Things(1)", "atomicityGroup": "g"},
        {"id": "5", "method": "patch", "url": "Things(1)", "atomicityGroup": "g", "body": {"name": "x"}},
    ]
}
_MULTIPART = (
    "--b\r\nContent-Type: application/http\r\n\r\nGET Things?$expand=Datastreams/Observations HTTP/1.1\r\n\r\n\r\n"
    "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n"
    'PATCH Things(1) HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"name":"x"}\r\n--c--\r\n--b--'
)
_ARRAYS = '[{"Datastream":{"@iot.id":1},"components":["result"],"dataArray":[["{value}"],[1]]}]'

INTERFACE = Interface(
    id="sensorthings",
    title=Text("OGC SensorThings API", "OGC SensorThings API"),
    prefix="/sta",
    routes=routes,
    probes=(
        ProbeRequest("GET", "/sta"),
        ProbeRequest("GET", "/sta/"),
        ProbeRequest("GET", _ROOT),
        *(ProbeRequest("GET", f"{_ROOT}/{path}") for path in _READ),
        ProbeRequest("POST", f"{_ROOT}/$batch", json.dumps(_BATCH), _JSON),
        ProbeRequest("POST", f"{_ROOT}/$batch", _MULTIPART, _MIXED),
        ProbeRequest("POST", f"{_ROOT}/CreateObservations", _ARRAYS, _JSON),
        ProbeRequest("POST", f"{_ROOT}/Observations", '{"result":1,"Datastream":{"@iot.id":1}}', _JSON),
        ProbeRequest("POST", f"{_ROOT}/Datastreams(1)/Observations", '{"result":"{value}"}', _JSON),
        ProbeRequest("POST", f"{_ROOT}/Things?dataset={{dataset}}", '{"name":"x","description":"y"}', _JSON),
        ProbeRequest("POST", f"{_ROOT}/Things(1)/Locations/$ref", '{"@iot.id":1}', _JSON),
        ProbeRequest("PATCH", f"{_ROOT}/Things(1)", '{"name":"x"}', _JSON),
        ProbeRequest("PATCH", f"{_ROOT}/Things(1)", '[{"op":"test","path":"/name","value":"{value}"}]', _PATCH),
        ProbeRequest("PUT", f"{_ROOT}/Things(1)", '{"name":"x","description":"y"}', _JSON),
        ProbeRequest("PUT", f"{_ROOT}/Datastreams(1)/Thing/$ref", '{"@iot.id":1}', _JSON),
        ProbeRequest("DELETE", f"{_ROOT}/Observations(1)"),
        ProbeRequest("DELETE", f"{_ROOT}/Things?$filter=contains(properties/{{field}},'{{value}}')"),
        ProbeRequest("DELETE", f"{_ROOT}/Things(1)/Locations(1)/$ref"),
    ),
    uploads=(r"/sta/v1\.1/(?:CreateObservations|\$batch)",),
)
