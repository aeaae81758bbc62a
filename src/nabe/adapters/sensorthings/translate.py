"""Entities as they come into records that the ways of columns can follow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nabe.adapters.sensorthings.entities import Way
from nabe.adapting.json_http.paths import Row, Step, walk


def interval(value: Any, instants: bool = False) -> Any:
    """`begin` and `end` of an instant or interval in ISO 8601; an open end (`..`) is missing.

    `instants`: an interval is no value; it stays as it is written, which no time can be read from.
    """
    if not isinstance(value, str):
        return value
    begin, slash, end = (part.strip() for part in value.partition("/"))
    if not slash:
        return {"begin": begin, "end": begin}
    if instants and begin != end:
        return {"begin": value, "end": value}
    return {"begin": None if begin == ".." else begin, "end": None if end == ".." else end}


def shaped(rows: Iterator[Row], ways: Iterable[Way], numeric: Iterable[Way], *, instants: bool) -> Iterator[Row]:
    """The records with their times taken apart; a result of `numeric` that is no number is none that fits."""
    times = {(way.holder, way.member, instants and way.entity == "Observations") for way in ways if way.time}
    results = {way.holder for way in numeric if way.member == "result" and len(way.own) == 1}
    if not times and not results:
        yield from rows
        return
    for row in rows:
        for holder, name, strict in times:
            for entity in _holders(row.value, holder):
                if isinstance(entity.get(name), str):
                    entity[name] = interval(entity[name], strict)
        for holder in results:
            for entity in _holders(row.value, holder):
                found = entity.get("result")
                if found is not None and (isinstance(found, bool) or not isinstance(found, (int, float))):
                    entity["result"] = {}
        yield row


def _holders(record: Any, steps: tuple[Step, ...]) -> Iterator[dict[str, Any]]:
    found = walk(record, steps) if steps else record
    for entity in found if isinstance(found, list) else (found,):
        if isinstance(entity, dict):
            yield entity
