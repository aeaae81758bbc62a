"""What catalogue, ledger and identity cost on the hot path, on SQLite and (with `--postgres`) on PostgreSQL.

Targets on SQLite: snapshot <= 20 us when nothing changed, by_token <= 5 us. Run: `python benchmarks/store.py [--postgres]`.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable

from nabe.model.catalogue import Change, kind_of
from nabe.stores.relational import RelationalStore
from nabe.testing import servers
from nabe.testing.canary_city import nouns
from nabe.testing.store_conformance import EVA, NOW, entry


def each(call: Callable[[], object], times: int) -> float:
    """Microseconds per call."""
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times * 1e6


def threads(call: Callable[[], object], number: int, times: int) -> float:
    """Calls a second of so many threads."""
    started = [threading.Thread(target=lambda: [call() for _ in range(times)]) for _ in range(number)]
    start = time.perf_counter()
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return number * times / (time.perf_counter() - start)


def measure(name: str, url: str) -> None:
    """Print a line per figure."""
    store = RelationalStore(url)
    changes = [Change(kind_of(noun), noun.id, noun) for noun in nouns()]
    store.catalogue.commit(changes, author="x", at=NOW, expect=0)
    store.identity.put_account(EVA, None)
    _, secret = store.identity.create_token("eva", "x", at=NOW, expires=None)
    store.catalogue.snapshot()
    store.identity.by_token(secret, at=NOW)
    ledger = store.ledger
    figures = {
        "snapshot, us": each(store.catalogue.snapshot, 20_000),
        "by_token, us": each(lambda: store.identity.by_token(secret, at=NOW), 20_000),
        "durable entries/s, one thread": 1e6 / each(lambda: ledger.append([entry()]), 200),
        "durable entries/s, 32 threads": threads(lambda: ledger.append([entry()]), 32, 50),
        "queued entries/s": 1e6 / each(lambda: ledger.append([entry()], durable=False), 20_000),
    }
    ledger.append([entry()])
    start = time.perf_counter()
    check = ledger.verify()
    figures["verified entries/s"] = check.entries / (time.perf_counter() - start)
    for what, value in figures.items():
        print(f"{name:10} {what:32} {value:12,.1f}")
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/nabe.sqlite")
    if "--postgres" in sys.argv:
        with servers.postgres() as server:
            measure("PostgreSQL", server.url)
