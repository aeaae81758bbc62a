"""Observations as columns: how they come in, lie in the store and go out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from nabe.model.term import Term

_MOMENT = pa.timestamp("us", tz="UTC")

#: One row per observation. `stream`: id of the Datastream or MultiDatastream. `time`: phenomenonTime or its start, `until`
#: its end (null: an instant). `number`: the result where it is a JSON number that a double holds exactly, else null; `text`: any other
#: result as JSON text; both null: the result is null. `quality`, `parameters`: JSON text. `feature`: id of the FeatureOfInterest.
OBSERVATION_SCHEMA: Final = pa.schema(
    [
        pa.field("stream", pa.int64(), nullable=False),
        pa.field("id", pa.int64(), nullable=False),
        pa.field("time", _MOMENT, nullable=False),
        pa.field("until", _MOMENT),
        pa.field("result_time", _MOMENT),
        pa.field("number", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("quality", pa.string()),
        pa.field("valid_from", _MOMENT),
        pa.field("valid_until", _MOMENT),
        pa.field("parameters", pa.string()),
        pa.field("feature", pa.int64()),
    ]
)
#: As they come in: all but `id`, which the store gives. Columns that are absent are null throughout.
INCOMING_SCHEMA: Final = pa.schema([field for field in OBSERVATION_SCHEMA if field.name != "id"])

#: An observation's id holds its stream, so that it is found without an index, and fits the integers of JavaScript (2**53):
#: `stream << SEQUENCE_BITS | sequence`, `sequence` counting from 1 in each stream, never given twice.
SEQUENCE_BITS: Final = 31


def observation_id(stream: int, sequence: int) -> int:
    """The id of the `sequence`-th observation of a stream."""
    return stream << SEQUENCE_BITS | sequence


def stream_of(id: int) -> int:
    """The stream that an observation's id belongs to."""
    return id >> SEQUENCE_BITS


@dataclass(frozen=True, slots=True)
class Span:
    """Times from `start` (included) until `end` (not included), microseconds since the epoch; None: no bound."""

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a stream holds, known without reading it. Times in microseconds since the epoch; None: no observations.

    `last_time`: the latest end of a phenomenon time. `last`: the id of the observation whose phenomenon time starts latest.
    `features`: ids of the FeaturesOfInterest that its observations name, at most 100 (from these comes `observedArea`).
    """

    stream: int
    count: int
    first_time: int | None
    last_time: int | None
    first_result_time: int | None
    last_result_time: int | None
    last: int | None
    features: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservationScan:
    """Observations wanted from the store.

    `streams` None: all of them; `ids`: only these. `where`: over an Observation's own properties (`("result",)`,
    `("phenomenonTime",)`, `("parameters", "key")`, `("id",)`, `("FeatureOfInterest", "id")`). `order`: "time", "id", "result_time" or "number"; equals come by id (descending, too, when the order is); missing values last ascending, first descending; `per_stream`: at most so many of each stream (in this order), before `limit` and `offset`.
    `after`: only what comes after this (value of the order column, id) in this order: keyset paging.
    """

    streams: tuple[int, ...] | None
    span: Span = Span()
    ids: tuple[int, ...] | None = None
    where: Term | None = None
    columns: tuple[str, ...] | None = None
    order: str = "id"
    descending: bool = False
    per_stream: int | None = None
    limit: int | None = None
    offset: int = 0
    after: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Aggregation over time: one row per stream and bucket of `width` microseconds, counted from `origin`."""

    width: int
    origin: int = 0
