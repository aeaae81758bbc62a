"""Loading the database silos: SQLite files, and PostgreSQL where there is one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nabe.demo.silos import social
from nabe.demo.town import NOTICE, Town

#: Reads and nothing else: the account with which the hub logs in.
READER = "nabe_lesen"


def sqlite(path: Path, statements: Iterable[str], rows: Iterable[tuple[str, Sequence[Sequence[Any]]]]) -> None:
    """A new SQLite file with a table `_hinweis` that says what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.execute("create table _hinweis (hinweis text)")
        connection.execute("insert into _hinweis values (?)", (NOTICE,))
        for statement in statements:
            connection.execute(statement)
        for table, content in rows:
            if content:
                marks = ", ".join("?" * len(content[0]))
                connection.executemany(f"insert into {table} values ({marks})", content)  # our own names
        connection.commit()
    finally:
        connection.close()


def social_sqlite(town: Town, path: Path) -> None:
    """The social-assistance application where no PostgreSQL is installed: the same tables and rows."""
    sqlite(path, social.ddl(postgres=False), social.rows(town))


def social_postgres(town: Town, dsn: str, reader_password: str) -> None:
    """The social-assistance application in PostgreSQL, with comments, foreign keys and an account that only reads.

    Everything or nothing; tables of an earlier build are replaced.
    """
    import psycopg
    from psycopg import sql

    with psycopg.connect(dsn) as connection:
        connection.execute("drop view if exists haushalte_im_bezug")
        for table in reversed(social.TABLES):
            connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(table.name)))
        for statement in social.ddl(postgres=True):
            connection.execute(statement)
        for name, content in social.rows(town):
            with connection.cursor() as cursor, cursor.copy(f"copy {name} from stdin") as copy:
                for row in content:
                    copy.write_row(row)
        if connection.execute("select 1 from pg_roles where rolname = %s", (READER,)).fetchone() is None:
            connection.execute(sql.SQL("create role {} login").format(sql.Identifier(READER)))
        role = sql.Identifier(READER)
        connection.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(reader_password)))
        connection.execute(sql.SQL("grant select on all tables in schema public to {}").format(role))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("analyze")
