"""SensorThings over MQTT (OGC 18-088, 14), without the transport: topics and payloads <-> questions and entities.

Topics are addresses from the version on: `v1.1/Datastreams(1)/Observations`, with `?$select=…` or `?$filter=…` where one
subscribes. Blanks, quotes and brackets stand in them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from nabe.apis.sensorthings import arrays, bodies, options, times
from nabe.apis.sensorthings.address import Address, address
from nabe.apis.sensorthings.batch import VERSION
from nabe.apis.sensorthings.expanding import Shown
from nabe.apis.sensorthings.render import Renderer, encode, inside
from nabe.apis.sensorthings.service import observing
from nabe.errors import Invalid, Unknown
from nabe.model.entities import STREAMS, EntityQuery, EntityRow, EntityType, Hop, NewEntity
from nabe.model.event import EntityEvent, Happening

_LONGEST = 8_000
_REFUSED = ("$top", "$skip", "$count", "$orderby", "$skiptoken", "$resultFormat", "$apply", "$id")

#: What a stream that was just made cannot have, whichever Observations are there when its message goes out.
_EXTENT = frozenset({"observedArea", "phenomenonTime", "resultTime"})


@dataclass(frozen=True, slots=True)
class Publication:
    """What a message makes: an Observation of a stream that is there (`row`, for `arrays.table`), or an entity (`entity`,
    for `hub.sensing.create` with `within`).
    """

    type: EntityType
    row: tuple[int, Mapping[str, Any]] | None = None
    entity: NewEntity | None = None
    within: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is watched (`query`, for `hub.sensing.watch`), and how it is shown."""

    query: EntityQuery
    shown: Shown
    address: Address

    def payload(self, event: EntityEvent, row: EntityRow | None, base: str = "") -> bytes | None:
        """The message about an event, the same as GET answers; None if there is none to send.

        `base`: the service's root in links; without it they are relative to the version.
        """
        if row is None or event.happening is Happening.DELETED:
            return None
        steps = self.address.inside
        if not steps:
            if event.happening is Happening.CREATED and row.type in STREAMS:
                row = replace(row, values={name: item for name, item in row.values.items() if name not in _EXTENT})
            return encode(Renderer(base).entity(row, self.shown))
        if event.happening is Happening.UPDATED and event.changed and steps[0] not in event.changed:
            return None
        return encode({self.address.label: inside(row, steps)})


def subscription(topic: str) -> Subscription:
    """What a topic asks for. `Invalid` or `Unknown` for one that is none; wildcards are none, they would hide what is asked."""
    path, query = _split(topic)
    at = address(path)
    if at.end:
        raise Invalid(f"{at.end} cannot be watched.", field="topic")
    given = options.options(query)
    for name in _REFUSED:
        if name in given:
            raise Invalid(f"{name} has no meaning in a topic.", field=name)
    asked = options.question(at, query)
    return Subscription(replace(asked.query, top=None), asked.shown, at)


def published(topic: str, payload: bytes, now: int) -> Publication:
    """What a message to a topic makes. `now`: µs since the epoch, for Observations without a phenomenon time."""
    at, query = _place(topic)
    if query or not at.many or at.end:
        raise Invalid("Messages are sent to sets, such as v1.1/Datastreams(1)/Observations.", field="topic")
    data = bodies.decode(payload)
    if observing(at):
        row = arrays.plain(data, at.hops[-1].id if at.hops else None)
        if row is not None:
            stream, components = row
            if components.get("phenomenonTime") is None:
                components["phenomenonTime"] = times.write(now)
            return Publication(at.type, row=(stream, components))
    return Publication(at.type, entity=bodies.Reading(now).entity(data, at.type, at.hops), within=at.hops)


@lru_cache(maxsize=20_000)
def _place(topic: str) -> tuple[Address, str]:
    """Where a topic leads, and its query; devices use the same few again and again."""
    path, query = _split(topic)
    return address(path), query


def _split(topic: str) -> tuple[str, str]:
    """Path below the version, and query with the characters encoded that addresses give a meaning."""
    if len(topic) > _LONGEST:
        raise Invalid(f"A topic has at most {_LONGEST} characters.", field="topic")
    path, _, query = topic.partition("?")
    version, _, path = path.strip("/").partition("/")
    if version != VERSION or not path:
        raise Unknown(f"Topics begin with {VERSION}/.", field="topic")
    if "+" in path or "#" in topic:
        raise Invalid("Wildcards are not offered.", hint=f"{VERSION}/Things asks for all Things.", field="topic")
    return path, query.replace("+", "%2B")
