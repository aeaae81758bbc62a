"""The guide to databases is run as it is written: the account is made, the documents applied, the questions asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-sql.md"
TABLES = """
create table stadtteile (nr text primary key, name text);
create table kitas (nr text primary key, stadtteil text references stadtteile, plaetze integer not null,
                    geprueft_am timestamp, lage geometry(Point, 25832));
comment on column kitas.plaetze is 'Genehmigte Plätze';
insert into stadtteile values ('01', 'Altstadt'), ('02', 'Neustadt');
insert into kitas values ('1', '01', 40, '2026-10-25 02:30', ST_SetSRID(ST_MakePoint(357000, 5645000), 25832)),
                         ('2', '01', 25, null, null), ('3', '02', 60, null, null);
"""


@pytest.fixture(scope="module")
def city(postgres, tmp_path_factory):
    """A workspace made of the guide's documents, over a database of its own; `run` calls the command line."""
    text = GUIDE.read_text("utf-8")
    for statement in ("drop database if exists kita", "drop role if exists nabe_leser", "create database kita"):
        postgres.run(statement)
    kept, postgres.database = postgres.database, "kita"
    try:
        postgres.run("create extension postgis")
        postgres.run(TABLES)
        postgres.run(re.search(r"<!-- run: postgresql -->\n```sql\n(.*?)```", text, re.S)[1])
    finally:
        postgres.database = kept
    root = tmp_path_factory.mktemp("kita")
    found = re.findall(r"<!-- example: (\S+) -->\n```yaml\n(.*?)```", text, re.S)
    assert len(found) == 3
    # A table that has changed since it was declared.
    (root / "datasets").mkdir()
    (root / "datasets/weg.yaml").write_text(
        "id: weg\ntitle: Weg\nowner: jugendamt\nsystem: kita-db\naccess: open\nsource: {table: stadtteile}\n"
        "fields: [{name: zeile, type: string}]\n"
    )
    (root / "nabe.yaml").write_text("kind: city\nid: stadt\ntitle: Stadt\n")
    (root / "organisations").mkdir()
    (root / "organisations/jugendamt.yaml").write_text("id: jugendamt\ntitle: Jugendamt\ntype: municipality\n")
    for name, body in found:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(body.replace(":5432/", f":{postgres.port}/"), "utf-8")

    def run(*args: str, password: str = "geheim-2026", code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "nabe.cli", *args, "-w", str(root)],
            env=os.environ | {"KITA_DB_PASSWORD": password, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    run("apply", "--yes")
    run.root = root
    return run


def test_the_documents_of_the_guide_answer(city):
    rows = city("query", "SELECT nr, plaetze, geprueft FROM kitas ORDER BY nr", "--as", "anonymous", "--format", "csv")
    # 02:30 occurs twice on that night; the later one is meant.
    assert rows.splitlines() == ["nr,plaetze,geprueft", "1,40,2026-10-25T01:30:00Z", "2,25,", "3,60,"]
    place = city("query", "SELECT nr, geometry FROM kitas WHERE nr = '1'", "--as", "anonymous", "--format", "csv")
    assert "POINT (6.9" in place and " 50.9" in place


def test_the_question_of_the_guide_is_computed_by_the_database(city):
    question = re.search(r'nabe explain "(.*?)"', GUIDE.read_text("utf-8"))[1]
    assert "computes the whole answer (postgres)" in city("explain", question, "--as", "anonymous")


def test_connect_finds_keys_comments_and_crs_and_writes_no_password(city, postgres):
    shown = city(
        "connect",
        f"postgresql://nabe_leser:geheim-2026@127.0.0.1:{postgres.port}/kita",
        "--table",
        "kitas",
        "--as",
        "gefunden",
    )
    assert "geheim-2026" not in shown and "NABE_KITA_PASSWORD" in shown
    root = city.root
    document = (root / "datasets/gefunden.yaml").read_text("utf-8")
    assert "Genehmigte Plätze" in document and "EPSG:25832" in document and "key:\n  - nr" in document
    assert "geheim-2026" not in "".join(path.read_text("utf-8") for path in root.glob("*/*.yaml"))


@pytest.mark.parametrize(
    ("sql", "password", "message"),
    [
        ("SELECT count(*) FROM kitas", "falsch", "the account or password is not accepted."),
        ("SELECT zeile FROM weg", "geheim-2026", "has no column 'zeile' (any more)"),
    ],
)
def test_messages_are_those_of_the_guide(city, sql, password, message):
    said = city("query", sql, "--as", "anonymous", password=password, code=2)
    assert message in said and password not in said.replace("password", "")


def test_the_account_of_the_guide_can_only_read(postgres):
    import psycopg

    dsn = f"host=127.0.0.1 port={postgres.port} dbname=kita user=nabe_leser password=geheim-2026"
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update kitas set plaetze = 0")
