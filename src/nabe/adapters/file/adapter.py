"""The entry point: opens systems of files, checks their settings, and says which sources it can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nabe.adapters.file.location import is_remote, sniffed
from nabe.adapters.file.probe import FileProbe
from nabe.adapters.file.settings import SystemSettings, TableSettings, format_of, is_url
from nabe.adapters.file.silo import Silo
from nabe.adapters.file.source import FileSource
from nabe.adapting.settings import parsed, problems
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source
from nabe.query.memory import TableCache

#: Seconds that looking into a file may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 600.0


class FileAdapter:
    """Kind of silo `file`. Tables kept in memory share one limit over all systems."""

    id = "file"
    claim = Claim.ANY
    system_settings = SystemSettings
    dataset_settings = TableSettings

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
        connection = system.connection if system is not None else {}  # no system: a dataset that is only proposed
        path = settings.path or str(connection.get("path", ""))
        location = str(connection.get("location", ""))
        if not path and not is_url(location):
            found.append("path: which file? Give a path below the system's location.")
        elif path and not is_url(path):
            if Path(path).is_absolute() or ".." in path.replace("\\", "/").split("/"):
                found.append(f"path: {path!r} leaves the system's location.")
            told = is_url(location)  # by the media type of the answer
            if (
                settings.format is None
                and not told
                and format_of(path) is None
                and not path.lower().endswith((".zip", ".gz", "*"))
            ):
                found.append(
                    "format: the file's name does not tell; set csv, xlsx, json, xml, geojson, parquet, gpkg or shp."
                )
        for field in dataset.fields:
            own = settings.columns.get(field.source_column)
            if own is not None and own.codes and field.type is not FieldType.STRING:
                found.append(
                    f"fields.{field.name}.type: what codes stand for is text; right is string (or column "
                    f"'{field.source_column} (code)' for the code itself)."
                )
        if (settings.params or is_url(path)) and not (is_url(path) or is_url(location)):
            found.append("params: these are for web addresses, not for files.")
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
