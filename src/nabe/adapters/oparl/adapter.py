"""The entry point: opens declared council information systems, judges settings, tells OParl from other JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.oparl.council import Council, OparlReader, OparlSource
from nabe.adapters.oparl.probe import OparlProbe, sniffed
from nabe.adapters.oparl.settings import SystemSettings, TableSettings
from nabe.adapting.json_http.paths import parse
from nabe.adapting.settings import column_problems, parsed, problems, unused_columns
from nabe.model.dataset import Dataset, FieldType, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a system may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 120.0


class OparlAdapter:
    """Kind of silo `oparl`."""

    id = "oparl"
    claim = Claim.STANDARD

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; it is asked at the first question."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        return OparlSource(Council(system.id, settings, context, secrets, system.limits.timeout_s), OparlReader)

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
        found += unused_columns(dataset, settings.columns)
        if settings.axes == "yx" and not any(field.type is FieldType.GEOMETRY for field in dataset.fields):
            found.append("source.axes: the dataset has no field of type geometry.")
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for an http(s) address that answers with a System or Body of OParl."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a system before it is declared."""
        settings = parsed(SystemSettings, connection, "council", "connection")
        return OparlProbe(Council("council", settings, context, secrets, _PROBE_TIMEOUT_S))
