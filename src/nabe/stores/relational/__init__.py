"""Catalogue, ledger, accounts, runs and quality results in one database: SQLite beside the workspace, or PostgreSQL."""

from __future__ import annotations

from nabe.stores.relational.catalogue import RelationalCatalogue
from nabe.stores.relational.database import connect
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

    def close(self) -> None:
        """Write what waits and let go of connections."""
        self.ledger.close()
        self.catalogue.close()
        self._engine.dispose()


__all__ = ["RelationalStore"]
