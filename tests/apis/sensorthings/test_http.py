"""SensorThings over HTTP, as clients use it."""

from __future__ import annotations

import json
import time

import anyio
import httpx
import pytest
from tests.apis.sensorthings.conftest import POINT, THING

from nabe.apis.sensorthings.messages import Messages
from nabe.model.message import Message
from nabe.model.party import ANONYMOUS

BASE = "http://testserver/sta/v1.1"
NO_ID = 9_223_372_036_854_775_807


def made(answer):
    assert answer.status_code == 201, answer.text
    return int(answer.headers["Location"].rpartition("(")[2].rstrip(")"))


def observe(http, datastream, *rows):
    body = [
        {
            "Datastream": {"@iot.id": datastream},
            "components": ["phenomenonTime", "result"],
            "dataArray": [list(row) for row in rows],
        }
    ]
    answer = http.post("CreateObservations", json=body)
    assert answer.status_code == 201, answer.text
    return [int(link.rpartition("(")[2].rstrip(")")) for link in answer.json()]


def hours(count):
    return [(f"2026-01-01T{hour:02}:00:00Z", hour) for hour in range(count)]


def test_the_root_names_its_sets(http):
    root = http.get("").json()
    assert {"name": "Things", "url": f"{BASE}/Things"} in root["value"] and root["value"][-1][
        "name"
    ] == "TaskingCapabilities"
    assert all(item.startswith("http://www.opengis.net/spec/") for item in root["serverSettings"]["conformance"])
    assert http.get("http://testserver/sta", follow_redirects=False).status_code == 307


def test_a_thing_with_all_that_belongs_to_it(http, thing):
    found = http.get(
        f"Things({thing})", params={"$expand": "Locations,Datastreams($expand=Sensor,ObservedProperty)"}
    ).json()
    assert found["@iot.selfLink"] == f"{BASE}/Things({thing})" and found["properties"] == THING["properties"]
    assert found["Locations"][0]["location"] == POINT
    (stream,) = found["Datastreams"]
    assert (stream["Sensor"]["name"], stream["ObservedProperty"]["name"]) == ("DHT22", "Lufttemperatur")
    assert http.get(f"Things({thing})/HistoricalLocations").json()["value"], "the server keeps where it was"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("name", {"name": "Messstation"}),
        ("properties/int", {"int": 8}),
        ("properties/list[1]", {"list[1]": [2, 3]}),
        ("properties/list[1][0]", {"list[1][0]": 2}),
        ("properties/ort/plz", {"plz": "37073"}),
    ],
)
def test_properties(http, thing, path, body):
    assert http.get(f"Things({thing})/{path}").json() == body
    raw = http.get(f"Things({thing})/{path}/$value")
    (value,) = body.values()
    assert raw.text == (value if isinstance(value, str) else json.dumps(value).replace(" ", ""))


def test_what_is_null_has_no_content(http):
    id = made(http.post("Things?dataset=wetter", json={"name": "a", "description": "b"}))
    assert http.get(f"Things({id})/properties").status_code == 204
    assert http.get(f"Things({id})/properties/$value").status_code == 204
    assert http.delete(f"Things({id})").status_code == 200


def test_references_and_counts(http, thing, datastream):
    assert http.get(f"Datastreams({datastream})/Thing/$ref").json() == {"@iot.selfLink": f"{BASE}/Things({thing})"}
    assert http.get(f"Things({thing})/Datastreams/$ref").json() == {
        "value": [{"@iot.selfLink": f"{BASE}/Datastreams({datastream})"}]
    }
    assert http.get("Things/$count").text == "1"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"Things({NO_ID})", 404),
        ("Things(null)", 404),
        ("Things(-1)", 404),
        ("Nothing", 404),
        (f"Datastreams({NO_ID})/Observations", 404),
        ("Things?$filter=nosuch eq 1", 400),
        ("Things?$top=x", 400),
        ("Things?$search=x", 501),
        ("Things?$filter=" + "(" * 1000, 400),
    ],
)
def test_errors_are_in_the_standards_shape(http, path, status):
    answer = http.get(path)
    assert answer.status_code == status
    body = answer.json()
    assert body["code"] == status and body["type"] == "error" and body["message"]


def test_methods_that_an_address_does_not_know(http, thing):
    answer = http.post(f"Things({thing})", json={})
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, PATCH, PUT, DELETE"
    assert http.put("Things", json={}).status_code == 405
    assert http.get("CreateObservations").status_code == 405


