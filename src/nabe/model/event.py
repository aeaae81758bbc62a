"""What has happened to an entity, told to whoever watches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nabe.model.entities import EntityType


class Happening(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class EntityEvent:
    """An entity was stored, changed or removed. Holds no values: watchers ask the hub, which decides what they see.

    `changed`: names of the properties of an update. `ids`: several at once (a batch of observations of one stream).
    `stream`: of observations, the stream they belong to (None: several, as their ids say). `number` counts up by one per process and tells gaps.
    """

    happening: Happening
    type: EntityType
    ids: tuple[int, ...]
    dataset: str
    stream: int | None = None
    changed: tuple[str, ...] = ()
    number: int = 0
