"""Looking into an interface before it is declared: where its records are, how it goes on, what their members hold."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.paths import Each, Path, Row, parse, value_at, walk
from nabe.adapting.json_http.recognise import Found, crs_of, members, paging, tables, typed
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.sniffing import FILES
from nabe.adapting.json_http.source import made_table, read_rows
from nabe.adapting.json_http.stream import Broken, decode, utf8
from nabe.adapting.settings import parsed
from nabe.errors import NabeError, SourceRefused, Unknown
from nabe.model.dataset import Field, FieldType
from nabe.outbound import Client
from nabe.ports.source import AdapterContext, Batches, Column, Table

#: Bytes of a first page that are looked at, rows and pages from which types are told.
_MOST_BYTES, _MOST_ROWS, _MOST_PAGES = 64_000_000, 20_000, 50
_SNIFF_S, _SNIFF_BYTES = 10.0, 4_096
_SECRET = re.compile(r"key|token|secret|pass|sig|auth|kennwort", re.IGNORECASE)


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The connection for an address that answers with JSON, its query as `params`; None for files and all else."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        return None
    if PurePosixPath(parts.path.lower()).suffix in FILES and not parts.query:
        return None
    connection: dict[str, Any] = {"url": urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))}
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    if params:
        connection["params"] = params
    return connection if "${" in parts.query or _answers_json(source, context) else None


def _answers_json(url: str, context: AdapterContext) -> bool:
    client = Client("interface", allow_hosts=context.allow_hosts, most_bytes=1 << 30, timeout_s=_SNIFF_S, packed=True)
    try:
        with contextlib.closing(client.ask(url, headers={"Accept": "application/json, */*;q=0.5"})) as answer:
            media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if media.endswith(("json", "+json")):
                return True
            if answer.status != 200 or "csv" in media or "html" in media:
                return False
            head = b"".join(itertools.islice(answer.chunks(), 1))[:_SNIFF_BYTES]
            return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
    except NabeError:
        return False
    finally:
        client.close()


@dataclass(slots=True)
class _Found:
    """A table as it was found: settings, and notes on what had to be guessed."""

    source: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    crs: str = ""


class HttpJsonProbe:
    """A look into the interface of a connection."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        self._tables: dict[str, _Found] = {}
        self._given: dict[str, Any] = {}

    def given(self, settings: Mapping[str, Any]) -> None:
        """Settings that go before what is found: `rows` and `path` say where the records are."""
        self._given = dict(settings)

    def discover(self) -> list[str]:
        """Names of the lists of records: `stations`; the address's last name where the answer itself is the list."""
        plain = parsed(TableSettings, self._given, self._interface.system, "source")
        way = plain.path or urlsplit(self._interface.settings.url).path
        name = unquote(PurePosixPath(way).name) or "interface"
        if plain.rows:  # nothing is left to be found out
            self._tables = {name: _Found({"path": "", **self._given})}
            return [name]
        body, headers = self._interface.whole(plain, _MOST_BYTES)
        document, lines = self._document(body)
        if lines:
            self._tables = {name: _Found({"path": "", "lines": True})}
            return [name]
        asked = {key: str(value) for key, value in self._interface.settings.params.items()}
        found: dict[str, _Found] = {}
        for label, rows in tables(document).items():
            records = walk(document, parse(rows).steps) if rows else document
            count = len(records) if isinstance(records, (list, dict)) else 1
            page, notes = paging(document, headers.get("link", ""), count, asked)
            source: dict[str, Any] = {"path": ""} | ({"rows": rows} if rows else {}) | ({"page": page} if page else {})
            found[label or name] = _Found(source, notes, crs_of(document))
        self._tables = found
        return list(found)

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Members of the records with their types, told from the first pages."""
        if table not in self._tables:
            self.discover()
        if table not in self._tables:
            raise Unknown(f"There is no table {table!r}.", hint=f"Tables: {', '.join(self._tables)}.", table=table)
        progress(0.0)
        found = self._tables[table]
        source, notes = {**found.source, **self._given}, list(found.notes)
        try:
            rows, whole = self._rows(source)
        except SourceRefused as error:
            if "page" not in source or "page" in self._given:
                raise
            page = source.pop("page")
            notes.append(
                f"How the answer goes on was guessed wrongly ({page['type']}: {error.detail}); set source.page."
            )
            rows, whole = self._rows(source)
        ways, count = members(row.value for row in rows)
        if not ways:
            raise SourceRefused(
                self._interface.system, f"{table!r} has no records to learn from.", hint="Ask for more."
            )
        columns: list[Column] = []
        own: dict[str, dict[str, Any]] = {}
        for way, member in ways.items():
            kind, settings = typed(member, count)
            columns.append(Column(way, kind, _native(member.values), nullable=len(member.values) < count))
            if settings:
                own[way] = settings
        columns[:0] = _keys(rows, source.get("rows", ""))
        if any(column.type is FieldType.GEOMETRY for column in columns) and found.crs:
            source.setdefault("crs", found.crs)
        if own:
            source["columns"] = own
        for column, settings in self._given.get("columns", {}).items():
            source["columns"] = {**source.get("columns", {}), column: {**own.get(column, {}), **settings}}
        if not whole:
            notes.append(f"Types are told from the first {count:,} rows.")
        progress(1.0)
        crs = source.get("crs") or _crs(columns)
        return Table(table, tuple(columns), source, crs=crs, rows=count if whole else None, notes=tuple(notes))

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        wanted = [column for column in table.columns if not columns or column.name in columns]
        settings = parsed(TableSettings, table.source, self._interface.system, "source")
        fields = [Field(column.name, column.type, column=column.name) for column in wanted]
        made = made_table(self._interface.system, fields, settings)
        rows = read_rows(self._interface, made, settings, [], strict=False)
        return Batches(made.schema, rows, rows.close)

    def _rows(self, source: Mapping[str, Any]) -> tuple[list[Row], bool]:
        """Rows of the first pages, and whether these are all."""
        settings = parsed(TableSettings, source, self._interface.system, "source")
        rows: list[Row] = []
        for number, page in enumerate(self._interface.pages(settings, [])):
            rows += itertools.islice(page.rows, _MOST_ROWS + 1 - len(rows))
            if len(rows) > _MOST_ROWS or number + 1 >= _MOST_PAGES:
                return rows[:_MOST_ROWS], False
        return rows, True

    def _document(self, body: bytes) -> tuple[Any, bool]:
        """The answer, and whether it is one record per line."""
        try:
            plain = b"".join(utf8([body], "utf-8"))
            try:
                return decode(plain), False
            except Broken:
                first, _, rest = plain.strip().partition(b"\n")
                if rest and isinstance(decode(first), dict) and decode(rest.partition(b"\n")[0]) is not None:
                    return None, True
                raise
        except Broken as error:
            raise SourceRefused(
                self._interface.system, f"the answer cannot be read: {error}.", hint="Is it an interface for JSON?"
            ) from None


def _keys(rows: list[Row], way: str) -> list[Column]:
    """Columns for the names under which records stand, where the row path goes through an object's members."""
    steps = parse(way).steps
    if Each(members=True) not in steps:
        return []
    found = []
    for up, step in enumerate(reversed([step for step in steps if isinstance(step, Each)])):
        values = [value_at(row, Path((), up, True)) for row in rows]
        kind = FieldType.INTEGER if not step.members else typed(Found("key", values, len(rows)), len(rows))[0]
        found.append(Column(f"{'^.' * up}@key", kind, "key"))
    return found[::-1]


def _native(values: list[Any]) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return " or ".join(sorted({names.get(type(value), "null") for value in values[:1000]})) or "null"


def _crs(columns: list[Column]) -> str:
    return "OGC:CRS84" if any(column.type is FieldType.GEOMETRY for column in columns) else ""