def test_pages_lead_to_the_last_row(http, datastream):
    observe(http, datastream, *hours(24))
    for order in ("", "phenomenonTime desc", "phenomenonTime asc", "result desc", "id desc"):
        url, seen = f"Datastreams({datastream})/Observations?$top=10&$select=result,id&$count=true&$orderby={order}", []
        if not order:
            url = url.removesuffix("&$orderby=")
        for _ in range(3):
            page = http.get(url).json()
            assert page["@iot.count"] == 24
            seen += [row["result"] for row in page["value"]]
            url = page.get("@iot.nextLink", "")
        assert not url and sorted(seen) == list(range(24)), order
        assert seen == sorted(seen, reverse="desc" in order)


def test_filters_orders_and_expansions_across_relations(http, thing, datastream):
    observe(http, datastream, *hours(5))

    def results(filter, **more):
        page = http.get(
            "Observations", params={"$filter": filter, "$orderby": "result", "$select": "result"} | more
        ).json()
        return [row["result"] for row in page["value"]]

    assert results("result gt 2") == [3, 4]
    assert results("not result gt 2 and Datastream/Thing/properties/strasse eq '00123'") == [0, 1, 2]
    assert results("phenomenonTime lt 2026-01-01T03:00:00+01:00") == [0, 1]
    assert results("during(phenomenonTime,2026-01-01T01:00:00Z/2026-01-01T03:00:00Z)") == [1, 2]
    assert results("hour(phenomenonTime) eq 3 or result mul 2 eq 8") == [3, 4]
    params = {
        "$filter": "Datastreams/Observations/result eq 4",
        "$expand": "Datastreams/Observations($top=1;$orderby=result desc;$count=true)",
    }
    (found,) = http.get("Things", params=params).json()["value"]
    (stream,) = found["Datastreams"]
    assert stream["Observations@iot.count"] == 5 and [row["result"] for row in stream["Observations"]] == [4]
    assert http.get(stream["Observations@iot.nextLink"]).json()["value"][0]["result"] == 3
    near = http.get("Locations", params={"$filter": "geo.distance(location,geography'POINT(9.93 51.5)') lt 0.1"}).json()
    assert len(near["value"]) == 1


def test_observations_alone_and_the_extent_of_their_stream(http, datastream):
    at = "2026-03-01T12:00:00Z"
    id = made(http.post(f"Datastreams({datastream})/Observations", json={"phenomenonTime": at, "result": 21.5}))
    found = http.get(f"Observations({id})").json()
    assert (found["phenomenonTime"], found["resultTime"], found["result"]) == (at, None, 21.5)
    other = made(
        http.post("Observations", json={"result": 20, "phenomenonTime": at, "Datastream": {"@iot.id": datastream}})
    )
    assert http.get(f"Observations({other})/result/$value").text == "20"
    stream = http.get(f"Datastreams({datastream})").json()
    assert stream["phenomenonTime"] == f"{at}/{at}"
    feature = http.get(f"Observations({id})/FeatureOfInterest").json()
    assert feature["feature"] == POINT
    wrong = http.post(f"Datastreams({datastream})/Observations", json={"result": 1, "Datastream": {"@iot.id": NO_ID}})
    assert wrong.status_code == 400


def test_bad_rows_of_a_data_array_leave_the_good_ones(http, datastream):
    body = [
        {
            "Datastream": {"@iot.id": datastream},
            "components": ["phenomenonTime", "result", "FeatureOfInterest/id"],
            "dataArray": [["2026-01-01T00:00:00Z", 1, None], ["heute", 2, None], ["2026-01-01T01:00:00Z", 3, "x"]],
        },
        {"Datastream": {"@iot.id": NO_ID}, "components": ["result"], "dataArray": [[1]]},
    ]
    said = http.post("CreateObservations", json=body)
    assert said.status_code == 201 and "Location" not in said.headers
    first, *others = said.json()
    assert first.startswith(f"{BASE}/Observations(") and all(text.startswith("error") for text in others)
    assert http.get(f"Datastreams({datastream})/Observations").json()["value"][0]["result"] == 1


