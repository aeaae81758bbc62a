"""Systems and datasets that read from a geodata service of a test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nabe.adapters.ogc_features import OgcFeaturesAdapter
from nabe.model.dataset import Access, Dataset, Field, Limits, System
from nabe.model.text import Text
from nabe.ports.source import Probe, Source
from nabe.testing.silo import context, no_secrets

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")


def system(url: str, timeout_s: float = 10.0, **connection: Any) -> System:
    limits = Limits(timeout_s=timeout_s)
    return System("geodienst", Text("Geodienst"), "ogc_features", "amt", {"url": url, **connection}, limits=limits)


def dataset(source: dict[str, Any], fields: tuple[Field, ...], id: str = "inhalt", **more: Any) -> Dataset:
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="geodienst", source=source, **more)


def opened(
    root: Path, url: str, *, secrets: Callable[[str], str] = no_secrets, timeout_s: float = 10.0, **connection: Any
) -> Source:
    return OgcFeaturesAdapter().open(system(url, timeout_s, **connection), secrets, context(root))


def probe(root: Path, url: str) -> Probe:
    adapter = OgcFeaturesAdapter()
    found = adapter.sniff(url, context(root))
    assert found is not None, url
    return adapter.probe(found, no_secrets, context(root))
