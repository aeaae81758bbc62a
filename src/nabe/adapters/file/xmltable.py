"""XML as tables: records at a declared path, elements and attributes as columns, GML and KML geometry; kept as Parquet."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from nabe.adapters.file.headers import unique_names
from nabe.adapters.file.part import Part, RawColumn, RawGeometry, check_width
from nabe.adapters.file.settings import TableSettings
from nabe.adapters.file.store import FileStore
from nabe.adapters.file.translate import text
from nabe.adapting.axes import crs_of, turned
from nabe.adapting.places import Place
from nabe.adapting.xml.gml import Unreadable, geometry, is_geometry, reference_system
from nabe.adapting.xml.markup import Node, Path, Records, Survey, XmlFile
from nabe.adapting.xml.plain import plain
from nabe.errors import SourceRefused

_BATCH = 2_000
_GEOMETRY = "nabe_geometry"
_ABOUT = b"nabe"
#: The column that numbers the elements of an exploded record.
_NUMBER: Path = ("_number",)


def tables(system: str, place: Place) -> list[str]:
    """Paths of the records in a document, those with most values first."""
    return ["/".join(path) for path in _tables(Survey(system, XmlFile(place.path, place.shown)))]


def open_xml(system: str, place: Place, settings: TableSettings, store: FileStore) -> Part:
    """The records at `rows_path`, or the ones that hold most of the document."""
    joins = {name: own.join for name, own in settings.columns.items() if own.join is not None}
    wanted = f"{place.path}:{settings.rows_path}:{settings.around}:{settings.explode}:{sorted(joins.items())}"
    path = store.made(wanted, place.version, ".parquet", lambda out: _Table(system, place, settings).write(out))
    found = pq.read_metadata(path)
    about = json.loads((found.metadata or {})[_ABOUT])
    columns = tuple(RawColumn(name, f"c{index}") for index, name in enumerate(about["names"]))
    function = f"read_parquet({text(str(path))})"

    def relation(_cursor: Any, _columns: Collection[str]) -> str:
        return function

    size = sum(found.row_group(index).total_byte_size for index in range(found.num_row_groups))
    own = RawGeometry(_GEOMETRY, about["crs"]) if about["geometry"] else None
    facts = {"rows_path": about["path"]}
    return Part(
        place.shown, columns, relation, found.num_rows, size, geometry=own, facts=facts, notes=tuple(about["notes"])
    )


def _tables(survey: Survey) -> list[Path]:
    """Repeated elements with something in them; from wrappers (`featureMember`) one goes on to what they wrap."""
    root = next(iter(survey.paths))
    found: list[Path] = []

    def look(path: Path) -> None:
        for kid in survey.under(path):
            seen, inner = survey.paths[kid], survey.under(kid)
            if not inner and not seen.attributes:
                continue
            if seen.count == 1:
                look(kid)
            elif _wraps(survey, kid):
                found.extend(inner)
            else:
                found.append(kid)

    look(root)
    found.sort(key=lambda path: -_values(survey, path))
    return found or [root]


def _wraps(survey: Survey, path: Path) -> bool:
    """Does each of these elements hold just one other, and nothing of its own?"""
    seen, inner = survey.paths[path], survey.under(path)
    if seen.values or seen.attributes or not inner:
        return False
    several = [
        kid for kid in inner if survey.paths[kid].most > 1 or not (survey.under(kid) or survey.paths[kid].attributes)
    ]
    return not several and sum(survey.paths[kid].count for kid in inner) == seen.count


def _values(survey: Survey, path: Path) -> int:
    depth = len(path)
    return sum(seen.values + len(seen.attributes) for item, seen in survey.paths.items() if item[:depth] == path)


@dataclass(slots=True)
class _Table:
    """Writes the records of a document as Parquet: each column the text at one path below the record."""

    system: str
    place: Place
    settings: TableSettings
    columns: list[Path] = field(default_factory=list)
    shape: Path = ()
    crs: str = ""
    swap: bool = False
    notes: list[str] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    exploded: Path = ()  # below a record: elements each of which is a row
    joins: dict[Path, str] = field(default_factory=dict)
    said: str = ""  # the reference system that the document names outside its geometries

    @property
    def _document(self) -> XmlFile:
        return XmlFile(self.place.path, self.place.shown)

    def write(self, out: FilePath) -> None:
        survey = Survey(self.system, self._document)
        self.said = survey.reference
        paths, said = self._paths(survey)
        lists = self._survey_columns(survey, paths)
        check_width(self.system, self.place.shown, len(self.columns))
        given = ["_".join(part.lstrip("@") for part in item) or "value" for item in self.columns]
        names = list(unique_names([*given, *self.settings.around]))
        self._join(dict(zip(names, self.columns, strict=False)), lists)
        schema = pa.schema([*(pa.field(f"c{i}", pa.string()) for i in range(len(names)))])
        if self.shape:
            schema = schema.append(pa.field(_GEOMETRY, pa.binary()))
        draft = out.with_suffix(".draft")
        try:
            with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
                for rows in self._batches(set(paths), lists):
                    arrays: list[Any] = [
                        pa.array([row[0].get(item) for row in rows], pa.string()) for item in self.columns
                    ]
                    arrays += [pa.array([row[1][name] for row in rows], pa.string()) for name in self.settings.around]
                    if self.shape:
                        arrays.append(self._wkb([row[2] for row in rows]))
                    writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
                self.notes += [
                    f"{count} geometries of a form that is not read ({name}): left empty."
                    for name, count in self.unread.items()
                ]
                about = {"names": names, "crs": self.crs, "geometry": bool(self.shape), "path": said}
                about["notes"] = self.notes
                writer.add_key_value_metadata({_ABOUT: json.dumps(about).encode()})
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)

    def _join(self, columns: dict[str, Path], lists: set[Path]) -> None:
        """Which lists are joined, by the names of their columns."""
        for name, own in self.settings.columns.items():
            if own.join is not None and columns.get(name) in lists:
                self.joins[columns[name]] = own.join

    def _find_exploded(self, survey: Survey, records: list[Path]) -> None:
        """The elements below a record that `explode` means: those whose way ends so."""
        steps = tuple(step for step in self.settings.explode.split("/") if step)
        if not steps:
            return
        below = {path[len(record) :] for record in records for path in survey.paths if path[: len(record)] == record}
        found = sorted((path for path in below if path[-len(steps) :] == steps), key=len)
        if not found:
            several = [
                path
                for path in below
                if path and any(survey.paths[(*r, *path)].most > 1 for r in records if (*r, *path) in survey.paths)
            ]
            raise SourceRefused(
                self.system,
                f"the records of {self.place.shown!r} have nothing at {self.settings.explode!r}.",
                hint=f"Elements that repeat: {', '.join('/'.join(path) for path in sorted(several)[:10]) or 'none'}.",
                field="explode",
            )
        self.exploded = found[0]

    def _paths(self, survey: Survey) -> tuple[list[Path], str]:
        """Which elements are the records, and how the declaration says so."""
        if self.settings.rows_path:
            steps = tuple(step for step in self.settings.rows_path.replace(".", "/").split("/") if step)
            found = [path for path in survey.paths if steps and path[-len(steps) :] == steps]
            outer = [path for path in found if not any(path[: len(item)] == item and path != item for item in found)]
            if not outer:
                known = ", ".join("/".join(path) for path in _tables(survey)[:10])
                raise SourceRefused(
                    self.system,
                    f"{self.place.shown!r} has nothing at {self.settings.rows_path!r}.",
                    hint=f"Records are at: {known}.",
                    field="rows_path",
                )
            return outer, self.settings.rows_path
        found = _tables(survey)
        said = "/".join(found[0])
        others = f"; others are at {', '.join('/'.join(path) for path in found[1:6])}" if found[1:] else ""
        self.notes.append(f"The rows are the elements {said} ({survey.paths[found[0]].count}){others}: rows_path.")
        return found[:1], said

    def _survey_columns(self, survey: Survey, records: list[Path]) -> set[Path]:
        """Sets the columns; gives the paths (below the record) that repeat in a record, which become JSON lists."""
        lists: set[Path] = set()
        columns: dict[Path, None] = {}
        self._find_exploded(survey, records)

        def look(path: Path, below: Path) -> None:
            seen = survey.paths[path]
            single = seen.most == 1 or below == self.exploded
            if below and is_geometry(path[-1], seen.space) and single and "boundedBy" not in below:
                if self.shape in ((), below):
                    self.shape = below
                    return
            if below and (not single or is_geometry(path[-1], seen.space)):
                lists.add(below)
                columns[below] = None
                return
            columns.update(dict.fromkeys((*below, f"@{name}") for name in seen.attributes if name != "nil"))
            inner = survey.under(path)
            if seen.values or not (inner or seen.attributes):
                columns[below] = None
            for kid in inner:
                look(kid, (*below, kid[-1]))

        for record in records:
            look(record, ())
        self.columns = [item for item in columns if not any(item[:n] in lists for n in range(1, len(item)))]
        if self.exploded:
            inside = self.exploded[:-1]
            if any(self.exploded[:n] in lists for n in range(1, len(self.exploded))):
                raise SourceRefused(
                    self.system,
                    f"{'/'.join(self.exploded)!r} lies in elements that repeat themselves.",
                    hint=f"Explode {'/'.join(inside)}, or take it as rows_path.",
                    field="explode",
                )
            self.columns.append(_NUMBER)
        if lists:
            shown = ", ".join("_".join(item) for item in sorted(lists)[:8])
            self.notes.append(f"Elements that repeat in a record are JSON lists in one column: {shown}.")
        return lists

    def _batches(
        self, wanted: set[Path], lists: set[Path]
    ) -> Iterator[list[tuple[dict[Path, str | None], dict[str, str | None], Node | None]]]:
        rows = []
        for node, around in Records(self.system, self._document, wanted.__contains__, self.settings.around):
            values: dict[Path, str | None] = {}
            shapes: list[Node] = []
            pieces: list[Node] = []
            self._flatten(node, (), values, shapes, lists, pieces)
            if not pieces:
                rows.append((values, around, shapes[0] if shapes else None))
            for number, piece in enumerate(pieces, 1):
                own, inner = dict(values), list(shapes)
                if self.exploded == self.shape:
                    inner = [piece]
                else:
                    self._flatten(piece, self.exploded, own, inner, lists, [])
                own[_NUMBER] = str(number)
                rows.append((own, around, inner[0] if inner else None))
                if len(rows) >= _BATCH:
                    yield rows
                    rows = []
            if len(rows) >= _BATCH:
                yield rows
                rows = []
        if rows:
            yield rows

    def _flatten(
        self,
        node: Node,
        below: Path,
        values: dict[Path, str | None],
        shapes: list[Node],
        lists: set[Path],
        pieces: list[Node],
    ) -> None:
        values[below] = node.value
        for name, value in node.attributes.items():
            values[(*below, f"@{name}")] = value
        repeated: dict[Path, list[Any]] = {}
        for child in node.children:
            inside = (*below, child.name)
            if inside == self.exploded:
                pieces.append(child)
            elif inside == self.shape:
                shapes.append(child)
            elif inside in lists:
                repeated.setdefault(inside, []).append(plain(child))
            else:
                self._flatten(child, inside, values, shapes, lists, pieces)
        for path, items in repeated.items():
            values[path] = _listed(items, self.joins.get(path))

    def _wkb(self, nodes: list[Node | None]) -> pa.Array:
        shapes = np.empty(len(nodes), dtype=object)
        for index, node in enumerate(nodes):
            if node is None:
                continue
            try:
                shapes[index] = geometry(node)
            except Unreadable:
                self.unread[node.name] = self.unread.get(node.name, 0) + 1
                continue
            self._note_system(reference_system(node) or self.said, shapes[index])
        if self.swap:
            shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
        return pa.array(shapely.to_wkb(shapes), pa.binary(), from_pandas=True)

    def _note_system(self, said: str, shape: Any) -> None:
        """The first geometry tells the reference system of all; another one in the same table is refused."""
        crs = crs_of(said)
        if not crs or crs == self.crs:
            return
        if self.crs:
            raise SourceRefused(
                self.system,
                f"{self.place.shown!r} mixes the reference systems {self.crs} and {crs}.",
                hint="Deliver it in one of them.",
            )
        self.crs = crs
        self.swap, note = turned(said, crs, [shape])
        self.notes += [note] * bool(note)


def _listed(items: list[Any], join: str | None) -> str:
    """A list as JSON, or its values as one text."""
    if join is None:
        return json.dumps(items, ensure_ascii=False)
    plain = [
        item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items if item is not None
    ]
    return join.join(plain)
