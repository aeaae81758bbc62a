"""The canary city under fire: every registered interface x route x actor x purpose; no canary may sing.

New interfaces join by being registered: their `INTERFACE.probes` are the requests that are sent here. A closed value,
the title of a dataset whose existence is closed, or an unusual number of closed rows in any body, header, error or log
line fails, unless the hand-written oracle (`canary_city.allowed`) lets this actor see it for this purpose.
"""

from __future__ import annotations

import itertools
import logging
import re

import anyio
import httpx
import pytest

from nabe import quality
from nabe.app import asgi, interfaces, open_workspace
from nabe.model.lake import RunState
from nabe.model.party import JOBS, Actor, Role
from nabe.testing import canary_city as city

INTERFACES = interfaces()
ACTORS = ("anonymous", *city.ACTORS)
DATASETS = ("bezirke", "kitas", "faelle", "gehaelter", "auswertung", "gibtsnicht")
FIELDS = ("bezirk", "merkmal", "name", "leitung", "person")
VALUES = ("01", "KANARIE")

#: Attempts to get at closed values through SQL, beyond the plain questions of the interfaces' own probes.
SQL = (
    "SELECT * FROM {dataset}",
    "SELECT {field} FROM {dataset}",
    "SELECT count(*) FROM {dataset}",
    "SELECT bezirk, merkmal, count(*) FROM faelle GROUP BY ALL HAVING count(*) < 5",
    "SELECT DISTINCT merkmal FROM faelle ORDER BY merkmal DESC",
    "SELECT max(merkmal), min(name) FROM faelle",
    "SELECT f.merkmal FROM bezirke b LEFT JOIN faelle f USING (bezirk) WHERE b.bezirk = '08'",
    "SELECT bezirk FROM bezirke WHERE bezirk IN (SELECT bezirk FROM faelle WHERE name LIKE '%')",
    "SELECT CAST(merkmal AS INTEGER) FROM faelle",
    "SELECT CAST({field} AS DATE) FROM {dataset}",
    "SELECT row_number() OVER (ORDER BY merkmal), merkmal FROM faelle",
    "SELECT error(merkmal) FROM faelle",
    "SELECT * FROM (SUMMARIZE faelle)",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM read_csv('daten/kitas.csv')",
    "WITH faelle AS (SELECT 1 AS x) SELECT * FROM faelle, gehaelter",
    "SELECT {field} FROM {dataset} UNION ALL SELECT bezirk FROM bezirke",
)


class Town:
    """An open canary city with a token for every actor, and a client for its web application."""

    def __init__(self, root) -> None:
        city.write_silos(root)
        self.nabe = open_workspace(root)
        operator = Actor("operator", "", "", frozenset({Role.IT}))
        self.nabe.hub.declare(operator, city.changes(), expect=0, approvals_from_files=True)
        quality.run(self.nabe.hub)
        self.tokens = {}
        for actor in city.ACTORS.values():
            self.nabe.identity.put_account(actor, city.PASSWORD)
            _, self.tokens[actor.id] = self.nabe.identity.create_token(actor.id, "test", at=city.NOW, expires=None)
        assert self.nabe.hub.snapshot(JOBS, "faelle").state is RunState.DONE, "copies may leak, too"
        self.app = asgi(self.nabe)

    def send(self, requests):
        """Answers to (actor, method, url, headers, body), in order, over one client."""

        async def go():
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                answers = []
                for actor, method, url, headers, body in requests:
                    headers = dict(headers)
                    if actor in self.tokens:
                        headers["Authorization"] = f"Bearer {self.tokens[actor]}"
                    answers.append(await client.request(method, url, headers=headers, content=body))
                return answers

        return anyio.run(go)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("canary"))
    yield made
    made.nabe.close()


#: Numbers that say nothing of rows: entries of the ledger are numbered on and chained by hashes, pages have a length, and
#: sooner or later one of them holds an unusual number.
_BY_CHANCE = re.compile(rb"""\"number\":\d+|'content-length': '\d+'|(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])""")


def _singing(actor: str, purpose: str, data: bytes, path: str = "") -> set[str]:
    data = _BY_CHANCE.sub(b"", data)
    seen = {tuple(part.decode() for part in match) for match in city.CANARY.findall(data)}
    # Paging in tests never reaches that many rows, so a number of this size can only be a count.
    counts = {name for name, rows in city.COUNTS.items() if re.search(rb"(?<!\d)%d(?!\d)" % rows, data)}
    return {".".join(item) for item in seen - city.allowed(actor, purpose)} | (
        counts - city.allowed_counts(actor, path)
    )


