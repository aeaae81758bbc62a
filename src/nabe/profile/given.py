"""Settings that the operator gives a look (`nabe connect --set`), for probes that take none: they stand in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nabe.ports.source import Batches, Probe, Table, TakesSettings


def with_given(probe: Probe, settings: Mapping[str, Any]) -> Probe:
    """The probe, looking with these settings of `source`."""
    if not settings:
        return probe
    if isinstance(probe, TakesSettings):
        probe.given(settings)
        return probe
    return _Given(probe, settings)


@dataclass(frozen=True, slots=True)
class _Given:
    """Settings are put into what was described: rows are read with them, columns are those found without."""

    probe: Probe
    settings: Mapping[str, Any]

    def discover(self) -> list[str]:
        return self.probe.discover()

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        found = self.probe.describe(table, progress)
        return replace(found, source={**found.source, **self.settings})

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        return self.probe.sample(table, columns)
