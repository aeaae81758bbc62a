"""The entry point: opens declared systems of the mobility standards, judges settings, knows their addresses and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nabe.adapters.mobility.feeds import Feeds
from nabe.adapters.mobility.gbfs import Gbfs
from nabe.adapters.mobility.gtfs import Gtfs
from nabe.adapters.mobility.gtfs_rt import GtfsRealtime
from nabe.adapters.mobility.mds import Mds
from nabe.adapters.mobility.opened import MobilitySilo
from nabe.adapters.mobility.probe import MobilityProbe
from nabe.adapters.mobility.settings import SystemSettings, TableSettings
from nabe.adapters.mobility.sniff import sniffed
from nabe.adapters.mobility.source import MobilitySource
from nabe.adapters.mobility.spec import tables
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.paths import parse
from nabe.adapting.settings import column_problems, parsed, problems, unused_columns
from nabe.model.dataset import Dataset, System
from nabe.ports.source import AdapterContext, Claim, Probe, Source

#: Seconds that looking into a silo may take before it is declared (its operator waits and sees the progress).
_PROBE_TIMEOUT_S = 120.0


class MobilityAdapter:
    """Kind of silo `mobility`."""

    id = "mobility"
    claim = Claim.STANDARD

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Open a declared system; it is asked at the first question."""
        settings = parsed(SystemSettings, system.connection, system.id, "connection")
        return MobilitySource(_silo(system.id, settings, secrets, context, system.limits.timeout_s))

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(SystemSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`, and with the columns of fields."""
        found = problems(TableSettings, dataset.source, "source")
        kind = str(system.connection.get("kind", "")) if system is not None else ""
        if kind != "gtfs":  # columns of CSV are names, not ways
            found += column_problems(dataset, parse)
        if found:
            return found
        settings = TableSettings.model_validate(dict(dataset.source))
        # A GTFS feed may bring files of its own; the other kinds have the tables of their standard only.
        if kind in ("gbfs", "mds", "gtfs_rt") and settings.table not in tables(kind):
            found.append(f"source.table: {kind} has no {settings.table!r}; known: {', '.join(tables(kind))}.")
        found += unused_columns(dataset, settings.columns)
        return found

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """The connection for a feed of one of the standards, by what it holds; None for all else."""
        return sniffed(source, context)

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """Look into a silo before it is declared."""
        settings = parsed(SystemSettings, connection, "mobility", "connection")
        return MobilityProbe(_silo("mobility", settings, secrets, context, _PROBE_TIMEOUT_S))


def _silo(
    id: str, settings: SystemSettings, secrets: Callable[[str], str], context: AdapterContext, timeout_s: float
) -> MobilitySilo:
    interface = Interface(id, settings.interface(), context, secrets, timeout_s) if settings.url else None
    feeds = Feeds(settings, context, interface, id)
    kinds: dict[str, Callable[[Feeds], MobilitySilo]] = {
        "gbfs": Gbfs,
        "mds": Mds,
        "gtfs": Gtfs,
        "gtfs_rt": GtfsRealtime,
    }
    return kinds[settings.kind](feeds)
