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
from nabe.adapters.file.markup import Records, Survey
from nabe.adapters.file.part import Part, RawColumn, RawGeometry, check_width
from nabe.adapters.file.places import Place
from nabe.adapters.file.settings import TableSettings
from nabe.adapters.file.store import FileStore
from nabe.adapters.file.translate import text
from nabe.adapting.axes import crs_of, turned
from nabe.adapting.gml import Unreadable, geometry, is_geometry, reference_system
from nabe.adapting.markup import Node, Path
from nabe.errors import SourceRefused

_BATCH = 2_000
_GEOMETRY = "nabe_geometry"
_ABOUT = b"nabe"


def tables(system: str, place: Place) -> list[str]:
    """Paths of the records in a document, those with most values first."""
    return ["/".join(path) for path in _tables(Survey(system, place))]


def open_xml(system: str, place: Place, settings: TableSettings, store: FileStore) -> Part:
    """The records at `rows_path`, or the ones that hold most of the document."""
    wanted = f"{place.path}:{settings.rows_path}:{settings.around}"
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
    said: str = ""  # the reference system that the document names outside its geometries

    def write(self, out: FilePath) -> None:
        survey = Survey(self.system, self.place)
        self.said = survey.reference
        paths, said = self._paths(survey)
        lists = self._survey_columns(survey, paths)
        check_width(self.system, self.place.shown, len(self.columns))
        given = ["_".join(part.lstrip("@") for part in item) or "value" for item in self.columns]
        names = list(unique_names([*given, *self.settings.around]))
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

        def look(path: Path, below: Path) -> None:
            seen = survey.paths[path]
            if below and is_geometry(path[-1], seen.space) and seen.most == 1 and "boundedBy" not in below:
                if self.shape in ((), below):
                    self.shape = below
                    return
            if below and (seen.most > 1 or is_geometry(path[-1], seen.space)):
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
        if lists:
            shown = ", ".join("_".join(item) for item in sorted(lists)[:8])
            self.notes.append(f"Elements that repeat in a record are JSON lists in one column: {shown}.")
        return lists

    def _batches(
        self, wanted: set[Path], lists: set[Path]
    ) -> Iterator[list[tuple[dict[Path, str | None], dict[str, str | None], Node | None]]]:
        rows = []
        for node, around in Records(self.system, self.place, wanted.__contains__, self.settings.around):
            values: dict[Path, str | None] = {}
            shapes: list[Node] = []
            self._flatten(node, (), values, shapes, lists)
            rows.append((values, around, shapes[0] if shapes else None))
            if len(rows) == _BATCH:
                yield rows
                rows = []
        if rows:
            yield rows

    def _flatten(
        self, node: Node, below: Path, values: dict[Path, str | None], shapes: list[Node], lists: set[Path]
    ) -> None:
        values[below] = node.value
        for name, value in node.attributes.items():
            values[(*below, f"@{name}")] = value
        repeated: dict[Path, list[Any]] = {}
        for child in node.children:
            inside = (*below, child.name)
            if inside == self.shape:
                shapes.append(child)
            elif inside in lists:
                repeated.setdefault(inside, []).append(_plain(child))
            else:
                self._flatten(child, inside, values, shapes, lists)
        for path, items in repeated.items():
            values[path] = json.dumps(items, ensure_ascii=False)

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


def _plain(node: Node) -> Any:
    """An element as JSON: its text, or an object where it has attributes or elements."""
    if is_geometry(node.name, node.space):
        try:
            return geometry(node).wkt
        except Unreadable:
            pass
    if not node.children and not node.attributes:
        return node.value
    found: dict[str, Any] = dict(node.attributes)
    if node.value is not None:
        found["value"] = node.value
    for child in node.children:
        name = child.name if child.name not in node.attributes else f"{child.name}_element"
        if name in found and not (isinstance(found[name], list)):
            found[name] = [found[name]]
        if name in found:
            found[name].append(_plain(child))
        else:
            found[name] = _plain(child)
    return found