def test_data_arrays_csv_and_geojson(http, thing, datastream):
    observe(http, datastream, *hours(3))
    found = http.get(
        "Observations", params={"$resultFormat": "dataArray", "$count": "true", "$orderby": "result"}
    ).json()
    (group,) = found["value"]
    assert group["Datastream@iot.navigationLink"].endswith(f"Datastreams({datastream})") and found["@iot.count"] == 3
    assert [row[group["components"].index("result")] for row in group["dataArray"]] == [0, 1, 2]
    params = {"$resultFormat": "CSV", "$select": "result", "$expand": "Datastream($select=name)", "$orderby": "result"}
    csv = http.get("Observations", params=params)
    assert csv.text.splitlines() == ["result,Datastream/name", "0,Temperatur", "1,Temperatur", "2,Temperatur"]
    features = http.get("Things", params={"$resultFormat": "GeoJSON"}).json()["features"]
    assert features[0]["geometry"] == POINT and features[0]["properties"]["name"] == "Messstation"


def test_means_over_time(http, datastream):
    observe(http, datastream, *hours(24))
    text = "groupby((window(phenomenonTime,duration'PT6H')),aggregate(result with average as mean,$count as n))"
    found = http.get(
        f"Datastreams({datastream})/Observations", params={"$apply": text, "$top": "2", "$count": "true"}
    ).json()
    assert found["@iot.count"] == 4
    assert found["value"][0] == {
        "Datastream@iot.navigationLink": f"{BASE}/Datastreams({datastream})",
        "phenomenonTime": "2026-01-01T00:00:00Z/2026-01-01T06:00:00Z",
        "mean": 2.5,
        "n": 6,
    }
    assert [row["mean"] for row in http.get(found["@iot.nextLink"]).json()["value"]] == [14.5, 20.5]
    params = {"$apply": text, "$resultFormat": "CSV"}
    assert http.get("Observations", params=params).text.splitlines()[1].endswith(",2.5,6")


def test_changes(http, thing):
    assert http.patch(f"Things({thing})", json={"name": "neu"}).status_code == 200
    found = http.get(f"Things({thing})").json()
    assert found["name"] == "neu" and found["description"] == THING["description"]
    assert http.put(f"Things({thing})", json={"name": "ganz neu", "description": "x"}).status_code == 200
    assert "properties" not in http.get(f"Things({thing})").json()
    operations = [
        {"op": "add", "path": "/properties", "value": {"a": 1}},
        {"op": "copy", "from": "/properties/a", "path": "/properties/b"},
    ]
    headers = {"Content-Type": "application/json-patch+json"}
    assert http.patch(f"Things({thing})", content=json.dumps(operations), headers=headers).status_code == 200
    assert http.get(f"Things({thing})/properties").json() == {"properties": {"a": 1, "b": 1}}
    for body in ({"Datastreams": THING["Datastreams"]}, {"name": None}, {"nosuch": 1}, []):
        assert http.patch(f"Things({thing})", json=body).status_code == 400
    assert http.patch(f"Things({NO_ID})", json={"name": "x"}).status_code == 404
    assert http.get(f"Things({thing})/name").json() == {"name": "ganz neu"}


def test_links(http, thing):
    place = THING["Locations"][0] | {"name": "Bahnhof"}
    other = made(http.post("Locations?dataset=wetter", json=place))
    assert http.post(f"Things({thing})/Locations/$ref", json={"@iot.id": other}).status_code == 204
    assert len(http.get(f"Things({thing})/Locations").json()["value"]) == 2
    assert http.delete(f"Things({thing})/Locations({other})/$ref").status_code == 204
    assert http.patch(f"Things({thing})", json={"Locations": [{"@iot.id": other}]}).status_code == 200
    (found,) = http.get(f"Things({thing})/Locations").json()["value"]
    assert found["name"] == "Bahnhof" and len(http.get(f"Things({thing})/HistoricalLocations").json()["value"]) >= 2


def test_a_deep_insert_that_fails_leaves_nothing(http):
    stream = {name: item for name, item in THING["Datastreams"][0].items() if name != "Sensor"}
    before = http.get("Locations/$count").text
    assert http.post("Things?dataset=wetter", json=THING | {"Datastreams": [stream]}).status_code == 400
    assert http.get("Locations/$count").text == before