def _requests(interface, actor, purpose):
    for probe in interface.probes:
        spots = {name for name in ("dataset", "field", "value") if f"{{{name}}}" in probe.path + (probe.body or "")}
        choices = [DATASETS if "dataset" in spots else ("",), FIELDS if "field" in spots else ("",)]
        choices.append(VALUES if "value" in spots else ("",))
        for dataset, field, value in itertools.product(*choices):
            fill = {"{dataset}": dataset, "{field}": field, "{value}": value}
            path, body = probe.path, probe.body or ""
            for mark, text in fill.items():
                path, body = path.replace(mark, text), body.replace(mark, text)
            headers = dict(probe.headers or {}) | {"Nabe-Use-Case": purpose}
            yield actor, probe.method, path, headers, body.encode() or None


@pytest.mark.parametrize("purpose", city.PURPOSES)
@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("interface", INTERFACES, ids=lambda item: item.id)
def test_no_canary_sings(town, interface, actor, purpose, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    requests = list(_requests(interface, actor, purpose))
    assert requests, "an interface without probes is not covered"
    for request, answer in zip(requests, town.send(requests), strict=True):
        said = f"{answer.headers}\n".encode() + answer.content
        # The path is the asker's own; an echo of it tells nothing.
        assert not _singing(actor, purpose, said, request[2]), f"{request[1]} {request[2]} -> {answer.status_code}"
        assert answer.status_code < 500, f"{request[1]} {request[2]}: {answer.text[:500]}"
    out, err = capfd.readouterr()
    logs = "\n".join(record.getMessage() for record in caplog.records) + out + err
    assert not _singing("anonymous", "open-data", logs.encode()), "logs are read by people without a purpose"


@pytest.mark.parametrize("purpose", city.PURPOSES)
@pytest.mark.parametrize("actor", ACTORS)
def test_no_sql_makes_a_canary_sing(town, actor, purpose):
    questions = [
        sql.replace("{dataset}", dataset).replace("{field}", field)
        for sql in SQL
        for dataset in (DATASETS if "{dataset}" in sql else ("",))
        for field in (FIELDS if "{field}" in sql else ("",))
    ]
    headers = {"Nabe-Use-Case": purpose, "Content-Type": "text/plain", "Accept": "application/json"}
    requests = [(actor, "POST", "/sql", headers, sql.encode()) for sql in questions]
    for request, answer in zip(requests, town.send(requests), strict=True):
        assert not _singing(actor, purpose, answer.content), request[4].decode()
        assert answer.status_code < 500, request[4].decode()


def test_the_canaries_can_sing_at_all(town):
    """A suite that cannot fail proves nothing: those who may see a value do see it."""
    fall = {"Nabe-Use-Case": "fall", "Content-Type": "text/plain", "Accept": "application/json"}
    plan = fall | {"Nabe-Use-Case": "planung"}
    answers = town.send(
        [
            ("sachbearbeiter", "POST", "/sql", fall, b"SELECT name, merkmal FROM faelle"),
            ("planerin", "POST", "/sql", plan, b"SELECT merkmal FROM faelle"),
            ("planerin", "POST", "/sql", plan, b"SELECT * FROM auswertung"),
        ]
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert b"KANARIE.faelle.name.alle" in answers[0].content and b"KANARIE.faelle.merkmal.klein" in answers[0].content
    assert b"KANARIE.faelle.merkmal.alle" in answers[1].content
    assert b"KANARIE.auswertung.merkmal.alle" in answers[2].content


def test_what_quality_checks_found_can_be_seen_by_those_it_concerns(town):
    """Else the suite would pass because there is nothing to see."""
    ask = ("GET", "/api/datasets/faelle/quality", {"Accept": "application/json"}, None)
    owner, planner, stranger = town.send([(actor, *ask) for actor in ("owner", "planerin", "anonymous")])
    assert b"4243" in owner.content and b"KANARIE.faelle.regel.meta" in owner.content
    assert planner.status_code == 200 and planner.json()["rules"][0]["state"] == "ok"
    assert b"4243" not in planner.content and b"KANARIE.faelle.regel.meta" not in planner.content
    assert stranger.status_code == 404
    results = town.nabe.store.quality.results(["faelle", "kitas"], limit=1)
    assert len(results) == 8 and not any("KANARIE" in str(result) for result in results)
    (peeking,) = [result for result in results if result.rule == "personen"]
    assert (peeking.state.value, peeking.why) == ("not_checked", "denied"), (
        "rules are no way to ask for what others hold"
    )


def test_every_read_and_every_denial_leaves_a_line_in_the_ledger(town):
    before = len(town.nabe.ledger.entries(limit=1_000_000))
    headers = {"Content-Type": "text/plain", "Accept": "application/json"}
    town.send([("anonymous", "POST", "/sql", headers, b"SELECT * FROM bezirke")])
    town.send([("planerin", "POST", "/sql", headers, b"SELECT * FROM faelle")])
    town.nabe.ledger.append([], durable=True)
    entries = town.nabe.ledger.entries(after=before, limit=100)
    assert ("read", "bezirke", 8) in [(line.entry.action, line.entry.dataset, line.entry.rows) for line in entries]
    assert ("denied", "faelle", "planerin") in [
        (line.entry.action, line.entry.dataset, line.entry.actor) for line in entries
    ]
