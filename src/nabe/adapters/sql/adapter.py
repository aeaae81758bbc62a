"""The `sql` adapter: opens declared databases, judges settings, sniffs addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nabe.adapters.sql.databases.base import Database
from nabe.adapters.sql.databases.mysql import MySql
from nabe.adapters.sql.databases.postgres import Postgres
from nabe.adapters.sql.databases.sqlite import Sqlite
from nabe.adapters.sql.probe import SqlProbe
from nabe.adapters.sql.settings import ConnectionSettings, TableSettings, parts_of, problems, target
from nabe.adapters.sql.source import SqlSource
from nabe.errors import SourceRefused
from nabe.ports.source import AdapterContext, Probe, Source

_DATABASES: dict[str, Callable[[], Database]] = {
    "postgresql": Postgres,
    "postgres": Postgres,
    "mysql": MySql,
    "mariadb": MySql,
    "sqlite": Sqlite,
}


class SqlAdapter:
    """SQLite, PostgreSQL/PostGIS, MariaDB and MySQL as silos."""

    id = "sql"

    def open(self, system: Any, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """The database; connected at the first question."""
        try:
            place = target(system.connection, secrets, context.root)
        except ValueError as error:
            raise SourceRefused(system.id, f"{error}.", hint="See `nabe check`.") from None
        return SqlSource(system.id, _DATABASES[place.driver](), place, system.limits.timeout_s)

    def check_dataset(self, system: Any, dataset: Any) -> list[str]:
        """What is wrong with `source`."""
        return problems(TableSettings, dict(dataset.source), "source")

    def check_system(self, system: Any) -> list[str]:
        """What is wrong with `connection`."""
        return problems(ConnectionSettings, dict(system.connection), "connection")

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """A database's address, or a SQLite file. A password in the address is replaced by a reference to NABE_DB_PASSWORD."""
        if source.startswith("sqlite:///"):
            return {"path": source.removeprefix("sqlite:///")}
        if "://" in source:
            if parts_of(source) is None:
                return None
            return {"url": re.sub(r"(://[^/:@]*):(?!\$\{|file:)[^@]*@", r"\1:${NABE_DB_PASSWORD}@", source)}
        path = Path(source).expanduser()
        path = path if path.is_absolute() else Path.cwd() / path
        if path.is_file() and path.suffix != ".gpkg":
            with path.open("rb") as file:
                if file.read(16) == b"SQLite format 3\x00":
                    root = Path(context.root)
                    return {"path": str(path.relative_to(root) if path.is_relative_to(root) else path)}
        return None

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a database that is not declared yet."""
        try:
            place = target(connection, secrets, context.root)
        except ValueError as error:
            raise SourceRefused("connect", f"{error}.") from None
        return SqlProbe(_DATABASES[place.driver](), place)
