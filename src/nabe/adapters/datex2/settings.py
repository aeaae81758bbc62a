"""Settings of a DATEX II feed (`connection`) and of a dataset in it (`source`), validated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from nabe.adapting.json_http import settings as http
from nabe.adapting.settings import ReferenceSystem

Publication = Literal["situation", "parking", "parking_status", "measurement", "measurement_site"]

#: Settings of JSON interfaces that mean nothing here.
_NOT_HERE = ("rows", "lines", "page", "filters", "bbox", "limit", "x", "y", "axes", "encoding", "crs")


class SystemSettings(http.SystemSettings):
    """Connection: the address of a feed (snapshot pull), or the folder where its publications are put."""

    url: str = Field(default="", description="Address of the feed; datasets' paths stand below it")
    location: str = Field(default="", description="Folder with publications, relative to the workspace or absolute")

    path: str = Field(default="", description="The file or pattern in the folder, for a system that is just that")

    @model_validator(mode="after")
    def _one_place(self) -> SystemSettings:
        if bool(self.url) == bool(self.location):
            raise ValueError("one of url and location is needed")
        if self.path and self.url:
            raise ValueError("path is for files in a folder; below a url it is source.path")
        return self


class TableSettings(http.TableSettings):
    """A dataset's `source`. A field's `column` is a name of the guide's tables, or `element.…`: the way in the XML."""

    publication: Publication = Field(
        description="What a row is: situation (one situationRecord), parking, parking_status, measurement (one value), "
        "measurement_site"
    )
    language: str = Field(
        default="de", min_length=2, max_length=3, description="Language of texts, if there are several"
    )
    order: Literal["auto", "latlon", "lonlat"] = Field(
        default="auto",
        description="Order of the numbers in a posList: latitude first as DATEX II has it, unless the place shown says "
        "otherwise (auto)",
    )

    coordinates: ReferenceSystem = Field(
        default="", description="Reference system of coordinates that are not degrees: EPSG:25832"
    )

    @model_validator(mode="after")
    def _fits(self) -> TableSettings:
        for name in _NOT_HERE:
            if getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True):
                raise ValueError(f"{name} is for JSON interfaces, not for DATEX II")
        return self
