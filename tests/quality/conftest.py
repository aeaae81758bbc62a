"""A hub over tables in memory, whose silos can be told to fail."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from nabe.hub import Hub
from nabe.model.catalogue import City
from nabe.model.dataset import System
from nabe.model.party import Actor, Organisation, OrganisationKind, Role
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.ports.engine import Budget
from nabe.query.reach import Reach
from nabe.stores.duckdb import DuckDbEngine
from nabe.testing.fakes import FakeCatalogue, FakeLedger, FakeQuality, FakeSource

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
PARTIES = [
    City("stadt", Text("Stadt"), base_uri="https://daten.example"),
    Organisation("stadt", Text("Stadt"), OrganisationKind.MUNICIPALITY),
    Organisation("amt", Text("Amt"), parent="stadt"),
    Organisation("anderes", Text("Anderes Amt"), parent="stadt"),
]
EMPLOYEE = Actor("erika", "Erika", "amt", frozenset({Role.EMPLOYEE}))
OTHER = Actor("otto", "Otto", "anderes", frozenset({Role.EMPLOYEE}))


class World:
    """`tables`: dataset -> its rows as tuples in the order of its fields. Each dataset has a silo named like it."""

    def __init__(self, engine, tables, others=()):
        self.now = NOW
        self.sources = {dataset.id: FakeSource({dataset.id: _table(dataset, rows)}) for dataset, rows in tables}
        systems = [System(dataset.id, Text(dataset.id), "fake", dataset.owner) for dataset, _ in tables]
        self.catalogue = FakeCatalogue([*PARTIES, *systems, *(dataset for dataset, _ in tables), *others])
        self.ledger, self.history = FakeLedger(), FakeQuality()
        self.hub = Hub(
            catalogue=self.catalogue,
            ledger=self.ledger,
            reach=Reach(self.sources.__getitem__),
            engine=engine,
            clock=lambda: self.now,
            budget=Budget(),
            quality=self.history,
        )

    def put(self, dataset, rows):
        """What the silo holds from now on."""
        self.sources[dataset.id].tables = {dataset.id: _table(dataset, rows)}


def _table(dataset, rows):
    schema = arrow_schema(dataset.fields)
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)], schema)


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    made = DuckDbEngine(str(tmp_path_factory.mktemp("engine")))
    yield made
    made.close()


@pytest.fixture
def world(engine):
    return lambda *tables, others=(): World(engine, tables, others)
