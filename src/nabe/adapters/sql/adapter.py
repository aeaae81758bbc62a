"""The `sql` adapter: opens declared databases, judges settings, sniffs addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nabe.adapters.sql.databases.base import Database
from nabe.adapters.sql.databases.mssql import SqlServer
from nabe.adapters.sql.databases.mysql import MySql
from nabe.adapters.sql.databases.oracle import Oracle
from nabe.adapters.sql.databases.postgres import Postgres
from nabe.adapters.sql.databases.sqlite import Sqlite
from nabe.adapters.sql.probe import SqlProbe
from nabe.adapters.sql.settings import (
    ConnectionSettings,
    TableSettings,
    Target,
    literal_secret,
    parts_of,
    target,
)
from nabe.adapters.sql.source import SqlSource
from nabe.adapting.settings import problems
from nabe.errors import SourceRefused
from nabe.ports.source import AdapterContext, Probe, Source

_DATABASES: dict[str, Callable[[], Database]] = {
    "postgresql": Postgres,
    "mysql": MySql,
    "mariadb": MySql,
    "sqlite": Sqlite,
    "mssql": SqlServer,
    "oracle": Oracle,
}
_SQLITE = b"SQLite format 3\x00"


class SqlAdapter:
    """SQLite, PostgreSQL/PostGIS, MariaDB, MySQL, SQL Server and Oracle as silos."""

    id = "sql"
    system_settings = ConnectionSettings
    dataset_settings = TableSettings

    def __init__(self) -> None:
        self._given: dict[str, str] = {}  # passwords of sniffed addresses, for this process only

    def open(self, system: Any, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """The database; connected at the first question."""
        place = _target(system.id, system.connection, secrets, context)
        return SqlSource(system.id, _DATABASES[place.driver](), place, system.limits.timeout_s)

    def check_dataset(self, system: Any, dataset: Any) -> list[str]:
        """What is wrong with `source`."""
        return problems(TableSettings, dict(dataset.source), "source")

    def check_system(self, system: Any) -> list[str]:
        """What is wrong with `connection`."""
        found = problems(ConnectionSettings, dict(system.connection), "connection")
        if literal_secret(system.connection):
            where = "connection.url" if system.connection.get("url") else "connection.password"
            found.append(f"{where} holds a password; right would be a reference: ${{ENV}} or file:….")
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """A database's address, or a SQLite file.

        A password in the address does not get into the connection: a reference takes its place, which this process
        resolves by itself and whoever serves the workspace must set.
        """
        if "://" in source:
            parts = parts_of(source)
            if parts is None:
                return None
            if parts["scheme"] == "sqlite":
                return {"path": unquote(parts["database"])}
            return {"url": self._without_password(source, parts)}
        path = Path(source).expanduser()
        path = path if path.is_absolute() else Path.cwd() / path
        if path.suffix.lower() == ".gpkg" or not path.is_file():
            return None
        with path.open("rb") as file:
            if file.read(16) != _SQLITE:
                return None
        root = Path(context.root).resolve()
        path = path.resolve()
        return {"path": str(path.relative_to(root) if path.is_relative_to(root) else path)}

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a database that is not declared yet."""
        used: list[str] = []

        def resolve(text: str) -> str:
            name = text.removeprefix("${").removesuffix("}")
            if name in self._given:
                used.append(name)
                return self._given[name]
            return secrets(text)

        place = _target("database", connection, resolve, context)
        notes = tuple(f"The password was not written down: set {name} before `nabe serve`." for name in used)
        return SqlProbe(_DATABASES[place.driver](), place, notes=notes)

    def _without_password(self, url: str, parts: Mapping[str, str]) -> str:
        if not parts["password"] or not literal_secret({"url": url}):
            return url
        place = re.sub(r"[^A-Z0-9]+", "_", f"{parts['database'] or parts['host']}".upper()).strip("_")
        name = f"NABE_{place}_PASSWORD"
        self._given[name] = unquote(parts["password"])
        start = url.index(":", url.index("://") + 3) + 1
        return f"{url[:start]}${{{name}}}{url[start + len(parts['password']) :]}"


def _target(id: str, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Target:
    try:
        return target(connection, secrets, context.root)
    except ValueError as error:
        wrong = problems(ConnectionSettings, connection, "connection") or [f"{error}."]
        raise SourceRefused(id, " ".join(wrong), hint="`nabe check` tells what fits.") from None
