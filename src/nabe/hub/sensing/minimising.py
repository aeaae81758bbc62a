"""Rules of minimisation at work: which apply, with which salt, and what is held back until its interval is over.

What is guaranteed: nothing reaches a store before its rules have been applied. Salts live in this process's memory only, for
their span of time; after it, or after a restart, nobody can tell which pseudonyms belong together. Values that are
aggregated live in memory until their interval is over (and `GRACE` longer, for stragglers) or the process ends in order; a kill
loses those of open intervals. Two processes that take values of one stream make one aggregate each; a value that comes
after its interval was stored makes another one.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from nabe.governance import minimise as m
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Dataset
from nabe.model.entities import STREAMS, EntityType, NewEntity
from nabe.model.observation import INCOMING_SCHEMA
from nabe.model.stream import MinimiseKind
from nabe.ports.entities import Entities, EntityScan
from nabe.query.sensing.rows import table_of

#: How long after an interval its stragglers are waited for, microseconds; never longer than the interval itself.
GRACE: Final = 10_000_000
_FRESH_S: Final = 60.0
_MOST_KEYS: Final = 20_000
#: Intervals that are held at most; beyond that the oldest are stored at once.
_MOST_CELLS: Final = 200_000


@dataclass(slots=True)
class Outcome:
    """`table`: rows to be stored now, `kept`: their positions in what came in."""

    table: pa.Table
    kept: np.ndarray


@dataclass(slots=True)
class _Held:
    """Open intervals of one rule: stream -> cells."""

    rule: int
    width: int
    cells: dict[int, list[m.Cell]] = field(default_factory=dict)


class Minimising:
    """Thread-safe. `now`: microseconds since the epoch; `store`: takes aggregates whose interval is over."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        entities: Entities,
        now: Callable[[], int],
        store: Callable[[str, pa.Table], None],
    ) -> None:
        self._snapshot, self._entities, self._now, self._store = snapshot, entities, now, store
        self._lock = threading.RLock()
        self._rules: tuple[int, dict[str, tuple[m.Prepared, ...]]] = (-1, {})
        self._salts: dict[tuple[str, int, m.Prepared], tuple[int, m.Salt]] = {}
        self._held: dict[tuple[str, m.Prepared], _Held] = {}
        self._names: dict[int, tuple[float, frozenset[str]]] = {}
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closed = False

    def rules(self, dataset: str) -> tuple[m.Prepared, ...]:
        """The rules of a dataset, in order."""
        snapshot = self._snapshot()
        version, known = self._rules
        if version != snapshot.version:
            known = {}
            self._rules = (snapshot.version, known)
        if dataset not in known:
            known[dataset] = _rules(snapshot.datasets.get(dataset))
        return known[dataset]

    def entity(self, made: NewEntity, dataset: str) -> NewEntity:
        """An entity without what its dataset does not keep."""
        rules = self.rules(dataset)
        if not rules:
            return made
        with self._lock:
            salts = {number: salt for number, rule in enumerate(rules) if (salt := self._salt(dataset, number, rule))}
        return m.entity(made, rules, salts)

    def take(self, table: pa.Table, datasets: list[str], owner: np.ndarray, key: str) -> Outcome | None:
        """Observations of several datasets (`owner`: index of each row's); None: no rule concerns them."""
        concerned = [at for at, name in enumerate(datasets) if self.rules(name)]
        if not concerned:
            return None
        again = self._again(key)
        kept = np.arange(table.num_rows)
        for at in concerned:
            mask = owner[kept] == at
            table, stays = self._applied(table, mask, datasets[at], 0, again)
            table, kept = table.filter(pa.array(stays)), kept[stays]
        return Outcome(table, kept)

    def changed(self, table: pa.Table, dataset: str) -> pa.Table:
        """Rows that are there already and are written over: no interval is waited for. Rows that may not be kept are left out."""
        for number, rule in enumerate(self.rules(dataset)):
            mask = self._mask(table, np.ones(table.num_rows, bool), rule)
            if rule.rule.kind is MinimiseKind.MIN_COUNT:
                table = table.filter(pa.array(~m.too_small(table, rule, mask)))
            elif rule.rule.kind is not MinimiseKind.AGGREGATE:
                table = m.rows(table, rule, mask, self._salt(dataset, number, rule))
        return table

    def settle(self, *, everything: bool = False) -> None:
        """Store aggregates whose interval is over; `everything`: also those whose is not."""
        now = self._now()
        ready: list[tuple[str, m.Prepared, int, list[tuple[int, m.Cell]]]] = []
        with self._lock:
            for (dataset, rule), held in self._held.items():
                over = now - min(GRACE, held.width)
                done: list[tuple[int, m.Cell]] = []
                for stream, cells in list(held.cells.items()):
                    open_ = [cell for cell in cells if not everything and cell.end > over]
                    done += [(stream, cell) for cell in cells if everything or cell.end <= over]
                    if open_:
                        held.cells[stream] = open_
                    else:
                        del held.cells[stream]
                if done:
                    ready.append((dataset, rule, held.rule, done))
        for dataset, rule, number, done in ready:
            self._emit(dataset, rule, number, done)

    def close(self) -> None:
        """Store what is held back."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5)
        self.settle(everything=True)

    # --- parts ------------------------------------------------------------------------------------------------------

    def _applied(
        self, table: pa.Table, mine: np.ndarray, dataset: str, first: int, again: bool
    ) -> tuple[pa.Table, np.ndarray]:
        """Rules from the `first` on, applied to the rows `mine`; which rows stay."""
        stays = np.ones(table.num_rows, bool)
        for number, rule in enumerate(self.rules(dataset)):
            if number < first:
                continue
            mask = self._mask(table, mine & stays, rule)
            match rule.rule.kind:
                case MinimiseKind.AGGREGATE:
                    if not again:
                        self._absorb(table, mask, dataset, number, rule)
                    stays &= ~mask
                case MinimiseKind.MIN_COUNT:
                    stays &= ~m.too_small(table, rule, mask)
                case _:
                    table = m.rows(table, rule, mask, self._salt(dataset, number, rule))
        return table, stays

    def _mask(self, table: pa.Table, mine: np.ndarray, rule: m.Prepared) -> np.ndarray:
        wanted = rule.rule.observed_properties
        if not wanted or not mine.any():
            return mine
        streams = table.column("stream").to_numpy()
        names = self._observed(np.unique(streams[mine]).tolist())
        fitting = [stream for stream, observed in names.items() if observed & set(wanted)]
        return np.asarray(mine & np.isin(streams, fitting))

    def _observed(self, streams: list[int]) -> dict[int, frozenset[str]]:
        """What streams observe, by name; remembered for a minute."""
        fresh = time.monotonic()
        missing = tuple(id for id in streams if id not in self._names or self._names[id][0] < fresh)
        if missing:
            every = frozenset(self._snapshot().datasets)
            found: dict[int, set[str]] = {id: set() for id in missing}
            for type, relation in zip(_STREAMS, ("ObservedProperty", "ObservedProperties"), strict=True):
                scan = EntityScan(EntityType.OBSERVED_PROPERTY, every, parents=(type, relation, missing))
                for row in self._entities.find(scan):
                    if row.parent is not None:
                        found[row.parent].add(str(row.values.get("name")))
            for id, names in found.items():
                self._names[id] = (fresh + _FRESH_S, frozenset(names))
        return {id: self._names[id][1] for id in streams}

    def _salt(self, dataset: str, number: int, rule: m.Prepared) -> m.Salt | None:
        if rule.rule.kind is not MinimiseKind.HASH:
            return None
        start = m.window(self._now(), max(rule.width, 1))
        with self._lock:
            known = self._salts.get((dataset, number, rule))
            if known is None or known[0] != start:
                known = (start, m.Salt(secrets.token_bytes(32)))
                self._salts[(dataset, number, rule)] = known
            return known[1]

    def _absorb(self, table: pa.Table, mask: np.ndarray, dataset: str, number: int, rule: m.Prepared) -> None:
        """Add rows to their intervals; rows without a number are dropped."""
        part = table.filter(pa.array(mask))
        streams = part.column("stream").to_pylist()
        times = part.column("time").cast(pa.int64()).to_pylist()
        numbers = part.column("number").to_pylist()
        features = part.column("feature").to_pylist()
        with self._lock:
            held = self._held.setdefault((dataset, rule), _Held(number, rule.width))
            held.rule = number
            for stream, at, value, feature in zip(streams, times, numbers, features, strict=True):
                if value is None:
                    continue
                start = m.window(at, rule.width)
                cells = held.cells.setdefault(stream, [])
                cell = next((item for item in cells if item.start == start), None)
                if cell is None:
                    cell = m.Cell(start, start + rule.width)
                    cells.append(cell)
                cell.add(at, value, feature)
            crowded = sum(len(cells) for cells in held.cells.values()) > _MOST_CELLS
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="minimising", daemon=True)
                self._thread.start()
        if crowded:
            self.settle(everything=True)

    def _emit(self, dataset: str, rule: m.Prepared, number: int, done: list[tuple[int, m.Cell]]) -> None:
        """Store aggregates, after the rules that come behind."""
        done.sort(key=lambda item: (item[1].start, item[0]))
        rows = [
            {
                "stream": stream,
                "time": cell.start,
                "until": cell.end,
                "number": cell.value(rule.rule.function.value),
                "feature": cell.feature,
            }
            for stream, cell in done
        ]
        table = table_of(rows, INCOMING_SCHEMA)
        table, stays = self._applied(table, np.ones(len(rows), bool), dataset, number + 1, False)
        table = table.filter(pa.array(stays))
        if table.num_rows:
            self._store(dataset, table)

    def _again(self, key: str) -> bool:
        """Was this delivery absorbed before?"""
        if not key:
            return False
        with self._lock:
            seen = key in self._keys
            self._keys[key] = None
            while len(self._keys) > _MOST_KEYS:
                self._keys.popitem(last=False)
            return seen

    def _run(self) -> None:
        while not self._wake.wait(1.0):
            self.settle()


_STREAMS = tuple(sorted(STREAMS))


def _rules(dataset: Dataset | None) -> tuple[m.Prepared, ...]:
    stream = dataset.stream if dataset is not None else None
    return m.prepared(stream.minimise) if stream is not None else ()
