"""Observations over time, per stream."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from nabe.errors import Invalid
from nabe.model.entities import EntityQuery, EntityType
from nabe.model.observation import Bucket, ObservationScan
from nabe.ports.entities import Entities
from nabe.ports.observations import Observations
from nabe.query.sensing.extents import Areas
from nabe.query.sensing.limits import ROWS, Meter, too_many
from nabe.query.sensing.reading import Reading
from nabe.query.sensing.view import View

_OBSERVATION = EntityType.OBSERVATION


def aggregated(
    query: EntityQuery,
    bucket: Bucket,
    view: View,
    entities: Entities,
    observations: Observations,
    areas: Areas,
    meter: Meter,
) -> tuple[pa.Table, Counter[str]]:
    """One row per stream and bucket; rows by dataset. Streams whose time or result is withheld are absent."""
    if query.type is not _OBSERVATION:
        raise Invalid("Only Observations can be aggregated.", field="query")
    if bucket.width <= 0:
        raise Invalid("A bucket is longer than nothing.", hint="e.g. one hour", field="bucket")
    seeing = view.seeing(_OBSERVATION, ("result",)) & view.seeing(_OBSERVATION, ("phenomenonTime",))
    reading = Reading(View({id: view.datasets[id] for id in seeing}), entities, observations, areas, meter)
    part = reading.scope(query)
    if part is None:
        return observations.aggregate(ObservationScan(()), bucket), Counter()
    scan = ObservationScan(part.streams, part.span, part.ids, part.strict)
    if part.span.start is not None and part.span.end is not None:
        buckets = (part.span.end - part.span.start) // bucket.width + 1
        if buckets * len(part.streams) > 100 * ROWS:
            raise too_many("buckets", 100 * ROWS)
    table = observations.aggregate(scan, bucket)
    facts = entities.streams(list(part.streams))
    touched: Counter[str] = Counter()
    for item in table.column("stream").value_counts().to_pylist():
        touched[facts[item["values"]].dataset] += item["counts"]
    return table, touched
