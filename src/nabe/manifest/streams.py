"""Does a dataset that comes as a stream say what it must? Every finding names the part and what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nabe.manifest.problems import nearest
from nabe.model.dataset import Dataset, Mode, System
from nabe.model.entities import EntityType, ValueType
from nabe.model.flat import NoPath, Place, fitting, place
from nabe.model.periods import parse_period
from nabe.model.stream import Minimise, MinimiseKind

#: (path in the document, message, hint)
Finding = tuple[tuple[Any, ...], str, str]

_K, _V = MinimiseKind, ValueType
#: kind -> the parts that mean something for it, beyond kind, path and observed_properties.
_PARTS: Mapping[MinimiseKind, tuple[str, ...]] = {
    _K.DROP: (),
    _K.ROUND: ("step",),
    _K.ROUND_TIME: ("every",),
    _K.ROUND_PLACE: ("step",),
    _K.HASH: ("every",),
    _K.AGGREGATE: ("every", "function"),
    _K.MIN_COUNT: ("step",),
}
#: kind -> the types of properties that it works on; inside JSON everything may be anything.
_ON: Mapping[MinimiseKind, tuple[ValueType, ...]] = {
    _K.DROP: tuple(ValueType),
    _K.ROUND: (_V.RESULT, _V.JSON),
    _K.ROUND_TIME: (_V.TIME, _V.INSTANT, _V.INTERVAL),
    _K.ROUND_PLACE: (_V.GEOMETRY,),
    _K.HASH: (_V.TEXT, _V.JSON, _V.RESULT),
    _K.AGGREGATE: (_V.RESULT,),
    _K.MIN_COUNT: (_V.RESULT,),
}


def check_stream(dataset: Dataset, system: System | None, adapters: Mapping[str, Any]) -> Iterator[Finding]:
    """All findings about a dataset as a stream; none for any other dataset whose silo is no stream."""
    if dataset.product is not None:
        return
    adapter = adapters.get(system.adapter) if system is not None else None
    feeds = bool(getattr(adapter, "streams", False))
    if dataset.mode is not Mode.STREAM:
        if dataset.stream is not None:
            yield ("stream",), "means something for mode: stream only", "mode: stream"
        if feeds and system is not None:
            yield ("mode",), f"{system.id!r} is no silo that could be read; what it holds comes in", "mode: stream"
        return
    if adapter is not None and system is not None and not feeds:
        able = [id for id, item in adapters.items() if getattr(item, "streams", False)]
        yield (
            ("mode",),
            f"{system.id!r} ({system.adapter}) does not feed a stream",
            f"adapters that do: {', '.join(able)}",
        )
    if dataset.snapshots is not None:
        yield (
            ("snapshots",),
            "a stream keeps its own history",
            "leave it out; stream.retention says how long it is kept",
        )
    for number, field in enumerate(dataset.fields):
        yield from ((("fields", number, *part), message, hint) for part, message, hint in _column(field))
    if dataset.stream is None:
        yield ("stream",), "does not say how it is fed", "stream: {writers: [an account]}"
        return
    if dataset.stream.retention and parse_period(dataset.stream.retention) is None:
        message = f"{dataset.stream.retention!r} is no duration"
        yield ("stream", "retention"), message, "ISO 8601, e.g. P2Y, P90D"
    for number, rule in enumerate(dataset.stream.minimise):
        for part, message, hint in _rule(rule):
            yield ("stream", "minimise", number, *part), message, hint


def _column(field: Any) -> Iterator[Finding]:
    try:
        types = fitting(place(field.source_column))
    except NoPath as error:
        part = ("column",) if field.column else ("name",)
        yield part, str(error), _paths(error)
        return
    if field.type not in types:
        known = ", ".join(item.value for item in types)
        yield ("type",), f"{field.source_column!r} cannot be {field.type.value}", f"possible: {known}"


def _paths(error: NoPath) -> str:
    if error.known:
        return nearest(error.wrong, error.known)
    return "from the Observation: result, phenomenonTime, Datastream/Thing/name …"


def _rule(rule: Minimise) -> Iterator[Finding]:
    default = Minimise(rule.kind, rule.path)
    for name in ("step", "every", "function"):
        if name not in _PARTS[rule.kind] and getattr(rule, name) != getattr(default, name):
            parts = ", ".join(_PARTS[rule.kind]) or "nothing else"
            yield (name,), f"{name!r} means nothing for {rule.kind.value}", f"it takes {parts}"
    try:
        at = place(rule.path)
    except NoPath as error:
        yield ("path",), str(error), _paths(error)
        return
    yield from _target(rule, at)
    if "step" in _PARTS[rule.kind] and not 0 < rule.step < float("inf"):
        yield ("step",), f"{rule.kind.value} needs a step above 0", "step: 10"
    if "every" in _PARTS[rule.kind]:
        yield from _every(rule)


def _target(rule: Minimise, at: Place) -> Iterator[Finding]:
    """Can this kind of rule work on what the path leads to?"""
    if at.property is None:
        yield ("path",), "an id is no value to be minimised", "a property"
        return
    inside = len(at.keys) > 1
    if rule.kind in (_K.AGGREGATE, _K.MIN_COUNT) and (at.type, at.keys) != (EntityType.OBSERVATION, ("result",)):
        yield ("path",), f"{rule.kind.value} works on the result only", "path: result"
    elif at.property.type not in _ON[rule.kind]:
        able = ", ".join(item.value for item in _ON[rule.kind])
        yield ("path",), f"{rule.kind.value} does not work on {at.property.type.value}", f"on {able}"
    elif rule.kind is _K.DROP and at.property.required and not inside:
        yield ("path",), f"{at.type.value} cannot be without {at.keys[0]!r}", "a key inside it, or another kind of rule"
    elif inside and at.property.type in (_V.TIME, _V.INTERVAL, _V.GEOMETRY):
        yield ("path",), f"{at.keys[0]!r} is minimised as a whole", f"path: {rule.path.rpartition('/')[0]}"
    elif rule.observed_properties and at.type not in (EntityType.OBSERVATION, EntityType.DATASTREAM):
        yield ("observed_properties",), "mean something for observations and their streams only", "leave them out"


def _every(rule: Minimise) -> Iterator[Finding]:
    period = parse_period(rule.every)
    if period is None:
        yield ("every",), f"{rule.every!r} is no duration", "ISO 8601, e.g. PT15M or P1D"
    elif rule.kind is not _K.HASH and period.months:
        yield ("every",), f"{rule.every!r} is not always equally long", "weeks, days, hours, minutes or seconds"
    elif not period.months and period.days * 86_400 + period.seconds < 1:
        yield ("every",), "shorter than a second", "PT1S or longer"
