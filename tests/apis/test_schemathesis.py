"""Both OpenAPI documents under generated requests: whatever is asked, nothing answers with 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

DOCUMENTS = {"/ogc/api": "/ogc", "/api/openapi.json": "/api"}
#: Ending the session or the tokens that the test itself uses tells nothing.
_LEFT_OUT = {("POST", "/logout")}


def _operations(client, document):
    schema = schemathesis.openapi.from_dict(client.get(document).json())
    operations = [item.ok() for item in schema.get_all_operations()]
    return [item for item in operations if (item.method.upper(), item.path) not in _LEFT_OUT]


def _attack(client, prefix, operation, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def ask(case):
        made = case.as_transport_kwargs(base_url=f"http://testserver{prefix}")
        made["headers"] = {
            name: value.encode("utf-8", "replace") if isinstance(value, str) else value
            for name, value in dict(made.get("headers") or {}).items()
            if name.lower() not in ("authorization", "host")
        }
        wanted = ("method", "url", "params", "headers", "json", "content", "data")
        answer = client.request(**{key: made[key] for key in wanted if made.get(key) is not None})
        assert answer.status_code < 500, f"{case.method} {answer.request.url}: {answer.text[:500]}"
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]

    ask()


@pytest.mark.parametrize("actor", ["", "it"])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_generated_request_ends_in_a_server_error(town, document, actor):
    client = town.client(actor)
    operations = _operations(client, document)
    assert len(operations) > 15
    for operation in operations:
        _attack(client, DOCUMENTS[document], operation, 12)
