"""The extent of a collection in space and time: of the rows that the asker may see, remembered for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import shapely

from nabe.errors import NabeError
from nabe.hub import Found, Hub
from nabe.model.query import Query, Scan
from nabe.web.asker import Asker

_KEEP_S = 600.0
_MOST_ROWS = 200_000
_MOST_KEPT = 5000


@dataclass(frozen=True, slots=True)
class Extent:
    """`box`: west, south, east, north; `times`: first and last as text. None where there is none or it is too much."""

    box: list[float] | None = None
    times: tuple[str, str] | None = None


_KNOWN: dict[tuple[Any, ...], tuple[float, Extent]] = {}
_LOCK = Lock()


def extent(hub: Hub, asker: Asker, found: Found) -> Extent:
    """The extent of what the asker may read; looks at the rows at most every ten minutes."""
    if not found.decision.permit:
        return Extent()
    key = (id(hub), hub.version(), found.decision.id)
    with _LOCK:
        known = _KNOWN.get(key)
    if known is not None and time.monotonic() < known[0]:
        return known[1]
    made = Extent(_box(hub, asker, found), _times(hub, asker, found))
    with _LOCK:
        if len(_KNOWN) >= _MOST_KEPT:
            _KNOWN.clear()
        _KNOWN[key] = (time.monotonic() + _KEEP_S, made)
    return made


def _times(hub: Hub, asker: Asker, found: Found) -> tuple[str, str] | None:
    field = found.dataset.time
    if field not in found.readable:
        return None
    sql = f'SELECT min("{field}") AS first, max("{field}") AS last FROM {found.dataset.id}'  # noqa: S608  hub names
    try:
        (row,) = hub.read(asker.actor, asker.use_case, sql, interface="ogc-extent").table().to_pylist()
    except (NabeError, ValueError):
        return None
    if row["first"] is None or not hasattr(row["first"], "isoformat"):
        return None
    first, last = (row[name].isoformat().replace("+00:00", "Z") for name in ("first", "last"))
    return (first, last) if "T" in first else (f"{first}T00:00:00Z", f"{last}T23:59:59Z")


def _box(hub: Hub, asker: Asker, found: Found) -> list[float] | None:
    place = found.dataset.geometry
    if place is None or place.name not in found.readable:
        return None
    query = Query.of(Scan(found.dataset.id, (place.name,)))
    sides = np.array([np.inf, np.inf, -np.inf, -np.inf])
    rows = 0
    try:
        result = hub.read(asker.actor, asker.use_case, query, interface="ogc-extent")
    except NabeError:
        return None
    try:
        for batch in result.batches:
            wkb = np.asarray(batch.column(0).to_numpy(zero_copy_only=False), dtype=object)
            west, south, east, north = shapely.total_bounds(shapely.from_wkb(wkb, on_invalid="ignore"))
            if np.isfinite(west):
                sides = np.array([min(sides[0], west), min(sides[1], south), max(sides[2], east), max(sides[3], north)])
            rows += batch.num_rows
            if rows > _MOST_ROWS:
                return None
    except (NabeError, NotImplementedError):
        return None
    finally:
        result.close()
    return [round(float(side), 6) for side in sides] if np.isfinite(sides).all() else None
