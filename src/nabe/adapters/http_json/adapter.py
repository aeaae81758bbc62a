"""The entry point: opens declared interfaces, judges settings, tells JSON interfaces from files on the web."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.http_json.probe import HttpJsonProbe, sniffed
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.paths import parse
from nabe.adapting.json_http.settings import SystemSettings, TableSettings
from nabe.adapting.json_http.source import HttpJsonSource
from nabe.adapting.settings import column_problems, parsed, problems, unused_columns
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into an interface may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 60.0


class HttpJsonAdapter:
    """Kind of silo `http_json`."""

    id = "http_json"
    claim = Claim.SHAPE
    system_settings = SystemSettings
    dataset_settings = TableSettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; it is asked at the first question."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        return HttpJsonSource(Interface(system.id, settings, context, secrets, system.limits.timeout_s))

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(SystemSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(TableSettings, dataset.source, "source")
        found += column_problems(dataset, parse)
        if found:
            return found
        settings = TableSettings.model_validate(dict(dataset.source))
        names = {field.name for field in dataset.fields}
        for name, filter in settings.filters.items():
            if name not in names:
                found.append(f"source.filters.{name}: there is no field of this name.")
            taken = set(filter.model_dump(exclude={"separator"}).values()) & set(settings.params)
            found += [f"source.filters.{name}: the parameter {param!r} is fixed by source.params." for param in taken]
        found += unused_columns(dataset, settings.columns)
        if (settings.x or settings.bbox) and not any(field.type is FieldType.GEOMETRY for field in dataset.fields):
            where = "x" if settings.x else "bbox"
            found.append(f"source.{where}: coordinates are named, but the dataset has no field of type geometry.")
        if ".." in settings.path.split("/") or "://" in settings.path or settings.path.startswith("/"):
            found.append(f"source.path: {settings.path!r} leaves the system's url.")
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for an http(s) address that answers with JSON and is no file by its name."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into an interface before it is declared."""
        settings = parsed(SystemSettings, connection, "interface", "connection")
        return HttpJsonProbe(Interface("interface", settings, context, secrets, _PROBE_TIMEOUT_S))
