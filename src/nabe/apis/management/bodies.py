"""What the management API takes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from nabe.errors import Invalid
from nabe.model.catalogue import KINDS, Noun
from nabe.model.party import Role

#: No database keeps a NUL character.
_WORDS = r"^[^\x00]*$"


class Login(BaseModel):
    """Credentials of a local account."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=200, pattern=_WORDS, examples=["sozialplanung"])
    password: str = Field(max_length=1000)


class NewToken(BaseModel):
    """A personal access token to be made."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=200, pattern=_WORDS, examples=["QGIS"])
    days: int = Field(90, ge=1, le=730, description="valid for so many days")
    roles: list[Role] | None = Field(None, description="at most these of the account's roles")

    def expires(self, now: dt.datetime) -> dt.datetime:
        """When it ends."""
        return now + dt.timedelta(days=self.days)


class Approval(BaseModel):
    """The data owner's consent."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field("", max_length=2000, pattern=_WORDS)


def noun(kind: str, id: str, body: dict[str, Any]) -> Noun:
    """A document of this kind from JSON. Raises `Invalid` naming the field."""
    try:
        found: Noun = msgspec.convert(body, type=KINDS[kind])
    except msgspec.ValidationError as error:
        raise Invalid(f"The document does not fit: {error}.", field="body") from None
    if found.id != id:
        raise Invalid(f"The document's id is {found.id!r}, the address says {id!r}.", field="id")
    return found


def version_of(header: str | None) -> int:
    """`If-Match: "12"` -> 12."""
    text = (header or "").strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Invalid(
            "If-Match must name the version that the change builds on.",
            hint='GET the document: its ETag, e.g. "12".',
            field="If-Match",
        )
    return int(text)
