"""Good manners towards a server: not too often, later when it says so, again when it failed for a moment."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from nabe.errors import SourceUnavailable
from nabe.outbound.client import Answer, Client

#: Statuses after which the same question may well be answered: too many requests, and a server in trouble (RFC 9110).
AGAIN = frozenset({429, 500, 502, 503, 504})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 8.0
#: A server may not silence itself for longer than this.
_LONGEST_HOLD_S = 3600.0


class Manners:
    """How one system is asked, by all threads together.

    `per_second`: most requests (0: as many as come). `retries`: how often a GET that failed for a moment is repeated,
    within the client's time-out. `Retry-After` holds for every thread; a wait that would not fit into the time-out is
    not begun but told.
    """

    def __init__(
        self,
        client: Client,
        *,
        per_second: float = 0.0,
        retries: int = 2,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client, self._retries = client, retries
        self._gap = 1.0 / per_second if per_second else 0.0
        self._clock, self._sleep, self._chance = clock, sleep, chance
        self._next = 0.0
        self._lock = threading.Lock()

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a GET, whatever its status; one of `AGAIN` only after the last try.

        Raises `SourceUnavailable` or `SourceRefused` as `Client.ask` does.
        """
        deadline = self._clock() + self._client.timeout_s
        for left in range(self._retries, -1, -1):
            self._wait_turn(url, deadline)
            try:
                answer = self._client.ask(url, headers=headers, timeout_s=max(deadline - self._clock(), 0.1))
            except SourceUnavailable:
                if not left or not self._may_pause(self._pause(left), deadline):
                    raise
                continue
            wanted = retry_after(answer.headers.get("retry-after", ""))
            if answer.status not in AGAIN:
                return answer
            if wanted is not None:
                self._hold_back(min(wanted, _LONGEST_HOLD_S))
            if not left:
                return answer
            if wanted is None and not self._may_pause(self._pause(left), deadline):
                return answer
            answer.close()
        raise AssertionError("the last try returns or raises")

    def _wait_turn(self, url: str, deadline: float) -> None:
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            if turn <= deadline:
                self._next = turn + self._gap
        if turn > deadline:
            raise self._client.unavailable(url, f"it asks to be left alone for {turn - now:.0f} seconds")
        if turn > now:
            self._sleep(turn - now)

    def _hold_back(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)

    def _pause(self, left: int) -> float:
        """Twice as long each time, and never quite the same: clients that failed together must not return together."""
        longest = min(_FIRST_PAUSE_S * 2.0 ** (self._retries - left), _LONGEST_PAUSE_S)
        return longest * (0.5 + self._chance() / 2)

    def _may_pause(self, seconds: float, deadline: float) -> bool:
        if self._clock() + seconds > deadline:
            return False
        self._sleep(seconds)
        return True


def retry_after(text: str) -> float | None:
    """Seconds to wait by a `Retry-After` header (RFC 9110, 10.2.3): a number or a date; None if it says nothing."""
    text = text.strip()
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max((moment - dt.datetime.now(dt.UTC)).total_seconds(), 0.0)
