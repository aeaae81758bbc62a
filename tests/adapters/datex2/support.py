"""Systems and datasets that read DATEX II of a test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from nabe.adapters.datex2 import Datex2Adapter
from nabe.model.dataset import Access, Dataset, Field, Limits, System
from nabe.model.text import Text
from nabe.ports.source import Probe, Source
from nabe.testing.silo import Reply, Request, Server, context, no_secrets, rows, serving, table

__all__ = [
    "DATA",
    "Reply",
    "Request",
    "Server",
    "context",
    "dataset",
    "no_secrets",
    "opened",
    "probe",
    "publication",
    "rows",
    "serving",
    "system",
    "table",
    "tag",
    "xml",
]

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def system(timeout_s: float = 10.0, **connection: Any) -> System:
    return System("verkehr", Text("Verkehr"), "datex2", "amt", connection, limits=Limits(timeout_s=timeout_s))


def dataset(source: dict[str, Any], fields: tuple[Field, ...], id: str = "inhalt") -> Dataset:
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="verkehr", source=source)


def opened(
    root: Path, *, secrets: Callable[[str], str] = no_secrets, timeout_s: float = 10.0, **connection: Any
) -> Source:
    return Datex2Adapter().open(system(timeout_s, **connection), secrets, context(root))


def probe(root: Path, source: str) -> Probe:
    adapter = Datex2Adapter()
    found = adapter.sniff(source, context(root))
    assert found is not None, source
    return adapter.probe(found, no_secrets, context(root))


def tag(name: str, value: Any = None, inner: str = "", **attributes: str) -> str:
    """An element; nothing if it would be empty."""
    if value is None and not inner and not attributes:
        return ""
    said = "".join(f' {key.replace("__", ":")}="{escape(text)}"' for key, text in attributes.items())
    if isinstance(value, bool):
        value = str(value).lower()
    return f"<{name}{said}>{escape(str(value)) if value is not None else ''}{inner}</{name}>"


def xml(text: str) -> Reply:
    return Reply(text.encode(), Content_Type="application/xml", ETag='"1"')


def publication(kind: str, inner: str, extension: str = "") -> str:
    """A publication of version 2; `extension`: the element of a generic publication that holds the rows."""
    said = "GenericPublication" if extension else kind
    body = f"<genericPublicationExtension><{extension}>{inner}</{extension}></genericPublicationExtension>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><d2LogicalModel modelBaseVersion="2" '
        f'xmlns="http://datex2.eu/schema/2/2_0" xmlns:xsi="{XSI}"><exchange/>'
        f'<payloadPublication xsi:type="{said}" lang="de"><publicationTime>2026-11-24T12:00:00Z</publicationTime>'
        f"{body if extension else inner}</payloadPublication></d2LogicalModel>"
    )
