"""The entry point: opens declared portals, judges settings, knows a portal by its action API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.ckan.probe import CkanProbe, sniffed
from nabe.adapters.ckan.settings import Connection, PortalSettings
from nabe.adapters.ckan.source import interface, source
from nabe.adapting.json_http.paths import parse
from nabe.adapting.settings import column_problems, parsed, problems, unused_columns
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a portal may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 60.0


class CkanAdapter:
    """Kind of silo `ckan`."""

    id = "ckan"
    claim = Claim.STANDARD
    system_settings = Connection
    dataset_settings = PortalSettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; it is asked at the first question."""
        settings = parsed(Connection, system.connection, system.id, "connection")
        return source(interface(system.id, settings, context, secrets, system.limits.timeout_s))

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(Connection, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(PortalSettings, dataset.source, "source")
        if found:
            return found
        settings = PortalSettings.model_validate(dict(dataset.source))
        if settings.table:
            found += column_problems(dataset, parse)
        for setting, names in (("columns", tuple(settings.columns)), ("filterable", settings.filterable)):
            found += unused_columns(dataset, names, setting)
        if settings.x and not any(field.type is FieldType.GEOMETRY for field in dataset.fields):
            found.append("source.x: coordinates are named, but the dataset has no field of type geometry.")
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for an address at or below a portal."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a portal before it is declared."""
        settings = parsed(Connection, connection, "portal", "connection")
        return CkanProbe(interface("portal", settings, context, secrets, _PROBE_TIMEOUT_S))
