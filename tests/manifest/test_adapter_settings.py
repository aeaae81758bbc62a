"""The JSON Schemas hold what the installed adapters take, and agree with the adapters' own checks."""

from __future__ import annotations

import jsonschema
import pytest

from nabe.app import adapters
from nabe.manifest import json_schemas, models_of, settings_in, with_adapters

SCHEMAS = with_adapters(json_schemas(), adapters())
SYSTEM = {"id": "s", "title": "S", "owner": "amt"}
DATASET = {
    "id": "d",
    "title": "D",
    "access": "open",
    "owner": "amt",
    "system": "s",
    "fields": [{"name": "a", "type": "string"}],
}


def valid(kind, document):
    return jsonschema.Draft202012Validator(SCHEMAS[kind]).is_valid(document)


def test_the_schemas_are_schemas():
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("adapter", "connection", "good"),
    [
        ("http_json", {"url": "https://a.example", "auth": {"type": "bearer", "token": "${T}"}}, True),
        ("http_json", {"url": "https://a.example", "auht": {}}, False),
        ("http_json", {"url": "https://a.example", "retries": "viele"}, False),
        ("http_json", {}, False),
        ("file", {"location": "data"}, True),
        ("file", {"url": "https://a.example"}, False),
        ("sql", {"url": "postgresql://a@b/c"}, True),
        ("sql", {"url": "postgresql://a@b/c", "schema": "x"}, True),
        ("from_elsewhere", {"anything": 1}, True),
    ],
)
def test_a_system_takes_what_its_adapter_takes(adapter, connection, good):
    assert valid("system", SYSTEM | {"adapter": adapter, "connection": connection}) is good


@pytest.mark.parametrize(
    ("source", "good"),
    [
        ({"table": "kitas"}, True),
        ({"path": "a.csv", "nulls": "-", "columns": {"Wert": {"decimal": ","}}}, True),
        ({"path": "a.csv", "nulls": ["-", "k. A."]}, True),
        ({"rows": "data.items", "page": {"type": "next", "at": "next"}}, True),
        ({"rows_pth": "a"}, False),
        ({"path": "a.csv", "decimal": ";"}, False),
    ],
)
def test_a_dataset_takes_what_some_adapter_takes(source, good):
    assert valid("dataset", DATASET | {"source": source}) is good


def test_an_adapter_that_tells_no_settings_leaves_the_source_open():
    class Silent:
        pass

    open_schema = with_adapters(json_schemas(), {**adapters(), "silent": Silent()})
    jsonschema.validate(DATASET | {"source": {"rows_pth": "a"}}, open_schema["dataset"])


def test_settings_are_listed_with_those_inside_them():
    _, source = models_of(adapters()["http_json"])
    found = {item.name: item for item in settings_in(source)}
    assert found["page.type"].type.startswith("one of `link`") and found["page.type"].required
    assert found["columns.NAME.decimal"].description
    connection, _ = models_of(adapters()["sql"])
    assert "schema" in {item.name for item in settings_in(connection)}
