"""What was done with data, for whom and why: entries of the ledger."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger before it is chained.

    `action`: read, denied, failed, received (a file), declared, approved, login, login_failed, token_created, audited ...
    `fields` and `detail` never hold data values. `rows` is what was handed out (-1: not yet known, being streamed).
    """

    at: dt.datetime
    actor: str
    use_case: str
    action: str
    dataset: str = ""
    fields: tuple[str, ...] = ()
    rows: int = -1
    decision: str = ""
    interface: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry in the chain: `hash` = sha256 of `previous` and the entry's canonical JSON."""

    number: int
    entry: Entry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """Outcome of walking the chain. `broken_at`: number of the first entry that does not fit, None if all do."""

    entries: int
    broken_at: int | None = None
    why: str = ""
