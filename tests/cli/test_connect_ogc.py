"""`nabe connect` of geodata services: told from other interfaces and files, proposed, and the proposal answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.adapters.ogc_features.api_server import ApiServer
from tests.adapters.ogc_features.test_conformance import SCHEMA, SHAPES, XSD
from tests.adapters.ogc_features.wfs_server import WfsServer

from nabe.testing.silo import Request, Server, serving


@pytest.fixture
def web(dorf) -> Iterator[Server]:
    api, wfs = ApiServer(SHAPES, SCHEMA), WfsServer(SHAPES, XSD)

    def answer(request: Request) -> Any:
        if request.path == "/wfs":
            return wfs(request)
        return api(request) if request.path.startswith("/api") else [{"a": 1}, {"a": 2}]

    path = dorf / "nabe.yaml"
    path.write_text(path.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]"))
    yield from serving(answer)


@pytest.mark.parametrize(("path", "name"), [("/api/collections", "orte"), ("/wfs?service=WFS", "app:orte")])
def test_a_service_is_connected_and_answers(dorf, nabe, web, path, name):
    url = web.url.removesuffix("/api") + path
    nabe("connect", url, "--as", "orte", "--table", name, "-y", code=0)
    assert "adapter: ogc_features" in (dorf / "systems/orte.yaml").read_text()
    document = dorf / "datasets/orte.yaml"
    assert yaml.safe_load(document.read_text())["source"]["collection"] == name
    assert "type: geometry" in document.read_text()
    document.write_text(document.read_text().replace("access: internal", "access: open"))
    nabe("apply", "-y", code=0)
    (row,) = nabe("query", "select count(*) n, max(name) name from orte where count > 5", "-f", "json", code=0).json
    assert row["n"] == sum((item["count"] or 0) > 5 for item in SHAPES)


def test_other_interfaces_are_left_to_their_adapter(dorf, nabe, web):
    nabe("connect", web.url.removesuffix("/api") + "/daten", "--as", "daten", "-y", code=0)
    assert "adapter: http_json" in (dorf / "systems/daten.yaml").read_text()
