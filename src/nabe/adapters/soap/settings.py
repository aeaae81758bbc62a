"""Settings of a SOAP service (`connection`) and of a dataset in it (`source`), validated."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from nabe.adapting.json_http import settings as http
from nabe.adapting.settings import Settings

_NOT_HERE = ("path", "params", "rows", "lines", "page", "bbox", "encoding", "axes")
_NAME = re.compile(r"[^\s./]+(\.[^\s./]+)*")


class Auth(http.Auth):
    """How the service knows who asks."""

    type: Literal["none", "bearer", "basic", "header", "query", "oauth2", "wsse"] = Field(  # type: ignore[assignment]
        default="none", description="none, basic, bearer, header, oauth2, wsse (WS-Security UsernameToken)"
    )
    digest: bool = Field(default=False, description="wsse: send a digest instead of the password itself")

    _NEEDS: ClassVar = {**http.Auth._NEEDS, "wsse": ("user", "password")}

    @model_validator(mode="after")
    def _spoken(self) -> Auth:
        if self.type == "query":
            raise ValueError("type query is for addresses with parameters; right would be header or basic")
        return self


class SystemSettings(Settings):
    """Connection: where the WSDL is, and which of its ports is asked."""

    wsdl: str = Field(description="Address of the WSDL, or a file in the workspace")
    address: str = Field(default="", description="Where questions go, if not where the WSDL says")
    service: str = Field(default="", description="Service of the WSDL; the first if not set")
    port: str = Field(default="", description="Port of the service; the first with SOAP if not set")
    auth: Auth = Field(default=Auth(), description="How to log in")
    headers: dict[str, str] = Field(
        default_factory=dict, description="HTTP headers for the service's host; secrets as ${ENV} or file: references"
    )
    max_mb: int = Field(default=1024, gt=0, description="Largest answer in MB")

    @field_validator("wsdl", "address")
    @classmethod
    def _web(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.username or parts.password:
            raise ValueError("the address holds a user name or password; right would be auth: {type: basic, …}")
        if "://" in value and parts.scheme not in ("http", "https"):
            raise ValueError("an address begins with https:// or http://")
        return value

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an address that begins with https:// or http:// is needed")
        return value

    @property
    def is_file(self) -> bool:
        """Does the WSDL lie in the workspace?"""
        return not self.wsdl.startswith(("http://", "https://"))


class TableSettings(http.TableSettings):
    """A dataset's `source`. A field's `column` is the way to its value in the row's element: `street.name`, `note[0]`."""

    operation: str = Field(min_length=1, description="Operation that is called; it must only read")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Fixed parameters, nested as the operation has them; a.b is short for {a: {b: …}}",
    )
    rows_path: str = Field(
        default="",
        description="Elements that are the rows: trees/tree (the end of the way is enough); the whole answer if empty",
    )

    @field_validator("rows_path")
    @classmethod
    def _way(cls, value: str) -> str:
        if value and not all(re.fullmatch(r"[\w.:-]+", step) for step in value.split("/")):
            raise ValueError("names of elements divided by /, for example trees/tree")
        return value

    @model_validator(mode="after")
    def _fits(self) -> TableSettings:
        for name in _NOT_HERE:
            if getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True):
                right = {"rows": "rows_path", "params": "parameters"}.get(name)
                raise ValueError(f"{name} is for JSON interfaces" + (f"; here it is {right}" if right else ""))
        for names in (self.parameters, *(item.model_dump(exclude={"separator"}) for item in self.filters.values())):
            for name in names if names is self.parameters else names.values():
                if name and not _NAME.fullmatch(str(name)):
                    raise ValueError(f"the parameter {name!r} is no way; for example filter.district")
        return self
