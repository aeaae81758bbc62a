"""Catalogue, ledger, accounts, runs, quality results and what sensors tell about in one database: SQLite beside the workspace, or PostgreSQL."""

from __future__ import annotations

from functools import cached_property

from nabe.ports.entities import Entities
from nabe.stores.relational.catalogue import RelationalCatalogue
from nabe.stores.relational.database import connect
from nabe.stores.relational.devices import RelationalDevices
from nabe.stores.relational.identity import RelationalIdentity
from nabe.stores.relational.ledger import RelationalLedger
from nabe.stores.relational.quality import RelationalQuality
from nabe.stores.relational.runs import RelationalRuns


class RelationalStore:
    """An open store; `url` is `sqlite:///path` or `postgresql://...`."""

    def __init__(self, url: str) -> None:
        self._engine = connect(url)
        self.catalogue = RelationalCatalogue(self._engine)
        self.ledger = RelationalLedger(self._engine)
        self.identity = RelationalIdentity(self._engine)
        self.runs = RelationalRuns(self._engine)
        self.quality = RelationalQuality(self._engine)
        self.devices = RelationalDevices(self._engine)

    @cached_property
    def entities(self) -> Entities:
        """What sensors tell about; loaded when it is needed, since it brings geometry along."""
        from nabe.stores.relational.sensing.entities import RelationalEntities

        return RelationalEntities(self._engine)

    def close(self) -> None:
        """Write what waits and let go of connections."""
        self.ledger.close()
        self.catalogue.close()
        self._engine.dispose()


__all__ = ["RelationalStore"]
