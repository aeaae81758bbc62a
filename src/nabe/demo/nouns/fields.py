"""Short ways to write fields that many datasets share."""

from __future__ import annotations

from typing import Any

from nabe.model.dataset import Field, FieldType, Reference
from nabe.model.text import Text

STRING, INTEGER, NUMBER = FieldType.STRING, FieldType.INTEGER, FieldType.NUMBER
BOOLEAN, DATE, DATETIME, GEOMETRY = FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME, FieldType.GEOMETRY

DL_DE_BY = "dl-de/by-2-0"
CC_BY = "CC-BY-4.0"
MODIFIED = "2026-10-01"


def field(name: str, type: FieldType, de: str, en: str, column: str = "", **more: Any) -> Field:
    """A field with its titles; `column` is the silo's own name for it."""
    return Field(name, type, Text(de, en), column=column, **more)


def district(column: str, *, reference: bool = True) -> Field:
    """The district's number, by which the silos are joined."""
    return Field(
        "district_key",
        STRING,
        Text("Stadtteilnummer", "District number"),
        Text("Zweistellig mit führender Null.", "Two digits with a leading zero."),
        column,
        vocabulary="districts",
        references=Reference("districts", "district_key") if reference else None,
    )


def street(column: str) -> Field:
    """The street's key in the register."""
    return Field(
        "street_key",
        STRING,
        Text("Straßenschlüssel", "Street key"),
        Text("Fünfstellig mit führenden Nullen.", "Five digits with leading zeros."),
        column,
        references=Reference("streets", "street_key"),
    )


def shape(de: str, en: str, column: str = "") -> Field:
    """The geometry."""
    return Field("geometry", GEOMETRY, Text(de, en), column=column)


POSTCODE = Text("Postleitzahl", "Postcode")
