"""What one question about sensors may cost."""

from __future__ import annotations

import time
from typing import Final

from nabe.errors import LimitExceeded, TimedOut

#: Rows of a page if none is asked for, the most that may be asked for, and the same inside an expansion.
PAGE: Final = 100
MOST: Final = 10_000
NESTED: Final = 1_000
#: Rows of one answer, those of expansions included.
ROWS: Final = 100_000
#: Levels of expansions inside each other, and expansions in all.
DEPTH: Final = 8
EXPANSIONS: Final = 100
#: Entities that a condition may leave on the way to observations, and rows that are sorted here.
IDS: Final = 100_000
SORTED: Final = 100_000
#: Different values of one path when it is compared with values of observations.
VALUES: Final = 500


class Meter:
    """The rows and the time of one question."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._seconds = seconds
        self._rows = 0

    def rows(self, more: int) -> None:
        """So many more rows for the answer. `LimitExceeded`, `TimedOut`."""
        self._rows += more
        if self._rows > ROWS:
            raise LimitExceeded(
                f"The answer would have more than {ROWS} entities.",
                hint="Take a smaller $top, also inside $expand, and follow @iot.nextLink.",
                limit=ROWS,
            )
        self.tick()

    def tick(self) -> None:
        """`TimedOut` if it has taken too long."""
        if time.monotonic() > self._until:
            raise TimedOut(
                f"The question took longer than {self._seconds:g} seconds.",
                hint="Filter more, or ask for fewer at a time.",
            )


def too_many(what: str, most: int) -> LimitExceeded:
    """The error for more intermediate things than are kept in memory."""
    return LimitExceeded(f"More than {most} {what} take part in this question.", hint="Filter more.", limit=most)
