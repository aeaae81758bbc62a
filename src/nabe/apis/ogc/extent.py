"""The spatial extent of a collection, of the rows that the asker may see, remembered for a while."""

from __future__ import annotations

import time
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
_KNOWN: dict[tuple[Any, ...], tuple[float, list[float] | None]] = {}
_LOCK = Lock()


def extent(hub: Hub, asker: Asker, found: Found) -> list[float] | None:
    """West, south, east, north; None if there is no geometry to be read or it is too much to look at."""
    place = found.dataset.geometry
    if place is None or place.name not in found.readable:
        return None
    key = (id(hub), hub.version(), found.decision.id)
    with _LOCK:
        known = _KNOWN.get(key)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        if len(_KNOWN) > 5000:
            _KNOWN.clear()
    box = _read(hub, asker, found.dataset.id, place.name)
    with _LOCK:
        _KNOWN[key] = (time.monotonic() + _KEEP_S, box)
    return box


def _read(hub: Hub, asker: Asker, dataset: str, field: str) -> list[float] | None:
    box = np.array([np.inf, np.inf, -np.inf, -np.inf])
    rows = 0
    try:
        result = hub.read(asker.actor, asker.use_case, Query.of(Scan(dataset, (field,))), interface="ogc-extent")
    except NabeError:
        return None
    try:
        for batch in result.batches:
            shapes = shapely.from_wkb(np.asarray(batch.column(0).to_numpy(zero_copy_only=False), dtype=object))
            west, south, east, north = shapely.total_bounds(shapes)
            if np.isfinite(west):
                box = np.array([min(box[0], west), min(box[1], south), max(box[2], east), max(box[3], north)])
            rows += batch.num_rows
            if rows > _MOST_ROWS:
                return None
    except NabeError:
        return None
    finally:
        result.close()
    return [round(float(side), 6) for side in box] if np.isfinite(box).all() else None
