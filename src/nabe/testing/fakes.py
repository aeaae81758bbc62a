"""Fakes of ports: honest small implementations in memory, for tests of what stands above them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from nabe.model.catalogue import Change, Noun, Revision, Snapshot, kind_of
from nabe.model.ledger import ChainCheck, ChainedEntry, Entry
from nabe.model.quality import Result
from nabe.model.query import SealedScan
from nabe.ports.ledger import Usage
from nabe.ports.source import Batches, Capabilities
from nabe.query.evaluate import finish, keep
from nabe.query.needs import needed_fields


@dataclass
class FakeSource:
    """Tables by dataset id, in the hub's types. It can filter if `capabilities` say so, and behave badly if told to."""

    tables: Mapping[str, pa.Table]
    capabilities: Capabilities = field(default_factory=Capabilities)
    fail: Callable[[], None] = lambda: None
    delay_s: float = 0.0
    batch_rows: int = 1000
    read_log: list[SealedScan] = field(default_factory=list)

    def check(self) -> None:
        self.fail()

    def read(self, scan: SealedScan) -> Batches:
        self.read_log.append(scan)
        time.sleep(self.delay_s)
        self.fail()
        names = needed_fields(scan, self.capabilities)
        table = self.tables[scan.dataset.id]
        if self.capabilities.filter:
            done = finish(_batches(table, self.batch_rows), scan, Capabilities())
            return done
        return _batches(table.select(list(names)), self.batch_rows)

    def estimate(self, scan: SealedScan) -> int:
        table = self.tables[scan.dataset.id]
        if not self.capabilities.filter:
            return int(table.num_rows)
        rows = int(keep(scan.where, keep(scan.allowed, table)).num_rows)
        return min(rows, scan.limit) if scan.limit is not None else rows

    def count(self, scan: SealedScan) -> int:
        everything = replace(scan, limit=None, offset=0, order=())
        rows = finish(_batches(self.tables[scan.dataset.id], self.batch_rows), everything, Capabilities())
        return sum(batch.num_rows for batch in rows.batches)

    def close(self) -> None:
        return None


def _batches(table: pa.Table, rows: int) -> Batches:
    return Batches(table.schema, iter(table.to_batches(max_chunksize=rows)))


class FakeCatalogue:
    """Declarations in memory."""

    def __init__(self, nouns: Sequence[Noun] = ()) -> None:
        self._snapshot = Snapshot.of(list(nouns), 1 if nouns else 0)
        self._history: list[Revision] = []

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def commit(self, changes: Sequence[Change], *, author: str, at: dt.datetime, expect: int) -> int:
        table = {(kind_of(noun), noun.id): noun for noun in self._snapshot.nouns()}
        version = self._snapshot.version + 1
        for change in changes:
            table.pop((change.kind, change.id), None)
            if change.noun is not None:
                table[(change.kind, change.id)] = change.noun
            self._history.insert(0, Revision(version, change.kind, change.id, author, at, change.noun))
        self._snapshot = Snapshot.of(list(table.values()), version)
        return version

    def history(self, kind: str = "", id: str = "", limit: int = 100) -> list[Revision]:
        return [item for item in self._history if kind in ("", item.kind) and id in ("", item.id)][:limit]


class FakeLedger:
    """Entries in a list, unchained."""

    def __init__(self) -> None:
        self.list: list[Entry] = []

    def append(self, entries: Sequence[Entry], *, durable: bool = True) -> None:
        self.list.extend(entries)

    def entries(self, *, after: int = 0, limit: int = 100, dataset: str = "", actor: str = "") -> list[ChainedEntry]:
        chained = [ChainedEntry(number, entry, "", "") for number, entry in enumerate(self.list, 1)]
        return [item for item in chained if item.number > after and dataset in ("", item.entry.dataset)][:limit]

    def usage(self, since: dt.datetime, until: dt.datetime) -> list[Usage]:
        return []

    def verify(self) -> ChainCheck:
        return ChainCheck(len(self.list))

    def close(self) -> None:
        return None


class FakeQuality:
    """Results in a list, newest first."""

    def __init__(self) -> None:
        self.list: list[Result] = []

    def add(self, results: Sequence[Result], *, keep: int) -> None:
        clean = [
            replace(item, keys=tuple(key.encode("utf-8", "replace").decode() for key in item.keys)) for item in results
        ]
        self.list = sorted([*reversed(clean), *self.list], key=lambda result: result.at, reverse=True)
        ranks: dict[tuple[str, str, bool], int] = {}
        kept = []
        for result in self.list:
            key = (result.dataset, result.rule, result.known)
            ranks[key] = ranks.get(key, 0) + 1
            if ranks[key] <= keep:
                kept.append(result)
        self.list = kept

    def results(self, datasets: Sequence[str], *, limit: int) -> list[Result]:
        seen: dict[tuple[str, str], int] = {}
        told: set[tuple[str, str]] = set()
        found = []
        for result in self.list:
            key = (result.dataset, result.rule)
            first = result.known and key not in told
            if result.dataset in datasets and (seen.get(key, 0) < limit or first):
                found.append(result)
            seen[key] = seen.get(key, 0) + 1
            told |= {key} if result.known else set()
        return found
