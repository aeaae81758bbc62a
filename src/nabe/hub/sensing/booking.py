"""What reading and writing sensor data leaves in the ledger: many small acts are one line a minute, with their number."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from nabe.errors import Denied
from nabe.model.ledger import Entry
from nabe.model.party import Actor
from nabe.ports.ledger import Ledger
from nabe.query.sensing import View

#: Seconds after which what was counted is written.
EVERY_S: Final = 60.0
_MOST: Final = 5_000
#: actor, use case, action, dataset, decision, interface, detail
_Key = tuple[str, str, str, str, str, str, str]


class Booking:
    """Counts acts by who, what and where; written every minute, when asked, and at the end.

    What is read of a closed dataset is written durably before it is handed out, each time. Everything else is lost, at most a
    minute of it, when the process is killed.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], dt.datetime]) -> None:
        self._ledger, self._clock = ledger, clock
        self._lock = threading.Lock()
        self._counted: dict[_Key, list[int]] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def read(self, actor: Actor, use_case: str, view: View, rows: Mapping[str, int], interface: str) -> None:
        """Before these rows are handed out."""
        now = []
        for dataset, count in rows.items():
            seen = view.datasets[dataset]
            if seen.closed:
                now.append(
                    Entry(
                        self._clock(), actor.id, use_case, "read", dataset, seen.fields, count, seen.decision, interface
                    )
                )
            else:
                self._count((actor.id, use_case, "read", dataset, seen.decision, interface, ""), count)
        if now:
            self._ledger.append(now, durable=True)

    def act(self, actor: Actor, action: str, rows: Mapping[str, int], view: View, interface: str) -> None:
        """Something was written: so many rows of each dataset."""
        for dataset, count in rows.items():
            seen = view.datasets.get(dataset)
            self._count((actor.id, "", action, dataset, seen.decision if seen else "", interface, ""), count)

    def denied(self, actor: Actor, error: Denied, interface: str) -> None:
        """Somebody was refused."""
        detail = ",".join(reason for reason, _ in error.reasons)
        self._count((actor.id, "", "denied", str(error.params.get("dataset", "")), "", interface, detail), 0)

    def at_once(self, actor: Actor, action: str, dataset: str, rows: int, interface: str, detail: str) -> None:
        """Something that deserves a line of its own, durably."""
        entry = Entry(self._clock(), actor.id, "", action, dataset, (), rows, "", interface, detail)
        self._ledger.append([entry], durable=True)

    def flush(self) -> None:
        """Write what was counted."""
        with self._lock:
            counted, self._counted = self._counted, {}
        if not counted:
            return
        at = self._clock()
        entries = []
        for (actor, use_case, action, dataset, decision, interface, detail), (times, rows) in counted.items():
            words = f"{times} times" if times > 1 else ""
            said = "; ".join(word for word in (detail, words) if word)
            entries.append(Entry(at, actor, use_case, action, dataset, (), rows, decision, interface, said))
        self._ledger.append(entries, durable=False)

    def close(self) -> None:
        """Write what was counted and end."""
        with self._lock:
            self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5)
        self.flush()

    def _count(self, key: _Key, rows: int) -> None:
        with self._lock:
            sums = self._counted.setdefault(key, [0, 0])
            sums[0] += 1
            sums[1] += rows
            full = len(self._counted) > _MOST
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="booking", daemon=True)
                self._thread.start()
        if full:
            self.flush()

    def _run(self) -> None:
        while not self._wake.wait(EVERY_S):
            self.flush()


def tally(datasets: Counter[str]) -> Mapping[str, int]:
    """Rows by dataset, in the order of names."""
    return dict(sorted(datasets.items()))
