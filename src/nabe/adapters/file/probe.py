"""Looking into files before they are declared: which tables there are, what their columns hold, and their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from nabe.adapters.file.classes import Kind
from nabe.adapters.file.coordinates import find_pair
from nabe.adapters.file.evidence import Evidence, gather
from nabe.adapters.file.loading import stream_all
from nabe.adapters.file.part import Part, RawColumn
from nabe.adapters.file.plan import FILE_COLUMN, MARK, make_plan, path_values
from nabe.adapters.file.propose import shared_settings
from nabe.adapters.file.settings import TableSettings, format_of, is_url
from nabe.adapters.file.silo import Silo, table_settings
from nabe.adapters.file.unpack import ARCHIVES, Unpacker
from nabe.adapters.file.vector import layers
from nabe.adapters.file.workbook import sheets
from nabe.adapters.file.xmltable import tables as xml_tables
from nabe.adapting.geometry import is_lonlat, known_crs
from nabe.errors import NabeError, SourceRefused, Unknown
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.text import Text
from nabe.ports.source import Batches, Column, Table

#: Name of the geometry column that a file's own geometry, or a pair of coordinates, becomes.
GEOMETRY = "geometry"
_DEEPEST = 4
_MOST_TABLES = 2_000
_MOST_NOTES = 30
#: Files elsewhere that are fetched to look for tables in them.
_MOST_FETCHED = 30
_WRITTEN = re.compile(
    r"(SRID=\d+;)?((MULTI)?(POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)(ZM|Z|M)?\(.*"  # WKT without its blanks
    r"|(01(0[1-7]0000[02468ACE]0|[0-9A-F]{2}0[37B]0000)|00(0000000[1-7]|[2468ACE]000000[1-7]|00000[37B][0-9A-F]{2}))"
    r"[0-9A-F]{32,}"  # WKB with its type; an EUI of 16 digits is none
    r'|\{"(TYPE|COORDINATES)":.*"?(POINT|LINE|POLYGON|\[).*'  # GeoJSON
)


class FileProbe:
    """A look into the files of a connection."""

    def __init__(self, silo: Silo) -> None:
        self._silo = silo
        self._tables: dict[str, dict[str, Any]] = {}
        self._given: dict[str, Any] = {}

    def given(self, settings: Mapping[str, Any]) -> None:
        """Settings that go before what is found out: where the table is, how it is laid out and written."""
        self._given = dict(settings)

    def discover(self) -> list[str]:
        """Names of the tables: `kitas.csv`, `profile.xlsx#Tabelle1`, `netz.gpkg#rohre`, `paket.zip!kitas.csv`."""
        settings = self._silo.settings
        found: dict[str, dict[str, Any]] = {}
        if settings.path or settings.is_url:
            found |= self._inside(settings.path, alone=True)
        elif self._silo.folder is None:
            found |= self._elsewhere()
        else:
            assert self._silo.folder is not None
            self._silo.folder.check()
            base = self._silo.folder.base
            for file in sorted(base.rglob("*")):
                parts = file.relative_to(base).parts
                if len(parts) > _DEEPEST or any(part.startswith(".") for part in parts) or not file.is_file():
                    continue
                if _is_table(file.name):
                    found |= self._inside(PurePosixPath(*parts).as_posix(), alone=False)
                if len(found) >= _MOST_TABLES:
                    break
        self._tables = found
        return list(found)

    def _elsewhere(self) -> dict[str, dict[str, Any]]:
        """Tables of a location elsewhere. Looking into files means fetching them, so that is done for few only."""
        names = [item.shown for item in self._silo.copies().listing("**") if _is_table(item.name)]
        if len(names) > _MOST_FETCHED:
            return {name: {"path": name} for name in names[:_MOST_TABLES]}
        found: dict[str, dict[str, Any]] = {}
        for name in names:
            found |= self._inside(name, alone=False)
        return found

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Columns and how they are written, from every value of the table."""
        if table not in self._tables:
            self.discover()
        if table not in self._tables:
            raise Unknown(
                f"There is no table {table!r}.", hint=f"Tables: {', '.join(list(self._tables)[:20])}.", table=table
            )
        source = {**self._tables[table], **self._given}
        progress(0.0)
        settings = table_settings(self._silo, source)
        files = self._silo.files(settings)
        parts = self._silo.open_all(files, settings, guess=True)
        if not parts[0].columns and parts[0].geometry is None:
            raise SourceRefused(self._silo.system, f"{parts[0].shown!r} has no columns.", hint="Deliver it anew.")
        notes = [note for part in parts for note in part.notes]
        notes += _differences(parts)
        notes += self._silo.notes()
        every = _in_order(parts)
        if any(len(part.columns) < len(every) for part in parts):
            source["missing"] = "empty"
        evidence = gather(self._silo, parts, every, progress)
        source |= _facts(parts[0], self._silo)
        source = _with_found(source, shared_settings(evidence.columns))
        notes += _marks(evidence)
        notes += _zone(evidence, source)
        columns = [
            Column(
                raw.name,
                _meant(raw.name, settings) or settled.type,
                "text" if raw.native == "VARCHAR" else raw.native.lower(),
            )
            for raw, settled in zip(every, evidence.columns, strict=True)
        ]
        columns += _of_paths(self._silo.system, parts, settings)
        source = _over(source, self._given)
        columns += [
            Column(f"{item.name}{MARK}", FieldType.STRING, "mark")
            for item in evidence.columns
            if item.withheld or item.dialect.footnotes
        ]
        crs = self._geometry(parts[0], evidence, source, columns, notes)
        rows = [part.rows for part in parts]
        total = sum(row or 0 for row in rows) if all(row is not None for row in rows) else None
        progress(1.0)
        return Table(table, tuple(columns), source, crs=crs, rows=total, notes=tuple(notes))

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, typed as described."""
        wanted = [column for column in table.columns if not columns or column.name in columns]
        fields = tuple(Field(column.name, column.type, column=column.name) for column in wanted)
        dataset = Dataset("probe", Text(), "", Access.RESTRICTED, fields, source=table.source)
        settings = table_settings(self._silo, table.source)
        files = self._silo.files(settings)
        plan = make_plan(self._silo.system, dataset, settings, self._silo.open_all(files, settings))
        plan.check(self._silo.system, [field.name for field in fields])
        return stream_all(self._silo, plan)

    def _inside(self, path: str, *, alone: bool) -> dict[str, dict[str, Any]]:
        """The tables of one file (or pattern), by name."""
        label = PurePosixPath(path).name if is_url(path) else path
        source: dict[str, Any] = {"path": path} if path else {}
        try:
            place = self._silo.files(TableSettings(path=path)).places[0]
            if {"member", "sheet", "layer", "rows_path"} & self._given.keys():  # nothing is left to choose
                return {label or place.name: source}
            if place.name.lower().endswith(ARCHIVES):
                names = Unpacker.members(self._silo.unpacker, place)
                if len(names) > 1:
                    return {f"{label}!{name}": {**source, "member": name} for name in names}
            place = self._silo.unpacker.unpack(place)
            kind = self._silo.format(place, TableSettings())
            if format_of(path) != kind:
                source["format"] = kind
            if kind in ("xlsx", "xls", "ods"):
                self._silo.unpacker.check_workbook(place)
                found = sheets(self._silo.system, place)
                if len(found) > 1:
                    return {f"{label}#{'!'.join(item.values())}": {**source, **item} for item in found}
            if kind == "xml":
                names = xml_tables(self._silo.system, place)
                if len(names) > 1:
                    return {f"{label}#{name}": {**source, "rows_path": name} for name in _ends(names)}
            if kind == "gpkg":
                names = layers(self._silo.system, place)
                if len(names) > 1:
                    return {f"{label}#{name}": {**source, "layer": name} for name in names}
        except NabeError:
            if alone:
                raise
            # One unreadable file must not hide the others: it is listed, and describing it says what is wrong.
        return {label or place.name: source}

    def _geometry(
        self, part: Part, evidence: Evidence, source: dict[str, Any], columns: list[Column], notes: list[str]
    ) -> str:
        """Add the geometry column, if there is one; the CRS it is in."""
        name = GEOMETRY if part.column(GEOMETRY) is None else "nabe_geometry"
        crs_given = str(self._given.get("crs", ""))
        if "x" in self._given:
            columns.append(Column(name, FieldType.GEOMETRY, "x, y"))
            return crs_given or "OGC:CRS84"
        if part.geometry is not None:
            crs = known_crs(part.geometry.crs) if part.geometry.crs else ""
            if not part.geometry.crs:
                notes.append("The file does not say its reference system: set source.crs if it is not WGS 84.")
            columns.append(Column(name, FieldType.GEOMETRY, "wkb"))
            return "OGC:CRS84" if part.geometry.crs and is_lonlat(part.geometry.crs) else crs
        written = str(self._given.get("wkt", "")) or self._written_geometry(part, evidence)
        if written:
            source["wkt"] = written
            shape = Column(written, FieldType.GEOMETRY, "wkt")
            columns[:] = [shape if item.name == written else item for item in columns]
            if shape not in columns:
                raise SourceRefused(
                    self._silo.system, f"{part.shown!r} has no column {written!r}.", hint="Correct wkt."
                )
            if not crs_given:
                notes.append(f"Geometry is written in {written!r}; set source.crs if it is not WGS 84.")
            return crs_given or "OGC:CRS84"
        pair = find_pair(evidence.ranges)
        if pair is None:
            return ""
        source |= {"x": pair.x, "y": pair.y}
        if crs_given:
            columns.append(Column(name, FieldType.GEOMETRY, "x, y"))
            return crs_given
        if pair.crs != "OGC:CRS84":
            source["crs"] = pair.crs
        notes += pair.notes
        columns.append(Column(name, FieldType.GEOMETRY, "x, y"))
        return pair.crs

    def _written_geometry(self, part: Part, evidence: Evidence) -> str:
        """The first text column whose values begin as WKT, hexadecimal WKB or GeoJSON geometries do."""
        texts = [
            raw
            for settled in evidence.columns
            if settled.type is FieldType.STRING
            and (raw := part.column(settled.name)) is not None
            and raw.native == "VARCHAR"
        ]
        if not texts or not part.rows:
            return ""
        with self._silo.desk.working(part.shown) as cursor:
            shown = ", ".join(f"max(left({raw.sql}, 48)), min(left({raw.sql}, 48))" for raw in texts)
            relation = part.relation(cursor, {raw.sql for raw in texts})
            (row,) = cursor.execute(f"SELECT {shown} FROM {relation}").fetchall()
        for index, raw in enumerate(texts):
            ends = [(value or "").lstrip().upper().replace(" ", "") for value in row[2 * index : 2 * index + 2]]
            if all(_WRITTEN.fullmatch(value) for value in ends):
                return raw.name
        return ""


def _meant(name: str, settings: TableSettings) -> FieldType | None:
    """What codes stand for is text, though they may be numbers."""
    own = settings.columns.get(name)
    return FieldType.STRING if own is not None and own.codes else None


def _with_found(source: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The settings with what was found out; what was said of single columns before stays."""
    said = source.get("columns", {})
    made = {**source, **found}
    if said:
        own = found.get("columns", {})
        made["columns"] = {name: {**own.get(name, {}), **said.get(name, {})} for name in {**own, **said}}
    return made


