"""The past of the devices, by columns: what they would have sent, as their datasets' rules would have kept it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from nabe.demo.sensing.faults import STUCK_AT
from nabe.demo.sensing.placing import Placed
from nabe.demo.sensing.signals import KINDS, Kind, Signal, noise
from nabe.model.observation import INCOMING_SCHEMA

#: Days back, of kinds with values every hour and of those with more.
DAYS, DAYS_DENSE = 60, 21
#: Days since a dead device was heard last, and since one began to say the same again and again.
DEAD_DAYS, STUCK_DAYS = 6, 4
_DAY = 86_400
_COLUMNS = ("stream", "time", "until", "number", "text", "feature")
_SCHEMA = pa.schema([INCOMING_SCHEMA.field(name) for name in _COLUMNS])


def history(
    devices: Sequence[Placed], streams: Mapping[str, Mapping[str, int]], features: Mapping[int, int], now: float
) -> Iterator[pa.Table]:
    """A table per series of each kind, up to `now`. `streams`: device -> field -> Datastream; `features`: by stream."""
    for kind in KINDS.values():
        mine = [item for item in devices if item.kind == kind.id and item.id in streams]
        if not mine:
            continue
        days = DAYS if kind.step >= 3_600 else DAYS_DENSE
        end = int(now) // kind.step * kind.step
        times = np.arange(end - days * _DAY, end, kind.step, dtype=np.int64)
        seeds = np.array([item.seed for item in mine], np.float64)[:, None]
        kept = _sent(mine, seeds, times, now)
        for signal in kind.signals:
            if not signal.past:
                continue
            ids = np.array([streams[item.id][signal.field] for item in mine], np.int64)
            places = np.array([features.get(int(id), -1) for id in ids], np.int64)
            yield _table(kind, signal, _values(kind, signal, seeds, times, mine, now), kept, ids, places, times)


def _sent(devices: Sequence[Placed], seeds: np.ndarray, times: np.ndarray, now: float) -> np.ndarray:
    """Which of the values came in: lost frames, outages of hours, devices that died."""
    t = times[None, :].astype(np.float64)
    kept = (noise(np, seeds + 11, t) > 0.01) & (noise(np, seeds + 12, t, 21_600.0) > 0.02)
    dead = np.array([item.fault == "dead" for item in devices])[:, None]
    return np.asarray(kept & ~(dead & (t > now - DEAD_DAYS * _DAY)))


def _values(
    kind: Kind, signal: Signal, seeds: np.ndarray, times: np.ndarray, devices: Sequence[Placed], now: float
) -> np.ndarray:
    found = _measured(kind, signal, seeds, times[None, :].astype(np.float64))
    if any(item.fault == "stuck" for item in devices):
        found = found.copy()
        stuck = _measured(kind, signal, seeds, np.array([[STUCK_AT]]))[:, 0]
        begun = int(np.searchsorted(times, now - STUCK_DAYS * _DAY))
        for row, item in enumerate(devices):
            if item.fault == "stuck":
                found[row, begun:] = stuck[row]
    return found


def _measured(kind: Kind, signal: Signal, seeds: np.ndarray, t: np.ndarray) -> np.ndarray:
    if signal.kind == "integer":  # counted by the minute, kept as a sum
        minutes = [signal.value(np, seeds, t + 60.0 * minute) for minute in range(kind.step // 60)]
        found = np.sum(minutes, axis=0)
    else:
        found = np.asarray(signal.value(np, seeds, t))
    found = np.broadcast_to(found, (len(seeds), t.shape[1]))
    return found if signal.kind == "boolean" else np.asarray(np.round(found, signal.digits))


def _table(
    kind: Kind,
    signal: Signal,
    values: np.ndarray,
    kept: np.ndarray,
    ids: np.ndarray,
    places: np.ndarray,
    times: np.ndarray,
) -> pa.Table:
    if signal.kind == "boolean":  # a bay tells when a car comes or goes, and six-hourly that it is still there
        changed = np.ones_like(values, bool)
        changed[:, 1:] = values[:, 1:] != values[:, :-1]
        kept = kept & (changed | (times % 21_600 == 0)[None, :])
    if signal.property == "Pedestrians":
        kept = kept & (values >= 4)  # the dataset's minimum count
    rows, columns = np.nonzero(kept)
    found = values[rows, columns]
    truth = signal.kind == "boolean"
    text = pa.array(["false", "true"]).take(pa.array(found.astype(np.int8))) if truth else None
    return pa.table(
        [
            pa.array(ids[rows]),
            _moments(times[columns]),
            _moments(times[columns] + kind.step)
            if kind.interval
            else pa.nulls(len(found), _SCHEMA.field("until").type),
            pa.nulls(len(found), pa.float64()) if truth else pa.array(found.astype(np.float64)),
            text if text is not None else pa.nulls(len(found), pa.string()),
            pa.array(places[rows], mask=places[rows] < 0),
        ],
        schema=_SCHEMA,
    )


def _moments(seconds: np.ndarray) -> pa.Array:
    return pa.array(seconds * 1_000_000).cast(_SCHEMA.field("time").type)
