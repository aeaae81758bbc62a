"""A few open connections of one database, lent to one question at a time."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

_IDLE = 4


class Pool:
    """`with pool.lend() as connection`; one that failed is thrown away, so that a restarted server is found again."""

    def __init__(self, connect: Callable[[], Any], alive: Callable[[Any], bool]) -> None:
        self._connect = connect
        self._alive = alive
        self._idle: deque[Any] = deque()
        self._lock = Lock()
        self._closed = False

    @contextlib.contextmanager
    def lend(self) -> Any:
        """A connection; given back if all went well."""
        connection = self._take()
        try:
            yield connection
        except BaseException:
            _close(connection)
            raise
        self._give_back(connection)

    def _take(self) -> Any:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect()
            if self._alive(connection):
                return connection
            _close(connection)

    def _give_back(self, connection: Any) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE:
                self._idle.append(connection)
                return
        _close(connection)

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            self._closed = True
            idle, self._idle = list(self._idle), deque()
        for connection in idle:
            _close(connection)


def _close(connection: Any) -> None:
    with contextlib.suppress(Exception):
        connection.close()