def _over(found: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, with what was given over it; single columns are joined."""
    columns = dict(found.get("columns", {}))
    for name, settings in given.get("columns", {}).items():
        columns[name] = {**columns.get(name, {}), **settings}
    return {**found, **given} | ({"columns": columns} if columns else {})


def _is_table(name: str) -> bool:
    return format_of(name) is not None or name.lower().endswith(".zip")


def _ends(paths: list[str]) -> list[str]:
    """The shortest ends of these ways that tell them apart."""
    found = []
    for path in paths:
        steps = path.split("/")
        ends = ["/".join(steps[at:]) for at in range(len(steps) - 1, -1, -1)]
        others = [f"/{item}" for item in paths if item != path]
        found.append(next((end for end in ends if not any(item.endswith(f"/{end}") for item in others)), path))
    return found


def _facts(part: Part, silo: Silo) -> dict[str, Any]:
    """What the reader found out, as far as reading needs it said."""
    facts = dict(part.facts)
    if facts.get("encoding") == "utf-8":
        del facts["encoding"]
    return facts


def _zone(evidence: Evidence, source: dict[str, Any]) -> list[str]:
    """Times without a zone are German, unless every header of such a column says UTC."""
    local = [name for name, counts in evidence.kinds.items() if counts.get(Kind.TIME) or counts.get(Kind.GERMAN_TIME)]
    if not local:
        return []
    if all(re.search(r"(?<![a-z])(utc|gmt)(?![a-z])", name.lower()) for name in local):
        source["timezone"] = "UTC"
        return ["Times are read as UTC, as their header says."]
    return ["Times without a zone are read as Europe/Berlin."]


def _marks(evidence: Evidence) -> list[str]:
    found = []
    for item in evidence.columns:
        missing = [repr(mark) for mark in (*item.marks, *item.own_nulls) if mark not in item.withheld]
        if missing:
            found.append(f"Column {item.name!r}: {', '.join(missing)} read as no value.")
        if item.withheld:
            signs = ", ".join(repr(mark) for mark in item.withheld)
            found.append(
                f"Column {item.name!r}: {signs} read as withheld, told by {item.name + MARK!r}; check the legend."
            )
        if item.dialect.footnotes:
            marks = ", ".join(repr(mark) for mark in item.dialect.footnotes)
            found.append(
                f"Column {item.name!r}: {marks} after numbers read as footnotes, told by {item.name + MARK!r}."
            )
    return found + [
        f"Column {name!r}: digits with leading zeros, kept as text."
        for name, counts in evidence.kinds.items()
        if counts.get(Kind.LEADING_ZERO) and not counts.get(Kind.TEXT)
    ]


def _in_order(parts: list[Part]) -> tuple[RawColumn, ...]:
    """The columns of all files, each once, those of the first file first."""
    found: dict[str, RawColumn] = {}
    for part in parts:
        for item in part.columns:
            found.setdefault(item.name, item)
    return tuple(found.values())


def _of_paths(system: str, parts: list[Part], settings: TableSettings) -> list[Column]:
    """Columns that `name_pattern` reads out of the paths; whole numbers where all are."""
    rows = [path_values(system, part, settings) for part in parts]
    kinds = {}
    for name in rows[0]:
        plain = all(re.fullmatch(r"0|[1-9]\d{0,17}", row[name]) for row in rows)
        kinds[name] = FieldType.INTEGER if plain else FieldType.STRING
    return [Column(name, kind, "path") for name, kind in kinds.items() if parts[0].column(name) is None]


def _differences(parts: list[Part]) -> list[str]:
    """How the files of a pattern differ in their columns."""
    if len(parts) == 1:
        return []
    notes = [f"{len(parts)} files as one table; the file's name can be had as column {FILE_COLUMN!r}."]
    every = [item.name for item in _in_order(parts)]
    there = {name: [part for part in parts if part.column(name) is not None] for name in every}
    apart = [name for name, having in there.items() if len(having) < len(parts)]
    for name in apart[:_MOST_NOTES]:
        having, lacking = there[name], next(part for part in parts if part not in there[name])
        notes.append(
            f"Column {name!r} is in {len(having)} of {len(parts)} files (in {having[0].shown.rpartition('/')[2]}, not in "
            f"{lacking.shown.rpartition('/')[2]}): empty in the others; if it has another name there, set renames."
        )
    if len(apart) > _MOST_NOTES:
        notes.append(f"{len(apart) - _MOST_NOTES} further columns are not in all files.")
    return notes
