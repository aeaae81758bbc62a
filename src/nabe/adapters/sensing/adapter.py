"""The entry point: a silo that is Nabe itself, so that nothing is opened and nothing is looked into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from nabe.adapting.settings import problems
from nabe.errors import Invalid, SourceRefused
from nabe.model.dataset import Dataset, System
from nabe.model.query import SealedScan
from nabe.ports.source import AdapterContext, Batches, Capabilities, Claim, Probe, Source


class SystemSettings(BaseModel):
    """`connection`: there is nothing to set."""

    model_config = ConfigDict(extra="forbid")


class DatasetSettings(BaseModel):
    """`source`: there is nothing to set; `stream` of the dataset says who writes and what is kept."""

    model_config = ConfigDict(extra="forbid")


class SensingAdapter:
    """Kind of silo `sensing`."""

    id = "sensing"
    claim = Claim.STANDARD
    streams = True

    def open(self, system: System, secrets: Callable[[str], str], context: AdapterContext) -> Source:
        """Nothing to open: observations lie in Nabe's own stores, which the hub reads itself."""
        return OwnStore(system.id)

    def check_system(self, system: System) -> list[str]:
        """What is wrong with `connection`."""
        return problems(SystemSettings, system.connection, "connection")

    def check_dataset(self, system: System, dataset: Dataset) -> list[str]:
        """What is wrong with `source`."""
        return problems(DatasetSettings, dataset.source, "source")

    def sniff(self, source: str, context: AdapterContext) -> Mapping[str, Any] | None:
        """No address leads here."""
        return None

    def probe(self, connection: Mapping[str, Any], secrets: Callable[[str], str], context: AdapterContext) -> Probe:
        """There is nothing outside to look into."""
        raise Invalid(
            "The sensor store is Nabe's own; there is nothing to look into.",
            hint="Declare a dataset with mode: stream.",
            field="adapter",
        )


class OwnStore:
    """Stands where a silo would; always there."""

    capabilities = Capabilities(instant=True)

    def __init__(self, system: str) -> None:
        self._system = system

    def check(self) -> None:
        """It is here."""

    def read(self, scan: SealedScan) -> Batches:
        """Never asked: datasets of mode stream are read from Nabe's own stores."""
        raise SourceRefused(self._system, "it holds nothing by itself.", hint="mode: stream")

    def estimate(self, scan: SealedScan) -> int:
        """Nothing."""
        return 0

    def close(self) -> None:
        """Nothing is open."""
