"""Does a stream still send? Judged by its own rhythm, for devices of which nobody declared how often they should."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

#: So many of the newest times tell a rhythm.
NEWEST: Final = 4
_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE


class Pulse(StrEnum):
    """The rhythm is the middle of the last times between two values."""

    FRESH = "fresh"
    LATE = "late"  # three times its rhythm, and more than two minutes
    SILENT = "silent"  # more than ten times its rhythm, and more than an hour
    EMPTY = "empty"  # never sent


def pulse(newest_first: Sequence[int], now: int) -> Pulse:
    """From the newest times and `now` (µs since the epoch). A single time is judged by the hour."""
    if not newest_first:
        return Pulse.EMPTY
    steps = [later - earlier for later, earlier in itertools.pairwise(newest_first) if later > earlier]
    rhythm = statistics.median(steps) if steps else _HOUR
    age = now - newest_first[0]
    if age > max(10 * rhythm, _HOUR):
        return Pulse.SILENT
    return Pulse.LATE if age > max(3 * rhythm, 2 * _MINUTE) else Pulse.FRESH
