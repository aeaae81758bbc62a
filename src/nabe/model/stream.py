"""Datasets that come as a stream: who may write, what is dropped before anything is stored, how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MinimiseKind(StrEnum):
    """What a rule does to a value before it is stored (GDPR Art. 5 (1) c, Art. 25)."""

    DROP = "drop"  # the value, or the key inside a JSON property
    ROUND = "round"  # a number to a step
    ROUND_TIME = "round_time"  # a time down to a multiple of a duration
    ROUND_PLACE = "round_place"  # coordinates to a grid of metres
    HASH = "hash"  # an identifier by a salt that changes with a period and is then forgotten
    AGGREGATE = "aggregate"  # only one value per interval is stored
    MIN_COUNT = "min_count"  # counts below a minimum are not stored


class Aggregate(StrEnum):
    """How the values of an interval become one."""

    MEAN = "mean"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Minimise:
    """One rule. `path`: from the Observation, as in SensorThings (`result`, `parameters/plate`, `phenomenonTime`,
    `Datastream/Thing/Locations/location`).

    `step`: of ROUND (in the value's unit), of ROUND_PLACE (metres), the minimum of MIN_COUNT. `every`: ISO 8601 duration
    of ROUND_TIME, AGGREGATE, and of the salt of HASH. `function` is of AGGREGATE.
    `observed_properties`: only streams of these (names); none: all of the dataset.
    """

    kind: MinimiseKind
    path: str
    step: float = 0.0
    every: str = ""
    function: Aggregate = Aggregate.MEAN
    observed_properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """How a dataset is fed. `writers`: ids of accounts (devices, gateways) that may write beside its owner's people;
    `anonymous` lets anyone. `retention`: ISO 8601 duration after which observations are erased; empty: never.
    """

    writers: tuple[str, ...] = ()
    minimise: tuple[Minimise, ...] = ()
    retention: str = ""
