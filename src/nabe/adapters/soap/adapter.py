"""The entry point: opens declared services, judges settings, tells a WSDL by its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.soap.probe import SoapProbe, sniffed
from nabe.adapters.soap.service import Service, SoapReader, SoapSource
from nabe.adapters.soap.settings import SystemSettings, TableSettings
from nabe.adapting.json_http.paths import parse
from nabe.adapting.settings import column_problems, parsed, problems, unused_columns
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a service may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 60.0


class SoapAdapter:
    """Kind of silo `soap`."""

    id = "soap"
    claim = Claim.STANDARD

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared service; its WSDL is loaded at the first question."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        return SoapSource(Service(system.id, settings, context, secrets, system.limits.timeout_s), SoapReader)

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(SystemSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(TableSettings, dataset.source, "source")
        found += column_problems(dataset, parse)
        if found:
            return found
        settings = parsed(TableSettings, dataset.source, system.id, "source")
        names = {field.name for field in dataset.fields}
        for name, filter in settings.filters.items():
            if name not in names:
                found.append(f"source.filters.{name}: there is no field of this name.")
            taken = set(filter.model_dump(exclude={"separator"}).values()) & set(settings.parameters)
            found += [
                f"source.filters.{name}: the parameter {param!r} is fixed by source.parameters." for param in taken
            ]
        found += unused_columns(dataset, settings.columns)
        if settings.x and not any(field.type is FieldType.GEOMETRY for field in dataset.fields):
            found.append("source.x: coordinates are named, but the dataset has no field of type geometry.")
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for an address or file that calls itself a WSDL."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a service before it is declared."""
        settings = parsed(SystemSettings, connection, "service", "connection")
        return SoapProbe(Service("service", settings, context, secrets, _PROBE_TIMEOUT_S))
