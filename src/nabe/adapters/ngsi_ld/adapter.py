"""The entry point: opens declared brokers, judges settings, knows a broker by its list of types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.ngsi_ld.probe import NgsiProbe, sniffed
from nabe.adapters.ngsi_ld.settings import Connection, EntitySettings
from nabe.adapters.ngsi_ld.source import interface, source
from nabe.adapters.ngsi_ld.translate import steps_of
from nabe.adapting.settings import column_problems, parsed, problems, unused_columns
from nabe.model.dataset import Dataset, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a broker may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 60.0


class NgsiAdapter:
    """Kind of silo `ngsi_ld`."""

    id = "ngsi_ld"
    claim = Claim.STANDARD
    system_settings = Connection
    dataset_settings = EntitySettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; it is asked at the first question."""
        settings = parsed(Connection, system.connection, system.id, "connection")
        return source(interface(system.id, settings, context, secrets, system.limits.timeout_s), settings)

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(Connection, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(EntitySettings, dataset.source, "source")
        if found:
            return found
        settings = EntitySettings.model_validate(dict(dataset.source))
        api = "ngsi-v2" if system.connection.get("api") == "ngsi-v2" else "ngsi-ld"
        if api == "ngsi-v2" and settings.representation == "concise":
            found.append("source.representation: NGSI v2 has no concise; right would be normalized or keyValues.")
        found += column_problems(dataset, lambda column: steps_of(column, api))
        for setting, names in (("columns", tuple(settings.columns)), ("filterable", settings.filterable)):
            found += unused_columns(dataset, names, setting)
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for an address at or below a broker."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a broker before it is declared."""
        settings = parsed(Connection, connection, "broker", "connection")
        return NgsiProbe(interface("broker", settings, context, secrets, _PROBE_TIMEOUT_S), settings)
