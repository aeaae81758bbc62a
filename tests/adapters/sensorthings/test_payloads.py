"""Answers in the form in which FROST-Server writes them: links beside every entity, next links with its own filters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from nabe.model.dataset import FieldType
from nabe.testing.silo import Request, Server, rows, serving

from .support import dataset, fields, opened

KIND = FieldType


def observation(id: int, here: str) -> dict[str, Any]:
    return {
        "@iot.selfLink": f"{here}/Observations({id})",
        "@iot.id": id,
        "phenomenonTime": "2026-11-24T08:00:00.978203Z",
        "resultTime": "2026-11-24T08:00:01.959895Z",
        "result": 31.5,
        "parameters": {},
        "Datastream@iot.navigationLink": f"{here}/Observations({id})/Datastream",
        "FeatureOfInterest@iot.navigationLink": f"{here}/Observations({id})/FeatureOfInterest",
    }


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def test_a_next_link_is_followed_as_it_is_written(tmp_path, server):
    here = server.url + "/v1.1"

    def answer(request: Request) -> Any:
        if "$skipFilter" in request.params:
            assert request.params["$skipFilter"] == "(@iot.id gt 1)" and request.params["$orderby"] == "@iot.id asc"
            return {"value": [observation(2, here)]}
        rest = "$skip=1&$orderby=%40iot.id+asc&$skipFilter=%28%40iot.id+gt+1%29"
        return {"@iot.count": 2, "value": [observation(1, here)], "@iot.nextLink": f"{here}/Observations?{rest}"}

    server.answer = answer
    ways = fields(id=(KIND.INTEGER, "id"), zeit=(KIND.DATETIME, "phenomenonTime"), fertig=(KIND.DATETIME, "resultTime"))
    found = rows(opened(tmp_path, here), dataset({"entity": "Observations"}, ways))
    assert [row["id"] for row in found] == [1, 2]
    assert found[0]["zeit"] == dt.datetime(2026, 11, 24, 8, 0, 0, 978203, tzinfo=dt.UTC)


def test_expanded_entities_have_links_of_their_own(tmp_path, server):
    here = server.url + "/v1.1"
    server.answer = {
        "value": [
            {
                "@iot.id": 1440,
                "name": "Temperature",
                "observedArea": {"type": "Point", "coordinates": [11.57, 48.15]},
                "phenomenonTime": "2026-01-01T00:00:00Z/2026-11-24T08:00:00Z",
                "Observations": [observation(7, here)],
                "Observations@iot.nextLink": f"{here}/Datastreams(1440)/Observations?$top=1&$skip=1",
                "Observations@iot.count": 12345,
                "Thing": {"@iot.id": 529, "name": "Node", "properties": {}, "Locations": []},
            },
            {"@iot.id": 1441, "name": "Humidity", "Observations": [], "Thing": {"@iot.id": 529, "Locations": []}},
        ]
    }
    ways = fields(
        name=(KIND.STRING, "name"),
        bis=(KIND.DATETIME, "phenomenonTime.end"),
        wert=(KIND.NUMBER, "Observations[0].result"),
        ort=(KIND.GEOMETRY, "Thing.Locations[0].location"),
        flaeche=(KIND.GEOMETRY, "observedArea"),
    )
    first, second = rows(opened(tmp_path, here), dataset({"entity": "Datastreams"}, ways))
    assert (first["wert"], first["bis"].month, first["ort"]) == (31.5, 11, None) and first["flaeche"]
    assert (second["wert"], second["bis"], second["flaeche"]) == (None, None, None)
    assert len(server.seen) == 1


def test_a_category_as_result_is_a_text(tmp_path, server):
    server.answer = {
        "value": [{"@iot.id": n, "result": value} for n, value in enumerate(["free", True, 3, {"a": 1}, None])]
    }
    found = rows(
        opened(tmp_path, server.url), dataset({"entity": "Observations"}, fields(wert=(KIND.STRING, "result")))
    )
    assert [row["wert"] for row in found] == ["free", "true", "3", '{"a": 1}', None]
