"""The entry point: opens declared services, judges settings, knows a service by its root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.sensorthings.entities import entity_of, way_of
from nabe.adapters.sensorthings.probe import SensorThingsProbe, sniffed
from nabe.adapters.sensorthings.settings import Connection, EntitySettings
from nabe.adapters.sensorthings.source import interface, source
from nabe.adapting.settings import parsed, problems, unused_columns
from nabe.model.dataset import Dataset, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a service may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 60.0


class SensorThingsAdapter:
    """Kind of silo `sensorthings`."""

    id = "sensorthings"
    claim = Claim.STANDARD
    system_settings = Connection
    dataset_settings = EntitySettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; it is asked at the first question."""
        settings = parsed(Connection, system.connection, system.id, "connection")
        return source(interface(system.id, settings, context, secrets, system.limits.timeout_s))

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(Connection, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(EntitySettings, dataset.source, "source")
        if found:
            return found
        settings = EntitySettings.model_validate(dict(dataset.source))
        for field in dataset.fields:
            try:
                way_of(field.source_column, entity_of(settings.entity))
            except ValueError as error:
                found.append(f"fields.{field.name}.column: {field.source_column!r}: {error}.")
        return found + unused_columns(dataset, settings.columns)

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for an address at or below the root of a service."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a service before it is declared."""
        settings = parsed(Connection, connection, "service", "connection")
        return SensorThingsProbe(interface("service", settings, context, secrets, _PROBE_TIMEOUT_S))
