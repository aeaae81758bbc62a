"""Rows as JSON, data arrays, CSV, GeoJSON; batches read and written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.apis.sensorthings import batch, options, tabular, times
from nabe.apis.sensorthings.address import address
from nabe.apis.sensorthings.batch import Part, Reply
from nabe.apis.sensorthings.render import Renderer
from nabe.errors import Invalid, NabeError
from nabe.model.entities import EntityPage, EntityRow, EntityType
from nabe.model.observation import observation_id

T = EntityType
BASE = "http://a/sta/v1.1"
AT = 1_767_225_600_000_000
POINT = {"type": "Point", "coordinates": [9.9, 51.5]}


def asked(path, query=""):
    return options.question(address(path), query)


def observation(sequence, result=1.0, stream=1, **more):
    values = {"phenomenonTime": AT, "resultTime": None, "result": result, "resultQuality": None, **more}
    return EntityRow(T.OBSERVATION, observation_id(stream, sequence), values)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_times_are_written_as_they_are_read(at):
    assert times.moment(times.write(at), "t") == at


def test_an_entity():
    row = EntityRow(T.THING, 5, {"name": "a", "description": "", "properties": None})
    found = Renderer(BASE).entity(row, asked("Things").shown)
    assert found["@iot.id"] == 5 and found["@iot.selfLink"] == f"{BASE}/Things(5)"
    assert found["Datastreams@iot.navigationLink"] == f"{BASE}/Things(5)/Datastreams"
    assert "properties" not in found and found["description"] == ""


def test_an_observation_shows_that_it_has_no_result_time():
    found = Renderer(BASE).entity(observation(1), asked("Observations").shown)
    assert found["resultTime"] is None and "resultQuality" not in found
    assert json.dumps(found["result"]) == "1" and found["phenomenonTime"] == "2026-01-01T00:00:00Z"
    withheld = observation(1)
    del withheld.values["resultTime"]
    assert "resultTime" not in Renderer(BASE).entity(withheld, asked("Observations").shown)


def test_only_what_is_selected():
    row = EntityRow(T.DATASTREAM, 5, {"name": "a", "unitOfMeasurement": {"name": "Grad", "symbol": "°C"}})
    shown = asked("Datastreams", "$select=unitOfMeasurement/symbol,Thing").shown
    assert Renderer(BASE).entity(row, shown) == {
        "unitOfMeasurement": {"symbol": "°C"},
        "Thing@iot.navigationLink": f"{BASE}/Datastreams(5)/Thing",
    }
    row = EntityRow(T.THING, 5, {"properties": {"a": {"b": 1, "c": 2}, "d": [7, 8]}})
    shown = asked("Things", "$select=id,properties/a/c,properties/d[1],properties/zz").shown
    assert Renderer(BASE).entity(row, shown) == {"@iot.id": 5, "properties": {"a": {"c": 2}, "d": [8]}}


def test_what_is_brought_along_has_no_links_but_a_next_page():
    inner = EntityPage(T.DATASTREAM, [EntityRow(T.DATASTREAM, 7, {"name": "s"})], total=3, more=True)
    row = EntityRow(T.THING, 5, {"name": "a"}, {"Datastreams": inner, "Locations": EntityPage(T.LOCATION, [])})
    shown = asked("Things", "$select=id&$expand=Datastreams($top=1;$count=true;$filter=name eq 'a b'),Locations").shown
    assert Renderer(BASE).entity(row, shown) == {
        "@iot.id": 5,
        "Datastreams@iot.count": 3,
        "Datastreams": [{"@iot.id": 7, "@iot.selfLink": f"{BASE}/Datastreams(7)", "name": "s"}],
        "Datastreams@iot.nextLink": f"{BASE}/Things(5)/Datastreams?"
        "$filter=name%20eq%20'a%20b'&$top=1&$count=true&$skip=1",
        "Locations": [],
    }


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("$top=1", f"$top=1&$skiptoken=0~{observation_id(1, 1)}"),
        (
            "$orderby=phenomenonTime desc&$skip=5",
            f"$orderby=phenomenonTime%20desc&$skiptoken={AT}~{observation_id(1, 1)}",
        ),
        ("$orderby=result&$skip=5", "$orderby=result&$skip=6"),
        ("$orderby=resultTime", "$orderby=resultTime&$skip=1"),
    ],
)
def test_the_next_page(query, link):
    page = EntityPage(T.OBSERVATION, [observation(1)], more=True)
    wanted = asked("Observations", query)
    found = Renderer(BASE).page(page, wanted, "Observations")
    assert found["@iot.nextLink"] == f"{BASE}/Observations?{link}"
    again = asked("Observations", link)
    assert again.query.order == wanted.query.order and (again.query.after is not None or again.query.skip)


def test_data_arrays():
    first, second = observation(1, 1.5), observation(1, [1, 2], stream=2)
    first.absent, second.absent = ("MultiDatastream",), ("Datastream",)
    page = EntityPage(T.OBSERVATION, [first, second], total=9)
    wanted = asked("Observations", "$resultFormat=dataArray&$count=true")
    found = tabular.data_arrays(page, wanted, "Observations", Renderer(BASE))
    assert found["@iot.count"] == 9
    one, two = found["value"]
    assert one["Datastream@iot.navigationLink"] == f"{BASE}/Datastreams(1)"
    assert two["MultiDatastream@iot.navigationLink"] == f"{BASE}/MultiDatastreams(2)"
    assert one["components"][:3] == ["id", "phenomenonTime", "result"] and len(one["components"]) == 7
    assert one["dataArray"] == [[first.id, "2026-01-01T00:00:00Z", 1.5, None, None, None, None]]
    with pytest.raises(Invalid):
        tabular.prepared(asked("Things", "$resultFormat=dataArray"))


def test_csv():
    row = observation(1, 'a "b"; c')
    row.expanded = {"Datastream": EntityRow(T.DATASTREAM, 1, {"name": "Ünï", "properties": {"x": 1}})}
    shown = asked("Observations", "$select=id,result&$expand=Datastream($select=name,properties/x)").shown
    assert tabular.table([row], shown, T.OBSERVATION) == (
        f'id,result,Datastream/name,Datastream/properties/x\r\n{row.id},"a ""b""; c",Ünï,1\r\n'
    )
    with pytest.raises(Invalid, match="CSV"):
        tabular.prepared(asked("Things", "$resultFormat=CSV&$expand=Datastreams"))


def test_geojson():
    wanted = asked("Things", "$resultFormat=GeoJSON&$select=name")
    (along,) = tabular.prepared(wanted).expand
    assert (along.relation, along.query.select) == ("Locations", ("location",))
    place = EntityRow(T.LOCATION, 3, {"location": {"type": "Feature", "geometry": POINT, "properties": {}}})
    row = EntityRow(T.THING, 5, {"name": "a"}, {"Locations": EntityPage(T.LOCATION, [place])})
    found = tabular.features(EntityPage(T.THING, [row]), wanted, "Things", Renderer(BASE))
    assert found["features"] == [{"type": "Feature", "id": 5, "geometry": POINT, "properties": {"name": "a"}}]


# Batches

CRLF = """--outer
Content-Type: application/http

