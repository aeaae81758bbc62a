"""Systems and datasets of mobility feeds that tests make, serve and read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nabe.adapters.mobility import MobilityAdapter
from nabe.model.dataset import Access, Dataset, Field, FieldType, Limits, System
from nabe.model.text import Text
from nabe.ports.source import Probe, Source
from nabe.testing.silo import Reply, Request, Server, context, no_secrets, rows, serving, table

__all__ = [
    "Reply",
    "Request",
    "Server",
    "context",
    "data",
    "dataset",
    "described",
    "feeds",
    "opened",
    "probe",
    "rows",
    "serving",
    "system",
    "table",
    "texts",
]

_DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / "mobilitaet"


def data(name: str) -> Path:
    """A file or folder of the real data; the test skips where they are absent."""
    if not _DATA.is_dir():
        pytest.skip(f"needs {_DATA} (real files of cities and standards)")
    return _DATA / name


def system(timeout_s: float = 10.0, **connection: Any) -> System:
    return System("anbieter", Text("Anbieter"), "mobility", "amt", connection, limits=Limits(timeout_s=timeout_s))


def dataset(source: dict[str, Any] | str, fields: tuple[Field, ...], id: str = "inhalt") -> Dataset:
    given = {"table": source} if isinstance(source, str) else source
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="anbieter", source=given)


def texts(*names: str) -> tuple[Field, ...]:
    """Fields of type string; a way becomes a name."""
    return tuple(Field(name.replace(".", "_").lower(), FieldType.STRING, column=name) for name in names)


def opened(
    root: Path, *, secrets: Callable[[str], str] = no_secrets, timeout_s: float = 10.0, **connection: Any
) -> Source:
    return MobilityAdapter().open(system(timeout_s, **connection), secrets, context(root))


def probe(root: Path, source: str) -> Probe:
    adapter = MobilityAdapter()
    found = adapter.sniff(source, context(root))
    assert found is not None, source
    return adapter.probe(found, no_secrets, context(root))


def described(look: Probe, name: str) -> dict[str, FieldType]:
    """Column -> type of a table."""
    return {column.name: column.type for column in look.describe(name).columns}


def feeds(
    documents: dict[str, Any], *, ttl: int = 0, version: str = "3.0", language: str = ""
) -> Callable[[Request], Any]:
    """A GBFS server: the list at /api/gbfs.json, each of `documents` (the feed's `data`) at /api/<name>."""

    def answer(request: Request) -> Any:
        name = request.path.rpartition("/")[2]
        host = f"http://{request.headers['host']}/api"
        about: dict[str, Any] = {"last_updated": 1795521600, "ttl": ttl, "version": version}
        if name == "gbfs.json":
            listed = {"feeds": [{"name": item, "url": f"{host}/{item}"} for item in documents]}
            return {**about, "data": {language: listed} if language else listed}
        found = documents.get(name)
        if found is None:
            return Reply({}, 404)
        return found if isinstance(found, Reply) else {**about, "data": found}

    return answer


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
