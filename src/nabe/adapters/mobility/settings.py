"""Settings of a mobility silo (`connection`) and of a dataset in it (`source`), validated."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from nabe.adapting.json_http.settings import Auth, ColumnSettings, web_address
from nabe.adapting.json_http.settings import SystemSettings as InterfaceSettings
from nabe.adapting.settings import Settings, Texts, TimeZone

Kind = Literal["gbfs", "mds", "gtfs", "gtfs_rt"]
#: Largest document or file of each kind in MB, unless set.
MOST_MB: dict[str, int] = {"gbfs": 32, "mds": 64, "gtfs": 2048, "gtfs_rt": 32}
#: Seconds for which an answer is used that says nothing of how long it holds.
_REFRESH_S = {"gbfs": 0.0, "mds": 0.0, "gtfs": 3600.0, "gtfs_rt": 15.0}
#: Seconds for which a last answer may stand in for a server that fails: long for timetables, short for what moves.
_STALE_S = {"gbfs": 300.0, "mds": 0.0, "gtfs": 604_800.0, "gtfs_rt": 120.0}
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2})?")


class SystemSettings(Settings):
    """Connection of a system that speaks one of the mobility standards."""

    kind: Kind = Field(description="gbfs, mds, gtfs (timetable), gtfs_rt (its real time)")
    url: str = Field(
        default="",
        description="gbfs: address of gbfs.json; mds: where the endpoints stand below; gtfs: of the zip; gtfs_rt: of the feed",
    )
    path: str = Field(default="", description="In place of url: a folder or file of the workspace")
    auth: Auth = Field(default=Auth(), description="How to log in; sent to the host of url alone")
    headers: dict[str, str] = Field(
        default_factory=dict, description="HTTP headers for its host; secrets as ${ENV} or file: references"
    )
    params: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Query parameters of every request to its host; secrets as references"
    )
    hosts: Texts = Field(default=(), description="gbfs: other hosts that its list of feeds may name")
    language: str = Field(default="de", description="gbfs, gtfs_rt: which texts, where there are several languages")
    version: str = Field(default="2.0", pattern=r"^[0-9]+\.[0-9]+$", description="mds: version that is asked for")
    refresh_s: float | None = Field(default=None, ge=0, le=86_400, description="An answer holds at least so long, in s")
    stale_s: float | None = Field(
        default=None,
        ge=0,
        le=31_536_000,
        description="When the server fails, its last answer is used for so long after its time, in s; not for mds",
    )
    max_age_s: float = Field(
        default=0.0, ge=0, description="Data that are older by their own word are refused; 0: not looked at"
    )
    max_mb: int | None = Field(default=None, gt=0, le=65_536, description="Largest document or file, unpacked, in MB")
    requests_per_second: float = Field(default=0.0, ge=0, description="Most requests per second; 0: no limit")
    retries: int = Field(default=2, ge=0, le=10, description="Repeats of a request that failed for a moment")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return web_address(value) if value else value

    @model_validator(mode="after")
    def _one_place(self) -> SystemSettings:
        if bool(self.url) == bool(self.path):
            raise ValueError("one of url and path is needed")
        if self.kind == "mds" and self.stale_s:
            raise ValueError("stale_s is not for mds, whose answers come page by page")
        return self

    @property
    def most_bytes(self) -> int:
        """Largest document or file in bytes."""
        return (self.max_mb or MOST_MB[self.kind]) * 1_000_000

    @property
    def holds_s(self) -> float:
        """Seconds that an answer holds at least."""
        return _REFRESH_S[self.kind] if self.refresh_s is None else self.refresh_s

    @property
    def stays_s(self) -> float:
        """Seconds that an answer may be used after its time when the server fails."""
        return _STALE_S[self.kind] if self.stale_s is None else self.stale_s

    def interface(self) -> InterfaceSettings:
        """The same as settings of a JSON interface, which does the asking."""
        most = self.max_mb or MOST_MB[self.kind]
        return InterfaceSettings(
            url=self.url,
            auth=self.auth,
            headers=self.headers,
            params=self.params,
            requests_per_second=self.requests_per_second,
            retries=self.retries,
            max_mb=most,
            keep_mb=4 * most,
        )


class TableSettings(Settings):
    """A dataset's `source`."""

    table: str = Field(description="stations, vehicles, trips, stops, shapes, trip_updates …; see the guide")
    file: str = Field(default="", description="mds, gbfs in a folder: the file, if it is not named like its table")
    hours: int = Field(
        default=24, gt=0, le=100_000, description="mds: trips, telemetry, events of so many whole hours before now"
    )
    since: str = Field(default="", description="mds: trips, telemetry, events from this hour on (UTC): 2026-11-01T00")
    months: int = Field(default=12, gt=0, le=120, description="mds: reports of so many months before this one")
    params: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="mds: fixed query parameters of this table"
    )
    columns: dict[str, ColumnSettings] = Field(
        default_factory=dict,
        description="Columns that are written differently from the standard, or are its extensions",
    )
    timezone: TimeZone = Field(default="Europe/Berlin", description="Zone of times without one, in extensions")

    #: Most hours that one question may ask for, each a request.
    MOST_HOURS: ClassVar[int] = 744

    @field_validator("file")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if value and not _FILE.fullmatch(value):
            raise ValueError("the name of a file in the system's folder is needed, without folders")
        return value

    @field_validator("since", mode="before")
    @classmethod
    def _hour(cls, value: Any) -> str:
        text = value.isoformat()[:13] if hasattr(value, "isoformat") else str(value or "")
        if text and not _HOUR.fullmatch(text):
            raise ValueError("an hour in UTC is needed, such as 2026-11-01T00")
        return text
