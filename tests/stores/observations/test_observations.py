"""The embedded store of observations."""

from __future__ import annotations

import shutil

import pytest

from nabe.stores.observations import ObservationStore
from nabe.testing.observation_conformance import ObservationsConformance


class Home:
    """A folder, and the stores opened on it."""

    def __init__(self, folder):
        self.folder = folder
        self.stores = []
        self.code = (
            f"__import__('nabe.stores.observations').stores.observations.ObservationStore(Path({str(folder)!r}))"
        )

    def open(self):
        self.stores.append(ObservationStore(self.folder))
        return self.stores[-1]

    def empty(self):
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self):
        while self.stores:
            self.stores.pop().close()


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "observations")
    yield made
    made.close()


class TestEmbedded(ObservationsConformance):
    pass


class TestEmbeddedWithLittleMemory(ObservationsConformance):
    """The same when next to nothing may be held: everything goes through DuckDB, in pieces, and segments are small."""

    @pytest.fixture(autouse=True)
    def little(self, monkeypatch):
        from nabe.stores.observations import compacting, memory, reading, segment, view

        monkeypatch.setattr(reading, "_FEW", 8)
        monkeypatch.setattr(reading, "_LONG", 12)
        monkeypatch.setattr(view, "CHUNK", 5)
        monkeypatch.setattr(compacting, "_MONTH_ROWS", 20)
        monkeypatch.setattr(compacting, "_FEW", 40)
        monkeypatch.setattr(memory, "_TIERS", ((3, 3), (6, 2)))
        monkeypatch.setattr(segment, "ROW_GROUP", 7)
