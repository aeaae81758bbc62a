"""When something was measured: which of the clocks is believed. Pure.

A message brings up to three times: the device's own (if its payload tells one), that of a gateway with a clock of its own,
and that of the network server; and it comes to Nabe at a fourth, which alone we know to be right. The first that can be true
counts:

- the device's, if it lies at most `AHEAD` after and at most `BEHIND` before the server's;
- the gateway's, likewise (a gateway that was cut off hands over late what it heard);
- the server's, if it is not later than `AHEAD` after the message came, nor before `FIRST`;
- else the moment at which the message came.

A time that was told and not believed is kept with the observation (`parameters.told`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

_SECOND: Final = 1_000_000
#: What clocks may be fast, and how long a device or gateway may hold something back.
AHEAD: Final = 2 * 60 * _SECOND
BEHIND: Final = 30 * 86_400 * _SECOND
#: Earlier readings in a message may be this old: a datalogger that was read once a year.
EARLIER: Final = 400 * 86_400 * _SECOND
#: No clock of a network server stood before this: 2015-01-01.
FIRST: Final = 1_420_070_400 * _SECOND
_LAST: Final = 7_258_118_400 * _SECOND


@dataclass(frozen=True, slots=True)
class Moments:
    """`measured`: what counts, µs; `received`: when the network had it; `disbelieved`: a time that cannot be true."""

    measured: int
    received: int
    disbelieved: int | None = None


def moments(came: int, received: int | None, heard: int | None = None, device: int | None = None) -> Moments:
    """Which of the times counts. `came`: when the message came to Nabe."""
    disbelieved = None
    base = came
    if received is not None:
        if FIRST <= received <= came + AHEAD:
            base = received
        else:
            disbelieved = received
    for told in (device, heard):
        if told is None:
            continue
        if base - BEHIND <= told <= base + AHEAD:
            return Moments(told, base, disbelieved)
        disbelieved = told if disbelieved is None else disbelieved
    return Moments(base, base, disbelieved)


def earlier(told: int, base: int) -> bool:
    """Can an earlier reading be of this time?"""
    return base - EARLIER <= told <= base + AHEAD


def moment_of(value: Any) -> int | None:
    """A time inside a payload in µs: seconds, ms or µs since the epoch, or RFC 3339; None if it is none."""
    if isinstance(value, str):
        try:
            found = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        found = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
        return (found - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e17:
        return None
    scale = _SECOND if value < 1e11 else 1_000 if value < 1e14 else 1
    told = int(value * scale)
    return told if told < _LAST else None


def iso(moment: int) -> str:
    """µs as RFC 3339."""
    return (
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")
    )
