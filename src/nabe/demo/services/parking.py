"""The car-park guidance system: a plain REST interface with pages, as such applications have."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from nabe.demo.services.answering import Asked, Data, Reply, Service, Wrong, as_json, whole


def service(folder: Path) -> Service:
    """Car parks with their free bays, which follow the hours of a week."""
    data = Data(folder)

    def answer(asked: Asked) -> Reply:
        if asked.path != "/v1/parkhaeuser":
            raise Wrong(404, "There is nothing at this address.")
        size, page = whole(asked.params, "size", 5, 1, 50), whole(asked.params, "page", 1, 1)
        everything = data.json("parkhaeuser.json")
        now = dt.datetime.now(dt.UTC)
        rows = [_state(item, now) for item in everything[(page - 1) * size : page * size]]
        meta = {"total": len(everything), "page": page, "pages": -(-len(everything) // size)}
        return as_json({"meta": meta, "parkhaeuser": rows})

    return Service(answer, ((b'"frei"', b'"freie_plaetze"'),))


def _state(item: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    minute = now.replace(second=0, microsecond=0)
    hour = minute.weekday() * 24 + minute.hour
    here, ahead = item["belegung"][hour], item["belegung"][(hour + 1) % 168]
    taken = here + (ahead - here) * minute.minute / 60
    rest = {name: value for name, value in item.items() if name != "belegung"}
    return {
        **rest,
        "frei": max(0, round(item["kapazitaet"] * (1 - taken))),
        "tendenz": "steigend" if ahead < here else "fallend",
        "geoeffnet": True,
        "stand": minute.isoformat().replace("+00:00", "Z"),
    }
