"""The last look before a database gets SQL: one SELECT and nothing else."""

from __future__ import annotations

import pytest

from nabe.adapters.sql.statement import is_one_select


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "WITH a AS (SELECT 1 AS x) SELECT * FROM a",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT 'a; DROP TABLE b' AS \"into\"",
        'SELECT count(*) FROM (SELECT "a" COLLATE "C" FROM t WHERE "a" LIKE \'x\' ESCAPE \'\') AS s',
    ],
)
def test_selects_pass(sql):
    assert is_one_select(sql, "postgres")


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("", "postgres"),
        ("DELETE FROM a", "postgres"),
        ("SELECT 1; SELECT 2", "postgres"),
        ("SELECT 1) TO STDOUT; COPY (SELECT 2", "postgres"),
        ("SELECT 1) TO PROGRAM 'id' --", "postgres"),
        ("WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", "postgres"),
        ("WITH a AS (UPDATE b SET c = 1 RETURNING *) SELECT * FROM a", "postgres"),
        ("SELECT * INTO b FROM a", "postgres"),
        ("SELECT * FROM a FOR UPDATE", "postgres"),
        ("SELECT * FROM a INTO OUTFILE '/tmp/x'", "mysql"),
        ("SELECT * FROM a INTO/**/DUMPFILE '/tmp/x'", "mysql"),
        ("SELECT 1 /*! INTO OUTFILE '/tmp/x' */", "mysql"),
        ("SELECT 1 /*M! INTO OUTFILE '/tmp/x' */", "mysql"),
        ("ATTACH 'x' AS y", "sqlite"),
        ("PRAGMA query_only = OFF", "sqlite"),
        ("VACUUM INTO 'x'", "sqlite"),
        ("SELECT 'open", "sqlite"),
        ("SET ROLE postgres", "postgres"),
        ("SELECT (1", "postgres"),
    ],
)
def test_everything_else_does_not(sql, dialect):
    assert not is_one_select(sql, dialect)
