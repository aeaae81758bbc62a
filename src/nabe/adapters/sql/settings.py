"""Settings of a database system (`connection`) and of a dataset in it (`source`), validated, and URLs taken apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Driver = Literal["postgresql", "mariadb", "mysql", "sqlite", "mssql", "oracle"]

_SCHEMES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "sqlite": "sqlite",
    "mssql": "mssql",
    "sqlserver": "mssql",
    "oracle": "oracle",
}
_URL = re.compile(
    r"(?P<scheme>\w+)(\+\w+)?://((?P<user>[^:/@]*)(:(?P<password>.*))?@)?(?P<host>\[[^\]]*\]|[^:/?@]*)(:(?P<port>[^/?]*))?"
    r"(/(?P<database>[^?]*))?(\?(?P<query>.*))?"
)
#: Parameters a URL may carry.
_OPTIONS = ("sslmode", "sslrootcert", "ssl_ca", "encrypt", "protocol")
#: Values of those that are a choice.
_CHOICES = {"encrypt": ("off", "request", "require"), "protocol": ("tcp", "tcps")}
_PORTS = {"postgresql": 5432, "mariadb": 3306, "mysql": 3306, "mssql": 1433, "oracle": 1521}


class ConnectionSettings(BaseModel):
    """`connection` of a system: a `url`, or its parts. Secrets only as `${ENV}` or `file:` references."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    url: str = Field(
        "",
        description="postgresql://user:${PASSWORD}@host:port/database, mariadb://…, mssql://…, oracle://…/service, sqlite:///file",
    )
    driver: Driver | None = Field(None, description="Kind of database, if no url is given")
    host: str = Field("", description="Name or address of the server")
    port: int | str = Field("", description="Port; the kind's usual one if empty")
    database: str = Field("", description="Name of the database (Oracle: of the service)")
    user: str = Field("", description="Account that may only read")
    password: str = Field("", description="Reference to its password: ${ENV} or file:…")
    schema_: str = Field(
        "", alias="schema", description="Schema in which tables are looked for (PostgreSQL: public, SQL Server: dbo)"
    )
    path: str = Field("", description="SQLite file, inside the workspace or absolute")

    @model_validator(mode="after")
    def _complete(self) -> ConnectionSettings:
        given = [name for name in ("url", "driver", "path") if getattr(self, name)]
        if not given:
            raise ValueError("one of url, driver or path is needed")
        if self.url and (self.driver or self.host or self.path):
            raise ValueError("give either url or driver, host, database …, not both")
        if self.driver == "sqlite" and not self.path:
            raise ValueError("driver sqlite needs path")
        if self.driver not in (None, "sqlite") and not (self.host and self.database):
            raise ValueError(f"driver {self.driver} needs host and database")
        if self.url and not _is_reference(self.url) and not parts_of(self.url):
            raise ValueError(f"url must begin with one of {', '.join(f'{name}://' for name in _SCHEMES)}")
        return self


class TableSettings(BaseModel):
    """`source` of a dataset."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    table: str = Field(description="Table or view", min_length=1)
    schema_: str = Field("", alias="schema", description="Its schema, if not the system's")
    timezone: str = Field("Europe/Berlin", description="Zone of times that are stored without one")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except Exception:
            raise ValueError(f"{name!r} is no time zone; right would be Europe/Berlin or UTC") from None
        return name


@dataclass(frozen=True, slots=True)
class Target:
    """Where a database is, with resolved secrets: never print it."""

    driver: Driver
    host: str = ""
    port: int = 0
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    path: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What an error may say of it."""
        return self.path.name if self.path else f"{self.host}:{self.port}"


def target(connection: Mapping[str, Any], secrets: Callable[[str], str], root: str) -> Target:
    """The settings with their references resolved. Raises `ValueError` with a sentence that holds no secret."""
    settings = ConnectionSettings.model_validate(dict(connection))
    if settings.url:
        url = secrets(settings.url) if _is_reference(settings.url) else settings.url
        parts = parts_of(url)
        if parts is None:
            raise ValueError("connection.url is no URL of a database")
        plain = {name: _resolved(value, secrets) for name, value in parts.items() if name != "query"}
        options = _options(parts["query"])
    else:
        names = ("host", "port", "database", "user", "password", "path")
        plain = {name: secrets(str(value)) if (value := getattr(settings, name)) != "" else "" for name in names}
        plain["scheme"] = settings.driver or "sqlite"
        options = {}
    driver = _SCHEMES[plain["scheme"]]
    if driver == "sqlite":
        return Target("sqlite", path=_inside(plain.get("path") or plain["database"], root))
    try:
        port = int(plain["port"] or _PORTS[driver])
    except ValueError:
        raise ValueError("connection.port is not a number") from None
    return Target(
        driver,  # type: ignore[arg-type]
        plain["host"].strip("[]") or "127.0.0.1",
        port,
        plain["database"],
        plain["user"],
        plain["password"],
        settings.schema_,
        options=options,
    )


def parts_of(url: str) -> dict[str, str] | None:
    """A database URL taken apart (not yet decoded), or None if it is none."""
    found = _URL.fullmatch(url)
    if found is None or found["scheme"] not in _SCHEMES:
        return None
    return {name: value or "" for name, value in found.groupdict().items()}


def literal_secret(connection: Mapping[str, Any]) -> bool:
    """Is a password written out instead of referred to?"""
    url = str(connection.get("url") or "")
    parts = parts_of(url) or {}
    secret = parts.get("password", "") if url else str(connection.get("password") or "")
    return bool(secret) and not _is_reference(secret)


def _is_reference(text: str) -> bool:
    return text.startswith("file:") or bool(re.fullmatch(r"\$\{\w+\}", text))


def _resolved(text: str, secrets: Callable[[str], str]) -> str:
    return secrets(text) if "${" in text else unquote(text)


def _options(query: str) -> dict[str, str]:
    found = dict(part.partition("=")[::2] for part in query.split("&") if part)
    for name in found:
        if name not in _OPTIONS:
            raise ValueError(f"connection.url has the parameter {name!r}; possible: {', '.join(_OPTIONS)}")
    given = {name: unquote(value) for name, value in found.items()}
    for name, choices in _CHOICES.items():
        if name in given and given[name] not in choices:
            raise ValueError(f"connection.url: {name} may be {', '.join(choices)}")
    return given


def _inside(text: str, root: str) -> Path:
    """A SQLite file: absolute as it is, relative only inside the workspace."""
    path = Path(text)
    if path.is_absolute():
        return path
    found = (Path(root) / path).resolve()
    if not found.is_relative_to(Path(root).resolve()):
        raise ValueError("connection.path leads out of the workspace; give an absolute path if that is meant")
    return found
