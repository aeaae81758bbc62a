"""Settings of a JSON interface (`connection`) and of a dataset in it (`source`), validated."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from nabe.adapting.json_http.paths import Each, Where, parse
from nabe.adapting.settings import Encoding, ReferenceSystem, Settings, TimeZone


def _readable(text: str) -> str:
    try:
        parse(text)
    except ValueError as error:
        raise ValueError(f"the path {error}") from None
    return text


PathText = Annotated[str, AfterValidator(_readable)]
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|^file:")


def _referred(text: str) -> str:
    if text and not _REFERENCE.search(text):
        raise ValueError("a secret stands here; right would be a reference: ${ENV} or file:…")
    return text


Secret = Annotated[str, AfterValidator(_referred)]


class Auth(Settings):
    """How the interface knows who asks. Secrets only as `${ENV}` or `file:` references."""

    type: Literal["none", "bearer", "basic", "header", "query", "oauth2"] = Field(
        default="none", description="none, bearer, basic, header, query (a key in the address), oauth2"
    )
    token: Secret = Field(default="", description="bearer, header, query: reference to the token or key")
    name: str = Field(default="", description="header, query: name of the header or parameter that carries it")
    user: str = Field(default="", description="basic: account; may be a reference")
    password: Secret = Field(default="", description="basic: reference to its password")
    token_url: str = Field(default="", description="oauth2: where tokens are given out (RFC 6749, 4.4)")
    client_id: str = Field(default="", description="oauth2: may be a reference")
    client_secret: Secret = Field(default="", description="oauth2: reference to it")
    scope: str = Field(default="", description="oauth2: scopes, separated by blanks")
    in_body: bool = Field(default=False, description="oauth2: client_id and secret in the form, not in the header")

    _NEEDS: ClassVar = {
        "none": (),
        "bearer": ("token",),
        "basic": ("user", "password"),
        "header": ("name", "token"),
        "query": ("name", "token"),
        "oauth2": ("token_url", "client_id", "client_secret"),
    }

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        for name in self._NEEDS[self.type]:
            if not getattr(self, name):
                raise ValueError(f"type {self.type} needs {' and '.join(self._NEEDS[self.type])}")
        if self.token_url:
            web_address(self.token_url)
        return self


class SystemSettings(Settings):
    """Connection of a system that speaks JSON over HTTP."""

    url: str = Field(description="Address of the interface; datasets' paths stand below it")
    auth: Auth = Field(default=Auth(), description="How to log in")
    headers: dict[str, str] = Field(
        default_factory=dict, description="HTTP headers for its host; secrets as ${ENV} or file: references"
    )
    params: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Query parameters of every request; secrets as references"
    )
    check_path: str = Field(default="", description="What is asked for to see whether it answers; the url if not set")
    requests_per_second: float = Field(default=0.0, ge=0, description="Most requests per second; 0: no limit")
    retries: int = Field(default=2, ge=0, le=10, description="Repeats of a request that failed for a moment")
    max_mb: int = Field(default=4096, gt=0, description="Largest answer, unpacked, in MB")
    keep_mb: int = Field(
        default=256, ge=0, description="Most MB of answers kept to be confirmed by the server (ETag); 0: none"
    )

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return web_address(value)


def web_address(value: str) -> str:
    """The value, if it is an http(s) address without account, query or fragment; `ValueError` says what else is wrong."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address that begins with https:// or http:// is needed")
    if parts.username or parts.password:
        raise ValueError("the address holds a user name or password; right would be auth: {type: basic, …}")
    if parts.query or parts.fragment:
        raise ValueError("the address has a query; right would be params")
    return value


class Paging(Settings):
    """How a long answer goes on."""

    type: Literal["link", "next", "page", "offset", "cursor"] = Field(
        description="link (Link header, RFC 8288), next (address in the body), page (number), offset, cursor"
    )
    at: PathText = Field(default="", description="next, cursor: where in the body it stands, such as links.next")
    param: str = Field(default="", description="page, offset, cursor: its query parameter")
    first: int = Field(default=-1, ge=-1, description="page: number of the first page; 1 if not set. offset: 0")
    size_param: str = Field(default="", description="Query parameter for the rows of a page")
    size: int = Field(default=0, ge=0, le=1_000_000, description="Rows of a page")
    total: PathText = Field(default="", description="page, offset: where in the body the number of all rows stands")
    total_header: str = Field(default="", description="page, offset: HTTP header with the number of all rows")
    short_pages: bool = Field(
        default=False,
        description="page, offset: the server may give less than size; without a total only an empty page ends",
    )
    most: int = Field(default=10_000, gt=0, description="Most pages; more are taken for an endless answer")

    @model_validator(mode="after")
    def _complete(self) -> Paging:
        needs = {"link": (), "next": ("at",), "page": ("param",), "offset": ("param",), "cursor": ("at", "param")}
        for name in needs[self.type]:
            if not getattr(self, name):
                raise ValueError(f"paging by {self.type} needs {' and '.join(needs[self.type])}")
        if self.size_param and not self.size:
            raise ValueError("size_param without size: how many rows has a page?")
        return self


