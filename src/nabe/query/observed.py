"""What an Observation's own properties are among the columns of `model.observation.OBSERVATION_SCHEMA`, for `query.terms`."""

from __future__ import annotations

import time
from dataclasses import replace

from nabe.errors import Invalid
from nabe.model.term import Path, Term, paths_of
from nabe.query.terms import Column, Dialect, Kind, condition

_STREAM = Column('"stream"', Kind.NUMBER)
_COLUMNS = {
    ("id",): Column('"id"', Kind.NUMBER),
    ("phenomenonTime",): Column('"time"', Kind.TIME, more='"until"', stamp=True),
    ("phenomenonTime", "start"): Column('"time"', Kind.INSTANT, stamp=True),
    ("phenomenonTime", "end"): Column('coalesce("until", "time")', Kind.INSTANT, stamp=True),
    ("resultTime",): Column('"result_time"', Kind.INSTANT, stamp=True),
    ("validTime",): Column('"valid_from"', Kind.INTERVAL, more='"valid_until"', stamp=True),
    ("validTime", "start"): Column('"valid_from"', Kind.INSTANT, stamp=True),
    ("validTime", "end"): Column('"valid_until"', Kind.INSTANT, stamp=True),
    ("result",): Column('"number"', Kind.RESULT, more='"text"'),
    ("FeatureOfInterest", "id"): Column('"feature"', Kind.NUMBER),
    ("Datastream", "id"): _STREAM,
    ("MultiDatastream", "id"): _STREAM,
}
_JSON = {"result": "text", "parameters": "parameters", "resultQuality": "quality"}
_READ = {
    "id": ("id",),
    "phenomenonTime": ("time", "until"),
    "resultTime": ("result_time",),
    "validTime": ("valid_from", "valid_until"),
    "result": ("number", "text"),
    "FeatureOfInterest": ("feature",),
    "Datastream": ("stream",),
    "MultiDatastream": ("stream",),
    "parameters": ("parameters",),
    "resultQuality": ("quality",),
}


def column(path: Path) -> Column:
    """A path from an Observation. `Invalid` for one that leads elsewhere."""
    found = _COLUMNS.get(tuple(map(str, path.steps)))
    if found is not None:
        return found
    first, *keys = path.steps or ("",)
    if first in _JSON:
        return Column(f'"{_JSON[str(first)]}"', Kind.JSON, keys=tuple(keys))
    raise Invalid(f"An Observation has no property {'/'.join(map(str, path.steps))[:100]!r} of its own.")


def read_by(term: Term | None) -> tuple[str, ...]:
    """Columns that a filter looks at."""
    if term is None:
        return ()
    return tuple({name for path in paths_of(term) for name in _READ.get(str(path.steps[0]) if path.steps else "", ())})


def where(term: Term, dialect: Dialect, *, stamp: bool = True) -> str:
    """A filter as SQL over these columns. `stamp`: times are the engine's timestamps; else microseconds."""

    def find(path: Path) -> Column:
        found = column(path)
        return found if stamp else replace(found, stamp=False)

    return condition(term, find, dialect, now=time.time_ns() // 1000)
