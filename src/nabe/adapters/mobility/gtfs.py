"""GTFS Schedule: the files of a zip archive or folder as tables, shapes as lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nabe.adapters.mobility.archive import KNOWN, Archive, Folder
from nabe.adapters.mobility.feeds import Feeds
from nabe.adapters.mobility.opened import Opened, elements, in_parts, json_maker, told, unknown_table
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.spec import SpecTable, tables
from nabe.adapters.mobility.texttable import TextTable, Unreadable, numbers, read
from nabe.adapters.mobility.translate import Record
from nabe.adapting.json_http.interface import unfolded
from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.stream import Envelope
from nabe.errors import SourceRefused
from nabe.model.dataset import Field
from nabe.model.query import SealedScan

_PAIRS = {"stops": ("stop_lon", "stop_lat"), "shape_points": ("shape_pt_lon", "shape_pt_lat")}
_MOST_POINTS = 5_000_000
_MOST_JSON = 64_000_000
_SHAPE = ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence")


class Gtfs:
    """The files of one feed."""

    kind = "gtfs"

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self.system = feeds.system
        self._spec = tables("gtfs")
        self._known: tuple[Any, Archive] | None = None

    def check(self) -> None:
        """Is it there, and a feed?"""
        self._files()

    def tables(self) -> list[str]:
        """Tables of the files there: those of the standard in its order, then others that end in .txt."""
        names = self._files()[0].names()
        known = [name for name, spec in self._spec.items() if _file(name, spec) in names]
        used = {_file(name, self._spec[name]) for name in known}
        return known + [name.removesuffix(".txt") for name in names if name.endswith(".txt") and name not in used]

    def notes(self, table: str) -> list[str]:
        """How times are read."""
        if table not in self._spec:
            return [f"{table}.txt is no file of the standard; its types are told from its values."]
        if any(item.word == "clock" for item in self._spec[table].fields.values()):
            return [
                "Times of day count from the beginning of the operating day and may be after 24:00:00: they are texts "
                "with two digits of the hour, or seconds if the field is declared as integer."
            ]
        return []

    def asks(self, settings: TableSettings, scan: SealedScan) -> str:
        """The table, and where it comes from."""
        return f"GTFS {settings.table} of {self._feeds.place}"

    def open(self, settings: TableSettings, fields: Sequence[Field], scan: SealedScan | None) -> Opened:
        """The rows of a file. An optional file that is not there has no rows."""
        files, stale = self._files()
        spec = self._spec.get(settings.table) or SpecTable(settings.table, {}, (), {})
        file = _file(settings.table, spec)
        there = file in files.names()
        if not there and (settings.table not in self._spec or spec.more.get("required")):
            if settings.table not in self._spec:
                raise unknown_table(self.system, settings.table, self.tables())
            raise SourceRefused(
                self.system,
                f"the feed has no {file}.",
                hint="Every GTFS feed needs it; ask who delivers it.",
                file=file,
            )
        if settings.table in ("shapes", "locations"):
            rows = self._lines(files, file) if settings.table == "shapes" else self._locations(files, file)
            return Opened(json_maker(self.system, fields, spec, settings), in_parts(rows if there else ()), stale)
        pair = _PAIRS.get(settings.table)
        maker = TextTable(fields, spec.fields, settings.columns, settings.timezone, pair=pair)
        return Opened(maker, self._texts(files, file) if there else in_parts(()), stale)

    def close(self) -> None:
        """Free connections."""
        self._feeds.close()

    def texts(self, table: str) -> Iterator[pa.RecordBatch]:
        """The batches of texts of a table's file, as they are."""
        return self._texts(self._files()[0], _file(table, self._spec.get(table)))

    def _texts(self, files: Archive | Folder, file: str) -> Generator[pa.RecordBatch, None, None]:
        with files.open(file) as stream:
            try:
                yield from read(stream)[1]
            except Unreadable as error:
                raise SourceRefused(self.system, f"{file}: {error}.", hint="Deliver it anew.", file=file) from None

    def _lines(self, files: Archive | Folder, file: str) -> Iterator[Record]:
        """One line per shape, its points in their order, wherever in the file they stand."""
        import shapely

        parts: dict[str, list[tuple[Any, Any, Any]]] = {}
        held = 0
        for batch in self._texts(files, file):
            held += batch.num_rows
            if held > _MOST_POINTS:
                raise SourceRefused(
                    self.system,
                    f"{file} has more than {_MOST_POINTS:,} points, too many to make lines of.",
                    hint="Use the table shape_points.",
                    file=file,
                )
            missing = [name for name in _SHAPE if name not in batch.schema.names]
            if missing:
                raise SourceRefused(self.system, f"{file} has no column {missing[0]!r}.", hint="Deliver it anew.")
            ids = batch.column("shape_id").dictionary_encode()
            y, x, order = (numbers(batch.column(name)) for name in _SHAPE[1:])
            where = np.asarray(ids.indices.fill_null(-1))
            grouped = np.argsort(where, kind="stable")
            ends = np.searchsorted(where[grouped], np.arange(len(ids.dictionary) + 1))
            for number, id in enumerate(ids.dictionary.to_pylist()):
                mine = grouped[ends[number] : ends[number + 1]]
                parts.setdefault(id, []).append((x[mine], y[mine], order[mine]))
        for id, pieces in parts.items():
            x, y, order = (np.concatenate([piece[number] for piece in pieces]) for number in range(3))
            ordered = np.argsort(order, kind="stable")
            ways = np.column_stack([x[ordered], y[ordered]])
            ways = ways[np.isfinite(ways).all(axis=1)]
            shape = shapely.linestrings(ways) if len(ways) > 1 else shapely.points(ways[0]) if len(ways) else None
            yield {
                "shape_id": id,
                "points": len(ways),
                "geometry": shapely.to_wkt(shape, rounding_precision=-1) if shape is not None else None,
            }

    def _locations(self, files: Archive | Folder, file: str) -> Iterator[Record]:
        """The zones of flexible services (locations.geojson)."""
        with files.open(file) as stream:
            body = stream.read(_MOST_JSON + 1)
            if len(body) > _MOST_JSON:
                raise SourceRefused(
                    self.system, f"{file} is larger than {_MOST_JSON // 1_000_000} MB.", hint="Ask for less."
                )
            with told(self.system, file):
                for feature in elements(body, "features[*]", Envelope()):
                    record: Record = unfolded(Row(feature)).value if isinstance(feature, dict) else {}
                    yield record

    def _files(self) -> tuple[Archive | Folder, dt.datetime | None]:
        local = self._feeds.local
        if local is not None and local.file is None:
            folder = Folder(local)
            self._judge(folder.names(), local.base.name)
            return folder, None
        if local is not None:
            path = local.opened()
            return self._archive(path, path.name), None
        kept = self._feeds.download(self._feeds.settings.url, self._accept)
        assert kept.path is not None
        return self._archive(kept.path, kept.name), kept.stale_since

    def _archive(self, path: Path, shown: str) -> Archive:
        try:
            stat = path.stat()
        except OSError:
            raise SourceRefused(self.system, f"{shown} is gone.", hint="Try again.") from None
        version = (path, stat.st_mtime_ns, stat.st_size)
        known = self._known
        if known is None or known[0] != version:
            known = (version, self._vetted(path, shown))
            self._known = known
        return known[1]

    def _accept(self, path: Path) -> None:
        """Refuse a download that is no feed before it takes the place of the last one."""
        self._vetted(path, "the archive")

    def _vetted(self, path: Path, shown: str) -> Archive:
        archive = Archive(self.system, path, shown, self._feeds.settings.most_bytes)
        self._judge(archive.names(), shown)
        return archive

    def _judge(self, names: list[str], shown: str) -> None:
        if not KNOWN & set(names):
            raise SourceRefused(
                self.system,
                f"{shown} is no GTFS feed: it holds none of {', '.join(sorted(KNOWN))}.",
                hint=f"It holds: {', '.join(names[:10]) or 'nothing'}.",
            )


def _file(table: str, spec: SpecTable | None) -> str:
    """The name of a table's file."""
    name = str(spec.more.get("file", table)) if spec is not None else table
    return name if name.endswith(".geojson") else f"{name}.txt"
