"""GET /sensors: the map and the list. GET /sensors/{id}: one device with its series. Data for both as JSON."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import Invalid, Unknown
from nabe.model.dataset import RegisterOf
from nabe.model.entities import EntityRow
from nabe.model.periods import CITY_TIME
from nabe.model.term import Ordering, Path
from nabe.portal.rendering import render
from nabe.portal.sensors import series
from nabe.portal.sensors.devices import DeviceView, StreamView, device, question
from nabe.portal.wording import result_text
from nabe.web.asker import Asker, asker_of
from nabe.web.services import services_of
from nabe.web.stream import in_thread

#: Devices that a browser draws and a person scrolls at ease; the page says so when there are more.
DEVICES = 2_000
#: Newest values in the table of a stream.
_ROWS = 24
_US = 1_000_000


async def everywhere(request: Request) -> Response:
    """GET /sensors"""
    return await in_thread(_everywhere, request)


def _everywhere(request: Request) -> Response:
    asker = asker_of(request)
    devices, total = _devices(request, asker)
    measures = sorted({stream.measures for item in devices for stream in item.streams if stream.measures})
    wanted = request.query_params.get("measures", "")
    if wanted:
        devices = [item for item in devices if any(stream.measures == wanted for stream in item.streams)]
    pulses = [item.pulse.value for item in devices]
    return render(
        request,
        asker,
        "sensors.html",
        devices=devices,
        total=total,
        measures=measures,
        wanted=wanted,
        pulses={name: pulses.count(name) for name in ("fresh", "late", "silent", "empty")},
        text=lambda stream: result_text(stream.value, asker.lang),
        at=_at,
        newest=_newest,
        ground=_ground(request, asker),
    )


def _ground(request: Request, asker: Asker) -> str:
    """The city's own register of districts, if the asker may see its outlines: something to find one's way on the map by."""
    hub = services_of(request).hub
    for found in hub.find(asker.actor, asker.use_case):
        item = found.dataset
        is_register = item.register is not None and item.register.of is RegisterOf.DISTRICTS
        if is_register and item.geometry is not None and item.geometry.name in found.readable:
            return item.id
    return ""


async def places(request: Request) -> Response:
    """GET /sensors.geojson: where devices stand and what they last said, for the map."""
    return await in_thread(_places, request)


def _places(request: Request) -> Response:
    asker = asker_of(request)
    wanted = request.query_params.get("measures", "")
    devices, _ = _devices(request, asker)
    features = [
        _feature(item, asker.lang)
        for item in devices
        if item.place and (not wanted or any(stream.measures == wanted for stream in item.streams))
    ]
    body = msgspec.json.encode({"type": "FeatureCollection", "features": features})
    return Response(body, media_type="application/geo+json", headers={"Cache-Control": "no-store"})


def _feature(item: DeviceView, lang: str) -> dict[str, Any]:
    streams = [
        {"id": stream.id, "title": stream.measures or stream.title, "unit": stream.unit,
         "value": result_text(stream.value, lang), "at": stream.at / _US if stream.at is not None else None}
        for stream in item.streams
    ]  # fmt: skip
    assert item.place is not None
    return {
        "type": "Feature",
        "id": item.id,
        "geometry": {"type": "Point", "coordinates": item.place},
        "properties": {"name": item.title, "pulse": item.pulse.value, "streams": streams},
    }


def _devices(request: Request, asker: Asker) -> tuple[list[DeviceView], int]:
    hub = services_of(request).hub
    page = hub.sensing.read(asker.actor, asker.use_case, question(top=DEVICES), interface="portal")
    now = int(hub.now().timestamp() * _US)
    devices = sorted((device(row, now) for row in page.rows), key=lambda item: item.title.casefold())
    return devices, page.total if page.total is not None else len(devices)


async def one(request: Request) -> Response:
    """GET /sensors/{id}"""
    return await in_thread(_one, request)


def _one(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    now = hub.now()
    item = device(_thing(request, asker), int(now.timestamp() * _US))
    span, start, end = span_of(request, now)
    tables = {stream.id: _newest_rows(request, asker, stream) for stream in item.streams}
    query = urlencode({"from": start.isoformat(), "to": end.isoformat()})
    return render(
        request,
        asker,
        "sensor.html",
        item=item,
        span=span,
        spans=tuple(series.SPANS),
        start=start.astimezone(CITY_TIME),
        end=end.astimezone(CITY_TIME),
        query=query,
        csv=lambda stream: csv_address(stream, start, end),
        tables=tables,
        text=lambda value: result_text(value, asker.lang),
        at=_at,
        newest=_newest,
    )


def _thing(request: Request, asker: Asker) -> EntityRow:
    hub = services_of(request).hub
    id = request.path_params["id"]
    page = hub.sensing.read(asker.actor, asker.use_case, question(id=id), interface="portal")
    if not page.rows:
        raise Unknown("There is no device with this number that you may know of.")
    return page.rows[0]


def _newest_rows(request: Request, asker: Asker, stream: StreamView) -> list[tuple[dt.datetime | None, Any]]:
    wanted = replace(
        series.question(stream.id, 0, 1, many=stream.many),
        where=None,
        order=(Ordering(Path(("phenomenonTime",)), descending=True),),
        select=("phenomenonTime", "result"),
        top=_ROWS,
    )
    page = services_of(request).hub.sensing.read(asker.actor, asker.use_case, wanted, interface="portal")
    return [(_at(_start(row.values.get("phenomenonTime"))), row.values.get("result")) for row in page.rows]


async def data(request: Request) -> Response:
    """GET /sensors/{id}/series/{stream}: a series for the chart."""
    return await in_thread(_data, request)


def _data(request: Request) -> Response:
    asker, hub = asker_of(request), services_of(request).hub
    now = hub.now()
    item = device(_thing(request, asker), int(now.timestamp() * _US))
    many = "many" in request.query_params
    wanted = request.path_params["stream"]
    if not any(stream.id == wanted and stream.many == many for stream in item.streams):
        raise Unknown("This device has no such stream that you may know of.")
    _, start, end = span_of(request, now)
    first, last = int(start.timestamp() * _US), int(end.timestamp() * _US)
    bucket = series.bucket_of(first, last)
    asked = series.question(wanted, first, last, many=many)
    table = hub.sensing.aggregate(asker.actor, asker.use_case, asked, bucket, interface="portal")
    body = msgspec.json.encode({"from": first / _US, "to": last / _US, **_columns(series.series_of(table, bucket))})
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _columns(found: series.Series) -> dict[str, Any]:
    return {
        "time": found.time,
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "gaps": [[gap.start, gap.end] for gap in found.gaps],
        "bucket": found.bucket,
        "count": found.count,
    }


def span_of(request: Request, now: dt.datetime) -> tuple[str, dt.datetime, dt.datetime]:
    """What is to be shown: `span` (day, week, month, year until now) or `from` and `to` (ISO 8601; without zone: German
    time). Raises `Invalid` with the field.
    """
    given = {name: request.query_params.get(name, "") for name in ("from", "to")}
    if given["from"]:
        start = _moment(given["from"], "from")
        end = _moment(given["to"], "to") if given["to"] else now
        if end <= start:
            raise Invalid("The span ends before it starts.", field="to", hint="Give a later end.")
        return "", start, end
    span = request.query_params.get("span", "day")
    if span not in series.SPANS:
        raise Invalid(f"There is no span {span[:20]!r}.", field="span", hint=f"One of: {', '.join(series.SPANS)}.")
    return span, now - dt.timedelta(seconds=series.SPANS[span]), now


def _moment(text: str, field: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=CITY_TIME)
        found.timestamp()
        return found.astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError):
        hint = "ISO 8601, for example 2026-11-24T08:00."
        raise Invalid(f"{text[:40]!r} is no time.", field=field, hint=hint) from None


def csv_address(stream: StreamView, start: dt.datetime, end: dt.datetime) -> str:
    """The same values as a file, from the SensorThings interface."""
    kind = "MultiDatastreams" if stream.many else "Datastreams"
    form = "%Y-%m-%dT%H:%M:%SZ"
    where = f"phenomenonTime ge {start:{form}} and phenomenonTime lt {end:{form}}"
    query = {"$filter": where, "$orderby": "phenomenonTime asc", "$resultFormat": "CSV", "$top": "10000"}
    return f"/sta/v1.1/{kind}({stream.id})/Observations?{urlencode(query)}"


def _at(micros: int | None) -> dt.datetime | None:
    """A moment from µs since the epoch; None for what no calendar has."""
    if micros is None:
        return None
    try:
        return dt.datetime.fromtimestamp(micros / _US, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _start(time: Any) -> int | None:
    start = time[0] if isinstance(time, tuple) else time
    return start if isinstance(start, int) else None


def _newest(item: DeviceView) -> dt.datetime | None:
    return _at(max((stream.at for stream in item.streams if stream.at is not None), default=None))