GET /v1.1/Things(1)?$select=name HTTP/1.1
Host: localhost


--outer
Content-Type: multipart/mixed;boundary=inner

--inner
Content-Type: application/http
Content-ID: sensor1

POST Sensors HTTP/1.1
Content-Type: application/json
Content-Length: 5

{"name":"°"}
--inner
Content-Type: application/http
Content-ID: 2

PATCH http://a/sta/v1.1/Things(1) HTTP/1.1

{"name":"b"}
--inner--
--outer
Content-Type: application/http

GET Things(null) HTTP/1.1

--outer--"""


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_multipart(ending):
    body = CRLF.replace("\n", ending).encode()
    found = batch.parts('multipart/mixed; boundary="outer"', body)
    assert [(part.method, part.url, part.id, part.group) for part in found] == [
        ("GET", "/v1.1/Things(1)?$select=name", "", None),
        ("POST", "Sensors", "sensor1", 1),
        ("PATCH", "http://a/sta/v1.1/Things(1)", "2", 1),
        ("GET", "Things(null)", "", None),
    ]
    assert json.loads(found[1].body) == {"name": "°"} and found[1].headers["content-type"] == "application/json"
    replies = [
        Reply(200, {"Content-Type": "application/json; charset=UTF-8", "ETag": "x"}, b'{"name":"a"}'),
        Reply(201, {"Location": f"{BASE}/Sensors(1)"}, b""),
        Reply(200, {}, b""),
        Reply(404, {}, b"{}"),
    ]
    said = batch.multipart_replies(found, replies, "out", lambda group: "i" * 40).decode()
    assert said == (
        "--out\nContent-Type: application/http\n\nhttp/1.1 200 no text\n"
        'Content-Type: application/json; charset=UTF-8\n\n{"name":"a"}\n'
        f"--out\nContent-Type: multipart/mixed; boundary={'i' * 40}\n\n"
        f"--{'i' * 40}\nContent-Type: application/http\nContent-ID: sensor1\n\nhttp/1.1 201 no text\n"
        f"Location: {BASE}/Sensors(1)\n\n\n"
        f"--{'i' * 40}\nContent-Type: application/http\nContent-ID: 2\n\nhttp/1.1 200 no text\n\n\n--{'i' * 40}--\n"
        "--out\nContent-Type: application/http\n\nhttp/1.1 404 no text\n\n{}\n--out--"
    )


def test_json_batches():
    body = {
        "requests": [
            {"id": "0", "method": "get", "url": "Things(1)", "dependsOn": ["1"]},
            {"id": "1", "atomicityGroup": "g", "method": "post", "url": "Sensors", "body": {"name": "x"}},
        ]
    }
    found = batch.parts("application/json", json.dumps(body).encode())
    assert [(part.method, part.group, part.after) for part in found] == [("GET", None, ("1",)), ("POST", 0, ())]
    said = json.loads(batch.json_replies(found, [Reply(200, {}, b'{"a":1}'), Reply(201, {"Location": "x"}, b"")]))
    assert said == {
        "responses": [{"id": "0", "status": 200, "body": {"a": 1}}, {"id": "1", "status": 201, "location": "x"}]
    }


def test_addresses_in_batches():
    for url in ("/v1.1/Things(1)", "/sta/v1.1/Things(1)", "http://b/sta/v1.1/Things(1)", "Things(1)", "Things%281%29"):
        assert batch.target(url, "/sta/v1.1", "v1.1") == ("Things(1)", "")
    assert batch.target("Things?$filter=name eq 'a?b'", "/sta/v1.1", "v1.1") == ("Things", "$filter=name eq 'a?b'")
    for url in ("/admin", "http://b/x", "//[", "/sta/v1.0/Things"):
        with pytest.raises(Invalid):
            batch.target(url, "/sta/v1.1", "v1.1")


def test_references_to_what_was_made():
    made = {"s1": "Sensors(7)"}
    part = batch.referred(Part("POST", "$s1/Datastreams", body=b'{"Sensor":{"@iot.id":"$s1"},"name":"$s1"}'), made)
    assert part.url == "Sensors(7)/Datastreams" and part.body == {"Sensor": {"@iot.id": 7}, "name": "$s1"}
    assert batch.referred(Part("GET", "$nosuch/x"), made).url == "$nosuch/x"


@given(
    st.binary(max_size=80), st.sampled_from(["multipart/mixed; boundary=a", "application/json", "x", "multipart/mixed"])
)
@settings(deadline=None)
def test_nonsense_batches_are_refused(body, kind):
    for text in (body, b"--a\r\n" + body + b"\r\n--a--", b'{"requests":[' + body + b"]}"):
        try:
            batch.parts(kind, text)
        except NabeError as error:
            assert isinstance(error, Invalid)


def test_a_batch_has_an_end():
    one = {"id": "", "method": "get", "url": "Things"}
    body = json.dumps({"requests": [one | {"id": str(at)} for at in range(1001)]}).encode()
    with pytest.raises(Invalid, match="at most"):
        batch.parts("application/json", body)
