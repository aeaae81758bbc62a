"""POST /sql: a SELECT in, rows out, errors that say what is wrong."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.apis.sql.parse import question
from nabe.errors import Invalid

TEXT = {"Content-Type": "text/plain"}


def ask(client, sql, query="", **headers):
    return client.post(f"/sql{query}", content=sql, headers=TEXT | headers)


def test_text_and_json_ask_the_same(client):
    sql = "SELECT bezirk, count(*) AS n FROM kitas GROUP BY 1 ORDER BY 1 LIMIT 2"
    plain = ask(client, sql)
    assert plain.status_code == 200 and plain.json() == [{"bezirk": "01", "n": 4}, {"bezirk": "02", "n": 4}]
    assert client.post("/sql", json={"query": sql}).json() == plain.json()


def test_the_use_case_comes_with_the_question_or_in_the_header(town):
    sql = "SELECT DISTINCT bezirk FROM faelle WHERE bezirk = '01'"
    client = town.client("planerin")
    assert client.post("/sql", json={"query": sql}).status_code == 403
    assert client.post("/sql", json={"query": sql, "use_case": "planung"}).json() == [{"bezirk": "01"}]
    assert ask(client, sql, **{"Nabe-Use-Case": "planung"}).json() == [{"bezirk": "01"}]
    assert client.post("/sql", json={"query": sql, "use_case": "x" * 201}).status_code == 400


def test_the_format_is_negotiated(client):
    sql = "SELECT id, bezirk FROM kitas ORDER BY id LIMIT 3"
    by_header = ask(client, sql, Accept="text/csv")
    assert by_header.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(list(csv.reader(io.StringIO(by_header.text)))) == 4
    assert pq.read_table(io.BytesIO(ask(client, sql, "?f=parquet").content)).num_rows == 3
    features = ask(client, "SELECT * FROM bezirke", "?f=geojson").json()["features"]
    assert features[0]["geometry"]["type"] == "Point"
    assert ask(client, sql, "?f=exe").status_code == 400


@pytest.mark.parametrize(
    ("sql", "status", "words"),
    [
        ("", 400, ""),
        ("SELEC 1", 400, ""),
        ("SELECT 1; SELECT 2", 400, ""),
        ("DROP TABLE kitas", 400, ""),
        ("SELECT * FROM gibtsnicht", 404, "gibtsnicht"),
        ("SELECT nix FROM kitas", 400, "nix"),
        ("SELECT leitung FROM kitas", 400, "leitung"),
        ("SELECT * FROM read_csv('/etc/passwd')", 400, "read_csv"),
        ("SELECT '\x00'", 400, ""),
    ],
)
def test_what_cannot_be_answered_says_why(client, sql, status, words):
    answer = ask(client, sql.encode())
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json" and words in body["detail"]


def test_two_columns_of_one_name_are_both_kept_or_refused(client):
    answer = ask(client, "SELECT 1 AS a, 2 AS a")
    assert answer.status_code == 400 or len(answer.json()[0]) == 2


def test_long_days_and_odd_types_come_out_as_text(client):
    sql = "SELECT DATE '20000-01-01' AS d, INTERVAL 3 DAY AS i, [1, 2] AS l, 1::HUGEINT AS h, 1.5::DECIMAL(9,2) AS c"
    for format in ("json", "csv", "xlsx", "ndjson", "parquet", "geojson"):
        assert ask(client, sql, f"?f={format}").status_code == 200, format
    row = ask(client, sql).json()[0]
    assert row["h"] == 1 and row["c"] == 1.5 and row["l"] == "[1,2]"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"query": 1}'),
        ("application/json", b'{"query": "SELECT 1", "more": 1}'),
        ("application/json", b'{"query": "\\ud800"}'),
        ("text/plain", b"\xff\xfe"),
    ],
)
def test_bodies_that_are_none_are_refused(client, kind, body):
    answer = client.post("/sql", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400, answer.text
    json.loads(answer.content)


@given(st.sampled_from(["application/json; charset=utf-8", "text/plain", ""]), st.binary(max_size=50))
def test_any_body_is_a_question_or_invalid(kind, body):
    try:
        assert isinstance(question(kind, body).query, str)
    except Invalid:
        pass


def test_only_post_is_answered(client):
    answer = client.get("/sql")
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"
