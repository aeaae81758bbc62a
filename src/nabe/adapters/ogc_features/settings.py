"""Settings of a service (`connection`) and of a dataset in it (`source`), validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from pydantic import Field, field_validator, model_validator

from nabe.adapting.json_http.settings import ColumnSettings, Dialect, SystemSettings, TableSettings
from nabe.adapting.settings import ReferenceSystem, Texts, TimeZone

#: Parameters of a WFS address that say what is asked, not where.
_ASKED = frozenset(
    "service request version acceptversions typename typenames outputformat count maxfeatures startindex namespace "
    "namespaces resulttype srsname sortby propertyname".split()
)


def divided(url: str) -> tuple[str, dict[str, str], str]:
    """An address as people copy it: the service's own address, parameters that belong to it, and a collection."""
    parts = urlsplit(url)
    params = {
        name: value
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name.lower() not in _ASKED and name not in ("limit", "offset", "bbox")
    }
    path, found, rest = parts.path.partition("/collections")
    if found and rest[:1] in ("", "/"):
        params.pop("f", None)
        names = [unquote(item) for item in rest.split("/") if item]
        return urlunsplit((parts.scheme, parts.netloc, path or "/", "", "")), params, names[0] if names else ""
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), params, ""


class ConnectionSettings(SystemSettings):
    """Connection of a service. `url` may be the landing page, its collections, one of them, or a WFS address."""

    type: Literal["auto", "ogcapi", "wfs"] = Field(
        default="auto", description="ogcapi (OGC API Features), wfs; auto: what the address answers with"
    )
    version: Literal["", "1.1.0", "2.0.0", "2.0.2"] = Field(
        default="", description="WFS: its version; the highest that the server offers if not set"
    )
    page_size: int = Field(default=1_000, ge=0, le=100_000, description="Rows of a page; 0: no pages (WFS)")
    pages: int = Field(default=10_000, gt=0, description="Most pages; more are taken for an endless answer")

    @model_validator(mode="before")
    @classmethod
    def _as_copied(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not isinstance(values.get("url"), str):
            return values
        try:
            url, params, _ = divided(values["url"])
        except ValueError:
            return values
        given = values.get("params") or {}
        merged = {**params, **given} if isinstance(given, Mapping) else given
        return {**values, "url": url, **({"params": merged} if merged else {})}


class SourceSettings(Dialect):
    """A dataset's `source`. A field's `column` is the property's name, `place.city` one of a nested object."""

    collection: str = Field(min_length=1, description="Id of the collection, or name of the feature type (app:schools)")
    crs: ReferenceSystem = Field(
        default="", description="Reference system to ask for: EPSG:25832; the server's usual one if not set"
    )
    axes: Literal["auto", "xy", "yx"] = Field(
        default="auto", description="Order of coordinates, if the server breaks the rule: yx has the north first"
    )
    points: bool = Field(default=False, description="All places are single points: boxes are asked of the server")
    time: str = Field(default="", description="OGC API: the field by which the server's parameter datetime filters")
    properties: Texts = Field(default=(), description="Only these properties are asked for")
    params: dict[str, str | int | float | bool] = Field(default_factory=dict, description="Fixed query parameters")
    sort: Texts | None = Field(
        default=None, description="WFS: properties by which pages are ordered; the key if not set, [] for none"
    )
    format: Literal["gml", "geojson"] = Field(default="gml", description="WFS: gml, or geojson where it is offered")
    page_size: int | None = Field(default=None, ge=0, le=100_000, description="Rows of a page, if not the system's")
    push_down: bool = Field(default=True, description="Let the server filter; the hub filters again in any case")
    columns: dict[str, ColumnSettings] = Field(default_factory=dict, description="Columns that are written differently")
    timezone: TimeZone = Field(default="Europe/Berlin", description="Zone of times without one")

    @field_validator("collection")
    @classmethod
    def _one(cls, value: str) -> str:
        if "," in value or any(sign.isspace() for sign in value):
            raise ValueError("one collection or feature type, without blanks and commas")
        return value

    @field_validator("crs")
    @classmethod
    def _short(cls, value: str) -> str:
        """In its short form, whatever the spelling."""
        if not value:
            return value
        from nabe.adapting.axes import crs_of

        return crs_of(value) or value

    def table(self, **more: Any) -> TableSettings:
        """The settings that fill fields from records; `more` says how they are asked for."""
        kept = {name: getattr(self, name) for name in (*Dialect.model_fields, "columns", "timezone")}
        return TableSettings.model_validate({**kept, **more})
