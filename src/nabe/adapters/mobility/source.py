"""A mobility silo as a source: sealed scans become requests, what comes becomes batches. It promises nothing."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pyarrow as pa

from nabe.adapters.mobility.opened import MobilitySilo, Opened
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapting.json_http.pushdown import asks_nothing, conditions, rows_wanted
from nabe.adapting.json_http.source import Judge
from nabe.adapting.settings import parsed
from nabe.model.dataset import Dataset
from nabe.model.query import SealedScan
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches, Capabilities
from nabe.query.needs import needed_fields

#: Rows guessed for a table that nobody has read yet.
_UNKNOWN_ROWS = 1_000


class MobilitySource:
    """One system. What it narrows itself (hours, one vehicle), the hub filters again."""

    capabilities = Capabilities()

    def __init__(self, silo: MobilitySilo) -> None:
        self._silo = silo
        self._rows: dict[str, int] = {}
        self._settings: dict[str, tuple[Dataset, TableSettings]] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Does it answer with what its kind says?"""
        self._silo.check()

    def read(self, scan: SealedScan) -> Batches:
        """The rows of a scan, and more where the silo cannot narrow them."""
        settings = self._settings_of(scan.dataset)
        fields = [field for name in needed_fields(scan, self.capabilities) if (field := scan.dataset.field(name))]
        if asks_nothing(scan):
            return Batches(arrow_schema(fields), iter(()))
        opened = self._silo.open(settings, fields, scan)
        following = self._stream(opened, scan)
        return Batches(opened.maker.schema, following, following.close, opened.stale_since)

    def estimate(self, scan: SealedScan) -> int:
        """As many rows as last time, a third for each condition; a guess before the first time."""
        if asks_nothing(scan):
            return 0
        rows = self._rows.get(scan.dataset.id, _UNKNOWN_ROWS)
        for _ in conditions(scan):
            rows //= 3
        rows = max(rows - scan.offset, 0)
        return rows if scan.limit is None else min(rows, scan.limit)

    def explain(self, scan: SealedScan) -> str:
        """What would be asked for, without secrets."""
        return self._silo.asks(self._settings_of(scan.dataset), scan)

    def close(self) -> None:
        """Free connections; the source can be used again."""
        self._silo.close()

    def _stream(self, opened: Opened, scan: SealedScan) -> Generator[pa.RecordBatch, None, None]:
        most = rows_wanted(scan)
        judge = Judge(self._silo.system, scan.dataset.id, opened.maker)  # type: ignore[arg-type]
        given = 0
        try:
            if most == 0:
                return
            for part in opened.parts:
                batch = opened.maker.batch(part)
                judge.batch(batch.num_rows)
                if most is not None and given + batch.num_rows >= most:
                    yield batch.slice(0, most - given)
                    return
                given += batch.num_rows
                yield batch
            judge.end(whole=True)
            if not conditions(scan):
                with self._lock:
                    self._rows[scan.dataset.id] = given
        finally:
            opened.parts.close()

    def _settings_of(self, dataset: Dataset) -> TableSettings:
        known = self._settings.get(dataset.id)
        if known is None or (known[0] is not dataset and known[0] != dataset):
            known = (dataset, parsed(TableSettings, dataset.source, self._silo.system, "source"))
            self._settings[dataset.id] = known
        return known[1]
