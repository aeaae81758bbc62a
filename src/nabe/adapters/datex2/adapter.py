"""The entry point: opens declared feeds, judges settings, tells DATEX II from other XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.datex2.feed import Datex2Source, Feed
from nabe.adapters.datex2.probe import Datex2Probe, sniffed
from nabe.adapters.datex2.settings import SystemSettings, TableSettings
from nabe.adapters.datex2.translate import KINDS
from nabe.adapting.json_http.paths import parse
from nabe.adapting.settings import parsed, problems, unused_columns
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a feed may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 120.0


class Datex2Adapter:
    """Kind of silo `datex2`."""

    id = "datex2"
    claim = Claim.STANDARD

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared feed; it is asked at the first question."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        return Datex2Source(Feed(system.id, settings, context, secrets, system.limits.timeout_s))

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(SystemSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(TableSettings, dataset.source, "source")
        if found:
            return found
        settings = parsed(TableSettings, dataset.source, system.id, "source")
        columns = KINDS[settings.publication].columns
        for field in dataset.fields:
            try:
                parse(field.source_column)
            except ValueError as error:
                found.append(f"fields.{field.name}.column: {field.source_column!r} {error}.")
                continue
            first = field.source_column.partition(".")[0].partition("[")[0]
            if first not in columns and first != "element" and settings.column(field.source_column).constant is None:
                found.append(
                    f"fields.{field.name}.column: {settings.publication} has no {field.source_column!r}; it has "
                    f"{', '.join(columns)}, and element.… for all else."
                )
            elif field.type is FieldType.GEOMETRY and first != "element" and columns.get(first) is not field.type:
                found.append(f"fields.{field.name}.column: {field.source_column!r} is no geometry; right is location.")
        found += unused_columns(dataset, settings.columns)
        if ".." in settings.path.split("/") or "://" in settings.path or settings.path.startswith("/"):
            found.append(f"source.path: {settings.path!r} leaves the system's url or location.")
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for a file or an http(s) address that begins as a DATEX II publication does."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a feed before it is declared."""
        settings = parsed(SystemSettings, connection, "feed", "connection")
        return Datex2Probe(Feed("feed", settings, context, secrets, _PROBE_TIMEOUT_S))