def test_removal(http, datastream):
    observe(http, datastream, *hours(10))
    assert http.delete("Observations").status_code == 400, "a mere address does not empty a set"
    assert http.delete(f"Datastreams({datastream})/Observations", params={"$filter": "result lt 4"}).status_code == 200
    assert http.get(f"Datastreams({datastream})/Observations/$count").text == "6"
    assert http.delete(f"Datastreams({datastream})").status_code == 200
    assert http.delete(f"Datastreams({datastream})").status_code == 404
    assert http.get("Observations/$count").text == "0"


def test_validators(http, thing):
    answer = http.get(f"Things({thing})")
    again = http.get(f"Things({thing})", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    http.patch(f"Things({thing})", json={"name": "x"})
    assert http.get(f"Things({thing})", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


def test_the_same_delivery_again_adds_nothing(http, datastream):
    headers = {"Idempotency-Key": "k1"}
    body = {"result": 5, "phenomenonTime": "2026-01-01T00:00:00Z"}
    first = made(http.post(f"Datastreams({datastream})/Observations", json=body, headers=headers))
    assert made(http.post(f"Datastreams({datastream})/Observations", json=body, headers=headers)) == first
    assert http.get("Observations/$count").text == "1"


# Batches


def batch(http, *requests):
    return http.post("$batch", json={"requests": list(requests)}).json()["responses"]


def test_a_batch_refers_to_what_it_makes(http, thing):
    sensor = {"name": "s", "description": "", "encodingType": "text/html", "metadata": ""}
    property = http.get("ObservedProperties").json()["value"][0]["@iot.id"]
    stream = THING["Datastreams"][0] | {"ObservedProperty": {"@iot.id": property}, "Sensor": {"@iot.id": "$s"}}
    stream = stream | {"Thing": {"@iot.id": thing}}
    found = batch(
        http,
        {"id": "s", "method": "post", "url": "Sensors?dataset=wetter", "body": sensor, "atomicityGroup": "g"},
        {"id": "d", "method": "post", "url": "Datastreams", "body": stream, "atomicityGroup": "g"},
        {"id": "r", "method": "get", "url": "$s/Datastreams?$select=name"},
    )
    assert [item["status"] for item in found] == [201, 201, 200]
    assert found[2]["body"]["value"] == [{"name": "Temperatur"}]


def test_a_group_is_done_whole_or_not_at_all(http, thing):
    found = batch(
        http,
        {"id": "1", "method": "patch", "url": f"Things({thing})", "body": {"name": "x"}, "atomicityGroup": "g"},
        {
            "id": "2",
            "method": "post",
            "url": "Things?dataset=wetter",
            "body": {"name": "y", "description": ""},
            "atomicityGroup": "g",
        },
        {"id": "3", "method": "patch", "url": "Things(null)", "body": {"name": "x"}, "atomicityGroup": "g"},
        {"id": "4", "method": "get", "url": f"Things({thing})/name", "dependsOn": ["1"]},
        {"id": "5", "method": "get", "url": f"Things({thing})/name"},
    )
    assert [item["status"] for item in found] == [424, 424, 404, 424, 200]
    assert found[4]["body"] == {"name": "Messstation"} and http.get("Things/$count").text == "1"


def test_a_batch_in_a_batch_is_refused(http):
    (found,) = batch(http, {"id": "1", "method": "post", "url": "$batch", "body": {"requests": []}})
    assert found["status"] == 400


# Who may


@pytest.fixture
def closed(city):
    client = city.client("it")
    client.base_url = f"{BASE}/"
    id = made(client.post("Things", json=THING, headers={"Nabe-Dataset": "zaehler"}))
    yield id
    client.delete(f"Things({id})")


def test_what_is_closed_is_absent(http, closed):
    for path in (f"Things({closed})", f"Things({closed})/Datastreams", f"Things({closed})/name"):
        assert http.get(path).status_code == 404
    assert http.get("Things?$count=true").json() == {"@iot.count": 0, "value": []}
    assert http.patch(f"Things({closed})", json={"name": "x"}).status_code in (403, 404)
    assert http.delete(f"Things({closed})").status_code in (403, 404)
    found = batch(http, {"id": "1", "method": "get", "url": f"Things({closed})"})
    assert found[0]["status"] == 404
    said = http.post("Things", json=THING, headers={"Nabe-Dataset": "zaehler"})
    assert said.status_code in (400, 401, 403, 404), said.text


def test_a_token_that_is_none(http):
    assert http.get("Things", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_real_client(city, http):
    """frost_sta_client, over a real port."""
    import frost_sta_client as fsc

    from nabe.testing.serving import on_a_port

    with on_a_port(city.app) as port:
        service = fsc.SensorThingsService(f"http://127.0.0.1:{port}/sta/v1.1")
        thing = fsc.Thing(name="Station", description="d", properties={"a": 1})
        thing.locations = [
            fsc.Location(name="l", description="d", encoding_type="application/geo+json", location=POINT)
        ]
        stream = fsc.Datastream(
            name="t",
            description="d",
            observation_type="http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            unit_of_measurement=fsc.UnitOfMeasurement(name="C", symbol="C", definition="C"),
        )
        stream.sensor = fsc.Sensor(name="s", description="d", encoding_type="text/html", metadata="m")
        stream.observed_property = fsc.ObservedProperty(name="o", definition="http://example.org/o", description="d")
        thing.datastreams = [stream]
        service.create(thing)
        found = service.things().query().filter("properties/a eq 1").expand("Datastreams").list()
        (again,) = list(found)
        assert again.id == thing.id
        (stream,) = list(again.datastreams)
        service.create(
            fsc.Observation(result=5, phenomenon_time="2026-01-01T00:00:00Z", datastream=fsc.Datastream(id=stream.id))
        )
        rows = list(service.datastreams().find(stream.id).get_observations().query().list())
        assert [row.result for row in rows] == [5]
        again.name = "anders"
        service.update(again)
        assert service.things().find(thing.id).name == "anders"
        service.delete(again)
        assert http.get(f"Things({thing.id})").status_code == 404


def test_many_at_once_each_get_their_own_answer(city, datastream):
    """Single Observations are stored together; wrong ones among them do not hurt the others."""

    async def go():
        transport = httpx.ASGITransport(app=city.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE + "/") as client:

            async def post(at):
                stream = NO_ID if at % 10 == 3 else datastream
                body = {"result": "heiß" if at % 10 == 7 else at, "Datastream": {"@iot.id": stream}}
                headers = {"Authorization": "Bearer x"} if at % 10 == 9 else {}
                return await client.post("Observations", json=body, headers=headers)

            answers = []

            async def put(at):
                answers.append((at, await post(at)))

            async with anyio.create_task_group() as group:
                for at in range(30):
                    group.start_soon(put, at)
            kept = {at: answer.headers["Location"] for at, answer in answers if answer.status_code == 201}
            assert sorted(kept) == [at for at in range(30) if at % 10 not in (3, 7, 9)]
            wrong = {answer.status_code for at, answer in answers if at not in kept}
            assert wrong <= {400, 401, 404}
            for at, link in kept.items():
                assert (await client.get(link)).json()["result"] == at

    anyio.run(go)


# MQTT, without its transport


def test_messages_are_stored_once_and_told_to_those_who_watch(city, http, thing, datastream):
    messages, told = Messages(city.nabe.hub), []
    topic = "v1.1/Observations?$select=result&$filter=result gt 1"
    stop = messages.watch(ANONYMOUS, "open-data", topic, lambda *said: told.append(said))
    names = messages.watch(ANONYMOUS, "open-data", f"v1.1/Things({thing})/name", lambda *said: told.append(said))

    def message(key, body, topic=f"v1.1/Datastreams({datastream})/Observations"):
        return Message(ANONYMOUS, topic, json.dumps(body).encode(), 1_767_225_600_000_000, key)

    sent = [
        message("a", {"result": 1}),
        message("b", {"result": 2}),
        message("c", {"nosuch": 3}),
        message("d", {"result": 4, "phenomenonTime": "gestern"}),
        message("e", {"name": "neu", "description": ""}, "v1.1/Things"),
        message("f", {"result": 6}, "v1.1/Datastreams(999999)/Observations"),
    ]
    for _ in range(2):
        outcomes = messages.take(sent)
        assert [outcome is None for outcome in outcomes] == [True, True, False, False, True, False]
    assert http.get(f"Datastreams({datastream})/Observations/$count").text == "2"
    assert http.get("Things/$count").text == "2"
    http.patch(f"Things({thing})", json={"description": "x"})
    http.patch(f"Things({thing})", json={"name": "anders"})
    until = time.monotonic() + 10
    while len(told) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert told == [(topic, b'{"result":2}'), (f"v1.1/Things({thing})/name", b'{"name":"anders"}')]
    stop()
    names()
