"""Silos of files for tests: one content in every format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nabe.adapters.file import FileAdapter
from nabe.model.dataset import Access, Dataset, Field, Limits, System
from nabe.model.text import Text
from nabe.ports.source import AdapterContext, Probe, Source
from nabe.testing.source_conformance import FIELDS

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")


def context(root: Path, **more: Any) -> AdapterContext:
    return AdapterContext(str(root), str(root / ".nabe" / "cache"), **more)


def no_secrets(text: str) -> str:
    return text


def system(location: str = "", **connection: Any) -> System:
    return System(
        "dateien", Text("Dateien"), "file", "amt", {"location": location, **connection}, limits=Limits(timeout_s=20)
    )


def open_source(root: Path, location: str = "", *, allow: tuple[str, ...] = (), **connection: Any) -> Source:
    return FileAdapter().open(system(location, **connection), no_secrets, context(root, allow_hosts=allow))


def dataset(source: dict[str, Any], fields: tuple[Field, ...] = FIELDS, id: str = "inhalt") -> Dataset:
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="dateien", source=source)


def probe(root: Path, source: str, **more: Any) -> Probe:
    adapter = FileAdapter()
    found = adapter.sniff(source, context(root, **more))
    assert found is not None, source
    return adapter.probe(found, no_secrets, context(root, **more))
