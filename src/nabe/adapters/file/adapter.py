"""The entry point: opens systems of files, checks their settings, and says which sources it can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nabe.adapters.file.location import is_remote, sniffed
from nabe.adapters.file.memory import TableCache
from nabe.adapters.file.probe import FileProbe
from nabe.adapters.file.settings import SystemSettings, TableSettings, format_of, is_url
from nabe.adapters.file.silo import Silo
from nabe.adapters.file.source import FileSource
from nabe.adapting.settings import parsed, problems
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Probe, Source

#: Seconds that looking into a file may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 600.0


class FileAdapter:
    """Kind of silo `file`. Tables kept in memory share one limit over all systems."""

    id = "file"

    def __init__(self) -> None:
        self._tables = TableCache()

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        silo = Silo(system.id, settings, context, secrets, system.limits.timeout_s)
        return FileSource(silo, self._tables)

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(SystemSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`."""
        found = problems(TableSettings, dataset.source, "source")
        if found:
            return found
        settings = parsed(TableSettings, dataset.source, system.id if system is not None else "", "source")
        path = settings.path or str(system.connection.get("path", ""))
        location = str(system.connection.get("location", ""))
        if not path and not is_url(location):
            found.append("path: which file? Give a path below the system's location.")
        elif path and not is_url(path):
            if Path(path).is_absolute() or ".." in path.replace("\\", "/").split("/"):
                found.append(f"path: {path!r} leaves the system's location.")
            if settings.format is None and format_of(path) is None and not path.lower().endswith((".zip", ".gz", "*")):
                found.append(
                    "format: the file's name does not tell; set csv, xlsx, json, xml, geojson, parquet, gpkg or shp."
                )
        if (settings.x or settings.wkt) and not any(field.type is FieldType.GEOMETRY for field in dataset.fields):
            found.append("x: coordinates are named, but the dataset has no field of type geometry.")
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for a path, pattern, folder or address; None if it is none of these."""
        if is_url(source):
            return {"path": source}
        if is_remote(source):
            return sniffed(source, lambda name: format_of(name) is not None or name.lower().endswith((".zip", ".gz")))
        if "://" in source:
            return None
        path = Path(source).expanduser()
        full = path if path.is_absolute() else Path.cwd() / path
        if not full.exists() and not path.is_absolute():
            full = Path(context.root) / path
        if full.is_dir():
            return {"location": _location(full, context)}
        wild = any(sign in full.name for sign in "*?[")
        if full.is_file() and (format_of(full.name) is not None or full.suffix.lower() in (".zip", ".gz")):
            return {"location": _location(full.parent, context), "path": full.name}
        if wild and full.parent.is_dir() and any(full.parent.glob(full.name)):
            return {"location": _location(full.parent, context), "path": full.name}
        return None

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into files before they are declared."""
        settings = parsed(SystemSettings, connection, "file", "connection")
        return FileProbe(Silo("file", settings, context, secrets, _PROBE_TIMEOUT_S))


def _location(folder: Path, context: AdapterContext) -> str:
    """Relative to the workspace where possible, so that the workspace can be moved."""
    folder, root = folder.resolve(), Path(context.root).resolve()
    if folder == root:
        return "."
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else folder.as_posix()
