"""Settings of a SensorThings service (`connection`) and of a dataset in it (`source`), validated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from nabe.adapters.sensorthings.entities import entity_of
from nabe.adapting.json_http.settings import ColumnSettings, Dialect, SystemSettings
from nabe.adapting.settings import TimeZone


class Connection(SystemSettings):
    """Connection of a service; `url` is its root (…/v1.1)."""


class EntitySettings(Dialect):
    """A dataset's `source`. A field's `column` is the way into the entity: `name`, `properties.kind`, `Thing.name`,
    `Locations[0].location`, `phenomenonTime.end`."""

    entity: str = Field(description="Things, Datastreams, Observations, … or a path: Things(1)/Datastreams")
    filter: str = Field(default="", max_length=4000, description="Fixed $filter: properties/kind eq 'air'")
    datastreams: tuple[int | str, ...] = Field(
        default=(), max_length=200, description="Observations, Datastreams: only of these, by id"
    )
    expand: str = Field(default="", max_length=4000, description="$expand in place of that made of the columns")
    orderby: str = Field(default="", max_length=400, description="Fixed $orderby")
    select: bool = Field(default=True, description="false: for services that fail at $select")
    page_size: int = Field(default=1000, ge=1, le=100_000, description="Entities of a page ($top)")
    pages: int = Field(default=10_000, gt=0, description="Most pages; more are taken for an endless answer")
    ids: Literal["", "number", "text"] = Field(
        default="", description="What ids are, so that the service may filter by them"
    )
    results: Literal["", "number"] = Field(
        default="", description="number: a result that is none is missing, and the service may filter by it"
    )
    instants: bool = Field(
        default=False, description="phenomenonTime is never an interval (one is missing): filtered at both ends"
    )
    points: bool = Field(default=False, description="Places are points: the service may filter by a box")
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="Columns that are written differently")
    timezone: TimeZone = Field(default="UTC", description="Zone of times without one")

    @field_validator("entity")
    @classmethod
    def _known(cls, value: str) -> str:
        entity_of(value)
        return value

    @field_validator("datastreams", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        return value if isinstance(value, (list, tuple)) else (value,)

    @model_validator(mode="after")
    def _belongs_together(self) -> EntitySettings:
        if self.datastreams and entity_of(self.entity) not in ("Observations", "Datastreams"):
            raise ValueError("datastreams are for entity Observations or Datastreams; right would be filter")
        return self