class Filter(Settings):
    """Query parameters by which the interface filters a field. Each must keep all rows that the hub wants (more is no
    harm: the hub filters again)."""

    eq: str = Field(default="", description="Parameter for: equal")
    in_: str = Field(default="", alias="in", description="Parameter for: one of several")
    separator: str = Field(default="", description="Sign between several values; the parameter is repeated if empty")
    ge: str = Field(default="", description="Parameter for: this or more")
    gt: str = Field(default="", description="Parameter for: more than")
    le: str = Field(default="", description="Parameter for: this or less")
    lt: str = Field(default="", description="Parameter for: less than")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Dialect(Settings):
    """How numbers, times and gaps are written: of the dataset, or of single columns that differ from it."""

    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign in texts; a point if not set")
    thousands: Literal[".", ",", " ", "'", ""] | None = Field(default=None, description="Sign between groups, in texts")
    date_format: str | tuple[str, ...] | None = Field(
        default=None,
        description="DD.MM.YYYY HH:mm or %d.%m.%Y %H:%M, several if needed; unix, unix_ms; ISO and German if not set",
    )
    nulls: tuple[str, ...] | None = Field(default=None, description="Texts and numbers that mean: no value")

    @field_validator("nulls", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if value is None:
            return None
        return tuple(str(item) for item in (value if isinstance(value, (list, tuple)) else (value,)))

    @property
    def date_formats(self) -> tuple[str, ...]:
        if self.date_format is None:
            return ()
        return (self.date_format,) if isinstance(self.date_format, str) else self.date_format

    @model_validator(mode="after")
    def _signs_differ(self) -> Dialect:
        if self.thousands and self.thousands == (self.decimal or "."):
            raise ValueError("decimal and thousands are the same sign; say decimal: ',' for German numbers")
        return self


class ColumnSettings(Dialect):
    """How one column is made."""

    constant: str | int | float | bool | None = Field(default=None, description="This value in every row")
    join: str | None = Field(default=None, description="Text between the elements of a list; JSON if not set")
    optional: bool = Field(default=False, description="May be missing in all rows of an answer")


class TableSettings(Dialect):
    """A dataset's `source`. A field's `column` is the way to its value in a record: `address.city`, `tags[0]`, `@key`."""

    path: str = Field(default="", description="Below the system's url; the url itself if empty")
    params: dict[str, str | int | float | bool | tuple[str | int | float | bool, ...]] = Field(
        default_factory=dict, description="Fixed query parameters"
    )
    rows: PathText = Field(
        default="", description="Where the records are: result.records, features[*], stations.*; the whole if empty"
    )
    lines: bool = Field(default=False, description="One record per line (NDJSON)")
    encoding: Encoding = Field(default="utf-8", description="utf-8 as JSON demands; cp1252, utf-16 …")
    page: Paging | None = Field(default=None, description="How a long answer goes on")
    filters: dict[str, Filter] = Field(default_factory=dict, description="Fields by which the interface filters itself")
    bbox: str = Field(default="", description="Query parameter for a box: west,south,east,north in degrees")
    limit: str = Field(default="", description="Query parameter for: at most so many rows (where there are no pages)")
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="Columns that are written differently")
    timezone: TimeZone = Field(default="Europe/Berlin", description="Zone of times without one")
    crs: ReferenceSystem = Field(
        default="", description="Reference system of coordinates, if not longitude and latitude: EPSG:25832"
    )
    x: PathText = Field(default="", description="Way to the easting or longitude")
    y: PathText = Field(default="", description="Way to the northing or latitude")
    axes: Literal["xy", "yx"] = Field(default="xy", description="yx: geometries have latitude first, against RFC 7946")

    @field_validator("rows")
    @classmethod
    def _streamable(cls, value: str) -> str:
        path = parse(value)
        if path.up or path.key:
            raise ValueError("rows are found from the document's beginning; @key and ^ are for fields")
        for step in path.steps:
            if isinstance(step, Each):
                break
            if isinstance(step, Where) or getattr(step, "number", 0) < 0:
                raise ValueError("before the first [*] only names and numbers from 0 on can be followed")
        return value

    @field_validator("columns")
    @classmethod
    def _ways(cls, value: dict[str, ColumnSettings]) -> dict[str, ColumnSettings]:
        for name in value:
            _readable(name)
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> TableSettings:
        if bool(self.x) != bool(self.y):
            raise ValueError("x and y belong together")
        if self.lines and (self.rows or self.page):
            raise ValueError("lines are the records themselves: leave rows and page out")
        if self.limit and self.page:
            raise ValueError("limit is for answers without pages; with pages it is page.size_param")
        return self

    def column(self, name: str) -> ColumnSettings:
        """How this column is made: the dataset's dialect, where the column does not say otherwise."""
        own = self.columns.get(name, _NOTHING_OWN)
        chosen = {item: getattr(self if getattr(own, item) is None else own, item) for item in Dialect.model_fields}
        return ColumnSettings.model_construct(**chosen, constant=own.constant, join=own.join, optional=own.optional)


_NOTHING_OWN = ColumnSettings()
