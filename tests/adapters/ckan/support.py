"""Systems and datasets of tests of the CKAN adapter."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nabe.adapters.ckan import CkanAdapter
from nabe.model.dataset import Access, Dataset, Field, FieldType, Limits, System
from nabe.model.text import Text
from nabe.ports.source import Source
from nabe.testing.silo import context, no_secrets

DATA = (
    Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")
    / "katalog"
    / "koeln_dkan_2014"
)


def system(url: str, timeout_s: float = 10.0, **connection: Any) -> System:
    limits = Limits(timeout_s=timeout_s)
    return System("portal", Text("Portal"), "ckan", "amt", {"url": url, **connection}, limits=limits)


def dataset(source: dict[str, Any], fields: tuple[Field, ...], id: str = "inhalt") -> Dataset:
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="portal", source=source)


def opened(
    root: Path, url: str, *, secrets: Callable[[str], str] = no_secrets, timeout_s: float = 10.0, **connection: Any
) -> Source:
    return CkanAdapter().open(system(url, timeout_s, **connection), secrets, context(root))


def fields(**ways: tuple[FieldType, str]) -> tuple[Field, ...]:
    return tuple(Field(name, kind, column=column) for name, (kind, column) in ways.items())
