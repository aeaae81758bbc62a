"""What goes wrong with devices: lost frames, repeated ones, broken ones, clocks that are off."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from enum import StrEnum

#: The moment whose values a stuck device tells for ever, seconds since the epoch.
STUCK_AT = 1_790_000_000.0


class Fate(StrEnum):
    """What becomes of a message on its way."""

    WELL = "well"
    LOST = "lost"
    TWICE = "twice"
    SPOILT = "spoilt"


def fate(rng: random.Random) -> Fate:
    """Of a hundred messages one is lost, two come twice, every other hundred has one that is broken."""
    dice = rng.random()
    if dice < 0.01:
        return Fate.LOST
    return Fate.TWICE if dice < 0.03 else Fate.SPOILT if dice < 0.035 else Fate.WELL


def spoilt(body: bytes, rng: random.Random) -> bytes:
    """The message cut off, or with a value that is none."""
    if rng.random() < 0.5:
        return body[: len(body) // 2]
    return (
        body.replace(b'"result":', b'"result":NaN,"x":')
        .replace(b'"data":"', b'"data":"!')
        .replace(b'"ENERGY":{', b'"ENERGY":[{')
    )


#: What a device with a wrong clock believes: never set since GPS began; an old date; summer time that nobody ended.
CLOCKS: Mapping[str, Callable[[float], float]] = {
    "chirpstack": lambda now: 315_964_800.0 + now % 86_400,
    "things_stack": lambda now: now,
    "json": lambda now: 1_546_300_800.0 + now % 86_400,
    "sensing": lambda now: now - 3_600.0,
}
