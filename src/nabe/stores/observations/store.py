"""The embedded store of observations: a log of columns, sorted runs in memory, history as Parquet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock, RLock, Thread

import numpy as np
import pyarrow as pa

from nabe.errors import NabeError
from nabe.model.observation import OBSERVATION_SCHEMA, SEQUENCE_BITS, Bucket, ObservationScan, Span, Summary
from nabe.stores.observations import compacting
from nabe.stores.observations import rows as r
from nabe.stores.observations.committing import Commits, Request
from nabe.stores.observations.loading import Loading
from nabe.stores.observations.log import GONE_SCHEMA, Log
from nabe.stores.observations.memory import Entry, Memory
from nabe.stores.observations.reading import Reading
from nabe.stores.observations.segment import Erased
from nabe.stores.observations.sql import Sql
from nabe.stores.observations.summary import Summaries, group_rows, told, united
from nabe.stores.observations.view import View

#: Rows and entries of the log that make it due to become history; entries are what a start has to read.
_DUE_ROWS, _DUE_ENTRIES = 1_500_000, 20_000
#: Removals below this are remembered by id, above by stream and time.
_FEW_REMOVED = 10_000


class ObservationStore:
    """Implements `ports.observations.Observations` and `BulkObservations` in a folder; several processes may share it.

    `background`: history is made in a thread of our own when it is due; else only by `compact`.
    """

    def __init__(self, folder: Path, *, background: bool = True, due: int = _DUE_ROWS) -> None:
        self._folder, self._background, self._due = folder, background, due
        self._memory = Memory()
        self._state = RLock()  # memory and the log's watcher
        self._write = RLock()  # the log's writer
        self._seen = -1
        self._commits = Commits(self._commit)
        self._sql = Sql(folder / "spill")
        self._opened: Log | None = None
        self._compacting: Thread | None = None
        self._starting = Lock()
        self._closed = False

    @property
    def _log(self) -> Log:
        """Opened when it is first needed: most commands want nothing of us, and a long log takes its time."""
        if self._opened is None:
            with self._state:
                if self._opened is None:
                    self._opened = Log(self._folder)
        return self._opened

    def close(self) -> None:
        """Wait for what is under way and close."""
        self._closed = True
        if self._compacting is not None:
            self._compacting.join()
        with self._write, self._state:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
            self._sql.close()

    # --- following the log ---

    def _follow(self) -> Memory:
        """Take up what other processes (and we) have committed. Hold `_state` while using the result."""
        with self._state:
            version = self._log.version()
            if version != self._seen:
                with self._log.watching() as connection:
                    known = self._memory.generation
                    self._take_up(connection)
                self._seen = version
                if self._background and known != self._memory.generation:
                    Thread(target=_warm, args=(self._memory.view,), name="nabe-footers", daemon=True).start()
            return self._memory

    def _take_up(self, connection: object) -> None:
        state = Log.state(connection)  # type: ignore[arg-type]
        memory = self._memory
        if state.base != memory.base:
            memory.reset(state.base, *Log.kept(connection))  # type: ignore[arg-type]
        if state.generation != memory.generation:
            memory.have(state.generation, self._log.manifest(connection))  # type: ignore[arg-type]
        if state.last > memory.number:
            for entry in Log.entries(connection, memory.number):  # type: ignore[arg-type]
                memory.apply(entry)

    # --- writing ---

    def append(self, incoming: pa.Table, *, key: str = "") -> np.ndarray:
        """Ids, when the rows are durable."""
        ids = self._commits.put(Request(r.incoming(incoming), key))
        self._maintain()
        return ids

    def _commit(self, requests: Sequence[Request]) -> None:
        """All of these in one transaction."""
        with self._write:
            with self._log.writing() as connection:
                with self._state:
                    self._take_up(connection)
                fresh: list[Request] = []
                first: dict[str, Request] = {}
                for request in requests:
                    if request.key:
                        request.ids = Log.delivered(connection, request.key)
                        if request.ids is not None:
                            continue
                        if request.key in first:
                            request.same = first[request.key]
                            continue
                        first[request.key] = request
                    fresh.append(request)
                entry = self._entry([request.table for request in fresh])
                done = 0
                for request in fresh:
                    assert entry is not None or not request.table.num_rows
                    request.ids = entry[1][done : done + request.table.num_rows] if entry else np.empty(0, np.int64)
                    done += request.table.num_rows
                    if request.key:
                        Log.deliver(connection, request.key, request.ids)
                if entry is not None:
                    Log.put(connection, entry[0])
            if entry is not None:
                with self._state:
                    self._memory.apply(entry[0])

    def _entry(self, tables: Sequence[pa.Table]) -> tuple[Entry, np.ndarray] | None:
        """An entry of these rows, and their ids in the order given."""
        tables = [table for table in tables if table.num_rows]
        if not tables:
            return None
        rows = r.batch(pa.concat_tables(tables) if len(tables) > 1 else tables[0])
        with self._state:
            ids, _ = self._memory.summaries.give(r.column(rows, "stream"))
            number = self._memory.number + 1
        columns = [rows.column("stream"), pa.array(ids), *rows.columns[1:]]
        return Entry(number, r.sorted_rows(pa.RecordBatch.from_arrays(columns, schema=OBSERVATION_SCHEMA))), ids

    def replace(self, rows: pa.Table) -> int:
        """Whole rows by id."""
        given = r.whole(rows)
        ids = np.unique(r.column(given, "id"))
        if len(ids) < given.num_rows:  # of several with the same id the last counts
            last = given.num_rows - 1 - np.unique(r.column(given, "id")[::-1], return_index=True)[1]
            given = r.take(given, last)
        with self._write:
            with self._log.writing() as connection:
                with self._state:
                    self._take_up(connection)
                    view = self._memory.view
                gone = view.by_ids(ids, GONE_SCHEMA.names)
                if not gone.num_rows:
                    return 0
                known = np.sort(r.column(gone, "id"))
                given = r.take(given, np.flatnonzero(r.among(r.column(given, "id"), known)))
                entry = Entry(view.number + 1, r.sorted_rows(given), _gone(gone))
                Log.put(connection, entry)
            with self._state:
                self._memory.apply(entry)
        self._maintain()
        return int(gone.num_rows)

    def remove(self, scan: ObservationScan) -> int:
        """For good."""
        plain = scan.where is None and scan.ids is None and scan.per_stream is None and scan.after is None
        if plain and scan.limit is None and not scan.offset:
            return self._erase(scan)
        found = [batch.column("id") for batch in self.read(replace(scan, columns=("id",)))]
        ids = (
            np.sort(np.concatenate([np.asarray(item.to_numpy()) for item in found])) if found else np.empty(0, np.int64)
        )
        gone = sum(self._remove_ids(ids[start : start + 500_000]) for start in range(0, len(ids), 500_000))
        self._maintain()
        return gone

    def _remove_ids(self, ids: np.ndarray) -> int:
        with self._write:
            with self._log.writing() as connection:
                with self._state:
                    self._take_up(connection)
                    view = self._memory.view
                gone = view.by_ids(ids, GONE_SCHEMA.names)
                if not gone.num_rows:
                    return 0
                entry = Entry(view.number + 1, gone=_gone(gone))
                Log.put(connection, entry)
            with self._state:
                self._memory.apply(entry)
        return int(gone.num_rows)

    def _erase(self, scan: ObservationScan) -> int:
        """By stream and time: what concerns whole segments costs nothing."""
        with self._write:
            with self._log.writing() as connection:
                with self._state:
                    self._take_up(connection)
                view, held = self._facts(scan.streams)
                reading = Reading(view, held, scan, self._sql)
                counts = reading.counts()
                streams, counts = held["stream"][counts > 0], counts[counts > 0]
                total = int(counts.sum())
                if not total:
                    return 0
                if total <= _FEW_REMOVED:
                    entry = Entry(view.number + 1, gone=_gone(view.gather(streams, scan.span, GONE_SCHEMA.names)))
                else:
                    named = None if scan.streams is None else np.unique(np.array(scan.streams, np.int64))
                    erased = Erased(view.number + 1, named, scan.span)
                    entry = Entry(erased.number, erased=erased, counts={"stream": streams, "count": counts})
                Log.put(connection, entry)
            with self._state:
                self._memory.apply(entry)
        self._maintain()
        return total

    # --- reading ---

    def read(self, scan: ObservationScan) -> Iterator[pa.RecordBatch]:
        """Rows in order, streamed."""
        view, held = self._facts(scan.streams, scan.ids)
        return Reading(view, held, scan, self._sql).rows()

    def count(self, scan: ObservationScan) -> int:
        """Without limit and offset."""
        view, held = self._facts(scan.streams, scan.ids)
        return Reading(view, held, scan, self._sql).count()

    def aggregate(self, scan: ObservationScan, bucket: Bucket) -> pa.Table:
        """Per stream and bucket."""
        view, held = self._facts(scan.streams, scan.ids)
        return Reading(view, held, scan, self._sql).aggregate(bucket)

    def summaries(self, streams: Sequence[int] | None = None) -> Mapping[int, Summary]:
        """What each stream holds."""
        with self._state:
            memory = self._follow()
            known = memory.summaries.stream if streams is None else np.unique(np.array(streams, np.int64))
            stale = memory.summaries.stale(known)
            if not len(stale):
                return self._told(memory.summaries, known)
            view, mine = memory.view, memory.summaries.copy()
        _renew(view, mine, stale)
        self._keep(view, mine, stale)
        return self._told(mine, known)

    @staticmethod
    def _told(summaries: Summaries, known: np.ndarray) -> Mapping[int, Summary]:
        found = summaries.get(known)
        ever = (found["next"] > 1) | (found["count"] > 0)
        return told({name: item[ever] for name, item in found.items()}, summaries.features)

    def _facts(
        self, streams: Sequence[int] | None, ids: Sequence[int] | None = None
    ) -> tuple[View, dict[str, np.ndarray]]:
        """A moment, and summaries of the streams of it that hold anything."""
        wanted = None if streams is None else np.unique(np.array(streams, np.int64))
        if ids is not None:
            named = np.unique(np.array(ids, np.int64) >> SEQUENCE_BITS)
            wanted = named if wanted is None else np.intersect1d(wanted, named)
        with self._state:
            memory = self._follow()
            known = memory.summaries.stream if wanted is None else wanted
            stale = memory.summaries.stale(known)
            view = memory.view
            mine = memory.summaries.copy() if len(stale) else memory.summaries
            found = mine.get(known)
        if len(stale):
            _renew(view, mine, stale)
            self._keep(view, mine, stale)
            found = mine.get(known)
        held = found["count"] > 0
        return view, {name: item[held] for name, item in found.items()}

    def _keep(self, view: View, renewed: Summaries, streams: np.ndarray) -> None:
        """Remember what was looked up, if nothing has changed meanwhile."""
        with self._state:
            if self._memory.number == view.number and self._memory.view.number == view.number:
                found = renewed.get(streams)
                pairs = [(one, item) for one in streams.tolist() for item in renewed.features.get(one, ())]
                self._memory.summaries.renew(streams, found, np.array(pairs, np.int64).reshape(-1, 2))

    def state(self) -> dict[str, int]:
        """How many rows, how many of them fresh, how many files of history, bytes of all."""
        rows = self.count(ObservationScan(None))
        with self._state:
            view, fresh = self._memory.view, self._memory.fresh
        size = sum(segment.bytes for segment in view.segments)
        for path in self._folder.glob("observations.sqlite*"):
            size += path.stat().st_size
        return {"rows": rows, "fresh": fresh, "files": len(view.segments), "bytes": size}

    # --- history ---

    def compact(self, progress: Callable[[float], None] = lambda _: None, *, whole: bool = False) -> None:
        """Move what is fresh into history, merge, erase."""
        with compacting.alone(self._log.folder, wait=True):
            self._compact(progress, whole)

    def _compact(self, progress: Callable[[float], None], whole: bool) -> None:
        with self._state:
            memory = self._follow()
            view, summaries, entries = memory.view, memory.summaries.copy(), memory.entries
        progress(0.0)
        if entries:
            stale = summaries.stale()
            if len(stale):
                _renew(view, summaries, stale)
            made = compacting.write_fresh(self._log, view)
            held = summaries.columns["count"] > 0
            tails = view.by_ids(np.sort(summaries.columns["last_id"][held]), r.NAMES, last=True)
            with self._write:
                compacting.flush(self._log, view, summaries, tails, made)
        done = 0.2
        while not self._closed:
            with self._state:
                view = self._follow().view
            group = compacting.next_merge(view, whole=whole)
            if not group:
                break
            part = (1.0 - done) / 2
            merged = compacting.merge(self._log, view, group, partial(_further, progress, done, part))
            done += part
            with self._write:
                compacting.swap(self._log, group, merged)
        with self._write:
            compacting.tidy(self._log, 0 if whole else compacting.GRACE)
            if whole:
                compacting.scrub(self._log)
        self._follow()
        progress(1.0)

    def _maintain(self) -> None:
        """Make history when it is due, in the background; when far too much is fresh, whoever adds more waits for it."""
        if not self._background or self._closed:
            return
        fresh, entries = self._memory.fresh, self._memory.entries
        if fresh < self._due and entries < _DUE_ENTRIES:
            return
        with self._starting:
            if self._compacting is None or not self._compacting.is_alive():
                self._compacting = Thread(target=self._in_background, name="nabe-observations", daemon=True)
                self._compacting.start()
            running = self._compacting
        if fresh > 4 * self._due:
            running.join()

    def _in_background(self) -> None:
        try:
            with compacting.alone(self._log.folder, wait=False) as we:
                if we:
                    self._compact(lambda _: None, False)
                else:  # another process is at it
                    time.sleep(1)
        except NabeError as error:
            logging.getLogger("nabe").warning("observations are not made history: %s", error)

    def load(self, tables: Iterator[pa.Table], progress: Callable[[int], None] = lambda _: None) -> int:
        """Past the row path: straight into history; all or none."""
        with compacting.alone(self._log.folder, wait=True):
            loading = Loading(self._log.segments, self._reserve)
            try:
                count = loading.take(tables, progress)
                self._log.sync()
                self._adopt(loading)
            except BaseException:
                loading.abandon()
                raise
        return count

    def _reserve(self, streams: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Give sequence numbers to so many rows of these sorted streams; the first of each."""
        with self._write:
            with self._log.writing() as connection:
                with self._state:
                    self._take_up(connection)
                    found = self._memory.summaries.get(streams)
                    number = self._memory.number + 1
                first = np.ones(len(streams), np.int64)
                first[np.searchsorted(streams, found["stream"])] = found["next"]
                entry = Entry(number, reserved={"stream": streams, "next": first + counts})
                Log.put(connection, entry)
            with self._state:
                self._memory.apply(entry)
        return first

    def _adopt(self, loading: Loading) -> None:
        """What was loaded counts from now on."""
        groups, pairs, tails = loading.found()
        if not len(groups["stream"]):
            return
        with self._write, self._log.writing() as connection:
            number = Log.state(connection).last + 1
            Log.put(connection, Entry(number, tails, groups=groups, features=pairs))
            for segment in loading.segments:
                self._log.add_segment(connection, replace(segment, since=number))
            self._log.next_generation(connection)


def _warm(view: View) -> None:
    """Read the footers of files, newest first, before somebody waits for them."""
    for segment in sorted(view.segments, key=lambda item: -item.month):
        segment.file.open()


def _further(progress: Callable[[float], None], done: float, part: float, share: float) -> None:
    progress(done + share * part)


def _gone(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows.select(GONE_SCHEMA.names)


def _renew(view: View, summaries: Summaries, streams: np.ndarray) -> None:
    """Look up the times of streams whose first or last has gone."""
    parts, pairs = [], [np.empty((0, 2), np.int64)]
    for rows in view.chunks(streams, Span(), ("until", "result_time", "feature")):
        parts.append(group_rows(rows))
        if rows.column("feature").null_count < rows.num_rows:
            pairs.append(r.pairs(r.column(rows, "stream"), r.column(rows, "feature")))
    names = ("stream", "first", "last", "end", "first_result", "last_result", "last_id")
    found = {name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0, np.int64) for name in names}
    summaries.renew(streams, united(found), np.concatenate(pairs))
