"""Settings of a council information system (`connection`) and of a dataset in it (`source`), validated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from nabe.adapting.json_http import settings as http
from nabe.adapting.json_http.settings import Paging, SystemSettings

__all__ = ["SystemSettings", "TableSettings"]

Kind = Literal[
    "body", "organization", "person", "membership", "meeting", "agendaItem", "paper", "consultation", "file", "location",
    "legislativeTerm",
]  # fmt: skip
#: How every list of OParl goes on (1.1, 2.5.3).
PAGING = Paging(type="next", at="links.next")
_NOT_HERE = ("path", "rows", "lines", "page", "bbox", "limit", "filters", "encoding", "x", "y")


class TableSettings(http.TableSettings):
    """A dataset's `source`. A field's `column` is a member of the objects: `name`, `start`, `embedded.location.geojson`."""

    list: Kind = Field(description="Which objects are the rows: paper, meeting, agendaItem, person, organization …")
    body: str = Field(
        default="", description="Id of the body whose objects they are, or its end; of all bodies if empty"
    )
    deleted: Literal["leave_out", "keep"] = Field(
        default="leave_out", description="Objects that the system has deleted: only their id and times are left of them"
    )

    @model_validator(mode="after")
    def _fits(self) -> TableSettings:
        for name in _NOT_HERE:
            if getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True):
                raise ValueError(f"{name} is for JSON interfaces; OParl says by itself where its lists are")
        return self
