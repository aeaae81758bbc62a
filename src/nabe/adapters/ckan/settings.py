"""Settings of a portal (`connection`) and of a table in it (`source`), validated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from nabe.adapting.json_http.settings import ColumnSettings, Dialect, SystemSettings
from nabe.adapting.settings import ReferenceSystem, Texts, TimeZone

Scalar = str | int | float | bool


class Connection(SystemSettings):
    """Connection of a portal; `url` is its root, below which /api/3/action stands."""


class PortalSettings(Dialect):
    """A dataset's `source`: a table of the catalogue, or one of the datastore.

    A field's `column` is a way into the entry (`title`, `organization.title`, `^.name` from a resource to its package);
    of a datastore's table it is the column's own name.
    """

    table: Literal["", "packages", "resources", "organizations"] = Field(
        default="", description="Table of the catalogue: packages, resources, organizations"
    )
    resource: str = Field(
        default="", pattern=r"^[A-Za-z0-9_-]{0,100}$", description="Id of a resource in the datastore"
    )
    listed: Literal["search", "current"] = Field(
        default="search", description="current: for portals without package_search (DKAN)"
    )
    q: str = Field(default="", max_length=1000, description="Full-text search")
    fq: str = Field(
        default="", max_length=1000, description="Catalogue: filter of package_search: organization:umweltamt"
    )
    filters: dict[str, Scalar | tuple[Scalar, ...]] = Field(
        default_factory=dict, description="Datastore: column -> value or values, fixed"
    )
    filterable: Texts = Field(
        default=(), description="Datastore: columns of text, whole numbers or yes/no that the portal may filter by"
    )
    sort: str = Field(
        default="", max_length=200, description="Order of pages; id (catalogue) or _id if not set; none: -"
    )
    page_size: int = Field(default=1000, ge=1, le=32_000, description="Entries of a page")
    pages: int = Field(default=10_000, gt=0, description="Most pages; more are taken for an endless answer")
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="Columns that are written differently")
    timezone: TimeZone = Field(default="Europe/Berlin", description="Zone of times without one")
    crs: ReferenceSystem = Field(default="", description="Datastore: reference system of coordinates: EPSG:25832")
    x: str = Field(default="", description="Datastore: column with the easting or longitude")
    y: str = Field(default="", description="Datastore: column with the northing or latitude")

    @model_validator(mode="after")
    def _belongs_together(self) -> PortalSettings:
        if bool(self.table) == bool(self.resource):
            raise ValueError("either table (packages, resources, organizations) or resource (an id) is needed")
        own = ("filters", "filterable", "crs", "x", "y") if self.table else ("fq",)
        wrong = [name for name in own if getattr(self, name)]
        if wrong:
            raise ValueError(f"{wrong[0]} is not of {'the catalogue' if self.table else 'the datastore'}")
        if bool(self.x) != bool(self.y):
            raise ValueError("x and y belong together")
        return self
