"""The entry point: opens declared services, judges settings, tells geodata services from other addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.ogc_features.settings import ConnectionSettings, SourceSettings
from nabe.adapting.json_http.paths import parse
from nabe.adapting.settings import column_problems, parsed, problems, unused_columns
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a service may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 60.0


class OgcFeaturesAdapter:
    """Kind of silo `ogc_features`."""

    id = "ogc_features"
    claim = Claim.STANDARD
    system_settings = ConnectionSettings
    dataset_settings = SourceSettings

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; it is asked at the first question."""
        from nabe.adapters.ogc_features.source import OgcFeaturesSource

        return OgcFeaturesSource(_service(system.id, system.connection, secrets, context, system.limits.timeout_s))

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(ConnectionSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(SourceSettings, dataset.source, "source")
        found += column_problems(dataset, parse)
        if found:
            return found
        settings = SourceSettings.model_validate(dict(dataset.source))
        found += unused_columns(dataset, settings.columns)
        time = dataset.field(settings.time) if settings.time else None
        if settings.time and (time is None or time.type not in (FieldType.DATE, FieldType.DATETIME)):
            found.append(f"source.time: {settings.time!r} is no field of type date or datetime.")
        if settings.crs and not settings.crs.upper().startswith(("EPSG:", "OGC:CRS84")):
            found.append(
                f"source.crs: {settings.crs!r} cannot be asked for; right would be EPSG and a number: EPSG:25832."
            )
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for an address that answers as an OGC API or a WFS."""
        if not source.startswith(("http://", "https://")):
            return None
        from nabe.adapters.ogc_features.sniff import sniffed

        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a service before it is declared."""
        from nabe.adapters.ogc_features.probe import OgcFeaturesProbe

        return OgcFeaturesProbe(_service("interface", connection, secrets, context, _PROBE_TIMEOUT_S))


def _service(
    id: str, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext, timeout_s: float
) -> Any:
    from nabe.adapters.ogc_features.api import ApiInterface
    from nabe.adapters.ogc_features.settings import ConnectionSettings
    from nabe.adapters.ogc_features.source import Service

    settings = parsed(ConnectionSettings, connection, id, "connection")
    return Service(ApiInterface(id, settings, context, secrets, timeout_s), settings)
