"""Settings of a context broker (`connection`) and of the entities of a type in it (`source`), validated."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from nabe.adapting.json_http.settings import ColumnSettings, Dialect, SystemSettings
from nabe.adapting.settings import Texts, TimeZone

Api = Literal["ngsi-ld", "ngsi-v2"]
_TENANT = re.compile(r"[A-Za-z0-9_.:${}/#-]{1,200}")


class Connection(SystemSettings):
    """Connection of a broker; `url` is its root, or what stands before `entities`."""

    api: Api = Field(default="ngsi-ld", description="ngsi-ld or ngsi-v2")
    tenant: str = Field(default="", description="NGSILD-Tenant (NGSI-LD), Fiware-Service (v2)")
    service_path: str = Field(default="", description="Fiware-ServicePath: /parken, /#")
    context: str = Field(
        default="",
        description="Address of the JSON-LD @context by which names are short; the broker reads it, not Nabe",
    )

    @field_validator("tenant", "service_path")
    @classmethod
    def _header(cls, value: str) -> str:
        if value and not _TENANT.fullmatch(value):
            raise ValueError("letters, digits and _ . : / # - only")
        return value

    @field_validator("context")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not re.fullmatch(r"[^\s<>\"]+", value)):
            raise ValueError("an address that begins with https:// or http:// is needed")
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> Connection:
        if self.context and self.api == "ngsi-v2":
            raise ValueError("context is of NGSI-LD; NGSI v2 has none")
        return self

    def system(self) -> SystemSettings:
        """As plain HTTP settings: tenant and context become headers."""
        own = {"NGSILD-Tenant" if self.api == "ngsi-ld" else "Fiware-Service": self.tenant} if self.tenant else {}
        if self.service_path:
            own["Fiware-ServicePath"] = self.service_path
        if self.context:
            own["Link"] = f'<{self.context}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
        plain = {name: getattr(self, name) for name in SystemSettings.model_fields}
        check = self.check_path or self.path("types")
        return SystemSettings.model_construct(**{**plain, "headers": {**own, **self.headers}, "check_path": check})

    def path(self, resource: str) -> str:
        """Where a resource stands below `url`, which may be the root or reach to the version."""
        base = "ngsi-ld/v1" if self.api == "ngsi-ld" else "v2"
        there = urlsplit(self.url).path.rstrip("/")
        return resource if there.endswith("/" + base) else f"{base}/{resource}"


class EntitySettings(Dialect):
    """A dataset's `source`. A field's `column` is an attribute's name (its value), or a way into the attribute:
    `temperature.observedAt`, `temperature.unitCode`, `address.value.postalCode`, `refDevice.object`, `id`."""

    type: str = Field(min_length=1, max_length=400, description="Type of the entities; several with commas")
    q: str = Field(default="", max_length=4000, description='Fixed q: temperature>20;status=="ok"')
    attrs: Texts = Field(default=(), description="Fixed attrs; in NGSI-LD entities without any of them are left out")
    ids: Texts = Field(default=(), description="Only these entities, by id")
    scope: str = Field(default="", max_length=400, description="scopeQ (NGSI-LD 1.5)")
    georel: str = Field(default="", max_length=200, description="Fixed geo-query: within, near;maxDistance==2000 …")
    geometry: str = Field(default="", max_length=40, description="Geometry of the geo-query: Polygon, point …")
    coordinates: str = Field(default="", max_length=4000, description="coordinates (NGSI-LD) or coords (v2) of it")
    geoproperty: str = Field(
        default="", max_length=200, description="NGSI-LD: attribute of the geo-query, if not location"
    )
    representation: Literal["normalized", "concise", "keyValues"] = Field(
        default="normalized", description="keyValues: values only, fewer bytes; v2 has no concise"
    )
    filterable: Texts = Field(
        default=(),
        description="Attributes whose values are all plain and of one type: the broker filters by them, others are missing",
    )
    points: bool = Field(default=False, description="location is a point everywhere: the broker filters by a box")
    language: str = Field(
        default="de", max_length=20, description="Of values in several languages (languageMap) this one"
    )
    page_size: int = Field(default=500, ge=1, le=1000, description="Entities of a page (limit)")
    pages: int = Field(default=10_000, gt=0, description="Most pages; more are taken for an endless answer")
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="Columns that are written differently")
    timezone: TimeZone = Field(default="Europe/Berlin", description="Zone of times without one")

    @field_validator("type")
    @classmethod
    def _plain(cls, value: str) -> str:
        if any(not char.isprintable() or char in "<>\"' " for char in value):
            raise ValueError("a type is a name or an address, several stand with commas and without blanks")
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> EntitySettings:
        given: list[Any] = [self.georel, self.geometry, self.coordinates]
        if any(given) and not all(given):
            raise ValueError("georel, geometry and coordinates belong together")
        if self.geoproperty and not self.georel:
            raise ValueError("geoproperty is part of a geo-query: it needs georel, geometry and coordinates")
        return self
