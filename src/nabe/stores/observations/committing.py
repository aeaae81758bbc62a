"""Group commit: whoever finds nobody at it commits for all that wait, then hands over to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import pyarrow as pa

#: Rows of one commit, about.
_MOST = 200_000


def _shut() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class Request:
    """Rows that a thread waits for. `same`: another delivery of this commit with the same key, whose ids these are."""

    table: pa.Table
    key: str = ""
    ids: np.ndarray | None = None
    same: Request | None = None
    error: BaseException | None = None
    lead: bool = False
    woken: Lock = field(default_factory=_shut)


class Commits:
    """A queue of requests; `commit` makes several durable at once."""

    def __init__(self, commit: Callable[[Sequence[Request]], None]) -> None:
        self._commit = commit
        self._lock = Lock()
        self._queue: list[Request] = []
        self._busy = False

    def put(self, request: Request) -> np.ndarray:
        """Wait until it is durable; its ids."""
        with self._lock:
            self._queue.append(request)
            lead = not self._busy
            self._busy = True
        if not lead:
            request.woken.acquire()
        if lead or request.lead:
            self._serve()
        if request.error is not None:
            raise request.error
        ids = request.ids if request.same is None else request.same.ids
        assert ids is not None
        return ids

    def _serve(self) -> None:
        with self._lock:
            batch: list[Request] = []
            rows = 0
            while self._queue and (not batch or rows + self._queue[0].table.num_rows <= _MOST):
                batch.append(self._queue.pop(0))
                rows += batch[-1].table.num_rows
        try:
            self._commit(batch)
        except BaseException as error:  # all of them failed, whatever it was
            for request in batch:
                request.error = error
        with self._lock:
            following = self._queue[0] if self._queue else None
            self._busy = following is not None
        if following is not None:
            following.lead = True
            following.woken.release()
        for request in batch[1:]:  # the first is whoever runs this
            request.woken.release()
