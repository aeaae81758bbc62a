"""The wall against guessing passwords: after a few wrong ones, each try has to wait twice as long as the one before.

Counted per name and per client, in the database, so that neither a restart nor a second process forgets. A try counts as
wrong from its beginning until it has succeeded: a hundred guesses sent at once are a hundred guesses.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from nabe.errors import TooManyRequests
from nabe.stores.relational.database import writing
from nabe.stores.relational.tables import ATTEMPT

#: Wrong guesses of a name or from a client before log-in slows down.
FREE_GUESSES = 5
_FORGET_AFTER = dt.timedelta(hours=1)
#: A name waits a minute at most, so that nobody can lock others out; 1,440 guesses a day find no password of 8 signs.
#: A client may be a whole office behind one address, or somebody who tries many names.
_LONGEST_WAIT_S = {"name": 60.0, "client": 900.0}


@dataclass(slots=True)
class _Count:
    key: str
    failures: int
    last: str | None


class Guessing:
    """Counts tries."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def begin(self, name: str, client: str, at: dt.datetime) -> Attempt:
        """Count a try; `TooManyRequests` (and not counted) if it comes too early."""
        keys = [f"name:{_plain(name)}", f"client:{_plain(client)}"]
        before = []
        with writing(self._engine) as connection:
            connection.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.last < moment(at - _FORGET_AFTER)))
            rows = {row.key: row for row in connection.execute(sa.select(ATTEMPT).where(ATTEMPT.c.key.in_(keys)))}
            for key in keys:
                row = rows.get(key)
                if row is not None:
                    _wait(row, at)
                before.append(_Count(key, row.failures if row else 0, row.last if row else None))
            connection.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.key.in_(keys)))
            counted = [{"key": item.key, "failures": item.failures + 1, "last": moment(at)} for item in before]
            connection.execute(sa.insert(ATTEMPT), counted)
        return Attempt(self._engine, before, moment(at))


@dataclass(slots=True)
class Attempt:
    """A try that is under way."""

    engine: sa.Engine
    before: list[_Count]
    at: str

    def succeeded(self) -> None:
        """It was no guess: the name starts afresh, the client's other tries still count."""
        name, client = self.before
        with writing(self.engine) as connection:
            connection.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.key == name.key))
            mine = ATTEMPT.c.key == client.key
            connection.execute(sa.update(ATTEMPT).where(mine).values(failures=ATTEMPT.c.failures - 1))
            if client.last is not None:
                alone = mine & (ATTEMPT.c.last == self.at)
                connection.execute(sa.update(ATTEMPT).where(alone).values(last=client.last))
            connection.execute(sa.delete(ATTEMPT).where(mine & (ATTEMPT.c.failures <= 0)))


def _wait(row: sa.Row[tuple[object, ...]], at: dt.datetime) -> None:
    if row.failures < FREE_GUESSES:
        return
    longest = _LONGEST_WAIT_S[row.key.partition(":")[0]]
    passed = (at - dt.datetime.fromisoformat(row.last)).total_seconds()
    wait = min(2.0 ** min(row.failures - FREE_GUESSES, 30), longest) - passed
    if wait > 0:
        raise TooManyRequests(
            "Too many wrong log-ins.", retry_after=wait, hint=f"Try again in {int(wait) + 1} seconds."
        )


def moment(at: dt.datetime) -> str:
    """A time as kept: UTC, all of one length, so that texts sort as times."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:200]
