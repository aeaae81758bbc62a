"""Observations summed up over time (`$apply`) as JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from nabe.apis.sensorthings import times
from nabe.apis.sensorthings.options import Question
from nabe.apis.sensorthings.render import NEXT, Renderer, number
from nabe.model.entities import EntityPage, EntityType

_COLUMNS = {"average": "mean", "min": "minimum", "max": "maximum", "first": "first", "last": "last", "$count": "count"}


def _records(found: pa.Table, asked: Question) -> Iterator[dict[str, Any]]:
    """Stream, window and values of a page of rows."""
    assert asked.aggregation is not None
    query, width = asked.query, asked.aggregation.bucket.width
    top = query.top if query.top is not None else found.num_rows
    page = found.slice(query.skip, top)
    starts = page["time"].cast(pa.int64()).to_pylist()
    columns = {
        name: page[name].to_pylist() for name in ("stream", "count", "mean", "minimum", "maximum", "first", "last")
    }
    for at, start in enumerate(starts):
        made: dict[str, Any] = {
            "stream": columns["stream"][at],
            "phenomenonTime": times.write_time((start, start + width)),
        }
        for method, name in asked.aggregation.columns:
            if method == "sum":
                mean = columns["mean"][at]
                made[name] = number(mean * columns["count"][at]) if mean is not None else None
            else:
                made[name] = number(columns[_COLUMNS[method]][at])
        yield made


def rows(found: pa.Table, asked: Question, path: str, renderer: Renderer) -> dict[str, Any]:
    """A set of windows, by stream and time, each with the link of its stream."""
    made: dict[str, Any] = {"@iot.count": found.num_rows} if asked.query.count else {}
    top = asked.query.top or 0
    if asked.query.skip + top < found.num_rows and top:
        page = EntityPage(EntityType.OBSERVATION, [], more=True)
        made[NEXT] = renderer.next_link(page, asked, path, shown=top)
    type = EntityType.MULTI_DATASTREAM if "MultiDatastream" in path else EntityType.DATASTREAM
    value = []
    for record in _records(found, asked):
        stream = record.pop("stream")
        value.append({"Datastream@iot.navigationLink": renderer.self_link(type, stream), **record})
    return made | {"value": value}


def table(found: pa.Table, asked: Question) -> bytes:
    """CSV with a header."""
    assert asked.aggregation is not None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["Datastream/id", "phenomenonTime", *(name for _, name in asked.aggregation.columns)])
    for record in _records(found, asked):
        writer.writerow(["" if item is None else item for item in record.values()])
    return out.getvalue().encode()
