"""DuckDB instances, each locked down around the tables it was made for.

Configuration belongs to an instance and is locked, so another set of mounts is another instance. They are made when first
needed and the least used ones are closed.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.ports.source import DatabaseMount, Mount, ParquetMount
from nabe.query.sql import quoted

_MOST = 8
#: Which wheel brings the extension that attaches a kind of database, and its TYPE in ATTACH.
_EXTENSIONS = {
    "postgres": ("duckdb_extension_postgres_scanner", "postgres_scanner", "postgres"),
    "sqlite": ("duckdb_extension_sqlite_scanner", "sqlite_scanner", "sqlite"),
    "mysql": ("duckdb_extension_mysql_scanner", "mysql_scanner", "mysql"),
}


class Instances:
    """Open instances by what they may reach."""

    def __init__(self, cache: str) -> None:
        self._cache = cache
        self._open: OrderedDict[Any, Instance] = OrderedDict()
        self._lock = Lock()

    def get(
        self, mounts: Sequence[Mount], owners: Mapping[tuple[str, str], str], *, spatial: bool, memory: int
    ) -> Instance:
        """The instance for these mounts; `owners` names their systems in errors."""
        databases = {(m.kind, m.dsn): owners[(m.kind, m.dsn)] for m in mounts if isinstance(m, DatabaseMount)}
        files = frozenset(path for m in mounts if isinstance(m, ParquetMount) for path in m.paths)
        key = (frozenset(databases), files, spatial, memory)
        with self._lock:
            found = self._open.get(key)
            if found is not None and not found.spoilt:
                self._open.move_to_end(key)
                return found
            closing = [self._open.pop(key)] if found is not None else []
        made = Instance(self._cache, databases, files, spatial=spatial, memory=memory)
        with self._lock:
            self._open[key] = made
            while len(self._open) > _MOST:
                closing.append(self._open.popitem(last=False)[1])
        for item in closing:
            item.retire()
        return made

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for item in self._open.values():
                item.retire()
            self._open.clear()


class Instance:
    """One in-memory DuckDB that can reach its mounts and nothing else."""

    def __init__(
        self, cache: str, databases: Mapping[tuple[str, str], str], files: frozenset[str], *, spatial: bool, memory: int
    ) -> None:
        self.spoilt = False
        self._lock = Lock()
        self._used = 0
        self._retired = False
        self._names: dict[tuple[str, str], str] = {}
        spill = Path(cache) / "spill"
        spill.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": str(max(2, os.cpu_count() or 2)),
                "memory_limit": f"{memory // 1_000_000}MB",
                "temp_directory": str(spill),
                "max_temp_directory_size": "4GB",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        try:
            self._arrange(databases, files, spatial)
        except BaseException:
            self._connection.close()
            raise

    def _arrange(self, databases: Mapping[tuple[str, str], str], files: frozenset[str], spatial: bool) -> None:
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        if spatial:
            load(self._connection, "duckdb_extension_spatial", "spatial")
        for number, ((kind, dsn), system) in enumerate(sorted(databases.items())):
            module, extension, attach_type = _EXTENSIONS[kind]
            load(self._connection, module, extension)
            name = f"nabe_db_{number}"
            where = dsn.replace("'", "''")
            try:
                self._connection.execute(f"ATTACH '{where}' AS {name} (TYPE {attach_type}, READ_ONLY)")
            except duckdb.Error as error:
                raise _attach_failed(system, str(error)) from None
            self._names[(kind, dsn)] = name
        allowed = ", ".join("'" + path.replace("'", "''") + "'" for path in sorted(files))
        self._connection.execute(f"SET allowed_paths = [{allowed}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def relation(self, mount: Mount) -> str:
        """SQL of a mounted table."""
        if isinstance(mount, ParquetMount):
            files = ", ".join("'" + path.replace("'", "''") + "'" for path in mount.paths)
            return f"read_parquet([{files}])"
        name = self._names[(mount.kind, mount.dsn)]
        parts = [name, *([mount.schema] if mount.schema else []), mount.table]
        return ".".join(quoted(part, "duckdb") for part in parts)

    def cursor(self) -> Any:
        """A connection of its own on this instance, for one question."""
        with self._lock:
            self._used += 1
        return self._connection.cursor()

    def give_back(self, cursor: Any) -> None:
        """The question is done."""
        with contextlib.suppress(Exception):
            cursor.close()
        with self._lock:
            self._used -= 1
            last = self._retired and self._used == 0
        if last:
            self._connection.close()

    def spoil(self) -> None:
        """A mounted silo failed: the next question gets a fresh instance, attached anew."""
        self.spoilt = True

    def retire(self) -> None:
        """Close as soon as nobody uses it."""
        with self._lock:
            self._retired = True
            unused = self._used == 0
        if unused:
            self._connection.close()


def load(connection: Any, module: str, extension: str) -> None:
    """Load a signed extension from its wheel; nothing is downloaded."""
    folder = importlib.import_module(module).__path__[0]
    file = next(Path(folder).rglob(f"{extension}.duckdb_extension"))
    connection.execute("LOAD '" + str(file).replace("'", "''") + "'")


def _attach_failed(system: str, text: str) -> SourceUnavailable | SourceRefused:
    """Why a database could not be attached, without its connection string."""
    lowered = text.lower()
    if "password" in lowered or "authentication" in lowered or "denied" in lowered:
        return SourceRefused(
            system, "it does not accept the log-in.", hint="Ask its owner for the user and password to use."
        )
    return SourceUnavailable(
        system, "no connection to its database.", hint="Is it running? It is tried again with the next question."
    )
